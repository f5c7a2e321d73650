"""How good are discovered words, and how fast are they found?

python benchmarks/discover.py [--methods unigram,entropy,cohesion] [--seeds 3] [--large] [--smoke]

Learns a lexicon from raw text by `textzero discover`, cuts a gold text's characters with it by
`textzero evaluate segmentation`, and prints precision, recall and F1 as the bakeoff of 2005 counts.
Rules: a run of letters or digits is one unit; a mark of punctuation is a word. --large adds 100 MB
(zhwiki and news) to the text; --smoke also runs Thai, Japanese, and English without its spaces.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from measure import data, report, run, textzero

GOLD = "segmentation/pku_test_gold.utf8"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="unigram,entropy,cohesion")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if "TEXTZERO_DATA" not in os.environ:
        sys.exit("skipped: set TEXTZERO_DATA to the folder of corpora")
    root = Path(os.environ["TEXTZERO_DATA"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        test = without(root / GOLD, folder / "test.txt", " ")
        daily = root / "segmentation" / "people_daily_199801_gold.utf8"
        texts = {
            "PKU test": [test],
            "PKU test, People's Daily": [test, without(daily, folder / "daily.txt", " ")],
        }
        if options.large:
            big = [data(f"zh/{name}.txt.xz") for name in ("zhwiki", "news")]
            texts["PKU test, zhwiki, news"] = [test, *big]
        for name, paths in texts.items():
            for method in options.methods.split(","):
                seeds = range(options.seeds) if method == "unigram" else [None]
                for seed in seeds:
                    score(name, paths, method, seed, root / GOLD, folder)
        if options.smoke:
            smoke(root, folder)


def without(source: Path, target: Path, separator: str) -> Path:
    """Write a gold text without what separates its words."""
    text = source.read_text(encoding="utf-8")
    target.write_text(text.replace("\r", "").replace(separator, "").replace("\u3000", ""), "utf-8")
    return target


def score(
    name: str, paths: list[Path], method: str, seed: int | None, gold: Path, folder: Path,
    *more: object, separator: str | None = None,
) -> None:  # fmt: skip
    """Learn from some texts, score on a gold one, print a line."""
    lexicon = folder / "lexicon.tsv"
    seeded = [] if seed is None else ["--seed", seed]
    learned = run(
        textzero("discover", *paths, "--method", method, "-o", lexicon, "--force", "-q",
                 "--memory", "2GB", *seeded, *more)
    )  # fmt: skip
    between = [] if separator is None else ["--separator", separator]
    command = textzero("evaluate", "segmentation", gold, "--lexicon", lexicon, "--json", *between)
    result = json.loads(run(command)["output"])
    facts = {key: round(100 * result[key], 2) for key in ("precision", "recall", "f1")}
    words = sum(1 for line in lexicon.open(encoding="utf-8") if line.endswith("\t\n")) - 1
    report(
        f"words from {name}", method, [learned], words=words, seed=seed,
        bytes=sum(path.stat().st_size for path in paths), **facts,
    )  # fmt: skip


def smoke(root: Path, folder: Path) -> None:
    """One figure each for other scripts, learned from the gold's own text."""
    thai = root / "segmentation" / "thai_wisesight_gold.txt"
    japanese = root / "segmentation" / "japanese_kwdlc_gold.utf8"
    for name, gold, separator in (("Thai", thai, "|"), ("Japanese", japanese, " ")):
        text = without(gold, folder / "text.txt", separator)
        between = separator if separator == "|" else None
        score(f"{name}, the gold's own text", [text], "unigram", 0, gold, folder,
              separator=between)  # fmt: skip
    lines = []
    with data("en/enwiki.txt.xz").open(encoding="utf-8") as file:
        for line in file:
            words = [w for w in line.lower().split() if w.isascii() and w.isalpha()]
            if len(words) > 4:
                lines.append(" ".join(words))
            if len(lines) == 20_000:
                break
    gold = folder / "english_gold.txt"
    gold.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = without(gold, folder / "text.txt", " ")
    score("English without spaces, 20,000 lines", [text], "unigram", 0, gold, folder,
          "--unit", "letter")  # fmt: skip


if __name__ == "__main__":
    main()
