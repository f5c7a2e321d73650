import pytest

pytest.importorskip("keras")

from textzero.models.answer_score import (
    answer_units,
    character_f1,
    exact_match,
    longest_common_run,
    score_answers,
    without_punctuation,
)


def test_punctuation_and_capitals_do_not_count_in_an_exact_match():
    assert exact_match("《Go·Lang》。", ["go lang", "golang"]) == 1
    assert exact_match("go", ["golang"]) == 0
    assert without_punctuation("  A－B～c ") == "abc"


def test_signs_outside_the_list_of_the_task_do_count():
    # the program lists "……" as one sign, so a single "…" stays, as do ASCII commas
    assert exact_match("一…", ["一"]) == 0
    assert exact_match("1,000", ["1000"]) == 0


def test_chinese_characters_are_units_and_so_are_words_between_them():
    assert answer_units("由KOEI公司和 Omega Force于2009.5年") == [
        *"由", "koei", *"公司和", "omega", "force", *"于", "2009.5", *"年",
    ]  # fmt: skip
    assert answer_units("约1,000人(50%)") == [*"约", "1,000", *"人", "(", "50", "%", ")"]
    assert answer_units("a,b") == ["a", ",", "b"]


def test_f1_counts_the_longest_common_run_and_not_a_bag_of_units():
    # 甲乙丙丁 and 甲乙x丙丁 share a run of two of four and five units: P = 2/5, R = 2/4
    assert character_f1("甲乙戊丙丁", ["甲乙丙丁"]) == pytest.approx(2 * 0.4 * 0.5 / 0.9)
    # the same units in another order share a run of one
    assert character_f1("丁丙乙甲", ["甲乙丙丁"]) == pytest.approx(0.25)


def test_a_longest_run_may_begin_anywhere():
    assert longest_common_run("xabcy", "zzabc") == 3
    assert longest_common_run("", "abc") == longest_common_run("abc", "xyz") == 0
    assert longest_common_run("aaaa", "aa") == 2


def test_the_nearest_right_answer_counts():
    assert character_f1("北京", ["上海", "北京市"]) == pytest.approx(0.8)
    assert exact_match("北京", ["上海", "北京"]) == 1


def test_no_common_unit_and_no_unit_at_all_give_no_score():
    assert character_f1("甲", ["乙"]) == 0
    assert character_f1("。", ["乙"]) == 0
    assert character_f1("", ["。"]) == 0


def test_scores_are_means_over_all_questions_answered_or_not():
    figures = score_answers(["北京", "北京", ""], [["北京"], ["北京市"], ["。"]])
    assert figures == {"em": pytest.approx(1 / 3), "f1": pytest.approx(1.8 / 3)}
    assert score_answers([], []) == {"em": 0.0, "f1": 0.0}


def test_answers_and_questions_must_be_as_many():
    with pytest.raises(ValueError, match="1 answers and 2 questions"):
        score_answers(["a"], [["a"], ["b"]])
