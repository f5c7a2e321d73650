import itertools
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

keras = pytest.importorskip("keras")

from textzero.models.layers import MEMM  # noqa: E402

MASK = np.arange(5) < np.arange(6)[:, None]  # every length from 0 to 5
RULES = {
    "transitions_allowed": [[1, 1, 0], [0, 1, 1], [1, 1, 1]],
    "start_allowed": [1, 1, 0],
    "end_allowed": [0, 1, 1],
}
FORBIDDEN = -1e4


def log_softmax(scores):
    return scores - np.logaddexp.reduce(scores)


def enumerate_paths(layer, emissions):
    """Every path's log probability by the definition, and whether the rules allow it."""

    def table(weights, allowed):
        weights = np.array(weights, np.float64)
        return weights if allowed is None else np.where(allowed, weights, FORBIDDEN)

    transitions = table(layer.transitions, layer.transitions_allowed)
    start = table(layer.start, layer.start_allowed)
    zeros = np.zeros(3)
    f = emissions.astype(np.float64)
    f[0] += table(zeros, layer.start_allowed)
    f[-1] += table(zeros, layer.end_allowed)
    n = len(f)
    found = {}
    for y in itertools.product(range(3), repeat=n):
        value = log_softmax(f[0] + start)[y[0]]
        value += sum(log_softmax(f[t] + transitions[y[t - 1]])[y[t]] for t in range(1, n))
        if layer.bidirectional:
            end = table(layer.end, layer.end_allowed)
            back = log_softmax(f[-1] + end)[y[-1]]
            back += sum(log_softmax(f[t] + transitions[:, y[t + 1]])[y[t]] for t in range(n - 1))
            value = (value + back) / 2
        good = start[y[0]] > -5e3 and table(zeros, layer.end_allowed)[y[-1]] > -5e3
        good = good and all(transitions[a, b] > -5e3 for a, b in itertools.pairwise(y))
        found[y] = value, good
    return found


def random_layer(bidirectional, scale=1, seed=0, **rules):
    rng = np.random.default_rng(seed)
    layer = MEMM(3, bidirectional=bidirectional, **rules)
    layer.build((None, None, 3))
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * scale)
    emissions = (rng.normal(size=(*MASK.shape, 3)) * scale).astype(np.float32)
    emissions[~MASK] = np.nan  # padding must not be read
    return layer, emissions, rng.integers(0, 3, MASK.shape)


@pytest.fixture(params=itertools.product([False, True], [1, 50], [{}, RULES]), ids=str)
def case(request):
    bidirectional, scale, rules = request.param
    layer, emissions, labels = random_layer(bidirectional, scale, **rules)
    found = [enumerate_paths(layer, e[m]) for e, m in zip(emissions[1:], MASK[1:], strict=True)]
    return layer, emissions, labels, found


def test_the_loss_is_that_of_the_definition(case):
    layer, emissions, labels, found = case
    loss = np.array(layer(emissions, np.where(MASK, labels, -9), mask=MASK))
    assert loss[0] == 0
    for row, paths in enumerate(found, start=1):
        value, _ = paths[tuple(labels[row, MASK[row]].tolist())]
        assert_allclose(loss[row], -value, rtol=1e-5, atol=1e-5)


def test_decoding_and_n_best_are_exact(case):
    layer, emissions, _, found = case
    tags = np.array(layer(emissions, mask=MASK))
    paths, scores = map(np.array, layer.n_best(emissions, 4, MASK))
    assert (tags[~MASK] == 0).all()
    for row, every in enumerate(found, start=1):
        good = {y: value for y, (value, allowed) in every.items() if allowed}
        expected = sorted(good.values(), reverse=True)[:4]
        assert_allclose(good[tuple(tags[row, MASK[row]].tolist())], expected[0], atol=1e-4)
        assert_allclose(scores[row, : len(expected)], expected, rtol=1e-5, atol=1e-4)
        for path, score in zip(paths[row], expected, strict=False):
            assert_allclose(good[tuple(path[MASK[row]].tolist())], score, rtol=1e-5, atol=1e-4)
        assert (scores[row, len(expected) :] == -np.inf).all()


