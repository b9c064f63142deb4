"""The losses: known values, scores far out, labels of every form, and the sampler's draws."""

import math

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.layers.losses import (
    NegativeSamplingLoss,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    UnigramSampler,
)
from embedlayer.models.outputs.alias import alias_table

LOG2 = math.log(2)
WIDTHS = ["float32", "float64"]


class TestSigmoidWithLoss:
    def test_values(self):
        loss = SigmoidWithLoss()
        assert loss.forward([0.0, 0.0], [0, 1]) == pytest.approx(LOG2, rel=1e-15)
        np.testing.assert_array_equal(loss.backward(), [0.25, -0.25])
        assert loss.forward([math.log(3)], [1]) == pytest.approx(math.log(4 / 3), rel=1e-15)
        np.testing.assert_allclose(loss.backward(dout=8), [-2], rtol=1e-15)

    @pytest.mark.parametrize("dtype", WIDTHS)
    def test_far_scores_neither_overflow_nor_vanish(self, dtype):
        loss = SigmoidWithLoss()
        x = np.array([1000, -1000, 1000, -1000], dtype)
        assert loss.forward(x, [1, 0, 0, 1]) == 500
        np.testing.assert_array_equal(loss.backward(), np.array([0, 0, 0.25, -0.25]))
        assert loss.backward().dtype == dtype
        small = loss.forward(np.array([-30], dtype), [0])
        assert small == pytest.approx(math.exp(-30), rel=1e-6)

    def test_infinite_scores(self):
        loss = SigmoidWithLoss()
        x = [math.inf, -math.inf, math.inf, 0.0]
        assert loss.forward(x, [1, 0, -1, 1]) == pytest.approx(LOG2 / 4)
        np.testing.assert_array_equal(loss.backward(), [0, 0, 0, -0.125])
        assert loss.forward(x, [0, 0, 0, 0]) == math.inf

    def test_float16_scores_are_worked_on_as_float32(self):
        loss = SigmoidWithLoss()
        assert loss.forward(np.array([60000, -60000], np.float16), [0, 1]) == 60000
        assert loss.backward().dtype == np.float32

    def test_sums_over_a_sample_and_averages_over_the_batch(self):
        loss = SigmoidWithLoss()
        assert loss.forward(np.zeros((2, 3)), [[1, 0, 0], [0, 1, 0]]) == pytest.approx(3 * LOG2)
        np.testing.assert_array_equal(loss.backward()[0], [-0.25, 0.25, 0.25])

    def test_no_label(self):
        loss = SigmoidWithLoss()
        assert loss.forward([[0.0, 5.0], [3.0, 4.0]], [[1, -1], [-1, -1]]) == pytest.approx(
            LOG2 / 2
        )
        np.testing.assert_array_equal(loss.backward(), [[-0.25, 0], [0, 0]])

    def test_labels_in_between(self):
        assert SigmoidWithLoss().forward([1.0], [0.25]) == pytest.approx(
            0.25 * math.log1p(math.exp(-1)) + 0.75 * math.log1p(math.exp(1)), rel=1e-15
        )

    def test_empty_batch(self):
        loss = SigmoidWithLoss()
        assert loss.forward(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0
        assert loss.backward().shape == (0, 3)

    @pytest.mark.parametrize("wrong", [2, -2, 1.5, -0.5, math.nan])
    def test_other_numbers_are_no_labels(self, wrong):
        with pytest.raises(EmbedlayerError, match="labels t must be 0 to 1, or -1"):
            SigmoidWithLoss().forward([0.0, 0.0], [1, wrong])

    def test_mistakes(self):
        loss = SigmoidWithLoss()
        with pytest.raises(EmbedlayerError, match="x is a single score"):
            loss.forward(0.5, 1)
        with pytest.raises(EmbedlayerError, match=r"SigmoidWithLoss\.backward needs a forward"):
            loss.backward()
        with pytest.raises(EmbedlayerError, match=r"t has shape \(1,\): give \(2,\)"):
            loss.forward([0.0, 0.0], [1])


class TestSoftmaxWithLoss:
    X = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]])

    @pytest.mark.parametrize(
        "t",
        [[2, 0], np.array([2, 0], np.uint8), [[0, 0, 1], [1, 0, 0]], np.eye(3)[[2, 0]]],
        ids=["ids", "uint8 ids", "one-hot", "float one-hot"],
    )
    def test_values(self, t):
        loss = SoftmaxWithLoss()
        assert loss.forward(self.X, t) == pytest.approx(-(math.log(5 / 8) + math.log(3 / 8)) / 2)
        wanted = np.array([[1, 2, -3], [-5, 3, 2]]) / 16
        np.testing.assert_allclose(loss.backward(), wanted, rtol=1e-14)
        np.testing.assert_allclose(loss.backward(dout=4), 4 * wanted, rtol=1e-14)

    def test_a_class_of_probability_zero(self):
        loss = SoftmaxWithLoss()
        assert loss.forward([[-math.inf, 0, 1]], [1]) == pytest.approx(math.log(1 + math.e))
        assert loss.backward()[0, 0] == 0
        assert loss.forward([[-math.inf, 0, 1]], [[0, 0.5, 0.5]]) == pytest.approx(
            math.log(1 + math.e) - 0.5
        )
        assert loss.forward([[-math.inf, 0, 1]], [0]) == math.inf

    def test_float16_scores(self):
        loss = SoftmaxWithLoss()
        x = np.zeros((1, 70000), np.float16)
        assert loss.forward(x, [5]) == pytest.approx(math.log(70000), rel=1e-6)

    def test_probabilities(self):
        loss = SoftmaxWithLoss()
        assert loss.forward(self.X[:1], [[0.5, 0.5, 0]]) == pytest.approx(math.log(64 / 2) / 2)
        np.testing.assert_allclose(loss.backward(), [[-0.375, -0.25, 0.625]], rtol=1e-14)

    @pytest.mark.parametrize("dtype", WIDTHS)
    def test_far_scores(self, dtype):
        loss = SoftmaxWithLoss()
        x = np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4]], dtype)
        assert loss.forward(x, [1, 0]) == pytest.approx((2e4 + LOG2) / 2)
        np.testing.assert_array_equal(loss.backward(), [[0.5, -0.5, 0], [-0.25, 0.25, 0]])
        assert loss.backward().dtype == dtype

    def test_empty_batch(self):
        loss = SoftmaxWithLoss()
        assert loss.forward(np.zeros((0, 3)), []) == 0.0
        assert loss.backward().shape == (0, 3)

    def test_mistakes(self):
        loss = SoftmaxWithLoss()
        with pytest.raises(EmbedlayerError, match=r"SoftmaxWithLoss\.backward needs a forward"):
            loss.backward()
        with pytest.raises(IndexError, match="id 3 at index 1 is outside the table of 3 rows"):
            loss.forward(self.X, [0, 3])
        for wrong in (-0.5, math.nan):
            with pytest.raises(EmbedlayerError, match="none of them negative or nan"):
                loss.forward(self.X, [[0, wrong, 1], [1, 0, 0]])
        with pytest.raises(TypeError, match="ids must be integers, not float64"):
            loss.forward(self.X, [0.0, 1.0])
        with pytest.raises(EmbedlayerError, match=r"t has shape \(3,\): give \(2,\)"):
            loss.forward(self.X, [0, 1, 2])
        with pytest.raises(EmbedlayerError, match=r"t has shape \(2, 2\): give \(2, 3\)"):
            loss.forward(self.X, [[0, 1], [1, 0]])
        with pytest.raises(EmbedlayerError, match=r"x has shape \(3,\): give \(any, any\)"):
            loss.forward(self.X[0], [0])


