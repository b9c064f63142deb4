"""Train on a file of sentences, look at neighbours, keep the model and load it again."""

import json
import sys
from pathlib import Path

from gensim.models import Word2Vec
from gensim.models.word2vec import LineSentence

folder = Path(sys.argv[1])
sentences = LineSentence(str(folder / "corpus.txt.gz"))
model = Word2Vec(sentences, vector_size=24, window=4, min_count=2, sg=1, epochs=6, workers=2)
model.save(str(folder / "word2vec.model"))

loaded = Word2Vec.load(str(folder / "word2vec.model"))
words = loaded.wv.index_to_key
neighbours = {word: [other for other, _ in loaded.wv.most_similar(word, topn=5)] for word in words}
print(
    json.dumps(
        {
            "neighbours": neighbours,
            "same": bool((loaded.wv.vectors == model.wv.vectors).all()),
            "sentences": model.corpus_count,
            "counts": [int(model.wv.get_vecattr(word, "count")) for word in sorted(words)],
        }
    )
)
