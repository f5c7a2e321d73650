"""Does every command keep within --memory, on ten times as much data, under a hard limit?

python benchmarks/memory.py [--memory 400MB] [--times 10] [--commands NAME...] [--unbounded]

Each command runs in a control group that may hold --memory and 300 MB, of version 1 or 2, made below
our own or by systemd-run; where none can be made, the script says so and ends. Page cache counts in
such a group, but is given back; a process that needs more is killed. Text is English or Chinese
Wikipedia, named so often that it is --times the bound. With --unbounded each command also runs
without limit, and the results must be the same bytes. `line` is one line of 1 GB.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kill import content
from measure import data, machine

from textzero.files import size_text
from textzero.memory import memory_bytes

SLACK = 300_000_000
COMMANDS = {
    "count": "count {en} -o {out} --memory {memory} --ngrams 1-2",
    "count python": "count {en} -o {out} --memory {memory} --tokenizer builtins:str.split",
    "merge": "merge {tables} -o {out} --memory {memory}",
    "cooccur": "cooccur {en} -o {out} --memory {memory}",
    "discover": "discover {zh} -o {out} --memory {memory}",
    "segment": "segment {lexicon} {zh} -o {out} --memory {memory}",
    "embed": "embed {en} -o {out} --memory {memory} --dim 64 --sweeps 2",
    "templates": "templates {en} -o {out} --memory {memory}",
    "line": "count {line} -o {out} --memory {memory}",
    "convert": "convert {vectors} {out} --to word2vec-binary --memory {memory}",
    "similar": "similar {vectors} the of --memory {memory}",
    "cluster": "cluster {vectors} -o {out} --memory {memory}",
}


class Group:
    """A control group with a hard limit of memory, in which commands run."""

    def __init__(self, limit: int) -> None:
        self.limit, self.folder, self.version = limit, None, 0
        name = f"textzero-{os.getpid()}"
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            tops = {"": ("/sys/fs/cgroup", 2), "memory": ("/sys/fs/cgroup/memory", 1)}
            if controllers not in tops:
                continue
            top, version = tops[controllers]
            for parent in (Path(top, path.lstrip("/")), Path(top)):
                try:
                    folder = parent / name
                    folder.mkdir()
                    self._limit(folder, version)
                except OSError:
                    if folder.is_dir():
                        folder.rmdir()
                    continue
                self.folder, self.version = folder, version
                return

    def _limit(self, folder: Path, version: int) -> None:
        if version == 2:
            (folder / "memory.max").write_text(str(self.limit))
            swap = folder / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")
            return
        (folder / "memory.limit_in_bytes").write_text(str(self.limit))
        swap = folder / "memory.memsw.limit_in_bytes"
        if swap.exists():
            swap.write_text(str(self.limit))

    def command(self, command: list[str]) -> list[str]:
        """Return a command that runs another in the group."""
        if self.folder is not None:
            script = f'echo $$ > {self.folder}/cgroup.procs && exec "$@"'
            return ["/bin/sh", "-c", script, "sh", *command]
        if shutil.which("systemd-run"):
            limit = ["-p", f"MemoryMax={self.limit}", "-p", "MemorySwapMax=0"]
            return ["systemd-run", "--user", "--scope", "--quiet", *limit, *command]
        sys.exit("no control group can be made here, so no hard limit can be set: nothing measured")

    def peak(self) -> int | None:
        """Return the most that the group has held, page cache included."""
        name = {1: "memory.max_usage_in_bytes", 2: "memory.peak"}.get(self.version)
        file = self.folder / name if self.folder and name else None
        return int(file.read_text()) if file and file.exists() else None

    def kills(self) -> int | None:
        """Return how many processes were killed for want of memory."""
        name = {1: "memory.oom_control", 2: "memory.events"}.get(self.version)
        file = self.folder / name if self.folder and name else None
        lines = file.read_text().splitlines() if file and file.exists() else []
        return next((int(x.split()[1]) for x in lines if x.startswith("oom_kill ")), None)

    def close(self) -> None:
        """Remove the group."""
        if self.folder is not None:
            self.folder.rmdir()


def run(command: str, group: Group | None, places: dict[str, str], folder: Path) -> dict:
    """Run one command; its line, with the content of what it made."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    arguments = command.format(**places, out=folder / "out").split()
    whole = [sys.executable, "-m", "textzero", *arguments]
    begun = time.perf_counter()
    with open(folder / "stdout", "wb") as output:
        done = subprocess.run(
            group.command(whole) if group else whole, stdout=output, stderr=subprocess.PIPE,
            text=True, env=os.environ | {"TMPDIR": str(folder)}, check=False,
        )  # fmt: skip
    seconds = time.perf_counter() - begun
    facts = {"exit_code": done.returncode, "seconds": round(seconds, 1)}
    if done.returncode:
        facts["said"] = done.stderr[-400:]
    return facts | {"content": content(folder)}


