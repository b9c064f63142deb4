"""One run of gensim or fastText: a text in, vectors out in word2vec's binary format.

Called by ``trainers.py`` as ``peers.py KIND TEXT OUT SETTINGS``, the settings as JSON.
"""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

LR_FALL = 250  # the learning rate ends at lr / 250, about gensim's own default


def gensim(source: dict[str, Any], out: str, settings: dict[str, Any]) -> None:
    """Count, train and write; the seconds of each on standard output."""
    from gensim.models import FastText, Word2Vec

    hierarchical = settings["loss"] == "hierarchical"
    shortest, longest = lengths(settings)
    ngrams = {"min_n": shortest, "max_n": longest, "bucket": settings["buckets"]}
    kind, more = (FastText, ngrams) if longest else (Word2Vec, {})
    model = kind(
        vector_size=settings["dim"],
        window=settings["window"],
        min_count=settings["min_count"],
        sample=settings["sample"],
        sg=int(settings["model"] == "skipgram"),
        hs=int(hierarchical),
        negative=0 if hierarchical else settings["negative"],
        alpha=settings["lr"],
        min_alpha=settings["lr"] / LR_FALL,
        seed=settings["seed"],
        workers=settings["workers"],
        **more,
    )
    moments = [perf_counter()]
    model.build_vocab(**source)
    moments.append(perf_counter())
    model.train(
        **source,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=settings["epochs"],
    )
    moments.append(perf_counter())
    model.wv.save_word2vec_format(out, binary=True)
    seconds = {"vocabulary": moments[1] - moments[0], "training": moments[2] - moments[1]}
    print(json.dumps({"seconds": seconds}))


def gensim_queue(text: str, out: str, settings: dict[str, Any]) -> None:
    """Sentences that Python reads and hands to the workers through a queue."""
    from gensim.models.word2vec import LineSentence

    gensim({"corpus_iterable": LineSentence(text)}, out, settings)


def gensim_file(text: str, out: str, settings: dict[str, Any]) -> None:
    """A file that every worker reads for itself, outside Python: gensim's fastest way."""
    gensim({"corpus_file": text}, out, settings)


def fasttext(text: str, out: str, settings: dict[str, Any]) -> None:
    """Words with the n-grams that are asked for; progress on standard error tells the time."""
    import fasttext
    import numpy as np
    from fasttext.FastText import unsupervised_default

    from embedlayer.vectors.vectors import Vectors

    shortest, longest = lengths(settings)
    unsupervised_default["seed"] = settings["seed"]  # the function takes none
    model = fasttext.train_unsupervised(
        text,
        model=settings["model"],
        loss={"negative": "ns", "hierarchical": "hs"}[settings["loss"]],
        dim=settings["dim"],
        ws=settings["window"],
        neg=settings["negative"],
        epoch=settings["epochs"],
        minCount=settings["min_count"],
        t=settings["sample"],
        lr=settings["lr"],
        thread=settings["workers"],
        minn=shortest,
        maxn=longest,
        bucket=settings["buckets"] if longest else 0,
        verbose=2,
    )
    words = model.get_words()
    rows = np.stack([model.get_word_vector(word) for word in words])
    Vectors(words, rows).save(Path(out), "word2vec-binary")


def lengths(settings: dict[str, Any]) -> tuple[int, int]:
    """Characters of the shortest and the longest n-gram; 0 of both: words alone."""
    shortest, longest = map(int, (settings["subwords"] or "0-0").split("-"))
    return shortest, longest


KINDS = {"gensim-queue": gensim_queue, "gensim-file": gensim_file, "fasttext": fasttext}

if __name__ == "__main__":
    kind, text, out, settings = sys.argv[1:]
    KINDS[kind](text, out, json.loads(settings))
