"""From files to ids: readers, vocabulary, corpus, and what is computed from the counts."""
