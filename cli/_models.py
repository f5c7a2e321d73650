"""What the commands of models share: Keras without its noise and within --memory, texts in batches.

What is in memory at once does not depend on --memory, so that neither does what is printed.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import _options as options
from ._progress import Bars, make_progress
from .main import Failure

if TYPE_CHECKING:
    from textzero.corpus import Corpus, Reading
    from textzero.models import TextModel
    from textzero.progress import Progress

_TEXTS, _CHARACTERS = 1024, 1 << 18  # of texts that are in memory at once
_KERAS = 900 << 20  # bytes that Python, Keras and TensorFlow take, the first call included
_CHARACTER = 500  # bytes that a character of a text takes while it is read, about
_SPARE = 100 << 20  # bytes for the texts of a batch
_KINDS = ("Tagger", "Reader", "Extractor", "Classifier")
_LABELLED = 50  # bytes that a byte of labelled data takes, once it is encoded, at most
_PACKED = 5  # bytes of text in a compressed byte
model_argument = click.argument("model", type=click.Path())
json_option = click.option(
    "--json", is_flag=True, help="Write one JSON object a text, with offsets."
)
batch_option = click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Texts that go through the network at once.",
)


def import_keras(memory: str | None = None) -> int:
    """Import Keras and its backend, and make them silent.

    TensorFlow greets on stderr, below Python's: what it writes there is shown when it fails.

    Args:
        memory: The option --memory.

    Returns:
        Bytes of it that Keras leaves.

    Raises:
        Failure: Keras is not installed.
        BadParameter: `memory` is too little for Keras alone.
    """
    from textzero.memory import memory_bytes

    room = memory_bytes(memory) - _KERAS
    if memory is None:
        room = max(room, _SPARE)
    if room < _SPARE:
        raise click.BadParameter(
            f"Keras and TensorFlow need --memory {_megabytes(_KERAS + _SPARE)}, got {memory!r}"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    bars = make_progress(click.get_current_context().params.get("quiet", False))
    with _stderr_kept(bars) as written, bars.stage("Keras", 0, ""):
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
    return room


def _megabytes(size: int) -> str:
    return f"{-(-size // (1 << 20))}MB"


def refuse_large(needed: int, room: int, what: str) -> None:
    """Raise ResourceError when what is to be in memory is more than there is room for.

    Args:
        needed: Bytes, about.
        room: Bytes that Keras leaves of --memory.
        what: What needs them.
    """
    from textzero.errors import ResourceError

    if needed > room:
        raise ResourceError(
            f"{what} would take about {_megabytes(needed)} of memory beside Keras; "
            f"give --memory {_megabytes(needed + _KERAS)} or more"
        )


@contextlib.contextmanager
def _stderr_kept(bars: "Progress") -> Iterator[Any]:
    """Send what is written to the file descriptor 2 elsewhere, but for bars.

    Yields what reads it back.
    """
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
            with open(before, "w", closefd=False) as terminal:
                if isinstance(bars, Bars):
                    bars.terminal = terminal
                yield written
        finally:
            os.dup2(before, 2)
            os.close(before)


def refuse_large_data(paths: Iterable[str], room: int, more: int = 0) -> None:
    """Raise ResourceError when labelled data, all of which is held, would not fit into memory.

    Args:
        paths: Its files and folders; what lies elsewhere is not known beforehand.
        room: Bytes that are left of --memory.
        more: Bytes that are needed beside the data.
    """
    size = 0
    for path in map(Path, paths):
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file():
                packed = file.suffix in (".gz", ".bz2", ".xz", ".zst")
                size += file.stat().st_size * (_PACKED if packed else 1)
    refuse_large(_LABELLED * size + more, room, "the labelled data")


def load(folder: str, *kinds: str, memory: str | None = None) -> tuple[Any, int]:
    """Load a model that is one of the classes named.

    Returns:
        The model, and the bytes of --memory that are left for texts.

    Raises:
        InputError: The folder holds no model, or one of another class.
        ResourceError: The model does not fit into --memory.
    """
    from textzero._compat import has_package

    if has_package("keras"):  # which takes seconds to come
        _refuse_other_models(Path(folder), kinds)
    room = import_keras(memory)
    from textzero.models import load_model

    needed = _size_of_model(Path(folder))
    refuse_large(needed + _SPARE, room, f"the model in {folder}")
    model: TextModel = load_model(folder)
    return model, room - needed


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _refuse_other_models(folder: Path, kinds: tuple[str, ...]) -> None:
    """Say what a path holds instead of such a model, before Keras takes its time to come."""
    from textzero.errors import InputError
    from textzero.files import read_json
    from textzero.near import inside, near_path

    if folder.is_dir() and (folder / "config.json").exists():
        name = read_json(folder / "config.json").get("class")
        if name in kinds or name not in _KINDS:
            return
        *others, last = map(_a, kinds)
        wanted = f"{', '.join(others)} or {last}" if others else last
        raise InputError(f"{folder} must hold {wanted}, got {_a(name)}")
    what = "and it is not there" if not folder.exists() else "got a file"
    if folder.is_dir():
        vectors = (folder / "vectors.safetensors").exists()
        what = "got vectors; train one from them first" if vectors else "and has no config.json"
    near = None if folder.exists() else near_path(str(folder))
    hint = f"; did you mean {near}?" if near is not None else inside(folder, "config.json")
    raise InputError(f"{folder} must be a model that `textzero train` wrote, {what}{hint}")


def _size_of_model(folder: Path) -> int:
    """Bytes that a model takes while it is loaded, about: weights thrice, words as objects."""
    try:
        sizes = {path.suffix: 0 for path in folder.iterdir()}
        for path in folder.iterdir():
            sizes[path.suffix] += path.stat().st_size
    except OSError:  # told by who loads it
        return 0
    return 3 * sizes.get(".safetensors", 0) + 30 * sizes.get(".tsv", 0)


def batches_of_texts(
    corpus: "Corpus",
    reading: "Reading",
    room: int,
    progress: "Progress | None" = None,
) -> Iterator[list[str]]:
    """Yield the documents of a corpus, empty ones too, so many as memory should hold at once.

    Args:
        corpus: The corpus.
        reading: Told what was read.
        room: Bytes of --memory that are left for texts.
        progress: Told how many bytes were read, once what was made of them is done.

    Raises:
        ResourceError: A document is so long that its tokens would not fit.
    """
    if progress is None:
        yield from _batches(corpus, reading, room)
        return
    done = reading.bytes
    with progress.stage(str(click.get_current_context().info_name), corpus.size):
        for batch in _batches(corpus, reading, room):
            yield batch
            progress.advance(reading.bytes - done)
            done = reading.bytes


def _batches(corpus: "Corpus", reading: "Reading", room: int) -> Iterator[list[str]]:
    batch, size, waiting = list[str](), 0, list[str]()
    most = max(_CHARACTERS, room // _CHARACTER)
    for split in corpus.splits():
        number = length = 0
        for text, ended in corpus.parts(split, reading):
            length += len(text)
            if length <= most:
                waiting.append(text)
            if not ended:
                continue
            if length > most:
                what = f"{corpus.place(split, number)}: a text of {length:,} characters"
                refuse_large(_CHARACTER * length, room, what)
            batch.append("".join(waiting))
            waiting.clear()
            size += length
            number, length = number + 1, 0
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
