import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import (  # noqa: E402
    Saliency,
    deletion_curve,
    faithfulness,
    insertion_curve,
    saliency,
)


def with_values(one, values):
    return Saliency(one.text, one.tokens, one.spans, np.array(values, np.float32), one.label,
                    one.score, one.method)  # fmt: skip


@pytest.mark.usefixtures("eager")
def test_a_curve_is_what_the_model_says_of_shortened_texts(network, encode):
    for masked in (True, False):
        model = network(layers.GRU(4), masked=masked)
        (one,) = saliency(model, "w1 w2 w3 w4", "occlusion", encode=encode)
        one = with_values(one, [0.1, 0.4, 0.3, 0.2])
        curve = deletion_curve(model, [one], encode=encode, points=5)
        back = insertion_curve(model, [one], encode=encode, points=5)
        texts = ["w1 w2 w3 w4", "w1 w3 w4", "w1 w4", "w1"]
        rows = [model.predict_on_batch(np.array([encode(text)[1]]))[0] for text in texts]
        expected = [row[one.label] for row in rows]
        np.testing.assert_allclose(curve.values[0, :4], expected, atol=1e-5)
        put = [model.predict_on_batch(np.array([encode(t)[1]]))[0][one.label]
               for t in ("w2", "w2 w3", "w2 w3 w4")]  # fmt: skip
        np.testing.assert_allclose(back.values[0, 1:4], put, atol=1e-5)
        assert back.values[0, 0] == pytest.approx(curve.values[0, 4])
        assert back.values[0, 4] == pytest.approx(curve.values[0, 0], abs=1e-6)
        np.testing.assert_allclose(curve.shares, [0, 0.25, 0.5, 0.75, 1])
        y = curve.values[0]
        assert curve.area == pytest.approx((y[0] / 2 + y[1] + y[2] + y[3] + y[4] / 2) / 4, abs=1e-6)
        assert curve.kind == "deletion" and back.kind == "insertion"


def test_methods_that_look_at_the_class_beat_a_random_order(network, encode, random_texts):
    model = network(layers.GRU(6), classes=2)
    texts = random_texts(24, range(5, 20))
    found = faithfulness(
        model, texts, ["logit", "integrated-gradients", "occlusion"], encode=encode, points=6
    )
    assert list(found) == ["logit", "integrated-gradients", "occlusion", "random"]
    chance = found.pop("random")
    for curves in found.values():
        assert curves["deletion"].area < chance["deletion"].area - 0.05
        assert curves["insertion"].area > chance["insertion"].area + 0.05
    again = faithfulness(model, texts, [], encode=encode, points=6)
    assert again["random"]["deletion"].values.shape == (0, 6)


@pytest.mark.usefixtures("eager")
def test_a_summary_has_the_area_and_its_error(network, encode, random_texts):
    model = network(layers.GRU(4))
    results = saliency(model, random_texts(10, [4]), "occlusion", encode=encode)
    curve = deletion_curve(model, results, encode=encode)
    found = curve.summary()
    assert found["texts"] == 10 and len(found["mean"]) == 21
    assert found["area"] == pytest.approx(curve.areas.mean(), abs=1e-5)
    assert found["standard_error"] == pytest.approx(curve.areas.std(ddof=1) / 10**0.5, abs=1e-5)
    assert deletion_curve(model, [], encode=encode).summary()["texts"] == 0


@pytest.mark.usefixtures("eager")
def test_an_empty_text_has_a_level_curve(network, encode):
    model = network(layers.GRU(4))
    results = saliency(model, ["", "w1"], "occlusion", encode=encode)
    curve = deletion_curve(model, results, encode=encode, points=3)
    np.testing.assert_allclose(curve.values[0], results[0].score, atol=1e-5)


@pytest.mark.usefixtures("eager")
def test_results_of_another_model_and_too_few_points_are_refused(network, encode):
    model = network(layers.GRU(4))
    results = saliency(model, ["w1 w2"], "occlusion", encode=encode)
    with pytest.raises(ValueError, match="points must be at least 2, got 1"):
        deletion_curve(model, results, encode=encode, points=1)
    with pytest.raises(ValueError, match="results must come from this model"):
        deletion_curve(model, results, encode=lambda text: (list(text), [2] * len(text)))
