"""Classifier: what it learns, what it reads of a text, and that it comes back as it was saved."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

keras = pytest.importorskip("keras")

from textzero.errors import InputError  # noqa: E402
from textzero.models.classifier import KEEP, Classifier, label_scores  # noqa: E402
from textzero.models.encoding import Encoder  # noqa: E402
from textzero.models.labelled import LabelledText, read_labelled  # noqa: E402
from textzero.models.saliency import saliency  # noqa: E402
from textzero.models.settings import ClassifierSettings, FitOptions  # noqa: E402
from textzero.vectors.word_vectors import WordVectors  # noqa: E402
from textzero.vocabulary import Vocabulary  # noqa: E402

GOOD, BAD = ["good", "nice", "clean"], ["bad", "poor", "dirty"]
FILL = ["room", "hotel", "the", "was", "staff", "street"]
QUICK = FitOptions(epochs=8, batch_size=16, learning_rate=0.03, ema=None, compile=False)


def reviews(number=96, seed=0, length=7):
    """Texts whose one telling word decides the label."""
    draw = np.random.default_rng(seed)
    found = []
    for place in range(number):
        words = draw.choice(FILL, draw.integers(1, length)).tolist()
        words.insert(draw.integers(len(words) + 1), str(draw.choice((BAD, GOOD)[place % 2])))
        found.append((" ".join(words), ("neg", "pos")[place % 2]))
    return found


def settings(**changes):
    return ClassifierSettings(**{"dim": 8, "units": 6, "min_count": 1, "dropout": 0.1} | changes)


def vectors():
    """Vectors in which "fine" stands beside the good words and "awful" beside the bad ones."""
    words = [*GOOD, "fine", *BAD, "awful", *FILL]
    rows = np.random.default_rng(0).normal(0, 0.3, (len(words), 5)).astype(np.float32)
    rows[:4, 0] += 2
    rows[4:8, 0] -= 2
    return WordVectors(Vocabulary(words, np.arange(len(words), 0, -1)), rows)


@pytest.fixture(scope="module")
def model():
    return Classifier.train(reviews(), reviews(32, 1), [vectors()], settings(), QUICK)


@cache
def trained(encoder):
    return Classifier.train(reviews(), None, (), settings(encoder=encoder), QUICK)


def untrained(texts, labels=("neg", "pos"), **changes):
    encoder = Encoder.make(texts, (), "word")
    return Classifier.make(encoder, settings(**changes), {"labels": list(labels)}, 0)


# --- what is learned --------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ["gru", "lstm", "bigru", "bilstm", "dgcnn"])
def test_every_encoder_finds_the_telling_word(encoder):
    assert trained(encoder).evaluate(reviews(64, 2))["accuracy"] >= 0.95


def test_characters_work_too():
    changed = settings(unit="character", encoder="gru", positions=True)
    made = Classifier.train(reviews(), None, [vectors()], changed, QUICK)
    assert made.encoder.input_names == ["tokens", "words_0", "positions_0"]
    assert made.evaluate(reviews(64, 2))["accuracy"] >= 0.9


def test_words_that_only_the_vectors_know_are_understood(model):
    found = model.predict(["the room was fine", "awful street"])
    assert [prediction.label for prediction in found] == ["pos", "neg"]
    assert found[0].probability == found[0].probabilities["pos"] > 0.5
    assert sum(found[0].probabilities.values()) == pytest.approx(1, abs=1e-6)


def test_vectors_stay_as_they_are_unless_they_may_move(model):
    expected = np.zeros((len(vectors()) + 2, 5), np.float32)
    expected[2:] = vectors().vectors
    table = model.network.get_layer("embedding").embeddings
    assert_array_equal(keras.ops.convert_to_numpy(table), expected)
    moving = settings(trainable_vectors=True, encoder="gru")
    made = Classifier.train(reviews(32), None, [vectors()], moving, replace(QUICK, epochs=2))
    table = made.network.get_layer("embedding").embeddings
    moved = np.abs(keras.ops.convert_to_numpy(table) - expected).max(axis=1)
    assert moved[2] > 0.01, "a word of the training texts"
    assert moved[2 + list(vectors().vocabulary).index("fine")] == 0, "a word that never came"


def test_the_head_sees_the_last_state_alone(model):
    recurrent = model.network.get_layer("bidirectional")
    assert not recurrent.forward_layer.return_sequences
    head = model.network.get_layer("logits")
    before = head.input._keras_history.operation
    assert isinstance(before, keras.layers.Dropout)
    assert before.input is recurrent.output and len(model.network.outputs) == 1
    assert type(recurrent.forward_layer) is keras.layers.GRU


@pytest.mark.parametrize("encoder", ["gru", "lstm", "bigru"])
def test_the_state_is_kept_at_the_start(encoder):
    made = untrained(["a b"], encoder=encoder, units=4)
    recurrent = made.network.layers[-3]
    layer = getattr(recurrent, "forward_layer", recurrent)
    before = [np.full((1, 4), 0.5, np.float32)] * (2 if encoder == "lstm" else 1)
    after = layer.cell(np.zeros((1, 8), np.float32), before)[1][-1]  # a step that reads nothing
    assert np.asarray(after).mean() / 0.5 == pytest.approx(1 / (1 + np.exp(-KEEP)), abs=0.1)


def test_the_same_seed_gives_the_same_model():
    texts = [text for text, _ in reviews(20, 3)]
    found = []
    for seed in (3, 3, 4):
        once = replace(QUICK, epochs=1, seed=seed)
        made = Classifier.train(reviews(48), None, (), settings(encoder="gru"), once)
        found.append(made.probabilities(texts))
    assert_allclose(found[0], found[1], atol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 1e-3


# --- what is read of a text ---------------------------------------------------------------------


def test_neither_neighbours_nor_padding_change_a_prediction(model):
    texts = [text for text, _ in reviews(40, 4, length=40)] + ["", "unheard words alone"]
    together = model.probabilities(texts)
    alone = np.concatenate([model.probabilities([text]) for text in texts])
    assert together.dtype == np.float32
    assert_allclose(together, alone, atol=1e-6)


def test_of_a_long_text_the_beginning_and_the_end_are_read_and_the_rest_is_told():
    long, cut = "good room the was bad poor staff street", "good room the staff street"
    made = untrained([long], max_tokens=5)
    first, second, empty = made.predict([long, cut, ""])
    assert (first.tokens, first.left_out) == (8, 3)
    assert (second.tokens, second.left_out, empty.tokens) == (5, 0, 0)
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-6)
    assert made.evaluate([(long, "pos"), (cut, "neg")])["cut"] == 1
    read = made.encode(long)
    assert [long[start:stop] for start, stop in read.spans] == read.tokens == cut.split()
    assert_array_equal(read.inputs["tokens"], made.encode(cut).inputs["tokens"])


def test_nothing_to_predict_is_nothing(model):
    assert model.predict([]) == [] and model.probabilities([]).shape == (0, 2)


def test_as_many_labels_as_the_padded_length_are_no_tokens():
    made = untrained(["a b"], [f"label {place:02}" for place in range(16)])
    assert made.probabilities(["a b", "a"]).shape == (2, 16)


# --- figures ------------------------------------------------------------------------------------


def test_figures_by_hand():
    gold, predicted = np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 1])
    scores = label_scores(gold, predicted, ["a", "b", "c", "d"])
    assert scores["texts"] == 5 and scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["precision a"] == 1 and scores["recall a"] == pytest.approx(2 / 3)
    assert scores["precision b"] == pytest.approx(1 / 3) and scores["f1 b"] == pytest.approx(1 / 2)
    assert scores["precision c"] == scores["recall c"] == scores["f1 d"] == 0
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 0) / 3)  # d is nowhere


PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1)


@given(PLACES)
def test_figures_are_their_definition(pairs):
    gold, predicted = np.array(pairs).T
    scores = label_scores(gold, predicted, "abcd")
    assert scores["accuracy"] == pytest.approx(np.mean([g == p for g, p in pairs]))
    f1 = []
    for place, label in enumerate("abcd"):
        true, said = [g == place for g, _ in pairs], [p == place for _, p in pairs]
        both = sum(t and s for t, s in zip(true, said, strict=True))
        assert scores[f"recall {label}"] == pytest.approx(both / max(1, sum(true)))
        assert scores[f"precision {label}"] == pytest.approx(both / max(1, sum(said)))
        if any(true) or any(said):
            f1.append(2 * both / (sum(true) + sum(said)))
    assert scores["macro_f1"] == pytest.approx(np.mean(f1))


def test_evaluate_agrees_with_predict(model):
    held_out = reviews(50, 5)
    found = model.predict([text for text, _ in held_out])
    right = np.mean([p.label == label for p, (_, label) in zip(found, held_out, strict=True)])
    said = [p.probabilities[label] for p, (_, label) in zip(found, held_out, strict=True)]
    scores = model.evaluate(held_out)
    assert scores["accuracy"] == pytest.approx(right)
    assert scores["nll"] == pytest.approx(-np.mean(np.log(said)), abs=1e-5)


# --- saliency -------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ["gru", "bilstm"])
def test_what_it_decides_can_be_explained(encoder):
    text = "the room was good street"
    [found] = saliency(trained(encoder), [text], method="state")
    assert sum(found.values) == pytest.approx(1, abs=1e-5) and len(found.values) == 5
    [found] = saliency(trained(encoder), [text], method="logit")
    assert found.label == "pos" and found.values.argmax() == 3
    assert found.score == pytest.approx(trained(encoder).predict([text])[0].probability, abs=1e-5)


def test_a_long_text_is_explained_as_it_is_read():
    made = untrained(["a b c d e f"], max_tokens=4)
    [found] = saliency(made, ["a b c d e f"], encode=made.encode)
    assert found.tokens == ["a", "b", "e", "f"]
    assert found.score == pytest.approx(made.predict([found.text])[0].probability, abs=1e-6)


# --- files ----------------------------------------------------------------------------------------


def test_a_fresh_process_says_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    model.export(tmp_path / "model.keras")
    texts = [text for text, _ in reviews(12, 6)] + ["", "fine 北京"]
    code = """
