"""Compressed streams: told by their first bytes, read in bounded memory, bombs stopped.

One reader for gzip, bz2, xz and zstd. Streams end to end read as one; zeros between and behind them
are padding, anything else there is an error.
"""

import bz2
import io
import lzma
import sys
import zlib
from typing import Any

from textzero.errors import InputError
from textzero.files import size_text

_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_BZ2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")  # a block, the end of an empty stream
MAX_EXPANSION = 1000
_FREE = 16 << 20  # bytes that any file may grow to
_BLOCK = 1 << 15  # stored bytes read at once; what follows a stream inside of them is copied
_WINDOW = 27  # binary logarithm of the largest zstd window: 128 MB
_XZ_MEMORY = 192 << 20  # `xz -9` needs 65 MB


def compression_of(head: bytes) -> str:
    """Return "", "gzip", "bz2", "xz" or "zstd" by the first bytes of a file (ten or more)."""
    if head[:3] == b"BZh" and head[4:10] and any(b.startswith(head[4:10]) for b in _BZ2_BLOCKS):
        return "bz2"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


class Decompressed(io.RawIOBase):
    """The bytes behind the compression of a stored file, from the first to the last.

    Args:
        stored: The stored bytes, which can be seeked; closed together with this.
        compression: "gzip", "bz2", "xz" or "zstd".
        name: What messages call the file.
        max_expansion: What has been read of the file may grow so many times, or to 16 MB,
            whichever is more: a bomb is stopped long before its end.

    Raises:
        InputError: While reading: it grows more.
        Exception: While reading: one of `decompression_errors()`, when it is cut or corrupt.
    """

    def __init__(
        self, stored: Any, compression: str, name: str, max_expansion: int = MAX_EXPANSION
    ) -> None:
        self._stored, self._compression, self._name = stored, compression, name
        stored.seek(0)
        self._max_expansion, self._taken, self._given = max_expansion, 0, 0
        self._decoder: Any = _new_decoder(compression)
        self._waiting = b""  # stored bytes that no decoder has seen
        self._inside, self._done = False, False  # of a stream; all streams

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, at least in part; 0 at the end."""
        block = b"" if self._done or not len(buffer) else self._next(len(buffer))
        buffer[: len(block)] = block
        self._given += len(block)
        most = self._max_expansion
        check_expansion(self._name, self._compression, self._taken, self._given, most)
        return len(block)

    def _next(self, size: int) -> bytes:
        """Return some bytes, b"" behind the last stream."""
        while True:
            ended = False
            if not self._waiting and (not self._inside or self._decoder.needs_input):
                self._waiting = self._stored.read(_BLOCK)
                self._taken += len(self._waiting)
                ended = not self._waiting
            if not self._inside:
                self._waiting = self._waiting.lstrip(b"\0")  # padding
                if ended:
                    self._done = True
                    return b""
                if not self._waiting:
                    continue
                self._inside, self._decoder = True, _new_decoder(self._compression)
            block = self._decoder.decompress(self._waiting, size)
            self._waiting = b""
            if self._decoder.eof:
                self._inside, self._waiting = False, self._decoder.unused_data
            elif ended and not block:
                raise EOFError("it ends before the end of its last stream")
            if block:
                return block

    def close(self) -> None:
        """Close the stored file too."""
        if not self.closed:
            self._stored.close()
            super().close()


def check_expansion(
    name: str, kind: str, stored: int, grown: int, most: int = MAX_EXPANSION
) -> None:
    """Raise InputError when `stored` bytes grow to more than 16 MB and `most` times as much."""
    if grown > max(_FREE, most * stored):
        raise InputError(
            f"{name} ({kind}) grows more than {most:,} times: from {size_text(stored)} to "
            f"{size_text(grown)} and more; if that is right, raise --max-expansion, or decompress "
            "it first"
        )


class _Gzip:
    """zlib's decoder, with the attributes that the others have."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def decompress(self, data: bytes, size: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, size)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail


def _new_decoder(compression: str) -> Any:
    if compression == "gzip":
        return _Gzip()
    if compression == "bz2":
        return bz2.BZ2Decompressor()
    if compression == "xz":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)
    zstd = zstd_module()
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW})


def zstd_module() -> Any:
    """Return the standard library's zstd module, or its backport."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def decompression_errors() -> tuple[type[Exception], ...]:
    """Return what reading raises on cut or flipped bytes."""
    return (EOFError, OSError, zlib.error, lzma.LZMAError, zstd_module().ZstdError)
