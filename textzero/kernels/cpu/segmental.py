"""A stream of units cut into words, with Numba. Contract: `kernels/reference/segmental.py`."""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import fetch_ahead, jit, jit_with

_inline = jit_with(forceinline=True)
_LONGEST_RUN = 1 << 14
_LOW, _HIGH, _TOP = 1e-60, 1e60, 1e250
_LEAST, _MOST = 1e-36, 1e36
_AHEAD = 32
_GOLDEN, _MIX0, _MIX1 = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@jit
def _run_stop(ids: Array, start: int, stop: int) -> int:
    """Return where the run that begins at `start` ends, or is cut because it is too long."""
    end = start
    while end < stop and ids[end] != 0 and end - start < _LONGEST_RUN:
        end += 1
    return end


@jit
def _rare_sums(places: Array, first: int, stop: int, ends: Array, out: Array) -> None:
    longest = places.shape[0]
    run = 0  # units up to here since the last boundary, counted from behind
    for p in range(stop - 1, first - 1, -1):
        if places[0, p] == 0:
            run = 0
            continue
        run += 1
        for n in range(2, min(longest, run) + 1):
            if places[n - 1, p] == 0:
                out[0, n - 1] += 1
                out[1, n - 1] -= ends[0, places[n - 2, p]]
                out[2, n - 1] -= ends[1, places[n - 2, p + 1]]


def rare_sums(places: Array, first: int, stop: int, ends: Array) -> Array:
    out = np.zeros((3, places.shape[0]))
    _rare_sums(places, first, stop, ends, out)
    return out


@jit
def best_cuts(
    places: Array, first: int, stop: int, scores: Array, ends: Array, means: Array, cuts: Array
) -> None:
    longest = places.shape[0]
    ids = places[0]
    best = np.zeros(_LONGEST_RUN + 1)
    back = np.zeros(_LONGEST_RUN + 1, np.int64)
    i = first
    while i < stop:
        if ids[i] == 0:
            cuts[i] = 0
            i += 1
            continue
        j = _run_stop(ids, i, stop)
        for e in range(1, j - i + 1):
            top, chosen = -np.inf, 1
            for n in range(1, min(longest, e) + 1):
                p = i + e - n
                g = places[n - 1, p]
                if g != 0:
                    score = scores[g]
                else:
                    score = n * (
                        -ends[0, places[n - 2, p]] - ends[1, places[n - 2, p + 1]] - means[n - 1]
                    )
                score += best[e - n]
                if score > top:
                    top, chosen = score, n
            best[e] = top
            back[e] = chosen
        cuts[i:j] = 0
        e = j - i
        while e > 0:
            e -= back[e]
            cuts[i + e] = 1
        i = j


@jit
def count_cuts(
    places: Array, cuts: Array, first: int, stop: int,
    counts: Array, rare_units: Array, rare_lengths: Array,
) -> None:  # fmt: skip
    longest = places.shape[0]
    a = first
    while a < stop:
        if places[0, a] == 0:
            a += 1
            continue
        b = a + 1
        while b < stop and b - a < longest and places[0, b] != 0 and cuts[b] == 0:
            b += 1
        g = places[b - a - 1, a]
        if g != 0:
            counts[g] += 1
        else:
            rare_lengths[b - a] += 1
            for p in range(a, b):
                rare_units[places[0, p]] += 1
        a = b


@jit
def spelling_counts(
    first: Array, prefixes: Array, lasts: Array, counts: Array, units: Array, lengths: Array,
    shares: Array,
) -> None:  # fmt: skip
    for n in range(first.size - 1, 0, -1):
        for g in range(first[n] - 1, first[n - 1] - 1, -1):
            share = shares[g]
            if counts[g] > 0:
                share += 1
                lengths[n] += 1
            if share:
                units[lasts[g]] += share
                shares[prefixes[g]] += share


@_inline
def _weight(count: int, fresh: float, length: int, settings: Array, tables: Array) -> float:
    """Weight of a word: what `word_weights` says, for one word."""
    weight = fresh
    if count > 0:
        weight += (count - settings[1]) * settings[0] * tables[0, length]
    if settings[2] != 1.0:
        weight **= settings[2]
    weight = min(weight * tables[2, length], _MOST)
    return max(weight, _LEAST) if length == 1 else weight


