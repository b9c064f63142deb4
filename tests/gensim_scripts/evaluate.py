"""Judge vectors by pairs of words and by analogies."""

import json
import sys
from pathlib import Path

from gensim.models import KeyedVectors

folder = Path(sys.argv[1])
wv = KeyedVectors.load_word2vec_format(str(folder / "vectors.txt"), binary=False)
found = {}
for unknown in (False, True):
    pearson, spearman, share = wv.evaluate_word_pairs(
        str(folder / "pairs.tsv"), dummy4unknown=unknown
    )
    found[f"pairs {unknown}"] = [pearson[0], pearson[1], spearman[0], spearman[1], share]
    score, sections = wv.evaluate_word_analogies(
        str(folder / "questions.txt"), dummy4unknown=unknown
    )
    found[f"analogies {unknown}"] = [score, sections]
found["restricted"] = wv.evaluate_word_analogies(str(folder / "questions.txt"), restrict_vocab=30)
found["case"] = wv.evaluate_word_analogies(str(folder / "questions.txt"), case_insensitive=False)
print(json.dumps(found))
