"""Does `count` beat Polars, DuckDB and `Counter`, and what does the word tokenizer cost?

python benchmarks/count.py [--times 10] [--rounds 5]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from measure import data, in_turn, report, run, textzero

POLARS = """
import sys, polars as pl
(pl.scan_csv(sys.argv[1], has_header=False, separator=chr(1), quote_char=None,
             encoding="utf8-lossy", new_columns=["line"], schema={"line": pl.String})
 .select(pl.col("line").str.split(" ").explode().alias("word"))
 .group_by("word").len()
 .collect(engine="streaming").write_csv(sys.argv[2], separator=chr(9), quote_style="never",
                                        include_header=False))
"""
DUCKDB = """
import sys, duckdb
duckdb.sql(f'''copy (select word, count(*) c from (
  select unnest(string_split(line, ' ')) word
  from read_csv('{sys.argv[1]}', columns={{'line': 'VARCHAR'}}, header=false, auto_detect=false,
                delim=chr(1), quote='', escape='', max_line_size=16000000))
  group by word) to '{sys.argv[2]}' (delimiter chr(9), header false, quote '')''')
"""
COUNTER = """
import sys
from collections import Counter
counts = Counter()
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        counts.update(line.split())
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for word, count in sorted(counts.items(), key=lambda x: (-x[1], x[0])):
        print(word, count, sep="\\t", file=out)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how often the file is repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow", action="store_true", help="also Counter in one process")
    options = parser.parse_args()
    english, chinese = data("en/enwiki.txt.xz"), data("zh/zhwiki.txt.xz")
    big = english.with_name(f"enwiki-{options.times}.txt")
    if not big.exists():
        with open(big, "wb") as out:
            for _ in range(options.times):
                with open(english, "rb") as source:
                    shutil.copyfileobj(source, out)
    out = Path(tempfile.mkdtemp()) / "counts.tsv"

    def ours(path: Path, tokenizer: str) -> list[str]:
        return textzero("count", path, "--tokenizer", tokenizer, "-o", out, "--force", "-q")

    commands = {
        "textzero whitespace": ours(big, "whitespace"),
        "polars": [sys.executable, "-c", POLARS, str(big), str(out)],
        "duckdb": [sys.executable, "-c", DUCKDB, str(big), str(out)],
        "textzero word": ours(big, "word"),
    }
    runs = in_turn(commands, options.rounds)
    if options.slow:
        runs["Counter"] = [run([sys.executable, "-c", COUNTER, str(big), str(out)])]
    for name, results in runs.items():
        seconds = report("count", name, results, corpus=big.name, bytes=big.stat().st_size)
        print(f"{name}: {big.stat().st_size / seconds / 1e6:.0f} MB/s", file=sys.stderr)
    small = {
        "textzero whitespace": ours(english, "whitespace"),
        "textzero word": ours(english, "word"),
    }
    for name, results in in_turn(small, options.rounds).items():
        report("count, 100 MB, warm", name, results, corpus=english.name,
               bytes=english.stat().st_size)  # fmt: skip
    small = {
        "textzero whitespace": ours(chinese, "whitespace"),
        "textzero word": ours(chinese, "word"),
    }
    for name, results in in_turn(small, options.rounds).items():
        report("count, Chinese", name, results, corpus=chinese.name,
               bytes=chinese.stat().st_size)  # fmt: skip


if __name__ == "__main__":
    main()
