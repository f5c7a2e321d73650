"""The network of a triple extractor: P(subject), and P(object, predicate | subject).

The half-pointer network of article 6671: a sentence encoder of twelve gated dilated convolutions,
a head that points at every subject, and a head that points at the objects of one subject, with a
pair of sigmoids for each predicate. What differs from the article: the subject's six vectors are
joined by a product where the article runs a recurrent layer over them; the subject scales and
shifts the states of the sentence; distances to the subject are clipped, so that any length works.
"""

from typing import Any

import keras
from keras import layers, ops

from textzero.models.layers import (
    GatedDilatedConv1D,
    RelativePositions,
    SpanPointer,
    SpanVectors,
)
from textzero.models.settings import ExtractorSettings

_WIDTH = 3  # of every convolution
_DEPTH = 2  # BiLSTMs on top of each other
_RARE = -3.0  # logit of a predicate in a sentence before training


def encoder_parameters(settings: ExtractorSettings) -> int:
    """Return the weights of the gated convolutions that the settings describe."""
    one = _WIDTH * settings.dim * settings.dim + settings.dim
    return 2 * one * len(settings.dilations)


def bilstm_parameters(units: int, dim: int) -> int:
    """Return the weights of the stacked BiLSTM and of the projection behind it.

    Args:
        units: Of each direction.
        dim: Width of the input and of the projection.
    """
    stacked = sum(8 * units * (wide + units + 1) for wide in (dim, *[2 * units] * (_DEPTH - 1)))
    return stacked + (2 * units + 1) * dim


def bilstm_units(settings: ExtractorSettings) -> int:
    """Return the units of the BiLSTM that is as large as the gated convolutions."""
    wanted, units = encoder_parameters(settings), 1
    while bilstm_parameters(units + 1, settings.dim) <= wanted:
        units += 1
    low, high = (bilstm_parameters(n, settings.dim) for n in (units, units + 1))
    return units if wanted - low <= high - wanted else units + 1


def encode_sentence(vectors: Any, mask: Any, settings: ExtractorSettings) -> Any:
    """Return the states of the tokens, float (batch, length, dim); 0 at padding, without a mask."""
    if settings.encoder == "bilstm":
        units = bilstm_units(settings)
        for number in range(_DEPTH):
            lstm = layers.LSTM(units, return_sequences=True)
            vectors = layers.Bidirectional(lstm, name=f"bilstm_{number}")(vectors, mask=mask)
        vectors = layers.Dense(settings.dim, name="projection")(vectors)
    else:
        for number, rate in enumerate(settings.dilations):
            convolution = GatedDilatedConv1D(
                _WIDTH,
                rate,
                gate_dropout=settings.gate_dropout,
                gate_bias=settings.gate_bias,
                name=f"convolution_{number}",
            )
            vectors = convolution(vectors, mask=mask)
    return ops.where(ops.expand_dims(mask, -1), vectors, 0.0)


class SubjectHead:
    """Points at every subject: states of the tokens -> logits float32 (batch, length, 1, 2)."""

    def __init__(self, settings: ExtractorSettings) -> None:
        self.hidden = _hidden(settings, "subject_hidden")
        self.pointer = SpanPointer(1, name="subject_pointer")
        self.known = _known(settings, "subject_known")

    def __call__(self, states: Any, mask: Any, known: Any = None) -> Any:
        """Return the logits.

        Args:
            states: float (batch, length, dim).
            mask: bool (batch, length).
            known: int8 (batch, length, 2), where subjects of known facts start and end, or None.
        """
        if known is not None:
            states = states + self.known(ops.cast(known, "float32"))
        return self.pointer(self.hidden(states), mask=mask)


class ObjectHead:
    """Points at the objects of one subject: logits float32 (batch, length, predicates, 2)."""

    def __init__(self, settings: ExtractorSettings, predicates: int) -> None:
        dim = settings.dim
        self.vectors = SpanVectors(name="subject_vectors")
        self.places = RelativePositions(dim, name="subject_distances")
        self.subject = layers.Dense(dim, activation="relu", name="subject_state")
        self.scale = layers.Dense(dim, name="subject_scale")
        self.shift = layers.Dense(dim, name="subject_shift")
        self.hidden = _hidden(settings, "object_hidden")
        rare = keras.initializers.Constant(_RARE)  # most sentences do not say most things
        self.sentence = layers.Dense(predicates, bias_initializer=rare, name="predicate_factor")
        self.pointer = SpanPointer(predicates, name="object_pointer")
        self.known = _known(settings, "object_known")

    def __call__(self, states: Any, mask: Any, spans: Any, known: Any = None) -> Any:
        """Return the logits.

        Args:
            states: float (batch, length, dim), 0 at padding.
            mask: bool (batch, length).
            spans: int32 (batch, 2), first and last token of the subject.
            known: int8 (batch, length, 2 * predicates), where objects of known facts of the
                subject start and end, or None.
        """
        subject = self.subject(self.vectors(states, spans))
        scale = ops.expand_dims(1 + self.scale(subject), 1)
        about = states * scale + ops.expand_dims(self.shift(subject), 1)
        about = about + self.places(states, spans)
        if known is not None:
            about = about + self.known(ops.cast(known, "float32"))
        about = ops.where(ops.expand_dims(mask, -1), about, 0.0)
        hidden = self.hidden(about)
        # Whether the sentence says such a thing at all (article 6671: faster convergence). Padding
        # is 0, so the greatest state at or above 0 is that of the tokens alone.
        said = self.sentence(ops.max(ops.relu(states), axis=1))
        return self.pointer(hidden, said, mask=mask)


def _hidden(settings: ExtractorSettings, name: str) -> layers.Layer:
    return layers.Conv1D(settings.dim, _WIDTH, padding="same", activation="relu", name=name)


def _known(settings: ExtractorSettings, name: str) -> layers.Layer:
    return layers.Dense(settings.dim, use_bias=False, name=name)
