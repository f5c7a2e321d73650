"""Does any reader crash, hang, or take more memory than its bound, whatever bytes it is given?

python benchmarks/fuzz.py STATE [--executions 10_000_000] [--hours 2] [--processes 2]
                          [--engine mutation|atheris] [--turn 20] [--memory 1000] [--target NAME ...]

Gives damaged files to every target of tests/fuzz/targets.py in turn, `--turn` seconds each, until
there were so many executions or hours. A target must return or raise TextzeroError. Anything else is
a finding: another exception, a signal, an execution of more than 10 seconds of processor time,
more than `--memory` MB over what the process has when it begins. STATE gets each finding as a file
(`TARGET-KIND-NUMBER`) that `FILE --replay` gives to its target again, and `totals.jsonl`: executions
(in all, and of each target), hours and peak memory so far, a line a minute. The same command again
goes on from there.

`mutation` damages the seeds of a target blindly and fast; `atheris` (pip install atheris) is guided
by coverage, and keeps the inputs that found something new in STATE/corpus.
"""

import argparse
import atexit
import contextlib
import json
import mmap
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1] / "tests" / "fuzz")]
MOST_SECONDS = 10
LARGEST = 1 << 16
# begin of the execution that runs (0: none), processor time of the process then, target, bytes
SLOT = struct.Struct("<ddII")
COUNTS = struct.Struct("<256Q")  # executions of each target
FAST = "/dev/shm" if os.path.isdir("/dev/shm") else None


class Board:
    """What a worker is at, and what it has done, in memory that outlives it."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOT.size + COUNTS.size + LARGEST))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.counts = memoryview(self.memory)[SLOT.size : SLOT.size + COUNTS.size].cast("Q")

    def write(self, target: int, data: bytes) -> None:
        """Say what is run now."""
        start = SLOT.size + COUNTS.size
        self.memory[start : start + len(data)] = data
        SLOT.pack_into(self.memory, 0, time.time(), time.process_time(), target, len(data))

    def rest(self) -> None:
        """Say that nothing is run."""
        SLOT.pack_into(self.memory, 0, 0.0, 0.0, 0, 0)

    def look(self) -> tuple[float, float, int, bytes]:
        """Return what SLOT says, the bytes themselves in the place of their number."""
        *facts, size = SLOT.unpack_from(self.memory)
        start = SLOT.size + COUNTS.size
        return *facts, self.memory[start : start + size]


def keep_finding(state: Path, target: str, kind: str, data: bytes, what: str) -> None:
    """Write a finding, unless there are many of its kind."""
    for number in range(5):
        path = state / f"{target}-{kind}-{number}"
        if not path.exists():
            path.write_bytes(data)
            path.with_suffix(".txt").write_text(what)
            print(f"FOUND {path}: {what.strip().splitlines()[-1][:200]}", flush=True)
            return


def warnings_are_errors() -> None:
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # of Keras


def address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


def seconds_of(pid: int) -> float:
    """Processor time that a process has taken."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak(pid: int) -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * 1024
    return 0


def work(state: Path, number: int, begin: int, turn: float, most: int, names: list[str]) -> None:
    """Mutate and run for as long as the parent is there."""
    from mutation import mutate
    from targets import targets

    warnings_are_errors()
    held = targets()
    names = names or list(held)
    board = Board(state / f"board-{number}")
    chance = random.Random(f"{number} {begin}")
    with tempfile.TemporaryDirectory(dir=FAST, prefix="textzero-fuzz-") as folder:
        for name in names:  # threads, compiled kernels and the like are no reader's memory
            for seed in held[name].seeds:
                held[name].run(seed, Path(folder))
        limit = address_space() + most
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        place, parent = chance.randrange(len(names)), os.getppid()
        while os.getppid() == parent:
            name = names[place % len(names)]
            place += 1
            target, index = held[name], list(held).index(name)
            stop = time.monotonic() + turn
            while time.monotonic() < stop:
                data = mutate(chance.choice(target.seeds), target.seeds, chance)
                board.write(index, data)
                try:
                    target.run(data, Path(folder))
                except Exception as error:
                    last = traceback.extract_tb(error.__traceback__)[-1]
                    kind = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
                    keep_finding(state, name, kind, data, traceback.format_exc())
                board.counts[index] += 1
            board.rest()


def watch(options: argparse.Namespace, state: Path, totals: dict) -> None:
    """Start the workers, start them again when they die, add up what they did."""
    from targets import targets

    names = list(targets())
    workers: dict[int, subprocess.Popen] = {}
    totals.setdefault("targets", {})
    begun_all, hours, saved = time.time(), totals["hours"], 0.0
    seen = {number: [0] * len(names) for number in range(options.processes)}
    try:
        while True:
            for number in range(options.processes):
                worker, path = workers.get(number), state / f"board-{number}"
                board = Board(path) if worker else None
                code = worker.poll() if worker else None
                begun, spent, target, data = board.look() if board else (0.0, 0.0, 0, b"")
                stuck = begun and (
                    seconds_of(worker.pid) - spent > MOST_SECONDS
                    or time.time() - begun > 30 * MOST_SECONDS  # it sleeps, or the machine is busy
                )
                for place, name in enumerate(names if board else []):
                    new = board.counts[place] - seen[number][place]
                    seen[number][place] += new
                    totals["executions"] += new
                    totals["targets"][name] = totals["targets"].get(name, 0) + new
                if worker and (stuck or code is not None):
                    kind = "hang" if stuck else f"exit{code}"
                    worker.kill()
                    worker.wait()
                    keep_finding(state, names[target], kind, data, f"the worker ended: {kind}\n")
                    worker = None
                if worker is None:
                    path.unlink(missing_ok=True)
                    Board(path)
                    seen[number] = [0] * len(names)
                    totals["starts"] = totals.get("starts", 0) + 1
                    command = [sys.executable, str(HERE), str(state), "--worker", str(number),
                               "--begin", str(totals["starts"]), "--turn", str(options.turn),
                               "--memory", str(options.memory), *(f"--target={name}" for name in options.targets)]  # fmt: skip
                    workers[number] = subprocess.Popen(command)
                totals["peak_memory"] = max(totals["peak_memory"], peak(workers[number].pid))
            totals["hours"] = hours + (time.time() - begun_all) / 3600
            over = totals["executions"] >= options.executions or totals["hours"] >= options.hours
            if over or time.time() - saved > 60:
                write_totals(state, totals)
                saved = time.time()
            if over:
                return
            time.sleep(1)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
        for number in range(options.processes):
            (state / f"board-{number}").unlink(missing_ok=True)


