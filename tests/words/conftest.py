"""Small blocks, small parts of corpora, and little memory, so that small texts fill runs."""

import random
import sys
from pathlib import Path

import pytest

from textzero import _count_splits
from textzero._words import merging
from textzero.corpus import Corpus

sys.path.insert(0, str(Path(__file__).parent))  # the makers, by their name


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of one or a few words, so that small runs have many."""
    monkeypatch.setattr(merging, "SMALLEST", 80)


@pytest.fixture
def little_memory(monkeypatch):
    """Tables that hold a few thousand words, whatever the bound is."""

    def shares(room):
        def made(_, workers):
            return _count_splits.Shares(room, workers, room // workers)

        monkeypatch.setattr(_count_splits.Shares, "of_threads", made)
        monkeypatch.setattr(_count_splits.Shares, "of_processes", made)
        monkeypatch.setattr(_count_splits, "_LOOK", 50)

    return shares


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A file of short and long documents with some 20 000 different bigrams."""
    draw = random.Random(3)
    path = tmp_path_factory.mktemp("texts") / "a.txt"
    sizes = [draw.choice([0, 3, 20, 3000]) for _ in range(40)]
    path.write_text(
        "\n".join(" ".join(str(draw.randrange(400)) for _ in range(n)) for n in sizes) + "\n"
    )
    return path


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Corpora in parts of 10 kB."""
    splits = Corpus.splits
    monkeypatch.setattr(Corpus, "splits", lambda self, _=0: splits(self, 10_000))
