"""Words without vectors on the command line: convert and evaluate a lexicon, merge --top."""

import json

import pytest
from click.testing import CliRunner

from textzero import Lexicon
from textzero_cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def lexicon(tmp_path):
    words = ["北京大学", "北京", "大学", "的"]
    held = Lexicon(words, [2, 5, 4, 9], scores={"bits": [40.5, 30, 20, float("nan")]})
    held.save(tmp_path / "lexicon.tsv")
    return tmp_path / "lexicon.tsv"


def test_a_lexicon_becomes_the_dictionary_of_another_program(lexicon, tmp_path):
    for form, content in (
        ("jieba", "北京大学 2\n北京 5\n大学 4\n的 9\n"),
        ("words", "北京大学\n北京\n大学\n的\n"),
    ):
        result = run("convert", lexicon, tmp_path / form, "--to", form)
        assert result.exit_code == 0 and "4 words, " in result.stderr
        assert (tmp_path / form).read_text(encoding="utf-8") == content
        assert run("convert", lexicon, tmp_path / form, "--to", form).exit_code == 5
        back = tmp_path / f"{form}.tsv"
        assert run("convert", tmp_path / form, back, "--to", "lexicon").exit_code == 0
        assert list(Lexicon.load(back)) == list(Lexicon.load(lexicon))


def test_only_the_best_words_are_written(lexicon, tmp_path):
    for options, words in (
        (["--min-count", 4], ["北京", "大学", "的"]),
        (["--limit", 2], ["北京大学", "北京"]),
        (["--min-score", "bits=30"], ["北京大学", "北京"]),
        (["--min-score", "bits=30", "--limit", 1], ["北京大学"]),
    ):
        result = run("convert", lexicon, tmp_path / "w", "--to", "words", "--force", *options)
        assert (tmp_path / "w").read_text(encoding="utf-8").split() == words
        assert f"left out  {4 - len(words)} word" in result.stderr


def test_the_library_tokenizers_cuts_text_as_we_do(lexicon, tmp_path):
    path = tmp_path / "tokenizer.json"
    assert run("convert", lexicon, path, "--to", "tokenizer-json").exit_code == 0
    assert json.loads(path.read_bytes())["model"]["type"] == "Unigram"
    tokenizers = pytest.importorskip("tokenizers")
    cut = tokenizers.Tokenizer.from_file(str(path)).encode("北京大学的大学").tokens
    assert cut == ["北京大学", "的", "大学"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--to", "jieba", "--sif"], "--sif has no place with --to jieba"),
        (["--to", "words", "--tokenizer", "word"], "--tokenizer has no place with --to words"),
        (["--to", "glove", "--min-score", "bits=3"], "--min-score has no place with --to glove"),
        (["--to", "words", "--min-score", "bit=3"], "got 'bit': did you mean 'bits'?"),
    ],
)
def test_an_option_that_a_format_has_no_use_for_is_refused(lexicon, tmp_path, options, sentence):
    result = run("convert", lexicon, tmp_path / "out", *options)
    assert result.exit_code == 2 and sentence in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_lexicon_is_scored_against_a_list(lexicon, tmp_path):
    gold = tmp_path / "gold.txt"
    gold.write_text("北京大学\n东京\n大学\n上海\n", encoding="utf-8")
    result = run("evaluate", "lexicon", lexicon, gold, "--examples", 1)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "length\tprecision\trecall\tf1\tgold\tfound\tcorrect",
        "all\t0.6667\t0.5000\t0.5714\t4\t3\t2",
        "2\t0.5000\t0.3333\t0.4000\t3\t2\t1",
        "4\t1.0000\t1.0000\t1.0000\t1\t1\t1",
        "wrong\t北京",
        "missing\t东京",
    ]
    score = json.loads(run("evaluate", "lexicon", lexicon, gold, "--json").stdout)
    assert score["missing"] == ["东京", "上海"] and score["by_length"][1]["length"] == 4
    assert run("evaluate", "lexicon", lexicon, tmp_path / "none").exit_code == 3


def test_of_merged_counts_only_the_most_frequent_are_printed(tmp_path):
    table = tmp_path / "counts.tsv"
    table.write_text("a\t5\nb\t3\nc\t1\n", encoding="utf-8")
    assert run("merge", table, table, "--top", 2, "-q").stdout == "a\t10\nb\t6\n"
    assert run("merge", table, table, "--top", 9, "--min-count", 6, "-q").stdout == "a\t10\nb\t6\n"
    result = run("merge", table, table, "--top", 1, "-o", tmp_path / "out.tsv")
    assert "1 of 3 words" in result.stderr and "2 words beyond top" in result.stderr
