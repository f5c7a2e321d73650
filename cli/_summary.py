"""What a command read, left out and wrote: a small table at its end, or one JSON object."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from textzero.shown.text import singular

from . import _settings as settings
from ._printing import as_json as json_line
from ._printing import write_lines

if TYPE_CHECKING:
    from textzero.corpus import Reading
    from textzero.progress import Progress

_LOSSES = 5  # that are listed, before they are only counted
_STAGE = 0.05  # seconds of the shortest stage that is shown
_STAGES = 4  # that are shown, the longest
_ORDER = {"documents": 0, "bytes": 1, "tokens": 2}
_LOOK = 1.0  # seconds between looks at the memory of the run with its workers

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the summary as one JSON object."
)


class Summary:
    """What there is to tell at the end; nothing is shown before.

    Attributes:
        content: What `--json` prints: command, wrote, read, left_out, lost, seconds, peak_memory
            and further facts.
    """

    def __init__(self, quiet: bool, as_json: bool) -> None:
        self.quiet, self.as_json = quiet, as_json
        self.content: dict[str, Any] = {
            "command": " ".join(click.get_current_context().command_path.split()[1:]),
            "wrote": [], "read": {}, "left_out": {}, "lost": [],
        }  # fmt: skip
        self._next = ""

    def read(self, reading: "Reading | None" = None, **amounts: int) -> None:
        """Tell what was read, and what of it not as it stands.

        Args:
            reading: The account of a corpus; of documents where they were counted.
            amounts: Further numbers, such as tokens=12; 0 and more.
        """
        if reading is not None:
            counted = {"documents": reading.documents} if reading.documents else {}
            self.content["read"] |= {**counted, "bytes": reading.bytes}
            self.content["lost"] += reading.losses()
        self.content["read"] |= amounts

    def left_out(self, **amounts: int) -> None:
        """Tell what was left out on purpose, such as rare_words=3."""
        self.content["left_out"] |= {name: n for name, n in amounts.items() if n}

    def lost(self, *lines: str) -> None:
        """Tell in sentences what was lost."""
        self.content["lost"] += lines

    def wrote(self, path: str | os.PathLike[str], **rows: Any) -> None:
        """Tell of a file or folder that was written; its size is looked up.

        Args:
            path: Where it is.
            rows: What it holds, such as words=3, of=8.
        """
        self.content["wrote"].append({"path": os.fspath(path), "bytes": size_of(path), **rows})

    def fact(self, **facts: Any) -> None:
        """Tell a figure of the result, such as loss=0.5."""
        self.content.setdefault("facts", {}).update(facts)

    def next(self, command: str) -> None:
        """Name a command to try now."""
        self._next = command

    def end(self, progress: "Progress | None", seconds: float, peak: int) -> None:
        """Show it."""
        stages = dict(progress.seconds) if progress is not None else {}
        self.content["seconds"] = {**stages, "all": round(seconds, 3)}
        self.content["peak_memory"] = peak
        used = settings.used(click.get_current_context())
        self.content["settings"] = {one.name: {"value": one.value, "from": one.origin}
                                    for one in used}  # fmt: skip
        if self.as_json:
            write_lines([json_line(self.content)])
        elif self.quiet:
            return
        elif self.content["wrote"] or self.content.get("facts", {}).keys() - {"up_to_date"}:
            show(self.rows())
            settings.note_settings(click.get_current_context(), told=True)
        else:
            warn(self.content["lost"])

    def rows(self) -> list[tuple[str, str]]:
        """The table: labels and what stands behind them, outputs first."""
        from textzero.files import size_text

        content, rows = self.content, []
        for output in content["wrote"]:
            facts = {k: v for k, v in output.items() if k not in ("path", "bytes", "of")}
            of = f" of {output['of']:,}" if output.get("of") not in (None, *facts.values()) else ""
            held = ", ".join(_amount(name, n, of) for name, n in facts.items())
            rows.append(("wrote", ", ".join(filter(None, (
                output["path"], held, size_text(output["bytes"]))))))  # fmt: skip
        rows += [
            (name.replace("_", " "), _figure(n)) for name, n in content.get("facts", {}).items()
        ]
        order = sorted(content["read"].items(), key=lambda entry: _ORDER.get(entry[0], 9))
        read = [size_text(n) if name == "bytes" else _amount(name, n) for name, n in order if n]
        rows += [("read", ", ".join(read))] if read else []
        out = [_amount(name, n) for name, n in content["left_out"].items()]
        rows += [("left out", ", ".join(out))] if out else []
        lost = content["lost"]
        rows += [("lost", line) for line in lost[:_LOSSES]]
        rows += [("", f"... and {len(lost) - _LOSSES:,} more")] if len(lost) > _LOSSES else []
        seconds = content["seconds"]
        longest = sorted(seconds, key=lambda name: -seconds[name])[: _STAGES + 1]
        stages = [f"{name} {_seconds(s)}" for name, s in seconds.items()
                  if name in longest and name != "all" and s >= _STAGE]  # fmt: skip
        took = f"{_seconds(seconds['all'])} s" + (f" ({', '.join(stages)})" if stages else "")
        peak = content["peak_memory"]
        rows.append(("took", took + (f", {size_text(peak)} of memory at most" if peak else "")))
        used = settings.used(click.get_current_context())
        rows += [("settings", settings.in_words(used))] if used else []
        return rows + ([("next", self._next)] if self._next else [])


@contextmanager
def summary(
    quiet: bool,
    as_json: bool = False,
    output: str | None = None,
    progress: "Progress | None" = None,
    instead: str = "",
) -> Iterator[Summary]:
    """Yield what is told of a command when it has done its work.

    Args:
        quiet: Show no table.
        as_json: Print a JSON object to standard output.
        output: Where the result goes; - is standard output.
        progress: Knows the seconds of each stage.
        instead: What gives the result itself as JSON.

    Raises:
        UsageError: Both the result and the JSON object would go to standard output.
    """
    if as_json and output == "-":
        raise click.UsageError(
            "--json prints a summary, and the result goes to standard output too: name a file "
            f"for it with -o{instead}"
        )
    from textzero.files import peak_memory
    from textzero.memory import watched_tree

    told, begun = Summary(quiet, as_json), perf_counter()
    with watched_tree(_LOOK) as peak:
        yield told
    told.end(progress, perf_counter() - begun, max(peak.bytes, peak_memory()))


def rare_words(distinct: int, kept: int, most: int | None) -> dict[str, int]:
    """How many words a vocabulary leaves out, under the name of why."""
    why = "words_under_min_count" + "_or_beyond_max_words" * (most is not None and kept >= most)
    return {why: max(0, distinct - kept)}


def tell_characters(told: Summary, words: Any, counts: Any, instead: str) -> None:
    """Say when most tokens are single characters of a script without spaces.

    Args:
        told: Where to say it.
        words, counts: The words that were counted, most frequent first.
        instead: What finds words.
    """
    from textzero.vectors.tokenizing import is_cut_to_characters

    if is_cut_to_characters(words, counts):
        told.lost(f"most tokens are single characters of a script without spaces: {instead}")


def warn(lines: list[str]) -> None:
    """Say on stderr what was lost."""
    for line in lines[:_LOSSES]:
        click.echo(f"Warning: {line}", err=True)
    if len(lines) > _LOSSES:
        click.echo(f"Warning: ... and {len(lines) - _LOSSES:,} more", err=True)


def show(rows: list[tuple[str, str]]) -> None:
    """Write a table to stderr: with colours on a terminal, else as aligned lines."""
    from ._terminal import shown_controls

    rows = [(label, shown_controls(text)) for label, text in rows]
    if not is_terminal():
        width = max(8, *(len(label) for label, _ in rows))
        for label, text in rows:
            click.echo(f"{label:<{width}}  {text}", err=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    styles = {"wrote": "bold green", "lost": "yellow", "next": "cyan"}
    for label, text in rows:
        table.add_row(label, Text(text, styles.get(label, "")))
    Console(file=getattr(sys.stderr, "terminal", sys.stderr), highlight=False).print(table)


def is_terminal() -> bool:
    """Whether stderr is a terminal that can be drawn on, or FORCE_COLOR says so."""
    if os.environ.get("TERM") == "dumb":
        return False
    return sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))


def size_of(path: str | os.PathLike[str]) -> int:
    """Bytes of a file, or of all files of a folder."""
    place = Path(path)
    if place.is_dir():
        return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    return place.stat().st_size if place.exists() else 0


def _amount(name: str, number: Any, of: str = "") -> str:
    """Such as "1 word", "3 of 8 words"."""
    if not isinstance(number, int):
        return f"{name.replace('_', ' ')} {_figure(number)}"
    words = name.replace("_", " ")
    if name == "dimension":
        return f"{name} {number:,}"
    if number == 1 and not of:
        words = singular(words)
    return f"{number:,}{of} {words}"


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"
