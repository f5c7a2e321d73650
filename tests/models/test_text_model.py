"""What all models share: texts in and out in order, folders that hold no code, unknown tokens."""

import copy
import json
import pickle
import random

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import ops  # noqa: E402

from textzero.errors import InputError, OutputExistsError  # noqa: E402
from textzero.models import (  # noqa: E402
    FitOptions,
    Tagger,
    TaggerSettings,
    TextModel,
    load_model,
    saved,
)
from textzero.models.batches import pad  # noqa: E402
from textzero.models.encoding import Encoder  # noqa: E402
from textzero.models.saved import CONFIG, WEIGHTS  # noqa: E402
from textzero.models.text_model import with_unknown  # noqa: E402
from textzero.vectors.tensors import map_safetensors, write_safetensors  # noqa: E402
from textzero.workspace import Workspace  # noqa: E402

TEXTS = ["ab", "", "a" * 70, "bca", "c", "ab" * 20, "zz"]


class Toy(TextModel):
    """Learns to say of each letter whether it is an a; its second output is a row a text."""

    settings_class = TaggerSettings
    fit_options = FitOptions()
    score_name = "score"
    scores = None

    def build(self):
        inputs = {"tokens": keras.Input((None,), dtype="int32", name="tokens")}
        labels = keras.Input((None,), dtype="float32", name="labels")
        hidden = self.embedding_layer()(inputs)
        hidden = keras.layers.Dropout(self.settings.dropout)(hidden)
        each = keras.layers.Dense(2, name="each")(hidden)
        mask = ops.cast(ops.not_equal(inputs["tokens"], 0), "float32")
        loss = ops.sum(ops.square(each[:, :, 0] - labels) * mask, axis=1)
        network = keras.Model(inputs, [each, ops.sum(hidden, axis=1)])
        return network, keras.Model({**inputs, "labels": labels}, loss)

    @classmethod
    def least_weights(cls, encoder, settings):
        return encoder.size * settings.dim

    def examples(self, data):
        return list(data)

    def length(self, example):
        return len(example)

    def training_batch(self, examples, length, generator):
        del generator
        tokens = [self.encoder.encode(text).inputs["tokens"] for text in examples]
        labels = [np.array([letter == "a" for letter in text], np.float32) for text in examples]
        return {"tokens": pad(tokens, length), "labels": pad(labels, length)}

    def evaluate(self, data, batch_size=64):
        del data, batch_size
        found = next(self.scores)
        if found is None:
            raise KeyboardInterrupt
        return {"score": found}


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setitem(saved.CLASSES, "Toy", __name__)


SMALL = TaggerSettings(dim=3, units=3, dilations=(1,), min_count=1, dropout=0.2)


def toy(seed=0, settings=SMALL):
    return Toy.make(Encoder.make(["abc"]), settings, {"made": "here"}, seed)


def inputs(model, texts=TEXTS):
    return [model.encoder.encode(text).inputs for text in texts]


def weights(model):
    return [ops.convert_to_numpy(v) for v in model.trainer.weights]


# --- run --------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_outputs_come_in_order_cut_to_the_text_whatever_the_batches(batch_size):
    model = toy()
    found = model.run(inputs(model), batch_size)
    assert [each.shape for each, _ in found] == [(len(text), 2) for text in TEXTS]
    table = ops.convert_to_numpy(model.trainer.get_layer("embedding").weights[0])
    dense = [ops.convert_to_numpy(v) for v in model.trainer.get_layer("each").weights]
    for (each, total), row in zip(found, inputs(model), strict=True):
        vectors = table[row["tokens"]]
        np.testing.assert_allclose(each, vectors @ dense[0] + dense[1], atol=1e-6)
        np.testing.assert_allclose(total, vectors.sum(axis=0), atol=1e-5)


def test_no_texts_have_no_outputs():
    assert toy().run([]) == []


def test_a_batch_has_at_least_one_text():
    model = toy()
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
        model.run(inputs(model), 0)


# --- seeds ------------------------------------------------------------------------------------


def test_a_seed_decides_the_weights_and_leaves_other_generators_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    wanted = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    one, same, other = weights(toy(1)), weights(toy(1)), weights(toy(2))
    assert (random.random(), np.random.random()) == wanted  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_a_share_of_the_known_tokens_becomes_unknown_and_nothing_else():
    ids = np.tile(np.array([0, 1, 2, 3], np.int32), (500, 5))
    batch = {"tokens": ids, "question_tokens": ids, "words_0": ids, "labels": ids}
    found = with_unknown(batch, 0.25, np.random.default_rng(0))
    for name in ("words_0", "labels"):
        assert found[name] is ids
    for name in ("tokens", "question_tokens"):
        assert found[name].dtype == np.int32
        assert np.array_equal(found[name][ids < 2], ids[ids < 2])
        hidden = found[name][ids >= 2] == 1
        assert hidden.mean() == pytest.approx(0.25, abs=0.03)  # of 5,000: three deviations
        assert np.array_equal(found[name][ids >= 2][~hidden], ids[ids >= 2][~hidden])
    assert ids.max() == 3


# --- fit --------------------------------------------------------------------------------------


def test_fewer_texts_than_a_batch_holds_are_learned():
    model = toy()
    history = model.fit(["ab", "c"], options=FitOptions(epochs=20, learning_rate=0.1, ema=None))
    assert len(history) == 20
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert model.manifest["training"]["texts"] == 2


def test_a_training_needs_a_text():
    with pytest.raises(InputError, match="at least one labelled text to train on, got none"):
        toy().fit([])


