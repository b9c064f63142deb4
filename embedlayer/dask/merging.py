"""What a user asks of the merges of a cluster's replicas; of the rest, what fits is taken."""

from dataclasses import asdict
from typing import Any

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Choice, Whole
from embedlayer.training.merge import MERGES
from embedlayer.training.replicas import Merging


def asked_of_merges(merge: str | Merging | None, round_tokens: int | None) -> dict[str, Any]:
    """What is asked, by the names of ``Merging``; EmbedlayerError for what cannot be."""
    if isinstance(merge, Merging):
        if round_tokens is not None:
            raise EmbedlayerError("a Merging has its tokens: leave out round_tokens")
        return asdict(merge)
    asked: dict[str, Any] = {}
    if merge is not None:
        asked["rule"] = Choice(MERGES).checked("merge", merge)
    if round_tokens is not None:
        asked["tokens"] = Whole().checked("round_tokens", round_tokens)
    return asked
