"""Text to atoms, atoms to words, with Numba. Contract: `kernels/reference/segment.py`.

Words are a double array (`_double_array.py`) that blocks of characters are searched for
(`_best_path.py`), each character as a cell: its number in the array, with its class. Here text
becomes cells, and what is found becomes tokens of characters or of bytes.
"""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu import _atoms, _lattice
from textzero.kernels.cpu._atoms import CLASS, FOLDED, SHIFT
from textzero.kernels.cpu._best_path import search, workspace
from textzero.kernels.cpu._double_array import WORD_OF, double_array
from textzero.kernels.cpu._jit import byte_at, jit
from textzero.kernels.cpu.text import _decode
from textzero.kernels.reference.segment import PHRASE, SCALE, SPACES, atom_classes
from textzero.kernels.reference.text import SEPARATOR

_BLOCK = 2048
_SCRATCH = threading.local()  # fresh pages for every piece would cost as much as the search


def find_atoms(text: Array, size: int, classes: Array, unit: int) -> tuple[Array, Array]:
    held = getattr(_SCRATCH, "atoms", None)
    if held is None or held[1].size < size:
        held = _SCRATCH.atoms = np.empty(size + 1, np.int64), np.empty(size, np.uint8)
    n = _atoms.find_atoms(text, size, classes, unit, *held)
    return held[0][: n + 1].copy(), held[1][:n].copy()


@dataclass
class Model:
    """A double array with its characters; see `new_model`."""

    cells: Array  # int32 (0x110000,): the cell of every code point
    slots: Array  # int32 (n, 4)
    settings: Array  # int64: unit, costs, longest word, words, whether any character folds


def new_model(
    text: Array, offsets: Array, scores: Array, costs: Array, folds: Array, unit: int
) -> Any:
    classes = atom_classes()
    lead = text[: offsets[-1]] & 0xC0 != 0x80
    ends = np.r_[0, np.cumsum(lead)][offsets]  # in characters
    string = text[: offsets[-1]].tobytes().decode()
    points = folds[np.frombuffer(string.encode("utf-32-le"), np.uint32)]
    allowed = _allowed(points, ends, unit)
    weights = np.exp(scores / SCALE)
    numbers, alphabet = _number_characters(points, allowed, np.repeat(weights, np.diff(ends)))
    held = np.where(allowed, numbers[points], 0)
    slots = double_array(held, ends, scores, weights, alphabet)
    folded = folds != np.arange(folds.size)
    cells = (numbers[folds] << SHIFT) | classes | np.where(folded, FOLDED, 0)
    longest = int(np.diff(ends).max(initial=0))
    settings = np.array([unit, *costs, longest, scores.size, folded.any()], np.int64)
    return Model(cells.astype(np.int32), slots, settings)


def _allowed(points: Array, ends: Array, unit: int) -> Array:
    """Tell the characters that may be in a word: no separator but, with PHRASE, single spaces."""
    allowed = atom_classes()[points] != SEPARATOR
    if unit == PHRASE:
        space = points == 0x20
        outer = np.zeros(points.size + 2, bool)
        outer[ends + 1] = outer[ends] = True  # last and first characters
        doubled = np.r_[space[1:], False] | np.r_[False, space[:-1]]
        allowed |= space & ~outer[1:-1] & ~doubled
    return allowed


def _number_characters(points: Array, allowed: Array, weights: Array) -> tuple[Array, int]:
    """Number the characters of words from 1, those of probable words first, so that they are near.

    The others, and those that are not `allowed` anywhere, get 0.
    """
    weights = np.bincount(points, weights, minlength=0x110000)
    seen = np.flatnonzero(np.bincount(points[allowed], minlength=0x110000))
    seen = seen[np.lexsort((seen, -weights[seen]))]
    numbers = np.zeros(0x110000, np.int32)
    numbers[seen] = np.arange(1, seen.size + 1)
    return numbers, seen.size


