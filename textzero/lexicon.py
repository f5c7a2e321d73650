"""Lexicon: words with counts and probabilities, and the file that holds them.

The file is tab-separated text: `# ` and the settings as JSON, a line of column names, a row a word.
Words that were considered and dropped follow, each with the reason. Counts, jieba's dictionaries
and plain lists of words are read too.
"""

import hashlib
import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._compat import Array
from textzero._frames import Tabular, batch_of, short, words_column
from textzero.corpus import Reading
from textzero.corpus.compression import decompression_errors
from textzero.corpus.sources import describe, open_text_bytes
from textzero.counts import read_rows
from textzero.errors import InputError
from textzero.files import refuse_device, refuse_pickle, whole_file
from textzero.kernels.reference.segment import LIMIT, UNITS
from textzero.packed import PackedStrings

if TYPE_CHECKING:
    import pyarrow

_COLUMNS = ("word", "count", "log_probability")
_UNFIT = re.compile(r"[\0-\x1f\x7f\ud800-\udfff]")  # control characters and lone surrogates
_DEFAULTS = {"unit": "character", "lowercase": False, "nfkc": False}
_DECIMALS = 7  # of log-probabilities, in the file and in memory
_ROWS = 1 << 14


class Lexicon(Tabular, Mapping[str, int]):
    """Words with their counts: what a `Segmenter` cuts text into.

    Attributes:
        words: The words.
        counts: int64 (n,).
        log_probabilities: float64 (n,). Natural logarithms, to seven decimals.
        scores: Further columns, name -> float64 (n,); NaN where there is no value.
        reasons: Of a table of dropped words: why each one was dropped; else empty.
        dropped: The words that were considered and dropped, as a Lexicon of its own; None without.
        reading: What was read and lost while the words were found.
        settings: How the lexicon was made, as JSON; "unit", "lowercase" and "nfkc" decide how text
            is compared with its words (see `Segmenter`).
    """

    def __init__(
        self,
        words: PackedStrings | Sequence[str],
        counts: Array | Sequence[int],
        log_probabilities: Array | None = None,
        scores: Mapping[str, Array] | None = None,
        *,
        dropped: "Lexicon | None" = None,
        reasons: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Hold a table.

        Without `log_probabilities` a word's is ln(count / sum of counts), a count of 0 taken as a
        half.

        Raises:
            ValueError: A column has another length, a logarithm is not between -400 and 400, or a
                setting has no such value.
        """
        if not isinstance(words, PackedStrings):
            words = PackedStrings.from_strings(words)
        self.words, self.counts = words, whole_numbers(counts)
        if log_probabilities is None:
            total = max(float(self.counts.sum(dtype=np.float64)), 1.0)
            log_probabilities = np.log(np.maximum(self.counts, 0.5) / total)
        logs = np.asarray(log_probabilities, np.float64)
        self.log_probabilities = np.round(logs, _DECIMALS) + 0.0  # no -0
        self.scores = {name: np.asarray(c, np.float64) for name, c in (scores or {}).items()}
        self.dropped = dropped
        self.reasons = reasons if isinstance(reasons, PackedStrings) else list(reasons)
        self.reading = Reading()
        self.settings: dict[str, Any] = {**_DEFAULTS, **(settings or {})}
        self._places: dict[str, int] | None = None
        self._check()

    def _check(self) -> None:
        columns = {"counts": self.counts, "log_probabilities": self.log_probabilities}
        for name, column in {**columns, **self.scores}.items():
            if column.shape != (len(self.words),):
                raise ValueError(
                    f"{name} must have one value for each of {len(self.words):,} words, "
                    f"got shape {column.shape}"
                )
        if self.reasons and len(self.reasons) != len(self.words):
            raise ValueError(
                f"reasons must be one for each of {len(self.words):,} words, "
                f"got {len(self.reasons):,}"
            )
        for name in self.scores:
            if name in (*_COLUMNS, "reason") or not name or _UNFIT.search(name):
                raise ValueError(f"a column of scores must have a name of its own, got {name!r}")
        logs = self.log_probabilities
        outside = ~(np.abs(logs) <= LIMIT) & ~(np.isnan(logs) & bool(self.reasons))
        if outside.any():
            raise ValueError(
                f"log_probabilities must be between {-LIMIT} and {LIMIT}, "
                f"got {logs[outside][0]} for {self.words[int(np.argmax(outside))]!r}"
            )
        check_settings(self.settings)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], **settings: Any) -> "Lexicon":
        """Make a lexicon of any mapping word -> count, such as `Counts`.

        >>> Lexicon.from_counts({"北京": 3, "大学": 1})["北京"]
        3
        """
        if not isinstance(counts, Mapping):
            raise TypeError(f"counts must be a mapping word -> count, got {type(counts).__name__}")
        if any(" " in word for word in counts):
            settings = {"unit": "word", **settings}
        return cls(list(counts), list(counts.values()), settings=settings)

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> int:
        if self._places is None:
            self._places = {w: i for i, w in enumerate(self.words)}
        return int(self.counts[self._places[word]])

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{short(w)!r}: {n}" for w, n in zip(self.words[:5], self.counts[:5], strict=True)
        )
        return f"Lexicon({{{shown}{', ...' if len(self) > 5 else ''}}}, {len(self):,} words)"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        columns = {"word": words_column(self.words), "count": self.counts}
        columns |= {"log_probability": self.log_probabilities, **self.scores}
        yield batch_of(columns | ({"reason": list(self.reasons)} if self.reasons else {}))

    def digest(self) -> str:
        """Return a BLAKE2b digest of all that decides how text is segmented, in hexadecimal."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(json.dumps({k: self.settings[k] for k in _DEFAULTS}, sort_keys=True).encode())
        logs = self.log_probabilities.astype("<f8").tobytes()
        for part in ("\n".join(self.words).encode(), logs):
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the table, whole or not at all.

        Raises:
            InputError: A word is empty or holds a control character.
            ResourceError: The disk is full or the folder cannot be written.
        """
        with whole_file(path) as file:
            for block in self.formatted():
                file.write(block)

    def formatted(self) -> Iterator[bytes]:
        """Yield the file, block by block.

        Raises:
            InputError: A word is empty or holds a control character.
        """
        settings = json.dumps(self.settings, ensure_ascii=False, sort_keys=True, allow_nan=False)
        yield f"# {settings}\n".encode()
        yield "\t".join([*_COLUMNS, *self.scores, "reason"]).encode() + b"\n"
        yield from self._rows(list(self.scores))
        if self.dropped is not None:
            yield from self.dropped._rows(list(self.scores))

    def _rows(self, scores: list[str]) -> Iterator[bytes]:
        """Yield the rows; a word without a reason has an empty one."""
        none = np.full(len(self), np.nan)
        columns = [self.scores.get(name, none) for name in scores]
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            words = list(self.words[part])
            reasons = list(self.reasons[part]) or [""] * len(words)
            _refuse_unfit(words, reasons)
            logs = [f"{v:.{_DECIMALS}f}" for v in self.log_probabilities[part].tolist()]
            rows = zip(
                *(words, map(str, self.counts[part].tolist()), _without_nan(logs)),
                *(_without_nan([f"{v:.6g}" for v in c[part].tolist()]) for c in columns),
                reasons,
                strict=True,
            )
            yield ("\n".join(map("\t".join, rows)) + "\n").encode()

    @classmethod
    def load(cls, path: str | Path) -> "Lexicon":
        """Read what `save` wrote; or counts, jieba's dictionary, or a list of words, one a line.

        Counts may be TSV, JSON lines, Parquet or a GloVe vocabulary. Files without settings get
        the unit "word" when a word holds a space, else "character".

        Raises:
            InputError: The file cannot be read or is none of these; the message names the line.
        """
        path = str(path)
        refuse_device(path)
        try:
            with open(path, "rb") as file:
                begin = file.read(64)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        refuse_pickle(path, begin)
        source = describe(path, 0, begin, "auto")
        if source.format in ("parquet", "jsonl"):
            return Lexicon.from_counts({word: count for word, count, _ in read_rows(path)})
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
        if text.startswith("# {"):
            return _parse(path, text)
        head = text.split("\n", 1)[0]
        if head.startswith('{"'):
            raise InputError(f"{path} looks like JSON lines: give it the suffix .jsonl")
        if "\t" in head:
            return Lexicon.from_counts({word: count for word, count, _ in read_rows(path)})
        return Lexicon.from_counts(dict(_loose_rows(path, text.split("\n"))))


def is_lexicon(path: str | Path) -> bool:
    """Whether a file is a lexicon that `Lexicon.save` wrote."""
    try:
        with open(path, "rb") as file:
            return file.read(3) == b"# {"
    except OSError:
        return False


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ValueError when a setting that decides how text is compared has no such value."""
    if settings["unit"] not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {settings['unit']!r}")
    for name in ("lowercase", "nfkc"):
        if not isinstance(settings[name], bool):
            raise ValueError(f"{name} must be true or false, got {settings[name]!r}")


def _refuse_unfit(words: list[str], reasons: list[str]) -> None:
    for string in (*words, *reasons):
        if _UNFIT.search(string):
            raise InputError(f"a lexicon cannot hold {string!r}: it has a control character")
    if not all(words):
        raise InputError("a lexicon cannot hold an empty word")


def whole_numbers(counts: Array | Sequence[int]) -> Array:
    """Return counts as int64, or raise ValueError."""
    given = np.asarray(counts)
    if not given.size:
        return np.zeros(0, np.int64)
    whole = given.dtype.kind in "iu" or (given.dtype.kind == "f" and (given % 1 == 0).all())
    if not whole or (given < 0).any() or (given >= 2**63).any():
        raise ValueError("counts must be whole numbers from 0 to 2^63 - 1, got others")
    return given.astype(np.int64, copy=not isinstance(counts, np.memmap))  # mapped: stays on disk


def _without_nan(numbers: list[str]) -> list[str]:
    return ["" if number == "nan" else number for number in numbers]


def _loose_rows(path: str, lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield (word, count) of jieba's "word [count [tag]]", or of words alone, which get 1 each.

    A file is jieba's when one of its first thousand lines has a count.

    jieba's own dictionary has words twice: as there, the last row counts.
    """
    frequency = re.compile(r"\S.* [0-9]+( [A-Za-z]+)?")
    counted = any(frequency.fullmatch(line) for line in lines[:1000])
    row = re.compile(r"(\S.*?) ([0-9]{1,18})(?: [^ ]*)?|([^ ]+)")
    for number, line in enumerate(lines, 1):
        word, count = line.strip(" "), 1
        if not word:
            continue
        if counted:
            match = row.fullmatch(word)
            if not match:
                raise InputError(f'{path}:{number}: expected "word count tag", got {line[:60]!r}')
            word, count = match[1] or match[3], int(match[2] or 1)
        if _UNFIT.search(word):
            raise InputError(f"{path}:{number}: {word[:60]!r} has a control character")
        yield word, count


def _parse(path: str, text: str) -> Lexicon:
    """Read the format of `save`."""
    head, _, rest = text.partition("\n")
    try:
        settings = json.loads(head[2:])
        check_settings({**_DEFAULTS, **settings})
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}:1: expected settings as JSON: {error}") from error
    names, _, body = rest.partition("\n")
    columns = names.split("\t")
    framed = (*columns[:3], columns[-1]) == (*_COLUMNS, "reason")
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
        sound = sound and not _UNFIT.search("".join(words))
        outside = ~(np.abs(numbers[0]) <= LIMIT)  # NaN too, which a dropped word may have
        if not sound or (outside & (kept | ~np.isnan(numbers[0]))).any():
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise _bad_row(path, rows, len(columns)) from error
    n = int(kept.sum())
    if not kept[:n].all():
        line = int(np.argmin(kept)) + 3
        raise InputError(f"{path}:{line}: dropped words must follow all others")

    def table(part: slice, **more: Any) -> Lexicon:
        scores = {name: c[part] for name, c in zip(columns[3:-1], numbers[1:], strict=True)}
        return Lexicon(
            words[part], counts[part], numbers[0][part], scores, settings=settings, **more
        )

    try:
        dropped = table(slice(n, None), reasons=held[-1][n:]) if n < len(rows) else None
        return table(slice(0, n), dropped=dropped)
    except ValueError as error:  # of the settings, or a column's name
        raise InputError(f"{path}: {error}") from error


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
        if not word or _UNFIT.search(word):
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
