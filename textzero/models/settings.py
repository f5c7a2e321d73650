"""Every default of the models and of their training, in one place; what no data decides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textzero._arguments import check_fields
from textzero.errors import InputError
from textzero.models.checks import (
    a_number,
    above_zero,
    at_least,
    from_zero,
    share,
    whole_numbers,
)

CRF_RATES: Mapping[str, float] = {r"(.*/)?crf/.*": 10.0}
"""`FitOptions.rates` of a tagger with a CRF, where none are given: article 7196 has a hundred for a
pretrained body, this is for one that is trained from the start."""


@dataclass(frozen=True)
class FitOptions:
    """How a network is fitted. All of it is done by Keras itself.

    Attributes:
        epochs: Passes over the training data, at most.
        batch_size: Texts in a step.
        learning_rate: Of Adam, once it is warm.
        final_learning_rate: What a half cosine lowers it to by the last epoch; None keeps it.
        warmup: Share of the first epoch over which the rate rises from zero.
        patience: Epochs without a better score after which training ends; None never.
        ema: Length, in epochs, of the moving average of the weights that is scored and kept
            (article 6575 has a momentum of 0.9999, which is three of its epochs); None keeps the
            weights themselves.
        accumulation: Steps whose gradients are averaged before the weights move.
        clip_norm: Bound on the norm of all gradients that have one rate, or None.
        weight_decay: Of the decoupled kind, or None.
        rates: Pattern of a variable's path -> multiple of the learning rate (article 7196 gives
            the transitions of a CRF a hundred times the rate of a pretrained body).
        unknown: Share of the tokens that a step reads as unknown ones (article 5409 calls it the
            strongest augmentation); what is known of their words stays.
        seed: Of weights, dropout and the order of texts.
        compile: Whether XLA compiles the step. It takes seconds for each padded length, which on a
            processor only long trainings win back.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    final_learning_rate: float | None = 5e-5
    warmup: float = 0.5
    patience: int | None = 6
    ema: float | None = 1.0
    accumulation: int | None = None
    clip_norm: float | None = 5.0
    weight_decay: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    unknown: float = 0.1
    seed: int = 0
    compile: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        at_least(1, epochs=self.epochs, batch_size=self.batch_size)
        for name in ("patience", "accumulation"):
            if (value := getattr(self, name)) is not None:
                at_least(1, **{name: value})
        above_zero(learning_rate=self.learning_rate)
        for name in ("ema", "clip_norm"):
            if (value := getattr(self, name)) is not None:
                above_zero(**{name: value})
        for name in ("final_learning_rate", "weight_decay"):
            if (value := getattr(self, name)) is not None:
                from_zero(**{name: value})
        from_zero(warmup=self.warmup)
        share(unknown=self.unknown)
        at_least(0, seed=self.seed)
        if self.seed >= 1 << 32:
            raise ValueError(f"seed must be below 2 ** 32, got {self.seed}")
        for pattern, multiple in self.rates.items():
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                raise ValueError(
                    f"rates must have patterns of paths, got {pattern!r}: {error}"
                ) from None
            above_zero(**{f"rates[{pattern!r}]": multiple})


@dataclass(frozen=True)
class TaggerSettings:
    """The network of a tagger (articles 5409, 5542, 7213).

    Attributes:
        encoder: "dgcnn", or "bilstm".
        head: "crf", "memm", "bimemm" or "softmax".
        dim: Width of the embedding.
        units: Width of the encoder.
        dilations: Of the gated convolutions, each three wide.
        gate_dropout: Of the gates' pre-activations (2019).
        dropout: Of the embedding and before the head.
        positions: Whether the place of a character in its word is an input.
        min_count: Rarer characters are unknown.
        max_length: Tokens of a text that are read at once; longer ones are read in pieces.
    """

    encoder: str = "dgcnn"
    head: str = "crf"
    dim: int = 128
    units: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4, 1, 1)
    gate_dropout: float = 0.2
    dropout: float = 0.5
    positions: bool = True
    min_count: int = 2
    max_length: int = 512

    def __post_init__(self) -> None:
        check_fields(self)
        _one_of("encoder", self.encoder, ("dgcnn", "bilstm"))
        _one_of("head", self.head, ("crf", "memm", "bimemm", "softmax"))
        at_least(1, dim=self.dim, units=self.units, min_count=self.min_count)
        at_least(1, max_length=self.max_length)
        whole_numbers(dilations=self.dilations)
        share(dropout=self.dropout, gate_dropout=self.gate_dropout)


