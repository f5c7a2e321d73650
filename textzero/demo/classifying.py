"""The demo's classifier: from which sub-folder does a text come? Needs Keras."""

from pathlib import Path

import numpy as np

from textzero.demo.labels import Labelled
from textzero.models.classifier import Classifier
from textzero.models.settings import ClassifierSettings, FitOptions
from textzero.progress import Progress
from textzero.report.blocks import Section
from textzero.report.models import model_sections
from textzero.vectors.word_vectors import WordVectors
from textzero.workspace import Workspace

_FIT = FitOptions(epochs=8, batch_size=64, learning_rate=0.004, patience=3)
_LEFT_OUT = ("Scores by label while it learned", "What it is made of")
_NETWORK = ClassifierSettings(units=48, max_tokens=64)


def train(
    labelled: Labelled,
    vectors: WordVectors | None,
    folder: Path,
    workspace: Workspace,
    seed: int,
    progress: Progress,
) -> None:
    """Train a small classifier and write its folder."""
    from dataclasses import replace

    given = [] if vectors is None else [vectors]
    options = replace(_FIT, seed=seed)
    model = Classifier.train(
        labelled.train, labelled.validation, given, _NETWORK, options, workspace, progress
    )
    model.save(folder, overwrite=True)


def classified(folder: Path, labelled: Labelled) -> tuple[str, list[Section]]:
    """Return in a phrase how well texts are told apart, and the sections of the page."""
    model = Classifier.load(folder)
    texts, labels = zip(*labelled.held_out, strict=True)
    said = np.array(model.labels)[model.probabilities(texts).argmax(1)]
    right = float((said == np.array(labels)).mean())
    names, counts = np.unique(labels, return_counts=True)
    usual = float(counts.max() / counts.sum())
    what = (
        f"{len(names)} sub-folders told apart: {right:.0%} of {len(labels):,} held-out texts "
        f"right, where always the same answer has {usual:.0%}"
    )
    sections = model_sections(folder, labelled.held_out)
    sections = [section for section in sections if section.title not in _LEFT_OUT]
    first = "Which sub-folder is a text from? " + labelled.about
    named = [
        Section(f"Classifier: {s.title[:1].lower()}{s.title[1:]}", s.blocks,
                f"{first} {s.about}" if i == 0 else s.about)
        for i, s in enumerate(sections)
    ]  # fmt: skip
    return what, named
