"""How this package compiles: machine code cached on disk, no interpreter lock, plus two raw loads.

Numba indexes arrays like Python does, wrapping negative indices around; in a byte scanner that
test costs more than the load. `byte_at` and `word_at` are the bare loads.
"""

import contextlib
import hashlib
import inspect
import os
import pickle
import stat
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.extending import intrinsic


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on first call, keep the result on disk, release the GIL while it runs.

    The cache lies beside the source, else in the user's cache folder. When neither can be written
    (a read-only container) it goes to a folder of the user's own in the temporary directory. A disk
    that is full or fails costs compiling again, nothing else.
    """
    return jit_with()(function)


def jit_with(**options: Any) -> Callable[..., Any]:
    """Like `jit`, with more of Numba's options."""

    def compile_later(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return _forgiving(numba.njit(cache=True, nogil=True, **options)(function))
        except (RuntimeError, NumbaError):  # "no locator available": nowhere to write
            numba.config.CACHE_DIR = _private_folder()  # type: ignore[attr-defined]
            return _forgiving(numba.njit(cache=True, nogil=True, **options)(function))

    return compile_later


def _forgiving(compiled: Any) -> Callable[..., Any]:
    """Let what was compiled run also when it cannot be kept on the disk, or read from there.

    And let it be compiled again when a source beside its own has changed: what it calls is in it.
    A Numba that keeps it in another way does so as it likes.
    """
    kept: Any = getattr(compiled, "_cache", None)
    file: Any = getattr(kept, "_cache_file", None)
    if all(hasattr(file, name) for name in _NUMBAS):
        with contextlib.suppress(OSError):  # sources in an archive
            file._source_stamp = _stamp(os.path.dirname(inspect.getfile(compiled.py_func)))
        file.save = partial(_save, file)
    for name in ("save_overload", "load_overload"):
        if hasattr(kept, name):
            setattr(kept, name, _or_nothing(getattr(kept, name)))
    return compiled


_DAMAGED = EOFError, pickle.UnpicklingError  # what is read of a file that lost power cut short
_NUMBAS = ("_source_stamp", "_load_index", "_save_index", "_save_data", "_data_name")


@cache
def _stamp(folder: str) -> str:
    """What tells the sources in a folder from others: times may be those of a package's making."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".py")):
        content = Path(folder, name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _save(file: Any, key: Any, data: Any) -> None:
    """Keep machine code, then tell of it, under a name that no other signature has.

    Numba tells first, and counts: it may tell of what an older source left, or another process.
    """
    index: dict[Any, str] = {}
    with contextlib.suppress(*_DAMAGED):
        index = file._load_index()
    number = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    name = file._data_name(int.from_bytes(number, "little"))
    file._save_data(name, data)
    file._save_index({**index, key: name})


def _or_nothing(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with contextlib.suppress(OSError, *_DAMAGED):
            return method(*arguments)
        return None

    return call


@cache
def _private_folder() -> str:
    """A folder that nobody else can write: machine code will be loaded from it."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = os.path.join(tempfile.gettempdir(), f"textzero-{owner}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    status = os.lstat(folder)
    if stat.S_ISDIR(status.st_mode) and status.st_uid == owner and not status.st_mode & 0o077:
        return folder
    return tempfile.mkdtemp(prefix="textzero-")


def _load(bits: int, result: Any) -> Callable[..., Any]:
    """Make an intrinsic that loads `bits` bits at a byte offset of a contiguous uint8 array."""

    @intrinsic
    def load(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            offset = context.cast(builder, arguments[1], signature.args[1], types.intp)
            address = builder.gep(data, [offset])
            kind = ir.IntType(bits)
            value = builder.load(builder.bitcast(address, kind.as_pointer()), align=1)
            return value if bits == 64 else builder.zext(value, ir.IntType(64))

        return result(array, index), generate

    return load


byte_at = _load(8, types.int64)
word_at = _load(64, types.uint64)


def _fetch_ahead(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """Ask the cache for the line that holds element `index` of a contiguous array's first axis."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        view = context.make_array(kind)(context, builder, arguments[0])
        offset = context.cast(builder, arguments[1], signature.args[1], types.intp)
        stride = builder.extract_value(view.strides, 0)
        byte = ir.IntType(8).as_pointer()
        address = builder.gep(builder.bitcast(view.data, byte), [builder.mul(offset, stride)])
        flag = ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        builder.call(prefetch, [address, flag(1), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


fetch_ahead: Any = intrinsic(_fetch_ahead)


def _trailing_zeros(typing_context: Any, bits: Any) -> Any:  # noqa: ARG001
    """Count the zero bits below the lowest one of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate


trailing_zeros: Any = intrinsic(_trailing_zeros)
