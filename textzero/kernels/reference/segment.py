"""Text to atoms, atoms to words, as the definition reads.

An atom is what no word ever cuts in two. A unigram model gives every word a probability; the best
segmentation is the one whose product is largest, that is of least information, by Viterbi's
algorithm (Su Jianlin, https://kexue.fm/archives/5476). Sums over all segmentations go forward and
backward; drawing one goes backward from the sums (https://kexue.fm/archives/9811).

UTF-8 texts are as in `kernels/reference/text.py`; `points` are the code points of a `str`.
"""

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.reference.text import (
    ALONE,
    APOSTROPHE,
    MARK,
    OTHER,
    SEPARATOR,
    WORD,
    character_classes,
)

# What a character is, beside the classes of `character_classes`.
DIGIT, MIDDLE = 6, 7
# What an atom is.
SPACE, SYMBOL, UNIT, RUN = 0, 1, 2, 3
# What a lexicon's words are made of.
UNITS = ("character", "letter", "word")
CHARACTER, LETTER, PHRASE = 0, 1, 2

_MIDDLES = (0x2C, 0x2E, 0xFF0C, 0xFF0E)  # comma and full stop, also of full width
_HANGUL = (  # syllables, and the letters that begin one or stand alone
    *((0x1100, 0x115F), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3)),
    (0xFFA0, 0xFFDC),
)
_HANGUL_INNER = ((0x1160, 0x11FF), (0xD7B0, 0xD7FB))  # letters inside a decomposed syllable


@cache
def atom_classes() -> Array:
    """uint8 (0x110000,): `character_classes` with digits, Hangul and inner punctuation told apart.

    Hangul syllables are ALONE, the later letters of a decomposed one are MARK. A number of a
    script with spaces is DIGIT. Comma and full stop, which may be inside a number, are MIDDLE.
    """
    table = character_classes().copy()
    for point in np.flatnonzero(table == WORD).tolist():
        if unicodedata.category(chr(point))[0] == "N":
            table[point] = DIGIT
    for blocks, kind in ((_HANGUL, ALONE), (_HANGUL_INNER, MARK)):
        for first, last in blocks:
            block = table[first : last + 1]
            block[block == WORD] = kind
    table[list(_MIDDLES)] = MIDDLE
    table.setflags(write=False)
    return table


def find_atoms(text: Array, size: int, classes: Array, unit: int) -> tuple[Array, Array]:
    """Cut well-formed text into atoms.

    SPACE: one separator. SYMBOL: one character that is no letter, number or separator, with the
    marks behind it. UNIT: one character of a script without spaces, or one Hangul syllable, with
    the marks behind it; with LETTER every letter is one. RUN: letters, digits and marks of other
    scripts; inside, an apostrophe before a letter or digit, and one comma, full stop or apostrophe
    between two digits (as in Unicode's word boundaries, WB 6 to 12); with LETTER only digits.

    Args:
        text: uint8 (size + 16 or more,).
        size: Bytes of text.
        classes: From `atom_classes`.
        unit: CHARACTER, LETTER or PHRASE, the place in UNITS; PHRASE cuts as CHARACTER does.

    Returns:
        starts: int64 (n + 1,). Atom k is text[starts[k]:starts[k + 1]]; starts[n] is `size`.
        kinds: uint8 (n,). SPACE, SYMBOL, UNIT or RUN.
    """
    string = text[:size].tobytes().decode()
    found = [int(classes[ord(character)]) for character in string]
    firsts, kinds = _atoms_of(found, unit)
    widths = [len(character.encode()) for character in string]
    places = np.r_[0, np.cumsum(np.array(widths, np.int64))]
    return places[[*firsts, len(string)]], np.array(kinds, np.uint8)


def _atoms_of(classes: list[int], unit: int) -> tuple[list[int], list[int]]:
    """Return (first character, kind) of the atoms of characters with these classes."""
    firsts, kinds = [], []
    k = 0
    while k < len(classes):
        firsts.append(k)
        kind = classes[k]
        k += 1
        if kind == SEPARATOR:
            kinds.append(SPACE)
        elif (
            kind in (OTHER, APOSTROPHE, MIDDLE)
            or kind == ALONE
            or (unit == LETTER and kind != DIGIT)
        ):
            kinds.append(SYMBOL if kind in (OTHER, APOSTROPHE, MIDDLE) else UNIT)
            while k < len(classes) and classes[k] == MARK:
                k += 1
        else:
            kinds.append(RUN)
            while k < len(classes) and _goes_on(classes[k - 1 : k + 2], unit):
                k += 1
    return firsts, kinds


def _goes_on(around: list[int], unit: int) -> bool:
    """Whether a run goes on with the second of up to three characters."""
    before, kind, after = (*around, SEPARATOR)[:3]
    if kind in (APOSTROPHE, MIDDLE) and before == after == DIGIT:
        return True
    if unit == LETTER:
        return kind in (DIGIT, MARK)
    return kind in (WORD, DIGIT, MARK) or (kind == APOSTROPHE and after in (WORD, DIGIT))


