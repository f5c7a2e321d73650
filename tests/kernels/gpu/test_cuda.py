"""What the loader promises: sources, memory, launches; and what is said of a machine."""

import builtins
import importlib

import numpy as np
import pytest

from textzero import _compat

SOURCE = """
#ifndef FACTOR
#define FACTOR 2
#endif
extern "C" __global__ void reversed(const int* in, long long n, int* out) {
    extern __shared__ int held[];
    for (int i = threadIdx.x; i < n; i += blockDim.x) held[i] = FACTOR * in[i];
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = held[n - 1 - i];
}
"""


def test_a_source_is_compiled_for_each_set_of_macros(cupy, tmp_path, monkeypatch):
    from textzero.kernels.gpu import _cuda

    (tmp_path / "turn.cuh").write_text(SOURCE)
    (tmp_path / "turn_test.cu").write_text('// a header\n#include "turn.cuh"\n')
    monkeypatch.setattr(_cuda, "FOLDER", tmp_path)
    assert "turn.cuh" not in _cuda.source("turn_test") and "reversed" in _cuda.source("turn_test")
    n = 13_000  # more shared memory than a kernel has unasked
    numbers, out = cupy.arange(n, dtype=np.int32), cupy.empty(n, np.int32)
    for macros, factor in (({}, 2), ({"FACTOR": 5}, 5)):
        kernel = _cuda.function("turn_test", "reversed", **macros)
        assert kernel is _cuda.function("turn_test", "reversed", **macros)
        _cuda.launch(kernel, 1, numbers, np.int64(n), out, threads=64, shared=4 * n)
        np.testing.assert_array_equal(out.get(), factor * np.arange(n)[::-1])
    _cuda.launch(kernel, 0, numbers, np.int64(n), out)  # nothing to do is no error
    for wrong in (numbers[::2], n, numbers.get()):
        with pytest.raises(TypeError, match="takes contiguous device arrays and NumPy scalars"):
            _cuda.launch(kernel, 1, wrong, np.int64(n), out)


def test_blocks_cover_all_items(cupy):  # noqa: ARG001
    from textzero.kernels.gpu import _cuda

    assert [_cuda.blocks_of(n, 256) for n in (0, 1, 256, 257)] == [0, 1, 1, 2]
    with pytest.raises(ValueError, match=r"fewer than 2\^31 blocks"):
        _cuda.blocks_of(1 << 40, 256)


def test_pinned_memory_holds_what_is_put_there(cupy):
    from textzero.kernels.gpu import _cuda

    array = _cuda.pinned((3, 5), np.float32)
    array[:] = np.arange(15).reshape(3, 5)
    held = cupy.empty((3, 5), np.float32)
    held.set(array)
    back = _cuda.pinned((3, 5), np.float32)
    held.get(out=back)
    np.testing.assert_array_equal(back, array)
    assert _cuda.pinned(0, np.int64).size == 0


@pytest.mark.usefixtures("cupy")
def test_large_arrays_arrive_whole(monkeypatch):
    from textzero.kernels.gpu import _cuda

    monkeypatch.setattr(_cuda, "_STAGED", 100)
    for host in (np.arange(7), np.arange(60).reshape(6, 10)[:, ::2], np.float32([1.5]), []):
        given = np.asarray(host, np.float64)
        np.testing.assert_array_equal(_cuda.upload(given, np.float32).get(), given)


@pytest.mark.usefixtures("emulated")
def test_free_memory_leaves_a_reserve():
    import cupy

    from textzero.kernels.gpu import _cuda

    before = _cuda.free_memory()
    assert 0 < before <= cupy.cuda.runtime.memory - (512 << 20)
    held = cupy.empty(100 << 20, np.uint8)
    assert before - _cuda.free_memory() == held.nbytes


@pytest.mark.usefixtures("emulated")
def test_the_state_of_a_machine_is_told(monkeypatch):
    from cupy.cuda import nvrtc, runtime

    usable, described = _compat.gpu_state()
    assert usable and "sm_80" in described

    def no_driver():
        raise runtime.CUDARuntimeError("cudaErrorInsufficientDriver: too old")

    def no_nvrtc():
        raise RuntimeError("libnvrtc.so was not found")

    with monkeypatch.context() as patch:
        patch.setattr(runtime, "getDeviceCount", no_driver)
        assert not _compat.gpu_state()[0] and "no usable NVIDIA driver" in _compat.gpu_state()[1]
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "getDeviceCount", lambda: 0)
        assert not _compat.gpu_state()[0] and "see no device" in _compat.gpu_state()[1]
    with monkeypatch.context() as patch:
        patch.setattr(nvrtc, "getVersion", no_nvrtc)
        assert _compat.gpu_state()[1].endswith("cannot compile kernels: libnvrtc.so was not found")
    old = {"name": b"Old", "major": 7, "minor": 5, "totalGlobalMem": 1 << 34}
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "getDeviceProperties", lambda _: old)
        assert _compat.gpu_state() == (
            False,
            "Old, 16 GiB, sm_75: the kernels need sm_80 or later",
        )


def test_a_machine_without_cupy_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setattr(_compat, "has_package", lambda _: False)
    assert _compat.gpu_state()[1].startswith("CuPy is not installed: pip install")


def test_a_broken_cupy_is_no_gpu(monkeypatch):
    real = builtins.__import__

    def broken(name, *more):
        if name == "cupy":
            raise ImportError("libcublas.so.13: cannot open shared object file\nand more")
        return real(name, *more)

    monkeypatch.setattr(_compat, "has_package", lambda _: True)
    monkeypatch.setattr(builtins, "__import__", broken)
    assert _compat.gpu_state() == (
        False,
        "CuPy cannot be imported: libcublas.so.13: cannot open shared object file",
    )


@pytest.mark.usefixtures("emulated")
def test_modules_of_the_gpu_are_importable_where_there_is_one():
    for name in ("cooccurrence", "neighbours", "_pairs", "_rows", "_nearest"):
        assert importlib.import_module(f"textzero.kernels.gpu.{name}")
