"""Triples from sentences: the DGCNN against a BiLSTM of equal size with the same heads.

python benchmarks/extractor.py --vectors FOLDER [--epochs 20] [--dim 128] [--variants dgcnn bilstm]

Trains on extraction/duie_train.jsonl of TEXTZERO_DATA and scores extraction/duie_dev.jsonl: exact
(subject, predicate, object), other slots of an object being predicates of their own. Every
twentieth training sentence is held out; its F1 decides which epoch is kept. A variant is an encoder, "+prior" with the
training triples as an input. --trial scores the held-out sentences alone: for choosing settings.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from measure import machine

from textzero.models.extraction_network import (
    bilstm_parameters,
    bilstm_units,
    encoder_parameters,
)
from textzero.models.extractor import Extractor
from textzero.models.settings import ExtractorSettings, FitOptions
from textzero.models.triples import TripleTexts, read_triples
from textzero.vectors.word_vectors import WordVectors

HELD_OUT = 20  # every such sentence of the training data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", nargs="*", default=[])
    parser.add_argument(
        "--variants", nargs="*", default=["dgcnn", "bilstm", "dgcnn+prior", "bilstm+prior"]
    )
    parser.add_argument("--texts", type=int, help="only so many training sentences")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument(
        "--layers", type=int, default=12, help="gated convolutions, the first of the twelve"
    )
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rate", type=float, default=Extractor.fit_options.learning_rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trial", action="store_true", help="score held-out training sentences")
    options = parser.parse_args()
    if "TEXTZERO_DATA" not in os.environ:
        sys.exit("skipped: set TEXTZERO_DATA to the folder of corpora")
    folder = Path(os.environ["TEXTZERO_DATA"]) / "extraction"
    every = read_triples(folder / "duie_train.jsonl")[: options.texts].items
    held = TripleTexts(every[::HELD_OUT])
    train = TripleTexts(tuple(x for i, x in enumerate(every) if i % HELD_OUT))
    test = held if options.trial else read_triples(folder / "duie_dev.jsonl")
    vectors = [WordVectors.load(path) for path in options.vectors]
    for variant in options.variants:
        encoder, _, prior = variant.partition("+")
        settings = ExtractorSettings(
            encoder=encoder,
            prior=prior == "prior",
            dim=options.dim,
            dilations=ExtractorSettings().dilations[: options.layers],
        )
        fit = FitOptions(
            epochs=options.epochs, batch_size=options.batch_size, learning_rate=options.rate,
            warmup=Extractor.fit_options.warmup, compile=Extractor.fit_options.compile, seed=options.seed,
        )  # fmt: skip
        measure(variant, train, held, test, vectors, settings, fit, options.trial)


def measure(
    variant: str,
    train: TripleTexts,
    held: TripleTexts,
    test: TripleTexts,
    vectors: list[WordVectors],
    settings: ExtractorSettings,
    fit: FitOptions,
    trial: bool,
) -> None:
    """Train one variant and print its line."""
    begun = time.perf_counter()
    say = lambda line: print(f"{time.perf_counter() - begun:6.0f} s  {line}", file=sys.stderr)  # noqa: E731
    model = Extractor.train(train, held, vectors, settings, fit, say=say)
    trained = time.perf_counter()
    figures = model.evaluate(test)
    done = time.perf_counter()
    units = bilstm_units(settings)
    encoder = (
        bilstm_parameters(units, settings.dim)
        if settings.encoder == "bilstm"
        else encoder_parameters(settings)
    )
    weights = sum(int(np.prod(v.shape)) for v in model.trainer.trainable_weights)
    line = {
        "question": "Triples" + (", held-out training sentences" if trial else ""),
        "program": variant,
        **{name: round(value, 4) for name, value in figures.items()},
        "training_seconds": round(trained - begun, 1),
        "prediction_seconds": round(done - trained, 1),
        "encoder_parameters": encoder,
        "trained_parameters": weights,
        "texts": len(train), "tested": len(test), "dim": settings.dim,
        "layers": len(settings.dilations), "batch_size": fit.batch_size,
        "epochs": len(model.manifest["training"]["history"]), "seed": fit.seed,
        "held_out_f1": [round(h["f1"], 4) for h in model.manifest["training"]["history"]],
        **machine(),
    }  # fmt: skip
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
