"""The folder of a run, for commands that write a file or standard output."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from textzero.corpus import Corpus
    from textzero.workspace import Workspace


_WRITTEN = {  # how names of outputs end
    **dict.fromkeys(("count", "merge"), ".tsv, .parquet or .jsonl, or tell its --format"),
    **dict.fromkeys(("discover", "templates", "cluster"), ".tsv"),
    "report": ".html; --pictures FOLDER writes .png or .svg",
    "saliency": ".html, .jsonl or .txt",
    "segment": ".txt, or with --json .jsonl",
}
_NEVER = set(".xlsx .xls .ods .docx .doc .odt .pptx .pdf .png .jpg .jpeg .zip .gz .bz2 .xz".split())
_NO_TABLES = {".csv", ".json"}  # what may be between words, or JSON, is not a table


def refuse_other_suffix(output: str) -> None:
    """Raise UsageError for a name that promises what the command does not write.

    Not where --format tells what is written, or for a device.
    """
    from textzero.files import is_device

    context = click.get_current_context()
    name, suffix = context.info_name or "", Path(output).suffix.lower()
    if name not in _WRITTEN or context.params.get("format") or is_device(output):
        return
    if suffix in _NEVER or (suffix in _NO_TABLES and name not in ("saliency", "segment")):
        raise click.UsageError(
            f"textzero {name} writes no {suffix}: end the name {output} in {_WRITTEN[name]}"
        )


def refuse_to_overwrite(output: str, force: bool) -> None:
    """Raise OutputExistsError when the output is there and `force` is not set.

    The run that made it may have been killed just before its end: what it left goes.
    """
    from textzero import files
    from textzero.errors import OutputExistsError
    from textzero.workspace import tidy_after

    refuse_other_suffix(output)
    try:
        files.refuse_to_overwrite(output, force)
    except OutputExistsError:
        if Path(output).name:  # not for . or /
            tidy_after(output)
        raise


def refuse_to_replace_input(output: str, texts: "Corpus", *others: str) -> None:
    """Raise OutputExistsError when the output is a file that is read."""
    import os

    from textzero.errors import OutputExistsError

    if output == "-" or not os.path.isfile(output):
        return
    for path in [*others, *(source.path for source in texts.sources)]:
        with suppress(OSError):  # a URL
            if os.path.samefile(path, output):
                raise OutputExistsError(
                    f"{path} is read, and cannot be replaced by the output; choose another name"
                )


@contextmanager
def workspace_beside(
    output: str, quiet: bool = False, store: str | None = None
) -> Iterator["Workspace | None"]:
    """Enter the folder beside an output file; None for standard output and devices.

    A folder is refused before the work, not when all is counted and cannot be put there.
    """
    from textzero.errors import OutputExistsError
    from textzero.workspace import Workspace

    def say(sentence: str) -> None:
        if not quiet:
            click.echo(sentence, err=True)

    path = Path(output)
    if path.is_dir():
        raise OutputExistsError(f"{output} is a folder; name a file in it")
    if output != "-" and (path.is_file() or not path.exists()):
        with Workspace.beside(output, say=say, store=store) as workspace:
            yield workspace
    elif store is not None:
        with Workspace.temporary(store=store) as workspace:
            yield workspace
    else:
        yield None
