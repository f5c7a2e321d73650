"""Which script a character belongs to, told by its Unicode name; the language of a page."""

import unicodedata
from functools import cache

import numpy as np

from textzero._compat import Array
from textzero.packed import PackedStrings

NUMBERS, SIGNS, OTHERS = "numbers", "signs", "other letters"
_HAN = ("CJK", "IDEOGRAPHIC", "KANGXI")
_WIDE = ("FULLWIDTH", "HALFWIDTH", "MODIFIER", "MATHEMATICAL")
_SCRIPTS = frozenset(
    "ARABIC ARMENIAN BENGALI BOPOMOFO CHEROKEE CYRILLIC DEVANAGARI ETHIOPIC GEORGIAN GREEK "
    "GUJARATI GURMUKHI HANGUL HEBREW HIRAGANA KANNADA KATAKANA KHMER LAO LATIN MALAYALAM "
    "MONGOLIAN MYANMAR ORIYA SINHALA SYRIAC TAMIL TELUGU THAANA THAI TIBETAN".split()
)
_BLOCK = 1 << 16


@cache
def script_of(character: str) -> str:
    """Return the script of a letter, or NUMBERS, SIGNS or OTHERS.

    >>> [script_of(c) for c in "a\u6c49\uff21\u30a23,"]
    ['Latin', 'Han', 'Latin', 'Katakana', 'numbers', 'signs']
    """
    kind = unicodedata.category(character)[0]
    name = unicodedata.name(character, "").replace("-", " ").split()
    if name and name[0] in _HAN:
        return "Han" if kind in "LN" else SIGNS
    if kind not in "LM":
        return NUMBERS if kind == "N" else SIGNS
    first = next((word for word in name if word not in _WIDE), "")
    return first.title() if first in _SCRIPTS else OTHERS


def scripts_of(words: PackedStrings) -> tuple[list[str], Array]:
    """Return names of scripts, and for each word the number of its first character's, int64 (n,).

    Args:
        words: Words that are not empty.
    """
    names: dict[str, int] = {}
    numbers = np.zeros(len(words), np.int64)
    for start in range(0, len(words), _BLOCK):
        points = np.array([ord(word[:1] or " ") for word in words[start : start + _BLOCK]])
        distinct, inverse = np.unique(points, return_inverse=True)
        scripts = [script_of(chr(point)) for point in distinct.tolist()]
        of_point = np.array([names.setdefault(script, len(names)) for script in scripts])
        numbers[start : start + len(points)] = of_point[inverse]
    return list(names), numbers


def language_of(words: PackedStrings, most: int = 2000) -> str:
    """Guess the BCP 47 tag that chooses the shapes of letters, from the first words; else "und".

    Han is Chinese, unless kana stand beside it.
    """
    names, numbers = scripts_of(words[:most])
    share = {
        name: float((numbers == i).sum()) / max(numbers.size, 1) for i, name in enumerate(names)
    }
    if share.get("Hiragana", 0) + share.get("Katakana", 0) > 0.1:
        return "ja"
    tags = {"Han": "zh", "Hangul": "ko"}
    return next((tag for script, tag in tags.items() if share.get(script, 0) > 0.25), "und")
