"""Vector files of other tools: word2vec text and binary, GloVe text, TensorFlow projector TSV.

A reader believes nothing: sizes are checked against the file before anything is allocated, numbers
must be finite, a word may stand only once. A writer never writes what it could not read back.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from textzero._compat import Array
from textzero.corpus.sources import decompression_errors, describe, open_text_bytes
from textzero.errors import InputError
from textzero.files import whole_file, whole_folder
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

FORMATS = ("textzero", "word2vec", "word2vec-binary", "glove", "projector")
_HEADER = 64  # bytes in which the header line of a word2vec file must end
_LONGEST_WORD = 4096
_LARGEST_DIM = 1 << 20
_PROBE = 1 << 16  # bytes that tell the format
_TENSORS, _METADATA = "tensors.tsv", "metadata.tsv"


def load_vectors(path: str | Path, format: str = "auto", limit: int | None = None) -> WordVectors:
    """Read vectors in any of FORMATS.

    Args:
        path: A file (also gzip, bz2, xz or zstd), or a folder for "textzero" and "projector".
        format: One of FORMATS, or "auto" to tell by the content.
        limit: Read only the first words.

    Raises:
        InputError: The file is not what it claims to be; the message names row and column.
        ValueError: There is no such format.
    """
    path = Path(path)
    if format == "auto":
        format = detect_format(path)
    if format not in FORMATS:
        raise ValueError(f"format must be auto or one of {', '.join(FORMATS)}, got {format!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if format == "textzero":
        vectors = WordVectors.load(path)
        return vectors if limit is None else _first(vectors, limit)
    if format == "projector":
        return _read_projector(path, limit)
    stream, size = _open(path)
    try:
        with stream:
            if format == "word2vec-binary":
                return _read_binary(path, stream, size, limit)
            return _read_text(path, stream, size, format == "word2vec", limit)
    except decompression_errors() as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is cut or corrupt: {error}") from error


def _first(vectors: WordVectors, limit: int) -> WordVectors:
    vocabulary = Vocabulary(vectors.vocabulary[:limit], vectors.vocabulary.counts[:limit])
    context = None if vectors.context is None else vectors.context[:limit]
    return WordVectors(vocabulary, vectors.vectors[:limit], context, vectors.manifest)


def detect_format(path: Path) -> str:
    """Tell the format by folder, header line and first row.

    Raises:
        InputError: It is none of FORMATS.
    """
    if path.is_dir():
        if (path / _TENSORS).exists():
            return "projector"
        return "textzero"
    stream, _ = _open(path)
    try:
        with stream:
            head = _read_up_to(stream, _PROBE)
    except decompression_errors() as error:
        raise InputError(f"{path} is cut or corrupt: {error}") from error
    line, newline, rest = head.partition(b"\n")
    header = _header(line) if newline else None
    if header is not None:
        row, ended, _ = rest.partition(b"\n")
        fields = row.rstrip().split(b" ")
        if not ended and len(head) == _PROBE:  # a long row, whose last field may be cut
            fields.pop()
        numbers = fields[max(1, len(fields) - header[1]) :]  # a word may wrongly hold spaces
        is_text = bool(numbers) and all(map(_is_number, numbers))
        return "word2vec" if is_text or not rest else "word2vec-binary"
    fields = line.rstrip().split(b" ")
    if len(fields) > 2 and all(_is_number(f) for f in fields[-2:]):
        return "glove"
    raise InputError(
        f"{path} must be a vector file (word2vec text or binary, GloVe text), got {line[:40]!r}"
    )


def _open(path: Path) -> tuple[BinaryIO, int]:
    """Open behind the compression; the size is -1 when only reading to the end would tell."""
    try:
        with open(path, "rb") as file:
            source = describe(str(path), os.fstat(file.fileno()).st_size, file.read(64), "auto")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return open_text_bytes(source), -1 if source.compression else source.size


def _read_up_to(stream: Any, size: int) -> bytes:
    parts = []
    while size > 0 and (block := stream.read(size)):
        parts.append(block)
        size -= len(block)
    return b"".join(parts)


def _header(line: bytes) -> tuple[int, int] | None:
    """Return (rows, dimension) of a word2vec header, None when the line is something else."""
    fields = line.split()
    if len(line) < _HEADER and len(fields) == 2 and all(f.isdigit() for f in fields):
        return int(fields[0]), int(fields[1])
    return None


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _check_size(path: Path, rows: int, dim: int, size: int, least: int) -> None:
    """Refuse a header that promises more than the file can hold."""
    if not 1 <= dim <= _LARGEST_DIM:
        raise InputError(f"{path}: the dimension must be from 1 to {_LARGEST_DIM:,}, got {dim:,}")
    if size >= 0 and rows * least > size:
        raise InputError(
            f"{path}: the header promises {rows:,} rows of dimension {dim:,}, at least "
            f"{rows * least:,} bytes, but the file has {size:,}"
        )


class _Rows:
    """Rows as they arrive: memory grows with what was read, not with what a header promised."""

    def __init__(self, path: Path, dim: int) -> None:
        self.path, self.dim = path, dim
        self.words: dict[str, None] = {}
        self.parts: list[Array] = []
        self.duplicates = 0

    def add(self, row: int, word: bytes, values: Array) -> None:
        """Add one row; the first of two rows of one word is kept."""
        text = word.decode("utf-8", "replace")
        if not text or len(word) > _LONGEST_WORD:
            raise InputError(f"{self.path}: row {row}: expected a word, got {word[:40]!r}")
        finite = np.isfinite(values)
        if not finite.all():
            column = int(np.argmin(finite)) + 1
            raise InputError(
                f"{self.path}: row {row} ({text!r}), column {column}: "
                f"expected a finite number, got {values[column - 1]}"
            )
        if text in self.words:
            self.duplicates += 1
            return
        self.words[text] = None
        self.parts.append(values)

    def vectors(self) -> WordVectors:
        """Make the object; counts are unknown, and stand for ranks."""
        if not self.parts:
            raise InputError(f"{self.path} holds no vector")
        n = len(self.words)
        manifest = {"source": str(self.path), "duplicates_dropped": self.duplicates}
        vocabulary = Vocabulary(list(self.words), np.zeros(n, np.int64))
        return WordVectors(vocabulary, np.stack(self.parts), None, manifest)


def _read_binary(path: Path, stream: Any, size: int, limit: int | None) -> WordVectors:
    head = _read_up_to(stream, _HEADER)
    line, newline, rest = head.partition(b"\n")
    header = _header(line)
    if not newline or header is None:
        raise InputError(f'{path}: expected "rows dimension" in the first line, got {line[:40]!r}')
    n_rows, dim = header
    _check_size(path, n_rows, dim, size, 4 * dim + 1)
    rows, width, buffer, at = _Rows(path, dim), 4 * dim, rest, 0
    wanted = n_rows if limit is None else min(limit, n_rows)
    for row in range(1, wanted + 1):
        while True:
            space = buffer.find(b" ", at)
            if space >= 0 and len(buffer) >= space + 1 + width:
                break
            if space < 0 and len(buffer) - at > _LONGEST_WORD:
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
    if wanted == n_rows and (buffer[at:].strip(b"\n") or stream.read(1)):
        raise InputError(f"{path}: the file goes on behind the {n_rows:,} rows of its header")
    return rows.vectors()


def _read_text(
    path: Path, stream: Any, size: int, has_header: bool, limit: int | None
) -> WordVectors:
    lines = _lines(path, stream)
    n_rows = -1
    first = next(lines, b"")
    if has_header:
        header = _header(first)
        if header is None:
            raise InputError(f'{path}: expected "rows dimension" in line 1, got {first[:40]!r}')
        n_rows, dim = header
        _check_size(path, n_rows, dim, size, 2 * dim + 1)
    else:
        dim = len(first.rstrip().split(b" ")) - 1
        _check_size(path, 1, dim, size, 2 * dim + 1)
        lines = _chain(first, lines)
    rows, read = _Rows(path, dim), 0
    for line in lines:
        if not line.strip():
            continue
        read += 1
        if limit is not None and read > limit:
            return rows.vectors()
        # A word that holds spaces: the last `dim` fields are the numbers.
        fields = line.rstrip().rsplit(b" ", dim)
        number = read + has_header
        if len(fields) != dim + 1:
            raise InputError(
                f"{path}:{number}: expected a word and {dim} numbers, got {len(fields) - 1} numbers"
            )
        if b" " in fields[0] or b"\t" in fields[0]:
            raise InputError(
                f"{path}:{number}: a word must not hold spaces, got {fields[0][:40]!r}"
            )
        try:
            values = _float32(fields[1:])
        except ValueError as error:
            raise InputError(f"{path}:{number}: expected {dim} numbers: {error}") from error
        rows.add(read, fields[0], values)
    if n_rows >= 0 and read != n_rows:
        raise InputError(f"{path}: the header promises {n_rows:,} rows, the file has {read:,}")
    return rows.vectors()


def _float32(fields: list[bytes]) -> Array:
    """Parse decimals; one that float32 cannot hold becomes infinite, which `_Rows` refuses."""
    with np.errstate(over="ignore"):
        return np.fromiter(map(float, fields), np.float64, len(fields)).astype(np.float32)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _lines(path: Path, stream: Any) -> Iterator[bytes]:
    """Yield lines, each of a length that a row of vectors may have."""
    buffer = b""
    while block := stream.read(1 << 20):
        *lines, buffer = (buffer + block).split(b"\n")
        yield from lines
        if len(buffer) > 1 << 24:
            raise InputError(f"{path}: a line is longer than 16 MB: not a text of vectors")
    if buffer:
        yield buffer


def _read_projector(path: Path, limit: int | None) -> WordVectors:
    """A folder with tensors.tsv (numbers, tabs between) and metadata.tsv (a word a line)."""
    try:
        words = (path / _METADATA).read_bytes().removesuffix(b"\n").split(b"\n")
        with open(path / _TENSORS, "rb") as stream:
            rows: _Rows | None = None
            for number, line in enumerate(_lines(path / _TENSORS, stream), 1):
                if limit is not None and number > limit:
                    break
                try:
                    values = _float32(line.split(b"\t"))
                except ValueError as error:
                    raise InputError(f"{path / _TENSORS}:{number}: {error}") from error
                rows = rows or _Rows(path / _TENSORS, values.size)
                if values.size != rows.dim:
                    raise InputError(
                        f"{path / _TENSORS}:{number}: expected {rows.dim} numbers, "
                        f"got {values.size}"
                    )
                if number > len(words) or not words[number - 1]:
                    raise InputError(f"{path / _METADATA} must have a word for row {number}")
                rows.add(number, _unescape(words[number - 1]), values)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if rows is None:
        raise InputError(f"{path} holds no vector")
    if limit is None and number < len(words):
        raise InputError(f"{path / _METADATA} has {len(words):,} words for {number:,} vectors")
    return rows.vectors()


def save_vectors(
    vectors: WordVectors, path: str | Path, format: str, *, escape: bool = False
) -> None:
    r"""Write vectors for another tool.

    Args:
        vectors: What to write.
        path: A file, or a folder for "textzero" and "projector".
        format: One of FORMATS.
        escape: Write the white space of a word as an underscore instead of refusing it.

    Raises:
        InputError: A word holds white space, which the format separates with, or two words would
            be the same when escaped.
        ValueError: There is no such format.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if format == "textzero":
        vectors.save(path)
        return
    if format == "projector":
        with whole_folder(path) as folder:
            with open(folder / _TENSORS, "wb") as file:
                for row in vectors.vectors:
                    file.write(b"\t".join(_numbers(row)) + b"\n")
            with open(folder / _METADATA, "wb") as file:
                file.writelines(_escape(word) + b"\n" for word in vectors.vocabulary)
        return
    words = _writable_words(vectors, format, escape)
    with whole_file(path) as file:
        if format != "glove":
            file.write(f"{len(vectors)} {vectors.dim}\n".encode())
        for word, row in zip(words, vectors.vectors, strict=True):
            if format == "word2vec-binary":
                file.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
            else:
                file.write(word.encode() + b" " + b" ".join(_numbers(row)) + b"\n")


def _numbers(row: Array) -> Iterator[bytes]:
    """Decimals that read back as the same float32: nine digits are enough."""
    return map(b"%.9g".__mod__, row.astype(np.float32).tolist())


def _writable_words(vectors: WordVectors, format: str, escape: bool) -> list[str]:
    words = list(vectors.vocabulary)
    for i, word in enumerate(words):
        if word.split() != [word]:
            if not escape:
                raise InputError(
                    f"{format} cannot hold the word {word!r}, which has white space; "
                    "--escape writes underscores for it"
                )
            words[i] = "_".join(word.split()) or "_"
    if len(set(words)) < len(words):
        raise InputError("two words are the same once their white space is escaped")
    return words


def _escape(word: str) -> bytes:
    table = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    return "".join(table.get(c, c) for c in word).encode()


def _unescape(word: bytes) -> bytes:
    table = {b"\\\\": b"\\", b"\\t": b"\t", b"\\n": b"\n", b"\\r": b"\r"}
    parts, i = [], 0
    while i < len(word):
        pair = word[i : i + 2]
        parts.append(table.get(pair, word[i : i + 1]))
        i += 2 if pair in table else 1
    return b"".join(parts)
