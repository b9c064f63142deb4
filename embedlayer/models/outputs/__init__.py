"""What a target is scored against: negative samples, or a path through the Huffman tree."""

from typing import Any

from embedlayer.models.outputs.hierarchical import HierarchicalSoftmax
from embedlayer.models.outputs.negative import NegativeSampling

# Classes that keep the protocol Outputs, whose options differ.
LOSSES: dict[str, Any] = {
    "negative": NegativeSampling,
    "hierarchical": HierarchicalSoftmax,
}