def test_decoding_counts_the_local_normalisers():
    """Tag 0 leads nowhere likely; without normalisers its large scores would win."""
    layer = MEMM(2)
    layer.build((None, None, 2))
    layer.transitions.assign([[5.0, 5.0], [2.0, -2.0]])
    emissions = np.array([[[0.0, 0.2], [0.0, 0.0], [0.0, 0.0]]], np.float32)
    assert np.array(layer(emissions)).tolist() == [[1, 0, 0]]
    best = max(itertools.product(range(2), repeat=3), key=lambda y: _unnormalised(y))
    assert best == (0, 0, 0)


def _unnormalised(y):
    table = [[5.0, 5.0], [2.0, -2.0]]
    return 0.2 * (y[0] == 1) + sum(table[a][b] for a, b in itertools.pairwise(y))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_marginals_are_sums_over_paths(bidirectional):
    layer, emissions, _ = random_layer(bidirectional)
    got = np.array(layer.marginals(emissions, MASK))
    total = np.array(layer.log_partition(emissions, MASK))
    if not bidirectional:
        assert_allclose(total, 0, atol=1e-5)
    for row in range(1, 6):
        paths = enumerate_paths(layer, emissions[row][MASK[row]])
        values = np.array([value for value, _ in paths.values()])
        assert_allclose(total[row], np.logaddexp.reduce(values), atol=1e-5)
        each = np.exp(values - np.logaddexp.reduce(values))
        expected = np.einsum("p,pti->ti", each, np.eye(3)[np.array(list(paths))])
        assert_allclose(got[row][MASK[row]], expected, atol=1e-5)


def test_reading_backwards_is_reading_a_reversed_sequence():
    layer, emissions, labels = random_layer(True)
    one_way = MEMM(3)
    one_way.build((None, None, 3))
    totals = np.zeros(len(MASK))
    for reverse in (False, True):
        one_way.transitions.assign(np.array(layer.transitions).T if reverse else layer.transitions)
        one_way.start.assign(layer.end if reverse else layer.start)
        for row, n in enumerate(MASK.sum(axis=1)):
            step = -1 if reverse else 1
            some = emissions[row : row + 1, :n][:, ::step], labels[row : row + 1, :n][:, ::step]
            totals[row] += np.array(one_way.log_likelihood(*some))[0] / 2
    got = np.array(layer.log_likelihood(emissions, labels, MASK))
    assert_allclose(got, totals, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_model_learns_under_xla_and_survives_saving(bidirectional, tmp_path):
    keras.utils.set_random_seed(0)
    words = keras.Input((None,), dtype="int32")
    labels = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(10, 8, mask_zero=True)(words)
    emissions = keras.layers.Dense(3)(hidden)
    memm = MEMM(3, bidirectional, adds_loss=True, start_allowed=[1, 1, 1])
    trainer = keras.Model([words, labels], memm(emissions, labels))
    tagger = keras.Model(words, memm(emissions))
    rng = np.random.default_rng(0)
    x = rng.integers(1, 10, (64, 6)).astype(np.int32)
    x[np.arange(6) >= rng.integers(1, 7, 64)[:, None]] = 0
    trainer.compile(keras.optimizers.Adam(0.1), jit_compile=True)
    trainer.fit([x, x % 3], epochs=20, verbose=0)
    assert_array_equal(tagger.predict(x, verbose=0), x % 3)
    tagger.save(tmp_path / "tagger.keras")
    again = keras.models.load_model(tmp_path / "tagger.keras")
    assert_array_equal(again.predict(x, verbose=0), x % 3)


def test_gradients_are_finite_and_zero_at_padding():
    tf = pytest.importorskip("tensorflow")
    for bidirectional in (False, True):
        layer, emissions, labels = random_layer(bidirectional, **RULES)
        tensor = tf.constant(emissions)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            loss = layer(tensor, labels, mask=MASK)
        sources = [tensor, *(w.value for w in layer.weights)]
        gradient, *others = map(np.array, tape.gradient(loss, sources))
        assert np.isfinite(gradient).all() and (gradient[~MASK] == 0).all()
        assert np.abs(gradient[MASK]).sum() > 0
        assert all(np.isfinite(g).all() and np.abs(g).sum() > 0 for g in others)


def test_the_config_holds_every_argument():
    layer = MEMM(3, bidirectional=True, adds_loss=True, **RULES)
    again = MEMM.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.get_config() == layer.get_config()
    assert again.bidirectional and again.end_allowed.tolist() == [False, True, True]


def test_only_what_is_learned_is_a_weight():
    names = [[w.name for w in random_layer(both)[0].weights] for both in (False, True)]
    assert names == [["transitions", "start"], ["transitions", "start", "end"]]
