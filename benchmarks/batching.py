"""Is counting in batches faster than in one table, as article 7031 says?

python benchmarks/batching.py [--rounds 5]

The article (Su Jianlin, kexue.fm 7031) reports 20 minutes with one dict in one process, 8 minutes
with a dict per 1,000 texts in one process, 55 seconds with ten processes: a "ratio above the number
of processes" that, as it says itself, comes from the slow baseline. This runs the same programs:
one dict, batched dicts, batched dicts in two processes, each in its own interpreter.
"""

import argparse
import sys

from measure import data, in_turn, report

ONE = """
import sys
counts = {}
for line in open(sys.argv[1], encoding="utf-8"):
    for word in line.split():
        counts[word] = counts.get(word, 0) + 1
print(len(counts), sum(counts.values()))
"""
BATCHED = """
import sys
from itertools import islice
total, lines = {}, open(sys.argv[1], encoding="utf-8")
while batch := list(islice(lines, 1000)):
    counts = {}
    for line in batch:
        for word in line.split():
            counts[word] = counts.get(word, 0) + 1
    for word, count in counts.items():
        total[word] = total.get(word, 0) + count
print(len(total), sum(total.values()))
"""
PROCESSES = """
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
def work(batch):
    counts = {}
    for line in batch:
        for word in line.split():
            counts[word] = counts.get(word, 0) + 1
    return counts
def batches():
    lines = open(sys.argv[1], encoding="utf-8")
    while batch := list(islice(lines, 1000)):
        yield batch
if __name__ == "__main__":
    total = {}
    with ProcessPoolExecutor(2) as pool:
        waiting = []
        for batch in batches():
            waiting.append(pool.submit(work, batch))
            if len(waiting) > 8:
                for word, count in waiting.pop(0).result().items():
                    total[word] = total.get(word, 0) + count
        for future in waiting:
            for word, count in future.result().items():
                total[word] = total.get(word, 0) + count
    print(len(total), sum(total.values()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    corpus = data("en/enwiki.txt.xz")
    programs = {
        "one dict": ONE,
        "a dict per 1,000 texts": BATCHED,
        "the same, 2 processes": PROCESSES,
    }
    runs = in_turn({n: [sys.executable, "-c", c, str(corpus)] for n, c in programs.items()},
                   options.rounds)  # fmt: skip
    assert len({results[0]["output"] for results in runs.values()}) == 1, "the counts differ"
    seconds = {name: report("batching", name, r, corpus=corpus.name) for name, r in runs.items()}
    for name, value in seconds.items():
        print(f"{name}: {value:.1f} s, {seconds['one dict'] / value:.2f} times", file=sys.stderr)


if __name__ == "__main__":
    main()
