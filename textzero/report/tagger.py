"""What a tagger does with labelled sentences: scores by type, its confusions, its worst sentences.

A span counts as right by conlleval's rules: its place and its type must be those of the gold span.
So the rows of the confusion add up to the gold spans, its columns to those that were found.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from textzero.models.entity_score import EntityScore, score_entities, score_labels
from textzero.models.tags import NONE, tags_to_spans
from textzero.models.tags import Span as TagSpan
from textzero.report.blocks import (
    Block,
    Column,
    Facts,
    Matrix,
    Passage,
    Passages,
    Section,
    Span,
    Table,
    Text,
)

MISSED, INVENTED = "missed", "invented"
_LABELS = 30  # rows of a confusion that can be read
KEY = (
    Span("right", mark="right"),
    Span("found, but wrong", mark="wrong"),
    Span("missed", mark="missed"),
)


@dataclass(frozen=True)
class _Sentence:
    """A sentence with its gold spans and those that were found."""

    tokens: Sequence[str]
    gold: Sequence[TagSpan]
    found: Sequence[TagSpan]

    @property
    def errors(self) -> int:
        """Spans that stand on one side alone."""
        return len(set(self.gold) ^ set(self.found))

    @property
    def share(self) -> float:
        """Share of all spans that are wrong."""
        return self.errors / max(len(self.gold) + len(self.found), 1)


def scored_sections(model: Any, data: Any, *, worst: int, batch_size: int) -> list[Section]:
    """Return scores, confusion and worst sentences of a Tagger on labelled data."""
    gold, found = model.compared(data, batch_size)
    tokens = [row for row, _ in gold]
    return tagging_sections(
        tokens, [tags for _, tags in gold], found, gold.scheme, gold.joiner, worst
    )


def tagging_sections(
    tokens: Sequence[Sequence[str]],
    gold: Sequence[Sequence[str]],
    found: Sequence[Sequence[str]],
    scheme: str,
    joiner: str = "",
    worst: int = 50,
) -> list[Section]:
    """Return what two taggings of the same sentences show.

    Args:
        tokens: Of each sentence.
        gold: True tags.
        found: Tags that were given, in the same scheme.
        scheme: A name in `tags.SCHEMES`, or "none" for tags that are labels of their own.
        joiner: What stands between tokens.
        worst: At most so many sentences are shown.
    """
    free = scheme == NONE
    score = (score_labels if free else score_entities)(gold, found)
    spans = _label_spans if free else tags_to_spans
    sentences = [
        _Sentence(row, spans(true), spans(guess))
        for row, true, guess in zip(tokens, gold, found, strict=True)
    ]
    what = "tokens" if free else "spans"
    sections = [_scores(score, len(sentences), what), _confusion(sentences, free)]
    return [*sections, _worst(sentences, joiner, worst, what, free)]


def _label_spans(tags: Sequence[str]) -> list[TagSpan]:
    return [(place, place + 1, tag) for place, tag in enumerate(tags)]


def _named(kind: str) -> str:
    return kind or "word"  # spans of segmented text have no type


def _scores(score: EntityScore, sentences: int, what: str) -> Section:
    facts = Facts({
        "sentences": sentences, "tokens": score.tokens, what: score.gold, "found": score.predicted,
        "right": score.correct, "precision": round(score.precision, 4),
        "recall": round(score.recall, 4), "F1": round(score.f1, 4),
        "tags that are right": round(score.accuracy, 4),
    })  # fmt: skip
    kinds = sorted(score.by_type, key=lambda kind: (-score.by_type[kind].gold, kind))
    rows = [score.by_type[kind] for kind in kinds]
    table = Table([
        Column("type", [_named(kind) for kind in kinds]),
        Column(what, [row.gold for row in rows], "bar"),
        Column("found", [row.predicted for row in rows], "number"),
        Column("right", [row.correct for row in rows], "number"),
        Column("precision", [row.precision for row in rows], "share", 1),
        Column("recall", [row.recall for row in rows], "share", 1),
        Column("F1", [row.f1 for row in rows], "share", 1),
    ])  # fmt: skip
    about = f"Precision, recall and F1 of {what}, as conlleval counts them."
    return Section("Scores by type", [facts, table], about)


def _confusion(sentences: Sequence[_Sentence], free: bool) -> Section:
    cells: Counter[tuple[str, str]] = Counter()
    kinds_of_error: Counter[str] = Counter()
    for sentence in sentences:
        true = {span[:2]: span[2] for span in sentence.gold}
        said = {span[:2]: span[2] for span in sentence.found}
        for place, kind in true.items():
            cells[_named(kind), _named(said[place]) if place in said else MISSED] += 1
        for place, kind in said.items():
            if place not in true:
                cells[INVENTED, _named(kind)] += 1
        kinds_of_error.update(_errors(sentence))
    totals: Counter[str] = Counter()
    for (row, column), count in cells.items():
        totals.update(dict.fromkeys({row, column} - {MISSED, INVENTED}, count))
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    names = ranked[:_LABELS]
    rows, columns = list(names), list(names)
    if not free:
        rows, columns = [*names, INVENTED], [*names, MISSED]
    counts = np.array([[cells[row, column] for column in columns] for row in rows], np.int64)
    blocks: list[Block] = [Matrix(rows, columns, counts, "true", "found", name="confusion")]
    about = "Rows are what is there, columns what was found."
    if not free:
        about += (
            " A span of the same first and last token counts; one that was found at another place "
            f"is both {MISSED} and {INVENTED}."
        )
    if len(ranked) > _LABELS:
        about += f" The {_LABELS} most frequent of {len(ranked):,} labels."
    if kinds_of_error and not free:
        order = sorted(kinds_of_error, key=lambda name: (-kinds_of_error[name], name))
        counted = [kinds_of_error[name] for name in order]
        columns_ = [Column("what went wrong", order), Column("times", counted, "bar")]
        blocks.append(Table(columns_))
    return Section("What is taken for what", blocks, about)


def _errors(sentence: _Sentence) -> list[str]:
    """What went wrong: one name for each gold span that was not found, and each invented one."""
    found = []
    for span in set(sentence.gold) - set(sentence.found):
        near = [other for other in sentence.found if _overlap(span, other)]
        if any(other[:2] == span[:2] for other in near):
            found.append("wrong type")
        elif any(other[2] == span[2] for other in near):
            found.append("wrong place, right type")
        else:
            found.append("wrong place and type" if near else "missed altogether")
    for span in set(sentence.found) - set(sentence.gold):
        if not any(_overlap(span, other) for other in sentence.gold):
            found.append("invented where nothing is")
    return found


def _overlap(one: TagSpan, other: TagSpan) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _worst(
    sentences: Sequence[_Sentence], joiner: str, worst: int, what: str, free: bool
) -> Section:
    title = "The worst sentences"
    wrong = [place for place, sentence in enumerate(sentences) if sentence.errors]
    if not wrong:
        return Section(title, [Text([f"All {len(sentences):,} sentences are right."])])
    wrong.sort(key=lambda i: (-sentences[i].errors, -sentences[i].share, i))
    items = [_passage(i + 1, sentences[i], joiner, free) for i in wrong[:worst]]
    shown = f"The {len(items):,} worst of" if len(items) < len(wrong) else "All"
    about = (
        f"{shown} {len(wrong):,} sentences with a fault, of {len(sentences):,}; those with the "
        f"most wrong {what} come first."
    )
    return Section(title, [Passages(items, KEY)], about)


def _passage(number: int, sentence: _Sentence, joiner: str, free: bool) -> Passage:
    right = len(set(sentence.gold) & set(sentence.found))
    missed, invented = len(sentence.gold) - right, len(sentence.found) - right
    if free:
        heading = f"sentence {number}: {missed:,} of {len(sentence.tokens):,} tags are wrong"
    else:
        heading = f"sentence {number}: {right} right, {missed} not found, {invented} found in error"
    return Passage(
        marked(sentence.tokens, sentence.gold, sentence.found, joiner, not free), heading
    )


def marked(
    tokens: Sequence[str],
    gold: Sequence[TagSpan],
    found: Sequence[TagSpan],
    joiner: str,
    show_right: bool = True,
) -> list[Span]:
    """Return a sentence as stretches that are right, wrong or missed, or none of these.

    What is in both a gold span and another that was found is wrong; each gold or found span is
    named behind its last token.
    """
    true, said = _owners(gold, len(tokens)), _owners(found, len(tokens))
    spans: list[Span] = []
    start = 0
    for place in range(1, len(tokens) + 1):
        if place < len(tokens) and (true[place], said[place]) == (true[start], said[start]):
            continue
        one, other = true[start], said[start]
        text = joiner.join(tokens[start:place])
        if one == other and (one is None or not show_right):
            spans.append(Span(text))
        elif one == other and one is not None:
            spans.append(Span(text, mark="right", label=_named(one[2])))
        else:
            mark: Literal["missed", "wrong"] = "missed" if other is None else "wrong"
            spans.append(Span(text, mark=mark, label=_label(one, other, place),
                              about=_said(tokens, one, other, joiner)))  # fmt: skip
        if place < len(tokens) and joiner:
            spans.append(Span(joiner))
        start = place
    return spans


def _owners(spans: Sequence[TagSpan], length: int) -> list[TagSpan | None]:
    owners: list[TagSpan | None] = [None] * length
    for span in spans:
        owners[span[0] : span[1]] = [span] * (span[1] - span[0])
    return owners


def _label(true: TagSpan | None, said: TagSpan | None, end: int) -> str:
    """What is written behind a wrong stretch: the type of what was found, and of what it is."""
    if true is not None and said is not None and true[:2] == said[:2]:
        return f"{_named(said[2])}, not {_named(true[2])}"
    owner = said if said is not None else true
    return _named(owner[2]) if owner is not None and owner[1] == end else ""


def _said(tokens: Sequence[str], true: TagSpan | None, said: TagSpan | None, joiner: str) -> str:
    parts = []
    for name, span in (("true", true), ("found", said)):
        what = "nothing"
        if span is not None:
            what = f"{joiner.join(tokens[span[0] : span[1]])} ({_named(span[2])})"
        parts.append(f"{name}: {what}")
    return "; ".join(parts)
