"""Progress bars on stderr, only where a person looks."""

import os
import stat
import sys
from functools import partial
from typing import Any

from textzero.progress import Progress
from textzero.shown.text import singular

from . import _signals

_BAR, _LEAST = 24, 4  # columns
_NAME, _TIME = 10, 8  # columns of the name of a stage, of the time to go with a space
_BESIDE = _NAME + _TIME + 2
_CTRL_C = 2  # columns of ^C
_SETTLED = 0.5  # seconds after which a rate means something


class Bars(Progress):
    """One bar per stage: bytes or units done, rate, time to go.

    Attributes:
        terminal: Where they are drawn; None for standard error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.terminal: Any = None
        self._bar: Any = None
        self._task: Any = None
        self._moved = True

    def begin(self, name: str, total: int, unit: str) -> None:
        """Draw a new bar."""
        from rich import progress
        from rich.console import Console, ConsoleDimensions
        from rich.table import Column
        from rich.text import Text

        from ._compiling import compiling

        class Narrower(Console):
            """Leaves room for the ^C that a terminal shows, which would begin another line."""

            @property  # type: ignore[misc]
            def size(self) -> ConsoleDimensions:
                width, height = super().size
                return ConsoleDimensions(max(1, width - _CTRL_C), height)

        console = Narrower(file=self.terminal or getattr(sys.stderr, "terminal", sys.stderr))
        line = Column(no_wrap=True, overflow="ellipsis")
        widest = len(amount_done(total, total, total, unit)) or _BAR
        room = min(_BAR, console.width - _BESIDE - widest)

        class Amount(progress.ProgressColumn):
            """What is done of what there is, and how much a second."""

            def render(self, task: progress.Task) -> Text:
                done, total = task.completed, task.total
                rate = task.speed if (task.elapsed or 0.0) >= _SETTLED else None
                forms = [amount_done(done, total, rate, unit), amount_done(done, total, None, unit)]
                if compiling():
                    forms = ["compiling, for the first time", "compiling"]
                elif total:
                    forms.append(f"{min(done / total, 1):.0%}")
                beside = len(name) + 1 if room < _LEAST else max(len(name), _NAME) + room + 2
                left = console.width - beside - _TIME
                return Text(next((form for form in forms if len(form) <= left), ""))

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
        self._bar = progress.Progress(
            *columns, console=console, transient=True, redirect_stderr=self.terminal is None
        )
        self._moved = not total  # until it moves it pulses
        self._task = self._bar.add_task(name, total=total or None, start=self._moved)
        with _signals.waiting():
            _signals.last_act = partial(_show_cursor, console.file)
            self._bar.start()

    def advance(self, amount: int) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        if not self._moved:
            self._bar.start_task(self._task)
            self._moved = True
        self._bar.advance(self._task, amount)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            with _signals.waiting():
                self._bar.stop()
                self._bar = None
                _signals.last_act = None


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
    unit = singular(unit) if (total or done) == 1 else unit
    rate = "" if not speed else f", {speed:,.0f}/s" if speed >= 10 else f", {speed:.2g}/s"
    return f"{done:,.0f}{whole} {unit}{rate}"


def _show_cursor(terminal: Any) -> None:
    os.write(terminal.fileno(), b"\r\x1b[K\x1b[?25h")


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
