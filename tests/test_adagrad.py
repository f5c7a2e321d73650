import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.errors import InputError
from textzero.kernels.reference.cooccurrence import _encode
from textzero.progress import Progress
from textzero.vectors import adagrad as module
from textzero.vectors import checkpoint, tiles
from textzero.vectors.adagrad import AdaGradSettings, train_adagrad
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.tiles import Tiles
from textzero.vectors.trained import TrainingStopped
from textzero.vocabulary import Vocabulary

FEW = AdaGradSettings(epochs=3)


def settings(**changes):
    return TrainingSettings(**{"dim": 4, "unobserved_weight": 0.0, "model": "shared", **changes})


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(70)]
    texts = [" ".join(words[i] for i in random.zipf(1.3, 30) % 70) for _ in range(80)]
    return count_cooccurrences(texts, Vocabulary(words, np.arange(170, 100, -1)), window=3)


def triangle():
    """x: a-b 6, a-c 2, b-c 1 in each direction; counts 10, 6, 4; and the pairs' information."""
    x, n = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]]), np.array([10, 6, 4])
    rows = [{j: int(k) for j, k in enumerate(row) if k} for row in x]
    data, lengths = _encode(rows)
    held = Cooccurrence(Vocabulary([*"abc"], n), data, lengths, np.zeros(3, np.int64), 1.0, {})
    off = ~np.eye(3, dtype=bool)
    return held, np.log(x[off] / 18 * 400 / np.outer(n, n)[off]), off


@pytest.mark.parametrize("model", ["shared", "concat"])
def test_products_become_the_mutual_information(model):
    held, m, off = triangle()
    trained = train_adagrad(held, settings(model=model, x_max=1e-9), AdaGradSettings(2000, 0.1))
    products = trained.center @ trained.context.T
    assert_allclose(products[off], m, atol=1e-3)
    assert (trained.center is trained.context) == (model == "shared")


@pytest.mark.parametrize("model", ["shared", "center"])
def test_an_epoch_is_the_authors_loop_over_the_same_records(matrix, model):
    chosen = settings(model=model).resolved("flat", 70)
    places = [place for places in Tiles(matrix, chosen, 1 << 40, 1).rounds() for place in places]
    held = Tiles(matrix, chosen, 1 << 40, 1)
    random = np.random.default_rng(0)
    center, context = (
        (random.random((70, 4), np.float32).astype(float) - 0.5) / 4 for _ in range(2)
    )
    if model == "shared":
        context = center
    squares = np.ones((70, 4))
    other = squares if model == "shared" else squares.copy()
    costs = []
    for _ in range(3):
        costs.append(0.0)
        for place in places:
            for i, j, target, weight in held.read(*place).tolist():
                error = center[i] @ context[j] - target
                costs[-1] += weight * error**2 / 2 / matrix.records
                g, h = weight * error * context[j], weight * error * center[i]
                squares[i] += g * g
                other[j] += h * h
                center[i], context[j] = (
                    center[i] - 0.1 * g / np.sqrt(squares[i] + 1e-8),
                    context[j] - 0.1 * h / np.sqrt(other[j] + 1e-8),
                )
    trained = train_adagrad(matrix, settings(model=model), FEW)
    # some thousand float32 steps
    assert_allclose(trained.losses, costs, rtol=1e-4)
    assert_allclose(trained.center, center, atol=1e-3)
    assert_allclose(trained.context, context, atol=1e-3)


def test_the_first_loss_is_the_mean_of_weighted_squares():
    held, m, off = triangle()
    x = np.array([[0, 6, 2], [6, 0, 1], [2, 1, 0]])[off]
    crawling = AdaGradSettings(1, 1e-6)
    weights = np.sqrt(x / 4)
    changes = {"x_max": 4.0, "exponent": 0.5, "dim": 64}  # the start is below 1/128
    loss = train_adagrad(held, settings(**changes, truncate=False), crawling).losses[0]
    assert_allclose(loss, (weights * m**2).mean() / 2, rtol=1e-2)
    loss = train_adagrad(held, settings(**changes), crawling).losses[0]
    assert_allclose(loss, (np.minimum(weights, 1) * m**2).mean() / 2, rtol=1e-2)


