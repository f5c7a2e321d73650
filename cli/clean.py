"""textzero clean."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from . import _options as options
from ._printing import as_json as as_json_line
from ._printing import write_lines

_DEBRIS = re.compile(r"\.(.+)\.[0-9a-f]{8}\.([0-9]+)\.(partial|old)")
_OLD = 3600.0  # seconds: who wrote since then may be at work on a host that we do not see into


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--recursive", "-r", is_flag=True, help="Look in all folders below, too.")
@click.option(
    "--dry-run", "-n", is_flag=True, help="Say what would be removed, and remove nothing."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each of them.")
@options.quiet_option
def clean(
    folders: tuple[Path, ...], recursive: bool, dry_run: bool, as_json: bool, quiet: bool
) -> None:
    """Remove what runs that were killed have left in FOLDERS.

    Without FOLDERS: in the current one and in the system's folder for temporary files. What belongs
    to a run that is at work, or may be at work on another host, stays.

    Prints what was done<TAB>path<TAB>size<TAB>whose it was.
    """
    from textzero.files import size_text

    gone = left = freed = 0
    for folder in folders or (Path(), Path(tempfile.gettempdir())):
        for place in _places(folder, recursive):
            for path, size, done, whose in chain(_runs(place, dry_run), _debris(place, dry_run)):
                if as_json:
                    row = {"done": done, "path": os.fspath(path), "bytes": size, "whose": whose}
                    write_lines([as_json_line(row)])
                else:
                    click.echo(f"{done}\t{_one_line(path)}\t{size_text(size)}\t{whose}")
                gone, left = gone + (done != "kept"), left + (done == "kept")
                freed += size * (done not in ("kept", "brought back"))
    verb = "would be freed" if dry_run else "freed"
    if not quiet:
        click.echo(f"{gone:,} found, {left:,} kept, {size_text(freed)} {verb}", err=True)


def _places(folder: Path, recursive: bool) -> Iterator[Path]:
    """Yield the folder, and those below it that may hold something; never those of runs."""
    from textzero.workspace import SUFFIX

    if not recursive:
        yield folder
        # a run that fills a folder has its own in it
        yield from sorted(path.parent for path in folder.glob(f"*/{SUFFIX}"))
        return
    for root, names, _ in os.walk(folder):
        names[:] = sorted(name for name in names if not name.endswith(SUFFIX))
        yield Path(root)


def _runs(place: Path, dry_run: bool) -> Iterator[tuple[Path, int, str, str]]:
    from textzero.errors import OutputExistsError
    from textzero.locks import holder_of
    from textzero.workspace import LOCK, Workspace, is_dead, left_behind

    for path in left_behind(place):
        size, holder = _size(path), holder_of(path / LOCK)
        whose = str(holder or "a run that broke off")
        if not is_dead(path):
            yield path, size, "kept", whose if holder else f"{path / LOCK} cannot be read"
        elif dry_run:
            yield path, size, "to remove", whose
        else:
            try:
                with Workspace(path, str(path), kept=False):  # as its next run: nobody else can
                    pass
            except OutputExistsError as error:
                yield path, size, "kept", str(error)
            else:
                yield path, size, "kept" if path.exists() else "removed", whose


def _debris(place: Path, dry_run: bool) -> Iterator[tuple[Path, int, str, str]]:
    """Files and folders that dead processes were writing, or had put aside, beside an output."""
    from textzero.disk import disk
    from textzero.locks import is_alive

    try:
        entries = sorted(place.iterdir())
    except OSError as error:
        click.echo(f"Warning: {place} cannot be read: {error.strerror}", err=True)
        return
    for path in entries:
        name = _DEBRIS.fullmatch(path.name)
        if name is None:
            continue
        whose, size = f"pid {name[2]}", _size(path)
        goal = path.with_name(name[1])
        if is_alive(int(name[2])) or time.time() - _changed(path) < _OLD:
            yield path, size, "kept", f"{whose}, which may be at work"
        elif name[3] == "old" and not os.path.lexists(goal):
            if not dry_run:
                disk().rename(path, goal)
            yield (
                path,
                size,
                "brought back",
                f"{whose}, which was about to replace {_one_line(goal)}",
            )
        elif dry_run:
            yield path, size, "to remove", whose
        else:
            if path.is_dir() and not path.is_symlink():
                disk().remove_folder(path)
            else:
                disk().remove(path)
            yield path, size, "kept" if os.path.lexists(path) else "removed", whose


def _all_in(path: Path) -> Iterator[os.stat_result]:
    yield path.lstat()
    for root, folders, names in os.walk(path):
        for name in (*folders, *names):
            try:
                yield os.lstat(os.path.join(root, name))
            except FileNotFoundError:  # a run is at work
                continue


def _size(path: Path) -> int:
    return sum(status.st_size for status in _all_in(path))


def _changed(path: Path) -> float:
    return max(status.st_mtime for status in _all_in(path))


def _one_line(path: Path) -> str:
    """A path as one field of a row."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\x{ord(c[0]):02x}", os.fspath(path))
