"""The one place where a device is chosen."""

import importlib
from types import ModuleType

from textzero._compat import has_gpu

DEVICES = ("reference", "cpu", "gpu")


def kernel(operation: str, device: str = "cpu") -> ModuleType:
    """Return the module that implements `operation` on `device`.

    >>> kernel("text", device="cpu").__name__
    'textzero.kernels.cpu.text'
    """
    if device == "auto":
        device = "gpu" if has_gpu() else "cpu"
    if device not in DEVICES:
        raise ValueError(f"device must be 'auto' or one of {DEVICES}, got {device!r}")
    if device == "gpu" and not has_gpu():
        raise RuntimeError(
            "device='gpu' needs CuPy and an NVIDIA driver: "
            "pip install 'textzero[cuda13]', or use device='cpu'"
        )
    return importlib.import_module(f"textzero.kernels.{device}.{operation}")
