"""Files that are either whole or absent, and the manifest that says how they were made."""

import contextlib
import hashlib
import io
import json
import math
import os
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import InputError, OutputExistsError, ResourceError

MANIFEST = "manifest.json"
_PROJECTOR = {"tensors.tsv", "metadata.tsv"}  # the one output that has no manifest
_PICKLE = re.compile(rb"\x80[\x02-\x05]|PK\x03\x04")  # a pickle; an archive, as of PyTorch
_DISK_ERRORS = {28, 122}  # ENOSPC, EDQUOT


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file beside `path`; flush it and give it that name only when the block succeeds.

    A pipe or a device, such as /dev/stdout, is written as it is.

    Raises:
        ResourceError: The disk is full or the folder cannot be written.
    """
    path = Path(path)
    if is_device(path):
        with refusals(path), open(path, "wb") as file:
            yield file
        return
    beside = _beside(path, "partial")
    with refusals(path):
        file = disk().create(beside)
    try:
        with _full_disk(path), file:  # to close it may fail once more
            yield file
            disk().flush(file)
        with refusals(path):
            disk().rename(beside, path)
            disk().flush_path(path.parent)
    finally:
        with contextlib.suppress(OSError):  # it stays, as after a kill
            disk().remove(beside)


def _beside(path: Path, kind: str) -> Path:
    """A hidden name in the same folder that no other process uses, on no other host either."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{os.getpid()}.{kind}")


def is_device(path: str | os.PathLike[str]) -> bool:
    """Whether a path is there and neither file nor folder: a pipe, a device, a socket."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def refuse_device(path: str | os.PathLike[str]) -> None:
    """Raise InputError for a device or pipe, which may have no end, and is read only once."""
    if is_device(path):
        raise InputError(f"{path} must be a file, got a pipe or a device; copy it to a file first")


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder beside `path`; flush it and give it that name on success.

    A folder that is there is replaced only when textzero wrote it.

    Raises:
        OutputExistsError: `path` is something else.
        ResourceError: The disk is full or the folder cannot be written.
    """
    path = Path(path)
    refuse_strangers(path)
    beside, old = _beside(path, "partial"), _beside(path, "old")
    with refusals(path):
        disk().make_folder(beside)
    try:
        with _full_disk(path):
            yield beside
        with refusals(path):
            for entry in (*sorted(beside.iterdir()), beside):
                disk().flush_path(entry)
            try:
                if path.is_dir():
                    disk().rename(path, old)
                disk().rename(beside, path)
            except BaseException:
                if old.is_dir() and not path.is_dir():  # what was there stays there
                    disk().rename(old, path)
                raise
            disk().flush_path(path.parent)
    finally:
        if path.is_dir():
            disk().remove_folder(old)
        disk().remove_folder(beside)


def remove_debris(path: str | os.PathLike[str]) -> None:
    """Remove what killed processes left beside `path`; only for who holds the lock on it.

    A folder that one of them had put aside, and not yet replaced, comes back.
    """
    path = Path(path)
    kind = re.compile(rf"\.{re.escape(path.name)}(\.[0-9a-f]{{8}})?\.[0-9]+\.(partial|old)")
    for entry in sorted(path.parent.iterdir()) if path.parent.is_dir() else []:
        if not kind.fullmatch(entry.name):
            continue
        if entry.is_dir() and not entry.is_symlink():
            if entry.suffix == ".old" and not os.path.lexists(path):
                disk().rename(entry, path)
            else:
                disk().remove_folder(entry)
        else:
            with contextlib.suppress(OSError):
                disk().remove(entry)


def refuse_strangers(path: str | os.PathLike[str]) -> None:
    """Raise OutputExistsError when `path` is there and is no folder that textzero wrote."""
    path = Path(path)
    if not os.path.lexists(path):
        return
    if not (path.is_dir() and _is_ours(path)):
        raise OutputExistsError(
            f"{path} holds something that textzero did not write; choose another name"
        )


