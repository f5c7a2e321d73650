"""How fast is training alone against gensim and the C programs, and are the vectors better?

python benchmarks/train.py --peer NAME=DIR [--peer NAME=DIR] [--language en|zh] [--dim N]
                           [--rounds N] [--share S] [--quality]

All get the same tokens: English Wikipedia by the tokenizer `word`, or Chinese Wikipedia and news by
the lexicon that `discover_words` finds in them. gensim's skip-gram has window 5, 5 negative samples
and 5 epochs. The C programs get our own co-occurrences as their records, shuffled: those of the
author's flat window 10, and the same as ours, of a harmonic window 5; their time is that of 30
iterations. DIR holds a program `glove`; NAME is glove or simpler-glove, whose options differ. Only
training is timed: not counting, nor gensim's vocabulary, nor the start of a process. With --share
below 1 the peers do that share of their epochs, and their seconds are drawn out to all of them. One worker or thread
a processor. --quality scores ours and gensim's vectors on the development sets and every other.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from embed import SETS
from measure import data, machine, report, run

from textzero import (
    Cooccurrence,
    Corpus,
    Tokenizer,
    Vocabulary,
    count_cooccurrences,
    count_words,
    discover_words,
    evaluate_analogies,
    evaluate_similarity,
    load_vectors,
)

ITERATIONS, EPOCHS = 30, 5
OURS = """
import json, sys, time
from textzero import Cooccurrence, WordVectors
from textzero.vectors.training import train_vectors
matrix = Cooccurrence.load(sys.argv[1])
train_vectors(matrix, dim=int(sys.argv[2]), sweeps=1)  # compiled, or loaded from its cache
begun = time.perf_counter()
trained = train_vectors(matrix, dim=int(sys.argv[2]), seed=int(sys.argv[4]))
print(json.dumps({"seconds": time.perf_counter() - begun, "sweeps": len(trained.losses) / 2}))
WordVectors(matrix.vocabulary, trained.vectors(), trained.context).save(sys.argv[3])
"""
GENSIM = """
import json, os, sys, time
from gensim.models import Word2Vec
tokens, dim, epochs, out = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
model = Word2Vec(sg=1, vector_size=dim, window=5, negative=5, min_count=5, seed=1,
                 workers=len(os.sched_getaffinity(0)))
model.build_vocab(corpus_file=tokens)
begun = time.perf_counter()
model.train(corpus_file=tokens, total_words=model.corpus_total_words,
            total_examples=model.corpus_count, epochs=max(1, round(epochs)))
