"""Questions with passages and answers, from files of three forms.

- SQuAD's JSON, as CMRC 2018 has it: articles of paragraphs ("context") with questions ("qas").
- WebQA's JSON lines: "question_tokens" and "evidences" of "evidence_tokens" and "golden_answers";
  the tokens are joined without spaces.
- our own JSON lines: {"question": ..., "passages": [...], "answers": [...]}; without "answers"
  where they are to be found.

An answer that SQuAD's form places wrongly is searched for, nearest to that place, then without the
punctuation around it; one that the passage does not hold stays a right answer without a place.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from textzero.errors import InputError
from textzero.models.json_lines import json_objects, unique_names
from textzero.progress import Progress
from textzero.shown.text import counted

_EDGES = " \t\r\n\u3000。，、；：？！.,;:?!"
_NO_ANSWER = "no_answer"  # WebQA's word for it


@dataclass(frozen=True)
class Question:
    """A question, the passages that may answer it, and its right answers.

    Attributes:
        text: The question.
        passages: At least one.
        answers: Right answers, each once; none where they are not known or there is none.
        places: (passage, first character, character behind) of answers whose place is known.
    """

    text: str
    passages: tuple[str, ...]
    answers: tuple[str, ...] = ()
    places: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, repr=False)
class Questions(Sequence[Question]):
    """The questions of a file, and what had to be mended in it.

    Attributes:
        items: The questions.
        moved: Answers whose place was wrong and was found by search.
        unplaced: Answers with a place that their passage does not hold.
    """

    items: tuple[Question, ...]
    moved: int = 0
    unplaced: int = 0

    def __repr__(self) -> str:
        return f"Questions({len(self):,} questions)"

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Question, ...]: ...
    def __getitem__(self, index: int | slice) -> Question | tuple[Question, ...]:
        return self.items[index]

    def losses(self) -> list[str]:
        """Say in sentences which answers do not stand where the file says."""
        lines = []
        if self.moved:
            lines.append(f"{counted(self.moved, 'answers')} searched for, not where the data say")
        if self.unplaced:
            lines.append(f"{counted(self.unplaced, 'answers')} not in the passage")
        return lines


def read_questions(*paths: str | os.PathLike[str], progress: Progress | None = None) -> Questions:
    """Read questions from files of any of the three forms; what each holds tells which.

    Args:
        paths: The files.
        progress: Told how many bytes are read.

    Raises:
        InputError: A file is none of them; the message names the line or the item and what was
            expected there.
        ValueError: There is no path.
    """
    if not paths:
        raise ValueError("paths must name at least one file, got none")
    progress = progress or Progress()
    with progress.reading(paths):
        files = [_read_file(Path(path), progress) for path in paths]
    items = tuple(question for file in files for question in file)
    return Questions(items, sum(f.moved for f in files), sum(f.unplaced for f in files))


def _read_file(path: Path, progress: Progress) -> Questions:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return parse_questions(raw, str(path), progress)


def parse_questions(raw: bytes, name: str, progress: Progress | None = None) -> Questions:
    """Return the questions of a whole file, which messages call `name`; see `read_questions`."""
    progress = progress or Progress()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from error
    try:
        whole = json.loads(text, object_pairs_hook=unique_names)
    except (ValueError, RecursionError) as error:
        whole = None  # JSON lines, or a mistake that is looked for line by line
        _check_document(text, name, error)
    if isinstance(whole, dict) and is_squad(whole):
        progress.advance(len(raw))
        return _squad(whole, name)
    lines = progress.over(text.split("\n"), len(text), len(raw))
    items = tuple(line_questions(lines, name))
    if not items:
        raise InputError(f"{name} holds no questions; expected {_FORMS}")
    return Questions(items)


def _check_document(text: str, path: str, error: Exception) -> None:
    """Raise InputError at the line of a mistake, where a text is one document and not lines."""
    first = text.lstrip().split("\n", 1)[0]
    if not first or '"question' in first:
        return
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        number = getattr(error, "lineno", 1)
        line = text.split("\n")[number - 1].strip()
        raise InputError(
            f"{path}:{number}: expected {_FORMS}, got {line[:60]!r} ({error})"
        ) from error


_FORMS = (
    'JSON with "data", or JSON lines with "question" and "passages" '
    'or with "question_tokens" and "evidences"'
)


def is_squad(content: dict[str, Any]) -> bool:
    """Whether a JSON object is a document of SQuAD's form."""
    return "data" in content and "question" not in content


