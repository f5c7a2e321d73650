"""A count on an engine: shards that are done, lost, late, damaged."""

import pytest
from word_makers import table_of

from textzero import counting
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.engines import Engine, Processes
from textzero.errors import ResourceError
from textzero.workspace import Stage, Workspace


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
