"""Output: the folder that `embed` writes, one run at a time, and clean after runs that were killed.

A run holds the lock of a workspace inside the folder. Who has it may remove what other runs left:
names that begin with a dot, and carry the mark of files being written.
"""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from textzero.disk import disk
from textzero.errors import OutputExistsError, ResourceError
from textzero.files import MANIFEST, read_json, remove_debris
from textzero.lexicon import Lexicon
from textzero.vectors.word_vectors import LEXICON, TENSORS, VOCABULARY, WordVectors
from textzero.workspace import LOCK, Workspace

COUNTS, COUNTED, PAIRS, DISCOVERED = "counts.tsv", "counts.json", "cooccurrence", "lexicon.json"
CHECKPOINT = "checkpoint"
_KNOWN = {
    *(COUNTS, COUNTED, PAIRS, DISCOVERED, CHECKPOINT),
    *(LEXICON, TENSORS, VOCABULARY, MANIFEST),
}
_PUT_ASIDE = f".{CHECKPOINT}.0.old"  # while the vectors that it led to are put in place
_DEBRIS = re.compile(r"\.textzero-.+|\.(.+\.)?[0-9]+\.(partial|old)")


class Output:
    """The folder of one run; used in a `with` statement, which ends with the lock given up."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._workspace = Workspace.inside(folder, say=say)
        self._is_claimed = self._was_made = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_claimed:
            self._workspace.__exit__(kind, error, trace)
        if self._was_made and error is not None:
            with contextlib.suppress(OSError):  # there is something in it
                self.folder.rmdir()

    def claim(self, fresh: bool = False) -> Workspace:
        """Make the folder, lock it, and remove what killed runs left; nothing when it was done.

        Args:
            fresh: Also remove what a run that was broken off has done.

        Returns:
            Where temporary files are, and what is done of the stages.

        Raises:
            OutputExistsError: Another run is writing into the folder; the message names it.
        """
        if not self._is_claimed:
            self._was_made = not self.folder.exists()
            self._workspace.__enter__()
            self._is_claimed = True
            self._sweep_out()
            if fresh:
                disk().remove_folder(self.folder / CHECKPOINT)
                for entry in self._workspace.folder.iterdir():
                    if entry.name != LOCK:
                        disk().remove_folder(entry)
        return self._workspace

    def _sweep_out(self) -> None:
        folder = self.folder
        for name in sorted(_KNOWN):
            # a checkpoint that was put aside comes back, unless the vectors came after it
            if name != CHECKPOINT or not (folder / MANIFEST).exists():
                remove_debris(folder / name)
        for place in (folder, folder / CHECKPOINT):
            for entry in _debris(place):
                if entry.is_dir() and not entry.is_symlink():
                    disk().remove_folder(entry)
                else:
                    with contextlib.suppress(OSError):
                        disk().remove(entry)

    def tidy(self) -> None:
        """Remove what killed runs left, unless another run is at work or nothing may be written."""
        places = (self.folder, self.folder / CHECKPOINT)
        if self._workspace.folder.exists() or any(_debris(place) for place in places):
            with contextlib.suppress(OutputExistsError, ResourceError, OSError):
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
            "choose another folder, or replace them with --force (force=True)"
        )

    def write(
        self, vectors: WordVectors, lexicon: Lexicon | None = None, discovered: bool = False
    ) -> None:
        """Put the files in place; the manifest, last, says that they belong together.

        The checkpoint that led to them goes just before the manifest comes.

        Args:
            vectors: What to write.
            lexicon: What cut the corpus, if a lexicon did.
            discovered: Whether it was found by this run, and is in the folder.
        """
        folder, beside = self.folder, self.claim().scratch("vectors")
        aside = folder / _PUT_ASIDE
        vectors.write_into(beside)
        disk().flush_path(beside / TENSORS)
        names = [TENSORS, VOCABULARY]
        if lexicon is not None and not discovered:
            lexicon.save(beside / LEXICON)
            names.append(LEXICON)
        disk().remove(folder / MANIFEST)
        for name in names:
            disk().rename(beside / name, folder / name)
        for name in () if discovered else (DISCOVERED, LEXICON):  # of vectors that were here
            if name not in names:
                disk().remove(folder / name)
        disk().flush_path(folder)
        if (folder / CHECKPOINT).exists():
            disk().rename(folder / CHECKPOINT, aside)
        disk().rename(beside / MANIFEST, folder / MANIFEST)
        disk().flush_path(folder)
        disk().remove_folder(aside)


def _debris(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [entry for entry in sorted(folder.iterdir()) if _DEBRIS.fullmatch(entry.name)]
