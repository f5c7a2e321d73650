import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from textzero.kernels import kernel

DIM, N_WORDS, N_ROWS = 32, 23, 7
# float32 has 24 bits: sums of some thirty terms of size 1 are exact to a few 1e-7, and solving a
# system multiplies that by its condition, below 100 here.
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def problem(seed=0, n_rows=N_ROWS, dim=DIM):
    """Arguments of solve_rows: rows of 0 to 15 records, weights from 0.1 to 2.

    The unobserved part leaves the identity positive: its greatest eigenvalue is below 1.
    """
    random = np.random.default_rng(seed)
    sizes = random.integers(0, 16, n_rows)
    sizes[:2] = 0, 1  # a row that met nothing; fewer records than the kernel takes at a time
    columns = [np.sort(random.choice(N_WORDS, size, replace=False)) for size in sizes]
    n = int(sizes.sum())
    matrix = (random.normal(size=(N_WORDS, dim)) * 1.5 / math.sqrt(dim)).astype(np.float32)
    return {
        "rows": random.normal(size=(n_rows, dim)).astype(np.float32),
        "context": kernel("least_squares", "reference").pack(matrix),
        "starts": np.cumsum([0, *sizes]),
        "columns": np.concatenate(columns).astype(np.int32),
        "logs": random.normal(size=n).astype(np.float32),
        "weights": random.uniform(0.1, 2, n).astype(np.float32),
        "row_bias": random.normal(size=n_rows).astype(np.float32),
        "column_bias": random.normal(size=N_WORDS).astype(np.float32),
        "clip": -math.inf,
        "row_weights": random.uniform(0.5, 2, n_rows).astype(np.float32),
        "column_weights": random.uniform(0.01, 0.09, N_WORDS).astype(np.float32),
        "curvature": random.uniform(0, 0.3, dim).astype(np.float32),
        "steps": 40,
    }


def solve(device, **arguments):
    return kernel("least_squares", device).solve_rows(*arguments.values())


def context_of(arguments):
    return kernel("least_squares", "reference").unpack(arguments["context"]).astype(float)


def row_of(arguments, i):
    """(columns, targets, weights) of row i in float64."""
    part = slice(arguments["starts"][i], arguments["starts"][i + 1])
    columns = arguments["columns"][part]
    targets = arguments["logs"][part].astype(float) + arguments["row_bias"][i]
    targets = np.maximum(targets + arguments["column_bias"][columns], arguments["clip"])
    return columns, targets, arguments["weights"][part].astype(float)


def ridge_of(arguments):
    """What the identity of these coordinates holds besides the pairs: lambda, turned."""
    context = context_of(arguments)
    ridge = np.eye(context.shape[1]) - (context.T * arguments["column_weights"]) @ context
    assert np.linalg.eigvalsh(ridge).min() > 0.1
    return ridge


def objective(arguments, i, w):
    """The sum that row i minimises, pair by pair."""
    columns, targets, weights = row_of(arguments, i)
    context, u = context_of(arguments), float(arguments["row_weights"][i])
    met = dict(zip(columns.tolist(), zip(targets, weights, strict=True), strict=True))
    total = u * (w @ ridge_of(arguments) @ w)
    for j in range(N_WORDS):
        if j in met:
            total += met[j][1] * (w @ context[j] - met[j][0]) ** 2
        else:
            total += u * arguments["column_weights"][j] * (w @ context[j]) ** 2
    return total


def normal_equations(arguments, i):
    """(A, b) of row i, pair by pair, in float64."""
    columns, targets, weights = row_of(arguments, i)
    context, u = context_of(arguments), float(arguments["row_weights"][i])
    a = u * ridge_of(arguments)
    for c, f in zip(context[columns], weights, strict=True):
        a += f * np.outer(c, c)
    for j in set(range(N_WORDS)) - set(columns.tolist()):
        a += u * arguments["column_weights"][j] * np.outer(context[j], context[j])
    return a, (weights * targets) @ context[columns]


@pytest.mark.parametrize("n, d", [(1, 1), (3, 5), (8, 16), (257, 50), (300, 33)])
def test_the_gram_matrix_is_the_weighted_sum_over_rows(device, n, d):
    random = np.random.default_rng(1)
    matrix = random.normal(size=(n, d)).astype(np.float32)
    weights = random.uniform(0, 2, n).astype(np.float32)
    gram = kernel("least_squares", device).gram(matrix, weights)
    assert gram.dtype == np.float64 and gram.shape == (d, d)
    assert_allclose(gram, gram.T, rtol=1e-12, atol=1e-12)
    exact = np.einsum("ia,i,ib->ab", matrix.astype(float), weights.astype(float), matrix)
    # some hundred products of size 1 are summed in float32
    assert_allclose(gram, exact, rtol=1e-5, atol=1e-6 * n)