SCALE = 1 << 18  # a score is a natural logarithm times this, an integer, so that ties are ties
LIMIT = 400  # the largest logarithm that a word's score may stand for, up or down
UNKNOWN, SPACES = -1, -2  # in place of a word's number


@dataclass
class _Model:
    words: dict[str, int]
    scores: Array
    costs: list[int]
    folds: Array
    unit: int
    longest: int

    def unknown(self, size: int) -> int:
        """Score of an atom of `size` characters that is no word."""
        first, further, lowest = self.costs
        return max(first + further * (size - 1), lowest)


def new_model(
    text: Array, offsets: Array, scores: Array, costs: Array, folds: Array, unit: int
) -> Any:
    """Return a handle on words with their scores.

    A word that holds a separator never occurs, but with PHRASE for single spaces inside. Of words
    that fold to the same, the most probable counts, then the first.

    Args:
        text: uint8. The words' UTF-8, end to end, with padding.
        offsets: int64 (n + 1,). Word i is text[offsets[i]:offsets[i + 1]].
        scores: int64 (n,). Logarithms of probabilities times SCALE, up to LIMIT * SCALE.
        costs: int64 (3,). Score of an unknown character, which is more than -2 * LIMIT * SCALE; of
            each further one of an unknown atom; the lowest of an unknown atom, at least
            -1000 * SCALE.
        folds: int32 (0x110000,). The code point that each one is compared as.
        unit: CHARACTER, LETTER or PHRASE.
    """
    words: dict[str, int] = {}
    data = text.tobytes()
    for i in range(offsets.size - 1):
        word = data[offsets[i] : offsets[i + 1]].decode()
        word = "".join(chr(folds[ord(c)]) for c in word)
        held = words.setdefault(word, i)
        if scores[i] > scores[held]:
            words[word] = i
    classes = atom_classes()
    for word in list(words):
        parts = word.split(" ") if unit == PHRASE else [word]
        if not all(parts) or any(classes[ord(c)] == SEPARATOR for part in parts for c in part):
            del words[word]
    longest = max(map(len, words), default=0)
    return _Model(words, scores, costs.tolist(), folds, unit, longest)


def _edges(model: _Model, points: Array) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, stop, word, score) of all words in a text, in characters, by start and stop.

    An atom that is no word is an edge too: UNKNOWN, or SPACES, which costs nothing.
    """
    folded = "".join(map(chr, model.folds[points].tolist()))
    firsts, kinds = _atoms_of(atom_classes()[points].tolist(), model.unit)
    stops = [*firsts[1:], len(folded)]
    for k, (start, kind) in enumerate(zip(firsts, kinds, strict=True)):
        alone = model.words.get(folded[start : stops[k]])
        if alone is None:
            space = kind == SPACE
            score = 0 if space else model.unknown(stops[k] - start)
            yield start, stops[k], SPACES if space else UNKNOWN, score
        for stop in stops[k:]:
            if stop > start + model.longest:
                break
            word = model.words.get(folded[start:stop])
            if word is not None:
                yield start, stop, word, int(model.scores[word])


def cut(model: Any, points: Array, spaces: bool) -> tuple[Array, Array]:
    """Cut a text into the words of the most probable segmentation.

    Among equally probable ones it is that with the longest last word, then with the longest word
    before it, and so on; probabilities are compared as sums of scores.

    Args:
        model: From `new_model`.
        points: uint32 (n,). Code points, lone surrogates among them.
        spaces: Whether to keep SPACE atoms; without them the tokens are not the whole text.

    Returns:
        tokens: int32 (4, m). Token k is characters [tokens[0, k], tokens[1, k]). tokens[2, k] is
            the number of the word, UNKNOWN or SPACES. tokens[3, k] is what it reads: i for the
            (folded) word i, n_words + p for the character p < 0x10000 that is no word, -1 for
            anything else.
        unread: int32 (u,). The tokens k with tokens[3, k] == -1.
    """
    best: dict[int, tuple[int, int, int]] = {0: (0, 0, UNKNOWN)}  # stop -> (score, start, word)
    for start, stop, word, score in _edges(model, points):
        total = best[start][0] + score
        if stop not in best or total > best[stop][0]:
            best[stop] = (total, start, word)
    found, stop = [], points.size
    while stop > 0:
        _, start, word = best[stop]
        if spaces or word != SPACES:
            found.append((start, stop, word, _reads(model, points[start:stop], word)))
        stop = start
    tokens = np.array(found[::-1], np.int32).reshape(-1, 4).T.copy()
    return tokens, np.flatnonzero(tokens[3] < 0).astype(np.int32)


def _reads(model: _Model, points: Array, word: int) -> int:
    if word >= 0:
        return word if (model.folds[points] == points).all() else -1
    if points.size == 1 and points[0] < 0x10000:
        return model.scores.size + int(points[0])
    return -1


def find_words(model: Any, text: Array, size: int, boundary: int) -> tuple[Array, Array]:
    """Find the words of the most probable segmentation of well-formed text; see `cut`.

    Returns:
        starts, stops: int32 (n,), without separators, with (-1, -1) between documents, as from
            `find_tokens` in `kernels/reference/text.py`. A twin may use the arrays again in the
            next call of the same thread.
    """
    string = text[:size].tobytes().decode()
    points = np.array([ord(c) for c in string], np.uint32)
    places = np.r_[0, np.cumsum([len(c.encode()) for c in string])].astype(np.int64)
    found: list[tuple[int, int]] = []
    tokens, _ = cut(model, points, True)
    for start, stop, word, _ in tokens.T.tolist():
        if word != SPACES:
            found.append((int(places[start]), int(places[stop])))
        elif points[start] == boundary and (not found or found[-1] != (-1, -1)):
            found.append((-1, -1))
    pairs = np.array(found, np.int32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def lattice(model: Any, points: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Find every word that occurs in a text, between which the segmentations choose.

    Returns:
        places: int64 (n + 1,). Characters at which the n atoms begin, then the end.
        offsets: int64 (n + 2,). Edges offsets[k] to offsets[k + 1] end at place k.
        starts: int32 (m,). The place where each edge begins; ascending among edges of one end.
        words: int32 (m,). The number of the word, UNKNOWN or SPACES.
        scores: int64 (m,).
    """
    firsts, _ = _atoms_of(atom_classes()[points].tolist(), model.unit)
    places = np.array([*firsts, points.size], np.int64)
    number = {place: k for k, place in enumerate(places.tolist())}
    rows = sorted(
        (number[stop], number[start], word, score)
        for start, stop, word, score in _edges(model, points)
    )
    stops = np.array([row[0] for row in rows], np.int64)
    offsets = np.searchsorted(stops, np.arange(places.size + 1))
    starts = np.array([row[1] for row in rows], np.int32)
    words = np.array([row[2] for row in rows], np.int32)
    scores = np.array([row[3] for row in rows], np.int64)
    return places, offsets.astype(np.int64), starts, words, scores