@pytest.mark.parametrize("model", ["shared", "sum"])
def test_the_bytes_are_the_same_for_any_threads_and_memory(matrix, monkeypatch, model):
    monkeypatch.setattr(tiles, "CHUNK", 11)
    monkeypatch.setattr(tiles, "RECORDS_A_WORD", 0)
    whole = train_adagrad(matrix, settings(model=model), FEW, workers=1)
    held = []
    prepare = Tiles.__init__

    def made(self, matrix, chosen, room, *rest):
        prepare(self, matrix, chosen, room if len(held) % 2 else 0, *rest)
        held.append(self._held is not None)

    monkeypatch.setattr(Tiles, "__init__", made)
    for workers in (1, 2, 7):
        for _ in range(2):
            trained = train_adagrad(matrix, settings(model=model), FEW, workers=workers)
            assert_array_equal(trained.center, whole.center)
            assert_array_equal(trained.context, whole.context)
            assert trained.losses == whole.losses
    assert held == [False, True] * 3


def test_both_devices_agree(matrix):
    expected = train_adagrad(matrix, settings(), FEW, device="reference")
    found = train_adagrad(matrix, settings(), FEW, device="cpu")
    assert_allclose(found.center, expected.center, atol=1e-3)  # the order of float32 sums
    assert_allclose(found.losses, expected.losses, rtol=1e-4)


def test_losses_fall_and_are_told_while_training(matrix):
    seen = []
    progress = Progress()
    monitored = []
    progress.advance = monitored.append
    trained = train_adagrad(
        matrix, settings(), AdaGradSettings(8), progress=progress,
        watch=lambda *each: seen.append(each),
    )  # fmt: skip
    assert seen == list(enumerate(trained.losses, 1)) and len(seen) == 8
    assert (np.diff(trained.losses) < 0).all()
    assert sum(monitored) == 8 * matrix.records and "train" in progress.seconds


def test_the_seed_decides(matrix):
    first, again = (train_adagrad(matrix, settings(seed=1), FEW) for _ in range(2))
    assert_array_equal(first.center, again.center)
    assert not np.array_equal(first.center, train_adagrad(matrix, settings(), FEW).center)


def test_training_starts_from_given_vectors(matrix):
    trained = train_adagrad(matrix, settings(model="sum"), AdaGradSettings(12))
    start = (trained.center, trained.context)
    before = [array.copy() for array in start]
    longer = train_adagrad(matrix, settings(model="sum"), AdaGradSettings(1), start=start)
    assert longer.losses[0] < trained.losses[-1] * 1.1 < trained.losses[0] / 2
    for array, copy in zip(start, before, strict=True):
        assert_array_equal(array, copy)
    with pytest.raises(ValueError, match=r"start must be two float arrays \(70, 4\), got \(3, 4\)"):
        train_adagrad(matrix, settings(), FEW, start=(np.ones((3, 4)), np.ones((70, 4))))


def test_numbers_between_plus_and_minus_half_over_dim_are_the_start(matrix):
    trained = train_adagrad(matrix, settings(model="sum", dim=8), AdaGradSettings(1, 1e-9))
    for start in (trained.center, trained.context):
        assert 0.9 / 16 < np.abs(start).max() <= 1 / 16
        assert abs(start.mean()) < 0.01
    assert not np.array_equal(trained.center, trained.context)


def test_models_are_made_of_two_matrices(matrix):
    added = train_adagrad(matrix, settings(model="sum"), FEW)
    joined = train_adagrad(matrix, settings(model="concat"), FEW)
    assert_array_equal(added.vectors(), added.center + added.context)
    assert_array_equal(joined.vectors(), np.hstack([added.center, added.context]))


def test_settings_are_the_authors_by_default(matrix):
    chosen = train_adagrad(matrix, settings(), FEW).settings
    assert (chosen.x_max, chosen.exponent, chosen.truncate) == (100, 0.75, True)
    assert (chosen.weight_offset, chosen.smoothing, chosen.clip) == (0, 1, -math.inf)
    assert (AdaGradSettings().epochs, AdaGradSettings().learning_rate) == (30, 0.1)


