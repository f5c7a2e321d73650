"""Vectors made of few texts, and what is in their folder."""

from textzero.corpus import Corpus
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings

OUTPUT = [
    "cooccurrence", "counts.json", "counts.tsv", "manifest.json", "vectors.safetensors",
    "vocabulary.tsv",
]  # fmt: skip
DECIDED = ["vectors.safetensors", "vocabulary.tsv", "counts.tsv", "cooccurrence/rows.bin"]
STAGES = ["count_words", "count_cooccurrences", "train_vectors"]


def make(texts, folder, *, dim=4, **options):
    settings = TrainingSettings(dim=dim, sweeps=2, **options.pop("changes", {}))
    return embed(Corpus(texts), folder, settings=settings, **({"min_count": 2} | options))


def content(folder):
    return {name: (folder / name).read_bytes() for name in DECIDED}


def names(folder):
    return sorted(path.name for path in folder.iterdir())
