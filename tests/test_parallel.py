import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from textzero import crew
from textzero.engines.local import Threads
from textzero.errors import ResourceError
from textzero.parallel import ordered_threads, run_processes, run_threads, worker_count

MODULE = """
import os, signal, threading, time

def square(n):
    return n * n

def fail_at_three(n):
    if n == 3:
        raise KeyError("three")
    return n

def die_at_five(n):
    if n == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return n

def leave_at_two(n):
    if n == 2:
        os._exit(7)
    return n

def squares_but_once(task):
    name, folder, numbers = task
    if 13 in numbers:
        try:
            open(os.path.join(folder, name), "x").close()
        except FileExistsError:
            pass
        else:
            if name == "memory":
                raise MemoryError
            os.kill(os.getpid(), signal.SIGKILL)
    return [n * n for n in numbers]

def run_out(_):
    raise MemoryError

def die_answering(n):
    if n == 1:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(10_000_000 + n)

def never_end(folder):
    open(os.path.join(folder, str(os.getpid())), "x").close()
    return sum(range(10**15))  # and no other thread may run meanwhile

STATE = []

def set_up(value):
    STATE.append(value)

def state(_):
    return STATE
"""


INTERRUPTED = """
import os, signal

if os.environ["INTERRUPTED_PARENT"] != str(os.getpid()):  # as if Ctrl-C came while a worker imports
    os.kill(os.getpid(), signal.SIGINT)

def set_up():
    os.kill(os.getpid(), signal.SIGINT)

def mask(_):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
"""


@pytest.fixture(scope="module")
def workers_module(tmp_path_factory):
    """A module that spawned processes can import."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "work_for_processes.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        import work_for_processes

        yield work_for_processes


def test_the_number_of_workers_is_checked():
    assert worker_count(3) == 3
    assert worker_count(None) >= 1
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        worker_count(0)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_threads_do_every_task_once(workers):
    states = run_threads(list.append, iter(range(100)), list, workers)
    assert sorted(task for state in states for task in state) == list(range(100))
    assert run_threads(list.append, [], list, workers) == []


def test_the_first_error_of_a_thread_stops_the_others():
    done = []

    def work(_, task):
        done.append(task)
        if task == 3:
            raise KeyError("three")
        time.sleep(0.001)

    with pytest.raises(KeyError, match="three"):
        run_threads(work, range(10_000), lambda: None, 2)
    assert len(done) < 100


def test_an_error_in_the_tasks_or_the_state_reaches_the_caller():
    def tasks():
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        run_threads(lambda *_: None, tasks(), list, 2)
    with pytest.raises(ZeroDivisionError):
        run_threads(lambda *_: None, [1], lambda: 1 // 0, 2)


def test_ordered_threads_keep_the_order_and_stay_near():
    begun = []

    def work(n):
        begun.append(n)
        time.sleep(0.005 if n % 2 else 0)
        return n

    results = ordered_threads(work, range(100), 3)
    assert next(results) == 0
    assert len(begun) <= 7
    assert list(results) == list(range(1, 100))


def test_ordered_threads_raise_in_order_and_end_their_threads():
    def work(n):
        if n == 4:
            raise KeyError("four")
        return n

    before, got = threading.active_count(), []
    with pytest.raises(KeyError, match="four"):
        for n in ordered_threads(work, range(1000), 2):
            got.append(n)
    assert got == [0, 1, 2, 3]
    assert threading.active_count() == before


def in_order(work, tasks):
    yield from ordered_threads(work, tasks, 2)


def on_the_engine(work, tasks):
    yield from Threads(2).run(work, tasks)


@pytest.mark.parametrize("results_of", [in_order, on_the_engine])
def test_results_that_the_garbage_collector_drops_are_not_waited_for(results_of):
    """It drops them in any thread, under any lock: a wait may have no end."""
    working, go_on, dropped = threading.Event(), threading.Event(), []

    def work(n):
        if n:
            working.set()
            go_on.wait()
        return n

    def begin():
        holder = [results_of(work, [0, 1])]
        holder.append(holder)  # only the collector finds that nobody has it
        next(holder[0])
        weakref.finalize(holder[0], dropped.append, True)

    begin()
    working.wait()
    collecting = threading.Thread(target=gc.collect, daemon=True)
    collecting.start()
    collecting.join(20)
    try:
        assert not collecting.is_alive() and dropped
    finally:
        go_on.set()


@pytest.mark.parametrize("results_of", [in_order, on_the_engine])
def test_who_fails_with_a_result_has_nobody_at_work_behind(results_of):
    working, begun, done = threading.Event(), [], []

    def work(n):
        begun.append(n)
        if n:
            working.set()
            time.sleep(0.3)
        done.append(n)

    with pytest.raises(KeyError, match="reader"):
        for _ in results_of(work, range(100)):
            working.wait()
            raise KeyError("reader")
    assert len(begun) > 1 and sorted(done) == sorted(begun)


def test_processes_do_every_task_once(workers_module):
    assert sorted(run_processes(workers_module.square, range(40), 2)) == [n * n for n in range(40)]
    assert list(run_processes(workers_module.square, [], 2)) == []
    seen = run_processes(
        workers_module.state, [0], 7, setup=workers_module.set_up, setup_arguments=("x",)
    )
    assert list(seen) == [["x"]]


def test_an_error_in_a_process_reaches_the_caller(workers_module):
    with pytest.raises(KeyError, match="three"):
        list(run_processes(workers_module.fail_at_three, range(20), 2))


def test_a_killed_process_is_named_with_its_task(workers_module):
    begun = time.perf_counter()
    with pytest.raises(ResourceError) as caught:
        list(run_processes(workers_module.die_at_five, range(40), 2))
    message = str(caught.value)
    assert "was killed by signal 9 (SIGKILL) while working on 5, for the second time; " in message
    assert "likely out of memory: try fewer --workers or a lower --memory" in message
    assert message.startswith(("worker 1 (pid ", "worker 2 (pid "))
    assert time.perf_counter() - begun < 20


def test_a_process_that_leaves_is_named(workers_module):
    with pytest.raises(ResourceError, match="exited with status 7 while working on 2"):
        list(run_processes(workers_module.leave_at_two, range(3), 1))


def test_a_caller_that_stops_early_leaves_no_process(workers_module):
    results = run_processes(workers_module.die_at_five, [0] * 1000, 2)
    assert next(results) == 0
    assert multiprocessing.active_children()
    results.close()
    assert not multiprocessing.active_children()


def test_a_killed_process_costs_a_second_try_in_halves(workers_module, tmp_path):
    def halve(numbers):
        middle = len(numbers) // 2
        return [numbers[:middle], numbers[middle:]] if middle else [numbers]

    tasks = [(str(tmp_path), range(start, start + 8)) for start in range(0, 64, 8)]
    for name in ("killed", "memory"):
        parts = list(
            run_processes(
                workers_module.squares_but_once, [(name, *task) for task in tasks], 2,
                halve=lambda task: [(*task[:2], part) for part in halve(task[2])],
            )
        )  # fmt: skip
        assert sorted(n for part in parts for n in part) == [n * n for n in range(64)]
        assert len(parts) > len(tasks)  # what was lost came back in halves
        assert (tmp_path / name).exists()


def test_memory_that_runs_out_twice_is_an_error_with_a_cure(workers_module):
    with pytest.raises(ResourceError, match=r"worker 2 \(pid \d+\) ran out of memory while") as one:
        list(run_processes(workers_module.run_out, [1], 1))
    assert "working on 1, for the second time; likely out of memory: try fewer" in str(one.value)


def test_a_process_killed_in_the_middle_of_its_answer_is_no_hang(workers_module):
    begun, sizes = time.perf_counter(), []
    for answer in run_processes(workers_module.die_answering, range(2), 1):
        sizes.append(len(answer))
        time.sleep(0.8)  # the next answer fills the pipe and waits, until its process is killed
    assert sizes == [10_000_000, 10_000_001]
    assert time.perf_counter() - begun < 20


@pytest.mark.skipif(sys.platform != "linux", reason="a busy process is told of it by Linux alone")
def test_processes_do_not_outlive_a_killed_parent(workers_module, tmp_path):
    code = """
