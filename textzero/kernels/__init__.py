"""The one place where a device is chosen."""

import importlib
from pathlib import Path
from types import ModuleType

from textzero._compat import has_gpu

DEVICES = ("reference", "cpu", "gpu")


def kernel(operation: str, device: str = "cpu") -> ModuleType:
    """Return the module that implements `operation` on `device`.

    "auto" is the GPU where there is one and the operation has a twin for it, else the processor.

    >>> kernel("text", device="cpu").__name__
    'textzero.kernels.cpu.text'
    """
    if device == "auto":
        twin = Path(__file__).parent / "gpu" / f"{operation}.py"
        device = "gpu" if has_gpu() and twin.exists() else "cpu"
    if device not in DEVICES:
        raise ValueError(f"device must be 'auto' or one of {DEVICES}, got {device!r}")
    if device == "gpu" and not has_gpu():
        raise RuntimeError(
            "device='gpu' needs CuPy and an NVIDIA driver: "
            "pip install 'textzero[cuda13]', or use device='cpu'"
        )
    return importlib.import_module(f"textzero.kernels.{device}.{operation}")