@jit
def _cut(
    points: Array, cells_of: Array, slots: Array, settings: Array, spaces: bool,
    tokens: Array,
) -> tuple[int, int]:  # fmt: skip
    longest, n_words, folds = settings[4], settings[5], settings[6]
    limit = max(_BLOCK, 4 * longest + 64)
    size = min(limit, points.size)
    space = workspace(size)
    at = out = unread = 0
    while at < points.size:
        n = min(size, points.size - at)
        cells, trail, chain = space[0], space[8], space[10]
        for i in range(n):
            cells[i] = cells_of[points[at + i]]
        final = at + n == points.size
        done, count, chain = search(n, final, settings, slots, *space[:10], chain)
        if done == 0:
            size = min(2 * size, points.size - at)
            space = workspace(size)
            continue
        for j in range(count - 1, -1, -1):
            start = np.int64(trail[j, 0])
            stop = np.int64(trail[j - 1, 0]) if j > 0 else done
            word = slots[trail[j, 1], WORD_OF]
            point = np.int64(points[at + start])
            plain = (stop == start + 1) & (point < 0x10000)
            other = n_words + point if plain else -1
            blank = cells[start] & CLASS == SEPARATOR
            read = word if word >= 0 else other
            if folds and word >= 0:
                for i in range(start, stop):
                    if cells[i] & FOLDED:
                        read = -1
            tokens[0, out] = at + start
            tokens[1, out] = at + stop
            tokens[2, out] = SPACES if blank else word
            tokens[3, out] = read
            if spaces or not blank:
                if read < 0:
                    tokens[4, unread] = out
                    unread += 1
                out += 1
        at += done
    return out, unread


def cut(model: Any, points: Array, spaces: bool) -> tuple[Array, Array]:
    tokens = np.empty((5, points.size), np.int32)
    n, unread = _cut(points, model.cells, model.slots, model.settings, spaces, tokens)
    return tokens[:4, :n], tokens[4, :unread]


@jit
def _cells_of_bytes(
    text: Array, at: int, size: int, n: int, cells_of: Array, cells: Array, places: Array
) -> int:
    """Make up to `n` cells of the bytes from `at`; return how many. places[k] is where k begins."""
    count = 0
    while at < size and count < n:
        places[count] = at
        point, length = _decode(text, at)
        cells[count] = cells_of[point]
        at += length
        count += 1
    places[count] = at
    return count


@jit
def _find_words(
    text: Array, size: int, boundary: int, cells_of: Array, slots: Array, settings: Array,
    starts: Array, stops: Array,
) -> int:  # fmt: skip
    block = min(max(_BLOCK, 4 * settings[4] + 64), size)
    space = workspace(block)
    places = np.empty(block + 1, np.int32)
    at: Any = 0
    out = 0
    while at < size:
        cells, trail, chain = space[0], space[8], space[10]
        n = _cells_of_bytes(text, at, size, block, cells_of, cells, places)
        final = np.int64(places[n]) == size
        done, count, chain = search(n, final, settings, slots, *space[:10], chain)
        if done == 0:
            block = min(2 * block, size)
            space = workspace(block)
            places = np.empty(block + 1, np.int32)
            continue
        for j in range(count - 1, -1, -1):
            start = np.int64(trail[j, 0])
            if cells[start] & CLASS == SEPARATOR:
                if byte_at(text, places[start]) == boundary and (out == 0 or starts[out - 1] >= 0):
                    starts[out] = stops[out] = -1
                    out += 1
                continue
            starts[out] = places[start]
            stops[out] = places[trail[j - 1, 0]] if j > 0 else places[done]
            out += 1
        at = np.int64(places[done])
    return out


def find_words(model: Any, text: Array, size: int, boundary: int) -> tuple[Array, Array]:
    spans = getattr(_SCRATCH, "spans", None)
    if spans is None or spans.shape[1] < size:
        spans = _SCRATCH.spans = np.empty((2, size), np.int32)
    starts, stops = spans
    n = _find_words(text, size, boundary, model.cells, model.slots, model.settings, starts, stops)
    return starts[:n], stops[:n]


def lattice(model: Any, points: Array) -> tuple[Array, Array, Array, Array, Array]:
    return _lattice.lattice(model.cells[points], model.settings, model.slots)


def best_paths(offsets: Array, starts: Array, scores: Array, n: int) -> tuple[Array, Array]:
    return _lattice.best_paths(offsets, starts, scores, n)


def forward(offsets: Array, starts: Array, logs: Array) -> Array:
    return _lattice.forward(offsets, starts, logs)


def backward(offsets: Array, starts: Array, logs: Array) -> Array:
    return _lattice.backward(offsets, starts, logs)


def draw_path(offsets: Array, starts: Array, logs: Array, sums: Array, uniforms: Array) -> Array:
    return _lattice.draw_path(offsets, starts, logs, sums, uniforms)
