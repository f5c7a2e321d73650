"""The folder of a run, for commands that write a file or standard output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from textzero.workspace import Workspace


def refuse_to_overwrite(output: str, force: bool) -> None:
    """Raise OutputExistsError when the output is there and `force` is not set.

    The run that made it may have been killed just before its end: what it left goes.
    """
    from textzero import files
    from textzero.errors import OutputExistsError
    from textzero.workspace import tidy_after

    try:
        files.refuse_to_overwrite(output, force)
    except OutputExistsError:
        tidy_after(output)
        raise


@contextmanager
def workspace_beside(
    output: str, quiet: bool = False, store: str | None = None
) -> Iterator["Workspace | None"]:
    """Enter the folder beside an output file; None for standard output and devices."""
    from textzero.workspace import Workspace

    def say(sentence: str) -> None:
        if not quiet:
            click.echo(sentence, err=True)

    path = Path(output)
    if output != "-" and (path.is_file() or not path.exists()):
        with Workspace.beside(output, say=say, store=store) as workspace:
            yield workspace
    elif store is not None:
        with Workspace.temporary(store=store) as workspace:
            yield workspace
    else:
        yield None
