"""Fitting keeps the best, stops early, goes on where it stopped, and says when it diverges."""

import contextlib

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import ops  # noqa: E402

from textzero.errors import InputError, TextzeroError  # noqa: E402
from textzero.models.batches import Batches  # noqa: E402
from textzero.models.fitting import LossModel, fit_network, make_optimizer  # noqa: E402
from textzero.models.settings import FitOptions  # noqa: E402
from textzero.workspace import Workspace  # noqa: E402

X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
Y = X @ np.array([1, -2, 3, 0.5], np.float32)


class Square(keras.layers.Layer):
    def call(self, found, wanted):
        return ops.square(found[:, 0] - wanted)


def network(rate=0.3):
    keras.utils.set_random_seed(1)
    x, y = keras.Input((4,), name="x"), keras.Input((), name="y")
    hidden = keras.layers.Dropout(rate, seed=3)(keras.layers.Dense(8, name="first")(x))
    found = keras.layers.Dense(1, name="second")(hidden)
    return LossModel({"x": x, "y": y}, Square()(found, y))


def batches(scale=1.0, size=8):
    def collate(rows, generator):
        del generator
        real = [row for row in rows if row is not None]
        x, y = np.zeros((len(rows), 4), np.float32), np.zeros(len(rows), np.float32)
        x[: len(real)], y[: len(real)] = X[real], scale * Y[real]
        weight = np.zeros(len(rows), np.float32)
        weight[: len(real)] = 1
        return {"x": x, "y": y}, weight

    return Batches(range(50), np.full(50, 4), collate, size, 0)


def weights(model):
    return [ops.convert_to_numpy(v).copy() for v in model.trainable_variables]


def fit(model, options, score=None, folder=None, identity="", said=None, **more):
    say = None if said is None else said.append
    with contextlib.nullcontext() if folder is None else run_in(folder, say) as workspace:
        return fit_network(
            model, batches(**more), options, score, "figure", workspace, identity, None, say
        )


def run_in(folder, say=None):
    """A run whose output would be in a folder."""
    return Workspace.beside(folder / "model", say=say or (lambda _: None))


