"""Every CUDA source compiles, without a word of warning, for the architectures that we promise."""

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ROOT / "textzero" / "kernels" / "gpu", ROOT / "benchmarks"
ARCHITECTURES = ("sm_80", "sm_90")
SOURCES = sorted(path for folder in FOLDERS for path in folder.glob("*.cu"))
_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)


def nvcc():
    """The path of nvcc on PATH or in CUDA_HOME or CUDA_PATH, or None."""
    homes = [os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH")]
    found = [Path(home) / "bin" / "nvcc" for home in homes if home]
    return shutil.which("nvcc") or next((str(path) for path in found if path.exists()), None)


def nvrtc():
    """NVRTC of a wheel or of the system, or None."""
    spec = importlib.util.find_spec("nvidia")
    places = list(spec.submodule_search_locations or ()) if spec else []
    wheels = [str(path) for place in places for path in Path(place).rglob("libnvrtc.so*")]
    homes = [os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH")]
    wheels += [str(Path(home) / "lib64" / "libnvrtc.so") for home in homes if home]
    for name in [*wheels, "libnvrtc.so", *(f"libnvrtc.so.{major}" for major in (13, 12))]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def variants(path):
    """The sets of macros that a source names in a line "// compiled with: A=1 B=2; A=2 B=2"."""
    line = re.search(r"^// compiled with: (.*)$", path.read_text(), re.MULTILINE)
    return [variant.split() for variant in line[1].split(";")] if line else [[]]


CASES = [
    pytest.param(path, macros, id=" ".join([path.name, *macros]))
    for path in SOURCES
    for macros in variants(path)
]


def test_there_is_something_to_compile():
    assert CASES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("path, macros", CASES)
def test_nvcc_compiles_it_without_warning(path, macros, architecture, tmp_path):
    if nvcc() is None:
        pytest.skip("no nvcc on PATH, in CUDA_HOME or in CUDA_PATH")
    command = [nvcc(), "-std=c++17", f"-arch={architecture}", "-cubin", *(f"-D{m}" for m in macros)]
    done = subprocess.run(
        [*command, str(path), "-o", str(tmp_path / "out.cubin")], capture_output=True, text=True
    )
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("path, macros", CASES)
def test_nvrtc_compiles_it_without_warning(path, macros, architecture):
    library = nvrtc()
    if library is None:
        pytest.skip("no NVRTC: neither the wheel nvidia-cuda-nvrtc nor a CUDA toolkit")
    text = _INCLUDE.sub(lambda found: (path.parent / found[1]).read_text(), path.read_text())
    program = ctypes.c_void_p()
    created = library.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), path.name.encode(), 0, None, None
    )
    assert created == 0
    options = ["-std=c++17", f"-arch={architecture}", *(f"-D{macro}" for macro in macros)]
    array = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    status = library.nvrtcCompileProgram(program, len(options), array)
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    assert status == 0 and not log.value, log.value.decode()
