import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import saliency  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager")


def log_odds(rows, target):
    rows = np.asarray(rows, np.float64)
    return np.log(rows[..., target] / (1 - rows[..., target]))


def after_embedding(model):
    """From vectors to probabilities, as a model of its own; for nets without masks."""
    return keras.Model(model.layers[1].output, model.output)


@pytest.mark.parametrize("masked", [True, False])
def test_integrated_gradients_sum_to_the_change_of_the_log_odds(
    masked, network, encode, random_texts
):
    model = network(layers.Bidirectional(layers.LSTM(5)), masked=masked)
    texts = random_texts(20, (1, 5, 30))
    found = saliency(model, texts, "integrated-gradients", encode=encode)
    assert max(one.completeness_error for one in found) < 0.01
    if not masked:
        head = after_embedding(model)
        for text, one in zip(texts[:4], found, strict=False):
            vectors = model.layers[1](np.array([encode(text)[1]])).numpy()
            ends = log_odds(head.predict_on_batch(vectors)[0], one.label)
            start = log_odds(head.predict_on_batch(vectors * 0)[0], one.label)
            assert one.values.sum() == pytest.approx(ends - start, rel=0.01, abs=1e-3)


def test_integrated_gradients_are_the_mean_gradient_of_the_way(network, encode):
    model = network(layers.GRU(4), masked=False)
    text = "w3 w1 w4"
    (found,) = saliency(model, text, "integrated-gradients", encode=encode, tolerance=1e-4)
    vectors = model.layers[1](np.array([encode(text)[1]])).numpy().astype(np.float64)
    head, step, steps = after_embedding(model), 1e-3, 60
    expected = np.zeros(3)
    for share in (np.arange(steps) + 0.5) / steps:
        up = np.repeat(share * vectors, 3, axis=0)
        down = up.copy()
        for word in range(3):  # the way's direction, one word at a time
            up[word, word] += step * vectors[0, word]
            down[word, word] -= step * vectors[0, word]
        rise = log_odds(head.predict_on_batch(up), found.label) - log_odds(
            head.predict_on_batch(down), found.label
        )
        expected += rise / (2 * step) / steps
    np.testing.assert_allclose(found.values, expected, atol=5e-3)


def test_gradient_input_is_the_derivative_along_each_words_vector(network, encode):
    model = network(layers.GRU(4), masked=False)
    text = "w3 w1 w4 w1"
    (found,) = saliency(model, text, "gradient-input", encode=encode)
    vectors = model.layers[1](np.array([encode(text)[1]])).numpy()
    head, step = after_embedding(model), 1e-2
    up, down = np.repeat(vectors, 4, axis=0), np.repeat(vectors, 4, axis=0)
    for word in range(4):
        up[word, word] *= 1 + step
        down[word, word] *= 1 - step
    rise = log_odds(head.predict_on_batch(up), found.label) - log_odds(
        head.predict_on_batch(down), found.label
    )
    np.testing.assert_allclose(found.values, rise / (2 * step), atol=2e-3)


def test_a_baseline_word_has_nothing_to_explain_it(network, encode):
    model = network(layers.GRU(4))
    unknown, padding = (
        saliency(model, "w1 who w2", "integrated-gradients", encode=encode, baseline=name)[0]
        for name in ("unknown", "padding")
    )
    assert unknown.values[1] == 0 and unknown.values[[0, 2]].all()
    assert padding.values.all()
    assert max(unknown.completeness_error, padding.completeness_error) < 0.01


def test_a_network_without_recurrent_layer_has_gradients_and_occlusion(network, encode):
    model = network([layers.Conv1D(4, 3, padding="same"), layers.GlobalMaxPooling1D()], False)
    for method in ("integrated-gradients", "gradient-input", "occlusion"):
        (found,) = saliency(model, "w1 w2 w3", method, encode=encode)
        assert found.values.any()
    with pytest.raises(ValueError, match=r"needs a recurrent layer.*and the model has none"):
        saliency(model, "w1", "state", encode=encode)


def test_occlusion_is_what_the_model_says_without_the_word(network, encode):
    for masked in (True, False):
        model = network(layers.Bidirectional(layers.GRU(4)), masked=masked)
        text = "w3 w1 w4 w1"
        (found,) = saliency(model, text, "occlusion", encode=encode)
        ids = encode(text)[1]
        whole = model.predict_on_batch(np.array([ids]))
        without = model.predict_on_batch(np.array([ids[:k] + ids[k + 1 :] for k in range(4)]))
        lost = log_odds(whole, found.label) - log_odds(without, found.label)
        np.testing.assert_allclose(found.values, lost, atol=1e-4)


def test_occlusion_of_a_fixed_length_puts_the_unknown_word(network, encode):
    model = network(layers.GRU(4), masked=False, length=5)
    (found,) = saliency(model, "w3 w1", "occlusion", encode=encode)
    first, second = encode("w3 w1")[1]
    rows = [[first, second, 0, 0, 0], [1, second, 0, 0, 0], [first, 1, 0, 0, 0]]
    scores = log_odds(model.predict_on_batch(np.array(rows)), found.label)
    np.testing.assert_allclose(found.values, scores[0] - scores[1:], atol=1e-4)


def test_more_words_than_a_chunk_of_occlusions_keep_their_places(network, encode, monkeypatch):
    from textzero.models.saliency import occlusion

    model = network(layers.GRU(4))
    texts = ["w1 w2 w3", "", "w4 w5", "w6 w7 w8 w9 w10", "w1"]
    whole = saliency(model, texts, "occlusion", encode=encode)
    monkeypatch.setattr(occlusion, "_VARIANTS", 4)
    parts = saliency(model, texts, "occlusion", encode=encode)
    for one, other in zip(whole, parts, strict=True):
        assert len(one.values) == len(one.tokens)
        np.testing.assert_allclose(one.values, other.values, atol=1e-6)
