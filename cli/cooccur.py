"""textzero cooccur."""

from typing import Any

import click
from click.core import ParameterSource

from . import _options as options
from ._progress import make_progress
from ._summary import json_option, rare_words, summary
from ._workspace import refuse_to_overwrite


@click.command()
@options.corpus_options
@options.token_options
@options.output_option("Folder to write.", "FOLDER", None)
@click.option("--vocabulary", type=click.Path(), metavar="FILE",
              help="word<TAB>count table of the words to use.  [default: count first]")  # fmt: skip
@options.min_count_option(5)
@options.pair_options(10, "flat")
@options.device_option("What counts pairs; does not change the result.")
@options.memory_option
@options.workers_option
@options.engine_options
@options.force_option
@json_option
@options.quiet_option
def cooccur(
    output: str,
    vocabulary: str | None,
    min_count: int,
    max_words: int | None,
    window: int,
    weighting: str,
    keep_gaps: bool,
    tokenizer: str,
    lowercase: bool,
    nfkc: bool,
    device: str,
    memory: str | None,
    workers: int | None,
    engine: str,
    store: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Count which words of CORPUS stand near each other, into a folder of compressed rows."""
    from textzero.cooccurrence import count_cooccurrences
    from textzero.counting import count_words
    from textzero.files import refuse_strangers
    from textzero.shown.text import typed
    from textzero.vocabulary import Vocabulary
    from textzero.workspace import Workspace

    for name in ("min_count", "max_words"):
        given = click.get_current_context().get_parameter_source(name)
        if vocabulary is not None and given is ParameterSource.COMMANDLINE:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is of no use: --vocabulary says which words to use")

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    refuse_to_overwrite(output, force)
    refuse_strangers(output)
    texts, progress = options.make_corpus(**corpus), make_progress(quiet)
    how: dict[str, Any] = {
        "tokenizer": tokenizer, "lowercase": lowercase, "nfkc": nfkc, "workers": workers,
        "progress": progress, "memory": memory, "engine": engine,
    }  # fmt: skip
    with (
        summary(quiet, as_json, output, progress) as told,
        Workspace.beside(output, say=say, store=store) as how["workspace"],
    ):
        known: dict[str, int] = {}
        if vocabulary is not None:
            words = Vocabulary.load(vocabulary)
        else:
            counts = count_words(texts, **how)
            words = Vocabulary.from_counts(counts, min_count, max_words)
            known = {"documents": counts.reading.documents, "tokens": counts.tokens}
            told.left_out(**rare_words(counts.distinct, len(words), max_words))
        matrix = count_cooccurrences(
            texts,
            words,
            window=window,
            weighting=weighting,
            keep_gaps=keep_gaps,
            folder=output,
            device=device,
            **how,
        )
        told.read(matrix.reading, **known)
        told.wrote(output, pairs=matrix.records, words=len(words))
        told.next(f"textzero report {typed(output)} -o report.html")