import json, sys, numpy as np, keras, textzero.models
from textzero.models.classifier import Classifier
folder, file, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
loaded = Classifier.load(folder)
network = keras.models.load_model(file)
ids = np.zeros((len(texts), 12), np.int32)
for row, text in zip(ids, texts):
    found = loaded.encode(text).inputs["tokens"]
    row[:len(found)] = found
logits = network.predict({"tokens": ids}, verbose=0)
print(json.dumps([loaded.probabilities(texts).tolist(), logits.tolist(), loaded.labels]))
"""
    arguments = [str(tmp_path / "model"), str(tmp_path / "model.keras"), json.dumps(texts)]
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    probabilities, logits, labels = json.loads(found.stdout.splitlines()[-1])
    expected = model.probabilities(texts)
    assert tuple(labels) == model.labels
    assert_allclose(probabilities, expected, atol=1e-6)
    weights = np.exp(logits)
    assert_allclose(weights / weights.sum(1, keepdims=True), expected, atol=1e-5)


@pytest.mark.parametrize("labels", [["pos"], "pos", ["pos", "pos"], [1, 2], None])
def test_a_folder_with_wrong_labels_is_refused(model, tmp_path, labels):
    model.save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    config["facts"] = {"labels": labels} if labels else {}
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json does not describe a Classifier"):
        Classifier.load(tmp_path / "model")


# --- what is refused ------------------------------------------------------------------------------


def test_labels_of_the_validation_must_be_known(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text("label\ttext\npos\tgood\nposs\tgood\n")
    with pytest.raises(InputError, match=r"dev\.tsv:3: label must be one of neg, pos, got 'poss'"):
        Classifier.train(reviews(), read_labelled(path), (), settings(), QUICK)


def test_what_cannot_be_trained_or_scored_is_refused(model):
    with pytest.raises(InputError, match="at least two labels, got pos"):
        Classifier.train([("good", "pos")])
    with pytest.raises(InputError, match="at least two labels, got none"):
        Classifier.train([])
    with pytest.raises(ValueError, match="vectors of one folder, got 2"):
        Classifier.train(reviews(4), None, [vectors()] * 2)
    with pytest.raises(InputError, match="at least one labelled text to evaluate"):
        model.evaluate([])
    with pytest.raises(InputError, match="label must be one of neg, pos, got 'x'"):
        model.evaluate([LabelledText("good", "x")])
