"""Nothing of labelled data is lost in silence: what is not as it stands is said, or refused."""

import json
import re

import pytest
from click.testing import CliRunner

from textzero_cli.main import main

pytest.importorskip("keras")

SMALL = ("--dim", 4, "--epochs", 1, "--set", "min_count=1", "--set", "ema=null")
SMALL += ("--set", "compile=false")
QUICK = {
    "tagger": ("--units", 4, "--set", "dilations=[1]"),
    "reader": ("--set", "question_dilations=[1]", "--set", "passage_dilations=[1]"),
    "extractor": ("--set", "dilations=[1]"),
    "classifier": ("--encoder", "gru", "--units", 4),
}
FACT = {"subject": "乙", "predicate": "作者", "object": "甲"}


def squad(start, answer="甲"):
    asked = {"question": "谁写了乙", "answers": [{"text": answer, "answer_start": start}]}
    return json.dumps(
        {"data": [{"paragraphs": [{"context": "甲写了乙", "qas": [asked]}]}]}
    ).encode()


def triples(*texts):
    return b"".join(
        json.dumps({"text": text, "spo_list": [FACT]}).encode() + b"\n" for text in texts
    )


# kind -> (data without a fault, data with one, what is said of it)
CASES = {
    "tagger": (
        "张\tB-PER\n三\tI-PER\n在\tO\n".encode() + b"\n",
        "张\tB-PER\n三\tI-PER\n在\tI-PER\n家\tO\n了\tI-PER\n".encode() + b"\n",
        "1 tag against the scheme",
    ),
    "reader": (squad(0), squad(2), "1 answer searched for, not where"),
    "extractor": (
        triples("甲写了乙"),
        triples("甲写了乙", "甲写了丙"),
        "1 of 2 triples cannot be learned: .*not in",
    ),
    "classifier": (
        b"label\ttext\n0\tbad\n1\tgood\n",
        b"label\ttext\n0\tbad\n1\tgo\xffod\n",
        "1 malformed byte sequence replaced, the first at .*faulty",
    ),
}  # fmt: skip


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="textzero")


@pytest.mark.parametrize("kind", CASES)
def test_losses_are_said_in_training_and_evaluation_and_refused_when_strict(kind, tmp_path):
    whole, faulty, said = CASES[kind]
    (tmp_path / "whole").write_bytes(whole)
    (tmp_path / "faulty").write_bytes(faulty)
    train = ("train", kind, *SMALL, *QUICK[kind], "-o", tmp_path / "m", "--force")
    result = invoke(*train, tmp_path / "faulty", "--validation", tmp_path / "faulty")
    assert result.exit_code == 0, result.stderr
    told = [line for line in result.stderr.splitlines() if re.search(said, line)]
    assert sorted(line.startswith("validation: ") for line in told) == [False, True], result.stderr
    result = invoke("evaluate", "model", tmp_path / "m", tmp_path / "faulty")
    assert result.exit_code == 0 and re.search(f"^Warning: {said}", result.stderr), result.stderr
    assert "f1\t" in result.stdout
    assert invoke("evaluate", "model", tmp_path / "m", tmp_path / "whole").stderr == ""
    for command in (train, ("evaluate", "model", tmp_path / "m")):
        result = invoke(*command, tmp_path / "faulty", "--strict")
        assert result.exit_code == 3 and re.fullmatch("Error: .*\n", result.stderr), result.stderr
    assert invoke(*command, tmp_path / "whole", "--strict").exit_code == 0


def test_empty_texts_are_refused_with_their_line_when_strict(tmp_path):
    (tmp_path / "data").write_text("label\ttext\n0\tbad\n1\t \n1\tgood\n")
    train = ("train", "classifier", tmp_path / "data", *SMALL, *QUICK["classifier"])
    result = invoke(*train, "-o", tmp_path / "m", "--strict")
    assert result.exit_code == 3
    assert re.search(r"1 of 3 texts is empty, the first at .*data:3; ", result.stderr)


def test_questions_of_several_files_keep_what_was_mended(tmp_path):
    from textzero_cli._gold import read_questions

    for name, content in (("a", squad(2)), ("b", squad(0, "丁")), ("c", squad(1))):
        (tmp_path / name).write_bytes(content)
    found = read_questions([str(tmp_path / name) for name in "abc"])
    assert (len(found), found.moved, found.unplaced) == (3, 2, 1)
    assert len(found.losses()) == 2 and found.losses()[1].startswith("1 answer not in the passage")


def test_an_encoding_that_would_not_be_heeded_is_refused(tmp_path):
    (tmp_path / "data").write_text("北京 是 城市\n", encoding="gb18030")
    command = ("train", "tagger", tmp_path / "data", "--form", "words", "--encoding", "gb18030")
    result = invoke(*command, "-o", tmp_path / "m")
    assert result.exit_code == 2 and "--form words reads UTF-8, got --encoding" in result.stderr


def test_predicates_that_the_model_does_not_know_are_said(tmp_path):
    (tmp_path / "data").write_bytes(triples("甲写了乙"))
    (tmp_path / "gold").write_bytes(triples("甲写了乙").replace(b"\\u4f5c\\u8005", b"new"))
    train = ("train", "extractor", tmp_path / "data", *SMALL, *QUICK["extractor"])
    said = "1 of 1 triples has a predicate that the model does not know, such as 'new'"
    result = invoke(*train, "-o", tmp_path / "m", "--validation", tmp_path / "gold")
    assert f"validation: {said}" in result.stderr
    result = invoke("evaluate", "model", tmp_path / "m", tmp_path / "gold")
    assert f"Warning: {said}" in result.stderr
