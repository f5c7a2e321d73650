"""train_vectors on a GPU: what the processor finds, and what it leaves when it stops."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero import Vocabulary, count_cooccurrences, count_words, train_vectors
from textzero.vectors.adagrad import AdaGradSettings, train_adagrad
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.trained import TrainingStopped


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(0)
    chances = 1 / np.arange(1, 121)
    drawn = random.choice(120, (8, 100), p=chances / chances.sum())
    texts = [" ".join(f"w{i}" for i in text) for text in drawn]
    return count_cooccurrences(texts, Vocabulary.from_counts(count_words(texts), min_count=1))


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("model", ["center", "shared"])
def test_the_loss_is_that_of_the_processor(matrix, model):
    changes = {"dim": 20, "model": model, "sweeps": 4, "tolerance": 0.0}
    ours, theirs = (train_vectors(matrix, device=name, **changes) for name in ("gpu", "cpu"))
    assert len(ours.losses) == len(theirs.losses) == 8
    # the promise is half a percent; here are few words, and few sums in another order
    assert_allclose(ours.losses, theirs.losses, rtol=1e-3)
    assert_allclose(ours.objectives, theirs.objectives, rtol=1e-3)
    for array in (ours.center, ours.context):
        assert isinstance(array, np.ndarray) and array.dtype == np.float32
    assert (ours.center is ours.context) == (model == "shared")
    got, expected = ours.center, theirs.center
    if model == "shared":  # eigenvectors, which may point either way
        got, expected = got @ got.T, expected @ expected.T
    assert_allclose(got, expected, rtol=0, atol=0.02 * np.abs(expected).max())


@pytest.mark.usefixtures("cupy")
def test_a_training_that_stops_has_the_last_good_matrices_on_the_host(matrix):
    with pytest.raises(TrainingStopped) as stopped:
        train_vectors(matrix, device="gpu", dim=20, x_max=1e-30, truncate=False, exponent=3.0)
    state = stopped.value.trained
    assert isinstance(state.center, np.ndarray) and np.isfinite(state.center).all()


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("model", ["center", "shared"])
def test_adagrad_visits_as_the_processor_does(matrix, model):
    settings = TrainingSettings(dim=8, model=model, unobserved_weight=0, solver="adagrad")
    ours, theirs = (
        train_adagrad(matrix, settings, AdaGradSettings(epochs=2), device=name)
        for name in ("gpu", "cpu")
    )
    assert_allclose(ours.losses, theirs.losses, rtol=1e-5)
    for got, array in zip(
        (ours.center, ours.context), (theirs.center, theirs.context), strict=True
    ):
        # the same records in the same order: only sums of 8 products differ
        assert_allclose(got, array, rtol=1e-3, atol=1e-5)


@pytest.mark.usefixtures("cupy")
def test_a_training_that_goes_on_gives_the_same_bytes(matrix, tmp_path, monkeypatch):
    monkeypatch.setattr("textzero.vectors.checkpoint.SECONDS", 0.0)
    monkeypatch.setattr("textzero.vectors.checkpoint.SHARE", 0)
    changes = {"dim": 20, "sweeps": 4, "tolerance": 0.0, "device": "gpu"}
    whole = train_vectors(matrix, **changes)

    class Killed(Exception):
        pass

    def watch(sweep, _):
        if sweep == 5:
            raise Killed

    with pytest.raises(Killed):
        train_vectors(matrix, checkpoint=tmp_path, watch=watch, **changes)
    said = []
    again = train_vectors(matrix, checkpoint=tmp_path, resume=True, say=said.append, **changes)
    assert said == ["training goes on after 4 sweeps over a matrix"]
    assert_array_equal(again.center, whole.center)
    assert again.losses == whole.losses
