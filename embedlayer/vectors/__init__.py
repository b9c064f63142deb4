"""What the user keeps: words and their vectors, queries, files and evaluation."""
