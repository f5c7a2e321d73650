"""What a run of discovery has done, kept for the next run when that is worth the time.

Work of seconds is not kept: the first entry is written after a while, then so that writing takes a
small share of the time.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, BinaryIO

import numpy as np

from textzero import workspace
from textzero._compat import Array
from textzero.discovery.arrays import blocks
from textzero.errors import InputError
from textzero.store import Store
from textzero.workspace import Stage

SHARE = 0.05  # of the time that writing entries may take
Write = Callable[[Store, str], Mapping[str, Any]]


def next_due(spent: float) -> float:
    """Return when the next entry is to be written, after one that took so many seconds."""
    return monotonic() + max(spent / SHARE, workspace.COMMIT_SECONDS)


class Journal:
    """Entries of one stage.

    Args:
        stage: Where they are kept; None keeps nothing.

    Attributes:
        found: The entries of an earlier run, by name: what they say.
    """

    def __init__(self, stage: Stage | None = None) -> None:
        self.stage = stage
        self.found = stage.entries() if stage is not None else {}
        self._waiting: dict[str, Write] = {}
        self._due = next_due(0.0)

    def add(self, name: str, write: Write) -> bool:
        """Have an entry written when it is time; write(store, name) returns what it says.

        Returns:
            Whether it was written now.
        """
        if self.stage is None:
            return False
        self._waiting[name] = write
        return self.tick()

    def tick(self) -> bool:
        """Write all that waits, if it is time; return whether it was."""
        if self.stage is None or monotonic() < self._due:
            return False
        begun = monotonic()
        while self._waiting:
            name, write = next(iter(self._waiting.items()))
            self.stage.commit(name, write(self.stage.store, name))
            del self._waiting[name]
        self._due = next_due(monotonic() - begun)
        return True

    @property
    def waits(self) -> bool:
        """Whether an entry is still to be written."""
        return bool(self._waiting)

    @property
    def store(self) -> Store:
        """Where the files of entries are."""
        assert self.stage is not None
        return self.stage.store

    def drop(self) -> None:
        """Forget what waits: it was quick to make."""
        self._waiting.clear()

    def remove(self, name: str) -> None:
        """Remove an entry, and the file of its name."""
        if self.stage is not None:
            self.stage.withdraw(name)
            self.stage.store.remove(name)


def write_arrays(file: BinaryIO, arrays: Sequence[Array]) -> None:
    """Write one-dimensional arrays behind a line of JSON that says what they are."""
    file.write(json.dumps([[a.dtype.str, a.size] for a in arrays]).encode() + b"\n")
    for array in arrays:
        for part in blocks(array.size):
            file.write(np.ascontiguousarray(array[part]).data)


@contextmanager
def reading_arrays(store: Store, name: str) -> Iterator[tuple[list[int], Callable[[Array], None]]]:
    """Open what `write_arrays` wrote: the sizes, and what fills the next array.

    Raises:
        InputError: The file is not there, is cut, or is something else.
    """
    with store.open(name) as file:
        try:
            head = [
                (np.dtype(kind), int(size)) for kind, size in json.loads(file.readline(1 << 12))
            ]
        except (ValueError, TypeError) as error:
            raise InputError(f"{name} in {store} is not what textzero wrote: {error}") from error
        rest = iter(head)

        def read(out: Array) -> None:
            if next(rest, None) != (out.dtype, out.size):
                raise InputError(f"{name} in {store} is not what textzero wrote")
            for part in blocks(out.size):
                _fill(file, out[part])

        yield [size for _, size in head], read


def read_into(store: Store, name: str, out: Array) -> None:
    """Fill an array from a file that holds it and nothing else."""
    with store.open(name) as file:
        for part in blocks(out.size):
            _fill(file, out[part])


def _fill(file: BinaryIO, out: Array) -> None:
    view, done = out.view(np.uint8), 0
    while done < view.size:
        block = file.read(view.size - done)
        if not block:
            raise InputError("a file of an earlier run is cut; remove its folder and run again")
        view[done : done + len(block)] = np.frombuffer(block, np.uint8)
        done += len(block)


def array_writer(array: Array, facts: Mapping[str, Any]) -> Write:
    """Return what writes an array, and says `facts`."""

    def write(store: Store, name: str) -> Mapping[str, Any]:
        with store.create(name) as file:
            for part in blocks(array.size):
                file.write(np.ascontiguousarray(array[part]).data)
        return facts

    return write
