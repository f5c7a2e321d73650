"""A stream of units cut into words, as the definition reads.

The stream comes as `places` of `Ngrams` (`discovery/ngrams.py`): places[n - 1, p] is the number of
the repeated n-gram of n units at p, or 0; places[0] are the units, 0 is a boundary, and every unit
has a number. A run is what stands between two boundaries; a longer one than 2^14 units is cut into
runs of that many. `cuts` holds a 1 where a word begins, and a run's first unit begins one. A block
is positions [first, stop); it begins and ends at boundaries, so blocks can be worked on in any
order and by many threads.

A word of n units that was seen c times, without the run that is being cut, has the weight

    (max(c - d, 0) s^n / t + s_1 ... s_n f_n) ^ (1 / T)  x  charge_n

where the second term is its probability as a new word, spelled unit by unit (Pitman-Yor with
discount d; Goldwater, Griffiths and Johnson, "A Bayesian framework for word segmentation", 2009).
A path's weight is the product of its words'; runs are drawn in proportion to it, by summing forward
and choosing backward (Mochihashi, Yamada and Ueda 2009). Weights are kept below 1e36, and those of
single units above 1e-36, so that every run has a path.
"""

import numpy as np

from textzero._compat import Array

_LONGEST_RUN = 1 << 14
_LOW, _HIGH, _TOP = 1e-60, 1e60, 1e250
_LEAST, _MOST = 1e-36, 1e36
_ALL = (1 << 64) - 1


def _runs(ids: list[int], first: int, stop: int) -> list[tuple[int, int]]:
    """Return (start, end) of the runs of a block."""
    found = []
    start = first
    while start < stop:
        end = start
        while end < stop and ids[end] != 0 and end - start < _LONGEST_RUN:
            end += 1
        if end > start:
            found.append((start, end))
        start = max(end, start + 1)
    return found


def _words(longest: int, cuts: Array, start: int, end: int) -> list[tuple[int, int]]:
    """Return (start, length) of the words of a run."""
    found = []
    while start < end:
        n = 1
        while start + n < end and n < longest and cuts[start + n] == 0:
            n += 1
        found.append((start, n))
        start += n
    return found


def rare_sums(places: Array, first: int, stop: int, ends: Array) -> Array:
    """Sum the rises of entropy of n-grams that occur once.

    The entropy beside such an n-gram is 0, so each rises by less than nothing: by minus the entropy
    of what it prolongs.

    Args:
        places: int32 (longest, size).
        first, stop: The block.
        ends: float64 (2, m). Entropies right [0] and left [1] of each n-gram; 0 for number 0.

    Returns:
        float64 (3, longest). For n-grams of k + 1 units that have no number, two or more: how
        many there are, the sum of their rises to the right, and that to the left.
    """
    longest = places.shape[0]
    out = np.zeros((3, longest))
    run = 0
    for p in range(stop - 1, first - 1, -1):
        run = run + 1 if places[0, p] else 0
        for n in range(2, min(longest, run) + 1):
            if places[n - 1, p] == 0:
                out[0, n - 1] += 1
                out[1, n - 1] -= ends[0, places[n - 2, p]]
                out[2, n - 1] -= ends[1, places[n - 2, p + 1]]
    return out


def best_cuts(
    places: Array, first: int, stop: int, scores: Array, ends: Array, means: Array, cuts: Array
) -> None:
    """Cut each run of a block so that the sum of its words' scores is greatest.

    Of two words that end a best path equally well, the shorter one is taken.

    Args:
        places: int32 (longest, size).
        first, stop: The block.
        scores: float64 (m,). Of each n-gram as a word.
        ends: float64 (2, m). As for `rare_sums`. An n-gram of n units without a number scores
            n * (its rises to both sides - means[n - 1]).
        means: float64 (longest,).
        cuts: uint8 (size,). Filled in the block.
    """
    longest = places.shape[0]
    cuts[first:stop] = 0
    for i, j in _runs(places[0].tolist(), first, stop):
        best, back = [0.0], [0]
        for e in range(1, j - i + 1):
            top, chosen = -np.inf, 1
            for n in range(1, min(longest, e) + 1):
                p = i + e - n
                g = places[n - 1, p]
                if g != 0:
                    score = scores[g]
                else:
                    rises = -ends[0, places[n - 2, p]] - ends[1, places[n - 2, p + 1]]
                    score = n * (rises - means[n - 1])
                score += best[e - n]
                if score > top:
                    top, chosen = score, n
            best.append(top)
            back.append(chosen)
        _mark(cuts, i, j, back)


