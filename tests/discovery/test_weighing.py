import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from textzero.discovery.ngrams import count_ngrams
from textzero.discovery.unigram import Model, UnigramSettings, learn_words
from textzero.discovery.units import read_units
from textzero.discovery.weighing import cohesion, weigh
from textzero.lexicon import Lexicon
from textzero.segmenter import Segmenter

TEXTS = st.lists(st.text("甲乙丙丁", max_size=30), max_size=6).map(lambda t: [*t, "甲甲"])
FEW = UnigramSettings(passes=3, colder=(0.5,))


def language(seed, words=2000, letters=40):
    rng = np.random.default_rng(seed)
    alphabet, lexicon = [chr(0x4E00 + k) for k in range(letters)], set()
    while len(lexicon) < 80:
        lexicon.add("".join(rng.choice(alphabet, rng.integers(1, 5))))
    drawn = [sorted(lexicon)[k] for k in (80 * rng.random(words) ** 2).astype(int)]
    ends = np.cumsum(rng.integers(3, 15, words))
    return ["".join(part) for part in np.split(np.array(drawn, object), ends[ends < words])]


def learned(texts, longest=4, chosen=FEW, **settings):
    units = read_units(texts, workers=1, **settings)
    ngrams = count_ngrams(units, longest, room=1 << 20, workers=1)
    return learn_words(ngrams, chosen, workers=1)


def cut_words(model, words):
    """The words of the cut text, as strings, in order."""
    units = model.ngrams.units
    ids = units.ids
    edges = np.flatnonzero((words.cuts == 1) | (ids == 0)).tolist()
    return [units.text(ids[a:b].tolist()) for a, b in itertools.pairwise(edges) if ids[a]]


def occurrences(word, texts):
    return sum(len(re.findall(f"(?={word})", text)) for text in texts)


@settings(max_examples=40)
@given(texts=TEXTS, min_count=st.integers(1, 4), longest=st.integers(1, 5))
def test_the_table_holds_the_words_of_the_cut_text(texts, min_count, longest):
    model, words, considered = learned(texts, longest)
    found, logs = weigh(model, words, considered, min_count)
    cut = cut_words(model, words)
    wanted = {word: cut.count(word) for word in cut if cut.count(word) >= min_count}
    if not (words.counts >= min_count).any():
        return  # the test below
    assert dict(zip(found.words, found.counts.tolist(), strict=True)) == wanted
    assert len(set(found.words)) == len(found.words) == logs.size
    if found.words:
        assert_allclose(np.exp(logs).sum(), 1, 1e-9)
    for column in found.scores.values():
        assert column.shape == logs.shape and column.dtype == np.float64
        assert not np.isinf(column).any()
    for word, count, log in zip(found.words, found.counts.tolist(), logs, strict=True):
        assert count >= min_count and -400 < log < 1e-9, word


@settings(max_examples=30)
@given(texts=TEXTS)
def test_scores_are_those_of_the_string(texts):
    texts = [text for text in texts if text]
    # a character that is seen once is a boundary
    texts = "|".join(texts)
    texts = [c if texts.count(c) > 1 else "|" for c in texts]
    texts = "".join(texts).split("|")
    model, words, considered = learned(texts)
    found, _ = weigh(model, words, considered, 2)
    size = sum(map(len, texts))
    for k, word in enumerate(found.words):
        seen = occurrences(word, texts)
        assert found.scores["occurrences"][k] == seen
        if len(word) == 1:
            assert np.isnan([found.scores["pmi"][k], found.scores["bits"][k]]).all()
        else:
            least = min(
                np.log(seen * size / occurrences(word[:i], texts) / occurrences(word[i:], texts))
                for i in range(1, len(word))
            )
            assert_allclose(found.scores["pmi"][k], least, 1e-9, 1e-9)
            assert np.isfinite(found.scores["bits"][k])


def test_cohesion_by_hand():
    # of 7 units: 甲乙 twice, 甲 twice, 乙 three times
    model, _, _ = learned(["甲乙", "甲乙", "乙丙丙"])
    assert model.ngrams.units.size == 7
    units = list(model.ngrams.units.alphabet)
    number = model.ngrams.find([units.index("甲") + 1, units.index("乙") + 1])
    assert_allclose(cohesion(model.ngrams, np.array([number]), 2), [np.log(2 * 7 / (2 * 3))])


def test_words_come_by_bits_saved_and_single_units_last():
    model, words, considered = learned(language(0))
    found, _ = weigh(model, words, considered, 1)
    bits, pmi = found.scores["bits"], found.scores["pmi"]
    longer = int((~np.isnan(pmi)).sum())
    assert 20 < longer < bits.size
    assert (np.diff(bits[:longer]) <= 0).all() and np.isnan(bits[longer:]).all()
    assert np.isfinite(bits[:longer]).all()
    single = [k for k in range(longer, bits.size) if len(found.words[k]) == 1]
    assert single[0] == longer
    assert (np.diff(found.counts[single]) <= 0).all()


def test_the_words_that_save_most_are_those_of_the_language():
    model, words, considered = learned(language(1), chosen=UnigramSettings())
    found, _ = weigh(model, words, considered, 1)
    true = set()
    rng = np.random.default_rng(1)
    alphabet = [chr(0x4E00 + k) for k in range(40)]
    while len(true) < 80:
        true.add("".join(rng.choice(alphabet, rng.integers(1, 5))))
    best = found.words[:30]
    assert sum(word in true for word in best) >= 28
    saved = dict(zip(found.words, found.scores["bits"].tolist(), strict=True))
    assert all(saved[word] > 0 for word in best)