class TestNegativeSamplingLoss:
    W = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    h = np.array([[2.0, 3.0], [-1.0, 0.5]])

    def layer(self, drawn, **options):
        return NegativeSamplingLoss(self.W, lambda targets, negative: drawn, 2, **options)

    def test_is_the_sum_of_its_sigmoid_losses_averaged_over_the_batch(self):
        def softplus(x):
            return math.log1p(math.exp(x))

        layer = self.layer([[1, 2], [3, 3]])
        first = softplus(-5) + softplus(2) + softplus(3)
        second = softplus(-0) + 2 * softplus(-0.5)
        assert layer.forward(self.h, [3, 0]) == pytest.approx((first + second) / 2, rel=1e-14)

    def test_gradients_reach_the_target_and_every_draw(self):
        layer = self.layer([[1, -1], [1, 1]])
        layer.forward(np.zeros((2, 2)), [3, 2])
        np.testing.assert_array_equal(layer.backward(), [[0, -0.25], [0.5, -0.25]])
        layer.forward(np.ones((2, 2)), [2, 2])
        layer.backward()
        toward, away = 1 / (1 + math.exp(-1)) - 1, 1 / (1 + math.exp(-1))
        wanted = [[0] * 2, [3 * away / 2] * 2, [2 * toward / 2] * 2, [0] * 2]
        np.testing.assert_allclose(layer.grads[0], wanted, rtol=1e-14)

    def test_row_gradient(self):
        layer = self.layer([[1, -1], [1, 1]], sparse=True)
        layer.forward(np.ones((2, 2)), [2, 2])
        layer.backward()
        np.testing.assert_array_equal(layer.grads[0].rows, [1, 2])
        assert layer.params[0] is self.W

    def test_the_sampler_is_asked_for_k_ids_a_target(self):
        asked = []

        def sampler(targets, negative):
            asked.append((targets.tolist(), negative))
            return np.zeros((len(targets), negative), int)

        NegativeSamplingLoss(self.W, sampler).forward(self.h, [3, 1])
        assert asked == [([3, 1], 5)]

    def test_empty_batch(self):
        layer = self.layer(np.zeros((0, 2), int))
        assert layer.forward(np.zeros((0, 2)), []) == 0.0
        assert layer.backward().shape == (0, 2)

    def test_mistakes(self):
        layer = self.layer([[1, 2], [3, 3]])
        with pytest.raises(EmbedlayerError, match="needs a forward"):
            layer.backward()
        with pytest.raises(IndexError, match="id -1 at index 0 is outside"):
            layer.forward(self.h, [-1, 0])
        with pytest.raises(EmbedlayerError, match=r"h has shape \(2, 1\): give \(any, 2\)"):
            layer.forward(self.h[:, :1], [1, 0])
        with pytest.raises(EmbedlayerError, match=r"ids \(2, 2\): they must be \(N,\) and \(N, 2"):
            layer.forward(self.h, [1, 0, 0])
        with pytest.raises(IndexError, match=r"id 4 at index \(1, 0\) is outside"):
            self.layer([[1, 2], [4, 3]]).forward(self.h, [1, 0])
        with pytest.raises(EmbedlayerError, match=r"ids \(2, 3\): they must be"):
            self.layer([[1, 2, 0], [3, 3, 0]]).forward(self.h, [1, 0])


