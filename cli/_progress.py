"""Progress bars on stderr, only where a person looks."""

import os
import stat
import sys
from typing import Any

from textzero.progress import Progress

_BAR, _LEAST = 24, 4  # columns
_BESIDE = 22  # columns of the name and of the time to go, with spaces


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
        from rich.table import Column
        from rich.text import Text

        console = Console(file=getattr(sys.stderr, "terminal", sys.stderr))
        line = Column(no_wrap=True, overflow="ellipsis")
        widest = len(amount_done(total, total, total, unit)) or _BAR
        room = min(_BAR, console.width - _BESIDE - widest)

        class Amount(progress.ProgressColumn):
            """What is done of what there is, and how much a second."""

            def render(self, task: progress.Task) -> Text:
                return Text(amount_done(task.completed, task.total, task.speed, unit))

        columns: list[progress.ProgressColumn] = [
            progress.TextColumn(
                "{task.description:>10}" if room >= _LEAST else "{task.description}",
                table_column=line.copy(),
            ),
            progress.BarColumn(room, table_column=line.copy()),
            Amount(table_column=line.copy()),
            progress.TimeRemainingColumn(table_column=line.copy())
            if total
            else progress.TimeElapsedColumn(table_column=line.copy()),
        ]
        if room < _LEAST:
            del columns[1]
        self._bar = progress.Progress(*columns, console=console, transient=True)
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


def amount_done(done: float, total: float | None, speed: float | None, unit: str) -> str:
    """Such as "12 MB of 100 MB, 5.1 MB/s" or "1,024 of 9,000 words, 312/s".

    A total that was passed was a guess, and is not shown.
    """
    if total and done > total:
        total = None
    if unit == "bytes":
        from textzero.files import size_text

        whole = f" of {size_text(total)}" if total else ""
        return f"{size_text(done)}{whole}" + (f", {size_text(speed)}/s" if speed else "")
    if not done and not total:
        return ""
    whole = f" of {total:,.0f}" if total else ""
    rate = "" if not speed else f", {speed:,.0f}/s" if speed >= 10 else f", {speed:.2g}/s"
    return f"{done:,.0f}{whole} {unit}{rate}"


def make_progress(quiet: bool, to_stdout: bool = False) -> Progress:
    """Return bars when stderr is a terminal that can be drawn on, else a silent one.

    Args:
        quiet: Draw none.
        to_stdout: Results go to standard output all the while: bars are drawn only when that is a
            file, where they disturb neither the rows nor a pager.
    """
    drawn = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return Bars() if drawn and not (to_stdout and not _is_file(sys.stdout)) else Progress()


def _is_file(stream: Any) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # closed, or not a file of the system
        return False
