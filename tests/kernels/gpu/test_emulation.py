"""What the emulation of CUDA promises: right answers, and an error where a GPU promises nothing."""

import shutil
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero._compat import has_package

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="no g++ to emulate a GPU with")

SOURCE = r"""
extern "C" __global__ void block_sums(const int* in, long long n, int* out) {
    extern __shared__ int parts[];
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    int sum = i < n ? in[i] : 0;
    for (int by = 16; by; by >>= 1) sum += __shfl_down_sync(~0u, sum, by);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < blockDim.x / 32; ++w) sum += parts[w];
        out[blockIdx.x] = sum;
    }
}
extern "C" __global__ void missing_barrier(int* out) {
    __shared__ int parts[64];
    parts[threadIdx.x] = threadIdx.x + 1;
    out[threadIdx.x] = parts[63 - threadIdx.x];
}
extern "C" __global__ void half_a_barrier() {
    if (threadIdx.x < 32) __syncwarp(); else __shfl_sync(1, 0, 0);
}
extern "C" __global__ void lost(int* out) { out[(1ll << 44) + threadIdx.x] = 0; }
extern "C" __global__ void ended() { if (threadIdx.x) __ballot_sync(~0u, 1); }
extern "C" __global__ void two_functions() {
    threadIdx.x ? __any_sync(~0u, 1) : __all_sync(~0u, 1);
}
extern "C" __global__ void outside(unsigned char* out) { out[threadIdx.x] = 0; }
extern "C" __global__ void votes(unsigned* out) {
    unsigned odd = __ballot_sync(~0u, threadIdx.x & 1);
    unsigned same = __match_any_sync(~0u, threadIdx.x / 8);
    out[threadIdx.x] = (odd == 0xAAAAAAAAu) + 2 * (same == 0xFFu << threadIdx.x / 8 * 8)
        + 4 * (__shfl_xor_sync(~0u, threadIdx.x, 3) == (threadIdx.x ^ 3))
        + 8 * (__reduce_add_sync(~0u, threadIdx.x) == 496) + 16 * __syncthreads_or(threadIdx.x == 7)
        + 32 * (__shfl_up_sync(~0u, threadIdx.x, 1, 8) == threadIdx.x - (threadIdx.x % 8 > 0));
}
"""


def kernel_of(name):
    import cupy

    return cupy, cupy.RawModule(code=SOURCE).get_function(name)


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_blocks_barriers_and_shuffles():
    cupy, kernel = kernel_of("block_sums")
    numbers = np.arange(1000, dtype=np.int32)
    sums = cupy.empty(8, np.int32)
    kernel((8,), (128,), (cupy.asarray(numbers), np.int64(1000), sums), shared_mem=16)
    padded = np.concatenate([numbers, np.zeros(24, np.int32)])
    assert_array_equal(sums.get(), padded.reshape(8, 128).sum(1))


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_warp_functions():
    cupy, kernel = kernel_of("votes")
    out = cupy.empty(32, np.uint32)
    kernel((1,), (32,), (out,))
    assert_array_equal(out.get(), np.full(32, 63))


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_threads_run_in_an_order_that_shows_a_missing_barrier():
    cupy, kernel = kernel_of("missing_barrier")
    found = set()
    for _ in range(4):
        out = cupy.empty(64, np.int32)
        kernel((1,), (64,), (out,))
        found.add(out.get().tobytes())
    assert len(found) > 1


@needs_compiler
@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize(
    "name, threads, says",
    [
        ("half_a_barrier", 64, "must name the thread that calls"),
        ("ended", 32, "has ended|deadlock"),
        ("ended", 33, "do not exist|has ended|deadlock"),
        ("two_functions", 32, "different functions"),
    ],
)
def test_what_a_gpu_leaves_undefined_is_an_error(name, threads, says):
    _, kernel = kernel_of(name)
    with pytest.raises(RuntimeError, match=says):
        kernel((1,), (threads,), ())


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_a_write_outside_of_an_array_is_an_error():
    cupy, kernel = kernel_of("outside")
    kernel((1,), (32,), (cupy.empty(32, np.uint8),))
    with pytest.raises(RuntimeError, match="writes outside of argument 0"):
        kernel((1,), (32,), (cupy.empty(31, np.uint8),))


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_a_fault_is_an_error_and_the_next_launch_is_sound():
    cupy, kernel = kernel_of("lost")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="memory that is not there"):
            kernel((1,), (32,), (cupy.empty(32, np.int32),))
    test_warp_functions()


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_arguments_have_the_kernels_types():
    cupy, kernel = kernel_of("block_sums")
    ints, longs = cupy.zeros(8, np.int32), cupy.zeros(8, np.int64)
    for wrong in [(longs, np.int64(8), ints), (ints, np.int32(8), ints), (ints, np.int64(8))]:
        with pytest.raises(RuntimeError, match=r"of another type|takes 3 arguments"):
            kernel((1,), (32,), wrong, shared_mem=16)
    for wrong in [(ints, 8, ints), (np.zeros(8, np.int32), np.int64(8), ints)]:
        with pytest.raises(TypeError, match="must be an array or a NumPy scalar"):
            kernel((1,), (32,), wrong, shared_mem=16)


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_arrays_of_the_device_and_of_the_host_do_not_mix():
    import cupy

    ours, theirs = cupy.arange(3), np.arange(3)
    assert (ours + 1).get().tolist() == [1, 2, 3] and ours[ours > 0].tolist() == [1, 2]
    for mixed in (
        lambda: ours + theirs,
        lambda: theirs + ours,
        lambda: cupy.cumsum(theirs),
        lambda: np.asarray(ours),
        lambda: cupy.concatenate([ours, theirs]),
    ):
        with pytest.raises(TypeError):
            mixed()


@needs_compiler
@pytest.mark.usefixtures("emulated")
def test_the_emulation_ends_with_the_test():
    assert "emulation" in sys.modules["cupy"].__file__


def test_no_test_sees_the_emulation_unasked():
    assert "emulation" not in str(getattr(sys.modules.get("cupy"), "__file__", ""))


@pytest.mark.skipif(not has_package("cupy"), reason="CuPy is not installed, to compare with")
def test_cupy_has_every_function_of_the_emulation():
    import ast
    from pathlib import Path

    import cupy

    path = Path(__file__).parents[2] / "emulation" / "cupy" / "__init__.py"
    names = [
        element.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "FUNCTIONS"
        for part in node.value.elts
        for element in part.value.elts
    ]
    assert len(names) > 30 and not [name for name in names if not hasattr(cupy, name)]
