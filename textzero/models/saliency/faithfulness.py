"""Deletion and insertion curves: whether the words that a method puts first do decide.

Deletion takes words out of a text in the order of their values, highest first, and watches the
probability of the explained class: the faster it falls, the better the method, so the smaller the
area under the curve. Insertion begins with the empty text and puts words back in the same order,
each at its place: the larger the area, the better. Random orders say what an order is worth.

Words are removed and the rest moves together, rather than replaced by padding or by the unknown
word: a shorter text is something that the model has seen in training, a row of unknown words is
not, and a model without masks reads padding. (A recurrent layer that masks padding cannot tell.)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.models.saliency.explain import METHODS, probability, saliency
from textzero.models.saliency.explainers import Explainers, explainers
from textzero.models.saliency.result import Saliency
from textzero.models.saliency.source import EncodedText

_AT_ONCE = 128  # texts whose shortened forms are held at once


@dataclass(frozen=True, eq=False)
class Curve:
    """The probability of the explained class while words go or come.

    Attributes:
        kind: "deletion" or "insertion".
        shares: float32 (points,), the share of words that are gone, or there: 0 to 1.
        values: float32 (texts, points).
    """

    kind: str
    shares: Array
    values: Array

    @property
    def areas(self) -> Array:
        """float32 (texts,): the area under each text's curve, 0 to 1."""
        return np.trapezoid(self.values, self.shares, axis=1).astype(np.float32)

    @property
    def mean(self) -> Array:
        """float32 (points,): the mean curve."""
        return self.values.mean(axis=0)

    @property
    def area(self) -> float:
        """The mean area; NaN without texts."""
        return float(self.areas.mean()) if len(self.values) else float("nan")

    def summary(self) -> dict[str, Any]:
        """Return kind, texts, area, its standard error, and the mean curve."""
        count = len(self.values)
        spread = float(self.areas.std(ddof=1) / np.sqrt(count)) if count > 1 else 0.0
        return {
            "kind": self.kind,
            "texts": count,
            "area": round(self.area, 6),
            "standard_error": round(spread, 6),
            "mean": [round(float(x), 6) for x in self.mean] if count else [],
        }


def deletion_curve(
    model: Any,
    results: Sequence[Saliency],
    *,
    encode: Callable[[str], Any] | None = None,
    labels: Sequence[Any] | None = None,
    outputs: str = "auto",
    points: int = 21,
    batch_size: int = 64,
) -> Curve:
    """Take words out, highest value first, and watch the class that each result explains.

    Args:
        model: What `saliency` was given; encode, labels and outputs too.
        results: From `saliency`.
        encode: For a Keras model: text -> (tokens, ids).
        labels: What a Keras model's classes are called.
        outputs: See `saliency`.
        points: How many shares of words, 0 and 1 included.
        batch_size: Texts at once.

    Raises:
        ValueError: points is below 2, or a result does not belong to this model.
    """
    held = explainers(model, encode, labels, outputs)
    return _curve(held, results, [_order(one) for one in results], "deletion", points, batch_size)


def insertion_curve(
    model: Any,
    results: Sequence[Saliency],
    *,
    encode: Callable[[str], Any] | None = None,
    labels: Sequence[Any] | None = None,
    outputs: str = "auto",
    points: int = 21,
    batch_size: int = 64,
) -> Curve:
    """Put words back into the empty text, highest value first; arguments of `deletion_curve`."""
    held = explainers(model, encode, labels, outputs)
    return _curve(held, results, [_order(one) for one in results], "insertion", points, batch_size)


def faithfulness(
    model: Any,
    texts: Sequence[str],
    methods: Sequence[str] = METHODS,
    *,
    encode: Callable[[str], Any] | None = None,
    labels: Sequence[Any] | None = None,
    outputs: str = "auto",
    points: int = 21,
    batch_size: int = 64,
    seed: int = 0,
) -> dict[str, dict[str, Curve]]:
    """Return both curves of each method, and of a random order, for the predicted classes.

    Args:
        model: See `saliency`; also texts, encode, labels, outputs, batch_size.
        texts: The same for all methods.
        methods: Which.
        encode: For a Keras model: text -> (tokens, ids).
        labels: What a Keras model's classes are called.
        outputs: See `saliency`.
        points: Of a curve.
        batch_size: Texts at once.
        seed: Of the random order.

    Returns:
        {method: {"deletion": Curve, "insertion": Curve}}, "random" the last.
    """
    held = explainers(model, encode, labels, outputs)
    found: dict[str, dict[str, Curve]] = {}
    results: Sequence[Saliency] = []
    for method in methods:
        results = saliency(
            model, texts, method, encode=encode, labels=labels, outputs=outputs,
            batch_size=batch_size,
        )  # fmt: skip
        orders = [_order(one) for one in results]
        found[method] = _both(held, results, orders, points, batch_size)
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(len(one.tokens)) for one in results]
    found["random"] = _both(held, results, orders, points, batch_size)
    return found


def _order(result: Saliency) -> Array:
    return np.argsort(-result.values, kind="stable")


def _both(
    held: Explainers, results: Sequence[Saliency], orders: list[Array], points: int, batch_size: int
) -> dict[str, Curve]:
    return {
        kind: _curve(held, results, orders, kind, points, batch_size)
        for kind in ("deletion", "insertion")
    }


def _curve(
    held: Explainers,
    results: Sequence[Saliency],
    orders: list[Array],
    kind: str,
    points: int,
    batch_size: int,
) -> Curve:
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points}")
    shares = np.linspace(0, 1, points, dtype=np.float32)
    values = np.zeros((len(results), points), np.float32)
    for start in range(0, len(results), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        texts = held.source.encode([one.text for one in results[part]])
        variants: list[EncodedText] = []
        for text, result, order in zip(texts, results[part], orders[part], strict=True):
            if text.tokens != result.tokens:
                raise ValueError(
                    f"results must come from this model: it reads {len(text)} tokens in a text "
                    f"that the result has {len(result.tokens)} of"
                )
            variants += _shortened(text, order, kind, shares)
        targets = np.repeat([held.source.target(one.label) for one in results[part]], points)
        _, log_odds = held.decide(variants, targets, batch_size)
        values[part] = np.array([probability(x) for x in log_odds]).reshape(-1, points)
    return Curve(kind, shares, values)


def _shortened(text: EncodedText, order: Array, kind: str, shares: Array) -> Iterator[EncodedText]:
    for share in shares:
        count = round(float(share) * len(text))
        kept = order[count:] if kind == "deletion" else order[:count]
        yield text.kept(np.sort(kept))
