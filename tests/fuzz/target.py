"""What a target of fuzzing is: a reader, and whole files that it reads.

A target reads some bytes as a file (or a folder: files end to end, MARK between them). It must
return, or raise TextzeroError: anything else is a finding.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textzero.errors import TextzeroError

FOLDER = "folder"
MARK = b"\n=====\n"  # between the files of a folder


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        read: Reads a file or folder by its path; may raise TextzeroError.
        seeds: Whole files, or folders as `joined` writes them.
        name: Of the file, whose suffix may say what it is.
        parts: Names of the files, when it is a folder.
        slow: Whether a run takes a tenth of a second and more.
    """

    read: Callable[[Path], object]
    seeds: list[bytes]
    name: str = "file"
    parts: tuple[str, ...] = ()
    slow: bool = False

    def run(
        self,
        data: bytes,
        folder: Path,
        refused: tuple[type[Exception], ...] = (TextzeroError,),
    ) -> None:
        """Read some bytes; what is `refused` in one of these ways is no finding."""
        path = folder / (FOLDER if self.parts else self.name)
        if self.parts:
            path.mkdir(exist_ok=True)
            contents = data.split(MARK)
            for part in os.listdir(path):
                os.unlink(path / part)  # of another target
            for part, content in zip(self.parts, contents, strict=False):
                _put(path / part, content)
        else:
            _put(path, data)
        with contextlib.suppress(*refused):
            self.read(path)


def _put(path: Path, data: bytes) -> None:
    """Write a new file: an old one may still be mapped."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(path, "wb", buffering=0) as file:
        file.write(data)


def joined(folder: Path, parts: tuple[str, ...]) -> bytes:
    """Return the files of a folder end to end."""
    names = [part for part in parts if (folder / part).exists()]
    return MARK.join((folder / part).read_bytes() for part in names)