def _squad(content: dict[str, Any], path: str) -> Questions:
    """Questions of SQuAD's form."""
    items, moved, unplaced = [], 0, 0
    for a, article in enumerate(_field(content, "data", list, path)):
        where = f"{path}: data[{a}]"
        for p, paragraph in enumerate(_field(article, "paragraphs", list, where)):
            inner = f"{where}.paragraphs[{p}]"
            context = _field(paragraph, "context", str, inner)
            for q, asked in enumerate(_field(paragraph, "qas", list, inner)):
                item = f"{inner}.qas[{q}]"
                question = _field(asked, "question", str, item)
                answers, places = {}, {}
                for n, answer in enumerate(_field(asked, "answers", list, item, [])):
                    one = f"{item}.answers[{n}]"
                    text = _field(answer, "text", str, one)
                    start = _field(answer, "answer_start", int, one, -1)
                    if not text:
                        raise InputError(f'{one}: "text" must not be empty')
                    answers[text] = True
                    place = find_answer(context, text, start)
                    if place is None:
                        unplaced += 1
                    else:
                        places[0, *place] = True
                        moved += place[0] != start
                items.append(Question(question, (context,), tuple(answers), tuple(places)))
    if not items:
        raise InputError(f"{path} holds no questions; expected data[].paragraphs[].qas[]")
    return Questions(tuple(items), moved, unplaced)


def find_answer(passage: str, answer: str, start: int = -1) -> tuple[int, int] | None:
    """Return where an answer stands in a passage: at `start`, or nearest to it.

    Args:
        passage: Where to look.
        answer: What to look for; without the punctuation around it where it is not found as it is.
        start: Where it should stand; below 0 where that is not known, then the first place counts.

    Returns:
        First character and character behind, or None.
    """
    if start >= 0 and passage.startswith(answer, start):
        return start, start + len(answer)
    for text in (answer, answer.strip(_EDGES)):
        found = occurrences(passage, text)
        if found:
            near = min(found, key=lambda at: (abs(at - max(start, 0)), at))
            return near, near + len(text)
    return None


def occurrences(passage: str, answer: str) -> list[int]:
    """Return every place where an answer begins; occurrences may overlap.

    >>> occurrences("aaba", "a")
    [0, 1, 3]
    """
    return [m.start() for m in re.finditer(f"(?={re.escape(answer)})", passage)] if answer else []


def answer_places(
    question: Question, passage: int, known_only: bool = False
) -> list[tuple[int, int]]:
    """Return (first character, character behind) of what counts as an answer in one passage.

    Args:
        question: The question.
        passage: Which of its passages.
        known_only: Whether only the places that the data name count, where they name any;
            otherwise every occurrence of every answer does, as in the author's training.
    """
    known = {(start, stop) for where, start, stop in question.places if where == passage}
    if known_only and question.places:
        return sorted(known)
    text = question.passages[passage]
    wanted = {*question.answers, *(text[start:stop] for start, stop in known)}
    return sorted({(at, at + len(a)) for a in wanted for at in occurrences(text, a)})


def unlearnable(questions: Sequence[Question]) -> list[str]:
    """Say in a sentence how many questions have answers but none that stands in their passages.

    Args:
        questions: What a reader is to learn from.

    Returns:
        One sentence, or none.
    """
    found = [
        question
        for question in questions
        if question.answers
        and not any(answer_places(question, n) for n in range(len(question.passages)))
    ]
    if not found:
        return []
    return [
        f"{len(found):,} of {counted(len(questions), 'questions')} cannot be learned: no answer "
        f"stands in a passage, the first: {found[0].text!r:.60}"
    ]


