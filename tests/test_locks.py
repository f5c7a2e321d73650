"""A lock is one process's; only a dead one's is broken."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import pytest

from textzero import locks
from textzero.disk import Disk, replaced_disk
from textzero.errors import OutputExistsError
from textzero.locks import Holder, Lock, holder_of


@pytest.fixture
def lock(tmp_path):
    return Lock(tmp_path / "lock")


@pytest.fixture
def dead():
    """A process of this host that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return replace(Holder.here(), pid=process.pid, began="1")


def leave(lock, holder):
    lock.path.write_text(json.dumps(asdict(holder)))


def test_the_second_is_told_who_holds_it(lock):
    lock.acquire("out.tsv")
    with pytest.raises(OutputExistsError) as caught:
        Lock(lock.path).acquire("out.tsv")
    message = str(caught.value)
    assert message.startswith(f"out.tsv is locked by pid {os.getpid()} on host ")
    assert "since 2" in message and message.endswith("); wait for it, or choose another name")
    lock.release()
    assert os.listdir(lock.path.parent) == []
    Lock(lock.path).acquire("out.tsv")


def test_the_lock_of_a_dead_process_is_broken(lock, dead):
    leave(lock, dead)
    lock.acquire("out")
    assert holder_of(lock.path).pid == os.getpid()


def test_a_number_that_another_process_has_now_is_known_by_when_it_began(lock):
    here = Holder.here()
    if not here.began:
        pytest.skip("this system does not tell when a process began")
    leave(lock, replace(here, began=str(int(here.began) - 1)))
    lock.acquire("out")


@pytest.mark.parametrize(
    "change",
    [
        {"host": "another"},
        {"machine": "another"},
        {"space": "another"},
        {"pid": os.getpid()},
        {"pid": os.getpid(), "began": ""},
    ],
    ids="-".join,
)
def test_of_another_host_or_container_or_of_the_living_nothing_is_broken(lock, dead, change):
    if "pid" in change:
        change = {"began": Holder.here().began} | change
    leave(lock, replace(dead, **change))
    before = lock.path.read_bytes()
    with pytest.raises(OutputExistsError, match="is locked by pid"):
        lock.acquire("out")
    assert lock.path.read_bytes() == before


@pytest.mark.parametrize("machine, broken", [("m", True), ("", False)])
def test_no_process_outlives_a_boot_of_a_machine_that_is_known(lock, monkeypatch, machine, broken):
    monkeypatch.setattr(locks, "_place", lambda: ("host", machine, "boot 2", "pids"))
    living = replace(Holder.here(), boot="boot 1")
    leave(lock, living)
    assert living.is_dead() == broken  # machines without an id may have the same name


def test_a_process_whose_birth_is_hidden_is_alive(monkeypatch):
    monkeypatch.setattr(locks, "_state", lambda _: ("", ""))  # as with hidepid=2
    assert not replace(Holder.here(), began="123").is_dead()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="states are read from /proc")
def test_a_dead_process_that_nobody_has_waited_for_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    holder = replace(Holder.here(), pid=process.pid, began=locks._state(process.pid)[1])
    assert not holder.is_dead()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert locks.is_alive(process.pid) and holder.is_dead()
    process.wait()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff", b"9" * 5000], ids=lambda c: repr(c[:9])
)
def test_a_lock_that_cannot_be_read_is_left_and_named(lock, content, monkeypatch):
    monkeypatch.setattr(locks.time, "sleep", lambda _: None)
    lock.path.write_bytes(content)
    with pytest.raises(OutputExistsError, match=r"lock, which cannot be read; if no other run"):
        lock.acquire("out")
    assert lock.path.read_bytes() == content


@pytest.mark.parametrize("pid", [0, -1, 1 << 70, True, "1"])
def test_a_number_that_no_process_has_is_no_holder(lock, pid):
    leave(lock, replace(Holder.here(), pid=pid))
    assert holder_of(lock.path) is None


def test_what_another_has_taken_meanwhile_is_not_given_up(lock, dead):
    lock.acquire("out")
    leave(lock, dead)  # as if somebody had removed our lock, and another taken it
    lock.release()
    assert holder_of(lock.path) == dead


def test_locks_work_without_hard_links(lock):
    class Plain(Disk):
        def link(self, old, new):  # noqa: ARG002
            raise PermissionError(1, "Operation not permitted")

    with replaced_disk(Plain()):
        lock.acquire("out")
        with pytest.raises(OutputExistsError, match="locked by pid"):
            Lock(lock.path).acquire("out")
        lock.release()
    assert os.listdir(lock.path.parent) == []


def test_many_that_find_a_dead_lock_do_not_take_it_twice(lock, dead):
    """In threads: each has read the dead holder before any removes the lock."""
    for _ in range(20):
        leave(lock, dead)
        start, won, lost = threading.Barrier(4), [], []

        def take(start=start, won=won, lost=lost):
            mine = Lock(lock.path)
            start.wait()
            try:
                mine.acquire("out")
                won.append(mine)
            except OutputExistsError:
                lost.append(mine)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1 and len(lost) == 3
        won[0].release()
        assert os.listdir(lock.path.parent) == []


TAKE = """
import sys, time
from pathlib import Path
from textzero.errors import OutputExistsError
from textzero.locks import Lock
print("ready", flush=True)
sys.stdin.readline()
try:
    Lock(Path(sys.argv[1])).acquire("out")
except OutputExistsError as error:
    print("refused", flush=True)
else:
    print("taken", flush=True)
sys.stdin.readline()
"""


def test_of_many_processes_that_race_for_a_dead_lock_one_wins(lock, dead):
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, lock.path], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(5)
    ]  # fmt: skip
    leave(lock, dead)
    try:
        for taker in takers:
            assert taker.stdout.readline() == "ready\n"
        for taker in takers:
            taker.stdin.write("\n")
            taker.stdin.flush()
        assert sorted(taker.stdout.readline() for taker in takers) == ["refused\n"] * 4 + [
            "taken\n"
        ]
    finally:
        for taker in takers:
            taker.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            taker.communicate()
    lock.acquire("out")  # the winner is dead by now
