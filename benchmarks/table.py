"""Make Markdown tables of the JSON lines that the benchmarks print.

python benchmarks/table.py results/FILE.jsonl ...
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

HIDDEN = {"question", "program", "versions", "processor", "processors", "commit", "all_seconds"}


def main() -> None:
    questions = defaultdict(list)
    for path in sys.argv[1:]:
        for text in Path(path).read_text(encoding="utf-8").splitlines():
            if text.startswith("{"):
                line = json.loads(text)
                questions[line["question"]].append(line)
    for question, lines in questions.items():
        columns = list(dict.fromkeys(k for line in lines for k in line if k not in HIDDEN))
        print(f"\n**{question}** ({lines[0]['processors']} x {lines[0]['processor']})\n")
        print("|", " | ".join(["program", *columns]), "|")
        print("|", " | ".join("---" for _ in range(len(columns) + 1)), "|")
        for line in lines:
            cells = [show(c, line.get(c)) for c in columns]
            print("|", " | ".join([str(line.get("program", "")), *cells]), "|")


def show(column: str, value: object) -> str:
    """Write memory in MB, the rest as it is."""
    if column == "peak_memory" and isinstance(value, int):
        return f"{value / 1e6:.0f} MB"
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
