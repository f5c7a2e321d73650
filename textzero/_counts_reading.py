"""Tables of counts read from files: row by row, or in blocks."""

import io
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero._words.runs import Rows
from textzero.corpus.compression import decompression_errors
from textzero.corpus.sources import Source, describe, open_text_bytes
from textzero.errors import InputError
from textzero.files import refuse_device
from textzero.kernels import kernel
from textzero.packed import PADDING, PackedStrings

BLOCK = 1 << 20  # bytes of a table that are read at a time
LONGEST = 16 << 20  # bytes of a line
_ROWS = 1 << 14  # rows that are made by Python at a time
_UNFIT = re.compile(r"[\0-\x1f\ud800-\udfff]")  # control characters and lone surrogates


def read_rows(path: str | Path) -> Iterator[tuple[str, int, int]]:
    """Yield (word, count, documents) of a table, in its order; documents are 0 where not told.

    Raises:
        InputError: A row is not what it should be; the message names file and line.
    """
    path = str(path)
    source = _described(path)
    seen: set[str] = set()
    for line, word, count, held in _rows(path, source):
        if word in seen:
            raise InputError(f"{path}:{line}: {word!r} is there twice")
        seen.add(word)
        yield word, count, held


def read_blocks(path: str | Path) -> Iterator[Rows]:
    """Yield the rows of a table in blocks of about a megabyte; documents are 0 where not told.

    Words that are there twice are not looked for; see `first_repeated`.

    Raises:
        InputError: A row is not what it should be; the message names file and line.
    """
    path = str(path)
    source = _described(path)
    if source.format in ("parquet", "jsonl"):
        yield from _packed(_rows(path, source))
        return
    number, rest = 1, b""  # of the next line, what was read of it
    with _opened(source) as stream:
        while block := stream.read(BLOCK):
            head, line_end, tail = (rest + block).rpartition(b"\n")
            rest = tail
            if len(rest) > LONGEST:
                raise _strange(path, number, rest)
            if line_end:
                if number == 1 and _is_glove(head):
                    yield from _packed(_rows(path, source))
                    return
                yield from _tsv_blocks(path, head + line_end, number)
                number += head.count(b"\n") + 1
    if number == 1 and _is_glove(rest):
        yield from _packed(_rows(path, source))
    elif rest:
        yield from _tsv_blocks(path, rest, number)


def first_repeated(path: str | Path, words: set[str]) -> InputError:
    """Return the error that names the first line on which one of `words` is there again."""
    path = str(path)
    seen: set[str] = set()
    for line, word, _, _ in _rows(path, _described(path)):
        if word in seen:
            return InputError(f"{path}:{line}: {word!r} is there twice")
        if word in words:
            seen.add(word)
    return InputError(f"{path} was changed while it was read")


def _described(path: str) -> Source:
    refuse_device(path)
    try:
        with open(path, "rb") as file:
            return describe(path, 0, file.read(64), "auto")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _rows(path: str, source: Source) -> Iterator[tuple[int, str, int, int]]:
    """Yield (line, word, count, documents)."""
    return _parquet_rows(path) if source.format == "parquet" else _text_rows(path, source)


def _packed(rows: Iterator[tuple[int, str, int, int]]) -> Iterator[Rows]:
    while part := list(islice(rows, _ROWS)):
        words = PackedStrings.from_strings([word for _, word, _, _ in part])
        numbers = np.array([row[2:] for row in part], np.int64).T.copy()
        yield Rows(words.text, words.offsets, numbers[0], numbers[1])


def _is_glove(head: bytes) -> bool:
    """Whether the first line that is not empty has no tab."""
    lines = head.removeprefix(BOM_UTF8).splitlines()
    return b"\t" not in next((line for line in lines if line), b"\t")


def _tsv_blocks(path: str, data: bytes, number: int) -> Iterator[Rows]:
    """Read whole lines, of which `number` is the first."""
    if number == 1:
        data = data.removeprefix(BOM_UTF8)
    text = np.frombuffer(data + bytes(PADDING), np.uint8)
    start, size = 0, len(data)
    while start < size:
        malformed = kernel("text").first_malformed(text[start:], size - start)
        well = text[start:].copy()  # a kernel's arrays can be written
        words, offsets, counts, documents, done = kernel("packed").parse_rows(
            well, _whole_lines(well, malformed) if malformed < size - start else size - start
        )
        if counts.size:
            yield Rows(words, offsets, counts, documents)
        if done == size - start:
            return
        # a line that the kernel does not know: Python does, or says what is wrong
        end = data.find(b"\n", start + done) + 1 or size
        line = number + data.count(b"\n", 0, start + done)
        yield from _packed(iter([(line, *_fields(path, line, data[start + done : end], False))]))
        start = end


