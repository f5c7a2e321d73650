"""Does solver "adagrad" reach the cost and the quality of Simpler-GloVe's C program?

python benchmarks/adagrad.py --glove-bin DIR [--megabytes N] [--models shared,concat,sum]

Both get the same counts: ours, written as the C program's records (two ints from 1, a double) in a
random order; and the same first vectors, which the C library's `rand` gives. Dimension 128, flat
window 10, x_max 100, 30 iterations. DIR holds the program `glove`. The bar: the cost of the last
iteration, as each reports it, within 1 %, and each figure of quality within 0.01. The cost of the
vectors that are left, all pairs at once, is given too. `--again` runs the C program twice, since it
is not deterministic, and ours with another seed, whose first vectors are our own. `--same-order`
has the C program read records in our order: with --threads 1 both then do the very same, in float32
and in float64.
"""

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from embed import SETS
from measure import data, machine

from textzero import Corpus, count_cooccurrences, count_words
from textzero.cooccurrence import Cooccurrence
from textzero.vectors.adagrad import AdaGradSettings, train_adagrad
from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.targets import biases
from textzero.vectors.tiles import Tiles
from textzero.vectors.trained import Trained
from textzero.vectors.word_vectors import WordVectors, unit_rows
from textzero.vocabulary import Vocabulary

