"""How near to its limits is the GPU, and does it find what the processor finds?

python benchmarks/gpu.py [--corpus FILE ... --lowercase] [--dim 128 300] [--rounds 3]

One run on one card: what a gather of rows reaches there (the limit of a solver), co-occurrence in
pairs a second, the solver in records a second and as a share of that gather, the loss and the
quality against the processor's, and the stages of the whole way from text to vectors. Without
--corpus it is en/enwiki.txt.xz of TEXTZERO_DATA, lower-cased. A table goes to stderr.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import data, machine

from textzero import (
    Corpus,
    Tokenizer,
    Vocabulary,
    WordVectors,
    count_cooccurrences,
    count_words,
    evaluate_analogies,
    evaluate_similarity,
    train_vectors,
)
from textzero._compat import gpu_state
from textzero.cooccurrence import distance_weights
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.kernels.reference.cooccurrence import DOCUMENT_END
from textzero.progress import Progress
from textzero.vectors.gpu_sweeps import GpuSweeps
from textzero.vectors.settings import TrainingSettings

GOLD = ("similarity/en_men.txt", "similarity/en_wordsim353.txt", "similarity/en_simlex999.txt",
        "analogy/en_questions_words.txt")  # fmt: skip
ROW_BYTES = 256  # 128 numbers of 16 bits
TABLE: list[tuple[str, str, str]] = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, nargs="+")
    parser.add_argument("--lowercase", action="store_true")
    parser.add_argument("--dim", type=int, nargs="+", default=[128, 300])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    usable, described = gpu_state()
    if not usable:
        sys.exit(f"nothing was measured, since there is no GPU: {described}")
    lowercase = options.lowercase or not options.corpus
    paths = options.corpus or [data("en/enwiki.txt.xz")]
    warm_up()
    facts: dict = {"device": described}
    try:
        measure(paths, lowercase, options, facts)
    finally:  # what was measured before anything failed
        for row in TABLE:
            print("{:<58} {:>18}  {}".format(*row), file=sys.stderr)


def measure(paths: list, lowercase: bool, options: argparse.Namespace, facts: dict) -> None:
    """Co-occurrence, the whole way, the limits, the solver."""
    corpus = Corpus(*paths)
    counts = count_words(corpus, lowercase=lowercase)
    vocabulary = Vocabulary.from_counts(counts, min_count=5)
    tokens = encoded(corpus, vocabulary, lowercase)
    facts |= {"words": len(vocabulary), "tokens": int(tokens.size)}
    for window in (5, 10):
        cooccurrence(tokens, vocabulary, window, options.rounds, facts)
    with tempfile.TemporaryDirectory() as work:
        whole_way(paths, lowercase, Path(work) / "first", facts, "first time, kernels compiled")
        matrix = whole_way(paths, lowercase, Path(work) / "again", facts, "again")
        copy_rate(options.rounds, facts)
        limits = gather(matrix, options.rounds, facts)
        for dim in options.dim:
            solver(matrix, dim, limits, facts)


def say(name: str, figure: str, remark: str = "", **facts: object) -> None:
    """Print a line of JSON, and keep a row for the table."""
    TABLE.append((name, figure, remark))
    line = {"question": "gpu", "what": name, "figure": figure, "remark": remark, **facts}
    print(json.dumps({**line, **machine()}), flush=True)


def synchronize() -> None:
    import cupy

    cupy.cuda.Device().synchronize()


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median seconds of some runs after one that is not measured."""
    seconds = []
    for _ in range(rounds + 1):
        synchronize()
        begun = time.perf_counter()
        work()
        synchronize()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def warm_up() -> None:
    """Compile what the processor's side needs, so that it is not measured."""
    texts = [" ".join(f"w{i * j % 40}" for j in range(200)) for i in range(20)]
    vocabulary = Vocabulary.from_counts(count_words(texts), min_count=1)
    matrix = count_cooccurrences(texts, vocabulary)
    for dim in (128, 300):
        train_vectors(matrix, dim=dim, device="cpu", sweeps=1)


def encoded(corpus: Corpus, vocabulary: Vocabulary, lowercase: bool) -> np.ndarray:
    """The corpus as word ids, documents end to end."""
    tokenizer, ids, parts = Tokenizer("word", lowercase=lowercase), vocabulary.ids, []
    for document in corpus:
        found = [ids[token] for token in tokenizer(document) if token in ids]
        parts.append(np.array([*found, DOCUMENT_END], np.int32))
    return np.concatenate(parts)


