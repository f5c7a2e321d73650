import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.discovery import unigram
from textzero.discovery.ngrams import count_ngrams
from textzero.discovery.unigram import Model, UnigramSettings, learn_words
from textzero.discovery.units import read_units, runs_in_blocks
from textzero.errors import ResourceError
from textzero.progress import Progress

TEXTS = st.lists(st.text("甲乙丙丁", max_size=30), max_size=6).map(lambda t: [*t, "甲甲"])
FEW = UnigramSettings(passes=3, colder=(0.5,))


def ngrams_of(texts, longest=4, **settings):
    return count_ngrams(read_units(texts, workers=1, **settings), longest, room=1 << 20, workers=1)


def language(seed, words=5000):
    """Sentences of words drawn from 50 words of 1 to 4 of 40 characters."""
    rng = np.random.default_rng(seed)
    letters, lexicon = [chr(0x4E00 + k) for k in range(40)], set()
    while len(lexicon) < 50:
        lexicon.add("".join(rng.choice(letters, rng.integers(1, 5))))
    drawn = [sorted(lexicon)[k] for k in rng.integers(0, 50, words)]
    ends = np.cumsum(rng.integers(3, 15, words))
    return [list(part) for part in np.split(np.array(drawn, object), ends[ends < words])]


def cuts_of(sentences):
    """The stream's cuts, when each sentence is a run."""
    cuts = [0]
    for sentence in sentences:
        for word in sentence:
            cuts += [1, *[0] * (len(word) - 1)]
        cuts.append(0)
    return np.array(cuts, np.uint8)


def spans(ids, cuts):
    edges = np.flatnonzero((cuts == 1) | (ids == 0)).tolist()
    return {(a, b) for a, b in itertools.pairwise(edges) if ids[a]}


def f1(ids, gold, cuts):
    true, guess = spans(ids, gold), spans(ids, cuts)
    return 2 * len(true & guess) / (len(true) + len(guess))


def check(ngrams, words):
    """The counts are those of the cuts, and the cuts make words."""
    ids = ngrams.places[0]
    found = spans(ids, words.cuts)
    assert words.tokens == len(found)
    assert not words.cuts[ids == 0].any()
    assert words.cuts[1:][(ids[:-1] == 0) & (ids[1:] != 0)].all()
    counts = np.zeros(ngrams.counts.size, np.int64)
    units, lengths = np.zeros_like(words.rare_units), np.zeros_like(words.rare_lengths)
    for a, b in found:
        assert b - a <= ngrams.longest
        number = ngrams.places[b - a - 1, a]
        if number:
            counts[number] += 1
        else:
            lengths[b - a] += 1
            np.add.at(units, ids[a:b], 1)
    assert_array_equal(words.counts, counts)
    assert_array_equal(words.rare_units, units)
    assert_array_equal(words.rare_lengths, lengths)


@pytest.mark.parametrize("seed", range(3))
def test_the_words_of_a_made_up_language_are_found(seed):
    sentences = language(seed)
    ngrams = ngrams_of(["".join(words) for words in sentences])
    gold, ids = cuts_of(sentences), ngrams.places[0]
    assert gold.size == ids.size  # every character was seen twice
    model, words, _ = learn_words(ngrams, workers=2)
    start = f1(ids, gold, model.start().cuts)
    assert start > 0.9
    # measured: 0.999 or more, from 0.96 to 0.99 at the start
    assert f1(ids, gold, words.cuts) > max(0.995, start + 0.005)


@settings(max_examples=30)
@given(
    texts=TEXTS,
    longest=st.integers(1, 6),
    seed=st.integers(0, 9),
    min_pmi=st.sampled_from([None, -1.0, 0.0, 1.0]),
)
def test_any_text_is_cut_into_words_that_are_counted(texts, longest, seed, min_pmi):
    ngrams = ngrams_of(texts, longest)
    model = Model(ngrams, UnigramSettings(seed=seed, min_pmi=min_pmi), 2)
    check(ngrams, model.start())
    model, words, considered = learn_words(
        ngrams, UnigramSettings(3, (0.2, 5.0), seed=seed, min_pmi=min_pmi), workers=2
    )
    check(ngrams, words)
    assert_array_equal(considered, model.start().counts)


def test_a_start_by_pmi_joins_what_clings_together_as_far_as_words_may_reach():
    # 18 of the 20 甲 stand before one of the 20 乙 among 124 units: ln(18 x 124 / 20^2) = 1.72,
    # less two standard errors, 2 / sqrt(18), 1.25; so with 乙丙 and 丙丁; 戊己 has 1.53 - 0.47
    ngrams = ngrams_of(["甲乙丙丁。戊己"] * 18 + ["甲己乙己丙戊丁戊"] * 2, 3)
    found = {}
    for limit in (1.0, 1.5):
        words = Model(ngrams, UnigramSettings(min_pmi=limit), 1).start()
        counts = words.counts
        found[limit] = {ngrams.text(int(g)): int(counts[g]) for g in np.flatnonzero(counts)}
    joined = {word: n for word, n in found[1.0].items() if len(word) > 1}
    assert joined in ({"甲乙丙": 18, "戊己": 18}, {"乙丙丁": 18, "戊己": 18})
    assert set(found[1.5]) == set("甲乙丙丁戊己")