@pytest.fixture(autouse=True)
def states_are_written_after_each_epoch(monkeypatch):
    monkeypatch.setattr("textzero.workspace.COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("textzero.models.fitting._SHARE", 1e9)


OPTIONS = FitOptions(epochs=4, batch_size=8, learning_rate=0.05, compile=False)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_loss_falls(compiled):
    options = FitOptions(epochs=6, batch_size=8, learning_rate=0.05, compile=compiled)
    history = fit(network(0.0), options)
    assert len(history) == 6
    assert history[-1]["loss"] < history[0]["loss"] / 2


def test_the_loss_is_the_mean_over_texts_not_over_rows():
    model = network(0.0)
    expected = np.mean(np.asarray(model.predict({"x": X, "y": Y}, verbose=0)))
    options = FitOptions(epochs=1, batch_size=64, learning_rate=1e-9, compile=False)
    assert fit(model, options, size=64)[0]["loss"] == pytest.approx(expected, rel=1e-4)


def test_the_best_epoch_stays_and_training_stops_when_nothing_improves():
    model, kept = network(), []

    def score():
        kept.append(weights(model))
        return {"figure": [0.1, 0.9, 0.5, 0.4, 0.3, 0.2][len(kept) - 1]}

    options = FitOptions(epochs=6, learning_rate=0.05, patience=2, compile=False, ema=None)
    history = fit(model, options, score)
    assert [entry["figure"] for entry in history] == [0.1, 0.9, 0.5, 0.4]
    for found, wanted in zip(weights(model), kept[1], strict=True):
        assert np.array_equal(found, wanted)
    assert not np.array_equal(kept[1][0], kept[3][0])


def test_the_average_of_the_weights_is_what_is_scored_and_kept():
    plain, averaged, seen = network(), network(), []
    fit(plain, FitOptions(epochs=3, compile=False, ema=None, learning_rate=0.05))
    fit(averaged, FitOptions(epochs=3, compile=False, ema=100.0, learning_rate=0.05),
        lambda: seen.append(weights(averaged)) or {"figure": float(len(seen))})  # fmt: skip
    start = weights(network())
    moved = [np.abs(weights(m)[0] - start[0]).max() for m in (plain, averaged)]
    assert 0 < moved[1] < moved[0] / 5  # a slow average has hardly left the start
    assert np.array_equal(weights(averaged)[0], seen[-1][0])


@pytest.mark.parametrize("ema", [None, 1.5])
@pytest.mark.parametrize("rates", [{}, {".*second.*": 10.0}])
def test_a_training_that_goes_on_gives_the_weights_of_an_unbroken_one(tmp_path, ema, rates):
    options = FitOptions(
        epochs=5, batch_size=8, learning_rate=0.05, ema=ema, rates=rates, compile=False
    )
    whole = network()
    history = fit(whole, options, lambda: {"figure": 1.0 - len(weights(whole))})
    broken, calls = network(), []

    def dies():
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return {"figure": 1.0 - len(weights(broken))}

    with pytest.raises(KeyboardInterrupt):
        fit(broken, options, dies, tmp_path)
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == ["epoch-3.safetensors"]
    said, again = [], network()
    found = fit(again, options, lambda: {"figure": 1.0 - len(weights(again))},
                tmp_path, said=said)  # fmt: skip
    assert "goes on after epoch 3" in said[0]
    assert found == history
    for one, other in zip(weights(again), weights(whole), strict=True):
        assert np.array_equal(one, other)
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_another_training_is_not_taken_up(tmp_path):
    model = network()

    def dies():
        dies.calls = getattr(dies, "calls", 0) + 1
        if dies.calls == 2:
            raise KeyboardInterrupt
        return {"figure": 0.0}

    with pytest.raises(KeyboardInterrupt):
        fit(model, OPTIONS, dies, tmp_path, "one")
    said = []
    assert len(fit(network(), OPTIONS, None, tmp_path, "two", said)) == 4
    assert said[0] == "training starts afresh: other network than before"


def test_a_damaged_state_is_refused(tmp_path):
    def dies():
        dies.calls = getattr(dies, "calls", 0) + 1
        if dies.calls == 2:
            raise KeyboardInterrupt
        return {"figure": 0.0}

    with pytest.raises(KeyboardInterrupt):
        fit(network(), OPTIONS, dies, tmp_path)
    [state] = tmp_path.rglob("*.safetensors")
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"safetensors.*; --fresh begins anew"):
        fit(network(), OPTIONS, None, tmp_path)
    assert state.exists()  # the user decides


def test_a_training_of_seconds_writes_no_state(tmp_path, monkeypatch):
    monkeypatch.setattr("textzero.workspace.COMMIT_SECONDS", 3600.0)

    def dies():
        dies.calls = getattr(dies, "calls", 0) + 1
        if dies.calls == 3:
            raise KeyboardInterrupt
        return {"figure": 0.0}

    with pytest.raises(KeyboardInterrupt):
        fit(network(), OPTIONS, dies, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_diverges_says_so():
    options = FitOptions(epochs=3, learning_rate=0.05, compile=False)
    with pytest.raises(TextzeroError, match="lower the learning rate"):
        fit(network(), options, scale=float("nan"))


def test_rates_are_multiples_of_the_rate_of_the_variables_they_name():
    optimizer = make_optimizer(FitOptions(rates={".*second.*": 10.0}), 100)
    model = network()
    optimizer.build(model.trainable_variables)
    before = weights(model)
    optimizer.apply([ops.ones(v.shape) for v in model.trainable_variables])
    steps = {
        v.path.split("/")[0]: np.abs(after - old).max()  # Adam's first step is the rate itself
        for v, after, old in zip(model.trainable_variables, weights(model), before, strict=True)
    }
    assert steps["second"] == pytest.approx(10 * steps["first"], rel=0.05)


@pytest.mark.parametrize("pattern", [".*", ".*second.*"])
@pytest.mark.parametrize("ema", [None, 1.0])
def test_rates_of_all_or_of_some_variables_train(pattern, ema):
    options = FitOptions(epochs=2, learning_rate=0.05, rates={pattern: 2.0}, ema=ema)
    history = fit(network(0.0), options)
    assert history[1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        (
            {"thrid.*": 2.0},
            r"rates\['thrid.\*'\] must name a variable; there are first/bias, first/k",
        ),
        (
            {"first.*": 2.0, ".*bias": 3.0},
            "at most one pattern a variable, first/bias fits first.*, .*bias",
        ),
    ],
)
def test_a_rate_that_belongs_to_no_variable_or_to_one_with_a_rate_is_refused(rates, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit(network(), FitOptions(epochs=1, rates=rates))


@pytest.mark.parametrize("rates", [{}, {".*second.*": 1.0}])
def test_accumulated_steps_move_the_weights_as_one_large_step_does(rates):
    def fitted(size, accumulation):
        model = network(0.0)
        options = FitOptions(
            epochs=1, learning_rate=0.05, final_learning_rate=None, warmup=0.0, ema=None,
            clip_norm=None, rates=rates, accumulation=accumulation,
        )  # fmt: skip
        fit(model, options, size=size)
        return weights(model)

    single, parts, whole = fitted(10, 1), fitted(10, 5), fitted(50, None)
    start = weights(network())
    assert np.abs(whole[0] - start[0]).max() > 0.01
    for part, one in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part, one, atol=1e-5)
    for one, other in zip(single, fitted(10, None), strict=True):
        assert np.array_equal(one, other)


