"""textzero related."""

import click

from . import _options as options
from ._table import print_rankings, words_asked


@click.command()
@options.vectors_argument
@click.argument("words", nargs=-1, required=True)
@options.number_option
@click.option("--metric", type=click.Choice(["cosine", "inner"]), default="cosine",
              show_default=True, help="inner is the mutual information itself.")  # fmt: skip
def related(vectors: str, words: tuple[str, ...], number: int, metric: str) -> None:
    """Print the words that occur together with each of WORDS; - reads them from standard input."""
    from textzero.vectors.formats import load_vectors

    loaded = load_vectors(vectors)
    asked = words_asked(words)
    if metric == "cosine":
        found = loaded.nearest(asked, number)
    else:
        found = [loaded.related(word, number, metric=metric) for word in asked]
    print_rankings(list(zip(asked, found, strict=True)))
