"""Words by the least entropy of pairs: cut where neighbours do not cling together, then prune.

Merging neighbours a and b of frequent, strongly related pairs lowers the information a character
takes (Su Jianlin, https://kexue.fm/archives/5476, and his package nlp-zero):

1. Neighbours are joined when the pair's probability is above `min_probability` and its pointwise
   mutual information ln p(ab) / (p(a) p(b)) surely above `min_pmi`, in nats: also less two of its
   standard errors, which are about 1 / sqrt(count).
2. What is joined is a segment; frequent segments are candidates.
3. Longest first, a candidate of n units is kept only if it gains at least n - 1 nats against its
   best parts, ln p(word) - sum of ln p(parts); else its count goes to them.

Other than nlp-zero, which has no standard errors: the candidates of one length are judged by the
same counts, a run of letters or digits is one unit, and a rare unit may still be a part.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays
from textzero.discovery.found import Dropped, Found
from textzero.discovery.segments import (
    Segments,
    by_count,
    count_segments,
    join,
    least_count,
    shares,
    strings,
)
from textzero.discovery.unigram import MARGIN, MIN_PMI
from textzero.discovery.units import Units, runs_in_blocks
from textzero.kernels import kernel
from textzero.parallel import ordered_threads, run_threads
from textzero.progress import Progress

_WIDE = 4096  # units whose pairs are counted in a matrix
_CREW = 8  # threads that have a matrix each
_ROWS = 256
_BLOCK = 1 << 14  # words whose worth is computed at once
_NLP_ZERO = 1e-7
_LONGEST = 1 << 30


def entropy_lexicon(
    units: Units,
    *,
    min_probability: float | None = None,
    min_pmi: float | None = None,
    longest: int | None = None,
    compatible: bool = False,
    workers: int,
    room: int,
    arrays: Arrays | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find words by cutting and pruning; see above.

    The same for any number of workers and any `room`.

    Args:
        units: The corpus.
        min_probability: Pairs, and segments, whose share of all is not above this are no
            candidates; None takes what `auto_probability` says.
        min_pmi: In nats; None for 2.5, with `compatible` for 1.
        longest: Units of the longest words; None for any number.
        compatible: Do what nlp-zero does: no standard errors; candidates of one length are judged
            one after the other, as they were first seen; rare units are forgotten; None stands
            for its 1e-7 and 1. Without `longest`, words and counts are then those of nlp-zero
            0.1.6, for text of characters from U+4E00 to U+9FA5, each at least twice, and
            boundaries.
        workers: Threads.
        room: Bytes that tables may take.
        arrays: Where to keep what does not fit in memory; None keeps all in memory.
        progress: Told what is done.

    Returns:
        Words with the scores "pmi", a word against its best parts, in nats, and "bits", what the
        corpus would take more without it: F of the article's formula 2.11, summed up.
    """
    arrays, progress = arrays or Arrays(), progress or Progress()
    if min_probability is None:
        min_probability = _NLP_ZERO if compatible else auto_probability(units.size)
    if not 0 <= min_probability < 1:
        raise ValueError(f"min_probability must be from 0 to below 1, got {min_probability}")
    if longest is not None and longest < 1:
        raise ValueError(f"longest must be at least 1, got {longest}")
    if min_pmi is None:
        min_pmi = 1.0 if compatible else MIN_PMI
    strength = _Strength(min_probability, min_pmi, 0.0 if compatible else MARGIN)
    joins = _join_strong(units, strength, workers, room, arrays, progress)
    fewest = least_count(min_probability, units.size - int(np.count_nonzero(joins)))
    found = count_segments(units, joins, fewest, workers=workers, room=room, progress=progress)
    if compatible:
        found = found.take(found.counts >= fewest)
    return _without_redundant(units, found, fewest, longest, compatible, workers, progress)


def auto_probability(size: int) -> float:
    """Return the least probability for a corpus of `size` units: that of 1 + sqrt(size) / 200.

    More occurrences than this are asked for: 3 in 150,000 characters, 29 in 30 million.
    """
    return min((1 + math.sqrt(size) / 200) / max(size, 1), 0.5)


@dataclass(frozen=True)
class _Strength:
    """What a pair must be to be joined."""

    min_probability: float
    min_pmi: float
    margin: float


@dataclass
class _Pairs:
    """What the kernels need to know of pairs: see `kernels/reference/cutting.py`."""

    ranks: Array
    strong: Array
    rare: Array


def _join_strong(
    units: Units, strength: _Strength, workers: int, room: int, arrays: Arrays, progress: Progress
) -> Array:  # fmt: skip
    """Say where neighbours are a frequent pair of a high PMI."""
    kernels, ids = kernel("cutting"), np.asarray(units.ids)
    with progress.stage("pairs", 2 * ids.size, "positions"):
        pairs = _strong_pairs(units, strength, workers, room)
        progress.advance(ids.size)
        handle = kernels.new_pairs(pairs.rare)

        def work(part: slice, joins: Array) -> None:
            here = ids[part.start : part.stop + 1]
            kernels.join_pairs(here, pairs.ranks, pairs.strong, handle, joins)
            progress.advance(joins.size)

        return join(units, work, workers=workers, arrays=arrays)


