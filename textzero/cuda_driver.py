"""What the NVIDIA driver says of itself and its devices, asked without CuPy."""

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAMES = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
_MAJOR, _MINOR = 75, 76  # attributes of a device: its compute capability


@dataclass(frozen=True)
class Device:
    """One device: its name, compute capability and memory in bytes."""

    name: str
    capability: tuple[int, int]
    memory: int


@dataclass(frozen=True)
class Driver:
    """The driver: the newest CUDA that it runs, as (major, minor), and the devices it shows."""

    cuda: tuple[int, int]
    devices: list[Device]


class DriverError(OSError):
    """The driver is there and cannot be used; the message says why."""


def read_driver() -> Driver | None:
    """Ask the driver; None when there is none.

    Raises:
        DriverError: The driver is there, but refuses.
    """
    library = next(filter(None, map(_load, _NAMES)), None)
    if library is None:
        return None
    _call(library, "cuInit", 0)
    version, count = ctypes.c_int(), ctypes.c_int()
    _call(library, "cuDriverGetVersion", ctypes.byref(version))
    _call(library, "cuDeviceGetCount", ctypes.byref(count))
    devices = [_device(library, number) for number in range(count.value)]
    return Driver((version.value // 1000, version.value % 1000 // 10), devices)


def _load(name: str) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _call(library: Any, function: str, *arguments: Any) -> None:
    """Call a function of the driver; any result but 0 is an error."""
    code = getattr(library, function)(*arguments)
    if code == 0:
        return
    text = ctypes.c_char_p()
    library.cuGetErrorString(code, ctypes.byref(text))
    reason = text.value.decode("utf-8", "replace") if text.value else "unknown error"
    raise DriverError(f"{function}: {reason} (code {code})")


def _device(library: Any, number: int) -> Device:
    handle, memory = ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(256)
    _call(library, "cuDeviceGet", ctypes.byref(handle), number)
    _call(library, "cuDeviceGetName", name, len(name), handle)
    _call(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), handle)
    capability = []
    for attribute in (_MAJOR, _MINOR):
        value = ctypes.c_int()
        _call(library, "cuDeviceGetAttribute", ctypes.byref(value), attribute, handle)
        capability.append(value.value)
    text = name.value.decode("utf-8", "replace")
    return Device(text, (capability[0], capability[1]), memory.value)


def find_nvrtc() -> Path | str | None:
    """Return where CUDA's run-time compiler is: a path, or the name that the system loads."""
    pattern = "nvrtc64_*.dll" if sys.platform == "win32" else "libnvrtc.so*"
    for folder in map(Path, sys.path):
        found = sorted((folder / "nvidia").glob(f"*/*/{pattern}")) if folder.is_dir() else []
        if found:
            return found[-1]
    names = [f"libnvrtc.so.{major}" for major in (13, 12)] + ["libnvrtc.so"]
    return next((name for name in names if _load(name) is not None), None)
