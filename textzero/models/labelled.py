"""Labelled texts from TSV, CSV, JSON lines, and folders whose sub-folders are labels.

Columns are found by the names of a header or, in a file of two columns without one, by their
values: labels repeat, texts do not. A TSV cell is what stands between two tabs, quotes included; a
CSV cell may be quoted. Everything is read into memory.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

from textzero.corpus.decoding import utf8_bytes
from textzero.corpus.encodings import detect_encoding
from textzero.corpus.reading import Reading
from textzero.corpus.sources import Source, find_sources
from textzero.errors import InputError
from textzero.models.json_lines import json_objects
from textzero.near import did_you_mean, nearest
from textzero.progress import Progress
from textzero.shown.text import counted

# Names of columns and of JSON fields, the first that is there counts; case does not.
TEXT_NAMES = (
    *("text", "text_a", "sentence", "review", "content", "document", "comment", "title", "文本"),
)
LABEL_NAMES = ("label", "labels", "class", "category", "sentiment", "target", "标签")


@dataclass(frozen=True)
class LabelledText:
    """A text and its label.

    Attributes:
        text: The text as it stands in the file.
        label: Its label, without white space around it.
        place: File and line, for messages; no part of what is compared.
    """

    text: str
    label: str
    place: str = field(default="", compare=False)


@dataclass(frozen=True, repr=False)
class LabelledTexts(Sequence[LabelledText]):
    """Labelled texts in the order of the files, and what was not read as it stands.

    Attributes:
        items: The texts.
        reading: Malformed bytes that were replaced, files passed over.
    """

    items: tuple[LabelledText, ...]
    reading: Reading = field(default_factory=Reading, compare=False)

    @classmethod
    def from_pairs(cls, pairs: Iterable[LabelledText | tuple[str, Any]]) -> "LabelledTexts":
        """Make it of (text, label) pairs; it takes labelled texts as they are.

        Raises:
            InputError: An element is no such pair, or its label is empty.
        """
        if isinstance(pairs, LabelledTexts):
            return pairs
        return cls(tuple(_from_pair(pair, number) for number, pair in enumerate(pairs, 1)))

    def __repr__(self) -> str:
        return f"LabelledTexts({len(self):,} texts)"

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> LabelledText: ...
    @overload
    def __getitem__(self, index: slice) -> "LabelledTexts": ...
    def __getitem__(self, index: int | slice) -> "LabelledText | LabelledTexts":
        if isinstance(index, slice):
            return replace(self, items=self.items[index])
        return self.items[index]

    @property
    def texts(self) -> list[str]:
        """The texts alone."""
        return [item.text for item in self.items]

    @property
    def counts(self) -> dict[str, int]:
        """How many texts each label has; labels in order, as numbers where all are numbers."""
        counts = Counter(item.label for item in self.items)
        numbers = all(label.isascii() and label.isdigit() for label in counts)
        return {k: counts[k] for k in sorted(counts, key=lambda k: (int(k) if numbers else 0, k))}

    @property
    def labels(self) -> tuple[str, ...]:
        """The different labels, in the order of `counts`."""
        return tuple(self.counts)

    @property
    def empty(self) -> int:
        """Texts without a visible character."""
        return sum(not item.text.strip() for item in self.items)

    def losses(self) -> list[str]:
        """Say in sentences what was replaced or skipped, and how many texts are empty."""
        lines = self.reading.losses()
        first = next((item for item in self.items if not item.text.strip()), None)
        if first is not None:
            where = f", the first at {first.place}" if first.place else ""
            empty = f"{self.empty:,} of {counted(len(self), 'texts')}"
            lines.append(f"{empty} {'is' if self.empty == 1 else 'are'} empty{where}")
        return lines

    def check_labels(self, allowed: Collection[str]) -> None:
        """Raise InputError at the first label that is not among `allowed`."""
        known = set(allowed)
        for item in self.items:
            if item.label not in known:
                where = f"{item.place}: " if item.place else ""
                names = ", ".join(list(allowed)[:10]) + (", ..." if len(allowed) > 10 else "")
                hint = did_you_mean(item.label, allowed)
                raise InputError(
                    f"{where}label must be one of {names}, got {item.label!r:.60}{hint}"
                )


def read_labelled(
    *paths: str | os.PathLike[str],
    labels: Collection[str] | None = None,
    text: str | None = None,
    label: str | None = None,
    format: str = "auto",
    encoding: str = "utf-8",
    strict: bool = False,
    progress: Progress | None = None,
) -> LabelledTexts:
    r"""Read labelled texts.

    Args:
        paths: Files, globs, URLs, `-`, and folders with a sub-folder of text files for each label.
        labels: The only labels allowed; None for any.
        text: Column or JSON field of the texts.  [default: the first of TEXT_NAMES]
        label: Column or JSON field of the labels.  [default: the first of LABEL_NAMES]
        format: "auto" (by content and suffix), "tsv", "csv" or "jsonl".
        encoding: A Python codec, or "auto" to tell UTF-8, UTF-16, GB18030 and Big5 apart.
        strict: A malformed byte is an error.
        progress: Told how many bytes are read.

    Raises:
        InputError: A file cannot be read, a row lacks a column, a label is missing or not allowed,
            or there is no text at all; the message names file and line and what was expected.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "reviews.tsv")
        ...     _ = file.write_text("label\ttext\n1\tgood\n0\tbad\n1\tfine\n")
        ...     reviews = read_labelled(file)
        >>> reviews[0].text, reviews.counts
        ('good', {'0': 1, '1': 2})
    """
    if not paths:
        raise ValueError("paths must name at least one file or folder, got none")
    if format not in ("auto", "tsv", "csv", "jsonl"):
        raise ValueError(f"format must be one of auto, tsv, csv, jsonl, got {format!r}")
    if encoding != "auto":
        try:
            "".encode(encoding)
        except LookupError as error:
            raise ValueError(
                f"encoding must be 'auto' or a Python codec, got {encoding!r}"
            ) from error
    reading, items, found = Reading(), list[LabelledText](), list[tuple[Source, str | None]]()
    for path in [os.fspath(given) for given in paths]:
        if os.path.isdir(path):
            found += _folder(path, reading)
            continue
        listing = find_sources([path], (), (), format)
        reading.skipped += listing.skipped
        found += [(source, None) for source in listing.sources]
    progress = progress or Progress()
    with progress.stage("read", sum(source.size for source, _ in found)):
        for source, name in found:
            content = _content(source, encoding, strict, reading)
            if name is None:
                items += _file(source, content, text, label, progress)
                continue
            content = content.replace("\r\n", "\n").rstrip("\n")
            items.append(LabelledText(content, name, str(source)))
            progress.advance(source.size)
    if not items:
        raise InputError(f"{', '.join(map(str, paths))} must hold labelled texts, got none")
    read = LabelledTexts(tuple(items), reading)
    if labels is not None:
        read.check_labels(labels)
    return read


def _content(source: Source, encoding: str, strict: bool, reading: Reading) -> str:
    """The text of a file, decompressed and decoded, without its byte order mark."""
    if encoding == "auto":
        encoding = detect_encoding(source)
    with utf8_bytes(
        source, 0, max(source.size, 1),
        encoding=encoding, strict=strict, on_error="raise", reading=reading,
    ) as (read, _):  # fmt: skip
        return b"".join(iter(lambda: read(1 << 20), b"")).decode()


def _folder(folder: str, reading: Reading) -> Iterator[tuple[Source, str]]:
    """Files of a folder: each one of a sub-folder is a text, the sub-folder's name its label."""
    entries = sorted(entry for entry in Path(folder).iterdir() if not entry.name.startswith("."))
    if not any(entry.is_dir() for entry in entries):
        raise InputError(
            f"{folder} must have a sub-folder of text files for each label, got none; "
            "name its files if the labels stand in them"
        )
    for entry in entries:
        if not entry.is_dir():
            reading.skipped.append(f"{entry}: it lies in no label's sub-folder")
            continue
        listing = find_sources([str(entry)], (), (), "text")
        reading.skipped += listing.skipped
        yield from ((source, entry.name.strip()) for source in listing.sources)


