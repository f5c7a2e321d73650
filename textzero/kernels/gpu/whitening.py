"""Whitening of small matrices on the host: contract in `kernels/reference/whitening.py`.

A matrix of d x d numbers is not worth the way to the card, and a GPU promises no bits, so it is
LAPACK that does it: four times as fast at d = 128 as rotations in Numba.
"""

from textzero._compat import GpuArray as Array
from textzero.kernels import kernel


def whiten(base: Array, other: Array) -> tuple[Array, Array, Array]:
    return kernel("whitening", "reference").whiten(base, other)
