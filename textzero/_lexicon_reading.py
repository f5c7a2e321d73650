"""What the file of a lexicon holds, and other files that hold words: read, and refused."""

import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.corpus.compression import decompression_errors
from textzero.corpus.sources import describe, open_text_bytes
from textzero.errors import InputError
from textzero.files import refuse_device, refuse_pickle
from textzero.kernels.reference.segment import LIMIT, UNITS

COLUMNS = ("word", "count", "log_probability")
UNFIT = re.compile(r"[\0-\x1f\x7f\ud800-\udfff]")  # control characters and lone surrogates
DEFAULTS = {"unit": "character", "lowercase": False, "nfkc": False}
_LOOKED_AT = 1000  # lines that tell what a file is
_LONGEST = 500  # characters; few names of laws have more
_SPACES, _CHARACTERS = 16, 16  # titles and proverbs that end with a stop have fewer
_SURELY = 10  # sentences, of which a list of words has so many only if it is long
_WIDE_STOP = re.compile("[。！？]")
_STOP = r"[.!?]['\"”’)\]]*"
_ENDS = re.compile(rf"{_STOP}$")
_GOES_ON = re.compile(rf"\w{{3}}{_STOP} +['\"“‘(\[]?[^\W\d_a-z]|(^| )[.!?]( |$)")


@dataclass(frozen=True)
class Rows:
    """The rows of a lexicon's file, those of dropped words behind the others.

    Attributes:
        words: The words.
        counts: int64 (n,).
        log_probabilities: float64 (n,).
        scores: Further columns, name -> float64 (n,).
        reasons: Why a word was dropped; "" of the others.
        kept: How many were not.
        settings: Those of the file.
    """

    words: list[str]
    counts: Array
    log_probabilities: Array
    scores: dict[str, Array]
    reasons: list[str]
    kept: int
    settings: Mapping[str, Any]


def text_of(path: str) -> str | None:
    """Return the text of a file of words; None of one that is a table of counts by its format.

    Raises:
        InputError: The file cannot be read, or holds no text.
    """
    refuse_device(path)
    try:
        with open(path, "rb") as file:
            begin = file.read(64)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    refuse_pickle(path, begin)
    source = describe(path, 0, begin, "auto")
    if source.format in ("parquet", "jsonl"):
        return None
    try:
        with open_text_bytes(source) as stream:
            data = stream.read().removeprefix(BOM_UTF8)
    except decompression_errors() as error:
        raise InputError(f"{path} is cut or corrupt: {error}") from error
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line} is not UTF-8: {error.reason}") from error
    if text.startswith('{"'):
        raise InputError(f"{path} looks like JSON lines: give it the suffix .jsonl")
    return text


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ValueError when a setting that decides how text is compared has no such value."""
    if settings["unit"] not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {settings['unit']!r}")
    for name in ("lowercase", "nfkc"):
        if not isinstance(settings[name], bool):
            raise ValueError(f"{name} must be true or false, got {settings[name]!r}")


def loose_rows(path: str, lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield (word, count) of jieba's "word [count] [tag]", or of words alone, which get 1 each.

    A file is jieba's when of the first thousand lines those with a space have a count or a tag:
    half of them if some have both, else nine of ten ("windows 95" may be a name). jieba's own
    dictionary has words twice: as there, the last row counts.

    Raises:
        InputError: It is a text, or a line is neither.
    """
    held = ((n, line.strip(" ")) for n, line in enumerate(lines, 1) if line.strip(" "))
    first = list(islice(held, _LOOKED_AT))
    _refuse_sentences(path, first)
    frequency = re.compile(r"\S.* [0-9]+( [A-Za-z]+)?|[^ ]*[^ -~][^ ]* [a-z]{1,4}")
    several = [line for _, line in first if " " in line]
    with_count = [match for line in several if (match := frequency.fullmatch(line))]
    least = 0.5 if any(match[1] for match in with_count) else 0.9
    counted = several and len(with_count) >= least * len(several)
    row = re.compile(r"(\S.*?) ([0-9]{1,18})(?: [^ ]*)?|([^ ]*[^ -~][^ ]*) [a-z]{1,4}|([^ ]+)")
    for number, line in enumerate(lines, 1):
        word, count = line.strip(" "), 1
        if not word:
            continue
        if counted:
            match = row.fullmatch(word)
            if not match:
                raise InputError(f'{path}:{number}: expected "word count tag", got {line[:60]!r}')
            word, count = match[1] or match[3] or match[4], int(match[2] or 1)
        if UNFIT.search(word):
            raise InputError(f"{path}:{number}: {word[:60]!r} has a control character")
        yield word, count


