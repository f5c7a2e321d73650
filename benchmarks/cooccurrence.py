"""Does `cooccur` beat the C programs `cooccur` and `shuffle`, and count the same pairs?

python benchmarks/cooccurrence.py --glove-bin DIR [--memory 1GB] [--rounds 5]

DIR holds vocab_count, cooccur and shuffle of Simpler-GloVe (flat windows). Without it, only
textzero is timed. The pairs and counts of the last round are compared one by one.
"""

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import data, in_turn, report, run, textzero

from textzero import Cooccurrence, Corpus
from textzero.kernels import kernel
from textzero.tokens import whitespace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glove-bin", type=Path)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    # The C programs know only ASCII white space: both sides read the same tokens.
    corpus = work / "enwiki.txt"
    with open(corpus, "w", encoding="utf-8") as file:
        for document in Corpus(data("en/enwiki.txt.xz")):
            file.write(" ".join(whitespace(document)) + "\n")
    vocabulary = work / "vocabulary.tsv"
    run(textzero("count", corpus, "--tokenizer", "whitespace", "--min-count", 5, "-o", vocabulary))
    ours = textzero(
        "cooccur", corpus, "--tokenizer", "whitespace", "--vocabulary", vocabulary, "-q", "--force",
        "--window", options.window, "--memory", options.memory, "-o", work / "ours",
    )  # fmt: skip
    commands = {"textzero": ours}
    if options.glove_bin:
        vocab = work / "vocab.txt"
        vocab.write_text(vocabulary.read_text().replace("\t", " "))
        q = {
            k: shlex.quote(str(v))
            for k, v in {
                "bin": options.glove_bin,
                "vocab": vocab,
                "corpus": corpus,
                "work": work,
            }.items()
        }
        count = (
            f"cd {q['work']} && {q['bin']}/cooccur -memory 4.0 -verbose 0 -vocab-file {q['vocab']} "
            f"-window-size {options.window} < {q['corpus']} > pairs.bin 2>/dev/null"
        )
        shuffle = (
            f"{q['bin']}/shuffle -memory 4.0 -verbose 0 < pairs.bin > shuffled.bin 2>/dev/null"
        )
        commands["C cooccur + shuffle"] = ["sh", "-c", f"{count} && {shuffle}"]
    runs = in_turn(commands, options.rounds)
    seconds = {
        name: report("cooccurrence", name, results, corpus=corpus.name, window=options.window)
        for name, results in runs.items()
    }
    matrix = Cooccurrence.load(work / "ours")
    print(f"{matrix.records:,} records without the diagonal", file=sys.stderr)
    if options.glove_bin:
        ratio = seconds["C cooccur + shuffle"] / seconds["textzero"]
        print(f"{ratio:.1f} times as fast", file=sys.stderr)
        compare(matrix, work / "pairs.bin")


def compare(matrix: Cooccurrence, path: Path) -> None:
    """Compare with the sorted records (int32, int32, float64) of the C program."""
    kind = np.dtype([("row", "<i4"), ("column", "<i4"), ("x", "<f8")])
    theirs = np.fromfile(path, kind)
    on = theirs["row"] == theirs["column"]
    diagonal = np.zeros(len(matrix.vocabulary))
    diagonal[theirs["row"][on] - 1] = theirs["x"][on]
    assert np.array_equal(diagonal, matrix.diagonal * matrix.unit), "the diagonals differ"
    rest = theirs[~on]
    assert len(rest) == matrix.records, (len(rest), matrix.records)
    ends = np.searchsorted(rest["row"], np.arange(1, len(matrix.vocabulary) + 2))
    for i in range(len(matrix.vocabulary)):
        columns, counts = kernel("cooccurrence").decode_rows(
            matrix.data[matrix.offsets[i] : matrix.offsets[i + 1]], int(matrix.lengths[i, 1])
        )
        part = rest[ends[i] : ends[i + 1]]
        assert np.array_equal(part["column"] - 1, columns), f"row {i}: the pairs differ"
        assert np.array_equal(part["x"], counts * matrix.unit), f"row {i}: the counts differ"
    print(f"all {len(theirs):,} records of the C program are equal", file=sys.stderr)


if __name__ == "__main__":
    main()
