"""Stored bytes to pieces of clean UTF-8 that end where a document or a token ends.

A piece is what kernels read: at most PIECE bytes, valid UTF-8, padded. A document longer than a
piece is cut at white space, deterministically: the place depends on the document alone.
"""

import codecs
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import BinaryIO

import numpy as np

from textzero._compat import Array
from textzero.corpus.compression import decompression_errors
from textzero.corpus.encodings import detect_encoding as detect_encoding
from textzero.corpus.encodings import foreign_encoding
from textzero.corpus.sources import Source, text_and_stored_bytes
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.kernels.reference.text import ALONE, SEPARATOR, character_classes

PIECE = 1 << 20
PADDING = 16
LINE, RECORD = 0x0A, 0x1E  # the byte between documents: lines, or anything that may hold lines

# Encodings in which the byte 0x0A is always a line feed, so that a file can be split at it.
_SPLITTABLE = ("utf-8", "ascii", "gb", "big5", "euc", "cp", "iso8859", "koi8", "shift", "latin")
_SURROGATES = re.compile("[\ud800-\udfff]")

Read = Callable[[int], bytes]


@dataclass
class Reading:
    """What was read and what was not; nothing is lost in silence.

    Attributes:
        bytes: Stored bytes read.
        documents: Documents that held at least one token.
        malformed: Byte sequences that the encoding does not allow, replaced by U+FFFD.
        first_malformed: (path, byte offset) of the first of them, by name of path; None without.
            Offsets in compressed files count decompressed bytes.
        looks_like: The encoding that this file seems to be in; empty when it is none we know.
        cuts: Cuts between two characters of documents that have no white space.
        records_without_text: Records whose text field was missing or empty.
        blank_tokens: Tokens of a Python tokenizer that held nothing visible, dropped.
        skipped: Files, rest of files or records passed over, with the reason; sorted.
    """

    bytes: int = 0
    documents: int = 0
    malformed: int = 0
    first_malformed: tuple[str, int] | None = None
    cuts: int = 0
    records_without_text: int = 0
    blank_tokens: int = 0
    skipped: list[str] = field(default_factory=list)
    looks_like: str = ""

    def __post_init__(self) -> None:
        if self.first_malformed:  # a list when it comes from JSON
            path, offset = self.first_malformed
            self.first_malformed = (path, offset)

    def add(self, other: "Reading") -> None:
        """Add another part of the same corpus; the order of parts does not matter."""
        self.bytes += other.bytes
        self.documents += other.documents
        self._add_malformed(other.malformed, other.first_malformed, other.looks_like)
        self.cuts += other.cuts
        self.records_without_text += other.records_without_text
        self.blank_tokens += other.blank_tokens
        self.skipped = sorted(self.skipped + other.skipped)

    def _add_malformed(self, count: int, first: tuple[str, int] | None, looks_like: str) -> None:
        self.malformed += count
        if first and (self.first_malformed is None or first < self.first_malformed):
            self.first_malformed, self.looks_like = first, looks_like

    def replaced(
        self, count: int, source: Source, offset: int, encoding: str, strict: bool
    ) -> None:
        """Count malformed sequences of a file, the first at `offset`; `strict` refuses them."""
        guess = foreign_encoding(source) if encoding.lower() in ("utf-8", "utf8") else ""
        if strict:
            hint = (
                f"it looks like {guess}, use --encoding {guess}" if guess else "name the --encoding"
            )
            raise InputError(f"{source}: byte {offset} is not {encoding}; {hint} or drop --strict")
        self._add_malformed(count, (source.path, offset), guess)

    def losses(self) -> list[str]:
        """Say in sentences what was replaced, cut or skipped."""
        lines = []
        if self.first_malformed:
            path, offset = self.first_malformed
            guess = self.looks_like
            hint = (
                f"it looks like {guess}, use --encoding {guess}"
                if guess
                else ("is --encoding right?")
            )
            lines.append(
                f"{self.malformed:,} malformed byte sequences replaced, "
                f"the first at {path}: byte {offset}; {hint}"
            )
        if self.cuts:
            lines.append(f"{self.cuts:,} cuts inside documents that have no white space")
        if self.records_without_text:
            lines.append(f"{self.records_without_text:,} records without text")
        if self.blank_tokens:
            lines.append(f"{self.blank_tokens:,} tokens without a visible character dropped")
        return lines + [f"skipped {entry}" for entry in self.skipped]