class TestUnigramSampler:
    counts = np.array([1, 10, 100, 1000])

    def sampler(self, **options):
        return UnigramSampler(*alias_table(self.counts**0.75), **options)

    def test_frequencies_follow_the_counts_to_the_power(self):
        size = 20000
        drawn = self.sampler()(np.full(size, 3), 5)
        share = self.counts**0.75 / (self.counts**0.75).sum()
        assert drawn.shape == (size, 5)
        for word in range(3):
            wanted = 5 * size * share[word]
            assert abs((drawn == word).sum() - wanted) < 4 * math.sqrt(wanted)
        assert (drawn == 3).sum() == 0
        assert abs((drawn == -1).mean() - share[3]) < 0.01

    def test_the_same_seed_draws_the_same_and_in_any_cut(self):
        targets = np.arange(40) % 4
        whole = self.sampler(seed=7)(targets, 6)
        cut = self.sampler(seed=7)
        np.testing.assert_array_equal(np.vstack([cut(targets[:9], 6), cut(targets[9:], 6)]), whole)
        assert cut.drawn == 40
        assert (self.sampler(seed=8)(targets, 6) != whole).mean() > 0.1
        assert (cut(targets, 6) != whole).mean() > 0.1

    def test_drives_the_loss(self):
        W = np.zeros((4, 3))
        loss = NegativeSamplingLoss(W, self.sampler(), negative=64)
        kept = (self.sampler()(np.array([0, 1]), 64) >= 0).sum()
        assert loss.forward(np.ones((2, 3)), [0, 1]) == pytest.approx(LOG2 * (2 + kept) / 2)
