"""Which library reads and writes Parquet: pyarrow or DuckDB?

python benchmarks/parquet.py [--rounds 5]

Whole processes: import, read a column of strings batch by batch; import, write words and counts.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from measure import data, in_turn, report, run

MAKE = """
import sys, pyarrow, pyarrow.parquet
lines = open(sys.argv[1], encoding="utf-8").read().split("\\n")
pyarrow.parquet.write_table(pyarrow.table({"text": lines}), sys.argv[2], compression="zstd")
"""
READ_ARROW = """
import sys, pyarrow.parquet
n = 0
for batch in pyarrow.parquet.ParquetFile(open(sys.argv[1], "rb")).iter_batches(4096, columns=["text"]):
    for text in batch.column(0).to_pylist():
        n += len(text)
print(n)
"""
READ_DUCKDB = """
import sys, duckdb
rows = duckdb.connect().execute(f"select text from read_parquet('{sys.argv[1]}')")
n = 0
while batch := rows.fetchmany(4096):
    for (text,) in batch:
        n += len(text)
print(n)
"""
WRITE_ARROW = """
import sys, numpy as np, pyarrow, pyarrow.parquet
words = np.array([f"word{i}" for i in range(1_000_000)], dtype=object)
table = pyarrow.table({"word": words, "count": np.arange(words.size)})
pyarrow.parquet.write_table(table, sys.argv[1], compression="zstd")
"""
WRITE_DUCKDB = """
import sys, numpy as np, duckdb
words = np.array([f"word{i}" for i in range(1_000_000)], dtype=object)
table = {"word": words, "count": np.arange(words.size)}
duckdb.sql(f"copy (select * from table) to '{sys.argv[1]}' (format parquet, compression zstd)")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    corpus, out = work / "corpus.parquet", work / "out.parquet"
    run([sys.executable, "-c", MAKE, str(data("en/enwiki.txt.xz")), str(corpus)])
    read = {"pyarrow": READ_ARROW, "duckdb": READ_DUCKDB}
    write = {"pyarrow": WRITE_ARROW, "duckdb": WRITE_DUCKDB.replace("from table", "from words_and_counts")
             .replace("table =", "words_and_counts =")}  # fmt: skip
    for question, programs, path in (("read", read, corpus), ("write", write, out)):
        commands = {n: [sys.executable, "-c", code, str(path)] for n, code in programs.items()}
        for name, results in in_turn(commands, options.rounds).items():
            report(f"Parquet {question}", name, results)


if __name__ == "__main__":
    main()
