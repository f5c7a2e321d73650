"""Where atoms begin: in UTF-8, and in cells, of which the search for words has one a character."""

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit
from textzero.kernels.cpu.text import _decode
from textzero.kernels.reference.segment import (
    DIGIT,
    LETTER,
    MIDDLE,
    RUN,
    SPACE,
    SYMBOL,
    UNIT,
)
from textzero.kernels.reference.text import ALONE, APOSTROPHE, MARK, OTHER, SEPARATOR, WORD

# A cell is number << SHIFT | flags | class.
CLASS, START, FOLDED, SHIFT = 7, 8, 16, 5


@jit
def _class_at(text: Array, i: int, classes: Array) -> tuple[int, int]:
    """Return (class, bytes) of the character at byte i."""
    byte = byte_at(text, i)
    if byte < 0x80:
        return classes[byte], 1
    point, length = _decode(text, i)
    return classes[point], length


@jit
def find_atoms(
    text: Array, size: int, classes: Array, unit: int, starts: Array, kinds: Array
) -> int:
    i = n = 0
    while i < size:
        kind, length = _class_at(text, i, classes)
        starts[n] = i
        i += length
        if kind == SEPARATOR:
            kinds[n] = SPACE
            n += 1
            continue
        symbol = kind == OTHER or kind == APOSTROPHE or kind == MIDDLE
        if symbol or kind == ALONE or (unit == LETTER and kind != DIGIT):
            kinds[n] = SYMBOL if symbol else UNIT
            while i < size:
                kind, length = _class_at(text, i, classes)
                if kind != MARK:
                    break
                i += length
        else:
            kinds[n] = RUN
            while i < size:
                before = kind
                kind, length = _class_at(text, i, classes)
                if kind == APOSTROPHE or kind == MIDDLE:
                    after = SEPARATOR
                    if i + length < size:
                        after, _ = _class_at(text, i + length, classes)
                    inside = before == DIGIT and after == DIGIT
                    if kind == APOSTROPHE and unit != LETTER:
                        inside = after == WORD or after == DIGIT
                    if not inside:
                        break
                elif kind == WORD:
                    if unit == LETTER:
                        break
                elif kind != DIGIT and kind != MARK:
                    break
                i += length
        n += 1
    starts[n] = size
    return n


@jit
def mark_atoms(cells: Array, n: int, unit: int, atoms: Array) -> tuple[int, int]:
    """Set START where atoms begin; return (begin of the last but one, atoms of several cells)."""
    cells[n] = START
    i = before_last = last = found = 0
    while i < n:
        first = i
        before_last, last = last, i
        kind = cells[i] & CLASS
        cells[i] |= START
        i += 1
        if kind == SEPARATOR:
            continue
        if (
            kind == ALONE
            or kind == OTHER
            or kind == APOSTROPHE
            or kind == MIDDLE
            or (unit == LETTER and kind != DIGIT)
        ):
            while i < n and cells[i] & CLASS == MARK:
                i += 1
        else:
            while i < n:
                before = kind
                kind = cells[i] & CLASS
                if kind == APOSTROPHE or kind == MIDDLE:
                    after = cells[i + 1] & CLASS if i + 1 < n else SEPARATOR
                    inside = before == DIGIT and after == DIGIT
                    if kind == APOSTROPHE and unit != LETTER:
                        inside = after == WORD or after == DIGIT
                    if not inside:
                        break
                elif kind == WORD:
                    if unit == LETTER:
                        break
                elif kind != DIGIT and kind != MARK:
                    break
                i += 1
        if i > first + 1:
            atoms[found, 0] = first
            atoms[found, 1] = i
            found += 1
    return before_last, found
