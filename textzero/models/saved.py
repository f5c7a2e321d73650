"""The folder of a model: JSON, safetensors and plain text; nothing in it is code.

config.json           the class, from a closed list, its settings and what its labels are
weights.safetensors   every weight, in the order of the network's making
encoder files         vocabulary, words, lexicons (see encoding.py)
manifest.json         version, data, figures, seconds
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from textzero._compat import Array
from textzero.errors import InputError
from textzero.files import read_json
from textzero.vectors.tensors import map_safetensors, write_safetensors

CONFIG, WEIGHTS = "config.json", "weights.safetensors"
KIND = "textzero model 1"
CLASSES: Mapping[str, str] = {
    "Tagger": "textzero.models.tagger",
    "Reader": "textzero.models.reader",
    "Extractor": "textzero.models.extractor",
    "Classifier": "textzero.models.classifier",
}


def model_class(folder: Path) -> tuple[type, dict[str, Any]]:
    """Return the class that a folder names, and its config.

    Raises:
        InputError: The folder holds no model, or one of a class that is not in the list.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} must be a folder that `textzero train` wrote"
            + (", got a file" if folder.exists() else ", and it is not there")
        )
    config = read_json(folder / CONFIG)
    if config.get("kind") != KIND:
        raise InputError(f"{folder / CONFIG} must be of kind {KIND!r}, got {config.get('kind')!r}")
    name = config.get("class")
    if not isinstance(name, str) or name not in CLASSES:
        raise InputError(
            f"{folder / CONFIG}: class must be one of {', '.join(CLASSES)}, got {name!r}"
        )
    if not isinstance(config.get("facts"), dict):
        raise InputError(f"{folder / CONFIG}: facts must be an object")
    return getattr(importlib.import_module(CLASSES[name]), name), config


def write_weights(path: Path, variables: list[Any]) -> None:
    """Write variables under their places and names.

    Raises:
        ResourceError: The disk is full.
    """
    values = [
        np.ascontiguousarray(ops.convert_to_numpy(variable), np.float32) for variable in variables
    ]
    tensors = {
        _name(i, v): value for i, (v, value) in enumerate(zip(variables, values, strict=True))
    }
    write_safetensors(path, tensors, {"format": KIND})


def check_size(path: Path, least: int) -> None:
    """Refuse a file of weights that holds less than `least` numbers.

    Raises:
        InputError: It does, or it is damaged.
    """
    held = sum(tensor.size for tensor in map_safetensors(path).values())
    if held < least:
        raise InputError(
            f"{path} must hold at least {least:,} numbers for the network that "
            f"{path.with_name(CONFIG)} describes, got {held:,}"
        )


def read_weights(path: Path, variables: list[Any]) -> None:
    """Assign what `write_weights` wrote.

    Raises:
        InputError: The file is damaged, or of another network.
    """
    tensors = map_safetensors(path)
    expected = {_name(place, variable): variable for place, variable in enumerate(variables)}
    if set(tensors) != set(expected):
        odd = sorted(set(tensors) ^ set(expected))[0]
        raise InputError(f"{path} does not fit {path.with_name(CONFIG)}: {odd!r} is in one alone")
    for name, variable in expected.items():
        _check(path, name, tensors[name], tuple(variable.shape))
        variable.assign(tensors[name])


def _check(path: Path, name: str, tensor: Array, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise InputError(f"{path}: {name} must be of shape {shape}, got {tensor.shape}")
    if not np.isfinite(tensor).all():
        raise InputError(f"{path}: {name} must hold numbers, got NaN or infinity")


def _name(place: int, variable: Any) -> str:
    return f"{place:03} {variable.name}"
