import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.models.classifier import Classifier  # noqa: E402
from textzero.models.encoding import Encoder  # noqa: E402
from textzero.models.saliency import METHODS, saliency  # noqa: E402
from textzero.models.settings import ClassifierSettings, FitOptions  # noqa: E402

REVIEWS = [
    ("the room was good", "good"),
    ("the room was bad", "bad"),
    ("a good clean hotel", "good"),
    ("a bad dirty hotel", "bad"),
] * 10


def untrained(**settings):
    made = ClassifierSettings(**{"dim": 6, "units": 4, "min_count": 1, **settings})
    encoder = Encoder.make([t for t, _ in REVIEWS], (), made.unit, 1, made.positions)
    return Classifier.make(encoder, made, {"labels": ["bad", "good"]}, 0)


@pytest.fixture(scope="module")
def trained():
    settings = ClassifierSettings(encoder="gru", dim=8, units=8, min_count=1, dropout=0.0)
    options = FitOptions(epochs=30, batch_size=40, learning_rate=0.04, warmup=0.0, ema=None)
    return Classifier.train(REVIEWS, settings=settings, options=options)


@pytest.mark.parametrize("method", METHODS)
def test_the_word_that_decides_speaks_for_its_class(method, trained):
    texts, words = ["the room was good", "the room was bad"], ("good", "bad")
    found = saliency(trained, texts, method, target="good")
    for text, word, one in zip(texts, words, found, strict=True):
        assert (one.text, one.label, one.method) == (text, "good", method)
        assert text[slice(*one.spans[3])] == one.tokens[3] == word
        assert (one.score > 0.5) == (word == "good")
    good, bad = (one.values[3] for one in found)
    if method in {"logit", "integrated-gradients", "occlusion"}:  # parts of the log-odds
        assert good - bad > 1
    else:
        assert good and bad


@pytest.mark.parametrize("encoder", ["bigru", "lstm", "dgcnn"])
def test_scores_are_those_of_predict(encoder):
    model = untrained(encoder=encoder)
    texts = ["the good hotel", "", "a room nobody knows", "bad"]
    method = "gradient-input" if encoder == "dgcnn" else "state"
    for said, one in zip(model.predict(texts), saliency(model, texts, method), strict=True):
        assert one.label == said.label
        assert one.score == pytest.approx(said.probability, abs=1e-5)


@pytest.mark.usefixtures("eager")
def test_characters_with_word_tables_are_explained_too():
    model = untrained(unit="character", positions=False)
    for method in METHODS:
        (one,) = saliency(model, "a bad\tday", method)
        assert one.tokens == list("abadday")
        assert one.spans.tolist()[1] == [2, 3]
        assert (one.completeness_error or 0) < 0.01


@pytest.mark.usefixtures("eager")
def test_a_text_that_is_too_long_is_read_and_explained_as_predict_reads_it():
    model = untrained(max_tokens=5)
    text = "the good bad room clean dirty hotel a"
    (said,) = model.predict([text])
    (one,) = saliency(model, text, "logit")
    assert one.tokens == ["the", "good", "bad", "hotel", "a"]
    assert said.left_out == 3
    assert one.score == pytest.approx(said.probability, abs=1e-5)
    assert [text[a:b] for a, b in one.spans] == one.tokens


@pytest.mark.usefixtures("eager")
def test_a_saved_model_explains_alike(trained, tmp_path):
    trained.save(tmp_path / "model")
    again = Classifier.load(tmp_path / "model")
    (before,) = saliency(trained, "the room was good", "logit")
    (after,) = saliency(again, "the room was good", "logit")
    np.testing.assert_allclose(before.values, after.values, atol=1e-6)


def test_methods_disagree_where_they_should(trained):
    """Five names for one computation would pass the tests above."""
    rows = [saliency(trained, "the room was good", method)[0].values for method in METHODS]
    for place, row in enumerate(rows):
        for other in rows[:place]:
            assert np.abs(row - other).max() > 1e-3
