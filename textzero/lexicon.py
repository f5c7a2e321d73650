"""Lexicon: words with counts and probabilities, and the file that holds them.

The file is tab-separated text: `# ` and the settings as JSON, a line of column names, a row a word.
Words that were considered and dropped follow, each with the reason. Counts, jieba's dictionaries
and plain lists of words are read too.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero._frames import Tabular, batch_of, short, words_column
from textzero._lexicon_reading import (
    COLUMNS,
    DEFAULTS,
    UNFIT,
    check_settings,
    loose_rows,
    saved_rows,
    text_of,
)
from textzero.corpus import Reading
from textzero.counts import read_rows
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.kernels.reference.segment import LIMIT, SPACE, UNITS, atom_classes
from textzero.near import did_you_mean
from textzero.packed import PackedStrings
from textzero.shown.text import counted

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("lexicon", "jieba", "words")  # that `save` writes
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

    @checked
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
        self.settings: dict[str, Any] = {**DEFAULTS, **(settings or {})}
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
            if name in (*COLUMNS, "reason") or not name or UNFIT.search(name):
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
        more = ", ..." if len(self) > 5 else ""
        return f"Lexicon({{{shown}{more}}}, {len(self):,} words{self._lost()})"

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        columns = {"word": words_column(self.words), "count": self.counts}
        columns |= {"log_probability": self.log_probabilities, **self.scores}
        yield batch_of(columns | ({"reason": list(self.reasons)} if self.reasons else {}))

    def digest(self) -> str:
        """Return a BLAKE2b digest of all that decides how text is segmented, in hexadecimal."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(json.dumps({k: self.settings[k] for k in DEFAULTS}, sort_keys=True).encode())
        logs = self.log_probabilities.astype("<f8").tobytes()
        for part in ("\n".join(self.words).encode(), logs):
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()

    def take(self, places: Array) -> "Lexicon":
        """Return some of the words, by their places, in that order.

        >>> Lexicon(["北京", "大学"], [3, 1]).take(np.array([1]))
        Lexicon({'大学': 1}, 1 words)
        """
        words = list(self.words)
        taken = Lexicon(
            [words[i] for i in places.tolist()], self.counts[places],
            self.log_probabilities[places],
            {name: column[places] for name, column in self.scores.items()},
            dropped=self.dropped, settings=self.settings,
        )  # fmt: skip
        taken.reading = self.reading
        return taken

    @checked
    def keep(
        self,
        min_count: int = 1,
        top: int | None = None,
        min_scores: Mapping[str, float] | None = None,
    ) -> "Lexicon":
        """Return the words with enough occurrences and scores; the others become dropped ones.

        Probabilities stay as they are. A word that has no such score, as a single character has
        no "bits", is dropped too. Words beyond `top` are not listed.

        Args:
            min_count: The least count.
            top: At most so many words, the first that are left.
            min_scores: For columns of `scores` the least value.

        Raises:
            ValueError: There is no such score.

        >>> found = Lexicon(["北京", "大学"], [3, 1], scores={"bits": [30.5, 2.25]})
        >>> kept = found.keep(min_scores={"bits": 20})
        >>> list(kept), kept.dropped.reasons
        (['北京'], ['bits 2.25, below 20'])
        """
        reasons = self._reasons_against(min_count, min_scores or {})
        gone = np.flatnonzero(reasons != "")
        kept, lost = self.take(np.flatnonzero(reasons == "")[:top]), self.take(gone)
        if gone.size:
            before = self.dropped or Lexicon([], [])
            kept.dropped = Lexicon(
                [*before.words, *lost.words], np.r_[before.counts, lost.counts],
                np.full(len(before) + len(lost), np.nan),
                reasons=[*before.reasons, *reasons[gone]], settings=self.settings,
            )  # fmt: skip
        return kept

    def _reasons_against(self, min_count: int, min_scores: Mapping[str, float]) -> Array:
        """Strings (n,): why each word is not kept, or ""."""
        reasons = np.full(len(self), "", object)
        rare = self.counts < min_count
        reasons[rare] = [
            f"found {counted(n, 'times')}, below {min_count:,}" for n in self.counts[rare].tolist()
        ]
        for name, limit in min_scores.items():
            if name not in self.scores:
                raise ValueError(
                    f"a score must be one of {', '.join(self.scores) or 'none: there is no score'}"
                    f", got {name!r}{did_you_mean(name, self.scores)}"
                )
            low = (reasons == "") & ~(self.scores[name] >= limit)
            reasons[low] = [
                f"{name} {value:.6g}, below {limit:g}" if value == value else f"no {name}"
                for value in self.scores[name][low].tolist()
            ]
        return reasons

    @checked
    def save(self, path: str | Path, format: str = "lexicon") -> None:
        """Write the table, whole or not at all.

        Args:
            path: Where to.
            format: One of FORMATS: "lexicon", which `load` gives back whole; "jieba", the words
                with their counts as jieba's user dictionary; "words", the words alone, one a line.

        Raises:
            InputError: A word is empty or holds a control character.
            ResourceError: The disk is full or the folder cannot be written.
        """
        with whole_file(path) as file:
            for block in self.formatted(format):
                file.write(block)

    def formatted(self, format: str = "lexicon") -> Iterator[bytes]:
        """Yield the file in one of FORMATS, block by block.

        Raises:
            InputError: A word is empty or holds a control character.
            ValueError: There is no such format.
        """
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
        if format != "lexicon":
            for start in range(0, len(self), _ROWS):
                words = list(self.words[start : start + _ROWS])
                _refuse_unfit(words, [])
                if format == "jieba":
                    counts = self.counts[start : start + _ROWS].tolist()
                    words = [f"{word} {n}" for word, n in zip(words, counts, strict=True)]
                yield ("\n".join(words) + "\n").encode()
            return
        settings = json.dumps(self.settings, ensure_ascii=False, sort_keys=True, allow_nan=False)
        yield f"# {settings}\n".encode()
        yield "\t".join([*COLUMNS, *self.scores, "reason"]).encode() + b"\n"
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
    @checked
    def load(cls, path: str | Path) -> "Lexicon":
        """Read what `save` wrote; or counts, jieba's dictionary, or a list of words, one a line.

        Counts may be TSV, JSON lines, Parquet or a GloVe vocabulary. Files without settings get
        the unit "word" when a word holds a space, else "character".

        Raises:
            InputError: The file cannot be read or is none of these; the message names the line.
        """
        path = str(path)
        text = text_of(path)
        if text is None or not text.startswith("# {"):
            if text is None or "\t" in text.split("\n", 1)[0]:
                return Lexicon.from_counts({word: count for word, count, _ in read_rows(path)})
            return Lexicon.from_counts(dict(loose_rows(path, text.split("\n"))))
        rows = saved_rows(path, text)

        def table(part: slice, **more: Any) -> Lexicon:
            scores = {name: column[part] for name, column in rows.scores.items()}
            logs = rows.log_probabilities[part]
            return Lexicon(
                rows.words[part], rows.counts[part], logs, scores, settings=rows.settings, **more
            )

        kept, gone = slice(0, rows.kept), slice(rows.kept, None)
        try:
            dropped = table(gone, reasons=rows.reasons[gone]) if rows.reasons[gone] else None
            return table(kept, dropped=dropped)
        except ValueError as error:  # of the settings, or a column's name
            raise InputError(f"{path}: {error}") from error


def units_in(words: Iterable[str], unit: str) -> Array:
    """int64 (n,): how many units each word has."""
    lines = list(words)
    packed = PackedStrings.from_strings(["\n".join([*lines, ""])])
    size, code = int(packed.offsets[-1]), UNITS.index(unit)
    starts, kinds = kernel("segment").find_atoms(packed.text, size, atom_classes(), code)
    places = np.cumsum(packed.text[starts[:-1]] == ord("\n"))
    return np.bincount(places[kinds != SPACE], minlength=len(lines))[: len(lines)]


def is_lexicon(path: str | Path) -> bool:
    """Whether a file is a lexicon that `Lexicon.save` wrote."""
    try:
        with open(path, "rb") as file:
            return file.read(3) == b"# {"
    except OSError:
        return False


def _refuse_unfit(words: list[str], reasons: list[str]) -> None:
    for string in (*words, *reasons):
        if UNFIT.search(string):
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
