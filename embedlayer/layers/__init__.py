"""The layers of the book, written once against ``xp``: forward, backward, params and grads."""
