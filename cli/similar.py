"""textzero similar."""

import click

from . import _options as options
from ._table import open_vectors, print_answers


@click.command()
@options.vectors_argument
@click.argument("words", nargs=-1, required=True)
@options.number_option
@click.option("--metric", type=click.Choice(["pearson", "cosine"]), default="pearson",
              show_default=True, help="How use is compared.")  # fmt: skip
@click.option("--n-context", type=click.IntRange(2), default=10_000, show_default=True,
              help="Compare over so many frequent words; 500 is more grammatical.")  # fmt: skip
@options.memory_option
@options.answers_json_option
@options.quiet_option
def similar(
    vectors: str,
    words: tuple[str, ...],
    number: int,
    metric: str,
    n_context: int,
    memory: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001 - read from the context
) -> None:
    """Print the words that are used like each of WORDS; - reads words from standard input.

    Two words are similar when their mutual information with all other words is correlated.
    """
    loaded = open_vectors(vectors, memory)
    print_answers(
        loaded,
        words,
        lambda asked: loaded.nearest(asked, number, metric=metric, n_context=n_context),
        as_json,
    )
