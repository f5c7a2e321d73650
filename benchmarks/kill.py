"""Does a run that is killed make the same bytes when it is started again with --resume?

python benchmarks/kill.py [--corpus FILE] [--kills 20] [--seed 0] [--dim 128]

Runs `textzero embed` once unbroken, and then, for each kill, in a new folder: the whole process
group is killed by signal 9 at a random moment of the time that the unbroken run took, and the same
command is run again with --resume until it ends (the second run is killed too, every other time).
Checkpoints are written every half a second here, so that a short training has some. One line says
how often the bytes were the same, what was left behind, and in which stage the runs died.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import data, machine

from textzero.files import file_digest

COMMAND = """
import sys
from textzero.vectors import checkpoint
checkpoint.SECONDS, checkpoint.SHARE = 0.5, 0.0
from textzero_cli.main import run
run()
"""
FILES = ("vectors.safetensors", "vocabulary.tsv", "counts.tsv", "cooccurrence/rows.bin",
         "cooccurrence/lengths.npy", "cooccurrence/diagonal.npy")  # fmt: skip


def start(corpus: Path, out: Path, dim: int) -> subprocess.Popen:
    """Begin the run, in a process group of its own."""
    command = [
        sys.executable,
        "-c",
        COMMAND,
        "embed",
        str(corpus),
        "--lowercase",
        "--dim",
        str(dim),
    ]
    return subprocess.Popen(
        [*command, "-o", str(out), "--resume"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def finish(corpus: Path, out: Path, dim: int) -> str:
    process = start(corpus, out, dim)
    _, said = process.communicate()
    if process.returncode:
        sys.exit(f"the run ended with {process.returncode}:\n{said}")
    return said


def kill(corpus: Path, out: Path, dim: int, seconds: float) -> bool:
    """Kill a run after so many seconds; whether it was still alive."""
    process = start(corpus, out, dim)
    time.sleep(seconds)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def stage(out: Path) -> str:
    """Say what a killed run was about to make, by what is there."""
    done = {
        "writing": out / "manifest.json",
        "training, after a checkpoint": out / "checkpoint" / "state.safetensors",
        "training": out / "cooccurrence" / "manifest.json",
        "co-occurrences": out / "counts.json",
    }
    return next((name for name, path in done.items() if path.exists()), "start or counts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="a text file; by default 100 MB of enwiki")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dim", type=int, default=128)
    options = parser.parse_args()
    corpus = options.corpus or data("en/enwiki.txt.xz")
    work, chance = Path(tempfile.mkdtemp()), random.Random(options.seed)
    finish(corpus, work / "warm", options.dim)  # compiles the kernels
    begun = time.perf_counter()
    finish(corpus, work / "whole", options.dim)
    seconds = time.perf_counter() - begun
    expected = {name: file_digest(work / "whole" / name) for name in FILES}
    names = sorted(entry.name for entry in (work / "whole").iterdir())
    stages: collections.Counter[str] = collections.Counter()
    same = clean = resumed = killed = 0
    for n in range(options.kills):
        out = work / f"run-{n}"
        for _ in range(1 + n % 2):
            if kill(corpus, out, options.dim, chance.uniform(0, seconds)):
                killed += 1
                stages[stage(out)] += 1
        said = finish(corpus, out, options.dim)
        resumed += "training goes on after" in said
        same += {name: file_digest(out / name) for name in FILES} == expected
        clean += sorted(entry.name for entry in out.iterdir()) == names
        shutil.rmtree(out)
    line = {
        "question": "kill",
        "corpus": corpus.name,
        "bytes": corpus.stat().st_size,
        "seconds_unbroken": round(seconds, 2),
        "runs": options.kills,
        "killed": killed,
        "killed_in": dict(stages),
        "resumed_from_a_checkpoint": resumed,
        "same_bytes": same,
        "nothing_left_behind": clean,
        **machine(),
    }
    print(json.dumps(line), flush=True)
    shutil.rmtree(work)
    if not same == clean == options.kills:
        sys.exit("the bar is the same bytes and nothing left behind, every time")


if __name__ == "__main__":
    main()
