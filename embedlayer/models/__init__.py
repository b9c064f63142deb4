"""A model is inputs × outputs: what contexts read, and what a target is scored against."""
