"""The folder of one run: its lock, its temporary files, and the results of shards that are done.

A run that ends well leaves no such folder. One that was broken off leaves it beside the output; the
same command finds there what it need not do again. `textzero clean` removes those of dead runs.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from textzero._arguments import checked
from textzero.disk import disk
from textzero.errors import InputError, OutputExistsError, ResourceError
from textzero.files import remove_debris
from textzero.locks import Lock, holder_of
from textzero.store import Store

SUFFIX = ".textzero"  # of the folders' names; those in the system's temporary folder begin with
PREFIX = "textzero-"  # this instead
LOCK, KEY, SCRATCH = "lock", "key.json", "scratch"
REPLACES = "replaces"  # an empty file: the output was there when the run began
COMMIT_SECONDS = 10.0  # of work before the first result of a stage is put on the disk; see `Stage`


class Stage:
    """The results of one stage: files that are whole, and entries that say what they are.

    An entry is written after the files it speaks of; a file that no entry names is nobody's. The
    order of entries means nothing. What takes less than `COMMIT_SECONDS` needs no entries.

    Attributes:
        name: Of the stage.
        store: Where its files are; it can be sent to other processes, and other hosts.
    """

    def __init__(self, name: str, store: Store) -> None:
        self.name, self.store = name, store

    def commit(self, name: str, facts: Mapping[str, Any]) -> None:
        """Write the entry `name`: from now on its files count."""
        with self.store.create(f"{name}.json") as file:
            text = json.dumps(facts, ensure_ascii=True, allow_nan=False)
            file.write(f"{text}\n{digest(text)}".encode())

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return all entries by name; one that cannot be read is as if it were not there."""
        found = {}
        for name in self.store.names():
            if not name.endswith(".json") or name == KEY:
                continue
            with contextlib.suppress(InputError, ValueError):
                text, _, told = self.store.read(name).decode().partition("\n")
                facts = json.loads(text)
                if isinstance(facts, dict) and told == digest(text):  # no bit was flipped
                    found[name.removesuffix(".json")] = facts
        return found

    def withdraw(self, name: str) -> None:
        """Remove an entry; its files are nobody's from now on."""
        self.store.remove(f"{name}.json")

    def clear(self) -> None:
        """Remove the stage."""
        self.store.clear()


