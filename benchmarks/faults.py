"""Is a run in which the disk fails, at any operation, clean or right?

python benchmarks/faults.py [--commands NAME...] [--preload]

Fails each operation of the disk of small runs of every command, one at a time, with ENOSPC, EIO and
EACCES in turn, as `tests/reliability/test_failing_disk.py` does with some: the run must end with a
sentence and exit code 3 or 4, or with the right result; nothing half may be there under a final
name; the same command without faults must then give the right result and leave nothing behind.

With --preload the runs are processes of their own, and it is the C library that fails: the k-th
open to write, write, fsync, rename, ftruncate or fallocate below the folder of the output. That
catches what does not ask our own layer (pyarrow, safetensors, NumPy). It needs cc and Linux.
"""

import argparse
import collections
import errno
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import machine

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
TESTS = Path(__file__).parents[1] / "tests" / "reliability" / "test_failing_disk.py"
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int seen;
static int fail_at, fail_with;
static const char *folder, *report;
static size_t folder_size;

__attribute__((constructor)) static void begin(void) {
    folder = getenv("FAULT_FOLDER");
    folder_size = folder ? strlen(folder) : 0;
    report = getenv("FAULT_REPORT");
    fail_at = atoi(getenv("FAULT_AT") ? getenv("FAULT_AT") : "0");
    fail_with = atoi(getenv("FAULT_WITH") ? getenv("FAULT_WITH") : "28");
}

static void tell(const char *what, const char *path, int failed) {
    static int (*real_open)(const char *, int, ...);
    static ssize_t (*real_write)(int, const void *, size_t);
    if (!report) return;
    if (!real_open) {
        real_open = dlsym(RTLD_NEXT, "open");
        real_write = dlsym(RTLD_NEXT, "write");
    }
    char line[PATH_MAX + 64];
    int size = snprintf(line, sizeof line, "%s %s%s\n", failed ? "failed" : "seen", what,
                        failed ? path : "");
    int file = real_open(report, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file >= 0) { ssize_t done = real_write(file, line, size); (void)done; close(file); }
}

static int due_path(const char *what, const char *path) {
    char whole[PATH_MAX];
    if (!folder || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX / 2];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    if (strncmp(path, folder, folder_size)) return 0;
    int number = atomic_fetch_add(&seen, 1) + 1, failed = number == fail_at;
    tell(what, path, failed);
    if (failed) errno = fail_with;
    return failed;
}

static int due_file(const char *what, int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return due_path(what, path);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, #name)
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && due_path("open", path)) return -1; \
        return real(path, flags, mode); \
    }
OPEN(open) OPEN(open64)
#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(int, name, int, const char *, int, ...); \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && due_path("open", path)) return -1; \
        return real(at, path, flags, mode); \
    }
