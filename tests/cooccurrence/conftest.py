"""A corpus of few words, and segments that are spilled in many runs."""

import sys
from pathlib import Path

import numpy as np
import pytest

from textzero._cooccurrence import counting, merging
from textzero.corpus import Corpus

sys.path.insert(0, str(Path(__file__).parent))  # the makers, by their name


@pytest.fixture
def tiny_runs(monkeypatch):
    """Segments of 50 tokens, so that a small corpus is spilled in many runs; two merged at once."""
    monkeypatch.setattr(counting, "_MOST_TOKENS", 50)
    monkeypatch.setattr(merging, "FAN_IN", 2)


@pytest.fixture(scope="module")
def documents():
    random = np.random.default_rng(0)
    words = np.array([*"abcdefgh", "of", "\u5317"])
    sizes = random.integers(0, 60, 150)
    return [random.choice(words, size, p=[0.28, *[0.08] * 9]).tolist() for size in sizes]


@pytest.fixture(scope="module")
def corpus(documents, tmp_path_factory):
    """The documents in three files."""
    folder = tmp_path_factory.mktemp("corpus")
    for k in range(3):
        lines = (" ".join(tokens) + "\n" for tokens in documents[k::3])
        (folder / f"{k}.txt").write_text("".join(lines), encoding="utf-8")
    return Corpus(folder)
