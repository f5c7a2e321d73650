"""How the CUDA kernels are compiled, kept and launched, and what memory the card has.

The sources beside this file include no header but their own `.cuh`, so that NVRTC compiles them
with nothing installed but CuPy and what it needs. A compiled source is kept for each device and
each set of macros; CuPy keeps it on disk too.

cuBLAS promises the same bits again only while one stream is at work, unless its workspaces are of
one size, which an environment variable says; it must be there before the first product.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import cupy
import numpy as np

from textzero._compat import GpuArray as Array

FOLDER = Path(__file__).parent
THREADS = 256  # of a block, unless a kernel says otherwise
_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
_STAGED = 64 << 20  # bytes of an upload by way of pinned memory
_RESERVE = 512 << 20  # left to the driver, to libraries and to whatever else uses the card


def source(name: str) -> str:
    """Return the text of NAME.cu with its `.cuh` files put in: what is compiled."""
    text = (FOLDER / f"{name}.cu").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: (FOLDER / found[1]).read_text(encoding="utf-8"), text)


@cache
def _module(name: str, _device: int, macros: tuple[tuple[str, int], ...]) -> Any:
    options = ("-std=c++17", *(f"-D{macro}={value}" for macro, value in macros))
    return cupy.RawModule(code=source(name), options=options, backend="nvrtc")


@cache
def _function(name: str, function: str, device: int, macros: tuple[tuple[str, int], ...]) -> Any:
    return _module(name, device, macros).get_function(function)


def function(name: str, kernel: str, **macros: int) -> Any:
    """Return one kernel of NAME.cu, compiled for the current device with -Dmacro=value."""
    return _function(name, kernel, cupy.cuda.Device().id, tuple(sorted(macros.items())))


def launch(
    kernel: Any, blocks: int, *arguments: Any, threads: int = THREADS, shared: int = 0
) -> None:
    """Run a kernel in `blocks` blocks on the current stream; none for 0 blocks.

    Arguments are contiguous arrays on the device or NumPy scalars, of the kernel's own types: that
    they are, only the emulation of the tests can see.

    Raises:
        TypeError: An argument is neither, or an array has gaps.
    """
    for argument in arguments:
        whole = isinstance(argument, cupy.ndarray) and argument.flags.c_contiguous
        if not whole and not isinstance(argument, np.generic):
            raise TypeError(
                f"a kernel takes contiguous device arrays and NumPy scalars, got {type(argument)}"
            )
    if not blocks:
        return
    if shared > 48 << 10:
        kernel.max_dynamic_shared_size_bytes = shared
    kernel((blocks,), (threads,), arguments, shared_mem=shared)


def blocks_of(n: int, threads: int = THREADS) -> int:
    """How many blocks of so many threads have one thread for each of n items."""
    blocks = -(-n // threads)
    if blocks >= 1 << 31:
        raise ValueError(f"a grid has fewer than 2^31 blocks, got {blocks:,}")
    return blocks


def processors() -> int:
    """How many multiprocessors the current device has."""
    return int(cupy.cuda.Device().attributes["MultiProcessorCount"])


def free_memory() -> int:
    """Bytes of the current device that we may take: what is free, and what CuPy holds unused."""
    free, _ = cupy.cuda.runtime.memGetInfo()
    held = cupy.get_default_memory_pool().free_bytes()
    return max(0, int(free) + int(held) - _RESERVE)


def pinned(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised NumPy array in pinned memory, from which copies are asynchronous."""
    count = int(np.prod(shape))
    memory = cupy.cuda.alloc_pinned_memory(max(1, count * np.dtype(dtype).itemsize))
    return np.frombuffer(memory, dtype, count).reshape(shape)


def upload(host: Array, dtype: Any = None) -> Array:
    """Return a copy on the device.

    CuPy copies by way of pinned memory of the next power of two, which it keeps for good: what is
    large goes without, and is there when this returns.
    """
    whole = np.ascontiguousarray(host, dtype)
    if whole.nbytes <= _STAGED:
        return cupy.asarray(whole)
    made = cupy.empty(whole.shape, whole.dtype)
    made.set(whole)
    cupy.cuda.get_current_stream().synchronize()  # should `host` be pinned
    return made
