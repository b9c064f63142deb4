"""Whether a file's JSON is the report of a run, as far as a comparison asks for it."""

from collections.abc import Callable
from typing import Any, TypeGuard

from embedlayer.errors import EmbedlayerError

COLUMNS = ("tokens", "seconds", "lr", "loss", "held_out_loss", "words_per_second")
GROUPS = ("semantic", "syntactic", "total")


def checked_report(told: Any, path: str) -> dict[str, Any]:
    """What a report tells.

    Raises:
        EmbedlayerError: another thing, or a part that is not what a report has.
    """
    if not isinstance(told, dict):
        raise EmbedlayerError(f"{path} holds no report of a run")
    for name, fits in PARTS.items():
        if name not in told:
            raise EmbedlayerError(f"{path} is no report of a run: it tells no {name}")
        if not fits(told[name]):
            raise EmbedlayerError(f"{path} is no report of a run: its {name} is not what one tells")
    return told


def are_numbers(values: Any) -> TypeGuard[list[Any]]:
    """Where a number is not known, it is None."""
    return isinstance(values, list) and all(one is None or _is_number(one) for one in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_history(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    columns = [value.get(name) for name in COLUMNS]
    return all(map(are_numbers, columns)) and len({len(one or ()) for one in columns}) == 1


def _is_watched(one: Any) -> bool:
    found = one.get("neighbours") if isinstance(one, dict) else None
    return isinstance(found, dict) and all(_are_pairs(pairs) for pairs in found.values())


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in value
    )


def _is_result(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("benchmark"), str):
        return False
    if "spearman" in one:
        return are_numbers([one["spearman"]]) and all(
            _is_number(one.get(name)) for name in ("found", "pairs")
        )
    return all(_is_score(one[group]) for group in GROUPS if one.get(group))


def _is_score(group: Any) -> bool:
    return (
        isinstance(group, dict)
        and are_numbers([group.get("accuracy")])
        and all(_is_number(group.get(name)) for name in ("asked", "out_of_vocabulary"))
    )


def _all(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


PARTS: dict[str, Callable[[Any], bool]] = {
    "options": lambda value: isinstance(value, dict),
    "history": _is_history,
    "loss": are_numbers,
    "held_out_loss": are_numbers,
    "neighbours": _all(_is_watched),
    "evaluation": _all(_is_result),
    "vocabulary": lambda value: isinstance(value, int),
    "words_per_second": _is_number,
    "seconds": lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
}
