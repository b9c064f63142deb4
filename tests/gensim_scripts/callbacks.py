"""Follow the loss, go on training with new sentences and new words, and predict a word."""

import json
import sys
from pathlib import Path

from gensim.models import Word2Vec
from gensim.models.callbacks import CallbackAny2Vec

folder = Path(sys.argv[1])
sentences = [line.split() for line in (folder / "corpus.txt").read_text().splitlines()]
known = [one for one in sentences if not one[0].startswith("t5")]
new = [one for one in sentences if one[0].startswith("t5")]


class Losses(CallbackAny2Vec):
    def __init__(self):
        self.moments, self.losses, self.before = [], [], 0.0

    def on_train_begin(self, model):
        self.moments.append("begin")

    def on_epoch_begin(self, model):
        self.moments.append("epoch")

    def on_epoch_end(self, model):
        loss = model.get_latest_training_loss()
        self.losses.append(loss - self.before)
        self.before = loss

    def on_train_end(self, model):
        self.moments.append("end")


losses = Losses()
model = Word2Vec(
    known,
    vector_size=16,
    window=4,
    min_count=1,
    sg=1,
    epochs=4,
    workers=1,
    compute_loss=True,
    callbacks=[losses],
)
before = len(model.wv)
model.build_vocab(new, update=True)
model.train(new + known[:300], total_examples=len(new) + 300, epochs=12)
neighbours = {
    word: [other for other, _ in model.wv.most_similar(word, topn=5)]
    for word in model.wv.key_to_index
}
predicted = [word for word, _ in model.predict_output_word(["t1w1", "t1w2", "t1w3"], topn=3)]
print(
    json.dumps(
        {
            "moments": losses.moments,
            "falls": losses.losses[0] > losses.losses[-1] > 0,
            "words": [before, len(model.wv)],
            "neighbours": neighbours,
            "predicted": predicted,
        }
    )
)
