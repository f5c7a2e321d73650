"""Streams of units cut into words, as the definition reads.

Two neighbours are joined when they are a frequent pair that clings together (nlp-zero: Su Jianlin,
https://kexue.fm/archives/5476), or when a strong n-gram spans them (4256, 6920); what is joined is
a segment. A segment that its parts explain is not a word of its own: candidates are visited
longest first, and one whose information exceeds that of its best parts by too little is dropped.

A stream is as in `discovery/units.py`: int32 units from 1, 0 at a boundary, first and last 0.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from textzero._compat import Array

_SHARES = 1 << 20
NO_WORD = -100.0  # logarithm of the probability of what is no word


def count_pairs(
    ids: Array, ranks: Array, first: int, last: int, matrix: Array, rare: Array
) -> None:
    """Count the pairs of neighbours whose left unit's rank is from `first` to `last` - 1.

    Args:
        ids: int32 (n,). A stream, or a part that begins and ends at boundaries.
        ranks: int32 (n_units,). Of units that have a column: its number. Of others: the number of
            columns when they count, -1 when not; -1 for the boundary.
        first, last: Ranks of left units.
        matrix: int32 or int64 (columns, columns). matrix[i, j] grows by the pairs of ranks i, j.
        rare: int64 (n_units,). rare[k] grows by the other pairs whose left unit is k.
    """
    wide = matrix.shape[0]
    for a, b in pairwise(ids.tolist()):
        left, right = int(ranks[a]), int(ranks[b])
        if first <= left < last and right >= 0:
            if left < wide and right < wide:
                matrix[left, right] += 1
            else:
                rare[a] += 1


def rare_keys(ids: Array, ranks: Array, wide: int, first: int, last: int, most: int) -> Array:
    """List the pairs that have no place in the matrix, their left units from `first` to `last` - 1.

    Args:
        ids, ranks: As in `count_pairs`.
        wide: Columns of the matrix.
        first, last: Left units.
        most: How many there are, or more.

    Returns:
        int64. Left unit times the number of units, plus right unit, in the order of the stream.
    """
    keys = [
        a * ranks.size + b
        for a, b in pairwise(ids.tolist())
        if first <= a < last and min(ranks[a], ranks[b]) >= 0 and max(ranks[a], ranks[b]) >= wide
    ]
    return np.array(keys[:most], np.int64)


def strong_pairs(
    matrix: Array, logs: Array, total: int, least: int, min_pmi: float, margin: float, first: int,
    strong: Array,
) -> None:  # fmt: skip
    """Mark the pairs that are seen at least `least` times and whose PMI is surely above `min_pmi`.

    PMI is ln(count / total) - ln p(left) - ln p(right), less `margin` standard errors, each about
    1 / sqrt(count).

    Args:
        matrix: Rows of the matrix of `count_pairs`, from rank `first` on.
        logs: float64 (columns,). ln p of the unit of each rank.
        total: Pairs of the stream.
        least: The fewest occurrences.
        min_pmi: In nats.
        margin: Standard errors.
        first: The rank of the first row.
        strong: uint8 (rows, columns / 8 rounded up). Bit j of a row says that the pair is strong.
    """
    for i, j in np.argwhere(matrix >= max(least, 1)).tolist():
        if _pmi(int(matrix[i, j]), total, logs[first + i], logs[j], margin) > min_pmi:
            strong[i, j // 8] |= np.uint8(1 << (j % 8))


def strong_keys(
    keys: Array, counts: Array, logs: Array, total: int, min_pmi: float, margin: float,
    strong: Array,
) -> None:  # fmt: skip
    """Say of each pair of `rare_keys` whether its PMI is above `min_pmi`; see `strong_pairs`.

    Args:
        keys: int64 (n,).
        counts: int64 (n,).
        logs: float64 (n_units,). ln p of each unit.
        total: Pairs of the stream.
        min_pmi: In nats.
        margin: Standard errors.
        strong: bool (n,). The answer.
    """
    for i, (key, count) in enumerate(zip(keys.tolist(), counts.tolist(), strict=True)):
        left, right = logs[list(divmod(key, logs.size))]
        strong[i] = _pmi(count, total, left, right, margin) > min_pmi


def _pmi(count: int, total: int, left: float, right: float, margin: float) -> float:
    return math.log(count) - math.log(total) - left - right - margin / math.sqrt(count)


def new_pairs(keys: Array) -> Any:
    """Return a handle on the strong ones among the pairs of `rare_keys`."""
    return set(keys.tolist())


def join_pairs(ids: Array, ranks: Array, strong: Array, pairs: Any, joins: Array) -> None:
    """Say of each unit whether it is joined with the next.

    Args:
        ids: int32 (n + 1,). A part of a stream.
        ranks: As in `count_pairs`.
        strong: uint8 (columns, columns / 8 rounded up). From `strong_pairs`.
        pairs: From `new_pairs`.
        joins: bool (n,). The answer.
    """
    wide = strong.shape[0]
    for p, (a, b) in enumerate(pairwise(ids.tolist())):
        left, right = int(ranks[a]), int(ranks[b])
        if min(left, right) < 0:
            joins[p] = False
        elif max(left, right) < wide:
            joins[p] = strong[left, right // 8] >> (right % 8) & 1
        else:
            joins[p] = a * ranks.size + b in pairs


def join_spans(places: Array, strong: Array, joins: Array) -> None:
    """Say of each unit whether it is joined with the next: when a strong n-gram spans both.

    Args:
        places: int32 (longest, n). places[k, p] is the number of the n-gram of k + 1 units at p.
        strong: bool (n_ngrams,). strong[0] is False.
        joins: bool (n,). The answer.
    """
    joins[:] = False
    for n in range(1, places.shape[0]):
        for p in np.flatnonzero(strong[places[n]]).tolist():
            joins[p : p + n] = True


def count_segments(
    ids: Array, joins: Array, part: int, parts: int, least: int, most: int, singles: Array
) -> tuple[Array, Array, Array] | None:
    """Count a share of the segments of a stream.

    A segment of several units is in one of `parts` shares; which one, a twin decides. What is in
    share k of n is in share 2 k or 2 k + 1 of 2 n.

    Args:
        ids: int32 (n,).
        joins: bool (n,). Whether a unit is joined with the next one.
        part: The share to count.
        parts: How many there are.
        least: Segments seen less often are left out.
        most: Different segments that may be held.
        singles: int64 (n_units,). Share 0 adds the segments of one unit.

    Returns:
        None when the share has more than `most` different segments; `singles` is then spoilt. Else:
        places: int64 (m,). Where each segment was first seen, in no meaningful order.
        lengths: int64 (m,).
        counts: int64 (m,).
    """
    seen: dict[tuple[int, ...], list[int]] = {}
    start = 0
    for p, unit in enumerate(ids.tolist()):
        if unit == 0:
            start = p + 1
        elif not joins[p]:
            segment = tuple(ids[start : p + 1].tolist())
            if len(segment) == 1:
                singles[unit] += part == 0
            elif (hash(segment) % _SHARES) * parts // _SHARES == part:
                seen.setdefault(segment, [start, len(segment), 0])[2] += 1
            start = p + 1
    if len(seen) > most:
        return None
    rows = [row for row in seen.values() if row[2] >= least]
    places, lengths, counts = np.array(rows, np.int64).reshape(-1, 3).T
    return places, lengths, counts


@dataclass
class _Words:
    numbers: dict[tuple[int, ...], int]
    words: list[tuple[int, ...]]


def new_words(words: Array, offsets: Array) -> Any:
    """Return a handle on words.

    Args:
        words: int32. The units of all words, end to end: longer words first.
        offsets: int64 (n + 1,). Word i is words[offsets[i]:offsets[i + 1]]; no two are the same.
    """
    held = [tuple(words[a:b].tolist()) for a, b in pairwise(offsets.tolist())]
    return _Words({word: i for i, word in enumerate(held)}, held)


def prune(words: Any, counts: Array, longest: int, in_turn: bool) -> tuple[Array, ...]:
    """Drop the words that their parts explain, longest first.

    A word of n units is read as the most probable sequence of the other words, where what is no
    word has the probability e^-100. With p a word's count over the sum of all, it is kept if
    ln p(word) - sum of ln p(parts) >= n - 1, the rule of nlp-zero, and n <= `longest`. The count of
    a dropped word goes to its parts.

    The words of one length are judged by the same counts; with `in_turn` one after the other, as
    they come, each by what the one before has left.

    Args:
        words: From `new_words`.
        counts: int64 (n,). Occurrences; 0 says that it is no word, but may become one.
        longest: Units of the longest words that are kept.
        in_turn: See above.

    Returns:
        counts: int64 (n,). Afterwards; of a dropped word, what went to its parts.
        kept: bool (n,). False for dropped words.
        gains: float64 (n,). The left side of the rule; NaN for single units.
        breaks: bool. As long as the units of all words: True where a part begins.
    """
    logs = np.full(counts.size, NO_WORD)
    logs[counts > 0] = [math.log(count) for count in counts[counts > 0].tolist()]
    counts, kept = counts.copy(), np.ones(counts.size, np.bool_)
    gains, breaks = np.full(counts.size, np.nan), [[False] * len(word) for word in words.words]
    begin = 0
    while begin < counts.size and len(words.words[begin]) > 1:
        size, stop = len(words.words[begin]), begin + 1
        while not in_turn and stop < counts.size and len(words.words[stop]) == size:
            stop += 1
        shift = math.log(counts[kept].sum())
        paths = [_best_parts(words, logs, shift, word) for word in range(begin, stop)]
        for word, path in enumerate(paths, begin):
            gains[word] = logs[word] - shift
            for start, part in path:
                breaks[word][start] = True
                gains[word] -= (logs[part] if part >= 0 else NO_WORD) - shift
            kept[word] = size <= longest and gains[word] >= size - 1
        for word, path in enumerate(paths, begin):
            if not kept[word]:
                for _, part in path:
                    if part >= 0:
                        counts[part] += counts[word]
                        logs[part] = math.log(counts[part])
                logs[word] = NO_WORD
        begin = stop
    return counts, kept, gains, np.array([cut for row in breaks for cut in row], np.bool_)


def _best_parts(words: _Words, logs: Array, shift: float, own: int) -> list[tuple[int, int]]:
    """Return (start, word) of the most probable sequence of other words; -1 for no word.

    Of equally probable ones, that which comes to each place in fewer units before its last word.
    """
    units = words.words[own]
    best = {0: (1.0, 0, 0)}  # from 1, as in nlp-zero: sums round alike
    for start in range(len(units)):
        for stop in range(start + 1, len(units) + 1):
            word = words.numbers.get(units[start:stop], -1)
            if word >= 0 and word != own and logs[word] > NO_WORD:
                score = best[start][0] + (logs[word] - shift)
                if stop not in best or score > best[stop][0]:
                    best[stop] = score, start, word
        if start + 1 not in best:
            alone = words.numbers.get(units[start : start + 1], -1)
            best[start + 1] = best[start][0] + NO_WORD, start, alone
    path: list[tuple[int, int]] = []
    at = len(units)
    while at:
        _, at, word = best[at]
        path.append((at, word))
    return path[::-1]


def savings(words: Any, counts: Array, begin: int, end: int) -> tuple[Array, Array]:
    """Say what words `begin` to `end` - 1 are worth to the others, with the final counts.

    Without a word its occurrences would be its best parts. With N' the total and p the
    probabilities then, PMI is ln p(word) - sum of ln p(parts). The text costs -sum of n ln(n / N)
    with the word and without; the difference over N' is F of article 5476, formula 2.11, of which
    this holds for any parts, be they all different or not.

    Returns:
        pmi: float64 (end - begin,). In nats; NaN for single units and words without a count.
        saved: float64 (end - begin,). The difference, in nats.
    """
    pmi, saved = np.full((2, end - begin), np.nan)
    logs = np.full(counts.size, NO_WORD)
    logs[counts > 0] = np.log(counts[counts > 0])
    total = int(counts.sum())
    for word in range(begin, end):
        units, count = words.words[word], int(counts[word])
        if len(units) == 1 or count == 0:
            continue
        path = _best_parts(words, logs, math.log(total), word)
        keys = [part if part >= 0 else (units[start],) for start, part in path]
        whole = total + (len(path) - 1) * count
        joint = {key: count * keys.count(key) for key in keys}
        held = {key: int(counts[key]) if isinstance(key, int) else 0 for key in keys}
        pmi[word - begin] = math.log(count / whole) - sum(
            math.log((held[key] + joint[key]) / whole) for key in keys
        )
        bits = _times_log(whole) - _times_log(total) + _times_log(count)
        for key in joint:
            bits -= _times_log(held[key] + joint[key]) - _times_log(held[key])
        saved[word - begin] = bits
    return pmi, saved


def _times_log(count: int) -> float:
    return count * math.log(count) if count > 0 else 0.0
