import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus
from textzero.errors import InputError
from textzero.kernels.cpu import least_squares
from textzero.vectors.guard import is_done, why_stop
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings, TrainingStopped, train_vectors
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def lines():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    return [" ".join(random.choice(words, 12)) for _ in range(80)]


@pytest.fixture(scope="module")
def matrix(lines):
    words = Vocabulary([f"w{i}" for i in range(30)], np.full(30, 32))
    return count_cooccurrences(lines, words, window=3)


def spoil(monkeypatch, n, change):
    """From the n-th sweep over a matrix on, change the rows that the kernel returns."""
    solve, calls = least_squares.solve_rows, []

    def spoilt(*given):
        calls.append(1)
        new, losses, objectives = solve(*given)
        return change(new) if len(calls) >= n else new, losses, objectives

    monkeypatch.setattr(least_squares, "solve_rows", spoilt)


def test_a_falling_objective_is_no_reason_to_stop():
    objectives = [9.0, 5.0, 4.0, 3.0, 3.5, 2.0, 3.4, 1.0]  # w and c take turns
    for n in range(1, 9):
        assert why_stop(objectives[:n]) is None


def test_an_objective_is_compared_with_the_same_point_of_the_sweep_before():
    assert why_stop([9.0, 8.0, 8.0, 5.0, 8.1]) is None
    assert "the loss rose from 5 to 5.3;" in why_stop([9.0, 8.0, 8.0, 5.0, 5.0, 5.3])
    assert why_stop([9.0, 8.0, 8.0, 5.0, 5.0, 5.2]) is None  # less than a twentieth


def test_the_first_sweep_is_not_judged():
    assert why_stop([1.0, 9.0, 8.0]) is None
    assert why_stop([1.0, 2.0, 9.0, 9.0]) is None
    assert why_stop([1.0, 2.0, 2.0, 9.0, 9.0]) is not None


def test_noise_of_an_objective_that_is_almost_zero_is_no_reason_to_stop():
    assert why_stop([9.0, 9.0, 1e-9, 1e-9, 5e-9]) is None
    assert why_stop([9.0, 9.0, 1e-9, -1e-3, -1e-3, -1e-4]) is None  # a difference of sums
    assert "rose" in why_stop([9.0, 9.0, 1e-9, 1e-9, 0.1])


def test_training_is_done_when_a_sweep_helps_too_little_or_after_the_last():
    halves = [100.0, 100.0, 50.0, 49.9, 49.8, 49.7, 49.7, 49.6]
    assert [is_done(halves[:n], 20, 0.01) for n in range(9)] == [False] * 6 + [True] * 3
    assert [is_done(halves[:n], 20, 0.001) for n in (6, 8)] == [False, False]
    assert [is_done(halves[:n], 2, 0.001) for n in (2, 3, 4)] == [False, False, True]


def test_the_first_sweeps_may_stand_still():
    assert not is_done([9.0, 9.0, 9.0, 9.0], 20, 0.01)
    assert is_done([9.0] * 6, 20, 0.01)


def test_an_objective_that_rises_a_little_is_done():
    assert is_done([9.0, 9.0, 5.0, 5.0, 4.0, 4.01, 4.0, 4.02], 20, 0.01)
    assert not is_done([9.0, 9.0, 5.0, 5.0, 4.0, 4.0, 4.0, 3.9], 20, 0.01)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_an_objective_that_is_not_finite_is_a_reason_from_the_first_on(loss):
    assert "is not finite" in why_stop([loss])


@pytest.mark.parametrize("model", ["center", "shared"])
@pytest.mark.parametrize("weight", [0.0, 0.03])
@pytest.mark.parametrize("weighting", ["flat", "harmonic"])
def test_the_settings_that_people_use_do_not_trip(lines, model, weight, weighting):
    words = Vocabulary([f"w{i}" for i in range(30)], np.full(30, 32))
    pairs = count_cooccurrences(lines, words, window=5, weighting=weighting)
    for seed in range(3):
        train_vectors(pairs, dim=8, model=model, unobserved_weight=weight, seed=seed)


@pytest.mark.parametrize("model", ["sum", "shared"])
def test_a_vector_that_is_not_finite_stops_training_with_the_state_before(
    matrix, monkeypatch, model
):
    changes = {"dim": 4, "tolerance": 0.0, "model": model}
    good = train_vectors(matrix, **changes, sweeps=2)
    spoil(monkeypatch, 5, lambda new: new * np.nan)
    with pytest.raises(TrainingStopped, match="a vector is not finite; raise the reg") as stop:
        train_vectors(matrix, **changes, sweeps=4)
    assert_array_equal(stop.value.trained.center, good.center)
    assert_array_equal(stop.value.trained.context, good.context)
    assert stop.value.trained.losses == good.losses
    assert stop.value.trained.objectives == good.objectives


@pytest.mark.parametrize("model", ["center", "shared"])
def test_vectors_whose_squares_are_not_finite_stop_training(matrix, monkeypatch, model):
    changes = {"dim": 4, "tolerance": 0.0, "model": model}
    good = train_vectors(matrix, **changes, sweeps=1)
    spoil(monkeypatch, 3, lambda new: np.full_like(new, 1e25))
    with pytest.raises(TrainingStopped, match="4: the squares of the vectors are not fin") as stop:
        train_vectors(matrix, **changes, sweeps=4)
    assert_array_equal(stop.value.trained.center, good.center)
    assert_array_equal(stop.value.trained.context, good.context)


def test_a_rising_loss_stops_training_with_the_state_whose_loss_had_not_risen(matrix, monkeypatch):
    changes = {"dim": 4, "tolerance": 0.0}
    good = train_vectors(matrix, **changes, sweeps=2)
    # the fifth sweep makes rows that fit nothing, which the sixth sees
    spoil(monkeypatch, 5, lambda new: new + 30)
    with pytest.raises(TrainingStopped, match=r"in sweep 6: the loss rose from .* to .*;") as stop:
        train_vectors(matrix, **changes, sweeps=5)
    assert_array_equal(stop.value.trained.center, good.center)
    assert_array_equal(stop.value.trained.context, good.context)
    assert stop.value.trained.losses == good.losses


def test_a_stopped_embed_keeps_the_last_good_vectors_and_says_where(lines, tmp_path, monkeypatch):
    (tmp_path / "t").write_text("\n".join(lines))
    settings = TrainingSettings(dim=4, sweeps=4)
    good = embed(
        Corpus(tmp_path / "t"), tmp_path / "good", settings=TrainingSettings(dim=4, sweeps=2)
    )
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        spoil(patch, 5, lambda new: np.full_like(new, np.inf))
        with pytest.raises(InputError, match=rf"the last good sweep are in {out}/checkpoint"):
            embed(Corpus(tmp_path / "t"), out, settings=settings)
    kept = WordVectors.load(out / "checkpoint")
    assert_array_equal(kept.vectors, good.vectors)
    assert list(kept.vocabulary) == list(good.vocabulary)
    assert not (out / "manifest.json").exists()
    embed(Corpus(tmp_path / "t"), out, settings=settings)
    assert not (out / "checkpoint").exists()
