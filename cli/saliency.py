"""textzero saliency."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from . import _models as models
from . import _options as options
from ._progress import make_progress
from ._summary import summary
from .main import Failure

METHODS = ("logit", "state", "integrated-gradients", "gradient-input", "occlusion")
_SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".jsonl": "json"}


@click.command()
@models.model_argument
@options.text_options
@click.option("--method", type=click.Choice(METHODS), default="logit", show_default=True,
              help="How: state and logit need a recurrent layer.")  # fmt: skip
@click.option("--target", metavar="LABEL",
              help="The class to explain.  [default: the one that is predicted]")  # fmt: skip
@click.option("--format", "format", type=click.Choice(["terminal", "json", "html"]),
              help="Coloured text, JSON lines, or one page.  "
              "[default: by suffix of -o, else terminal]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="The same as --format json; with -o, print the summary as one "
              "JSON object.")  # fmt: skip
@options.output_option()
@click.option("--trust", is_flag=True,
              help="Load a .keras file of somebody else: it may run code.")  # fmt: skip
@click.option("--encoder", type=click.Path(), metavar="FOLDER",
              help="For a .keras file: a model or vectors whose words are its ids.")  # fmt: skip
@models.batch_option
@options.memory_option
@options.force_option
@options.quiet_option
def saliency(
    model: str,
    method: str,
    target: str | None,
    format: str | None,
    as_json: bool,
    output: str,
    trust: bool,
    encoder: str | None,
    batch_size: int,
    memory: str | None,
    force: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Show what each word of the texts of CORPUS did for the decision of MODEL.

    MODEL is what `textzero train classifier` wrote, or a .keras file of a network with an embedding
    and class scores, whose ids 2, 3, ... are the words of --encoder. Without CORPUS texts are read
    from standard input.

    logit: what each word adds to the log-odds of the class. state: how far it moves the last state
    to its end, the article's own measure; sums to 1.
    """
    from textzero.files import refuse_missing_folder, refuse_to_overwrite, whole_file

    if as_json and format not in (None, "json"):
        raise click.UsageError(f"--json is --format json; leave out --format {format}")
    format = "json" if as_json else format or _SUFFIXES.get(Path(output).suffix.lower(), "terminal")
    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    keras_file = model.endswith(".keras")
    if not keras_file and (trust or encoder):
        raise click.UsageError("--trust and --encoder are for a .keras file")
    texts = models.corpus_or_stdin(**corpus)
    progress = make_progress(quiet, to_stdout=output == "-")
    reading = texts.new_reading()
    encode = None
    if keras_file:
        network, encode, room = _keras_file(model, trust, encoder, memory)
    else:
        network, room = models.load(model, "Classifier", memory=memory)
    wanted = int(target) if keras_file and target and target.isdecimal() else target
    from textzero.models.saliency import Saliency
    from textzero.models.saliency import saliency as explain
    from textzero.models.saliency.html import page_parts
    from textzero.shown.text import visible

    def found() -> Iterator[Saliency]:
        for batch in models.batches_of_texts(texts, reading, room, progress):
            yield from explain(
                network, batch, method, target=wanted, encode=encode, batch_size=batch_size
            )

    def parts() -> Iterator[str]:
        if format == "html":
            yield from page_parts(found())
        elif format == "json":
            shown = visible if output == "-" and sys.stdout.isatty() else str
            yield from (shown(one.to_json()) + "\n" for one in found())
        else:
            colour = None if output == "-" else False
            yield from (one.to_terminal(colour) + "\n" for one in found())

    with summary(quiet, as_json and output != "-", output, progress) as told:
        if output == "-":
            for part in parts():
                sys.stdout.buffer.write(part.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
        else:
            with whole_file(output) as file:
                for part in parts():
                    file.write(part.encode("utf-8", "backslashreplace"))
            told.wrote(output)
        told.read(reading)


def _keras_file(
    path: str, trust: bool, encoder: str | None, memory: str | None
) -> tuple[Any, Callable[[str], Any], int]:
    """The network of a .keras file, how a text becomes its ids, and what is left of --memory."""
    from textzero.errors import InputError

    if not trust:
        raise click.UsageError(
            f"{path} is a .keras file, which may hold code that runs when it is loaded; "
            "pass --trust if you know where it comes from"
        )
    if encoder is None:
        raise click.UsageError("a .keras file needs --encoder, a folder whose words are its ids")
    if not Path(path).is_file():
        raise InputError(f"no such file: {path}")
    room = models.import_keras(memory) - 3 * Path(path).stat().st_size
    import keras

    from textzero.models import Encoder
    from textzero.vectors.formats import load_vectors

    click.echo(f"Warning: {path} is trusted; loading a .keras file can run code", err=True)
    if (Path(encoder) / "encoder.json").exists():
        words = Encoder.load(encoder)
    else:
        words = Encoder.make([], [load_vectors(encoder)], "word")
    try:
        network = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        first = str(error).strip().split("\n")[0]
        raise Failure(f"{path} is not a Keras model that can be loaded: {first}", 3) from error
    return network, words.encode, room
