"""The networks of "Deep Learning from Scratch 2", chapters 3 and 4, in our words, on our layers."""

import numpy as np
import pytest

from embedlayer.compat import book
from embedlayer.errors import EmbedlayerError

TEXT = "You say goodbye and I say hello."
IDS, WORD_TO_ID, ID_TO_WORD = book.preprocess(TEXT)


class Network:
    """As the book's: params and grads are gathered once, here."""

    def __init__(self, *layers):
        self.params = [param for layer in layers for param in layer.params]
        self.grads = [grad for layer in layers for grad in layer.grads]


class CBOW(Network):
    def __init__(self, words, hidden, window, corpus, sparse, seed=0):
        random = np.random.default_rng(seed)
        W_in, W_out = (0.01 * random.standard_normal((2, words, hidden))).astype("f")
        self.reads = [book.Embedding(W_in, sparse=sparse) for _ in range(2 * window)]
        self.loss = book.NegativeSamplingLoss(W_out, corpus, 0.75, 5, sparse=sparse)
        super().__init__(*self.reads, self.loss)

    def forward(self, contexts, target):
        h = sum(layer.forward(contexts[:, i]) for i, layer in enumerate(self.reads))
        return self.loss.forward(h / len(self.reads), target)

    def backward(self, dout=1):
        dout = self.loss.backward(dout) / len(self.reads)
        for layer in self.reads:
            layer.backward(dout)


class SkipGram(Network):
    def __init__(self, words, hidden, window, corpus, sparse, seed=0):
        random = np.random.default_rng(seed)
        W_in, W_out = (0.01 * random.standard_normal((2, words, hidden))).astype("f")
        self.read = book.Embedding(W_in, sparse=sparse)
        self.losses = [
            book.NegativeSamplingLoss(W_out, corpus, sparse=sparse) for _ in range(2 * window)
        ]
        super().__init__(self.read, *self.losses)

    def forward(self, contexts, target):
        h = self.read.forward(target)
        return sum(loss.forward(h, contexts[:, i]) for i, loss in enumerate(self.losses))

    def backward(self, dout=1):
        self.read.backward(sum(loss.backward(dout) for loss in self.losses))


class SimpleCBOW(Network):
    """Chapter 3: one-hot contexts, and one matrix that two layers share."""

    def __init__(self, words, hidden):
        W_in, W_out = 0.01 * np.random.default_rng(0).standard_normal((2, words, hidden))
        self.reads = [book.MatMul(W_in), book.MatMul(W_in)]
        self.out, self.loss = book.MatMul(W_out.T.copy()), book.SoftmaxWithLoss()
        super().__init__(*self.reads, self.out)

    def forward(self, contexts, target):
        h = sum(layer.forward(contexts[:, i]) for i, layer in enumerate(self.reads))
        return self.loss.forward(self.out.forward(h / 2), target)

    def backward(self, dout=1):
        dh = self.out.backward(self.loss.backward(dout)) / 2
        for layer in self.reads:
            layer.backward(dh)


def losses_of(network, optimizer, merge, sparse):
    random = np.random.default_rng(1)
    corpus = random.permutation(np.repeat(np.arange(60), 4))
    contexts, target = book.create_contexts_target(corpus, 2)
    model, losses = network(60, 8, 2, corpus, sparse), []
    np.random.seed(3)  # noqa: NPY002
    for i in range(20):
        batch = slice(10 * i, 10 * i + 10)
        losses.append(model.forward(contexts[batch], target[batch]))
        model.backward()
        params, grads = model.params, model.grads
        if merge:
            params, grads = book.remove_duplicate(params, grads)
            book.clip_grads(grads, 0.05)
        optimizer.update(params, grads)
    return np.array(losses)


@pytest.mark.parametrize("network", [CBOW, SkipGram])
@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize(
    "make", [lambda: book.SGD(1.0), lambda: book.AdaGrad(0.1)], ids=["sgd", "adagrad"]
)
def test_dense_and_sparse_networks_have_the_same_losses(network, merge, make):
    dense, sparse = (losses_of(network, make(), merge, sparse) for sparse in (False, True))
    np.testing.assert_allclose(sparse, dense, rtol=0, atol=1e-5)
    assert np.ptp(dense) > 1e-4  # they do learn


@pytest.mark.parametrize("network", [CBOW, SkipGram])
def test_adam_visits_read_rows_alone(network):
    """So it differs from the dense one, which moves every row; and it learns."""
    losses = losses_of(network, book.Adam(0.05), False, True)
    assert losses[-5:].mean() < losses[:5].mean() - 0.01


def test_chapter_3():
    contexts, target = book.create_contexts_target(IDS, 1)
    contexts, target = (book.convert_one_hot(ids, len(ID_TO_WORD)) for ids in (contexts, target))
    np.random.seed(0)  # noqa: NPY002
    model = SimpleCBOW(7, 5)
    trainer = book.Trainer(model, book.Adam())
    trainer.fit(contexts, target, max_epoch=1000, batch_size=3, max_grad=5, eval_interval=2000)
    assert model.forward(contexts, target) < 0.6


def test_preparing_a_text():
    assert IDS.tolist() == [0, 1, 2, 3, 4, 1, 5, 6]
    assert [ID_TO_WORD[i] for i in range(7)] == [*dict.fromkeys(TEXT[:-1].lower().split()), "."]
    contexts, target = book.create_contexts_target(IDS, 2)
    assert target.tolist() == [2, 3, 4, 1]
    assert contexts[0].tolist() == [0, 1, 3, 4]
    one_hot = book.convert_one_hot(contexts, 7)
    assert one_hot.shape == (4, 4, 7)
    assert (one_hot.argmax(axis=2) == contexts).all()
    assert one_hot.sum() == 16


