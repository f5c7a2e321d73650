"""Words that memory does not hold: runs, their merging, and counts that go on where they were."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from textzero import _count_splits, counting
from textzero._words import bounded, merging
from textzero._words.bounded import BoundedTable
from textzero._words.merging import Bench, merged, new_name, rank_all, reduced, write_columns
from textzero._words.runs import Rows, Run, Scratch, write_run
from textzero._words.spool import Part, Spool, joined, uncovered
from textzero._words.totals import total
from textzero.corpus import Corpus, Reading, Split
from textzero.counting import count_words
from textzero.counts import Counts, exact_sum, merge_counts
from textzero.engines import Engine, Processes
from textzero.errors import InputError, ResourceError
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.store import Store
from textzero.vocabulary import Vocabulary
from textzero.workspace import Stage, Workspace

WORD = st.one_of(
    st.text("ab", min_size=1, max_size=3),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.builds("{}{}".format, st.sampled_from(["a" * 7, "a" * 15, "b" * 40]), st.text("ab")),
)
COUNT = st.one_of(st.integers(1, 3), st.sampled_from([65534, 65535, 1 << 31, 1 << 32, 1 << 53]))
TABLE = st.dictionaries(WORD, st.tuples(COUNT, st.integers(0, 9)), max_size=20)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of one or a few words, so that small runs have many."""
    monkeypatch.setattr(merging, "SMALLEST", 80)


def rows_of(table, *, in_order=True):
    words = sorted(table, key=str.encode) if in_order else list(table)
    packed = PackedStrings.from_strings(words)
    counts, held = np.array([table[w] for w in words], np.int64).reshape(-1, 2).T.copy()
    return Rows(packed.text, packed.offsets, counts, held)


def contents(parts):
    """Word, count, documents of rows in their order."""
    found = []
    for rows in parts:
        words = list(PackedStrings(rows.text, rows.offsets))
        found += zip(words, rows.counts.tolist(), rows.documents.tolist(), strict=True)
    return found


def summed(tables):
    counts, held = Counter(), Counter()
    for table in tables:
        for word, (count, documents) in table.items():
            counts[word] += count
            held[word] += documents
    return {word: (counts[word], held[word]) for word in counts}


def bench_in(folder, room=1 << 14, workers=1):
    (folder / "bench").mkdir()
    return Bench(Scratch(folder / "bench"), room, workers, True)


# --- runs ---------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(table=TABLE, block=st.integers(1, 300))
def test_a_run_holds_what_was_written(tmp_path_factory, table, block):
    store = Scratch(tmp_path_factory.mktemp("runs"))
    size = write_run(store, "a.run", [rows_of(table)], block)
    run = Run(store, "a.run")
    assert size == run.size == store.size("a.run")
    assert (run.words, run.text) == (len(table), sum(len(word.encode()) for word in table))
    assert contents(run.rows()) == [(w, *table[w]) for w in sorted(table, key=str.encode)]


@given(data=st.data())
def test_a_damaged_run_is_refused(tmp_path_factory, data):
    store = Scratch(tmp_path_factory.mktemp("runs"))
    write_run(store, "a.run", [rows_of({f"word {i}": (i, 1) for i in range(50)})], 500)
    whole = bytearray(store.read("a.run"))
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole[place] ^= data.draw(st.integers(1, 255))
    else:
        del whole[place:]
    with store.create("a.run") as file:
        file.write(whole)
    with pytest.raises(InputError, match=r"a\.run is damaged: .*; remove it and run again"):
        list(Run(store, "a.run").rows())


@settings(max_examples=20)
@given(
    tables=st.lists(TABLE, max_size=9),
    block=st.integers(1, 200),
    room=st.sampled_from([1 << 11, 1 << 14]),
    limits=st.tuples(st.none() | WORD, st.none() | WORD),
)
def test_merged_runs_are_the_sums_of_a_counter(tmp_path_factory, tables, block, room, limits):
    folder = tmp_path_factory.mktemp("runs")
    store, bench = Scratch(folder), bench_in(folder, room)
    for i, table in enumerate(tables):
        write_run(store, f"{i}.run", [rows_of(table)], block)
    found = [Run(store, f"{i}.run") for i in range(len(tables))]
    low = (limits[0] or "").encode()
    high = None if limits[1] is None else limits[1].encode()
    wanted = [
        (word, *numbers)
        for word, numbers in sorted(summed(tables).items(), key=lambda row: row[0].encode())
        if low <= word.encode() and (high is None or word.encode() < high)
    ]
    few = reduced(found, bench, most=2, limits=(low, high))
    assert len(few) <= 2
    assert contents(merged(few, bench, low, high)) == wanted


