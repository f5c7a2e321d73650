"""Files behind URLs: read again after a fault, never taken for shorter than they are.

fsspec speaks the protocols. Whatever goes wrong is tried again, a little later each time, unless
the server says that it always will; then it is an InputError that names the URL.
"""

import contextlib
import io
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from textzero.errors import InputError, TextzeroError

ATTEMPTS = 5
FIRST_WAIT = 0.5  # seconds; each wait is twice the last
SILENCE = 60.0  # seconds without a byte from an HTTP server after which it counts as gone
_PASSING = (408, 425, 429)  # of HTTP's 4xx, those that may go away
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "updated", "last_modified")
Result = TypeVar("Result")


def is_url(path: str) -> bool:
    """Whether fsspec, not the operating system, opens `path`."""
    return "://" in path


def retried(url: str, work: Callable[[], Result]) -> Result:
    """Return work(), tried up to ATTEMPTS times.

    Raises:
        InputError: It failed each time, or in a way that will not change.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(FIRST_WAIT * 2 ** (attempt - 1))
        try:
            return work()
        except TextzeroError:
            raise
        except Exception as error:  # of any library that fsspec speaks through
            last = error
            if _is_final(error):
                break
    what = str(last) or type(last).__name__
    again = f" ({attempt + 1} attempts)" if attempt else ""
    raise InputError(f"{url} cannot be read: {what}{again}") from last


def _is_final(error: Exception) -> bool:
    status = getattr(error, "status", 0)
    refused = isinstance(status, int) and 400 <= status < 500 and status not in _PASSING
    never = (FileNotFoundError, PermissionError, NotImplementedError, ImportError, ValueError)
    return refused or isinstance(error, never)


def file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system and the path in it.

    Raises:
        InputError: There is no such protocol, or its package is not installed.
    """
    import fsspec

    try:
        options: dict[str, Any] = {}
        if url.startswith(("http://", "https://")):
            import aiohttp

            # its own bound, 5 minutes for a whole file, ends large ones and waits long for others
            patience = aiohttp.ClientTimeout(sock_connect=SILENCE, sock_read=SILENCE)
            options = {"client_kwargs": {"timeout": patience}}
        return fsspec.core.url_to_fs(url, **options)
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise InputError(f"{url} cannot be read: {error}") from error
        raise InputError(f"{url} needs aiohttp: pip install 'textzero[http]'") from error
    except (ImportError, ValueError) as error:
        raise InputError(f"{url} cannot be read: {error}") from error


def size_and_version(url: str) -> tuple[int | None, str]:
    """Ask for the bytes of a file, None where nobody says, and for what tells its contents apart.

    Raises:
        InputError: The file is not there, or nobody answers.
    """
    system, path = file_system(url)
    with contextlib.suppress(NotImplementedError):
        system.invalidate_cache(path)
    facts = retried(url, lambda: system.info(path))
    version = next((str(facts[name]) for name in _VERSIONS if facts.get(name)), "")
    return facts.get("size"), version


class RemoteFile(io.RawIOBase):
    """The bytes of a file behind a URL, opened again where a connection broke.

    Args:
        url: Where it is.
        size: How many bytes it has, which must all come.
        version: What `size_and_version` said of it before; "" when nothing.

    Raises:
        InputError: It is not there, nobody answers, or it is another file than before.
    """

    def __init__(self, url: str, size: int, version: str = "") -> None:
        self._url, self._size, self._position = url, size, 0
        self._system, self._path = file_system(url)
        self._file: Any = None
        now = size_and_version(url)
        if now != (size, version):
            raise InputError(
                f"{url} has changed since this run began: {size:,} bytes ({version or 'unnamed'}) "
                f"then, {now[0] or 0:,} bytes ({now[1] or 'unnamed'}) now; run again when nobody "
                "writes it"
            )

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True; whether the server can is seen when it is tried."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte; the file is asked for it when it is read."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset != self._position:
            self._position = start + offset
            self._drop()
        return self._position

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, at least in part; 0 at the end of the file, and nowhere else."""
        block = retried(self._url, lambda: self._block(len(buffer)))
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)

    def _block(self, size: int) -> bytes:
        size = min(size, self._size - self._position)
        if size <= 0:
            return b""
        try:
            if self._file is None:
                self._file = self._system.open(self._path, "rb")
                if self._position:
                    self._file.seek(self._position)
            block = self._file.read(size)
            if not block:
                raise EOFError(f"it ended after {self._position:,} of {self._size:,} bytes")
            return block
        except Exception:
            self._drop()
            raise

    def _drop(self) -> None:
        """Close the connection; the next read opens another."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(Exception):  # it may be broken already
                file.close()

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._drop()
            super().close()