TAGGER_FIT = FitOptions(epochs=14, batch_size=16, learning_rate=2e-3, unknown=0.15)


@dataclass(frozen=True)
class ReaderSettings:
    """The network of a reader (articles 5409, 6906).

    Attributes:
        dim: Width of the embedding and of the encoder.
        question_dilations: Of the gated convolutions over the question.
        passage_dilations: Of those over the passage.
        max_passage: Tokens of a passage that are read at once; longer ones are read in parts.
        max_answer: Characters of the longest answer; None takes what the training data have.
        threshold: What the probabilities of an answer's start and end must both exceed.
        loss: "focal", or "bce".
        matches: Whether it is an input that a token, or its word, stands in the question too.
        dropout: Of the embedding.
        gate_dropout: Of the gates' pre-activations.
        positions: Whether the place of a character in its word is an input.
        min_count: Rarer characters are unknown.
    """

    dim: int = 128
    question_dilations: tuple[int, ...] = (1, 2, 1)
    passage_dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    max_passage: int = 256
    max_answer: int | None = None
    threshold: float = 0.1
    loss: str = "focal"
    matches: bool = True
    dropout: float = 0.25
    gate_dropout: float = 0.1
    positions: bool = True
    min_count: int = 2

    def __post_init__(self) -> None:
        check_fields(self)
        _one_of("loss", self.loss, ("focal", "bce"))
        at_least(1, dim=self.dim, max_passage=self.max_passage, min_count=self.min_count)
        if self.max_answer is not None:
            at_least(1, max_answer=self.max_answer)
        whole_numbers(
            question_dilations=self.question_dilations, passage_dilations=self.passage_dilations
        )
        share(threshold=self.threshold, dropout=self.dropout, gate_dropout=self.gate_dropout)


READER_FIT = FitOptions(epochs=14, learning_rate=2e-3)


@dataclass(frozen=True)
class ExtractorSettings:
    """The network of a triple extractor (article 6671).

    Attributes:
        encoder: "dgcnn", or "bilstm" of as many parameters.
        dim: Width of the embedding and of the encoder.
        dilations: Of the gated convolutions.
        max_length: Tokens of a text that are read at once; longer ones are read in parts.
        start_threshold: Least probability of the start of a subject or object.
        end_threshold: Least probability of its end.
        prior: Whether the training triples that a text may hold are an input.
        dropout: Of the embedding.
        gate_dropout: Of the gates' pre-activations.
        gate_bias: What the gates' biases start at; below 0 twelve layers carry what they read.
        positions: Whether the place of a character in its word is an input.
        min_count: Rarer characters are unknown.
    """

    encoder: str = "dgcnn"
    dim: int = 128
    dilations: tuple[int, ...] = (1, 2, 5, 1, 2, 5, 1, 2, 5, 1, 1, 1)
    max_length: int = 256
    start_threshold: float = 0.5
    end_threshold: float = 0.4
    prior: bool = False
    dropout: float = 0.25
    gate_dropout: float = 0.1
    gate_bias: float = 0.0
    positions: bool = True
    min_count: int = 2

    def __post_init__(self) -> None:
        check_fields(self)
        _one_of("encoder", self.encoder, ("dgcnn", "bilstm"))
        at_least(1, dim=self.dim, max_length=self.max_length, min_count=self.min_count)
        whole_numbers(dilations=self.dilations)
        share(start_threshold=self.start_threshold, end_threshold=self.end_threshold)
        share(dropout=self.dropout, gate_dropout=self.gate_dropout)
        a_number(gate_bias=self.gate_bias)


