"""What the words of a cut text are worth: probabilities, scores, and why others were dropped."""

from collections.abc import Iterator

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, Column, Strings, blocks
from textzero.discovery.found import Dropped, Found
from textzero.discovery.ngrams import Ngrams
from textzero.discovery.unigram import Model, Words
from textzero.packed import PackedStrings
from textzero.shown.text import counted

_BIT = np.log(2)
_BLOCK = 1 << 16  # n-grams that are looked at at once


def weigh(model: Model, words: Words, considered: Array, min_count: int) -> tuple[Found, Array]:
    """Make a table of the words of a cut text.

    A word's logarithm is that of its Pitman-Yor probability, less the charge for its length, plus
    a constant for each unit, the same for all words, that makes the probabilities sum to 1. Such a
    constant is the same for every segmentation of a text and changes none.

    Args:
        model: Whose n-grams and settings hold.
        words: The cut text.
        considered: int32 (m,). How often each n-gram was a word at the start.
        min_count: Rarer words are dropped.

    Returns:
        The words by bits saved, single units as if they saved none, and float64 (n,) their
        logarithms. The scores
        are "occurrences" (as a string), "pmi", "left_entropy", "right_entropy" (all in nats), and
        "bits": what the word saves in the whole text, its own spelling paid for.
    """
    ngrams, arrays = model.ngrams, model.arrays
    numbers: Array = _kept(words, min_count, arrays)
    model.fit(words, 1.0)
    lengths = np.asarray(np.searchsorted(ngrams.first, numbers, side="right"))
    logs = _log_probabilities(model, words, numbers, lengths)
    charged = logs - model.settings.charge * (lengths - 1)
    counts = words.counts[numbers].astype(np.int64)
    table = _Usable(ngrams, numbers, charged, logs, arrays)
    pmi, bits = np.full(numbers.size, np.nan), np.full(numbers.size, np.nan)
    for n in range(2, ngrams.longest + 1):
        level = ngrams.level(n)
        begin, end = np.searchsorted(numbers, [level.start, level.stop]).tolist()
        for part in blocks(end - begin, _BLOCK):
            here = slice(begin + part.start, begin + part.stop)
            used = numbers[here]
            pmi[here] = cohesion(ngrams, used, n)
            parts, pieces, _ = table.best_parts(used, n)
            gain = counts[here] * (logs[here] - parts - model.settings.charge * (pieces - 1))
            bits[here] = (gain + np.log(np.maximum(model.own_spelling(used, n), 1e-300))) / _BIT
    dropped = Dropped.of_rows(_lost(ngrams, words, considered, table, min_count), arrays)
    once = _words_seen_once(model, words) if min_count < ngrams.least else []
    order = np.lexsort((numbers, -counts, -np.nan_to_num(bits, nan=0.0)))
    scores = {
        "occurrences": ngrams.counts[numbers[order]].astype(np.float64), "pmi": pmi[order],
        "left_entropy": np.zeros(order.size), "right_entropy": np.zeros(order.size),
        "bits": bits[order],
    }  # fmt: skip
    texts = Strings(arrays)
    for part in blocks(order.size, _BLOCK):
        right, left = ngrams.entropies(numbers[order[part]])
        scores["left_entropy"][part], scores["right_entropy"][part] = left, right
        spelled = [ngrams.text(number) for number in numbers[order[part]].tolist()]
        texts.add(PackedStrings.from_strings(spelled))
    logs, sizes, found_counts = charged[order], lengths[order], counts[order]
    if once:
        texts.add(PackedStrings.from_strings([text for text, _, _ in once]))
        logs = np.r_[logs, [log for _, log, _ in once]]
        sizes = np.r_[sizes, [n for _, _, n in once]]
        found_counts = np.r_[found_counts, np.ones(len(once), np.int64)]
        missing = np.full(len(once), np.nan)
        scores = {name: np.r_[column, missing] for name, column in scores.items()}
        scores["occurrences"][-len(once) :] = 1
    logs += _unit_constant(logs, sizes) * sizes
    return Found(texts.packed(), found_counts, scores, dropped), logs


def _kept(words: Words, min_count: int, arrays: Arrays) -> Array:
    """int64 (n,): the n-grams that are words often enough."""
    numbers = Column(arrays, np.int64)
    for part in blocks(words.counts.size):
        numbers.add(np.flatnonzero(words.counts[part] >= min_count) + part.start)
    return numbers.array()


def _lost(
    ngrams: Ngrams, words: Words, considered: Array, table: "_Usable", min_count: int
) -> Iterator[tuple[str, int, str]]:
    """Yield what was a word at the start, and is none: (text, count, reason)."""
    for n in range(2, ngrams.longest + 1):
        level = ngrams.level(n)
        for part in blocks(level.stop - level.start, _BLOCK):
            here = slice(level.start + part.start, level.start + part.stop)
            gone = (words.counts[here] < min_count) & (considered[here] > 1)
            lost = here.start + np.flatnonzero(gone)
            weak = cohesion(ngrams, lost, n)
            _, _, breaks = table.best_parts(lost, n)
            rows = zip(lost.tolist(), weak.tolist(), breaks.tolist(), strict=True)
            for number, value, marks in rows:
                count = int(words.counts[number])
                yield _reason(ngrams, number, count, value, marks, min_count)


