"""Counts: words with their counts, and the formats they are written and read in."""

import io
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.corpus import Reading
from textzero.corpus.sources import Source, decompression_errors, describe, open_text_bytes
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.packed import PackedStrings

FORMATS = ("tsv", "parquet", "jsonl", "glove", "jieba")
_NONE = np.zeros(0, np.int64)
_UNFIT = re.compile(r"[\0-\x1f\ud800-\udfff]")  # control characters and lone surrogates


class Counts(Mapping[str, int]):
    """How often each word was seen, most frequent first, ties in code point order.

    Attributes:
        words: The words.
        counts: int64 (n,).
        documents: int64 (n,): documents that hold the word; empty unless they were asked for.
        tokens: Tokens seen, before `min_count`.
        reading: What was read and what was lost.
    """

    def __init__(
        self,
        words: PackedStrings,
        counts: Array,
        documents: Array = _NONE,
        tokens: int | None = None,
        reading: Reading | None = None,
    ) -> None:
        self.words, self.counts, self.documents = words, counts, documents
        self.tokens = int(counts.sum()) if tokens is None else tokens
        self.reading = reading or Reading()
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> int:
        if self._places is None:
            self._places = {w: i for i, w in enumerate(self.words)}
        return int(self.counts[self._places[word]])

    def __repr__(self) -> str:
        shown = ", ".join(f"{w!r}: {c}" for w, c in self.most_common(5))
        return f"Counts({{{shown}{', ...' if len(self) > 5 else ''}}}, {len(self):,} words)"

    def most_common(self, n: int | None = None) -> list[tuple[str, int]]:
        """Return the first `n` words with their counts."""
        n = len(self) if n is None else min(n, len(self))
        return list(zip(self.words[:n], self.counts[:n].tolist(), strict=True))

    def keep(self, min_count: int = 1, top: int | None = None) -> "Counts":
        """Return the words with at least `min_count`, at most `top` of them."""
        n = int(np.searchsorted(-self.counts, -min_count, side="right"))
        n = n if top is None else min(n, top)
        return Counts(
            self.words[:n], self.counts[:n], self.documents[:n], self.tokens, self.reading
        )

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write the table; the suffix tells the format unless `format` does (see FORMATS)."""
        with whole_file(path) as file:
            for block in self.formatted(format or format_of(path)):
                file.write(block)

    def formatted(self, format: str = "tsv") -> Iterator[bytes]:
        """Yield the table in one of FORMATS, block by block.

        Raises:
            ValueError: There is no such format.
            InputError: A word holds what separates in this format.
        """
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
        if format == "parquet":
            yield self._parquet()
            return
        if format == "jsonl":
            yield from self._json_lines()
            return
        between = "\t" if format == "tsv" else " "
        columns = [self.counts]
        if format == "tsv" and self.documents.size:
            columns.append(self.documents)
        numbers = np.stack(columns, axis=1)
        for start in range(0, len(self), 1 << 16):
            part = self.words[start : start + (1 << 16)]
            used = part.text[part.offsets[0] : part.offsets[-1]]
            unfit = 0x20 if format == "glove" else 0x1F
            if (used <= unfit).any():
                word = next(w for w in part if min(w) <= chr(unfit))
                raise InputError(f"{format} cannot hold the word {word!r}: JSON lines can")
            rows = numbers[start : start + (1 << 16)]
            yield (
                kernel("packed").format_rows(part.text, part.offsets, rows, ord(between)).tobytes()
            )

    def _json_lines(self) -> Iterator[bytes]:
        documents = self.documents.tolist() if self.documents.size else [None] * len(self)
        lines = []
        for word, count, held in zip(self.words, self.counts.tolist(), documents, strict=True):
            row = {"word": word, "count": count}
            if held is not None:
                row["documents"] = held
            lines.append(json.dumps(row, ensure_ascii=False))
            if len(lines) == 1 << 14:
                yield ("\n".join(lines) + "\n").encode()
                lines.clear()
        yield "".join(line + "\n" for line in lines).encode()

    def _parquet(self) -> bytes:
        import pyarrow
        import pyarrow.parquet

        text = pyarrow.py_buffer(np.ascontiguousarray(self.words.text))
        offsets = pyarrow.py_buffer(np.ascontiguousarray(self.words.offsets))
        words = pyarrow.LargeStringArray.from_buffers(len(self), offsets, text)
        table = {"word": words, "count": pyarrow.array(self.counts)}
        if self.documents.size:
            table["documents"] = pyarrow.array(self.documents)
        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(pyarrow.table(table), sink, compression="zstd")
        return sink.getvalue().to_pybytes()

    @classmethod
    def load(cls, path: str | Path) -> "Counts":
        """Read a table that `save` wrote as TSV, Parquet, JSON lines or a GloVe vocabulary.

        Raises:
            InputError: A row is not what it should be; the message names file and line.
        """
        words, numbers = [], []
        for word, *row in read_rows(path):
            words.append(word)
            numbers.append(row)
        counts, documents = np.array(numbers, np.int64).reshape(-1, 2).T.copy()
        if not documents.any():
            documents = _NONE
        table = kernel("tables").new_table(bool(documents.size))
        packed = PackedStrings.from_strings(words)
        kernel("tables").add_packed(table, packed.text, packed.offsets, counts, documents)
        return sorted_counts(table)


def read_rows(path: str | Path) -> Iterator[tuple[str, int, int]]:
    """Yield (word, count, documents) of a table, in its order; documents are 0 where not told.

    Raises:
        InputError: A row is not what it should be; the message names file and line.
    """
    path = str(path)
    try:
        with open(path, "rb") as file:
            source = describe(path, 0, file.read(64), "auto")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    seen: set[str] = set()
    rows = _parquet_rows(path) if source.format == "parquet" else _text_rows(path, source)
    for line, word, count, held in rows:
        if word in seen:
            raise InputError(f"{path}:{line}: {word!r} is there twice")
        seen.add(word)
        yield word, count, held


def _text_rows(path: str, source: Source) -> Iterator[tuple[int, str, int, int]]:
    """Yield (line, word, count, documents) of TSV, JSON lines or GloVe text."""
    glove: bool | None = None
    for number, raw in enumerate(_lines(source), 1):
        raw = raw.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1:
            raw = raw.removeprefix(BOM_UTF8)
        if not raw:
            continue
        try:
            text = raw.decode()
            if source.format == "jsonl":
                row = json.loads(text)
                fields = [row["word"], row["count"], row.get("documents", 0)]
            else:
                if glove is None:
                    glove = "\t" not in text
                fields = list(text.rsplit(" ", 1) if glove else text.split("\t"))
            if not 2 <= len(fields) <= 3:
                raise ValueError
            word, count, held = _word(fields[0]), *map(_number, (*fields[1:], 0)[:2])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            shown = raw[:60].decode("utf-8", "replace")
            raise InputError(
                f'{path}:{number}: expected "word<TAB>count", got {shown!r}'
            ) from error
        yield number, word, count, held


def _lines(source: Source) -> Iterator[bytes]:
    """Yield the lines of a file, with their ends."""
    stream: Any = open_text_bytes(source)
    with stream, io.BufferedReader(stream, 1 << 20) as lines:
        try:
            yield from lines
        except decompression_errors() as error:
            raise InputError(f"{source} is cut or corrupt: {error}") from error


def _word(value: Any) -> str:
    """Return a word that every format and every kernel can hold, or raise ValueError."""
    if not isinstance(value, str) or not value or _UNFIT.search(value):
        raise ValueError
    return value


def _number(value: Any) -> int:
    """Return a count, or raise ValueError."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError
    return value