def test_the_average_of_the_best_epoch_stays_when_training_stops_early():
    model, kept = network(), []

    def score():
        kept.append(weights(model))
        return {"figure": -float(len(kept))}

    history = fit(model, FitOptions(epochs=9, learning_rate=0.05, patience=2, ema=1.0), score)
    assert len(history) == 3
    for found, wanted in zip(weights(model), kept[0], strict=True):
        assert np.array_equal(found, wanted)


def test_without_a_score_the_last_epoch_stays_and_patience_counts_nothing():
    model, kept = network(), []
    options = FitOptions(epochs=4, learning_rate=0.05, patience=1, ema=1.0)

    class Ear(list):
        def append(self, line):
            super().append(line)
            kept.append(weights(model))

    assert len(fit(model, options, said=Ear())) == 4
    for found, wanted in zip(weights(model), kept[-1], strict=True):
        assert np.array_equal(found, wanted)
    assert not np.array_equal(kept[-1][0], kept[-2][0])


def test_figures_without_the_one_that_is_maximised_are_an_error():
    with pytest.raises(KeyError, match="figure"):
        fit(network(), FitOptions(epochs=1), lambda: {"accuracy": 1.0})


def test_the_rate_rises_then_falls_to_the_final_one():
    options = FitOptions(epochs=4, learning_rate=1e-2, final_learning_rate=1e-3, warmup=0.5)
    rate = make_optimizer(options, 10)._learning_rate
    assert float(rate(0)) == pytest.approx(2e-3)
    assert float(rate(5)) == pytest.approx(1e-2)
    assert float(rate(40)) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("late", range(6))
def test_a_later_batch_may_be_longer_than_the_first_two(late):
    x = keras.Input((None, 2), name="x")
    model = LossModel({"x": x}, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x)))
    seen = []

    def collate(rows, generator):
        del generator
        length = 80 if late in rows else 16
        seen.append(length)
        return {"x": np.ones((len(rows), length, 2), np.float32)}, np.ones(len(rows), np.float32)

    made = Batches(range(12), np.ones(12), collate, 2, 0, ragged={"x"})
    fit_network(model, made, FitOptions(epochs=2, compile=False), None, "figure")
    assert made.epoch >= 2
    assert {16, 80} == set(seen)


def test_the_state_of_other_labels_or_other_start_weights_is_not_taken_up(tmp_path):
    def broken_off(model, **more):
        calls = []

        def dies():
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return {"figure": 0.0}

        with pytest.raises(KeyboardInterrupt):
            with run_in(tmp_path) as workspace:
                fit_network(model, labelled(**more), OPTIONS, dies, "figure", workspace)

    def labelled(change=0):
        made = batches()
        made.examples = [(i, {"label": np.array([i + change * (i == 7)])}) for i in range(50)]
        collate = made.collate
        made.collate = lambda rows, g: collate([None if r is None else r[0] for r in rows], g)
        return made

    def goes_on(model, **more):
        said = []
        with run_in(tmp_path) as workspace:
            fit_network(model, labelled(**more), OPTIONS, None, "figure", workspace,
                        say=said.append)  # fmt: skip
        return "goes on" in said[0]

    other = network()
    other.trainable_variables[0].assign(other.trainable_variables[0] + 1)
    for model, change, expected in ((network(), 0, True), (network(), 1, False), (other, 0, False)):
        broken_off(network())
        assert goes_on(model, change=change) == expected