def _mark(cuts: Array, i: int, j: int, back: list[int]) -> None:
    """Write the cuts of a run from the length of the best last word at each end."""
    cuts[i:j] = 0
    e = j - i
    while e > 0:
        e -= back[e]
        cuts[i + e] = 1


def count_cuts(
    places: Array, cuts: Array, first: int, stop: int,
    counts: Array, rare_units: Array, rare_lengths: Array,
) -> None:  # fmt: skip
    """Count the words of a block.

    Args:
        places: int32 (longest, size).
        cuts: uint8 (size,).
        first, stop: The block.
        counts: int32 (m,). Added to: words that have a number.
        rare_units: int64 (units + 1,). Added to: the units of all others.
        rare_lengths: int64 (longest + 1,). Added to: how many of those there are, by length.
    """
    for i, j in _runs(places[0].tolist(), first, stop):
        for a, n in _words(places.shape[0], cuts, i, j):
            g = places[n - 1, a]
            if g != 0:
                counts[g] += 1
            else:
                rare_lengths[n] += 1
                for p in range(a, a + n):
                    rare_units[places[0, p]] += 1


def spelling_counts(
    first: Array, prefixes: Array, lasts: Array, counts: Array, units: Array, lengths: Array,
    shares: Array,  # noqa: ARG001
) -> None:  # fmt: skip
    """Add up what the words are spelled with, each word once, however often it was seen.

    Args:
        first: int64 (longest + 1,). Numbers of level n are first[n - 1] to first[n] - 1.
        prefixes: int32 (m,). Each n-gram without its last unit.
        lasts: int32 (m,). Its last unit.
        counts: int32 (m,). How often each is a word.
        units: float64 (units + 1,). Added to: the units of all words.
        lengths: int64 (longest + 1,). Added to: the number of words by length.
        shares: int32 (m,). Zeros, to be worked with.
    """
    for n in range(1, first.size):
        for g in range(int(first[n - 1]), int(first[n])):
            if counts[g] > 0:
                lengths[n] += 1
                while g != 0:
                    units[lasts[g]] += 1
                    g = int(prefixes[g])


def _weight(count: int, fresh: float, length: int, settings: list[float], tables: Array) -> float:
    weight = fresh
    if count > 0:
        weight += (count - settings[1]) * settings[0] * float(tables[0, length])
    if settings[2] != 1.0:
        weight **= settings[2]
    weight = min(weight * float(tables[2, length]), _MOST)
    return max(weight, _LEAST) if length == 1 else weight


def word_weights(
    first: Array, prefixes: Array, lasts: Array, counts: Array, unit_weights: Array,
    settings: Array, tables: Array, spelling: Array, weights: Array,
) -> None:  # fmt: skip
    """Weigh all n-grams as words.

    Args:
        first, prefixes, lasts, counts: As for `spelling_counts`.
        unit_weights: float64 (units + 1,). Of each unit in spelling: s_k.
        settings: float64 (3,). 1 / t, the discount d, and 1 / T.
        tables: float64 (4, longest + 1). By length n: s^n, f_n, charge_n, and
            f_n ^ (1 / T) * charge_n.
        spelling: float32 (m,). Filled: the product of the weights of each n-gram's units.
        weights: float32 (m,). Filled but for number 0.
    """
    chosen = settings.tolist()
    spelling[0] = 1.0
    for n in range(1, first.size):
        for g in range(int(first[n - 1]), int(first[n])):
            spelling[g] = float(spelling[prefixes[g]]) * float(unit_weights[lasts[g]])
            fresh = float(spelling[g]) * float(tables[1, n])
            weights[g] = _weight(int(counts[g]), fresh, n, chosen, tables)


