import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.kernels import kernel

DIM, N_WORDS, N_ROWS = 4, 23, 7
# float32 has 24 bits: sums of some twenty terms of size 1 are exact to a few 1e-7, and solving a
# system multiplies that by its condition, below 100 here.
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def problem(seed=0, n_rows=N_ROWS, dim=DIM):
    """Arguments of solve_rows: rows of 0 to 15 records, weights from 0.1 to 2."""
    random = np.random.default_rng(seed)
    sizes = random.integers(0, 16, n_rows)
    sizes[:2] = 0, 1  # a row that met nothing; fewer records than the kernel takes at a time
    columns = [np.sort(random.choice(N_WORDS, size, replace=False)) for size in sizes]
    n = int(sizes.sum())
    return {
        "rows": random.normal(size=(n_rows, dim)).astype(np.float32),
        "context": random.normal(size=(N_WORDS, dim)).astype(np.float32),
        "starts": np.cumsum([0, *sizes]),
        "columns": np.concatenate(columns).astype(np.int32),
        "logs": random.normal(size=n).astype(np.float32),
        "weights": random.uniform(0.1, 2, n).astype(np.float32),
        "row_bias": random.normal(size=n_rows).astype(np.float32),
        "column_bias": random.normal(size=N_WORDS).astype(np.float32),
        "clip": -math.inf,
        "unobserved_weight": 0.05,
        "regularisation": 0.5,
        "steps": 20,
    }


def solve(device, **arguments):
    kernels = kernel("least_squares", device)
    gram = kernels.gram(arguments["context"])
    order = ["rows", "context", "starts", "columns", "logs", "weights", "row_bias", "column_bias"]
    last = ["unobserved_weight", "regularisation", "steps"]
    return kernels.solve_rows(
        *(arguments[name] for name in (*order, "clip")), gram, *(arguments[name] for name in last)
    )


def row_of(arguments, i):
    """(columns, targets, weights) of row i in float64."""
    part = slice(arguments["starts"][i], arguments["starts"][i + 1])
    columns = arguments["columns"][part]
    targets = arguments["logs"][part].astype(float) + arguments["row_bias"][i]
    targets = np.maximum(targets + arguments["column_bias"][columns], arguments["clip"])
    return columns, targets, arguments["weights"][part].astype(float)


def objective(arguments, i, w):
    """The sum that row i minimises, pair by pair, without a Gram matrix."""
    columns, targets, weights = row_of(arguments, i)
    context = arguments["context"].astype(float)
    met = dict(zip(columns.tolist(), zip(targets, weights, strict=True), strict=True))
    total = arguments["regularisation"] * (w @ w)
    for j in range(N_WORDS):
        if j in met:
            total += met[j][1] * (w @ context[j] - met[j][0]) ** 2
        else:
            total += arguments["unobserved_weight"] * (w @ context[j]) ** 2
    return total


@pytest.mark.parametrize("n_rows", [1, 3, 4, 1024, 2051])
def test_the_gram_matrix_is_the_sum_over_rows(device, n_rows):
    matrix = np.random.default_rng(1).normal(size=(n_rows, DIM)).astype(np.float32)
    gram = kernel("least_squares", device).gram(matrix)
    assert gram.dtype == np.float32 and gram.shape == (DIM, DIM)
    exact = np.einsum("ia,ib->ab", matrix.astype(float), matrix.astype(float))
    # blocks of 1024 products are summed in float32: 1024 roundings of 6e-8 of the largest sum
    assert_allclose(gram, exact, rtol=1e-5, atol=1e-5 * n_rows)


@pytest.mark.parametrize("clip", [-math.inf, 0.0])
def test_many_steps_solve_the_normal_equations(device, clip):
    arguments = problem() | {"clip": clip}
    new, _ = solve(device, **arguments)
    assert new.dtype == np.float32 and new.shape == (N_ROWS, DIM)
    context, w0 = arguments["context"].astype(float), arguments["unobserved_weight"]
    for i in range(N_ROWS):
        columns, targets, weights = row_of(arguments, i)
        a = arguments["regularisation"] * np.eye(DIM)
        for c, f in zip(context[columns], weights, strict=True):
            a += f * np.outer(c, c)
        for j in set(range(N_WORDS)) - set(columns.tolist()):
            a += w0 * np.outer(context[j], context[j])
        b = (weights * targets) @ context[columns]
        assert_allclose(new[i], np.linalg.solve(a, b), **CLOSE)


