"""Where text lies: the files behind paths, folders, globs and URLs, and what kind each one is.

Opens bytes and nothing else: decoding and documents are the business of `decoding.py`,
`streams.py` and `records.py`.
"""

import atexit
import contextlib
import fnmatch
import glob
import hashlib
import os
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from textzero.corpus.compression import MAX_EXPANSION, Decompressed, compression_of
from textzero.corpus.compression import decompression_errors as decompression_errors
from textzero.corpus.compression import zstd_module as zstd_module
from textzero.corpus.foreign import COMPRESSION_SUFFIXES, no_text
from textzero.corpus.remote import RemoteFile, file_system, is_url, retried, size_and_version
from textzero.disk import disk
from textzero.errors import InputError, ResourceError
from textzero.near import near_path
from textzero.workspace import Workspace

_PARQUET = b"PAR1"
_END = 1 << 16  # bytes of a file's beginning, and of its end, that tell it from another
_RECORD_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_ELSEWHERE = (
    "is a pipe, whose copy only the host that read it has, while that process is there; "
    "write it to a file that all workers reach"
)


@dataclass(frozen=True)
class Source:
    """One file of a corpus.

    Attributes:
        path: As the user would write it; `-` for a spooled standard input.
        size: Bytes as stored.
        compression: "", "gzip", "bz2", "xz" or "zstd", by magic bytes.
        format: "text", "jsonl", "csv", "tsv" or "parquet", by magic bytes, then by suffix.
        location: Where the bytes are, when not at `path`.
        version: What the server of a URL says that tells its contents from others.
        max_expansion: How many times it may grow when it is decompressed.
        spooled: Device and inode of the copy of a pipe, which no other host has.
    """

    path: str
    size: int
    compression: str
    format: str
    location: str = ""
    version: str = ""
    max_expansion: int = MAX_EXPANSION
    spooled: tuple[int, int] | None = None

    def __str__(self) -> str:
        return self.path


def open_bytes(source: Source) -> BinaryIO:
    """Open the stored bytes, unbuffered.

    Raises:
        InputError: The file cannot be read; or, behind a URL, has changed since it was listed; or
            it is the copy of a pipe, and this is another host.
    """
    location = source.location or source.path
    if is_url(location):
        return cast(BinaryIO, RemoteFile(location, source.size, source.version))
    try:
        file = cast(BinaryIO, open(location, "rb", buffering=0))
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
        raise InputError(f"{source} {_ELSEWHERE if source.spooled else why}") from error
    if source.spooled and _identity(file) != source.spooled:
        file.close()
        raise InputError(f"{source} {_ELSEWHERE}")
    return file


