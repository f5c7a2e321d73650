"""Labelled sentences from files: columns as in the CoNLL shared tasks, segmented lines, word_TAG.

A column file has a token and its tag in each line, further columns between them, and an empty line
between sentences. `-DOCSTART-` lines, byte-order marks and CRLF are no tokens.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from textzero.errors import InputError
from textzero.models.tagged import Sentence, TaggedSentences, check_sentences
from textzero.models.tags import spans_to_tags
from textzero.progress import Progress
from textzero.segmentation_score import read_segmented

_DOCUMENT = "-DOCSTART-"

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def read_conll(
    paths: Paths,
    token_column: int = 0,
    tag_column: int = -1,
    separator: str | None = None,
    scheme: str = "auto",
    strict: bool = False,
    labels: Collection[str] | None = None,
    encoding: str = "utf-8",
    outside: bool = True,
    progress: Progress | None = None,
) -> TaggedSentences:
    """Read files of columns.

    Args:
        paths: A file or several, read as one.
        token_column: The token's; negative numbers count from the last column.
        tag_column: The tag's.
        separator: What separates columns; None for a tab where the line has one, else spaces.
        scheme: Of the tags; "auto" tells it from them.
        strict: Whether tags that break the scheme are an error, and sentences without a token
            (two empty lines together); else tags are repaired, and both are counted.
        labels: The types (of scheme "none": the tags) that are known; others are an error.
        encoding: A Python codec; a byte-order mark is no text.
        outside: Whether O is known, where `labels` are given.
        progress: Told how many bytes are read.

    Raises:
        InputError: The message names file and line, and what was expected there.
        ValueError: There is no such scheme or separator.
    """
    if separator == "":
        raise ValueError("separator must not be empty")
    progress = progress or Progress()
    with progress.reading(_each(paths)):
        sentences, places, empty = _tagged_rows(
            paths, (token_column, tag_column), separator, strict, encoding, progress
        )
    where_is = lambda s, t: f"{places[s][0]}:{places[s][1][t]}"  # noqa: E731
    with progress.stage("check", 0, "tags"):
        found = check_sentences(sentences, scheme, strict, labels, where_is, outside=outside)
    return replace(found, empty=tuple(empty))


def _tagged_rows(
    paths: Paths,
    pair: tuple[int, int],
    separator: str | None,
    strict: bool,
    encoding: str,
    progress: Progress,
) -> tuple[list[Sentence], list[tuple[Path, list[int]]], list[str]]:
    """Sentences, file and lines of each, and the places of those without a token."""
    token_column, tag_column = pair
    sentences: list[Sentence] = []
    places: list[tuple[Path, list[int]]] = []
    empty: list[str] = []
    for path in _each(paths):
        blank = 0  # empty lines just above
        width = 0  # columns of the file's first line
        tokens: list[str] = []
        tags: list[str] = []
        numbers: list[int] = []
        for number, line in _lines(path, encoding, progress):
            columns = _columns(line, separator)
            if not columns or columns[0] == _DOCUMENT:
                if tokens:
                    sentences.append((tokens, tags))
                    places.append((path, numbers))
                    tokens, tags, numbers = [], [], []
                blank = 0 if columns else blank + 1
                continue
            where = f"{path}:{number}"
            if blank > 1:
                empty.append(f"{path}:{number - 1}")
                if strict:
                    raise InputError(
                        f"{empty[-1]}: expected a token and its tag, got an empty sentence "
                        "(empty lines together)"
                    )
            blank = 0
            if not width:
                width, first = len(columns), number
                _check_width(width, token_column, tag_column, where, line)
            if len(columns) != width:
                raise InputError(
                    f"{where}: expected {width} columns as in line {first}, "
                    f"got {len(columns)}: {line[:40]!r}"
                )
            if not columns[token_column] or not columns[tag_column]:
                raise InputError(f"{where}: expected a token and its tag, got {line[:40]!r}")
            tokens.append(columns[token_column])
            tags.append(columns[tag_column])
            numbers.append(number)
        if tokens:
            sentences.append((tokens, tags))
            places.append((path, numbers))
        if not width:
            raise InputError(f"{path}:1: expected lines of a token and its tag, got none")
    return sentences, places, empty


def read_word_tags(
    paths: Paths,
    separator: str = "_",
    scheme: str = "none",
    strict: bool = False,
    labels: Collection[str] | None = None,
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> TaggedSentences:
    """Read files of a sentence a line, each word with its tag behind it: `word_TAG word_TAG`.

    Args: as `read_conll`; `separator` is the last one in `word_TAG`.

    Raises:
        InputError: The message names file and line, and what was expected there.
        ValueError: There is no such scheme, or the separator is empty.
    """
    if not separator:
        raise ValueError("separator must not be empty")
    progress = progress or Progress()
    with progress.reading(_each(paths)):
        read = list(_word_tag_lines(paths, separator, encoding, progress))
    sentences, lines = [sentence for sentence, _ in read], [place for _, place in read]
    return check_sentences(sentences, scheme, strict, labels, lambda s, _: lines[s])


def _word_tag_lines(
    paths: Paths, separator: str, encoding: str, progress: Progress
) -> Iterator[tuple[Sentence, str]]:
    """The sentence of each line that holds one, and its place."""
    for path in _each(paths):
        for number, line in _lines(path, encoding, progress):
            pairs = [item.rpartition(separator) for item in line.split()]
            odd = next((pair for pair in pairs if not (pair[0] and pair[2])), None)
            if odd is not None:
                raise InputError(
                    f"{path}:{number}: expected word{separator}TAG, got {''.join(odd)[:40]!r}"
                )
            if pairs:
                words, tags = [pair[0] for pair in pairs], [pair[2] for pair in pairs]
                yield (words, tags), f"{path}:{number}"


def read_words(
    paths: Paths,
    separator: str | None = None,
    scheme: str = "bmes",
    progress: Progress | None = None,
) -> TaggedSentences:
    """Read segmented UTF-8 files, words separated in each line, as tagged characters.

    White space inside of a word is left out.

    Raises:
        InputError: A file cannot be read or is not UTF-8.
        ValueError: There is no such scheme, or the separator is empty.
    """
    sentences, progress = [], progress or Progress()
    with progress.reading(_each(paths)):
        for line in chain.from_iterable(read_segmented(path, separator) for path in _each(paths)):
            words = ["".join(word.split()) for word in line]
            ends = np.cumsum([len(word) for word in words]).tolist()
            spans = [(start, end, "") for start, end in zip([0, *ends], ends, strict=False)]
            held = [span for span in spans if span[1] > span[0]]
            if held:
                sentences.append((list("".join(words)), spans_to_tags(held, ends[-1], scheme)))
            progress.advance(len(" ".join(line).encode()) + 1)
    return TaggedSentences(sentences, scheme)


def tagged_sentences(
    data: Any,
    scheme: str = "auto",
    strict: bool = False,
    labels: Collection[str] | None = None,
    outside: bool = True,
) -> TaggedSentences:
    """Return labelled data of any kind as TaggedSentences.

    Args:
        data: TaggedSentences, a file or several for `read_conll`, or (tokens, tags) pairs.
        scheme: As in `read_conll`.
        strict: The same.
        labels: The same.
        outside: The same.

    Raises:
        InputError: The message names the place, and what was expected there.
        TypeError: The data are none of these.
    """
    if isinstance(data, TaggedSentences):
        return check_sentences(
            data.sentences, data.scheme, strict, labels, data.where, data.repaired, outside
        )
    if isinstance(data, str | os.PathLike):
        return read_conll(data, scheme=scheme, strict=strict, labels=labels, outside=outside)
    items = list(data)
    if items and all(isinstance(item, str | os.PathLike) for item in items):
        return read_conll(items, scheme=scheme, strict=strict, labels=labels, outside=outside)
    sentences: list[Sentence] = []
    for number, item in enumerate(items, 1):
        try:
            tokens, tags = item
        except (TypeError, ValueError):
            raise TypeError(
                f"labelled data must be (tokens, tags) pairs or files, got {item!r:.60}"
            ) from None
        if isinstance(tokens, str):
            tokens = list(tokens)
        if isinstance(tags, str) or len(tokens) != len(tags):
            raise InputError(
                f"sentence {number}: expected a list of {len(tokens)} tags, one a token, "
                f"got {tags!r:.60}"
            )
        odd = [each for each in (*tokens, *tags) if not isinstance(each, str) or not each]
        if odd:
            raise TypeError(f"sentence {number}: tokens and tags must be texts, got {odd[0]!r:.60}")
        sentences.append((list(tokens), list(tags)))
    return check_sentences(sentences, scheme, strict, labels, outside=outside)


def _each(paths: Paths) -> list[Path]:
    if isinstance(paths, str | os.PathLike):
        return [Path(paths)]
    return [Path(path) for path in paths]


def _lines(path: Path, encoding: str, progress: Progress) -> Iterator[tuple[int, str]]:
    """Number and text of each line; only line feeds end one."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line} is not {encoding}: {error.reason}") from error
    except LookupError as error:
        raise ValueError(f"encoding must be a Python codec, got {encoding!r}") from error
    lines = text.removeprefix("\ufeff").split("\n")
    told = progress.over(lines, len(text), len(raw))
    return ((number, line.removesuffix("\r")) for number, line in enumerate(told, 1))


def _columns(line: str, separator: str | None) -> list[str]:
    """The columns of a line; none in an empty one. A wide space may be a token."""
    if not line.strip(" \t"):
        return []
    if separator is not None:
        return line.split(separator)
    if "\t" in line:
        return line.rstrip("\t ").split("\t")
    return re.split(" +", line.strip(" "))


def _check_width(width: int, token: int, tag: int, where: str, line: str) -> None:
    """Raise InputError unless the first line has both columns, and they are two."""
    try:
        if range(width)[token] != range(width)[tag]:
            return
    except IndexError:
        pass
    raise InputError(
        f"{where}: expected a token in column {token} and its tag in column {tag} "
        f"(from 0; negative from the last), got {width}: {line[:40]!r}"
        + ("; lines of words alone are read with --form words (read_words)" * (width == 1))
    )
