"""What each word of a text did for the decision of a recurrent or other Keras classifier."""

from textzero.models.saliency.explain import METHODS, saliency
from textzero.models.saliency.faithfulness import (
    Curve,
    deletion_curve,
    faithfulness,
    insertion_curve,
)
from textzero.models.saliency.gradient_flow import Flow, GradientFlow, gradient_flow
from textzero.models.saliency.result import Saliencies, Saliency

__all__ = [
    "METHODS",
    "Curve",
    "Flow",
    "GradientFlow",
    "Saliencies",
    "Saliency",
    "deletion_curve",
    "faithfulness",
    "gradient_flow",
    "insertion_curve",
    "saliency",
]
