"""How good are discovered words, and how fast are they found?

python benchmarks/discover.py [--methods unigram,entropy,cohesion] [--seeds 3] [--large] [--smoke]
    [--phrases FILE]

Learns a lexicon from raw text by `textzero discover`, cuts a gold text's characters with it by
`textzero evaluate segmentation`, and prints precision, recall and F1 as the bakeoff of 2005 counts.
Rules: a run of letters or digits is one unit; a mark of punctuation is a word. --large adds 100 MB
(zhwiki and news) to the text; --smoke also runs Thai, Japanese, and English without its spaces.
--phrases FILE, one a line, looks for phrases instead, by --unit word, in the docstrings of Python's
library and 5 MB of enwiki: what share of those of FILE that occur ten times is found, and what share
of the first 1000 is in FILE. WordNet 3.0 makes such a file: the names with "_" of its index files.
"""

import argparse
import json
import os
import sys
import sysconfig
import tempfile
from pathlib import Path

from measure import data, report, run, textzero

from textzero import Corpus, Lexicon, count_words
from textzero.demo.texts import python_texts

GOLD = "segmentation/pku_test_gold.utf8"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="unigram,entropy,cohesion")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--phrases", type=Path)
    options = parser.parse_args()
    if "TEXTZERO_DATA" not in os.environ:
        sys.exit("skipped: set TEXTZERO_DATA to the folder of corpora")
    root = Path(os.environ["TEXTZERO_DATA"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.phrases:
            phrases(options.phrases, folder)
            return
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


def phrases(listed: Path, folder: Path) -> None:
    """Discover phrases of two texts, and print how they agree with a list."""
    gold = {line for line in listed.read_text("utf-8").splitlines() if " " in line}
    library = python_texts(Path(sysconfig.get_path("stdlib")), folder).root
    with data("en/enwiki.txt.xz").open("rb") as file:
        (folder / "enwiki.txt").write_bytes(file.read(5_000_000).rpartition(b"\n")[0] + b"\n")
    for name, text in (("Python's docstrings", library), ("enwiki", folder / "enwiki.txt")):
        lexicon = folder / "phrases.tsv"
        learned = run(textzero("discover", text, "--unit", "word", "--lowercase", "-o", lexicon,
                               "--force", "-q"))  # fmt: skip
        found = [word for word in Lexicon.load(lexicon) if " " in word]
        counts = count_words(Corpus(text), lowercase=True, ngrams=(2, 5), min_count=10)
        frequent = gold & set(counts)
        report(
            f"phrases of {name}", "unigram", [learned], found=len(found), frequent=len(frequent),
            recall=round(100 * len(frequent & set(found)) / len(frequent), 1),
            first_1000=round(sum(phrase in gold for phrase in found[:1000]) / 10, 1),
        )  # fmt: skip


if __name__ == "__main__":
    main()
