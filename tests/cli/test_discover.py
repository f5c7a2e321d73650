"""textzero discover, and embed --discover."""

import re

import pytest
from click.testing import CliRunner

from textzero import Lexicon, Segmenter, WordVectors, discover_words
from textzero.discovery.discover import score_names
from textzero_cli import main

WHO, HOW = ("我们", "他们", "学生", "老师"), ("在", "去", "来", "爱")
WHERE = ("北京", "上海", "广州", "南京")
SENTENCES = [f"{who}{how}{where}。" for who in WHO for how in HOW for where in WHERE]
WORDS = {*WHO, *HOW, *WHERE}


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_words_are_found_and_written(corpus, tmp_path):
    output = tmp_path / "lexicon.tsv"
    result = run("discover", corpus, "-o", output)
    assert result.exit_code == 0, result.output
    assert f"wrote     {output}, 12 words, " in result.output and "320 units" in result.output
    assert set(Lexicon.load(output)) == WORDS
    assert Segmenter(output)("学生爱上海") == ["学生", "爱", "上海"]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_same_bytes_for_any_number_of_workers(corpus, workers):
    first = run("discover", corpus, "-q", "--workers", 1).stdout_bytes
    assert run("discover", corpus, "-q", "--workers", workers).stdout_bytes == first


def test_known_words_and_single_units_are_left_out(corpus, tmp_path):
    known = tmp_path / "known.txt"
    known.write_text("北京\n我们\n", encoding="utf-8")
    output = tmp_path / "new.tsv"
    assert run("discover", corpus, "--known", known, "-o", output, "-q").exit_code == 0
    assert set(Lexicon.load(output)) == WORDS - {"北京", "我们"} - set(HOW)


