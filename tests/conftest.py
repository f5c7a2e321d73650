"""What all tests share: devices, the corpora beside the repository, one seed for what is drawn."""

import importlib
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings

from textzero._compat import has_gpu

HERE = Path(__file__).parent
GPU_KERNELS = HERE.parent / "textzero" / "kernels" / "gpu"
EMULATED = "gpu-emulated"  # the CUDA sources run by g++ on the processor, see tests/emulation
collect_ignore = ["emulation"]


def pytest_addoption(parser):
    help = "0: the same draws each time; else examples of Hypothesis and weights of Keras anew"
    parser.addoption("--seed", type=int, default=0, help=help)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """A run says something of the change and nothing of luck, unless told to look further."""
    if config.option.seed and config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(config.option.seed)
    drawing = {"deadline": None, "derandomize": not config.option.seed, "print_blob": True}
    settings.register_profile("textzero", max_examples=60, **drawing)
    settings.register_profile("emulated", max_examples=10, **drawing)
    settings.load_profile("textzero")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Tests hold no doctests: looking for them would swallow a test file's own import error."""
    return [found for found in (yield) if not isinstance(found, DoctestModule)]


def gpu_operations():
    """The operations that have a twin for the GPU; tests of others are not asked for one."""
    return {path.stem for path in GPU_KERNELS.glob("[!_]*.py")}


def gpu_param():
    """The GPU, what stands for it, or a skip that says why."""
    if has_gpu():
        return pytest.param("gpu", id="gpu")
    if shutil.which("g++"):
        return pytest.param(EMULATED, id=EMULATED)
    reason = "neither an NVIDIA GPU nor g++, which could stand for one"
    return pytest.param("gpu", id="gpu", marks=pytest.mark.skip(reason=reason))


def pytest_generate_tests(metafunc):
    """Run a test that asks for `device` once per device that has the operation of its file."""
    marks = metafunc.definition.iter_markers("parametrize")
    if "device" in metafunc.fixturenames and not any("device" in mark.args[0] for mark in marks):
        operation = metafunc.module.__name__.rpartition("test_")[2]
        gpu = [gpu_param()] if operation in gpu_operations() else []
        devices = ["reference", "cpu", *gpu]
        metafunc.parametrize("device", devices, indirect=True, scope="session")
    if "emulated" in metafunc.fixturenames:
        metafunc.parametrize("emulated", [EMULATED], indirect=True, scope="session")
    if "cupy" in metafunc.fixturenames:
        metafunc.parametrize("cupy", [gpu_param()], indirect=True, scope="session")


@pytest.fixture(scope="session")
def device(request):
    """Run the test once per device; what cannot run reports a skip, never a pass."""
    return "gpu" if request.param == EMULATED else request.param


@pytest.fixture(scope="session")
def emulated(request):
    """Put the emulation in CuPy's place, whatever there is."""
    return request.param


@pytest.fixture(scope="session")
def cupy(request):  # noqa: ARG001  the parameter says which
    """CuPy or what stands for it, for tests of what only the GPU has."""
    return importlib.import_module("cupy")


@contextmanager
def emulated_gpu():
    """Put the emulation in the place of CuPy, and take it away again with all that imported it."""
    ours = ("cupy", "textzero.kernels.gpu")

    def taken_out():
        names = [n for n in sys.modules if n in ours or n.startswith(tuple(f"{o}." for o in ours))]
        return {name: sys.modules.pop(name) for name in names}

    before = taken_out()
    sys.path.insert(0, str(HERE / "emulation"))
    sys.modules.update(emulated_gpu.modules)
    has_gpu.cache_clear()
    try:
        yield importlib.import_module("cupy")
    finally:
        emulated_gpu.modules = taken_out()
        sys.path.remove(str(HERE / "emulation"))
        sys.modules.update(before)
        has_gpu.cache_clear()


emulated_gpu.modules = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if EMULATED not in [value for value in parameters if isinstance(value, str)]:
        return (yield)
    settings.load_profile("emulated")
    try:
        with emulated_gpu():
            return (yield)
    finally:
        settings.load_profile("textzero")


@pytest.fixture(scope="session")
def drawn_from(pytestconfig):
    """The seed of what tests draw without naming one, such as a layer's first weights."""
    return pytestconfig.option.seed


@pytest.fixture(scope="session")
def data():
    """The folder of corpora and gold sets."""
    if "TEXTZERO_DATA" not in os.environ:
        pytest.skip("TEXTZERO_DATA names no folder of corpora")
    return Path(os.environ["TEXTZERO_DATA"])
