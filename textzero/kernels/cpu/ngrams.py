"""Repeated n-grams of a stream of units, with Numba. Contract: `kernels/reference/ngrams.py`."""

from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import fetch_ahead, jit

_MIX = np.uint64(0x9E3779B97F4A7C15)
_BATCH = 32


@jit
def _pair_keys(
    left: Array, right: Array, first: int, last: int, base: int, size: int, keys: Array
) -> int:
    n = 0
    for p in range(left.size):
        a = left[p]
        if first <= a < last:
            b = right[p]
            if b != 0:
                keys[n] = (a - base) * size + (b - base)
                n += 1
    return n


def pair_keys(left: Array, right: Array, first: int, last: int, base: int, size: int) -> Array:
    keys = np.empty(int(_count_between(left, first, last)), np.int64)
    return keys[: _pair_keys(left, right, first, last, base, size, keys)]


@jit
def _count_between(left: Array, first: int, last: int) -> int:
    n = 0
    for p in range(left.size):
        n += first <= left[p] < last
    return n


@jit
def _repeated(keys: Array, least: int, kept: Array, counts: Array) -> int:
    n = start = 0
    for i in range(1, keys.size + 1):
        if i == keys.size or keys[i] != keys[start]:
            if i - start >= least:
                kept[n] = keys[start]
                counts[n] = i - start
                n += 1
            start = i
    return n


def repeated(keys: Array, least: int) -> tuple[Array, Array]:
    kept = np.empty(keys.size // least + 1, np.int64)
    counts = np.empty(kept.size, np.int64)
    n = _repeated(keys, least, kept, counts) if keys.size else 0
    return kept[:n].copy(), counts[:n].copy()


@jit
def _home(key: int, shift: int) -> np.int64:
    """Return the slot of a key: the top bits of a product, on which all bits of the key act."""
    return np.int64((np.uint64(key) * _MIX) >> np.uint64(shift))


@jit
def _fill(keys: Array, slots: Array, shift: int) -> None:
    mask = slots.shape[0] - 1
    for i in range(keys.size):
        h = _home(keys[i], shift)
        while slots[h, 1] != 0:
            h = (h + 1) & mask
        slots[h, 0] = keys[i]
        slots[h, 1] = i + 1


def new_names(keys: Array) -> Any:
    size = 16
    while size < 2 * keys.size:
        size *= 2
    slots = np.zeros((size, 2), np.int64)
    _fill(keys, slots, _shift(slots))
    return slots


def _shift(slots: Array) -> int:
    return 65 - int(slots.shape[0]).bit_length()


@jit
def _name_pairs(
    slots: Array, shift: int, left: Array, right: Array, base: int, size: int, first: int,
    out: Array,
) -> None:  # fmt: skip
    mask = slots.shape[0] - 1
    homes = np.empty(_BATCH, np.int64)
    keys = np.empty(_BATCH, np.int64)
    for start in range(0, left.size, _BATCH):
        n = min(_BATCH, left.size - start)
        for k in range(n):
            a, b = left[start + k], right[start + k]
            if a == 0 or b == 0:
                homes[k] = -1
                continue
            keys[k] = (a - base) * size + (b - base)
            homes[k] = _home(keys[k], shift)
            fetch_ahead(slots, homes[k])
        for k in range(n):
            h, name = homes[k], 0
            if h >= 0:
                while slots[h, 1] != 0:
                    if slots[h, 0] == keys[k]:
                        name = slots[h, 1] - 1 + first
                        break
                    h = (h + 1) & mask
            out[start + k] = name


def name_pairs(
    names: Any, left: Array, right: Array, base: int, size: int, first: int, out: Array
) -> None:
    _name_pairs(names, _shift(names), left, right, base, size, first, out)


@jit
def find_pairs(
    starts: Array, rights: Array, left: Array, right: Array, base: int, first: int, out: Array
) -> None:
    for k in range(left.size):
        a, b = left[k], right[k]
        out[k] = 0
        if a == 0 or b == 0:
            continue
        low, high = starts[a - base], starts[a - base + 1]
        stop = high
        while low < high:
            middle = (low + high) >> 1
            if rights[middle] < b:
                low = middle + 1
            else:
                high = middle
        if low < stop and rights[low] == b:
            out[k] = first + low


@jit
def add_continuations(inner: Array, counts: Array, terms: Array, sums: Array, kinds: Array) -> None:
    for k in range(inner.size):
        sums[inner[k]] += terms[k]
        kinds[inner[k]] += 1 - counts[k]


@jit
def _merge_sorted(keys: Array, counts: Array, kept: Array, sums: Array) -> int:
    n = 0
    for k in range(keys.size):
        if n == 0 or keys[k] != kept[n - 1]:
            kept[n], sums[n] = keys[k], 0
            n += 1
        sums[n - 1] += counts[k]
    return n


def merge_sorted(keys: Array, counts: Array) -> tuple[Array, Array]:
    kept, sums = np.empty((2, keys.size), np.int64)
    n = _merge_sorted(keys, counts, kept, sums)
    return kept[:n].copy(), sums[:n].copy()
