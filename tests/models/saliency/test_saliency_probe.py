import gc
import weakref

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import saliency  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager")


def by_hand(layers_, ids):
    for layer in layers_:
        ids = layer(ids)
    return ids


def test_a_sequential_model_and_nested_models_are_opened(encode):
    embedding = layers.Embedding(50, 6, mask_zero=True)
    lower, upper, last = layers.GRU(5, return_sequences=True), layers.GRU(5), layers.Dense(3)
    flat = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, lower, upper, last])
    vectors = keras.Input((None, 6))
    encoder = keras.Model(vectors, upper(lower(vectors)))
    inner = keras.Sequential([keras.Input((None,), dtype="int32"), embedding])
    inputs = keras.Input((None,), dtype="int32")
    nested = keras.Model(inputs, last(encoder(inner(inputs))))
    texts = ["w1 w2 w3", "w4 <pad> w5 w6 w7"]
    for method in ("state", "logit", "gradient-input"):
        for one, other in zip(
            saliency(flat, texts, method, encode=encode),
            saliency(nested, texts, method, encode=encode),
            strict=True,
        ):
            np.testing.assert_allclose(one.values, other.values, atol=1e-6)
            assert one.values.any() and one.score == pytest.approx(other.score)


def test_a_sub_model_used_twice_keeps_its_uses_apart(encode):
    inputs = keras.Input((None,), dtype="int32")
    inner_input = keras.Input((None, 6))
    shared = keras.Model(inner_input, layers.Dense(6, activation="tanh")(inner_input))
    vectors = layers.Embedding(50, 6)(inputs)
    model = keras.Model(inputs, layers.Dense(3)(layers.GRU(4)(shared(shared(vectors)))))
    (found,) = saliency(model, "w1 w2 w3", "state", encode=encode)
    ids = np.array([encode("w1 w2 w3")[1]])
    states = [np.zeros(4)]
    whole = shared(shared(model.layers[1](ids)))
    for stop in (1, 2, 3):
        states.append(model.layers[3](whole[:, :stop]).numpy()[0])
    away = np.linalg.norm(np.array(states) - states[-1], axis=1)
    np.testing.assert_allclose(found.values, (away[:-1] - away[1:]) / away[0], atol=1e-5)


def test_the_explained_model_is_left_as_it_was(network, encode, tmp_path):
    model = network(layers.Bidirectional(layers.GRU(4)))
    weights, config = model.get_weights(), model.get_config()
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    for method in ("state", "logit", "gradient-input"):
        saliency(model, "w1 w2", method, encode=encode)
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    assert model.get_config() == config
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert len(again.layers) == len(model.layers)


def test_explanations_follow_the_weights_and_are_built_once(network, encode):
    from textzero.models.saliency.explainers import explainers

    model = network(layers.GRU(4))
    (before,) = saliency(model, "w1 w2 w3", "state", encode=encode)
    held = explainers(model, encode)
    for weight in model.weights:
        weight.assign(weight * -0.5)
    (after,) = saliency(model, "w1 w2 w3", "state", encode=encode)
    (fresh,) = saliency(keras.models.clone_model(model), "w1 w2 w3", "state", encode=encode)
    assert explainers(model, encode) is held
    assert np.abs(before.values - after.values).max() > 1e-3
    assert np.abs(fresh.values - after.values).max() > 1e-3
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    (same,) = saliency(twin, "w1 w2 w3", "state", encode=encode)
    np.testing.assert_allclose(same.values, after.values, atol=1e-6)


def test_explainers_go_with_their_model(encode):
    from textzero.models.saliency.explainers import explainers

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(50, 3),
            layers.GRU(2),
            layers.Dense(2),
        ]
    )
    held = weakref.ref(explainers(model, encode))
    assert held() is not None
    keras.backend.clear_session()
    del model
    gc.collect()
    assert held() is None


