"""Labels from the names of folders: which sub-folders have texts enough to be told apart."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textzero.corpus import Corpus
from textzero.demo.texts import text_files
from textzero.errors import InputError
from textzero.files import whole_file

_LEAST, _MOST = 60, 400  # texts of a label
_LABELS = 8
_SHORTEST, _LONGEST = 24, 2000  # characters of a text
_PARTS = (0, 2, 0, 0, 1, 0, 2, 0, 0, 0)  # of ten texts: to learn from, to stop by, held out
Pair = tuple[str, str]  # text, label


@dataclass(frozen=True)
class Labelled:
    """Texts with the names of their folders.

    Attributes:
        train: Texts to learn from, with labels.
        validation: Texts that decide when to stop.
        held_out: Texts to be judged by.
        about: What they are, in a sentence.
    """

    train: list[Pair]
    validation: list[Pair]
    held_out: list[Pair]
    about: str


def labels_of_folders(
    root: Path, own: Path, seed: int = 0, field: str | None = None
) -> Labelled | None:
    """Return texts of the sub-folders that have enough; None where fewer than two have.

    A text is a file where a sub-folder has many small ones, otherwise a line. Texts that stand in
    two sub-folders, or twice, are left out but for one.

    Args:
        root: The folder.
        own: The demo's output, which is no label.
        seed: Of the draw.
        field: Text field of JSON lines, or column of tables; None for text.
    """
    if not root.is_dir():
        return None
    folders = [f for f in sorted(root.iterdir()) if f.is_dir() and not f.name.startswith(".")]
    texts: dict[str, list[str]] = {}
    seen: set[str] = set()
    for folder in folders:
        if folder.resolve() == own.resolve() or not folder.name.strip():
            continue
        found = [text for text in _texts(folder, own, field) if text not in seen]
        seen.update(found)
        if len(found) >= _LEAST:
            texts[folder.name.strip()] = found
    if len(texts) < 2:
        return None
    chosen = sorted(texts, key=lambda name: (-len(texts[name]), name))[:_LABELS]
    draw = np.random.default_rng(seed)
    parts: tuple[list[Pair], list[Pair], list[Pair]] = ([], [], [])
    orders = {name: draw.permutation(len(texts[name]))[:_MOST].tolist() for name in sorted(chosen)}
    for place in range(_MOST):
        part = parts[_PARTS[place % len(_PARTS)]]
        for name, order in orders.items():
            if place < len(order):
                part.append((texts[name][order[place]], name))
    about = (
        f"{sum(map(len, parts)):,} texts of the {len(chosen)} sub-folders with most of them "
        f"(of {len(texts)} that have {_LEAST} or more), at most {_MOST} of each; every fifth is "
        "held out, every tenth decides when to stop."
    )
    return Labelled(*parts, about)


def _texts(folder: Path, own: Path, field: str | None) -> list[str]:
    """The different texts of a folder, in order."""
    try:
        paths, _, _ = text_files(folder, own, field)
    except InputError:  # no file in it
        return []
    if not paths:
        return []
    lines = Corpus(*paths, encoding="auto", on_error="skip", field=field)
    small = len(paths) >= _LEAST and lines.size / len(paths) < _LONGEST
    corpus = (
        Corpus(*paths, encoding="auto", on_error="skip", field=field, document="file")
        if small
        else lines
    )
    found: dict[str, None] = {}
    for text in corpus:
        plain = " ".join(text.split())
        if "\0" not in plain and len(plain) >= (_SHORTEST if plain.isascii() else _SHORTEST // 3):
            found[plain[:_LONGEST]] = None
    return list(found)


def write_labelled(pairs: list[Pair], path: Path) -> None:
    """Write pairs as a TSV file that `textzero train classifier` reads."""
    with whole_file(path) as file:
        rows = "".join(f"{label}\t{text}\n" for text, label in pairs)
        file.write(f"label\ttext\n{rows}".encode("utf-8", "replace"))
