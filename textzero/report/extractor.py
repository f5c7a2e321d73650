"""What an extractor does with texts whose triples are known: scores by predicate, worst texts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from textzero.models.triple_score import score_triples
from textzero.models.triples import TripleTexts
from textzero.report.blocks import Column, Facts, Passage, Passages, Section, Span, Table, Text

_LONGEST = 1000  # characters of a text that are shown
KEY = (
    Span("right", mark="right"),
    Span("found in error", mark="wrong"),
    Span("missed", mark="missed"),
)


def scored_sections(model: Any, data: Any, *, worst: int, batch_size: int) -> list[Section]:
    """Return scores and worst texts of an Extractor on texts with their triples."""
    data = TripleTexts.from_pairs(data)
    found = model.predict(data.texts, batch_size)
    gold = [[tuple(fact[:3]) for fact in item.facts] for item in data]
    said = [[tuple(triple[:3]) for triple in row] for row in found]
    return extraction_sections(data.texts, gold, said, worst)


def extraction_sections(
    texts: Sequence[str],
    gold: Sequence[Sequence[tuple[str, str, str]]],
    found: Sequence[Sequence[tuple[str, str, str]]],
    worst: int = 50,
) -> list[Section]:
    """Return what triples that were found show beside the true ones.

    Args:
        texts: The texts.
        gold: For each its true triples (subject, predicate, object).
        found: For each those that were found.
        worst: At most so many texts are shown.
    """
    score = score_triples(gold, found)
    facts = Facts({
        "texts": len(texts), "triples": score.gold, "found": score.predicted,
        "right": score.correct, "precision": round(score.precision, 4),
        "recall": round(score.recall, 4), "F1": round(score.f1, 4),
    })  # fmt: skip
    true, said, right = Counter[str](), Counter[str](), Counter[str]()
    for one, other in zip(gold, found, strict=True):
        true.update(predicate for _, predicate, _ in set(one))
        said.update(predicate for _, predicate, _ in set(other))
        right.update(predicate for _, predicate, _ in set(one) & set(other))
    names = sorted(true.keys() | said.keys(), key=lambda name: (-true[name], name))
    precision = [right[n] / said[n] if said[n] else 0.0 for n in names]
    recall = [right[n] / true[n] if true[n] else 0.0 for n in names]
    f1 = [2 * right[n] / (true[n] + said[n]) for n in names]
    table = Table([
        Column("predicate", names), Column("triples", [true[n] for n in names], "bar"),
        Column("found", [said[n] for n in names], "number"),
        Column("right", [right[n] for n in names], "number"),
        Column("precision", precision, "share", 1), Column("recall", recall, "share", 1),
        Column("F1", f1, "share", 1),
    ], search="Predicates")  # fmt: skip
    about = "A triple is right when subject, predicate and object are those of a true one, exactly."
    return [
        Section("Scores by predicate", [facts, table], about),
        _worst(texts, gold, found, worst),
    ]


def _worst(texts: Sequence[str], gold: Sequence[Any], found: Sequence[Any], worst: int) -> Section:
    title = "The worst texts"
    errors = [len(set(one) ^ set(other)) for one, other in zip(gold, found, strict=True)]
    wrong = [place for place, count in enumerate(errors) if count]
    if not wrong:
        return Section(title, [Text([f"The triples of all {len(texts):,} texts are right."])])
    wrong.sort(key=lambda i: (-errors[i], i))
    items = [_passage(i + 1, texts[i], gold[i], found[i]) for i in wrong[:worst]]
    shown = f"The {len(items):,} worst of" if len(items) < len(wrong) else "All"
    about = (
        f"{shown} {len(wrong):,} texts with a fault, of {len(texts):,}; those with the most wrong "
        "triples come first. Below each text its triples."
    )
    return Section(title, [Passages(items, KEY)], about)


def _passage(number: int, text: str, gold: Sequence[Any], found: Sequence[Any]) -> Passage:
    more = len(text) - _LONGEST
    spans = [Span(text if more <= 0 else f"{text[:_LONGEST]} ... {more:,} characters more")]
    counts = {"right": 0, "wrong": 0, "missed": 0}
    parts: list[tuple[Literal["right", "missed", "wrong"], list[Any]]] = [
        ("right", [t for t in dict.fromkeys(gold) if t in set(found)]),
        ("missed", [t for t in dict.fromkeys(gold) if t not in set(found)]),
        ("wrong", [t for t in dict.fromkeys(found) if t not in set(gold)]),
    ]
    for mark, triples in parts:
        for subject, predicate, object_ in triples:
            counts[mark] += 1
            spans.append(Span("\n"))
            spans.append(Span(f"{subject} | {predicate} | {object_}", mark=mark))
    heading = (
        f"text {number}: {counts['right']} right, {counts['missed']} not found, "
        f"{counts['wrong']} found in error"
    )
    return Passage(spans, heading)
