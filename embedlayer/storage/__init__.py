"""Files: opened by their content, written whole or not at all, mapped from disk, locked."""
