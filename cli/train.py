"""textzero train."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from . import _gold as gold
from . import _options as options
from ._summary import json_option
from ._training import train_model


@click.group()
def train() -> None:
    """Train a model on labelled data, from word vectors."""


def _pairs(_: click.Context, __: click.Parameter, values: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; a value is JSON, or else a string as it stands."""
    found: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"it must be NAME=VALUE, got {value!r}")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _shared(
    epochs: int = 20, batch_size: int = 32, learning_rate: float = 0.003, dropout: float = 0.25
) -> Callable[[Any], Any]:
    """The options of all models; the arguments are defaults to show, which `settings.py` has."""
    number = click.IntRange(1)
    return options.together(
        click.argument("data", nargs=-1, required=True, shell_complete=options.files),
        click.option("--validation", multiple=True, metavar="FILE", shell_complete=options.files,
                     help="Labelled data held out: decides the best epoch and the end "
                     "(repeatable)."),
        click.option("--vectors", multiple=True, metavar="FOLDER", shell_complete=options.files,
                     help="Word vectors to start from (repeatable)."),
        options.output_option("Folder to write.", "FOLDER", None),
        click.option("--dim", type=number, help="Width of the embedding.  [default: 128]"),
        click.option("--dropout", type=click.FloatRange(0, 1, max_open=True),
                     help=f"Share that each step leaves out.  [default: {dropout}]"),
        click.option("--epochs", type=number,
                     help=f"Passes over DATA, at most.  [default: {epochs}]"),
        click.option("--batch-size", type=number,
                     help=f"Texts in a step.  [default: {batch_size}]"),
        click.option("--learning-rate", type=click.FloatRange(0, min_open=True),
                     help=f"Of Adam.  [default: {learning_rate}]"),
        click.option("--patience", type=number,
                     help="End after so many epochs without a better score.  [default: 6]"),
        click.option("--seed", type=click.IntRange(0),
                     help="Of the start, of dropout and of the order of texts.  [default: 0]"),
        click.option("--set", "others", multiple=True, metavar="NAME=VALUE", callback=_pairs,
                     help="Any other setting of the network or the training, its value as JSON "
                     "(repeatable)."),
        options.memory_option,
        click.option("--fresh", is_flag=True,
                     help="Begin anew; else the same command goes on with a training that was "
                     "broken off."),
        click.option("--resume", is_flag=True, hidden=True, help="Go on, which is done anyway."),
        gold.strict_option,
        options.force_option,
        json_option,
        options.quiet_option,
    )  # fmt: skip


def _encoder(*names: str) -> Callable[[Any], Any]:
    return click.option(
        "--encoder",
        type=click.Choice(names),
        help=f"What reads the embedded text.  [default: {names[0]}]",
    )


_units = click.option(
    "--units", type=click.IntRange(1), help="Width of the encoder.  [default: 128]"
)


@train.command()
@_shared(epochs=14, batch_size=16, learning_rate=0.002, dropout=0.5)
@_encoder("dgcnn", "bilstm")
@click.option("--head", type=click.Choice(["crf", "memm", "bimemm", "softmax"]),
              help="What decides the tags.  [default: crf]")  # fmt: skip
@_units
@gold.tagged_options
@gold.encoding_option
def tagger(form: str, scheme: str, strict: bool, encoding: str, **given: Any) -> None:
    """Train a tagger: names, words or parts of speech.

    DATA are files of columns, a token a line with its tag last and an empty line behind each
    sentence. The scheme of the tags is told from them.
    """

    def read(paths: Sequence[str], progress: Any) -> Any:
        return gold.read_tagged(paths, form, scheme, strict, encoding, progress)

    train_model("Tagger", read, given, strict)


@train.command()
@_shared(epochs=14, learning_rate=0.002)
@click.option("--labels", type=click.Choice(["occurrences", "places"]),
              help="Learn from every occurrence of an answer, or from the places that DATA name.  "
              "[default: occurrences]")  # fmt: skip
def reader(labels: str | None, strict: bool, **given: Any) -> None:
    """Train a reader: a question and passages to an answer.

    DATA are SQuAD's JSON, WebQA's JSON lines, or JSON lines such as {"question": "...",
    "passages": ["..."], "answers": ["..."]}.
    """
    extra = {"labels": labels} if labels else {}
    train_model("Reader", gold.read_questions, given, strict, extra)


@train.command()
@_shared()
@_encoder("dgcnn", "bilstm")
@click.option("--prior", is_flag=True, default=None,
              help="Let the network see which triples of DATA a text may hold.")  # fmt: skip
@gold.encoding_option
def extractor(strict: bool, encoding: str, **given: Any) -> None:
    """Train an extractor of triples: subject, predicate and object.

    DATA are JSON lines such as {"text": "...", "spo_list": [{"subject": "...", "predicate": "...",
    "object": "..."}]}.
    """

    def read(paths: Sequence[str], progress: Any) -> Any:
        return gold.read_triples(paths, encoding, progress)

    train_model("Extractor", read, given, strict)


@train.command()
@_shared(batch_size=64, dropout=0.3)
@_encoder("bigru", "gru", "lstm", "bilstm", "dgcnn")
@_units
@click.option("--unit", type=click.Choice(["word", "character"]),
              help="What a token is.  [default: word]")  # fmt: skip
@click.option("--trainable-vectors", is_flag=True, default=None,
              help="Let the vectors move with the rest; slow if they are many.")  # fmt: skip
@click.option("--max-tokens", type=click.IntRange(1), metavar="N",
              help="Read the beginning and the end of longer texts.  [default: 256]")  # fmt: skip
@gold.labelled_options
@gold.encoding_option
def classifier(
    text_column: str | None, label_column: str | None, strict: bool, encoding: str, **given: Any
) -> None:
    """Train a classifier: a label for each text.

    DATA are TSV or CSV files with a column of labels and one of texts, JSON lines such as
    {"text": "...", "label": "..."}, or folders with a sub-folder of text files for each label.
    """

    def read(paths: Sequence[str], progress: Any) -> Any:
        return gold.read_texts_with_labels(
            paths, text_column, label_column, strict, encoding, progress
        )

    train_model("Classifier", read, given, strict)
