"""What every engine promises, and what a cluster survives."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from textzero.engines import Engine, Processes, Threads, as_engine
from textzero.errors import InputError, ResourceError
from textzero.store import Store
from textzero.workspace import Workspace

MODULE = """
import os, signal, time
from pathlib import Path
from textzero.errors import InputError

def square(n):
    return n * n

def refuse_three(n):
    if n == 3:
        raise InputError("x.txt:3: expected a number, got three; mend the line")
    return n

def fail_at_three(n):
    if n == 3:
        raise KeyError("three")
    return n

def is_first(folder, name):
    try:
        open(os.path.join(folder, name), "x").close()
    except FileExistsError:
        return False
    return True

def square_but_die_once(task):
    folder, n = task
    if n == 5 and is_first(folder, "died"):
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n

def die_at_one(n):
    if n == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return n

def begin(task):
    folder, n = task
    is_first(folder, str(n))
    time.sleep(0.05)
    return n

def begin_first(tasks):
    return begin(tasks[0])

def write(store):
    with store.create("shard") as file:
        for _ in range(1000):
            file.write(b"the same bytes ")
    return store.size("shard")

def hang_once(task):
    folder, n = task
    if n == 5 and is_first(folder, f"hangs"):
        Path(folder, "pid").write_text(str(os.getpid()))
        end = time.monotonic() + 20
        while time.monotonic() < end and not os.path.exists(os.path.join(folder, "go on")):
            time.sleep(0.05)
        return "too late"
    return n * n
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A module that workers can import."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "work_for_engines.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        import work_for_engines

        yield work_for_engines


@pytest.fixture(scope="module")
def cluster(work):  # noqa: ARG001  its folder is in the workers' path
    distributed = pytest.importorskip("distributed", reason="pip install 'textzero[dask]'")
    import dask

    quiet = {"distributed.scheduler.allowed-failures": 1, "distributed.logging.distributed": 50}
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
    ):
        yield cluster


def address(cluster):
    return cluster.scheduler_address.replace("tcp", "dask")


@pytest.fixture(scope="module")
def dask_engine(cluster):
    engine = as_engine(address(cluster))
    yield engine
    engine.close()


@pytest.fixture(scope="module", params=["threads", "processes", "dask"])
def engine(request):
    if request.param == "dask":
        return request.getfixturevalue("dask_engine")
    return as_engine(request.param, 2)


def test_engines_are_told_apart():
    assert isinstance(as_engine(), Threads) and as_engine().shares_memory
    assert (
        isinstance(as_engine("processes", 3), Processes) and as_engine("processes", 3).workers == 3
    )
    own = Threads(1)
    assert as_engine(own) is own
    with pytest.raises(ValueError, match="dask://HOST:PORT, got 'spark'"):
        as_engine("spark")


def test_every_task_comes_back_once(engine, work):
    assert isinstance(engine, Engine) and engine.workers >= 1
    assert sorted(engine.run(work.square, range(30))) == [(n, n * n) for n in range(30)]
    assert list(engine.run(work.square, [])) == []


def test_our_errors_reach_the_caller_with_sentence_and_exit_code(engine, work):
    with pytest.raises(InputError, match=r"^x.txt:3: expected .* mend the line$") as caught:
        list(engine.run(work.refuse_three, range(20)))
    assert caught.value.exit_code == 3


def test_other_errors_reach_the_caller(engine, work):
    with pytest.raises(KeyError, match="three"):
        list(engine.run(work.fail_at_three, range(20)))


def test_what_nobody_waits_for_is_not_begun(engine, work, tmp_path):
    running = engine.run(work.begin, [(str(tmp_path), n) for n in range(60)])
    next(running)
    time.sleep(0.5)  # the caller is busy: tasks do not run ahead of it for ever
    begun = len(list(tmp_path.iterdir()))
    running.close()
    time.sleep(0.3)
    assert begun <= 8
    assert len(list(tmp_path.iterdir())) <= begun + 4


def test_results_that_are_dropped_wait_for_no_scheduler(dask_engine, work, tmp_path):
    """The garbage collector drops them in any thread, under any lock: a wait may have no end."""
    results = dask_engine.run(work.begin, [(str(tmp_path), n) for n in range(50)])
    next(results)
    go_on = threading.Event()
    dask_engine.client.loop.add_callback(go_on.wait)
    dropping = threading.Thread(target=results.close, daemon=True)
    dropping.start()
    dropping.join(20)
    try:
        assert not dropping.is_alive()
    finally:
        go_on.set()


def test_a_shard_written_by_several_at_once_is_whole(engine, work, tmp_path):
    store = Store(tmp_path / "store")
    sizes = {size for _, size in engine.run(work.write, [store] * 12)}
    assert sizes == {15_000} and store.names() == ["shard"]
    assert store.read("shard") == b"the same bytes " * 1000
    assert not [path for path in (tmp_path / "store").iterdir() if path.name != "shard"]


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_work_that_cannot_be_sent_says_so(name, work, request):
    engine = request.getfixturevalue("dask_engine") if name == "dask" else as_engine(name, 2)
    with pytest.raises(TypeError, match=r"must be picklable: cannot pickle '_thread.lock'"):
        list(engine.run(work.square, [threading.Lock()]))


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_a_worker_that_is_killed_costs_only_time(name, work, tmp_path, request):
    engine = request.getfixturevalue("dask_engine") if name == "dask" else as_engine(name, 2)
    tasks = [(str(tmp_path), n) for n in range(20)]
    assert sorted(engine.run(work.square_but_die_once, tasks)) == [(n, n * n) for n in range(20)]
    assert (tmp_path / "died").exists()


