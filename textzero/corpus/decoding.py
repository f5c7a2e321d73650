"""Stored bytes to clean UTF-8: ranges of files, other encodings, what is malformed or cut off."""

import codecs
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from textzero.corpus.compression import decompression_errors
from textzero.corpus.reading import Reading
from textzero.corpus.sources import Source, text_and_stored_bytes
from textzero.errors import InputError

# Encodings in which the byte 0x0A is always a line feed, so that a file can be split at it.
_SPLITTABLE = ("utf-8", "ascii", "gb", "big5", "euc", "cp", "iso8859", "koi8", "shift", "latin")
_SURROGATES = re.compile("[\ud800-\udfff]")

Read = Callable[[int], bytes]


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
        else:
            position = self._stop
        self._position = position
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


def encode(text: str, source: Source, offset: int, strict: bool, reading: Reading) -> bytes:
    """Encode a string; lone surrogates, which UTF-8 has not, are malformed."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        clean, count = _SURROGATES.subn("\ufffd", text)
        reading.replaced(count, source, offset, "Unicode", strict)
        return clean.encode()


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
        last = source.size if source.compression else min(stop, source.size)
        read = _guarded(source, stored, get, tell, last, on_error, reading)
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
    source: Source,
    stored: BinaryIO,
    read: Read,
    tell: Callable[[], int],
    stop: int,
    on_error: str,
    reading: Reading,
) -> Read:
    """Count the stored bytes; turn what goes wrong into a sentence, or into the end of the file.

    All up to `stop` must come. What somebody adds behind the end meanwhile is told, not read.
    """
    done, position, ended = 0, tell(), False

    def guarded(size: int) -> bytes:
        nonlocal done, position, ended
        if ended:
            return b""
        try:
            block = read(size)
            if not block:
                _check_size(source, stored, tell(), stop, on_error, reading)
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
        ended = not block
        done += len(block)
        reading.bytes += tell() - position
        position = tell()
        return block

    return guarded


def _check_size(
    source: Source, stored: BinaryIO, position: int, stop: int, on_error: str, reading: Reading
) -> None:
    """Compare what was read with the size that the file had when it was listed.

    Raises:
        InputError: It has become shorter, and `on_error` is not "skip".
    """
    size = stored.seek(0, os.SEEK_END)
    if position < stop or size < source.size:
        cut = f"became shorter while it was read, from {source.size:,} to {size:,} bytes"
        if on_error != "skip":
            raise InputError(
                f"{source} {cut}; run again when nobody writes it, or --on-error skip keeps what "
                "was read"
            )
        reading.skipped.append(f"the end of {source}, which {cut}")
    elif stop == source.size and size > max(position, stop):
        grew = f"it grew from {source.size:,} to {size:,} bytes"
        reading.skipped.append(f"what was added to {source} while it was read: {grew}")


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