def line_questions(lines: Iterable[str], path: str) -> Iterator[Question]:
    """Yield questions of WebQA's form or of our own, one a line."""
    for where, record in json_objects(lines, path, _FORMS):
        if "question_tokens" in record:
            yield _webqa(record, where)
        elif "question" in record:
            passages = _strings(record, "passages", where)
            if not passages:
                raise InputError(f'{where}: "passages" must not be empty')
            answers = _strings(record, "answers", where, [])
            if "" in answers:
                raise InputError(f'{where}: "answers" must not hold an empty string; leave it out')
            yield Question(
                _field(record, "question", str, where),
                tuple(passages),
                tuple(dict.fromkeys(answers)),
            )
        else:
            fields = ", ".join(record) or "none"
            raise InputError(f"{where}: expected {_FORMS}, got the fields {fields:.60}")


def _webqa(record: dict[str, Any], where: str) -> Question:
    """A question of WebQA's form; each evidence repeats the answers."""
    question = "".join(_strings(record, "question_tokens", where))
    passages, answers = [], {}
    for number, evidence in enumerate(_field(record, "evidences", list, where)):
        inner = f"{where}: evidences[{number}]"
        passages.append("".join(_strings(evidence, "evidence_tokens", inner)))
        for tokens in _field(evidence, "golden_answers", list, inner, []):
            if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
                raise InputError(
                    f'{inner}: "golden_answers" must hold lists of strings, got {tokens!r:.60}'
                )
            answers["".join(tokens)] = True
    if not passages:
        raise InputError(f'{where}: "evidences" must not be empty')
    right = tuple(answer for answer in answers if answer and answer != _NO_ANSWER)
    return Question(question, tuple(passages), right)


def _field(record: Any, name: str, kind: type, where: str, default: Any = None) -> Any:
    """A field of a JSON object, of the right type; what is optional has a default."""
    if not isinstance(record, dict):
        raise InputError(f"{where} must be a JSON object, got {record!r:.60}")
    value = record.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        names = {str: "a string", list: "a list", int: "a whole number"}
        raise InputError(f'{where}: "{name}" must be {names[kind]}, got {value!r:.60}')
    return value


def _strings(record: Any, name: str, where: str, default: Any = None) -> list[str]:
    """A field that is a list of strings."""
    values = _field(record, name, list, where, default)
    for value in values:
        if not isinstance(value, str):
            raise InputError(
                f'{where}: "{name}" must be a list of strings, got {value!r:.60} in it'
            )
    return values


def split_by_passage(
    questions: Iterable[Question], share: float, seed: int = 0
) -> tuple[list[Question], list[Question]]:
    """Divide questions in two so that no passage is on both sides.

    Args:
        questions: What to divide; the order is kept on both sides.
        share: Of the questions, for the first part; questions that have a passage in common stay
            together, so it is met only nearly.
        seed: Of the draw.

    Raises:
        ValueError: `share` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    items = list(questions)
    groups = _groups(items)
    sizes = np.bincount(groups) if items else np.zeros(0, int)
    first: set[int] = set()
    taken = 0
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if taken >= share * len(items):
            break
        first.add(int(group))
        taken += int(sizes[group])
    inside = [item for item, group in zip(items, groups, strict=True) if group in first]
    return inside, [item for item, group in zip(items, groups, strict=True) if group not in first]


def _groups(items: Sequence[Question]) -> list[int]:
    """A number for each question; the same for questions that passages connect."""
    parent: dict[str, str] = {}

    def root(passage: str) -> str:
        while parent.setdefault(passage, passage) != passage:
            parent[passage] = parent[parent[passage]]
            passage = parent[passage]
        return passage

    for item in items:
        for passage in item.passages:
            parent[root(passage)] = root(item.passages[0])
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(item.passages[0]), len(numbers)) for item in items]
