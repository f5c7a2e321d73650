"""Does a run that is killed, at any moment, make the same bytes when it is started again?

python benchmarks/kill.py [--kills 200] [--seed 0] [--commands count discover cooccur embed segment]
                          [--size MB] [--engine threads|processes]

Each command runs once unbroken. Then, until so many kills have hit: in a new folder the run's whole
process group is killed by signal 9 at a moment drawn uniformly from the time that the unbroken run
took, and so is, every other time, the run that goes on after it; then the command is left to end.
Its output must be that of the unbroken run byte for byte (seconds, memory and dates of manifests
apart), and the folder must hold nothing else. When the kill hit after the output was made, the same
command says that it is there (exit code 5); then it is `textzero clean` that removes the rest.
Results of stages and checkpoints are committed every half a second here, so that short runs have
something to go on from.
"""

import argparse
import collections
import contextlib
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
from typing import Any

from measure import data, machine

from textzero.files import file_digest

SECONDS = 0.5  # between commits
COMMAND = f"""
from textzero import workspace
from textzero.vectors import checkpoint
workspace.COMMIT_SECONDS = {SECONDS}
for name, value in (("SECONDS", {SECONDS}), ("SHARE", 0.0)):
    if hasattr(checkpoint, name):
        setattr(checkpoint, name, value)
if __name__ == "__main__":  # not in spawned workers
    from textzero_cli.main import run
    run()
"""
COMMANDS = {
    "count": "count {en} -o {out} --ngrams 1-2 --memory 400MB --lowercase",
    "cooccur": "cooccur {en} -o {out} --memory 400MB --lowercase",
    "discover": "discover {zh} -o {out} --memory 400MB",
    "embed": "embed {en} -o {out} --lowercase --dim 96 --memory 400MB --resume",
    "segment": "segment {lexicon} {zh} -o {out}",
}
VARIES = {"seconds", "peak_memory", "date", "total_seconds", "memory", "modified"}
GOES_ON = (
    "goes on",
    "used again",
    "found again",
    "already counted",
    "is up to date",
    "done before",
)


class Case:
    """One command on its corpus."""

    def __init__(self, name: str, places: dict[str, str], runner: Path, more: list[str]) -> None:
        self.name, self.places, self.runner = name, places, runner
        self.more = more if name != "embed" else []

    def start(self, out: Path) -> subprocess.Popen:
        """Begin a run, in a process group of its own."""
        arguments = COMMANDS[self.name].format(**self.places, out=out).split()
        with open(out.parent / "stderr.txt", "wb") as said:
            return subprocess.Popen(
                [sys.executable, str(self.runner), *arguments, *self.more],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True, env=os.environ | {"TMPDIR": str(out.parent)},
            )  # fmt: skip

    def finish(self, out: Path) -> str:
        """Run to the end; what it said. An output that is there already is told by exit code 5."""
        code = self.start(out).wait()
        said = (out.parent / "stderr.txt").read_text(errors="replace")
        (out.parent / "stderr.txt").unlink()
        if code == 5 and "already exists" in said:
            command = [sys.executable, "-m", "textzero", "clean", str(out.parent)]
            subprocess.run(command, check=True, capture_output=True)
        elif code:
            sys.exit(f"{self.name} ended with {code}:\n{said}")
        return said

    def kill(self, out: Path, seconds: float) -> bool:
        """Kill a run after so many seconds; whether it was still alive."""
        process = self.start(out)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False


def content(folder: Path) -> dict[str, Any]:
    """Everything in a folder: names with digests; JSON without what differs from run to run."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[name] = "folder"
        else:
            found[name] = file_digest(path)
            if path.suffix == ".json":
                with contextlib.suppress(ValueError):  # an entry of a stage, with its digest
                    found[name] = plain(json.loads(path.read_bytes()))
    return found


def plain(value: Any) -> Any:
    """JSON without the fields that differ from run to run."""
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items() if name not in VARIES}
    return [plain(v) for v in value] if isinstance(value, list) else value


def sample(source: Path, goal: Path, size: int) -> Path:
    """The first lines of a file, of about so many bytes."""
    with open(source, "rb") as file, open(goal, "wb") as part:
        part.write(file.read(size) + file.readline())
    return goal


def measure(case: Case, work: Path, kills: int, chance: random.Random) -> bool:
    """Kill and go on until enough kills have hit; print the line."""
    for name in ("warm", "whole"):
        (work / name).mkdir()
        begun = time.perf_counter()
        case.finish(work / name / "out")
        seconds = time.perf_counter() - begun
    expected = content(work / "whole")
    killed = runs = resumed = kept = same = whole = 0
    wrong: list[str] = []
    when: collections.Counter[str] = collections.Counter()
    while killed < kills:
        folder = work / f"run-{runs}"
        folder.mkdir()
        for _ in range(1 + runs % 2):
            moment = chance.uniform(0, seconds)
            if case.kill(folder / "out", moment):
                killed += 1
                when[f"{int(4 * moment / seconds) * 25}%"] += 1
            kept += any(folder.glob(".out.textzero/*/*.json")) or (folder / "out").is_dir()
        said = case.finish(folder / "out")
        resumed += any(word in said for word in GOES_ON)
        whole += "already exists" in said
        found = content(folder)
        if found == expected:
            same += 1
        else:
            names = found.keys() | expected.keys()
            wrong.append(", ".join(n for n in sorted(names) if found.get(n) != expected.get(n)))
        shutil.rmtree(folder)
        runs += 1
    line = {
        "question": "kill", "command": case.name, "arguments": COMMANDS[case.name],
        "bytes": {n: Path(p).stat().st_size for n, p in case.places.items()},
        "seconds_unbroken": round(seconds, 2), "runs": runs, "killed": killed,
        "killed_at": dict(sorted(when.items())), "kept_something": kept, "said_to_go_on": resumed,
        "killed_when_the_output_was_whole": whole,
        "same_and_nothing_left": same, "wrong": wrong[:5], **machine(),
    }  # fmt: skip
    print(json.dumps(line), flush=True)
    return same == runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="over all commands")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=float, default=8, help="MB of English text")
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--engine", help="given to count, cooccur, discover and segment")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    work = Path(tempfile.mkdtemp())
    runner = work / "runner.py"
    runner.write_text(COMMAND)
    size = int(options.size * 1e6)
    places = {
        "en": str(sample(data("en/enwiki.txt.xz"), work / "en.txt", size)),
        "zh": str(sample(data("zh/zhwiki.txt.xz"), work / "zh.txt", size // 4)),
        "lexicon": str(work / "lexicon.tsv"),
    }
    command = [sys.executable, "-m", "textzero", "discover", places["zh"], "-o", places["lexicon"]]
    subprocess.run([*command, "--no-dropped", "-q"], check=True)
    more = ["--engine", options.engine, "--workers", "2"] if options.engine else []
    right = True
    for number, name in enumerate(options.commands):
        share = options.kills // len(options.commands)
        share += number < options.kills % len(options.commands)
        folder = work / name
        folder.mkdir()
        right &= measure(Case(name, places, runner, more), folder, share, chance)
    shutil.rmtree(work)
    if not right:
        sys.exit("the bar is the same bytes and nothing left behind, every time")


if __name__ == "__main__":
    main()
