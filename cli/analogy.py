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
def analogy(
    vectors: str, a: str, b: str, c: str, number: int, method: str, memory: str | None
) -> None:
    """Print the words that are to C what B is to A."""
    print_ranking(open_vectors(vectors, memory).analogy(a, b, c, number, method=method))
