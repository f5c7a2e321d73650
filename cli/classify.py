"""textzero classify."""

from dataclasses import asdict
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
def classify(
    model: str, json: bool, batch_size: int, memory: str | None, quiet: bool, **corpus: Any
) -> None:
    """Print the label of each text of CORPUS, as MODEL sees it.

    A line comes out for each line in: label, probability and text, with tabs between. Without
    CORPUS texts are read from standard input. MODEL is what `textzero train classifier` wrote.
    """
    texts, progress = models.corpus_or_stdin(**corpus), make_progress(quiet, to_stdout=True)
    reading = texts.new_reading()
    loaded, room = models.load(model, "Classifier", memory=memory)
    cut = total = 0
    for batch in models.batches_of_texts(texts, reading, room, progress):
        found = loaded.predict(batch, batch_size)
        cut += sum(prediction.left_out > 0 for prediction in found)
        total += len(found)
        if json:
            rows = [
                as_json({"text": text} | asdict(prediction))
                for text, prediction in zip(batch, found, strict=True)
            ]
        else:
            rows = [
                f"{prediction.label}\t{prediction.probability:.4f}\t{models.one_line(text)}"
                for text, prediction in zip(batch, found, strict=True)
            ]
        write_lines(rows)
    if cut and not quiet:
        most = loaded.settings.max_tokens
        click.echo(
            f"Warning: {cut:,} of {total:,} texts {'has' if cut == 1 else 'have'} more than {most} "
            "tokens; the middle was not read",
            err=True,
        )
    options.report_losses(reading, quiet)
