"""The commands of models: train, tag, answer, extract, classify, saliency, evaluate model."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from textzero_cli import _models
from textzero_cli.main import main

pytest.importorskip("keras")

from textzero.corpus import Corpus
from textzero.models import Classifier, load_model
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary
from textzero.workspace import Workspace

KINDS = ("tagger", "reader", "extractor", "classifier")
SMALL = ("--dim", 8, "--epochs", 6, "--batch-size", 8, "--learning-rate", 0.03)
SMALL += ("--set", "min_count=1", "--set", "ema=null", "--set", "compile=false")
SHALLOW = ("--set", "dilations=[1]")
QUICK = {
    "tagger": ("--units", 8, *SHALLOW),
    "reader": ("--set", "question_dilations=[1]", "--set", "passage_dilations=[1, 2]"),
    "extractor": SHALLOW,
    "classifier": ("--encoder", "gru", "--units", 8),
}

REVIEWS = [("pos", "good room"), ("pos", "nice staff"), ("neg", "bad room"), ("neg", "dirty staff")]
NAMES = "张\tB-PER\n三\tE-PER\n在\tO\n北\tB-LOC\n京\tE-LOC\n"
FACTS = {"text": "甲写了乙", "spo_list": [{"subject": "乙", "predicate": "作者", "object": "甲"}]}
ASKED = {"question": "谁写了乙", "passages": ["甲写了乙", "乙是书"], "answers": ["甲"]}


def invoke(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, prog_name="textzero")


def done(*arguments, stdin=None):
    result = invoke(*arguments, stdin=stdin)
    assert result.exit_code == 0, (result.output, result.stderr, result.exception)
    return result


def refused(result, exit_code, message):
    """One sentence on stderr, nothing on stdout."""
    assert result.exit_code == exit_code, (result.output, result.stderr)
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert re.search(message, result.stderr), result.stderr
    if exit_code != 2:
        assert re.fullmatch(r"Error: .*\n", result.stderr), result.stderr


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with labelled data of every kind."""
    folder = tmp_path_factory.mktemp("models")
    rows = "".join(f"{label}\t{text}\n" for label, text in REVIEWS * 4)
    (folder / "classifier.data").write_text("label\ttext\n" + rows, encoding="utf-8")
    (folder / "tagger.data").write_text((NAMES + "\n") * 8, encoding="utf-8")
    (folder / "extractor.data").write_text(lines([FACTS] * 8), encoding="utf-8")
    (folder / "reader.data").write_text(lines([ASKED] * 8), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(work):
    """Trains the model of a kind once, by the command."""
    trained = {}

    def get(kind):
        if kind not in trained:
            data, folder = work / f"{kind}.data", work / kind
            options = ("--validation", data, "-o", folder, *SMALL, *QUICK[kind])
            trained[kind] = done("train", kind, data, *options)
        return work / kind

    get.said = lambda kind: (get(kind), trained[kind])[1]
    return get


# --- train ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_train_writes_a_model_that_loads(model, kind):
    folder = model(kind)
    said = model.said(kind)
    assert said.stdout == "" and "epoch 1 of 6: loss " in said.stderr
    assert re.search(rf"^wrote +\S*{kind}, ", said.stderr, re.MULTILINE)
    assert re.search(r"^best epoch +\d\n", said.stderr, re.MULTILINE)
    loaded = load_model(folder)
    assert type(loaded).__name__.lower() == kind and loaded.settings.dim == 8
    assert loaded.manifest == {} or loaded.manifest
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["sources"]["data"] == [str(folder) + ".data"]
    assert not (folder.parent / f".{kind}.textzero").exists()


def test_vectors_are_used_and_need_not_be_there_later(work, tmp_path):
    words = ["good", "nice", "fine", "bad", "dirty", "awful", "room", "staff"]
    rows = np.random.default_rng(0).normal(0, 0.1, (8, 4)).astype(np.float32)
    rows[:3, 0], rows[3:6, 0] = 2, -2
    WordVectors(Vocabulary(words, np.arange(8, 0, -1)), rows).save(tmp_path / "v")
    data = work / "classifier.data"
    done("train", "classifier", data, "--vectors", tmp_path / "v", "-o", tmp_path / "m",
         *SMALL, "--encoder", "gru", "--quiet")  # fmt: skip
    shutil.rmtree(tmp_path / "v")
    found = done("classify", tmp_path / "m", stdin="fine staff\nawful staff\n").stdout
    assert [line.split("\t")[0] for line in found.splitlines()] == ["pos", "neg"]


def test_an_output_that_is_there_is_not_touched(model, work):
    folder = model("classifier")
    before = (folder / "weights.safetensors").read_bytes()
    again = ("train", "classifier", work / "none.tsv", "-o", folder)
    refused(invoke(*again), 5, "already exists; choose another name or pass --force")
    refused(invoke(*again, "--force"), 3, "no such file")
    assert (folder / "weights.safetensors").read_bytes() == before
    refused(invoke("train", "classifier", work / "none.tsv", "-o", work / "x" / "m"), 4, "folder")
    (work / "other").mkdir(exist_ok=True)
    (work / "other" / "file").write_text("mine")
    again = ("train", "classifier", work / "classifier.data", "-o", work / "other", "--force")
    refused(invoke(*again), 5, "did not write")


def test_a_training_that_was_broken_off_goes_on(work, tmp_path, monkeypatch):
    data = work / "classifier.data"
    command = ("train", "classifier", data, "--validation", data, *SMALL, "--encoder", "gru")
    done(*command, "-o", tmp_path / "whole", "--quiet")
    monkeypatch.setattr("textzero.workspace.COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("textzero.models.fitting._SHARE", 1e9)
    evaluate, calls = Classifier.evaluate, []

    def breaks_off(self, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return evaluate(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "evaluate", breaks_off)
        result = invoke(*command, "-o", tmp_path / "m")
    assert result.exit_code == 130 and "the same command goes on with it" in result.stderr
    assert not (tmp_path / "m").exists() and (tmp_path / ".m.textzero").is_dir()
    result = invoke("train", "classifier", tmp_path / "none", "-o", tmp_path / "m")
    assert result.exit_code == 3 and (tmp_path / ".m.textzero").is_dir()  # as it was before
    with Workspace.beside(tmp_path / "m"):  # a run at work
        refused(invoke(*command, "-o", tmp_path / "m"), 5, rf"locked by pid {os.getpid()} on host")
        kept = shutil.copytree(tmp_path / ".m.textzero", tmp_path / "kept")
        (kept / "lock").unlink()
    shutil.copytree(kept, tmp_path / ".m.textzero")
    result = done(*command, "-o", tmp_path / "m")
    assert "training goes on after epoch 3" in result.stderr and "epoch 3 of" not in result.stderr
    whole, resumed = (tmp_path / name / "weights.safetensors" for name in ("whole", "m"))
    assert whole.read_bytes() == resumed.read_bytes()
    for more, said in (
        (("--seed", 1), "training starts afresh: other network, seed than before"),
        (("--fresh",), "epoch 1 of 6"),
    ):
        shutil.copytree(kept, tmp_path / ".m.textzero")
        result = done(*command, "-o", tmp_path / "m", *more, "--force")
        assert said in result.stderr and "goes on" not in result.stderr
    assert whole.read_bytes() == resumed.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept", "m", "whole"]


@pytest.mark.parametrize(
    "arguments, exit_code, message",
    [
        (("--set", "colour=1"), 2, "there is no setting 'colour'; there are accumulation, batch"),
        (("--set", "colour"), 2, "it must be NAME=VALUE, got 'colour'"),
        (("--set", "units=0"), 3, "--set: units must be .*at least 1, got 0"),
        (("--set", "dilations=1"), 3, "--set: dilations must be a list of whole numbers"),
        (("--text-column", "body"), 3, r"classifier\.data:1: .*name yours with .*--text-column"),
        (("--vectors", "none"), 3, "none"),
        (("--encoding", "utf-9"), 2, "must be a Python codec, got 'utf-9'"),
    ],
)
def test_what_cannot_be_trained_is_told(work, tmp_path, arguments, exit_code, message):
    command = ("train", "classifier", work / "classifier.data", "-o", tmp_path / "m")
    refused(invoke(*command, *arguments), exit_code, message)
    assert list(tmp_path.iterdir()) == []


def test_faults_of_the_data_are_told_with_file_and_line(tmp_path):
    bad = tmp_path / "bad.tsv"
    bad.write_text("label\ttext\npos\tgood\nneg\n")
    result = invoke("train", "classifier", bad, "-o", tmp_path / "m")
    refused(result, 3, r"bad\.tsv:3: expected 2 columns \(label, text\), got 1")
    bad.write_text("张\tB-PER\n三\n")
    result = invoke("train", "tagger", bad, "-o", tmp_path / "m")
    refused(result, 3, r"bad\.tsv:2: expected 2 columns")


# --- use -----------------------------------------------------------------------------------------


def test_classify_writes_a_line_for_each_line(model):
    result = done("classify", model("classifier"), stdin="good\troom\r\n\nbad room\n")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[2] for row in rows] == ["good room", "", "bad room"] and result.stderr == ""
    expected = load_model(model("classifier")).predict(["good\troom", "", "bad room"])
    assert [row[:2] for row in rows] == [[p.label, f"{p.probability:.4f}"] for p in expected]
    result = done("classify", model("classifier"), "--json", stdin="good\troom\n\n")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["text"] == "good\troom" and first["tokens"] == 2 and second["text"] == ""
    assert first["probabilities"] == pytest.approx(dict(expected[0].probabilities), abs=1e-6)


def test_classify_says_what_was_not_read(work, tmp_path):
    data = work / "classifier.data"
    done("train", "classifier", data, "-o", tmp_path / "m", *SMALL, "--max-tokens", 2, "-q",
         "--encoder", "gru", "--epochs", 1)  # fmt: skip
    result = done("classify", tmp_path / "m", stdin="a b c\na b\n")
    assert "Warning: 1 of 2 texts has more than 2 tokens; the middle was not read" in (
        result.stderr
    )
    assert done("classify", tmp_path / "m", "-q", stdin="a b c\n").stderr == ""


def test_texts_come_from_files_of_any_kind(model, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text(lines([{"body": "good room"}, {"body": "bad room"}]), encoding="utf-8")
    result = done("classify", model("classifier"), path, "--field", "body")
    assert [line.split("\t")[2] for line in result.stdout.splitlines()] == ["good room", "bad room"]


def test_tag_marks_names_in_the_text(model):
    result = done("tag", model("tagger"), stdin="张三在北京\n\n在\n")
    assert result.stdout == "[张三 PER]在[北京 LOC]\n\n在\n"
    result = done("tag", model("tagger"), "--json", stdin="在 张三\n")
    [row] = map(json.loads, result.stdout.splitlines())
    for entity in row["entities"]:
        assert row["text"][entity["start"] : entity["end"]] == entity["text"]
        assert 0 <= entity["score"] <= 1


@pytest.mark.parametrize(
    "form, content, text, expected",
    [
        ("words", "北京 是 城市\n" * 8, "北京是城市", "北京 是 城市\n"),
        ("word-tags", "cats_N sleep_V\n" * 8, "cats sleep", "cats/N sleep/V\n"),
    ],
    ids=["words", "parts of speech"],
)
def test_tag_shows_words_and_parts_of_speech(tmp_path, form, content, text, expected):
    (tmp_path / "data").write_text(content, encoding="utf-8")
    done("train", "tagger", tmp_path / "data", "--form", form, "-o", tmp_path / "m", *SMALL,
         "--epochs", 12, *SHALLOW, "-q")  # fmt: skip
    assert done("tag", tmp_path / "m", stdin=f"{text}\n").stdout == expected
    score = done("evaluate", "model", tmp_path / "m", tmp_path / "data", "--form", form).stdout
    assert "f1\t1.0000\n" in score


def test_extract_writes_a_line_for_each_triple(model):
    texts = "\n甲写了乙\n"
    result = done("extract", model("extractor"), "--json", stdin=texts)
    empty, row = map(json.loads, result.stdout.splitlines())
    assert empty == {"text": "", "triples": []} and row["text"] == "甲写了乙"
    found = load_model(model("extractor")).predict(["甲写了乙"])[0]
    assert [t["predicate"] for t in row["triples"]] == [t.predicate for t in found]
    result = done("extract", model("extractor"), stdin=texts)
    assert result.stdout == "".join(
        f"2\t{t.subject}\t{t.predicate}\t{t.object}\t{t.score:.4f}\n" for t in found
    )


def test_answer_reads_questions_or_passages(model, work):
    always = ("--threshold", 0)
    result = done("answer", model("reader"), work / "reader.data", *always)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert len(rows) == 8 and rows[0][2] == "谁写了乙" and rows[0][0]
    piped = done("answer", model("reader"), *always, stdin=lines([ASKED] * 8))
    assert piped.stdout == result.stdout
    one = ("--question", "谁写了乙", "--json", "--candidates", 2, *always)
    result = done("answer", model("reader"), *one, stdin="甲写了乙\n乙是书\n")
    [found] = map(json.loads, result.stdout.splitlines())
    passage = ASKED["passages"][found["passage"]]
    assert passage[found["start"] : found["stop"]] == found["answer"] == rows[0][0]
    assert found["question"] == "谁写了乙" and 1 <= len(found["candidates"]) <= 2


def test_answer_refuses_what_it_would_not_heed(model):
    result = invoke("answer", model("reader"), "--encoding", "gb18030", stdin="")
    refused(result, 2, "--encoding is for passages; give their --question too")
    refused(invoke("answer", model("reader"), stdin="{\n"), 3, "standard input")


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_prints_the_figures_of_the_model(model, work, kind):
    gold = work / f"{kind}.data"
    expected = json.loads(done("evaluate", "model", model(kind), gold, "--json").stdout)
    loaded = load_model(model(kind))
    assert loaded.score_name in expected
    shown = dict(
        line.split("\t")
        for line in done("evaluate", "model", model(kind), gold).stdout.splitlines()
    )
    assert set(shown) == set(expected)
    assert float(shown[loaded.score_name]) == pytest.approx(expected[loaded.score_name], abs=1e-4)


def test_evaluate_refuses_labels_that_the_model_does_not_know(model, tmp_path):
    (tmp_path / "gold.tsv").write_text("label\ttext\npos\tgood\nso\tbad\n")
    result = invoke("evaluate", "model", model("classifier"), tmp_path / "gold.tsv")
    refused(result, 3, r"gold\.tsv:3: label must be one of neg, pos, got 'so'")


def test_a_model_of_another_kind_is_refused(model, tmp_path):
    refused(invoke("tag", model("classifier"), stdin=""), 3, "must hold a Tagger, got a Classifier")
    refused(invoke("classify", tmp_path, stdin=""), 3, "config.json")
    refused(invoke("classify", tmp_path / "none", stdin=""), 3, "it is not there")


def test_texts_go_through_in_batches(monkeypatch):
    monkeypatch.setattr(_models, "_TEXTS", 2)
    corpus = Corpus.from_documents(["a", "b", "c" * 30, "d", "e"])
    batches = list(_models.batches_of_texts(corpus, corpus.new_reading(), 1 << 20))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    monkeypatch.setattr(_models, "_CHARACTERS", 10)
    batches = list(_models.batches_of_texts(corpus, corpus.new_reading(), 40 * _models._CHARACTER))
    assert [len(batch) for batch in batches] == [2, 1, 2]


# --- saliency ------------------------------------------------------------------------------------


def test_saliency_shows_each_word(model):
    result = done("saliency", model("classifier"), "--method", "state", "--format", "json",
                  stdin="good room\nbad room\n")  # fmt: skip
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["tokens"] for row in rows] == [["good", "room"], ["bad", "room"]]
    assert all(sum(row["values"]) == pytest.approx(1, abs=1e-5) for row in rows)
    assert [row["label"] for row in rows] == ["pos", "neg"]
    result = done("saliency", model("classifier"), "--target", "neg", stdin="good room\n")
    assert re.match(r"neg 0\.\d+ \(logit\)\ngood\[-+\]", result.stdout), result.stdout


def test_saliency_writes_a_page_that_escapes(model, tmp_path):
    page = tmp_path / "page.html"
    done("saliency", model("classifier"), "-o", page, stdin="<script> room\n\nbad\n")
    text = page.read_text(encoding="utf-8")
    assert text.count("<article") == 3
    assert "<script" not in text and re.search("&lt;(<[^>]+>)?script", text)
    refused(invoke("saliency", model("classifier"), "-o", page, stdin=""), 5, "already exists")


def test_a_keras_file_must_be_trusted(model, tmp_path):
    path = tmp_path / "m.keras"
    load_model(model("classifier")).export(path)
    words = ("--encoder", model("classifier"))
    refused(invoke("saliency", path, *words, stdin="good\n"), 2, "pass --trust if you know where")
    refused(invoke("saliency", path, "--trust", stdin="good\n"), 2, "needs --encoder")
    refused(invoke("saliency", model("classifier"), "--trust", stdin=""), 2, "for a .keras file")
    result = done("saliency", path, "--trust", *words, "--format", "json", stdin="good room\n")
    assert re.fullmatch(r"Warning: .*m\.keras is trusted; .* can run code\n", result.stderr)
    own = done("saliency", model("classifier"), "--format", "json", stdin="good room\n")
    values = [json.loads(found.stdout)["values"] for found in (result, own)]
    assert values[0] == pytest.approx(values[1], abs=1e-5)
    path.write_bytes(b"no archive")
    result = invoke("saliency", path, "--trust", *words, "-q", stdin="good\n")
    assert result.exit_code == 3 and "is not a Keras model that can be loaded" in result.stderr