def _parquet_rows(path: str) -> Iterator[tuple[int, str, int, int]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        words, counts = table["word"].to_pylist(), table["count"].to_pylist()
        has = "documents" in table.column_names
        documents = table["documents"].to_pylist() if has else [0] * len(words)
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        raise InputError(f"{path} must be Parquet with columns word and count: {error}") from error
    for number, row in enumerate(zip(words, counts, documents, strict=True), 1):
        try:
            word, count, held = _word(row[0]), _number(row[1]), _number(row[2])
        except ValueError as error:
            raise InputError(
                f"{path}: row {number}: expected a word and a count, got {row}"
            ) from error
        yield number, word, count, held


def format_of(path: str | Path) -> str:
    """Tell the format of a counts file by its suffix; TSV when it says nothing."""
    suffixes = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return suffixes.get(Path(path).suffix.lower(), "tsv")


def sorted_counts(table: Any, tokens: int | None = None, reading: Reading | None = None) -> Counts:
    """Take a kernel's word table apart, in the order that all counts are written in."""
    kernels = kernel("tables")
    text, offsets, counts, documents = kernels.unload(table)
    order = kernel("packed").sort_order(text, offsets, counts)
    text, offsets = kernel("packed").gather(text, offsets, order)
    documents = documents[order] if documents.size else documents
    return Counts(PackedStrings(text, offsets), counts[order], documents, tokens, reading)


def merge_counts(parts: Iterable[Counts]) -> Counts:
    """Add several tables up. Documents are kept when every part has them.

    >>> a = Counts(PackedStrings.from_strings(["x", "y"]), np.array([3, 1]))
    >>> merge_counts([a, a]).most_common()
    [('x', 6), ('y', 2)]
    """
    parts = list(parts)
    kernels = kernel("tables")
    documents = all(part.documents.size for part in parts if len(part))
    table = kernels.new_table(documents)
    reading = Reading()
    for part in parts:
        held = part.documents if documents else _NONE
        words = part.words
        kernels.add_packed(table, words.text, words.offsets, part.counts, held)
        reading.add(part.reading)
    return sorted_counts(table, sum(part.tokens for part in parts), reading)
