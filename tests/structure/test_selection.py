from itertools import product

import numpy as np

from textzero.structure.selection import UNIT, Candidates, select

NONE = -(1 << 40)


class Instance:
    """Candidates, and which sentences hold them."""

    def __init__(self, holds, word_bits, words):
        self.holds = np.asarray(holds, bool)  # shape: (sentences, candidates)
        sizes = np.stack([words, np.ones_like(words)], axis=1).astype(np.int32)
        self.candidates = Candidates(self.holds.sum(axis=0), np.asarray(word_bits, float), sizes)

    def choose(self, gains, null, kept, which):
        worths = np.where(self.holds[which] & kept, gains, NONE)
        worths = np.concatenate([np.full((which.size, 1), null), worths], axis=1)
        order = np.argsort(-worths, axis=1, kind="stable")[:, :2]
        best = np.take_along_axis(worths, order, axis=1)
        ids = np.where(best > NONE, order - 1, -2).astype(np.int32)
        return ids[:, 0].copy(), ids[:, 1].copy(), best

    def select(self):
        return select(self.candidates, self.holds.shape[0], self.choose)

    def best_total(self):
        """Bits saved by the best of all subsets, each used as often as its own code says."""
        n, sentences = len(self.candidates), self.holds.shape[0]
        entry = self.candidates.entry_bits(sentences)
        totals = [0.0]
        for subset in product([False, True], repeat=n):
            kept, frequency, null = np.array(subset), self.candidates.counts, 0
            for _ in range(3):
                gains = self.candidates.word_bits - np.log2(sentences / np.maximum(frequency, 1))
                scaled = (gains * UNIT).astype(np.int64)
                best, _, worths = self.choose(scaled, null, kept, np.arange(sentences))
                frequency = np.bincount(best + 1, minlength=n + 1)[1:]
                null = int(UNIT * np.log2(max((best < 0).sum(), 0.5) / sentences))
                totals.append(worths[:, 0].sum() / UNIT - entry[kept].sum())
        return max(totals)


def random_instance(seed):
    """General templates, and longer ones in some of the same sentences."""
    rng = np.random.default_rng(seed)
    holds = rng.random((60, 7)) < rng.choice([0.1, 0.3, 0.6], 7)
    words = rng.integers(1, 6, 7)
    return Instance(holds[:, holds.any(axis=0)], words * 3.5, words[: holds.shape[1]])


def test_a_template_that_saves_nothing_is_dropped():
    rare = Instance([[True]] * 2 + [[False]] * 98, [12.0], np.array([3]))
    assert not rare.select().kept.any()
    often = Instance([[True]] * 30 + [[False]] * 70, [12.0], np.array([3]))
    selection = often.select()
    assert selection.kept.all() and selection.used.tolist() == [30]
    # 12 bits of words for log2(100 / 30) of naming, against log2(100 / 70) of naming none;
    # written down once: 12 bits of words, 4 junctions, a count up to 100
    bits = 30 * (12 - np.log2(100 / 30) + np.log2(100 / 70)) - (12 + 4 + np.log2(101))
    assert abs(selection.bits[0] - bits) < 30 * 3 / UNIT
    total = bits - 100 * np.log2(100 / 70)
    assert abs(selection.total_bits - total) < 100 * 3 / UNIT


def test_a_part_of_a_better_template_is_dropped():
    holds = np.zeros((100, 2), bool)
    holds[:30] = True
    selection = Instance(holds, [8.0, 16.0], np.array([2, 4])).select()
    assert selection.kept.tolist() == [False, True]
    assert (selection.best[:30] == 1).all() and (selection.best[30:] == -1).all()


def test_a_longer_template_must_pay_for_itself_against_the_shorter_one():
    holds = np.zeros((100, 2), bool)
    holds[:80, 0] = holds[:4, 1] = True
    selection = Instance(holds, [8.0, 13.0], np.array([2, 3])).select()
    assert selection.kept.tolist() == [True, False] and selection.used.tolist() == [80, 0]
    holds[:40, 1] = True
    assert Instance(holds, [8.0, 13.0], np.array([2, 3])).select().kept.all()


def test_of_two_that_say_the_same_one_is_kept():
    holds = np.zeros((100, 2), bool)
    holds[:40] = True
    selection = Instance(holds, [12.0, 12.0], np.array([3, 3])).select()
    assert selection.kept.sum() == 1 and selection.used.sum() == 40


def held_by(*ranges):
    """bool (100, n). Which of 100 sentences hold each template."""
    holds = np.zeros((100, len(ranges)), bool)
    for column, (first, last) in enumerate(ranges):
        holds[first:last, column] = True
    return holds


THREE = np.array([3, 3, 3, 3, 3])


def test_a_template_is_dropped_when_what_others_leave_it_does_not_pay_for_it():
    # the second saves about 3 bits more than the first in the 20 sentences that the third leaves
    # it, less than the 70 bits that it costs to write down
    holds = held_by((0, 100), (0, 25), (20, 25))
    selection = Instance(holds, [55.25, 60.0, 80.0], THREE[:3]).select()
    assert selection.kept.tolist() == [True, False, True]
    assert selection.used.tolist() == [95, 0, 5]


def test_of_two_that_can_stand_in_for_each_other_only_one_goes_at_a_time():
    # neither of the second and the third is worth its place while the other is there; without
    # the rarer one, the other is
    holds = held_by((0, 100), (0, 25), (0, 20), (20, 25), (35, 40))
    holds[25:40, 2] = True
    selection = Instance(holds, [55.25, 61.7, 60.2, 80.0, 81.0], THREE).select()
    assert selection.kept.tolist() == [True, False, True, True, True]
    assert selection.used.tolist() == [60, 0, 30, 5, 5]


def test_the_choice_comes_near_the_best_of_all():
    ours, best = 0.0, 0.0
    for seed in range(30):
        instance = random_instance(seed)
        selection = instance.select()
        assert (selection.bits[selection.kept] > 0).all()
        assert (selection.used[~selection.kept] == 0).all()
        assert selection.kept[selection.best[selection.best >= 0]].all()
        ours += selection.total_bits
        best += instance.best_total()
    # greedy: within a tenth of what trying all subsets finds, which no corpus allows
    assert 0.9 * best < ours <= best + 1


def test_where_all_together_save_nothing_none_is_kept():
    # the template saves bits against sentences that name none, but naming none costs more
    selection = Instance(held_by((0, 30)), [2.2], np.array([3])).select()
    assert selection.none_pays and not selection.kept.any() and selection.used.tolist() == [0]
    assert (selection.best == -1).all()
    assert selection.bits.tolist() == [0] and selection.total_bits == 0
    more = Instance(held_by((0, 30)), [4.2], np.array([3])).select()
    assert more.kept.all() and more.total_bits > 0 and not more.none_pays
