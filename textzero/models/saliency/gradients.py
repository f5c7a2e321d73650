"""`integrated-gradients` and `gradient-input`: the gradient at the words' vectors.

Integrated gradients (article 7533; Sundararajan, Taly, Yan 2017): with e the vectors of the text,
e0 a baseline and F the log-odds of the class,

    value of word i = sum over d of (e - e0)_(i,d) * integral over a in [0, 1] of
                      dF/de_(i,d) at e0 + a (e - e0)

and all values together are F(e) - F(e0). The integral is a Gauss-Legendre sum; texts whose values
miss that by more than the tolerance are done again with twice the steps. The mask stays that of
the text. Words that the model masks have exactly 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from textzero._compat import Array
from textzero.models.saliency import _autodiff
from textzero.models.saliency.explainers import Explainers
from textzero.models.saliency.masks import mask_of, with_mask
from textzero.models.saliency.probe import Slot, Tensor, cut, embedding_calls, evaluate, needed
from textzero.models.saliency.source import EncodedText

BASELINES = ("zero", "padding", "unknown")
SMALLEST = 1e-3  # a change of log-odds below this counts as this when an error is its share
_FIRST, _MOST = 16, 1024


def integrated_gradients(
    held: Explainers,
    texts: Sequence[EncodedText],
    targets: Array,
    log_odds: Array,
    batch_size: int,
    baseline: str,
    tolerance: float,
) -> tuple[list[Array], Array]:
    """Return each text's values with its padding's, and float32 (n,) log-odds of the baseline."""
    values: list[Any] = [None] * len(texts)
    starts = np.zeros(len(texts), np.float32)
    at = _compiled(held, baseline)
    left: Any = np.arange(len(texts))
    steps = _FIRST
    while len(left):
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        shares = np.append(0, (nodes + 1) / 2)  # the baseline too, with no weight
        weights = np.append(0, weights / 2)
        missed = []
        for places, arrays in held.source.batches([texts[k] for k in left.tolist()], batch_size):
            inputs = held.inputs(places, arrays, targets[left])
            begun, total = _summed(at, inputs, shares, weights, batch_size)
            for row, place in enumerate(left[places]):
                values[place], starts[place] = total[row].astype(np.float32), begun[row]
                change = float(log_odds[place]) - float(begun[row])
                if abs(total[row].sum() - change) > tolerance * max(abs(change), SMALLEST):
                    missed.append(place)
        steps *= 2
        left = np.array(missed if steps <= _MOST else [], np.int64)
    return values, starts


def _summed(
    at: Callable[..., Any], inputs: dict[str, Array], shares: Array, weights: Array, batch_size: int
) -> tuple[Array, Array]:
    """Return log-odds (rows,) at the first share, and the weighted sum (rows, length) over all.

    Few texts go through the network with several shares at once, `batch_size` rows.
    """
    rows, length = inputs["input_0"].shape
    together = max(1, batch_size // rows)
    begun, total = np.zeros(rows, np.float32), np.zeros((rows, length))
    for first in range(0, len(shares), together):
        part = slice(first, first + together)
        count = len(shares[part])
        repeated = {name: np.repeat(array, count, axis=0) for name, array in inputs.items()}
        value, found = at(repeated, np.tile(shares[part], rows).astype(np.float32))
        found = ops.convert_to_numpy(found).reshape(rows, count, length)
        total += np.einsum("s,rsl->rl", weights[part], found)
        if not first:
            begun = ops.convert_to_numpy(value).reshape(rows, count)[:, 0]
    return begun, total


def gradient_input(
    held: Explainers,
    texts: Sequence[EncodedText],
    targets: Array,
    log_odds: Array,  # noqa: ARG001 - as the other methods
    batch_size: int,
) -> list[Array]:
    """Return each text's gradient times vector, with its padding's."""
    values: list[Any] = [None] * len(texts)
    at = _compiled(held, "zero")
    for places, arrays in held.source.batches(texts, batch_size):
        whole = np.ones(len(arrays[0]), np.float32)
        _, found = at(held.inputs(places, arrays, targets), whole)
        rows = ops.convert_to_numpy(found)
        for row, place in enumerate(places):
            values[place] = rows[row]
    return values


def _compiled(held: Explainers, baseline: str) -> Callable[..., Any]:
    """Return the compiled `_gradient_at` of a model, made once."""
    if baseline not in held.compiled:
        held.compiled[baseline] = _autodiff.compiled(_gradient_at(held, baseline))
    return held.compiled[baseline]


def _gradient_at(held: Explainers, baseline: str) -> Callable[..., Any]:
    """Return a function of inputs and float32 (batch,) shares of the way from the baseline.

    It returns float32 (batch,) the log-odds there, and float32 (batch, length): the gradient there
    times the whole way, summed over the vectors' dimensions.
    """
    graph, scores = held.source.graph, held.scores
    calls = embedding_calls(graph)
    vectors = [call.outputs[0] for call in calls]
    parts = cut(graph, vectors, scores.output, also=vectors)

    def embedded(given: dict[Slot, Tensor]) -> list[Tensor]:
        found = evaluate(needed(parts.front, vectors), given)
        return [found[slot] for slot in vectors]

    def gradient_at(inputs: dict[str, Tensor], share: Tensor) -> tuple[Tensor, Tensor]:
        given = {slot: inputs[f"input_{k}"] for k, slot in enumerate(graph.inputs)}
        values = evaluate(parts.front, given)
        ends = [values[slot] for slot in vectors]
        masks = [mask_of(end) for end in ends]
        if baseline == "zero":
            begins = [ops.zeros_like(end) for end in ends]
        else:
            number = 1 if baseline == "unknown" else 0
            begins = embedded({slot: ops.full_like(x, number) for slot, x in given.items()})

        def log_odds(*points: Tensor) -> Tensor:
            masked = [with_mask(point, mask) for point, mask in zip(points, masks, strict=True)]
            known = {slot: values[slot] for slot in parts.beside}
            known |= dict(zip(vectors, masked, strict=True))
            logits = scores.logits(evaluate(parts.back, known)[scores.output])
            return scores.log_odds(logits, inputs["target"])

        ways = [end - begin for end, begin in zip(ends, begins, strict=True)]
        points = [
            begin + ops.cast(share, begin.dtype)[:, None, None] * way
            for begin, way in zip(begins, ways, strict=True)
        ]
        value, slopes = _autodiff.gradients(log_odds, points)
        terms = [
            ops.sum(ops.cast(slope, "float32") * ops.cast(way, "float32"), axis=-1)
            for slope, way in zip(slopes, ways, strict=True)
        ]
        return value, sum(terms[1:], terms[0])

    return gradient_at
