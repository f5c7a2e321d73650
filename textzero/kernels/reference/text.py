"""Bytes to tokens, as the definition reads.

All texts are UTF-8 in a uint8 array with at least 16 bytes of padding behind `size`.
A document ends at the byte `boundary`, which is always a separator.
"""

import sys
import unicodedata
from collections.abc import Callable
from functools import cache

import numpy as np

from textzero._compat import Array

# What a character is.
SEPARATOR, OTHER, WORD, ALONE, MARK, APOSTROPHE = 0, 1, 2, 3, 4, 5
# What a character is beside a Greek sigma that is lower-cased.
CASED, IGNORABLE = 1, 2

# Tokenizers that have a kernel.
WHITESPACE, WORDS, CHAR = 0, 1, 2
LINE_FEED = 0x0A

# Scripts written without spaces: each character stands alone until a lexicon is given.
_ALONE_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic iteration mark, zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3031, 0x3035),  # kana repeat marks
    (0x3038, 0x303C),
    (0x3041, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Myanmar extended
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x1AFF0, 0x1B16F),  # Kana supplement and extensions
    (0x20000, 0x3FFFD),  # Han extensions
)
_APOSTROPHES = (0x27, 0x2019, 0xFF07)
_LOWERED = 0x20000  # nothing above this code point has a lower case
_ASSIGNED = (range(_LOWERED), range(0xE0000, 0xE0200))  # outside, Han or unassigned or private


@cache
def character_classes() -> Array:
    """uint8 (0x110000,): what every code point is, from this Python's Unicode tables.

    Separators are white space, control and format characters, surrogates and U+FFFD (the mark of
    a malformed byte). Letters, numbers and marks make words. Unassigned code points are OTHER.
    """
    kinds = {"L": WORD, "N": WORD, "M": MARK, "Z": SEPARATOR}
    special = {"Cc": SEPARATOR, "Cf": SEPARATOR, "Cs": SEPARATOR}
    codes = _Memo(lambda category: special.get(category, kinds.get(category[0], OTHER)))
    table = np.full(sys.maxunicode + 1, OTHER, np.uint8)
    for points in _ASSIGNED:
        categories = [unicodedata.category(chr(point)) for point in points]
        table[points.start : points.stop] = [codes[category] for category in categories]
    for first, last in _ALONE_BLOCKS:
        if first >= _LOWERED:
            table[first : last + 1] = ALONE
            continue
        for point in range(first, last + 1):
            if table[point] == WORD and unicodedata.category(chr(point)) != "Nd":
                table[point] = ALONE
    table[list(_APOSTROPHES)] = APOSTROPHE
    table[0xFFFD] = SEPARATOR
    table.setflags(write=False)
    return table


class _Memo(dict[str, int]):
    """A mapping that asks a function once for each key."""

    def __init__(self, function: Callable[[str], int]) -> None:
        super().__init__()
        self.function = function

    def __missing__(self, key: str) -> int:
        self[key] = value = self.function(key)
        return value


@cache
def case_classes() -> Array:
    """uint8 (0x110000,): CASED, IGNORABLE or 0, what `str.lower` itself takes a character for.

    A sigma is final behind a cased character, whatever ignorable ones are between.
    """
    table = np.zeros(sys.maxunicode + 1, np.uint8)
    for points in _ASSIGNED:
        bare, behind = (
            [line[-1:] == "ς" for line in _lower_lines(f"{before}%cΣ", points)]
            for before in ("", "a")
        )
        ignorable = np.array(behind) & ~np.array(bare)
        table[points.start : points.stop] = CASED * np.array(bare) + IGNORABLE * ignorable
    table.setflags(write=False)
    return table


def _lower_lines(form: str, points: range) -> list[str]:
    """Lower-case `form % point` for all points at once; a line feed between isolates them."""
    lines = [form % (point if point != 0x0A else 0x20) for point in points]
    return "\n".join(lines).lower().split("\n")


@cache
def lower_cases() -> Array:
    """int32 (0x20000,): the lower case of every code point that has a single one, else itself."""
    lowered = _lower_lines("%c", range(_LOWERED))
    single = [ord(c) if len(c) == 1 else point for point, c in enumerate(lowered)]
    table = np.array(single, np.int32)
    table[0x0A] = 0x0A
    table.setflags(write=False)
    return table


def first_malformed(text: Array, size: int) -> int:
    """Return the offset of the first byte that is not UTF-8, or `size`."""
    try:
        text[:size].tobytes().decode()
    except UnicodeDecodeError as error:
        return error.start
    return size


def lowercase(text: Array, size: int, lower: Array, cases: Array) -> tuple[Array, int]:  # noqa: ARG001
    """Lower-case well-formed text as `str.lower` does.

    Args:
        text: uint8 (size + 16 or more,).
        size: Bytes of text.
        lower: From `lower_cases`.
        cases: From `case_classes`.

    Returns:
        The new text with its padding, and its size.
    """
    lowered = text[:size].tobytes().decode().lower().encode()
    return np.frombuffer(lowered + bytes(16), np.uint8), len(lowered)


def find_tokens(
    text: Array, size: int, classes: Array, tokenizer: int, boundary: int
) -> tuple[Array, Array]:
    """Find the tokens of well-formed text.

    WHITESPACE: runs without a separator. CHAR: every character that is not a separator. WORDS:
    runs of letters, numbers and marks, with an apostrophe inside; a character of a script without
    spaces stands alone, with the marks behind it; the rest is between words, and so are marks with
    neither, as behind a symbol (the invisible U+FE0F behind many a heart).

    Args:
        text: uint8 (size + 16 or more,).
        size: Bytes of text.
        classes: From `character_classes`.
        tokenizer: WHITESPACE, WORDS or CHAR.
        boundary: The byte between documents.

    Returns:
        starts, stops: int32 (n,). Token k is text[starts[k]:stops[k]]. One or more boundaries
            between two tokens, or before the first, are one entry, (-1, -1). A twin may use the
            arrays again in the next call of the same thread.
    """
    found: list[tuple[int, int]] = []
    characters = []  # (first byte, byte behind, class)
    i = 0
    for character in text[:size].tobytes().decode():
        width = len(character.encode())
        characters.append((i, i + width, int(classes[ord(character)])))
        i += width
    k = 0
    while k < len(characters):
        start, _, kind = characters[k]
        k += 1
        if kind == SEPARATOR:
            if text[start] == boundary and (not found or found[-1] != (-1, -1)):
                found.append((-1, -1))
            continue
        if tokenizer == WHITESPACE:
            while k < len(characters) and characters[k][2] != SEPARATOR:
                k += 1
        elif tokenizer == WORDS and kind == ALONE:
            while k < len(characters) and characters[k][2] == MARK:
                k += 1
        elif tokenizer == WORDS and kind in (WORD, MARK):
            while kind == MARK and k < len(characters):
                kind = characters[k][2]
                k += kind in (WORD, MARK)
            if kind != WORD:
                continue
            while k < len(characters):
                inner = [kind for _, _, kind in characters[k : k + 2]]
                if inner[0] not in (WORD, MARK) and inner != [APOSTROPHE, WORD]:
                    break
                k += 1
        elif tokenizer == WORDS:
            continue
        found.append((start, characters[k - 1][1]))
    pairs = np.array(found, np.int32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