def test_words_of_the_domain_come_first(corpus, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("我们在南京。\n他们去南京。\n" * 200, encoding="utf-8")
    output = tmp_path / "domain.tsv"
    assert run("discover", corpus, "--domain", other, "-o", output, "-q").exit_code == 0
    lexicon = Lexicon.load(output)
    scores = dict(zip(lexicon, lexicon.scores["domain"].tolist(), strict=True))
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert 0 < scores["南京"] < 0.5 < scores["上海"] < 1


def test_a_word_is_explained_from_the_text_and_from_the_lexicon(corpus, tmp_path):
    output = tmp_path / "lexicon.tsv"
    told = run("discover", corpus, "--explain", "上海", "-o", output, "-q").output
    assert told.startswith("上海: a word, seen 16 times\n")
    assert "other cut 上 海" in told
    assert run("discover", "--explain", "上海", output).output == told
    assert "海学: no word" in run("discover", "--explain", "海学", output).output


@pytest.mark.parametrize("method", ["entropy", "cohesion"])
def test_the_other_methods(corpus, tmp_path, method):
    output = tmp_path / "lexicon.tsv"
    result = run("discover", corpus, "--method", method, "--min-count", 2, "-o", output, "-q")
    assert result.exit_code == 0, result.output
    lexicon = Lexicon.load(output)
    assert "上海" in lexicon and lexicon.settings["method"] == method


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--min-pmi", "1,x"], "expected numbers with commas between"),
        (["--min-pmi", "2"], "min_pmi is for method entropy or cohesion"),
        (["--compatible"], "compatible is for method entropy"),
        (["--known", "nowhere.tsv"], "nowhere.tsv cannot be read"),
        (["--max-length", "1"], "must be from 2 to 16, got 1"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(corpus, arguments, sentence):
    result = run("discover", corpus, *arguments)
    assert result.exit_code in (2, 3)
    assert sentence in result.output and "Traceback" not in result.output


def test_a_text_without_words_is_told(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("。！\n", encoding="utf-8")
    result = run("discover", empty)
    assert result.exit_code == 3 and "no character of a word twice" in result.output


def test_embed_discovers_and_keeps_the_lexicon(corpus, tmp_path):
    folder = tmp_path / "vectors"
    arguments = ("embed", corpus, "--discover", "--dim", 8, "--min-count", 1, "-o", folder)
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "12 words found" in result.output
    vectors = WordVectors.load(folder)
    assert vectors.tokenize("学生爱上海") == ["学生", "爱", "上海"]
    assert "is up to date" in run(*arguments).output
    moved = folder.rename(tmp_path / "elsewhere")
    assert WordVectors.load(moved).tokenize("他们去广州") == ["他们", "去", "广州"]
    (moved / "lexicon.tsv").write_text("学生爱\t3\n", encoding="utf-8")
    result = run("keywords", moved, "学生爱上海")
    assert result.exit_code == 3 and "is not the lexicon" in result.output


def test_a_question_is_cut_as_the_corpus_was(tmp_path):
    """Folding is character by character in both: ำ stays one, though NFKC makes two of it."""
    thai = tmp_path / "thai.txt"
    thai.write_text("".join(f"{a}{b}\n" for a in ("ทำ", "มา", "กิน") for b in ("น้ำ", "ข้าว")) * 20,
                    encoding="utf-8")  # fmt: skip
    folder = tmp_path / "vectors"
    result = run("embed", thai, "--discover", "--dim", 8, "--min-count", 1, "-o", folder, "-q")
    assert result.exit_code == 0, result.output
    vectors = WordVectors.load(folder)
    tokens = vectors.tokenize("ทำน้ำ")
    assert "".join(tokens) == "ทำน้ำ" and all(token in vectors for token in tokens)


def test_embed_copies_a_given_lexicon(corpus, tmp_path):
    lexicon = tmp_path / "own.tsv"
    lexicon.write_text("北京\t5\n上海\t5\n我们\t5\n他们\t5\n", encoding="utf-8")
    folder = tmp_path / "vectors"
    result = run("embed", corpus, "--tokenizer", lexicon, "--dim", 8, "--min-count", 1,
                 "-o", folder)  # fmt: skip
    assert result.exit_code == 0, result.output
    lexicon.unlink()
    assert WordVectors.load(folder).tokenize("我们在北京") == ["我们", "在", "北京"]


def test_words_under_a_score_are_left_out_and_told_of(corpus, tmp_path):
    whole, some = tmp_path / "whole.tsv", tmp_path / "some.tsv"
    assert run("discover", corpus, "-o", whole, "-q").exit_code == 0
    bits = Lexicon.load(whole).scores["bits"]
    low, high = sorted({*bits[bits == bits]})[-2:]
    limit, several = (low + high) / 2, int((bits == high).sum())
    result = run("discover", corpus, "-o", some, "--min-score", f"bits={limit}")
    assert result.exit_code == 0 and f"left out  {len(WORDS) - several} word" in result.output
    kept = Lexicon.load(some)
    assert len(kept) == several and (kept.scores["bits"] >= limit).all()
    assert set(kept.dropped) >= WORDS - set(kept)
    story = run("discover", "--explain", next(iter(WORDS - set(kept) - set(HOW))), some).output
    assert f", below {limit:g}" in story


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--min-score", "bit=3"],
            "one of occurrences, .*, bits, got 'bit': did you mean 'bits'",
        ),
        (["--min-score", "domain=3"], "expected one of .*, got 'domain'"),
        (["--method", "entropy", "--min-score", "occurrences=3"], "expected one of pmi, bits, got"),
        (["--min-score", "bits"], "expected a score and a number, such as bits=20, got 'bits'"),
        (["--min-score", "bits=nan"], "expected a score and a number, .*, got 'bits=nan'"),
    ],
)
def test_a_wrong_score_is_refused_before_the_work(corpus, tmp_path, options, sentence):
    result = run("discover", corpus, "-o", tmp_path / "l.tsv", *options)
    assert result.exit_code == 2
    assert re.search(sentence, result.output)
    assert not (tmp_path / "l.tsv").exists()


@pytest.mark.parametrize("method", ["unigram", "entropy", "cohesion"])
@pytest.mark.parametrize("domain", [False, True])
def test_the_scores_of_a_method_are_those_that_are_named(method, domain):
    other = {"domain": SENTENCES[::2]} if domain else {}
    found = discover_words(SENTENCES, method=method, **other)
    assert list(found.scores) == score_names(method, domain=domain)