@dataclass
class Piece:
    """Some whole documents, or a part of one.

    Attributes:
        text: uint8 (size + PADDING or more,). Well-formed UTF-8, zeros; reused by the next piece.
        size: Bytes of text.
        boundary: The byte that ends a document.
        stored: Stored bytes that were read since the last piece.
    """

    text: Array
    size: int
    boundary: int
    stored: int = 0

    def string(self) -> str:
        """Return the text as a string."""
        return self.text[: self.size].tobytes().decode()


def can_split(encoding: str) -> bool:
    """Whether a file in this encoding can be cut at any line feed byte."""
    named = codecs.lookup(encoding).name.startswith(_SPLITTABLE)
    return named and b"\n".decode(encoding) == "\n"  # not so in EBCDIC, such as cp037


class RangeReader:
    """Bytes of the lines that begin in [start, stop) of a stored file.

    Attributes:
        first: Offset of the first byte that is read.
    """

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self._stop = stop
        self._position = start
        self._done = start >= stop
        if start and not self._done:
            self._skip_to_line(start)
        self.first = self._position

    def _skip_to_line(self, start: int) -> None:
        """Move behind the first line feed in [start - 1, stop - 1); nothing is left without one."""
        position = start - 1
        self._file.seek(position)
        while position < self._stop - 1:
            block = self._file.read(min(1 << 16, self._stop - 1 - position))
            if not block:
                break
            found = block.find(b"\n")
            if found >= 0:
                self._position = position + found + 1
                self._file.seek(self._position)
                return
            position += len(block)
        self._done = True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        if self._done:
            return b""
        within = self._stop - self._position
        block = self._file.read(min(size, within) if within > 0 else size)
        if not block:
            self._done = True
            return b""
        if within > 0:
            self._done = len(block) == within and block.endswith(b"\n")
        else:  # the last line of the range goes on behind it
            found = block.find(b"\n")
            if found >= 0:
                block = block[: found + 1]
                self._done = True
        self._position += len(block)
        return block

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._position


_REPLACED = threading.local()  # what the handler below has replaced in this thread


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if not _REPLACED.count:
        _REPLACED.first = error.start
    _REPLACED.count += 1
    return "\ufffd", error.end


REPLACE = "textzero-replace"
codecs.register_error(REPLACE, _replace)


def decode(decoder: Callable[[bytes], str], data: bytes) -> tuple[str, int, int]:
    """Decode with errors=REPLACE: (text, sequences replaced, start of the first)."""
    _REPLACED.count, _REPLACED.first = 0, -1
    return decoder(data), _REPLACED.count, _REPLACED.first


@contextmanager
def utf8_bytes(
    source: Source,
    start: int,
    stop: int,
    *,
    encoding: str | None,
    strict: bool,
    on_error: str,
    reading: Reading,
) -> Iterator[tuple[Read, int]]:
    """Open the lines that begin in bytes [start, stop) of a file: (read, offset of the first).

    `read(size)` returns UTF-8 without its byte order mark, perhaps a few bytes more than asked,
    and b"" at the end. It is well-formed unless `encoding` is None: then it is what the file holds.
    A compressed file, or one in an encoding that cannot be split, is read whole: start must be 0.

    Raises:
        InputError: Under `strict`, the first malformed byte; unless `on_error` is "skip", the end
            of a cut or corrupt file.
    """
    with text_and_stored_bytes(source) as (stream, stored):
        if source.compression:
            base, tell, get = 0, stored.tell, stream.read  # what precedes damage is not lost
        else:
            stream = RangeReader(stored, start, stop)
            base, tell, get = stream.first, stream.tell, stream.read
        read = _guarded(source, get, tell, on_error, reading)
        if encoding is not None:
            read = _transcoded(source, read, encoding, base, strict, reading)
        head = b""
        while base == 0 and len(head) < 3 and (block := read(3 - len(head))):
            head += block
        if head.startswith(codecs.BOM_UTF8):
            head, base = head[3:], 3

        def read_on(size: int) -> bytes:
            nonlocal head
            block, head = head, b""
            return block or read(size)

        yield read_on, base


