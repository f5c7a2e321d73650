"""textzero sentence."""

import click

from . import _options as options


@click.command()
@options.vectors_argument
@click.argument("texts", nargs=-1, required=True)
@options.vectors_tokenizer_option
@click.option("--method", type=click.Choice(["sum", "mean"]), default="sum", show_default=True,
              help="How word vectors make a sentence vector.")  # fmt: skip
@click.option("--metric", type=click.Choice(["cosine", "inner"]), default="cosine",
              show_default=True, help="How two sentences are compared.")  # fmt: skip
def sentence(
    vectors: str, texts: tuple[str, ...], tokenizer: str | None, method: str, metric: str
) -> None:
    """Print the similarity of two TEXTS, or the vectors of one or many (numbers, tabs between).

    With - the sentences come from standard input, one a line, and their vectors are printed.
    """
    from textzero.errors import InputError
    from textzero.vectors.formats import load_vectors

    loaded = load_vectors(vectors)
    lines = options.read_stdin().splitlines() if texts == ("-",) else texts
    sentences = [loaded.tokenize(line, tokenizer) for line in lines]
    if len(texts) == 2:
        click.echo(f"{loaded.sentence_similarity(*sentences, metric=metric):.4f}")
        return
    for number, words in enumerate(sentences, 1):
        try:
            row = loaded.sentence_vector(words, method=method)
        except InputError as error:
            raise InputError(f"sentence {number}: {error}") from error
        click.echo("\t".join(f"{value:.6g}" for value in row.tolist()))
