"""Clean UTF-8 in pieces that end where a document or a token ends.

A piece is what kernels read: at most PIECE bytes, valid UTF-8, padded. A document longer than a
piece is cut at white space, deterministically: the place depends on the document alone.
"""

import codecs
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from textzero._compat import Array
from textzero.corpus.decoding import REPLACE, Read, decode, encode, utf8_bytes
from textzero.corpus.reading import Reading
from textzero.corpus.sources import Source
from textzero.kernels import kernel
from textzero.kernels.reference.text import ALONE, SEPARATOR, character_classes

PIECE = 1 << 20
PADDING = 16
LINE, RECORD = 0x0A, 0x1E  # the byte between documents: lines, or anything that may hold lines


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
