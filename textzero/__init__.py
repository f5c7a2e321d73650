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
    from textzero.discovery.discover import discover_words
    from textzero.discovery.explain import explain_word
    from textzero.errors import (
        InputError,
        OutputExistsError,
        ResourceError,
        TextzeroError,
        TokenizerError,
    )
    from textzero.lexicon import Lexicon
    from textzero.lexicon_score import LexiconScore, score_lexicon
    from textzero.models.saliency import gradient_flow as gradient_flow
    from textzero.models.saliency import saliency as saliency
    from textzero.plan import plan_work
    from textzero.report.artefacts import make_report
    from textzero.report.blocks import Report
    from textzero.segmentation_score import SegmentationScore, score_segmentation
    from textzero.segmenter import Segmenter
    from textzero.segmenting import segment_corpus
    from textzero.structure.finding import find_templates
    from textzero.structure.parsing import Parser, Tree
    from textzero.structure.templates import Template, Templates
    from textzero.tokens import Tokenizer
    from textzero.vectors.clustering import Clusters, cluster_words
    from textzero.vectors.dimension import dimension_for
    from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity
    from textzero.vectors.formats import load_vectors, save_vectors
    from textzero.vectors.pipeline import embed
    from textzero.vectors.trained import TrainingStopped
    from textzero.vectors.training import TrainingSettings, train_vectors
    from textzero.vectors.word_vectors import WordVectors
    from textzero.vocabulary import Vocabulary
    from textzero.workspace import Workspace

_HOMES = {
    "Clusters": "vectors.clustering",
    "Cooccurrence": "cooccurrence",
    "Corpus": "corpus",
    "Counts": "counts",
    "InputError": "errors",
    "Lexicon": "lexicon",
    "LexiconScore": "lexicon_score",
    "OutputExistsError": "errors",
    "Parser": "structure.parsing",
    "Report": "report.blocks",
    "ResourceError": "errors",
    "SegmentationScore": "segmentation_score",
    "Segmenter": "segmenter",
    "Template": "structure.templates",
    "Templates": "structure.templates",
    "TextzeroError": "errors",
    "Tokenizer": "tokens",
    "TokenizerError": "errors",
    "TrainingSettings": "vectors.training",
    "TrainingStopped": "vectors.trained",
    "Tree": "structure.parsing",
    "Vocabulary": "vocabulary",
    "WordVectors": "vectors.word_vectors",
    "Workspace": "workspace",
    "cluster_words": "vectors.clustering",
    "count_cooccurrences": "cooccurrence",
    "count_words": "counting",
    "dimension_for": "vectors.dimension",
    "discover_words": "discovery.discover",
    "embed": "vectors.pipeline",
    "evaluate_analogies": "vectors.evaluation",
    "evaluate_similarity": "vectors.evaluation",
    "explain_word": "discovery.explain",
    "find_templates": "structure.finding",
    "gradient_flow": "models.saliency",
    "load_vectors": "vectors.formats",
    "make_report": "report.artefacts",
    "merge_counts": "counts",
    "plan_work": "plan",
    "saliency": "models.saliency",
    "save_vectors": "vectors.formats",
    "score_lexicon": "lexicon_score",
    "score_segmentation": "segmentation_score",
    "segment_corpus": "segmenting",
    "train_vectors": "vectors.training",
}

__all__ = [  # what * gives: all but what needs Keras
    "Clusters",
    "Cooccurrence",
    "Corpus",
    "Counts",
    "InputError",
    "Lexicon",
    "LexiconScore",
    "OutputExistsError",
    "Parser",
    "Report",
    "ResourceError",
    "SegmentationScore",
    "Segmenter",
    "Template",
    "Templates",
    "TextzeroError",
    "Tokenizer",
    "TokenizerError",
    "TrainingSettings",
    "TrainingStopped",
    "Tree",
    "Vocabulary",
    "WordVectors",
    "Workspace",
    "__version__",
    "cluster_words",
    "count_cooccurrences",
    "count_words",
    "dimension_for",
    "discover_words",
    "embed",
    "evaluate_analogies",
    "evaluate_similarity",
    "explain_word",
    "find_templates",
    "load_vectors",
    "make_report",
    "merge_counts",
    "plan_work",
    "save_vectors",
    "score_lexicon",
    "score_segmentation",
    "segment_corpus",
    "train_vectors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'textzero' has no attribute {name!r}")
    return getattr(importlib.import_module(f"textzero.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])