def cooccurrence(
    tokens: np.ndarray, vocabulary: Vocabulary, window: int, rounds: int, facts: dict
) -> None:
    """Pairs a second from tokens on the card to rows on the card, and to encoded rows on the host."""
    from textzero.kernels.gpu._pairs import Pairs

    weights, _ = distance_weights(window, "harmonic")
    pairs = Pairs(len(vocabulary), weights)
    held = pairs.upload(tokens)

    def count() -> None:
        begin = 0
        while begin < tokens.size:
            begin = pairs.add(held, 0, begin, 0, len(vocabulary))

    def on_the_card() -> None:
        count()
        pairs.take()

    def to_the_host() -> None:
        count()
        _, blocks = pairs.take_encoded(1 << 24)
        for _ in blocks:
            pass

    for name, work in (("sums on the card", on_the_card), ("encoded on the host", to_the_host)):
        pairs.counted = 0
        seconds = timed(work, rounds)
        each = pairs.counted / (rounds + 1)
        say(
            f"co-occurrence, window {window}, {name}", f"{each / seconds / 1e9:.2f} G pairs/s",
            f"{each / 1e6:.0f} M pairs, counted once for both directions, in {seconds:.3f} s",
            seconds=seconds, pairs=each, bar="1 G pairs/s", **facts,
        )  # fmt: skip


def whole_way(paths: list, lowercase: bool, folder: Path, facts: dict, when: str) -> object:
    """Text to vectors with the card's stages on the card; return the co-occurrences."""
    progress, begun = Progress(), time.perf_counter()
    corpus = Corpus(*paths)
    counts = count_words(corpus, lowercase=lowercase, progress=progress)
    vocabulary = Vocabulary.from_counts(counts, min_count=5)
    matrix = count_cooccurrences(
        corpus, vocabulary, lowercase=lowercase, window=5, weighting="harmonic", device="gpu",
        folder=folder, progress=progress,
    )  # fmt: skip
    train_vectors(matrix, dim=128, device="gpu", progress=progress)
    seconds = time.perf_counter() - begun
    on_card = progress.seconds["cooccur"] + progress.seconds["train"]
    say(
        f"the whole way, {when}", f"{seconds:.2f} s",
        f"co-occurrence and training {on_card:.2f} s; {json.dumps(progress.seconds)}",
        seconds=seconds, on_card=on_card, stages=progress.seconds, bar="3 s of GPU stages", **facts,
    )  # fmt: skip
    return matrix


