"""What a classifier does with texts: scores, confusion, calibration, most confident mistakes."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.models.classifier import label_scores
from textzero.models.labelled import LabelledTexts
from textzero.report.blocks import (
    Block,
    Chart,
    Column,
    Facts,
    Line,
    Matrix,
    Passage,
    Passages,
    Section,
    Span,
    Table,
    Text,
)
from textzero.report.saliency import explained, explained_passage, saliency_sections

_LABELS = 30  # rows of a confusion that can be read
_BINS = 10
_LONGEST = 2000  # characters of a text that are shown


def scored_sections(
    model: Any,
    data: Any,
    *,
    texts: Iterable[str] | None = None,
    max_texts: int = 200,
    worst: int = 50,
    batch_size: int = 64,
) -> list[Section]:
    """Return what a Classifier does: with labelled data, with texts, or both.

    Args:
        model: A Classifier.
        data: Labelled texts, or None.
        texts: Texts whose saliency is shown; None takes those of `data`.
        max_texts: How many of them: the first; of `data` so many at equal steps.
        worst: At most so many mistakes are shown.
        batch_size: Texts at once.

    Raises:
        InputError: A label of `data` is not the model's.
    """
    sections: list[Section] = []
    if data is not None:
        data = LabelledTexts.from_pairs(data)
        data.check_labels(model.labels)
        table = model.probabilities(data.texts, batch_size)
        number = {label: place for place, label in enumerate(model.labels)}
        gold = np.array([number[item.label] for item in data], np.int64)
        if gold.size:
            sections += scoring_sections(gold, table, model.labels)
            sections.append(_worst(model, data, gold, table, worst, batch_size))
    if texts is not None:
        some = list(islice((text for text in texts if text.strip()), max_texts + 1))
        which = f"the first {max_texts:,} texts" if len(some) > max_texts else "all texts"
        return [*sections, *saliency_sections(model, some[:max_texts], which, batch_size)]
    if data is None:
        return sections
    every = [text for text in data.texts if text.strip()]
    which = "all texts"
    if len(every) > max_texts:  # they may stand label by label
        which = f"{max_texts:,} of {len(every):,} texts, at equal steps"
        every = [every[i * len(every) // max_texts] for i in range(max_texts)]
    return [*sections, *saliency_sections(model, every, which, batch_size)]


def scoring_sections(gold: Array, table: Array, labels: Sequence[str]) -> list[Section]:
    """Return scores, confusion and calibration.

    Args:
        gold: int (n_texts,). Places of the true labels; n_texts at least 1.
        table: float (n_texts, n_labels). The probability of each label.
        labels: Their names.
    """
    said = table.argmax(1)
    return [
        _scores(gold, said, table, labels),
        _confusion(gold, said, labels),
        _calibration(gold == said, table.max(1)),
    ]


def _scores(gold: Array, said: Array, table: Array, labels: Sequence[str]) -> Section:
    scores = label_scores(gold, said, labels)
    true = np.bincount(gold, minlength=len(labels))
    likely = np.maximum(table[np.arange(gold.size), gold], np.finfo(np.float32).tiny)
    facts = Facts({
        "texts": int(gold.size), "right": int((gold == said).sum()),
        "accuracy": round(scores["accuracy"], 4), "macro F1": round(scores["macro_f1"], 4),
        "always the most frequent label": round(float(true.max() / gold.size), 4),
        "negative log-likelihood": round(float(-np.log(likely).mean()), 4),
    })  # fmt: skip
    order = sorted(range(len(labels)), key=lambda i: (-int(true[i]), i))
    columns = [
        Column("label", [labels[i] for i in order]),
        Column("texts", true[order], "bar"),
        Column("found", np.bincount(said, minlength=len(labels))[order], "number"),
    ]
    for name, shown in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        column = [scores[f"{name} {labels[i]}"] for i in order]
        columns.append(Column(shown, column, "share", 1))
    about = (
        "Accuracy is the share of texts with the right label; macro F1 the mean of the labels' F1. "
        "Beside it stands how often the most frequent label alone would be right."
    )
    return Section("Scores by label", [facts, Table(columns)], about)


def confusion(gold: Array, said: Array, n_labels: int) -> Array:
    """Return how often label i was taken for label j, int64 (n_labels, n_labels).

    Example:
        >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    places = np.asarray(gold, np.int64) * n_labels + said
    return np.bincount(places, minlength=n_labels**2).reshape(n_labels, n_labels)


