"""What the words of a cut text are worth: probabilities, scores, and why others were dropped."""

import numpy as np

from textzero._compat import Array
from textzero.discovery.found import Found
from textzero.discovery.ngrams import Ngrams
from textzero.discovery.unigram import Model, Words

_BIT = np.log(2)


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
        The words by bits saved, single units last, and float64 (n,) their logarithms. The scores
        are "occurrences" (as a string), "pmi", "left_entropy", "right_entropy" (all in nats), and
        "bits": what the word saves in the whole text, its own spelling paid for.
    """
    ngrams = model.ngrams
    kept = words.counts >= min_count
    kept[0] = False
    logs = _log_probabilities(model, words)
    lengths = lengths_of(ngrams)
    charged = logs - model.settings.charge * (lengths - 1)
    numbers = np.flatnonzero(kept)
    if not numbers.size:
        return Found([], np.zeros(0, np.int64)), np.zeros(0)
    lowest = charged[numbers].min() - np.log(10)
    usable = np.where(kept, charged, np.where(lengths == 1, lowest, -np.inf))
    plain = np.where(kept, logs, np.where(lengths == 1, lowest, -np.inf))
    ends = ngrams.entropies()
    counts = words.counts.astype(np.int64)
    bits = np.full(counts.size, np.nan)
    pmi = np.full(counts.size, np.nan)
    dropped: list[tuple[str, int, str]] = []
    for n in range(2, ngrams.longest + 1):
        level = ngrams.level(n)
        used = level.start + np.flatnonzero(kept[level])
        pmi[used] = cohesion(ngrams, used, n)
        parts, pieces, _ = _best_parts(ngrams, used, n, usable, plain)
        gain = counts[used] * (logs[used] - parts - (pieces - 1))
        bits[used] = (gain + np.log(np.maximum(model.own_spelling(used, n), 1e-300))) / _BIT
        lost = level.start + np.flatnonzero(~kept[level] & (considered[level] > 1))
        weak = cohesion(ngrams, lost, n)
        _, _, breaks = _best_parts(ngrams, lost, n, usable, plain)
        for number, value, marks in zip(lost.tolist(), weak.tolist(), breaks.tolist(), strict=True):
            dropped.append(_reason(ngrams, number, int(counts[number]), value, marks, min_count))
    once = _words_seen_once(model, words) if min_count < ngrams.least else []
    order = np.lexsort((numbers, -counts[numbers], -np.nan_to_num(bits[numbers], nan=-np.inf)))
    numbers = numbers[order]
    scores = {
        "occurrences": ngrams.counts[numbers].astype(np.float64), "pmi": pmi[numbers],
        "left_entropy": ends[1, numbers], "right_entropy": ends[0, numbers],
        "bits": bits[numbers],
    }  # fmt: skip
    texts = [ngrams.text(number) for number in numbers.tolist()]
    logs, sizes, found_counts = charged[numbers], lengths[numbers], counts[numbers]
    if once:
        texts += [text for text, _, _ in once]
        logs = np.r_[logs, [log for _, log, _ in once]]
        sizes = np.r_[sizes, [n for _, _, n in once]]
        found_counts = np.r_[found_counts, np.ones(len(once), np.int64)]
        missing = np.full(len(once), np.nan)
        scores = {name: np.r_[column, missing] for name, column in scores.items()}
        scores["occurrences"][-len(once) :] = 1
    return Found(texts, found_counts, scores, dropped), logs + _unit_constant(logs, sizes) * sizes


def _words_seen_once(model: Model, words: Words) -> list[tuple[str, float, int]]:
    """Words that are no repeated n-gram: (text, logarithm as for the others, units), sorted."""
    ids = model.ngrams.places[0]
    edges = np.flatnonzero((words.cuts == 1) | (ids == 0))  # a boundary ends a word too
    starts, sizes = edges[:-1], np.diff(edges)
    at_word = ids[starts] != 0
    starts, sizes = starts[at_word], sizes[at_word]
    rare = np.flatnonzero(model.ngrams.places[sizes - 1, starts] == 0)
    shares = words.rare_units + 0.0
    lengths = words.rare_lengths.copy()
    kernels, ngrams = model.kernels, model.ngrams
    kernels.spelling_counts(
        ngrams.first, ngrams.prefixes, ngrams.lasts, words.counts, shares, lengths
    )
    unit_logs = np.log((shares + 0.5) / (shares + 0.5).sum())
    known = (1 - model.settings.discount) / (words.tokens + model.settings.strength)
    found = {}
    for start, n in zip(starts[rare].tolist(), sizes[rare].tolist(), strict=True):
        spelled = ids[start : start + n].tolist()
        log = np.log(known + model.fresh[n] * np.exp(unit_logs[spelled].sum()))
        log -= model.settings.charge * (n - 1)
        found[ngrams.units.text(spelled)] = (float(log), n)
    return [(text, *found[text]) for text in sorted(found)]


def lengths_of(ngrams: Ngrams) -> Array:
    """int64 (m,): units of each n-gram; 1 for number 0."""
    lengths = np.ones(ngrams.counts.size, np.int64)
    for n in range(2, ngrams.longest + 1):
        lengths[ngrams.level(n)] = n
    return lengths


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


def _best_parts(
    ngrams: Ngrams, numbers: Array, n: int, usable: Array, plain: Array
) -> tuple[Array, Array, Array]:
    """Cut n-grams into words other than themselves: (sum of logs, words, bit k: one begins at k)."""
    best = np.full((n + 1, numbers.size), -np.inf)
    sums, pieces = np.zeros((n + 1, numbers.size)), np.zeros((n + 1, numbers.size), np.int64)
    breaks = np.zeros((n + 1, numbers.size), np.int64)
    best[0] = 0
    for stop in range(1, n + 1):
        for start in range(stop):
            if stop - start == n:
                continue
            part = _part(ngrams, numbers, n, start, stop)
            value = best[start] + usable[part]
            better = value > best[stop]
            best[stop] = np.where(better, value, best[stop])
            sums[stop] = np.where(better, sums[start] + plain[part], sums[stop])
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
        why = f"a word {count} times, below {min_count}; else {' | '.join(parts)}"
    else:
        why = f"cut as {' | '.join(parts)}: PMI {pmi:.1f} nats"
    return text(units), int(ngrams.counts[number]), why


def _log_probabilities(model: Model, words: Words) -> Array:
    """float64 (m,): ln of each n-gram's Pitman-Yor probability as a word."""
    model.fit(words, 1.0)
    settings, tokens = model.settings, words.tokens + model.settings.strength
    known = np.maximum(words.counts - settings.discount, 0) / tokens
    logs = np.full(words.counts.size, -np.inf)
    for n in range(1, model.ngrams.longest + 1):
        level = model.ngrams.level(n)
        numbers = np.arange(level.start, level.stop)
        logs[level] = np.log(np.maximum(known[level] + model.own_spelling(numbers, n), 1e-170))
    return logs


def _unit_constant(logs: Array, lengths: Array) -> float:
    """Return s such that exp(logs + s * lengths) sums to 1."""
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
