"""Run whole commands in turn and print one JSON line for each."""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tree_memory(pid: int) -> int:
    """Resident bytes of a process and its descendants; shared pages are counted once (PSS)."""
    total, pids = 0, [pid]
    while pids:
        current = pids.pop()
        try:
            rollup = Path(f"/proc/{current}/smaps_rollup").read_text()
            total += next(int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:"))
            for task in Path(f"/proc/{current}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        except (OSError, StopIteration):
            continue  # it ended while we looked
    return total * 1024


def run(command: list[str], stdin: str | None = None, stdout: str | None = None) -> dict:
    """Run one command: wall and processor seconds, peak memory of the whole process tree."""
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    sink = open(stdout, "wb") if stdout else subprocess.PIPE
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=subprocess.PIPE)
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.25):
            peak[0] = max(peak[0], tree_memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - begun
    stop.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.decode()}")
    return {
        "seconds": round(seconds, 3),
        "peak_memory": peak[0],
        "output": (output or b"").decode(),
    }


def in_turn(commands: dict[str, list[str]], rounds: int) -> dict[str, list[dict]]:
    """Run every command once unmeasured, then all of them `rounds` times in turn."""
    for command in commands.values():
        run(command)
    runs: dict[str, list[dict]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(run(command))
    return runs


def report(question: str, name: str, runs: list[dict], **facts: object) -> float:
    """Print the line of one program; return its median seconds."""
    seconds = [r["seconds"] for r in runs]
    line = {
        "question": question,
        "program": name,
        "seconds": statistics.median(seconds),
        "all_seconds": seconds,
        "peak_memory": max(r["peak_memory"] for r in runs),
        **facts,
        **machine(),
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return line["seconds"]


def machine() -> dict:
    """Say what ran where."""
    commit = "unknown"
    if shutil.which("git"):  # a rented machine may have none
        commit = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    processor = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((x.split(": ")[1] for x in lines if x.startswith("model name")), processor)
    packages = ("textzero", "numpy", "numba", "polars", "duckdb", "gensim", "rjieba")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "commit": commit,
        "versions": versions,
        "processor": processor,
        "processors": len(os.sched_getaffinity(0)),
    }


def data(name: str) -> Path:
    """Unpack a corpus of TEXTZERO_DATA once, beside the temporary files; skip aloud without it."""
    import lzma
    import shutil
    import tempfile

    if "TEXTZERO_DATA" not in os.environ:
        sys.exit("skipped: set TEXTZERO_DATA to the folder of corpora")
    packed = Path(os.environ["TEXTZERO_DATA"]) / name
    target = Path(tempfile.gettempdir()) / "textzero-benchmarks" / packed.stem
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        partial = target.with_suffix(".partial")
        with lzma.open(packed) as source, open(partial, "wb") as file:
            shutil.copyfileobj(source, file)
        partial.rename(target)
    return target


def textzero(*arguments: object) -> list[str]:
    """The command line of this Python's textzero."""
    return [sys.executable, "-m", "textzero", *map(str, arguments)]
