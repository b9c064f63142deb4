"""Training: from a corpus and a model to vectors."""
