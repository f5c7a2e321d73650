import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from textzero.lexicon import Lexicon
from textzero.segmenter import Segmenter
from textzero_cli.main import main

WORDS = {"北京": 5, "大学": 4, "北京大学": 2, "京": 2, "学": 2, "ab": 1}
TEXT = "北京大学 ab\n\n大学，北京 \n"


def invoke(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, prog_name="textzero")


@pytest.fixture
def lexicon(tmp_path):
    Lexicon.from_counts(WORDS).save(tmp_path / "lexicon.tsv")
    return tmp_path / "lexicon.tsv"


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path / "text.txt"


def test_a_line_for_a_line(lexicon, text):
    result = invoke("segment", lexicon, text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "北京大学 ab\n\n大学 ， 北京\n"
    assert invoke("segment", lexicon, "-", stdin="北京").stdout == "北京\n"
    assert invoke("segment", lexicon, text, "--separator", "|").stdout.startswith("北京大学|ab\n")


def test_an_output_is_whole_and_kept(lexicon, text, tmp_path):
    out = tmp_path / "out.txt"
    assert invoke("segment", lexicon, text, "-o", out).exit_code == 0
    assert out.read_text(encoding="utf-8") == "北京大学 ab\n\n大学 ， 北京\n"
    assert invoke("segment", lexicon, text, "-o", out).exit_code == 5
    assert invoke("segment", lexicon, text, "-o", out, "--force").exit_code == 0


def test_json_has_offsets(lexicon, text):
    lines = invoke("segment", lexicon, text, "--json").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows[0] == {"tokens": ["北京大学", "ab"], "spans": [[0, 4], [5, 7]]}
    assert rows[1] == {"tokens": [], "spans": []}
    for row, line in zip(rows, TEXT.split("\n"), strict=False):
        assert [line[a:b] for a, b in row["spans"]] == row["tokens"]


def test_the_n_best(lexicon, text):
    best = Segmenter(str(lexicon)).n_best("北京大学 ab", 2, spaces=False)
    result = invoke("segment", lexicon, text, "--n-best", 2, "--separator", "/")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "3", "3"]
    assert [(row[2].split("/"), float(row[1])) for row in rows[:2]] == [
        (tokens, pytest.approx(log)) for tokens, log in best
    ]
    line = invoke("segment", lexicon, text, "--n-best", 2, "--json").stdout.splitlines()[0]
    found = json.loads(line)
    assert found["line"] == 1
    assert [row["tokens"] for row in found["segmentations"]] == [tokens for tokens, _ in best]


def test_a_sample_is_decided_by_seed_and_line(lexicon):
    options = ("segment", lexicon, "-", "--sample", 0.1)
    stdin = "北京大学\n" * 40
    lines = invoke(*options, stdin=stdin).stdout
    assert len(set(lines.splitlines())) > 1
    assert lines == invoke(*options, "--workers", 1, stdin=stdin).stdout
    assert lines != invoke(*options, "--seed", 1, stdin=stdin).stdout
    assert re.sub(" ", "", lines) == stdin
    row = json.loads(invoke(*options, "--json", stdin="北京 ab\n").stdout)
    assert ["北京 ab"[a:b] for a, b in row["spans"]] == row["tokens"]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_any_number_of_workers_writes_the_same(lexicon, tmp_path, workers, monkeypatch):
    monkeypatch.setattr("textzero._segmented._BATCH", 100)
    lines = [f"北京大学{i} ab" * (i % 5) for i in range(500)]
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = invoke("segment", lexicon, tmp_path / "text.txt", "--workers", workers)
    segmenter = Segmenter(str(lexicon))
    assert result.stdout == "".join(" ".join(segmenter(line)) + "\n" for line in lines)


def test_a_line_longer_than_a_piece_is_one_line(lexicon, monkeypatch):
    monkeypatch.setattr("textzero.corpus.streams.PIECE", 64)
    line = "北京大学 ab " * 40
    result = invoke("segment", lexicon, "-", stdin=line + "\n" + line)
    assert result.stdout == (" ".join(["北京大学", "ab"] * 40) + "\n") * 2
    row = json.loads(invoke("segment", lexicon, "-", "--json", stdin=line).stdout)
    assert row["spans"][-1] == [len(line) - 3, len(line) - 1]


