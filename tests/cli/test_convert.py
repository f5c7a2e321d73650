"""The commands convert, sentence, similar with many words, and doctor."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from textzero import doctor
from textzero.lexicon import Lexicon
from textzero.vectors.formats import load_vectors
from textzero.vectors.word_vectors import WordVectors
from textzero_cli.main import main

TEXT = "the cat saw the dog\nthe dog saw a cat\na cat and a dog\n\u5317\u4eac the \u5317\u4eac\n"


def invoke(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, prog_name="textzero")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A folder that `textzero embed` wrote."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "text.txt").write_text(TEXT * 3, encoding="utf-8")
    command = ("embed", folder / "text.txt", "-o", folder / "v", "--dim", 4, "--min-count", 1)
    assert invoke(*command).exit_code == 0
    return folder / "v"


@pytest.mark.parametrize("format", ["textzero", "parquet"])
def test_what_is_converted_keeps_both_matrices(vectors, tmp_path, format):
    result = invoke("convert", vectors, tmp_path / "v", "--to", format)
    assert result.exit_code == 0 and "8 vectors, dimension 4" in result.stderr
    inner = ("cat", "--metric", "inner")
    assert (
        invoke("related", tmp_path / "v", *inner).stdout
        == invoke("related", vectors, *inner).stdout
    )


@pytest.mark.parametrize("matrix", ["center", "context"])
def test_one_matrix_is_written_alone(vectors, tmp_path, matrix):
    result = invoke("convert", vectors, tmp_path / "v", "--to", "glove", "--matrix", matrix)
    assert result.exit_code == 0
    own = dict(
        zip(("center", "context"), WordVectors.load(vectors).halves(slice(None)), strict=True)
    )
    assert_allclose(load_vectors(tmp_path / "v").vectors, own[matrix], rtol=1e-6)


def test_common_directions_are_removed_when_that_is_asked(vectors, tmp_path):
    command = ("convert", vectors, tmp_path / "v", "--to", "parquet", "--remove-common", 1)
    assert invoke(*command).exit_code == 0
    found = load_vectors(tmp_path / "v").vectors
    assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    assert np.linalg.matrix_rank(found, tol=1e-4) == 3


def test_a_static_embedding_is_written_as_the_options_say(vectors, tmp_path):
    command = ("convert", vectors, tmp_path / "v", "--to", "static-embedding")
    assert invoke(*command).exit_code == 0
    assert json.loads((tmp_path / "v" / "config.json").read_text())["sif_coefficient"] == 0.001
    assert invoke(*command).exit_code == 5  # it is there
    again = invoke(*command, "--force", "--no-sif", "--tokenizer", "whitespace")
    assert again.exit_code == 0, again.output
    config = json.loads((tmp_path / "v" / "config.json").read_text())
    assert config["sif_coefficient"] is None and config["tokenizer_name"] == "whitespace"


def test_a_file_without_counts_cannot_be_weighed(vectors, tmp_path):
    invoke("convert", vectors, tmp_path / "v.txt", "--to", "word2vec")
    command = ("convert", tmp_path / "v.txt", tmp_path / "e", "--to", "static-embedding")
    result = invoke(*command)
    assert result.exit_code == 3 and "--no-sif" in result.stderr
    assert invoke(*command, "--no-sif").exit_code == 0


def test_words_without_vectors_are_told_which_formats_are_for_them(tmp_path):
    Lexicon(["old", "new"], [2, 1]).save(tmp_path / "lexicon.tsv")
    result = invoke("convert", tmp_path / "lexicon.tsv", tmp_path / "v", "--to", "word2vec")
    assert result.exit_code == 3 and not (tmp_path / "v").exists()
    assert "become lexicon, jieba, words or tokenizer-json, got --to word2vec" in result.stderr


def test_sentences_by_sif_do_not_depend_on_each_other(vectors):
    loaded = WordVectors.load(vectors)
    lines = invoke("sentence", vectors, "the cat", "--method", "sif").stdout
    expected = loaded.sentence_vector("the cat", method="sif")
    assert_allclose(np.array(lines.split("\t"), float), expected, atol=1e-5)
    three = invoke("sentence", vectors, "-", "--method", "sif", stdin="the cat\na dog\nsaw\n")
    assert three.stdout.splitlines(keepends=True)[0] == lines
    plain = invoke("sentence", vectors, "the cat", "--method", "sif", "--remove", 0).stdout
    assert plain != lines


def test_the_method_is_used_for_the_similarity_of_two_sentences(vectors):
    loaded = WordVectors.load(vectors)
    score = loaded.sentence_similarity("the cat", "a dog", method="sif")
    result = invoke("sentence", vectors, "the cat", "a dog", "--method", "sif")
    assert result.stdout == f"{score:.4f}\n"


def test_words_to_find_neighbours_of_may_come_from_standard_input(vectors):
    found = invoke("similar", vectors, "-", "-n", 2, stdin="cat\n\ndog\n").stdout
    assert found == invoke("similar", vectors, "cat", "dog", "-n", 2).stdout
    assert [line.split("\t")[0] for line in found.splitlines()] == ["cat", "cat", "dog", "dog"]


@pytest.mark.parametrize("command", ["similar", "related"])
def test_a_word_of_standard_input_without_a_vector_costs_no_answer(vectors, command):
    result = invoke(command, vectors, "-", "-n", 2, stdin="cat\nkat\ndog\nxylophones\n")
    assert result.exit_code == 3
    assert result.stdout == invoke(command, vectors, "cat", "dog", "-n", 2).stdout
    assert result.stderr.splitlines() == [
        "Warning: no vector for 'kat': did you mean 'cat'?",
        "Warning: no vector for 'xylophones'",
        "Error: 2 of 4 words have no vector, the others are answered",
    ]
    alone = invoke(command, vectors, "-", "-q", "--json", stdin="kat\n")
    assert (alone.exit_code, alone.stdout) == (3, "") and "'kat'" in alone.stderr


def test_the_doctor_finds_a_core_that_works():
    result = invoke("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "versions" and lines[-1] == "textzero works"
    assert re.search(r"^  training +right, in ", result.stdout, re.M)
    assert all(line[:2] in ("  ", "- ") or " " not in line for line in lines[:-1])


def test_the_doctor_speaks_json():
    report = json.loads(invoke("doctor", "--json").stdout)
    assert report["works"] is True
    fields = {"section", "name", "value", "state", "advice"}
    assert all(finding.keys() == fields for finding in report["findings"])
    assert {"ok"} <= {finding["state"] for finding in report["findings"]} <= {"ok", "note"}


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_doctor_ends_with_1_when_the_core_does_not_work(options, monkeypatch):
    wrong = doctor.Finding("self-test", "counting", "wrong", doctor.BAD, "reinstall")
    monkeypatch.setattr(doctor, "examine", lambda _: [wrong])
    result = invoke("doctor", *options)
    assert result.exit_code == 1
    if not options:
        assert "x counting  wrong\n" in result.stdout and "-> reinstall" in result.stdout
        assert result.stdout.endswith("does not work: see the lines with x\n")
