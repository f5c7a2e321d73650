"""Bytes to tokens, with Numba. Contract: `kernels/reference/text.py`."""

import threading

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import byte_at, jit, trailing_zeros, word_at
from textzero.kernels.reference.text import (
    ALONE,
    APOSTROPHE,
    CASED,
    CHAR,
    IGNORABLE,
    LINE_FEED,
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
def _sigma_is_final(text: Array, size: int, i: int, cases: Array) -> bool:
    """Whether the capital sigma at byte i ends a word: Unicode's Final_Sigma condition."""
    j = i
    before = False
    while j > 0:
        j -= 1
        while j > 0 and byte_at(text, j) & 0xC0 == 0x80:
            j -= 1
        kind = cases[_decode(text, j)[0]]
        if kind & IGNORABLE:
            continue
        before = kind & CASED != 0
        break
    if not before:
        return False
    j = i + 2
    while j < size:
        point, length = _decode(text, j)
        kind = cases[point]
        if kind & IGNORABLE:
            j += length
            continue
        return kind & CASED == 0
    return True


@jit
def _lowercase(text: Array, size: int, lower: Array, cases: Array, out: Array) -> int:
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
            final = _sigma_is_final(text, size, i, cases)
            n = _encode(_FINAL_SIGMA if final else _SIGMA, out, n)
        else:
            n = _encode(lower[point], out, n)
        i += length
    return n


def lowercase(text: Array, size: int, lower: Array, cases: Array) -> tuple[Array, int]:
    out = np.empty(size + size // 2 + 32, np.uint8)
    n = _lowercase(text, size, lower, cases, out)
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
    first: int,
    last: int,
    n: int,
) -> tuple[int, int]:
    """Find the tokens that begin in bytes [first, last); return (next byte, tokens)."""
    i = first
    while i < last:
        byte = byte_at(text, i)
        if byte < 0x80:
            point, length = byte, 1
        else:
            point, length = _decode(text, i)
        kind = classes[point]
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
                    if classes[byte] == SEPARATOR:
                        break
                    i += 1
                else:
                    point, length = _decode(text, i)
                    if classes[point] == SEPARATOR:
                        break
                    i += length
        elif tokenizer != CHAR:
            if kind == ALONE:
                while i < size:
                    point, length = _decode(text, i)
                    if classes[point] != MARK:
                        break
                    i += length
            elif kind == WORD or kind == MARK:
                while kind == MARK and i < size:
                    point, length = _decode(text, i)
                    kind = classes[point]
                    if kind == WORD or kind == MARK:
                        i += length
                if kind != WORD:
                    continue
                while i < size:
                    byte = byte_at(text, i)
                    if byte < 0x80:
                        point, length = byte, 1
                    else:
                        point, length = _decode(text, i)
                    kind = classes[point]
                    if kind == WORD or kind == MARK:
                        i += length
                    elif kind == APOSTROPHE and i + length < size:
                        after = classes[_decode(text, i + length)[0]]
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
    return i, n


_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_TO_HIGH = np.uint64(0x5F5F5F5F5F5F5F5F)  # carries bytes above white space into the high bit
_ONES = np.uint64(0x0101010101010101)
_LINE_FEEDS = np.uint64(0x0A0A0A0A0A0A0A0A)
_GATHER = np.uint64(0x0102040810204080)  # brings the high bits of eight bytes together
_UNIT, _SEVEN, _TOP = np.uint64(1), np.uint64(7), np.uint64(56)


@jit
def _find_spaced(text: Array, size: int, classes: Array, starts: Array, stops: Array) -> int:
    """White-space tokens of lines, 64 bytes at a time.

    One bit a byte says where the separators are; tokens begin and end where the bit changes. Blocks
    with a line feed or with other than ASCII go one character at a time.
    """
    i = n = 0
    while i + 64 <= size:
        separators, odd = _ZERO, _ZERO
        for w in range(8):
            word = word_at(text, i + 8 * w)
            low = word & _LOW_BITS
            visible = (low + _TO_HIGH) | word
            deleted = (low + _ONES) & ~word
            found = (~visible | deleted) & _HIGH_BITS
            separators |= (((found >> _SEVEN) * _GATHER) >> _TOP) << np.uint64(8 * w)
            other = word ^ _LINE_FEEDS
            odd |= (word | ~(((other & _LOW_BITS) + _LOW_BITS) | other)) & _HIGH_BITS
        if odd != _ZERO:
            i, n = _find_tokens(
                text, size, classes, WHITESPACE, LINE_FEED, starts, stops, i, i + 64, n
            )
            continue
        inside = ~separators
        begins = inside & ~(inside << _UNIT)
        ends = separators & (inside << _UNIT)
        while ends != _ZERO:
            starts[n] = i + trailing_zeros(begins)
            stops[n] = i + trailing_zeros(ends)
            n += 1
            begins &= begins - _UNIT
            ends &= ends - _UNIT
        if begins == _ZERO:
            i += 64
        elif begins != _UNIT:
            i += trailing_zeros(begins)  # the last token goes on in the next block
        else:
            i, n = _find_tokens(
                text, size, classes, WHITESPACE, LINE_FEED, starts, stops, i, i + 1, n
            )
    return _find_tokens(text, size, classes, WHITESPACE, LINE_FEED, starts, stops, i, size, n)[1]


_SCRATCH = threading.local()  # fresh pages for every piece would cost as much as the search


def find_tokens(
    text: Array, size: int, classes: Array, tokenizer: int, boundary: int
) -> tuple[Array, Array]:
    spans = getattr(_SCRATCH, "spans", None)
    if spans is None or spans.shape[1] <= size:
        spans = _SCRATCH.spans = np.empty((2, size + 1), np.int32)
    starts, stops = spans
    if tokenizer == WHITESPACE and boundary == LINE_FEED:
        n = _find_spaced(text, size, classes, starts, stops)
    else:
        _, n = _find_tokens(text, size, classes, tokenizer, boundary, starts, stops, 0, size, 0)
    return starts[:n], stops[:n]
