"""Saliency of a saved Classifier: sums, completeness, faithfulness, and its time beside predict.

python benchmarks/saliency.py --model FOLDER [--texts 500] [--random-texts 1000] [--long 10000]
    [--rounds 3] [--skip sums completeness faithfulness time] [--seed 0]

FOLDER is what `textzero train classifier` wrote, best from `classification/chnsenticorp` of
TEXTZERO_DATA, whose test set gives the texts of completeness and faithfulness (a fixed sample of
--texts). The random texts are words of the model's own vocabulary, 0 to 300 of them. For the time
--long texts of 100 words go through `Classifier.predict` and through `state`, in turn, --rounds
times after one round that does not count. One JSON line a question.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from measure import machine

from textzero.models import Classifier
from textzero.models.labelled import read_labelled
from textzero.models.saliency import METHODS, faithfulness, saliency

QUESTIONS = ("sums", "completeness", "faithfulness", "time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--random-texts", type=int, default=1000)
    parser.add_argument("--long", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", nargs="*", choices=QUESTIONS, default=[])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = Classifier.load(options.model)
    generator = np.random.default_rng(options.seed)
    questions = {
        "sums": lambda: sums(model, random_texts(model, generator, options.random_texts, None)),
        "completeness": lambda: completeness(model, test_texts(options)),
        "faithfulness": lambda: faithful(model, test_texts(options), options.seed),
        "time": lambda: times(
            model, random_texts(model, generator, options.long, 100), options.rounds
        ),
    }
    for name, ask in questions.items():
        if name in options.skip:
            continue
        for found in ask():
            line = {"question": f"Saliency: {name}", "model": Path(options.model).name, **found}
            print(json.dumps({**line, **machine()}, ensure_ascii=False), flush=True)


def test_texts(options: argparse.Namespace) -> list[str]:
    """A fixed sample of the test set."""
    if "TEXTZERO_DATA" not in os.environ:
        sys.exit("skipped: set TEXTZERO_DATA to the folder of corpora")
    folder = Path(os.environ["TEXTZERO_DATA"]) / "classification" / "chnsenticorp"
    texts = read_labelled(folder / "test.tsv").texts
    chosen = np.random.default_rng(options.seed).permutation(len(texts))[: options.texts]
    return [texts[place] for place in sorted(chosen)]


def random_texts(
    model: Classifier, generator: np.random.Generator, count: int, length: int | None
) -> list[str]:
    """Texts of the model's own words; a length of None is drawn for each, 0 to 300."""
    words = list(model.encoder.tokens)[:20_000]
    encoded = model.encoder.encode_batch(words)
    words = [word for word, one in zip(words, encoded, strict=True) if len(one) == 1]
    lengths = generator.integers(0, 301, count) if length is None else [length] * count
    joiner = "" if model.settings.unit == "character" else " "
    return [joiner.join(generator.choice(words, size)) for size in lengths]


def sums(model: Classifier, texts: list[str]) -> Iterator[dict]:
    found = saliency(model, texts, "state")
    totals = [one.values.sum(dtype=np.float64) for one in found if len(one.values)]
    yield {
        "texts": len(texts),
        "longest": max(len(one.values) for one in found),
        "empty": len(texts) - len(totals),
        "largest |sum - 1|": float(np.abs(np.array(totals) - 1).max()),
    }


def completeness(model: Classifier, texts: list[str]) -> Iterator[dict]:
    for method in ("state", "logit", "integrated-gradients"):
        begun = perf_counter()
        found = saliency(model, texts, method)
        errors = np.array([one.completeness_error for one in found])
        yield {
            "method": method,
            "texts": len(texts),
            "largest error": float(errors.max()),
            "mean error": float(errors.mean()),
            "over 1 %": int((errors > 0.01).sum()),
            "seconds": round(perf_counter() - begun, 2),
        }


def faithful(model: Classifier, texts: list[str], seed: int) -> Iterator[dict]:
    begun = perf_counter()
    for method, curves in faithfulness(model, texts, METHODS, seed=seed).items():
        found = {kind: curve.summary() for kind, curve in curves.items()}
        yield {
            "method": method,
            "texts": len(texts),
            "deletion area (less is better)": found["deletion"]["area"],
            "insertion area (more is better)": found["insertion"]["area"],
            "standard errors": [found[k]["standard_error"] for k in ("deletion", "insertion")],
            "deletion": found["deletion"]["mean"],
            "insertion": found["insertion"]["mean"],
            "seconds of all": round(perf_counter() - begun, 1),
        }


def times(model: Classifier, texts: list[str], rounds: int) -> Iterator[dict]:
    programs = {
        "predict": lambda: model.predict(texts),
        "state": lambda: saliency(model, texts, "state"),
    }
    wall: dict[str, list[float]] = {name: [] for name in programs}
    busy: dict[str, list[float]] = {name: [] for name in programs}
    for place in range(rounds + 1):
        for name, program in programs.items():
            begun, spent = perf_counter(), process_time()
            program()
            if place:
                wall[name].append(round(perf_counter() - begun, 3))
                busy[name].append(round(process_time() - spent, 3))
    yield {
        "texts": len(texts),
        "tokens": int(np.mean([len(e) for e in model.encoder.encode_batch(texts[:100])])),
        "seconds": wall,
        "processor seconds": busy,
        "state / predict, medians": round(
            statistics.median(wall["state"]) / statistics.median(wall["predict"]), 3
        ),
        "the same, processor": round(
            statistics.median(busy["state"]) / statistics.median(busy["predict"]), 3
        ),
    }


if __name__ == "__main__":
    main()
