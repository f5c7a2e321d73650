"""Tables of counts in files, merged block by block."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from word_makers import TABLE, rows_of, summed

from textzero.counts import Counts, exact_sum, merge_counts
from textzero.errors import InputError
from textzero.packed import PackedStrings
from textzero.vocabulary import Vocabulary


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
