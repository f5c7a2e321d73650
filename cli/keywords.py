"""textzero keywords."""

import click

from . import _options as options
from ._table import open_vectors, print_ranking, stdin_text


@click.command()
@options.vectors_argument
@click.argument("text", nargs=-1, required=True)
@options.number_option
@options.vectors_tokenizer_option
@click.option("--normalize", is_flag=True, help="Rank by cosine, not by mutual information.")
@options.memory_option
def keywords(
    vectors: str,
    text: tuple[str, ...],
    number: int,
    tokenizer: str | None,
    normalize: bool,
    memory: str | None,
) -> None:
    """Rank the words of TEXT (- reads standard input) by how well they predict the rest."""
    loaded = open_vectors(vectors, memory)
    sentence = " ".join(text) if text != ("-",) else stdin_text(memory)
    words = loaded.tokenize(sentence, tokenizer)
    print_ranking(loaded.keywords(words, number, normalize=normalize))
