"""`saliency`: what each word of a text did for a model's decision, by five methods."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.models.out_of_memory import told_out_of_memory
from textzero.models.saliency.explainers import Explainers, explainers
from textzero.models.saliency.gradients import (
    BASELINES,
    SMALLEST,
    gradient_input,
    integrated_gradients,
)
from textzero.models.saliency.occlusion import occlusion
from textzero.models.saliency.result import Saliencies, Saliency
from textzero.models.saliency.source import EncodedText

METHODS = ("state", "logit", "integrated-gradients", "gradient-input", "occlusion")


@told_out_of_memory()
def saliency(
    model: Any,
    texts: str | Sequence[str],
    method: str = "logit",
    *,
    target: Any = None,
    encode: Callable[[str], Any] | None = None,
    labels: Sequence[Any] | None = None,
    outputs: str = "auto",
    batch_size: int = 64,
    baseline: str = "zero",
    tolerance: float = 0.01,
) -> Saliencies:
    """Say what each word of each text did for the model's decision.

    `state` is the article's (4582): how far each word moves the last recurrent state to its end;
    sums to 1, belongs to no class. `logit`: what each step adds to the log-odds of the class; sums
    to their change from the empty state. `integrated-gradients`: the gradient at the words'
    vectors, averaged on the way from a baseline; sums to the change of the log-odds.
    `gradient-input`: gradient times vector, one pass. `occlusion`: log-odds lost when a word is
    taken out, a pass a word. The last three need no recurrent layer.

    Args:
        model: A Classifier, or a functional or sequential Keras model that begins with an
            embedding and ends with class scores.
        texts: The texts (one string is one text).
        method: One of `METHODS`.
        target: The class to explain, by label or number, for all texts; None takes what the model
            predicts for each.
        encode: For a Keras model: text -> (tokens, ids).
        labels: What a Keras model's classes are called.
        outputs: "logits" or "probabilities" where the last layer is neither Dense nor an
            activation and gives probabilities.
        batch_size: Texts at once.
        baseline: Of integrated-gradients: "zero" vectors, the vector of "padding" (id 0) or of
            an "unknown" word (id 1).
        tolerance: Greatest completeness error of integrated-gradients; steps double until it
            is met (at most 1,024).

    Returns:
        A Saliency for each text, in order.

    Raises:
        ResourceError: There is too little memory.
        ValueError: An argument is out of its range, or the model is not of this kind.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if baseline not in BASELINES:
        raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, got {baseline!r}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be above 0, got {tolerance}")
    held = explainers(model, encode, labels, outputs)
    wanted = held.source.target(target)
    encoded = held.source.encode([texts] if isinstance(texts, str) else list(texts))
    targets = np.full(len(encoded), wanted, np.int32)
    if method in {"state", "logit"}:
        return _recurrent(held, encoded, targets, method, batch_size)
    targets, log_odds = held.decide(encoded, targets, batch_size)
    if method == "integrated-gradients":
        values, starts = integrated_gradients(
            held, encoded, targets, log_odds, batch_size, baseline, tolerance
        )
        errors: list[float | None] = [
            _relative(row.sum(dtype=np.float64), now - start)
            for row, now, start in zip(values, log_odds, starts, strict=True)
        ]
    else:
        function = gradient_input if method == "gradient-input" else occlusion
        values, errors = (
            function(held, encoded, targets, log_odds, batch_size),
            [None] * len(encoded),
        )
    rows = zip(encoded, values, targets, log_odds, errors, strict=True)
    return Saliencies(_result(held, method, *row) for row in rows)


def _recurrent(
    held: Explainers, texts: list[EncodedText], targets: Array, method: str, batch_size: int
) -> Saliencies:
    results: list[Any] = [None] * len(texts)
    names = held.recurrent.names
    for places, found in held.run(method, texts, targets, batch_size):
        for row, place in enumerate(places):
            values = found["values"][row]
            if method == "state":
                error = abs(float(values.sum(dtype=np.float64)) - 1) if values.any() else 0.0
            else:
                change = float(found["log_odds"][row]) - float(found["start"][row])
                error = _relative(values.sum(dtype=np.float64), change)
            length = len(texts[place])
            parts = {}
            if len(names) > 1:
                parts = {name: found["parts"][row, k, :length] for k, name in enumerate(names)}
            results[place] = _result(
                held, method, texts[place], values, found["target"][row], found["log_odds"][row],
                error, parts,
            )  # fmt: skip
    return Saliencies(results)


def _result(
    held: Explainers,
    method: str,
    text: EncodedText,
    values: Array,
    target: Any,
    log_odds: Any,
    error: float | None,
    parts: dict[str, Array] | None = None,
) -> Saliency:
    length = len(text)
    return Saliency(
        text.text,
        text.tokens,
        text.spans,
        np.ascontiguousarray(values[:length], np.float32),
        held.source.labels[int(target)],
        probability(float(log_odds)),
        method,
        error,
        float(values[length:].sum()),
        parts or {},
    )


def probability(log_odds: float) -> float:
    """Return 1 / (1 + exp(-log_odds))."""
    return float(1 / (1 + np.exp(-np.clip(log_odds, -700, 700))))


def _relative(total: float, change: float) -> float:
    """|total - change| as a share of the change, which counts for at least `SMALLEST`."""
    return abs(float(total) - float(change)) / max(abs(float(change)), SMALLEST)
