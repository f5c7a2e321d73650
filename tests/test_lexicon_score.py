"""The words of a lexicon against a list."""

import pytest

from textzero.errors import InputError
from textzero.lexicon import Lexicon
from textzero.lexicon_score import score_lexicon

FOUND = Lexicon(["的", "北京", "京大", "大学", "北京大学"], [9, 4, 3, 2, 1])


def test_the_figures_by_hand():
    score = score_lexicon(FOUND, ["大学", "东京", "北京大学", "东京大学", "上海大学", "了"])
    assert (score.gold, score.found, score.correct) == (5, 4, 2)
    assert (score.precision, score.recall) == (0.5, 0.4)
    assert score.f1 == pytest.approx(2 * 0.5 * 0.4 / 0.9)
    two, four = score.by_length
    assert (two["length"], two["gold"], two["found"], two["correct"]) == (2, 2, 3, 1)
    assert (four["length"], four["precision"], four["recall"]) == (4, 1.0, pytest.approx(1 / 3))
    assert score.wrong == ["北京", "京大"]  # in the order of the lexicon
    assert score.missing == ["东京", "东京大学", "上海大学"]  # in that of the list


def test_a_share_of_nothing_is_none():
    rows = score_lexicon(FOUND, ["人工智能学"]).by_length
    assert [(row["length"], row["precision"], row["recall"]) for row in rows] == [
        (2, 0.0, None), (4, 0.0, None), (5, None, 0.0),
    ]  # fmt: skip


def test_phrases_are_as_long_as_they_have_words():
    found = Lexicon(["new york", "york", "new york city"], [3, 2, 1], settings={"unit": "word"})
    score = score_lexicon(found, ["new york city", "los angeles", "boston"])
    assert [(row["length"], row["gold"], row["correct"]) for row in score.by_length] == [
        (2, 1, 0), (3, 1, 1),
    ]  # fmt: skip


def test_the_list_is_folded_as_the_lexicon_is():
    found = Lexicon(["卡拉ok", "b超"], [2, 1], settings={"lowercase": True, "nfkc": True})
    score = score_lexicon(found, ["卡拉OK", "卡拉ＯＫ", "Ｂ超"])
    assert (score.gold, score.correct) == (2, 2)


def test_both_may_be_files(tmp_path):
    FOUND.save(tmp_path / "lexicon.tsv")
    (tmp_path / "gold.txt").write_text("大学\n北京大学\n", encoding="utf-8")
    again = score_lexicon(tmp_path / "lexicon.tsv", tmp_path / "gold.txt")
    assert again == score_lexicon(FOUND, ["大学", "北京大学"])
    assert again.to_arrow().num_rows == 1


@pytest.mark.parametrize(
    ("found", "gold", "side"), [(["的"], ["北京"], "the lexicon"), (["北京"], [], "the gold list")]
)
def test_a_side_without_words_is_refused(found, gold, side):
    with pytest.raises(InputError, match=f"{side} must have a word of at least two characters"):
        score_lexicon(Lexicon(found, [1] * len(found)), gold)
