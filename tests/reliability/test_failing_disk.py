"""Whatever operation of the disk fails: a clean error or the right result, and no half file.

Here some operations of each command, drawn at random; `benchmarks/faults.py` fails each.
"""

import errno
import itertools
import json
import os
import random
import re
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from textzero.disk import Disk, replaced_disk
from textzero_cli import main


class FailingDisk(Disk):
    """The k-th operation (from 1) of all that are asked of it fails; 0 counts them only.

    Attributes:
        code: What it fails with, such as `errno.ENOSPC`. A write that fails has written half.
        seen: The operations, in their order.
        failed: The operation that failed, or None.
    """

    def __init__(self, k=0, code=errno.ENOSPC):
        self.k, self.code, self.seen, self.failed = k, code, [], None
        self._lock = threading.Lock()

    def due(self, what, path):
        """Count an operation; whether it is to fail."""
        with self._lock:
            self.seen.append(what)
            if len(self.seen) != self.k:
                return False
            self.failed = f"{what} {Path(path).name}"
            return True

    def _check(self, what, path):
        if self.due(what, path):
            raise self.error(path)

    def error(self, path):
        return OSError(self.code, os.strerror(self.code), str(path))

    def create(self, path, mode="wb"):
        self._check("create", path)
        return FailingFile(super().create(path, mode), self, path)

    def open(self, path):
        self._check("open", path)
        return super().open(path)

    def flush(self, file):
        self._check("flush", file.name)
        super().flush(file)

    def flush_path(self, path):
        self._check("flush_path", path)
        super().flush_path(path)

    def rename(self, old, new):
        self._check("rename", new)
        super().rename(old, new)

    def link(self, old, new):
        self._check("link", new)
        super().link(old, new)

    def make_folder(self, path, *, exist_ok=False):
        self._check("make_folder", path)
        super().make_folder(path, exist_ok=exist_ok)

    def reserve(self, file, size):
        self._check("reserve", file.name)
        super().reserve(file, size)

    def remove(self, path):
        self._check("remove", path)
        super().remove(path)


