"""What fills the placeholders of templates on the CPU. The docstrings are in the reference."""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit


@jit
def _place(sentence: Array, template: Array, window: int, can: Array, bounds: Array) -> None:
    """Write where each item begins; can[k, p] says that items k ... can go from p to the end."""
    n, m = sentence.size, template.size
    can[: m + 1, : n + 1] = False
    can[m, n] = True
    for k in range(m - 1, -1, -1):
        for p in range(n - 1, -1, -1):
            if template[k] >= 0:
                can[k, p] = sentence[p] == template[k] and can[k + 1, p + 1]
                continue
            stop = min(p + window - 1, n) if 0 < k < m - 1 else n
            for end in range(p + 1, stop + 1):
                if can[k + 1, end]:
                    can[k, p] = True
                    break
    p = 0
    for k in range(m):
        bounds[k] = p
        p += 1
        while not can[k + 1, p]:
            p += 1
    bounds[m] = n


@jit
def _rows(
    tokens: Array,
    offsets: Array,
    best: Array,
    items: Array,
    item_offsets: Array,
    window: int,
    longest: int,
    first: int,
    last: int,
    longest_sentence: int,
) -> Array:
    most = 0
    for t in range(item_offsets.size - 1):
        most = max(most, item_offsets[t + 1] - item_offsets[t])
    can = np.zeros((most + 1, longest_sentence + 1), np.bool_)
    bounds = np.zeros(most + 1, np.int64)
    rows, n = np.empty((1 << 12, 2 + longest), np.int32), 0
    for s in range(first, last):
        t = best[s]
        if t < 0:
            continue
        sentence = tokens[offsets[s] : offsets[s + 1] - 1]
        template = items[item_offsets[t] : item_offsets[t + 1]]
        _place(sentence, template, window, can, bounds)
        if n + template.size > rows.shape[0]:
            larger = np.empty((2 * rows.shape[0] + template.size, 2 + longest), np.int32)
            larger[:n] = rows[:n]
            rows = larger
        slot = -1
        for k in range(template.size):
            if template[k] >= 0:
                continue
            slot += 1
            filler = sentence[bounds[k] : bounds[k + 1]]
            if filler.size > longest or filler.min() < 0:
                continue
            rows[n, 0] = t
            rows[n, 1] = slot
            rows[n, 2:] = -1
            rows[n, 2 : 2 + filler.size] = filler
            n += 1
    return rows[:n]


def find_fillers(
    tokens: Array,
    offsets: Array,
    best: Array,
    items: Array,
    item_offsets: Array,
    window: int,
    longest: int,
    first: int,
    last: int,
) -> Array:
    longest_sentence = int(np.diff(offsets[first : last + 1]).max(initial=1))
    return _rows(
        *(tokens, offsets, best, items, item_offsets, window, longest, first, last),
        longest_sentence,
    )
