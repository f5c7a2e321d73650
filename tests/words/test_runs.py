"""Runs of words in files: written, read, damaged, merged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from word_makers import TABLE, WORD, contents, rows_of, summed

from textzero._words import merging
from textzero._words.merging import Bench, merged, rank_all, reduced, write_columns
from textzero._words.runs import Run, Scratch, write_run
from textzero.counts import Counts, merge_counts
from textzero.errors import InputError
from textzero.packed import PackedStrings
from textzero.progress import Progress


def bench_in(folder, room=1 << 14, workers=1):
    (folder / "bench").mkdir()
    return Bench(Scratch(folder / "bench"), room, workers, True)


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
