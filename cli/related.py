"""textzero related."""

import click

from . import _options as options
from ._table import open_vectors, print_answers


@click.command()
@options.vectors_argument
@click.argument("words", nargs=-1, required=True)
@options.number_option
@click.option("--metric", type=click.Choice(["auto", "inner", "cosine"]), default="auto",
              show_default=True, help="inner is the mutual information; auto takes cosine where "
              "there is one matrix only.")  # fmt: skip
@options.memory_option
@options.answers_json_option
@options.quiet_option
def related(
    vectors: str,
    words: tuple[str, ...],
    number: int,
    metric: str,
    memory: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001 - read from the context
) -> None:
    """Print the words that occur together with each of WORDS; - reads them from standard input."""
    loaded = open_vectors(vectors, memory)
    if metric == "cosine" or (metric == "auto" and loaded.context is None):
        print_answers(loaded, words, lambda asked: loaded.nearest(asked, number), as_json)
        return
    print_answers(
        loaded,
        words,
        lambda asked: [loaded.related(word, number, metric=metric) for word in asked],
        as_json,
    )