@pytest.mark.parametrize("seed", range(2))
def test_a_segmenter_cuts_the_text_like_the_model(seed):
    texts = language(seed)
    model, words, considered = learned(texts, chosen=UnigramSettings())
    found, logs = weigh(model, words, considered, 1)
    segmenter = Segmenter(Lexicon(found.words, found.counts, logs, settings={"nfkc": True}))
    cut = cut_words(model, words)
    got = [word for words in segmenter.segment_batch(texts) for word in words]
    assert "".join(got) == "".join(cut)
    ends, wanted = (set(np.cumsum([len(w) for w in parts]).tolist()) for parts in (got, cut))
    # the model takes a run's own words out of the counts, the segmenter does not
    assert len(ends ^ wanted) < 0.01 * len(wanted)


def test_one_constant_for_each_unit_changes_no_segmentation():
    model, words, considered = learned(language(3))
    found, logs = weigh(model, words, considered, 2)
    model.fit(words, 1.0)
    settings, tokens = model.settings, words.tokens
    lengths = np.array([len(word) for word in found.words])
    alphabet = list(model.ngrams.units.alphabet)
    numbers = [model.ngrams.find([alphabet.index(c) + 1 for c in w]) for w in found.words]
    own = model.spelling[numbers] * model.fresh[lengths]
    share = (words.counts[numbers] - settings.discount) / (tokens + settings.strength) + own
    rest = logs - (np.log(share) - (lengths - 1))
    assert_allclose(rest, rest[0] * lengths / lengths[0], 1e-6, 1e-6)  # spelling is float32


def test_rarer_words_are_dropped_with_a_reason():
    texts = [*language(4, 400), *["天地"] * 3]
    model, words, considered = learned(texts)
    found, _ = weigh(model, words, considered, 4)
    whole, _ = weigh(model, words, considered, 1)
    count = dict(zip(whole.words, whole.counts.tolist(), strict=True))
    dropped = {word: (seen, reason) for word, seen, reason in found.dropped}
    assert not set(dropped) & set(found.words)
    assert len(dropped) == len(found.dropped) > 5
    for word, (seen, reason) in dropped.items():
        assert seen == occurrences(word, texts)
        if count.get(word):
            match = re.fullmatch(r"a word (\d) times?, below 4; else (.+)", reason)
            assert match and int(match[1]) == count[word] < 4
            parts = match[2]
        else:
            match = re.fullmatch(r"cut as (.+): PMI -?\d+\.\d nats", reason)
            assert match
            parts = match[1]
        assert parts.replace(" | ", "") == word and " | " in parts
    assert dropped["天地"][1] == "a word 3 times, below 4; else 天 | 地"


def test_words_seen_once_come_with_a_small_corpus_only():
    texts = ["甲乙丙丁", "丁丙乙甲", "甲乙", "丙丁", "甲丙", "丁乙"]
    model, words, considered = learned(texts, 4, UnigramSettings(0, (), charge=-20.0))
    found, logs = weigh(model, words, considered, 1)  # long words are paid for here
    once = [word for word in found.words if occurrences(word, texts) == 1]
    assert "丁丙乙甲" in once and once == sorted(once) == found.words[-len(once) :]
    assert np.isnan(found.scores["bits"][-len(once) :]).all()
    assert (found.scores["occurrences"][-len(once) :] == 1).all()
    assert_allclose(np.exp(logs).sum(), 1, 1e-9)
    fewer, _ = weigh(model, words, considered, 2)
    assert not set(once) & set(fewer.words)


def test_a_text_of_words_seen_once_has_words():
    model, words, considered = learned(["甲甲"])
    assert cut_words(model, words) == ["甲甲"]
    found, logs = weigh(model, words, considered, 1)
    assert (found.words, found.counts.tolist(), logs.tolist()) == (["甲甲"], [1], [0.0])


def test_no_word_is_frequent_enough():
    model, words, considered = learned(["甲乙甲乙"])
    found, logs = weigh(model, words, considered, 1000)
    assert (found.words, found.counts.size, logs.size) == ([], 0, 0)


@pytest.mark.parametrize(
    ("text", "unit", "longest"),
    [("甲" * 500, "character", 12), ("abc" * 300, "letter", 12), ("a b " * 300, "word", 4)],
)
def test_extreme_texts_have_finite_numbers(text, unit, longest):
    model, words, considered = learned([text, text[: len(text) // 2]], longest, unit=unit)
    found, logs = weigh(model, words, considered, 1)
    assert np.isfinite(logs).all() and (np.abs(logs) < 400).all()
    assert_allclose(np.exp(logs).sum(), 1, 1e-9)
    assert not any(np.isinf(column).any() for column in found.scores.values())
    Lexicon(found.words, found.counts, logs, found.scores)


def test_weighing_leaves_the_words_as_they_are():
    model, words, considered = learned(["甲乙丙甲乙", "甲乙丙"])
    before = words.counts.copy(), words.rare_units.copy(), words.rare_lengths.copy()
    weigh(model, words, considered, 1)
    for now, then in zip((words.counts, words.rare_units, words.rare_lengths), before, strict=True):
        assert_array_equal(now, then)
    assert isinstance(model, Model)
