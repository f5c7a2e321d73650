"""The best paths of a linear chain in `keras.ops`: Viterbi, and the k best.

Shapes are those of `linear_chain`. What is forbidden there is forbidden here: a path with a
forbidden step is found only if there is no other. The forward loop keeps scores only; the
pointers back are computed again along the best path, so a step is an addition and a maximum.
"""

from typing import Any

from keras import ops

from textzero.models.linear_chain import FORBIDDEN
from textzero.models.log_chain import lengthen, scan

Tensor = Any

HARD = -1e6  # beyond any sum of honest scores, and small enough that float32 still orders paths
ABSENT = -1e30


def harden(scores: Tensor) -> Tensor:
    """Put forbidden scores out of reach of any sum of the others."""
    top = ops.max(scores)
    return ops.where(scores - top <= FORBIDDEN / 2, top + HARD, scores)


def viterbi(
    emissions: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Find the best path of each sequence; of equal paths the one with the lower last tags.

    Returns:
        int32 (batch, length), 0 at padding.
    """
    length = ops.shape(emissions)[1]
    emissions, mask = lengthen(emissions, mask)
    transitions, start, end = harden(transitions), harden(start), harden(end)
    emissions, real = ops.transpose(emissions, (1, 2, 0)), ops.transpose(mask)[:, None, :]
    first = ops.where(real[0], emissions[0], 0.0) + start[:, None]

    def step(scores: Tensor, here: Tensor, now: Tensor) -> Tensor:
        new = ops.max(scores[:, None, :] + transitions[:, :, None], axis=0) + here
        return ops.where(now, new, scores)

    def back(tag: Tensor, before: Tensor, now: Tensor) -> Tensor:
        return ops.where(now[0], _first_best(before + ops.take(transitions, tag, axis=1)), tag)

    scores = ops.concatenate([first[None], scan(step, first, (emissions[1:], real[1:]))], axis=0)
    last = _first_best(scores[-1] + end[:, None])
    path = scan(back, last, (scores[:-1], real[1:]), reverse=True)
    path = ops.transpose(ops.concatenate([path, last[None]], axis=0))
    return ops.where(mask, path, 0)[:, :length]


def _first_best(scores: Tensor) -> Tensor:
    """Do what `argmax` does over the first axis, in two reductions that vectorise."""
    size = scores.shape[0]
    ids = ops.arange(size, dtype="int32")[:, None]
    return ops.min(ops.where(scores >= ops.max(scores, axis=0), ids, size - 1), axis=0)


def n_best(
    emissions: Tensor, k: int, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Find the k best paths of each sequence, best first.

    Returns:
        paths: int32 (batch, k, length), 0 at padding.
        scores: float32 (batch, k). The paths' scores, not normalised; -inf, with a path of zeros,
            where fewer than k paths are allowed. A sequence without tokens has one path.
    """
    length = ops.shape(emissions)[1]
    emissions, mask = lengthen(emissions, mask)
    transitions, start, end = harden(transitions), harden(start), harden(end)
    emissions, real = ops.transpose(emissions, (1, 0, 2)), ops.transpose(mask)[:, :, None]
    tags = transitions.shape[0]
    arriving = ops.transpose(transitions)[None, :, :, None]
    first = (ops.where(real[0], emissions[0], 0.0) + start)[:, :, None]
    first = ops.pad(first, ((0, 0), (0, 0), (0, k - 1)), constant_values=ABSENT)
    nowhere = ops.cast(ops.zeros_like(ops.reshape(first, (-1, tags * k))), "int32")

    def step(state: tuple[Tensor, Tensor], here: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        candidates = ops.reshape(state[0][:, None] + arriving, (-1, tags, tags * k))
        new, chosen = ops.top_k(candidates, k)
        new = ops.where(now[:, :, None], new + here[:, :, None], state[0])
        return new, ops.reshape(ops.cast(chosen, "int32"), (-1, tags * k))

    def back(state: Tensor, pointers: Tensor, now: Tensor) -> Tensor:
        return ops.where(now, ops.take_along_axis(pointers, state, axis=1), state)

    scores, pointers = scan(step, (first, nowhere), (emissions[1:], real[1:]))
    best, last = ops.top_k(ops.reshape(scores[-1] + end[:, None], (-1, tags * k)), k)
    last = ops.cast(last, "int32")
    states = scan(back, last, (pointers, real[1:]), reverse=True)
    states = ops.concatenate([states, last[None]], axis=0)
    best = ops.where(real[0], best, ops.where(ops.arange(k) == 0, 0.0, ABSENT))
    exists = best > HARD / 2
    paths = ops.transpose(states // k, (1, 2, 0))
    paths = ops.where(exists[:, :, None] & mask[:, None, :], paths, 0)
    return paths[:, :, :length], ops.where(exists, best, -float("inf"))
