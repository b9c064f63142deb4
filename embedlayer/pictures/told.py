"""What reports tell, as people read it: rows and texts for pages and for terminals."""

import html
from collections.abc import Mapping, Sequence
from typing import Any


def title_of(told: Mapping[str, Any]) -> str:
    """``skipgram, 100 dimensions, 47,134 words``."""
    options = told["options"]
    dim = f"{options['dim']} dimensions, " if "dim" in options else ""
    return f"{options.get('model', 'vectors')}, {dim}{told['vocabulary']:,} words"


def scores_of(told: Mapping[str, Any]) -> list[tuple[str, str, float | None, str]]:
    """Of each benchmark: its name, the measure, the score and what it is of."""
    rows = []
    for result in told["evaluation"]:
        name = result["benchmark"]
        if "spearman" in result:
            of = f"{result['found']:,} of {result['pairs']:,} pairs"
            rows.append((name, "Spearman", result["spearman"], of))
            continue
        groups = (one for one in ("semantic", "syntactic", "total") if result.get(one))
        for group in groups:
            score = result[group]
            of = f"{score['asked']:,} of {score['asked'] + score['out_of_vocabulary']:,} questions"
            rows.append((name, f"accuracy, {group}", score["accuracy"], of))
    return rows


def score_text(score: float | None) -> str:
    """Four digits."""
    return "none" if score is None else f"{score:.4f}"


def flat(options: Mapping[str, Any]) -> dict[str, str]:
    """Options by name as texts; those of a group behind its name."""
    found: dict[str, str] = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            found |= {f"{name} {inner}": text for inner, text in flat(value).items()}
        else:
            found[name] = f"{value:g}" if isinstance(value, float) else str(value)
    return found


def marked(words: Sequence[str], others: set[str] | None) -> str:
    """Words in a line, those marked that are not among others; None marks none."""
    texts = (
        html.escape(one) if others is None or one in others else f"<mark>{html.escape(one)}</mark>"
        for one in words
    )
    return ", ".join(texts)


def last_loss(losses: Sequence[float | None]) -> str:
    """That of the last epoch; nothing where it was not measured."""
    return f"{losses[-1]:.4f}" if losses and losses[-1] is not None else ""


def megabytes(size: float) -> str:
    """``63.9 MB``."""
    return f"{size / 1e6:,.1f} MB"


def duration(seconds: float) -> str:
    """``2 min 3 s``."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