def _file(
    source: Source, content: str, text: str | None, label: str | None, progress: Progress
) -> Iterator[LabelledText]:
    format = source.format
    if format == "text":  # no suffix says what it is
        first = content.lstrip()[:1]
        format = "jsonl" if first == "{" else "tsv"
    if format == "parquet":
        raise InputError(f"{source} must be TSV, CSV or JSON lines, got Parquet")
    parts = io.StringIO(content, newline="") if format == "csv" else content.split("\n")
    lines = progress.over(parts, len(content), source.size)
    if format == "jsonl":
        return _json_lines(source, lines, text, label)
    rows = _tab_rows(lines) if format == "tsv" else _comma_rows(source, lines)
    return _table(source, list(rows), text, label)


def _json_lines(
    source: Source, lines: Iterable[str], text: str | None, label: str | None
) -> Iterator[LabelledText]:
    expected = 'a JSON object such as {"text": "...", "label": "..."}'
    for place, record in json_objects(lines, source, expected):
        fields = list(record)
        content_of = record[fields[_column(fields, text, TEXT_NAMES, "text", place)]]
        if not isinstance(content_of, str):
            raise InputError(f"{place}: the text must be a string, got {content_of!r:.60}")
        value = record[fields[_column(fields, label, LABEL_NAMES, "label", place)]]
        yield LabelledText(content_of, _label(value, place), place)