def test_merging_allocates_by_the_words_there_are_not_by_the_bound(tmp_path):
    bench = bench_in(tmp_path, room=1 << 60)
    store = Scratch(tmp_path)
    write_run(store, "a.run", [rows_of({"a": (1, 1)})], 100)
    assert contents(merged([Run(store, "a.run")], bench)) == [("a", 1, 1)]


@settings(max_examples=20)
@given(
    tables=st.lists(TABLE, max_size=6),
    min_count=st.sampled_from([1, 2, 65535]),
    workers=st.sampled_from([1, 3]),
    room=st.sampled_from([1 << 11, 1 << 15]),
)
def test_the_order_of_all_tables_needs_no_memory(
    tmp_path_factory, tables, min_count, workers, room
):
    folder = tmp_path_factory.mktemp("runs")
    store, bench = Scratch(folder), bench_in(folder, room, workers)
    for i, table in enumerate(tables):
        write_run(store, f"{i}.run", [rows_of(table)], 100)
    every = [Run(store, f"{i}.run") for i in range(len(tables))]
    ranked, distinct = rank_all(every, bench, min_count, Progress())
    columns = write_columns(ranked, bench, folder)
    sums = summed(tables)
    wanted = [(w, n, m) for w, (n, m) in sums.items() if n >= min_count]
    assert distinct == len(sums)
    assert contents([columns]) == sorted(wanted, key=lambda row: (-row[1], row[0].encode()))


def test_more_runs_than_are_merged_at_once_take_several_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "FAN_IN", 3)
    bench, most = bench_in(tmp_path, 1 << 20), []
    for i in range(20):
        write_run(bench.store, f"{i}.run", [rows_of({f"w{i % 7}": (1, 1), "all": (1, 0)})], 100)

    def watched(group, *args, **options):
        most.append(len(group))
        return merged(group, *args, **options)

    monkeypatch.setattr(merging, "merged", watched)
    left = reduced([Run(bench.store, f"{i}.run") for i in range(20)], bench, most=merging.FAN_IN)
    assert (len(left), max(most)) == (3, 3)
    assert sum(run.words for run in left) < 40
    assert sorted(bench.store.names()) == sorted(run.name for run in left)


def test_a_sum_beyond_63_bits_is_refused_wherever_it_is_made(tmp_path):
    large = rows_of({"a": ((1 << 63) - 1, 5), "b": (1, 1)})
    one = rows_of({"a": (1, 5)})
    bench = bench_in(tmp_path)
    for name, rows in (("large.run", large), ("one.run", one)):
        write_run(bench.store, name, [rows], 1000)
    with pytest.raises(InputError, match=r"must stay below 2\^63"):
        list(merged([Run(bench.store, name) for name in ("large.run", "one.run")], bench))
    tables = [Counts(PackedStrings(*rows[:2]), *rows[2:]) for rows in (large, one)]
    with pytest.raises(InputError, match=r"must stay below 2\^63"):
        merge_counts(tables)
    with pytest.raises(InputError, match=r"must stay below 2\^63"):
        merge_counts([tables[1], tables[1], tables[0]])


# --- tables within a bound ----------------------------------------------------------------------

DOCUMENTS = st.lists(
    st.lists(st.one_of(st.sampled_from(["a", "b", "ab"]), st.integers(0, 40).map(str)),
             max_size=40),
    max_size=6,
)  # fmt: skip


def counted(documents, low, high):
    counts, held = Counter(), Counter()
    for document in documents:
        grams = [
            " ".join(document[i : i + n])
            for n in range(low, high + 1)
            for i in range(len(document) - n + 1)
        ]
        counts.update(grams)
        held.update(set(grams))
    return {word: (counts[word], held[word]) for word in counts}


def result(spool, tables, names=(), min_count=1, room=0):
    rows, distinct, _ = total(tables, list(names), spool, room, 1, Progress(), min_count)
    return contents([rows]), distinct


