"""Begin with pretrained vectors where there are some, train, and add words by hand."""

import json
import sys
from pathlib import Path

import numpy as np
from gensim.models import Word2Vec
from gensim.models.word2vec import PathLineSentences

folder = Path(sys.argv[1])
sentences = PathLineSentences(str(folder / "parts"))
model = Word2Vec(vector_size=12, window=4, min_count=1, sg=0, negative=8, workers=2, sample=0)
model.build_vocab(sentences)
model.wv.vectors_lockf = np.ones(len(model.wv), dtype=np.float32)
model.wv.intersect_word2vec_format(str(folder / "vectors.txt"), lockf=1.0)
taken = model.wv["t0w0"].tolist()
model.train(sentences, total_examples=model.corpus_count, epochs=20, start_alpha=0.05)

wv = model.wv
neighbours = {
    word: [other for other, _ in wv.most_similar(word, topn=5)] for word in wv.key_to_index
}
topic = np.mean([wv[f"t0w{i}"] for i in range(8)], axis=0)
wv.add_vectors(["topic 0", "nothing"], np.stack([topic, -topic]))
wv["t1w1"] = topic
wv.fill_norms(force=True)
print(
    json.dumps(
        {
            "taken": taken,
            "neighbours": neighbours,
            "size": len(wv),
            "near": [word for word, _ in wv.most_similar("topic 0", topn=1)],
            "far": [word for word, _ in wv.most_similar(negative=["topic 0"], topn=1)],
        }
    )
)
