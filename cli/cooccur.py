"""textzero cooccur."""

from typing import Any

import click
from click.core import ParameterSource

from . import _options as options
from ._progress import make_progress


@click.command()
@options.corpus_options
@options.token_options
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Folder to write.")
@click.option("--vocabulary", type=click.Path(), metavar="FILE",
              help="word<TAB>count table of the words to use.  [default: count first]")  # fmt: skip
@options.min_count_option(5)
@options.pair_options(10, "flat")
@options.device_option("What counts pairs; does not change the result.")
@options.memory_option
@options.workers_option
@options.force_option
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
    force: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Count which words of CORPUS stand near each other, into a folder of compressed rows."""
    from textzero.cooccurrence import count_cooccurrences
    from textzero.counting import count_words
    from textzero.files import refuse_strangers, refuse_to_overwrite
    from textzero.vocabulary import Vocabulary

    for name in ("min_count", "max_words"):
        given = click.get_current_context().get_parameter_source(name)
        if vocabulary is not None and given is ParameterSource.COMMANDLINE:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is of no use: --vocabulary says which words to use")
    refuse_to_overwrite(output, force)
    refuse_strangers(output)
    texts, progress = options.make_corpus(**corpus), make_progress(quiet)
    if vocabulary is not None:
        words = Vocabulary.load(vocabulary)
    else:
        counts = count_words(
            texts,
            tokenizer=tokenizer,
            lowercase=lowercase,
            nfkc=nfkc,
            workers=workers,
            progress=progress,
        )
        words = Vocabulary.from_counts(counts, min_count, max_words)
    matrix = count_cooccurrences(
        texts,
        words,
        tokenizer=tokenizer,
        lowercase=lowercase,
        nfkc=nfkc,
        window=window,
        weighting=weighting,
        keep_gaps=keep_gaps,
        memory=memory,
        workers=workers,
        folder=output,
        progress=progress,
        device=device,
    )
    options.report_losses(matrix.reading, quiet)
    if not quiet:
        click.echo(
            f"{matrix.records:,} co-occurrences of {len(words):,} words written to {output} "
            f"in {sum(progress.seconds.values()):.1f} s",
            err=True,
        )
