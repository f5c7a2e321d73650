"""TrainingSettings: what decides the vectors besides the co-occurrences, and its defaults."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from textzero._arguments import at_least_one, check_fields
from textzero.vectors.dimension import dimension_for

MODELS = ("center", "shared", "concat", "sum")
SOLVERS = ("least-squares", "adagrad")
MARGINALS = ("words", "pairs")


@dataclass(frozen=True)
class TrainingSettings:
    """What decides the vectors besides the co-occurrences.

    Attributes:
        dim: Length of a vector (of each half with model "concat"); "auto" for as much as so many
            words need, see `dimension_for`.
        model: "center": the vectors w, the best of the four. "sum": w + c. "concat": [w; c], 2 dim
            long. "shared": one matrix is both, the author's default; least squares train two and
            make one of them at the end (see `shared.share`), "adagrad" trains one.
        unobserved_weight: Weight of the pairs that never met (0.03). 0 is the author's loss,
            and the only value that AdaGrad knows; it changes the default of `weight_offset` to his.
        unobserved_power: p: a pair that never met weighs unobserved_weight u_i u_j, and a row's
            regularisation u_i lambda, with u = n^p scaled to a mean of 1. 0: all the same.
        weight_offset: Added to the weight of each observed pair (0.1, or 0 for the author's loss).
        smoothing: s, the power of the context distribution. 1: products are mutual information.
        clip: Lower bound of the targets (-inf: none). 0.0 is what PPMI means.
        shift: k; ln k is subtracted from each target before it is clipped, which is what skip-gram
            with k negative samples fits. Pairs that never met keep their target of 0.
        marginals: Where P(i) comes from: "words", counts of words, as the author does, or "pairs",
            the sums of the matrix's own rows, which see that the ends of short documents have
            fewer neighbours.
        x_max: The count at which the weight (x / x_max) ** exponent reaches 1 (100 for flat
            windows, 10 for harmonic ones).
        exponent: See x_max.
        truncate: Whether the weight stays at 1 above x_max. Without, the norms of frequent words
            fit better.
        regularisation: lambda. It is scaled down where words have few records, lest the vectors of
            a short text vanish.
        tolerance: Training ends when a sweep over both matrices lessens what is minimised by a
            smaller part than this.
        sweeps: At most so many sweeps (20); with AdaGrad, exactly so many epochs (30).
        steps: Conjugate-gradient steps for each row and sweep.
        flattening: p; at the end w is multiplied by G^-p and c by G^p, where G = C'C / n_words, so
            that products stay and the directions of w are more alike in size. 0.125 is better in
            similarity, most for verbs, and a little worse in analogies. 1 at most; model "center"
            only.
        seed: Of the random start.
        solver: "least-squares", or "adagrad", the author's stochastic gradients.
    """

    dim: int | Literal["auto"] = 128
    model: str = "center"
    unobserved_weight: float | None = None
    unobserved_power: float = 0.0
    weight_offset: float | None = None
    smoothing: float = 1.0
    clip: float = -math.inf
    shift: float = 1.0
    marginals: str = "words"
    x_max: float | None = None
    exponent: float = 0.75
    truncate: bool = True
    regularisation: float = 1.0
    tolerance: float = 0.005
    sweeps: int | None = None
    steps: int = 1
    flattening: float = 0.125
    seed: int = 0
    solver: str = "least-squares"

    def __post_init__(self) -> None:
        check_fields(self)
        choices = {"model": MODELS, "marginals": MARGINALS, "solver": SOLVERS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        for name in ("dim", "sweeps", "steps"):
            value = getattr(self, name)
            if value not in ("auto", None):
                at_least_one(name, value)
        for name in (
            *("unobserved_weight", "unobserved_power", "weight_offset", "smoothing", "exponent"),
            *("regularisation", "tolerance", "flattening", "seed"),
        ):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} must not be negative or infinite, got {value}")
        for name in ("x_max", "shift"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if self.flattening > 1:
            raise ValueError(f"flattening must be at most 1, got {self.flattening}")
        if self.solver == "adagrad" and self.unobserved_weight:
            raise ValueError(
                "AdaGrad visits only pairs that met: unobserved_weight must be 0, got "
                f"{self.unobserved_weight}; leave it out, or use the least-squares solver"
            )
        if not self.clip < math.inf:
            raise ValueError(f"clip must be a number below infinity, got {self.clip}")

    def resolved(self, weighting: str, words: int | None = None) -> "TrainingSettings":
        """Return the settings with every None replaced by its default.

        A dim of "auto" is replaced when the number of words is given. What the solver or the model
        has no use for becomes neutral, so that it tells no two trainings apart.
        """
        adagrad = self.solver == "adagrad"
        defaults = {"unobserved_weight": 0.0 if adagrad else 0.03, "sweeps": 30 if adagrad else 20}
        weight = self.unobserved_weight
        author = (defaults["unobserved_weight"] if weight is None else weight) == 0
        defaults |= {
            "weight_offset": 0.0 if author else 0.1,
            "x_max": 100.0 if weighting == "flat" else 10.0,
        }
        chosen: dict[str, Any] = {k: v for k, v in defaults.items() if getattr(self, k) is None}
        if adagrad or self.model != "center":
            chosen["flattening"] = 0.0
        if adagrad:
            chosen |= {"regularisation": 0.0, "tolerance": 0.0, "unobserved_power": 0.0, "steps": 1}
        if self.dim == "auto" and words is not None:
            chosen["dim"] = dimension_for(words)
        return TrainingSettings(**{**self.__dict__, **chosen})
