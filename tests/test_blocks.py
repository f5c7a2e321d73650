"""What training holds in memory."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.memory import BASE
from textzero.vectors import blocks
from textzero.vectors.blocks import Blocks, encoded_rows, give_back
from textzero.vectors.checkpoint import cooccurrence_digest
from textzero.vectors.training import TrainingSettings, train_vectors
from textzero.vocabulary import Vocabulary

SMAPS = Path("/proc/self/smaps")
needs_smaps = pytest.mark.skipif(not SMAPS.exists(), reason="no /proc/self/smaps on this system")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(3000)]
    lines = [" ".join(random.choice(words, 100)) for _ in range(600)]
    path = tmp_path_factory.mktemp("pairs") / "pairs"
    count_cooccurrences(lines, Vocabulary(words, np.full(3000, 20)), window=5, folder=path)
    return path


def resident(path):
    """Bytes of a mapped file that are in this process's memory."""
    total, inside = 0, False
    for line in SMAPS.read_text().splitlines():
        if "-" in line.split()[0] and not line.split()[0].endswith(":"):
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def settings(dim=8):
    return TrainingSettings(dim=dim).resolved("flat", 3000)


@needs_smaps
def test_pages_that_are_given_back_are_not_resident_and_read_the_same(tmp_path):
    path = tmp_path / "a"
    content = np.random.default_rng(0).integers(0, 256, 1 << 22, np.uint8)
    content.tofile(path)
    for offset in (0, 100, 5000):
        mapped = np.memmap(path, np.uint8, "r", offset)
        assert_array_equal(mapped, content[offset:])
        assert resident(path) > 1 << 21
        give_back(mapped, 1 << 20, 1 << 21)
        assert resident(path) <= (1 << 22) - (1 << 20)
        give_back(mapped)
        assert resident(path) == 0
        assert_array_equal(mapped, content[offset:])
        del mapped


def test_an_array_in_memory_is_left_alone():
    array = np.arange(10)
    give_back(array)
    give_back(array[2:], 0, 8)
    assert_array_equal(array, np.arange(10))


@needs_smaps
def test_training_keeps_no_page_of_the_rows(folder):
    matrix = Cooccurrence.load(folder)
    np.asarray(matrix.data).sum()
    assert resident(folder / "rows.bin") > matrix.data.size // 2
    before = cooccurrence_digest(matrix)
    train_vectors(matrix, dim=4, sweeps=1, memory="310MB")
    assert resident(folder / "rows.bin") < 1 << 16
    assert cooccurrence_digest(matrix) == before
    assert resident(folder / "rows.bin") < 1 << 16


def test_memory_is_divided_between_matrices_blocks_under_way_and_blocks_kept(folder, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_RECORDS", 1000)
    matrix = Cooccurrence.load(folder)
    assert matrix.records > 300_000
    every = Blocks(matrix, settings(), 1 << 30, 1)
    assert every.keeps == len(every.ranges) > 300
    none = Blocks(matrix, settings(), BASE, 1)
    assert none.keeps == 0
    some = Blocks(matrix, settings(), BASE + (3 << 20), 1)
    assert 0 < some.keeps < len(every.ranges)
    held = sum(some.block(i).columns.size for i in range(some.keeps)) * 12
    assert held + 4 * 3000 * 8 * 4 <= 3 << 20
    # a matrix of one more dimension is 12,000 bytes, and there are four
    longer = Blocks(matrix, settings(9), BASE + (3 << 20), 1)
    assert some.keeps - 6 <= longer.keeps <= some.keeps - 3
    assert Blocks(matrix, settings(), BASE + (3 << 20), 4).keeps < some.keeps


def test_a_block_that_is_kept_is_the_one_that_was_decoded(folder, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_RECORDS", 1000)
    matrix = Cooccurrence.load(folder)
    kept, none = Blocks(matrix, settings(), 1 << 30, 1), Blocks(matrix, settings(), BASE, 1)
    for i in (0, 5, len(kept.ranges) - 1):
        first, again = kept.block(i), none.block(i)
        assert kept.block(i) is first and none.block(i) is not again
        for name in ("columns", "logs", "weights", "starts"):
            assert_array_equal(getattr(first, name), getattr(again, name))
        with encoded_rows(matrix, first.first, first.last) as data:
            assert data.size == matrix.lengths[first.first : first.last, 0].sum()


def test_the_digest_is_of_words_and_of_every_row(folder):
    matrix = Cooccurrence.load(folder)
    digests = {cooccurrence_digest(matrix)}
    changed = np.array(matrix.data)
    changed[-1] ^= 1
    words = Vocabulary([f"x{i}" for i in range(3000)], matrix.vocabulary.counts)
    for vocabulary, data, unit in [
        (matrix.vocabulary, changed, 1.0), (words, matrix.data, 1.0),
        (matrix.vocabulary, matrix.data, 0.5),
    ]:  # fmt: skip
        other = Cooccurrence(vocabulary, data, matrix.lengths, matrix.diagonal, unit, {})
        digests.add(cooccurrence_digest(other))
    assert len(digests) == 4
    assert cooccurrence_digest(Cooccurrence.load(folder)) in digests


def test_offsets_beyond_four_gigabytes_are_whole_numbers(tmp_path):
    size = 5 << 30
    with open(tmp_path / "rows", "wb") as file:  # a hole, and a record at its end
        file.seek(size)
        file.write(bytes([0, 7]))
    lengths = np.array([[size, 0], [0, 0], [2, 1]])
    data = np.memmap(tmp_path / "rows", np.uint8, "r")
    words = Vocabulary(["a", "b", "c"], np.ones(3, np.int64))
    matrix = Cooccurrence(words, data, lengths, np.zeros(3, np.int64), 1.0, {})
    columns, x = matrix.row("c")
    assert (columns.tolist(), x.tolist()) == ([0], [7.0])
    with encoded_rows(matrix, 2, 3) as last:
        assert last.tolist() == [0, 7]


def test_records_beyond_2_to_the_32_are_whole_numbers():
    lengths = np.array([[1 << 36, 1 << 34], [1 << 36, 1 << 34], [4, 2]])
    words = Vocabulary(["a", "b", "c"], np.ones(3, np.int64))
    matrix = Cooccurrence(words, np.zeros(0, np.uint8), lengths, np.zeros(3, np.int64), 1.0, {})
    assert matrix.records == (1 << 35) + 2
    row = (1 << 34) * 12
    under_way = (1 << 34) * 48  # what one thread takes for a row while it is decoded and solved
    for kept, memory in [(0, row // 2), (1, row + (1 << 20)), (3, 3 * row)]:
        held = Blocks(matrix, settings(), BASE + under_way + memory, 1)
        assert held.keeps == kept
