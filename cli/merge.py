"""textzero merge."""

import click

from . import _options as options
from ._progress import make_progress
from ._workspace import refuse_to_overwrite, workspace_beside
from .count import write_counts


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path())
@options.min_count_option(1)
@click.option("-o", "--output", default="-", metavar="FILE",
              help="Where to write.  [default: standard output]")  # fmt: skip
@options.counts_format_option
@options.memory_option
@options.workers_option
@options.force_option
@options.quiet_option
def merge(
    tables: tuple[str, ...],
    min_count: int,
    output: str,
    format: str | None,
    memory: str | None,
    workers: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Add up TABLES that `textzero count` wrote."""
    from textzero.counts import merge_counts
    from textzero.files import refuse_missing_folder

    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    with workspace_beside(output, quiet) as workspace:
        total = merge_counts(
            tables,
            min_count=min_count,
            memory=memory,
            workers=workers,
            workspace=workspace,
            progress=make_progress(quiet),
        )
        write_counts(total, output, format)
