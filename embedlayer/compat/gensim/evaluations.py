"""Benchmarks in gensim's form: analogies by section, correlations of pairs."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedlayer.compat.gensim.comparisons import Comparisons
from embedlayer.compat.gensim.errors import check_utf8
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Choice
from embedlayer.vectors.evaluation.analogies import solved
from embedlayer.vectors.evaluation.files import Question, questions_of, read_benchmark
from embedlayer.vectors.evaluation.spellings import Spellings

Section = dict[str, Any]
_log = logging.getLogger("embedlayer")


class Evaluations(Comparisons):
    """Keys, rows, questions, and benchmarks."""

    def evaluate_word_analogies(
        self,
        analogies: str | Path,
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[Section]]:
        """The share of solved questions "a is to b as c is to ?" of a file, and all of them.

        Args:
            analogies: a file in sections, as Google's questions-words.txt.
            restrict_vocab: look at the first so many rows only.
            case_insensitive: compare words in upper case.
            dummy4unknown: a question with an unknown word counts as not solved, and not at all
                otherwise.
            similarity_function: the method that answers: 'most_similar' or 'most_similar_cosmul'.

        Returns:
            The share, and of each section, the last of which is all of them together, a dict:
            ``section``, its name, ``correct`` and ``incorrect``, lists of four words.

        Raises:
            EmbedlayerError, OSError: a file that is missing or malformed, another function.
        """
        Choice(("most_similar", "most_similar_cosmul")).checked(
            "similarity_function", similarity_function
        )
        spellings = Spellings(self.index_to_key, case_insensitive, restrict_vocab)
        sections = []
        for name, questions in questions_of(read_benchmark(analogies)).items():
            section: Section = {"section": name, "correct": [], "incorrect": []}
            known = [one for one in questions if all(word in spellings for word in one)]
            right = dict(
                zip(known, self._solved(known, spellings, similarity_function), strict=True)
            )
            for question in questions if dummy4unknown else known:
                kind = "correct" if right.get(question) else "incorrect"
                section[kind].append(tuple(map(spellings.fold, question)))
            sections.append(section)
        total = {
            kind: [one for section in sections for one in section[kind]]
            for kind in ("correct", "incorrect")
        }
        asked = len(total["correct"]) + len(total["incorrect"])
        sections.append({"section": "Total accuracy", **total})
        return (len(total["correct"]) / asked if asked else 0.0), sections

    def evaluate_word_pairs(
        self,
        pairs: str | Path,
        delimiter: str = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Any, Any, float]:
        """How the cosines of pairs of words agree with the scores of people.

        Args:
            pairs: a file: on each line two words and a score. Lines that begin with ``#``, and
                those without a score, such as a header, are passed over.
            delimiter: what divides the columns.
            encoding: utf8.
            restrict_vocab, case_insensitive: as :meth:`evaluate_word_analogies`.
            dummy4unknown: a pair with an unknown word has the cosine 0, and is left out otherwise.

        Returns:
            Pearson's and Spearman's correlation, each with its p-value, as scipy's results have
            them, and the share of pairs with an unknown word, in percent.

        Raises:
            EmbedlayerError: a file with no pair whose words are known.
        """
        from scipy.stats import pearsonr, spearmanr

        check_utf8(encoding)
        scored = _scored_pairs(pairs, delimiter)
        spellings = Spellings(self.index_to_key, case_insensitive, restrict_vocab)
        scores, cosines, unknown = [], [], 0
        for left, right, score in scored:
            known = left in spellings and right in spellings
            unknown += not known
            if known or dummy4unknown:
                scores.append(score)
                rows = (spellings.rows(word)[0] for word in (left, right) if known)
                cosines.append(float(self.similarity(*rows)) if known else 0.0)
        if len(scores) < 2:
            raise EmbedlayerError(f"{pairs} has no two pairs of known words between {delimiter!r}")
        share = 100 * unknown / len(scored)
        return pearsonr(scores, cosines), spearmanr(scores, cosines), share

    def _solved(
        self, questions: Sequence[Question], spellings: Spellings, function: str
    ) -> list[bool]:
        """Whether each question, all of whose words are known, is answered correctly."""
        if function == "most_similar":
            return solved(self.as_vectors(), spellings, questions)
        return [self._solved_by_cosmul(question, spellings) for question in questions]

    def _solved_by_cosmul(self, question: Question, spellings: Spellings) -> bool:
        a, b, c = (spellings.rows(word) for word in question[:3])
        most = len(spellings.folded)
        given = {*map(spellings.fold, question[:3])}
        found = self.most_similar_cosmul([b[0], c[0]], [a[0]], len(a + b + c) + 1, most)
        answers = (spellings.fold(word) for word, _ in found)
        best = next((word for word in answers if word not in given), None)
        return best == spellings.fold(question.answer)


def _scored_pairs(path: str | Path, delimiter: str) -> list[tuple[str, str, float]]:
    pairs = []
    for number, line in read_benchmark(path).lines:
        if line.startswith("#"):
            continue
        try:
            left, right, score, *_ = (field.strip() for field in line.split(delimiter))
            pairs.append((left, right, float(score)))
        except ValueError:
            _log.info("%s, line %d is passed over: no two words and a score", path, number)
    return pairs
