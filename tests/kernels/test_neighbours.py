import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero.kernels import kernel


def best(device, scores, first=0, n=2, minimum=-np.inf):
    return kernel("neighbours", device).best_columns(
        np.array(scores, np.float32), first, n, minimum
    )


def test_the_highest_scores_of_each_row_come_first(device):
    sizes, columns, values = best(device, [[0.1, 0.9, 0.5, 0.7], [0.3, 0.2, 0.1, 0.0]], first=9)
    assert (sizes.dtype, columns.dtype, values.dtype) == (np.int64, np.int32, np.float32)
    assert_array_equal(sizes, [2, 2])
    assert_array_equal(columns, [1, 3, 0, 1])
    assert_array_equal(values, np.array([0.9, 0.7, 0.3, 0.2], np.float32))


def test_an_item_is_not_a_neighbour_of_itself(device):
    _, columns, _ = best(device, [[5, 9, 1, 2], [5, 1, 9, 2]], first=1)
    assert_array_equal(columns, [0, 3, 0, 3])


def test_ties_go_by_number(device):
    _, columns, _ = best(device, [[1, 2, 2, 2, 1, 2]], first=9, n=3)
    assert_array_equal(columns, [1, 2, 3])


def test_zero_with_a_sign_ties_with_zero_and_negative_scores_come_last(device):
    _, columns, values = best(device, [[-0.5, -0.0, 0.0, -0.0, -0.25, 1e-40]], first=9, n=6)
    assert_array_equal(columns, [5, 1, 2, 3, 4, 0])
    assert_array_equal(np.signbit(values), [False, True, False, True, True, True])


def test_a_score_of_the_minimum_is_enough(device):
    # 0.7 as float32 is below 0.7: the minimum is taken in float32 too
    sizes, columns, _ = best(device, [[0.7, 0.69, 0.71], [0.1, 0.2, 0.3]], first=9, minimum=0.7)
    assert_array_equal(sizes, [2, 0])
    assert_array_equal(columns, [2, 0])


def test_nothing_and_more_than_there_is(device):
    sizes, columns, values = best(device, np.empty((0, 4)))
    assert sizes.size == columns.size == values.size == 0
    sizes, columns, _ = best(device, [[1, 2, 3]], first=2, n=10)
    assert_array_equal(sizes, [2])
    assert_array_equal(columns, [1, 0])


def test_nan_is_never_among_the_best(device):
    _, columns, _ = best(device, [[np.nan, 1, np.nan, 2]], first=9, n=4)
    assert_array_equal(columns, [3, 1])


@pytest.mark.parametrize("seed", range(10))
def test_the_twins_agree(device, seed):
    random = np.random.default_rng(seed)
    shape, n = random.integers(1, 40, 2), int(random.integers(1, 12))
    scores = (random.integers(0, 20, shape) / 20).astype(np.float32)  # many ties
    expected = best("reference", scores, 2, n, 0.3)
    for got, array in zip(best(device, scores, 2, n, 0.3), expected, strict=True):
        assert got.dtype == array.dtype
        assert_array_equal(got, array)
