"""Trained: the matrices that training leaves, also when it had to stop."""

from dataclasses import dataclass, field

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.vectors.settings import TrainingSettings


@dataclass(repr=False, eq=False)
class Trained:
    """What training leaves.

    Attributes:
        center: float32 (n_words, dim). The matrix w.
        context: float32 (n_words, dim). The matrix c. The same array as `center` with model
            "shared", whose one matrix the least squares make of both at the end.
        losses: For each sweep over one matrix, the mean of f (<w, c> - m)^2 / 2 over all records
            before that sweep, as the C program reports it.
        settings: With every default filled in.
        objectives: All that training minimises, at the same moments: the weighted squares of all
            pairs, also of those that never met, and the regularisation. Empty with AdaGrad.
    """

    center: Array
    context: Array
    losses: list[float]
    settings: TrainingSettings
    objectives: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        words, dim = self.center.shape
        last = f", loss {self.losses[-1]:.4g}" if self.losses else ""
        return f"Trained({words:,} words, dim {dim}, {len(self.losses)} losses{last})"

    def vectors(self) -> Array:
        """The matrix that the model calls its vectors."""
        if self.settings.model == "sum":
            return self.center + self.context
        if self.settings.model == "concat":
            return np.concatenate([self.center, self.context], axis=1)
        return self.center


class TrainingStopped(InputError):
    """The loss rose, or something was not finite; the message says where and why.

    Attributes:
        trained: The last state that was good: finite, and nothing that is minimised had risen.
    """

    def __init__(self, message: str, trained: Trained) -> None:
        super().__init__(message)
        self.trained = trained
