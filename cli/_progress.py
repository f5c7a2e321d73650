"""Progress bars on stderr, only where a person looks."""

import sys
from typing import Any

from textzero.progress import Progress


class Bars(Progress):
    """One bar per stage: bytes or units done, rate, time to go."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._task: Any = None

    def begin(self, name: str, total: int, unit: str) -> None:
        """Draw a new bar."""
        from rich import progress
        from rich.console import Console

        amount = (
            [progress.DownloadColumn(), progress.TransferSpeedColumn()]
            if unit == "bytes"
            else [progress.TaskProgressColumn()]
        )
        self._bar = progress.Progress(
            progress.TextColumn("{task.description:>8}"),
            progress.BarColumn(),
            *amount,
            progress.TimeRemainingColumn(),
            console=Console(file=getattr(sys.stderr, "terminal", sys.stderr)),
            transient=True,
        )
        self._task = self._bar.add_task(name, total=total or None)
        self._bar.start()

    def advance(self, amount: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.advance(self._task, amount)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def make_progress(quiet: bool) -> Progress:
    """Return bars when stderr is a terminal and they are wanted, else a silent one."""
    return Bars() if not quiet and sys.stderr.isatty() else Progress()
