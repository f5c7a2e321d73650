import math
from collections import Counter
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textzero.corpus import Corpus
from textzero.discovery import pair_entropy
from textzero.discovery.arrays import Arrays
from textzero.discovery.pair_entropy import auto_probability, entropy_lexicon
from textzero.discovery.units import read_units

ROOM = 1 << 24


def units_of(lines, **settings):
    return read_units(Corpus.from_documents(lines), workers=1, **settings)


def lexicon(lines, workers=1, room=ROOM, **settings):
    return entropy_lexicon(units_of(lines), workers=workers, room=room, **settings)


def as_dict(found):
    return dict(zip(found.words, found.counts.tolist(), strict=True))


# --- against a plain implementation ---------------------------------------------------------


def least(share, total):
    return lambda n: share == 0 or math.log(n) - math.log(total) > math.log(share)


def runs_by_hand(lines):
    counts = Counter(c for line in lines for c in line if c != " ")
    text = "\n".join("".join(c if counts[c] > 1 else " " for c in line) for line in lines)
    return text.split()


def segments_by_hand(runs, share, min_pmi, margin):
    counts = Counter("".join(runs))
    pairs = Counter(a + b for run in runs for a, b in pairwise(run))
    size, total = sum(counts.values()), sum(pairs.values())
    frequent = least(share, total)

    def strong(pair):
        n = pairs[pair]
        logs = [math.log(counts[c]) - math.log(size) for c in pair]
        pmi = math.log(n) - math.log(total) - sum(logs)
        return frequent(n) and pmi - margin / math.sqrt(n) > min_pmi

    found = Counter()
    for run in runs:
        cuts = [0, *(k for k in range(1, len(run)) if not strong(run[k - 1 : k + 1])), len(run)]
        found.update(run[a:b] for a, b in pairwise(cuts))
    return found


def best_parts(word, counts, total):
    """nlp-zero's search: the first of equally good paths, an unknown unit where nothing ends."""
    best = {0: (1.0, [])}
    for start in range(len(word)):
        for stop in range(start + 1, len(word) + 1):
            part = word[start:stop]
            if part != word and counts.get(part, 0) > 0:
                score = best[start][0] + (math.log(counts[part]) - math.log(total))
                if stop not in best or score > best[stop][0]:
                    best[stop] = score, [*best[start][1], part]
        if start + 1 not in best:
            best[start + 1] = best[start][0] - 100, [*best[start][1], word[start]]
    return best[len(word)][1]


def words_by_hand(lines, share, min_pmi, longest=None, compatible=False):
    runs = runs_by_hand(lines)
    segments = segments_by_hand(runs, share, min_pmi, 0 if compatible else 2)
    frequent = least(share, sum(segments.values()))
    counts = {w: n for w, n in segments.items() if frequent(n) or (len(w) == 1 and not compatible)}
    several = sorted((w for w in counts if len(w) > 1), key=lambda w: -len(w))
    rounds = [[w] for w in several] if compatible else [list(g) for _, g in groupby(several, len)]
    dropped = {}
    for group in rounds:
        total = sum(counts.values())
        judged = [(w, counts[w], best_parts(w, counts, total)) for w in group]
        values = dict(counts)
        for word, count, parts in judged:
            gain = math.log(count / total) - sum(
                math.log(values[p] / total) if values.get(p) else -100 - math.log(total)
                for p in parts
            )
            if gain < len(word) - 1 or (longest and len(word) > longest):
                dropped[word] = count, parts, gain
                del counts[word]
                for part in parts:
                    if part in values or not compatible:
                        counts[part] = counts.get(part, 0) + count
    return {w: n for w, n in counts.items() if frequent(n)}, dropped


# Few units, so that pairs repeat; the runs are longer than words, so that something is cut.
LINES = st.lists(st.text("天地人和火 ", max_size=30), min_size=2, max_size=12).map(
    lambda lines: [*lines, "天天 地地"]
)


