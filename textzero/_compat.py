"""Optional packages, looked for once, and the array type that covers both devices."""

import importlib.util
from functools import cache
from typing import Any, TypeAlias

# NumPy's ndarray, or CuPy's with the same dtype and shape.
Array: TypeAlias = Any


def has_package(name: str) -> bool:
    """Whether the package `name` could be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


@cache
def has_gpu() -> bool:
    """Whether CuPy is installed and sees a device."""
    if not has_package("cupy"):
        return False
    import cupy

    try:
        return cupy.cuda.runtime.getDeviceCount() > 0
    except cupy.cuda.runtime.CUDARuntimeError:  # installed, but without a usable driver
        return False