def test_several_inputs_are_fed_by_name(encode):
    words = keras.Input((None,), dtype="int32", name="words")
    cases = keras.Input((None,), dtype="int32", name="cases")
    vectors = layers.Concatenate()(
        [
            layers.Embedding(50, 4, mask_zero=True)(words),
            layers.Embedding(3, 2, mask_zero=True)(cases),
        ]
    )
    model = keras.Model({"words": words, "cases": cases}, layers.Dense(2)(layers.GRU(4)(vectors)))

    def both(text):
        tokens, ids = encode(text)
        return tokens, {"cases": [1 + place % 2 for place in range(len(ids))], "words": ids}

    rows = {name: np.array([ids]) for name, ids in both("w1 w2 w3")[1].items()}
    row = model.predict_on_batch(rows)[0]
    for method in ("state", "logit", "integrated-gradients", "occlusion"):
        (found,) = saliency(model, "w1 w2 w3", method, encode=both)
        assert found.label == row.argmax()
        assert found.score == pytest.approx(np.exp(row.max()) / np.exp(row).sum(), abs=1e-5)
        assert found.values.shape == (3,) and (found.completeness_error or 0) < 0.01
    with pytest.raises(ValueError, match="ids for the model's input 'cases', got words"):
        saliency(model, "w1", encode=lambda text: (text.split(), {"words": [2], "tags": [2]}))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def refused(kind):
    ids = keras.Input((None,), dtype="int32")
    vectors = layers.Embedding(50, 6)(ids)
    if kind == "subclassed":
        return Subclassed()
    if kind == "not built":
        return keras.Sequential([layers.Embedding(50, 6), layers.GRU(3), layers.Dense(2)])
    if kind == "two outputs":
        state = layers.GRU(3)(vectors)
        return keras.Model(ids, [layers.Dense(2)(state), layers.Dense(2)(state)])
    if kind == "no embedding":
        floats = keras.Input((None, 6))
        return keras.Model(floats, layers.Dense(2)(layers.GRU(3)(floats)))
    if kind == "a row a word":
        return keras.Model(ids, layers.Dense(2)(layers.GRU(3, return_sequences=True)(vectors)))
    if kind == "stateful":
        fixed = keras.Input(batch_shape=(1, 4), dtype="int32")
        state = layers.GRU(3, stateful=True)(layers.Embedding(50, 6)(fixed))
        return keras.Model(fixed, layers.Dense(2)(state))
    state = layers.Dense(3)(layers.GlobalAveragePooling1D()(vectors))
    return keras.Model(ids, layers.Dense(2)(layers.GRU(3)(vectors, initial_state=state)))


@pytest.mark.parametrize(
    "kind, message",
    [
        ("subclassed", "must be a functional Keras model"),
        ("not built", "must be a functional Keras model, or a sequential one that is built"),
        ("two outputs", "must have one output, got 2"),
        ("no embedding", "must have an Embedding"),
        ("a row a word", "one row of class scores for a text"),
        ("stateful", "must not be stateful"),
        ("initial state", "must begin with its own initial state"),
    ],
)
def test_a_model_that_cannot_be_explained_is_refused_with_what_to_do(kind, message, encode):
    with pytest.raises(ValueError, match=message):
        saliency(refused(kind), "w1", "state", encode=encode)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"method": "guess"}, "method must be one of state, logit, .* got 'guess'"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"baseline": "mean"}, "baseline must be one of zero, padding, unknown, got 'mean'"),
        ({"tolerance": 0}, "tolerance must be above 0, got 0"),
        ({"target": 3}, "target must be one of 0, 1, 2, got 3"),
        (
            {"target": "c", "labels": ["a", "b", "d"]},
            "target must be one of 'a', 'b', 'd', got 'c'",
        ),
        ({"labels": ["a", "b"]}, "labels must be as many as the model's 3 classes, got 2"),
        ({"outputs": "odds"}, "outputs must be one of auto, logits, probabilities, got 'odds'"),
        ({"encode": None}, "a Keras model needs encode="),
        ({"encode": lambda _: (["a", "b"], [1])}, "one id for each of the 2 tokens"),
    ],
)
def test_arguments_out_of_range_are_refused(settings, message, network, encode):
    model = network(layers.GRU(2))
    with pytest.raises(ValueError, match=message):
        saliency(model, "w1 w2", **{"encode": encode, **settings})


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match=r"must be a Classifier or a Keras model .*, got str"):
        saliency("model.keras", "w1")


def test_a_text_too_long_for_a_fixed_length_is_refused(network, encode):
    with pytest.raises(ValueError, match="the model reads 2 tokens, got 3: cut them in encode"):
        saliency(network(layers.GRU(2), length=2), "w1 w2 w3", encode=encode)