def test_malformed_bytes_are_replaced_and_said(lexicon, tmp_path):
    (tmp_path / "bad.txt").write_bytes("北京".encode() + b"\xff" + "大学\n".encode())
    result = invoke("segment", lexicon, tmp_path / "bad.txt")
    assert result.stdout == "北京 大学\n"
    assert "1 malformed byte sequence replaced" in result.stderr
    assert invoke("segment", lexicon, tmp_path / "bad.txt", "--strict").exit_code == 3


def test_what_cannot_be_is_said(lexicon, text, tmp_path):
    result = invoke("segment", tmp_path / "none.tsv", text)
    assert result.exit_code == 3
    assert "none.tsv cannot be read" in result.stderr
    result = invoke("segment", lexicon, text, "--n-best", 2, "--sample", 1)
    assert (result.exit_code, "exclude each other" in result.stderr) == (2, True)


def test_it_stands_in_the_middle_of_a_pipe(lexicon, tmp_path):
    (tmp_path / "text.txt").write_text("北京大学\n" * 300_000, encoding="utf-8")
    command = f"{sys.executable} -m textzero segment {lexicon} - | head -n 2"
    with open(tmp_path / "text.txt", "rb") as stdin:
        result = subprocess.run(command, shell=True, stdin=stdin, capture_output=True)
    assert (result.stdout.decode(), result.stderr) == ("北京大学\n北京大学\n", b"")


def test_a_lexicon_is_a_tokenizer_on_the_command_line(lexicon, text, tmp_path):
    result = invoke("count", text, "--tokenizer", lexicon)
    rows = ["ab\t1", "北京\t1", "北京大学\t1", "大学\t1", "，\t1"]
    assert result.stdout.splitlines() == rows
    (tmp_path / "many.txt").write_text(TEXT * 20, encoding="utf-8")
    embed = ("embed", tmp_path / "many.txt", "-o", tmp_path / "v", "--dim", 2, "--min-count", 1,
             "--tokenizer", lexicon)  # fmt: skip
    assert invoke(*embed).exit_code == 0
    manifest = json.loads((tmp_path / "v" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["settings"]["lexicon"] == Lexicon.load(lexicon).digest()
    assert invoke(*embed).exit_code == 0  # nothing to do
    Lexicon.from_counts({"北": 1}).save(lexicon)
    assert invoke(*embed).exit_code == 5  # another lexicon, other words


# --- evaluate ------------------------------------------------------------------------------------


def test_a_segmentation_is_scored(lexicon, tmp_path):
    (tmp_path / "gold").write_bytes("北京 大学\r\n大学  ，\r\n".encode())
    result = invoke("evaluate", "segmentation", tmp_path / "gold", "--lexicon", lexicon)
    assert result.exit_code == 0, result.output
    figures = dict(line.split("\t") for line in result.stdout.splitlines())
    # predicted 北京大学 / 大学 ，: two of three words right, two of four found
    assert figures["precision"] == "0.6667"
    assert figures["recall"] == "0.5000"
    assert figures["f1"] == "0.5714"
    assert (figures["gold"], figures["predicted"], figures["known"]) == ("4", "3", "3")
    assert figures["characters"] == "6"
    (tmp_path / "other").write_text("北京 大学\n大学，\n", encoding="utf-8")
    result = invoke("evaluate", "segmentation", tmp_path / "gold", "--segmented",
                    tmp_path / "other", "--json")  # fmt: skip
    assert json.loads(result.stdout)["precision"] == 2 / 3


def test_a_bar_may_separate(tmp_path):
    (tmp_path / "gold").write_text("北京|大 学|\n", encoding="utf-8")
    result = invoke("evaluate", "segmentation", tmp_path / "gold", "--segmented",
                    tmp_path / "gold", "--separator", "|", "--json")  # fmt: skip
    assert json.loads(result.stdout)["f1"] == 1.0


def test_something_must_be_scored(tmp_path):
    (tmp_path / "gold").write_text("a b\n")
    assert invoke("evaluate", "segmentation", tmp_path / "gold").exit_code == 2
    result = invoke("evaluate", "segmentation", tmp_path / "gold", "--segmented", tmp_path / "no")
    assert result.exit_code == 3