@settings(max_examples=20)
@given(
    documents=DOCUMENTS,
    orders=st.sampled_from([(1, 1), (2, 2), (1, 3)]),
    piece=st.integers(1, 9),
    dumps=st.sets(st.integers(0, 60)),
)
def test_where_a_table_is_emptied_does_not_change_what_is_counted(documents, orders, piece, dumps):
    spool = Spool(None, None, Bench(Store("."), 1 << 14, 1, True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded, "_OPEN", 2)
        table = BoundedTable(True, *orders, 1 << 30, spool.bench, spool.store)
        entries = [entry for document in documents for entry in (*document, None)]
        for number, start in enumerate(range(0, len(entries), piece)):
            part = entries[start : start + piece]
            packed = PackedStrings.from_strings([entry or "" for entry in part])
            ends = np.array([entry is None for entry in part])
            starts = np.where(ends, -1, packed.offsets[:-1]).astype(np.int32)
            stops = np.where(ends, -1, packed.offsets[1:]).astype(np.int32)
            table.add_tokens(packed.text, starts, stops)
            if number in dumps:
                table.dump()
        table.end_document()
        for room in (1 << 30, 0):  # in memory, or merged on disk
            wanted = counted(documents, *orders)
            rows = sorted(((w, *n) for w, n in wanted.items()), key=lambda r: (-r[1], r[0]))
            table.dump()
            copy = BoundedTable(True, *orders, 1 << 30, spool.bench, spool.store)
            assert result(spool, [copy], table.runs, room=room) == (rows, len(rows))
    spool.close()


def test_a_table_stays_within_its_bound():
    spool = Spool(None, None, Bench(Store("."), 1 << 24, 1, True))
    table = BoundedTable(True, 1, 1, 1_500_000, spool.bench, spool.store)
    words = [f"word{i:07d}" for i in range(100_000)]
    packed = PackedStrings.from_strings(words)
    offsets, ones = packed.offsets.astype(np.int32), np.ones(100_000, np.int64)
    for start in range(0, len(words), 20_000):
        stop = start + 20_000
        table.add_tokens(packed.text, offsets[start:stop], offsets[start + 1 : stop + 1])
        assert table.kernels.size_after(table.table, 0, 0) <= 1_500_000
    assert len(table.runs) > 3
    table.add_rows(Rows(packed.text, packed.offsets, ones, ones))
    assert table.kernels.size_after(table.table, 0, 0) <= 1_500_000
    rows, distinct = result(spool, [table])
    assert distinct == len(rows) == 100_000
    assert {count for _, count, _ in rows} == {2}
    spool.close()


# --- what is done -------------------------------------------------------------------------------


@given(
    covers=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 50)), max_size=8
    ),
    size=st.integers(1, 60),
)
def test_what_is_left_and_what_is_done_are_everything_once(covers, size):
    covers = [(source, min(a, b), max(a, b)) for source, a, b in covers]
    splits = [
        Split(source, start, min(start + size, 50), "f")
        for source in range(3)
        for start in range(0, 50, size)
    ]
    left = uncovered(splits, covers)
    for source in range(3):
        done = {i for s, a, b in covers if s == source for i in range(a, b)}
        rest = [i for part in left for s in part if s.source == source
                for i in range(s.start, s.stop)]  # fmt: skip
        assert sorted(rest) == sorted(set(range(50)) - done)
    assert joined(joined(covers)) == joined(covers)


