"""textzero templates."""

import sys
from collections.abc import Iterable
from typing import Any

import click

from . import _options as options
from ._progress import make_progress
from ._summary import json_option, summary
from ._workspace import refuse_to_overwrite, refuse_to_replace_input, workspace_beside


@click.command()
@options.corpus_options
@options.token_options
@options.output_option()
@click.option("--window", type=click.IntRange(1, 31), default=5, show_default=True,
              help="How far apart two words of a template may be; 1 finds phrases.")  # fmt: skip
@click.option("--min-count", type=click.IntRange(1),
              help="Leave out templates of fewer sentences.  [default: by the size of the corpus, "
              "3 or more]")  # fmt: skip
@click.option("--min-pmi", type=float, default=0.0, show_default=True,
              help="Least mutual information of two words of a template, in nats, from -100 to "
              "100.")  # fmt: skip
@click.option("--max-words", type=click.IntRange(1, 64), default=8, show_default=True,
              help="Most words of a template.")  # fmt: skip
@click.option("--fillers", type=click.IntRange(0, 1000), default=10, show_default=True,
              help="List so many fillers of each placeholder.")  # fmt: skip
@click.option("--dropped", metavar="FILE",
              help="Write here which frequent templates were not kept, and why (- for standard "
              "output).")  # fmt: skip
@options.memory_option
@options.workers_option
@options.force_option
@json_option
@options.quiet_option
def templates(
    output: str,
    window: int,
    min_count: int | None,
    min_pmi: float,
    max_words: int,
    fillers: int,
    dropped: str | None,
    tokenizer: str,
    lowercase: bool,
    nfkc: bool,
    memory: str | None,
    workers: int | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Find the templates of the sentences of CORPUS, such as "the X is a X".

    X is one or more words. Words of Chinese, such as those of "X 是 什么", want a lexicon:
    --tokenizer lexicon.tsv.

    Prints a table: template, kind, sentences that hold it, sentences that it describes best, bits
    that it saves in them, and what fills its placeholders. Templates that save no bits are dropped.
    """
    from os.path import realpath

    from textzero.files import refuse_missing_folder
    from textzero.shown.text import typed
    from textzero.structure.finding import find_templates

    piped = "-" in (output, dropped)
    if dropped == output or (not piped and dropped and realpath(dropped) == realpath(output)):
        raise click.UsageError(
            f"-o and --dropped must be two files, got {dropped} for both"
            f"{' (- is standard output)' * (dropped == '-')}; name another for one of them"
        )
    for path in (output, dropped):
        if path not in ("-", None):
            refuse_to_overwrite(path, force)
            refuse_missing_folder(path)
    if as_json and dropped == "-":
        raise click.UsageError("--json and --dropped - both print; name a file for --dropped")
    progress = make_progress(quiet)
    with (
        summary(quiet, as_json, output, progress) as told,
        workspace_beside(output, quiet) as workspace,
    ):
        texts = options.make_corpus(**corpus)
        for path in (output, dropped or "-"):
            refuse_to_replace_input(path, texts)
        found = find_templates(
            texts,
            tokenizer=tokenizer,
            lowercase=lowercase,
            nfkc=nfkc,
            window=window,
            min_count=min_count,
            min_pmi=min_pmi,
            max_words=max_words,
            n_fillers=fillers,
            memory=memory,
            workers=workers,
            workspace=workspace,
            progress=progress,
        )
        if output == "-":
            _print(found.lines())
        else:
            found.save(output)
            share = found.settings["bits_saved"] / max(found.settings["bits"], 1)
            told.wrote(output, templates=len(found))
            told.fact(bits_saved=f"{share:.1%} of those of the sentences")
            told.next(f"textzero parse {typed(output)} FILE")
        if dropped == "-":
            _print(found.dropped_lines())
        elif dropped is not None:
            found.save_dropped(dropped)
            told.wrote(dropped)
        told.read(found.reading, sentences=found.settings["sentences"])


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