def best_paths(offsets: Array, starts: Array, scores: Array, n: int) -> tuple[Array, Array]:
    """Find the `n` best paths through a lattice, best first, ties as in `cut`.

    Args:
        offsets: From `lattice`.
        starts: From `lattice`.
        scores: int64 (m,). From `lattice`.
        n: How many; fewer when there are fewer.

    Returns:
        edges: int64. The edges of all paths, end to end, each path from the front.
        ends: int64 (n_paths + 1,). Path k is edges[ends[k]:ends[k + 1]].
    """
    best: list[list[tuple[int, list[int]]]] = [[(0, [])]]
    for place in range(1, offsets.size - 1):
        found = [
            (total + int(scores[edge]), [*path, edge])
            for edge in range(offsets[place], offsets[place + 1])
            for total, path in best[starts[edge]]
        ]
        found.sort(key=lambda entry: -entry[0])  # stable: longer last words stay first
        best.append(found[:n])
    paths = [path for _, path in best[-1]]
    edges = np.array([edge for path in paths for edge in path], np.int64)
    return edges, np.r_[0, np.cumsum([len(path) for path in paths])].astype(np.int64)


def forward(offsets: Array, starts: Array, logs: Array) -> Array:
    """Sum over all paths to each place of a lattice.

    Args:
        offsets, starts: From `lattice`.
        logs: float64 (m,). The logarithm of each edge's factor.

    Returns:
        float64 (n + 1,). Logarithms of the sums of the paths' products.
    """
    sums = np.zeros(offsets.size - 1)
    for place in range(1, sums.size):
        edges = slice(offsets[place], offsets[place + 1])
        sums[place] = np.logaddexp.reduce(sums[starts[edges]] + logs[edges])
    return sums


def backward(offsets: Array, starts: Array, logs: Array) -> Array:
    """Sum over all paths from each place of a lattice to its end; see `forward`."""
    sums = np.full(offsets.size - 1, -np.inf)
    sums[-1] = 0.0
    for place in range(sums.size - 1, 0, -1):
        for edge in range(offsets[place], offsets[place + 1]):
            start = starts[edge]
            sums[start] = np.logaddexp(sums[start], sums[place] + logs[edge])
    return sums


def draw_path(offsets: Array, starts: Array, logs: Array, sums: Array, uniforms: Array) -> Array:
    """Draw a path with a probability proportional to its product.

    Args:
        offsets, starts, logs: As for `forward`.
        sums: From `forward`.
        uniforms: float64 (n + 1,). Random numbers from 0 to 1; the one of a place chooses among
            the edges that end there.

    Returns:
        edges: int64. The path, from the front.
    """
    place, path = offsets.size - 2, []
    while place > 0:
        left = float(uniforms[place])
        for edge in range(offsets[place], offsets[place + 1]):
            left -= math.exp(sums[starts[edge]] + logs[edge] - sums[place])
            if left < 0:
                break
        path.append(edge)
        place = int(starts[edge])
    return np.array(path[::-1], np.int64)
