"""Which templates are worth keeping: those that make the description of a corpus shorter.

Each sentence is written down with one template, or with none: which one (log2 of sentences over
those that hold it), where its placeholders end (log2 of the number of ways), and the words that
fill them, at -log2 p(word), what all words cost without templates. A template must be written down
once itself: its words, a bit at each place where a placeholder could be, and its count. One that
saves less than that, against the sentences' second best templates, is dropped; so a part of a
better template goes, and so does a template that another describes nearly as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from textzero._compat import Array

UNIT = 1 << 10  # costs are whole numbers of 1/1024 bit: their sums do not depend on the order
_ROUNDS = 40


@dataclass
class Candidates:
    """Templates that compete for the sentences.

    Attributes:
        counts: int64 (n,). Sentences that hold each.
        word_bits: float64 (n,). Cost of its words as words.
        sizes: int32 (n, 2). Words and placeholders.
    """

    counts: Array
    word_bits: Array
    sizes: Array

    def __len__(self) -> int:
        return self.counts.size

    def entry_bits(self, sentences: int) -> Array:
        """float64 (n,). What it costs to write each down once."""
        return self.word_bits + self.sizes[:, 0] + 1 + np.log2(sentences + 1)


@dataclass
class Selection:
    """What was kept.

    Attributes:
        kept: bool (n,).
        used: int64 (n,). Sentences that each describes best.
        bits: float64 (n,). What each saves, against no template in a language with templates.
        total_bits: What all save together, against a language without templates.
        best: int32 (n_sentences,). The template of each sentence, or -1.
        none_pays: Whether all were dropped because together they save nothing.
    """

    kept: Array
    used: Array
    bits: Array
    total_bits: float
    best: Array
    none_pays: bool = False


# (gains int64 (n,), worth of no template, kept bool (n,), sentences int64) -> best, second, worths
Choose = Callable[[Array, int, Array, Array], tuple[Array, Array, Array]]


def select(
    candidates: Candidates,
    sentences: int,
    choose: Choose,
    round_done: Callable[[], None] = lambda: None,
) -> Selection:
    """Drop candidates until each that is left saves bits, and all of them together, too.

    Args:
        candidates: The templates.
        sentences: How many there are.
        choose: Finds each sentence's best and second best template; see the kernel
            `templates.choose_templates`.
        round_done: Called after each round.
    """
    n = len(candidates)
    kept = np.ones(n, bool)
    entry = (candidates.entry_bits(sentences) * UNIT).astype(np.int64)
    # of two that depend on each other, the rarer, longer one is looked at first
    order = np.lexsort((np.arange(n), -candidates.sizes[:, 0], candidates.counts))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    everything = np.arange(sentences)
    frequency, null = candidates.counts, 0
    for _ in ("by count", "by use"):
        shares = entry // frequency  # of its entry, that each of its sentences must bring in
        gains = _gains(candidates.word_bits, frequency, sentences) - shares
        best, second, worths = choose(gains, null, kept, everything)
        for last in (*[False] * _ROUNDS, True):
            used = _used(best, n)
            brought_in = _sums(best, worths[:, 0] - worths[:, 1], n) + used * shares
            wanting = kept & (used > 0) & (brought_in < entry)
            dropped = wanting if last else _independent(wanting, best, second, rank)
            if not dropped.any():
                break
            kept &= ~dropped
            stale = np.flatnonzero(_of(dropped, best) | _of(dropped, second))
            best[stale], second[stale], worths[stale] = choose(gains, null, kept, stale)
            round_done()
        kept &= _used(best, n) > 0
        frequency = np.maximum(_used(best, n), 1)
        without = int(np.count_nonzero(best == -1))
        null = int(UNIT * np.log2(max(without, 0.5) / sentences))
    gains = _gains(candidates.word_bits, frequency, sentences)
    best, second, worths = choose(gains, null, kept, everything)
    while True:
        saved = _sums(best, worths[:, 0] - null, n) - entry
        losing = kept & (saved <= 0)
        if not losing.any():
            break
        kept &= ~losing
        stale = np.flatnonzero(_of(losing, best) | _of(losing, second))
        best[stale], second[stale], worths[stale] = choose(gains, null, kept, stale)
    total = (int(worths[:, 0].sum()) - int(entry[kept].sum())) / UNIT
    if total <= 0:
        none, nothing = np.full_like(best, -1), np.zeros(n, np.int64)
        return Selection(nothing > 0, nothing, nothing / UNIT, 0.0, none, bool(kept.any()))
    return Selection(kept, _used(best, n), saved / UNIT, total, best)


def _used(best: Array, n: int) -> Array:
    """int64 (n,). How many sentences each template describes best."""
    return np.bincount(best + 1, minlength=n + 1)[1:]


def _of(marked: Array, templates: Array) -> Array:
    """Array of bool: whether each is a marked template; -1 and -2 are none."""
    return np.append(marked, [False, False])[templates]


def _gains(word_bits: Array, frequency: Array, sentences: int) -> Array:
    """int64 (n,). The cost of the words less the cost of naming the template."""
    return ((word_bits - np.log2(sentences / frequency)) * UNIT).astype(np.int64)


def _sums(best: Array, amounts: Array, n: int) -> Array:
    """int64 (n,). Sum the amounts of the sentences of each template."""
    sums = np.zeros(n, np.int64)
    with_one = best >= 0
    np.add.at(sums, best[with_one], amounts[with_one])
    return sums


def _independent(wanting: Array, best: Array, second: Array, rank: Array) -> Array:
    """Leave out those of `wanting` whose sentences would go to, or come from, one of lower rank."""
    dropped = wanting.copy()
    both = (best >= 0) & (second >= 0)
    a, b = best[both], second[both]
    both = wanting[a] & wanting[b]
    a, b = a[both], b[both]
    dropped[np.where(rank[a] < rank[b], b, a)] = False
    return dropped
