"""textzero sentence."""

import click

from . import _options as options


@click.command()
@options.vectors_argument
@click.argument("texts", nargs=-1, required=True)
@click.option("--method", type=click.Choice(["sum", "mean"]), default="sum", show_default=True,
              help="How word vectors make a sentence vector.")  # fmt: skip
@click.option("--metric", type=click.Choice(["cosine", "inner"]), default="cosine",
              show_default=True, help="How two sentences are compared.")  # fmt: skip
def sentence(vectors: str, texts: tuple[str, ...], method: str, metric: str) -> None:
    """Print the similarity of two TEXTS, or the vectors of one or many (numbers, tabs between).

    With - the sentences come from standard input, one a line, and their vectors are printed.
    """
    from textzero.vectors.formats import load_vectors

    loaded = load_vectors(vectors)
    if len(texts) == 2:
        click.echo(f"{loaded.sentence_similarity(*texts, metric=metric):.4f}")
        return
    lines = click.get_text_stream("stdin").read().splitlines() if texts == ("-",) else texts
    for line in lines:
        row = loaded.sentence_vector(line, method=method)
        click.echo("\t".join(f"{value:.6g}" for value in row.tolist()))
