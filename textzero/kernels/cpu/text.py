"""Bytes to tokens, with Numba. Contract: `kernels/reference/text.py`."""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit, word_at
from textzero.kernels.reference.text import (
    ALONE,
    APOSTROPHE,
    CASED,
    CHAR,
    IGNORABLE,
    KIND,
    MARK,
    SEPARATOR,
    WHITESPACE,
    WORD,
)

_HIGH_BITS = np.uint64(0x8080808080808080)
_ZERO = np.uint64(0)
_CAPITAL_SIGMA, _SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C3, 0x3C2
_DOTTED_I = 0x130


@jit
def first_malformed(text: Array, size: int) -> int:
    i = 0
    while i < size:
        if i + 8 <= size and word_at(text, i) & _HIGH_BITS == _ZERO:
            i += 8
            continue
        lead = byte_at(text, i)
        if lead < 0x80:
            i += 1
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            length = 2
        elif 0xE0 <= lead <= 0xEF:
            length = 3
            if lead == 0xE0:
                low = 0xA0
            elif lead == 0xED:
                high = 0x9F
        elif 0xF0 <= lead <= 0xF4:
            length = 4
            if lead == 0xF0:
                low = 0x90
            elif lead == 0xF4:
                high = 0x8F
        else:
            return i
        if i + length > size:
            return i
        second = byte_at(text, i + 1)
        if second < low or second > high:
            return i
        for k in range(2, length):
            if byte_at(text, i + k) & 0xC0 != 0x80:
                return i
        i += length
    return size


@jit
def _decode(text: Array, i: int) -> tuple[int, int]:
    """Return (code point, length) of the well-formed character at byte i."""
    lead = byte_at(text, i)
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        return ((lead & 0x1F) << 6) | (byte_at(text, i + 1) & 0x3F), 2
    if lead < 0xF0:
        return (
            ((lead & 0x0F) << 12)
            | ((byte_at(text, i + 1) & 0x3F) << 6)
            | (byte_at(text, i + 2) & 0x3F),
            3,
        )
    return (
        ((lead & 0x07) << 18)
        | ((byte_at(text, i + 1) & 0x3F) << 12)
        | ((byte_at(text, i + 2) & 0x3F) << 6)
        | (byte_at(text, i + 3) & 0x3F),
        4,
    )


@jit
def _encode(point: int, out: Array, n: int) -> int:
    """Write `point` at out[n], return the next free byte."""
    if point < 0x80:
        out[n] = point
        return n + 1
    if point < 0x800:
        out[n] = 0xC0 | (point >> 6)
        out[n + 1] = 0x80 | (point & 0x3F)
        return n + 2
    if point < 0x10000:
        out[n] = 0xE0 | (point >> 12)
        out[n + 1] = 0x80 | ((point >> 6) & 0x3F)
        out[n + 2] = 0x80 | (point & 0x3F)
        return n + 3
    out[n] = 0xF0 | (point >> 18)
    out[n + 1] = 0x80 | ((point >> 12) & 0x3F)
    out[n + 2] = 0x80 | ((point >> 6) & 0x3F)
    out[n + 3] = 0x80 | (point & 0x3F)
    return n + 4


@jit
def _sigma_is_final(text: Array, size: int, i: int, classes: Array) -> bool:
    """Whether the capital sigma at byte i ends a word: Unicode's Final_Sigma condition."""
    j = i
    before = False
    while j > 0:
        j -= 1
        while j > 0 and byte_at(text, j) & 0xC0 == 0x80:
            j -= 1
        kind = classes[_decode(text, j)[0]]
        if kind & IGNORABLE:
            continue
        before = kind & CASED != 0
        break
    if not before:
        return False
    j = i + 2
    while j < size:
        point, length = _decode(text, j)
        kind = classes[point]
        if kind & IGNORABLE:
            j += length
            continue
        return kind & CASED == 0
    return True


@jit
def _lowercase(text: Array, size: int, lower: Array, classes: Array, out: Array) -> int:
    i = n = 0
    while i < size:
        byte = byte_at(text, i)
        if byte < 0x80:
            out[n] = byte + 32 if 65 <= byte <= 90 else byte
            i += 1
            n += 1
            continue
        point, length = _decode(text, i)
        if point >= lower.size or (point != _DOTTED_I and lower[point] == point):
            for k in range(length):
                out[n + k] = byte_at(text, i + k)
            n += length
        elif point == _DOTTED_I:
            n = _encode(0x307, out, _encode(0x69, out, n))
        elif point == _CAPITAL_SIGMA:
            final = _sigma_is_final(text, size, i, classes)
            n = _encode(_FINAL_SIGMA if final else _SIGMA, out, n)
        else:
            n = _encode(lower[point], out, n)
        i += length
    return n


def lowercase(text: Array, size: int, lower: Array, classes: Array) -> tuple[Array, int]:
    out = np.empty(size + size // 2 + 32, np.uint8)
    n = _lowercase(text, size, lower, classes, out)
    out[n : n + 16] = 0
    return out, n


@jit
def _find_tokens(
    text: Array,
    size: int,
    classes: Array,
    tokenizer: int,
    boundary: int,
    starts: Array,
    stops: Array,
) -> int:
    n = 0
    i = 0
    while i < size:
        byte = byte_at(text, i)
        if byte < 0x80:
            point, length = byte, 1
        else:
            point, length = _decode(text, i)
        kind = classes[point] & KIND
        if kind == SEPARATOR:
            if byte == boundary and (n == 0 or starts[n - 1] >= 0):
                starts[n] = -1
                stops[n] = -1
                n += 1
            i += length
            continue
        start = i
        i += length
        if tokenizer == WHITESPACE:
            while i < size:
                byte = byte_at(text, i)
                if byte < 0x80:
                    if classes[byte] & KIND == SEPARATOR:
                        break
                    i += 1
                else:
                    point, length = _decode(text, i)
                    if classes[point] & KIND == SEPARATOR:
                        break
                    i += length
        elif tokenizer != CHAR:
            if kind == ALONE:
                while i < size:
                    point, length = _decode(text, i)
                    if classes[point] & KIND != MARK:
                        break
                    i += length
            elif kind == WORD or kind == MARK:
                while i < size:
                    byte = byte_at(text, i)
                    if byte < 0x80:
                        point, length = byte, 1
                    else:
                        point, length = _decode(text, i)
                    kind = classes[point] & KIND
                    if kind == WORD or kind == MARK:
                        i += length
                    elif kind == APOSTROPHE and i + length < size:
                        after = classes[_decode(text, i + length)[0]] & KIND
                        if after != WORD:
                            break
                        i += length
                    else:
                        break
            else:
                continue
        starts[n] = start
        stops[n] = i
        n += 1
    return n


def find_tokens(
    text: Array, size: int, classes: Array, tokenizer: int, boundary: int
) -> tuple[Array, Array]:
    starts = np.empty(size + 1, np.int32)
    stops = np.empty(size + 1, np.int32)
    n = _find_tokens(text, size, classes, tokenizer, boundary, starts, stops)
    return starts[:n], stops[:n]
