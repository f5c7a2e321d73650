import json
import re
from itertools import product

import pytest
from click.testing import CliRunner

from textzero.lexicon import Lexicon
from textzero.structure.templates import Templates
from textzero_cli.main import main

TEXT = "".join(
    f"the {a} is a {b}.\n"
    for a, b in product(("cat", "dog", "fly", "ant"), ("pet", "joy", "pest", "friend"))
)
TABLE = "template\tcount\nX is a X\t3\nthe X\t1\n"


def invoke(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, prog_name="textzero")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_templates_are_printed_and_written(text, tmp_path):
    printed = invoke("templates", text, "-q")
    assert printed.exit_code == 0, printed.output
    settings, header, row, *_ = printed.stdout.splitlines()
    assert json.loads(settings[2:])["sentences"] == 16
    assert header == "template\tkind\tcount\tused\tbits\tfillers"
    assert row.startswith("the X is a X\ttemplate\t16\t16\t")
    out, dropped = tmp_path / "t.tsv", tmp_path / "dropped.tsv"
    result = invoke("templates", text, "-o", out, "--dropped", dropped)
    assert result.exit_code == 0 and result.stdout == ""
    assert re.search(rf"^wrote +{re.escape(str(out))}, \d templates, ", result.stderr, re.M)
    assert re.search(r"^bits saved +[1-9]\d\.\d% of ", result.stderr, re.M)
    assert re.search(r"^read .*, 16 sentences$", result.stderr, re.M)
    assert out.read_text(encoding="utf-8") == printed.stdout
    head, *rows = dropped.read_text(encoding="utf-8").splitlines()
    assert head == "template\tcount\treason"
    assert "X is a X\t16\t16 of its sentences: the X is a X" in rows


def test_templates_does_not_replace_a_file(text, tmp_path):
    for option in ("-o", "--dropped"):
        result = invoke("templates", text, option, text)
        assert result.exit_code == 5 and "already exists" in result.stderr
    assert text.read_text(encoding="utf-8") == TEXT
    result = invoke("templates", text, "-o", tmp_path / "none" / "t.tsv")
    assert result.exit_code == 4 and "there is no folder" in result.stderr


def test_settings_reach_the_work(text):
    result = invoke("templates", text, "-q", "--window", 1, "--fillers", 1, "--max-words", 2)
    found = result.stdout.splitlines()
    assert json.loads(found[0][2:])["window"] == 1
    assert not any(line.startswith("the X is a X\t") for line in found)
    assert invoke("templates", text, "--window", 40).exit_code == 2
    assert invoke("templates", text, "--min-pmi", "nan").exit_code == 2


def test_parse_prints_trees(table):
    result = invoke("parse", table, "-", stdin="the cat is a pet. who?\n\nthe dog\n")
    assert result.exit_code == 0, result.output
    assert result.stdout == ("[X is a X]\n  [the X]\n    cat\n  pet\n\nwho\n\n[the X]\n  dog\n\n")


def test_parse_prints_json_lines(table):
    result = invoke("parse", table, "-", "--json", stdin="the cat. what\n")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["text"] == "the cat" and first["tree"]["template"] == "the X"
    assert first["tree"]["children"][0]["characters"] == [4, 7]
    assert second["tree"]["template"] is None


def test_what_templates_writes_parse_reads(text, tmp_path):
    invoke("templates", text, "-o", tmp_path / "t.tsv", "--lowercase")
    result = invoke("parse", tmp_path / "t.tsv", "-", stdin="The bee is a JOY!")
    assert result.stdout == "[the X is a X]\n  bee\n  joy\n\n"


def test_a_python_tokenizer_must_be_named_again(text, tmp_path):
    out = tmp_path / "t.tsv"
    assert invoke("templates", text, "-o", out, "--tokenizer", "shlex:split").exit_code == 0
    result = invoke("parse", out, text)
    assert result.exit_code == 3 and "name it again with --tokenizer" in result.stderr
    again = invoke("parse", out, text, "--tokenizer", "shlex:split")
    assert again.exit_code == 0 and again.stdout.startswith("[the X is a X]\n  cat\n  pet\n")


def test_parse_refuses_a_bad_table_in_one_sentence(tmp_path, text):
    path = tmp_path / "bad.tsv"
    path.write_text("template\nX X\n", encoding="utf-8")
    result = invoke("parse", path, text)
    assert result.exit_code == 3 and result.stdout == ""
    assert result.stderr.startswith(f"Error: {path}:2: a template must have a word")


def test_losses_are_told(table):
    result = CliRunner().invoke(main, ["parse", str(table), "-"], input=b"the \xff cat\n")
    assert result.exit_code == 0 and "Warning: " in result.stderr
    assert result.stdout == "[the X]\n  cat\n\n"


def test_an_empty_corpus_gives_an_empty_table(tmp_path):
    (tmp_path / "none.txt").write_text("\n\n", encoding="utf-8")
    out = tmp_path / "t.tsv"
    result = invoke("templates", tmp_path / "none.txt", "-o", out)
    assert result.exit_code == 0 and "0 templates" in result.stderr
    assert len(Templates.load(out)) == 0
    assert invoke("parse", out, "-", stdin="a b").stdout == "a b\n\n"


def test_templates_and_dropped_must_be_two_files(text, tmp_path):
    out = tmp_path / "x.tsv"
    for first, second in ((out, out), (out, tmp_path / "." / "x.tsv"), ("-", "-")):
        result = invoke("templates", text, "-o", first, "--dropped", second)
        assert result.exit_code == 2 and "must be two files" in result.stderr
    assert not out.exists()


def test_what_is_dropped_goes_to_standard_output(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("templates", text, "-o", "t.tsv", "--dropped", "-", "-q")
    assert result.exit_code == 0 and result.stdout.startswith("template\tcount\treason\n")
    assert (tmp_path / "t.tsv").exists() and not (tmp_path / "-").exists()


def test_parse_refuses_a_table_from_standard_input(text):
    result = invoke("parse", "-", text, stdin=TABLE)
    assert result.exit_code == 2 and "TEMPLATES must be a file, got -" in result.stderr


def test_parse_names_the_table_whose_tokenizer_is_broken(text, tmp_path):
    path = tmp_path / "t.tsv"
    Templates([], {"tokenizer": "wrod"}).save(path)
    result = invoke("parse", path, text)
    assert result.exit_code == 3 and str(path) in result.stderr
    assert invoke("parse", path, text, "--tokenizer", "wrod").exit_code == 2


def test_phrases_of_a_lexicon_may_be_the_tokenizer(tmp_path):
    (tmp_path / "text.txt").write_text("new york is big. " * 9 + "go on. " * 9, encoding="utf-8")
    Lexicon.from_counts({"new york": 9, "is": 9, "big": 9}).save(tmp_path / "phrases.tsv")
    result = invoke(
        "templates", tmp_path / "text.txt", "--tokenizer", tmp_path / "phrases.tsv", "-q"
    )
    assert result.exit_code == 0 and "\nnew york is big\tfixed\t9\t" in result.stdout