class CountStore(RuleBasedStateMachine):
    """Parts of a count are added, spilled, committed; runs are killed and go on."""

    @initialize()
    def start(self):
        from tempfile import TemporaryDirectory

        self.home = TemporaryDirectory()
        self.done, self.lost, self.next = Counter(), [], 0
        self.open()

    def open(self):
        self.workspace = Workspace.beside(f"{self.home.name}/out.tsv")
        self.workspace.__enter__()
        self.spool = Spool(self.workspace, {"inputs": 1}, Bench(Store("."), 1 << 13, 1, False))
        self.table = BoundedTable(False, 1, 1, 1 << 30, self.spool.bench, self.spool.store)
        self.pending, self.covers = Counter(), []

    @rule(words=st.lists(WORD, max_size=8))
    def add(self, words):
        counts = Counter(words)
        packed = PackedStrings.from_strings(counts)
        numbers = np.array(list(counts.values()), np.int64)
        self.table.add_rows(Rows(packed.text, packed.offsets, numbers, np.zeros(0, np.int64)))
        self.pending += counts
        self.covers.append((0, self.next, self.next + 1))
        self.next += 1

    @rule()
    def spill(self):
        self.table.dump()

    @rule()
    def commit(self):
        self.table.dump()
        part = Part(self.covers, self.table.runs, self.pending.total(), Reading())
        self.spool.commit(f"part-{new_name()}", part)
        self.table.runs, self.covers = [], []
        self.done += self.pending
        self.pending = Counter()

    @rule()
    def kill(self):
        """Nothing is tidied up; what was not committed is lost, and said to be left."""
        self.workspace._lock.release()
        self.open()
        assert all(name.endswith((".run", ".json")) for name in self.spool.stage.store.names())

    @rule(room=st.sampled_from([0, 1 << 30]))
    def merge(self, room):
        names = [*self.table.runs, *(n for part in self.spool.parts for n in part.runs)]
        copy = BoundedTable(False, 1, 1, 1 << 30, self.spool.bench, self.spool.store)
        self.table.dump()
        names = [*self.table.runs, *(n for part in self.spool.parts for n in part.runs)]
        found, distinct, _ = total([copy], names, self.spool, room, 1, Progress())
        words = PackedStrings(found.text, found.offsets)
        rows = list(zip(words, found.counts.tolist(), strict=True))
        wanted = self.done + self.pending
        assert rows == sorted(wanted.items(), key=lambda row: (-row[1], row[0].encode()))
        assert distinct == len(wanted)

    @invariant()
    def what_is_committed_is_there(self):
        assert sum(part.tokens for part in self.spool.parts) == self.done.total()

    def teardown(self):
        if hasattr(self, "home"):
            self.workspace.__exit__(None, None, None)
            self.home.cleanup()


TestCountStore = CountStore.TestCase
TestCountStore.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


# --- count_words --------------------------------------------------------------------------------


def by_letters(text):
    return list(text.replace(" ", ""))