def test_a_training_of_texts_of_many_lengths_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    data = ["ab" * k for k in (1, 3, 9, 20, 5, 40, 2, 12, 30, 4)]
    options = FitOptions(epochs=3, batch_size=2, learning_rate=0.05, ema=1.0)
    whole = toy()
    whole.scores = iter([0.1, 0.3, 0.2])
    history = whole.fit(data, data, options)
    broken = toy()
    broken.scores = iter([0.1, 0.3, None])
    monkeypatch.setattr("textzero.workspace.COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("textzero.models.fitting._SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt), Workspace.beside(tmp_path / "model") as workspace:
        broken.fit(data, data, options, workspace)
    assert list(tmp_path.rglob("epoch-2.safetensors"))
    again = toy()
    again.scores = iter([0.2])
    with Workspace.beside(tmp_path / "model") as workspace:
        assert again.fit(data, data, options, workspace) == history
    assert list(tmp_path.iterdir()) == []
    for one, other in zip(weights(again), weights(whole), strict=True):
        assert np.array_equal(one, other)


# --- folders ----------------------------------------------------------------------------------


def test_a_folder_holds_a_model_in_files_that_are_text_or_numbers(tmp_path):
    model = toy(4)
    model.manifest["note"] = "by hand"
    model.save(tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {CONFIG, WEIGHTS, "manifest.json", "encoder.json", "tokens.tsv"}
    loaded = load_model(tmp_path / "model")
    assert type(loaded) is Toy
    assert (loaded.settings, loaded.facts) == (model.settings, model.facts)
    for one, other in zip(loaded.run(inputs(loaded)), model.run(inputs(model)), strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["note"] == "by hand"


def test_a_model_is_not_written_over_unless_asked_and_never_over_what_is_not_ours(tmp_path):
    toy(0).save(tmp_path / "model")
    with pytest.raises(OutputExistsError, match="already exists"):
        toy(1).save(tmp_path / "model")
    toy(1).save(tmp_path / "model", overwrite=True)
    assert np.array_equal(weights(Toy.load(tmp_path / "model"))[0], weights(toy(1))[0])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(OutputExistsError, match="textzero did not write"):
        toy().save(tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize("make", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_cannot_be_read_again_is_not_made(make):
    with pytest.raises(TypeError, match=r"a Toy is neither pickled nor copied; save\(\) it into a"):
        make(toy())


def test_a_folder_of_another_class_is_refused(tmp_path):
    toy().save(tmp_path / "model")
    with pytest.raises(InputError, match="model must hold a Tagger, got a Toy"):
        Tagger.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"kind": "textzero model 2"},
            "must be of kind 'textzero model 1', got '.* 2'",
        ),
        ({"class": "os.system"}, "class must be one of Tagger, Reader, Extractor, Classifier, Toy"),
        ({"class": ["Toy"]}, "class must be one of"),
        ({"facts": []}, "facts must be an object"),
        ({"settings": None}, "settings must be an object, got None"),
        ({"settings": {"dim": 10**9}}, "weights.safetensors must hold at least 5,000,"),
        ({"settings": {"dim": 2, "units": 3, "dilations": [1]}}, r"must be of shape \(5, 2\), got"),
    ],
)
def test_a_config_that_lies_is_refused_before_anything_is_made(
    tmp_path, monkeypatch, change, sentence
):
    toy().save(tmp_path / "model")
    path = tmp_path / "model" / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    if "at least" in sentence:
        monkeypatch.setattr(Toy, "build", lambda _: pytest.fail("the network was built"))
    with pytest.raises(InputError, match=sentence):
        load_model(tmp_path / "model")


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "encoder.json", "tokens.tsv"])
@pytest.mark.parametrize("content", [None, b"", b"\x80\x04\x95"])
def test_a_file_that_is_absent_or_damaged_is_named(tmp_path, name, content):
    toy().save(tmp_path / "model")
    path = tmp_path / "model" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        load_model(tmp_path / "model")


def test_weights_of_another_network_or_without_a_number_are_refused(tmp_path):
    toy().save(tmp_path / "model")
    path = tmp_path / "model" / WEIGHTS
    tensors = {name: np.array(value) for name, value in map_safetensors(path).items()}
    first = next(iter(sorted(tensors)))
    write_safetensors(path, tensors | {"more": np.zeros(3, np.float32)}, {})
    with pytest.raises(InputError, match="'more' is in one alone"):
        load_model(tmp_path / "model")
    tensors[first][0, 0] = np.nan
    write_safetensors(path, tensors, {})
    with pytest.raises(InputError, match=f"{first} must hold numbers, got NaN"):
        load_model(tmp_path / "model")


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for name, got in (("nowhere", "it is not there"), ("file", "got a file")):
        with pytest.raises(InputError, match=f"{name} must be a folder .* {got}"):
            load_model(tmp_path / name)


# --- export -----------------------------------------------------------------------------------


def test_an_exported_network_says_the_same_and_leaves_no_other_file(tmp_path):
    model, path = toy(), tmp_path / "toy.keras"
    model.export(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["toy.keras"]
    batch = {"tokens": np.array([[2, 3, 1], [4, 0, 0]], np.int32)}
    found = keras.models.load_model(path).predict_on_batch(batch)
    for one, other in zip(found, model.network.predict_on_batch(batch), strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(OutputExistsError, match="already exists"):
        model.export(path)
    model.export(path, overwrite=True)
    with pytest.raises(ValueError, match=r"must end in \.keras, got 'toy\.h5'"):
        model.export(tmp_path / "toy.h5")


def test_a_network_that_cannot_be_exported_leaves_nothing(tmp_path, monkeypatch):
    model = toy()

    def fails(path):
        path.write_bytes(b"half")
        raise OSError(5, "broken")

    monkeypatch.setattr(model.network, "save", fails)
    with pytest.raises(OSError, match="broken"):
        model.export(tmp_path / "toy.keras")
    assert list(tmp_path.iterdir()) == []
