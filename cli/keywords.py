"""textzero keywords."""

import click

from . import _options as options
from ._table import print_ranking


@click.command()
@options.vectors_argument
@click.argument("text", nargs=-1, required=True)
@options.number_option
@click.option("--normalize", is_flag=True, help="Rank by cosine, not by mutual information.")
def keywords(vectors: str, text: tuple[str, ...], number: int, normalize: bool) -> None:
    """Rank the words of TEXT (- reads standard input) by how well they predict the rest."""
    from textzero.vectors.formats import load_vectors

    sentence = " ".join(text) if text != ("-",) else click.get_text_stream("stdin").read()
    print_ranking(load_vectors(vectors).keywords(sentence, number, normalize=normalize))
