"""Many strings in two arrays: what kernels produce, and what a million words cost least in."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np

from textzero._compat import Array

PADDING = 16
_BLOCK = 1 << 16  # strings that are brought into memory at a time


class PackedStrings(Sequence[str]):
    """A read-only sequence of strings.

    Attributes:
        text: uint8 (offsets[-1] + PADDING or more,). The UTF-8 of all strings, end to end.
        offsets: int64 (n + 1,). String i is text[offsets[i]:offsets[i + 1]].
    """

    def __init__(self, text: Array, offsets: Array) -> None:
        self.text, self.offsets = text, offsets

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> "PackedStrings":
        """Pack strings. A lone surrogate, which UTF-8 has not, becomes a question mark."""
        try:
            encoded = [string.encode("utf-8", "replace") for string in strings]
        except AttributeError as error:
            raise TypeError(f"words must be strings, but {error}") from None
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        text = np.frombuffer(b"".join(encoded) + bytes(PADDING), np.uint8)
        return cls(text, offsets)

    def __len__(self) -> int:
        return self.offsets.size - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "PackedStrings": ...
    def __getitem__(self, index: "int | slice") -> "str | PackedStrings":
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError(f"the step of a slice must be 1, got {step}")
            return PackedStrings(self.text, self.offsets[start : max(start, stop) + 1])
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"index must be below {len(self)}, got {index}")
        return self.text[self.offsets[index] : self.offsets[index + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        for begin in range(0, len(self), _BLOCK):
            offsets = self.offsets[begin : begin + _BLOCK + 1]
            first = int(offsets[0])
            data = self.text[first : offsets[-1]].tobytes()
            for start, stop in pairwise((offsets - first).tolist()):
                yield data[start:stop].decode()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(self[i]) for i in range(min(5, len(self))))
        return f"PackedStrings([{shown}{', ...' if len(self) > 5 else ''}], length {len(self)})"
