"""textzero similar."""

import click

from . import _options as options
from ._table import print_rankings, words_asked


@click.command()
@options.vectors_argument
@click.argument("words", nargs=-1, required=True)
@options.number_option
@click.option("--metric", type=click.Choice(["pearson", "cosine"]), default="pearson",
              show_default=True, help="How use is compared.")  # fmt: skip
@click.option("--n-context", type=click.IntRange(2), default=10_000, show_default=True,
              help="Compare over so many frequent words; 500 is more grammatical.")  # fmt: skip
def similar(vectors: str, words: tuple[str, ...], number: int, metric: str, n_context: int) -> None:
    """Print the words that are used like each of WORDS; - reads words from standard input.

    Two words are similar when their mutual information with all other words is correlated.
    """
    from textzero.vectors.formats import load_vectors

    loaded = load_vectors(vectors)
    asked = words_asked(words)
    found = loaded.nearest(asked, number, metric=metric, n_context=n_context)
    print_rankings(list(zip(asked, found, strict=True)))
