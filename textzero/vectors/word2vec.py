"""The files of word2vec, text and binary, and of GloVe, row by row.

A reader believes nothing: sizes are checked against the file before anything is allocated, numbers
must be finite, a word may stand only once.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from textzero._compat import Array
from textzero.corpus.sources import describe, open_text_bytes
from textzero.errors import InputError
from textzero.files import refuse_device, refuse_pickle
from textzero.progress import Progress
from textzero.vectors.arriving import LARGEST_DIM, LONGEST_WORD, Rows
from textzero.vectors.rows import blocks
from textzero.vectors.word_vectors import WordVectors

_HEADER = 64  # bytes in which the header line of a word2vec file must end
_FIRST = 1 << 18  # bytes whose lines tell the dimension of a GloVe file


def open_file(path: Path) -> tuple[BinaryIO, int]:
    """Open behind the compression; the size is -1 when only reading to the end would tell."""
    refuse_device(path)
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            source = describe(str(path), os.fstat(file.fileno()).st_size, head, "auto")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    refuse_pickle(path, head)
    return open_text_bytes(source), -1 if source.compression else source.size


def read_up_to(stream: Any, size: int) -> bytes:
    """Read `size` bytes, or all that there are."""
    parts = []
    while size > 0 and (block := stream.read(size)):
        parts.append(block)
        size -= len(block)
    return b"".join(parts)


def parse_header(line: bytes) -> tuple[int, int] | None:
    """Return (rows, dimension) of a word2vec header, None when the line is something else."""
    fields = line.split()
    if len(line) < _HEADER and len(fields) == 2 and all(f.isdigit() for f in fields):
        return int(fields[0]), int(fields[1])
    return None


def is_number(field: bytes) -> bool:
    """Whether a field is a decimal number, NaN or infinity."""
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def check_size(path: Path, rows: int, dim: int, size: int, least: int) -> None:
    """Refuse a header that promises more than the file can hold."""
    if not 1 <= dim <= LARGEST_DIM:
        raise InputError(f"{path}: the dimension must be from 1 to {LARGEST_DIM:,}, got {dim:,}")
    if size >= 0 and rows * least > size:
        raise InputError(
            f"{path}: the header promises {rows:,} rows of dimension {dim:,}, at least "
            f"{rows * least:,} bytes, but the file has {size:,}"
        )


def read_binary(
    path: Path, stream: Any, size: int, limit: int | None, memory: int | str | None = None
) -> WordVectors:
    """Read word2vec's binary file; for the arguments see `read_text`."""
    head = read_up_to(stream, _HEADER)
    line, newline, rest = head.partition(b"\n")
    header = parse_header(line)
    if not newline or header is None:
        raise InputError(f'{path}: expected "rows dimension" in the first line, got {line[:40]!r}')
    n_rows, dim = header
    check_size(path, n_rows, dim, size, 4 * dim + 1)
    rows, width, buffer, at = Rows(path, dim, memory), 4 * dim, rest, 0
    wanted = n_rows if limit is None else min(limit, n_rows)
    for row in range(1, wanted + 1):
        while True:
            space = buffer.find(b" ", at)
            if space >= 0 and len(buffer) >= space + 1 + width:
                break
            if space < 0 and len(buffer) - at > LONGEST_WORD:
                raise InputError(f"{path}: row {row}: expected a word, got {buffer[at:][:40]!r}")
            block = stream.read(1 << 20)
            if not block:
                raise InputError(
                    f"{path}: the header promises {n_rows:,} rows, the file ends in row {row:,}"
                )
            buffer, at = buffer[at:] + block, 0
        values = np.frombuffer(buffer, "<f4", dim, space + 1).astype(np.float32)
        rows.add(row, buffer[at:space].lstrip(b"\n"), values)
        at = space + 1 + width
    if wanted == n_rows and (buffer[at:] + stream.read(_HEADER)).strip(b"\n"):
        raise InputError(f"{path}: the file goes on behind the {n_rows:,} rows of its header")
    return rows.finished()


