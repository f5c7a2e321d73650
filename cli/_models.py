"""What the commands of models share: Keras without its noise, texts in batches, lines out."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import _options as options
from .main import Failure

if TYPE_CHECKING:
    from textzero.corpus import Corpus, Reading
    from textzero.models import TextModel

_TEXTS, _CHARACTERS = 1024, 1 << 20  # of texts that are in memory at once
model_argument = click.argument("model", type=click.Path())
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object a text, with offsets."
)
batch_option = click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Texts that go through the network at once.",
)


def import_keras() -> None:
    """Import Keras and its backend, and make them silent.

    TensorFlow greets on stderr, below Python's: what it writes there is shown when it fails.

    Raises:
        Failure: Keras is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_kept() as written:
        try:
            import keras

            import textzero.models  # noqa: F401

            keras.ops.zeros(1)  # the devices are looked for now
        except ImportError as error:
            if error.name in ("keras", "tensorflow") or "textzero[models]" in str(error):
                message = "this command needs Keras and TensorFlow: pip install 'textzero[models]'"
                raise Failure(message, 1) from error
            sys.stderr.write(written())
            raise


@contextlib.contextmanager
def _stderr_kept() -> Iterator[Any]:
    """Send what is written to the file descriptor 2 elsewhere; yields what reads it back."""
    with tempfile.TemporaryFile() as elsewhere:

        def written() -> str:
            elsewhere.seek(0)
            return elsewhere.read().decode("utf-8", "replace")

        try:
            before = os.dup(2)
        except OSError:  # 2>&-
            yield written
            return
        try:
            os.dup2(elsewhere.fileno(), 2)
            yield written
        finally:
            os.dup2(before, 2)
            os.close(before)


def load(folder: str, *kinds: str) -> Any:
    """Load a model that is one of the classes named.

    Raises:
        InputError: The folder holds no model, or one of another class.
    """
    import_keras()
    from textzero.errors import InputError
    from textzero.models import load_model

    model: TextModel = load_model(folder)
    name = type(model).__name__
    if name not in kinds:
        raise InputError(f"{folder} must hold a {' or '.join(kinds)}, got a {name}")
    return model


def batches_of_texts(corpus: "Corpus", reading: "Reading") -> Iterator[list[str]]:
    """Yield the documents of a corpus, empty ones too, so many as memory should hold at once."""
    batch, size, waiting = list[str](), 0, list[str]()
    for split in corpus.splits():
        for text, ended in corpus.parts(split, reading):
            waiting.append(text)
            if not ended:
                continue
            batch.append("".join(waiting))
            waiting.clear()
            size += len(batch[-1])
            if len(batch) >= _TEXTS or size >= _CHARACTERS:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def corpus_or_stdin(corpus: tuple[str, ...], **reading: Any) -> "Corpus":
    """Make the corpus of the options; without paths it is standard input."""
    return options.make_corpus(corpus or ("-",), **reading)


def one_line(text: str) -> str:
    """Return a text on one line without tabs, for rows that people read."""
    return " ".join(text.split())


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output as they come."""
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def as_json(content: Any) -> str:
    """Return one line of JSON."""
    return json.dumps(content, ensure_ascii=False)


@contextlib.contextmanager
def stdin_as_file(path: str) -> Iterator[str]:
    """Yield the path; for - that of a file with all of standard input."""
    from textzero.errors import InputError

    if path != "-":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stdin"
        file.write_bytes(sys.stdin.buffer.read())
        try:
            yield str(file)
        except InputError as error:
            raise InputError(str(error).replace(str(file), "standard input")) from error
