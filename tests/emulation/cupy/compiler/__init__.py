# ruff: noqa: ARG002
"""RawModule by g++: the same source, run on the processor by `cuda_emulation.h`."""

import atexit
import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from cupy.arrays import ndarray

HEADER = Path(__file__).parents[2] / "cuda_emulation.h"
OPTIONS = (
    *("-std=c++20", "-O1", "-shared", "-fPIC", "-w", "-U_FORTIFY_SOURCE", "-fcf-protection=none"),
    *("-ffp-contract=off", "-fno-strict-aliasing"),
)
_KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")
_DYNAMIC = re.compile(
    r"extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?([\w ]+?)\s+(\w+)\s*\[\s*\]\s*;"
)
seed = 0  # of the order in which blocks and threads run
launches = 0


class _Argument(ctypes.Structure):
    _fields_ = (
        *(("value", ctypes.c_void_p), ("kind", ctypes.c_char), ("of", ctypes.c_char)),
        ("size", ctypes.c_int),
    )


@cache
def _folder():
    folder = tempfile.mkdtemp(prefix="textzero-emulation-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _built(code, options):
    """The shared object of a source, and its kernels."""
    kernels = _KERNEL.findall(code)
    text = _DYNAMIC.sub(r"\1* \2 = reinterpret_cast<\1*>(emulation::dynamic_shared());", code)
    text += "".join(f"\nEMULATE_LAUNCH({kernel})" for kernel in kernels)
    name = hashlib.sha256(repr((code, options)).encode()).hexdigest()[:16]
    path, built = _folder() / f"{name}.cpp", _folder() / f"{name}.so"
    path.write_text(text)
    macros = [option for option in options if option.startswith("-D")]
    command = ["g++", *OPTIONS, *macros, "-include", str(HEADER), str(path), "-o", str(built)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"g++ does not compile the kernel:\n{done.stderr[:4000]}")
    return ctypes.CDLL(str(built)), kernels


class RawModule:
    def __init__(self, *, code, options=(), backend="nvrtc"):
        self.code, self.options = code, options

    def get_function(self, name):
        library, kernels = _built(self.code, self.options)
        if name not in kernels:
            raise RuntimeError(f"there is no kernel {name!r} among {kernels}")
        return RawKernel(name, getattr(library, f"launch_{name}"))


class RawKernel:
    def __init__(self, name, call):
        self.name, self.call, self.max_dynamic_shared_size_bytes = name, call, 48 << 10
        call.restype = ctypes.c_char_p
        call.argtypes = (
            *(ctypes.POINTER(ctypes.c_uint), ctypes.POINTER(ctypes.c_uint), ctypes.c_size_t),
            *(ctypes.POINTER(_Argument), ctypes.c_int, ctypes.c_uint64),
        )

    def __call__(self, grid, block, args, *, shared_mem=0):
        global launches
        launches += 1
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise RuntimeError(f"{self.name}: {shared_mem} bytes of shared memory were not allowed")
        kept, arguments = [], (_Argument * max(1, len(args)))()
        for place, argument in enumerate(args):
            made = _argument(argument, self.name, place)
            kept.append(made)
            value, kind, of, size = made
            pointer = ctypes.cast(value.ctypes.data, ctypes.c_void_p)
            arguments[place] = _Argument(pointer, kind, of, size)
        dims = [
            (ctypes.c_uint * 3)(*(int(n) for n in (*sizes, 1, 1)[:3])) for sizes in (grid, block)
        ]
        error = self.call(*dims, shared_mem, arguments, len(args), seed + launches)
        if error:
            raise RuntimeError(f"{self.name}: {error.decode()}")
        for place, argument in enumerate(args):
            memory = getattr(argument, "memory", None)
            if memory is not None and not memory.is_whole():
                raise RuntimeError(f"{self.name} writes outside of argument {place}")


def _argument(argument, name, place):
    """(what the kernel's parameter is copied from, kind, kind of what it points to, size)."""
    if isinstance(argument, ndarray):
        if not argument.array.flags.c_contiguous:
            raise TypeError(f"{name}: argument {place} must be contiguous")
        of = b"f" if argument.dtype.kind == "f" else b"i"
        return np.array([argument.array.ctypes.data], np.uint64), b"p", of, argument.itemsize
    if isinstance(argument, np.generic):
        kind = b"f" if argument.dtype.kind == "f" else b"i"
        return np.array([argument]), kind, b" ", argument.itemsize
    raise TypeError(
        f"{name}: argument {place} must be an array or a NumPy scalar, got {argument!r}"
    )