def _whole_lines(text: Array, size: int) -> int:
    """Bytes of the lines that end before `size`."""
    ends = np.flatnonzero(text[:size] == 10)
    return int(ends[-1]) + 1 if ends.size else 0


def _text_rows(path: str, source: Source) -> Iterator[tuple[int, str, int, int]]:
    """Yield (line, word, count, documents) of TSV, JSON lines or GloVe text."""
    glove: bool | None = None
    for number, raw in enumerate(_lines(source), 1):
        if number == 1:
            raw = raw.removeprefix(BOM_UTF8)
        if not raw.rstrip(b"\r\n"):
            continue
        if source.format == "jsonl":
            yield number, *_json_fields(path, number, raw)
            continue
        if glove is None:
            glove = b"\t" not in raw
        yield number, *_fields(path, number, raw, glove)


def _fields(path: str, number: int, raw: bytes, glove: bool) -> tuple[str, int, int]:
    """Read one line of text."""
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    try:
        text = raw.decode()
        fields = text.rsplit(" ", 1) if glove else text.split("\t")
        if not 2 <= len(fields) <= 3:
            raise ValueError
        return _word(fields[0]), *map(_number, (*fields[1:], 0)[:2])  # type: ignore[return-value]
    except ValueError as error:
        raise _strange(path, number, raw) from error


def _json_fields(path: str, number: int, raw: bytes) -> tuple[str, int, int]:
    """Read one line of JSON."""
    try:
        row = json.loads(raw.decode())
        return _word(row["word"]), _number(row["count"]), _number(row.get("documents", 0))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _strange(path, number, raw) from error


def _strange(path: str, number: int, raw: bytes) -> InputError:
    shown = raw[:60].removesuffix(b"\n").decode("utf-8", "replace")
    return InputError(f'{path}:{number}: expected "word<TAB>count", got {shown!r}')


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    stream: Any = open_text_bytes(source)
    with stream, io.BufferedReader(stream, BLOCK) as lines:
        try:
            yield lines
        except decompression_errors() as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{source} is cut or corrupt: {error}") from error


def _lines(source: Source) -> Iterator[bytes]:
    """Yield the lines of a file, with their ends."""
    with _opened(source) as lines:
        number = 1
        while line := lines.readline(LONGEST + 1):
            if len(line) > LONGEST:
                raise _strange(source.path, number, line)
            yield line
            number += 1


def _word(value: Any) -> str:
    """Return a word that every format and every kernel can hold, or raise ValueError."""
    if not isinstance(value, str) or not value or _UNFIT.search(value):
        raise ValueError
    return value


def _number(value: Any) -> int:
    """Return a count, or raise ValueError."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError
    return value


def _parquet_rows(path: str) -> Iterator[tuple[int, str, int, int]]:
    number = 1
    for batch in _parquet_batches(path):
        for row in batch:
            try:
                yield number, _word(row[0]), _number(row[1]), _number(row[2])
            except ValueError as error:
                raise InputError(
                    f"{path}: row {number}: expected a word and a count, got {row}"
                ) from error
            number += 1


def _parquet_batches(path: str) -> Iterator[list[tuple[Any, Any, Any]]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = ["word", "count"]
            names += ["documents"] if "documents" in file.schema_arrow.names else []
            # group by group: a reader of all groups would hold the whole file
            groups = range(file.metadata.num_row_groups)
            parts = (file.iter_batches(_ROWS, row_groups=[g], columns=names) for g in groups)
            for batch in chain.from_iterable(parts):
                words, counts = batch["word"].to_pylist(), batch["count"].to_pylist()
                held = batch["documents"].to_pylist() if len(names) > 2 else [0] * len(words)
                yield list(zip(words, counts, held, strict=True))
    except (pyarrow.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be Parquet with columns word and count: {error}") from error
