"""Entity F1 of Taggers on two Chinese data sets, with word vectors and without.

python benchmarks/tagger.py [--set resume|people_daily] [--vectors DIR ...] [--head crf ...]
    [--encoder dgcnn ...] [--random] [--epochs N] [--seed N ...] [--sentences N]

The data are `ner/` of TEXTZERO_DATA; of people_daily the first 5,000 training sentences are taken.
Each head and encoder is trained with the vectors and, with --random, from a random start as well.
The dev set decides the best epoch; the test set is scored once, with the weights of that epoch.
One JSON line a training. Seconds are those of reading, encoding, training and scoring dev.
"""

import argparse
import json
import os
import sys
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from time import perf_counter

from measure import machine

from textzero.models import FitOptions, Tagger, TaggerSettings
from textzero.models.conll import read_conll
from textzero.vectors.word_vectors import WordVectors

SETS = {
    "resume": ("train.char.bmes", "dev.char.bmes", "test.char.bmes", None),
    "people_daily": ("example.train", "example.dev", "example.test", 5000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="resume")
    parser.add_argument("--vectors", nargs="*", default=[])
    parser.add_argument("--head", nargs="+", default=["crf"])
    parser.add_argument("--encoder", nargs="+", default=["dgcnn"])
    parser.add_argument("--random", action="store_true", help="also from a random start")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--sentences", type=int, help="take so many training sentences")
    parser.add_argument("--scheme", default="auto", help="of the network's tags, such as bioes")
    parser.add_argument("--setting", nargs="*", default=[], help="NAME=JSON of TaggerSettings")
    parser.add_argument("--option", nargs="*", default=[], help="NAME=JSON of FitOptions")
    parser.add_argument("--no-test", action="store_true", help="score the dev set alone")
    arguments = parser.parse_args()

    folder = Path(os.environ["TEXTZERO_DATA"]) / "ner" / arguments.set
    *files, most = SETS[arguments.set]
    train, dev, test = (read_conll(folder / file) for file in files)
    train = train[: arguments.sentences or most]
    vectors = [WordVectors.load(path) for path in arguments.vectors]
    starts = [(arguments.vectors, vectors)] if vectors else []
    if arguments.random or not vectors:
        starts.append(([], []))
    choices = product(arguments.seed, arguments.encoder, arguments.head, starts)
    for seed, encoder, head, (names, start) in choices:
        settings = TaggerSettings(
            **{**given(arguments.setting, TaggerSettings), "encoder": encoder, "head": head}
        )
        options = {**given(arguments.option, FitOptions), "seed": seed}
        if arguments.epochs:
            options["epochs"] = arguments.epochs
        begun = perf_counter()
        model = Tagger.train(
            train,
            dev,
            start,
            settings,
            replace(Tagger.fit_options, **options),
            say=say,
            scheme=arguments.scheme,
        )
        seconds = perf_counter() - begun
        history = model.manifest["training"]["history"]
        best = max(history, key=lambda epoch: epoch["f1"])
        line = {
            "question": "Tagger", "set": f"ner/{arguments.set}", "sentences": len(train),
            "encoder": encoder, "head": head, "scheme": model.scheme,
            "vectors": [Path(name).name for name in names], "seed": seed,
            "settings": arguments.setting, "options": arguments.option,
            "epochs": len(history), "best_epoch": best["epoch"], "seconds": round(seconds, 1),
            "dev_f1": percent(best["f1"]),
        }  # fmt: skip
        if not arguments.no_test:
            begun = perf_counter()
            figures = model.evaluate(test)
            line |= {f"test_{name}": percent(value) for name, value in figures.items()}
            line["test_seconds"] = round(perf_counter() - begun, 1)
        print(json.dumps({**line, **machine()}, ensure_ascii=False), flush=True)


def given(pairs: list[str], kind: type) -> dict:
    """Fields of a dataclass from NAME=JSON."""
    named = dict(pair.split("=", 1) for pair in pairs)
    unknown = set(named) - {field.name for field in fields(kind)}
    if unknown:
        sys.exit(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    values = {name: json.loads(value) for name, value in named.items()}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


def percent(share: float) -> float:
    return round(100 * share, 2)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
