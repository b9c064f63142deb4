"""For scikit-learn: a transformer from documents to vectors. The extra ``sklearn`` installs it."""

from embedlayer.errors import extra_library

extra_library("sklearn", "sklearn")  # what is missing is told before the modules here need it

from embedlayer.sklearn.vectorizer import EmbeddingVectorizer

__all__ = ["EmbeddingVectorizer"]
