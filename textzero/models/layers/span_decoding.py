"""Spans out of the probabilities of starts and ends, in NumPy, without a loop over texts or spans.

Two readings: every start with its nearest end (triples, article 6671), and the one span whose
start x end is greatest (answers, article 5409). And the way back: spans as labels to learn from.
"""

from typing import NamedTuple

import numpy as np

from textzero._compat import Array


class Spans(NamedTuple):
    """Some spans, as columns of one length.

    Attributes:
        rows: int64 (n,). Which text of the batch.
        types: int64 (n,). Which type.
        starts: int64 (n,). First token.
        ends: int64 (n,). One past the last token.
        scores: float64 (n,). Probability of the start times that of the end.
    """

    rows: Array
    types: Array
    starts: Array
    ends: Array
    scores: Array


def decode_spans(
    probabilities: Array,
    start_threshold: float = 0.5,
    end_threshold: float | None = None,
    max_length: int | None = None,
) -> Spans:
    """Pair every start above its threshold with the nearest end, at or after it, above its own.

    Spans may overlap, nest or share an end. A start with no end after it gives none.

    Args:
        probabilities: float (batch, length, types, 2), or without the batch: start, end.
        start_threshold: What a start must exceed.
        end_threshold: What an end must exceed; None for the same as a start.
        max_length: Tokens of the longest span; a start whose nearest end is farther gives none.

    Returns:
        The spans, ordered by row, then type, then start.

    Raises:
        ValueError: `probabilities` has another shape, or `max_length` is below 1.
    """
    starts, ends = _start_end(probabilities, max_length)
    length = starts.shape[-1]
    # A key is (row, type, position) as one number; both lists of keys ascend. The last end belongs
    # to no row: it is what starts without an end find.
    begin = np.flatnonzero(starts > start_threshold)
    stop = np.flatnonzero(ends > (start_threshold if end_threshold is None else end_threshold))
    stop = np.append(stop, starts.size)
    last = stop[np.searchsorted(stop, begin)]
    found = last // max(length, 1) == begin // max(length, 1)
    if max_length is not None:
        found &= last - begin < max_length
    begin, last = begin[found], last[found]
    scores = starts.ravel()[begin].astype(np.float64) * ends.ravel()[last]
    rows, types, first = np.unravel_index(begin, starts.shape)
    return Spans(rows, types, first, first + (last - begin) + 1, scores)


def best_spans(probabilities: Array, max_length: int | None = None) -> Spans:
    """Find the span of each text and type whose start x end is greatest.

    Args:
        probabilities: float (batch, length, types, 2), or without the batch: start, end.
        max_length: Tokens of the longest span; None for any.

    Returns:
        One span for each row and type, in that order; of equals the one that starts first, then
        the shortest. None at all when length is 0.

    Raises:
        ValueError: `probabilities` has another shape, or `max_length` is below 1.
    """
    starts, ends = _start_end(probabilities, max_length)
    batch, types, length = starts.shape
    if not length:
        none = np.zeros(0, np.int64)
        return Spans(none, none, none, none, np.zeros(0))
    best, extra = ends.astype(np.float64), np.zeros(starts.shape, np.int64)
    # The best end at most `more` tokens on: each pass lets spans be one token longer.
    for more in range(1, min(max_length or length, length)):
        farther = ends[..., more:]
        better = farther > best[..., :-more]
        best[..., :-more][better] = farther[better]
        extra[..., :-more][better] = more
    best *= starts
    extra[best == 0] = 0  # ends do not matter to a start of probability 0
    rows, types = (x.ravel() for x in np.indices((batch, types)))
    first = best.argmax(axis=-1).ravel()
    last = first + extra[rows, types, first]
    return Spans(rows, types, first, last + 1, best[rows, types, first])


def span_labels(types: Array, starts: Array, ends: Array, length: int, num_types: int) -> Array:
    """Mark the first and the last token of every span of one text.

    Args:
        types: int (n,). Type of each span, from 0.
        starts: int (n,). First token of each.
        ends: int (n,). One past the last token of each.
        length: Tokens of the text.
        num_types: Types there are.

    Returns:
        int32 (length, num_types, 2), 1 where a span of the type starts, where one ends; else 0.

    Raises:
        ValueError: A span is empty or not inside the text, or its type does not exist.
    """
    types, starts, ends = (np.asarray(x, dtype=np.int64) for x in (types, starts, ends))
    wrong = (starts < 0) | (ends <= starts) | (ends > length) | (types < 0) | (types >= num_types)
    if wrong.any():
        one = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"a span must hold tokens of a text of {length} and have a type below {num_types}, got "
            f"tokens {starts[one]}:{ends[one]} of type {types[one]}"
        )
    labels = np.zeros((length, num_types, 2), dtype=np.int32)
    labels[starts, types, 0] = 1
    labels[ends - 1, types, 1] = 1
    return labels


def _start_end(probabilities: Array, max_length: int | None) -> tuple[Array, Array]:
    """Probabilities of starts and of ends, each float (batch, types, length)."""
    probabilities = np.asarray(probabilities)
    if probabilities.ndim == 3:
        probabilities = probabilities[None]
    if probabilities.ndim != 4 or probabilities.shape[-1] != 2:
        raise ValueError(
            "probabilities must have the shape (batch, length, types, 2) or (length, types, 2), "
            f"got {probabilities.shape}"
        )
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length must be at least 1, got {max_length}")
    # Copies in which the positions of a row and type lie together.
    split = np.ascontiguousarray(probabilities.transpose(3, 0, 2, 1))
    return split[0], split[1]
