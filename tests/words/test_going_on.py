"""A count that was broken off goes on where it was."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from word_makers import WORD, table_of

from textzero import _count_splits
from textzero._words.bounded import BoundedTable
from textzero._words.merging import Bench, new_name
from textzero._words.runs import Rows
from textzero._words.spool import Part, Spool, joined, uncovered
from textzero._words.totals import total
from textzero.corpus import Corpus, Reading, Split
from textzero.counting import count_words
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.store import Store
from textzero.workspace import Workspace


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
