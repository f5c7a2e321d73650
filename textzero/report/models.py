"""A trained model's sections: how it was trained, and what it does with labelled data or texts.

How it was trained is read from its folder, without Keras.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from textzero.errors import InputError
from textzero.packed import PackedStrings
from textzero.report.blocks import Section
from textzero.report.scripts import language_of
from textzero.report.training import ModelFolder, training_sections

_PARTS = {  # class -> its file here, and what reads its labelled data
    "Tagger": ("tagger", "conll", "read_conll"),
    "Classifier": ("classifier", "labelled", "read_labelled"),
    "Reader": ("reader", "reading", "read_questions"),
    "Extractor": ("extractor", "triples", "read_triples"),
}
_HEAD = 1 << 16  # characters of a list of tokens that are looked at


def is_model(folder: str | Path) -> bool:
    """Whether a folder holds a model that `textzero train` wrote."""
    try:
        return ModelFolder.open(folder).kind in _PARTS
    except InputError:
        return False


def model_kind(folder: str | Path) -> str:
    """Return "Tagger", "Reader", "Extractor" or "Classifier".

    Raises:
        InputError: The folder holds no model.
    """
    return ModelFolder.open(folder).kind


def model_language(folder: str | Path) -> str:
    """Guess the BCP 47 tag of the texts that a model reads, from its known tokens; or "und"."""
    for name in ("tokens.tsv", "words_0.tsv"):
        if (Path(folder) / name).is_file():
            with open(Path(folder) / name, encoding="utf-8", errors="replace") as file:
                lines = file.read(_HEAD).splitlines()
            words = [word for line in lines if (word := line.partition("\t")[0])]
            return language_of(PackedStrings.from_strings(words))
    return "und"


def model_sections(
    folder: str | Path,
    data: Any = None,
    texts: Iterable[str] | None = None,
    *,
    worst: int = 50,
    max_texts: int = 200,
    batch_size: int = 64,
    say: Callable[[str], None] = lambda _: None,
) -> list[Section]:
    """Return what there is to see of a model.

    Args:
        folder: What `textzero train` wrote.
        data: Labelled data of the kind that the model was trained on: files, or what `read_conll`,
            `read_labelled`, `read_questions` or `read_triples` returned. It is scored, and the
            worst cases shown. Needs Keras.
        texts: Texts without labels, of which a classifier says why it decides as it does; without
            them those of `data` are taken. Needs Keras.
        worst: At most so many of the worst cases are shown.
        max_texts: Saliency is worked out for so many texts: the first of `texts`, or of `data`
            some at equal steps.
        batch_size: Texts that go through the network at once.
        say: Told in a sentence what the data lack.

    Raises:
        ImportError: `data` or `texts` is given, and Keras is not installed.
        InputError: The folder holds no model, or the data have a fault.
        ValueError: `texts` is given, and the model is no classifier; or a number is below 1.
    """
    for name, value in (("worst", worst), ("max_texts", max_texts), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    files = ModelFolder.open(folder)
    if files.kind not in _PARTS:
        known = ", ".join(_PARTS)
        raise InputError(f"{folder}: the class must be one of {known}, got {files.kind!r:.60}")
    if texts is not None and files.kind != "Classifier":
        raise ValueError(f"texts without labels are for a classifier, got {files.kind}")
    sections = training_sections(files)
    if data is None and texts is None:
        return sections
    from textzero.models import load_model

    part, module, reader = _PARTS[files.kind]
    if data is not None:
        data = _read(data, getattr(import_module(f"textzero.models.{module}"), reader))
        for line in data.losses() if hasattr(data, "losses") else ():
            say(line)
    model = load_model(folder)
    made = import_module(f"textzero.report.{part}")
    more = {"texts": texts, "max_texts": max_texts} if files.kind == "Classifier" else {}
    return [
        *made.scored_sections(model, data, worst=worst, batch_size=batch_size, **more),
        *sections,
    ]


def _read(data: Any, reader: Callable[..., Any]) -> Any:
    """Labelled data: files are read, all else is taken as it is."""
    if isinstance(data, (str, Path)):
        return reader(data)
    given = list(data) if isinstance(data, (list, tuple)) else []
    if not given or not all(isinstance(one, (str, Path)) for one in given):
        return data
    return reader(given) if reader.__name__ == "read_conll" else reader(*given)
