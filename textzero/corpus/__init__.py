"""Corpus: documents that can be read again and again, and split so that one file uses all cores."""

import codecs
import copy
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from textzero._arguments import checked
from textzero._frames import SHOWN, html_table
from textzero.corpus.columns import Column, Table, column_of
from textzero.corpus.decoding import RangeReader, can_split
from textzero.corpus.encodings import detect_encoding, unknown_encoding
from textzero.corpus.reading import Reading
from textzero.corpus.records import record_documents, with_text
from textzero.corpus.sources import Listing, Source, find_sources, fingerprint, open_bytes
from textzero.corpus.streams import LINE, RECORD, Piece, document_pieces, line_pieces
from textzero.errors import InputError

__all__ = ["Corpus", "Piece", "Reading", "Split", "Texts", "as_corpus"]

SPLIT = 4 << 20
_SHOWN = {"include": (), "exclude": (), "format": "auto", "field": None, "document": "line"}


@dataclass(frozen=True)
class Split:
    """The documents that begin in stored bytes [start, stop) of one source."""

    source: int
    start: int
    stop: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}, bytes {self.start}-{self.stop}"


class Corpus:
    """Documents from files, folders, globs, standard input or URLs.

    Reading is lazy and repeatable; a corpus holds names, never text. Compression is told by magic
    bytes (gzip, bz2, xz, zstd), the format by magic bytes and suffix. For what Python holds already
    see `from_documents`.

    Args:
        paths: Files, folders (recursive, sorted, hidden names skipped), globs, fsspec URLs, `-`
            (standard input: copied to a temporary file, which workers on other hosts have not).
        include: Patterns that files in folders must match, such as `*.py`.
        exclude: Patterns that files in folders must not match.
        format: "auto", "text", "jsonl", "csv", "tsv" or "parquet".
        field: The text field of JSON lines, or the column of CSV, TSV and Parquet ("text").
        document: "line": each line is a document; "file": each text file is one.
        encoding: A Python codec, or "auto" to tell UTF-8, UTF-16, GB18030 and Big5 apart.
        strict: Malformed bytes, skipped files and records without text are errors.
        on_error: "raise", or "skip" to keep what can be read of a damaged file.
        max_expansion: A compressed file that grows more than so many times, and beyond 16 MB, is
            refused.

    Raises:
        InputError: A path is not there or no file is left (raised when first needed).
        ValueError: A setting has no such value.

    Example:
        >>> import sysconfig
        >>> corpus = Corpus(sysconfig.get_path("stdlib"), include=["this.py"])
        >>> next(line for line in corpus if "Beautiful" in line or "ornhgvshy" in line.lower())
        'Ornhgvshy vf orggre guna htyl.'
    """

    @checked
    def __init__(
        self,
        *paths: str | os.PathLike[str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        format: str = "auto",
        field: str | None = None,
        document: str = "line",
        encoding: str = "utf-8",
        strict: bool = False,
        on_error: str = "raise",
        max_expansion: int = 1000,
    ) -> None:
        _one_of("document", document, ("line", "file"))
        _one_of("format", format, ("auto", "text", "jsonl", "csv", "tsv", "parquet"))
        _one_of("on_error", on_error, ("raise", "skip"))
        if max_expansion < 1:
            raise ValueError(f"max_expansion must be at least 1, got {max_expansion}")
        if encoding != "auto":
            try:
                "".encode(encoding)  # refuses codecs that do not write text, such as base64
            except LookupError as error:
                raise ValueError(unknown_encoding(encoding)) from error
            if codecs.lookup(encoding).name == "utf-8-sig":
                encoding = "utf-8"  # whose byte order mark is never text
        self.paths = tuple(_named(path) for path in paths)
        self.include, self.exclude, self.format = tuple(include), tuple(exclude), format
        self.field, self.document, self.encoding = field, document, encoding
        self.strict, self.on_error, self.max_expansion = strict, on_error, max_expansion
        self._memory: Iterable[str | None] | None = None
        self._spent = False
        self._detected: dict[Source, str] = {}

    @classmethod
    def from_documents(cls, documents: "Texts", field: str | None = None) -> "Corpus":
        """Make a corpus of strings; a list can be read again, a generator only once.

        Args:
            documents: An iterable of strings; a Hugging Face `Dataset` or `IterableDataset`, a
                DataFrame or Series of pandas or Polars, a table, dataset or column of pyarrow.
                Rows without text are counted in `Reading.records_without_text`.
            field: The column of a table that holds the texts; None for the only one, or "text".

        Raises:
            InputError: The table has no such column.
            TypeError: It is a string, a mapping, several tables, or a generator that was read.

        Example:
            >>> import pyarrow
            >>> table = pyarrow.table({"review": ["so good", None, "so so"]})
            >>> list(Corpus.from_documents(table, field="review"))
            ['so good', 'so so']
        """
        corpus = cls()
        corpus._memory = column_of(documents, field)
        return corpus

    def __repr__(self) -> str:
        if self._memory is not None:
            return f"Corpus.from_documents({type(self._memory).__name__})"
        shown = [*map(repr, self.paths[:3]), *(["..."] if len(self.paths) > 3 else [])]
        for name, default in _SHOWN.items():
            if (value := getattr(self, name)) != default:
                shown.append(f"{name}={value!r}")
        return f"Corpus({', '.join(shown)})"

    def _repr_html_(self) -> str:
        """Show the first files; of documents in memory only what they are."""
        if self._memory is not None:
            return html_table(repr(self), {}, 0)
        files = self.sources[:SHOWN]
        columns: dict[str, list[Any]] = {"file": [f.path for f in files]}
        columns["bytes"] = [f.size for f in files]
        return html_table(f"{self!r}: {self.size:,} bytes", columns, len(self.sources))

    @cached_property
    def listing(self) -> Listing:
        """The files, and what was passed over."""
        listing = find_sources(self.paths, self.include, self.exclude, self.format)
        if self.strict and listing.skipped:
            raise InputError(f"{listing.skipped[0]}; drop --strict to skip such files")
        most = self.max_expansion
        sources = [replace(source, max_expansion=most) for source in listing.sources]
        return Listing(sources, listing.skipped)

    @property
    def sources(self) -> list[Source]:
        """The files, in reading order."""
        return [] if self._memory is not None else self.listing.sources

    @property
    def repeatable(self) -> bool:
        """Whether the corpus can be read twice."""
        return not isinstance(self._memory, Iterator)

    @property
    def size(self) -> int:
        """Stored bytes (0 for documents in memory)."""
        return sum(source.size for source in self.sources)

    def new_reading(self) -> Reading:
        """Return an account to which `pieces` adds, with the skipped files already in it."""
        return Reading(skipped=list(self.listing.skipped) if self._memory is None else [])

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide what a document is, as JSON."""
        return {
            "format": self.format,
            "field": self.field,
            "document": self.document,
            "encoding": self.encoding,
        }

    def splits(self, size: int = SPLIT) -> list[Split]:
        """Cut the corpus into parts of about `size` stored bytes.

        Together they hold each document once, whatever the size; a file that is compressed or
        whose records may hold line feeds is one part.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        if self._memory is not None:
            return [Split(-1, 0, 0, "documents in memory")]
        parts = []
        for index, source in enumerate(self.sources):
            whole = (
                source.compression
                or source.format not in ("text", "jsonl")
                or (source.format == "text" and self.document == "file")
                or (self.encoding != "auto" and not can_split(self.encoding))
                or (
                    self.encoding == "auto"
                    and source.size > size
                    and not can_split(self._encoding(source))
                )
            )
            step = max(source.size, 1) if whole else size
            for start in range(0, source.size, step):
                stop = min(start + step, source.size)
                parts.append(Split(index, start, stop, source.path))
        return parts

    def portion(self, splits: Sequence[Split]) -> tuple["Corpus", list[Split]]:
        """Return a corpus of only those files that some splits need, and the splits in it.

        It can be sent to another process, or another host that reaches the same files.
        """
        if self._memory is not None:
            raise TypeError("documents in memory cannot be sent elsewhere; write them to files")
        needed = sorted({split.source for split in splits})
        places = {old: new for new, old in enumerate(needed)}
        portion = copy.copy(self)
        portion.listing = Listing([_anywhere(self.sources[old]) for old in needed], [])
        portion._detected = {}
        return portion, [replace(split, source=places[split.source]) for split in splits]

    def fingerprint(self) -> list[list[Any]]:
        """Return [path, size, time of change, digest of its ends] of each file, as JSON.

        Enough to tell that a file was changed, without reading all of it. Files behind URLs have
        what their server says in place of a time.

        Raises:
            TypeError: The documents are in memory.
        """
        if self._memory is not None:
            raise TypeError("documents in memory have no fingerprint; write them to files")
        return [fingerprint(source) for source in self.sources]

    def _encoding(self, source: Source) -> str:
        if self.encoding != "auto":
            return self.encoding
        if source not in self._detected:
            self._detected[source] = detect_encoding(source)
        return self._detected[source]

    def pieces(self, split: Split, reading: Reading) -> Iterator[Piece]:
        """Read one part as pieces of UTF-8; `reading` is told what was read and what was not."""
        stored = reading.bytes
        for piece in self._pieces(split, reading):
            piece.stored, stored = reading.bytes - stored, reading.bytes
            yield piece

    def _pieces(self, split: Split, reading: Reading) -> Iterator[Piece]:
        if self._memory is not None:
            if self._spent and not self.repeatable:
                raise TypeError(
                    "these documents come from a generator, which can be read only once; "
                    "give a list, or an object whose __iter__ begins anew"
                )
            self._spent = True
            memory = Source(split.name, 0, "", "text")
            found: Iterator[Any] = iter(self._memory)
            if isinstance(self._memory, Column):
                found = with_text(memory, self._memory.name, self.strict, reading, found)
            yield from document_pieces(memory, found, self.strict, reading)
            return
        source = self.sources[split.source]
        encoding = self._encoding(source)
        if source.format == "text":
            yield from line_pieces(
                source, split.start, split.stop, encoding=encoding,
                boundary=LINE if self.document == "line" else RECORD,
                strict=self.strict, on_error=self.on_error, reading=reading,
            )  # fmt: skip
            return
        documents = record_documents(
            source, split.start, split.stop, field=self.field, encoding=encoding,
            strict=self.strict, on_error=self.on_error, reading=reading,
        )  # fmt: skip
        yield from document_pieces(source, documents, self.strict, reading)

    def parts(self, split: Split, reading: Reading) -> Iterator[tuple[str, bool]]:
        """Yield (text, whether the document ends with it) for one part of the corpus.

        A document longer than a piece comes in several parts; an empty one as ("", True).
        """
        ended = True
        for piece in self.pieces(split, reading):
            *whole, rest = piece.string().split(chr(piece.boundary))
            line_end = "\r" if piece.boundary == LINE else ""
            for text in whole:
                yield text.removesuffix(line_end), True
            if rest:
                yield rest, False
            ended = not rest
        if not ended:
            yield "", True

    def place(self, split: Split, number: int) -> str:
        """Name document `number` of `parts(split)`, from 0: file and line where it has one."""
        if split.source < 0:
            return f"{split.name}: document {number + 1}"
        source = self.sources[split.source]
        if source.format != "text":
            return f"{split}: record {number + 1} of those with text"
        if self.document == "file":
            return split.name
        before = 0
        with open_bytes(source) as stream:
            left = RangeReader(stream, split.start, split.stop).first if split.start else 0
            stream.seek(0)
            while left and (block := stream.read(min(1 << 20, left))):
                before += block.count(b"\n")
                left -= len(block)
        return f"{split.name}:{before + number + 1}"

    def __iter__(self) -> Iterator[str]:
        """Yield the documents that are not empty, without their line end."""
        reading = self.new_reading()
        waiting: list[str] = []
        for split in self.splits():
            for text, ended in self.parts(split, reading):
                waiting.append(text)
                if ended:
                    document = "".join(waiting)
                    waiting.clear()
                    if document:
                        yield document


# What every function that reads texts takes: see `Corpus.from_documents`.
Texts: TypeAlias = Corpus | Iterable[str] | Table


def as_corpus(corpus: "Texts", passes: int = 1) -> Corpus:
    """Return a Corpus as it is, and wrap an iterable of documents.

    Args:
        corpus: A `Corpus`, or what `Corpus.from_documents` takes.
        passes: How often it will be read.

    Raises:
        TypeError: A string was given: a path belongs in `Corpus(path)`, texts in a list; or a
            generator, which can be read only once, and there are more passes.
    """
    if isinstance(corpus, (str, bytes, os.PathLike)):
        raise TypeError(
            "corpus must be a Corpus or an iterable of documents, got a single string; "
            "write Corpus(path) for a file, [text] for a text"
        )
    made = corpus if isinstance(corpus, Corpus) else Corpus.from_documents(corpus)
    if passes > 1 and not made.repeatable:
        raise TypeError(
            f"these documents are read {passes} times, and a generator can be read only once; give "
            "a list, or an object whose __iter__ begins anew"
        )
    return made


def _named(path: object) -> str:
    """The name of a file."""
    if isinstance(path, (str, os.PathLike)):
        return str(os.fspath(path))
    raise TypeError(
        f"paths must be names of files, got {type(path).__name__}; for several write "
        "Corpus(*paths), for documents in memory Corpus.from_documents(...)"
    )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def _anywhere(source: Source) -> Source:
    """The source as a process that stands in another folder finds it."""
    if source.location or "://" in source.path:
        return source
    return replace(source, location=os.path.abspath(source.path))