def test_the_gradient_of_the_loss_vanishes_at_the_solution(device):
    arguments = problem(2)
    new, _ = solve(device, **arguments)
    for i in range(N_ROWS):
        w, step = new[i].astype(float), 1e-4
        for axis in np.eye(DIM) * step:
            higher, lower = objective(arguments, i, w + axis), objective(arguments, i, w - axis)
            # the curvature is below 100, and w is exact to 1e-5
            assert abs(higher - lower) / (2 * step) < 2e-3


def test_one_step_goes_down_the_gradient_to_the_lowest_point(device):
    arguments = problem(3) | {"steps": 1}
    new, _ = solve(device, **arguments)
    for i in range(N_ROWS):
        old, step = arguments["rows"][i].astype(float), 1e-3
        values = [objective(arguments, i, old + x * step) for x in (*np.eye(DIM), *-np.eye(DIM))]
        gradient = (np.array(values[:DIM]) - values[DIM:]) / (2 * step)
        down, way = -gradient, new[i] - old
        assert_allclose(way / np.linalg.norm(way), down / np.linalg.norm(down), atol=1e-4)
        here = objective(arguments, i, new[i].astype(float))
        for factor in (0.9, 1.1):
            assert here < objective(arguments, i, old + factor * way)


def test_losses_are_those_of_the_rows_given(device):
    arguments = problem(4) | {"clip": 0.0}
    _, losses = solve(device, **arguments)
    assert losses.dtype == np.float64 and losses.shape == (N_ROWS,)
    for i in range(N_ROWS):
        columns, targets, weights = row_of(arguments, i)
        products = arguments["context"][columns].astype(float) @ arguments["rows"][i]
        assert_allclose(losses[i], (weights * (products - targets) ** 2).sum(), **CLOSE)


def test_a_word_that_met_nothing_goes_to_zero(device):
    new, losses = solve(device, **problem())
    assert_allclose(new[0], np.zeros(DIM), atol=1e-5)
    assert losses[0] == 0


def test_given_arrays_are_left_as_they_are(device):
    arguments = problem()
    before = {k: v.copy() for k, v in arguments.items() if isinstance(v, np.ndarray)}
    solve(device, **arguments)
    for name, array in before.items():
        assert_array_equal(arguments[name], array)


def test_a_row_has_the_same_bits_whatever_rows_are_solved_with_it(device):
    arguments = problem(5)
    new, losses = solve(device, **arguments)
    begin = arguments["starts"][3]
    end = arguments["starts"][5]
    part = {name: arguments[name][begin:end] for name in ("columns", "logs", "weights")}
    part |= {name: arguments[name][3:5] for name in ("rows", "row_bias")}
    some, some_losses = solve(
        device, **(arguments | part | {"starts": arguments["starts"][3:6] - begin})
    )
    assert_array_equal(some, new[3:5])
    assert_array_equal(some_losses, losses[3:5])


@pytest.mark.parametrize("dim", [3, 8])
def test_other_dimensions_agree_with_the_reference(device, dim):
    arguments = problem(6, dim=dim) | {"steps": 3}
    new, losses = solve(device, **arguments)
    expected, expected_losses = solve("reference", **arguments)
    assert_allclose(new, expected, **CLOSE)  # sums in another order
    assert_allclose(losses, expected_losses, **CLOSE)


@pytest.mark.parametrize("truncate", [True, False])
def test_weights_are_powers_of_the_count(device, truncate):
    # row 0: column 1 x 16 units, column 3 x 625; row 1: nothing; row 2: column 0 x 1
    data = np.array([1, 16, 1, 625 & 0x7F | 0x80, 625 >> 7, 0, 1], np.uint8)
    columns, logs, weights = kernel("least_squares", device).prepare_rows(
        data, np.array([0, 5, 5, 7]), np.array([2, 0, 1]), 0.5, 40.5, 0.75, truncate, 0.25
    )
    assert (columns.dtype, logs.dtype, weights.dtype) == (np.int32, np.float32, np.float32)
    assert columns.tolist() == [1, 3, 0]
    # float32 rounds to 6e-8 of the value
    assert_allclose(logs, [math.log(8), math.log(312.5), math.log(0.5)], rtol=2e-7)
    full = 1 if truncate else (312.5 / 40.5) ** 0.75
    expected = [(8 / 40.5) ** 0.75, full, 1 / 27]  # (1 / 81) ** 0.75 = 1 / 27
    assert_allclose(weights, np.array(expected) + 0.25, rtol=2e-7)


def test_no_rows_are_prepared_from_no_bytes(device):
    nothing = kernel("least_squares", device).prepare_rows(
        np.empty(0, np.uint8), np.zeros(3, np.int64), np.zeros(2, np.int64), 1, 1, 1, True, 0
    )
    assert [part.size for part in nothing] == [0, 0, 0]
