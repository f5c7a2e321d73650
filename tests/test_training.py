import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.kernels.cpu import least_squares
from textzero.kernels.reference.cooccurrence import _encode
from textzero.vectors import blocks, chunks, training
from textzero.vectors.training import TrainingSettings, log_probabilities, train_vectors
from textzero.vocabulary import Vocabulary

# Plain least squares on the pairs that met: all of them weigh 1, next to no regularisation.
PLAIN = {
    "unobserved_weight": 0.0, "weight_offset": 0.0, "smoothing": 1.0, "clip": -math.inf,
    "x_max": 1e-9, "regularisation": 1e-6, "sweeps": 40, "tolerance": 0.0, "steps": 12, "dim": 4,
}  # fmt: skip
FAST = {"dim": 4, "sweeps": 2, "steps": 2}
ROUNDED = 5e-3  # of products near 1: the matrix that is read is rounded to eight bits


def matrix_of(units, counts, unit=1.0):
    """A Cooccurrence with these whole numbers of units off its diagonal."""
    rows = [{j: int(x) for j, x in enumerate(row) if x and j != i} for i, row in enumerate(units)]
    data, lengths = _encode(rows)
    words = Vocabulary([f"w{i}" for i in range(len(rows))], np.array(counts))
    return Cooccurrence(words, data, lengths, np.zeros(len(rows), np.int64), unit, {})


def low_rank(seed=0, n=40, rank=3):
    """(matrix, its mutual information m = GG' - ln Z): rank 4, no negative eigenvalue.

    With p_i = n_i / N and x_ij = p_i p_j exp(<g_i, g_j>) let X = Z: then m = <g_i, g_j> - ln Z.
    """
    random = np.random.default_rng(seed)
    g = random.normal(size=(n, rank)) * 0.3
    counts = random.integers(50, 100, n)
    p = counts / counts.sum()
    x = np.outer(p, p) * np.exp(g @ g.T)
    np.fill_diagonal(x, 0)
    z = x.sum()
    assert z < 1  # so that -ln Z is positive
    unit = 2.0**-50  # whole numbers of units have some thirteen digits
    return matrix_of(np.rint(x / unit), counts, unit), g @ g.T - math.log(z)


def off_diagonal(square):
    return square[~np.eye(len(square), dtype=bool)]


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    texts = [" ".join(random.choice(words, 12)) for _ in range(80)]
    return count_cooccurrences(texts, Vocabulary(words, np.full(30, 32)), window=3)


def test_products_are_the_mutual_information_of_the_formula():
    # x: a-b 6, a-c 2, b-c 1 in each direction, X = 18; counts 10, 6, 4, N = 20
    x = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]])
    n = np.array([10, 6, 4])
    trained = train_vectors(matrix_of(x, n), **PLAIN)
    products = trained.center @ trained.context.T
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        m = math.log(x[i, j]) - math.log(18) + 2 * math.log(20) - math.log(n[i]) - math.log(n[j])
        assert_allclose([products[i, j], products[j, i]], [m, m], atol=ROUNDED)


def test_smoothing_raises_the_context_distribution_to_a_power():
    x, n = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([10, 6, 4])
    trained = train_vectors(matrix_of(x, n), **PLAIN | {"smoothing": 0.5})
    p, context = n / n.sum(), np.sqrt(n) / np.sqrt(n).sum()
    expected = np.log(x / 18 / np.outer(p, context), where=x > 0, out=np.zeros((3, 3)))
    products = trained.center @ trained.context.T
    assert_allclose(off_diagonal(products), off_diagonal(expected), atol=ROUNDED)


def test_a_shift_lowers_every_target_before_it_is_clipped():
    x, n = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([10, 6, 4])
    m = np.log(x / 18 * 400 / np.outer(n, n), where=x > 0, out=np.zeros((3, 3))) - math.log(2)
    for clip in (-math.inf, -0.5):
        trained = train_vectors(matrix_of(x, n), **PLAIN | {"shift": 2.0, "clip": clip})
        products = trained.center @ trained.context.T
        assert_allclose(off_diagonal(products), off_diagonal(np.maximum(m, clip)), atol=ROUNDED)


def test_marginals_of_pairs_are_the_sums_of_rows():
    # rows 8, 7, 3 of 18: counts of words do not matter
    x, rows = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([8, 7, 3])
    m = np.log(x * 18 / np.outer(rows, rows), where=x > 0, out=np.zeros((3, 3)))
    for unit in (1.0, 0.25):
        trained = train_vectors(matrix_of(x, [100, 10, 1], unit), **PLAIN | {"marginals": "pairs"})
        products = trained.center @ trained.context.T
        assert_allclose(off_diagonal(products), off_diagonal(m), atol=ROUNDED)


