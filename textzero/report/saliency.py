"""Saliency over many texts: which words push most towards each label, and the texts themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero.models.saliency import saliency
from textzero.models.saliency.pieces import pieces
from textzero.models.saliency.result import ABOUT, Saliency, largest
from textzero.report.blocks import Bars, Block, Column, Passage, Passages, Section, Span, Table

_SHOWN = 30  # texts that are shown with their colours
_LABELS = 8  # labels whose words are drawn as bars
_WORDS = 12  # bars of a label
_ROWS = 2000  # rows of the table of words
_LONGEST = 2000  # characters of a text that are shown
_RECURRENT = ("gru", "lstm")


@dataclass(frozen=True)
class Push:
    """What a word did for a label, over many texts.

    Attributes:
        label: The label.
        word: The word.
        mean: Of its values, each a part of the label's log-odds.
        times: How often it was read.
        texts: In how many texts.
    """

    label: str
    word: str
    mean: float
    times: int
    texts: int


def method_for(model: Any) -> str:
    """Return the method that fits a classifier: `logit` where a recurrent layer can be read."""
    return "logit" if str(model.settings.encoder).endswith(_RECURRENT) else "gradient-input"


def explained(
    model: Any, texts: Sequence[str], batch_size: int, target: str | None = None
) -> list[Saliency]:
    """Return the saliency of texts, for the label that each is given, or for one of all."""
    return saliency(model, texts, method_for(model), target=target, batch_size=batch_size)


def explained_passage(result: Saliency, heading: str, longest: int = _LONGEST) -> Passage:
    """Return a text with its colours, the strongest word of it at full strength.

    What is behind `longest` characters is not shown, and that is said.
    """
    strongest, spans, shown = largest(result.values) or 1.0, [], 0
    for text, place in pieces(result):
        if shown + len(text) > longest:
            left = max(len(result.text) - shown, 0)
            spans.append(Span(f" ... {left:,} characters more", mark="here"))
            break
        shown += len(text)
        if place is None:
            spans.append(Span(text))
            continue
        value = float(result.values[place])
        spans.append(Span(text, float(np.clip(value / strongest, -1, 1)), about=f"{value:+.3g}"))
    return Passage(spans, heading)


def pushes(results: Sequence[Saliency], least: int) -> list[Push]:
    """Return the mean value of each word for each label that was explained.

    Args:
        results: Of one method.
        least: Words in fewer texts are left out.

    Returns:
        By label, the greatest mean first, ties by word.
    """
    sums: dict[tuple[str, str], list[float]] = {}
    for result in results:
        seen: set[str] = set()
        for word, value in zip(result.tokens, result.values.tolist(), strict=True):
            row = sums.setdefault((str(result.label), word), [0.0, 0, 0])
            row[0] += value
            row[1] += 1
            row[2] += word not in seen
            seen.add(word)
    found = [
        Push(label, word, total / times, int(times), int(texts))
        for (label, word), (total, times, texts) in sums.items()
        if texts >= least
    ]
    return sorted(found, key=lambda push: (push.label, -push.mean, push.word))


def saliency_sections(
    model: Any, texts: Sequence[str], which: str, batch_size: int
) -> list[Section]:
    """Return the words that push towards each label, and some texts with their colours.

    Args:
        model: A Classifier.
        texts: The texts.
        which: What texts they are, in a phrase.
        batch_size: Texts at once.
    """
    if not texts:
        return []
    given = explained(model, texts, batch_size)
    counts: dict[str, int] = {}
    for one in given:
        counts[str(one.label)] = counts.get(str(one.label), 0) + 1
    labels = sorted(counts, key=lambda label: (-counts[label], label))[:_LABELS]
    if len(model.labels) == 2:  # what speaks for the one speaks against the other
        labels = list(model.labels)
    results = [one for label in labels for one in explained(model, texts, batch_size, label)]
    least = 3 if len(texts) >= 30 else 1
    found = pushes(results, least)
    several = "once" if least == 1 else f"in {least} texts or more"
    about = (
        f"Each word's part in a label's log-odds ({given[0].method}: {ABOUT[given[0].method]}), "
        f"the mean over {which}; words that stand there {several}."
    )
    if len(labels) < len(model.labels):
        about += f" The {len(labels)} labels that are given most of {len(model.labels)}."
    blocks: list[Block] = []
    for label in labels:
        first = [push for push in found if push.label == label and push.mean > 0][:_WORDS]
        if first:
            values = [round(push.mean, 6) for push in first]
            words = [push.word for push in first]
            name = f"words-{labels.index(label) + 1}"
            blocks.append(Bars(words, values, f"towards {label}: mean part in its log-odds", name))
    if len(model.labels) == 2:
        found = [push for push in found if push.mean > 0]
    if found:
        blocks.append(_table(found))
        if len(found) > _ROWS:
            about += f" The table has the {_ROWS:,} strongest of {len(found):,}."
    step = max(1, len(given) // _SHOWN)
    shown = given[::step][:_SHOWN]
    items = [explained_passage(one, f"{one.label} {one.score:.3f}") for one in shown]
    key = (Span("for it", value=1.0), Span("against it", value=-1.0))
    some = f"{len(shown):,} of these texts" if len(shown) < len(given) else "The texts"
    why = f"{some}, each with its label and the probability that the model gives it."
    return [
        Section("Words that push towards a label", blocks, about),
        Section("Why the model says so", [Passages(items, key)], why),
    ]


def _table(found: Sequence[Push]) -> Table:
    rows = sorted(found, key=lambda push: (-abs(push.mean), push.label, push.word))[:_ROWS]
    return Table([
        Column("word", [push.word for push in rows]),
        Column("label", [push.label for push in rows]),
        Column("mean", [push.mean for push in rows], "number", 3,
               "Part in the log-odds of the label; below 0: against it."),
        Column("texts", [push.texts for push in rows], "bar"),
        Column("times", [push.times for push in rows], "number"),
    ], search="Words and labels")  # fmt: skip
