"""Do two processes help a Python tokenizer that costs 20 microseconds a line?

python benchmarks/python_tokenizer.py [--rounds 5]

Against the best program with one process that we know: Counter.update line by line.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from measure import data, in_turn, report, textzero

COUNTER = """
import sys
from collections import Counter
from python_tokenizer import slow
counts = Counter()
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        counts.update(slow(line))
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for word, count in sorted(counts.items(), key=lambda x: (-x[1], x[0])):
        print(word, count, sep="\\t", file=out)
"""


def slow(text: str) -> list[str]:
    """Split at white space after 20 microseconds of work."""
    stop = time.perf_counter() + 20e-6
    while time.perf_counter() < stop:
        pass
    return text.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = here
    corpus, out = data("en/enwiki.txt.xz"), Path(tempfile.mkdtemp()) / "counts.tsv"

    def ours(workers: int) -> list[str]:
        return textzero("count", corpus, "--tokenizer", "python_tokenizer:slow", "--workers",
                        workers, "-o", out, "--force", "-q")  # fmt: skip

    commands = {
        "Counter, 1 process": [sys.executable, "-c", COUNTER, str(corpus), str(out)],
        "textzero, 1 worker": ours(1),
        "textzero, 2 workers": ours(2),
    }
    runs = in_turn(commands, options.rounds)
    seconds = {
        name: report("Python tokenizer", name, results, corpus=corpus.name)
        for name, results in runs.items()
    }
    best = min(seconds["Counter, 1 process"], seconds["textzero, 1 worker"])
    print(f"{best / seconds['textzero, 2 workers']:.2f} times as fast", file=sys.stderr)


if __name__ == "__main__":
    main()