def test_the_sampler_draws_by_count_and_never_the_target():
    corpus = np.repeat(np.arange(5), [1, 0, 8, 27, 64])
    sampler = book.UnigramSampler(corpus, 1 / 3, 4)
    np.random.seed(1)  # noqa: NPY002
    targets = np.arange(5).repeat(5000)
    drawn = sampler.get_negative_sample(targets)
    assert drawn.shape == (25000, 4)
    assert (drawn != targets[:, None]).all()
    weights = np.array([1, 0, 2, 3, 4.0])
    for target in range(5):
        share = np.where(np.arange(5) == target, 0, weights)
        found = np.bincount(drawn[targets == target].reshape(-1), minlength=5) / 20000
        np.testing.assert_allclose(found, share / share.sum(), atol=0.02)
    with pytest.raises(EmbedlayerError, match="one word alone"):
        book.UnigramSampler([0, 0], 0.75, 2).get_negative_sample([0])


def test_dropout_scales_where_nothing_is_dropped():
    layer, x = book.Dropout(0.25), np.ones((100, 100))
    out = layer.forward(x)
    np.testing.assert_allclose(np.unique(out), [0, 1])
    assert abs(out.mean() - 0.75) < 0.02
    np.testing.assert_allclose(layer.backward(x), out)
    np.testing.assert_allclose(layer.forward(x, train_flg=False), 0.75)


def test_gradients_are_merged_and_clipped():
    W, b = np.arange(6.0).reshape(2, 3), np.zeros(3)
    grads = [np.ones((2, 3)), np.full(3, 2.0), np.full((2, 3), 3.0), np.ones((3, 2))]
    params, sums = book.remove_duplicate([W, b, W, W.T.copy()], grads)
    assert params[0] is W
    assert params[1] is b
    assert [grad.tolist() for grad in sums] == [[[5] * 3] * 2, [2] * 3]
    book.clip_grads(sums, 1.0)
    assert sum((grad**2).sum() for grad in sums) == pytest.approx(1)
    book.clip_grads(sums, 2.0)
    assert sum((grad**2).sum() for grad in sums) == pytest.approx(1)


def test_soft_labels_are_those_of_the_largest():
    x, t = np.log([[1.0, 2.0, 5.0]]), [[0.3, 0.1, 0.6]]
    assert book.SoftmaxWithLoss().forward(x, t) == pytest.approx(np.log(8 / 5))


def test_the_optimizers_have_the_book_s_eps():
    for make in (book.AdaGrad, book.RMSprop, book.Adam):
        assert make(lr=0.5).eps == 1e-7
    assert book.RMSprop(decay_rate=0.5).decay == 0.5
    assert book.Adam().eps_hat


class TestWordsByCounting:
    """Chapter 2, by hand on its own kind of sentence: you say goodbye and i say hello ."""

    counts = book.create_co_matrix(IDS, len(WORD_TO_ID), window_size=1)

    def test_co_occurrences_are_those_of_the_windows(self):
        say = self.counts[WORD_TO_ID["say"]]
        around = {ID_TO_WORD[i]: int(n) for i, n in enumerate(say) if n}
        assert around == {"you": 1, "goodbye": 1, "i": 1, "hello": 1}
        np.testing.assert_array_equal(self.counts, self.counts.T)
        wide = book.create_co_matrix(IDS, len(WORD_TO_ID), window_size=2)
        assert wide[WORD_TO_ID["say"], WORD_TO_ID["and"]] == 2

    def test_ppmi_is_its_definition(self):
        found = book.ppmi(self.counts)
        total, one = self.counts.sum(), self.counts.sum(axis=0)
        you, say = WORD_TO_ID["you"], WORD_TO_ID["say"]
        assert found[you, say] == pytest.approx(np.log2(1 * total / (one[you] * one[say])))
        assert found.dtype == np.float32
        assert found.min() == 0

    def test_most_similar_prints_all_but_the_query(self, capsys):
        book.most_similar("you", WORD_TO_ID, ID_TO_WORD, self.counts, top=3)
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == ["", "[query] you"]
        assert [line.split(":")[0].strip() for line in lines[2:]] == ["goodbye", "i", "hello"]
        assert float(lines[2].split(":")[1]) == pytest.approx(0.5**0.5)
        book.most_similar("tea", WORD_TO_ID, ID_TO_WORD, self.counts)
        assert capsys.readouterr().out == "tea is not found\n"

    def test_analogy_prints_words_and_the_expected_ones_score(self, capsys):
        words = ["king", "man", "queen", "woman", "car"]
        matrix = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, -1.0]])
        ids = {word: i for i, word in enumerate(words)}
        book.analogy("man", "king", "woman", ids, dict(enumerate(words)), matrix, 1, "queen")
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == ["", "[analogy] man:king = woman:?"]
        (expected, score), (best, cosine) = (line.split(":") for line in lines[2:])
        assert (expected, best) == ("==>queen", " queen")
        assert (float(score), float(cosine)) == pytest.approx((2**0.5, 1))
        book.analogy("man", "king", "tea", ids, dict(enumerate(words)), matrix)
        assert capsys.readouterr().out == "tea is not found\n"

    def test_cosines_and_lengths(self):
        assert book.cos_similarity(np.array([3.0, 4]), np.array([6.0, 8])) == pytest.approx(1)
        assert book.cos_similarity(np.zeros(2), np.ones(2)) == 0
        np.testing.assert_allclose(
            book.normalize(np.array([[3.0, 4], [0, 2]])), [[0.6, 0.8], [0, 1]]
        )
