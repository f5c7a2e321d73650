"""Checkpoints: the state of a training, kept so that it can be gone on with.

A checkpoint is one safetensors file, written beside, flushed and renamed: it is whole or absent.
Its header says what it belongs to (counts, settings, version, device), and what the solver needs
besides its matrices. Any solver's state is a few named float32 arrays and a JSON object.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.cooccurrence import Cooccurrence
from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import refusals, whole_file
from textzero.vectors.blocks import encoded_rows
from textzero.vectors.matrices import Matrices
from textzero.vectors.tensors import map_safetensors, write_safetensors
from textzero.version import __version__

STATE = "state.safetensors"
SECONDS = 10.0  # between checkpoints, at least
SHARE = 20  # of what a checkpoint took: so writing takes a twentieth of the time, at most
_KIND = "textzero checkpoint 1"
_ROWS = 1 << 14  # copied at a time
State = tuple[dict[str, Array], dict[str, Any]]


class Checkpoints:
    """Writes the state of one training now and then, and finds it again.

    A state is written when SECONDS have passed since the last, or since the beginning, and SHARE
    times what writing the last one took. A training of a few seconds writes none.
    """

    def __init__(
        self,
        folder: str | Path | None,
        describe: Callable[[], dict[str, Any]],
        matrices: Matrices | None = None,
    ) -> None:
        """Watch over a folder.

        Args:
            folder: Where the state is kept; None: nothing is written or found.
            describe: Gives what the training is, as JSON. It is called only when it is needed.
            matrices: Where the matrices of a state are; None for memory.
        """
        self.matrices = matrices or Matrices()
        self.folder = None if folder is None else Path(folder)
        self._describe = describe
        self._key: dict[str, Any] | None = None
        self._last, self._cost = monotonic(), 0.0

    def is_due(self) -> bool:
        """Whether it is time to write the state."""
        waited = monotonic() - self._last
        return self.folder is not None and waited >= max(SECONDS, SHARE * self._cost)

    def offer(self, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> None:
        """Write the state if it is time to."""
        if self.is_due():
            self.write(arrays, facts)

    def write(self, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> None:
        """Write the state now.

        Raises:
            ResourceError: The disk is full or the folder cannot be written.
        """
        if self.folder is None:
            return
        begun = monotonic()
        metadata = {"format": _KIND, "key": json.dumps(self.key()), "facts": json.dumps(facts)}
        with refusals(self.folder):
            disk().make_folder(self.folder, exist_ok=True)
            with whole_file(self.folder / STATE) as file:
                write_safetensors(Path(file.name), arrays, metadata)
                disk().flush_path(Path(file.name))
        self._last = monotonic()
        self._cost = self._last - begun

    def resume(
        self, shapes: Mapping[str, tuple[int, ...]], say: Callable[[str], None]
    ) -> State | None:
        """Return the state to go on with, if there is one; say why there is none."""
        try:
            state = self.load(shapes)
        except InputError as error:
            say(f"training starts afresh: {error}")
            return None
        if state is None:
            say("training starts afresh: there is no checkpoint")
        return state

    def load(self, shapes: Mapping[str, tuple[int, ...]]) -> State | None:
        """Return the last state, in memory; None when there is none.

        Args:
            shapes: Of all arrays that a state of this solver has.

        Raises:
            InputError: It is damaged, or belongs to another training; the message says which.
        """
        if self.folder is None or not (self.folder / STATE).exists():
            return None
        path = self.folder / STATE
        mapped, metadata = map_safetensors(path), _metadata(path)
        try:
            found, facts = json.loads(metadata["key"]), json.loads(metadata["facts"])
        except (KeyError, ValueError) as error:
            raise InputError(f"{path} is not a checkpoint of textzero") from error
        if not (isinstance(found, dict) and isinstance(facts, dict)):
            raise InputError(f"{path} is not a checkpoint of textzero")
        wrong = [name for name, value in self.key().items() if found.get(name) != value]
        if wrong:
            raise InputError(f"{path} belongs to other {_names(wrong[0], found, self.key())}")
        if {name: array.shape for name, array in mapped.items()} != dict(shapes):
            raise InputError(f"{path} must hold matrices of {dict(shapes)}")
        return {name: self._copied(array) for name, array in mapped.items()}, facts

    def _copied(self, array: Array) -> Array:
        copy = self.matrices.new(*array.shape)
        for start in range(0, len(array), _ROWS):
            copy[start : start + _ROWS] = array[start : start + _ROWS]
        return copy

    def key(self) -> dict[str, Any]:
        """What the training is, as it reads after a way through JSON."""
        if self._key is None:
            self._key = json.loads(json.dumps(self._describe()))
        return self._key


def describe(
    cooccurrence: Cooccurrence, settings: Mapping[str, Any], device: str, start: str | None
) -> dict[str, Any]:
    """Say what a training is: equal descriptions give equal vectors on one machine.

    Args:
        cooccurrence: The counts.
        settings: All settings of the solver, resolved.
        device: What runs the kernels.
        start: Digest of the vectors that training begins with, or None.
    """
    return {
        "textzero": __version__,
        "co-occurrences": cooccurrence_digest(cooccurrence),
        "settings": dict(settings),
        "device": device,
        "start": start,
    }


def cooccurrence_digest(matrix: Cooccurrence) -> str:
    """Return the BLAKE2b-128 digest of words, counts and all rows, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    words = matrix.vocabulary.words
    digest.update(json.dumps([len(matrix.vocabulary), matrix.unit]).encode())
    digest.update(words.text[words.offsets[0] : words.offsets[-1]].tobytes())
    for array in (np.diff(words.offsets), matrix.occurrences, matrix.lengths):
        digest.update(np.ascontiguousarray(array).data)
    for first, last in matrix.blocks(1 << 22):
        with encoded_rows(matrix, first, last) as data:
            digest.update(np.ascontiguousarray(data).data)
    return digest.hexdigest()


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}


def _names(part: str, found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Name what differs: a part of the key, and of the settings the first that differ."""
    if part == "textzero":
        return f"textzero ({found.get(part)}, this is {wanted[part]})"
    if part == "settings" and isinstance(found.get(part), dict):
        old, new = found[part], wanted[part]
        names = sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))
        return f"settings ({', '.join(names[:4])})"
    return {"start": "vectors to begin with"}.get(part, part)