def _uniform(seed: int, position: int) -> float:
    """Return a number in [0, 1) that depends on seed and position alone.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: splitmix64.
    """
    z = (seed + position * 0x9E3779B97F4A7C15) & _ALL
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _ALL
    z ^= z >> 31
    return (z >> 11) / (1 << 53)


def redraw(
    places: Array, cuts: Array, first: int, stop: int, counts: Array, spelling: Array,
    weights: Array, powers: Array, settings: Array, tables: Array, seed: np.uint64, best: bool,
) -> None:  # fmt: skip
    """Cut each run of a block anew, its own words taken out of the counts.

    The counts of all other runs stay those at the beginning, so the result depends neither on the
    order of runs nor on the blocks.

    Args:
        places: int32 (longest, size).
        cuts: uint8 (size,). Read, and filled in the block.
        first, stop: The block.
        counts: int32 (m,). Of the words of all runs; the same afterwards.
        spelling: float32 (m,). From `word_weights`.
        weights: float32 (m,). From `word_weights`; the same afterwards.
        powers: float64 (units + 1,). unit_weights ^ (1 / T).
        settings, tables: As for `word_weights`.
        seed: Of the draws. Each depends on it and on the position.
        best: Take the path of the greatest weight instead; of two words that end it equally well,
            the shorter one.
    """
    longest, chosen = places.shape[0], settings.tolist()
    for i, j in _runs(places[0].tolist(), first, stop):
        own = [(int(places[n - 1, a]), n) for a, n in _words(longest, cuts, i, j)]
        own = [(g, n) for g, n in own if g != 0]
        kept = {g: weights[g] for g, _ in own}
        for g, _ in own:
            counts[g] -= 1
        for g, n in own:
            fresh = float(spelling[g]) * float(tables[1, n])
            weights[g] = _weight(int(counts[g]), fresh, n, chosen, tables)
        edges = _edges(places, i, j, weights, powers, tables, best)
        back = [0] * (j - i + 1)
        e = j - i
        while e > 0:
            if best:
                back[e] = 1 + edges[e].index(max(edges[e]))
            else:
                back[e] = _drawn(edges[e], _uniform(int(seed), i + e))
            e -= back[e]
        _mark(cuts, i, j, back)
        for g, _ in own:
            counts[g] += 1
            weights[g] = kept[g]


def _edges(
    places: Array, i: int, j: int, weights: Array, powers: Array, tables: Array, best: bool
) -> list[list[float]]:
    """Return for each end in a run the weights of paths to it, by the length of the last word.

    Those of one end are in proportion; beyond _LOW and _HIGH the sums are brought back to 1.
    """
    longest = places.shape[0]
    sums, edges = [1.0], [[0.0]]
    for e in range(1, j - i + 1):
        row, total, spelled = [], 0.0, 1.0
        for n in range(1, min(longest, e) + 1):
            p = i + e - n
            g = places[n - 1, p]
            spelled *= float(powers[places[0, p]])
            if g != 0:
                edge = sums[e - n] * float(weights[g])
            else:
                edge = sums[e - n] * spelled * float(tables[3, n])
            row.append(edge)
            total = max(total, edge) if best else total + edge
        sums.append(total)
        edges.append(row)
        if not _LOW < total < _HIGH:
            scale = 1.0 / total
            for k in range(max(0, e - longest + 1), e + 1):
                sums[k] = min(sums[k] * scale, _TOP)
    return edges


def _drawn(edges: list[float], uniform: float) -> int:
    """Choose 1, 2, ... in proportion to `edges`."""
    total = 0.0
    for edge in edges:
        total += edge
    left, n = uniform * total, 1
    while n < len(edges) and left >= edges[n - 1]:
        left -= edges[n - 1]
        n += 1
    return n
