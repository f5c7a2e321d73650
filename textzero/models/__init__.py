"""Keras models that start from word vectors, and their layers; `pip install 'textzero[models]'`.

Names are imported when they are first used. Importing this package registers the layers, so that
`keras.models.load_model` reads what `TextModel.export` wrote.
"""

import importlib
from typing import TYPE_CHECKING, Any

try:
    import keras
except ImportError as error:
    raise ImportError(
        "textzero.models needs Keras and TensorFlow: pip install 'textzero[models]'"
    ) from error

if tuple(int(part) for part in keras.__version__.split(".")[:2]) < (3, 15):
    raise ImportError(
        f"textzero.models needs Keras 3.15.1 or later, got {keras.__version__}: "
        "pip install 'textzero[models]'"
    )

from textzero.models.layers import (
    CRF,
    MEMM,
    AttentionPooling1D,
    GatedDilatedConv1D,
    MixedEmbedding,
    SpanPointer,
)

if TYPE_CHECKING:
    from textzero.models.answer_score import score_answers
    from textzero.models.answer_spans import Answer
    from textzero.models.classifier import Classifier, Prediction
    from textzero.models.conll import read_conll, read_word_tags, read_words
    from textzero.models.embedding import to_embedding
    from textzero.models.encoding import Encoded, Encoder
    from textzero.models.entities import Entity
    from textzero.models.entity_score import EntityScore, score_entities
    from textzero.models.extractor import Extractor
    from textzero.models.labelled import LabelledTexts, read_labelled
    from textzero.models.reader import Reader
    from textzero.models.reading import Question, Questions, read_questions
    from textzero.models.settings import (
        ClassifierSettings,
        ExtractorSettings,
        FitOptions,
        ReaderSettings,
        TaggerSettings,
    )
    from textzero.models.tagged import TaggedSentences
    from textzero.models.tagger import Tagger
    from textzero.models.tags import convert_tags
    from textzero.models.text_model import TextModel, load_model
    from textzero.models.triple_score import score_triples
    from textzero.models.triples import Fact, Triple, TripleTexts, read_triples

_HOMES = {
    "Answer": "answer_spans",
    "Classifier": "classifier",
    "ClassifierSettings": "settings",
    "Encoded": "encoding",
    "Encoder": "encoding",
    "Entity": "entities",
    "EntityScore": "entity_score",
    "Extractor": "extractor",
    "ExtractorSettings": "settings",
    "Fact": "triples",
    "FitOptions": "settings",
    "LabelledTexts": "labelled",
    "Prediction": "classifier",
    "Question": "reading",
    "Questions": "reading",
    "Reader": "reader",
    "ReaderSettings": "settings",
    "TaggedSentences": "tagged",
    "Tagger": "tagger",
    "TaggerSettings": "settings",
    "TextModel": "text_model",
    "Triple": "triples",
    "TripleTexts": "triples",
    "convert_tags": "tags",
    "load_model": "text_model",
    "read_conll": "conll",
    "read_labelled": "labelled",
    "read_questions": "reading",
    "read_triples": "triples",
    "read_word_tags": "conll",
    "read_words": "conll",
    "score_answers": "answer_score",
    "score_entities": "entity_score",
    "score_triples": "triple_score",
    "to_embedding": "embedding",
}

__all__ = [
    "CRF",
    "MEMM",
    "Answer",
    "AttentionPooling1D",
    "Classifier",
    "ClassifierSettings",
    "Encoded",
    "Encoder",
    "Entity",
    "EntityScore",
    "Extractor",
    "ExtractorSettings",
    "Fact",
    "FitOptions",
    "GatedDilatedConv1D",
    "LabelledTexts",
    "MixedEmbedding",
    "Prediction",
    "Question",
    "Questions",
    "Reader",
    "ReaderSettings",
    "SpanPointer",
    "TaggedSentences",
    "Tagger",
    "TaggerSettings",
    "TextModel",
    "Triple",
    "TripleTexts",
    "convert_tags",
    "load_model",
    "read_conll",
    "read_labelled",
    "read_questions",
    "read_triples",
    "read_word_tags",
    "read_words",
    "score_answers",
    "score_entities",
    "score_triples",
    "to_embedding",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'textzero.models' has no attribute {name!r}")
    return getattr(importlib.import_module(f"textzero.models.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
