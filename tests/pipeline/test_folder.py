"""The folder of vectors that a run makes, and what it refuses."""

import json
import shutil
from collections import Counter

import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pipeline_makers import OUTPUT, content, make, names

import textzero
from textzero.cooccurrence import Cooccurrence
from textzero.errors import InputError
from textzero.files import file_digest
from textzero.vectors.pipeline import embed
from textzero.vectors.training import train_vectors
from textzero.vectors.word_vectors import WordVectors


def test_a_folder_of_vectors_is_made(texts, lines, tmp_path):
    made = make(texts, tmp_path / "out", changes={"seed": 3}, window=3)
    assert names(tmp_path) == ["out", "texts"] and names(tmp_path / "out") == OUTPUT
    loaded = WordVectors.load(tmp_path / "out")
    assert_array_equal(loaded.vectors, made.vectors)
    assert_array_equal(loaded.context, made.context)
    tokens = Counter(" ".join(lines).split())
    rare = [word for word, n in tokens.items() if n < 2]
    assert dict(zip(loaded.vocabulary, loaded.vocabulary.counts.tolist(), strict=True)) == {
        word: n for word, n in tokens.items() if word not in rare
    }
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["textzero"] == textzero.__version__
    assert manifest["tokens"] == tokens.total() == 120 * 9
    assert manifest["words_before_min_count"] == len(tokens)
    assert [(i["path"], i["size"], i["blake2b"]) for i in manifest["inputs"]] == [
        (str(path), path.stat().st_size, file_digest(path)) for path in sorted(texts.iterdir())
    ]
    settings = manifest["settings"]
    assert settings["tokenizer"] == "word" and settings["document"] == "line"
    assert (settings["window"], settings["min_count"], settings["seed"]) == (3, 2, 3)
    assert settings["dim"] == manifest["dim"] == 4 and manifest["words"] == len(loaded)
    assert manifest["records"] > 0 and len(manifest["losses"]) == 4  # two sweeps, two matrices
    assert {"count", "encode", "cooccur", "train", "all"} <= manifest["seconds"].keys()
    assert manifest["peak_memory"] > 1 << 20
    assert manifest["reading"]["documents"] == 120 and manifest["reading"]["malformed"] == 0


def test_the_authors_loss_has_a_manifest_that_is_json(texts, tmp_path):
    make(texts, tmp_path / "out", changes={"unobserved_weight": 0.0})  # clips at -inf
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(), parse_constant=None)
    assert manifest["settings"]["clip"] is None
    assert "Infinity" not in (tmp_path / "out" / "manifest.json").read_text()


def test_the_memory_of_a_python_tokenizers_processes_is_in_the_manifest(
    texts, tmp_path, monkeypatch
):
    monkeypatch.setattr("textzero.memory.tree_memory", lambda: 1 << 50)
    assert make(texts, tmp_path / "0").manifest["peak_memory"] < 1 << 50
    made = make(texts, tmp_path / "1", tokenizer=str.split, workers=1)
    assert made.manifest["peak_memory"] == 1 << 50


def test_what_was_lost_in_reading_is_in_the_manifest(texts, tmp_path):
    size = (texts / "1.txt").stat().st_size
    with open(texts / "1.txt", "ab") as file:
        file.write(b"a \xff\xfe b\n")
    for attempt in range(2):
        if attempt:  # the counts are used again, and what was lost with them
            (tmp_path / "out" / "manifest.json").unlink()
        made = make(texts, tmp_path / "out")
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert manifest["reading"] == json.loads(json.dumps(made.manifest["reading"]))
        assert manifest["reading"]["malformed"] == 2
        assert str(texts / "1.txt") in str(manifest["reading"]["first_malformed"])
        assert str(size + 2) in str(manifest["reading"]["first_malformed"])


def test_the_bytes_are_the_same_for_any_workers(texts, tmp_path):
    made = []
    for workers in (1, 2, 7):
        make(texts, tmp_path / str(workers), workers=workers)
        made.append(content(tmp_path / str(workers)))
    assert made[0] == made[1] == made[2]


def test_a_moved_folder_of_vectors_still_opens(texts, tmp_path):
    made = make(texts, tmp_path / "out")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    shutil.rmtree(texts)
    assert WordVectors.load(tmp_path / "moved").similar("a") == made.similar("a")


@pytest.mark.parametrize(
    "model, dim, has_context",
    [("center", 4, True), ("shared", 4, False), ("sum", 4, True), ("concat", 8, False)],
)
def test_each_model_is_saved_with_the_matrix_that_products_need(
    texts, tmp_path, model, dim, has_context
):
    make(texts, tmp_path / "out", changes={"model": model})
    loaded = WordVectors.load(tmp_path / "out")
    assert loaded.dim == dim and (loaded.context is not None) == has_context
    w, c = loaded.halves(slice(None))
    pairs = Cooccurrence.load(tmp_path / "out" / "cooccurrence")
    trained = train_vectors(pairs, dim=4, model=model, sweeps=2)
    # w = (w + c) - c is rounded once in float32
    assert_allclose(w, trained.center, atol=1e-6)
    assert_allclose(c, trained.context, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"window": 0},
        {"weighting": "linear"},
        {"memory": "lots"},
        {"tokenizer": "x"},
        {"subsample": 2.0},
        {"device": "tpu"},
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_counted(texts, tmp_path, work, options):
    with pytest.raises(ValueError, match="must be"):
        make(texts, tmp_path / "out", **options)
    assert work == [] and names(tmp_path) == ["texts"]


@pytest.mark.parametrize("limit", ["min_count", "max_words"])
def test_a_wrong_limit_is_told_before_anything_is_counted(tmp_path, limit):
    with pytest.raises(ValueError, match=f"{limit} must be a whole number from 1, got 0"):
        embed(["a b c"], tmp_path / "out", **{limit: 0})
    assert not (tmp_path / "out").exists()


def test_a_corpus_of_too_few_words_says_so(tmp_path):
    (tmp_path / "t").write_text("a a a b\n")
    with pytest.raises(InputError, match=r"at least two words, got 1.*min_count=2"):
        make(tmp_path / "t", tmp_path / "out")
    with pytest.raises(InputError, match="got none"):
        (tmp_path / "t").write_text("a\na\nb\nb\n")
        make(tmp_path / "t", tmp_path / "other")
