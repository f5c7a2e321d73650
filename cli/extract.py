"""textzero extract."""

from typing import Any

import click

from . import _models as models
from . import _options as options
from ._printing import as_json, write_lines
from ._progress import make_progress


@click.command()
@models.model_argument
@options.text_options
@models.json_option
@models.batch_option
@options.memory_option
@options.quiet_option
def extract(
    model: str, json: bool, batch_size: int, memory: str | None, quiet: bool, **corpus: Any
) -> None:
    """Print the triples that MODEL finds in each text of CORPUS.

    A line for each triple: number of the text, subject, predicate, object and score, with tabs
    between. Without CORPUS texts are read from standard input. MODEL is what
    `textzero train extractor` wrote.
    """
    texts, progress = models.corpus_or_stdin(**corpus), make_progress(quiet, to_stdout=True)
    reading = texts.new_reading()
    loaded, room = models.load(model, "Extractor", memory=memory)
    number = left_out = 0
    for batch in models.batches_of_texts(texts, reading, room, progress):
        rows = []
        for text, triples in zip(batch, loaded.predict(batch, batch_size), strict=True):
            number += 1
            if json:
                found = [triple._asdict() for triple in triples]
                rows.append(as_json({"text": text, "triples": found}))
                continue
            for triple in triples:
                parts = "\t".join(map(models.one_line, triple.fact))
                rows.append(f"{number}\t{parts}\t{triple.score:.4f}")
        write_lines(rows)
        left_out += loaded.left_out
    if left_out and not quiet:
        click.echo(
            f"Warning: {left_out:,} uncertain subjects and objects were left out; a text has too "
            "many for a model that was trained enough",
            err=True,
        )
    options.report_losses(reading, quiet)
