"""Sub-sampling with Numba. Contract: `kernels/reference/subsampling.py`."""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit
from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.kernels.reference.subsampling import BLOCK, FIRST, GOLDEN, SECOND

_GOLDEN, _FIRST, _SECOND = np.uint64(GOLDEN), np.uint64(FIRST), np.uint64(SECOND)
_11, _27, _30, _31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@jit
def _mix(number: np.uint64) -> np.uint64:
    number = (number ^ (number >> _30)) * _FIRST
    number = (number ^ (number >> _27)) * _SECOND
    return number ^ (number >> _31)


def mix(number: int) -> int:
    return int(_mix(np.uint64(number)))


@jit
def _remove(
    tokens: Array, keep: Array, start: np.uint64, state: np.uint64
) -> tuple[int, np.uint64]:
    decided, hashed = 0, state
    for i in range(tokens.size):
        token = np.int64(tokens[i])
        hashed = _mix(hashed ^ np.uint64(token))
        if token != DOCUMENT_END and i + 1 - decided < BLOCK:
            continue
        number = hashed
        for k in range(decided, i + 1):
            number += _GOLDEN
            word = np.int64(tokens[k])
            if word >= 0 and keep[word] < 1:
                if np.float64(_mix(number) >> _11) * 2.0**-53 >= keep[word]:
                    tokens[k] = GAP
        if token == DOCUMENT_END:
            hashed = start
        state = hashed
        decided = i + 1
    return decided, state


def remove_frequent(tokens: Array, keep: Array, start: int, state: int) -> tuple[int, int]:
    decided, after = _remove(tokens, keep, np.uint64(start), np.uint64(state))
    return int(decided), int(after)
