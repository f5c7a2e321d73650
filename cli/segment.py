"""textzero segment."""

import os
import sys
from typing import Any

import click

from . import _options as options
from ._progress import make_progress
from ._summary import summary
from ._workspace import refuse_to_overwrite, refuse_to_replace_input, workspace_beside


@click.command()
@click.argument("lexicon", type=click.Path())
@options.corpus_options
@click.option("--separator", default=" ", help="What to write between words.  [default: a space]")
@click.option("--n-best", type=click.IntRange(1, 1000), metavar="N",
              help="Write the N best: line number, log-probability, words.")  # fmt: skip
@click.option("--sample", type=click.FloatRange(0), metavar="ALPHA",
              help="Draw each segmentation in proportion to its probability ** ALPHA.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of --sample.")
@click.option("--json", "as_json", is_flag=True,
              help="Write one JSON object a line, with offsets; with -o, print the summary as "
              "one.")  # fmt: skip
@options.output_option()
@options.memory_option
@options.workers_option
@options.engine_options
@options.force_option
@options.quiet_option
def segment(
    lexicon: str,
    separator: str,
    n_best: int | None,
    sample: float | None,
    seed: int,
    as_json: bool,
    output: str,
    memory: str | None,
    workers: int | None,
    engine: str,
    store: str | None,
    force: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Cut each line of CORPUS into the words of LEXICON.

    LEXICON is what `textzero discover` writes, or counts, jieba's dictionary, a list of words.
    Writes a line for each line, without white space inside. With --document file, or for records,
    a text is one line. With -o, a run that was broken off goes on when the same command is given
    again.
    """
    from textzero.errors import InputError
    from textzero.files import refuse_missing_folder
    from textzero.segmenter import Segmenter
    from textzero.segmenting import Form, segment_corpus
    from textzero.shown.text import typed

    if n_best is not None and sample is not None:
        raise click.UsageError("--n-best and --sample exclude each other")
    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    if os.path.isdir(lexicon):
        inside = os.path.join(lexicon, "lexicon.tsv")
        hint = f"; did you mean {inside}?" if os.path.isfile(inside) else ""
        raise InputError(f"{lexicon} must be the file of a lexicon, got a folder{hint}")
    texts, segmenter = options.make_corpus(**corpus), Segmenter(lexicon)
    if not len(segmenter.lexicon):
        raise InputError(f"{lexicon} holds no words; name another lexicon")
    refuse_to_replace_input(output, texts, lexicon)
    form = Form(separator, n_best, sample, seed, as_json)
    progress = make_progress(quiet, to_stdout=output == "-")
    with (
        summary(quiet, as_json and output != "-", output, progress) as told,
        workspace_beside(output, quiet, store) as workspace,
    ):
        reading = segment_corpus(
            texts,
            segmenter,
            sys.stdout.buffer if output == "-" else output,
            form,
            memory=memory,
            workers=workers,
            workspace=workspace,
            engine=engine,
            progress=progress,
        )
        told.read(reading)
        if output != "-":
            told.wrote(output)
            if not as_json and n_best is None and separator == " ":
                told.next(f"textzero embed {typed(output)} --tokenizer whitespace -o vectors")
