import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.kernels import kernel
from textzero.kernels.reference.adagrad import RECORD

# float32 has 24 bits; a few dozen steps of size 0.1 on values near 1 keep five digits
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def problem(dim=4, n_words=9, n=60, seed=0):
    """Records between different words, two matrices and their squares."""
    random = np.random.default_rng(seed)
    records = np.zeros(n, RECORD)
    records["row"] = random.integers(0, n_words, n)
    records["column"] = (records["row"] + random.integers(1, n_words, n)) % n_words
    records["target"] = random.normal(size=n)
    records["weight"] = random.uniform(0.1, 1, n)
    matrices = [random.normal(size=(n_words, dim)).astype(np.float32) * 0.5 for _ in range(2)]
    squares = [np.ones((n_words, dim), np.float32) for _ in range(2)]
    return records, *matrices, *squares


def visit(device, records, *arrays, learning_rate=0.1):
    """(cost, skipped, the arrays afterwards); what was given stays."""
    arrays = [array.copy() for array in arrays]
    found = kernel("adagrad", device).visit_records(records, *arrays, learning_rate)
    return *found, arrays


def test_one_record_by_hand(device):
    # <v, c> = 2*1 + 1*(-1) = 1, error 1 - 3 = -2, pull 0.5 * -2 = -1
    v, c = np.array([[2, 1]], np.float32), np.array([[0, 0], [1, -1]], np.float32)
    record = np.array([(0, 1, 3, 0.5)], RECORD)
    cost, skipped, (v, c, v_squares, c_squares) = visit(
        device, record, v, c, np.ones_like(v), np.ones_like(c)
    )
    assert (cost, skipped) == (pytest.approx(0.5 * 0.5 * 4), 0)
    # g = -1 * c = (-1, 1), h = -1 * v = (-2, -1); G = 1 + g g, 1 + h h
    assert_allclose(v_squares, [[2, 2]])
    assert_allclose(c_squares, [[1, 1], [5, 2]])
    step = 0.1 / np.sqrt([2, 5])
    assert_allclose(v, [[2 + step[0], 1 - step[0]]], rtol=1e-6)
    assert_allclose(c, [[0, 0], [1 + 2 * step[1], -1 + step[0]]], rtol=1e-6)


def plain(records, center, context, center_squares, context_squares, eta):
    """The author's loop in float64, a number at a time."""
    cost, dim = 0.0, center.shape[1]
    for i, j, target, weight in records.tolist():
        error = sum(center[i, k] * context[j, k] for k in range(dim)) - target
        pull = weight * error
        cost += 0.5 * pull * error
        for k in range(dim):
            g, h = pull * context[j, k], pull * center[i, k]
            center_squares[i, k] += g * g
            context_squares[j, k] += h * h
            center[i, k] -= eta * g / np.sqrt(center_squares[i, k] + 1e-8)
            context[j, k] -= eta * h / np.sqrt(context_squares[j, k] + 1e-8)
    return cost


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("dim", [1, 4, 11])
def test_records_are_visited_one_after_the_other_as_the_author_does(device, dim, shared):
    records, center, context, center_squares, context_squares = problem(dim)
    expected = [a.astype(float) for a in (center, context, center_squares, context_squares)]
    if shared:
        context, context_squares = center, center_squares
        expected = [expected[0], expected[0], expected[2], expected[2]]
    cost, skipped = kernel("adagrad", device).visit_records(
        records, center, context, center_squares, context_squares, 0.1
    )
    assert skipped == 0
    assert_allclose(cost, plain(records, *expected, 0.1), rtol=1e-4)
    found = (center, context, center_squares, context_squares)
    for array, right in zip(found, expected, strict=True):
        assert array.dtype == np.float32
        assert_allclose(array, right, **CLOSE)


def test_the_order_of_records_matters(device):
    records, *arrays = problem()
    _, _, forwards = visit(device, records, *arrays)
    _, _, backwards = visit(device, records[::-1].copy(), *arrays)
    assert np.abs(forwards[0] - backwards[0]).max() > 1e-3


def test_squares_hold_the_gradient_of_half_the_cost(device):
    # the factor 2 of the derivative of f e^2 is left out: the gradient is that of f e^2 / 2
    records, *arrays = problem(n=1, seed=3)
    i, step = int(records["row"][0]), 1e-2
    _, _, (_, _, squares, _) = visit(device, records, *arrays)
    for k in range(arrays[0].shape[1]):
        costs = []
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[0][i, k] += sign * step
            costs.append(visit(device, records, *moved)[0])
        slope = (costs[0] - costs[1]) / (2 * step)
        # float32 costs differ by some 1e-7, divided by 0.02
        assert_allclose(np.sqrt(squares[i, k] - 1), abs(slope), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("target, weight", [(np.nan, 1), (np.inf, 1), (1e30, 1e30), (0, np.nan)])
def test_a_record_that_is_not_finite_is_counted_and_changes_nothing(device, target, weight):
    _, *arrays = problem()
    record = np.array([(0, 1, target, weight)], RECORD)
    cost, skipped, after = visit(device, record, *arrays)
    assert (cost, skipped) == (0, 1)
    for before, array in zip(arrays, after, strict=True):
        assert_array_equal(before, array)


def test_rows_without_a_record_stay(device):
    records, *arrays = problem(n_words=9, n=5)
    _, _, (center, context, _, _) = visit(device, records, *arrays)
    idle = sorted(set(range(9)) - set(records["row"].tolist()))
    assert idle
    assert_array_equal(center[idle], arrays[0][idle])
    idle = sorted(set(range(9)) - set(records["column"].tolist()))
    assert_array_equal(context[idle], arrays[1][idle])


def test_no_records_cost_nothing(device):
    _, *arrays = problem()
    assert visit(device, np.zeros(0, RECORD), *arrays)[:2] == (0, 0)


@pytest.mark.parametrize("dim", [16, 100, 128])
def test_devices_agree_in_large_dimensions(device, dim):
    records, *arrays = problem(dim, n_words=40, n=400)
    cost, _, found = visit(device, records, *(array / dim for array in arrays[:2]), *arrays[2:])
    right, _, expected = visit(
        "reference", records, *(array / dim for array in arrays[:2]), *arrays[2:]
    )
    assert_allclose(cost, right, rtol=1e-5)
    for array, reference in zip(found, expected, strict=True):
        assert_allclose(array, reference, **CLOSE)