OPENAT(openat) OPENAT(openat64)
FILE *fopen64(const char *path, const char *mode) {
    REAL(FILE *, fopen64, const char *, const char *);
    if (strpbrk(mode, "wa+") && due_path("open", path)) return NULL;
    return real(path, mode);
}
ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (due_file("write", file)) {
        if (size > 1) { ssize_t done = real(file, data, size / 2); (void)done; }
        errno = fail_with;
        return -1;
    }
    return real(file, data, size);
}
ssize_t writev(int file, const struct iovec *parts, int n) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    return due_file("write", file) ? -1 : real(file, parts, n);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return due_file("write", file) ? -1 : real(file, data, size, at);
}
int fsync(int file) {
    REAL(int, fsync, int);
    return due_file("fsync", file) ? -1 : real(file);
}
int rename(const char *old, const char *new) {
    REAL(int, rename, const char *, const char *);
    return due_path("rename", new) ? -1 : real(old, new);
}
int ftruncate64(int file, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    return due_file("ftruncate", file) ? -1 : real(file, size);
}
int ftruncate(int file, off_t size) {
    REAL(int, ftruncate, int, off_t);
    return due_file("ftruncate", file) ? -1 : real(file, size);
}
int posix_fallocate64(int file, off64_t from, off64_t size) {
    REAL(int, posix_fallocate64, int, off64_t, off64_t);
    return due_file("fallocate", file) ? fail_with : real(file, from, size);
}
int posix_fallocate(int file, off_t from, off_t size) {
    REAL(int, posix_fallocate, int, off_t, off_t);
    return due_file("fallocate", file) ? fail_with : real(file, from, size);
}
int link(const char *old, const char *new) {
    REAL(int, link, const char *, const char *);
    return due_path("link", new) ? -1 : real(old, new);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return due_path("mkdir", path) ? -1 : real(path, mode);
}
"""


def tests() -> Any:
    """The module of the test, whose commands and checks are used."""
    spec = importlib.util.spec_from_file_location("failing_disk", TESTS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PreloadedDisk:
    """What `FailingDisk` is, for a process whose C library fails."""

    shim = report = ""

    def __init__(self, k: int = 0, code: int = errno.ENOSPC) -> None:
        self.k, self.code, self.seen, self.failed = k, code, [], None

    def environment(self, folder: str) -> dict[str, str]:
        """What tells the shim what to do."""
        Path(self.report).unlink(missing_ok=True)
        return os.environ | {
            "LD_PRELOAD": self.shim, "FAULT_FOLDER": folder, "FAULT_REPORT": self.report,
            "FAULT_AT": str(self.k), "FAULT_WITH": str(self.code), "TMPDIR": folder,
        }  # fmt: skip

    def read_report(self) -> None:
        """Read what the shim has seen."""
        if os.path.exists(self.report):
            for line in Path(self.report).read_text().splitlines():
                done, what = line.split(" ", 1)
                self.seen.append(what)
                self.failed = what if done == "failed" else self.failed


class Result:
    """What click's runner returns of a command, of a process."""

    def __init__(self, done: subprocess.CompletedProcess) -> None:
        self.exit_code, self.stderr = done.returncode, done.stderr
        self.output = done.stdout + done.stderr
        self.exception = SystemExit(done.returncode)


def run_preloaded(bench: Any, command: str, out: str, disk: PreloadedDisk) -> Result:
    """Run a command with the shim; as `Bench.run`."""
    arguments = bench.arguments(command, out)
    folder = str(Path(out).parent if out else bench.folder)
    done = subprocess.run(
        [sys.executable, "-m", "textzero", *arguments], capture_output=True, text=True,
        env=disk.environment(folder), check=False,
    )  # fmt: skip
    disk.read_report()
    return Result(done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", nargs="*", help="names of the commands; by default all")
    parser.add_argument("--preload", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="fail each N-th operation only")
    options = parser.parse_args()
    module = tests()
    work = Path(tempfile.mkdtemp())
    bench, disks = module.Bench(work), module.FailingDisk
    if options.preload:
        if not shutil.which("cc"):
            sys.exit("--preload needs a C compiler named cc")
        (work / "shim.c").write_text(SHIM)
        PreloadedDisk.shim, PreloadedDisk.report = str(work / "shim.so"), str(work / "report")
        compile_it = f"cc -O1 -shared -fPIC -o {work}/shim.so {work}/shim.c -ldl"
        subprocess.run(shlex.split(compile_it), check=True)
        disks = PreloadedDisk
        bench.run = lambda command, out, disk: run_preloaded(bench, command, out, disk)
    wrong = 0
    for name in options.commands or module.COMMANDS:
        begun, failures, kinds = time.perf_counter(), [], collections.Counter()
        command = module.COMMANDS[name]
        bench.run(command, bench.new_place(name), disks())  # compiles
        counted = disks()
        out = bench.new_place(name)
        result = bench.run(command, out, counted)
        assert result.exit_code == 0, result.output
        right, k, fired = module.plain(bench.left(out)), 1, 0
        while True:
            disk = disks(k, ERRORS[k % len(ERRORS)])
            try:
                module.check(bench, command, bench.new_place(name), right, disk)
            except AssertionError as error:
                failures.append(f"{k}: {str(error).splitlines()[0][:300]}")
            if disk.failed is None:
                break
            kinds[disk.failed.split(" ")[0].split("/")[0]] += 1
            fired, k = fired + 1, k + options.every
        wrong += len(failures)
        line = {
            "question": "faults", "layer": "libc" if options.preload else "disk()",
            "command": name, "operations": len(counted.seen), "failed": fired,
            "kinds": dict(kinds), "wrong": len(failures), "examples": failures[:5],
            "seconds": round(time.perf_counter() - begun, 1), **machine(),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
    shutil.rmtree(work)
    if wrong:
        sys.exit("the bar is a clean error or the right result, every time")


if __name__ == "__main__":
    main()