DIM, MODELS = 128, {"shared": 0, "concat": 1, "sum": 2}
C_RECORD = np.dtype([("word", "<i4"), ("other", "<i4"), ("x", "<f8")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glove-bin", type=Path, required=True)
    parser.add_argument("--megabytes", type=int, help="only the first N of the corpus")
    parser.add_argument("--models", default="shared")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--again", action="store_true", help="run the C program twice")
    parser.add_argument("--same-order", action="store_true", help="C reads records in our order")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        matrix = counts_of(options.megabytes, work, options.threads)
        write_for_c(matrix, work, options.same_order)
        for model in options.models.split(","):
            compare(matrix, model, options, work)


def counts_of(megabytes: int | None, work: Path, threads: int) -> Cooccurrence:
    """Count English Wikipedia as the author does: flat window of 10, both directions."""
    text = data("en/enwiki.txt.xz")
    if megabytes is not None:
        with open(text, "rb") as file:
            head = file.read(megabytes << 20)
        text = work / "text.txt"
        text.write_bytes(head[: head.rfind(b"\n") + 1])
    corpus = Corpus(text)
    counts = count_words(corpus, lowercase=True, workers=threads)
    return count_cooccurrences(
        corpus, Vocabulary.from_counts(counts, 5), lowercase=True, window=10, weighting="flat",
        workers=threads,
    )  # fmt: skip


def write_for_c(matrix: Cooccurrence, work: Path, same_order: bool) -> None:
    """Write vocab.txt and the shuffled records."""
    words = matrix.vocabulary
    with open(work / "vocab.txt", "w", encoding="utf-8") as file:
        file.writelines(f"{w} {n}\n" for w, n in zip(words, words.counts.tolist(), strict=True))
    records = np.empty(matrix.records, C_RECORD)
    done = 0
    for i in range(len(words)):
        columns, x = matrix.row(i)
        part = records[done : done + columns.size]
        part["word"], part["other"], part["x"] = i + 1, columns + 1, x
        done += columns.size
    order = np.random.default_rng(0).permutation(matrix.records)
    if same_order:
        tiles = Tiles(matrix, settings_of("shared", 0).resolved("flat"), 1 << 50, 1)
        ours = np.concatenate([tiles.read(*place) for turn in tiles.rounds() for place in turn])
        keys = records["word"].astype(np.int64) << 32 | records["other"]  # ascending
        order = np.searchsorted(keys, (ours["row"] + 1).astype(np.int64) << 32 | ours["column"] + 1)
    records[order].tofile(work / "records.bin")


def settings_of(model: str, seed: int) -> TrainingSettings:
    """The author's settings."""
    return TrainingSettings(
        dim=DIM, model=model, unobserved_weight=0.0, x_max=100.0, exponent=0.75, truncate=True,
        seed=seed,
    )  # fmt: skip


def run_c(model: str, options: argparse.Namespace, work: Path, words: int) -> dict:
    """Run the C program: cost of each iteration, vectors, seconds of an iteration."""
    command = [
        *(str(options.glove_bin / "glove"), "-input-file", "records.bin", "-vocab-file"),
        *("vocab.txt", "-save-file", "c", "-binary", "1", "-x-max", "100", "-verbose", "1"),
        *("-iter", str(options.epochs), "-vector-size", str(DIM), "-model", str(MODELS[model])),
        *("-threads", str(options.threads)),
    ]
    begun, times, costs = time.perf_counter(), [], []
    with subprocess.Popen(command, cwd=work, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if found := re.search(r"iter: \d+, cost: (\S+)", line):
                costs.append(float(found[1]))
                times.append(time.perf_counter())
            elif "TRAINING MODEL" in line:
                begun = time.perf_counter()
    if process.returncode:
        sys.exit(f"glove ended with {process.returncode}")
    halves = np.fromfile(work / "c.bin").astype(np.float32).reshape(-1, words, DIM)
    trained = Trained(halves[0], halves[-1], costs, settings_of(model, 0))
    return {"trained": trained, "seconds": (times[-1] - begun) / options.epochs}


def start_of_c(words: int, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Make the C program's first vectors: columns of numbers of a generator that nobody seeded."""
    library = ctypes.CDLL(None)
    library.srand(1)
    halves = 1 if model == "shared" else 2
    drawn = np.array([library.rand() for _ in range(DIM * halves * words)], np.float64)
    vectors = (drawn.reshape(DIM, halves, words).transpose(1, 2, 0) / (2**31 - 1) - 0.5) / DIM
    return vectors[0], vectors[-1]


def cost_of(matrix: Cooccurrence, trained: Trained) -> float:
    """Return the mean of f (<w, c> - m)^2 / 2 over all records at the end, which neither reports."""
    own, other = biases(matrix, trained.settings.resolved("flat"))
    total = 0.0
    for i in range(len(matrix.vocabulary)):
        columns, x = matrix.row(i)
        targets = np.log(x) + own[i] + other[columns]
        errors = trained.context[columns] @ trained.center[i] - targets
        total += float((np.minimum(1, (x / 100) ** 0.75) * errors**2).sum())
    return total / 2 / matrix.records


def run_ours(matrix: Cooccurrence, model: str, options: argparse.Namespace, seed: int) -> dict:
    """Train with our solver, compiled before; seed 0 begins with the C program's vectors."""
    start = None if seed else start_of_c(len(matrix.vocabulary), model)
    few = Vocabulary(["a", "b"], np.ones(2, np.int64))
    settings = settings_of(model, seed)
    train_adagrad(count_cooccurrences(["a b"], few), settings, AdaGradSettings(1))
    times = [time.perf_counter()]
    trained = train_adagrad(
        matrix, settings, AdaGradSettings(options.epochs), workers=options.threads, start=start,
        watch=lambda *_: times.append(time.perf_counter()),
    )  # fmt: skip
    return {
        "trained": trained,
        "seconds": (times[-1] - times[1]) / max(1, len(times) - 2),  # the first prepares records
        "seconds_of_preparing": 2 * times[1] - times[0] - times[min(2, len(times) - 1)],
    }


def quality(matrix: Cooccurrence, vectors: np.ndarray) -> dict[str, float]:
    """Score vectors on the English sets."""
    words = WordVectors(matrix.vocabulary, vectors, None, {})
    figures = {}
    for entry in SETS["en"]:
        gold = Path(os.environ["TEXTZERO_DATA"]) / entry
        if "analogy" in entry:
            figures[gold.stem] = round(evaluate_analogies(words, gold, 60_000).add, 4)
        else:
            figures[gold.stem] = round(evaluate_similarity(words, gold).spearman, 4)
    return figures


def compare(matrix: Cooccurrence, model: str, options: argparse.Namespace, work: Path) -> None:
    """Train both; print a line each, and how far they are apart."""
    words = len(matrix.vocabulary)
    runs = {"Simpler-GloVe C": run_c(model, options, work, words)}
    if options.again:
        runs["Simpler-GloVe C, again"] = run_c(model, options, work, words)
    runs["textzero adagrad"] = run_ours(matrix, model, options, 0)
    if options.again:
        runs["textzero adagrad, seed 1"] = run_ours(matrix, model, options, 1)
    lines = {}
    theirs = unit_rows(runs["Simpler-GloVe C"]["trained"].vectors())
    for name, found in runs.items():
        trained = found.pop("trained")
        cosines = (unit_rows(trained.vectors()) * theirs).sum(axis=1)
        lines[name] = {
            "question": "adagrad", "program": name, "model": model, "words": words,
            "records": matrix.records, "threads": options.threads, "epochs": options.epochs,
            "first_cost": trained.losses[0], "last_cost": trained.losses[-1],
            "cost_of_vectors": cost_of(matrix, trained), **found,
            "mean_cosine_with_c": float(cosines.mean()),
            "ns_a_record": found["seconds"] / matrix.records * 1e9,
        }  # fmt: skip
        lines[name] |= {k: float(f"{v:.6g}") for k, v in lines[name].items() if type(v) is float}
        lines[name] |= {**quality(matrix, trained.vectors()), **machine()}
        print(json.dumps(lines[name]), flush=True)
    ours, theirs = lines["textzero adagrad"], lines["Simpler-GloVe C"]
    apart = ours["last_cost"] / theirs["last_cost"] - 1
    sets = [Path(entry).stem for entry in SETS["en"]]
    farthest = max(abs(ours[name] - theirs[name]) for name in sets)
    speed = theirs["seconds"] / ours["seconds"]
    print(
        f"{model}: cost {apart:+.2%} (bar 1 %), quality at most {farthest:.4f} apart (bar 0.01), "
        f"an epoch {speed:.1f} times as fast",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