EXTRACTOR_FIT = FitOptions(learning_rate=3e-3, warmup=1.0)
"""How an extractor is trained. The rate must rise over the whole first epoch (article 6671). With
few epochs three times the usual rate learns much faster: F1 0.31 where 1e-3 came to 0.14, held-out
training sentences of DuIE after 8 epochs of 2,850. XLA makes this network's step several times
slower on a processor."""


@dataclass(frozen=True)
class ClassifierSettings:
    """The network of a classifier (article 4582).

    Attributes:
        encoder: "gru", "lstm", "bigru", "bilstm" or "dgcnn".
        unit: "word" or "character".
        dim: Width of the embedding where no vectors decide it.
        units: Width of the state, in each direction.
        dilations: Of the gated convolutions of "dgcnn".
        gate_dropout: Of their gates' pre-activations.
        dropout: Of the embedding and of the last state.
        trainable_vectors: Whether the vectors move with the rest; Adam then updates every row in
            each step (126,000 words of 128 numbers: about half a second on one core).
        max_tokens: Tokens of a text that are read; of a longer one the beginning and the end.
        positions: Whether the place of a character in its word is an input (unit "character").
        min_count: Rarer tokens are unknown.
    """

    encoder: str = "bigru"
    unit: str = "word"
    dim: int = 128
    units: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 1)
    gate_dropout: float = 0.1
    dropout: float = 0.3
    trainable_vectors: bool = False
    max_tokens: int = 256
    positions: bool = False
    min_count: int = 2

    def __post_init__(self) -> None:
        check_fields(self)
        _one_of("encoder", self.encoder, ("gru", "lstm", "bigru", "bilstm", "dgcnn"))
        _one_of("unit", self.unit, ("word", "character"))
        at_least(1, dim=self.dim, units=self.units, min_count=self.min_count)
        at_least(1, max_tokens=self.max_tokens)
        whole_numbers(dilations=self.dilations)
        share(dropout=self.dropout, gate_dropout=self.gate_dropout)


CLASSIFIER_FIT = FitOptions(batch_size=64, learning_rate=3e-3)


# What fields were called in folders that are older: they load as what they are called now.
_RENAMED: Mapping[str, str] = {
    "subject_threshold": "start_threshold",
    "object_threshold": "end_threshold",
}


def from_json(kind: Any, found: Any, where: str) -> Any:
    """Return settings from what a JSON file holds.

    Args:
        kind: A dataclass of this file.
        found: What was read.
        where: The file, for errors.

    Raises:
        InputError: It is no object, or a field is not known, or of a wrong type or value.
    """
    if not isinstance(found, dict):
        raise InputError(f"{where} must be an object, got {found!r:.60}")
    defaults = kind()
    settings = {}
    for name, value in found.items():
        field = name if hasattr(defaults, name) else _RENAMED.get(name, name)
        if field not in kind.__dataclass_fields__:
            raise InputError(f"{where}: {kind.__name__} has no field {name!r}")
        settings[field] = _typed(getattr(defaults, field), value, f"{where}: {name}")
    try:
        return kind(**settings)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: {error}") from error


def _typed(default: Any, value: Any, where: str) -> Any:
    """The value as its field wants it: tuples of whole numbers are lists in JSON."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise InputError(f"{where} must be a list of whole numbers, got {value!r:.60}")
        return tuple(value)
    numeric = isinstance(default, int | float) and not isinstance(default, bool)
    fits = (
        isinstance(value, int | float) and not isinstance(value, bool)
        if numeric or default is None
        else isinstance(value, type(default))
    )
    if not fits and not (value is None and (default is None or numeric)):
        raise InputError(f"{where} must be like {default!r}, got {value!r:.60}")
    return value


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
