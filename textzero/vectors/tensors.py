"""Matrices in safetensors files: written block by block, mapped rather than read.

The format is a JSON object of names, types, shapes and places, its size before it in eight bytes,
and the numbers behind it. The library's own reader checks what is read; it takes a whole matrix in
memory to write one, so that writing is done here, in the same bytes.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero.disk import disk
from textzero.errors import InputError, ResourceError
from textzero.files import refuse_device, refuse_pickle

_TYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I64": np.int64}
_ORDER = ("I64", "F64", "F32", "F16")  # in which the library writes them
_NAMES = {np.dtype(kind).newbyteorder("<"): name for name, kind in _TYPES.items()}
_LARGEST_HEADER = 16 << 20  # bytes; ours have a few hundred a tensor
_BLOCK = 8 << 20  # bytes written at once


def write_safetensors(path: Path, tensors: Mapping[str, Array], metadata: dict[str, str]) -> None:
    """Write arrays to a file.

    Args:
        path: The file.
        tensors: float16, float32, float64 or int64 arrays, also mapped ones.
        metadata: Strings by name.

    Raises:
        ResourceError: The disk is full or the file cannot be written.
    """
    held = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    kinds = {name: _NAMES[tensor.dtype.newbyteorder("<")] for name, tensor in held.items()}
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    names = sorted(held, key=lambda name: (_ORDER.index(kinds[name]), name))
    for name in names:
        begin, end = end, end + held[name].nbytes
        header[name] = {
            "dtype": kinds[name], "shape": list(held[name].shape), "data_offsets": [begin, end],
        }  # fmt: skip
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    try:
        with disk().create(path) as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for name in names:
                tensor = np.atleast_1d(held[name])
                step = max(1, _BLOCK * len(tensor) // max(tensor.nbytes, 1))
                for start in range(0, len(tensor), step):
                    part = np.ascontiguousarray(tensor[start : start + step])
                    file.write(part.astype(part.dtype.newbyteorder("<"), copy=False).data)
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror or error}") from error


def map_safetensors(path: Path) -> dict[str, Array]:
    """Map the tensors of a safetensors file, after the library's own reader has checked the header.

    Raises:
        InputError: The file lies about its tensors, or holds a type that NumPy has not.
    """
    from safetensors import SafetensorError, safe_open

    refuse_device(path)
    try:
        with open(path, "rb") as raw:
            head = raw.read(8)
            refuse_pickle(path, head)
            size = int.from_bytes(head, "little")
            if size > _LARGEST_HEADER:
                raise InputError(
                    f"{path} is not a sound safetensors file: a header must be at most "
                    f"{_LARGEST_HEADER:,} bytes, got {size:,}"
                )
            with safe_open(path, framework="numpy") as file:
                names = list(file.keys())
            header = json.loads(raw.read(size))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a sound safetensors file: {error}") from error
    tensors = {}
    for name in names:
        entry = header[name]
        if entry["dtype"] not in _TYPES:
            raise InputError(
                f"{path}: {name} must be one of {', '.join(_TYPES)}, got {entry['dtype']}"
            )
        shape, kind = tuple(entry["shape"]), _TYPES[entry["dtype"]]
        offset = 8 + size + entry["data_offsets"][0]
        try:
            empty = 0 in shape
            made = np.zeros(shape, kind) if empty else np.memmap(path, kind, "r", offset, shape)
        except (ValueError, OSError) as error:  # of more dimensions than NumPy has, or of 0 x 2^62
            raise InputError(f"{path}: {name} of shape {shape!r:.60}: {error}") from error
        tensors[name] = made
    return tensors