def test_marginals_of_pairs_are_smoothed_too():
    x, rows = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([8, 7, 3])
    p, context = rows / 18, np.sqrt(rows) / np.sqrt(rows).sum()
    m = np.log(x / 18 / np.outer(p, context), where=x > 0, out=np.zeros((3, 3)))
    changes = {"marginals": "pairs", "smoothing": 0.5}
    trained = train_vectors(matrix_of(x, [100, 10, 1]), **PLAIN | changes)
    products = trained.center @ trained.context.T
    assert_allclose(off_diagonal(products), off_diagonal(m), atol=ROUNDED)


def test_targets_are_clipped_from_below():
    x, n = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([10, 6, 4])
    m = np.log(x / 18 * 400 / np.outer(n, n), where=x > 0, out=np.zeros((3, 3)))
    assert m.min() < -0.05
    trained = train_vectors(matrix_of(x, n), **PLAIN | {"clip": 0.0})
    products = trained.center @ trained.context.T
    assert_allclose(off_diagonal(products), off_diagonal(np.maximum(m, 0)), atol=ROUNDED)


def test_the_first_loss_is_the_mean_of_weighted_squares():
    # vectors that start at zero err by m: 1/2 mean of (x / x_max)^a m^2, truncated at weight 1
    x, n = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([10, 6, 4])
    changes = PLAIN | {"x_max": 4.0, "exponent": 0.5, "sweeps": 1}
    m = off_diagonal(np.log(x / 18 * 400 / np.outer(n, n), where=x > 0, out=np.zeros((3, 3))))
    weights = np.sqrt(off_diagonal(x) / 4)
    losses = train_vectors(matrix_of(x, n), **changes, truncate=False).losses
    assert_allclose(losses[0], (weights * m**2).mean() / 2, rtol=1e-5)
    losses = train_vectors(matrix_of(x, n), **changes).losses
    assert_allclose(losses[0], (np.minimum(weights, 1) * m**2).mean() / 2, rtol=1e-5)


@pytest.mark.parametrize("model", ["center", "shared"])
def test_mutual_information_of_low_rank_is_recovered(model):
    matrix, m = low_rank()
    trained = train_vectors(matrix, **PLAIN, model=model)
    products = trained.center @ trained.context.T
    # numbers of eight bits, a regularisation of 1e-6, values below 3
    assert_allclose(off_diagonal(products), off_diagonal(m), atol=2e-3)
    assert trained.losses[-1] < 1e-6 < 1e-3 < trained.losses[0]
    if model == "shared":
        assert trained.center is trained.context
        # what was never counted follows from the model: a word with itself
        assert_allclose(np.diag(products), np.diag(m), atol=1e-2)


def test_pairs_that_never_met_are_drawn_to_independence():
    x = np.zeros((6, 6), np.int64)
    for i, j in [(0, 1), (2, 3), (4, 5)]:
        x[i, j] = x[j, i] = 50
    matrix = matrix_of(x, np.full(6, 10))
    m = math.log(50 / 300 * 60**2 / 10**2)
    trained = train_vectors(
        matrix, **PLAIN | {"unobserved_weight": 0.1, "dim": 8, "regularisation": 1e-3}
    )
    products = trained.center @ trained.context.T
    # regularisation takes about lambda / f of the value
    assert_allclose(products[x > 0], m, atol=0.05)
    assert_allclose(products[x == 0], 0, atol=0.05)


def test_losses_fall_and_are_told_while_training(matrix):
    seen = []
    changes = FAST | {"regularisation": 0.01, "sweeps": 8, "tolerance": 0.0}
    changes["unobserved_weight"] = 0.0
    trained = train_vectors(matrix, **changes, watch=lambda *each: seen.append(each))
    assert seen == list(enumerate(trained.losses, 1))
    assert len(seen) == 16  # two matrices a sweep
    assert (np.diff(trained.losses) < 0).all()


@pytest.mark.parametrize("model", ["center", "shared"])
@pytest.mark.parametrize("power", [0.0, 0.5])
def test_what_is_minimised_falls_with_each_sweep(matrix, model, power):
    changes = {"dim": 8, "model": model, "unobserved_power": power, "tolerance": 0.0}
    objectives = train_vectors(matrix, **changes, sweeps=12).objectives
    assert len(objectives) == 12 * 2
    steps = np.diff(objectives)[2:]  # the first sweep, from random rows, is not judged
    assert (steps < 1e-3 * objectives[0]).all() and objectives[-1] < 0.9 * objectives[0]


