"""Where text lies: the files behind paths, folders, globs and URLs, and what kind each one is.

Opens bytes and nothing else: decoding and documents are the business of `streams.py` and
`records.py`.
"""

import bz2
import contextlib
import fnmatch
import glob
import gzip
import hashlib
import io
import lzma
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from textzero.errors import InputError

_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_BZ2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")  # a block, the end of an empty stream
_PARQUET = b"PAR1"
_END = 1 << 16  # bytes of a file's beginning, and of its end, that tell it from another
_RECORD_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_COMPRESSION_SUFFIXES = {".gz", ".bz2", ".xz", ".lzma", ".zst", ".zstd"}


@dataclass(frozen=True)
class Source:
    """One file of a corpus.

    Attributes:
        path: As the user would write it; `-` for a spooled standard input.
        size: Bytes as stored.
        compression: "", "gzip", "bz2", "xz" or "zstd", by magic bytes.
        format: "text", "jsonl", "csv", "tsv" or "parquet", by magic bytes, then by suffix.
        location: Where the bytes are, when not at `path`.
    """

    path: str
    size: int
    compression: str
    format: str
    location: str = ""

    def __str__(self) -> str:
        return self.path


def is_url(path: str) -> bool:
    """Whether fsspec, not the operating system, opens `path`."""
    return "://" in path


def open_bytes(source: Source) -> BinaryIO:
    """Open the stored bytes, unbuffered where the file is local."""
    location = source.location or source.path
    try:
        if is_url(location):
            import fsspec

            return fsspec.open(location, "rb").open()
        return open(location, "rb", buffering=0)
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror or error}") from error


def fingerprint(source: Source) -> list[Any]:
    """Return [path, size, time of change (or what a server says instead), digest of the ends]."""
    location = source.location or source.path
    changed: Any = 0
    if is_url(location):
        import fsspec

        with contextlib.suppress(OSError, NotImplementedError):
            system, path = fsspec.core.url_to_fs(location)
            facts = system.info(path)
            names = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "updated", "last_modified")
            changed = next((str(facts[name]) for name in names if facts.get(name)), 0)
    elif not source.location:  # a spooled pipe has always just been written
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
    if not source.compression:
        return stored
    stream = decompressor(stored, source.compression)
    close = stream.close

    def close_both() -> None:
        close()
        stored.close()

    stream.close = close_both
    return stream


@contextmanager
def text_and_stored_bytes(source: Source) -> Iterator[tuple[Any, BinaryIO]]:
    """Open both the bytes behind the compression and the stored bytes below them."""
    with open_bytes(source) as stored:
        if not source.compression:
            yield stored, stored
            return
        with decompressor(stored, source.compression) as stream:
            yield stream, stored


def decompressor(stored: Any, compression: str) -> Any:
    """Wrap a compressed stream; several streams end to end read as one."""
    if compression == "gzip":
        return gzip.GzipFile(fileobj=io.BufferedReader(stored, 1 << 18), mode="rb")
    if compression == "bz2":
        return bz2.BZ2File(stored)
    if compression == "xz":
        return lzma.LZMAFile(stored)
    return zstd_module().ZstdFile(stored, "rb")


def zstd_module() -> Any:
    """Return the standard library's zstd module, or its backport."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def decompression_errors() -> tuple[type[Exception], ...]:
    """Return what the four readers raise on cut or flipped bytes."""
    import zlib

    return (EOFError, OSError, zlib.error, lzma.LZMAError, zstd_module().ZstdError, ValueError)


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
        include: Patterns; a file in a folder must match one of them, on its name or its path.
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
                kind = "pattern" if glob.has_magic(path) else "file or folder"
                raise InputError(f"no such {kind}: {path}")
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
    names = (os.path.basename(file), os.path.relpath(file, root).replace(os.sep, "/"))

    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatchcase(name, p) for name in names for p in patterns)

    return (not include or matches(include)) and not matches(exclude)


def _walk(root: str, listing: Listing, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield the files below `root`, sorted; hidden names skipped, each real folder once."""
    try:
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        names = sorted(os.listdir(root))
    except OSError as error:
        listing.skipped.append(f"{root}: {error.strerror}")
        return
    for name in names:
        if name.startswith("."):
            continue
        path = os.path.join(root, name)
        if os.path.isdir(path):
            yield from _walk(path, listing, seen)
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
            listing.sources.append(describe(path, status.st_size, file.read(64), format))
    except OSError as error:
        if named:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        listing.skipped.append(f"{path}: {error.strerror}")


def _add_url(
    url: str, include: Sequence[str], exclude: Sequence[str], format: str, listing: Listing
) -> None:
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url)
        if glob.has_magic(path):
            names = sorted(system.glob(path))
        elif system.info(path)["type"] == "directory":
            found = sorted(system.find(path))
            names = [
                f for f in found if _wanted(f, path, include, exclude) and not _hidden(f, path)
            ]
        else:
            names = [path]
        for name in names:
            address = url if name == path else system.unstrip_protocol(name)
            size = system.size(name)
            with system.open(name, "rb") as file:
                if size is None:  # a server that does not say
                    listing.sources.append(_spool(file, address, format))
                else:
                    listing.sources.append(describe(address, size, file.read(64), format))
    except (OSError, ImportError, ValueError) as error:
        raise InputError(f"{url} cannot be read: {error}") from error


def _hidden(file: str, root: str) -> bool:
    return any(part.startswith(".") for part in Path(os.path.relpath(file, root)).parts)


def describe(path: str, size: int, head: bytes, format: str, location: str = "") -> Source:
    """Say what a file is from its first bytes and its name."""
    compression = next((name for magic, name in _MAGIC if head.startswith(magic)), "")
    if head[:3] == b"BZh" and head[4:10] and any(b.startswith(head[4:10]) for b in _BZ2_BLOCKS):
        compression = "bz2"
    if format == "auto":
        stem, suffix = os.path.splitext(path.lower())
        if suffix in _COMPRESSION_SUFFIXES:
            suffix = os.path.splitext(stem)[1]
        kind = "parquet" if head.startswith(_PARQUET) else _RECORD_SUFFIXES.get(suffix, "text")
    else:
        kind = format
    if kind == "parquet" and compression:
        raise InputError(f"{path}: a Parquet file must not be compressed as a whole")
    return Source(path, size, compression, kind, location)


def _spool_stdin(format: str) -> Source:
    return _spool(sys.stdin.buffer, "-", format)


def _spool(stream: Any, name: str, format: str) -> Source:
    """Copy a stream to a temporary file that goes with this process: later passes need it."""
    file = tempfile.NamedTemporaryFile(prefix="textzero-", suffix=".stdin")
    _SPOOLED.append(file)
    size = 0
    while block := stream.read(1 << 20):
        size += file.write(block)
    file.flush()
    with open(file.name, "rb") as copy:
        return describe(name, size, copy.read(64), format, location=file.name)


_SPOOLED: list[Any] = []  # open temporary files, deleted when the interpreter ends
