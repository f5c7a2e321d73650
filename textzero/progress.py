"""What long work reports while it runs. The library is silent; the command line draws bars."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any


class Progress:
    """Stages of work measured in bytes or other units; this one only keeps their seconds.

    Attributes:
        seconds: Wall time of each stage that ended, by name.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "bytes") -> Iterator[None]:
        """Time the block as one stage of `total` units."""
        begun = perf_counter()
        self.begin(name, total, unit)
        try:
            yield
        finally:
            self.end()
            self.seconds[name] = round(perf_counter() - begun, 3)

    def begin(self, name: str, total: int, unit: str) -> None:
        """Show that a stage begins."""

    def advance(self, amount: int) -> None:
        """Show that `amount` more units are done. Called from any thread."""

    def end(self) -> None:
        """Show that the stage ended."""


class Watched:
    """A stream of bytes that tells a progress what is read of it."""

    def __init__(self, stream: Any, progress: Progress) -> None:
        self._stream, self._progress = stream, progress

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        block: bytes = self._stream.read(size)
        self._progress.advance(len(block))
        return block
