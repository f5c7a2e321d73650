"""Words by cohesion: text is never cut inside an n-gram that clings together.

Su Jianlin's method of n-grams (https://kexue.fm/archives/4256, https://kexue.fm/archives/6920).
The cohesion of an n-gram is the least pointwise mutual information of its splits in two,
min ln p(w) / (p(left) p(right)), in nats, each p a share of the n-grams of that length.

1. An n-gram of at least `min_count` occurrences is strong when its cohesion is above the limit for
   its length.
2. What a strong n-gram spans is joined, also where strong n-grams overlap: from 各项 and 项目 comes
   各项目. What is joined is a segment; frequent segments are candidates.
3. A candidate of up to `order` units must be strong itself. A longer one is a word only if all its
   parts of `order` units are strong: 6920's rule, and the text's of 4256. (4256's program also
   wants all parts of three units strong: a word such as 中华人民共和国 would need 和国 well held.)

Beside the author's program, which reads n-grams of full length only: every length has its own
counts and total, the beginnings of sentences count once, and an n-gram that has no count is weak.
"""

import math
from collections.abc import Sequence

import numpy as np

from textzero._compat import Array
from textzero.discovery.arrays import Arrays, blocks
from textzero.discovery.found import Dropped, Found
from textzero.discovery.journal import Journal
from textzero.discovery.ngrams import Ngrams, count_ngrams
from textzero.discovery.segments import (
    Segments,
    by_count,
    count_segments,
    count_up,
    join,
    strings,
)
from textzero.discovery.units import Units
from textzero.kernels import kernel
from textzero.progress import Progress

_STEP = 2.0  # nats by which the limit grows with the length


