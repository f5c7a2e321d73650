import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import gradient_flow  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager")

UNITS = 4
CELLS = {
    "LSTM": (lambda: layers.LSTM(UNITS), ["hidden", "cell"]),
    "GRU": (lambda: layers.GRU(UNITS), ["hidden"]),
    "GRU, reset before": (lambda: layers.GRU(UNITS, reset_after=False), ["hidden"]),
    "SimpleRNN": (lambda: layers.SimpleRNN(UNITS), ["hidden"]),
}


def states_from(cell, vectors, state):
    """The states after each step, each (components, UNITS); the given one first."""
    found = [np.array(state)]
    for vector in vectors:
        inputs = [keras.ops.convert_to_tensor(part[None], "float32") for part in state]
        _, new = cell(vector[None], inputs)
        state = [np.array(part)[0] for part in new]
        found.append(np.array(state))
    return found


def jacobian_norm(function, state, component, step=1e-2):
    """Frobenius norm / sqrt(units) of d function(state) / d state[component], by differences."""
    columns = []
    for unit in range(UNITS):
        up, down = state.copy(), state.copy()
        up[component, unit] += step
        down[component, unit] -= step
        columns.append((function(up) - function(down)) / (2 * step))
    return np.linalg.norm(columns) / np.sqrt(UNITS)


@pytest.mark.parametrize("name", CELLS)
def test_derivatives_equal_finite_differences(name, network, encode):
    make, components = CELLS[name]
    model = network(make())
    text = "w3 w1 w4 w1 w5"
    (flow,) = gradient_flow(model, text, encode=encode)
    found = flow.directions["forward"]
    assert list(found.survival) == list(found.steps) == components
    cell = model.layers[2].cell
    vectors = model.layers[1](np.array([encode(text)[1]])).numpy()[0]
    states = states_from(cell, vectors, [np.zeros(UNITS, np.float32)] * len(components))
    for word in range(5):
        for place, component in enumerate(components):
            step = jacobian_norm(
                lambda s, w=word, p=place: states_from(cell, vectors[w : w + 1], s)[1][p],
                states[word], place,
            )  # fmt: skip
            assert found.steps[component][word] == pytest.approx(step, rel=2e-2, abs=1e-3)
            end = jacobian_norm(
                lambda s, w=word: states_from(cell, vectors[w + 1 :], s)[-1][0],
                states[word + 1], place,
            )  # fmt: skip
            assert found.survival[component][word] == pytest.approx(end, rel=2e-2, abs=1e-3)


def test_the_last_word_survives_whole_and_masked_steps_change_nothing(network, encode):
    model = network(layers.Bidirectional(layers.LSTM(UNITS)))
    holes, plain = gradient_flow(
        model, ["w1 <pad> w2 w3 <pad>", "w1 w2 w3"], encode=encode
    )  # fmt: skip
    for name, last in (("forward", 2), ("backward", 0)):
        flow = plain.directions[name]
        assert flow.survival["hidden"][last] == 1 and flow.survival["cell"][last] == 0
        other = holes.directions[name]
        for component in ("hidden", "cell"):
            kept = other.survival[component][[0, 2, 3]]
            np.testing.assert_allclose(kept, flow.survival[component], atol=1e-6)
            assert list(other.steps[component][[1, 4]]) == [1, 1]
        assert np.isnan(other.gates["forget"][[1, 4]]).all()
        np.testing.assert_allclose(
            other.gates["forget"][[0, 2, 3]], flow.gates["forget"], atol=1e-6
        )
    before = holes.directions["forward"].survival["hidden"]
    assert before[1] == before[0] and before[4] == before[3] == 1


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "GRU, reset before"])
def test_gates_are_those_of_the_cell_written_out(kind, network, encode):
    model = network(CELLS[kind][0]())
    text = "w3 w1 w4"
    (flow,) = gradient_flow(model, text, encode=encode)
    cell = model.layers[2].cell
    x = model.layers[1](np.array([encode(text)[1]])).numpy()[0]
    kernel, recurrent, bias = (np.array(w, np.float64) for w in cell.get_weights())
    count = 2 if kind == "LSTM" else 1
    states = states_from(cell, x, [np.zeros(UNITS, np.float32)] * count)
    h = np.array([state[0] for state in states[:-1]])
    parts = x @ kernel + h @ recurrent + (bias.sum(0) if bias.ndim == 2 else bias)
    opened = 1 / (1 + np.exp(-parts.reshape(3, -1, UNITS)))
    names = ["input", "forget", None, "output"] if kind == "LSTM" else ["update", "reset"]
    for place, name in enumerate(names):
        if name:
            found = flow.directions["forward"].gates[name]
            np.testing.assert_allclose(found, opened[:, place].mean(1), atol=1e-5)


def test_a_forget_gate_held_open_keeps_the_derivative(network, encode):
    model = network(layers.LSTM(UNITS))
    cell = model.layers[2].cell
    for weight in cell.weights:
        weight.assign(keras.ops.zeros_like(weight))
    bias = np.zeros(4 * UNITS)
    survivals = []
    for forget in (-1.0, 6.0):
        bias[UNITS : 2 * UNITS] = forget
        cell.bias.assign(bias)
        flow = gradient_flow(model, " ".join(["w1"] * 8), encode=encode)[0].directions["forward"]
        assert flow.steps["cell"] == pytest.approx(1 / (1 + np.exp(-forget)), abs=1e-4)
        assert flow.gates["forget"] == pytest.approx(1 / (1 + np.exp(-forget)), abs=1e-4)
        survivals.append(flow.survival["cell"][0])
    assert survivals[1] > 100 * survivals[0]


def test_an_empty_text_has_no_steps_and_json_has_no_nan(network, encode):
    import json

    model = network(layers.GRU(UNITS))
    empty, holes = gradient_flow(model, ["", "w1 <pad>"], encode=encode)
    assert empty.directions["forward"].survival["hidden"].shape == (0,)
    written = json.loads(json.dumps(holes.to_dict(), allow_nan=False))
    assert written["directions"]["forward"]["gates"]["update"][1] is None


def test_stacked_cells_are_refused(network, encode):
    cells = layers.StackedRNNCells([layers.GRUCell(3), layers.GRUCell(4)])
    with pytest.raises(ValueError, match="one cell, got stacked cells"):
        gradient_flow(network(layers.RNN(cells)), "w1", encode=encode)
