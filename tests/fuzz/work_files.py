"""Targets that only textzero writes: what a run leaves for the next, and what it spills."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from target import Target

from textzero._cooccurrence import journal, runs
from textzero._words import spool
from textzero._words.runs import Rows, Run, write_run
from textzero.corpus import Reading
from textzero.locks import holder_of
from textzero.packed import PackedStrings
from textzero.store import Store
from textzero.workspace import KEY, LOCK, Stage, Workspace, is_dead, left_behind

RUN = "a.run"
FACTS = {"a": 1}  # the key of a stage


def work_files() -> dict[str, Target]:
    """Return these targets by name."""
    return {
        "stage": Target(_entries, [_entry()], parts=("part-0.json",)),
        "stage-key": Target(_stage, [b'{"a": 1}', b'{"a": 2, "b": null}'], parts=(KEY,)),
        "lock": Target(_lock, [_lock_seed()], parts=(LOCK,)),
        "word-run": Target(_words, _word_runs(), parts=(RUN,)),
        "pair-run": Target(_pairs, _pair_runs(), parts=(RUN,)),
    }


def _entries(folder: Path) -> None:
    for facts in Stage("stage", Store(folder)).entries().values():
        for read in (spool.Part.of, journal.part_of):
            with contextlib.suppress(KeyError, TypeError, ValueError):  # as their callers do
                read(facts)


def _stage(folder: Path) -> None:
    """A stage as the next run of the same command finds it; `say` gets sentences."""
    work = folder.with_name("work")
    shutil.rmtree(work, ignore_errors=True)
    (work / "stage-0123abcd").mkdir(parents=True)
    with contextlib.suppress(FileNotFoundError):
        os.link(folder / KEY, work / "stage-0123abcd" / KEY)
    shown: list[str] = []
    with Workspace(work, "x", say=shown.append) as run:
        run.stage("stage", FACTS).entries()


def _lock(folder: Path) -> None:
    holder = holder_of(folder / LOCK)
    str(holder)
    is_dead(folder)
    list(left_behind(folder.parent))


def _words(folder: Path) -> None:
    run = Run(Store(folder), RUN)
    run.span(b"a", None)
    for rows in run.rows():
        rows.word(0)


def _pairs(folder: Path) -> None:
    run = runs.Run(Store(folder), RUN)
    try:
        for _ in run.blocks():
            pass
    finally:
        run.close()


# --- seeds ---------------------------------------------------------------------------------------


def _entry() -> bytes:
    part = journal.Part(["0.run"], [(0, 0, 9)], Reading(bytes=9, first_malformed=("a", 3)))
    with tempfile.TemporaryDirectory() as folder:
        Stage("stage", Store(folder)).commit("part-0", {**part.facts(), "tokens": 3, "covers": []})
        return Path(folder, "part-0.json").read_bytes()


def _lock_seed() -> bytes:
    with tempfile.TemporaryDirectory() as folder, Workspace(Path(folder, "run"), "x") as run:
        return (run.folder / LOCK).read_bytes()


def _word_runs() -> list[bytes]:
    words = PackedStrings.from_strings(["a", "b c", "the", "北京"])
    counts, none = np.array([1, 300, 1 << 33, 2]), np.zeros(0, np.int64)
    seeds = []
    for documents, block in ((none, 1 << 16), (counts, 1)):
        rows = Rows(words.text, words.offsets, counts, documents)
        with tempfile.TemporaryDirectory() as folder:
            write_run(Store(folder), RUN, [rows], block)
            seeds.append(Path(folder, RUN).read_bytes())
    return seeds


def _pair_runs() -> list[bytes]:
    data = np.arange(60, dtype=np.uint8)
    beside = np.array([[20, 30, 10], [2, 3, 1], [0, 1, 0]])
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in ([runs.Rows(data, beside)], [runs.Rows(data, beside)] * 2):
            runs.write_run(Store(folder), RUN, rows)
            seeds.append(Path(folder, RUN).read_bytes())
    return seeds
