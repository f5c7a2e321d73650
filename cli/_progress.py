"""Progress bars on stderr, only where a person looks."""

import os
import stat
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
        from rich.text import Text

        class Amount(progress.ProgressColumn):
            """What is done of what there is, and how much a second."""

            def render(self, task: progress.Task) -> Text:
                return Text(amount_done(task.completed, task.total, task.speed, unit))

        self._bar = progress.Progress(
            progress.TextColumn("{task.description:>10}"),
            progress.BarColumn(24),
            Amount(),
            progress.TimeRemainingColumn() if total else progress.TimeElapsedColumn(),
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


def amount_done(done: float, total: float | None, speed: float | None, unit: str) -> str:
    """Such as "12 MB of 100 MB, 5.1 MB/s" or "1,024 of 9,000 words, 312 words/s"."""
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
