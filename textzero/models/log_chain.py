"""What `linear_chain` computes, in logarithms: for scores so unequal that weights would vanish.

Tensors are (length, tags, batch); the mask is float32 (length, 1, batch).
"""

from typing import Any

from keras import ops

Tensor = Any


def lengthen(emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Add padding where a length below 2 is possible, so that there is a step to take.

    Args:
        emissions: (batch, length, tags).
        mask: bool (batch, length).
    """
    length = emissions.shape[1]
    if length is not None and length >= 2:
        return emissions, mask
    mask = ops.pad(ops.cast(mask, "int32"), ((0, 0), (0, 2))) > 0
    return ops.pad(emissions, ((0, 0), (0, 2), (0, 0))), mask


def scan(step: Any, first: Any, inputs: tuple[Tensor, ...], reverse: bool = False) -> Any:
    """Stack the states after each step.

    The steps look their inputs up by number: `ops.scan` over several inputs of unknown length
    fails on TensorFlow (Keras 3.15.1).
    """

    def numbered(state: Any, t: Tensor) -> tuple[Any, Any]:
        state = step(state, *(x[t] for x in inputs))
        return state, state

    return ops.scan(numbered, first, ops.arange(ops.shape(inputs[0])[0]), reverse=reverse)[1]


def collected(posterior: Tensor, pairs: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """Put the four gradients together; the posterior at padding is that of the last token."""
    by_start = ops.sum(posterior[0] * mask[0], axis=1)
    by_end = ops.sum(posterior[-1] * mask[0], axis=1)
    return posterior * mask, pairs, by_start, by_end


def _forward(
    emissions: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Sum over the paths to each state: (length, tags, batch); log Z: (batch,)."""

    def step(logs: Tensor, here: Tensor, real: Tensor) -> Tensor:
        new = ops.logsumexp(logs[:, None, :] + transitions[:, :, None], axis=0) + here
        return ops.where(real > 0, new, logs)

    first = emissions[0] + start[:, None]
    logs = ops.concatenate([first[None], scan(step, first, (emissions[1:], mask[1:]))], axis=0)
    return logs, ops.logsumexp(logs[-1] + end[:, None], axis=0) * mask[0, 0]


def log_partition(
    emissions: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Take log Z: float32 (batch,)."""
    return _forward(emissions, mask, transitions, start, end)[1]


def gradients(
    emissions: Tensor,
    mask: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    upstream: Tensor,
) -> tuple[Tensor, ...]:
    """Differentiate sum(upstream * log Z) by emissions, transitions, start and end."""
    alphas, total = _forward(emissions, mask, transitions, start, end)

    def step(logs: Tensor, here: Tensor, real: Tensor) -> Tensor:
        new = ops.logsumexp((logs + here)[None] + transitions[:, :, None], axis=1)
        return ops.where(real > 0, new, logs)

    last = ops.zeros_like(alphas[-1]) + end[:, None]
    rest = scan(step, last, (emissions[1:], mask[1:]), reverse=True)
    betas = ops.concatenate([rest, last[None]], axis=0)
    posterior = ops.softmax(alphas + betas, axis=1) * upstream

    def add_pairs(t: Tensor, pairs: Tensor) -> Tensor:
        arriving = emissions[t] + betas[t] - total
        logs = alphas[t - 1][:, None, :] + transitions[:, :, None] + arriving[None]
        weights = upstream * mask[t, 0]
        return pairs + ops.sum(ops.where(weights != 0, ops.exp(logs) * weights, 0.0), axis=2)

    pairs = ops.fori_loop(1, ops.shape(alphas)[0], add_pairs, ops.zeros_like(transitions))
    return collected(posterior, pairs, mask)