def _identity(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino


def fingerprint(source: Source) -> list[Any]:
    """Return [path, size, time of change (or what a server says instead), digest of the ends]."""
    location = source.location or source.path
    changed: Any = source.version
    if not source.location and not is_url(location):  # a spooled pipe has always just been written
        changed = os.stat(location).st_mtime_ns
    digest = hashlib.blake2b(digest_size=16)
    with open_bytes(source) as file:
        digest.update(file.read(_END))
        if source.size > _END:
            file.seek(max(_END, source.size - _END))
            digest.update(file.read(_END))
    return [source.path, source.size, changed, digest.hexdigest()]


def open_text_bytes(source: Source) -> BinaryIO:
    """Open the bytes behind the compression, as a stream from the first to the last."""
    stored = open_bytes(source)
    return cast(BinaryIO, _decompressed(source, stored)) if source.compression else stored


def _decompressed(source: Source, stored: BinaryIO) -> Decompressed:
    return Decompressed(stored, source.compression, source.path, source.max_expansion)


@contextmanager
def text_and_stored_bytes(source: Source) -> Iterator[tuple[Any, BinaryIO]]:
    """Open both the bytes behind the compression and the stored bytes below them."""
    with open_bytes(source) as stored:
        if not source.compression:
            yield stored, stored
            return
        with _decompressed(source, stored) as stream:
            yield stream, stored


@dataclass
class Listing:
    """What was found behind the paths, and what was passed over and why."""

    sources: list[Source]
    skipped: list[str]


def find_sources(
    paths: Sequence[str], include: Sequence[str], exclude: Sequence[str], format: str
) -> Listing:
    """List the files behind `paths` in a fixed order: as given, folders sorted by name.

    Args:
        paths: Files, folders, globs, fsspec URLs or `-`.
        include: Patterns; a file in a folder must match one of them: on its name, its path below
            the folder, or a folder on the way, such as `tests`.
        exclude: Patterns; a file in a folder must match none of them.
        format: What the files are, or "auto".

    Raises:
        InputError: A path is not there, or no file is left.
    """
    listing = Listing([], [])
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if path == "-":
            listing.sources.append(_spool_stdin(format))
        elif is_url(path):
            _add_url(path, include, exclude, format, listing)
        elif os.path.isdir(path):
            for file in _walk(path, listing, seen):
                if _wanted(file, path, include, exclude):
                    _add_file(file, format, listing)
        elif os.path.exists(path):
            _add_file(path, format, listing, named=True)
        else:
            matches = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
            if not matches:
                if glob.has_magic(path):
                    raise InputError(f"no file matches the pattern {path}")
                near = near_path(path)
                hint = f"; did you mean {near}?" if near is not None else ""
                raise InputError(f"no such file or folder: {path}{hint}")
            inner = find_sources([m for m in matches if m != "-"], include, exclude, format)
            # `**` matches a folder and the files in it: each file once
            listing.sources += {source.path: source for source in inner.sources}.values()
            listing.skipped += inner.skipped
    if not listing.sources:
        where = ", ".join(paths) or "an empty list"
        extra = f" matching {', '.join(include)}" if include else ""
        skipped = (
            f" ({len(listing.skipped)} skipped: {listing.skipped[0]})" if listing.skipped else ""
        )
        raise InputError(f"no files{extra} in {where}{skipped}")
    return listing


def _wanted(file: str, root: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    parts = os.path.relpath(file, root).replace(os.sep, "/").split("/")
    paths = ["/".join(parts[: n + 1]) for n in range(len(parts))]  # each folder, and the file
    names = {*parts, *paths}

    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatchcase(name, p.rstrip("/")) for name in names for p in patterns)

    return (not include or matches(include)) and not matches(exclude)


def _walk(root: str, listing: Listing, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield the files below `root`, sorted; hidden names skipped.

    Each real folder is visited once, and each real file, however many links lead to it.
    """
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            status = os.stat(path)
            is_folder = stat.S_ISDIR(status.st_mode)
            if is_folder or stat.S_ISREG(status.st_mode):
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            names = sorted(os.listdir(path), reverse=True) if is_folder else []
        except OSError as error:
            listing.skipped.append(f"{path}: {error.strerror}")
            continue
        if is_folder:
            waiting += [os.path.join(path, name) for name in names if not name.startswith(".")]
        else:
            yield path


def _add_file(path: str, format: str, listing: Listing, named: bool = False) -> None:
    """Append one local file, or say why not; a file the user named must be readable."""
    try:
        status = os.stat(path)
        if stat.S_ISFIFO(status.st_mode) and named:  # <(zcat a b): read once, like stdin
            with open(path, "rb") as pipe:
                listing.sources.append(_spool(pipe, path, format))
            return
        if not stat.S_ISREG(status.st_mode):
            listing.skipped.append(f"{path}: not a regular file")
            return
        with open(path, "rb", buffering=0) as file:
            head = file.read(512)
            if head and not status.st_size:  # as of /proc, where sizes are not told
                file.seek(0)
                listing.sources.append(_spool(file, path, format))
                return
        if what := no_text(path, head):
            why = f"{path}: {what}"
            if named:
                raise InputError(why)
            listing.skipped.append(why)
            return
        listing.sources.append(describe(path, status.st_size, head, format))
    except OSError as error:
        if named:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        listing.skipped.append(f"{path}: {error.strerror}")


def _add_url(
    url: str, include: Sequence[str], exclude: Sequence[str], format: str, listing: Listing
) -> None:
    system, path = file_system(url)

    def find() -> list[str]:
        if glob.has_magic(path):
            return sorted(system.glob(path))
        if system.info(path)["type"] != "directory":
            return [path]
        found = sorted(system.find(path))
        return [f for f in found if _wanted(f, path, include, exclude) and not _hidden(f, path)]

    for name in retried(url, find):
        address = url if name == path else system.unstrip_protocol(name)
        size, version = size_and_version(address)
        if size is None or not _can_seek(address, size):
            listing.sources.append(_spool_url(address, size, format))
            continue
        with RemoteFile(address, size, version) as file:
            source = describe(address, size, file.read(64), format)
        listing.sources.append(replace(source, version=version))


def _can_seek(url: str, size: int) -> bool:
    """Whether a server sends parts of a file; else it comes as a stream."""
    if size < 2:
        return True
    system, path = file_system(url)

    def last_byte() -> bool:
        with system.open(path, "rb") as file:
            try:
                file.seek(size - 1)
                return len(file.read(2)) == 1
            except ValueError:  # also of io
                return False

    return retried(url, last_byte)


def _hidden(file: str, root: str) -> bool:
    return any(part.startswith(".") for part in Path(os.path.relpath(file, root)).parts)


def describe(path: str, size: int, head: bytes, format: str, location: str = "") -> Source:
    """Say what a file is from its first bytes and its name."""
    compression = compression_of(head)
    if format == "auto":
        stem, suffix = os.path.splitext(path.lower())
        if suffix in COMPRESSION_SUFFIXES:
            suffix = os.path.splitext(stem)[1]
        kind = "parquet" if head.startswith(_PARQUET) else _RECORD_SUFFIXES.get(suffix, "text")
    else:
        kind = format
    if kind == "parquet" and compression:
        raise InputError(f"{path}: a Parquet file must not be compressed as a whole")
    return Source(path, size, compression, kind, location)


def _spool_stdin(format: str) -> Source:
    return _spool(sys.stdin.buffer, "-", format)


def _spool_url(url: str, size: int | None, format: str) -> Source:
    """Copy a file that a server sends only from its beginning; all of it, or it is an error."""
    system, path = file_system(url)

    def copy() -> Source:
        with system.open(path, "rb") as stream:
            source = _spool(stream, url, format)
        if size is not None and source.size != size:
            raise EOFError(f"it ended after {source.size:,} of {size:,} bytes")
        return source

    return retried(url, copy)


def _spool(stream: Any, name: str, format: str) -> Source:
    """Copy a stream to a temporary file that goes with this process: later passes need it.

    Where /proc is, the file has no name: it goes however the process ends, and other processes of
    this host open it through ours. Elsewhere it lies in a folder that `textzero clean` knows.
    """
    with _refusals(name):
        file, location = _nameless_file()
    size = 0
    try:
        while block := stream.read(1 << 20):
            with _refusals(name):
                size += file.write(block)
        with _refusals(name):
            file.flush()
    except BaseException:
        with contextlib.suppress(OSError):  # what is left to write has no room
            file.close()
        raise
    _SPOOLED.append(file)
    with open(location, "rb") as copy:
        source = describe(name, size, copy.read(64), format, location=location)
        return replace(source, spooled=_identity(copy))


def _nameless_file() -> tuple[BinaryIO, str]:
    """A new temporary file, and how to open it again."""
    folder = Path(tempfile.gettempdir())
    if not os.path.exists("/proc/self/fd"):
        workspace = Workspace.temporary().__enter__()
        atexit.register(workspace.__exit__, None, None, None)
        folder = workspace.folder
    path = folder / f"textzero-{uuid.uuid4().hex}"
    file = disk().create(path, "xb")
    if not os.path.exists("/proc/self/fd"):
        return file, str(path)
    disk().remove(path)
    return file, f"/proc/{os.getpid()}/fd/{file.fileno()}"


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(
            f"{name} cannot be kept in {tempfile.gettempdir()} for a second reading: "
            f"{error.strerror or error}; set TMPDIR to a folder with room"
        ) from error


_SPOOLED: list[BinaryIO] = []  # open temporary files, closed when the interpreter ends