def _guarded(
    source: Source, read: Read, tell: Callable[[], int], on_error: str, reading: Reading
) -> Read:
    """Count the stored bytes; turn what goes wrong into a sentence, or into the end of the file."""
    done, position = 0, tell()

    def guarded(size: int) -> bytes:
        nonlocal done, position
        try:
            block = read(size)
        except InputError as error:  # it grows without end, or its server is gone
            if on_error != "skip":
                raise
            reading.skipped.append(f"the rest of {error}")
            block = b""
        except decompression_errors() as error:
            kind = f" ({source.compression})" if source.compression else ""
            what = f"{source}{kind} is cut or corrupt after {done:,} bytes of text"
            if on_error != "skip":
                raise InputError(f"{what}: {error}; --on-error skip keeps what was read") from error
            reading.skipped.append(f"the rest of {what}")
            block = b""
        done += len(block)
        reading.bytes += tell() - position
        position = tell()
        return block

    return guarded


def _transcoded(
    source: Source, read: Read, encoding: str, base: int, strict: bool, reading: Reading
) -> Read:
    """Read another encoding as well-formed UTF-8, counting what it does not allow."""
    decoder = codecs.getincrementaldecoder(encoding)(REPLACE)
    done = base
    ended = False

    def transcoded(size: int) -> bytes:
        nonlocal done, ended
        while not ended:
            block = read(max(1, size // 4))  # no encoding grows more than fourfold in UTF-8
            ended = not block
            pending = len(decoder.getstate()[0])
            try:
                text, count, first = decode(partial(decoder.decode, final=ended), block)
            except UnicodeError as error:  # a UTF-16 file without its byte order mark
                raise InputError(f"{source} is not {encoding}: {error}") from error
            if count:
                reading.replaced(count, source, done - pending + first, encoding, strict)
            done += len(block)
            if text:
                return encode(text, source, done, strict, reading)
        return b""

    return transcoded


def line_pieces(
    source: Source,
    start: int,
    stop: int,
    *,
    encoding: str,
    boundary: int,
    strict: bool,
    on_error: str,
    reading: Reading,
) -> Iterator[Piece]:
    """Yield the documents that begin in bytes [start, stop) of a text file, as pieces.

    Raises:
        InputError: See `utf8_bytes`.
    """
    foreign = None if codecs.lookup(encoding).name == "utf-8" else encoding
    with utf8_bytes(
        source, start, stop, encoding=foreign, strict=strict, on_error=on_error, reading=reading
    ) as (read, base):
        if boundary == RECORD:  # which only the end of the file is
            yield from pieces(
                source,
                lambda size: read(size).replace(b"\x1e", b" "),
                base,
                boundary,
                strict,
                reading,
            )
        else:
            yield from pieces(source, read, base, boundary, strict, reading)


def pieces(
    source: Source, read: Read, base: int, boundary: int, strict: bool, reading: Reading
) -> Iterator[Piece]:
    """Cut the UTF-8 that `read(size)` returns into pieces.

    `read` may return fewer bytes than asked, or a few more, and b"" at the end.
    """
    buffer = bytearray(PIECE + PADDING)
    text = np.frombuffer(buffer, np.uint8)
    end = bytes([boundary])
    held = 0  # bytes at the front of the buffer that the last piece left over
    waiting = b""  # bytes that did not fit
    offset = base  # of the front of the buffer
    last = False
    while not last:
        while held < PIECE:
            block = waiting or read(PIECE - held)
            if not block:
                last = True
                break
            block, waiting = block[: PIECE - held], block[PIECE - held :]
            buffer[held : held + len(block)] = block
            held += len(block)
        size = held if last else buffer.rfind(end, 0, held) + 1
        if size == 0 and not last:
            size = _safe_cut(buffer, text, held, reading)
        if size == 0:
            return
        rest = bytes(buffer[size:held])
        buffer[size : size + PADDING] = bytes(PADDING)
        yield _checked(source, text, size, boundary, offset, strict, reading)
        buffer[: len(rest)] = rest
        held = len(rest)
        offset += size


def _checked(
    source: Source,
    text: Array,
    size: int,
    boundary: int,
    offset: int,
    strict: bool,
    reading: Reading,
) -> Piece:
    """Make the piece, its malformed bytes replaced and counted."""
    bad = _text_kernel().first_malformed(text, size)
    if bad < size:
        string, count, _ = decode(lambda data: data.decode("utf-8", REPLACE), text[:size].tobytes())
        reading.replaced(count, source, offset + bad, "UTF-8", strict)
        fixed = string.encode()
        text = np.frombuffer(fixed + bytes(PADDING), np.uint8)
        size = len(fixed)
    return Piece(text, size, boundary)


def _text_kernel() -> ModuleType:
    """The twin that is at hand: loading Numba for one check would double a worker's start."""
    return kernel("text", "cpu" if "numba" in sys.modules else "reference")


def _safe_cut(buffer: bytearray, text: Array, held: int, reading: Reading) -> int:
    """Return where a document longer than the buffer is cut so that no token is.

    Behind the last ASCII white space if there is one; else, counted, between two characters that
    stand alone (Han, say); else at the last whole character.
    """
    space = max(buffer.rfind(b, 0, held) for b in (b" ", b"\t", b"\r", b"\n", b"\x0c"))
    if space >= 0:
        return space + 1
    reading.cuts += 1
    classes = character_classes()
    whole = held
    while whole > held - 4 and text[whole - 1] & 0xC0 == 0x80:
        whole -= 1
    if text[whole - 1] >= 0xC0:
        whole -= 1  # the lead byte of a character that may go on behind the buffer
    stop = whole
    following = SEPARATOR
    for _ in range(4096):
        begin = stop - 1
        while begin > 0 and text[begin] & 0xC0 == 0x80:
            begin -= 1
        if begin <= 0:
            break
        character = buffer[begin:stop].decode("utf-8", "replace")
        kind = int(classes[ord(character[0])])
        if stop < whole and following in (ALONE, SEPARATOR) and kind in (ALONE, SEPARATOR):
            return stop
        following, stop = kind, begin
    return whole if whole > 0 else held


def document_pieces(
    source: Source, documents: Iterator[str], strict: bool, reading: Reading
) -> Iterator[Piece]:
    """Yield documents that are already strings (records, Python iterables) as pieces."""
    done = number = 0
    end = object()  # None may be what somebody takes for a document

    def read(size: int) -> bytes:
        nonlocal done, number
        parts, goal = [], done + size
        while done < goal:
            document = next(documents, end)
            if document is end:
                break
            number += 1
            if not isinstance(document, str):
                what = f"{type(document).__name__} {document!r:.40}"
                raise TypeError(f"documents must be strings, got {what} as document {number:,}")
            data = encode(document, source, done, strict, reading)
            parts.append(data.replace(b"\x1e", b" ") + b"\x1e")
            done += len(parts[-1])
        return b"".join(parts)

    yield from pieces(source, read, 0, RECORD, strict, reading)


def encode(text: str, source: Source, offset: int, strict: bool, reading: Reading) -> bytes:
    """Encode a string; lone surrogates, which UTF-8 has not, are malformed."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        clean, count = _SURROGATES.subn("\ufffd", text)
        reading.replaced(count, source, offset, "Unicode", strict)
        return clean.encode()