class FailingFile:
    """A file whose writes are operations of a failing disk."""

    def __init__(self, file, disk, path):
        self._file, self._disk, self._path = file, disk, path

    def write(self, data):
        if self._disk.due("write", self._path):
            size = memoryview(data).nbytes
            self._file.write(bytes(memoryview(data).cast("B")[: size // 2]) if size else b"")
            raise self._disk.error(self._path)
        return self._file.write(data)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def truncate(self, size=None):
        self._disk._check("truncate", self._path)
        return self._file.truncate(size)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __iter__(self):
        return iter(self._file)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        return self._file.__exit__(*error)


LINES = [f"w{n % 7} w{n % 5} w{n % 3} w{n % 11} 研究生命起源" for n in range(120)]
LEXICON = "研究\t9\n生命\t8\n起源\t7\n研究生\t2\n"
# name -> arguments; what {out} is in the end, a file or a folder, is compared byte for byte
COMMANDS = {
    "count": "count {text} -o {out}",
    "count parquet": "count {text} -o {out}.parquet",
    "count elsewhere": "count {text} -o {out} --tokenizer char --documents",
    "discover": "discover {text} -o {out} --min-count 2",
    "cooccur": "cooccur {text} -o {out} --min-count 1",
    "embed": "embed {text} -o {out} --dim 4 --min-count 1 --sweeps 2",
    "segment": "segment {lexicon} {text} -o {out}",
    "merge": "merge {table} {table} -o {out}",
    "convert": "convert {vectors} {out} --to word2vec-binary",
    "convert glove": "convert {vectors} {out} --to glove",
    "templates": "templates {text} -o {out}",
}


class Bench:
    """Runs a command on a small corpus, in this process, on a disk of the test's choice."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "text.txt").write_text("\n".join(LINES), encoding="utf-8")
        (folder / "lexicon.tsv").write_text(LEXICON, encoding="utf-8")
        self.run("count {text} -o {table}", "", Disk())
        self.run("embed {text} -o {vectors} --dim 4 --min-count 1 --sweeps 1", "", Disk())

    def arguments(self, command, out):
        names = {
            "text": "text.txt", "lexicon": "lexicon.tsv", "table": "table.tsv",
            "vectors": "vectors", "out": out,
        }  # fmt: skip
        paths = {name: str(self.folder / file) for name, file in names.items()}
        return [part.format(**paths) for part in command.split()]

    def run(self, command, out, disk):
        with replaced_disk(disk):
            return CliRunner().invoke(main, self.arguments(command, out))

    def left(self, out):
        """Everything below the folder of an output: name -> bytes (None: a folder)."""
        base = (self.folder / out).parent
        return {
            str(path.relative_to(base)): path.read_bytes() if path.is_file() else None
            for path in sorted(base.rglob("*"))
        }

    def new_place(self, name):
        """Return `out` in a fresh empty folder."""
        folder = self.folder / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return str(folder / "out")


ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
EACH = 6  # operations that fail, of each command
VARIES = {"seconds", "date", "peak_memory", "total_seconds", "memory", "machine"}


def plain(content):
    """What a run has made, without what differs from run to run: seconds, memory, the date."""
    found = {}
    for name, data in content.items():
        if name.endswith(("manifest.json", "counts.json")):
            data = without(json.loads(data))
        found[name] = data
    return found


def without(value):
    if isinstance(value, dict):
        return {key: without(v) for key, v in value.items() if key not in VARIES}
    return value


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "templates"])
def test_a_disk_that_fails_gives_a_clean_error_or_the_right_result(bench, name):
    command = COMMANDS[name]
    counted = FailingDisk()
    result = bench.run(command, bench.new_place(name), counted)
    assert result.exit_code == 0, result.output
    out = bench.new_place(name)
    bench.run(command, out, FailingDisk())
    right = plain(bench.left(out))
    assert right and len(counted.seen) > 3
    chance = random.Random(name)
    order = chance.sample(range(1, len(counted.seen) + 1), min(EACH, len(counted.seen)))
    for k, code in zip(order, itertools.cycle(ERRORS)):
        check(bench, command, bench.new_place(name), right, FailingDisk(k, code))


def check(bench, command, out, right, disk):
    result = bench.run(command, out, disk)
    where = f"{disk.failed} with {errno.errorcode[disk.code]}: {result.output}"
    if result.exit_code:
        assert isinstance(result.exception, SystemExit), (where, result.exception)
        assert result.exit_code in (3, 4), where
        assert re.search(r"^Error: .", result.stderr, re.M) and "Traceback" not in result.output, (
            where
        )
        wrong = {n: d for n, d in plain(bench.left(out)).items() if right.get(n, d) != d}
        assert not wrong, (where, sorted(wrong))  # what is there under a final name is right
    else:
        assert plain(bench.left(out)) == right, where
        return
    again = bench.run(command, out, type(disk)())
    if again.exit_code == 5 and "already exists" in again.stderr:  # it was whole when it failed
        assert (plain(bench.left(out))) == right, where
        return
    assert again.exit_code == 0, (where, again.output)
    assert plain(bench.left(out)) == right, where


def test_the_failing_disk_fails(bench):
    """The tests above can fail: each kind of operation is asked for, and told when it fails."""
    seen = Counter()
    for name in ("count", "embed"):
        disk = FailingDisk()
        bench.run(COMMANDS[name], bench.new_place(name), disk)
        seen.update(disk.seen)
    assert {"create", "write", "flush", "rename", "make_folder"} <= set(seen)
    result = bench.run(COMMANDS["count"], bench.new_place("count"), FailingDisk(1, errno.EACCES))
    assert result.exit_code == 4 and "Permission denied" in result.stderr
