import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

keras = pytest.importorskip("keras")

from textzero.models import best_paths, linear_chain  # noqa: E402
from textzero.models.linear_chain import FORBIDDEN  # noqa: E402

TAGS = 3


def chain(rng, length, scale, forbid=False):
    """Random tables, and one row for every number of tokens from 0 to `length`."""
    emissions = rng.normal(size=(length + 1, length, TAGS)) * scale
    transitions = rng.normal(size=(TAGS, TAGS)) * scale
    start, end = rng.normal(size=(2, TAGS)) * scale
    mask = np.arange(length) < np.arange(length + 1)[:, None]
    emissions[~mask] = np.nan  # padding must not be read
    if forbid:
        transitions[[0, 1, 2], [2, 1, 0]] = FORBIDDEN
        start[1] = end[2] = FORBIDDEN
    return [x.astype(np.float32) for x in (emissions, transitions, start, end)], mask


def enumerate_paths(emissions, transitions, start, end):
    """Every path of one sequence with its score in float64."""
    emissions, transitions, start, end = (
        x.astype(np.float64) for x in (emissions, transitions, start, end)
    )
    n = len(emissions)
    paths = np.array(list(itertools.product(range(TAGS), repeat=n)), int).reshape(TAGS**n, n)
    scores = emissions[np.arange(n), paths].sum(axis=1)
    scores += transitions[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    if n:
        scores += start[paths[:, 0]] + end[paths[:, -1]]
    return paths, scores


def expected_counts(paths, scores):
    """log Z, and the expected counts of each tag at each place, each step, start and end."""
    total = np.logaddexp.reduce(scores)
    each = np.exp(scores - total)
    hot = np.eye(TAGS)[paths]
    steps = np.einsum("p,pti,ptj->ij", each, hot[:, :-1], hot[:, 1:])
    return total, np.einsum("p,pti->ti", each, hot), steps


CASES = [(scale, forbid) for scale in (1, 10, 50) for forbid in (False, True)]


@pytest.fixture(params=CASES, ids=lambda c: f"scale{c[0]}{'-forbidden' * c[1]}")
def case(request):
    rng = np.random.default_rng(5)
    scale, forbid = request.param
    return [chain(rng, length, scale, forbid) for length in range(1, 6)]


def test_log_partition_is_the_sum_over_all_paths(case):
    for (emissions, *tables), mask in case:
        got = np.array(linear_chain.log_partition(emissions, mask, *tables))
        for row, real in enumerate(mask):
            _, scores = enumerate_paths(emissions[row][real], *tables)
            assert_allclose(got[row], np.logaddexp.reduce(scores), rtol=1e-5, atol=1e-5)


def test_score_is_the_score_of_the_path(case):
    rng = np.random.default_rng(1)
    for (emissions, *tables), mask in case:
        paths = rng.integers(0, TAGS, mask.shape)
        labels = np.where(mask, paths, -100)
        got = np.array(linear_chain.score(emissions, labels, mask, *tables))
        for row, real in enumerate(mask):
            all_paths, scores = enumerate_paths(emissions[row][real], *tables)
            expected = scores[(all_paths == paths[row][real]).all(axis=1)]
            assert_allclose(got[row], expected[0], rtol=1e-5, atol=1e-5)


def test_marginals_are_the_sums_over_the_paths_through_a_tag(case):
    for (emissions, *tables), mask in case:
        got = np.array(linear_chain.marginals(emissions, mask, *tables))
        assert (got[~mask] == 0).all()
        for row, real in enumerate(mask):
            _, expected, _ = expected_counts(*enumerate_paths(emissions[row][real], *tables))
            assert_allclose(got[row][real], expected, atol=1e-5)


def test_viterbi_finds_the_best_path(case):
    for (emissions, *tables), mask in case:
        got = np.array(best_paths.viterbi(emissions, mask, *tables))
        assert got.dtype == np.int32
        assert (got[~mask] == 0).all()
        for row, real in enumerate(mask):
            paths, scores = enumerate_paths(emissions[row][real], *tables)
            assert_array_equal(got[row][real], paths[scores.argmax()])


@pytest.mark.parametrize("k", [1, 4, 300])
def test_n_best_finds_the_best_paths_in_order_and_no_forbidden_one(case, k):
    for (emissions, *tables), mask in case[:: 4 if k == 300 else 1]:
        paths, scores = map(np.array, best_paths.n_best(emissions, k, mask, *tables))
        assert paths.shape == (len(mask), k, mask.shape[1])
        for row, real in enumerate(mask):
            all_paths, all_scores = enumerate_paths(emissions[row][real], *tables)
            order = np.argsort(-all_scores, kind="stable")[:k]
            order = order[all_scores[order] > FORBIDDEN / 2]
            assert_allclose(scores[row][: len(order)], all_scores[order], rtol=1e-5, atol=1e-5)
            assert_array_equal(paths[row][: len(order), real], all_paths[order])
            assert (scores[row][len(order) :] == -np.inf).all()
            assert (paths[row][len(order) :] == 0).all()
            assert (paths[row][:, ~real] == 0).all()


def gradients(function, arrays):
    """Differentiate the sum of function(*arrays) in a compiled graph and in an eager tape."""
    tf = pytest.importorskip("tensorflow")

    def both(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return value, tape.gradient(value, tensors)

    tensors = [tf.constant(x) for x in arrays]
    return both(*tensors), tf.function(both, jit_compile=True)(*tensors)


@pytest.mark.parametrize("scale", [1, 50])
def test_gradients_are_expected_counts_eagerly_and_under_xla(scale):
    arrays, mask = chain(np.random.default_rng(2), 5, scale, forbid=True)
    weights = np.linspace(-1, 2, len(mask), dtype=np.float32)
    emissions, *tables = arrays
    expected = [np.zeros(x.shape) for x in arrays]
    values = np.zeros(len(mask))
    for row, real in enumerate(mask):
        values[row], tags, steps = expected_counts(*enumerate_paths(emissions[row][real], *tables))
        expected[0][row][real] = tags * weights[row]
        expected[1] += steps * weights[row]
        if real.any():
            expected[2] += tags[0] * weights[row]
            expected[3] += tags[-1] * weights[row]

    def total(*tensors):
        return linear_chain.log_partition(tensors[0], mask, *tensors[1:]) * weights

    for value, got in gradients(total, arrays):
        assert_allclose(np.array(value), values * weights, rtol=1e-5, atol=1e-5)
        for g, e in zip(got, expected, strict=True):
            assert_allclose(np.array(g), e, rtol=1e-5, atol=1e-5)


def test_gradients_of_the_score_are_counts():
    arrays, mask = chain(np.random.default_rng(2), 4, 1)
    labels = np.random.default_rng(3).integers(0, TAGS, mask.shape)
    hot = np.eye(TAGS)[labels] * mask[:, :, None]
    last = mask & ~np.pad(mask[:, 1:], ((0, 0), (0, 1)))
    steps = np.einsum("bti,btj->ij", hot[:, :-1], hot[:, 1:])
    expected = [hot, steps, hot[:, 0].sum(axis=0), hot[last].sum(axis=0)]

    def total(*tensors):
        return linear_chain.score(tensors[0], labels, mask, *tensors[1:])

    for _, got in gradients(total, arrays):
        for g, e in zip(got, expected, strict=True):
            assert_allclose(np.array(g), e, atol=1e-6)


def test_a_path_that_is_far_behind_and_wins_at_the_end_is_not_lost():
    """Two tags that never mix: B falls 95 behind at once, then gains 5 a step."""
    length = 101
    emissions = np.zeros((1, length, 2), np.float32)
    emissions[0, :, 0] = -5
    emissions[0, 1, 1] = -100
    transitions = np.array([[0, FORBIDDEN], [FORBIDDEN, 0]], np.float32)
    ends = np.zeros(2, np.float32)
    mask = np.ones((1, length), bool)
    a, b = -5.0 * length, -100.0
    got = linear_chain.log_partition(emissions, mask, transitions, ends, ends)
    assert_allclose(np.array(got), np.logaddexp(a, b), rtol=1e-6)
    marginals = np.array(linear_chain.marginals(emissions, mask, transitions, ends, ends))
    assert_allclose(marginals[0, :, 1], 1, atol=1e-5)


def test_long_sequences_agree_with_sums_in_logarithms():
    rng = np.random.default_rng(4)
    emissions = rng.normal(size=(3, 400, 20)).astype(np.float32) * 3
    transitions = rng.normal(size=(20, 20)).astype(np.float32) * 3
    ends = rng.normal(size=(2, 20)).astype(np.float32)
    mask = np.arange(400) < np.array([[400], [399], [7]])
    got = np.array(linear_chain.log_partition(emissions, mask, transitions, *ends))
    for row, n in enumerate(mask.sum(axis=1)):
        logs = emissions[row, 0].astype(np.float64) + ends[0]
        for t in range(1, n):
            steps = logs[:, None] + transitions
            logs = np.logaddexp.reduce(steps, axis=0) + emissions[row, t]
        assert_allclose(got[row], np.logaddexp.reduce(logs + ends[1]), rtol=2e-6)


def test_an_unknown_length_works_in_a_graph():
    tf = pytest.importorskip("tensorflow")
    (emissions, *tables), mask = chain(np.random.default_rng(6), 5, 1)
    emissions = np.nan_to_num(emissions)
    signature = [tf.TensorSpec((None, None, TAGS)), tf.TensorSpec((None, None), tf.bool)]

    @tf.function(input_signature=signature)
    def everything(emissions, mask):
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            value = linear_chain.log_partition(emissions, mask, *tables)
        gradient = tape.gradient(value, emissions)
        paths, _ = best_paths.n_best(emissions, 2, mask, *tables)
        return value, gradient, best_paths.viterbi(emissions, mask, *tables), paths

    for length in (5, 1):
        some, real = emissions[:, :length], mask[:, :length]
        value, gradient, best, paths = map(np.array, everything(some, real))
        expected = linear_chain.log_partition(some, real, *tables)
        assert_allclose(value, np.array(expected), rtol=1e-6)
        posterior = linear_chain.marginals(some, real, *tables)
        assert_allclose(gradient, np.array(posterior), atol=1e-6)
        assert_array_equal(best, np.array(best_paths.viterbi(some, real, *tables)))
        assert_array_equal(best, paths[:, 0])
