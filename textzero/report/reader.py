"""What a reader does with questions whose answers are known: scores, and its worst questions."""

from collections.abc import Sequence
from typing import Any

from textzero.errors import InputError
from textzero.models.answer_score import character_f1, exact_match, score_answers
from textzero.report.blocks import Chart, Column, Facts, Line, Passage, Section, Span, Table, Text

_FIRST = 10  # questions, before which a share of them says nothing
_AROUND = 120  # characters of a passage that are shown on each side of an answer


def scored_sections(model: Any, data: Any, *, worst: int, batch_size: int) -> list[Section]:
    """Return scores and worst questions of a Reader on questions that have answers."""
    questions = list(data)
    known = [question for question in questions if question.answers]
    if not known:
        raise InputError("at least one question must have an answer to be compared, got none")
    answers = model.predict(
        [question.text for question in known], [question.passages for question in known],
        threshold=0.0, candidates=3, batch_size=batch_size,
    )  # fmt: skip
    return reading_sections(known, answers, worst, len(questions) - len(known))


def reading_sections(
    questions: Sequence[Any], answers: Sequence[Any], worst: int = 50, unknown: int = 0
) -> list[Section]:
    """Return what given answers show beside the right ones.

    Args:
        questions: Each with at least one right answer.
        answers: One `Answer` a question.
        worst: At most so many questions are shown.
        unknown: Questions that were left out, as no answer to them is known.
    """
    texts = [answer.text for answer in answers]
    score = score_answers(texts, [question.answers for question in questions])
    f1 = [
        character_f1(text, question.answers) if text else 0.0
        for text, question in zip(texts, questions, strict=True)
    ]
    exact = [
        exact_match(text, question.answers) if text else 0.0
        for text, question in zip(texts, questions, strict=True)
    ]
    touched = sum(0 < x < 1 for x in f1)
    facts = Facts({
        "questions": len(questions), "without a known answer, left out": unknown,
        "exact match": round(score["em"], 4), "F1 of characters": round(score["f1"], 4),
        "answers that are right": int(sum(exact)), "answers that are partly right": touched,
        "answers that share nothing with a right one": sum(x == 0 for x in f1),
    })  # fmt: skip
    sure = sorted(range(len(texts)), key=lambda i: (-answers[i].score, i))
    shares, right = [], 0.0
    for place, i in enumerate(sure, 1):
        right += exact[i]
        shares.append(right / place)
    first = min(_FIRST, len(sure)) - 1
    kept = [place / len(sure) for place in range(1, len(sure) + 1)]
    line = Line("exact match", kept[first:], shares[first:])
    chart = Chart([line], "share of the questions, the surest first", "exact match among them",
                  name="surest")  # fmt: skip
    about = "Exact match and F1 of characters, as CMRC 2018 counts them."
    return [Section("Scores", [facts, chart], about), _worst(questions, answers, f1, exact, worst)]


def _worst(
    questions: Sequence[Any],
    answers: Sequence[Any],
    f1: Sequence[float],
    exact: Sequence[float],
    worst: int,
) -> Section:
    title = "The worst questions"
    wrong = [i for i in range(len(questions)) if not exact[i]]
    if not wrong:
        return Section(title, [Text([f"All {len(questions):,} answers are right."])])
    wrong.sort(key=lambda i: (f1[i], -answers[i].score, i))
    rows = wrong[:worst]
    table = Table([
        Column("question", [questions[i].text for i in rows]),
        Column("expected", [" / ".join(questions[i].answers) for i in rows]),
        Column("given", [answers[i].text for i in rows]),
        Column("F1", [f1[i] for i in rows], "share", 0),
        Column("score", [answers[i].score for i in rows], "number", 3,
               "How sure the reader is: each passage gives up to 1, and all are added up."),
    ], details=[_passages(questions[i], answers[i]) for i in rows],
       search="Questions and answers")  # fmt: skip
    shown = f"{len(rows):,} of" if len(rows) < len(wrong) else "All"
    about = (
        f"{shown} {len(wrong):,} questions without the right answer, of {len(questions):,}: first "
        "those with the lowest F1, the surest of them before the others. Open a row to see the "
        "passages."
    )
    return Section(title, [table], about)


def _passages(question: Any, answer: Any) -> list[Passage]:
    """What stands around the given answer, and around a right one."""
    found = []
    if answer.passage >= 0:
        text = question.passages[answer.passage]
        heading = f"given, in passage {answer.passage + 1} of {len(question.passages)}"
        found.append(Passage(_around(text, answer.start, answer.stop, "wrong"), heading))
    for right in question.answers:
        for number, text in enumerate(question.passages):
            if (start := text.find(right)) >= 0:
                heading = f"expected, in passage {number + 1} of {len(question.passages)}"
                found.append(Passage(_around(text, start, start + len(right), "missed"), heading))
                return found
    return found


def _around(text: str, start: int, stop: int, mark: Any) -> list[Span]:
    first, last = max(0, start - _AROUND), min(len(text), stop + _AROUND)
    before = ("..." if first else "") + text[first:start]
    behind = text[stop:last] + ("..." if last < len(text) else "")
    return [Span(before), Span(text[start:stop], mark=mark), Span(behind)]