def test_a_task_that_kills_every_worker_is_named(dask_engine, work, monkeypatch):
    monkeypatch.setattr("textzero.engines.dask_tasks.ATTEMPTS", 2)
    with pytest.raises(ResourceError, match=r"task 1 \(1\) lost its workers .* at last tcp://"):
        list(dask_engine.run(work.die_at_one, range(4)))


@pytest.fixture
def hanging(work, tmp_path):
    """Tasks of which one hangs where it runs first."""
    yield partial(work.hang_once), [(str(tmp_path), n) for n in range(12)]
    (tmp_path / "go on").touch()


def test_a_late_task_is_done_by_another_worker(dask_engine, hanging, monkeypatch, tmp_path):
    monkeypatch.setattr("textzero.engines.dask_tasks.SOON", 0.5)
    assert sorted(dask_engine.run(*hanging)) == [(n, n * n) for n in range(12)]
    assert (tmp_path / "hangs").exists()


def test_a_worker_that_does_not_answer_is_not_waited_for(
    dask_engine, hanging, monkeypatch, tmp_path
):
    monkeypatch.setattr("textzero.engines.dask_tasks.SILENT", 1.5)
    monkeypatch.setattr("textzero.engines.dask_tasks.LATE", 1e9)  # it is not for being late
    over = threading.Event()

    def stop():
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.02)
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        over.wait(20)
        os.kill(pid, signal.SIGCONT)

    watcher = threading.Thread(target=stop)
    watcher.start()
    try:
        assert sorted(dask_engine.run(*hanging)) == [(n, n * n) for n in range(12)]
        assert watcher.is_alive()
    finally:
        over.set()
        watcher.join(20)


def test_a_worker_with_another_version_is_refused(dask_engine, work, monkeypatch):
    monkeypatch.setattr("textzero.engines.dask_tasks.__version__", "0.0.1")
    with pytest.raises(
        ResourceError, match=r"worker tcp://.* has textzero .*, this process has 0\.0\.1"
    ):
        list(dask_engine.run(work.square, range(3)))


def test_a_store_that_workers_do_not_see_is_refused_before_the_work(dask_engine, work, tmp_path):
    dask_engine.check_store(Store(tmp_path))
    assert Store(tmp_path).names() == []
    blind = [[(str(tmp_path), n), Store("memory://shards")] for n in range(3)]
    with pytest.raises(ResourceError, match=r"worker tcp://.* does not see memory://shards"):
        list(dask_engine.run(work.begin_first, blind))
    assert Store(tmp_path).names() == []


@pytest.mark.parametrize("elsewhere", [None, "store"])
def test_a_worker_that_comes_late_leaves_nothing_and_spoils_nothing(tmp_path, elsewhere):
    def run(key, broken):
        store = None if elsewhere is None else tmp_path / elsewhere
        with Workspace.beside(tmp_path / "out.tsv", store=store) as workspace:
            stage = workspace.stage("count", {"key": key})
            sent.append(pickle.loads(pickle.dumps(stage)))
            if broken:
                stage.commit("first", {})
                raise KeyboardInterrupt
            return stage.entries()

    sent = []
    with pytest.raises(KeyboardInterrupt):
        run("old", True)
    late = sent[0]
    late.commit("between two runs", {})  # which is of use when the same is run again
    with pytest.raises(KeyboardInterrupt):
        run("new", True)
    with pytest.raises(ResourceError, match="is not on this host, or no more"):
        late.commit("too late", {})
    assert run("new", False).keys() == {"first"}
    with pytest.raises(ResourceError, match="is not on this host, or no more"):
        sent[-1].commit("after the end", {})
    assert [path for path in tmp_path.rglob("*") if path.name != "store"] == []


def test_a_client_of_the_user_stays_open_and_ours_is_closed(cluster, work):
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        engine = as_engine(client)
        assert sorted(engine.run(work.square, [3])) == [(0, 9)]
        del engine
        assert client.status == "running"
    ours = as_engine(address(cluster))
    client = ours.client
    assert client.status == "running"
    del ours
    assert client.status == "closed"


SCHEDULER = """
import time
from distributed import LocalCluster

cluster = LocalCluster(1, threads_per_worker=1, processes=False, protocol="tcp",
                       dashboard_address=":0")
print(cluster.scheduler_address, flush=True)
time.sleep(60)
"""


def test_a_scheduler_that_is_lost_ends_the_run_with_advice(work, tmp_path):
    pytest.importorskip("distributed", reason="pip install 'textzero[dask]'")
    with subprocess.Popen(
        [sys.executable, "-c", SCHEDULER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        engine = as_engine(process.stdout.readline().decode().strip().replace("tcp", "dask"))
        running = engine.run(work.begin, [(str(tmp_path), n) for n in range(200)])
        next(running)
        process.kill()
        with pytest.raises(ResourceError, match="is gone; run the same command again: finished"):
            list(running)
        engine.close()


def test_without_workers_the_run_waits_then_ends(work, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="pip install 'textzero[dask]'")
    monkeypatch.setattr("textzero.engines.dask_tasks.SAY", 0.1)
    monkeypatch.setattr("textzero.engines.dask_tasks.PATIENCE", 1.5)
    said = []
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address=":0", silence_logs=50
    ) as cluster:
        engine = as_engine(address(cluster))
        engine.say = said.append
        with pytest.raises(ResourceError, match="had no workers for"):
            list(engine.run(work.square, range(3)))
    assert len(said) == 1 and "has no workers; waiting" in said[0]


def test_an_address_where_nobody_answers_is_told(monkeypatch):
    pytest.importorskip("distributed", reason="pip install 'textzero[dask]'")
    monkeypatch.setattr("textzero.engines.dask.CONNECT", 0.5)
    with pytest.raises(ResourceError, match=r"no Dask scheduler answers at dask://127.0.0.1:9"):
        as_engine("dask://127.0.0.1:9")
