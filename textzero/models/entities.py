"""Entities: spans of tags as stretches of raw text, and how probable a CRF holds them.

The probability of a span is that of all paths through its tags: sum over the paths before, its own
path, sum over the paths behind that do not carry the span on (forward and backward sums).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textzero._compat import Array
from textzero.models.batches import length_order, pad
from textzero.models.tags import NONE, Span, split_tag

_BATCH = 256


@dataclass(frozen=True)
class Entity:
    """A stretch of a text that is a name, a word or the like.

    Attributes:
        start: Its first character in the raw text.
        end: The character behind its last.
        type: What it is.
        text: The stretch itself, text[start:end].
        score: Its probability where the model has a CRF; otherwise None.
    """

    start: int
    end: int
    type: str
    text: str
    score: float | None = None


@dataclass(frozen=True)
class Chain:
    """Scores of a linear chain over tags; minus infinity where something is not allowed.

    Attributes:
        transitions: float64 (n_tags, n_tags), from the row's tag to the column's.
        start: float64 (n_tags,).
        end: float64 (n_tags,).
        carries_on: bool (n_tags, n_tags), whether the column's tag continues the row's span.
    """

    transitions: Array
    start: Array
    end: Array
    carries_on: Array


def continuations(tags: Sequence[str], scheme: str) -> Array:
    """Return whether a tag continues the span of the one before: bool (n_tags, n_tags)."""
    if scheme == NONE:
        return np.zeros((len(tags), len(tags)), bool)
    parts = [split_tag(tag) for tag in tags]
    pairs = [[a in "BI" and b in "IE" and x == y for b, y in parts] for a, x in parts]
    return np.array(pairs, bool)


def span_probabilities(
    emissions: Sequence[Array], tags: Sequence[Array], spans: Sequence[Sequence[Span]], chain: Chain
) -> list[list[float]]:
    """Return the probability of each span, its type included, given the text.

    Args:
        emissions: For each text float (n_tokens, n_tags).
        tags: For each text int (n_tokens,), the tags that the spans were read from.
        spans: For each text its spans.
        chain: The scores between tags.
    """
    results: list[list[float]] = [[] for _ in emissions]
    held = [place for place, found in enumerate(spans) if found]
    lengths = np.array([len(emissions[place]) for place in held])
    for order in length_order(lengths, _BATCH) if held else ():
        places = [held[k] for k in order]
        batch = pad([np.asarray(emissions[p], np.float64) for p in places], int(lengths[order[0]]))
        before, behind, total = _sums(batch, lengths[order], chain)
        for row, place in enumerate(places):
            own = tags[place], int(lengths[order[row]])
            results[place] = [
                _probability(batch[row], before[row], behind[row], total[row], *own, span, chain)
                for span in spans[place]
            ]
    return results


def _probability(
    emissions: Array,
    before: Array,
    behind: Array,
    total: float,
    tags: Array,
    length: int,
    span: Span,
    chain: Chain,
) -> float:
    """The probability of one span of a text of `length` tokens."""
    first, stop, _ = span
    path, last = tags[first:stop], stop - 1
    inner = chain.transitions[path[:-1], path[1:]].sum()
    inner += emissions[np.arange(first + 1, stop), path[1:]].sum()
    if stop == length:
        rest = chain.end[path[-1]]
    else:
        onward = chain.transitions[path[-1]] + emissions[last + 1] + behind[last + 1]
        rest = _log_sum(np.where(chain.carries_on[path[-1]], -np.inf, onward))
    return float(min(1.0, np.exp(before[first, path[0]] + inner + rest - total)))


def _sums(emissions: Array, lengths: Array, chain: Chain) -> tuple[Array, Array, Array]:
    """Logarithms of sums over paths.

    Returns:
        before: float64 (batch, length, tags). Over the paths up to and with a token's tag.
        behind: The same, over the paths behind it, without it.
        total: float64 (batch,). Over all paths.
    """
    before, behind = np.zeros_like(emissions), np.zeros_like(emissions)
    steps = emissions.shape[1]
    with np.errstate(divide="ignore"):
        moves = np.exp(chain.transitions)
        before[:, 0] = chain.start + emissions[:, 0]
        for t in range(1, steps):
            new = _times(before[:, t - 1], moves) + emissions[:, t]
            real = (lengths > t)[:, None]
            before[:, t] = np.where(real, new, before[:, t - 1])  # the last sum stays to the end
        behind[:] = chain.end
        for t in range(steps - 2, -1, -1):
            new = _times(behind[:, t + 1] + emissions[:, t + 1], moves.T)
            behind[:, t] = np.where((lengths > t + 1)[:, None], new, chain.end)
    return before, behind, np.array([_log_sum(row) for row in before[:, -1] + chain.end])


def _times(logs: Array, moves: Array) -> Array:
    """log(exp(logs) @ moves), each row scaled by its maximum."""
    top = logs.max(axis=1, keepdims=True)
    return np.log(np.exp(logs - top) @ moves) + top


def _log_sum(logs: Array) -> float:
    top = logs.max()
    return float(top + np.log(np.exp(logs - top).sum())) if np.isfinite(top) else -np.inf