def _words_seen_once(model: Model, words: Words) -> list[tuple[str, float, int]]:
    """Words that are no repeated n-gram: (text, logarithm as for the others, units), sorted."""
    ids, places = model.ngrams.places[0], model.ngrams.places
    known = (1 - model.settings.discount) / (words.tokens + model.settings.strength)
    found = {}
    for first, stop in model.blocks:
        edges = np.flatnonzero((words.cuts[first : stop + 1] == 1) | (ids[first : stop + 1] == 0))
        starts, sizes = edges[:-1] + first, np.diff(edges)  # a boundary ends a word too
        at_word = ids[starts] != 0
        starts, sizes = starts[at_word], sizes[at_word]
        rare = np.flatnonzero(places[sizes - 1, starts] == 0)
        for start, n in zip(starts[rare].tolist(), sizes[rare].tolist(), strict=True):
            spelled = ids[start : start + n].tolist()
            log = np.log(known + model.fresh[n] * np.exp(model.unit_logs[spelled].sum()))
            log -= model.settings.charge * (n - 1)
            found[model.ngrams.units.text(spelled)] = (float(log), n)
    return [(text, *found[text]) for text in sorted(found)]


def cohesion(ngrams: Ngrams, numbers: Array, n: int) -> Array:
    """Least pointwise mutual information over the ways to split n-grams of `n` units, in nats."""
    total = np.log(ngrams.units.size)
    logs = np.log(ngrams.counts[numbers])
    least = np.full(numbers.size, np.inf)
    for split in range(1, n):
        left = np.log(ngrams.counts[_part(ngrams, numbers, n, 0, split)])
        right = np.log(ngrams.counts[_part(ngrams, numbers, n, split, n)])
        least = np.minimum(least, logs + total - left - right)
    return least


def _part(ngrams: Ngrams, numbers: Array, n: int, start: int, stop: int) -> Array:
    """The numbers of units [start, stop) of n-grams of `n` units."""
    for _ in range(start):
        numbers = ngrams.suffixes[numbers]
    for _ in range(n - stop):
        numbers = ngrams.prefixes[numbers]
    return numbers


class _Usable:
    """The words that n-grams can be cut into: those of the table, and all single units."""

    def __init__(
        self, ngrams: Ngrams, numbers: Array, charged: Array, logs: Array, arrays: Arrays
    ) -> None:
        self.ngrams = ngrams
        lowest = charged.min(initial=0.0) - np.log(10)
        self.charged = arrays.new(ngrams.counts.size, np.float32, True)
        self.logs = arrays.new(ngrams.counts.size, np.float32, True)
        for values in (self.charged, self.logs):
            values[:] = -np.inf
            values[ngrams.level(1)] = lowest
        self.charged[numbers], self.logs[numbers] = charged, logs

    def best_parts(self, numbers: Array, n: int) -> tuple[Array, Array, Array]:
        """Cut n-grams of `n` units into shorter words.

        Returns:
            The sum of their logarithms, how many there are, and bit k where one begins at unit k.
        """
        best = np.full((n + 1, numbers.size), -np.inf)
        sums, pieces = np.zeros((n + 1, numbers.size)), np.zeros((n + 1, numbers.size), np.int64)
        breaks = np.zeros((n + 1, numbers.size), np.int64)
        best[0] = 0
        for stop in range(1, n + 1):
            for start in range(stop):
                if stop - start == n:
                    continue
                part = _part(self.ngrams, numbers, n, start, stop)
                value = best[start] + self.charged[part]
                better = value > best[stop]
                best[stop] = np.where(better, value, best[stop])
                sums[stop] = np.where(better, sums[start] + self.logs[part], sums[stop])
                pieces[stop] = np.where(better, pieces[start] + 1, pieces[stop])
                breaks[stop] = np.where(better, breaks[start] | 1 << start, breaks[stop])
        return sums[n], pieces[n], breaks[n]


def _reason(
    ngrams: Ngrams, number: int, count: int, pmi: float, breaks: int, min_count: int
) -> tuple[str, int, str]:
    units = ngrams.units_of(number)
    starts = [k for k in range(len(units)) if breaks >> k & 1]
    text = ngrams.units.text
    parts = [text(units[a:b]) for a, b in zip(starts, [*starts[1:], len(units)], strict=True)]
    if count:
        why = f"a word {counted(count, 'times')}, below {min_count}; else {' | '.join(parts)}"
    else:
        why = f"cut as {' | '.join(parts)}: PMI {pmi:.1f} nats"
    return text(units), int(ngrams.counts[number]), why


def _log_probabilities(model: Model, words: Words, numbers: Array, lengths: Array) -> Array:
    """float64 (n,): ln of the Pitman-Yor probability of n-grams as words."""
    settings, tokens = model.settings, words.tokens + model.settings.strength
    known = np.maximum(words.counts[numbers] - settings.discount, 0) / tokens
    return np.log(known + model.own_spelling(numbers, lengths))


def _unit_constant(logs: Array, lengths: Array) -> float:
    """Return s such that exp(logs + s * lengths) sums to 1; 0 without words."""
    if not logs.size:
        return 0.0
    low, high = -400.0, 400.0
    for _ in range(100):
        middle = (low + high) / 2
        exponents = logs + middle * lengths
        top = exponents.max()
        if top + np.log(np.exp(exponents - top).sum()) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2
