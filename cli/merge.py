"""textzero merge."""

import click

from . import _options as options
from .count import write_counts


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path())
@options.min_count_option(1)
@click.option("-o", "--output", default="-", metavar="FILE",
              help="Where to write.  [default: standard output]")  # fmt: skip
@options.counts_format_option
@options.force_option
def merge(
    tables: tuple[str, ...], min_count: int, output: str, format: str | None, force: bool
) -> None:
    """Add up TABLES that `textzero count` wrote."""
    from textzero.counts import Counts, merge_counts
    from textzero.files import refuse_missing_folder, refuse_to_overwrite

    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    total = merge_counts(Counts.load(table) for table in tables)
    write_counts(total.keep(min_count), output, format)
