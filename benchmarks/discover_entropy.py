"""Word discovery: the methods "entropy" and "cohesion" against nlp-zero's Word_Finder.

python benchmarks/discover_entropy.py [--rounds 5] [--megabytes 100] [--peer-megabytes 5]

The same Chinese (three parts Wikipedia, two parts news), one program after the other in each round,
from the files on disk to the words; one process each, with two threads for ours. nlp-zero takes
too long for all of it: it gets the first --peer-megabytes of each file, and so does ours in a
line of its own. nlp-zero 0.1.6 (pip install nlp-zero) imports `collections.Iterable`, which is put
back for it.
"""

import argparse
import collections
import collections.abc
import gc
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from measure import data, machine

from textzero.corpus import Corpus
from textzero.discovery.cohesion import cohesion_lexicon
from textzero.discovery.pair_entropy import entropy_lexicon
from textzero.discovery.units import read_units

ROOM = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--peer-megabytes", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large = parts(Path(folder), options.megabytes)
        small = parts(Path(folder), options.peer_megabytes)
        programs: dict[str, tuple[list[Path], Callable[[list[Path]], int]]] = {
            "nlp-zero": (small, nlp_zero),
            "entropy, compatible, part": (small, lambda paths: entropy(paths, compatible=True)),
            "entropy, part": (small, entropy),
            "entropy": (large, entropy),
            "entropy, compatible": (large, lambda paths: entropy(paths, compatible=True)),
            "cohesion": (large, cohesion),
        }
        if find_peer() is None:
            print("skipped: pip install nlp-zero", file=sys.stderr)
            del programs["nlp-zero"]
        measure(programs, options.rounds)


def measure(
    programs: dict[str, tuple[list[Path], Callable[[list[Path]], int]]], rounds: int
) -> None:
    """Print a line for each program; its speed over nlp-zero's is the ratio of medians."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    words: dict[str, int] = {}
    for name, (paths, program) in programs.items():
        if name != "nlp-zero":
            program(paths)
    for _ in range(rounds):
        for name, (paths, program) in programs.items():
            gc.collect()
            begun = time.perf_counter()
            words[name] = program(paths)
            seconds[name].append(round(time.perf_counter() - begun, 3))
    speeds = {
        name: sum(path.stat().st_size for path in paths) / 1e6 / statistics.median(seconds[name])
        for name, (paths, _) in programs.items()
    }
    for name, times in seconds.items():
        line = {
            "question": "Word discovery", "program": name, "seconds": statistics.median(times),
            "all_seconds": times, "MB/s": round(speeds[name], 2), "words": words[name],
        }  # fmt: skip
        if "nlp-zero" in speeds:
            line["times nlp-zero"] = round(speeds[name] / speeds["nlp-zero"], 1)
        print(json.dumps({**line, **machine()}, ensure_ascii=False), flush=True)


def parts(folder: Path, megabytes: int) -> list[Path]:
    """Write the first lines of both corpora, together of about this size."""
    paths = []
    for name, share in (("zh/zhwiki.txt.xz", 600_000), ("zh/news.txt.xz", 400_000)):
        path = folder / f"{megabytes}-{Path(name).stem}"
        with data(name).open("rb") as source:
            text = source.read(megabytes * share)
        path.write_bytes(text.rpartition(b"\n")[0] + b"\n")
        paths.append(path)
    return paths


def entropy(paths: list[Path], compatible: bool = False) -> int:
    units = read_units(Corpus(*paths), workers=2)
    return len(entropy_lexicon(units, compatible=compatible, workers=2, room=ROOM).words)


def cohesion(paths: list[Path]) -> int:
    units = read_units(Corpus(*paths), workers=2)
    return len(cohesion_lexicon(units, workers=2, room=ROOM).words)


def find_peer() -> Callable[[], object] | None:
    """Return the class Word_Finder, with its import mended."""
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from nlp_zero import Word_Finder
    except ImportError:
        return None
    return Word_Finder


class Lines:
    """The lines of files, to be read again and again."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __iter__(self):  # noqa: ANN204
        for path in self.paths:
            with path.open(encoding="utf-8") as lines:
                yield from lines


def nlp_zero(paths: list[Path]) -> int:
    finder = find_peer()()
    finder.train(Lines(paths))
    finder.find(Lines(paths))
    return len(finder.words)


if __name__ == "__main__":
    main()
