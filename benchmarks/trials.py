"""Trials: trainers on one text with the same settings, in turns, every run checked."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from measure import WrongResult, turns
from report import count, data_folder, mistake, note, parser
from scores import evaluation_folder, score
from texts import plain_lines, planted_text
from trainers import (
    PLANTED,
    TRAINERS,
    Settings,
    check_trainer,
    check_vectors,
    present,
    run_trainer,
)

from embedlayer.models.options import MODELS
from embedlayer.models.outputs import LOSSES
from embedlayer.text.corpus import Corpus

DEFAULT_TEXT = Path("text", "wiki100m.txt.gz")  # in the folder of data
QUICK_RUNS = 2


@dataclass(frozen=True)
class Text:
    """A text as all trainers read it; ``tokens`` are those of the vocabulary's ``words``."""

    path: Path
    tokens: int
    tokens_read: int
    words: set[str]


def trial_parser(description: str | None, *, runs: int) -> argparse.ArgumentParser:
    """The options of a benchmark of trainers: a text, the settings, who takes part."""
    made = parser(description, runs=runs)
    made.add_argument("text", type=Path, nargs="?", help="default: wiki100m of the data's folder")
    made.add_argument("--data", type=Path, help="folder with text/ and eval/ [EMBEDLAYER_DATA]")
    made.add_argument("--trainers", nargs="+", choices=TRAINERS, default=list(TRAINERS))
    made.add_argument("--model", choices=MODELS, default=Settings.model)
    made.add_argument("--loss", choices=LOSSES, default=Settings.loss)
    for name in ("dim", "window", "negative", "epochs", "min_count", "workers"):
        flag = f"--{name.replace('_', '-')}"
        made.add_argument(flag, type=count, default=getattr(Settings, name))
    made.add_argument("--subwords", metavar="MIN-MAX", help="n-grams of so many characters, too")
    made.add_argument("--buckets", type=count, default=Settings.buckets)
    made.add_argument("--sample", type=float, default=Settings.sample)
    return made


def settings_of(chosen: argparse.Namespace) -> Settings:
    """The settings that the options say; those of the planted text for a quick trial."""
    names = set(asdict(Settings())) & set(vars(chosen))
    settings = Settings(**{name: getattr(chosen, name) for name in names})
    return Settings(**asdict(settings) | PLANTED) if chosen.quick else settings


@contextmanager
def trial_text(chosen: argparse.Namespace, settings: Settings) -> Iterator[Text]:
    """The text of a trial, laid out for all trainers in a temporary folder."""
    if chosen.quick and chosen.text:
        mistake("--quick makes a text of its own: name none")
    source = None if chosen.quick else _source(chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        if source is None:
            planted_text(path, sentences=3000)
        else:
            note(f"laying out {source}")
            plain_lines(source, path)
        corpus = Corpus.from_files(path, min_count=settings.min_count, cache=False)
        words = set(corpus.vocabulary)
        yield Text(path, len(corpus.ids), corpus.tokens_read, words)


def run_trials(chosen: argparse.Namespace, settings: Settings, text: Text) -> dict[str, Any]:
    """Check the trainers, run them in turns with seeds 1, 2, …; all that came out, as JSON can.

    Raises:
        WrongResult: a trainer that learns nothing, or another vocabulary than the text's.
    """
    names, absent = present(chosen.trainers)
    evaluation = evaluation_folder(data_folder(chosen.data))
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            note(f"checking {name}")
            check_trainer(name, settings, Path(folder))
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for turn, name in turns(names, QUICK_RUNS if chosen.quick else chosen.runs):
        run = run_trainer(name, text.path, replace(settings, seed=1 + turn))
        try:
            check_vectors(run.vectors, text.words, settings.dim)
        except WrongResult as error:
            raise WrongResult(f"{name}: {error}") from None
        # Raw words: tokens of the vocabulary, those that subsampling drops included.
        words = text.tokens * settings.epochs
        result = {
            "seed": 1 + turn,
            "whole_seconds": run.whole,
            "training_seconds": run.training,
            "words_per_second": run.training and words / run.training,
            "reading_tokens_per_second": run.reading and text.tokens_read / run.reading,
            "bytes_beyond_tables": run.beyond_tables,
            "scores": evaluation and score(run.vectors, evaluation),
        }
        note(f"{name}, run {1 + turn}: {run.whole:.1f} s")
        runs[name].append(result)
    return {
        "settings": asdict(settings) | {"lr": settings.lr},
        "text": {"tokens": text.tokens, "tokens_read": text.tokens_read, "words": len(text.words)},
        "absent": absent,
        "runs": runs,
    }


def describe_trial(report: dict[str, Any]) -> str:
    """The text and the settings in a sentence."""
    text, settings = report["text"], report["settings"]
    said = ", ".join(f"{name} {value}" for name, value in settings.items() if name != "seed")
    return (
        f"\n{text['tokens_read']:,} tokens, {text['tokens']:,} of them of the {text['words']:,} "
        f"words of the vocabulary; {said}."
    )


def _source(chosen: argparse.Namespace) -> Path:
    data = data_folder(chosen.data)
    source = chosen.text or (data and data / DEFAULT_TEXT)
    if source is None:
        mistake("name a text, or a folder of data with --data or EMBEDLAYER_DATA")
    if not source.is_file():
        mistake(f"no such text: {source}")
    return source
