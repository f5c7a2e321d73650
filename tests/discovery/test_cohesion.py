import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textzero.corpus import Corpus
from textzero.discovery.arrays import Arrays
from textzero.discovery.cohesion import auto_count, cohesion_lexicon, cohesions_of
from textzero.discovery.ngrams import count_ngrams
from textzero.discovery.units import read_units

ROOM = 1 << 24


def units_of(lines):
    return read_units(Corpus.from_documents(lines), workers=1)


def lexicon(lines, workers=1, room=ROOM, **settings):
    return cohesion_lexicon(units_of(lines), workers=workers, room=room, **settings)


def as_dict(found):
    return dict(zip(found.words, found.counts.tolist(), strict=True))


# --- against a plain implementation ---------------------------------------------------------


def ngrams_by_hand(lines, order):
    """Return (runs, {n-gram: count}, {n: how many})."""
    counts = Counter(c for line in lines for c in line if c != " ")
    text = "\n".join("".join(c if counts[c] > 1 else " " for c in line) for line in lines)
    runs = text.split()
    found = Counter(
        run[p : p + n] for run in runs for n in range(1, order + 1) for p in range(len(run) - n + 1)
    )
    totals = Counter()
    for ngram, count in found.items():
        totals[len(ngram)] += count
    return runs, found, totals


def cohesion(ngram, counts, totals):
    def log(part):
        return math.log(counts[part] / totals[len(part)])

    splits = [log(ngram[:k]) + log(ngram[k:]) for k in range(1, len(ngram))]
    return log(ngram) - max(splits)


def words_by_hand(lines, order, min_count, limits):
    runs, counts, totals = ngrams_by_hand(lines, order)
    strong = {
        w
        for w, count in counts.items()
        if len(w) > 1 and count >= min_count and cohesion(w, counts, totals) > limits[len(w) - 2]
    }
    found = Counter()
    for run in runs:
        inside = {
            p + k
            for w in strong
            for p in range(len(run) - len(w) + 1)
            if run.startswith(w, p)
            for k in range(1, len(w))
        }
        cuts = [0, *(k for k in range(1, len(run)) if k not in inside), len(run)]
        found.update(run[a:b] for a, b in pairwise(cuts))
    kept, dropped = {}, {}
    for word, count in found.items():
        n = min(len(word), order)
        if count >= min_count:
            windows = [word[p : p + n] for p in range(len(word) - n + 1)]
            fits = len(word) == 1 or all(window in strong for window in windows)
            (kept if fits else dropped)[word] = count
    return kept, dropped


LINES = st.lists(st.text("天地人和火 ", max_size=30), min_size=2, max_size=12).map(
    lambda lines: [*lines, "天天 地地"]
)


# Limits are no logarithms of fractions of small numbers: rounding decides nothing.
@given(
    LINES,
    st.sampled_from([(2, [0.31]), (3, [0.11, 0.52]), (4, [-1.01, 0.31, 0.77]), (6, [0.21])]),
    st.integers(2, 4),
)
@settings(max_examples=150)
def test_agrees_with_a_plain_implementation(lines, setting, min_count):
    order, min_pmi = setting
    found = lexicon(lines, order=order, min_count=min_count, min_pmi=min_pmi)
    limits = [*min_pmi, *(min_pmi[-1] + 2 * k for k in range(1, order))]
    words, dropped = words_by_hand(lines, order, min_count, limits)
    assert as_dict(found) == words
    assert {word: count for word, count, _ in found.dropped} == dropped


@given(LINES, st.integers(2, 5))
def test_cohesion_is_the_weakest_split_and_every_length_has_its_own_total(lines, order):
    # 6920's program took totals of shorter n-grams from the n-grams of full length
    units = units_of(lines)
    ngrams = count_ngrams(units, order, room=ROOM, workers=1)
    values = cohesions_of(ngrams)
    _, counts, totals = ngrams_by_hand(lines, order)
    assert math.isnan(values[0])
    for n in range(1, order + 1):
        level = ngrams.level(n)
        for number in range(level.start, level.stop):
            word = ngrams.text(number)
            assert ngrams.counts[number] == counts[word]
            if n == 1:
                assert math.isnan(values[number])
            else:
                assert values[number] == pytest.approx(cohesion(word, counts, totals), abs=1e-9)


# --- by hand ----------------------------------------------------------------------------------

# 各项 and 项目 overlap; 各 and 目 stand elsewhere too, so that every pair is far from certain.
OVERLAP = ["各项 项目 各项目"] * 5 + ["各 目 天 地 人 和 火 水"] * 5


