"""Pictures of vectors, and pages that need nothing but themselves."""