def read_text(
    path: Path,
    stream: Any,
    size: int,
    has_header: bool,
    limit: int | None,
    memory: int | str | None = None,
) -> WordVectors:
    """Read word2vec text (with a header) or GloVe text (without).

    A word may hold single spaces: the numbers are the last fields of a line, as many as the header
    says, or as most of the first lines end with. A tab is never in a word, nor a number at its end.

    Args:
        path: What messages name.
        stream: The bytes.
        size: How many there are, or -1 when unknown.
        has_header: Whether the first line says how many rows and numbers there are.
        limit: Read only the first words.
        memory: Bound on memory; numbers beyond it go to disk.
    """
    lines = read_lines(path, stream)
    n_rows = -1
    first: list[bytes] = []
    if has_header:
        line = next(lines, b"")
        header = parse_header(line)
        if header is None:
            raise InputError(f'{path}: expected "rows dimension" in line 1, got {line[:40]!r}')
        n_rows, dim = header
        check_size(path, n_rows, dim, size, 2 * dim + 1)
    else:
        for line in lines:
            first.append(line)
            if len(first) * len(line) > _FIRST:
                break
        dim = _dimension(first)
        check_size(path, 1, dim, size, 2 * dim + 1)
    rows, read = Rows(path, dim, memory), 0
    for line in chain(first, lines):
        if not line.strip():
            continue
        read += 1
        if limit is not None and read > limit:
            return rows.finished()
        number = read + has_header
        fields = line.rstrip().rsplit(b" ", dim)
        if len(fields) != dim + 1:
            raise InputError(
                f"{path}:{number}: expected a word and {dim} numbers, got {len(fields) - 1} numbers"
            )
        word = fields[0]
        if b"\t" in word or word.strip() != word:
            raise InputError(f"{path}:{number}: expected a word, got {word[:40]!r}")
        if b" " in word and is_number(word.rsplit(b" ", 1)[1]):
            raise InputError(f"{path}:{number}: expected {dim} numbers, got more, {word[:40]!r}")
        try:
            values = to_float32(fields[1:])
        except ValueError as error:
            raise InputError(f"{path}:{number}: expected {dim} numbers: {error}") from error
        rows.add(read, word, values)
    if n_rows >= 0 and read != n_rows:
        raise InputError(f"{path}: the header promises {n_rows:,} rows, the file has {read:,}")
    return rows.finished()


def _dimension(lines: list[bytes]) -> int:
    """How many numbers most lines end with, behind at least one field that is the word."""
    ends: Counter[int] = Counter()
    for line in lines:
        if line.strip():
            fields = line.rstrip().split(b" ")[:0:-1]
            words = (n for n, field in enumerate(fields) if not is_number(field))
            ends[next(words, len(fields))] += 1
    return ends.most_common(1)[0][0] if ends else 0


def write_rows(
    file: BinaryIO,
    words: Iterable[str],
    vectors: Array,
    *,
    header: bool,
    binary: bool,
    progress: Progress | None = None,
) -> None:
    """Write word2vec text or binary (with a header), or GloVe text (without).

    Args:
        file: Where to.
        words: The words, which the caller has checked.
        vectors: float32 (n_words, dim); read some rows at a time.
        header: Whether to begin with the numbers of words and dimensions.
        binary: Numbers as little-endian float32, not as decimals.
        progress: Told how many words were written.
    """
    progress = progress or Progress()
    if header:
        file.write(f"{len(vectors)} {vectors.shape[1]}\n".encode())
    each = iter(words)
    for part in blocks(*vectors.shape):
        rows = np.asarray(vectors[part])
        for row in rows:
            numbers = row.astype("<f4").tobytes() if binary else b" ".join(decimals(row))
            file.write(next(each).encode() + b" " + numbers + b"\n")
        progress.advance(len(rows))


def to_float32(fields: list[bytes]) -> Array:
    """Parse decimals; one that float32 cannot hold becomes infinite, which `Rows` refuses."""
    if b"_" in b" ".join(fields):  # which Python's numbers may have
        raise ValueError("an underscore is no digit")
    with np.errstate(over="ignore"):
        return np.fromiter(map(float, fields), np.float64, len(fields)).astype(np.float32)


def read_lines(path: Path, stream: Any) -> Iterator[bytes]:
    """Yield lines, each of a length that a row of vectors may have."""
    buffer = b""
    while block := stream.read(1 << 20):
        *lines, buffer = (buffer + block).split(b"\n")
        yield from lines
        if len(buffer) > 1 << 24:
            raise InputError(f"{path}: a line is longer than 16 MB: not a text of vectors")
    if buffer:
        yield buffer


def decimals(row: Array) -> Iterator[bytes]:
    """Decimals that read back as the same float32: nine digits are enough."""
    return map(b"%.9g".__mod__, row.astype(np.float32).tolist())
