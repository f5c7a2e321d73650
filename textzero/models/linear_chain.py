"""Sums over all paths of a linear chain in `keras.ops`: scores, partition function, marginals.

A path y of a sequence of n tokens scores

    start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_t, y_(t+1)] + end[y_n].

Shapes and dtypes here and in `best_paths`: emissions float32 (batch, length, tags); mask bool
(batch, length), True = token, padding on the right; transitions float32 (tags, tags), from row to
column; start, end float32 (tags,). A sequence without tokens has one path, of score 0. Inside,
tensors are (length, tags, batch): vector instructions run along the batch.

A score that lies 5,000 or more below the largest of its table (`FORBIDDEN` does) forbids.

The recursions multiply scaled weights, exp(score - maximum), so that a step is one matrix
product. A path is lost when a weight falls under the smallest float32. Each result is therefore
checked: if a state that can be reached has a weight below `SMALL`, the batch is computed again
in logarithms (`log_chain`), which loses nothing and takes longer. The gradient of log Z is
written out (it is the marginals), so no backend differentiates a loop, and XLA compiles it. It
cannot be differentiated a second time.
"""

from typing import Any

from keras import ops

from textzero.models import log_chain
from textzero.models.log_chain import collected, lengthen, scan

FORBIDDEN = -1e4
SMALL = 1e-28  # below it the rounding to zero of other weights, 1e-38, may matter
FLOOR = 1e-37

Tensor = Any


