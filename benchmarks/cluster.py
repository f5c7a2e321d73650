"""What does a cluster survive, and what does it cost?

python benchmarks/cluster.py kills [--corpus FILE] [--what count|cooccur] [--rounds 3] [--every 5]
python benchmarks/cluster.py compare [--corpus FILE] [--what count|cooccur] [--rounds 3]
python benchmarks/cluster.py hosts [--corpus FILE] [--what count|cooccur]
python benchmarks/cluster.py plan [--corpus FILE] [--what count|cooccur]

kills: four workers in processes of their own; one of them, drawn by chance, is killed by signal 9
every five seconds. The bar: the same bytes, in at most 1.5 times the calm time.
compare: a cluster of two workers, two processes, two threads, in turn. The bar: 1.2 times the time
of processes.
hosts: two network namespaces stand for two hosts; the link is cut in the middle of the run. The
bar: the same bytes, nothing left behind. Needs root and `ip`.
plan: what `textzero plan` says, against what a run on this machine takes.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from measure import data, machine

from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.files import file_digest, peak_memory
from textzero.vocabulary import Vocabulary
from textzero.workspace import Workspace

NEAR, FAR = "textzero-near", "textzero-far"  # the namespaces
ADDRESS = {NEAR: "10.214.77.1", FAR: "10.214.77.2"}
PORT = 18786


def job(what: str, corpus: Path, folder: Path, engine: Any) -> tuple[float, str]:
    """Run once; return the seconds and the digest of what came out."""
    vocabulary = folder / "vocabulary.tsv"
    if what == "cooccur" and not vocabulary.exists():
        Vocabulary.from_counts(count_words(Corpus(corpus), lowercase=True), min_count=5).save(
            vocabulary
        )
    out = folder / f"out-{time.monotonic_ns()}"
    begun = time.perf_counter()
    with Workspace.beside(out) as workspace:
        common = {"lowercase": True, "engine": engine, "workspace": workspace}
        if what == "count":
            count_words(Corpus(corpus), **common).save(out)
        else:
            count_cooccurrences(
                Corpus(corpus), Vocabulary.load(vocabulary), window=5, folder=out, **common
            )
    seconds = time.perf_counter() - begun
    digest = file_digest(out if what == "count" else out / "rows.bin")
    shutil.rmtree(out) if out.is_dir() else out.unlink()
    return seconds, digest


def line(question: str, options: argparse.Namespace, **facts: Any) -> None:
    size = options.corpus.stat().st_size
    found = {"question": question, "what": options.what, "corpus": options.corpus.name,
             "bytes": size, **facts, **machine()}  # fmt: skip
    print(json.dumps(found), flush=True)


def local_cluster(workers: int, folder: Path) -> Any:
    import multiprocessing

    import dask
    from distributed import LocalCluster

    # a worker that is started again is a fork of a process that has imported all it needs
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    modules = [
        "distributed",
        "textzero._cooccurrence.shards",
        "textzero._count_shards",
        "textzero.kernels.cpu",
    ]
    multiprocessing.set_forkserver_preload(modules)

    # on a busy machine a worker may take longer to be back than a LocalCluster waits for it
    dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"})
    return LocalCluster(
        workers, threads_per_worker=1, dashboard_address=":0", local_directory=str(folder / "dask"),
        silence_logs=50,
    )  # fmt: skip


def kills(options: argparse.Namespace, folder: Path) -> None:
    from distributed import Client

    chance, killed, stop = random.Random(options.seed), [0], threading.Event()
    with local_cluster(4, folder) as cluster, Client(cluster) as client:

        def kill() -> None:
            while not stop.wait(options.every):
                # one that is killed while it starts takes its nanny along, so Dask has it
                up = [w for w in cluster.workers.values()
                      if w.process is not None and w.process.status.name == "running"]  # fmt: skip
                if up:
                    os.kill(chance.choice(up).pid, 9)
                    killed[0] += 1

        _, expected = job(options.what, options.corpus, folder, client)  # kernels are loaded
        calm, stormy, right = [], [], 0
        for _ in range(options.rounds):
            calm.append(job(options.what, options.corpus, folder, client)[0])
            stop.clear()
            killer = threading.Thread(target=kill)
            killer.start()
            seconds, digest = job(options.what, options.corpus, folder, client)
            stop.set()
            killer.join()
            stormy.append(seconds)
            right += digest == expected
            time.sleep(3)  # until the last worker is back
    ratio = statistics.median(stormy) / statistics.median(calm)
    line("kills", options, workers=4, every=options.every, killed=killed[0], rounds=options.rounds,
         same_bytes=right, calm=calm, seconds=stormy, ratio=round(ratio, 3))  # fmt: skip


def compare(options: argparse.Namespace, folder: Path) -> None:
    from distributed import Client

    from textzero.engines import Processes, Threads

    begun = time.perf_counter()
    with local_cluster(2, folder) as cluster, Client(cluster) as client:
        up = time.perf_counter() - begun
        engines = {"cluster": client, "processes": Processes(2), "threads": Threads(2)}
        runs: dict[str, list[tuple[float, str]]] = {name: [] for name in engines}
        cold, _ = job(options.what, options.corpus, folder, client)
        for _ in range(options.rounds):
            for name, engine in engines.items():
                runs[name].append(job(options.what, options.corpus, folder, engine))
    medians = {name: statistics.median(s for s, _ in found) for name, found in runs.items()}
    line("cluster against processes", options, workers=2, cluster_up=round(up, 2),
         first_run=round(cold, 2), seconds={n: [s for s, _ in r] for n, r in runs.items()},
         same_bytes=len({digest for r in runs.values() for _, digest in r}) == 1,
         to_processes=round(medians["cluster"] / medians["processes"], 3),
         to_threads=round(medians["cluster"] / medians["threads"], 3))  # fmt: skip


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def within(host: str, *command: str, **options: Any) -> subprocess.Popen:
    return subprocess.Popen(["ip", "netns", "exec", host, *command], **options)


def hosts(options: argparse.Namespace, folder: Path) -> None:
    if os.geteuid() or not shutil.which("ip"):
        sys.exit("skipped: network namespaces need root and the program ip")
    processes: list[subprocess.Popen] = []
    log = open(folder / "log", "wb")
    scheduler = f"tcp://{ADDRESS[NEAR]}:{PORT}"
    dask = [sys.executable, "-m", "dask"]

    def worker(host: str) -> None:
        processes.append(within(
            host, *dask, "worker", scheduler, "--host", ADDRESS[host], "--nthreads", "1",
            "--no-dashboard", "--local-directory", str(folder / host), stdout=log, stderr=log,
        ))  # fmt: skip

    try:
        ip("netns", "add", NEAR)
        ip("netns", "add", FAR)
        ip("link", "add", "tz0", "netns", NEAR, "type", "veth", "peer", "name", "tz0", "netns", FAR)
        for host in (NEAR, FAR):
            ip("-n", host, "address", "add", f"{ADDRESS[host]}/24", "dev", "tz0")
            ip("-n", host, "link", "set", "lo", "up")
            ip("-n", host, "link", "set", "tz0", "up")
        processes.append(within(
            NEAR, *dask, "scheduler", "--host", ADDRESS[NEAR], "--port", str(PORT),
            "--no-dashboard", stdout=log, stderr=log,
        ))  # fmt: skip
        worker(NEAR)
        worker(FAR)

        def client(cut: float | None) -> dict:
            command = [sys.executable, __file__, "client", "--what", options.what, "--corpus",
                       str(options.corpus), "--folder", str(folder), "--engine",
                       scheduler.replace("tcp", "dask")]  # fmt: skip
            process = within(NEAR, *command, stdout=subprocess.PIPE, text=True)
            process.stdout.readline()  # both workers are there
            if cut is not None:
                time.sleep(cut)
                ip("-n", FAR, "link", "set", "tz0", "down")
            output, _ = process.communicate(timeout=1800)
            return json.loads(output)

        client(None)
        calm = client(None)
        cut = client(calm["seconds"] / 2)
        left = sorted(path.name for path in folder.iterdir())
        line("a host cut off", options, calm=calm["seconds"], cut_after=calm["seconds"] / 2,
             seconds=cut["seconds"], same_bytes=cut["digest"] == calm["digest"],
             left_behind=[n for n in left if n.endswith(".textzero")])  # fmt: skip
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
        for host in (NEAR, FAR):
            subprocess.run(["ip", "netns", "delete", host], check=False)


def client(options: argparse.Namespace, folder: Path) -> None:
    """Within a namespace: wait for two workers, then run once."""
    from textzero.engines import as_engine

    engine = as_engine(options.engine)
    engine.client.wait_for_workers(2, timeout=60)
    print("ready", flush=True)
    seconds, digest = job(options.what, options.corpus, folder, engine)
    print(json.dumps({"seconds": seconds, "digest": digest}))


def plan(options: argparse.Namespace, folder: Path) -> None:
    from textzero.plan import plan_work

    window = {"window": 5} if options.what == "cooccur" else {}
    begun = time.perf_counter()
    made = plan_work(
        Corpus(options.corpus), command=options.what, lowercase=True, folder=folder, **window
    )
    planned = time.perf_counter() - begun
    counts = count_words(Corpus(options.corpus), lowercase=True)
    vocabulary = Vocabulary.from_counts(counts, min_count=5)
    begun = time.perf_counter()
    count_words(Corpus(options.corpus), lowercase=True).save(folder / "counts.tsv")
    size = (folder / "counts.tsv").stat().st_size
    if options.what == "cooccur":
        count_cooccurrences(
            Corpus(options.corpus), vocabulary, lowercase=True, folder=folder / "pairs", **window
        )
        size = sum(path.stat().st_size for path in (folder / "pairs").iterdir())
    seconds = time.perf_counter() - begun
    line("plan", options, planning=round(planned, 1), sample=made.sample_bytes,
         predicted={"seconds": made.here.seconds, "words": made.words, "tokens": made.tokens,
                    "memory": made.here.memory, "output": made.here.output},
         measured={"seconds": round(seconds, 1), "words": len(counts), "tokens": counts.tokens,
                   "memory": peak_memory(), "output": size},
         ratios={"seconds": round(made.here.seconds / seconds, 2),
                 "words": round(made.words / len(counts), 2),
                 "tokens": round(made.tokens / counts.tokens, 3),
                 "output": round(made.here.output / size, 2)})  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parts = {"kills": kills, "compare": compare, "hosts": hosts, "client": client, "plan": plan}
    parser.add_argument("part", choices=list(parts))
    parser.add_argument("--corpus", type=Path, help="a text file; by default 100 MB of enwiki")
    parser.add_argument("--what", choices=["count", "cooccur"], default="count")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for temporary files")
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.corpus = (options.corpus or data("en/enwiki.txt.xz")).absolute()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="cluster-"))
    try:
        parts[options.part](options, folder)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
