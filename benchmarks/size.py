"""Does training keep within --memory with ten times more records than fit, and at what cost?

python benchmarks/size.py [--memory 320MB] [--records N] [--words 50000] [--dim 32] [--sweeps 1]

Makes a matrix of about N records (by default ten times what --memory would hold, 12 bytes each)
whose words and pairs are of Zipf-like frequency, and trains on it twice, each time in a process of
its own: within --memory, and with memory for all records. Both must make the same bytes. A line
says seconds a record and sweep over one matrix, peak memory (the process's largest resident size,
file pages included) and what decoding costs. With the settings above it takes a minute or two on
two processors; 5 billion records of 2 million words take --records 5e9 --words 2e6, 15 GB of disk
and hours.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import machine, run
from numba import njit

from textzero import Cooccurrence
from textzero.memory import memory_bytes
from textzero.parallel import ordered_threads, ranges_of, worker_count
from textzero.vectors.blocks import RECORD_BYTES
from textzero.vocabulary import Vocabulary

BAR = 2.5  # times the seconds in memory
DRAWN = 300 << 20  # records that are drawn and sorted at once
TRAIN = """
import hashlib, json, sys, time
from textzero import Cooccurrence
from textzero.files import peak_memory
from textzero.vectors.blocks import Blocks
from textzero.vectors.training import TrainingSettings, train_vectors
folder, memory, dim, sweeps, decode = sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:6])
matrix = Cooccurrence.load(folder)
settings = TrainingSettings(dim=dim, sweeps=sweeps, tolerance=0.0)
if decode:
    blocks = Blocks(matrix, settings.resolved("flat", len(matrix.vocabulary)), 0, 1)
    blocks.block(0)
    begun, records = time.perf_counter(), 0
    for i in range(min(len(blocks.ranges), 200)):
        records += blocks.block(i).columns.size
    print(json.dumps({"decode": (time.perf_counter() - begun) / records}))
else:
    ends = [time.perf_counter()]
    trained = train_vectors(
        matrix, settings=settings, memory=memory, watch=lambda *_: ends.append(time.perf_counter())
    )
    times = [b - a for a, b in zip(ends[1:], ends[2:])]  # the first sweep fills the memory
    digest = hashlib.blake2b(trained.center.data, digest_size=16)
    digest.update(trained.context.data)
    print(json.dumps({"sweep": min(times), "peak": peak_memory(), "digest": digest.hexdigest()}))
"""


@njit(nogil=True)
def draw(e: int, n_words: int) -> tuple[int, int]:
    """Return the e-th pair of words; the frequency of word i falls as i^(-2/3)."""
    z = np.uint64(e) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    u = np.float64(z >> np.uint64(32)) / 4294967296.0
    v = np.float64(z & np.uint64(0xFFFFFFFF)) / 4294967296.0
    return int(n_words * u * u * u), int(n_words * v * v * v)


@njit(nogil=True)
def degrees(pairs: int, n_words: int) -> np.ndarray:
    """Return how often each word is drawn with another one, int64 (n_words,)."""
    found = np.zeros(n_words, np.int64)
    for e in range(pairs):
        i, j = draw(e, n_words)
        if i != j:
            found[i] += 1
            found[j] += 1
    return found


@njit(nogil=True)
def fill(pairs: int, n_words: int, first: int, last: int, starts: np.ndarray) -> np.ndarray:
    """Return the partners of words first ... last - 1, int32, word after word, unsorted."""
    free = starts[first:last] - starts[first]
    columns = np.empty(starts[last] - starts[first], np.int32)
    for e in range(pairs):
        i, j = draw(e, n_words)
        if i != j:
            for row, column in ((i, j), (j, i)):
                if first <= row < last:
                    columns[free[row - first]] = column
                    free[row - first] += 1
    return columns


@njit(nogil=True)
def write(number: int, data: np.ndarray, size: int) -> int:
    while number >= 0x80:
        data[size] = number & 0x7F | 0x80
        number >>= 7
        size += 1
    data[size] = number
    return size + 1


@njit(nogil=True)
def encode(columns: np.ndarray, starts: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Sort rows and add up equal partners; return the encoded rows and their lengths."""
    data = np.empty(columns.size * 8 + 16, np.uint8)
    lengths = np.zeros((starts.size - 1, 2), np.int64)
    size = 0
    for i in range(starts.size - 1):
        part = columns[starts[i] : starts[i + 1]]
        part.sort()
        begin, before, k = size, -1, 0
        while k < part.size:
            column, count = part[k], 0
            while k < part.size and part[k] == column:
                count += 1
                k += 1
            size = write(column - before - 1, data, size)
            # units of a harmonic window: the same in both directions
            size = write(count * (12 + (column + 1) * (row + i + 1) % 49), data, size)
            before = column
            lengths[i, 1] += 1
        lengths[i, 0] = size - begin
    return data[:size].copy(), lengths


