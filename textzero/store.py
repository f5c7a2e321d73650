"""A store: a folder of whole files, on this machine or behind fsspec, that several hosts may share.

A file is there under its name when all of it is there, and not before; writing a name again with
the same content is harmless. Names have no slashes.
"""

import contextlib
import multiprocessing
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from textzero.disk import disk
from textzero.errors import InputError, ResourceError
from textzero.files import whole_file

# where an object is seen only when it is whole, and renaming means copying
_WHOLE_BY_NATURE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"}


class Store:
    """A folder by its address; it can be sent to other processes.

    What was sent writes only while the folder is there that was there then: a worker that comes
    late, when the run that sent it is over, leaves nothing.

    Args:
        address: A path, or an fsspec URL such as s3://bucket/folder.
    """

    def __init__(self, address: str | os.PathLike[str]) -> None:
        if not os.fspath(address):
            raise ValueError("the address of a store must not be empty")
        self.address = os.fspath(address).rstrip("/") or "/"
        self.local = None if "://" in self.address else Path(self.address)
        self._needs: Path | None = None  # where it was sent: the folder that must be there

    def __reduce__(self) -> tuple[Any, ...]:
        if self.local is None:
            return _sent, (self.address, None)
        here = self.local.absolute()  # a worker may stand in another folder
        needs = self._needs or next((f for f in (here, here.parent) if f.is_dir()), None)
        return _sent, (str(here), needs)

    def __repr__(self) -> str:
        return f"Store({self.address!r})"

    def child(self, name: str) -> "Store":
        """The store below this one."""
        child = Store(self._of(name))
        child._needs = self._needs
        return child

    def _of(self, name: str) -> str:
        return str(self.local / name) if self.local is not None else f"{self.address}/{name}"

    def _system(self) -> tuple[Any, str]:
        import fsspec

        try:
            return fsspec.core.url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise ResourceError(f"{self.address} cannot be opened: {error}") from error

    def names(self) -> list[str]:
        """Names of the whole files, sorted; none when the folder is not there."""
        return self._list("file")

    def folders(self) -> list[str]:
        """Names of the stores below this one, sorted."""
        return self._list("directory")

    def _list(self, kind: str) -> list[str]:
        if self.local is not None:
            if not self.local.is_dir():
                return []
            files = kind == "file"
            found = [e.name for e in os.scandir(self.local) if (e.is_file if files else e.is_dir)()]
        else:
            system, folder = self._system()
            with _sentence(self.address, "read"):
                system.invalidate_cache()
                try:
                    entries = system.ls(folder, detail=True)
                except FileNotFoundError:
                    return []
                paths = [entry["name"] for entry in entries if entry["type"] == kind]
                found = [path.rstrip("/").rsplit("/", 1)[-1] for path in paths]
        return sorted(name for name in found if name and name[0] != ".")

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Write a file that is there only when the block succeeds.

        Raises:
            ResourceError: It cannot be written.
        """
        if self.local is not None:
            if self._needs is not None and not self._needs.is_dir():
                raise ResourceError(
                    f"{self.local} is not on this host, or no more: all workers must reach the "
                    "folder of the results (--store), while the run goes on"
                )
            disk().make_folder(self.local, exist_ok=True)
            with whole_file(self.local / name) as file:
                yield file
            return
        with tempfile.TemporaryDirectory(prefix="textzero-") as folder:
            here = Path(folder, "part")
            with open(here, "wb") as file:
                yield file
            self._send(str(here), name)

    def _send(self, here: str, name: str) -> None:
        """Bring a temporary file behind fsspec."""
        system, folder = self._system()
        protocol = system.protocol if isinstance(system.protocol, str) else system.protocol[0]
        at_once = protocol in _WHOLE_BY_NATURE
        goal = f"{folder}/{name}"
        beside = goal if at_once else f"{folder}/.{name}.{uuid.uuid4().hex}.partial"
        with _sentence(f"{self.address}/{name}", "written"):
            system.makedirs(folder, exist_ok=True)
            try:
                # not `open` and `write`: an object that is closed in an error is there, cut short
                system.put_file(here, beside)
                if not at_once:
                    system.mv(beside, goal)
            except BaseException:
                if not at_once:
                    with contextlib.suppress(OSError):
                        system.rm_file(beside)
                raise

    def open(self, name: str) -> BinaryIO:
        """Open a file to read and seek in.

        Raises:
            InputError: It is not there or cannot be read.
        """
        with _sentence(self._of(name), "read"):
            if self.local is not None:
                return disk().open(self.local / name)
            system, folder = self._system()
            return system.open(f"{folder}/{name}", "rb")

    def read(self, name: str) -> bytes:
        """Return all of a file."""
        with self.open(name) as file, _sentence(self._of(name), "read"):
            return file.read()

    def size(self, name: str) -> int:
        """Bytes of a file."""
        with _sentence(self._of(name), "read"):
            if self.local is not None:
                return (self.local / name).stat().st_size
            system, folder = self._system()
            return int(system.size(f"{folder}/{name}"))

    def remove(self, *names: str) -> None:
        """Remove files; those that are not there are no error."""
        for name in names:
            if self.local is not None:
                disk().remove(self.local / name)
                continue
            system, folder = self._system()
            with contextlib.suppress(FileNotFoundError), _sentence(self._of(name), "written"):
                system.rm_file(f"{folder}/{name}")

    def clear(self) -> None:
        """Remove the folder with all that is in it."""
        if self.local is not None:
            disk().remove_folder(self.local)
            return
        system, folder = self._system()
        with contextlib.suppress(FileNotFoundError), _sentence(self.address, "written"):
            system.rm(folder, recursive=True)


def _sent(address: str, needs: Path | None) -> Store:
    if address.startswith("memory:") and multiprocessing.parent_process() is not None:
        raise ResourceError(
            f"{address} is in the memory of one process; name a folder or URL that all workers "
            "reach (--store)"
        )
    store = Store(address)
    store._needs = needs
    return store


@contextmanager
def _sentence(where: str, what: str) -> Iterator[None]:
    """Say in one sentence what cannot be read or written; what is not there is told as it is."""
    try:
        yield
    except FileNotFoundError as error:
        if what == "written":
            raise
        raise InputError(f"{where} is not there") from error
    except OSError as error:
        kind = InputError if what == "read" else ResourceError
        raise kind(f"{where} cannot be {what}: {error.strerror or error}") from error