def _tab_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\r")
        if line:
            yield number, line.split("\t")


def _comma_rows(source: Source, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file with the line in which each begins."""
    csv.field_size_limit(1 << 30)
    rows = csv.reader(lines, strict=True)
    begins = 1
    try:
        for row in rows:
            if row:
                yield begins, row
            begins = rows.line_num + 1
    except csv.Error as error:
        message = str(error)
        if "unexpected end" in message:
            message = "a quote that opens in this row is never closed"
        raise InputError(f"{source}:{begins}: expected a row of CSV: {message}") from error


def _table(
    source: Source, rows: list[tuple[int, list[str]]], text: str | None, label: str | None
) -> Iterator[LabelledText]:
    """Labelled texts of the rows of a table."""
    if not rows:
        return
    number, first = rows[0]
    place = f"{source}:{number}"
    if text is not None or label is not None or _is_header(rows):
        if len(set(first)) < len(first):
            raise InputError(f"{place}: the columns of a header must differ, got {first}")
        labels_at = _column(first, label, LABEL_NAMES, "label", place)
        texts_at = _column(first, text, TEXT_NAMES, "text", place)
        width, names = len(first), ", ".join(first)
        rows = rows[1:]
    else:
        labels_at, texts_at = _guessed(rows, place)
        width, names = 2, "label, text" if labels_at == 0 else "text, label"
    for number, row in rows:
        place = f"{source}:{number}"
        if len(row) != width:
            shown = f"{len(row)}: {chr(9).join(row)!r:.60}"
            raise InputError(f"{place}: expected {width} columns ({names}), got {shown}")
        yield LabelledText(row[texts_at], _label(row[labels_at], place), place)


def _is_header(rows: list[tuple[int, list[str]]]) -> bool:
    """Whether the first row names columns: a name that does not come back below it."""
    for column, cell in enumerate(rows[0][1]):
        name = cell.strip().casefold()
        if name in LABEL_NAMES or name in TEXT_NAMES:
            below = (row[column] for _, row in rows[1:] if column < len(row))
            if all(value.strip().casefold() != name for value in below):
                return True
    return False


def _column(
    names: list[str], given: str | None, known: tuple[str, ...], what: str, place: str
) -> int:
    """Place of the column of labels or texts among the names of a header or a JSON object."""
    lower = [name.strip().casefold() for name in names]
    wanted = known if given is None else (given.strip().casefold(),)
    for name in wanted:
        if name in lower:
            return lower.index(name)
    other = TEXT_NAMES if what == "label" else LABEL_NAMES
    rest = [k for k, name in enumerate(lower) if name not in other]
    if given is None and len(names) == 2 and len(rest) == 1:
        return rest[0]  # two columns, of which one is named
    near = nearest(wanted[0], names) if given is not None else None
    hint = "" if near is None else f"; did you mean {near!r}?"
    raise InputError(
        f"{place}: expected a column or field {' or '.join(wanted[:2])} for the {what}, "
        f"got {', '.join(names) or 'none'}; name yours with {what}= (--{what}-column){hint}"
    )


def _guessed(rows: list[tuple[int, list[str]]], place: str) -> tuple[int, int]:
    """Places of (labels, texts) in a table without a header: labels repeat, and are short."""
    width = len(rows[0][1])
    if width != 2:
        raise InputError(
            f"{place}: expected a header with the columns label and text, or two columns, "
            f"got {width}: {chr(9).join(rows[0][1])!r:.60}"
        )
    whole = [row for _, row in rows if len(row) == 2]
    distinct = [len({row[k] for row in whole}) for k in (0, 1)]
    length = [sum(len(row[k]) for row in whole) for k in (0, 1)]
    labels_at = 0 if (distinct[0], length[0]) <= (distinct[1], length[1]) else 1
    return labels_at, 1 - labels_at


def _label(value: Any, place: str) -> str:
    """A label as text."""
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise InputError(f"{place}: the label must be a word or a whole number, got {value!r:.60}")
    if not value.strip():
        raise InputError(f"{place}: expected a label, got none")
    return value.strip()


def _from_pair(pair: Any, number: int) -> LabelledText:
    if isinstance(pair, LabelledText):
        return pair
    place = f"text {number}"
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise InputError(f"{place}: expected a pair (text, label), got {pair!r:.60}")
    return LabelledText(pair[0], _label(pair[1], place), place)