def test_training_ends_when_a_sweep_no_longer_helps(matrix):
    changes = {"dim": 8, "sweeps": 50}
    objectives = train_vectors(matrix, **changes, tolerance=0.01).objectives
    assert 6 <= len(objectives) < 100 and len(objectives) % 2 == 0
    gains = [(a - b) / abs(a) for a, b in zip(objectives[1::2], objectives[3::2], strict=False)]
    assert gains[-1] < 0.01 and all(gain >= 0.01 for gain in gains[1:-1])
    longer = train_vectors(matrix, **changes, tolerance=0.0001).objectives
    assert len(longer) > len(objectives)
    assert longer[: len(objectives)] == objectives
    assert len(train_vectors(matrix, dim=8, tolerance=0.0001, sweeps=2).objectives) == 4


@pytest.mark.parametrize("dim", [1, 5, 50, 128, 300])
def test_any_dimension_has_the_same_bits_for_any_threads(dim, monkeypatch):
    monkeypatch.setattr(chunks, "_CHUNK", 16)  # several chunks of words, several blocks
    monkeypatch.setattr(blocks, "BLOCK_RECORDS", 60)
    matrix, _ = low_rank()
    one = train_vectors(matrix, dim=dim, sweeps=2, workers=1)
    assert one.center.shape == one.context.shape == (40, dim)
    assert one.center.dtype == one.context.dtype == np.float32
    assert np.isfinite(one.center).all() and one.objectives[-1] < one.objectives[0]
    for workers in (2, 7):
        trained = train_vectors(matrix, dim=dim, sweeps=2, workers=workers)
        assert_array_equal(trained.center, one.center)
        assert_array_equal(trained.context, one.context)
        assert trained.losses == one.losses and trained.objectives == one.objectives


def test_the_bytes_are_the_same_for_any_threads_blocks_and_memory(matrix, monkeypatch):
    whole = train_vectors(matrix, **FAST, workers=1)
    prepare, calls = least_squares.prepare_rows, []
    monkeypatch.setattr(
        least_squares, "prepare_rows", lambda *given: calls.append(1) or prepare(*given)
    )
    monkeypatch.setattr(blocks, "BLOCK_RECORDS", 60)
    n_blocks = len(matrix.blocks(60))
    assert n_blocks > 8
    for workers in (1, 2, 7):
        for record_bytes, times in [(12, 1), (1 << 40, 4)]:  # all kept, none kept in 4 half sweeps
            monkeypatch.setattr(blocks, "RECORD_BYTES", record_bytes)
            calls.clear()
            trained = train_vectors(matrix, **FAST, workers=workers)
            assert len(calls) == times * n_blocks
            assert_array_equal(trained.center, whole.center)
            assert_array_equal(trained.context, whole.context)


def test_the_seed_decides(matrix):
    first, again = (train_vectors(matrix, **FAST, seed=1) for _ in range(2))
    assert_array_equal(first.center, again.center)
    assert not np.array_equal(first.center, train_vectors(matrix, **FAST, seed=2).center)


def test_both_devices_agree(matrix):
    expected = train_vectors(matrix, **FAST, device="reference")
    found = train_vectors(matrix, **FAST, device="cpu")
    # each whitens in its own way, so that other numbers are rounded to eight bits
    assert_allclose(found.center, expected.center, atol=ROUNDED)
    assert_allclose(found.losses, expected.losses, rtol=1e-3)
    assert_allclose(found.objectives, expected.objectives, rtol=1e-3)


def test_models_are_made_of_two_matrices(matrix):
    center = train_vectors(matrix, **FAST, model="center", flattening=0.0)
    added = train_vectors(matrix, **FAST, model="sum")
    joined = train_vectors(matrix, **FAST, model="concat")
    assert center.vectors() is center.center
    assert_array_equal(added.vectors(), center.center + center.context)
    assert_array_equal(joined.vectors(), np.hstack([center.center, center.context]))
    assert joined.vectors().shape == (30, 8) and joined.vectors().dtype == np.float32


def test_the_vectors_are_w_unless_something_else_is_asked_for(matrix):
    trained = train_vectors(matrix, **FAST)
    assert trained.settings.model == "center" and trained.vectors() is trained.center