import sys
from textzero.parallel import run_processes
import work_for_processes
list(run_processes(work_for_processes.never_end, [sys.argv[1]] * 2, 2))
"""
    folder = Path(workers_module.__file__).parent
    parent = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], env=os.environ | {"PYTHONPATH": str(folder)}
    )
    try:
        pids = wait_for(
            lambda: len(found := [int(p.name) for p in tmp_path.iterdir()]) == 2 and found
        )
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(is_running(pid) for pid in pids))


def wait_for(condition, seconds=30):
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


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signals to hold back")
def test_ctrl_c_is_the_parents_also_while_a_worker_imports(tmp_path, monkeypatch, capfd):
    (tmp_path / "interrupted_worker.py").write_text(INTERRUPTED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("INTERRUPTED_PARENT", str(os.getpid()))
    import interrupted_worker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    setup = interrupted_worker.set_up
    found = list(run_processes(interrupted_worker.mask, range(3), 2, setup=setup))
    assert found == [False] * 3  # a worker's own processes can be interrupted
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert capfd.readouterr().err == ""


def test_ctrl_c_while_a_process_is_started_waits_until_it_has_all_it_needs():
    done = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        with crew._ctrl_c_waits():
            # to another thread, as the system may do: what this thread blocks does not help
            def told():
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
                signal.raise_signal(signal.SIGINT)

            thread = threading.Thread(target=told)
            thread.start()
            thread.join()
            time.sleep(0.01)
            done.append(True)
    assert done
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signals to hold back")
def test_the_first_process_is_shielded_from_ctrl_c_as_well():
    # with it Python starts its resource tracker, and lets signals through when that runs
    code = """
import signal
from multiprocessing import resource_tracker
from textzero import crew
with crew._ctrl_c_waits():
    resource_tracker.ensure_running()
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