def write_totals(state: Path, totals: dict) -> None:
    totals["findings"] = sum(path.suffix == ".txt" for path in state.iterdir())
    line = {k: round(v, 3) if isinstance(v, float) else v for k, v in totals.items()}
    with open(state / "totals.jsonl", "a") as file:
        file.write(json.dumps({"time": time.strftime("%F %T"), **line}) + "\n")


def guided(options: argparse.Namespace, state: Path, totals: dict) -> None:
    """One process of atheris a target and turn, as many at once as there are to be."""
    from targets import targets

    held = targets()
    names = [name for name in held if not options.targets or name in options.targets]
    totals.setdefault("targets", {})
    begun_all, hours = time.time(), totals["hours"]
    running: list[tuple[str, subprocess.Popen, Path]] = []
    turn = 0
    atexit.register(lambda: [one[1].kill() for one in running])
    while True:
        over = totals["executions"] >= options.executions or totals["hours"] >= options.hours
        while not over and len(running) < options.processes:
            name = names[turn % len(names)]
            turn += 1
            corpus = state / "corpus" / name
            corpus.mkdir(parents=True, exist_ok=True)
            for number, seed in enumerate(held[name].seeds):
                (corpus / f"seed-{number}").write_bytes(seed)
            log = Path(tempfile.mkstemp(dir=FAST, prefix="textzero-fuzz-")[1])
            command = [sys.executable, str(HERE), str(state), "--guided", name, "--turn",
                       str(options.turn), "--memory", str(options.memory)]  # fmt: skip
            with open(log, "wb") as file:
                running.append((name, subprocess.Popen(command, stderr=file, stdout=file), log))
        time.sleep(0.5)
        for entry in [one for one in running if one[1].poll() is not None]:
            running.remove(entry)
            said = entry[2].read_text("utf-8", "replace")
            entry[2].unlink()
            found = re.search(r"number_of_executed_units:\s+(\d+)", said)
            done = int(found[1]) if found else 0
            totals["executions"] += done
            totals["targets"][entry[0]] = totals["targets"].get(entry[0], 0) + done
            found = re.search(r"peak_rss_mb:\s+(\d+)", said)
            totals["peak_memory"] = max(totals["peak_memory"], int(found[1]) << 20 if found else 0)
            if entry[1].returncode:
                print(f"FOUND by atheris in {entry[0]}:\n{said[-3000:]}", flush=True)
                (state / f"{entry[0]}-atheris-{turn}.txt").write_text(said[-20_000:])
            totals["hours"] = hours + (time.time() - begun_all) / 3600
            write_totals(state, totals)
        if over and not running:
            return


def run_atheris(state: Path, name: str, turn: float, memory: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["textzero"], enable_loader_override=False):
        from targets import targets
    target = targets()[name]
    folder = Path(tempfile.mkdtemp(dir=FAST, prefix="textzero-fuzz-"))
    corpus = state / "corpus" / name
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-max_total_time={int(turn)}", f"-timeout={MOST_SECONDS}",
         f"-rss_limit_mb={memory + 1000}", f"-artifact_prefix={state}/{name}-",
         "-print_final_stats=1", f"-max_len={LARGEST}", "-verbosity=0"],
        lambda data: target.run(data, folder),
    )  # fmt: skip
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replay(path: Path) -> None:
    from targets import targets

    warnings_are_errors()
    held = targets()
    name = max((name for name in held if path.name.startswith(f"{name}-")), key=len)
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        held[name].run(path.read_bytes(), Path(folder))
    print(f"{path}: {name} returned, or refused it with a TextzeroError")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", type=Path)
    parser.add_argument("--target", dest="targets", action="append", default=[])
    parser.add_argument("--executions", type=int, default=10_000_000)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--engine", choices=["mutation", "atheris"], default="mutation")
    parser.add_argument("--turn", type=float, default=20.0, help="seconds a target")
    parser.add_argument("--memory", type=int, default=1000, help="MB above those of the beginning")
    parser.add_argument("--replay", action="store_true", help="STATE is a finding")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--begin", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--guided", help=argparse.SUPPRESS)
    options = parser.parse_args()
    state = options.state
    if options.replay:
        replay(state)
        return
    if options.worker is not None:
        memory = options.memory << 20
        work(state, options.worker, options.begin, options.turn, memory, options.targets)
        return  # its parent is gone
    if options.guided:
        run_atheris(state, options.guided, options.turn, options.memory)
        return
    state.mkdir(parents=True, exist_ok=True)
    totals = {"executions": 0, "hours": 0.0, "peak_memory": 0}
    if (state / "totals.jsonl").exists():
        totals = json.loads((state / "totals.jsonl").read_text().splitlines()[-1])
        totals.pop("time")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the workers are ended
    (watch if options.engine == "mutation" else guided)(options, state, totals)
    print(json.dumps({"benchmark": "fuzz", "engine": options.engine, **totals}))


if __name__ == "__main__":
    main()
