"""All segmentations of a text, from the words that stand in it: the n best, one drawn, sums."""

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.characters import code_points
from textzero.information import logs_of
from textzero.kernels.reference.segment import SPACES


class Lattice:
    """The words of a text as edges between the places where it may be cut.

    Args:
        kernels: Twin of `kernels/reference/segment.py`; its `lattice` has the definition.
        model: Its handle on the words.
        log_probabilities: float64 (n_words,). Of the words.
        text: Any string.
    """

    def __init__(
        self, kernels: ModuleType, model: Any, log_probabilities: Array, text: str
    ) -> None:
        self._kernels, self._text = kernels, text
        found = kernels.lattice(model, code_points(text))
        self._places, self._offsets, self._starts, self._words, self._scores = found
        self._logs = logs_of(self._words, self._scores, log_probabilities)

    def n_best(self, n: int, spaces: bool) -> list[tuple[list[str], float]]:
        """Return the `n` most probable segmentations and their log-probabilities, best first."""
        edges, ends = self._kernels.best_paths(self._offsets, self._starts, self._scores, n)
        paths = [edges[first:last] for first, last in pairwise(ends.tolist())]
        return [(self._tokens(path, spaces), float(self._logs[path].sum())) for path in paths]

    def draw(
        self, alpha: float, seed: "int | Sequence[int] | np.random.Generator", spaces: bool
    ) -> list[str]:
        """Draw a segmentation with a probability proportional to P(segmentation) ** alpha."""
        powers = self._logs * alpha
        sums = self._kernels.forward(self._offsets, self._starts, powers)
        uniforms = np.random.default_rng(seed).random(self._places.size)
        path = self._kernels.draw_path(self._offsets, self._starts, powers, sums, uniforms)
        return self._tokens(path, spaces)

    def log_marginal(self) -> float:
        """Return ln P(text)."""
        return float(self._kernels.forward(self._offsets, self._starts, self._logs)[-1])

    def marginals(self) -> Array:
        """float64 (len(text) + 1,): the probability that the text is cut before each character."""
        before = self._kernels.forward(self._offsets, self._starts, self._logs)
        behind = self._kernels.backward(self._offsets, self._starts, self._logs)
        cuts = np.zeros(len(self._text) + 1)
        cuts[self._places] = np.exp(np.minimum(before + behind - before[-1], 0.0))
        return cuts

    def _tokens(self, path: Array, spaces: bool) -> list[str]:
        begins = self._places[self._starts[path]].tolist()
        kept = (self._words[path] != SPACES).tolist()
        bounds = zip(pairwise([*begins, len(self._text)]), kept, strict=True)
        return [self._text[a:b] for (a, b), word in bounds if word or spaces]
