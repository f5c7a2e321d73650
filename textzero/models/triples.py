"""Triples (subject, predicate, object) of texts: their files, and where they stand in the text.

A file is JSON lines: `text`, and `spo_list` (or `triples`) of `{"subject", "predicate", "object"}`.
The object is a string, or the mapping of DuIE 2.0: `@value` is the object of the predicate itself,
and every further slot is a predicate of its own named "predicate.slot" (饰演 of an actor is
the role, 饰演.inWork the film), so that a triple has always one object.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, overload

from textzero.corpus.decoding import utf8_bytes
from textzero.corpus.reading import Reading
from textzero.corpus.sources import Source, find_sources
from textzero.errors import InputError
from textzero.models.json_lines import json_objects
from textzero.progress import Progress
from textzero.shown.text import counted

_LISTS = ("spo_list", "triples")
_MAIN_SLOT = "@value"
_EXAMPLE = '{"text": "...", "spo_list": [{"subject": "...", "predicate": "...", "object": "..."}]}'


class Fact(NamedTuple):
    """What a text says, as three strings."""

    subject: str
    predicate: str
    object: str


class Triple(NamedTuple):
    """A fact, and where the text says it.

    Attributes:
        subject: `text[subject_start:subject_end]`.
        predicate: One of the model's predicates.
        object: `text[object_start:object_end]`.
        subject_start: Characters (code points) of the raw text before the subject.
        subject_end: The same, behind it.
        object_start: The same, before the object.
        object_end: The same, behind it.
        score: Product of the four probabilities of the two starts and ends, 0 to 1.
    """

    subject: str
    predicate: str
    object: str
    subject_start: int
    subject_end: int
    object_start: int
    object_end: int
    score: float

    @property
    def fact(self) -> Fact:
        """The three strings alone."""
        return Fact(*self[:3])


@dataclass(frozen=True)
class TripleText:
    """A text and its facts.

    Attributes:
        text: The text as it stands in the file.
        facts: Different facts, in the order of the file.
        place: File and line, for messages; no part of what is compared.
    """

    text: str
    facts: tuple[Fact, ...] = ()
    place: str = field(default="", compare=False)

    @property
    def unplaced(self) -> tuple[Fact, ...]:
        """Facts whose subject or object does not stand in the text: no tagger can find them."""
        return tuple(
            f for f in self.facts if f.subject not in self.text or f.object not in self.text
        )


@dataclass(frozen=True, repr=False)
class TripleTexts(Sequence[TripleText]):
    """Texts with their facts, in the order of the files, and what was not read as it stands.

    Attributes:
        items: The texts.
        reading: Malformed bytes that were replaced, files passed over.
    """

    items: tuple[TripleText, ...]
    reading: Reading = field(default_factory=Reading, compare=False)

    @classmethod
    def from_pairs(cls, pairs: Iterable[TripleText | tuple[str, Iterable[Any]]]) -> "TripleTexts":
        """Make it of (text, [(subject, predicate, object), ...]) pairs.

        Raises:
            InputError: An element is no such pair.
        """
        if isinstance(pairs, TripleTexts):
            return pairs
        return cls(tuple(_from_pair(pair, number) for number, pair in enumerate(pairs, 1)))

    def __repr__(self) -> str:
        return f"TripleTexts({len(self):,} texts)"

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> TripleText: ...
    @overload
    def __getitem__(self, index: slice) -> "TripleTexts": ...
    def __getitem__(self, index: int | slice) -> "TripleText | TripleTexts":
        if isinstance(index, slice):
            return replace(self, items=self.items[index])
        return self.items[index]

    @property
    def texts(self) -> list[str]:
        """The texts alone."""
        return [item.text for item in self.items]

    @property
    def predicates(self) -> tuple[str, ...]:
        """The different predicates, the most frequent first, then by name."""
        counts = Counter(fact.predicate for item in self.items for fact in item.facts)
        return tuple(sorted(counts, key=lambda name: (-counts[name], name)))

    @property
    def unplaced(self) -> int:
        """Facts whose subject or object does not stand in their text."""
        return sum(len(item.unplaced) for item in self.items)

    def losses(self) -> list[str]:
        """Say in sentences what was replaced or skipped, and which facts no text holds."""
        lines = self.reading.losses()
        first = next((item for item in self.items if item.unplaced), None)
        if first is not None:
            facts = sum(len(item.facts) for item in self.items)
            where = f"{first.place}: " if first.place else ""
            lines.append(
                f"{self.unplaced:,} of {counted(facts, 'triples')} cannot be learned: subject or "
                f"object is not in the text, the first at {where}{first.unplaced[0][:3]}"
            )
        return lines


def read_triples(
    *paths: str | os.PathLike[str], encoding: str = "utf-8", progress: Progress | None = None
) -> TripleTexts:
    """Read texts with triples from JSON lines.

    Args:
        paths: Files, folders, globs, URLs or `-`; compressed files too.
        encoding: A Python codec.
        progress: Told how many bytes are read.

    Raises:
        InputError: A file cannot be read, a line is no such object, or there is no text at all;
            the message names file and line and what was expected.
        ValueError: There is no path.

    Example:
        >>> import json, tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "facts.jsonl")
        ...     spo = {"subject": "Emma", "predicate": "author", "object": {"@value": "Austen"}}
        ...     line = json.dumps({"text": "Austen wrote Emma", "spo_list": [spo]})
        ...     _ = file.write_text(line)
        ...     read_triples(file)[0].facts
        (Fact(subject='Emma', predicate='author', object='Austen'),)
    """
    if not paths:
        raise ValueError("paths must name at least one file, got none")
    reading, items = Reading(), list[TripleText]()
    listing = find_sources([os.fspath(path) for path in paths], (), (), "jsonl")
    reading.skipped += listing.skipped
    progress = progress or Progress()
    with progress.stage("read", sum(source.size for source in listing.sources)):
        for source in listing.sources:
            items += _read(source, encoding, reading, progress)
    if not items:
        raise InputError(f"{', '.join(map(str, paths))} must hold texts with triples, got none")
    return TripleTexts(tuple(items), reading)


def _read(
    source: Source, encoding: str, reading: Reading, progress: Progress
) -> Iterator[TripleText]:
    with utf8_bytes(
        source, 0, max(source.size, 1),
        encoding=encoding, strict=False, on_error="raise", reading=reading,
    ) as (read, _):  # fmt: skip
        content = b"".join(iter(lambda: read(1 << 20), b"")).decode()
    lines = progress.over(content.split("\n"), len(content), source.size)
    for place, record in json_objects(lines, source, f"a JSON object such as {_EXAMPLE}"):
        yield _from_record(record, place)


def _from_record(record: Mapping[str, Any], place: str) -> TripleText:
    text = record.get("text")
    if not isinstance(text, str):
        raise InputError(f"{place}: expected the text as a string in 'text', got {text!r:.60}")
    names = [name for name in _LISTS if name in record]
    if len(names) > 1:
        raise InputError(f"{place}: expected one list of triples, got {' and '.join(names)}")
    if not names:
        raise InputError(
            f"{place}: expected a list of triples in 'spo_list' ([] for none), "
            f"got the fields {', '.join(record) or 'none'}"
        )
    (name,) = names
    if not isinstance(record[name], list):
        raise InputError(f"{place}: {name} must be a list, got {record[name]!r:.60}")
    facts: dict[Fact, None] = {}
    for number, entry in enumerate(record[name], 1):
        facts.update(dict.fromkeys(_facts(entry, f"{place}: triple {number}")))
    return TripleText(text, tuple(facts), place)


def _facts(entry: Any, where: str) -> Iterator[Fact]:
    """The facts of one triple of a file, one for each slot of its object."""
    if not isinstance(entry, Mapping):
        raise InputError(
            f"{where}: expected an object with subject, predicate and object, got {entry!r:.60}"
        )
    subject = _string(entry, "subject", where)
    predicate = _string(entry, "predicate", where)
    if not isinstance(entry.get("object"), Mapping):
        yield Fact(subject, predicate, _string(entry, "object", where))
        return
    slots = entry["object"]
    if not any(slots.values()):
        raise InputError(
            f"{where}: the object must have a value in {_MAIN_SLOT!r}, got {slots!r:.60}"
        )
    for slot in slots:
        if slots[slot] == "":
            continue  # DuIE writes slots that a text leaves open as empty strings
        name = predicate if slot == _MAIN_SLOT else f"{predicate}.{slot}"
        yield Fact(subject, name, _string(slots, slot, f"{where}: object"))


def _string(entry: Mapping[str, Any], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: {name} must be a string that is not empty, got {value!r:.60}")
    return value.strip()


def _from_pair(pair: Any, number: int) -> TripleText:
    if isinstance(pair, TripleText):
        return pair
    place = f"text {number}"
    whole = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
    if not (whole and isinstance(pair[0], str) and _is_several(pair[1])):
        raise InputError(f"{place}: expected a pair (text, triples), got {pair!r:.60}")
    facts: dict[Fact, None] = {}
    for entry in pair[1]:
        if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) < 3:
            raise InputError(f"{place}: expected (subject, predicate, object), got {entry!r:.60}")
        parts = dict(zip(("subject", "predicate", "object"), entry, strict=False))
        facts[Fact(*(_string(parts, name, place) for name in parts))] = None
    return TripleText(pair[0], tuple(facts), "")


def _is_several(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def occurrences(text: str, piece: str) -> list[tuple[int, int]]:
    """Return every place of `piece` in a text that a label may mark.

    Places that overlap an earlier one are left out, and those that cut a Latin word or a number
    too (the 5 of 1995), unless there is no other.

    Args:
        text: The text.
        piece: A subject or object, not empty.

    Returns:
        (start, end) in characters, from left to right; [] when `piece` does not occur.

    Example:
        >>> occurrences("5 of 1995 and 5", "5"), occurrences("1995", "5")
        ([(0, 1), (14, 15)], [(3, 4)])
    """
    found = [match.span() for match in re.finditer(re.escape(piece), text)]
    whole = [s for s in found if not (_joins(text, s[0]) or _joins(text, s[1]))]
    return whole or found


def _joins(text: str, place: int) -> bool:
    """Whether a Latin word or a number goes on across a place between two characters."""
    pair = text[place - 1 : place + 1] if place else ""
    return len(pair) == 2 and pair.isascii() and pair.isalnum()
