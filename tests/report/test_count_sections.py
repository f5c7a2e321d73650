"""What a report says of counts: every number worked out here by other means."""

from collections import Counter

import numpy as np
import pytest

from textzero.counting import count_words
from textzero.counts import Counts
from textzero.packed import PackedStrings
from textzero.report.blocks import Bars, Chart, Facts, Table, Text
from textzero.report.counts import count_sections, zipf_fit
from textzero.report.scripts import language_of, script_of
from textzero.report.tables import curve_places, lengths_of, shown_of

TEXTS = ["a a a b b c", "猫 a カ 7 bb", "b é é"]


def packed(*words):
    return PackedStrings.from_strings(words)


def table_of(numbers):
    names = [f"w{i}" for i in range(len(numbers))]
    return Counts(packed(*names), np.array(numbers, np.int64))


def by_title(sections):
    return {section.title: section for section in sections}


def columns(table):
    return {column.name: list(column.cells) for column in table.columns}


def test_the_curve_holds_each_word_at_its_rank():
    counts = count_words(TEXTS)
    (chart,) = by_title(count_sections(counts))["Zipf's curve"].blocks
    (line,) = chart.lines  # too few words for a fitted line
    assert list(line.x) == list(range(1, len(counts) + 1))
    assert dict(zip(line.labels, line.y, strict=True)) == Counter(" ".join(TEXTS).split())
    assert (chart.x_label, chart.y_label) == ("rank", "count")
    assert chart.x_log and chart.y_log


def test_the_fitted_exponent_is_that_of_the_law_that_made_the_counts():
    exponent, height, ranks = zipf_fit((1e9 / np.arange(1, 3001) ** 1.3).astype(np.int64))
    assert exponent == pytest.approx(1.3, abs=1e-3)
    assert np.exp(height) == pytest.approx(1e9, rel=0.01)
    assert ranks == (10, 3000)
    assert zipf_fit(np.arange(49, 0, -1)) is None


