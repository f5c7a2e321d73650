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

if TYPE_CHECKING:
    from textzero.models.classifier import Classifier
    from textzero.models.embedding import to_embedding
    from textzero.models.encoding import Encoder
    from textzero.models.extractor import Extractor
    from textzero.models.reader import Reader
    from textzero.models.settings import (
        ClassifierSettings,
        ExtractorSettings,
        FitOptions,
        ReaderSettings,
        TaggerSettings,
    )
    from textzero.models.tagger import Tagger
    from textzero.models.text_model import TextModel, load_model

_HOMES = {
    "Classifier": "classifier",
    "ClassifierSettings": "settings",
    "Encoder": "encoding",
    "Extractor": "extractor",
    "ExtractorSettings": "settings",
    "FitOptions": "settings",
    "Reader": "reader",
    "ReaderSettings": "settings",
    "Tagger": "tagger",
    "TaggerSettings": "settings",
    "TextModel": "text_model",
    "load_model": "text_model",
    "to_embedding": "embedding",
}

__all__ = [
    "CRF",
    "MEMM",
    "AttentionPooling1D",
    "Classifier",
    "ClassifierSettings",
    "Encoder",
    "Extractor",
    "ExtractorSettings",
    "FitOptions",
    "GatedDilatedConv1D",
    "MixedEmbedding",
    "Reader",
    "ReaderSettings",
    "SpanPointer",
    "Tagger",
    "TaggerSettings",
    "TextModel",
    "load_model",
    "to_embedding",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'textzero.models' has no attribute {name!r}")
    return getattr(importlib.import_module(f"textzero.models.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