print(json.dumps({"seconds": time.perf_counter() - begun}))
model.wv.save_word2vec_format(out, binary=True)
"""
C_RECORD = np.dtype([("word", "<i4"), ("other", "<i4"), ("x", "<f8")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=1, help="score so many seeds of ours")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--no-gensim", action="store_true")
    options = parser.parse_args()
    work = data(f"{options.language}/{'enwiki' if options.language == 'en' else 'zhwiki'}.txt.xz")
    work = work.parent / f"train-{options.language}"
    work.mkdir(exist_ok=True)
    tokens, ours, flat = prepare(options.language, work)
    dim, threads = options.dim, len(os.sched_getaffinity(0))
    python = [sys.executable, "-c"]
    vectors = {"textzero": work / f"ours-{dim}-0", "gensim skip-gram": work / f"gensim-{dim}.bin"}
    commands = {"textzero": [*python, OURS, ours, dim, vectors["textzero"], 0]}
    if not options.no_gensim:
        epochs = EPOCHS * options.share
        commands["gensim skip-gram"] = [
            *python, GENSIM, tokens, dim, epochs, vectors["gensim skip-gram"],
        ]  # fmt: skip
    for peer in options.peer:
        name, folder = peer.split("=", 1)
        for kind, matrix in (("flat 10", flat), ("same records", ours)):
            records = records_of(matrix)
            commands[f"{name}, {kind}"] = [
                *(f"{folder}/glove", "-input-file", records, "-vocab-file", records.parent / "v"),
                *("-save-file", work / f"c-{name}", "-threads", threads),
                *("-vector-size", dim, "-x-max", 100, "-binary", 0),
                *("-model", 0 if name == "simpler-glove" else 2, "-verbose", 0),
            ]  # fmt: skip
    runs: dict[str, list[dict]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            given = [str(part) for part in command]
            if "," in name:
                result = c_run(given, max(2, round(ITERATIONS * options.share)))
            else:
                result = run(given)
                result["seconds"] = json.loads(result["output"].splitlines()[-1])["seconds"]
            if name == "gensim skip-gram":
                result["seconds"] *= EPOCHS / max(1, round(EPOCHS * options.share))
            result["seconds"] = round(result["seconds"], 2)
            runs[name].append(result)
    question = f"training alone, {options.language}, dim {dim}, peers' share {options.share:g}"
    medians = {name: report(question, name, each) for name, each in runs.items()}
    for name, seconds in medians.items():
        print(f"{name}: {seconds:.1f} s, {seconds / medians['textzero']:.1f} times ours",
              file=sys.stderr)  # fmt: skip
    if options.quality:
        for seed in range(1, options.seeds):
            vectors[f"textzero, seed {seed}"] = work / f"ours-{dim}-{seed}"
            run([*python, OURS, *map(str, (ours, dim, work / f"ours-{dim}-{seed}", seed))])
        for name, path in vectors.items():
            if path.exists():
                score(name, path, options.language, dim)


def c_run(command: list[str], iterations: int) -> dict:
    """Run a C program; seconds of all iterations, from those of one and of some."""
    result = run([*command, "-iter", str(iterations)])
    if iterations < ITERATIONS:
        one = run([*command, "-iter", "1"])["seconds"]
        each = (result["seconds"] - one) / (iterations - 1)
        result["seconds"] = one + each * (ITERATIONS - 1)
    return result


def prepare(language: str, work: Path) -> tuple[Path, Path, Path]:
    """Return the file of tokens, our co-occurrences, and the author's; made once."""
    tokens, ours, flat = work / "tokens.txt", work / "harmonic-5", work / "flat-10"
    if language == "en":
        corpus, how = Corpus(data("en/enwiki.txt.xz")), {"tokenizer": "word", "lowercase": True}
    else:
        corpus = Corpus(data("zh/zhwiki.txt.xz"), data("zh/news.txt.xz"))
        lexicon = work / "lexicon.tsv"
        if not lexicon.exists():
            discover_words(corpus).save(lexicon)
        how = {"tokenizer": str(lexicon)}
    if not tokens.exists():
        tokenizer = Tokenizer(how["tokenizer"], how.get("lowercase", False))
        with open(work / "tokens.partial", "w", encoding="utf-8") as file:
            for document in corpus:
                file.write(" ".join(tokenizer(document)) + "\n")
        (work / "tokens.partial").rename(tokens)
    words = Vocabulary.from_counts(count_words(corpus, **how), 5)
    for folder, window, weighting in ((ours, 5, "harmonic"), (flat, 10, "flat")):
        if not folder.exists():
            count_cooccurrences(
                corpus, words, window=window, weighting=weighting, folder=folder, **how
            )
    return tokens, ours, flat


def records_of(folder: Path) -> Path:
    """Write co-occurrences as the C programs' shuffled records, and their vocabulary; once."""
    path = folder.parent / f"{folder.name}-records" / "records.bin"
    if path.exists():
        return path
    path.parent.mkdir(exist_ok=True)
    matrix = Cooccurrence.load(folder)
    records = np.empty(matrix.records, C_RECORD)
    done = 0
    for i in range(len(matrix.vocabulary)):
        columns, x = matrix.row(i)
        part = records[done : done + columns.size]
        part["word"], part["other"], part["x"] = i + 1, columns + 1, x
        done += columns.size
    np.random.default_rng(0).shuffle(records)
    with open(path.parent / "v", "w", encoding="utf-8") as file:
        words = matrix.vocabulary
        file.writelines(f"{w} {n}\n" for w, n in zip(words, words.counts.tolist(), strict=True))
    records.tofile(path.with_suffix(".partial"))
    path.with_suffix(".partial").rename(path)
    return path


def score(name: str, path: Path, language: str, dim: int) -> None:
    """Print how good one set of vectors is: the development sets, then others where there are."""
    vectors, figures = load_vectors(path), {}
    for entry in SETS[language]:
        gold = Path(os.environ["TEXTZERO_DATA"]) / entry
        if "analogy" in entry:
            figures[gold.stem] = round(evaluate_analogies(vectors, gold, 60_000).add, 4)
        else:
            figures[gold.stem] = round(evaluate_similarity(vectors, gold).spearman, 4)
    for gold in sorted(Path(os.environ.get("TEXTZERO_MORE_SETS", os.devnull)).glob("*.txt")):
        figures[gold.stem] = round(evaluate_similarity(vectors, gold).spearman, 4)
    question = f"quality of training, {language}, dim {dim}"
    print(json.dumps({"question": question, "program": name, **figures, **machine()}), flush=True)


if __name__ == "__main__":
    main()
