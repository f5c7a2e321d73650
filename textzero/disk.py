"""What textzero asks of the operating system when it writes; tests put a failing disk in its place.

Whatever writes a file of ours goes through `disk()`: files, folders, names, flushes. Reading what
users give us does not.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


class Disk:
    """The operating system, one method a kind of operation."""

    def create(self, path: Path, mode: str = "wb") -> Any:
        """Open a file to write ("wb": emptied first; "xb": it must not be there)."""
        return open(path, mode)

    def open(self, path: Path) -> BinaryIO:
        """Open a file of ours to read."""
        return open(path, "rb")

    def flush(self, file: Any) -> None:
        """Bring what was written to an open file to the disk."""
        file.flush()
        os.fsync(file.fileno())

    def flush_path(self, path: Path) -> None:
        """Bring a closed file, or the names in a folder, to the disk."""
        if os.name != "posix":
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or a folder another name; a file that has it goes."""
        os.replace(old, new)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name, which must not be taken."""
        os.link(old, new)

    def make_folder(self, path: Path, *, exist_ok: bool = False) -> None:
        """Make a folder, and those above it."""
        path.mkdir(parents=True, exist_ok=exist_ok)

    def reserve(self, file: Any, size: int) -> None:
        """Make a file `size` bytes long, so that a full disk is an error now, not a crash later."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it; what cannot be removed stays."""
        shutil.rmtree(path, ignore_errors=True)

    def free(self, path: Path) -> int:
        """Bytes that may still be written below `path`."""
        return shutil.disk_usage(path).free


_current = Disk()


def disk() -> Disk:
    """The disk in use."""
    return _current


@contextmanager
def replaced_disk(other: Disk) -> Iterator[None]:
    """Use another disk in this process for a while."""
    global _current
    before, _current = _current, other
    try:
        yield
    finally:
        _current = before
