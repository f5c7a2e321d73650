"""Few texts, and the stages that were run."""

import sys
from pathlib import Path

import numpy as np
import pytest

from textzero.vectors import pipeline

sys.path.insert(0, str(Path(__file__).parent))  # the makers, by their name

from pipeline_makers import STAGES


@pytest.fixture(scope="module")
def lines():
    random = np.random.default_rng(0)
    words = np.array([*"abcdefgh", "\u5317", "rare"])
    return [" ".join(random.choice(words, 9, p=[0.11] * 9 + [0.01])) for _ in range(120)]


@pytest.fixture
def texts(lines, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for k in range(2):
        (folder / f"{k}.txt").write_text("\n".join(lines[k::2]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def work(monkeypatch):
    """The stages that were run since the list was cleared."""
    done = []

    def watch(name):
        stage = getattr(pipeline, name)
        monkeypatch.setattr(pipeline, name, lambda *a, **k: done.append(name) or stage(*a, **k))

    for name in STAGES:
        watch(name)
    return done
