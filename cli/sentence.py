"""textzero sentence."""

from collections.abc import Iterable

import click

from . import _options as options
from ._printing import as_json as as_json_line
from ._printing import write_lines
from ._table import longest_text, open_vectors, stdin_lines


@click.command()
@options.vectors_argument
@click.argument("texts", nargs=-1, required=True)
@options.vectors_tokenizer_option
@click.option("--method", type=click.Choice(["sum", "mean", "sif"]), default="sum",
              show_default=True, help="How word vectors make a sentence vector.")  # fmt: skip
@click.option("--remove", type=click.IntRange(0), default=1, show_default=True, metavar="N",
              help="With sif, remove N directions that all sentences share.")  # fmt: skip
@click.option("--metric", type=click.Choice(["cosine", "inner"]), default="cosine",
              show_default=True, help="How two sentences are compared.")  # fmt: skip
@options.memory_option
@options.answers_json_option
@options.quiet_option
def sentence(
    vectors: str,
    texts: tuple[str, ...],
    tokenizer: str | None,
    method: str,
    remove: int,
    metric: str,
    memory: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001 - read from the context
) -> None:
    """Print the similarity of two TEXTS, or the vectors of one or many (numbers, tabs between).

    With - the sentences come from standard input, one a line, and their vectors are printed. sif
    weighs rare words more and removes what sentences have in common; a sentence's vector never
    depends on the sentences beside it.
    """
    from textzero.errors import InputError

    loaded = open_vectors(vectors, memory)
    lines: Iterable[str] = texts
    if texts == ("-",):
        lines = (line.rstrip("\r\n") for line in stdin_lines(longest_text(memory)))
    sentences = (loaded.tokenize(line, tokenizer) for line in lines)
    if len(texts) == 2:
        similarity = loaded.sentence_similarity(
            *sentences, metric=metric, method=method, remove=remove
        )
        if as_json:
            shown = {"texts": list(texts), "similarity": round(similarity, 6)}
            write_lines([as_json_line(shown)])
        else:
            click.echo(f"{similarity:.4f}")
        return
    for number, words in enumerate(sentences, 1):
        try:
            row = loaded.sentence_vector(words, method=method, remove=remove)
        except InputError as error:
            raise InputError(f"sentence {number}: {error}") from error
        numbers = [f"{value:.6g}" for value in row.tolist()]
        if as_json:
            write_lines([as_json_line({"sentence": number, "vector": list(map(float, numbers))})])
        else:
            click.echo("\t".join(numbers))