def test_a_gram_matrix_of_no_rows_is_zero(device):
    gram = kernel("least_squares", device).gram(np.empty((0, 5), np.float32), np.empty(0, "f4"))
    assert_array_equal(gram, np.zeros((5, 5)))


@pytest.mark.parametrize(
    "n, d, e", [(0, 3, 4), (1, 1, 1), (7, 5, 32), (8, 32, 5), (19, 50, 64), (65, 33, 17)]
)
def test_a_product_is_the_sum_of_products(device, n, d, e):
    random = np.random.default_rng(2)
    matrix, factor = (random.normal(size=size).astype(np.float32) for size in [(n, d), (d, e)])
    product = kernel("least_squares", device).multiply(matrix, factor)
    assert product.dtype == np.float32 and product.shape == (n, e)
    assert product.flags.c_contiguous
    assert_allclose(product, matrix.astype(float) @ factor, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("device", ["cpu"], indirect=True)  # other devices ask a library
def test_a_row_of_a_product_has_the_same_bits_among_any_others(device):
    random = np.random.default_rng(3)
    matrix, factor = (random.normal(size=size).astype(np.float32) for size in [(21, 50), (50, 64)])
    multiply = kernel("least_squares", device).multiply
    whole = multiply(matrix, factor)
    for part in (slice(0, 8), slice(3, 4), slice(5, 20), slice(16, 21)):
        assert_array_equal(multiply(matrix[part], factor), whole[part])


def test_columns_of_a_wider_matrix_are_multiplied_too(device):
    random = np.random.default_rng(4)
    wide = random.normal(size=(9, 40)).astype(np.float32)[:, :20]
    factor = np.asfortranarray(random.normal(size=(20, 32)).astype(np.float32))
    product = kernel("least_squares", device).multiply(wide, factor)
    assert_allclose(product, wide.astype(float) @ factor, rtol=1e-5, atol=1e-5)


def test_packed_numbers_are_rounded_to_eight_bits(device):
    random = np.random.default_rng(5)
    kernels = kernel("least_squares", device)
    matrix = random.normal(size=(11, 96)).astype(np.float32)
    matrix *= np.exp2(random.integers(-60, 60, matrix.shape)).astype(np.float32)
    packed = kernels.pack(matrix)
    assert packed.dtype == np.int32 and packed.shape == (11, 48)
    found = kernels.unpack(packed)
    assert found.dtype == np.float32 and found.shape == matrix.shape
    error = np.abs(found.astype(float) - matrix) / np.abs(matrix.astype(float))
    first = (np.arange(96) % 32) < 16
    assert error.max() <= 2.0**-8
    assert (np.sign(found) == np.sign(matrix)).all()
    for half in (first, ~first):  # to both sides
        assert abs((np.abs(found) / np.abs(matrix) - 1)[:, half].mean()) < 2.0**-11


def test_zeros_and_short_numbers_are_packed_as_they_are(device):
    kernels = kernel("least_squares", device)
    short = np.array([0, 1, -1, 0.5, -3, 255, 2.0**-100, -(2.0**100)], np.float32)
    matrix = np.zeros((9, 64), np.float32)
    assert_array_equal(kernels.unpack(kernels.pack(matrix)), matrix)
    matrix[:8, :16] = short[:, None]  # low halves; zeros in the high ones, or next to nothing
    matrix[8, 16:32] = np.tile(short, 2)  # high halves, zeros in the low ones
    found = kernels.unpack(kernels.pack(matrix))
    assert_array_equal(found[:8, :16], matrix[:8, :16])
    assert_array_equal(found[8], matrix[8])
    assert np.abs(found[:8, 16:]).max() < 1e-40


TINY = [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 1.0, -1.0, 1.01, -1.01, 3e38, -3e38, 2.0**-126]


@given(arrays(np.float32, (2, 32), elements=st.sampled_from(TINY) | st.floats(-9, 9, width=32)))
def test_whatever_is_finite_stays_what_it_was(device, matrix):
    kernels = kernel("least_squares", device)
    found = kernels.unpack(kernels.pack(matrix)).astype(float)
    # 2^-8 of a number, and next to nothing beside a zero
    assert (np.abs(found - matrix) <= np.abs(matrix.astype(float)) / 256 + 1e-40).all()
    assert_array_equal(kernel("least_squares", "reference").pack(matrix), kernels.pack(matrix))


@pytest.mark.parametrize("clip", [-math.inf, 0.0])
def test_many_steps_solve_the_normal_equations(device, clip):
    arguments = problem() | {"clip": clip}
    new, _, _ = solve(device, **arguments)
    assert new.dtype == np.float32 and new.shape == (N_ROWS, DIM)
    for i in range(N_ROWS):
        assert_allclose(new[i], np.linalg.solve(*normal_equations(arguments, i)), **CLOSE)


def test_the_gradient_of_the_objective_vanishes_at_the_solution(device):
    arguments = problem(2)
    new, _, _ = solve(device, **arguments)
    for i in range(0, N_ROWS, 2):
        w, step = new[i].astype(float), 1e-4
        for axis in np.eye(DIM)[::5] * step:
            higher, lower = objective(arguments, i, w + axis), objective(arguments, i, w - axis)
            # the curvature is below 100, and w is exact to 1e-5
            assert abs(higher - lower) / (2 * step) < 2e-3


def test_no_step_is_a_step_of_the_preconditioner(device):
    arguments = problem(3) | {"steps": 0}
    new, _, _ = solve(device, **arguments)
    for i in range(N_ROWS):
        a, b = normal_equations(arguments, i)
        columns, _, weights = row_of(arguments, i)
        u, old = arguments["row_weights"][i], arguments["rows"][i].astype(float)
        sum_of_scales = max((weights - u * arguments["column_weights"][columns]).sum(), 0)
        expected = old + (b - a @ old) / (u + sum_of_scales * arguments["curvature"])
        assert_allclose(new[i], expected, **CLOSE)


def test_one_step_goes_where_the_preconditioner_points_to_the_lowest_point(device):
    arguments = problem(3)
    new, _, _ = solve(device, **arguments | {"steps": 1})
    pointed, _, _ = solve(device, **arguments | {"steps": 0})
    for i in range(N_ROWS):
        old = arguments["rows"][i].astype(float)
        down, way = pointed[i] - old, new[i] - old
        assert_allclose(way / np.linalg.norm(way), down / np.linalg.norm(down), atol=1e-4)
        here = objective(arguments, i, new[i].astype(float))
        assert here < objective(arguments, i, old)
        for factor in (0.9, 1.1):
            assert here < objective(arguments, i, old + factor * way)


def test_each_step_lowers_the_objective_and_is_a_step_of_conjugate_gradients(device):
    arguments = problem(4)
    for i in (2, 3):
        a, b = normal_equations(arguments, i)
        old, values = arguments["rows"][i].astype(float), []
        columns, _, weights = row_of(arguments, i)
        u = arguments["row_weights"][i]
        scale = max((weights - u * arguments["column_weights"][columns]).sum(), 0)
        inverse = 1 / (u + scale * arguments["curvature"])
        # the lowest point of the space that k residuals span
        space = [inverse * (b - a @ old)]
        for steps in (1, 2, 3):
            span = np.linalg.qr(np.array(space).T)[0]
            best = old + span @ np.linalg.solve(span.T @ a @ span, span.T @ (b - a @ old))
            new, _, _ = solve(device, **arguments | {"steps": steps})
            assert_allclose(new[i], best, rtol=1e-3, atol=1e-3)
            values.append(objective(arguments, i, new[i].astype(float)))
            space.append(inverse * (a @ space[-1]))
        assert objective(arguments, i, old) > values[0] > values[1] > values[2]


@pytest.mark.parametrize("clip", [-math.inf, 0.0])
def test_losses_and_objectives_are_those_of_the_rows_given(device, clip):
    arguments = problem(4) | {"clip": clip}
    _, losses, objectives = solve(device, **arguments | {"steps": 1})
    assert losses.dtype == objectives.dtype == np.float64
    assert losses.shape == objectives.shape == (N_ROWS,)
    for i in range(N_ROWS):
        columns, targets, weights = row_of(arguments, i)
        products = context_of(arguments)[columns] @ arguments["rows"][i]
        assert_allclose(losses[i], (weights * (products - targets) ** 2).sum(), rtol=1e-5)
        w = arguments["rows"][i].astype(float)
        assert_allclose(objectives[i], objective(arguments, i, w), rtol=1e-5)


def test_pairs_that_never_met_may_weigh_more_than_those_that_did(device):
    arguments = problem(8)
    arguments["weights"] = np.full_like(arguments["weights"], 1e-3)
    new, _, _ = solve(device, **arguments)
    for i in range(N_ROWS):
        assert_allclose(new[i], np.linalg.solve(*normal_equations(arguments, i)), **CLOSE)


def test_a_word_that_met_nothing_goes_to_zero(device):
    arguments = problem() | {"steps": 1}
    new, losses, objectives = solve(device, **arguments)
    assert_allclose(new[0], np.zeros(DIM), atol=1e-6)
    assert losses[0] == 0
    square = (arguments["rows"][0].astype(float) ** 2).sum()
    assert_allclose(objectives[0], arguments["row_weights"][0] * square, rtol=1e-6)


def test_a_row_that_is_solved_stays_where_it_is(device):
    arguments = problem()
    arguments["rows"], _, before = solve(device, **arguments)
    again, _, after = solve(device, **arguments)
    assert np.isfinite(again).all() and (after <= before).all()
    assert_allclose(again, arguments["rows"], **CLOSE)
    zero = {name: np.zeros_like(arguments[name]) for name in ("rows", "logs", "row_bias")}
    zero["column_bias"] = np.zeros_like(arguments["column_bias"])
    nothing, losses, objectives = solve(device, **arguments | zero)
    assert not nothing.any() and not losses.any() and not objectives.any()


def test_given_arrays_are_left_as_they_are(device):
    arguments = problem()
    before = {k: v.copy() for k, v in arguments.items() if isinstance(v, np.ndarray)}
    solve(device, **arguments)
    for name, array in before.items():
        assert_array_equal(arguments[name], array)


def test_a_row_has_the_same_bits_whatever_rows_are_solved_with_it(device):
    arguments = problem(5) | {"steps": 3}
    whole = solve(device, **arguments)
    begin, end = arguments["starts"][3], arguments["starts"][5]
    part = {name: arguments[name][begin:end] for name in ("columns", "logs", "weights")}
    part |= {name: arguments[name][3:5] for name in ("rows", "row_bias", "row_weights")}
    some = solve(device, **(arguments | part | {"starts": arguments["starts"][3:6] - begin}))
    for found, expected in zip(some, whole, strict=True):
        assert_array_equal(found, expected[3:5])


@pytest.mark.parametrize("dim", [64, 128])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_other_dimensions_agree_with_the_reference(device, dim, steps):
    arguments = problem(6, dim=dim) | {"steps": steps}
    found, expected = solve(device, **arguments), solve("reference", **arguments)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert_allclose(one, other, **CLOSE)  # sums in another order


def test_no_rows_are_solved(device):
    arguments = problem()
    nothing = {name: arguments[name][:0] for name in ("columns", "logs", "weights")}
    nothing |= {name: arguments[name][:0] for name in ("rows", "row_bias", "row_weights")}
    new, losses, objectives = solve(device, **arguments | nothing | {"starts": np.zeros(1, int)})
    assert new.shape == (0, DIM) and losses.shape == objectives.shape == (0,)


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


def test_rare_counts_and_frequent_ones_are_measured_alike(device):
    # about 4096 of them: some are looked up in a table, the others computed
    counts = np.r_[1:9, 4090:4101, 1 << 20, (1 << 40) + 1]
    data = b"".join(bytes([0]) + leb128(int(count)) for count in counts)
    data = np.frombuffer(data, np.uint8)
    columns, logs, weights = kernel("least_squares", device).prepare_rows(
        data, np.array([0, data.size]), np.array([counts.size]), 0.25, 9e3, 0.6, False, 0.0
    )
    assert columns.tolist() == list(range(counts.size))
    assert_allclose(logs, np.log(counts * 0.25), rtol=2e-7, atol=1e-7)
    assert_allclose(weights, (counts * 0.25 / 9e3) ** 0.6, rtol=1e-6)


def test_no_rows_are_prepared_from_no_bytes(device):
    nothing = kernel("least_squares", device).prepare_rows(
        np.empty(0, np.uint8), np.zeros(3, np.int64), np.zeros(2, np.int64), 1, 1, 1, True, 0
    )
    assert [part.size for part in nothing] == [0, 0, 0]


def leb128(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