def _refuse_sentences(path: str, lines: list[tuple[int, str]]) -> None:
    """Raise InputError when many numbered lines, comments aside, can be no word or phrase.

    Many are one of ten; of few lines, three of ten.
    """
    found = [(n, line) for n, line in lines if not line.startswith("#") and _is_sentence(line)]
    least = 0.1 if len(found) >= _SURELY else 0.3
    if not found or len(found) < max(min(2, len(lines)), least * len(lines)):
        return
    number, line = found[0]
    raise InputError(
        f"{path} must have one word or phrase a line, got a text: {len(found):,} of its first "
        f"{len(lines):,} lines hold sentences, such as line {number}, {line[:30]!r}; "
        "`textzero discover` finds the words of a text"
    )


def _is_sentence(line: str) -> bool:
    """Whether it is no name, title or proverb: it ends with a stop and is long, or goes on."""
    spaces, long = line.count(" "), len(line) > _CHARACTERS
    return (
        len(line) > _LONGEST
        or (long and _WIDE_STOP.search(line) is not None)
        or (spaces >= _SPACES and _ENDS.search(line) is not None)
        or (spaces >= _SPACES // 2 and _GOES_ON.search(line) is not None)
    )


def saved_rows(path: str, text: str) -> Rows:
    """Read what `Lexicon.save` wrote.

    Raises:
        InputError: It is cut, or another program has written something else into it.
    """
    head, _, rest = text.partition("\n")
    try:
        settings = json.loads(head[2:])
        check_settings({**DEFAULTS, **settings})
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}:1: expected settings as JSON: {error}") from error
    names, _, body = rest.partition("\n")
    columns = names.split("\t")
    framed = (*columns[:3], columns[-1]) == (*COLUMNS, "reason")
    if not framed or len(set(columns)) < len(columns):
        raise InputError(
            f"{path}:2: expected the columns word, count, log_probability, ..., reason, "
            f"got {names[:60]!r}"
        )
    if body and not body.endswith("\n"):
        raise InputError(f"{path}: the last line has no end; the file is cut")
    rows = body.split("\n")[:-1]
    try:
        if {row.count("\t") for row in rows} - {len(columns) - 1}:
            raise ValueError
        fields = body.replace("\n", "\t").split("\t")[:-1]  # a list a row would cost a second
        held = [fields[k :: len(columns)] for k in range(len(columns))]
        words, counts = held[0], _counts(held[1])
        numbers = [_numbers(column) for column in held[2:-1]]
        kept = np.array([not reason for reason in held[-1]], bool)
        sound = all(words) and not (counts < 0).any() and len(set(words)) == len(words)
        sound = sound and not UNFIT.search("".join(words))
        outside = ~(np.abs(numbers[0]) <= LIMIT)  # NaN too, which a dropped word may have
        if not sound or (outside & (kept | ~np.isnan(numbers[0]))).any():
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise _bad_row(path, rows, len(columns)) from error
    n = int(kept.sum())
    if not kept[:n].all():
        line = int(np.argmin(kept)) + 3
        raise InputError(f"{path}:{line}: dropped words must follow all others")

    scores = dict(zip(columns[3:-1], numbers[1:], strict=True))
    return Rows(words, counts, numbers[0], scores, held[-1], n, settings)


def _counts(column: Sequence[str]) -> Array:
    if not all(map(str.isascii, column)) or not all(map(str.isdigit, column)):
        raise ValueError
    return np.array(list(map(int, column)), np.int64)


def _numbers(column: Sequence[str]) -> Array:
    text = "".join(column)
    if not text.isascii() or "_" in text:  # which Python's numbers may have
        raise ValueError
    return np.array([float(number) if number else math.nan for number in column], np.float64)


def _bad_row(path: str, rows: list[str], width: int) -> InputError:
    """Say which row is wrong, and how."""
    seen: set[str] = set()
    for line, row in enumerate((row.split("\t") for row in rows), 3):
        shown = f"{path}:{line}"
        if len(row) != width:
            return InputError(f"{shown}: expected {width} columns, got {len(row)}")
        word, count, log, *scores, reason = row
        if not word or UNFIT.search(word):
            return InputError(f"{shown}: {word!r} is empty or has a control character")
        if word in seen:
            return InputError(f"{shown}: {word!r} is there twice")
        seen.add(word)
        try:
            if _counts([count])[0] < 0:
                raise ValueError
        except (ValueError, OverflowError):
            return InputError(f"{shown}: a count must be a whole number, got {count[:60]!r}")
        try:
            values = _numbers([log, *scores])
        except ValueError:
            return InputError(f"{shown}: expected numbers, got {log[:20]!r} and {scores!r:.60}")
        if not (abs(values[0]) <= LIMIT or (reason and math.isnan(values[0]))):
            return InputError(
                f"{shown}: log_probability must be between {-LIMIT} and {LIMIT}, got {log!r}"
            )
    return InputError(f"{path} is no lexicon")
