"""textzero analogy."""

import click

from . import _options as options
from ._table import open_vectors, print_ranking


@click.command()
@options.vectors_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@options.number_option
@click.option("--method", type=click.Choice(["add", "mul"]), default="add", show_default=True,
              help="Sum (3CosAdd) or product (3CosMul) of cosines.")  # fmt: skip
@options.memory_option
@options.answers_json_option
@options.quiet_option
def analogy(
    vectors: str,
    a: str,
    b: str,
    c: str,
    number: int,
    method: str,
    memory: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001 - read from the context
) -> None:
    """Print the words that are to C what B is to A."""
    rows = open_vectors(vectors, memory).analogy(a, b, c, number, method=method)
    print_ranking(rows, {"a": a, "b": b, "c": c} if as_json else None)
