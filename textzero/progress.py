"""What long work reports while it runs. The library is silent; the command line draws bars."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import Any

_OFTEN = 0.1  # seconds between two tellings of how far a loop is


class Progress:
    """Stages of work measured in bytes or other units; this one only keeps their seconds.

    Attributes:
        seconds: Wall time of the stages that ended, by name.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "bytes") -> Iterator[None]:
        """Time the block as one stage of `total` units."""
        begun = perf_counter()
        try:
            self.begin(name, total, unit)
            yield
        finally:
            self.end()
            before = self.seconds.get(name, 0.0)
            self.seconds[name] = round(before + perf_counter() - begun, 3)

    def reading(self, paths: Iterable[str | os.PathLike[str]]) -> AbstractContextManager[None]:
        """Time the block as the stage "read", of the bytes that files hold."""
        return self.stage("read", sum(map(os.path.getsize, filter(os.path.isfile, paths))))

    def begin(self, name: str, total: int, unit: str) -> None:
        """Show that a stage begins."""

    def advance(self, amount: int) -> None:
        """Show that `amount` more units are done. Called from any thread."""

    def end(self) -> None:
        """Show that the stage ended."""

    def over(self, lines: Iterable[str], length: int, size: int) -> Iterator[str]:
        """Yield lines, and tell of `size` units in proportion to what is behind.

        Args:
            lines: The lines of a text.
            length: Characters of the text.
            size: What it counts in the stage, such as the bytes that it was stored in.
        """
        seen = told = 0
        last = perf_counter()
        for line in lines:
            yield line
            seen += len(line) + 1
            if (now := perf_counter()) - last >= _OFTEN:
                done = min(size, size * seen // max(length, 1))
                self.advance(done - told)
                told, last = done, now
        self.advance(size - told)


class Watched:
    """A stream of bytes that tells a progress what is read of it."""

    def __init__(self, stream: Any, progress: Progress) -> None:
        self._stream, self._progress = stream, progress

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        block: bytes = self._stream.read(size)
        self._progress.advance(len(block))
        return block
