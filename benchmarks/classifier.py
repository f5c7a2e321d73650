"""Does a recurrent classifier over our vectors label Chinese reviews as well as the author's?

python benchmarks/classifier.py --vectors FOLDER [--seeds 3] [--encoders bigru,lstm,dgcnn]
    [--starts frozen,trainable,random] [--with-reviews FOLDER] [--train 9600] [--set NAME=JSON ...]

chnsenticorp (hotels, books, laptops): the network is trained on train.tsv, dev.tsv decides the best
epoch, and both dev's and test's accuracy are printed (--no-test: dev's alone, to choose by).
Article 4582's LSTM reached about 0.90, sums of word vectors 0.81 to 0.89 on reviews of this kind.

Starts: "frozen" vectors, "trainable" vectors, and "random": vectors of the same words and of the
same spread, without their meaning, that are trained too. --with-reviews FOLDER makes vectors of
zhwiki, news and the raw text of the training reviews first (or uses FOLDER when it is there):
words and vectors are then discovered in the reviews' own domain, still without a label.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
from measure import data, machine, run, textzero

from textzero.models.classifier import Classifier
from textzero.models.labelled import LabelledTexts, read_labelled
from textzero.models.settings import ClassifierSettings, FitOptions
from textzero.vectors.formats import load_vectors
from textzero.vectors.word_vectors import WordVectors

SET = "classification/chnsenticorp"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors")
    parser.add_argument("--with-reviews")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--encoders", default="bigru")
    parser.add_argument("--starts", default="frozen,trainable,random")
    parser.add_argument("--train", type=int, help="only so many training texts")
    parser.add_argument("--no-test", action="store_true", help="score dev alone")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    given = parser.parse_args()
    if "TEXTZERO_DATA" not in os.environ:
        sys.exit("skipped: set TEXTZERO_DATA to the folder of corpora")
    folder = Path(os.environ["TEXTZERO_DATA"]) / SET
    names = ("train", "dev") if given.no_test else ("train", "dev", "test")
    parts = {name: read_labelled(folder / f"{name}.tsv") for name in names}
    sources = {"zhwiki, news": given.vectors} if given.vectors else {}
    if given.with_reviews:
        make_vectors(Path(given.with_reviews), parts["train"])
        sources["zhwiki, news, reviews"] = given.with_reviews
    if not sources:
        sys.exit("give --vectors, --with-reviews or both")
    if given.train:
        parts["train"] = parts["train"][: given.train]
    settings, options = configured(given.set)
    for name, path in sources.items():
        vectors = load_vectors(path)
        for encoder in given.encoders.split(","):
            for start in given.starts.split(","):
                for seed in range(given.seeds):
                    measure(
                        f"{encoder}, {start}, {name}",
                        parts,
                        started(vectors, start, seed),
                        replace(settings, encoder=encoder, trainable_vectors=start != "frozen"),
                        replace(options, seed=seed),
                    )


def configured(changes: Sequence[str]) -> tuple[ClassifierSettings, FitOptions]:
    """Settings of the network and of the training with some changed."""
    found = {name: json.loads(value) for name, _, value in (x.partition("=") for x in changes)}
    known = {field.name for field in fields(ClassifierSettings)}
    network = {name: value for name, value in found.items() if name in known}
    training = {name: value for name, value in found.items() if name not in known}
    return ClassifierSettings(**network), replace(Classifier.fit_options, **training)


def make_vectors(folder: Path, train: LabelledTexts) -> None:
    """Vectors of the raw corpora and of the training reviews, words discovered in all of it."""
    if folder.exists():
        return
    raw = folder.with_name(folder.name + "-reviews.txt")
    raw.write_text("".join(" ".join(text.split()) + "\n" for text in train.texts), "utf-8")
    corpus = [data("zh/zhwiki.txt.xz"), data("zh/news.txt.xz"), raw]
    run(textzero("embed", *corpus, "--discover", "--dim", 128, "-o", folder))


def started(vectors: WordVectors, start: str, seed: int) -> WordVectors:
    """The vectors, or random ones of the same words and spread."""
    if start != "random":
        return vectors
    draw = np.random.default_rng(seed)
    scale = np.std(np.asarray(vectors.vectors))
    rows = draw.normal(0, scale, vectors.vectors.shape).astype(np.float32)
    return vectors.like(rows, None)


def measure(
    name: str,
    parts: dict[str, LabelledTexts],
    vectors: WordVectors,
    settings: ClassifierSettings,
    options: FitOptions,
) -> None:
    """Train one classifier and print its line."""
    train = parts["train"]

    def say(line: str) -> None:
        print(f"{name}, seed {options.seed}: {line}", file=sys.stderr, flush=True)

    begun = time.perf_counter()
    model = Classifier.train(train, parts["dev"], [vectors], settings, options, say=say)
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    model.predict(parts["dev"].texts)
    rate = len(parts["dev"]) / (time.perf_counter() - begun)
    history = model.manifest["training"]["history"]
    best = max(history, key=lambda epoch: epoch["accuracy"])
    scores = {part: model.evaluate(texts) for part, texts in parts.items() if part != "train"}
    line = {
        "question": "Classifier", "program": name, "seed": options.seed, "texts": len(train),
        "seconds": round(seconds, 1), "epochs": len(history), "best_epoch": best["epoch"],
        **{f"accuracy_{part}": round(score["accuracy"], 4) for part, score in scores.items()},
        **{f"macro_f1_{part}": round(score["macro_f1"], 4) for part, score in scores.items()},
        "cut_dev": scores["dev"]["cut"], "texts/s": round(rate),
        "settings": asdict(settings), "options": asdict(options), **machine(),
    }  # fmt: skip
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