def _is_ours(folder: Path) -> bool:
    """Whether a folder is empty, or what textzero writes; many programs have a manifest.json."""
    names = {entry.name for entry in folder.iterdir()}
    if MANIFEST not in names:
        return names <= _PROJECTOR
    try:
        return str(read_json(folder / MANIFEST).get("kind")).startswith("textzero ")
    except InputError:
        return False


def refuse_small_disk(folder: Path, needed: int, what: str) -> None:
    """Raise ResourceError when fewer than `needed` bytes are free where `what` is to be written."""
    free = disk().free(folder)
    if needed > free:
        raise ResourceError(
            f"{what} may take {size_text(needed)} in {folder}, where {size_text(free)} are free; "
            "free some space, or choose another folder"
        )


def size_text(size: float) -> str:
    """Write a number of bytes for people.

    >>> size_text(1_500_000_000)
    '1.5 GB'
    """
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}" if size < 10 else f"{size:.0f} {unit}"
    return f"{size / 1000:.1f} TB"


@contextmanager
def _full_disk(path: Path) -> Iterator[None]:
    """Say in one sentence that the disk is full; other errors may come from reading the input."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            message = f"{path}: the disk is full; free some space and run again"
            raise ResourceError(message) from error
        raise


@contextmanager
def refusals(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in one sentence why `path` cannot be made, whatever operation of the disk fails.

    Raises:
        ResourceError: One has; but a reader that has gone away is told as it is.
    """
    try:
        with _full_disk(Path(path)):
            yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror or error}") from error


def refuse_to_overwrite(path: str | os.PathLike[str], force: bool) -> None:
    """Raise OutputExistsError when `path` is there and `force` is not set."""
    if os.path.lexists(path) and not force and not is_device(path):
        raise OutputExistsError(f"{path} already exists; choose another name or pass --force")


def refuse_missing_folder(path: str | os.PathLike[str]) -> None:
    """Raise ResourceError when the folder of a file to write is not there."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise ResourceError(f"{path} cannot be written: there is no folder {folder}")


def refuse_pickle(path: str | os.PathLike[str], head: bytes) -> None:
    """Raise InputError when a file begins as a pickle does, or as an archive with pickles in it."""
    if _PICKLE.match(head):
        kind = "an archive, which may hold a pickle" if head[:1] == b"P" else "a Python pickle"
        raise InputError(
            f"{path} is {kind}, which could run code; convert it with the tool that wrote it"
        )


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a mapping as readable UTF-8 JSON, whole or not at all."""
    with whole_file(path) as file:
        text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
        # a file name that is no text has lone surrogates, which JSON can escape
        file.write(text.encode("utf-8", "backslashreplace") + b"\n")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: The file is absent, not JSON, or not an object.
    """
    refuse_device(path)
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must be JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object, got {type(content).__name__}")
    return content


def read_array(path: str | os.PathLike[str], shape: tuple[int, ...]) -> Array:
    """Read what `np.save` wrote of an int64 array whose shape is known.

    The file must have the one header that such an array has, and its one length: nothing is
    believed, nothing parsed, nothing allocated for a header that lies.

    Raises:
        InputError: It has not.
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<i8", "fortran_order": False, "shape": shape}
    )
    expected = np.lib.format.magic(1, 0) + header.getvalue().removeprefix(np.lib.format.magic(1, 0))
    size = len(expected) + 8 * math.prod(shape)
    refuse_device(path)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == size and file.read(len(expected)) == expected:
                return np.frombuffer(file.read(), "<i8").reshape(shape).astype(np.int64)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    raise InputError(f"{path} must hold int64 numbers of shape {shape} and no more")


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return the BLAKE2b-256 digest of a file's bytes, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=32)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def peak_memory() -> int:
    """Return the largest resident size that this process has had, in bytes (0 where unknown).

    On Linux from /proc: `getrusage` would count what the parent held when it started us.
    """
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