def test_a_weight_on_pairs_that_never_met_is_refused(matrix):
    with pytest.raises(ValueError, match=r"unobserved_weight must be 0, got 0\.03"):
        train_adagrad(matrix, TrainingSettings(dim=4, unobserved_weight=0.03))
    with pytest.raises(ValueError, match=r"unobserved_weight must be 0, got 0\.1"):
        TrainingSettings(solver="adagrad", unobserved_weight=0.1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite, got 0.0"),
        ({"learning_rate": math.inf}, "learning_rate must be positive and finite, got inf"),
        ({"learning_rate": math.nan}, "learning_rate must be positive and finite, got nan"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        AdaGradSettings(**changes)


def test_a_matrix_without_a_pair_is_refused():
    empty = count_cooccurrences(["a", "b"], Vocabulary(["a", "b"], np.array([1, 1])))
    with pytest.raises(InputError, match="got none"):
        train_adagrad(empty, settings())


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_training_that_does_not_stay_finite_stops_and_says_when(matrix, device):
    message = r"stopped in epoch 1: a vector is not finite, and .* lower the learning rate"
    with pytest.raises(TrainingStopped, match=message) as caught:
        train_adagrad(matrix, settings(), AdaGradSettings(5, 1e30), device=device)
    assert np.isfinite(caught.value.trained.center).all() and not caught.value.trained.losses


@pytest.mark.parametrize("model", ["shared", "sum"])
def test_a_loss_that_rises_stops_with_the_last_good_epoch(matrix, monkeypatch, model):
    kernels, calls = module.kernel("adagrad"), []
    visit = kernels.visit_records

    def worse(*given):
        calls.append(1)
        cost, skipped = visit(*given)
        return cost * (1 if len(calls) <= 2 * chunks else 9), skipped

    chunks = sum(
        map(len, Tiles(matrix, settings(model=model).resolved("flat"), 1 << 40, 1).rounds())
    )
    monkeypatch.setattr(kernels, "visit_records", worse)
    with pytest.raises(TrainingStopped, match="epoch 3: the loss rose from") as caught:
        train_adagrad(matrix, settings(model=model), AdaGradSettings(5))
    monkeypatch.undo()
    expected = train_adagrad(matrix, settings(model=model), AdaGradSettings(2))
    assert caught.value.trained.losses == expected.losses
    assert_array_equal(caught.value.trained.center, expected.center)
    assert_array_equal(caught.value.trained.context, expected.context)


@pytest.mark.parametrize("model", ["shared", "sum"])
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_broken_run_goes_on_to_the_same_bytes(matrix, tmp_path, monkeypatch, model, epochs):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0.0)
    whole = train_adagrad(matrix, settings(model=model), AdaGradSettings(4))

    def stop(epoch, _):
        if epoch == epochs + 1:
            raise KeyboardInterrupt

    seen, said = [], []
    with pytest.raises(KeyboardInterrupt):
        train_adagrad(
            matrix, settings(model=model), AdaGradSettings(4), watch=stop, checkpoint=tmp_path
        )
    trained = train_adagrad(
        matrix, settings(model=model), AdaGradSettings(4), checkpoint=tmp_path, resume=True,
        watch=lambda *each: seen.append(each), say=said.append,
    )  # fmt: skip
    assert said == [f"training goes on after {epochs} epochs"]
    assert [epoch for epoch, _ in seen] == list(range(epochs + 1, 5))
    assert trained.losses == whole.losses
    assert_array_equal(trained.center, whole.center)
    assert_array_equal(trained.context, whole.context)
    assert (trained.center is trained.context) == (model == "shared")
    said.clear()
    train_adagrad(
        matrix, settings(model=model), AdaGradSettings(5), checkpoint=tmp_path, resume=True,
        say=said.append,
    )  # fmt: skip
    assert len(said) == 1 and "other settings (epochs)" in said[0]


def test_the_file_of_records_is_gone_afterwards(matrix, tmp_path, monkeypatch):
    monkeypatch.setattr("textzero.vectors.adagrad.memory_bytes", lambda _: 120 << 20)
    train_adagrad(matrix, settings(), FEW, folder=tmp_path)
    assert not list(tmp_path.iterdir())
