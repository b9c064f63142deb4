"""gensim's names: change ``from gensim.models import …`` to ``from embedlayer.compat.gensim``.

docs/gensim.md says what differs.
"""

from embedlayer.compat.gensim.callbacks import CallbackAny2Vec
from embedlayer.compat.gensim.keyed_vectors import KeyedVectors
from embedlayer.compat.gensim.options import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP
from embedlayer.compat.gensim.sentences import LineSentence, PathLineSentences, Text8Corpus
from embedlayer.compat.gensim.word2vec import Word2Vec

__all__ = [
    "RULE_DEFAULT",
    "RULE_DISCARD",
    "RULE_KEEP",
    "CallbackAny2Vec",
    "KeyedVectors",
    "LineSentence",
    "PathLineSentences",
    "Text8Corpus",
    "Word2Vec",
]
