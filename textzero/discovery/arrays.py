"""Arrays in memory while they fit, else in files of the scratch folder that are mapped.

What is computed does not depend on which it is. Files lose their names at once where the system
lets them, so an array's disk space is free again when nobody uses it.
"""

import contextlib
import math
import mmap
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import ResourceError
from textzero.files import refuse_small_disk
from textzero.packed import PADDING, PackedStrings

_SMALL = 1 << 16  # bytes; what is smaller is always in memory


class Arrays:
    """Makes arrays.

    Args:
        room: Bytes of arrays in memory at once; None for any number.
        folder: Says where files go; asked when the first one is made.
    """

    def __init__(self, room: int | None = None, folder: Callable[[], Path] | None = None) -> None:
        self.room, self._folder = room, folder
        self._held, self._lock = 0, threading.RLock()  # a finalizer may run at any time
        self._numbers = count()

    @property
    def left(self) -> int:
        """Bytes that may still be in memory."""
        return (1 << 62) if self.room is None else max(self.room - self._held, 0)

    def new(self, shape: int | tuple[int, ...], dtype: Any, scattered: bool = False) -> Array:
        """Return an array of zeros.

        Args:
            shape: Its shape.
            dtype: Of its values.
            scattered: Whether it will be read here and there, not from end to end: nothing is then
                read ahead of a file.
        """
        shape = (shape,) if isinstance(shape, int) else shape
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size < _SMALL or self.room is None or self._folder is None:
            return np.zeros(shape, dtype)
        with self._lock:
            fits = size <= self.room - self._held
            self._held += size if fits else 0
        if fits:
            made = np.zeros(shape, dtype)
            weakref.finalize(made, self._give_back, size)
            return made
        return self._mapped(shape, dtype, size, scattered)

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size

    def _mapped(
        self, shape: tuple[int, ...], dtype: Any, size: int, scattered: bool = False
    ) -> Array:
        with self.file() as (path, file):
            refuse_small_disk(path.parent, size, "what does not fit in memory")
            disk().reserve(file, size)
            return as_mapped(file, size, dtype, scattered).reshape(shape)

    def path(self, suffix: str) -> Path:
        """Name a new file in the folder."""
        assert self._folder is not None
        return self._folder() / f"{next(self._numbers)}.{suffix}"

    @contextmanager
    def file(self) -> Iterator[tuple[Path, Any]]:
        """Open a new file to write and read, whose name is soon gone."""
        with writing():
            path = self.path("array")
            with disk().create(path, "w+b") as file:
                try:
                    yield path, file
                finally:
                    with contextlib.suppress(PermissionError):  # Windows; the run's end removes it
                        disk().remove(path)

    @property
    def may_spill(self) -> bool:
        """Whether there is a folder for what does not fit."""
        return self.room is not None and self._folder is not None


@contextmanager
def writing() -> Iterator[None]:
    """Say in one sentence what cannot be written."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            f"what does not fit in memory cannot be written: {error.strerror}; "
            "free some disk space, or give more --memory"
        ) from error


def as_mapped(file: Any, size: int, dtype: Any, scattered: bool = False) -> Array:
    """Map an open file; the mapping outlives the file object and its name."""
    if not size:
        return np.zeros(0, dtype)
    mapping = mmap.mmap(file.fileno(), size)
    if scattered and hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM)
    return np.frombuffer(mapping, dtype)


class Column:
    """A one-dimensional array that grows at its end, in memory or in a file.

    Args:
        arrays: Says whether there is room.
        dtype: Of the values.
        most: Bytes from which on it is in a file in any case.
    """

    def __init__(self, arrays: Arrays, dtype: Any, most: int | None = None) -> None:
        self._arrays, self.dtype = arrays, np.dtype(dtype)
        self._most = 1 << 62 if most is None else most
        self._parts: list[Array] = []
        self._stack = contextlib.ExitStack()
        self._file: Any = None
        self.size = 0

    def add(self, values: Array) -> None:
        """Add values at the end."""
        values = np.ascontiguousarray(values, self.dtype)
        self.size += values.size
        held = self.size * self.dtype.itemsize
        full = 2 * held > self._arrays.left or held > self._most
        if self._file is None and full and self._arrays.may_spill and held >= _SMALL:
            _, self._file = self._stack.enter_context(self._arrays.file())
            self._write(*self._parts)
            self._parts = []
        if self._file is not None:
            self._write(values)
        elif values.size:
            self._parts.append(values)

    def _write(self, *parts: Array) -> None:
        with writing():
            for part in parts:
                self._file.write(part.data)

    def array(self, scattered: bool = False) -> Array:
        """Return all of it; nothing can be added any more."""
        if self._file is None:
            made = self._arrays.new(self.size, self.dtype, scattered)
            at = 0
            while self._parts:
                part = self._parts.pop(0)
                made[at : at + part.size] = part
                at += part.size
            return made
        with self._stack, writing():
            self._file.flush()
            return as_mapped(self._file, self.size * self.dtype.itemsize, self.dtype, scattered)


class Strings:
    """Packed strings that grow at their end, in memory or in files."""

    def __init__(self, arrays: Arrays) -> None:
        self._text, self._ends = Column(arrays, np.uint8), Column(arrays, np.int64)
        self._ends.add(np.zeros(1, np.int64))

    def __len__(self) -> int:
        return self._ends.size - 1

    def add(self, strings: PackedStrings) -> None:
        """Add strings at the end."""
        first, last = strings.offsets[[0, -1]].tolist()
        self._ends.add(strings.offsets[1:] + (self._text.size - first))
        self._text.add(strings.text[first:last])

    def packed(self) -> PackedStrings:
        """Return all of them; nothing can be added any more."""
        self._text.add(np.zeros(PADDING, np.uint8))
        return PackedStrings(self._text.array(), self._ends.array())


def blocks(size: int, step: int = 1 << 20) -> Iterator[slice]:
    """Cut 0 ... size into slices of `step` entries."""
    for first in range(0, size, step):
        yield slice(first, min(first + step, size))
