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
    from gensim.models import Word2Vec

    hierarchical = settings["loss"] == "hierarchical"
    model = Word2Vec(
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
    """Words without their n-grams, as the others; progress on standard error tells the time."""
    import fasttext

    from embedlayer.vectors.vectors import Vectors

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
        minn=0,
        maxn=0,
        verbose=2,
    )
    Vectors(model.get_words(), model.get_input_matrix()).save(Path(out), "word2vec-binary")


KINDS = {"gensim-queue": gensim_queue, "gensim-file": gensim_file, "fasttext": fasttext}

if __name__ == "__main__":
    kind, text, out, settings = sys.argv[1:]
    KINDS[kind](text, out, json.loads(settings))
