"""Counting pairs goes on where it broke off, and gives the same bytes however it was grouped."""

import os
import pickle
import signal
from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero import workspace
from textzero._cooccurrence import counting, journal, merging, segments, shards
from textzero._cooccurrence.journal import Journal, Part
from textzero._cooccurrence.merging import Merge, even_ranges, exact_sum
from textzero._cooccurrence.runs import Rows, Run, write_run
from textzero._words.spool import Scratch
from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.corpus import Corpus
from textzero.disk import Disk, replaced_disk
from textzero.engines import Engine, Processes
from textzero.errors import InputError, ResourceError
from textzero.kernels import kernel
from textzero.lexicon import Lexicon
from textzero.store import Store
from textzero.vocabulary import Vocabulary
from textzero.workspace import Workspace

FILES = ["rows.bin", "lengths.npy", "diagonal.npy", "vocabulary.tsv"]
WORDS = [f"w{i}" for i in range(300)]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def split_at_spaces(text):
    return text.split(" ")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Three files in splits of a few lines."""
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 301)
    (tmp_path / "texts").mkdir()
    for k in range(3):
        lines = random.choice(WORDS, (60, 30), p=share / share.sum())
        (tmp_path / "texts" / f"{k}.txt").write_text("\n".join(map(" ".join, lines)) + "\n")
    splits = Corpus.splits
    monkeypatch.setattr(Corpus, "splits", lambda self, *_: splits(self, 1500))
    return Corpus(tmp_path / "texts")


@pytest.fixture
def at_once(monkeypatch):
    """Every split is put on the disk; small segments, few merged at once."""
    monkeypatch.setattr(workspace, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(journal, "_SHARE", 0.0)
    monkeypatch.setattr(counting, "_MOST_TOKENS", 400)
    monkeypatch.setattr(merging, "FAN_IN", 4)


def count(corpus, folder, say=lambda _: None, **options):
    words = Vocabulary(WORDS, np.arange(900, 600, -1))
    options = {"window": 4, "workers": 2, "subsample": 0.05} | options
    with Workspace.beside(folder, say=say) as place:
        return count_cooccurrences(corpus, words, folder=folder, workspace=place, **options)


def content(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def broken_off(monkeypatch, place, name, calls):
    """Make the call of that number to a method the last."""
    method, left = getattr(place, name), [calls]

    def stop(*given, **named):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return method(*given, **named)

    monkeypatch.setattr(place, name, stop)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("tokenizer", ["word", split_at_spaces])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_counted_is_not_counted_again(corpus, tmp_path, monkeypatch, tokenizer, workers):
    if tokenizer is split_at_spaces:  # in this process
        monkeypatch.setattr(counting.Task, "processes", 1)
    whole = count_cooccurrences(
        corpus, Vocabulary(WORDS, np.arange(900, 600, -1)), window=4, subsample=0.05
    )
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        broken_off(patch, segments.Segment, "commit", 5)
        count(corpus, tmp_path / "out", tokenizer=tokenizer, workers=workers)
    assert names(tmp_path) == [".out.textzero", "texts"]
    said, read = [], []
    pieces = Corpus.pieces
    monkeypatch.setattr(
        Corpus, "pieces", lambda self, split, r: read.append(split) or pieces(self, split, r)
    )
    again = count(corpus, tmp_path / "out", said.append, tokenizer=tokenizer, workers=3 - workers)
    total = len(corpus.splits())
    assert said == [f"cooccur: {total - len(read)} of {total} parts were done before"]
    assert total - 7 <= len(read) <= total - 5  # five were committed; two may have been at work
    assert_array_equal(again.data, whole.data)
    assert_array_equal(again.diagonal, whole.diagonal)
    assert_array_equal(again.occurrences, whole.occurrences)
    assert again.reading.bytes == corpus.size
    assert names(tmp_path) == ["out", "texts"]


@pytest.mark.usefixtures("at_once")
def test_a_merge_that_was_broken_off_goes_on(corpus, tmp_path, monkeypatch):
    whole = content(count(corpus, tmp_path / "whole") and tmp_path / "whole")
    for call in range(3):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            broken_off(patch, Merge, "rows", call)
            count(corpus, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(segments.Encoder, "encode", lambda *_: pytest.fail("counted again"))
        count(corpus, tmp_path / "out")
    assert content(tmp_path / "out") == whole


@pytest.mark.usefixtures("at_once")
def test_a_merged_run_counts_once_though_those_that_it_replaces_are_still_there(
    corpus, tmp_path, monkeypatch
):
    whole = content(count(corpus, tmp_path / "whole") and tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        broken_off(patch, workspace.Stage, "withdraw", 2)
        count(corpus, tmp_path / "out")
    count(corpus, tmp_path / "out")
    assert content(tmp_path / "out") == whole


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("change", [{"window": 5}, {"seed": 1}, {"keep_gaps": True}, {"text": 1}])
def test_other_settings_or_texts_start_afresh_and_say_so(corpus, tmp_path, monkeypatch, change):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        broken_off(patch, segments.Segment, "commit", 3)
        count(corpus, tmp_path / "out")
    what = next(iter(change))
    if change.pop("text", 0):
        with open(tmp_path / "texts" / "1.txt", "a") as file:
            file.write("w1 w2\n")
        corpus, what = Corpus(tmp_path / "texts"), "inputs"
    said = []
    count(corpus, tmp_path / "out", said.append, **change)
    assert said == [f"cooccur starts afresh: other {what} than before"]
    count(corpus, tmp_path / "whole", **change)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


class Dying(Disk):
    """Counts what is asked of it; at the `last` the process is killed."""

    def __init__(self, last=1 << 60):
        self.last, self.done = last, 0

    def _ask(self):
        self.done += 1
        if self.done >= self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def create(self, *given):
        self._ask()
        return super().create(*given)

    def flush_path(self, *given):
        self._ask()
        super().flush_path(*given)

    def rename(self, *given):
        self._ask()
        super().rename(*given)

    def remove(self, *given):
        self._ask()
        super().remove(*given)


@pytest.mark.usefixtures("at_once")
@needs_fork
def test_counting_that_is_killed_again_and_again_gives_the_same_bytes(corpus, tmp_path):
    with replaced_disk(every := Dying()):
        whole = content(count(corpus, tmp_path / "whole") and tmp_path / "whole")
    random, killed = np.random.default_rng(0), 0
    for case in range(3):
        for _ in range(3):
            last = random.integers(1, every.done // 2)
            child = os.fork()
            if not child:
                try:
                    with replaced_disk(Dying(last)):
                        count(corpus, tmp_path / str(case))
                finally:
                    os._exit(0)
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        count(corpus, tmp_path / str(case))
        assert content(tmp_path / str(case)) == whole
    assert killed > 4
    assert names(tmp_path) == ["0", "1", "2", "texts", "whole"]


def test_a_run_of_moments_writes_nothing_but_its_result(corpus, tmp_path):
    made = []

    class Watched(Disk):
        def create(self, path, mode="wb"):
            made.append(path)
            return super().create(path, mode)

    with replaced_disk(Watched()):
        count(corpus, tmp_path / "out", subsample=0.0)
    assert len(made) > 4 and not [path for path in made if path.suffix == ".run"]


class InTurn(Engine):
    """An engine in this process that is told what it has done, and may break off."""

    workers = 2

    def __init__(self, most=1000):
        self.most, self.done = most, []

    def run(self, work, tasks):
        for number, task in enumerate(pickle.loads(pickle.dumps(list(tasks)))):
            if len(self.done) == self.most:
                raise KeyboardInterrupt
            self.done.append((work.__name__, task.name))
            yield number, work(task)


def test_processes_count_what_threads_do(corpus, tmp_path):
    whole = content(count(corpus, tmp_path / "whole") and tmp_path / "whole")
    count(corpus, tmp_path / "out", tokenizer=split_at_spaces, engine=Processes(2))
    assert content(tmp_path / "out") == whole and names(tmp_path) == ["out", "texts", "whole"]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("tokenizer", ["word", split_at_spaces, "words.tsv"])
def test_an_engine_goes_on_with_the_shards_that_are_left(corpus, tmp_path, monkeypatch, tokenizer):
    if tokenizer == "words.tsv":
        Lexicon(WORDS, np.full(300, 5)).save(tmp_path / tokenizer)
        tokenizer = str(tmp_path / tokenizer)
    monkeypatch.setattr(shards, "shard_size", lambda *_: 4000)
    monkeypatch.setattr(shards, "_RANGE", 300)
    whole = content(count(corpus, tmp_path / "whole", tokenizer=tokenizer) and tmp_path / "whole")
    done = []
    for most in (3, 5, 1000):
        engine = InTurn(most)
        with nullcontext() if most == 1000 else pytest.raises(KeyboardInterrupt):
            count(corpus, tmp_path / "out", tokenizer=tokenizer, engine=engine)
        done += engine.done
    assert content(tmp_path / "out") == whole
    assert len(done) == len(set(done))  # nothing was done twice
    assert min(Counter(name for name, _ in done).values()) > 3
    assert not (tmp_path / ".out.textzero").exists()


def encoded(*rows):
    """Rows as {column: count}."""
    from textzero.kernels.reference.cooccurrence import _encode

    data, lengths = _encode([dict(row) for row in rows])
    return Rows(data, np.concatenate([lengths.T, np.zeros((1, len(rows)), np.int64)]))


@pytest.mark.parametrize("large", [1 << 31, 1 << 32, 1 << 53, (1 << 62) + 1])
def test_counts_are_exact_however_large(tmp_path, large):
    store, words = Store(tmp_path), Vocabulary(WORDS[:3], np.ones(3, np.int64))
    for name, more in (("a", -1), ("b", 0), ("c", 2)):
        count = (large + more) // (1 if large < 1 << 60 else 4)
        rows = encoded({1: count}, {0: count, 2: 1}, {1: 1})
        rows.beside[2] = count, 1, count
        write_run(store, name, [rows])
    with Merge(store, ["a", "b", "c"], 3, 1 << 20, 1) as merge:
        ((data, beside),) = merge.rows()
    total = 3 * large + 1 if large < 1 << 60 else sum((large + k) // 4 for k in (-1, 0, 2))
    saved = Cooccurrence(words, data, beside[:2].T.copy(), beside[2], 1.0, {})
    saved.save(tmp_path / "out")
    read = Cooccurrence.load(tmp_path / "out")
    columns, counts = kernel("cooccurrence").decode_rows(
        np.asarray(read.data[read.offsets[1] : read.offsets[2]]), 2
    )
    assert columns.tolist() == [0, 2] and counts.tolist() == [total, 3]
    assert read.diagonal.tolist() == [total, 3, total]
    assert read.row(1)[1].tolist() == [float(total), 3.0]


def merged(store, *names):
    with Merge(store, names, 2, 1 << 20, 1) as merge:
        return list(merge.rows())


def test_a_sum_that_int64_does_not_hold_is_an_error(tmp_path):
    store, most = Store(tmp_path), (1 << 63) - 1
    for name in "ab":
        write_run(store, name, [encoded({1: most - 5}, {0: 4})])
    with pytest.raises(InputError, match=r"below 2\^63"):
        merged(store, "a", "b")
    with pytest.raises(InputError, match=r"2\^63 or more"):
        exact_sum([np.array([most]), np.array([1])])
    assert exact_sum([np.array([most - 1]), np.array([1])]).tolist() == [most]


def test_a_run_that_was_changed_is_refused(tmp_path):
    store = Store(tmp_path)
    write_run(store, "a", [encoded({1: 5}, {0: 5})])
    sound = (tmp_path / "a").read_bytes()
    for place in range(0, len(sound), 7):
        for damaged in (sound[:place], sound[:place] + b"\xff" + sound[place + 1 :]):
            (tmp_path / "a").write_bytes(damaged)
            with pytest.raises(InputError, match=r"damaged|must hold 2 rows"):
                merged(store, "a")


def test_a_run_of_many_blocks_is_read_from_any_row(tmp_path, monkeypatch):
    monkeypatch.setattr("textzero._cooccurrence.runs.BLOCK", 10)
    rows = encoded(*({j: i + j + 1 for j in range(i % 4)} for i in range(50)))
    write_run(Store(tmp_path), "a", [rows])
    run = Run(Store(tmp_path), "a")
    assert len(run.index) > 10
    ends = np.concatenate([[0], np.cumsum(rows.beside[0])])
    for first, last in ((0, 50), (3, 9), (17, 18), (49, 50), (20, 20)):
        part = run.rows(first, last)
        assert_array_equal(part.data, rows.data[ends[first] : ends[last]])
        assert_array_equal(part.beside, rows.beside[:, first:last])
    run.close()


def test_a_vocabulary_that_memory_cannot_hold_is_refused_with_what_would_do(tmp_path):
    (tmp_path / "t").write_text("a b\n")
    many = Vocabulary([f"w{i}" for i in range(600_000)], np.ones(600_000, np.int64))
    with pytest.raises(ResourceError, match=r"--memory of at least .*--max-words [0-9]+"):
        count_cooccurrences(Corpus(tmp_path / "t"), many, memory="300MB")


def test_a_small_disk_is_told_before_the_work(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("textzero.disk.Disk.free", lambda *_: 1000)
    monkeypatch.setattr(segments.Encoder, "encode", lambda *_: pytest.fail("work was begun"))
    with pytest.raises(ResourceError, match=r"co-occurrences may take .* where 1.0 kB are free"):
        count(corpus, tmp_path / "out")


def test_a_journal_without_a_stage_keeps_its_parts_in_memory(tmp_path):
    kept = Journal(lambda: Scratch(tmp_path))
    kept.add(Part([kept.write([encoded({1: 1}, {0: 1})])], [(0, 0, 5)]))
    assert kept.covered() == [(0, 0, 5)] and len(kept.runs) == 1
    assert names(tmp_path) == kept.runs


def test_ranges_of_rare_words_are_bounded_too():
    # 100,000 rows of one byte in each of 20 runs: what stands beside them is what takes memory
    index = np.array([(0, 0, 0), (100_000, 50_000, 100_000)])
    ranges = even_ranges([index] * 20, 1 << 20)
    rows = [last - first for first, last in ranges]
    assert sum(rows) == 100_000 and max(rows) * 20 * 24 < 1 << 20