def prepare(names: list[str], work: Path, size: int) -> dict[str, str]:
    """Make what the commands read: about `size` bytes each."""
    text = " ".join(COMMANDS[name] for name in names)
    en, zh = data("en/enwiki.txt.xz"), data("zh/zhwiki.txt.xz")
    places = {
        "en": " ".join([str(en)] * max(1, round(size / en.stat().st_size))),
        "zh": " ".join([str(zh)] * max(1, round(size / zh.stat().st_size))),
        "lexicon": str(work / "lexicon.tsv"), "vectors": str(work / "vectors"),
        "line": str(work / "line.txt"), "tables": "",
    }  # fmt: skip
    textzero = [sys.executable, "-m", "textzero"]
    if "{lexicon}" in text:
        command = ["discover", str(zh), "-o", places["lexicon"], "--no-dropped", "-q"]
        subprocess.run([*textzero, *command], check=True)
    if "{vectors}" in text:
        command = [
            "embed",
            str(en),
            "-o",
            places["vectors"],
            "--dim",
            "300",
            "--sweeps",
            "1",
            "--min-count",
            "20",
            "-q",
        ]
        subprocess.run([*textzero, *command], check=True)
    if "{line}" in text:
        with open(en, "rb") as source, open(places["line"], "wb") as file:
            block = source.read(50_000_000).replace(b"\n", b" ")
            for _ in range(20):
                file.write(block)
    if "{tables}" in text:
        table, left, tables = work / "table.tsv", size, []
        command = ["count", str(en), "-o", str(table), "--ngrams", "1-2", "-q"]
        subprocess.run([*textzero, *command], check=True)
        while left > 0:
            tables.append(str(table))
            left -= table.stat().st_size
        places["tables"] = " ".join(tables)
    return places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="400MB")
    parser.add_argument("--times", type=float, default=10, help="data, in units of --memory")
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--unbounded", action="store_true", help="compare with a run without limit")
    options = parser.parse_args()
    bound = memory_bytes(options.memory)
    work = Path(tempfile.mkdtemp())
    places = prepare(options.commands, work, int(bound * options.times))
    places["memory"] = options.memory
    missed = []
    for name in options.commands:
        group = Group(bound + SLACK)
        group.command([])  # or says that there is none
        facts = run(COMMANDS[name], group, places, work / "bounded")
        made = facts.pop("content")
        line = {
            "question": "memory", "command": name, "arguments": COMMANDS[name],
            "memory": options.memory, "limit": size_text(bound + SLACK), "times": options.times,
            **facts, "group_peak": group.peak(), "killed_for_memory": group.kills(),
        }  # fmt: skip
        group.close()
        right = facts["exit_code"] == 0
        if options.unbounded and right:
            plain = COMMANDS[name].replace("--memory {memory}", "")
            free = run(plain, None, places, work / "free")
            line["same_as_unbounded"] = right = free.pop("content") == made
            line["seconds_unbounded"] = free["seconds"]
        print(json.dumps(line | machine()), flush=True)
        missed += [] if right else [name]
    shutil.rmtree(work)
    if missed:
        sys.exit(f"the bar is an end with the right result: not so {', '.join(missed)}")


if __name__ == "__main__":
    main()
