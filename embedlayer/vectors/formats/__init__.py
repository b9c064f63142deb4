"""The file formats of vectors, one module for each."""