def _strong_pairs(units: Units, strength: _Strength, workers: int, room: int) -> _Pairs:
    kernels, ids, counts = kernel("cutting"), np.asarray(units.ids), units.counts
    n_units = counts.size
    total = 2 * units.size + 1 - ids.size  # a run of n units has n - 1 pairs
    least = least_count(strength.min_probability, total)
    limits_of_pmi = (strength.min_pmi, strength.margin)
    frequent = np.flatnonzero(counts[1:] >= least) + 1
    frequent = frequent[np.lexsort((frequent, -counts[frequent]))]
    size = np.dtype(np.int32 if ids.size < 1 << 31 else np.int64)
    crew = min(workers, _CREW)
    wide = min(frequent.size, _WIDE, math.isqrt(room // (crew * size.itemsize)))
    ranks = np.full(n_units, -1, np.int32)
    ranks[frequent] = np.minimum(np.arange(frequent.size), wide)
    logs = np.log(np.maximum(counts, 1)) - math.log(max(units.size, 1))

    def count(state: tuple[Array, Array], limits: tuple[int, int]) -> None:
        here = ids[limits[0] : limits[1] + 1]
        kernels.count_pairs(here, ranks, 0, wide + 1, *state)

    states = run_threads(
        count,
        runs_in_blocks(ids),
        lambda: (np.zeros((wide, wide), size), np.zeros(n_units, np.int64)),
        crew,
    )
    matrix, rare = states[0] if states else (np.zeros((wide, wide), size), np.zeros(n_units, int))
    for more, more_rare in states[1:]:
        matrix += more
        rare += more_rare
    strong = np.zeros((wide, -(-wide // 8)), np.uint8)
    by_rank = np.ascontiguousarray(logs[frequent[:wide]])

    def mark(_: None, first: int) -> None:
        rows = slice(first, first + _ROWS)
        kernels.strong_pairs(
            matrix[rows], by_rank, total, least, *limits_of_pmi, first, strong[rows]
        )

    if total:
        run_threads(mark, range(0, wide, _ROWS), lambda: None, workers)

    def strong_keys(limits: tuple[int, int]) -> Array:
        most = int(rare[slice(*limits)].sum())
        keys = kernels.rare_keys(ids, ranks, wide, *limits, most)
        keys.sort()
        keys, found = kernel("ngrams").repeated(keys, least)
        held = np.zeros(keys.size, np.bool_)
        kernels.strong_keys(keys, found, logs, total, *limits_of_pmi, held)
        return keys[held]

    parts = max(workers, -(-16 * workers * int(rare.sum()) // room))
    ranges = shares(rare, parts)
    keys = [np.zeros(0, np.int64), *ordered_threads(strong_keys, ranges, workers)]
    return _Pairs(ranks, strong, np.concatenate(keys))


def _without_redundant(
    units: Units, found: Segments, fewest: int, longest: int | None, compatible: bool,
    workers: int, progress: Progress,
) -> Found:  # fmt: skip
    """Prune candidates, and say what the words are worth."""
    kernels = kernel("cutting")
    words = kernels.new_words(found.units, found.offsets)
    with progress.stage("prune", found.counts.size, "candidates"):
        counts, kept, gains, breaks = kernels.prune(
            words, found.counts, longest or _LONGEST, compatible
        )
        progress.advance(found.counts.size)
    final = np.where(kept, counts, 0)
    saved = np.full((2, counts.size), np.nan)

    def weigh(_: None, start: int) -> None:
        stop = min(start + _BLOCK, counts.size)
        saved[:, start:stop] = kernels.savings(words, final, start, stop)

    with progress.stage("savings", counts.size, "words"):
        run_threads(weigh, range(0, counts.size, _BLOCK), lambda: None, workers)
    held = np.flatnonzero(final >= fewest)
    kept_words = replace(found, counts=final).take(held)
    order = by_count(kept_words)
    kept_words, held = kept_words.take(order), held[order]
    return Found(
        strings(units, kept_words),
        kept_words.counts,
        {"pmi": saved[0, held], "bits": saved[1, held] / math.log(2)},
        _reasons(units, found, counts, kept, gains, breaks, longest),
    )


def _reasons(
    units: Units, found: Segments, counts: Array, kept: Array, gains: Array, breaks: Array,
    longest: int | None,
) -> Dropped:  # fmt: skip
    """List what was pruned, the most frequent first."""
    gone = np.flatnonzero(~kept)
    judged = replace(found, counts=counts)
    gone = gone[by_count(judged.take(gone))]
    dropped, inner = judged.take(gone), replace(found, units=breaks).take(gone).units
    lengths, limit = dropped.lengths.tolist(), longest or _LONGEST
    return Dropped.of_rows(
        (
            word,
            count,
            f"longer than {limit} units"
            if n > limit
            else f"its parts {parts} explain it: {gain:.1f} nats gained, {n - 1} needed",
        )
        for word, count, parts, gain, n in zip(
            strings(units, dropped), dropped.counts.tolist(), strings(units, dropped, inner),
            gains[gone].tolist(), lengths, strict=True,
        )
    )  # fmt: skip
