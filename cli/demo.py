"""textzero demo."""

import re

import click

from . import _options as options
from ._progress import make_progress
from ._summary import is_terminal, show

_STEP = re.compile(r"(\S*) *(?<=^.{10}) ")  # the name of a step, in ten columns


@click.command()
@click.argument("folder", required=False, type=click.Path())
@click.option("-o", "--output", default="demo", show_default=True, metavar="FOLDER",
              callback=options.check_name, help="Folder to write.")  # fmt: skip
@options.field_option
@click.option("--models/--no-models", default=True, show_default=True,
              help="Train a classifier where sub-folders can be labels; needs Keras.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Of all draws.")  # fmt: skip
@options.memory_option
@options.workers_option
@options.force_option
@options.quiet_option
def demo(
    folder: str | None,
    output: str,
    field: str | None,
    models: bool,
    seed: int,
    memory: str | None,
    workers: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Go all the way with the texts of FOLDER, and write one page of what is in them.

    Words are counted and discovered, vectors trained and clustered, templates found, and a
    classifier tells the sub-folders apart. Without FOLDER the texts are the docstrings and comments
    of Python's own library. Takes a minute or two; the page is OUTPUT/report.html, its path is
    printed.
    """
    from textzero.demo.run import run_demo

    def say(line: str) -> None:
        if quiet:
            return
        if (named := _STEP.match(line)) and is_terminal():
            show([(f"{named[1]:<10}", line[named.end() :])])  # wrapped where a word ends
        else:
            click.echo(line, err=True)

    def why_not() -> str:
        from ._models import import_keras
        from .main import Failure

        if not models:
            return "--no-models was given"
        try:
            import_keras(memory)
        except Failure as failure:
            return failure.message.replace("this command", "it")
        return ""

    made = run_demo(
        folder, output, field=field, models=why_not, seed=seed, memory=memory, workers=workers,
        force=force, progress=make_progress(quiet), say=say,
    )  # fmt: skip
    say(f"\nDone in {made.seconds['all']:.0f} s. Open this page in a browser:")
    click.echo(str(made.report))
    if made.next:
        say("\nTo try next:")
    for command in made.next:
        say(f"  {command}")
