"""textzero count."""

import re
import sys
from typing import Any

import click

from . import _options as options
from ._progress import make_progress
from ._summary import json_option, summary, tell_characters
from ._workspace import refuse_to_overwrite, refuse_to_replace_input, workspace_beside


@click.command()
@options.corpus_options
@options.token_options
@options.min_count_option(1)
@click.option("--top", type=click.IntRange(1), help="Print only so many words.  [default: all]")
@click.option("--ngrams", default="1", show_default=True, metavar="N|N-M",
              help="Count sequences of N tokens, or of N to M.")  # fmt: skip
@click.option("--documents", is_flag=True, help="Also count the documents that hold each word.")
@options.output_option()
@options.counts_format_option
@options.memory_option
@options.workers_option
@options.engine_options
@options.force_option
@json_option
@options.quiet_option
def count(
    min_count: int,
    top: int | None,
    ngrams: str,
    documents: bool,
    output: str,
    format: str | None,
    tokenizer: str,
    lowercase: bool,
    nfkc: bool,
    memory: str | None,
    workers: int | None,
    engine: str,
    store: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Count the words of CORPUS: files, folders, quoted globs, URLs, or - for standard input.

    Prints word<TAB>count, most frequent first, ties in code point order. With --output, a run that
    was broken off goes on where it was when the same command is given again.
    """
    from textzero.counting import LONGEST, count_words
    from textzero.files import refuse_missing_folder

    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", ngrams)
    if not match:
        raise click.BadParameter(f"expected a number or a range such as 1-3, got {ngrams!r}",
                                 param_hint="--ngrams")  # fmt: skip
    if documents and format in ("glove", "jieba"):
        raise click.UsageError(f"--documents has no place in the format {format}")
    low, high = int(match[1]), int(match[2] or match[1])
    if not 1 <= low <= high <= LONGEST:
        raise click.BadParameter(f"expected a number from 1 to {LONGEST}, or a range of them such "
                                 f"as 1-3, got {ngrams!r}", param_hint="--ngrams")  # fmt: skip
    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    progress = make_progress(quiet)
    rows = ", or take the rows themselves with --format jsonl"
    with (
        summary(quiet, as_json, output, progress, rows) as told,
        workspace_beside(output, quiet, store) as workspace,
    ):
        texts = options.make_corpus(**corpus)
        refuse_to_replace_input(output, texts)
        counts = count_words(
            texts,
            tokenizer=tokenizer,
            lowercase=lowercase,
            nfkc=nfkc,
            min_count=min_count,
            ngrams=(low, high),
            documents=documents,
            memory=memory,
            workers=workers,
            engine=engine,
            workspace=workspace,
            progress=progress,
        )
        kept = counts.keep(min_count, top)
        write_counts(kept, output, format)
        told.read(counts.reading, tokens=counts.tokens)
        if tokenizer == "word" and high == 1:
            finds = "`textzero discover` finds words, and --tokenizer takes its lexicon"
            tell_characters(told, counts.words, counts.counts, finds)
        frequent = len(kept) if top is None else len(counts.keep(min_count))
        told.left_out(
            words_under_min_count=counts.distinct - frequent, words_beyond_top=frequent - len(kept)
        )
        if output != "-":
            told.wrote(output, words=len(kept), of=counts.distinct)
            from textzero.shown.text import typed

            told.next(f"textzero report {typed(output)} -o report.html")


def write_counts(counts: Any, output: str, format: str | None) -> None:
    """Write a table to a file, or to standard output."""
    if output != "-":
        counts.save(output, format)
        return
    stream = sys.stdout.buffer
    for block in counts.formatted(format or "tsv"):
        stream.write(block)
    stream.flush()
