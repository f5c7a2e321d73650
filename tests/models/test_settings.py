"""Settings refuse what no network or training can be, with a sentence; also those of a file."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.models import Classifier, Extractor, Reader, Tagger
from textzero.models.settings import (
    ClassifierSettings,
    ExtractorSettings,
    FitOptions,
    ReaderSettings,
    TaggerSettings,
    from_json,
)

SETTINGS = [TaggerSettings, ReaderSettings, ExtractorSettings, ClassifierSettings]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("epochs", wrong) for wrong in (0, 2.5, "3", None, True)],
        *[("batch_size", wrong) for wrong in (0, 1.5)],
        *[("learning_rate", wrong) for wrong in (0, -1e-3, float("nan"), float("inf"), "1", None)],
        *[("final_learning_rate", wrong) for wrong in (-1.0, "1")],
        *[("warmup", wrong) for wrong in (-0.1, None, float("nan"))],
        *[("patience", wrong) for wrong in (0, 1.5)],
        *[("ema", wrong) for wrong in (0.0, -1.0, float("nan"), "1")],
        *[("accumulation", wrong) for wrong in (0, 1.5)],
        *[("clip_norm", wrong) for wrong in (0.0, -5.0)],
        *[("weight_decay", wrong) for wrong in (-1e-3, "0")],
        *[("unknown", wrong) for wrong in (-0.1, 1.0, float("nan"), None)],
        *[("seed", wrong) for wrong in (-1, 1.5, 1 << 32)],
        *[("compile", wrong) for wrong in ("yes", 2, None)],
        *[("rates", wrong) for wrong in ([], {"(": 1.0}, {3: 1.0}, {"a": 0.0}, {"a": "1"})],
    ],
)
def test_options_that_cannot_be_are_refused_by_name(name, wrong):
    with pytest.raises((ValueError, TypeError), match=rf"^{name}\b.* (must|got) "):
        FitOptions(**{name: wrong})


@pytest.mark.parametrize("kind", SETTINGS)
def test_sizes_shares_dilations_and_choices_that_cannot_be_are_refused_by_name(kind):
    tried = 0
    for field in dataclasses.fields(kind):
        default = field.default
        wrongs = {
            bool: [2, "no", None],
            int: [0, -1, 1.5, "2", True, *([] if field.name == "max_answer" else [None])],
            float: [-0.1, 1.0, 2.0, float("nan"), "0", None],
            str: ["", "else", 3, None],
            tuple: [(), (0,), (1, "2"), (1.0,), [1], 1, None],
            type(None): [0, 1.5],
        }[type(default)]
        if field.name == "gate_bias":  # any number
            wrongs = [float("nan"), "0", None]
        for wrong in wrongs:
            with pytest.raises((ValueError, TypeError), match=rf"^{field.name}\b.* must .* got "):
                kind(**{field.name: wrong})
            tried += 1
    assert tried > 20


@pytest.mark.parametrize("kind", [*SETTINGS, FitOptions])
def test_settings_are_read_as_they_were_written(kind):
    changed = kind(**({"epochs": 3, "rates": {"a": 2.0}} if kind is FitOptions else {"dim": 7}))
    assert changed != kind()
    assert from_json(kind, json.loads(json.dumps(dataclasses.asdict(changed))), "x") == changed


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (None, "x must be an object, got None"),
        ([1], "x must be an object"),
        ({"sise": 3}, "x: TaggerSettings has no field 'sise'"),
        ({"dim": "3"}, "x: dim must be like 128, got '3'"),
        ({"dim": 3.5}, "x: dim must be a whole number, got 3.5"),
        ({"dim": True}, "x: dim must be like 128, got True"),
        ({"dim": None}, "x: dim must be a whole number, got None"),
        ({"positions": 1}, "x: positions must be like True, got 1"),
        ({"head": 3}, "x: head must be like 'crf', got 3"),
        ({"head": "none"}, "x: head must be one of crf, memm, bimemm, softmax, got 'none'"),
        ({"dilations": 3}, "x: dilations must be a list of whole numbers, got 3"),
        ({"dilations": [1, "2"]}, "x: dilations must be a list of whole numbers"),
        ({"dilations": []}, "x: dilations must be a tuple of whole numbers, not empty"),
        ({"dropout": 2.0}, "x: dropout must be at least 0 and below 1, got 2.0"),
    ],
)
def test_settings_of_a_file_that_cannot_be_are_refused_with_their_place(found, sentence):
    with pytest.raises(InputError) as raised:
        from_json(TaggerSettings, found, "x")
    assert str(raised.value).startswith(sentence)


def test_numbers_of_numpy_are_settings_that_can_be_written_as_json():
    options = FitOptions(epochs=np.int64(2), learning_rate=np.float32(0.5), compile=np.bool_(True))
    assert json.loads(json.dumps(dataclasses.asdict(options)))["epochs"] == 2
    assert TaggerSettings(dim=np.int32(8)) == TaggerSettings(dim=8)


def test_an_older_folder_s_names_of_thresholds_still_load():
    old = {"subject_threshold": 0.7, "object_threshold": 0.6}
    settings = from_json(ExtractorSettings, old, "x")
    assert (settings.start_threshold, settings.end_threshold) == (0.7, 0.6)
    with pytest.raises(InputError, match="TaggerSettings has no field 'subject_threshold'"):
        from_json(TaggerSettings, old, "x")


@pytest.mark.parametrize("model", [Classifier, Extractor, Reader, Tagger])
def test_a_misspelt_setting_of_a_training_is_told_before_it_begins(model):
    with pytest.raises(TypeError, match="train has no argument 'epoch': did you mean 'epochs'"):
        model.train([], epoch=3)
    with pytest.raises(TypeError, match=r"settings must be an? \w+Settings or None, got FitOp"):
        model.train([], settings=FitOptions())
    with pytest.raises(TypeError, match="vectors must be several WordVectors, got 3 among them"):
        model.train([], vectors=[3])


def test_settings_and_options_are_given_by_name():
    texts = [("好 看", "pos"), ("难 看", "neg")] * 4
    model = Classifier.train(texts, dim=8, units=4, epochs=2)
    assert (model.settings.dim, model.settings.units) == (8, 4)
    assert len(model.manifest["training"]["history"]) == 2
    assert model.manifest["training"]["learning_rate"] == Classifier.fit_options.learning_rate
