"""Does the Reader answer better with word vectors than without, and how do passages best combine?

TEXTZERO_DATA=... python benchmarks/reader.py --vectors VECTORS [--vectors MORE] [--trial]
TEXTZERO_DATA=... python benchmarks/reader.py --random

Data: reading/cmrc2018 (dev), a fifth of the questions held out by passage for the test; of the
rest a tenth, by passage, decides the best epoch. --trial adds the trial part to what is learned
from. --development tests on that tenth in place of the test: choices are made there.

reading/webqa is tested twice: all of it by the model of CMRC, which has never seen its like, and
one half (--webqa) by a model that has learned from CMRC and from the other half. Both with each
way of combining passages, and with answers as long as in training and of at most 12 characters.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from measure import machine

from textzero.models.answer_score import score_answers
from textzero.models.answer_spans import COMBINE, combine_passages
from textzero.models.reader import Reader
from textzero.models.reading import Question, read_questions, split_by_passage
from textzero.models.reading_examples import LABELS
from textzero.models.settings import FitOptions, ReaderSettings
from textzero.vectors.word_vectors import WordVectors

AUTHOR_ANSWER = 12


def main() -> None:
    options = arguments()
    vectors = [] if options.random else [WordVectors.load(path) for path in options.vectors]
    folder = (
        Path(os.environ.get("TEXTZERO_DATA") or sys.exit("TEXTZERO_DATA is not set")) / "reading"
    )
    cmrc = read_questions(folder / "cmrc2018" / "cmrc2018_dev.json")
    learned, test = split_by_passage(cmrc, 0.8, seed=0)
    learned, validation = split_by_passage(learned, 0.9, seed=0)
    if options.trial:
        learned += read_questions(folder / "cmrc2018" / "cmrc2018_trial.json")
    if options.questions:
        learned, validation = learned[: options.questions], validation[: options.questions]
        test = test[: options.questions]
    webqa = list(read_questions(folder / "webqa" / "webqa_validation_200.jsonl"))
    facts = {
        "vectors": "none" if options.random else [str(path) for path in options.vectors],
        "trial": options.trial, "labels": options.labels, "loss": options.loss,
        "matches": not options.no_matches, "max_passage": options.max_passage, "seed": options.seed,
    }  # fmt: skip
    if not options.webqa:
        reader = train(options, vectors, learned, validation, facts)
        held_out = validation if options.development else test
        name = "cmrc2018, development" if options.development else "cmrc2018, test"
        report(reader, name, held_out, facts)
        if not options.development:
            passages(reader, "webqa, all", webqa, facts)
    else:
        half, other = split_by_passage(webqa, 0.5, seed=0)
        half, decides = split_by_passage(half, 0.9, seed=0)
        reader = train(options, vectors, learned + half, validation + decides, facts)
        tested = decides if options.development else other
        name = "webqa, development" if options.development else "webqa, other half"
        passages(reader, name, tested, {**facts, "learned": "cmrc2018 and half of webqa"})
    if options.output:
        reader.save(options.output, overwrite=True)


def train(
    options: argparse.Namespace,
    vectors: Sequence[WordVectors],
    learned: list[Question],
    validation: list[Question],
    facts: dict,
) -> Reader:
    """Train a reader; its seconds and epochs join the facts."""
    settings = ReaderSettings(
        loss=options.loss, matches=not options.no_matches, max_passage=options.max_passage,
        dropout=options.dropout,
    )  # fmt: skip
    fit = FitOptions(
        epochs=options.epochs, batch_size=options.batch_size, seed=options.seed,
        learning_rate=options.rate, compile=options.xla,
    )  # fmt: skip
    begun = time.perf_counter()
    reader = Reader.train(
        learned, validation, vectors, settings, fit, labels=options.labels,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )  # fmt: skip
    history = reader.manifest["training"]["history"]
    best = max(history, key=lambda epoch: epoch["f1"])
    facts |= {
        "questions": len(learned), "validation": len(validation), "epochs": len(history),
        "best_epoch": best["epoch"], "validation_f1": round(best["f1"], 4),
        "training_seconds": round(time.perf_counter() - begun, 1), **reader.facts,
    }  # fmt: skip
    return reader


def report(reader: Reader, name: str, questions: Sequence[Question], facts: dict) -> None:
    """Print one line of figures."""
    begun = time.perf_counter()
    figures = reader.evaluate(questions)
    show(name, questions, figures, time.perf_counter() - begun, facts)


def passages(reader: Reader, name: str, questions: Sequence[Question], facts: dict) -> None:
    """Print a line for each way of combining passages and each bound on answers."""
    for longest in (reader.facts["max_answer"], AUTHOR_ANSWER):
        begun = time.perf_counter()
        spans = reader.spans(questions, threshold=0.0, max_answer=longest)
        seconds = time.perf_counter() - begun
        for combine in COMBINE:
            answers = [
                combine_passages(question.passages, found, combine).text
                for question, found in zip(questions, spans, strict=True)
            ]
            figures = score_answers(answers, [question.answers for question in questions])
            how = {"combine": combine, "max_answer": longest}
            show(name, questions, figures, seconds, {**facts, **how})


def show(
    name: str, questions: Sequence[Question], figures: dict, seconds: float, facts: dict
) -> None:
    line = {
        "question": "Reader", "data": name, "em": round(figures["em"], 4),
        "f1": round(figures["f1"], 4), "tested": len(questions), "seconds": round(seconds, 2),
        **facts, **machine(),
    }  # fmt: skip
    print(json.dumps(line, ensure_ascii=False), flush=True)


def arguments() -> argparse.Namespace:
    defaults, fit = ReaderSettings(), Reader.fit_options
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--vectors", action="append", type=Path, default=[])
    parser.add_argument("--random", action="store_true", help="no word vectors")
    parser.add_argument("--trial", action="store_true", help="learn from the trial part too")
    parser.add_argument("--webqa", action="store_true", help="learn from half of webqa too")
    parser.add_argument("--development", action="store_true", help="leave the test alone")
    parser.add_argument("--labels", choices=LABELS, default=LABELS[0])
    parser.add_argument("--loss", choices=("focal", "bce"), default=defaults.loss)
    parser.add_argument("--no-matches", action="store_true")
    parser.add_argument("--max-passage", type=int, default=defaults.max_passage)
    parser.add_argument("--dropout", type=float, default=defaults.dropout)
    parser.add_argument("--epochs", type=int, default=fit.epochs)
    parser.add_argument("--batch-size", type=int, default=fit.batch_size)
    parser.add_argument("--rate", type=float, default=fit.learning_rate)
    parser.add_argument(
        "--xla", action="store_true", help="compile the step: slower on a processor"
    )
    parser.add_argument("--seed", type=int, default=fit.seed)
    parser.add_argument("--questions", type=int, help="only so many of each part, for a quick look")
    parser.add_argument("--output", type=Path, help="save the reader there")
    options = parser.parse_args()
    if options.random == bool(options.vectors):
        parser.error("give --vectors or --random")
    return options


if __name__ == "__main__":
    main()