def test_settings_and_changes_are_one(matrix):
    settings = TrainingSettings(**FAST)
    changed = train_vectors(matrix, settings=settings, seed=5)
    assert_array_equal(changed.center, train_vectors(matrix, **FAST, seed=5).center)
    assert changed.settings.seed == 5 and settings.seed == 0
    assert None not in changed.settings.__dict__.values()


def test_without_unobserved_pairs_the_loss_is_the_authors():
    settings = TrainingSettings(unobserved_weight=0).resolved("flat")
    assert (settings.weight_offset, settings.smoothing, settings.clip) == (0, 1, -math.inf)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model": "cbow"}, "model must be one of center, shared, concat, sum, got 'cbow'"),
        ({"dim": 0}, "dim must be a whole number from 1, got 0"),
        ({"steps": 0}, "steps must be a whole number from 1, got 0"),
        ({"unobserved_weight": -1.0}, "unobserved_weight must not be negative"),
        ({"unobserved_weight": math.nan}, "unobserved_weight must not be negative"),
        ({"weight_offset": -0.1}, "weight_offset must not be negative"),
        ({"exponent": -1}, "exponent must not be negative"),
        ({"seed": -1}, "seed must not be negative"),
        ({"x_max": 0}, "x_max must be positive and finite, got 0"),
        ({"x_max": math.inf}, "x_max must be positive and finite, got inf"),
        ({"shift": 0}, "shift must be positive and finite, got 0"),
        ({"shift": math.nan}, "shift must be positive and finite, got nan"),
        ({"clip": math.nan}, "clip must be a number below infinity, got nan"),
        ({"smoothing": -1.0}, "smoothing must not be negative"),
        ({"marginals": "bytes"}, "marginals must be one of words, pairs, got 'bytes'"),
        ({"solver": "svd"}, "solver must be one of least-squares, adagrad, got 'svd'"),
        ({"regularisation": -1.0}, "regularisation must not be negative or infinite, got -1.0"),
        ({"tolerance": math.nan}, "tolerance must not be negative or infinite, got nan"),
        ({"unobserved_power": -0.5}, "unobserved_power must not be negative or infinite"),
        ({"sweeps": 0}, "sweeps must be a whole number from 1, got 0"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"device": "tpu"}, "device must be"),
    ],
)
def test_a_wrong_setting_is_named(matrix, changes, message):
    with pytest.raises(ValueError, match=message):
        train_vectors(matrix, **changes)


def test_a_matrix_without_a_pair_is_refused():
    empty = count_cooccurrences(["a", "b"], Vocabulary(["a", "b"], np.array([1, 1])))
    with pytest.raises(InputError, match="got none"):
        train_vectors(empty)


def test_damaged_counts_are_refused():
    matrix = matrix_of(np.array([[0, 1], [1, 0]]), [1, 1])
    column_9 = np.array([9, 1, 0, 1], np.uint8)
    for data in (column_9, matrix.data | 0x80):
        damaged = Cooccurrence(
            matrix.vocabulary, data, matrix.lengths, matrix.diagonal, 1.0, matrix.settings
        )
        with pytest.raises(InputError, match="damaged"):
            train_vectors(damaged, **FAST)


def test_log_probabilities_sum_to_one():
    logs = log_probabilities(np.array([8, 1, 0]), 1 / 3)  # a count of 0 stands for 1
    assert_allclose(np.exp(logs), [2 / 4, 1 / 4, 1 / 4], rtol=1e-12)


def test_vectors_of_three_lines_do_not_vanish():
    lines = ["the cat sat on the mat", "the dog sat on the rug", "a cat and a dog"]
    vocabulary = Vocabulary.from_counts(count_words(lines), min_count=1)
    pairs = count_cooccurrences(lines, vocabulary, window=5, weighting="harmonic")
    trained = train_vectors(pairs, dim=8)
    products = trained.center @ trained.context.T
    columns, _ = pairs.row("cat")
    # a scale of nats: pairs that met are told from independence
    assert products[vocabulary.id("cat"), columns].mean() > 0.1
    assert np.linalg.norm(trained.center, axis=1).min() > 0.1


def test_auto_is_the_gpu_only_where_there_is_one_and_a_kernel_for_it(monkeypatch):
    monkeypatch.setattr(training, "has_gpu", lambda: False)
    assert training.device_of("auto") == "cpu"
    monkeypatch.setattr(training, "has_gpu", lambda: True)
    for there, device in [(None, "cpu"), (object(), "gpu")]:
        monkeypatch.setattr(training, "find_spec", lambda _, there=there: there)
        assert training.device_of("auto") == device
    assert training.device_of("reference") == "reference"
