"""What several sections draw of words with counts: curves, lengths, how much is shown."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.packed import PackedStrings
from textzero.report.blocks import Bars, Cell, Chart, Line

_POINTS = 200
_LONGEST = 20  # characters; longer words are one bar
_BLOCK = 1 << 16


def shown_of(shown: int, total: int, what: str, how: str = "most frequent") -> str:
    """Say how many of something are shown.

    >>> shown_of(50, 126, "words"), shown_of(7, 7, "words")
    ('The 50 most frequent of 126 words.', 'All 7 words.')
    """
    if shown < total:
        return f"The {shown:,} {how} of {total:,} {what}."
    return f"All {total:,} {what}."


def curve_places(n: int, points: int = _POINTS) -> Array:
    """int64: places from 0 to n - 1, the first and the last among them, in equal steps of log rank.

    >>> curve_places(4).tolist()
    [0, 1, 2, 3]
    """
    if n < 1:
        return np.zeros(0, np.int64)
    return np.unique(np.rint(np.geomspace(1, n, points)).astype(np.int64)) - 1


def running_shares(counts: Array, total: int) -> Array:
    """float64 (n,): the share of `total` that the first 1, 2, ... counts make."""
    return np.cumsum(counts, dtype=np.float64) / max(total, 1)


def coverage_chart(counts: Array, total: int, name: str, what: str = "tokens") -> Chart:
    """Draw which share of `total` the k most frequent words make.

    Args:
        counts: int64 (n,), falling.
        total: What all make.
        name: Of the picture's file.
        what: What is counted.
    """
    places = curve_places(len(counts))
    shares = running_shares(counts, total)[places]
    line = Line(f"share of {what}", places + 1, shares)
    return Chart([line], "most frequent words", f"share of {what} covered", x_log=True, name=name)


def lengths_of(words: PackedStrings) -> Array:
    """int64 (n,): how many characters each word has."""
    lengths = np.zeros(len(words), np.int64)
    for start in range(0, len(words), _BLOCK):
        part = words[start : start + _BLOCK]
        first, last = int(part.offsets[0]), int(part.offsets[-1])
        begins = (np.asarray(part.text[first:last]) & 0xC0) != 0x80  # of a character in UTF-8
        sums = np.concatenate([[0], np.cumsum(begins)])
        lengths[start : start + len(part)] = np.diff(sums[np.asarray(part.offsets) - first])
    return lengths


def length_chart(lengths: Array, counts: Array, name: str) -> Chart:
    """Draw the share of words, and of tokens, of each length; the last point holds all longer."""
    most = int(min(max(lengths.max(initial=1), 2), _LONGEST))
    held = np.minimum(lengths, most)
    words = np.bincount(held, minlength=most + 1)[1:]
    tokens = np.bincount(held, weights=counts.astype(np.float64), minlength=most + 1)[1:]
    x = np.arange(1, most + 1)
    longer = " or more" if int(lengths.max(initial=1)) > most else ""
    lines = [
        Line("of the words", x, words / max(words.sum(), 1)),
        Line("of the tokens", x, tokens / max(tokens.sum(), 1)),
    ]
    return Chart(lines, f"characters (1 to {most}{longer})", "share", name=name)


def top_bars(
    labels: Sequence[str], values: Array, x_label: str, name: str, most: int = 20
) -> tuple[Bars, int]:
    """Draw the largest values as bars, largest first; also return how many there are."""
    order = np.lexsort((np.arange(len(values)), -np.asarray(values)))
    order = order[np.asarray(values)[order] > 0]
    top = order[:most].tolist()
    return Bars([labels[i] for i in top], np.asarray(values)[top], x_label, name), order.size


def settings_facts(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Cell]:
    """Return settings by the names that people read; of a file its name, without the folder.

    Args:
        settings: What a file tells; values that are no text, number or truth are passed over.
        names: Key of a setting -> what it is called.
    """
    facts: dict[str, Cell] = {}
    for key, name in names.items():
        value = settings.get(key)
        if isinstance(value, bool):
            facts[name] = "yes" if value else "no"
        elif isinstance(value, str):
            facts[name] = PurePath(value).name
        elif isinstance(value, int | float):
            facts[name] = value
    return facts