def test_strong_ngrams_that_overlap_are_chained():
    found = lexicon(OVERLAP, order=2, min_count=2, min_pmi=[0.5])
    assert as_dict(found) == {
        "各项": 5, "各项目": 5, "项目": 5,
        **dict.fromkeys("各目天地人和火水", 5),
    }  # fmt: skip


def test_a_chain_whose_parts_are_not_all_strong_is_dropped():
    # 各项目 is three times as frequent as chance: ln 3 = 1.1 nats
    found = lexicon(OVERLAP, order=3, min_count=2, min_pmi=[0.5, 9.0])
    assert "各项目" not in found.words
    ((word, count, reason),) = found.dropped
    _, counts, totals = ngrams_by_hand(OVERLAP, 3)
    held = cohesion("各项目", counts, totals)
    assert (word, count) == ("各项目", 5)
    assert reason == f"its weakest part of 3 units is held by {held:.1f} nats, 9 needed"


def test_words_may_be_longer_than_the_ngrams():
    lines = ["中华人民共和国"] * 6 + ["天 地 火 水 山 川"] * 20
    found = lexicon(lines, order=3, min_count=3, min_pmi=[1.0, 1.5])
    assert as_dict(found)["中华人民共和国"] == 6
    k = found.words.index("中华人民共和国")
    _, counts, totals = ngrams_by_hand(lines, 3)
    weakest = min(cohesion(w, counts, totals) for w in counts if len(w) == 3)
    assert found.scores["pmi"][k] == pytest.approx(weakest)
    assert math.isnan(found.scores["left_entropy"][k])


def test_entropies_are_those_of_the_units_beside():
    # ln (8/24) / (8/72)^2 = 3.3 nats for 天地, ln (4/24) / (14/72 8/72) = 2.0 for 甲天
    lines = ["甲天地乙", "丙天地丁", "甲天地丁", "丙天地乙"] * 2 + ["甲 乙 丙 丁"] * 10
    found = lexicon(lines, order=2, min_count=2, min_pmi=[2.5])
    k = found.words.index("天地")
    # each side has two units of four occurrences each, and Miller and Madow's 1 / 16
    for side in ("left_entropy", "right_entropy"):
        assert found.scores[side][k] == pytest.approx(math.log(2) + 1 / 16)


# --- determinism, settings ----------------------------------------------------------------------


def random_lines(seed, alphabet=60, words=200, size=4000):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, words)
    made = ["".join(map(chr, 0x4E00 + rng.integers(0, alphabet, n))) for n in lengths]
    weights = 1 / np.arange(1, words + 1)
    text = rng.choice(made, size, p=weights / weights.sum()).tolist()
    return ["".join(text[k : k + 20]) for k in range(0, size, 20)]


def same(a, b):
    assert (a.words, a.counts.tolist(), a.dropped) == (b.words, b.counts.tolist(), b.dropped)
    assert list(a.scores) == list(b.scores) == ["pmi", "left_entropy", "right_entropy"]
    for name in a.scores:
        assert a.scores[name].tobytes() == b.scores[name].tobytes()


def test_workers_room_and_folder_change_nothing(tmp_path):
    lines, limits = random_lines(2), {"min_pmi": [0.5, 1.0, 2.0]}
    expected = lexicon(lines, **limits)
    assert expected.dropped
    assert max(map(len, expected.words)) > 4
    for workers in (2, 7):
        same(lexicon(lines, workers=workers, **limits), expected)
    same(lexicon(lines, workers=2, room=1 << 12, **limits), expected)
    same(lexicon(lines, workers=2, arrays=Arrays(0, lambda: tmp_path), **limits), expected)
    rows = list(zip((-expected.counts).tolist(), expected.words, strict=True))
    assert rows == sorted(rows)


def test_limits_that_are_not_named_grow_by_two():
    lines = random_lines(4)
    same(lexicon(lines, order=5), lexicon(lines, order=5, min_pmi=[2, 4, 6, 8]))
    same(lexicon(lines, order=5, min_pmi=[1, 2]), lexicon(lines, order=5, min_pmi=[1, 2, 4, 6]))


def test_the_settings_that_set_themselves():
    assert [auto_count(n) for n in (10, 1_000_000, 2_000_000, 30_000_000)] == [3, 3, 4, 16]
    lines = random_lines(4)
    same(lexicon(lines), lexicon(lines, min_count=auto_count(units_of(lines).size)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 1}, "order must be at least 2, got 1"),
        ({"min_count": 1}, "min_count must be at least 2, got 1"),
        ({"min_pmi": []}, "min_pmi must have 1 to 3 limits, for 2 to 4 units, got 0"),
        ({"min_pmi": [1, 2, 3, 4]}, "min_pmi must have 1 to 3 limits, for 2 to 4 units, got 4"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        lexicon(["天地天地"], **settings)
