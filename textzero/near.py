"""What somebody meant who wrote a name that is not there: the nearest of those that are."""

import os
import unicodedata
from collections.abc import Iterable
from itertools import islice, pairwise

_MOST = 500_000  # names that are compared; more would take longer than a person waits


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that `name` may be a slip of, or None.

    Letter case, full width and white space aside, a slip is a letter too many, too few or wrong,
    or two that changed places (Damerau 1964): one in short names, two from five letters on, three
    from twelve on. Of equally near names one of the same letters counts first, then the first
    given, so give frequent ones first.

    Args:
        name: What was written.
        names: What there is; the first 500,000 are looked at.

    >>> nearest("recieve", ["relieve", "receive"])
    'receive'
    """
    held = list(islice(names, _MOST))
    folded = _folded(name)
    slips = min(1 + (len(folded) > 4) + (len(folded) > 11), len(folded) - 1)
    if slips < 1:
        return next((other for other in held if _folded(other) == folded), None)
    # What is near shares one of these with `name`: a slip, or two letters that changed places,
    # touches at most two of them.
    parts = _cut(folded, 2 * slips + 1)
    letters = sorted(folded)
    best, same, found = slips + 1, True, None  # same: found has the same letters
    for other in held:
        if not -slips <= len(other) - len(folded) <= slips:
            continue
        folded_other = other if other.islower() else _folded(other)
        if not any(part in folded_other for part in parts):
            continue
        distance = _distance(folded, folded_other, best - same)
        if 5 * distance > 2 * max(len(folded), len(other)):
            continue
        moved = sorted(folded_other) == letters
        if distance < best or (distance == best and moved and not same):
            best, same, found = distance, moved, other
            if not best:
                break
    return found


def did_you_mean(name: str, names: Iterable[str], prefix: str = "") -> str:
    """Return ": did you mean 'x'?" with the nearest of some names, or "".

    Args:
        name: What was written.
        names: What there is.
        prefix: What all begin with, which makes none of them nearer.

    >>> "no such option --min-cuont" + did_you_mean("--min-cuont", ["--min-count"])
    "no such option --min-cuont: did you mean '--min-count'?"
    """
    if prefix:
        whole = {other.removeprefix(prefix): other for other in names}
        near = nearest(name.removeprefix(prefix), whole)
        near = None if near is None else whole[near]
    else:
        near = nearest(name, names)
    return "" if near is None else f": did you mean {near!r}?"


def near_path(path: str) -> str | None:
    """Return a path that is there and whose last missing part is spelt nearly alike, or None."""
    folder, name = os.path.split(path.rstrip("/" + os.sep))
    if not name:
        return None
    if not os.path.isdir(folder or "."):
        above = near_path(folder)
        corrected = None if above is None else os.path.join(above, name)
        return corrected if corrected is not None and os.path.exists(corrected) else above
    try:
        others = sorted(os.listdir(folder or "."))
    except OSError:
        return None
    near = nearest(name, (other for other in others if other != name))
    if near is None:  # counts for counts.tsv, or counts.txt
        stem = os.path.splitext(name)[0]
        near = next((other for other in others if os.path.splitext(other)[0] == stem), None)
    return None if near is None else os.path.join(folder, near)


def inside(folder: str | os.PathLike[str], name: str) -> str:
    """Return "; did you mean FOLDER/SUB?" with the folders in a folder that hold a file, or ""."""
    try:
        others = sorted(os.listdir(folder))
    except OSError:
        return ""
    paths = [os.path.join(folder, other) for other in others]
    found = [path for path in paths if os.path.isfile(os.path.join(path, name))]
    return f"; did you mean {' or '.join(found[:3])}?" if found else ""


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _cut(name: str, parts: int) -> list[str]:
    """A name in parts of about equal length; empty ones, which are in every name, included."""
    places = [len(name) * i // parts for i in range(parts + 1)]
    return [name[a:b] for a, b in pairwise(places)]


def _distance(a: str, b: str, most: int) -> int:
    """Slips between two names, each letter in one at most; more than `most` is `most` + 1."""
    before, row = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            slips = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                slips = min(slips, older[j - 2] + 1)
            row.append(slips)
        if min(row) > most and min(before) > most:
            return most + 1
    return row[-1]