def test_the_fit_says_over_which_ranks_and_what_it_is_not():
    section = by_title(count_sections(table_of((10**6 // np.arange(1, 101)).tolist())))[
        "Zipf's curve"
    ]
    assert "ranks 10 to 100 falls with a slope of −1.00" in section.about
    assert "no test of the law" in section.about
    dashed = section.blocks[0].lines[1]
    assert dashed.style == "dashed" and list(dashed.x) == [10, 100]


def test_a_curve_of_many_words_says_how_many_are_drawn():
    numbers = np.sort(np.random.default_rng(0).integers(1, 10**6, 30_000))[::-1]
    section = by_title(count_sections(table_of(numbers.tolist())))["Zipf's curve"]
    line = section.blocks[0].lines[0]
    assert (line.x[0], line.x[-1]) == (1, 30_000)
    assert (line.y == numbers[line.x - 1]).all()
    assert f"Drawn are {len(line.x)} of 30,000 words" in section.about
    assert np.array_equal(curve_places(30_000), curve_places(30_000))


def test_coverage_is_the_share_of_the_first_words():
    chart, _ = by_title(count_sections(table_of([6, 3, 1])))["Coverage"].blocks
    assert list(chart.lines[0].x) == [1, 2, 3]
    assert chart.lines[0].y == pytest.approx([0.6, 0.9, 1.0])


def test_what_a_least_count_keeps():
    _, table = by_title(count_sections(table_of([100, 20, 5, 5, 2, 1])))["Coverage"].blocks
    held = columns(table)
    kept = zip(held["words kept"], held["tokens kept"], strict=True)
    rows = dict(zip(held["min-count"], kept, strict=True))
    assert rows[1] == (6, 133) and rows[2] == (5, 132) and rows[3] == (4, 130)
    assert rows[5] == (4, 130) and rows[10] == (2, 120) and rows[1000] == (0, 0)
    assert held["of the tokens"][0] == 1.0
    assert held["of the words"][1] == pytest.approx(5 / 6)


def test_the_overview_counts_what_was_seen_once():
    facts = count_sections(table_of([5, 3, 2, 1, 1]))[0].blocks[0]
    assert isinstance(facts, Facts)
    assert facts.items["tokens"] == 12
    assert facts.items["seen once (hapax legomena)"] == "2 (40.0% of the words)"
    assert facts.items["words that make half of the text"] == 2
    assert facts.items["words that make 90% of the text"] == 4


def test_the_first_line_names_the_most_frequent_word_that_is_no_punctuation():
    counts = Counts(packed("。", "的", "是"), np.array([5, 3, 2]))
    assert "is “的”: 30.0% of the tokens" in count_sections(counts)[0].about
    signs = Counts(packed("。", "!"), np.array([3, 1]))
    assert "is “。”: 75.0% of the tokens" in count_sections(signs)[0].about


def test_a_table_whose_rare_words_are_gone_says_so():
    _, warning = count_sections(table_of([9, 5]))[0].blocks
    assert isinstance(warning, Text) and warning.tone == "warning"
    assert "count of 5" in warning.paragraphs[0]
    assert len(count_sections(table_of([9, 1]))[0].blocks) == 1


def test_lengths_are_of_characters_not_bytes():
    words = packed("a", "é", "汉字", "\U0001f680x", "longer")
    assert lengths_of(words).tolist() == [1, 1, 2, 2, 6]
    assert lengths_of(words[2:4]).tolist() == [2, 2]


def test_shares_by_length_and_script():
    section = by_title(count_sections(count_words(TEXTS)))["Lengths and scripts"]
    chart, bars = section.blocks
    assert isinstance(chart, Chart) and isinstance(bars, Bars)
    words, tokens = chart.lines
    assert list(words.x) == [1, 2] and words.y == pytest.approx([7 / 8, 1 / 8])
    assert tokens.y == pytest.approx([13 / 14, 1 / 14])
    assert dict(zip(bars.labels, bars.values, strict=True)) == {
        "Latin": 11, "Han": 1, "Katakana": 1, "numbers": 1,
    }  # fmt: skip
    assert "1.07 characters on average" in section.about


@pytest.mark.parametrize(
    "character, script",
    [("a", "Latin"), ("ß", "Latin"), ("汉", "Han"), ("々", "Han"), ("〇", "Han"), ("я", "Cyrillic"),
     ("가", "Hangul"), ("ｶ", "Katakana"), ("Ａ", "Latin"), ("٣", "numbers"), ("½", "numbers"),
     ("。", "signs"), ("€", "signs"), ("𓂀", "other letters"), ("\ue000", "signs")],
)  # fmt: skip
def test_a_character_belongs_to_its_script(character, script):
    assert script_of(character) == script


def test_the_language_is_guessed_by_script_and_never_between_latin_ones():
    assert language_of(packed("我们", "的", "OK")) == "zh"
    assert language_of(packed("東京", "の", "カメラ")) == "ja"
    assert language_of(packed("나", "너")) == "ko"
    assert language_of(packed("the", "der", "le")) == "und"
    assert language_of(packed()) == "und"


def test_a_table_that_is_cut_says_so():
    section = count_sections(table_of([9, 8, 7, 1]), words=3)[-1]
    assert section.about == "The 3 most frequent of 4 words."
    held = columns(section.blocks[0])
    assert held["word"] == ["w0", "w1", "w2"] and held["count"] == [9, 8, 7]
    assert held["covered"] == pytest.approx([9 / 25, 17 / 25, 24 / 25])
    assert held["per million"][0] == pytest.approx(360_000)
    assert shown_of(4, 4, "words") == "All 4 words."


def test_documents_are_columns_when_they_were_counted():
    counts = count_words(TEXTS, documents=True)
    held = columns(count_sections(counts)[-1].blocks[0])
    spread = zip(held["documents"], held["a document"], strict=True)
    rows = dict(zip(held["word"], spread, strict=True))
    assert rows["a"] == (2, 2.0) and rows["b"] == (2, 1.5) and rows["é"] == (1, 2.0)
    assert "documents" not in columns(count_sections(count_words(TEXTS))[-1].blocks[0])


def test_ngrams_are_told_apart_by_their_words():
    counts = count_words(["a b a b c"], ngrams=(1, 2))
    blocks = by_title(count_sections(counts))["Lengths and scripts"].blocks
    held = columns(next(block for block in blocks if isinstance(block, Table)))
    assert held["words of the n-gram"] == [1, 2]
    assert held["different n-grams"] == [3, 3] and held["seen"] == [5, 4]
    assert "“tokens” are n-grams" in count_sections(counts)[0].blocks[1].paragraphs[0]
    plain = by_title(count_sections(count_words(["a b"])))["Lengths and scripts"].blocks
    assert not any(isinstance(block, Table) for block in plain)