class Workspace:
    """The folder of one run; used in a `with` statement, in which the run holds its lock.

    Args:
        folder: Where it is.
        what: What is made, as messages name it.
        kept: Whether what is done stays when the run breaks off.
        say: Called with a sentence when something is used again, or started afresh.
        store: Where the results of stages go, when not into the folder: a path or an fsspec URL
            that all workers reach.
    """

    @checked
    def __init__(
        self,
        folder: Path,
        what: str,
        *,
        kept: bool = True,
        say: Callable[[str], None] = lambda _: None,
        store: str | os.PathLike[str] | None = None,
    ) -> None:
        self.folder, self.what, self.kept, self.say = Path(folder), what, kept, say
        self._lock = Lock(self.folder / LOCK)
        self._elsewhere = None if store is None else Store(store)
        self._stages: list[Stage] = []
        self._output: Path | None = None  # a file or folder beside which killed runs leave debris

    @classmethod
    def beside(cls, output: str | os.PathLike[str], **options: Any) -> Self:
        """The folder of the run that makes `output`, a file or a folder: .NAME.textzero."""
        path = Path(output)
        workspace = cls(path.with_name(f".{path.name}{SUFFIX}"), str(output), **options)
        workspace._output = path
        return workspace

    @classmethod
    def inside(cls, output: str | os.PathLike[str], **options: Any) -> Self:
        """The folder of the run that fills the folder `output`: OUTPUT/.textzero."""
        return cls(Path(output) / SUFFIX, str(output), **options)

    @classmethod
    def temporary(cls, parent: str | os.PathLike[str] | None = None, **options: Any) -> Self:
        """A folder of which nothing stays, in `parent` or where the system keeps such folders."""
        try:
            folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        except OSError as error:
            raise ResourceError(f"no temporary folder can be made: {error.strerror}") from error
        return cls(Path(folder), "a temporary folder", kept=False, **options)

    def __enter__(self) -> Self:
        """Make the folder, take the lock, remove the temporary files of a dead run.

        Raises:
            OutputExistsError: Another run holds the lock; the message names it.
            ResourceError: The folder cannot be made.
        """
        while not self._lock.held:
            try:
                disk().make_folder(self.folder, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # removed a moment ago, at a run's end
                    self._lock.acquire(self.what)
            except OSError as error:
                with contextlib.suppress(OSError):
                    self.folder.rmdir()
                raise ResourceError(f"{self.folder} cannot be written: {error.strerror}") from error
        disk().remove_folder(self.folder / SCRATCH)
        if self._output is not None:
            remove_debris(self._output)
            if os.path.lexists(self._output):
                with disk().create(self.folder / REPLACES):
                    pass
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder, or, when the run broke off, what cannot be used again."""
        if error is not None and self.kept and self._is_worth_keeping():
            disk().remove_folder(self.folder / SCRATCH)
            self._lock.release()
            error.add_note(
                f"what is done is kept in {self.folder}: the same command goes on with it, "
                "`textzero clean` removes it"
            )
            return
        if self._elsewhere is not None:
            for stage in self._stages:
                with contextlib.suppress(ResourceError, InputError):
                    stage.clear()
        for entry in _entries(self.folder):
            if entry.name != LOCK:
                _removed(entry)
        with contextlib.suppress(OSError):
            self._lock.release()
            self.folder.rmdir()

    def _is_worth_keeping(self) -> bool:
        """Whether a stage has results: of this run, or of one before that it did not come to."""
        folders = [entry for entry in _entries(self.folder) if entry.name != SCRATCH]
        here = [Stage(entry.name, Store(entry)) for entry in folders if entry.is_dir()]
        with contextlib.suppress(ResourceError, InputError):
            return any(stage.entries() for stage in [*here, *self._stages])
        return True

    def stage(self, name: str, key: Mapping[str, Any]) -> Stage:
        """Open a stage; its older results are there if they were made under the same key.

        Args:
            name: Of the stage.
            key: What decides its results, as JSON: inputs and parameters, a value for each name.
        """
        wanted = json.loads(json.dumps(key))
        above, family = Store(self.folder), name
        if self._elsewhere is not None:  # where runs for other outputs may have theirs
            above, family = self._elsewhere, f"{name}-{digest(str(self.folder.absolute()))[:8]}"
        # what a worker of a dead run still writes under another key is in another folder
        store = above.child(f"{family}-{digest(wanted)[:8]}")
        stage = Stage(name, store)
        for other in above.folders():
            if re.fullmatch(rf"{re.escape(family)}-[0-9a-f]{{8}}", other):
                self._clear_other(name, above.child(other), wanted)
        if KEY not in store.names():
            with store.create(KEY) as file:
                file.write(json.dumps(wanted).encode())
        self._stages.append(stage)
        return stage

    def _clear_other(self, name: str, store: Store, wanted: dict[str, Any]) -> None:
        """Clear a stage that was made under another key, and say what is other."""
        found = None
        with contextlib.suppress(InputError, ValueError):
            found = json.loads(store.read(KEY))
        if found == wanted:
            return
        if isinstance(found, dict):
            names = found.keys() | wanted.keys()
            other = sorted(n for n in names if found.get(n) != wanted.get(n))
            self.say(f"{name} starts afresh: other {', '.join(other[:4])} than before")
        store.clear()

    def scratch(self, name: str) -> Path:
        """Return a new empty folder for files that only this run reads."""
        folder = self.folder / SCRATCH / name
        disk().remove_folder(folder)
        disk().make_folder(folder)
        return folder


def digest(value: Any) -> str:
    """Return the BLAKE2b-128 digest of anything that JSON can hold, in hexadecimal."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def left_behind(folder: Path) -> Iterator[Path]:
    """Yield folders of runs in `folder`, hidden ones and temporary ones; dead or not."""
    for entry in _entries(folder):
        if entry.name.endswith(SUFFIX) or entry.name.startswith(PREFIX):
            if entry.is_dir() and not entry.is_symlink() and _is_of_a_run(entry):
                yield entry


def tidy_after(output: str | os.PathLike[str]) -> None:
    """Remove the folder of a run that was killed after it had made `output`, and before its end.

    Not that of a run which was to replace an older output: it has something to go on from.
    """
    workspace = Workspace.beside(output, kept=False)
    if workspace.folder.is_dir() and not (workspace.folder / REPLACES).exists():
        with contextlib.suppress(OutputExistsError, ResourceError), workspace:
            pass


def _is_of_a_run(folder: Path) -> bool:
    """Whether a folder holds what a workspace holds, and nothing else."""
    parts = re.compile(rf"{SCRATCH}|{REPLACES}|{LOCK}(\.[0-9a-f]{{32}}\.[0-9]+\.partial)?")
    for entry in _entries(folder):
        if parts.fullmatch(entry.name) or (entry / KEY).is_file():
            continue
        begun = {other.name[0] for other in _entries(entry)} if entry.is_dir() else {""}
        if begun - {"."}:  # a stage begins with its key, written beside
            return False
    return folder.name.endswith(SUFFIX) or (folder / LOCK).exists()


def is_dead(folder: Path) -> bool:
    """Whether nobody works in the folder of a run, as far as can be known."""
    if not (folder / LOCK).exists():
        return True
    holder = holder_of(folder / LOCK)
    return holder is not None and holder.is_dead()


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _removed(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        disk().remove_folder(entry)
    else:
        with contextlib.suppress(OSError):
            disk().remove(entry)
