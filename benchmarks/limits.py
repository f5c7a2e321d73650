"""How near is the solver to what this processor can do?

python benchmarks/limits.py [--dim N]

Measures, on all processors at once, the rate of a float32 matrix product (NumPy's BLAS, and our own
tiles), of copying memory, and of reading the very rows that the solver reads, in its order, with no
arithmetic but an exclusive or. Then the solver itself on English Wikipedia (window 5, harmonic): a
record costs 4 dim flops and 2 dim bytes in each of its two passes. Each figure is the best of five.
"""

import argparse
import json
import os
import time
from collections.abc import Callable

import numpy as np
from measure import data, machine
from numba import njit
from train import prepare

from textzero import Cooccurrence
from textzero.kernels import kernel
from textzero.parallel import ordered_threads
from textzero.vectors.blocks import Blocks
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.sweeps import Sweeps
from textzero.vectors.targets import biases

THREADS = len(os.sched_getaffinity(0))


@njit(nogil=True)
def read_rows(packed: np.ndarray, columns: np.ndarray, starts: np.ndarray, passes: int) -> int:
    """Read one word of each cache line of each record's row, in the order of the solver."""
    words, total = packed.shape[1], np.int32(0)
    for i in range(starts.size - 1):
        for _ in range(passes):
            for j in range(starts[i], starts[i + 1]):
                row = packed[columns[j]]
                for k in range(0, words, 16):
                    total ^= row[k]
    return total


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of five runs, after one that compiles."""
    work()
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def together(work: Callable[[int], object], tasks: int) -> None:
    """Do the tasks on all processors."""
    for _ in ordered_threads(work, range(tasks), THREADS):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dim", type=int, default=128)
    dim = parser.parse_args().dim
    work = data("en/enwiki.txt.xz").parent / "train-en"
    work.mkdir(exist_ok=True)
    matrix = Cooccurrence.load(prepare("en", work)[1])
    n, kernels = len(matrix.vocabulary), kernel("least_squares")
    settings = TrainingSettings(dim=dim).resolved("harmonic", n)
    blocks = Blocks(matrix, settings, 1 << 40, THREADS)
    together(blocks.block, len(blocks.ranges))
    random = np.random.default_rng(0)
    context = random.standard_normal((n, dim), np.float32)
    square = random.standard_normal((2048, 2048), np.float32)
    factor = random.standard_normal((dim, dim), np.float32)
    big = np.ones(1 << 26, np.float32)
    copies = np.empty_like(big)
    part = big.size // THREADS
    width = -(-dim // 32) * 32
    padded = np.zeros((n, width), np.float32)
    padded[:, :dim] = context
    packed = kernels.pack(padded)
    own, other = biases(matrix, settings)
    engine = Sweeps(matrix, settings, blocks, workers=THREADS)

    def copy(i: int) -> None:
        copies[i * part : (i + 1) * part] = big[i * part : (i + 1) * part]

    def read(i: int) -> None:
        block = blocks.block(i)
        read_rows(packed, block.columns, block.starts, 2)

    product = 2 * square.shape[0] ** 3 / best(lambda: square @ square) / 1e9
    tiles = 2 * n * dim * dim * THREADS
    tiles /= best(lambda: together(lambda _: kernels.multiply(context, factor), THREADS)) * 1e9
    copied = 2 * big.nbytes / best(lambda: together(copy, THREADS)) / 1e9
    passed = matrix.records * 2
    gathered = passed * 2 * width / best(lambda: together(read, len(blocks.ranges))) / 1e9

    def rows(i: int) -> None:
        block = blocks.block(i)
        span = slice(block.first, block.last)
        kernels.solve_rows(
            padded[span], packed, block.starts, block.columns, block.logs, block.weights,
            own[span], other, settings.clip, engine.weights[span], engine.weights, ones, 1,
        )  # fmt: skip

    ones = np.ones(width, np.float32)
    alone = best(lambda: together(rows, len(blocks.ranges)))
    whole = best(lambda: engine.sweep(context, context, own, other, 1.0))
    flops, moved = passed * 4 * width / alone / 1e9, passed * 2 * width / alone / 1e9
    line = {
        "question": f"limits of the solver, dim {dim}, {THREADS} threads",
        "GFLOP/s": {"BLAS": round(product, 1), "our tiles": round(tiles, 1),
                    "solver": round(flops, 1)},
        "GB/s": {"copy": round(copied, 1), "gather": round(gathered, 1), "solver": round(moved, 1)},
        "share of the flops of BLAS": round(flops / product, 3),
        "share of the gather": round(moved / gathered, 3),
        "ns a record and pass": round(alone / passed * 1e9 * THREADS, 2),
        "seconds of a half-sweep": {"rows alone": round(alone, 3), "all": round(whole, 3)},
        **machine(),
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
