"""textzero keywords."""

import click

from . import _options as options
from ._table import print_ranking


@click.command()
@options.vectors_argument
@click.argument("text", nargs=-1, required=True)
@options.number_option
@options.vectors_tokenizer_option
@click.option("--normalize", is_flag=True, help="Rank by cosine, not by mutual information.")
def keywords(
    vectors: str, text: tuple[str, ...], number: int, tokenizer: str | None, normalize: bool
) -> None:
    """Rank the words of TEXT (- reads standard input) by how well they predict the rest."""
    from textzero.vectors.formats import load_vectors

    loaded = load_vectors(vectors)
    sentence = " ".join(text) if text != ("-",) else options.read_stdin()
    words = loaded.tokenize(sentence, tokenizer)
    print_ranking(loaded.keywords(words, number, normalize=normalize))
