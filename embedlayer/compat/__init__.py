"""Names and signatures of others, on top of this package's."""
