"""Ctrl-C, SIGTERM, a second one, and a parent that is killed: nobody stays behind, nor a file."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from textzero_cli import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

SLOW = """
import os, time

def cut(text):
    open(f"pid-{os.getpid()}", "w").close()
    time.sleep(600)
    return text.split()
"""
SOON = 60  # seconds, on a busy machine: what is interrupted would take ten times as long


def start(folder, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "textzero", *map(str, arguments)], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=os.environ | {"TMPDIR": str(folder)}, **options,
    )  # fmt: skip


@contextmanager
def working(folder):
    """`textzero count` with two workers that are in the middle of their tasks, and their pids."""
    folder.mkdir()
    (folder / "mine.py").write_text(SLOW)
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("to be or not to be\n")
    with start(
        folder, "count", "a.txt", "b.txt", "-o", "out.tsv", "--workers", 2,
        "--tokenizer", "mine:cut",
    ) as process:  # fmt: skip
        try:
            process.workers = until(lambda: process.poll() or workers_of(folder, 2), SOON)
            yield process
        finally:
            process.kill()


def within_two_seconds(end, tmp_path):
    """Call `end(process, folder)` on three runs: the least time counts, which others lengthen."""
    least = math.inf
    for attempt in range(3):
        with working(tmp_path / str(attempt)) as process:
            begun = time.monotonic()
            end(process, tmp_path / str(attempt))
            least = min(least, time.monotonic() - begun)
        if least < 2:
            return
    raise AssertionError(f"it took {least:.1f} s at best")


def workers_of(folder, number):
    found = [int(path.name[4:]) for path in folder.glob("pid-*")]
    return found if len(found) == number else []


def until(condition, seconds):
    limit = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return found


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_gone(pids):
    return not any(is_running(pid) for pid in pids)


def heeds_signals(pid):
    """Whether a process is past the start of Python itself, and handles SIGTERM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return int(caught, 16) >> (signal.SIGTERM - 1) & 1


def left_in(folder):
    return {p.name for p in folder.iterdir() if not p.name.startswith("pid-")} - {
        "mine.py", "a.txt", "b.txt", "__pycache__",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name, code, message",
    [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")],
)
def test_a_run_that_is_asked_to_end_ends_with_its_workers_and_files(tmp_path, name, code, message):
    def end(process, folder):
        process.send_signal(getattr(signal, name))
        process.send_signal(getattr(signal, name))  # `timeout` sends two at once
        stdout, stderr = process.communicate(timeout=SOON)
        assert all_gone(process.workers)
        assert (process.returncode, stdout, stderr) == (code, "", f"Error: {message}\n")
        assert left_in(folder) == set()

    within_two_seconds(end, tmp_path)


def test_workers_do_not_outlive_a_run_that_was_killed(tmp_path):
    def end(process, folder):
        process.kill()
        until(lambda: all_gone(process.workers), SOON)
        assert not (folder / "out.tsv").exists()

    within_two_seconds(end, tmp_path)


HANGS = """
import sys, time
from unittest.mock import patch
sys.argv = ["textzero", "count", "a.txt"]
from textzero_cli.main import run

def count(*_, **__):
    try:
        open("begun", "w").close()
        time.sleep(600)
    finally:
        open("ending", "w").close()
        time.sleep(600)

with patch("textzero.counting.count_words", count):
    run()
"""


def test_a_second_ctrl_c_ends_the_run_at_once(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with subprocess.Popen([sys.executable, "-c", HANGS], cwd=tmp_path) as process:
        try:
            until((tmp_path / "begun").exists, SOON)
            process.send_signal(signal.SIGINT)
            until((tmp_path / "ending").exists, SOON)
            time.sleep(1)  # one that comes at once is taken for an echo
            process.send_signal(signal.SIGINT)
            assert process.wait(SOON) == 130
        finally:
            process.kill()


def test_ctrl_c_before_a_command_begins_is_one_sentence(monkeypatch, capsys):
    def begin():
        raise KeyboardInterrupt

    monkeypatch.setattr("textzero_cli._signals.heed_signals", begin)
    with pytest.raises(SystemExit) as end:
        run()
    assert (end.value.code, capsys.readouterr().err) == (130, "Error: interrupted\n")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    chance = random.Random(0)
    words = [f"w{n}" for n in range(5000)]
    path = tmp_path_factory.mktemp("text") / "big.txt"
    path.write_text("\n".join(" ".join(chance.choices(words, k=30)) for _ in range(40_000)))
    return path


@pytest.mark.parametrize(
    "command", ["count {text} -o out --ngrams 1-3", "embed {text} -o out --dim 32"]
)
def test_ctrl_c_at_any_time_ends_with_130_and_no_litter(text, tmp_path, command):
    chance = random.Random(1)
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with start(folder, *command.format(text=text).split()) as process:
            try:
                until(lambda process=process: heeds_signals(process.pid), SOON)
                time.sleep(chance.uniform(0, 1.2))
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=SOON)
            finally:
                process.kill()
        if "wrote" in stderr:  # it was done, and may have been interrupted in going
            assert os.listdir(folder) == ["out"]
            continue
        assert process.returncode in (130, -signal.SIGINT)  # a shell says 130 of both
        assert "\nError: interrupted" in f"\n{stderr}" and "Traceback" not in stderr
        # whole results of stages may stay in the output of `embed`; nothing hidden, nothing half
        left = [name for _, _, names in os.walk(folder) for name in names]
        assert [name for name in left if "partial" in name or name.startswith(".")] == []
        if "kept in" not in stderr:
            assert [name for name in os.listdir(folder) if name != "out"] == []