@jit
def word_weights(
    first: Array, prefixes: Array, lasts: Array, counts: Array, unit_weights: Array,
    settings: Array, tables: Array, spelling: Array, weights: Array,
) -> None:  # fmt: skip
    spelling[0] = 1.0
    for n in range(1, first.size):
        for g in range(first[n - 1], first[n]):
            spelling[g] = spelling[prefixes[g]] * unit_weights[lasts[g]]
            weights[g] = _weight(counts[g], spelling[g] * tables[1, n], n, settings, tables)


@_inline
def _uniform(seed: np.uint64, position: int) -> float:
    """Return a number in [0, 1) that depends on seed and position alone (splitmix64)."""
    z = seed + np.uint64(position) * _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX0
    z = (z ^ (z >> _S27)) * _MIX1
    z ^= z >> _S31
    return float(z >> _S11) * (1.0 / 9007199254740992.0)


@_inline
def _fetch(
    places: Array, cuts: Array, counts: Array, spelling: Array, weights: Array,
    start: int, far: int, stop: int,
) -> int:  # fmt: skip
    """Ask the cache for what runs up to `far` will need; return where the last word of them ends.

    Nearly all the time of `redraw` would else go into waiting for it.
    """
    longest = places.shape[0]
    a = start
    while a < far:
        if places[0, a] == 0:
            a += 1
            continue
        b = a + 1
        while b < stop and b - a < longest and places[0, b] != 0 and cuts[b] == 0:
            b += 1
        fetch_ahead(counts, places[b - a - 1, a])
        fetch_ahead(spelling, places[b - a - 1, a])
        while a < b:
            for n in range(longest):
                fetch_ahead(weights, places[n, a])
            a += 1
    return a


@jit
def redraw(
    places: Array, cuts: Array, first: int, stop: int, counts: Array, spelling: Array,
    weights: Array, powers: Array, settings: Array, tables: Array, seed: np.uint64, best: bool,
) -> None:  # fmt: skip
    longest = places.shape[0]
    ids = places[0]
    sums = np.empty(_LONGEST_RUN + 1)
    edges = np.empty((_LONGEST_RUN + 1, longest + 1))
    own = np.empty(_LONGEST_RUN, np.int64)
    kept = np.empty(_LONGEST_RUN, np.float32)
    fetched = first
    i = first
    while i < stop:
        if ids[i] == 0:
            i += 1
            continue
        j = _run_stop(ids, i, stop)
        far = min(j + _AHEAD, stop)
        fetched = _fetch(places, cuts, counts, spelling, weights, fetched, far, stop)
        held = 0
        a = i
        while a < j:  # take the run's own words out of the counts
            b = a + 1
            while b < j and b - a < longest and cuts[b] == 0:
                b += 1
            n, g = b - a, places[b - a - 1, a]
            if g != 0:
                own[held], kept[held] = g, weights[g]
                held += 1
                counts[g] -= 1
                weights[g] = _weight(counts[g], spelling[g] * tables[1, n], n, settings, tables)
            a = b
        sums[0] = 1.0
        for e in range(1, j - i + 1):
            total, spelled = 0.0, 1.0
            for n in range(1, min(longest, e) + 1):
                p = i + e - n
                g = places[n - 1, p]
                spelled *= powers[ids[p]]
                if g != 0:
                    edge = sums[e - n] * weights[g]
                else:
                    edge = sums[e - n] * spelled * tables[3, n]
                edges[e, n] = edge
                if best:
                    total = max(total, edge)
                else:
                    total += edge
            sums[e] = total
            if not _LOW < total < _HIGH:
                scale = 1.0 / total
                for k in range(max(0, e - longest + 1), e + 1):
                    sums[k] = min(sums[k] * scale, _TOP)
        cuts[i:j] = 0
        e = j - i
        while e > 0:
            most = min(longest, e)
            chosen = 1
            if best:
                for n in range(2, most + 1):
                    if edges[e, n] > edges[e, chosen]:
                        chosen = n
            else:
                total = 0.0
                for n in range(1, most + 1):
                    total += edges[e, n]
                left = _uniform(seed, i + e) * total
                while chosen < most and left >= edges[e, chosen]:
                    left -= edges[e, chosen]
                    chosen += 1
            e -= chosen
            cuts[i + e] = 1
        for k in range(held - 1, -1, -1):  # backwards: a word twice in the run has its first last
            counts[own[k]] += 1
            weights[own[k]] = kept[k]
        i = j
