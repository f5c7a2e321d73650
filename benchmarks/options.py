"""Which options of training are best? The grid that the defaults were chosen from.

python benchmarks/options.py [--language en|zh] [--seeds N] [--only NAME]

Each line changes one thing of the defaults and trains from the same co-occurrences that
`train.py` makes (window 5, harmonic); lines of other windows and of sub-sampling count anew.
Figures are those of the development sets. TEXTZERO_MORE_SETS may name a folder of further files of
"word word score" lines; they are scored, and were not looked at while choosing.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from embed import SETS
from measure import data, machine
from train import prepare

from textzero import (
    Cooccurrence,
    Corpus,
    WordVectors,
    count_cooccurrences,
    evaluate_analogies,
    evaluate_similarity,
)
from textzero.vectors.training import train_vectors

GRID: dict[str, dict] = {
    "defaults": {},
    "model sum": {"model": "sum"},
    "model shared": {"model": "shared"},
    "model concat": {"model": "concat"},
    "observed pairs only": {"unobserved_weight": 0.0},
    "unobserved weight 0.01": {"unobserved_weight": 0.01},
    "unobserved weight 0.1": {"unobserved_weight": 0.1},
    "unobserved power 0.1": {"unobserved_power": 0.1},
    "unobserved power 0.25": {"unobserved_power": 0.25},
    "weight offset 0": {"weight_offset": 0.0},
    "weight offset 0.3": {"weight_offset": 0.3},
    "smoothing 0.9": {"smoothing": 0.9},
    "smoothing 0.75": {"smoothing": 0.75},
    "clip 0 (PPMI)": {"clip": 0.0},
    "clip -1": {"clip": -1.0},
    "shift 5": {"shift": 5.0},
    "shift 2": {"shift": 2.0},
    "marginals of pairs": {"marginals": "pairs"},
    "untruncated": {"truncate": False},
    "x_max 3": {"x_max": 3.0},
    "x_max 30": {"x_max": 30.0},
    "exponent 0.5": {"exponent": 0.5},
    "exponent 1": {"exponent": 1.0},
    "lambda 0.3": {"regularisation": 0.3},
    "lambda 3": {"regularisation": 3.0},
    "lambda 10": {"regularisation": 10.0},
    "no flattening": {"flattening": 0.0},
    "flattening 0.25": {"flattening": 0.25},
    "steps 2": {"steps": 2},
    "tolerance 0.001": {"tolerance": 0.001},
    "dim 64": {"dim": 64},
    "dim 300": {"dim": 300},
}
COUNTS: dict[str, dict] = {
    "window 3": {"window": 3},
    "window 8": {"window": 8},
    "flat window 5": {"weighting": "flat"},
    "subsample 1e-4": {"subsample": 1e-4},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", help="lines whose name holds this")
    options = parser.parse_args()
    name = "enwiki" if options.language == "en" else "zhwiki"
    work = data(f"{options.language}/{name}.txt.xz").parent / f"train-{options.language}"
    work.mkdir(exist_ok=True)
    matrix = Cooccurrence.load(prepare(options.language, work)[1])
    train_vectors(matrix, sweeps=1)  # compiled before anything is timed
    for line, changes in GRID.items():
        if not options.only or options.only in line:
            measure(line, matrix, options, **changes)
    for line, changes in COUNTS.items():
        if not options.only or options.only in line:
            with tempfile.TemporaryDirectory() as folder:
                measure(line, count_again(matrix, options.language, Path(folder), changes), options)


def count_again(matrix: Cooccurrence, language: str, folder: Path, changes: dict) -> Cooccurrence:
    """Count the same words of the same texts in another way."""
    texts = [data("en/enwiki.txt.xz")]
    if language == "zh":
        texts = [data("zh/zhwiki.txt.xz"), data("zh/news.txt.xz")]
    tokenizer = matrix.settings["tokenizer"]
    if language == "zh":
        tokenizer = str(texts[0].parent / "train-zh" / "lexicon.tsv")
    how = {"window": 5, "weighting": "harmonic", **changes}
    return count_cooccurrences(
        Corpus(*texts), matrix.vocabulary, tokenizer=tokenizer, lowercase=language == "en",
        folder=folder / "pairs", **how,
    )  # fmt: skip


def measure(
    line: str, matrix: Cooccurrence, options: argparse.Namespace, **changes: object
) -> None:
    """Train and print the figures, the mean over seeds."""
    figures: dict[str, list[float]] = {}
    more = sorted(Path(os.environ.get("TEXTZERO_MORE_SETS", os.devnull)).glob("*.txt"))
    for seed in range(options.seeds):
        begun = time.perf_counter()
        trained = train_vectors(matrix, seed=seed, **changes)
        figures.setdefault("seconds", []).append(time.perf_counter() - begun)
        figures.setdefault("sweeps", []).append(len(trained.losses) / 2)
        vectors = WordVectors(matrix.vocabulary, trained.vectors())
        for entry in SETS[options.language]:
            gold = Path(os.environ["TEXTZERO_DATA"]) / entry
            score = (
                evaluate_analogies(vectors, gold, 60_000).add
                if "analogy" in entry
                else evaluate_similarity(vectors, gold).spearman
            )
            figures.setdefault(gold.stem, []).append(score)
        for gold in more:
            figures.setdefault(gold.stem, []).append(evaluate_similarity(vectors, gold).spearman)
    means = {name: round(sum(values) / len(values), 4) for name, values in figures.items()}
    question = f"options, {options.language}"
    print(json.dumps({"question": question, "option": line, **means, **machine()}), flush=True)


if __name__ == "__main__":
    main()