@pytest.fixture
def little_memory(monkeypatch):
    """Tables that hold a few thousand words, whatever the bound is."""

    def shares(room):
        def made(_, workers):
            return _count_splits.Shares(room, workers, room // workers)

        monkeypatch.setattr(_count_splits.Shares, "of_threads", made)
        monkeypatch.setattr(_count_splits.Shares, "of_processes", made)
        monkeypatch.setattr(_count_splits, "_LOOK", 50)

    return shares


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A file of short and long documents with some 20 000 different bigrams."""
    draw = random.Random(3)
    path = tmp_path_factory.mktemp("texts") / "a.txt"
    sizes = [draw.choice([0, 3, 20, 3000]) for _ in range(40)]
    path.write_text(
        "\n".join(" ".join(str(draw.randrange(400)) for _ in range(n)) for n in sizes) + "\n"
    )
    return path


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Corpora in parts of 10 kB."""
    splits = Corpus.splits
    monkeypatch.setattr(Corpus, "splits", lambda self, _=0: splits(self, 10_000))


def table_of(counts):
    return b"".join(counts.formatted("tsv"))


@pytest.mark.parametrize("tokenizer", ["whitespace", str.split])
@pytest.mark.parametrize("workers", [1, 2])
def test_counts_are_the_same_for_any_bound(texts, little_memory, tokenizer, workers):
    how = {"tokenizer": tokenizer, "ngrams": (1, 2), "documents": True, "workers": workers}
    expected = count_words(Corpus(texts), **how)
    little_memory(400_000 * workers)
    found = count_words(Corpus(texts), **how)
    assert found.owner is not None  # its words are files
    assert table_of(found) == table_of(expected)
    assert found.tokens == expected.tokens
    assert found.reading == expected.reading
    for format in ("parquet", "jsonl"):
        assert b"".join(found.formatted(format)) == b"".join(expected.formatted(format))
    assert found.most_common(3) == expected.most_common(3)
    word = found.words[len(found) - 1]
    assert found[word] == expected[word]
    assert "no such word" not in found
    few = count_words(Corpus(texts), min_count=3, **how)
    assert table_of(few) == table_of(expected.keep(3))
    assert few.distinct == len(expected)
    assert table_of(found.keep(3, top=50)) == table_of(expected.keep(3, top=50))
    assert list(Vocabulary.from_counts(found, 2)) == list(Vocabulary.from_counts(expected, 2))


def test_mapped_words_go_with_the_object(texts, little_memory, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    little_memory(400_000)
    counts = count_words(Corpus(texts), ngrams=2, workers=1)
    kept = counts.keep(2)
    del counts
    assert kept.most_common(1)
    assert list(tmp_path.iterdir())
    del kept
    assert not list(tmp_path.iterdir())


def stopped_after(parts):
    class Stop(Progress):
        done = 0

        def advance(self, _):
            self.done += 1
            if self.done > parts:
                raise KeyboardInterrupt

    return Stop()


@pytest.mark.parametrize("tokenizer", ["whitespace", str.split])
@pytest.mark.parametrize("room", [300_000, 1 << 30])
def test_a_run_that_was_broken_off_goes_on(
    texts, little_memory, monkeypatch, tmp_path, tokenizer, room
):
    expected = table_of(count_words(Corpus(texts), tokenizer=tokenizer, ngrams=(1, 2)))
    little_memory(room)
    monkeypatch.setattr(_count_splits, "COMMIT_SECONDS", 0)
    monkeypatch.setattr(_count_splits, "_SHARE", 0)
    said = []
    how = {"tokenizer": tokenizer, "ngrams": (1, 2), "workers": 1}

    def run(progress=None, **more):
        with Workspace.beside(tmp_path / "out", say=said.append) as workspace:
            counts = count_words(
                Corpus(texts), workspace=workspace, progress=progress, **how, **more
            )
            return table_of(counts)

    for parts in (2, 4, 3):
        with pytest.raises(KeyboardInterrupt):
            run(stopped_after(parts))
    assert (tmp_path / ".out.textzero").exists()
    assert run() == expected
    done = [int(sentence.split()[1]) for sentence in said]
    assert 0 < done[0] < done[1] < done[2] < 16
    assert said[2] == f"count: {done[2]} of 16 parts were done before"
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        run(stopped_after(3))
    assert run(documents=True) != expected
    assert said[-1] == "count starts afresh: other documents than before"


def test_a_tokenizer_whose_code_was_changed_begins_afresh(texts, monkeypatch, tmp_path):
    monkeypatch.setattr(_count_splits, "COMMIT_SECONDS", 0)
    monkeypatch.setattr(_count_splits, "_SHARE", 0)
    said = []

    def run(tokenizer, progress=None):
        with Workspace.beside(tmp_path / "out", say=said.append) as workspace:
            counts = count_words(
                Corpus(texts), tokenizer=tokenizer, workers=1, workspace=workspace,
                progress=progress,
            )  # fmt: skip
            return table_of(counts)

    before = lambda text: text.split()  # noqa: E731
    after = lambda text: ["-".join(text.split())]  # noqa: E731
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(before, stopped_after(3))
    assert len(said) == 1 and "were done before" in said[0]
    assert run(after) == table_of(count_words(Corpus(texts), tokenizer=after, workers=1))
    assert said[1:] == ["count starts afresh: other code than before"]


def test_a_result_that_was_damaged_is_counted_again(texts, monkeypatch, tmp_path):
    monkeypatch.setattr(_count_splits, "COMMIT_SECONDS", 0)
    monkeypatch.setattr(_count_splits, "_SHARE", 0)
    expected = table_of(count_words(Corpus(texts)))
    with pytest.raises(KeyboardInterrupt), Workspace.beside(tmp_path / "out") as workspace:
        count_words(Corpus(texts), workspace=workspace, workers=1,
                    progress=stopped_after(3))  # fmt: skip
    runs = sorted(tmp_path.glob(".out.textzero/*/*.run"))
    runs[0].write_bytes(runs[0].read_bytes()[:-5])
    with Workspace.beside(tmp_path / "out") as workspace:
        assert table_of(count_words(Corpus(texts), workspace=workspace)) == expected


def test_shards_on_processes_are_the_same_and_go_on(texts, monkeypatch, tmp_path):
    expected = count_words(Corpus(texts), ngrams=(1, 2), documents=True)
    monkeypatch.setattr(counting, "shard_size", lambda *_: 40_000)
    monkeypatch.setattr(counting, "FEW", 0)
    said = []
    for stop in (1, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Processes, "run", stopping(Processes.run, stop))
            try:
                with Workspace.beside(tmp_path / "out", say=said.append) as workspace:
                    counts = count_words(
                        Corpus(texts), ngrams=(1, 2), documents=True, engine=Processes(2),
                        workspace=workspace, min_count=2,
                    )  # fmt: skip
                    assert table_of(counts) == table_of(expected.keep(2))
                    assert counts.distinct == len(expected)
                    assert counts.reading == expected.reading
            except KeyboardInterrupt:
                assert stop == 1
    assert len(said) == 1
    assert said[0].startswith("count: ")


class Here(Engine):
    """One worker, in this process; between the shards something happens."""

    workers = 1

    def __init__(self, happens):
        self.happens = happens

    def run(self, work, tasks):
        for number, task in enumerate(tasks):
            yield number, work(task)
            self.happens(task)


def test_what_a_worker_of_a_dead_run_brings_late_is_not_counted_twice(texts, monkeypatch, tmp_path):
    expected = table_of(count_words(Corpus(texts)))
    monkeypatch.setattr(counting, "shard_size", lambda *_: 40_000)

    def late(task):
        """A part of other stretches, which hold words of ours too."""
        stage = Stage("count", task.store)
        facts = dict(stage.entries()[task.name])
        stage.commit("shard-late", {**facts, "covers": [[0, 0, 60_000]]})

    with Workspace.beside(tmp_path / "out") as workspace:
        counts = count_words(Corpus(texts), engine=Here(late), workspace=workspace)
        assert table_of(counts) == expected

    def stop(task):
        late(task)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workspace.beside(tmp_path / "out") as workspace:
        count_words(Corpus(texts), engine=Here(stop), workspace=workspace)
    with Workspace.beside(tmp_path / "out") as workspace:
        assert table_of(count_words(Corpus(texts), workspace=workspace)) == expected


@pytest.mark.parametrize("few", [0, 1 << 23])
@pytest.mark.parametrize("ending", [".run", ".json"])
def test_a_result_that_is_lost_while_the_run_goes_on_is_missed(texts, monkeypatch, few, ending):
    monkeypatch.setattr(counting, "shard_size", lambda *_: 40_000)
    monkeypatch.setattr(counting, "FEW", few)

    def lose(task):
        if task.name.startswith("range" if few == 0 else "shard"):
            task.store.remove(task.name + ending)

    with pytest.raises(ResourceError, match=r"is gone from .* run the same command again"):
        count_words(Corpus(texts), engine=Here(lose))


def test_a_merged_range_that_was_damaged_is_merged_again(texts, monkeypatch, tmp_path):
    expected = table_of(count_words(Corpus(texts)))
    monkeypatch.setattr(counting, "shard_size", lambda *_: 40_000)
    monkeypatch.setattr(counting, "FEW", 0)

    def stop(task):
        if task.name.startswith("range"):
            run = task.store.local / f"{task.name}.run"
            run.write_bytes(run.read_bytes()[:-5])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workspace.beside(tmp_path / "out") as workspace:
        count_words(Corpus(texts), engine=Here(stop), workspace=workspace)
    again = []
    with Workspace.beside(tmp_path / "out") as workspace:
        counts = count_words(Corpus(texts), engine=Here(again.append), workspace=workspace)
        assert table_of(counts) == expected
    assert again and all(task.name.startswith("range") for task in again)


def stopping(run, after):
    def stopped(self, work, tasks):
        for number, found in enumerate(run(self, work, tasks), 1):
            yield found
            if number == after:
                raise KeyboardInterrupt

    return stopped


def test_shards_on_a_cluster_are_the_same(texts, monkeypatch):
    distributed = pytest.importorskip("distributed")
    expected = table_of(count_words(Corpus(texts), ngrams=(1, 2)))
    monkeypatch.setattr(counting, "shard_size", lambda *_: 40_000)
    monkeypatch.setattr(counting, "FEW", 0)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert table_of(count_words(Corpus(texts), ngrams=(1, 2), engine=client)) == expected


def test_a_lexicon_waits_for_workers_in_the_store(tmp_path):
    (tmp_path / "a.txt").write_text("研究生命起源\n" * 50)
    lexicon = tmp_path / "lexicon.tsv"
    lexicon.write_text("研究\t5\n生命\t4\n起源\t1\n")
    how = {"tokenizer": str(lexicon), "workers": 1}
    expected = table_of(count_words(Corpus(tmp_path / "a.txt"), **how))
    found = count_words(Corpus(tmp_path / "a.txt"), engine=Processes(1), **how)
    assert table_of(found) == expected


def test_a_bound_too_small_for_processes_is_refused(texts):
    with pytest.raises(ResourceError, match=r"at least .* for engine processes, got 300MB"):
        count_words(Corpus(texts), engine="processes", memory="300MB")


# --- merge_counts -------------------------------------------------------------------------------


def files_of(folder, tables, name="{}.tsv"):
    paths = []
    for i, table in enumerate(tables):
        rows = sorted(((w, *n) for w, n in table.items()), key=lambda r: (-r[1], r[0].encode()))
        ordered = rows_of({w: n for w, *n in rows}, in_order=False)
        paths.append(folder / name.format(i))
        Counts(PackedStrings(*ordered[:2]), *ordered[2:]).save(paths[-1])
    return paths


@settings(max_examples=30)
@given(
    tables=st.lists(TABLE, min_size=1, max_size=4),
    name=st.sampled_from(["{}.tsv", "{}.jsonl", "{}.parquet"]),
    dump=st.booleans(),
)
def test_files_are_merged_block_by_block(tmp_path_factory, tables, name, dump):
    folder = tmp_path_factory.mktemp("tables")
    tables = [{w: (n, max(1, m)) for w, (n, m) in t.items() if w.strip() == w} for t in tables]
    paths = files_of(folder, tables, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textzero._counts_reading.BLOCK", 64)
        patch.setattr("textzero._counts_reading._ROWS", 3)
        if dump:
            patch.setattr("textzero.counts.BASE", (300 << 20) - 10_000)
            patch.setattr("textzero._words.bounded._SLICE", 3)
        found = merge_counts(paths, memory="300MB", workers=1)
    sums = sorted(
        ((w, *n) for w, n in summed(tables).items()), key=lambda r: (-r[1], r[0].encode())
    )
    rows = zip(found.words, found.counts.tolist(), found.documents.tolist(), strict=True)
    assert list(rows) == sums
    assert found.tokens == sum(n for _, n, _ in sums)


def test_a_word_that_is_there_twice_far_apart_is_named(tmp_path):
    lines = [f"w{i}\t{1 + i % 3}" for i in range(3000)]
    lines[2500] = "w17\t1"
    (tmp_path / "c.tsv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"c\.tsv:2501: 'w17' is there twice"):
        merge_counts([tmp_path / "c.tsv"])


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("textzero._counts_reading.LONGEST", 1000)
    monkeypatch.setattr("textzero._counts_reading.BLOCK", 100)
    for name in ("c.tsv", "c.jsonl"):
        (tmp_path / name).write_text("a\t1\n" * (name == "c.tsv") + "x" * 5000)
        with pytest.raises(InputError, match=rf"{name}:\d: expected"):
            Counts.load(tmp_path / name)


@pytest.mark.parametrize("name", ["c.tsv", "c.jsonl", "c.parquet"])
def test_large_counts_are_exact_everywhere(tmp_path, name):
    near = [limit + d for limit in (1 << 31, 1 << 32, 1 << 53, 1 << 62) for d in (-1, 0, 1)]
    table = {f"w{i}": (n, n) for i, n in enumerate(near)}
    (path,) = files_of(tmp_path, [table], name)
    loaded = Counts.load(path)
    assert dict(loaded) == {w: n for w, (n, _) in table.items()}
    assert loaded.documents.tolist() == loaded.counts.tolist() == sorted(near, reverse=True)
    assert loaded.tokens == sum(near)  # beyond 63 bits
    assert exact_sum(loaded.counts) == sum(near)
    few = {w: n for w, n in table.items() if n[0] < 1 << 62}
    path, other = files_of(tmp_path, [few, few], name)
    doubled = merge_counts([path, other])
    assert dict(doubled) == {w: 2 * n for w, (n, _) in few.items()}
    vocabulary = Vocabulary.from_counts(loaded, 1)
    vocabulary.save(tmp_path / "v.tsv")
    assert Vocabulary.load(tmp_path / "v.tsv").counts.tolist() == sorted(near, reverse=True)
    assert f"{sum(near):,} tokens" in repr(vocabulary)


def test_a_disk_that_is_too_small_is_told_before_it_is_full(texts, little_memory):
    little_memory(400_000)
    from textzero.disk import Disk, replaced_disk

    class Small(Disk):
        def free(self, path):  # noqa: ARG002
            return 1000

    with replaced_disk(Small()), pytest.raises(ResourceError, match="free some space"):
        count_words(Corpus(texts), ngrams=2, workers=1)
