"""Matrices in safetensors files: written whole, mapped rather than read."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError, ResourceError

_TYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I64": np.int64}


def write_safetensors(path: Path, tensors: Mapping[str, Array], metadata: dict[str, str]) -> None:
    """Write arrays to a file, with the mode that new files have here.

    Raises:
        ResourceError: The disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    path.touch()  # safetensors makes its own file private
    mode = path.stat().st_mode
    try:
        save_file(dict(tensors), path, metadata=metadata)
    except SafetensorError as error:
        raise ResourceError(f"the vectors cannot be written: {error}") from error
    path.chmod(mode)


def map_safetensors(path: Path) -> dict[str, Array]:
    """Map the tensors of a safetensors file, after its own reader has checked the header.

    Raises:
        InputError: The file lies about its tensors, or holds a type that NumPy has not.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
        with open(path, "rb") as raw:
            size = int.from_bytes(raw.read(8), "little")
            header = json.loads(raw.read(size))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is not a sound safetensors file: {error}") from error
    tensors = {}
    for name in names:
        entry = header[name]
        if entry["dtype"] not in _TYPES:
            raise InputError(
                f"{path}: {name} must be one of {', '.join(_TYPES)}, got {entry['dtype']}"
            )
        shape = tuple(entry["shape"])
        if 0 in shape:
            tensors[name] = np.zeros(shape, _TYPES[entry["dtype"]])
            continue
        offset = 8 + size + entry["data_offsets"][0]
        tensors[name] = np.memmap(path, _TYPES[entry["dtype"]], "r", offset, shape)
    return tensors
