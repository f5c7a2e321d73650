"""The TensorFlow projector's folder: tensors.tsv with the numbers, metadata.tsv with the words."""

from pathlib import Path

import numpy as np

from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import refuse_device, whole_folder
from textzero.progress import Progress, Watched
from textzero.vectors.arriving import Rows
from textzero.vectors.rows import blocks
from textzero.vectors.word2vec import decimals, read_lines, to_float32
from textzero.vectors.word_vectors import WordVectors

TENSORS, METADATA = "tensors.tsv", "metadata.tsv"


def read_projector(
    path: Path,
    limit: int | None,
    memory: int | str | None = None,
    progress: Progress | None = None,
) -> WordVectors:
    """A folder with tensors.tsv (numbers, tabs between) and metadata.tsv (a word a line)."""
    for name in (TENSORS, METADATA):
        refuse_device(path / name)
    try:
        words = (path / METADATA).read_bytes().removesuffix(b"\n").split(b"\n")
        progress, size = progress or Progress(), (path / TENSORS).stat().st_size
        with open(path / TENSORS, "rb") as stream, progress.stage("read", size):
            rows: Rows | None = None
            lines = read_lines(path / TENSORS, Watched(stream, progress))
            for number, line in enumerate(lines, 1):
                if limit is not None and number > limit:
                    break
                try:
                    values = to_float32(line.split(b"\t"))
                except ValueError as error:
                    raise InputError(f"{path / TENSORS}:{number}: {error}") from error
                rows = rows or Rows(path / TENSORS, values.size, memory)
                if values.size != rows.dim:
                    raise InputError(
                        f"{path / TENSORS}:{number}: expected {rows.dim} numbers, got {values.size}"
                    )
                if number > len(words) or not words[number - 1]:
                    raise InputError(f"{path / METADATA} must have a word for row {number}")
                rows.add(number, _unescape(words[number - 1]), values)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if rows is None:
        raise InputError(f"{path} holds no vector")
    if limit is None and number < len(words):
        raise InputError(f"{path / METADATA} has {len(words):,} words for {number:,} vectors")
    return rows.finished()


def write_projector(vectors: WordVectors, path: str | Path) -> None:
    """Write the folder; tabs, line ends and backslashes of words are escaped."""
    with whole_folder(path) as folder:
        with disk().create(folder / TENSORS) as file:
            for part in blocks(len(vectors), vectors.dim):
                for row in np.asarray(vectors.vectors[part]):
                    file.write(b"\t".join(decimals(row)) + b"\n")
        with disk().create(folder / METADATA) as file:
            file.writelines(_escape(word) + b"\n" for word in vectors.vocabulary)


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
