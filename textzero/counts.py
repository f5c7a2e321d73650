"""Counts: words with their counts, and the formats they are written and read in."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.corpus import Reading
from textzero.corpus.sources import describe, open_text_bytes
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.kernels import kernel
from textzero.packed import PackedStrings

FORMATS = ("tsv", "parquet", "jsonl", "glove", "jieba")
_NONE = np.zeros(0, np.int64)


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
            InputError: The format separates with spaces and a word holds one.
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
            if format == "glove" and (used == 0x20).any():
                word = next(w for w in part if " " in w)
                raise InputError(f"a GloVe vocabulary cannot hold {word!r}: use --format tsv")
            rows = numbers[start : start + (1 << 16)]
            yield (
                kernel("tables").format_rows(part.text, part.offsets, rows, ord(between)).tobytes()
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
        path = str(path)
        try:
            with open(path, "rb") as file:
                source = describe(path, 0, file.read(64), "auto")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        rows = _parquet_rows(path) if source.format == "parquet" else _text_rows(path, source)
        counter: dict[str, tuple[int, int]] = {}
        for line, word, count, held in rows:
            if word in counter:
                raise InputError(f"{path}:{line}: {word!r} is there twice")
            counter[word] = count, held
        numbers = np.array(list(counter.values()), np.int64).reshape(-1, 2)
        documents = numbers[:, 1].copy() if (numbers[:, 1] > 0).any() else _NONE
        table = kernel("tables").new_table(bool(documents.size))
        packed = PackedStrings.from_strings(counter)
        counts = np.ascontiguousarray(numbers[:, 0])
        kernel("tables").add_packed(table, packed.text, packed.offsets, counts, documents)
        return sorted_counts(table)


def _text_rows(path: str, source: Any) -> Iterator[tuple[int, str, int, int]]:
    """Yield (line, word, count, documents) of TSV, JSON lines or GloVe text."""
    glove: bool | None = None
    with open_text_bytes(source) as stream:
        for number, raw in enumerate(iter_lines(stream), 1):
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
                word, count = fields[0], int(fields[1])
                held = int(fields[2]) if len(fields) > 2 else 0
                if not isinstance(word, str) or not word or count < 0 or held < 0:
                    raise ValueError
                if len(fields) > 3 or max(count, held) >= 1 << 63:
                    raise ValueError
            except (ValueError, IndexError, KeyError, TypeError) as error:
                shown = raw[:60].decode("utf-8", "replace")
                raise InputError(
                    f'{path}:{number}: expected "word<TAB>count", got {shown!r}'
                ) from error
            yield number, word, count, held


def iter_lines(stream: Any) -> Iterator[bytes]:
    """Yield the lines of a binary stream without their ends."""
    rest = b""
    while block := stream.read(1 << 20):
        *lines, rest = (rest + block).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in lines)
    yield rest.removesuffix(b"\r")


def _parquet_rows(path: str) -> Iterator[tuple[int, str, int, int]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        words, counts = table["word"].to_pylist(), table["count"].to_pylist()
        has = "documents" in table.column_names
        documents = table["documents"].to_pylist() if has else [0] * len(words)
    except (pyarrow.ArrowException, KeyError) as error:
        raise InputError(f"{path} must be Parquet with columns word and count: {error}") from error
    for number, row in enumerate(zip(words, counts, documents, strict=True), 1):
        if not isinstance(row[0], str) or not all(isinstance(n, int) and n >= 0 for n in row[1:]):
            raise InputError(f"{path}: row {number}: expected a word and a count, got {row}")
        yield number, *row


def format_of(path: str | Path) -> str:
    """Tell the format of a counts file by its suffix; TSV when it says nothing."""
    suffixes = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return suffixes.get(Path(path).suffix.lower(), "tsv")


def sorted_counts(table: Any, tokens: int | None = None, reading: Reading | None = None) -> Counts:
    """Take a kernel's word table apart, in the order that all counts are written in."""
    kernels = kernel("tables")
    text, offsets, counts, documents = kernels.unload(table)
    order = kernels.sort_order(text, offsets, counts)
    text, offsets = kernels.gather(text, offsets, order)
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
