"""Ctrl-C, SIGTERM, a second one, and a parent that is killed: nobody stays behind, nor a file."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

SLOW = """
import os, time

def cut(text):
    open(f"pid-{os.getpid()}", "w").close()
    time.sleep(60)
    return text.split()
"""


def start(folder, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "textzero", *map(str, arguments)], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=os.environ | {"TMPDIR": str(folder)}, **options,
    )  # fmt: skip


@pytest.fixture
def working(tmp_path):
    """`textzero count` with two workers that are in the middle of their tasks, and their pids."""
    (tmp_path / "mine.py").write_text(SLOW)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("to be or not to be\n")
    with start(
        tmp_path, "count", "a.txt", "b.txt", "-o", "out.tsv", "--workers", 2,
        "--tokenizer", "mine:cut",
    ) as process:  # fmt: skip
        try:
            process.workers = until(lambda: process.poll() or workers_of(tmp_path, 2), 30)
            yield process
        finally:
            process.kill()


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
def test_a_run_that_is_asked_to_end_ends_with_its_workers_and_files(
    working, tmp_path, name, code, message
):
    begun = time.monotonic()
    working.send_signal(getattr(signal, name))
    working.send_signal(getattr(signal, name))  # `timeout` sends two at once
    stdout, stderr = working.communicate(timeout=10)
    assert all_gone(working.workers) and time.monotonic() - begun < 2
    assert (working.returncode, stdout, stderr) == (code, "", f"Error: {message}\n")
    assert left_in(tmp_path) == set()


def test_workers_do_not_outlive_a_run_that_was_killed(working, tmp_path):
    working.kill()
    until(lambda: all_gone(working.workers), 2)
    assert not (tmp_path / "out.tsv").exists()


HANGS = """
import sys, time
from unittest.mock import patch
sys.argv = ["textzero", "count", "a.txt"]
from textzero_cli.main import run

def count(*_, **__):
    try:
        open("begun", "w").close()
        time.sleep(60)
    finally:
        open("ending", "w").close()
        time.sleep(60)

with patch("textzero.counting.count_words", count):
    run()
"""


def test_a_second_ctrl_c_ends_the_run_at_once(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with subprocess.Popen([sys.executable, "-c", HANGS], cwd=tmp_path) as process:
        try:
            until((tmp_path / "begun").exists, 30)
            process.send_signal(signal.SIGINT)
            until((tmp_path / "ending").exists, 5)
            time.sleep(0.4)
            process.send_signal(signal.SIGINT)
            assert process.wait(1) == 130
        finally:
            process.kill()


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
    for run in range(2):
        folder = tmp_path / str(run)
        folder.mkdir()
        with start(folder, *command.format(text=text).split()) as process:
            try:
                until(lambda process=process: heeds_signals(process.pid), 60)
                time.sleep(chance.uniform(0, 1.2))
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=20)
            finally:
                process.kill()
        if process.returncode == 0:  # it was done
            assert os.listdir(folder) == ["out"]
            continue
        assert process.returncode == 130
        assert "\nError: interrupted" in f"\n{stderr}" and "Traceback" not in stderr
        # whole results of stages may stay in the output of `embed`; nothing hidden, nothing half
        left = [name for _, _, names in os.walk(folder) for name in names]
        assert [name for name in left if "partial" in name or name.startswith(".")] == []
        if "kept in" not in stderr:
            assert [name for name in os.listdir(folder) if name != "out"] == []
