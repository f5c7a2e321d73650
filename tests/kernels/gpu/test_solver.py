"""Rows solved on the card against the definition: every layout of lanes, rows of many chunks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.kernels import kernel

# float32 sums of up to 1,500 terms in another order: some 1e-7 of the largest number, times the
# condition of what a few steps solve, below 100 here.
CLOSE = 2e-5


def problem(dim, sizes, unobserved=0.3, seed=0):
    """Arguments of solve_rows but for `steps`."""
    random, n_words = np.random.default_rng(seed), 60
    n, n_rows, sizes = sum(sizes), len(sizes), np.array(sizes)
    context = random.normal(size=(n_words, dim)) / np.sqrt(dim)
    return {
        "rows": random.normal(size=(n_rows, dim)).astype(np.float32),
        "context": kernel("least_squares", "reference").pack(context.astype(np.float32)),
        "starts": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "columns": random.integers(0, n_words, n).astype(np.int32),
        "logs": random.normal(size=n).astype(np.float32),
        "weights": random.uniform(0.1, 1, n).astype(np.float32),
        "row_bias": random.normal(size=n_rows).astype(np.float32),
        "column_bias": random.normal(size=n_words).astype(np.float32),
        "clip": -1.0,
        "row_weights": random.uniform(0.5, 1.5, n_rows).astype(np.float32),
        "column_weights": (unobserved * random.random(n_words)).astype(np.float32),
        "curvature": random.uniform(0, 0.01, dim).astype(np.float32),
    }


def solved(device, arguments, steps):
    return kernel("least_squares", device).solve_rows(**arguments, steps=steps)


def assert_as_defined(arguments, steps):
    expected = solved("reference", arguments, steps)
    for got, array in zip(solved("gpu", arguments, steps), expected, strict=True):
        assert got.dtype == array.dtype and got.shape == array.shape
        assert_allclose(got, array, rtol=CLOSE, atol=CLOSE * np.abs(array).max(initial=0))
    return expected


# widths of 4, 8, 16 and 32 lanes a row; 3, 4, 5, 8, 10 and 16 words a lane
@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("dim", [32, 64, 96, 128, 160, 320, 512, 1024])
def test_rows_are_those_of_the_definition(dim):
    assert_as_defined(problem(dim, [0, 1, 32, 33, 7, 64, 0, 19]), 1)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_long_rows_are_shared_by_warps(steps):
    assert_as_defined(problem(32, [1500, 0, 1024, 1025, 5]), steps)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_records_that_weigh_less_than_no_record(steps):
    arguments = problem(32, [40, 3, 20, 0], unobserved=3.0)
    i, f = np.repeat(np.arange(4), np.diff(arguments["starts"])), arguments["weights"]
    shares = f - arguments["row_weights"][i] * arguments["column_weights"][arguments["columns"]]
    assert np.bincount(i, shares, 4)[0] < 0  # so that s is cut off at 0
    assert_as_defined(arguments, steps)


@pytest.mark.usefixtures("cupy")
def test_a_row_that_is_solved_or_has_no_lowest_point_stays():
    arguments = problem(32, [0, 60, 9])
    arguments["rows"][0] = 0
    # one word, met 60 times, pulls row 1 up without end
    arguments["columns"][:60] = 3
    arguments["columns"][60:] = np.arange(10, 19)
    arguments["column_weights"][3] = 50
    new, _, _ = assert_as_defined(arguments, 3)
    assert_array_equal(new[:2], arguments["rows"][:2])
    assert np.abs(new[2] - arguments["rows"][2]).max() > 0.01


@pytest.mark.usefixtures("cupy")
def test_a_row_has_the_same_bits_whatever_rows_are_solved_with_it():
    arguments = problem(64, [1100, 3, 40, 0, 17])
    whole = solved("gpu", arguments, 2)
    for got, array in zip(solved("gpu", arguments, 2), whole, strict=True):
        assert_array_equal(got, array)  # the emulation runs warps in another order each time
    starts = arguments["starts"]
    for i in range(5):
        part = slice(starts[i], starts[i + 1])
        alone = {"starts": starts[i : i + 2] - starts[i]}
        alone |= {name: arguments[name][part] for name in ("columns", "logs", "weights")}
        alone |= {name: arguments[name][i : i + 1] for name in ("rows", "row_bias", "row_weights")}
        for got, array in zip(solved("gpu", arguments | alone, 2), whole, strict=True):
            assert_array_equal(got[0], array[i])


@pytest.mark.usefixtures("cupy")
def test_packed_words_are_those_of_the_definition():
    random, reference = np.random.default_rng(1), kernel("least_squares", "reference")
    matrix = random.normal(size=(40, 96)).astype(np.float32)
    matrix[0], matrix[1, ::3], matrix[2, ::2] = 0, -0.0, 1e-41
    matrix[3] *= np.float32(1e38)
    ties = np.arange(96, dtype=np.uint32) << 16 | np.uint32(0x3F808000)  # between two of bfloat16
    matrix[4] = ties.view(np.float32)
    packed = reference.pack(matrix)
    assert_array_equal(kernel("least_squares", "gpu").pack(matrix), packed)
    unpacked = kernel("least_squares", "gpu").unpack(packed)
    assert_array_equal(unpacked.view(np.int32), reference.unpack(packed).view(np.int32))


@pytest.mark.usefixtures("cupy")
def test_a_gram_matrix_of_many_blocks(monkeypatch):
    from textzero.kernels.gpu import _matrices

    monkeypatch.setattr(_matrices, "_BLOCK", 16)
    random = np.random.default_rng(2)
    matrix = random.normal(size=(100, 3)).astype(np.float32)
    weights = random.random(100).astype(np.float32)
    wide = matrix.astype(float)
    got = kernel("least_squares", "gpu").gram(matrix, weights)
    assert got.dtype == np.float64
    assert_array_equal(got, got.T)
    # products and sums of 24 in float32
    assert_allclose(got, (wide * weights[:, None]).T @ wide, atol=1e-4)
