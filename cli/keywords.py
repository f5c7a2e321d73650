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
@options.answers_json_option
@options.quiet_option
def keywords(
    vectors: str,
    text: tuple[str, ...],
    number: int,
    tokenizer: str | None,
    normalize: bool,
    memory: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001 - read from the context
) -> None:
    """Rank the words of TEXT (- reads standard input) by how well they predict the rest."""
    loaded = open_vectors(vectors, memory)
    sentence = " ".join(text) if text != ("-",) else stdin_text(memory)
    words = loaded.tokenize(sentence, tokenizer)
    rows = loaded.keywords(words, number, normalize=normalize)
    print_ranking(rows, {"text": sentence} if as_json else None)
