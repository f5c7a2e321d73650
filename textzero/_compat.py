"""Optional packages, looked for once, and the array type that covers both devices."""

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
else:
    Array = Any  # NumPy takes time to import
GpuArray: TypeAlias = Any  # CuPy's, of the same dtype and shape, which no type knows; or NumPy's


def has_package(name: str) -> bool:
    """Whether the package `name` could be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def gpu_state() -> tuple[bool, str]:
    """Return whether a GPU can be used, and what was found or is missing, in a line."""
    if not has_package("cupy"):
        return False, "CuPy is not installed: pip install 'textzero[cuda13]' (or [cuda12])"
    try:
        import cupy
    except Exception as error:  # a broken package raises what it likes
        return False, f"CuPy cannot be imported: {_line(error)}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
        cupy.cuda.nvrtc.getVersion()
        getattr(cupy.cuda, "cublas", None)  # loaded when it is first asked for
    except ImportError as error:
        return False, f"CuPy {cupy.__version__} lacks a library: {_line(error)}"
    except AttributeError:  # a folder of that name, which Python takes for a package
        return False, f"what Python finds as CuPy is something else: {_place(cupy)}"
    except cupy.cuda.runtime.CUDARuntimeError as error:  # no usable driver
        return False, f"CuPy {cupy.__version__} finds no usable NVIDIA driver: {error}"
    except (RuntimeError, OSError) as error:  # no NVRTC
        return False, f"CuPy {cupy.__version__} cannot compile kernels: {_line(error)}"
    if getattr(cupy.cuda.runtime, "is_hip", False):
        return False, f"CuPy {cupy.__version__} is made for AMD; the kernels need an NVIDIA GPU"
    if not count:
        return False, f"CuPy {cupy.__version__} and the driver see no device"
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    major, minor = int(properties["major"]), int(properties["minor"])
    name = bytes(properties["name"]).decode("utf-8", "replace")
    described = f"{name}, {properties['totalGlobalMem'] / 2**30:.0f} GiB, sm_{major}{minor}"
    if major < 8:
        return False, f"{described}: the kernels need sm_80 or later"
    return True, f"{described}, CuPy {cupy.__version__}, device 1 of {count}"


def _line(error: Exception) -> str:
    """The first line of what an error says, or its name."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _place(package: Any) -> str:
    return str(next(iter(getattr(package, "__path__", [])), package))


@cache
def has_gpu() -> bool:
    """Whether CuPy is installed and sees a device that the kernels run on."""
    return gpu_state()[0]
