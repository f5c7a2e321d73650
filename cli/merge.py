"""textzero merge."""

import click

from . import _options as options
from ._progress import make_progress
from ._summary import json_option, summary
from ._workspace import refuse_to_overwrite, workspace_beside
from .count import write_counts


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path())
@options.min_count_option(1)
@click.option("--top", type=click.IntRange(1), help="Print only so many words.  [default: all]")
@options.output_option()
@options.counts_format_option
@options.memory_option
@options.workers_option
@options.force_option
@json_option
@options.quiet_option
def merge(
    tables: tuple[str, ...],
    min_count: int,
    top: int | None,
    output: str,
    format: str | None,
    memory: str | None,
    workers: int | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Add up TABLES that `textzero count` wrote."""
    from textzero.counts import merge_counts
    from textzero.files import refuse_missing_folder

    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    progress = make_progress(quiet)
    rows = ", or take the rows themselves with --format jsonl"
    with (
        summary(quiet, as_json, output, progress, rows) as told,
        workspace_beside(output, quiet) as workspace,
    ):
        total = merge_counts(
            tables,
            min_count=min_count,
            memory=memory,
            workers=workers,
            workspace=workspace,
            progress=progress,
        )
        kept = total.keep(min_count, top)
        write_counts(kept, output, format)
        told.read(tables=len(tables), tokens=total.tokens)
        told.left_out(
            words_under_min_count=total.distinct - len(total),
            words_beyond_top=len(total) - len(kept),
        )
        if output != "-":
            told.wrote(output, words=len(kept), of=total.distinct)