def score(
    emissions: Tensor, labels: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Score given paths.

    Args:
        labels: int (batch, length). Anything at padding.

    Returns:
        float32 (batch,).
    """
    length = ops.shape(emissions)[1]
    emissions, mask = lengthen(emissions, mask)
    labels = ops.pad(ops.cast(labels, "int32"), ((0, 0), (0, ops.shape(mask)[1] - length)))
    labels = ops.where(mask, labels, 0)

    @ops.custom_gradient
    def with_gradient(
        emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, weights: Tensor
    ) -> tuple[Tensor, Any]:
        tags = transitions.shape[0]
        last = weights - ops.pad(weights[:, 1:], ((0, 0), (0, 1)))
        chosen = ops.take_along_axis(emissions, labels[:, :, None], axis=2)[:, :, 0]
        total = ops.sum(ops.where(weights > 0, chosen, 0.0), axis=1)
        pairs = ops.take(ops.reshape(transitions, (-1,)), labels[:, :-1] * tags + labels[:, 1:])
        total += ops.sum(pairs * weights[:, 1:], axis=1)
        total += ops.take(start, labels[:, 0]) * weights[:, 0]
        total += ops.sum(ops.take(end, labels) * last, axis=1)

        def gradient(*received: Tensor, upstream: Tensor = None) -> tuple[Tensor, ...]:
            upstream = received[0] if upstream is None else upstream
            hot = ops.one_hot(labels, tags, dtype="float32")
            weighted = hot * (weights * upstream[:, None])[:, :, None]
            before = ops.reshape(hot[:, :-1], (-1, tags))
            after = ops.reshape(weighted[:, 1:], (-1, tags))
            pairs = ops.matmul(ops.transpose(before), after)
            by_end = ops.sum(weighted * last[:, :, None], axis=(0, 1))
            by_start = ops.sum(weighted[:, 0], axis=0)
            return weighted, pairs, by_start, by_end, ops.zeros_like(weights)

        return total, gradient

    return with_gradient(emissions, transitions, start, end, ops.cast(mask, "float32"))


def log_partition(
    emissions: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Take the logarithm of the sum of exp(score) over all paths: float32 (batch,)."""

    @ops.custom_gradient
    def with_gradient(*arguments: Tensor) -> tuple[Tensor, Any]:
        forward = _forward(*arguments)
        value = ops.cond(
            forward["risky"],
            lambda: log_chain.log_partition(*arguments),
            lambda: forward["log_partition"],
        )

        def gradient(*received: Tensor, upstream: Tensor = None) -> tuple[Tensor, ...]:
            upstream = received[0] if upstream is None else upstream
            return _gradients(forward, upstream, *arguments)

        return value, gradient

    return with_gradient(*_batch_last(emissions, mask), transitions, start, end)


def marginals(
    emissions: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Take the probability of each tag at each token: float32 (batch, length, tags), 0 at padding.

    It is the gradient of `log_partition` with respect to the emissions.
    """
    length = ops.shape(emissions)[1]
    arguments = *_batch_last(emissions, mask), transitions, start, end
    ones = ops.ones_like(arguments[1][0, 0])
    posterior = _gradients(_forward(*arguments), ones, *arguments)[0]
    return ops.transpose(posterior, (2, 0, 1))[:, :length]


def next_state_normalisers(emissions: Tensor, transitions: Tensor) -> Tensor:
    """Take logsumexp_j(transitions[i, j] + emissions[t, j]) for every tag i at every position.

    Returns:
        float32 (batch, length, tags). The largest emission where i may go nowhere.
    """
    emissions = ops.transpose(emissions, (1, 2, 0))
    local, local_top = _relative(emissions, axis=1)
    moves, moves_top = _relative(transitions, axis=(0, 1))
    sums = ops.matmul(moves, local)
    risky = _lost(local, sums >= 0, moves, sums, ops.ones_like(local_top))

    def exact() -> Tensor:
        rows = ops.map(
            lambda row: ops.logsumexp(emissions + row[:, None], axis=1), ops.copy(transitions)
        )
        rows = ops.transpose(rows, (1, 0, 2))
        return ops.where(rows - local_top - moves_top <= FORBIDDEN / 2, local_top, rows)

    def scaled() -> Tensor:
        logs = ops.log(ops.maximum(sums, FLOOR)) + local_top + moves_top
        return ops.where(sums > 0, logs, local_top)

    return ops.transpose(ops.cond(risky, exact, scaled), (2, 0, 1))


def _batch_last(emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return (length, tags, batch), zeros at padding, and a float mask (length, 1, batch)."""
    emissions, mask = lengthen(emissions, mask)
    weights = ops.cast(ops.transpose(mask), "float32")[:, None, :]
    return ops.where(weights > 0, ops.transpose(emissions, (1, 2, 0)), 0.0), weights


def _relative(scores: Tensor, axis: Any) -> tuple[Tensor, Tensor]:
    """Return exp(scores - maximum), exactly 0 where forbidden and nowhere else; the maximum."""
    top = ops.max(scores, axis=axis, keepdims=True)
    gap = scores - top
    return ops.where(gap <= FORBIDDEN / 2, 0.0, ops.maximum(ops.exp(gap), FLOOR)), top


def _sums(weights: Tensor) -> Tensor:
    """Sum over tags, never 0, so that it can divide."""
    return ops.maximum(ops.sum(weights, axis=-2, keepdims=True), FLOOR)


def _lost(before: Tensor, factors: Tensor, moves: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """Say whether any reachable weight of `after` is so small that paths may have been lost.

    Args:
        before: (n, tags, batch). Weights one step earlier.
        factors: bool (n, tags, batch). Where the weights were then multiplied by more than 0.
        moves: (tags, tags). Weights of the moves, to row from column.
        after: (n, tags, batch). The result, not normalised.
        mask: (n, 1, batch). Where the step was done.
    """
    small = ops.logical_and(mask > 0, after < SMALL)

    def reachable() -> Tensor:
        support = ops.cast(before > 0, "float32")
        reached = ops.matmul(ops.cast(moves > 0, "float32"), support) > 0
        return ops.any(small & reached & factors)

    return ops.cond(ops.any(small), reachable, lambda: ops.any(mask[:0] > 0))


def _forward(
    emissions: Tensor, mask: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> dict[str, Tensor]:
    """Sum over the paths that lead to each state, from left to right, with scaled weights."""
    first, first_top = _relative(emissions[0] + start[:, None], axis=0)
    local, local_top = (x[1:] for x in _relative(emissions, axis=1))
    moves, moves_top = _relative(ops.transpose(transitions), axis=(0, 1))
    finish, finish_top = _relative(end[:, None], axis=0)

    def step(weights: Tensor, factors: Tensor, real: Tensor) -> Tensor:
        new = ops.matmul(moves, weights) * (factors / _sums(weights))
        return ops.where(real > 0, new, weights)

    alphas = ops.concatenate([first[None], scan(step, first, (local, mask[1:]))], axis=0)
    sums = _sums(alphas)
    ended = ops.sum(alphas[-1] / sums[-1] * finish, axis=0)
    steps = (ops.log(sums[1:]) + local_top + moves_top) * mask[1:]
    total = ops.sum(steps, axis=(0, 1)) + ops.log(sums[0, 0]) + first_top[0]
    total = (total + ops.log(ops.maximum(ended, FLOOR)) + finish_top[0]) * mask[0, 0]
    risky = ops.any((sums < SMALL) & (mask > 0)) | ops.any((first > 0) & (first < SMALL))
    risky = risky | ops.any((ended < SMALL) & (mask[0, 0] > 0))
    risky = risky | _lost(alphas[:-1], local > 0, moves, alphas[1:], mask[1:])
    return {
        "alphas": alphas,
        "sums": sums,
        "local": local,
        "moves": moves,
        "finish": finish,
        "log_partition": total,
        "risky": risky,
    }


def _gradients(
    forward: dict[str, Tensor],
    upstream: Tensor,
    emissions: Tensor,
    mask: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
) -> tuple[Tensor, ...]:
    """Differentiate sum(upstream * log_partition) with respect to the five last arguments."""
    alphas, local, finish = (forward[k] for k in ("alphas", "local", "finish"))
    moves = ops.transpose(forward["moves"])

    def step(weights: Tensor, factors: Tensor, real: Tensor) -> Tensor:
        new = ops.matmul(moves, weights * (factors / _sums(weights)))
        return ops.where(real > 0, new, weights)

    last = ops.zeros_like(alphas[-1]) + finish
    rest = scan(step, last, (local, mask[1:]), reverse=True)
    betas = ops.concatenate([rest, last[None]], axis=0)
    betas = betas / _sums(betas)
    joint = alphas * betas  # the weights of a step come once from the left, once from the right
    sums = ops.sum(joint, axis=1, keepdims=True)
    arriving = local * betas[1:]
    risky = forward["risky"] | ops.any((sums < SMALL) & (mask > 0))
    risky = risky | ops.any((last > 0) & (last < SMALL))
    risky = risky | _lost(arriving, rest >= 0, moves, rest, mask[1:])

    def scaled() -> tuple[Tensor, ...]:
        share = upstream / ops.maximum(sums, FLOOR)
        before = alphas[:-1] / forward["sums"][:-1]
        after = arriving * (share[1:] * mask[1:])
        return collected(joint * share, moves * ops.einsum("tib,tjb->ij", before, after), mask)

    def exact() -> tuple[Tensor, ...]:
        return log_chain.gradients(emissions, mask, transitions, start, end, upstream)

    by_emissions, by_transitions, by_start, by_end = ops.cond(risky, exact, scaled)
    return by_emissions, ops.zeros_like(mask), by_transitions, by_start, by_end