@given(
    LINES,
    st.sampled_from([0.0, 1e-7, 0.01, 0.03, 0.1]),
    st.sampled_from([-1.0, 0.05, 0.3, 0.9]),
    st.sampled_from([None, 2, 4]),
    st.booleans(),
)
@settings(max_examples=150)
def test_agrees_with_a_plain_implementation(lines, share, min_pmi, longest, compatible):
    found = lexicon(
        lines, min_probability=share, min_pmi=min_pmi, longest=longest, compatible=compatible
    )
    words, dropped = words_by_hand(lines, share, min_pmi, longest, compatible)
    assert as_dict(found) == words
    assert {word: count for word, count, _ in found.dropped} == {
        word: count for word, (count, _, _) in dropped.items()
    }
    for word, _, reason in found.dropped:
        _, parts, gain = dropped[word]
        if longest and len(word) > longest:
            assert reason == f"longer than {longest} units"
        else:
            start, _, end = reason.partition(" explain it: ")
            assert start == f"its parts {' '.join(parts)}"
            assert float(end.split()[0]) == pytest.approx(gain, abs=0.0501)
            assert end.endswith(f" nats gained, {len(word) - 1} needed")


# --- nlp-zero -------------------------------------------------------------------------------

# Every character at least twice, all of them Han.
HAN = """\
中国人民热爱和平 人民的生活越来越好 中国的经济发展很快 人民生活水平提高 和平与发展是时代主题
中国经济 人民生活 和平发展 经济生活 中国和平 时代发展 生活水平 经济水平 热爱生活 热爱人民
经济发展 发展经济 提高人民生活水平 提高经济水平 人民热爱和平 人民热爱中国 中国人民很好 主题是和平
时代的主题 发展的时代 越来越快 越来越好 很快 很好 的 与 是 人 民 和 平 经 济 发 展 中 国""".split(
    "\n"
)

# What nlp-zero 0.1.6 found in these lines (Word_Finder(min_proba, min_pmi), train, find), its
# import of collections.Iterable mended; recorded on 2026-11-20.
FOUND = {
    (1e-7, 2.5): "中国6 人民9 的4 生活4 越来越好2 经济7 发展6 很快2 生活水平3 提高3 和平6 与发展1 "
    "是时代主题1 时代3 水平2 热爱5 很好2 主题是1 的主题1 越来越快1 与1 是1 人1 民1 和1 平1 经1 济1 "
    "发1 展1 中1 国1",
    (0.01, 1): "人民6 的5 生活4 越来越好2 中国6 很快2 提高3 和平6 与2 发展7 是3 时代4 主题3 经济5 "
    "生活水平3 经济水平2 热爱2 人民热爱3 很好2 越来越1 快1 人1 民1 和1 平1 经1 济1 发1 展1 中1 国1",
    (0.015, 0.5): "人民2 的5 生活3 越来越好2 中国4 很快2 人民生活水平2 提高3 和平4 与2 发展7 是3 "
    "时代4 主题3 经济5 经济水平2 热爱2 很好2",
}


@pytest.mark.parametrize("min_proba, min_pmi", FOUND)
def test_compatible_finds_what_nlp_zero_found(min_proba, min_pmi):
    found = lexicon(HAN, min_probability=min_proba, min_pmi=min_pmi, compatible=True)
    rows = FOUND[min_proba, min_pmi].split()
    assert as_dict(found) == {row.rstrip("0123456789"): int(row[-1]) for row in rows}


def test_compatible_takes_nlp_zero_s_settings():
    found = lexicon(HAN, compatible=True)
    assert as_dict(found) == as_dict(
        lexicon(HAN, min_probability=1e-7, min_pmi=1.0, compatible=True)
    )


# --- what was wrong in nlp-zero ---------------------------------------------------------------


def test_latin_strings_are_units_and_not_glued_back_together():
    # nlp-zero keeps every alphanumeric candidate, whatever its parts explain
    lines = ["ab ab ab ", *["天 ab 地 "] * 20, *["天地", "天ab", "地ab"] * 3]
    found = lexicon(lines, min_probability=0.0, min_pmi=-5.0)
    assert "ab" in found.words
    assert not {"天ab", "地ab"} & set(found.words)
    gone = {word: (count, reason) for word, count, reason in found.dropped}
    assert gone["天ab"][0] == 3
    assert gone["天ab"][1].startswith("its parts 天 ab explain it: ")


def test_a_corpus_without_pairs_has_only_units():
    found = lexicon(["天 地 天 地", "天"])
    assert as_dict(found) == {"天": 3, "地": 2}
    assert list(found.dropped) == []
    assert np.isnan(found.scores["bits"]).all()
    assert as_dict(lexicon(["天 地 天 地", "天"], min_probability=0.5)) == {"天": 3}


