"""Planted bugs: changes to the package that tests must notice; names those that pass them all.

    python tests/mutants.py [WORD]    all mutants, or those whose name has the word; two at a time

Each is planted in a copy of the package, with compiled code of its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import embedlayer

PACKAGE, TESTS = Path(embedlayer.__file__).parent, Path(__file__).parent
ON_CPU, ON_DOUBLE = "not double and not device", "double"
FAILED = 1  # pytest's exit code for tests that fail; below 0 it was killed by a signal


class Mutant(NamedTuple):
    """``old`` becomes ``new`` in a file of the package, the first time after ``after``."""

    file: str
    old: str
    new: str
    tests: str  # the files that should notice, without test_ and .py
    after: str = ""
    select: str = ON_CPU

    def plant(self, package: Path) -> None:
        """Change the file; ValueError where it no longer has what is to be changed."""
        path = package / self.file
        text = path.read_text(encoding="utf-8")
        place = text.find(self.old, max(0, text.find(self.after)))
        if self.after not in text or place < 0:
            raise ValueError(f"{self.file} has no {self.old!r} after {self.after!r}")
        path.write_text(text[:place] + self.new + text[place + len(self.old) :], encoding="utf-8")

    def survives(self) -> bool:
        """Whether all tests pass; RuntimeError where they do not run."""
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder, "embedlayer")
            shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
            self.plant(package)
            done = run_tests(Path(folder), self.tests.split(), self.select)
        if done.returncode > FAILED:
            raise RuntimeError(f"the tests do not run:\n{done.stdout}{done.stderr}")
        return done.returncode == 0


def run_tests(folder: Path, tests: list[str], select: str) -> "subprocess.CompletedProcess[str]":
    """Run tests, up to the first that fails, on the package in a folder."""
    files = [str(TESTS / (f"{Path(name).parent}/test_{Path(name).name}.py")) for name in tests]
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "NUMBA_CACHE_DIR": str(folder / "compiled"),
    }
    return subprocess.run(
        [*command, "-k", select, *files],
        capture_output=True, text=True, env=environment, cwd=TESTS.parent,
    )  # fmt: skip


SCANNER, CORPUS, VOCABULARY = "text/scanner.py", "text/corpus.py", "text/vocabulary.py"
EXAMPLES, LOCAL, SUMS = "kernels/cpu/examples.py", "kernels/cpu/local.py", "kernels/cpu/sums.py"
SEVERAL = "kernels/cpu/simd/several.py"
INTEGERS = "kernels/cpu/simd/integers.py"
SKIPGRAM, CBOW = "kernels/cpu/step/skipgram.py", "kernels/cpu/step/cbow.py"
SCORES, REPEATS = "kernels/cpu/step/scores.py", "kernels/cpu/step/repeats.py"
BINARY, SENTENCES = "vectors/formats/word2vec_binary.py", "vectors/sentences.py"
SUBWORDS, FASTTEXT = "vectors/subwords.py", "formats_fasttext"
CANDIDATES, JOINING, SPELLINGS = "text/candidates.py", "text/joining.py", "text/spellings.py"
LOSS = "kernels/cpu/step/loss.py"
SHORTEST = "vectors/formats/shortest.py"
TOPK = "vectors/topk.py"
RUN, CUDA, PAIRING = "training/loop.py", "kernels/cuda.cu", "models/outputs/pairing.py"

MUTANTS = {
    # From a text to ids.
    "return is no white space": Mutant(
        SCANNER, "TAB <= byte <= RETURN", "TAB <= byte < RETURN", "text_scanner"
    ),
    "words of one hash and start are one": Mutant(
        SCANNER, "== end - start:", ">= end - start:", "text_scanner"
    ),
    "tables merge without counts": Mutant(
        SCANNER, "+= other_counts[other]", "+= 1", "text_scanner"
    ),
    "the word 0 is dropped": Mutant(SCANNER, "ids[kept] >= 0", "ids[kept] > 0", "text_scanner"),
    "lists of words run together": Mutant(
        "text/sentences.py", "batch.append(SENTENCE_END)", "pass", "text_corpus"
    ),
    "empty sentences stay": Mutant(SCANNER, "and end > start", "and end >= start", "text_scanner"),
    "lines are counted on from file to file": Mutant(
        "text/counting.py", "lines = 0 if block.start == 0 else lines", "lines += 0", "text_corpus"
    ),
    "lines are counted from 0": Mutant(
        "text/counting.py", "0, place) + 1", "0, place)", "text_corpus"
    ),
    "words out of the vocabulary become word 0": Mutant(
        "text/encoding.py", "len(counted.counts), -1", "len(counted.counts), 0", "text_corpus"
    ),
    "a tokenizer sees the return": Mutant(
        "text/sentences.py", 'line.removesuffix("\\r")', "line", "text_corpus"
    ),
    "the counts of batches before are lost": Mutant(
        "text/sentences.py", "added[: len(counts)] += counts", "added += 0", "text_corpus"
    ),
    "a text that is cut while it is read": Mutant(
        "text/passes.py", "now.st_size < before.st_size", "now.st_size < 0", "text_corpus"
    ),
    "ties of the vocabulary in any order": Mutant(
        VOCABULARY, ', kind="stable")', ")", "text_vocabulary text_corpus"
    ),
    "words that occur min_count times are dropped": Mutant(
        VOCABULARY, "counts >= min_count", "counts > min_count", "text_vocabulary"
    ),
    "ties at max_size are dropped": Mutant(
        VOCABULARY, "counts[frequent] >= least", "counts[frequent] > least", "text_vocabulary"
    ),
    "words that occur once are kept as if twice": Mutant(
        VOCABULARY, "np.maximum(self.counts, 1)", "np.maximum(self.counts, 2)", "text_vocabulary"
    ),
    "subsampling without its second term": Mutant(
        VOCABULARY, "np.sqrt(ratio) + ratio", "np.sqrt(ratio)", "text_vocabulary"
    ),
    # Unseen words, and fastText's files.
    "a mean of n-grams without the word's own row": Mutant(
        "vectors/word_means.py", "starts, vectors, 1)", "starts, vectors, 0)", FASTTEXT
    ),
    "n-grams that were dropped count": Mutant(
        SUBWORDS, "== buckets, places, -1)", "== buckets, places, 0)", "subwords"
    ),
    "a word of no n-grams is made": Mutant(
        "vectors/sentences.py", "has[unseen] = made.sizes > 0", "has[unseen] = True", "subwords"
    ),
    "unseen words are not among evaluation's": Mutant(
        "vectors/evaluation/spellings.py", "word in self.unseen)", "False)", "subwords"
    ),
    "rows that are touched are dropped": Mutant(
        SUBWORDS, "flatnonzero(touched)", "flatnonzero(~touched)", "subwords"
    ),
    "the last part of codes is as long as the others": Mutant(
        "vectors/quantized.py", "dim - (parts - 1) * part", "part", "subwords"
    ),
    "lengths of codes are left out": Mutant(
        "vectors/quantized.py", "made * self._lengths[rows, None]", "made", "subwords"
    ),
    "own rows are written as vectors": Mutant(
        SUBWORDS, "* (sizes + 1)[:, None] - sums", "", FASTTEXT
    ),
    "the output of a tree is taken for ours": Mutant(
        "vectors/formats/fasttext.py", "arguments.loss == NEGATIVE and", "", FASTTEXT
    ),
    "a table beyond the end of a file": Mutant(
        "vectors/formats/fasttext_model.py", "size > left or", "", FASTTEXT
    ),
    "rows of n-grams in the order of the file": Mutant(
        "vectors/formats/fasttext_model.py", "kept[rising, 1]", "kept[:, 1]", FASTTEXT
    ),
    "float16's error is that of the last rows": Mutant(
        "vectors/formats/half.py", "max(errors, _round", "min(errors, _round", "subwords"
    ),
    "words that have a byte of </s> have no n-grams": Mutant(
        "ngrams/__init__.py", ".all(axis=1)", ".any(axis=1)", "ngrams"
    ),
    "classifiers of version 11 have n-grams": Mutant(
        "vectors/formats/fasttext_model.py", "if version == VERSIONS[0] and", "if False and",
        FASTTEXT,
    ),
    "an n-gram that was dropped keeps the last row": Mutant(
        SUBWORDS, "touched[rows[rows >= 0]]", "touched[rows]", "subwords"
    ),
    "words of later pieces begin at the first": Mutant(
        SUBWORDS, "starts[first : end + 1] - starts[first])", "starts[first : end + 1])", "subwords"
    ),
    "float16's error is that of the last block": Mutant(
        "vectors/formats/half.py", "largest = max(largest, float(np.abs(again - exact).max()))",
        "largest = float(np.abs(again - exact).max())", "subwords",
    ),
    "output rows are those of the first piece": Mutant(
        "vectors/formats/fasttext.py", "else output[piece]",
        "else output[: piece.stop - piece.start]", FASTTEXT,
    ),
    "no rows of n-grams are no n-grams": Mutant(
        "vectors/formats/fasttext.py", "ngrams = None if subwords is None else subwords.subwords",
        "ngrams = subwords.subwords if subwords else None", FASTTEXT,
    ),
    "an unseen word leaves out the last row": Mutant(
        "vectors/search.py", "if 0 <= row < len(unit)", "if row < len(unit)", "subwords",
        select=ON_DOUBLE,
    ),
    "a kept bucket is in the piece before": Mutant(
        "vectors/formats/fasttext.py", "[piece.start, piece.stop])",
        '[piece.start, piece.stop], "right")', FASTTEXT,
    ),
    "codes become rows at the opening": Mutant(
        "vectors/formats/fasttext_model.py", "_part(table, slice(words, None))", "table[words:]",
        FASTTEXT,
    ),
    "weights of other words are taken": Mutant(
        "vectors/sentences.py", "checked_weights(weighting, len(self))",
        "np.resize(weighting, len(self))", "subwords",
    ),
    # The cache.
    "the time of a file's change": Mutant(
        "text/entries.py", '"changed": about.st_ctime_ns', '"changed": 0', "text_cache"
    ),
    "entries of changed texts stay": Mutant(
        "text/cache.py", "(entry.changed or total > limit)", "total > limit", "text_cache"
    ),
    "a damaged description is read": Mutant(
        "storage/manifest.py", " if first == digest(text) else None", "", "text_cache"
    ),
    "checksums are not compared": Mutant(
        CORPUS, 'if found != (sums["ids"], sums["offsets"])', "if False", "text_cache"
    ),
    "ids are not compared with the words": Mutant(
        CORPUS, "< len(self.vocabulary)", "< 2**31", "text_corpus"
    ),
    "offsets may fall": Mutant(CORPUS, "offsets[:-1]).all()", "offsets[:-1]).any()", "text_corpus"),
    "no check before training": Mutant(
        "training/checks.py", "corpus.checked()", "corpus", "text_corpus"
    ),
    "a checksum of the last piece alone": Mutant(
        "storage/manifest.py", "copy=False).data, found)", "copy=False).data)", "text_cache"
    ),
    # Which examples a text gives.
    "a token whose bits reach its threshold is dropped": Mutant(
        EXAMPLES, "<= keep[", "< keep[", "kernels_examples"
    ),
    "a draw whose bits reach its threshold is the alias": Mutant(
        EXAMPLES, "<= prob[", "< prob[", "kernels_examples"
    ),
    "no room behind the contexts": Mutant(
        EXAMPLES, "reach * size + copied", "reach * size", "kernels_memory"
    ),
    "no room behind the ids": Mutant(
        EXAMPLES, "size + copied + 1", "size + 1", "kernels_memory"
    ),
    "half-widths from 1, whatever is asked for": Mutant(
        EXAMPLES, "_below(bits, widths)) + least", "_below(bits, widths)) + 1", "kernels_examples"
    ),
    "windows into the sentence before": Mutant(
        EXAMPLES, "max(begin, i - half)", "max(0, i - half)", "kernels_examples"
    ),
    "windows into the sentence behind": Mutant(
        EXAMPLES, "min(end - 1, i + half)", "min(end, i + half)", "kernels_examples"
    ),
    "a draw may be the target": Mutant(
        INTEGERS, "builder.select(equal, nobody, values)", "values", "kernels_examples"
    ),
    "a draw of the place, not of its block": Mutant(
        EXAMPLES, "block + i if shared", "i if shared", "kernels_examples"
    ),
    "a place before its block": Mutant(
        EXAMPLES, "0 <= positions[end] - block <", "positions[end] - block <", "kernels_examples"
    ),
    "no room behind the draws": Mutant(
        EXAMPLES, "len(targets) * width + pitch", "len(targets) * width", "kernels_memory"
    ),
    "thresholds one too high": Mutant("rng.py", "* FULL) - 1", "* FULL)", "rng text_noise"),
    "numba begins with all of SciPy": Mutant(
        "storage/compiled.py", "sys.modules[BLAS] = _Later(BLAS)", "pass", "compiled"
    ),
    "a stand-in that stays": Mutant(
        "storage/compiled.py", "_drop_stand_in()", "pass", "compiled", after="finally:"
    ),
    "one key for all epochs": Mutant("rng.py", "{purpose}/{epoch}", "{purpose}", "rng"),
    "the rich give what the poor have": Mutant(
        PAIRING, "-= 1.0 - share[poor]", "-= share[poor]", "text_noise"
    ),
    "an inner node before a leaf of its count": Mutant(
        PAIRING, "<= total[joined]", "< total[joined]", "text_noise"
    ),
    "words of one count in any order in the tree": Mutant(
        "models/outputs/huffman.py", ', kind="stable")', ")", "text_noise"
    ),
    "labels are the code's bits": Mutant(
        "models/outputs/huffman.py", "bit[nodes] == 0", "bit[nodes] == 1", "text_noise"
    ),
    "draws shared by neighbours": Mutant(
        "models/outputs/negative.py", "shared |= positions", "positions", "models"
    ),
    "tables that start above zero": Mutant(
        "models/tables.py", "(drawn - 0.5) * width", "drawn * width", "models"
    ),
    # Rows.
    "all products are of the first factor": Mutant(
        "kernels/cpu/rows.py", "factors[n, r] *", "factors[n, 0] *", "kernels_rows"
    ),
    "no product is added to the row 0": Mutant(
        "kernels/cpu/rows.py", "if rows[n, r] >= 0:", "if rows[n, r] > 0:", "kernels_rows"
    ),
    "every gradient is added where the first one is": Mutant(
        "layers/rowgrad.py", ", places[len(one.rows) :]", ", places", "layers_rowgrad optim"
    ),
    "of the label what the sign of x grants costs": Mutant(
        "layers/losses.py", "x > 0, 1 - t, t", "x > 0, t, 1 - t", "layers_losses"
    ),
    "row 0 gets nothing": Mutant(
        "kernels/cpu/rows.py", "if rows[i] >= 0:", "if rows[i] > 0:", "kernels_rows"
    ),
    "row 0 gets nothing from threads": Mutant(
        "kernels/cpu/rows.py", "(rows[i] >= 0)", "(rows[i] > 0)", "kernels_rows"
    ),
    "an extra row for each value of a later part": Mutant(
        SUMS, "> np.uint8(1 << part)", ">= np.uint8(1 << part)", "kernels_rows"
    ),
    "no row is the first row": Mutant(SUMS, "place[size] = -1", "place[size] = 0", "kernels_rows"),
    # The step.
    "skip-gram: two groups see each other's update": Mutant(
        SKIPGRAM, "if window.groups > 1:", "if window.groups > 2:", "kernels_step"
    ),
    "skip-gram: a hidden vector too many": Mutant(
        SKIPGRAM, "if c + 1 < window.hidden:", "if c + 1 <= window.hidden:", "kernels_memory"
    ),
    "skip-gram: both halves take the steps of the first": Mutant(
        "kernels/cpu/step/pairs.py", "their_steps, columns", "steps, columns",
        "kernels_step kernels_memory",
    ),
    "skip-gram: no room halfway": Mutant(
        "kernels/cpu/step/scratch.py", "(hidden + 1) * LINE", "LINE", "kernels_memory"
    ),
    "CBOW: two groups see each other's update": Mutant(
        CBOW, "k.update, group, rows", "k.update, 0, rows", "kernels_step"
    ),
    "CBOW: repeats are not looked for": Mutant(
        CBOW, "groups > 1 or odd_in_sixes(", "groups > 1 and (", "kernels_step"
    ),
    "CBOW: rows of both windows are not looked for": Mutant(
        CBOW, "groups == 1 and not any_in_both(ids)", "groups == 1", "kernels_step"
    ),
    "CBOW: a window learns of rows that the other changed": Mutant(
        CBOW, "to = h.hidden", "to = k.update", "kernels_step"
    ),
    "six are compared with five": Mutant(
        INTEGERS, "range(SIX, 2 * SIX)", "range(SIX, 2 * SIX - 1)",
        "kernels_simd",
    ),
    "skip-gram: repeats are looked for in the next window": Mutant(
        SKIPGRAM, "row * INT) & FIRST_SIX", "row * INT) & ~FIRST_SIX", "kernels_step"
    ),
    "a six without its widest pairs": Mutant(
        INTEGERS, "SIX // 2 + 1", "SIX // 2", "kernels_simd"
    ),
    "sixteen without their widest pairs": Mutant(
        INTEGERS, "LANES // 2 + 1", "LANES // 2", "kernels_simd"
    ),
    "a vector has its share twice": Mutant(SEVERAL, "repeated < 2", "repeated < 3", "kernels_step"),
    "a pass behind the end of the rows": Mutant(
        SEVERAL, "d = min(done, whole - PASS)", "d = done", "kernels_memory"
    ),
    "CBOW: divides where it should not": Mutant(
        CBOW, "if divide else 1", "if not divide else 1", "kernels_step"
    ),
    "CBOW: a second window behind the last": Mutant(
        CBOW, "c = min(b + 1, size - 1)", "c = b + 1", "kernels_memory"
    ),
    "CBOW: a scratch row too few": Mutant(
        "kernels/cpu/step/scratch.py", "(2, 5) if mean", "(2, 4) if mean", "kernels_memory"
    ),
    "the loss's product overflows": Mutant(SCORES, "> 1e300", "> 1e309", "kernels_step"),
    "a series of degree 5": Mutant(
        SCORES, "splat(SERIES[6])", "splat(np.float32(0.0))", "kernels_step"
    ),
    "powers beyond a float's exponent": Mutant(
        SCORES, "np.float32(126.0)", "np.float32(200.0)", "kernels_step"
    ),
    "the loss of a label 0": Mutant(SCORES, "-1.0 if batch", "1.0 if not batch", "kernels_step"),
    "repeats are not looked for": Mutant(
        REPEATS, "(stamps[slot] == stamp)", "(stamps[slot] < 0)", "kernels_step"
    ),
    "a repeated context takes the last step": Mutant(
        REPEATS, "earlier * GROUP + r] +=", "earlier * GROUP + r] =", "kernels_step"
    ),
    "a local row too many": Mutant(
        "kernels/cpu/step/blocks.py", "row < layout.local_rows", "row <= layout.local_rows",
        "kernels_memory kernels_local",
    ),
    "local rows are added whole": Mutant(
        LOCAL, " - read(base, columns))", ")", "kernels_local"
    ),
    "an exchange leaves the base value": Mutant(
        LOCAL, "        write(base, columns, values)\n", "", "kernels_local", after="def exchange("
    ),
    "a due row is found twice": Mutant(
        LOCAL, "if not _contains(due, size, row):", "if size >= 0:", "kernels_local"
    ),
    "masks as wide as the row": Mutant(
        "kernels/cpu/simd/rows.py", "min(LANES, dim - d)", "min(LANES, dim)", "kernels_memory"
    ),
    # Training.
    "a chunk has the learning rate of its end": Mutant(
        RUN, "learning_rate(state.epoch, start)", "learning_rate(state.epoch, end)", "training"
    ),
    "the learning rate begins anew in each epoch": Mutant(
        RUN, "(epoch * tokens + position)", "(position)", "training"
    ),
    "a chunk too many": Mutant(
        "training/epoch.py", "self.taken >= self._chunks", "self.taken > self._chunks", "training"
    ),
    "the loss of a chunk's last windows": Mutant(
        "training/steps.py", "loss + more[0]", "more[0]", "training"
    ),
    # Runs that are stopped.
    "a checkpoint ends an epoch": Mutant(
        "training/epoch.py", "not waiting and self.taken == self._chunks", "True", "interrupts"
    ),
    "Ctrl-C leaves workers at work": Mutant(
        "training/epoch.py", "        finish(working)\n        raise", "        raise", "interrupts"
    ),
    "a checkpoint is written where Ctrl-C meets it": Mutant(
        RUN,
        "writing = pool.submit(self._saving.write, self.state, self.notes)",
        "self._saving.write(self.state, self.notes); writing = pool.submit(int)",
        "interrupts",
    ),
    "a stopped run writes wrong numbers": Mutant(
        RUN,
        "check_tables(state.tables, state.epoch, self.learning_rate(state.epoch, 0))",
        "pass",
        "interrupts",
        "isinstance(error, Diverged)",
    ),
    "a damaged checkpoint drives out the whole one": Mutant(
        "training/checkpoint.py", "if older != self._last:", "if older != found[-1]:", "interrupts"
    ),
    "a stale run writes on": Mutant(
        "training/checkpoint.py", "_newest(self.path) > self._number", "False", "interrupts"
    ),
    "the environment chooses the kernels of a run that goes on": Mutant(
        "training/run.py", "min_lr=self.min_lr, kernels=kind", "min_lr=self.min_lr", "interrupts"
    ),
    "one state of disk is enough": Mutant(
        "training/checkpoint.py", "KEPT + 1 - len(", "1 - len(", "memory"
    ),
    "checksums of a checkpoint are not compared": Mutant(
        "training/checkpoint.py", "if file_checksum(folder / name) != wanted", "if False",
        "checkpoint",
    ),
    "a run whose worker failed is saved": Mutant(
        RUN, "if epoch.whole and not", "if not", "checkpoint"
    ),
    "a loss that is no number is borne": Mutant(
        "training/health.py", "if recent.pairs and not math.isfinite(recent.loss)", "if False",
        "training_health",
    ),
    # What was learnt before.
    "words that are held learn all": Mutant(
        "models/inputs/held.py", "before + rates * (W_in[rows] - before)", "W_in[rows]",
        "training_further",
    ),
    "the mean of a bag is that of one row more": Mutant(
        SEVERAL, "np.float32(max(1, size))", "np.float32(size + 1)", "kernels_bags"
    ),
    "places of distinct ids by their hash alone": Mutant(
        "kernels/cpu/bags.py", "while slots[slot] >= 0 and found[slots[slot]] != ids[i]:",
        "while False:", "kernels_bags",
    ),
    "what a word has learnt with what it was": Mutant(
        "kernels/cpu/step/bags.py", "table[i, d] -= before[i, d]", "table[i, d] -= 0",
        "training_subwords",
    ),
    "a piece's labels are those of the first": Mutant(
        "kernels/cpu/step/bags.py", "batch.labels[first:last] if", "batch.labels[:last - first] if",
        "training_subwords",
    ),
    "the ends of a word are n-grams": Mutant(
        "ngrams/compiled.py", "and not (n == 1 and (first == 0 or i == end))", "", "ngrams"
    ),
    "buckets over the words' own rows": Mutant(
        "models/inputs/subwords.py", "ids[~is_own] = buckets + size", "ids[~is_own] = buckets",
        "training_subwords",
    ),
    "few words share as much as many": Mutant(
        "models/inputs/subwords.py", "min(device.shared_windows, words // WORDS_PER_WINDOW)",
        "device.shared_windows", "training_subwords",
    ),
    "held words are trained by the step that takes bags": Mutant(
        "models/inputs/held.py", "inputs.shared, False, inputs.nbytes",
        "inputs.shared, inputs.in_bags, inputs.nbytes", "training_subwords",
    ),
    "an n-gram takes what the last of its words does": Mutant(
        "training/further.py", "np.minimum.at(found, ids, rates.repeat(np.diff(offsets)))",
        "found[ids] = rates.repeat(np.diff(offsets))", "training_subwords",
    ),
    "a known word's own row beside its n-grams": Mutant(
        "training/further.py", "vectors = ngrams.own_rows(", "ngrams.own_rows(",
        "training_subwords",
    ),
    "vectors of a run under way change with it": Mutant(
        "training/snapshots.py", "rows.copy() if copied else rows", "rows", "training_subwords"
    ),
    "expected touches of words alone": Mutant(
        "training/touches.py", "windows.repeat(np.diff(offsets))", "np.ones(len(ids))",
        "training_touches",
    ),
    "tensors in pieces by name alone": Mutant(
        "storage/tensors.py", "(dtypes.index(tensors[name].dtype.type), name)", "name",
        "training_subwords",
    ),
    "a frozen row is what another thread made of it": Mutant(
        "models/inputs/held.py",
        "xp.where(rates == 0, self._start[rows], W_in[rows])", "W_in[rows]",
        "training_further",
    ),
    "threads keep to themselves what is held": Mutant(
        "training/run.py", "0 if held else len(self.corpus.ids)", "len(self.corpus.ids)",
        "training_further",
    ),
    "old counts are forgotten": Mutant(
        VOCABULARY, "merged = self.counts + np.where", "merged = np.where", "training_further"
    ),
    "new words enter in the order of threads": Mutant(
        VOCABULARY, "new[_falling(words_of(new), counts[new])[:room]]", "new[:room]",
        "training_further",
    ),
    "output rows go to other words": Mutant(
        "training/further.py", "learnt.output[rows[old]]", "learnt.output[: len(old)]",
        "training_further",
    ),
    # Replicas.
    "rare rows are averaged": Mutant(
        "training/merge.py", "2 - times **", "1 + 0 * times **", "training_merge"
    ),
    "changes of two replicas are corrected twice": Mutant(
        "kernels/cpu/merge.py", "products[1] / 2", "products[1]", "training_merge"
    ),
    "a replica without a partner gets one that is none": Mutant(
        "kernels/cpu/merge.py", "range(0, size - step,", "range(0, size,", "kernels_memory"
    ),
    "a void round leaves its merges behind": Mutant(
        "training/replicas.py", "tier.rows[...] = rows", "pass", "training_replicas"
    ),
    "a merge of all rows that fails is whole": Mutant(
        "training/replicas.py", "self.whole = tiers < self._merging.tiers", "pass",
        "training_replicas",
    ),
    "touches are those of a mean replica": Mutant(
        "training/touches.py", "n / -xp.expm1(-n)", "n", "training_touches"
    ),
    "two replicas train one chunk": Mutant(
        "training/replicas.py", "range(first + rank, min", "range(first, min", "training_replicas"
    ),
    "a row's touches are never forgotten": Mutant(
        "training/replicas.py", "tier.merges = 0", "pass", "training_replicas"
    ),
    "replicas meet after a whole chunk of a plain run": Mutant(
        "training/run.py", "min(fitting, self.merging.tokens)", "fitting",
        "training_replicas",
    ),
    "what an epoch had before a stop is told twice": Mutant(
        RUN, "done_so_far(state.sums) if state.chunk else Done()", "Done()", "history"
    ),
    "chunks under way at a stop are not told": Mutant(
        RUN, "self._note(history, done, self.learning_rate", "(history, done, self.learning_rate",
        "history",
    ),
    "replicas merge what others have not": Mutant(
        "kernels/cpu/merge.py", "write(addresses[i] + r", "write(addresses[0] + r",
        "training_replicas",
    ),
    "a GPU sends each the parts of the next": Mutant(
        "training/gpus.py", "post.sent[peer]", "post.sent[peer - 1]", "gpu/r1_gpus", select=""
    ),
    "a GPU merges its own rows alone": Mutant(
        "training/gpus.py", "post.taken[peer]", "post.taken[post.rank]", "gpu/r1_gpus", select=""
    ),
    "rows of which a GPU sends a part": Mutant(
        "training/gpus.py", "rows.size, kind", "len(rows), kind", "gpu/r1_nccl", select=""
    ),
    "rows with gaps are sent as they lie": Mutant(
        "training/gpus.py", "self._xp.ascontiguousarray(part)", "part", "gpu/r1_nccl",
        select="",
    ),
    "GPUs wait for one that has failed": Mutant(
        "training/gpus.py", "            self._gpus.close()", "            pass", "gpu/r1_gpus",
        select="CUDA",
    ),
    "a void round of GPUs is in the tables": Mutant(
        "training/gpu_rounds.py", "        member.barrier()\n        if member.rank == 0:",
        "        if member.rank == 0:", "gpu/r1_gpus", select="",
    ),
    "a replica of a cluster gets another's parts": Mutant(
        "dask/connection.py", "[self.thread :: len(given)]", "[: len(given)]", "dask_training"
    ),
    "a round of a cluster leaves rows behind": Mutant(
        "dask/rounds.py", "table[mine] = learnt[mine]", "table[:9] = learnt[:9]", "dask_training"
    ),
    "sums of other processes are lost": Mutant(
        "dask/rounds.py", "= sums[1 : 1 + len(self._sums[share])]", "= 0", "dask_training"
    ),
    "a near replica's note is one's own": Mutant(
        "dask/connection.py", "self.outboxes[rank].note.copy()", "array.copy()", "dask_training"
    ),
    "a new worker begins anew": Mutant(
        "dask/member.py", "state = fetched_state(", "fetched_state(", "dask_training"
    ),
    "what near replicas merged is not taken": Mutant(
        "dask/connection.py", "outbox[rank] if near", "parts[rank] if near", "dask_training"
    ),
    "what is given away lies elsewhere": Mutant(
        "dask/outbox.py", "place += _room(one)", "place += one.nbytes - 64", "dask_training"
    ),
    "who is near all gathers as if all were": Mutant(
        "dask/connection.py", "seen == {*permutations(group.processes, 2)}",
        "len(self._near) == len(group.others)", "dask_training", select="shares_memory_with_all",
    ),
    "one of a pair that sees the other is near": Mutant(
        "dask/connection.py", "{(here, one), (one, here)} <= seen", "(here, one) in seen",
        "dask_training",
    ),
    "a bell whose other side is gone has rung": Mutant(
        "dask/bells.py",
        'look()\n                    raise LostReplica(f"the worker {other} is gone") from None',
        "look()",
        "dask_training",
    ),
    "the end of a bell stays open here": Mutant(
        "dask/bells.py", "end.close()", "end.fileno()", "dask_training"
    ),
    "any file of another process is an outbox": Mutant(
        "dask/outbox.py", 'f"/memfd:{NAME}{secret} "', '"/memfd"', "dask_training"
    ),
    "what a stopped run left is kept": Mutant(
        "dask/mail.py", "{*self.kept, *self.stopping} -", "set() -", "dask_training"
    ),
    "a run that is over holds shared memory": Mutant(
        "dask/member.py", "member.outboxes.clear()", "pass", "dask_training"
    ),
    "replicas meet a chunk too early": Mutant(
        "training/replica_epochs.py", "round(merging.tokens / state", "int(merging.tokens / state",
        "training_replicas",
    ),
    "nobody asks who is gone": Mutant(
        "dask/attempt.py", "now >= self._ask", "False", "dask_training",
        select="who_is_gone",
    ),
    "tiers overlap": Mutant(
        "training/replicas.py", "share in (rank, rank + 1)", "share in (rank, rank + 2)",
        "training_replicas",
    ),
    "after a lost round replicas are where it was": Mutant(
        "training/replica_epochs.py", "self._replicas.clear()", "pass", "dask_training"
    ),
    "lines of the shards before are not counted": Mutant(
        "text/runs.py", "return run, lines, bytes_read", "return run, 0, bytes_read", "dask_corpus"
    ),
    "a word's part is chosen by its last bits": Mutant(
        "text/runs.py", ">> np.uint64(32)).astype", "% np.uint64(parts)).astype", "dask_corpus"
    ),
    "damage to a cluster's corpus is not looked for": Mutant(
        "dask/shards.py", "found != sums or", "", "dask_corpus"
    ),
    "a void round has sums": Mutant(
        RUN, "state.sums[epoch.taken :] = 0", "pass", "training_replicas"
    ),
    "signals come anywhere": Mutant(
        "cli/signals.py", "asked = number", "asked = number; self.look()", "cli_resume", "_end("
    ),
    "sums of rows alone": Mutant(
        "storage/manifest.py", "for axis in (0, 1)", "for axis in (1,)", "text_cache"
    ),
    "rows that were assigned reach compiled code": Mutant(
        "optim/updates.py", "                grad.check()", "                pass", "optim"
    ),
    "a formula that overrides is not taken": Mutant(
        "optim/updates.py", 'getattr(self._step, "compiled_as", None)', '"sgd"', "optim"
    ),
    "Adam's compiled eps is inside the root": Mutant(
        "kernels/cpu/updates.py", "(sqrt(square / start) + eps)", "sqrt(square / start + eps)",
        "optim",
    ),
    "ids are the caller's": Mutant(
        "layers/checks.py", "found.copy() if", "found if", "layers_guards"
    ),
    "a resized table is taken": Mutant(
        "layers/layer.py", '"dtype", "shape")', '"dtype")', "layers_guards"
    ),
    "Adam counts parameters": Mutant(
        "optim/updates.py", "self.updates += 1", "self.updates += len(params)", "optim"
    ),
    "rows behind those of the header": Mutant(
        BINARY, "bool(rest.strip(", "bool(rest[:1].strip(", "formats"
    ),
    "numbers between two float32s are written to odd ones": Mutant(
        SHORTEST, "even = fraction & 1 == 0", "even = fraction & 1 == 1", "formats_digits"
    ),
    "the digits behind the shortest are cut off": Mutant(
        SHORTEST, "rest > 0 or (rest == 0 and units & 1)", "False", "formats_digits"
    ),
    "a power below a power of two is as wide as the others": Mutant(
        SHORTEST, "fraction == 0 and biased > 1", "fraction == 0 and biased > 9999",
        "formats_digits",
    ),
    "numbers of 17 digits are rounded as they come": Mutant(
        "vectors/formats/numbers.py", "ERROR = 2.0**-49", "ERROR = 0.0", "formats_digits"
    ),
    "numbers of 17 digits are divided as they are": Mutant(
        "vectors/formats/numbers.py", "mantissa <= MOST_EXACT", "mantissa <= 64 * MOST_EXACT",
        "formats_digits",
    ),
    "what is skipped is not counted as a line": Mutant(
        "vectors/formats/rows.py", "line += block.lines", "line += len(block.words)",
        "formats_options",
    ),
    "rows behind the limit are kept": Mutant(
        BINARY, "min(room, most - len(self.words))", "room", "formats_options"
    ),
    "what takes held-out windows out is loaded while training": Mutant(
        "training/warmup.py", 'SHARE if options.get("held_out") else 0.0', "0.0", "warmup"
    ),
    "what finds neighbours is loaded while training": Mutant(
        "training/warmup.py", "watch=int(watch)", "watch=0", "warmup"
    ),
    "a window that is taken out keeps an output row": Mutant(
        "kernels/cpu/examples.py", "rows[place] = -1", "rows[place, 1:] = -1", "kernels_examples"
    ),
    "windows are taken out up to the last but one": Mutant(
        "kernels/cpu/examples.py", "if place == size:", "if place >= size - 1:", "kernels_examples"
    ),
    "the loss without a step counts what is not measured": Mutant(
        LOSS, "if not measured[b] or hidden", "if hidden", "kernels_step"
    ),
    "the loss without a step reads a row of zeros for the last output": Mutant(
        LOSS, "i < len(rows) and", "i < len(rows) - 1 and", "kernels_step"
    ),
    "the loss without a step is that of the first six output rows": Mutant(
        LOSS, "for group in range(groups):", "for group in range(1):", "kernels_step"
    ),
    "the loss without a step is that of the first of two contexts": Mutant(
        LOSS, "inputs[c + 1]", "inputs[c]", "kernels_step"
    ),
    "a word that is watched is its own neighbour": Mutant(
        "vectors/samples.py", "[[row - first] for row in own]", "[[row] for row in own]", "history"
    ),
    "neighbours are those of the first block": Mutant(
        "vectors/samples.py", "for first in range(0, len(common), BLOCK)",
        "for first in range(0, min(len(common), BLOCK), BLOCK)", "history"
    ),
    "every number of windows is measured as a power of two": Mutant(
        "training/examples.py", "if self.measure & last_bits:", "if False:", "held_out"
    ),
    "held-out losses are told before the tokens of their chunk": Mutant(
        RUN, "measured = None if held_out is None else self._loss(tables, held_out)",
        "measured = None if held_out is None else self._loss(tables, held_out)\n"
        "        row[4], row[5] = measured or (0, 0)", "history",
    ),
    "a word without a row has another's neighbours": Mutant(
        "training/watching.py", "vectors[rows == NONE] = run.ngrams().means(made).vectors", "pass",
        "history",
    ),
    "a limit of words keeps the output table": Mutant(
        "training/snapshots.py", "and len(words) == len(vocabulary)", "", "history"
    ),
    "held-out windows where two blocks meet are trained on": Mutant(
        "training/held_out.py", "range(first, last + 1)", "range(first, last)", "held_out"
    ),
    # With other libraries.
    "a cell's text is split at any white space": Mutant(
        "text/columns.py", "cell.encode()", '" ".join(cell.split()).encode()', "text_columns"
    ),
    "a line in a cell is a sentence": Mutant(
        "text/columns.py", '.replace(b"\\n", b" ")', "", "text_columns"
    ),
    "Arrow's cells come from one slice": Mutant(
        "text/columns.py", "column.slice(start, SLICE)", "column.slice(0, SLICE)", "text_columns"
    ),
    "the sum of SIF is divided by the weights": Mutant(
        SENTENCES, "(counts if by_size else shares)", "(shares)", "sentences sklearn"
    ),
    "the principal directions are the shortest": Mutant(
        SENTENCES, "vectors.T[::-1]", "vectors.T", "sentences"
    ),
    "a word counts in a document as often as it occurs": Mutant(
        "sklearn/vectorizer.py", "once.sum_duplicates()", "pass", "sklearn"
    ),
    "components of the documents of transform": Mutant(
        "sklearn/vectorizer.py", "(means, self.components_)",
        "(means, principal_directions(means, len(self.components_)))", "sklearn",
    ),
    "a module to train has the memory of the vectors": Mutant(
        "vectors/exports.py", "rows = rows.copy()", "pass", "exchange"
    ),
    "a tensor is copied": Mutant(
        "backend.py", 'np.asarray(values) if hasattr(values, "__array__")',
        'np.array(values) if hasattr(values, "__array__")', "exchange",
    ),
    # Search.
    "of equal scores a later row is kept": Mutant(
        TOPK, "exact <= best[query, 0]", "exact < best[query, 0]", "search"
    ),
    "of the worst the earlier row goes": Mutant(TOPK, "row > than_row", "row < than_row", "search"),
    "rounding is bounded too low": Mutant(
        "vectors/by_blocks.py", "2.0**-22", "2.0**-30", "search"
    ),
    "excluded rows are those of the first block": Mutant(
        "vectors/by_blocks.py", "offsets[start:]", "offsets", "search"
    ),
    # Other programs' files.
    "a pickle may ask for any name": Mutant(
        "storage/pickle_machine.py", "if not self.admits(module, name)", "if False", "pickles"
    ),
    "a pickle announces more than there is": Mutant(
        "storage/pickle_machine.py", "if end > len(self.data)", "if False", "pickles"
    ),
    "an array is where the pickle says": Mutant(
        "storage/reading.py", "if not ENDING.fullmatch(ending)", "if False", "formats_gensim"
    ),
    "counts that gensim made up are counts": Mutant(
        "vectors/formats/gensim.py",
        "if known and not np.array_equal(counts, made_up)", "if known", "formats_gensim",
    ),
    "n-grams are hashed with unsigned bytes": Mutant(
        "ngrams/compiled.py", "np.uint32(0xFFFFFF00) if", "np.uint32(0) if", "ngrams"
    ),
    "a zip archive expands without bounds": Mutant(
        "storage/npy.py", "check_expansion(", "str(", "formats_tables", after="infolist"
    ),
    "each array of a zip archive is weighed alone": Mutant(
        "storage/npy.py", "made += entry", "made = entry", "formats_tables"
    ),
    "a word of any length falls into n-grams": Mutant(
        "vectors/formats/ngrams.py", "> MOST_NGRAMS", "> 1 << 60", "formats_gensim"
    ),
    "a model's file may name a text": Mutant(
        "compat/gensim/word2vec.py", "check_names(about", "str(about", "compat_gensim_files"
    ),
    "what is appended to an archive is not compressed": Mutant(
        "compat/gensim/vector_files.py",
        "open_to_write(Path(path), append=True)", 'Path(path).open("ab")', "compat_gensim_files",
    ),
    "an Arrow file expands without bounds": Mutant(
        "vectors/formats/arrow.py", "return sum(", "return 0 * sum(", "formats_tables"
    ),
    "unknown words are spelt in one-letter words": Mutant(
        "vectors/formats/static.py", '{MARK + word: row for', '{word: row for', "formats_folders"
    ),
    "a folder takes the place of a folder": Mutant(
        "storage/writing.py", "and not any(path.iterdir())", "", "formats_folders"
    ),
    "the projector reads outside its folder": Mutant(
        "vectors/formats/projector.py",
        "if not path.resolve().is_relative_to(folder.resolve())", "if False", "formats_folders",
    ),
    # Phrases.
    "a sentence goes on behind its end": Mutant(
        CANDIDATES, "if word < 0:\n            start = -1", "if word < 0:\n            pass",
        "text_phrases",
    ),
    "a phrase begins with a connector": Mutant(
        CANDIDATES, "& CONNECTOR:\n            continue", "& CONNECTOR:\n            pass",
        "text_phrases",
    ),
    "a word that is spelt as a phrase is another": Mutant(
        CANDIDATES, "times[slot] += word_counts[i]", "pass", "text_phrases"
    ),
    "a phrase that is spelt as a word is another": Mutant(
        SPELLINGS, "of_words[words.numbers] += words.found", "pass", "text_phrases"
    ),
    "what is spelt alike is counted twice": Mutant(
        SPELLINGS, "- int((words.found > 0).sum())", "", "text_phrases"
    ),
    "connectors are words of N": Mutant(
        SPELLINGS, "(counts > 0) & (text.rows[:, KIND] & CONNECTOR == 0)", "counts > 0",
        "text_phrases",
    ),
    "words that were joined away are words of N": Mutant(
        SPELLINGS, "(counts > 0) & (text.rows[:, KIND]", "(counts >= 0) & (text.rows[:, KIND]",
        "text_phrases",
    ),
    "rare pairs are not counted as different ones": Mutant(
        CANDIDATES, "different += used", "different += (times >= least).sum()", "text_phrases"
    ),
    "the parts of a second round are those of the first": Mutant(
        CANDIDATES, ">> shift) - first", ">> shift)", "text_phrases"
    ),
    "a spelling has one candidate": Mutant(
        "text/collecting.py", "(alone or plain)", "True", "text_phrases"
    ),
    "a table that grows forgets how often": Mutant(
        CANDIDATES, "= slots[old], times[old]", "= slots[old], 1", "text_phrases"
    ),
    "what was joined is joined again": Mutant(
        JOINING, "word, start = numbers[slot], -1",
        "word, start, joined = numbers[slot], place, rows[word, OWN]", "text_phrases",
    ),
    "connectors behind a word that is none of a phrase are lost": Mutant(
        JOINING, "_write(ids, start, place, made", "_write(ids, start, start + 1, made",
        "text_phrases",
    ),
    "a joined word has no count": Mutant(
        JOINING, "            counts[word] += 1\n        elif", "            pass\n        elif",
        "text_phrases",
    ),
    "a phrase that is a word already is a new one": Mutant(
        "text/joined.py", "if word not in known]", "]", "text_phrases"
    ),
    "a sentence ends with its block": Mutant(
        "text/lanes.py", "items.append([*begun, (thread, start, end)])",
        "items.append(begun); items.append([(thread, start, end)])", "text_phrases",
    ),
    "words of two blocks are written as one": Mutant(
        "text/written.py", "stop - 1] != SENTENCE_END", "stop - 1] == SENTENCE_END",
        "text_phrases",
    ),
    "a file that ends with a line has one more": Mutant(
        "text/readers.py", 'last in (b"", b"\\n")', "False", "text_phrases"
    ),
    "phrases are no part of the cache's key": Mutant(
        CORPUS, "| described(phrases)", "", "text_phrases"
    ),
    "a phrases file's offsets are believed": Mutant(
        "text/phrase_files.py", "if (offsets[1:] < offsets[:-1]).any():", "if False:",
        "text_phrases",
    ),
    "what scores the threshold is a phrase": Mutant(
        "text/collocations.py", "scores > text.options.limit)", "scores >= text.options.limit)",
        "text_phrases",
    ),
    "a connector holds no delimiter": Mutant(
        "text/lanes.py", "KIND] |= CONNECTOR", "KIND] = CONNECTOR", "text_phrases"
    ),
    "kept phrases are known without their connectors": Mutant(
        "text/phrases.py", "(words, self.options.delimiter, self.options.connectors)",
        "(words, self.options.delimiter)", "text_phrases",
    ),
    # Options in a file, and chosen by measurement.
    "a fraction in a file is a whole number": Mutant(
        "cli/config.py", "return str(value)", "return value", "cli_config"
    ),
    "what is no option is left out": Mutant(
        "cli/config.py", "for written, value in _table(path).items():",
        "for written, value in _table(path).items():\n"
        "        if written.replace('_', '-') not in known:\n            continue",
        "cli_config",
    ),
    "the measure forgets the noise of a run": Mutant(
        "training/sampled_softmax.py", "W_out[column]) + moved[column]", "W_out[column])", "tuning"
    ),
    "the measure is that of the noise alone": Mutant(
        "training/sampled_softmax.py", "scores[rows < 0] = -np.inf", "pass", "tuning"
    ),
    "sentences that are held out are trained on": Mutant(
        "training/sampled_softmax.py", "np.sort(order[cut:last])", "np.sort(order[:last])", "tuning"
    ),
    "a lucky run is the best": Mutant(
        "training/tuning.py", "if len(trial.scores) == seeds", "", "tuning"
    ),
    "the search knows no defaults": Mutant(
        "training/tuning.py", "study.enqueue_trial(", "dict(", "tuning"
    ),
    "tune takes no file of options": Mutant("cli/tune.py", "@config_option\n", "", "tuning"),
    "runs of the search have the default rate": Mutant(
        "training/trials.py", '"lr": made.lr, ', "", "tuning"
    ),
    "runs of the search have the default dimensions": Mutant(
        "training/trials.py", "in chosen if name in of_model}",
        "in self.fixed if name in of_model}", "tuning",
    ),
    "what diverges with another seed is the answer": Mutant(
        "training/tuning.py", "found.trials.remove(trial)", "pass", "tuning"
    ),
    "runs of any cost are tried": Mutant(
        "training/tuning.py", "cost > MOST_COST or", "", "tuning"
    ),
    # On a device.
    "CUDA: a token whose bits reach its threshold is dropped": Mutant(
        CUDA, "<= keep[", "< keep[", "kernels_examples", select=ON_DOUBLE
    ),
    "CUDA: a draw whose bits reach its threshold is the alias": Mutant(
        CUDA, "<= prob[", "< prob[", "kernels_examples", select=ON_DOUBLE
    ),
}  # fmt: skip
MUTANTS |= {
    f"CUDA: 32 bits for a place in a table, in {kernel}": Mutant(
        CUDA, f"(i64){row} * D", f"{row} * D", "gpu/r3_emulator", kernel, "two_to_the_31"
    )
    for kernel, row in {
        "void bag_sum(": "ids[i]",
        "void scatter_add(": "rows[i]",
        "void scatter_add_sorted(": "row",
        "Piece p of a table's row": "row",
    }.items()
}  # fmt: skip


def survivors(names: list[str]) -> list[str]:
    """The mutants, of these names, that their tests do not notice; tells each as it ends."""

    def survives(name: str) -> bool:
        survived = MUTANTS[name].survives()
        print(f"{'SURVIVES' if survived else 'noticed':10}{name}", flush=True)
        return survived

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(survives, names))
    return [name for name, survived in zip(names, found, strict=True) if survived]


if __name__ == "__main__":
    chosen = [name for name in MUTANTS if "".join(sys.argv[1:2]) in name]
    left = survivors(chosen)
    print(f"{len(chosen)} mutants, {len(left)} survive")
    sys.exit(bool(left))
