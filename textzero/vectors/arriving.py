"""Rows of vectors as a reader meets them: each word once, matrices that go to disk when they grow.

Memory grows with what was read, never with what a header promised. The words stay in memory (about
200 bytes each); numbers beyond a bound go to a temporary file without a name, and are mapped.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import InputError, ResourceError
from textzero.memory import BASE, memory_bytes
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

LONGEST_WORD = 4096  # bytes
LARGEST_DIM = 1 << 20


class GrowingMatrix:
    """float32 (rows so far, dim).

    Args:
        dim: Numbers of a row.
        room: Bytes that may stay in memory.
    """

    def __init__(self, dim: int, room: int) -> None:
        self.dim, self.rows, self._room = dim, 0, room
        self._parts: list[Array] = []
        self._held = 0
        self._file: Any = None

    def append(self, rows: Array) -> None:
        """Add float32 (n, dim).

        Raises:
            ResourceError: The disk is full.
        """
        self._parts.append(rows)
        self.rows += len(rows)
        self._held += rows.nbytes + 200  # an array of one row takes more than its numbers
        if self._held > self._room:
            self._spill()

    def _spill(self) -> None:
        folder = tempfile.gettempdir()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="textzero-")
            for part in self._parts:
                self._file.write(np.ascontiguousarray(part, np.float32).data)
        except OSError as error:
            raise ResourceError(
                f"{folder} has no room for the vectors: {error.strerror}; set TMPDIR to another "
                "folder, or raise --memory"
            ) from error
        self._parts, self._held = [], 0

    def take(self) -> Array:
        """Return all rows; in memory, or mapped from a file that is gone with the array."""
        shape = (self.rows, self.dim)
        if self._file is None:
            return np.concatenate(self._parts) if self._parts else np.zeros(shape, np.float32)
        self._spill()
        disk().flush(self._file)
        with self._file as file:
            return np.memmap(file, np.float32, "r+", 0, shape)


class Rows:
    """Words with their vectors, checked one by one.

    Args:
        path: What messages name.
        dim: Numbers of a vector.
        memory: Bound on memory, such as "1GB"; None: half of the machine's.
        both: Whether each word has a row of the other matrix too.

    Raises:
        InputError: There is no number in a vector, or more than LARGEST_DIM.
    """

    def __init__(
        self, path: Path, dim: int, memory: int | str | None = None, both: bool = False
    ) -> None:
        if not 1 <= dim <= LARGEST_DIM:
            raise InputError(
                f"{path}: the dimension must be from 1 to {LARGEST_DIM:,}, got {dim:,}"
            )
        self.path, self.dim = path, dim
        self.words: dict[str, None] = {}
        self.counts: list[int] = []
        room = (memory_bytes(memory) - BASE) // (8 if both else 4)
        self.vectors = GrowingMatrix(dim, room)
        self.context = GrowingMatrix(dim, room) if both else None
        self.duplicates = 0

    def add(self, row: int, word: bytes, values: Array) -> None:
        """Add one row, float32 (dim,); the first of two rows of one word is kept.

        Raises:
            InputError: There is no word, or a number is not finite.
        """
        text = word.decode("utf-8", "replace")
        if not text or len(word) > LONGEST_WORD:
            raise InputError(f"{self.path}: row {row}: expected a word, got {word[:40]!r}")
        self.check_finite(row, text, values)
        if self.is_new(text):
            self.vectors.append(values[None])

    def is_new(self, word: str, count: int = 0) -> bool:
        """Take a word in; whether it was not there yet."""
        if word in self.words:
            self.duplicates += 1
            return False
        self.words[word] = None
        self.counts.append(count)
        return True

    def check_finite(self, row: int, word: str, values: Array) -> None:
        """Raise InputError when a number of a row is not finite."""
        finite = np.isfinite(values)
        if not finite.all():
            column = int(np.argmin(finite)) + 1
            raise InputError(
                f"{self.path}: row {row} ({word!r:.60}), column {column}: "
                f"expected a finite number, got {values[column - 1]}"
            )

    def finished(self, settings: dict[str, Any] | None = None) -> WordVectors:
        """Make the object; counts of 0 are unknown, and stand for ranks."""
        if not self.words:
            raise InputError(f"{self.path} holds no vector")
        manifest = {"source": str(self.path), "duplicates_dropped": self.duplicates}
        if settings is not None:
            manifest["settings"] = settings
        vocabulary = Vocabulary(list(self.words), np.array(self.counts, np.int64))
        self.words = {}
        context = None if self.context is None else self.context.take()
        return WordVectors(vocabulary, self.vectors.take(), context, manifest)
