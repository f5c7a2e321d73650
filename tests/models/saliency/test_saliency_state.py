import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import saliency  # noqa: E402


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(weights, x, state):
    kernel, recurrent, bias = weights
    h, c = state
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(weights, x, state):
    kernel, recurrent, bias = weights
    (h,) = state
    xz, xr, xh = np.split(x @ kernel + bias[0], 3)
    hz, hr, hh = np.split(h @ recurrent + bias[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * h + (1 - z) * np.tanh(xh + r * hh),)


def gru_step_reset_before(weights, x, state):
    kernel, recurrent, bias = weights
    (h,) = state
    xz, xr, xh = np.split(x @ kernel + bias, 3)
    uz, ur, uh = np.split(recurrent, 3, axis=1)
    z, r = sigmoid(xz + h @ uz), sigmoid(xr + h @ ur)
    return (z * h + (1 - z) * np.tanh(xh + (r * h) @ uh),)


def simple_step(weights, x, state):
    kernel, recurrent, bias = weights
    return (np.tanh(x @ kernel + state[0] @ recurrent + bias),)


def states(step, weights, vectors, components=1):
    """All states h, the zero one first, written out step by step in float64."""
    units = weights[1].shape[0]
    state = tuple(np.zeros(units) for _ in range(components))
    found = [state[0]]
    for x in vectors:
        state = step(weights, x, state)
        found.append(state[0])
    return np.array(found)


def article(h):
    """(|h_n - h_(i-1)| - |h_n - h_i|) / |h_n|, article 4582."""
    d = np.linalg.norm(h[-1] - h, axis=1)
    return (d[:-1] - d[1:]) / np.linalg.norm(h[-1])


CELLS = {
    "lstm": (lambda **k: layers.LSTM(5, **k), lstm_step, 2),
    "gru": (lambda **k: layers.GRU(5, **k), gru_step, 1),
    "gru, reset before": (
        lambda **k: layers.GRU(5, reset_after=False, **k),
        gru_step_reset_before,
        1,
    ),
    "simple": (lambda **k: layers.SimpleRNN(5, **k), simple_step, 1),
}


@pytest.mark.parametrize("name", CELLS)
def test_state_is_the_articles_formula_written_out(name, network, encode, random_texts):
    layer, step, components = CELLS[name]
    model = network(layer())
    texts = random_texts(12, range(1, 25))
    table, *weights = [np.array(w, np.float64) for w in model.get_weights()[:4]]
    for text, found in zip(texts, saliency(model, texts, "state", encode=encode), strict=True):
        expected = article(states(step, weights, table[encode(text)[1]], components))
        np.testing.assert_allclose(found.values, expected, atol=2e-6)


def test_a_backward_layer_has_its_values_in_the_order_of_the_text(network, encode, random_texts):
    model = network(layers.GRU(5, go_backwards=True))
    texts = random_texts(4, range(2, 20))
    table, *weights = [np.array(w, np.float64) for w in model.get_weights()[:4]]
    for text, found in zip(texts, saliency(model, texts, "state", encode=encode), strict=True):
        expected = article(states(gru_step, weights, table[encode(text)[1]][::-1]))[::-1]
        np.testing.assert_allclose(found.values, expected, atol=2e-6)


@pytest.mark.parametrize("masked", [True, False])
def test_two_directions_have_a_curve_each_and_their_mean(masked, network, encode, random_texts):
    model = network(layers.Bidirectional(layers.LSTM(5)), masked=masked)
    texts = random_texts(6, range(1, 20))
    table, *weights = [np.array(w, np.float64) for w in model.get_weights()[:7]]
    for text, found in zip(texts, saliency(model, texts, "state", encode=encode), strict=True):
        x = table[encode(text)[1]]
        forward = article(states(lstm_step, weights[:3], x, 2))
        backward = article(states(lstm_step, weights[3:], x[::-1], 2))[::-1]
        np.testing.assert_allclose(found.parts["forward"], forward, atol=2e-6)
        np.testing.assert_allclose(found.parts["backward"], backward, atol=2e-6)
        np.testing.assert_allclose(found.values, (forward + backward) / 2, atol=2e-6)


@pytest.mark.parametrize("layer", ["LSTM", "bidirectional GRU"])
def test_values_sum_to_1_on_1000_random_texts(layer, network, encode, random_texts):
    recurrent = layers.LSTM(8) if layer == "LSTM" else layers.Bidirectional(layers.GRU(8))
    texts = random_texts(1000, range(1, 200))
    found = saliency(network(recurrent), texts, "state", encode=encode)
    sums = [one.values.sum(dtype=np.float64) for one in found]
    assert np.abs(np.array(sums) - 1).max() < 1e-5
    assert max(one.completeness_error for one in found) < 1e-5
    assert [one.text for one in found] == texts
    assert {one.padding for one in found} == {0.0}


def test_masked_words_have_exactly_0(network, encode):
    model = network(layers.Bidirectional(layers.LSTM(5)))
    text = "<pad> w1 w2 <pad> <pad> w3 <pad>"
    for method in ("state", "logit", "integrated-gradients", "gradient-input", "occlusion"):
        values = saliency(model, text, method, encode=encode)[0].values
        assert list(values[[0, 3, 4, 6]]) == [0, 0, 0, 0]
        assert values[[1, 2, 5]].all()


def test_a_last_state_of_0_leaves_all_values_0(network, encode):
    model = network(layers.LSTM(5))
    for weight in model.layers[2].weights:
        weight.assign(keras.ops.zeros_like(weight))
    (found,) = saliency(model, "w1 w2 w3", "state", encode=encode)
    assert list(found.values) == [0, 0, 0] and found.completeness_error == 0


def test_an_empty_text_has_no_values_and_a_score(network, encode):
    model = network(layers.GRU(5))
    for method in ("state", "logit", "integrated-gradients", "gradient-input", "occlusion"):
        empty, one = saliency(model, ["", "w1"], method, encode=encode)
        assert empty.values.shape == (0,) and empty.spans.shape == (0, 2)
        assert 0 < empty.score < 1
        assert one.values.shape == (1,)


def test_no_texts_give_no_results(network, encode):
    model = network(layers.GRU(5))
    for method in ("state", "logit", "integrated-gradients", "gradient-input", "occlusion"):
        assert saliency(model, [], method, encode=encode) == []


def test_unmasked_padding_of_a_fixed_length_is_told_apart(network, encode):
    model = network(layers.LSTM(5), masked=False, length=9)
    (found,) = saliency(model, "w1 w2 w3", "state", encode=encode)
    table, *weights = [np.array(w, np.float64) for w in model.get_weights()[:4]]
    ids = encode("w1 w2 w3")[1] + [0] * 6
    expected = article(states(lstm_step, weights, table[ids], 2))
    np.testing.assert_allclose(found.values, expected[:3], atol=2e-6)
    assert found.padding == pytest.approx(expected[3:].sum(), abs=5e-6) and found.padding != 0


def test_texts_of_unlike_lengths_do_not_touch_where_nothing_masks(network, encode, random_texts):
    model = network(layers.LSTM(5), masked=False)
    texts = random_texts(10, range(1, 12))
    together = saliency(model, texts, "state", encode=encode)
    for text, one in zip(texts, together, strict=True):
        (alone,) = saliency(model, text, "state", encode=encode)
        np.testing.assert_allclose(one.values, alone.values, atol=1e-6)


def test_score_and_label_are_those_of_predict(network, encode, random_texts):
    model = network(layers.LSTM(5))
    texts = random_texts(8, range(1, 9))
    found = saliency(model, texts, "state", encode=encode, labels=["a", "b", "c"])
    for text, one in zip(texts, found, strict=True):
        row = model.predict_on_batch(np.array([encode(text)[1]]))[0]
        assert one.label == "abc"[row.argmax()]
        assert one.score == pytest.approx(row.max(), abs=1e-5)