@pytest.mark.parametrize("temperature", [0.2, 0.4, 5.0])
@pytest.mark.parametrize("length", [1, 12])
@pytest.mark.parametrize(
    ("letters", "unit"),
    [("甲", "character"), ("甲乙", "character"), ("abcdefghijklmnopqrstuvwxyz", "letter")],
)
def test_extreme_texts_and_temperatures_are_no_error(letters, unit, length, temperature):
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list(letters), n)) for n in (2000, 1, 1, 300)]
    ngrams = ngrams_of(texts, length, unit=unit)
    chosen = UnigramSettings(2, (temperature, temperature))
    model, words, _ = learn_words(ngrams, chosen, workers=1)
    check(ngrams, words)
    assert np.isfinite(model.weights).all() and np.isfinite(model.spelling).all()


def test_the_result_is_the_same_for_any_number_of_workers_and_blocks(monkeypatch):
    ngrams = ngrams_of(["".join(words) for words in language(5)])
    _, first, considered = learn_words(ngrams, FEW, workers=1)
    for workers, size in ((2, 1 << 18), (7, 100), (2, 1)):
        monkeypatch.setattr(
            unigram, "runs_in_blocks", lambda ids, size=size: runs_in_blocks(ids, size)
        )
        model, words, again = learn_words(ngrams, FEW, workers=workers)
        assert size > 1000 or len(model.blocks) > 100
        assert_array_equal(words.cuts, first.cuts)
        assert_array_equal(words.counts, first.counts)
        assert_array_equal(words.rare_units, first.rare_units)
        assert_array_equal(again, considered)


def test_a_seed_gives_one_result_and_another_seed_another():
    rng = np.random.default_rng(0)
    ngrams = ngrams_of(["".join(rng.choice(list("甲乙丙丁"), 60)) for _ in range(60)])
    model = Model(ngrams, FEW, 1)
    once, again, other = (model.redraw(model.start(), 1.0, seed) for seed in (1, 1, 2))
    assert_array_equal(once.cuts, again.cuts)
    assert (once.cuts != other.cuts).any()
    for seed in (0, 1):
        check(ngrams, learn_words(ngrams, UnigramSettings(seed=seed), workers=1)[1])


def test_the_best_path_does_not_depend_on_the_seed():
    ngrams = ngrams_of(["".join(words) for words in language(2, 500)])
    model = Model(ngrams, FEW, 1)
    first = model.redraw(model.start(), 0.0, 1)
    assert_array_equal(first.cuts, model.redraw(model.start(), 0.0, 2).cuts)


def test_weights_are_powers_of_probabilities():
    ngrams = ngrams_of(["".join(words) for words in language(3, 500)])
    model = Model(ngrams, FEW, 1)
    words = model.start()
    model.fit(words, 1.0)
    warm = model.weights[1:].astype(np.float64)
    powers, _, tables = model.fit(words, 0.5)
    assert powers.size == len(ngrams.units.alphabet) + 1 and tables.shape == (4, 5)
    # at half the temperature all are squared, the charge too; both are float32
    np.testing.assert_allclose(model.weights[1:], warm**2, 1e-5)


def test_the_charge_decides_how_long_words_are():
    ngrams = ngrams_of(["".join(words) for words in language(4)])
    tokens = [
        learn_words(ngrams, UnigramSettings(charge=charge), workers=2)[1].tokens
        for charge in (0.0, 1.0, 6.0)
    ]
    assert tokens[0] <= tokens[1] < tokens[2]


def test_progress_is_told_every_pass():
    class Bar(Progress):
        def begin(self, name, total, unit):
            stages.append([name, unit, total, 0])

        def advance(self, amount):
            stages[-1][3] += amount

    stages = []
    ngrams = ngrams_of(["甲乙甲乙"])
    learn_words(ngrams, FEW, workers=1, progress=Bar())
    assert stages == [["segment", "positions", 6 * 6, 6 * 6]]


def test_more_occurrences_than_can_be_counted_are_refused():
    ngrams = count_ngrams(read_units(["甲乙"] * 9, workers=1), 2, room=1 << 20, workers=1)
    ngrams.counts[1] = 2**31 - 1
    Model(ngrams, FEW, 1)
    ngrams.counts[1] = 2**31
    with pytest.raises(ResourceError, match="2,147,483,648 times"):
        Model(ngrams, FEW, 1)
