"""Output: the folder that `embed` writes, one run at a time, and clean after runs that were killed.

A run holds a lock on the folder itself, which the system lets go when the process ends, however it
ends. Who has the lock may remove what other runs left: names that begin with a dot, and carry the
mark of files being written. Where folders cannot be locked, nothing is removed.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from textzero.disk import disk
from textzero.errors import OutputExistsError
from textzero.files import MANIFEST, read_json
from textzero.vectors.word_vectors import LEXICON, TENSORS, VOCABULARY, WordVectors

COUNTS, COUNTED, PAIRS, DISCOVERED = "counts.tsv", "counts.json", "cooccurrence", "lexicon.json"
CHECKPOINT = "checkpoint"
_KNOWN = {
    *(COUNTS, COUNTED, PAIRS, DISCOVERED, CHECKPOINT),
    *(LEXICON, TENSORS, VOCABULARY, MANIFEST),
}
_DEBRIS = re.compile(r"\.textzero-.+|\.(.+\.)?[0-9]+\.(partial|old)")


class Output:
    """The folder of one run; used in a `with` statement, which ends with the lock given up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def claim(self) -> None:
        """Make the folder, lock it, and remove what killed runs left; nothing when it was done.

        Raises:
            OutputExistsError: Another run is writing into the folder.
        """
        if self._lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = _locked(self.folder)
        except BlockingIOError as error:
            raise OutputExistsError(
                f"another run is writing into {self.folder}; wait for it, or choose another folder"
            ) from error
        if self._lock is not None:
            for folder in (self.folder, self.folder / CHECKPOINT):
                _sweep_out(folder)

    def tidy(self) -> None:
        """Remove what killed runs left, unless another run is at work or nothing may be written."""
        if self.folder.is_dir():
            with contextlib.suppress(OutputExistsError, OSError):
                self.claim()

    def look_at(self, key: str, force: bool) -> WordVectors | None:
        """Return the vectors in the folder if they are what would be made.

        Raises:
            OutputExistsError: There are others, and `force` is not set; or other files.
        """
        folder = self.folder
        if not folder.exists():
            return None
        if not folder.is_dir():
            raise OutputExistsError(f"{folder} is a file; choose another name")
        strangers = [e.name for e in folder.iterdir() if e.name not in _KNOWN and e.name[0] != "."]
        if strangers:
            raise OutputExistsError(
                f"{folder} holds other files ({sorted(strangers)[0]}); choose a new folder"
            )
        if force or not (folder / MANIFEST).exists():
            return None
        keys = read_json(folder / MANIFEST).get("keys")
        if isinstance(keys, dict) and keys.get("vectors") == key:
            return WordVectors.load(folder)
        raise OutputExistsError(
            f"{folder} holds vectors of other texts or settings; "
            "choose another folder, or pass --force to replace them"
        )

    def write(self, vectors: WordVectors) -> None:
        """Put the three files in place; the manifest, last, says that they belong together.

        The checkpoint that led to them goes just before the manifest comes.
        """
        folder, number = self.folder, os.getpid()
        beside, old = folder / f".{number}.partial", folder / f".{CHECKPOINT}.{number}.old"
        for left in (beside, old):  # by a killed process that had this one's number
            shutil.rmtree(left, ignore_errors=True)
        try:
            beside.mkdir()
            vectors.write_into(beside)
            disk().flush_path(beside / TENSORS)
            (folder / MANIFEST).unlink(missing_ok=True)
            for name in (TENSORS, VOCABULARY):
                os.replace(beside / name, folder / name)
            if (folder / CHECKPOINT).exists():
                os.replace(folder / CHECKPOINT, old)
            os.replace(beside / MANIFEST, folder / MANIFEST)
            disk().flush_path(folder)
        finally:
            for left in (beside, old):
                shutil.rmtree(left, ignore_errors=True)


def _locked(folder: Path) -> int | None:
    """Return a descriptor that holds the lock; None where there are no such locks.

    Raises:
        BlockingIOError: Another process, or another thread, holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def _sweep_out(folder: Path) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if not _DEBRIS.fullmatch(entry.name):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                entry.unlink()
