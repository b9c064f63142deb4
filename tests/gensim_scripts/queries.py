"""Load vectors, ask them everything, keep them as text and as binary."""

import json
import sys
from pathlib import Path

from gensim.models import KeyedVectors

folder = Path(sys.argv[1])
wv = KeyedVectors.load_word2vec_format(str(folder / "vectors.bin"), binary=True)
a, b, c, d = wv.index_to_key[3:7]
answers = {
    "nearest": wv.most_similar(a, topn=7),
    "analogy": wv.most_similar(positive=[b, c], negative=[a], topn=5),
    "weighted": wv.most_similar(positive=[(b, 2.0), wv[c]], negative=[(a, -0.5)], topn=5),
    "cosmul": wv.most_similar_cosmul(positive=[b, c], negative=[a], topn=5),
    "restricted": wv.most_similar(a, topn=4, restrict_vocab=20),
    "clipped": wv.most_similar(a, topn=4, clip_start=10, clip_end=30),
    "all": wv.most_similar(a, topn=None).tolist(),
    "by vector": wv.similar_by_vector(wv[a], topn=3),
    "odd one": wv.doesnt_match([a, b, c, d, "not a word"]),
    "central": [(word, float(score)) for score, word in wv.rank_by_centrality([a, b, c])],
    "similarity": float(wv.similarity(a, b)),
    "sets": float(wv.n_similarity([a, b], [c, d])),
    "distances": wv.distances(a, [b, c]).tolist(),
    "rank": wv.rank(a, b),
    "closer": wv.closer_than(a, b),
    "of these": wv.most_similar_to_given(a, [b, c, d]),
    "relative": wv.relative_cosine_similarity(a, b),
    "mean": wv.get_mean_vector([a, b], weights=[1, 3], post_normalize=True).tolist(),
    "unit": wv.get_vector(a, norm=True).tolist(),
    "count": int(wv.get_vecattr(a, "count")),
}
wv.save_word2vec_format(str(folder / "kept.txt"), fvocab=str(folder / "kept.vocab"))
again = KeyedVectors.load_word2vec_format(
    str(folder / "kept.txt"), fvocab=str(folder / "kept.vocab"), limit=10
)
answers["again"] = [again.index_to_key, again.vectors.tolist(), again.expandos["count"].tolist()]
wv.save(str(folder / "kept.kv"))
answers["saved"] = KeyedVectors.load(str(folder / "kept.kv"), mmap="r")[a].tolist()
print(json.dumps(answers))