def test_twice_over_the_same_units_gives_the_same():
    units = units_of(HAN)
    first = entropy_lexicon(units, min_probability=0.0, workers=1, room=ROOM)
    second = entropy_lexicon(units, min_probability=0.0, workers=1, room=ROOM)
    assert as_dict(first) == as_dict(second)


# --- determinism, order, settings -------------------------------------------------------------


def random_lines(seed, alphabet=120, words=300, size=4000):
    """Lines made of random words of a Zipf distribution."""
    rng = np.random.default_rng(seed)
    made = ["".join(map(chr, 0x4E00 + rng.integers(0, alphabet, n))) for n in
            rng.integers(1, 5, words)]  # fmt: skip
    weights = 1 / np.arange(1, words + 1)
    text = rng.choice(made, size, p=weights / weights.sum()).tolist()
    return ["".join(text[k : k + 20]) for k in range(0, size, 20)]


def same(a, b):
    assert (a.words, a.counts.tolist(), a.dropped) == (b.words, b.counts.tolist(), b.dropped)
    assert list(a.scores) == list(b.scores) == ["pmi", "bits"]
    for name in a.scores:
        assert a.scores[name].tobytes() == b.scores[name].tobytes()


@pytest.mark.parametrize("compatible", [False, True])
def test_workers_room_and_folder_change_nothing(monkeypatch, tmp_path, compatible):
    lines = random_lines(3)
    settings = {"min_probability": 1e-4, "min_pmi": 0.5, "compatible": compatible}
    expected = lexicon(lines, **settings)
    assert expected.dropped
    assert max(map(len, expected.words)) > 3
    for workers in (2, 7):
        same(lexicon(lines, workers=workers, **settings), expected)
    same(lexicon(lines, workers=2, room=1 << 12, **settings), expected)  # 16 columns, many shares
    same(lexicon(lines, workers=2, arrays=Arrays(0, lambda: tmp_path), **settings), expected)
    for wide in (0, 1, 50):
        monkeypatch.setattr(pair_entropy, "_WIDE", wide)
        same(lexicon(lines, workers=2, **settings), expected)


def test_frequent_words_come_first_and_ties_in_unit_order():
    found = lexicon(HAN, min_probability=0.0)
    rows = list(zip((-found.counts).tolist(), found.words, strict=True))
    assert rows == sorted(rows)
    dropped = [(-count, word) for word, count, _ in lexicon(random_lines(1)).dropped]
    assert dropped == sorted(dropped)


def test_scores_are_those_of_the_words():
    found = lexicon(HAN, min_probability=0.0, min_pmi=1.0)
    counts = as_dict(found)
    k = found.words.index("很好")
    n, total = counts["很好"], sum(counts.values())
    parts = [counts.get(c, 0) for c in "很好"]
    before = [count + n for count in parts]
    whole = total + n
    pmi = math.log(n / whole) - sum(math.log(count / whole) for count in before)
    assert found.scores["pmi"][k] == pytest.approx(pmi)

    def bits(values):
        held = [v for v in values if v]
        return -sum(v * math.log2(v / sum(held)) for v in held)

    others = [v for word, v in counts.items() if word not in ("很好", *"很好")]
    expected = bits([*others, *before]) - bits([*others, *parts, n])
    assert found.scores["bits"][k] == pytest.approx(expected)
    assert math.isnan(found.scores["bits"][found.words.index("人")])


def test_phrases_have_spaces_inside():
    lines = ["new york is big", "new york is new", "big york", "is it new york", "it is big"]
    units = units_of(lines * 9, unit="word")
    found = entropy_lexicon(units, min_probability=0.0, min_pmi=0.5, workers=1, room=ROOM)
    assert "new york" in found.words
    several = [word for word in found.words if " " in word]
    assert all(word in " | ".join(lines) for word in several)


def test_the_settings_that_set_themselves():
    assert auto_probability(1_000_000) == pytest.approx(6 / 1_000_000)
    assert 0 < auto_probability(1) <= 0.5
    lines = random_lines(5)
    size = units_of(lines).size
    same(lexicon(lines), lexicon(lines, min_probability=auto_probability(size), min_pmi=2.5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_probability": -0.1}, "min_probability must be from 0 to below 1, got -0.1"),
        ({"min_probability": 1.0}, "min_probability must be from 0 to below 1, got 1.0"),
        ({"longest": 0}, "longest must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        lexicon(HAN, **settings)