def copy_rate(rounds: int, facts: dict) -> None:
    """What the card's memory reaches, from and to."""
    import cupy

    free, _ = cupy.cuda.runtime.memGetInfo()
    source = cupy.zeros(min(free // 4, 4 << 30) // 8, np.float64)
    target = cupy.empty(source.size, np.float64)
    seconds = timed(lambda: cupy.copyto(target, source), rounds)
    say(
        "copy from memory to memory", f"{2 * source.nbytes / seconds / 1e12:.2f} TB/s",
        "read and written", **facts,
    )  # fmt: skip


def gather(matrix: object, rounds: int, facts: dict) -> dict[str, float]:
    """Records a second of a kernel that only reads a row of 256 bytes for each record."""
    import cupy

    code = Path(__file__).with_name("gather.cu").read_text()
    function = cupy.RawModule(code=code, options=("-std=c++17",)).get_function("gather_rows")
    n_words = len(matrix.vocabulary)
    most = min(matrix.records, 1 << 28)
    columns = [kernel("cooccurrence").decode_rows(
        np.asarray(matrix.data[matrix.offsets[i] : matrix.offsets[i + 1]]),
        int(matrix.lengths[i, 1]))[0] for i in range(n_words)]  # fmt: skip
    columns = np.concatenate(columns)[:most]
    free, _ = cupy.cuda.runtime.memGetInfo()
    large = min(free // 4 // ROW_BYTES, 1 << 24)
    everywhere = np.random.default_rng(0).integers(0, large, columns.size).astype(np.int32)
    each = 256
    blocks = -(-columns.size // (each * 8))
    out = cupy.empty(blocks * 256, np.uint32)
    rates = {}
    for name, rows, chosen in (
        ("the vocabulary's rows, at the columns of the counts", n_words, columns),
        (f"{large * ROW_BYTES / 1e9:.1f} GB of rows, at random", large, everywhere),
    ):
        table, held = cupy.zeros(rows * 64, np.uint32), cupy.asarray(chosen)

        def work(table: object = table, held: object = held) -> None:
            given = table, held, np.int64(held.size), np.int64(each), out
            function((blocks,), (256,), given)

        seconds = timed(work, rounds)
        rates[name] = columns.size / seconds
        say(
            f"gather of {name}", f"{rates[name] / 1e9:.1f} G records/s",
            f"{rates[name] * (ROW_BYTES + 4) / 1e12:.2f} TB/s", rate=rates[name], **facts,
        )  # fmt: skip
        del table, held
    return rates


def solver(matrix: object, dim: int, limits: dict[str, float], facts: dict) -> None:
    """Records a second and pass; the loss and the quality against the processor's."""
    times: list[float] = []

    def watch(*_: object) -> None:
        synchronize()
        times.append(time.perf_counter())

    trained = {}
    for device in ("gpu", "gpu", "cpu"):  # the first time compiles
        times.clear()
        begun = time.perf_counter()
        trained[device] = train_vectors(matrix, dim=dim, device=device, watch=watch)
        whole = time.perf_counter() - begun
        sweeps = np.diff(times)  # over one matrix; the first also brings the records in
        each = trained[device].settings.steps + 1
        rate = matrix.records * each / float(np.median(sweeps))
        limit = next(iter(limits.values())) * 128 / dim
        share = f", {rate / limit:.0%} of the gather" if device == "gpu" else ""
        say(
            f"solver, dim {dim}, {device}", f"{rate / 1e9:.2f} G records/s",
            f"a pass{share}; {matrix.records / 1e6:.1f} M records, {len(times)} sweeps over a "
            f"matrix of {each} passes, {np.median(sweeps) * 1e3:.1f} ms each; all {whole:.2f} s",
            rate=rate, sweeps=sweeps.tolist(), seconds=whole, bar="5 G records/s, 50 %", **facts,
        )  # fmt: skip
    rate = passes(matrix, dim, 3)
    say(
        f"solver, dim {dim}, passes alone", f"{rate / 1e9:.2f} G records/s",
        f"{rate / (next(iter(limits.values())) * 128 / dim):.0%} of the gather", rate=rate,
        bar="5 G records/s, 50 %", **facts,
    )  # fmt: skip
    ours, theirs = trained["gpu"].losses[-1], trained["cpu"].losses[-1]
    say(
        f"loss, dim {dim}, gpu against cpu", f"{abs(ours / theirs - 1):.3%}",
        f"{ours:.6f} and {theirs:.6f}", bar="0.5 %", **facts,
    )  # fmt: skip
    if "TEXTZERO_DATA" not in os.environ:
        say(f"quality, dim {dim}", "skipped", "TEXTZERO_DATA names no folder of gold sets")
        return
    for name in GOLD:
        gold = Path(os.environ["TEXTZERO_DATA"]) / name
        figures = {}
        try:
            for device, result in trained.items():
                vectors = WordVectors(matrix.vocabulary, result.vectors())
                figures[device] = (
                    evaluate_analogies(vectors, gold, 60_000).add
                    if "analogy" in name
                    else evaluate_similarity(vectors, gold).spearman
                )
        except InputError as error:  # the corpus has none of its words
            say(f"{gold.stem}, dim {dim}", "skipped", str(error))
            continue
        say(
            f"{gold.stem}, dim {dim}, gpu against cpu",
            f"{figures['gpu'] - figures['cpu']:+.4f}", f"{figures['gpu']:.4f} and "
            f"{figures['cpu']:.4f}", bar="0.01", **facts,
        )  # fmt: skip


def passes(matrix: object, dim: int, rounds: int) -> float:
    """Records a second of the passes alone: without products of matrices and the host's part."""
    import cupy

    from textzero.kernels.gpu import _solver

    settings = TrainingSettings(dim=dim).resolved("harmonic", len(matrix.vocabulary))
    engine = GpuSweeps(matrix, settings).engine
    n, width, random = engine.n_words, engine.width, np.random.default_rng(0)
    slot, seconds = engine.slots[0], []
    with slot.stream:  # records come in on the stream of their slot: all else must be there too
        fixed = engine.place(random.standard_normal((n, dim), np.float32))
        packed = engine.pack(fixed, np.eye(dim, width, dtype=np.float32))
        parts = [(p, engine._records(i, slot)) for i, p in enumerate(engine.plan.ranges)]
        rows = cupy.zeros((n, width), np.float32)
        rows[:, :dim] = cupy.asarray(engine.host(fixed))
        ones, biases = cupy.ones(n, np.float32), cupy.zeros((n, 2), np.float32)
        sums = [cupy.empty(n, np.float64) for _ in range(2)]
        curvature = cupy.zeros(width, np.float32)
        for _ in range(rounds + 1):
            begin, end = cupy.cuda.Event(), cupy.cuda.Event()
            begin.record()
            for (first, last), records in parts:
                part = slice(first, last)
                _solver.solve(
                    rows[part], packed, records, ones[part], biases, -np.inf, ones[part],
                    curvature, settings.steps, *(s[part] for s in sums),
                )  # fmt: skip
            end.record()
            end.synchronize()
            seconds.append(cupy.cuda.get_elapsed_time(begin, end) / 1e3)
    return matrix.records * (settings.steps + 1) / float(np.median(seconds[1:]))


if __name__ == "__main__":
    main()