def cohesion_lexicon(
    units: Units,
    *,
    order: int = 4,
    min_count: int | None = None,
    min_pmi: Sequence[float] | None = None,
    workers: int,
    room: int,
    arrays: Arrays | None = None,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find words by strong n-grams; see above.

    The same for any number of workers and any `room`.

    Args:
        units: The corpus.
        order: Units of the longest n-grams, at least 2. Words may be longer.
        min_count: The fewest occurrences of n-grams and words, at least 2; None takes what
            `auto_count` says.
        min_pmi: Limits for n-grams of 2, 3, ... units, in nats; the last one plus 2, plus 4 and so
            on for lengths that it does not name. None for 2, 4, 6 ...
        workers: Threads.
        room: Bytes that tables may take.
        arrays: Where to keep what does not fit in memory; None keeps all in memory.
        journal: Where what is done is kept for another run.
        progress: Told what is done.

    Returns:
        Words with the scores "pmi", the cohesion, of a longer word the least of its parts, and
        "left_entropy", "right_entropy" of words of up to `order` units; all in nats.
    """
    arrays, progress = arrays or Arrays(), progress or Progress()
    if order < 2:
        raise ValueError(f"order must be at least 2, got {order}")
    if min_count is None:
        min_count = auto_count(units.size)
    if min_count < 2:
        raise ValueError(f"min_count must be at least 2, got {min_count}")
    limits = _limits(order, min_pmi)
    ngrams = count_ngrams(
        units, order, room=room, workers=workers, arrays=arrays, journal=journal,
        progress=progress,
    )  # fmt: skip
    cohesions = cohesions_of(ngrams, arrays)
    strong = arrays.new(ngrams.counts.size, np.bool_)
    for n in range(2, order + 1):
        level = ngrams.level(n)
        strong[level] = (ngrams.counts[level] >= min_count) & (cohesions[level] > limits[n])
    kernels = kernel("cutting")

    def work(part: slice, joins: Array) -> None:
        kernels.join_spans(ngrams.places[:, part], strong, joins)

    joins = join(units, work, workers=workers, arrays=arrays)
    found = count_segments(units, joins, min_count, workers=workers, room=room, progress=progress)
    return _checked(ngrams, found.take(found.counts >= min_count), cohesions, strong, limits)


def auto_count(size: int) -> int:
    """Return the fewest occurrences for a corpus of `size` units: sqrt(size) / 350, but 3.

    That is 4 in two million characters, 16 in 30 million.
    """
    return max(3, round(math.sqrt(size) / 350))


def _limits(order: int, min_pmi: Sequence[float] | None) -> list[float]:
    """Return the limit for each number of units up to `order`."""
    named = [float(limit) for limit in ((_STEP,) if min_pmi is None else min_pmi)]
    if not named or len(named) > order - 1:
        raise ValueError(
            f"min_pmi must have 1 to {order - 1} limits, for 2 to {order} units, got {len(named)}"
        )
    more = [named[-1] + _STEP * k for k in range(1, order - len(named))]
    return [0.0, 0.0, *named, *more]


def cohesions_of(ngrams: Ngrams, arrays: Arrays | None = None) -> Array:
    """float64 (m,): the cohesion of each n-gram, in nats; NaN for single units."""
    arrays, windows = arrays or Arrays(), _windows(ngrams.units.ids, ngrams.longest)
    logs = arrays.new(ngrams.counts.size, np.float64)
    for part in blocks(logs.size):
        logs[part] = np.log(np.maximum(ngrams.counts[part], 1))
    for n in range(1, ngrams.longest + 1):
        logs[ngrams.level(n)] -= np.log(max(windows[n - 1], 1))
    cohesions = arrays.new(logs.size, np.float64)
    cohesions[: ngrams.first[1]] = np.nan
    for n in range(2, ngrams.longest + 1):
        level = ngrams.level(n)
        for part in blocks(level.stop - level.start):
            numbers = np.arange(level.start + part.start, level.start + part.stop)
            # lefts[k] and rights[k] are the parts of n - k units
            lefts, rights = [numbers], [numbers]
            for _ in range(n - 1):
                lefts.append(ngrams.prefixes[lefts[-1]])
                rights.append(ngrams.suffixes[rights[-1]])
            splits = [logs[lefts[k]] + logs[rights[n - k]] for k in range(1, n)]
            cohesions[numbers] = logs[numbers] - np.max(splits, axis=0)
    return cohesions


def _windows(ids: Array, longest: int) -> list[int]:
    """How many places n units side by side have, for n from 1 to `longest`."""
    found, before = [0] * longest, 0
    for part in blocks(ids.size):
        ends = np.flatnonzero(ids[part] == 0) + part.start
        lengths = np.diff(ends, prepend=before) - 1
        for n in range(1, longest + 1):
            found[n - 1] += int(np.maximum(lengths - n + 1, 0).sum())
        before = int(ends[-1]) if ends.size else before
    return found


def _checked(
    ngrams: Ngrams, found: Segments, cohesions: Array, strong: Array, limits: list[float]
) -> Found:
    """Look back at the candidates: which of them are held together everywhere."""
    found = found.take(by_count(found))
    order, lengths = ngrams.longest, found.lengths
    level, starts = np.minimum(lengths, order), np.maximum(found.places, 0)
    windows = np.where(lengths > 1, lengths - level + 1, 0)
    positions, offsets = count_up(starts, windows)
    numbers = ngrams.places[np.repeat(level, windows) - 1, positions]
    weak = np.bincount(np.repeat(np.arange(windows.size), windows), ~strong[numbers], windows.size)
    kept = weak == 0
    least = np.full(windows.size, np.nan)
    several = windows > 0
    if several.any():
        least[several] = np.minimum.reduceat(cohesions[numbers], offsets[:-1][several])
    own = np.zeros(windows.size, np.int64)
    short = lengths <= order
    own[short] = np.where(
        lengths[short] > 1,
        ngrams.places[level[short] - 1, starts[short]],
        found.units[found.offsets[:-1][short]],
    )
    sides = np.where(own > 0, ngrams.entropies(own), np.nan)
    words = found.take(kept)
    gone = found.take(~kept)
    return Found(
        strings(ngrams.units, words),
        words.counts,
        {"pmi": least[kept], "left_entropy": sides[1, kept], "right_entropy": sides[0, kept]},
        Dropped.of_rows(
            (word, count, f"its weakest part of {n} units is held by {pmi:.1f} nats, "
             f"{limits[n]:g} needed")
            for word, count, pmi, n in zip(
                strings(ngrams.units, gone), gone.counts.tolist(), least[~kept].tolist(),
                level[~kept].tolist(), strict=True,
            )
        ),
    )  # fmt: skip
