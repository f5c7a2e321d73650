"""textzero: statistics, word vectors and models from raw text alone.

Names are imported when they are first used, so that `import textzero` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

from textzero.version import __version__

if TYPE_CHECKING:
    from textzero.cooccurrence import Cooccurrence, count_cooccurrences
    from textzero.corpus import Corpus
    from textzero.counting import count_words
    from textzero.counts import Counts, merge_counts
    from textzero.errors import (
        InputError,
        OutputExistsError,
        ResourceError,
        TextzeroError,
        TokenizerError,
    )
    from textzero.tokens import Tokenizer
    from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity
    from textzero.vectors.formats import load_vectors, save_vectors
    from textzero.vectors.pipeline import embed
    from textzero.vectors.training import TrainingSettings, train_vectors
    from textzero.vectors.word_vectors import WordVectors
    from textzero.vocabulary import Vocabulary

_HOMES = {
    "Cooccurrence": "cooccurrence",
    "Corpus": "corpus",
    "Counts": "counts",
    "InputError": "errors",
    "OutputExistsError": "errors",
    "ResourceError": "errors",
    "TextzeroError": "errors",
    "Tokenizer": "tokens",
    "TokenizerError": "errors",
    "TrainingSettings": "vectors.training",
    "Vocabulary": "vocabulary",
    "WordVectors": "vectors.word_vectors",
    "count_cooccurrences": "cooccurrence",
    "count_words": "counting",
    "embed": "vectors.pipeline",
    "evaluate_analogies": "vectors.evaluation",
    "evaluate_similarity": "vectors.evaluation",
    "load_vectors": "vectors.formats",
    "merge_counts": "counts",
    "save_vectors": "vectors.formats",
    "train_vectors": "vectors.training",
}

__all__ = [
    "Cooccurrence",
    "Corpus",
    "Counts",
    "InputError",
    "OutputExistsError",
    "ResourceError",
    "TextzeroError",
    "Tokenizer",
    "TokenizerError",
    "TrainingSettings",
    "Vocabulary",
    "WordVectors",
    "__version__",
    "count_cooccurrences",
    "count_words",
    "embed",
    "evaluate_analogies",
    "evaluate_similarity",
    "load_vectors",
    "merge_counts",
    "save_vectors",
    "train_vectors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'textzero' has no attribute {name!r}")
    return getattr(importlib.import_module(f"textzero.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