def pairs_for(records: int, n_words: int) -> int:
    """Return how many pairs to draw for about so many records, since many are drawn again."""
    u = (np.arange(500) + 0.5) / 500
    words = 3 * n_words * u * u / 500  # that a step of u stands for
    shares = np.minimum(1 / (3 * n_words * u * u), n_words ** (-1 / 3))

    def expected(pairs: float) -> float:
        met = -np.expm1(-2 * pairs * np.outer(shares, shares))
        return float(words @ met @ words)

    if records > 0.5 * n_words * n_words:
        sys.exit(f"{n_words:,} words have too few pairs for {records:,} records: give more --words")
    low, high = 1.0, 1e13
    while high > low * 1.001:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if expected(middle) < records else (low, middle)
    return int(high)


def make(folder: Path, records: int, n_words: int) -> Cooccurrence:
    """Write a matrix of about so many records."""
    pairs = pairs_for(records, n_words)
    found = degrees(pairs, n_words)
    starts = np.concatenate([[0], np.cumsum(found)])
    parts = []

    def encoded(first: int, last: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        columns = fill(pairs, n_words, first, last, starts)

        def work(limits: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            a, b = first + limits[0], first + limits[1]
            local = starts[a : b + 1] - starts[first]
            return encode(columns[local[0] : local[-1]], local - local[0], a)

        yield from ordered_threads(work, ranges_of(found[first:last], 1 << 21), worker_count(None))

    rows = folder.with_suffix(".rows")
    with open(rows, "wb") as file:
        for first, last in ranges_of(found, DRAWN):
            for data, lengths in encoded(first, last):
                file.write(data.data)
                parts.append(lengths)
    vocabulary = Vocabulary([f"w{i:07}" for i in range(n_words)], np.maximum(found, 1))
    data = np.memmap(rows, np.uint8, "r")
    matrix = Cooccurrence(
        vocabulary, data, np.concatenate(parts), np.zeros(n_words, np.int64), 1 / 60,
        {"weighting": "harmonic"},
    )  # fmt: skip
    matrix.save(folder)
    rows.unlink()
    return matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="320MB")
    parser.add_argument("--records", type=float, help="about so many")
    parser.add_argument("--words", type=float, default=5e4)
    parser.add_argument("--dim", type=int, default=32)
    parser.add_argument("--sweeps", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to make the matrix; kept")
    options = parser.parse_args()
    bound = memory_bytes(options.memory)
    work = options.folder or Path(tempfile.mkdtemp())
    folder = work / "cooccurrence"
    if not folder.exists():
        work.mkdir(parents=True, exist_ok=True)
        make(folder, int(options.records or 10 * bound / RECORD_BYTES), int(options.words))
    records = Cooccurrence.load(folder).records

    def train(memory: int, decode: bool = False) -> dict:
        arguments = (folder, memory, options.dim, options.sweeps, int(decode))
        return json.loads(run([sys.executable, "-c", TRAIN, *map(str, arguments)])["output"])

    within = train(bound)
    whole = train(bound + records * RECORD_BYTES * 2)
    ratio = within["sweep"] / whole["sweep"]
    line = {
        "question": "size",
        "records": records,
        "words": int(options.words),
        "dim": options.dim,
        "memory": bound,
        "times_the_memory": round(records * RECORD_BYTES / bound, 1),
        "peak_memory": within["peak"],
        "within_the_bound": within["peak"] <= bound,
        "nanoseconds_a_record": round(within["sweep"] / records * 1e9, 2),
        "in_memory": {
            "peak_memory": whole["peak"],
            "nanoseconds_a_record": round(whole["sweep"] / records * 1e9, 2),
        },
        "decoding_one_thread": round(train(bound, decode=True)["decode"] * 1e9, 2),
        "times_the_time": round(ratio, 2),
        "same_bytes": within["digest"] == whole["digest"],
        **machine(),
    }
    print(json.dumps(line), flush=True)
    if not options.folder:
        shutil.rmtree(work)
    if not (line["within_the_bound"] and line["same_bytes"] and ratio <= BAR):
        sys.exit(f"the bar is the same bytes, a peak within the bound and {BAR} times the time")


if __name__ == "__main__":
    main()
