"""Which rows of W_in a context reads: those of words, or of words and their n-grams."""

from typing import Any

from embedlayer.models.inputs.subwords import WordsAndNgrams
from embedlayer.models.inputs.words import Words

# Classes that keep the protocol Inputs, whose options differ.
INPUTS: dict[str, Any] = {"words": Words, "subwords": WordsAndNgrams}