def _confusion(gold: Array, said: Array, labels: Sequence[str]) -> Section:
    counts = confusion(gold, said, len(labels))
    totals = counts.sum(0) + counts.sum(1)
    order = sorted(range(len(labels)), key=lambda i: (-int(totals[i]), i))[:_LABELS]
    names = [labels[i] for i in order]
    about = "Rows are the true labels, columns those that were found."
    if len(labels) > _LABELS:
        about += f" The {_LABELS} most frequent of {len(labels):,} labels."
    matrix = Matrix(names, names, counts[np.ix_(order, order)], "true", "found", name="confusion")
    off = [(int(counts[i, j]), i, j) for i in order for j in order if i != j and counts[i, j]]
    off.sort(key=lambda cell: (-cell[0], cell[1:]))
    blocks: list[Block] = [matrix]
    if len(labels) > 2 and off:
        pairs = Table([
            Column("true", [labels[i] for _, i, _ in off]),
            Column("found", [labels[j] for *_, j in off]),
            Column("texts", [count for count, *_ in off], "bar"),
        ], page=10)  # fmt: skip
        blocks.append(pairs)
    return Section("What is taken for what", blocks, about)


def calibration(right: Array, probability: Array, bins: int = _BINS) -> tuple[Array, Array, Array]:
    """Return how probable the labels were held in each bin of probabilities, and were right.

    Args:
        right: bool (n,). Whether the label was right.
        probability: float (n,). How probable the model held it.
        bins: Equal parts of 0 to 1.

    Returns:
        texts: int64 (bins,).
        held: float64 (bins,). Mean probability; NaN without texts.
        true: float64 (bins,). Share that was right; NaN without texts.

    Example:
        >>> texts, held, true = calibration(np.array([True, False]), np.array([0.75, 0.7]), 2)
        >>> texts.tolist(), float(true[1])
        ([0, 2], 0.5)
    """
    place = np.minimum((np.asarray(probability, np.float64) * bins).astype(np.int64), bins - 1)
    texts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        held = np.bincount(place, weights=probability, minlength=bins) / texts
        true = np.bincount(place, weights=right.astype(np.float64), minlength=bins) / texts
    return texts, held, true


def _calibration(right: Array, probability: Array) -> Section:
    texts, held, true = calibration(right, probability)
    there = np.flatnonzero(texts)
    error = float((texts[there] * np.abs(held[there] - true[there])).sum() / texts.sum())
    shown = [f"{texts[i]:,} texts: held {held[i]:.0%} probable, {true[i]:.0%} right" for i in there]
    chart = Chart([
        Line("as probable as said", [0.0, 1.0], [0.0, 1.0], "dashed"),
        Line("the model", held[there], true[there]),
        Line("texts", held[there], true[there], "points", shown),
    ], "probability of the label, as the model sees it", "share that is right",
       name="calibration")  # fmt: skip
    table = Table([
        Column("probability", [f"{i / _BINS:.1f} to {(i + 1) / _BINS:.1f}" for i in there]),
        Column("texts", texts[there], "bar"),
        Column("mean probability", held[there], "share", 1),
        Column("right", true[there], "share", 1),
    ])  # fmt: skip
    about = (
        "Of the labels that the model holds 80% probable four of five should be right; a line "
        "below the dashed one is a model too sure of itself. The mean distance, weighted by texts, "
        f"is {error:.1%}."
    )
    return Section("How far its probabilities can be believed", [chart, table], about)


def _worst(
    model: Any, data: LabelledTexts, gold: Array, table: Array, worst: int, batch_size: int
) -> Section:
    title = "Its most confident mistakes"
    said, sure = table.argmax(1), table.max(1)
    wrong = np.flatnonzero(said != gold)
    if not wrong.size:
        return Section(title, [Text([f"All {gold.size:,} texts have the right label."])])
    chosen = wrong[np.lexsort((wrong, -sure[wrong]))][:worst].tolist()
    results = explained(model, [data[i].text for i in chosen], batch_size)
    items: list[Passage] = []
    for i, result in zip(chosen, results, strict=True):
        label = model.labels[int(gold[i])]
        heading = f"{result.label} ({sure[i]:.3f}); right is {label} ({table[i, gold[i]]:.3f})"
        items.append(explained_passage(result, heading, _LONGEST))
    shown = f"The {len(items):,} most confident of" if len(items) < wrong.size else "All"
    about = (
        f"{shown} {wrong.size:,} mistakes in {gold.size:,} texts. Colours say what each word did "
        "for the label that was given."
    )
    key = (Span("for it", value=1.0), Span("against it", value=-1.0))
    return Section(title, [Passages(items, key)], about)
