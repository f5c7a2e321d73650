"""The characters of a text as numbers, what each is compared as, and which are separators."""

import unicodedata
from functools import cache

import numpy as np

from textzero._compat import Array
from textzero.kernels.reference.segment import atom_classes
from textzero.kernels.reference.text import SEPARATOR, lower_cases


def code_points(text: str) -> Array:
    """uint32 (len(text),): a text's characters, lone surrogates among them."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@cache
def fold_table(lowercase: bool, nfkc: bool) -> Array:
    """int32 (0x110000,): the one character that each is compared as.

    It is of the same class, so that folded text has the same atoms.
    """
    table = np.arange(0x110000, dtype=np.int32)
    if nfkc:
        for block in (range(0x20000), range(0x2F800, 0x2FA20)):
            normal = [unicodedata.normalize("NFKC", chr(point)) for point in block]
            table[block.start : block.stop] = [
                ord(c) if len(c) == 1 else point for point, c in zip(block, normal, strict=True)
            ]
    if lowercase:
        lower = lower_cases()
        low = table < lower.size
        table[low] = lower[table[low]]
    classes = atom_classes()
    other = classes[table] != classes
    table[other] = np.flatnonzero(other)
    table.setflags(write=False)
    return table


def is_space(token: str) -> bool:
    """Whether a token of `segment` is a separator: white space, a control or format character."""
    return len(token) == 1 and bool(atom_classes()[ord(token)] == SEPARATOR)
