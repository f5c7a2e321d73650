import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import saliency  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager")


def log_odds(model, ids, target):
    """From the model's own probabilities for rows of ids, in float64."""
    rows = model.predict_on_batch(np.array(ids, np.int32)).astype(np.float64)
    return np.log(rows[:, target] / (1 - rows[:, target]))


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_a_words_part_is_what_its_prefix_adds(layer, network, encode):
    model = network(getattr(layers, layer)(5))
    text = "w3 w1 w4 w1 w5 w9"
    (found,) = saliency(model, text, "logit", encode=encode, target=2)
    ids = encode(text)[1]
    curve = log_odds(model, [[*ids[:k], *[0] * (6 - k)] for k in range(7)], 2)  # 0 is masked
    np.testing.assert_allclose(found.values, np.diff(curve), atol=2e-5)
    assert found.label == 2


@pytest.mark.parametrize("masked", [True, False])
def test_parts_sum_to_the_change_of_the_log_odds(masked, network, encode, random_texts):
    recurrent = [
        layers.Bidirectional(layers.GRU(4, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(5)),
        layers.Dense(7, activation="relu"),
    ]
    model = network(recurrent, masked=masked)
    texts = random_texts(12, (1, 6, 20))
    found = saliency(model, texts, "logit", encode=encode)
    assert max(one.completeness_error for one in found) < 1e-3
    nothing = keras.Model(model.layers[4].input, model.output)(np.zeros((1, 10)))[0]
    for text, one in zip(texts[:5], found, strict=False):
        start = float(np.log(nothing[one.label] / (1 - nothing[one.label])))
        change = log_odds(model, [encode(text)[1]], one.label)[0] - start
        assert one.values.sum() == pytest.approx(change, abs=2e-4)
        total = one.parts["forward"] + one.parts["backward"]
        np.testing.assert_allclose(one.values, total, atol=1e-6)


def test_a_linear_head_reads_each_direction_alone(network, encode):
    model = network(layers.Bidirectional(layers.GRU(5)), activation="sigmoid", classes=1)
    text = "w3 w1 w4 w1 w5"
    (found,) = saliency(model, text, "logit", encode=encode, target=1)
    kernel = model.layers[-1].kernel.numpy()[:, 0]
    vectors = model.layers[1](np.array([encode(text)[1]]))
    forward, backward = model.layers[2].forward_layer, model.layers[2].backward_layer
    for layer, weights, name, order in (
        (forward, kernel[:5], "forward", 1), (backward, kernel[5:], "backward", -1)
    ):  # fmt: skip
        path = [np.zeros(5)]
        for stop in range(1, 6):
            read = vectors[:, :stop] if order == 1 else vectors[:, 5 - stop :]
            path.append(layer(read).numpy()[0])
        expected = (np.diff(path, axis=0) @ weights)[::order]
        np.testing.assert_allclose(found.parts[name], expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["GlobalAveragePooling1D", "GlobalMaxPooling1D"])
@pytest.mark.parametrize("both", [False, True])
def test_a_head_that_reads_every_step_sees_the_state_stand_still(pooling, both, network, encode):
    recurrent = layers.GRU(4, return_sequences=True)
    recurrent = layers.Bidirectional(recurrent) if both else recurrent
    model = network([recurrent, getattr(layers, pooling)()], masked=False)
    text = "w3 w1 w4 w1 w5"
    (found,) = saliency(model, text, "logit", encode=encode)
    head = keras.Model(model.layers[3].input, model.output)
    nothing = np.array(head(np.zeros((1, 5, 8 if both else 4))))[0].astype(np.float64)
    start = np.log(nothing[found.label] / (1 - nothing[found.label]))
    change = log_odds(model, [encode(text)[1]], found.label)[0] - start
    assert found.values.sum() == pytest.approx(change, abs=1e-4)
    if not both:
        states = model.layers[2](model.layers[1](np.array([encode(text)[1]]))).numpy()[0]
        still = np.stack([np.zeros(4), *states[:2], states[1], states[1], states[1]])[1:]
        row = np.array(head(still[None]))[0].astype(np.float64)
        after_two = np.log(row[found.label] / (1 - row[found.label]))
        assert found.values[:2].sum() == pytest.approx(after_two - start, abs=1e-4)


def test_a_pooling_does_not_see_masked_padding(network, encode, random_texts):
    recurrent = layers.Bidirectional(layers.GRU(4, return_sequences=True))
    model = network([recurrent, layers.GlobalAveragePooling1D()])
    texts = ["w1 w2 w3", *random_texts(2, [20])]
    together = saliency(model, texts, "logit", encode=encode)
    (alone,) = saliency(model, texts[0], "logit", encode=encode)
    np.testing.assert_allclose(together[0].values, alone.values, atol=1e-5)
    assert max(abs(one.padding) for one in together) < 1e-6
    assert alone.values.all()


def test_all_ways_to_end_a_network_are_read_alike(network, encode):
    text = "w3 w1 w4"
    values = {}
    for ending in ("softmax", "linear", "layer", "operation"):
        model = network(layers.GRU(5), activation="softmax" if ending == "softmax" else None)
        if ending == "layer":
            model = keras.Model(model.input, layers.Softmax()(model.output))
        if ending == "operation":
            model = keras.Model(model.input, keras.ops.softmax(model.output))
        (values[ending],) = saliency(model, text, "logit", encode=encode)
    for one in values.values():
        np.testing.assert_allclose(one.values, values["softmax"].values, atol=1e-6)
        assert one.score == pytest.approx(values["softmax"].score, abs=1e-6)


def test_two_classes_of_one_sigmoid_are_each_others_opposite(network, encode):
    model = network(layers.GRU(5), classes=1, activation="sigmoid")
    (no,) = saliency(model, "w1 w2", "logit", encode=encode, target="no", labels=["no", "yes"])
    (yes,) = saliency(model, "w1 w2", "logit", encode=encode, target="yes", labels=["no", "yes"])
    np.testing.assert_allclose(no.values, -yes.values, atol=1e-6)
    assert no.score + yes.score == pytest.approx(1)
    assert (no.label, yes.label) == ("no", "yes")


def test_probabilities_that_a_network_mixes_are_read_when_told(network, encode):
    one = network(layers.GRU(5))
    inputs = one.input
    mixed = keras.Model(inputs, layers.Average()([one.output, one.output]))
    (found,) = saliency(mixed, "w1 w2 w3", "logit", encode=encode, outputs="probabilities")
    (plain,) = saliency(one, "w1 w2 w3", "logit", encode=encode)
    np.testing.assert_allclose(found.values, plain.values, atol=1e-4)


def test_a_head_may_read_the_states_that_the_layer_returns(encode):
    inputs = keras.Input((None,), dtype="int32")
    vectors = layers.Embedding(50, 6, mask_zero=True)(inputs)
    _, forward, _, backward, _ = layers.Bidirectional(
        layers.LSTM(5, return_sequences=True, return_state=True)
    )(vectors)
    joined = layers.Concatenate()([forward, backward])
    model = keras.Model(inputs, layers.Dense(2)(joined))
    (found,) = saliency(model, "w1 w2 w3", "logit", encode=encode)
    assert found.completeness_error < 1e-4 and found.values.all()


def test_a_head_that_reads_the_cell_of_an_lstm_is_refused(encode):
    inputs = keras.Input((None,), dtype="int32")
    vectors = layers.Embedding(50, 6)(inputs)
    _, _, cell = layers.LSTM(5, return_state=True)(vectors)
    model = keras.Model(inputs, layers.Dense(2)(cell))
    with pytest.raises(ValueError, match="must read its output or its state h"):
        saliency(model, "w1", "logit", encode=encode)


def test_what_goes_around_the_recurrent_layer_stays_as_it_is(encode):
    inputs = keras.Input((None,), dtype="int32")
    vectors = layers.Embedding(50, 6, mask_zero=True)(inputs)
    mean = layers.GlobalAveragePooling1D()(vectors)
    last = layers.GRU(5)(vectors)
    model = keras.Model(inputs, layers.Dense(2)(layers.Concatenate()([mean, last])))
    texts = ["w1 w2 w3", "w4"]
    for found in saliency(model, texts, "logit", encode=encode):
        assert found.completeness_error < 1e-4
        ids = np.array([encode(found.text)[1]])
        pooled = np.array(layers.GlobalAveragePooling1D()(model.layers[1](ids)))
        head = model.layers[-1](np.concatenate([pooled, np.zeros((1, 5))], 1)).numpy()[0]
        whole = model.predict_on_batch(ids)[0]
        sign = 1 if found.label else -1
        change = sign * ((whole[1] - whole[0]) - (head[1] - head[0]))
        assert found.values.sum() == pytest.approx(change, abs=1e-5)
