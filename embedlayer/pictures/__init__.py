"""Pictures of vectors: maps of words, as pages that need nothing but themselves, or drawn."""

from embedlayer.pictures.map import Map, neighbourhoods, word_map

__all__ = ["Map", "neighbourhoods", "word_map"]
