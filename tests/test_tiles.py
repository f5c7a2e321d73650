from itertools import chain

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.cooccurrence import Cooccurrence, count_cooccurrences
from textzero.errors import InputError
from textzero.vectors import tiles as module
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.targets import biases
from textzero.vectors.tiles import Tiles, deal_words, group_count, tournament
from textzero.vocabulary import Vocabulary

IN_MEMORY, IN_A_FILE = 1 << 40, 0
SETTINGS = TrainingSettings(dim=4, unobserved_weight=0.0).resolved("flat")


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(70)]
    texts = [" ".join(words[i] for i in random.zipf(1.3, 30) % 70) for _ in range(80)]
    return count_cooccurrences(texts, Vocabulary(words, np.arange(170, 100, -1)), window=3)


@pytest.fixture
def small(monkeypatch):
    """Chunks of a few records, and blocks of a few rows."""
    monkeypatch.setattr(module, "CHUNK", 7)
    monkeypatch.setattr(module, "RECORDS_A_WORD", 0)
    monkeypatch.setattr(module, "_BLOCK", 50)


def visits(tiles):
    """Rounds of chunks of records."""
    return [[tiles.read(*place).copy() for place in places] for places in tiles.rounds()]


def all_chunks(tiles):
    return list(chain.from_iterable(visits(tiles)))


@pytest.mark.parametrize("groups", [2, 4, 16, 64])
def test_every_two_groups_meet_once_and_no_group_plays_twice_in_a_round(groups):
    rounds = tournament(groups)
    met = [pair for pairs in rounds for pair in pairs]
    assert sorted(met) == [(a, b) for a in range(groups) for b in range(a, groups)]
    assert rounds[0] == [(group, group) for group in range(groups)]
    for pairs in rounds[1:]:
        assert sorted(sum(pairs, ())) == list(range(groups))


@pytest.mark.parametrize("n_words", [2, 3, 7, 70, 5000, 90_000, 10_000_000])
def test_groups_are_even_and_have_words(n_words):
    groups = group_count(n_words)
    assert groups % 2 == 0 and 2 <= groups <= min(64, n_words)


def test_groups_have_about_as_many_records():
    lengths = (1e6 / np.arange(1, 5001)).astype(np.int64)  # as Zipf has it
    lengths[:20] = 4999  # a row has at most as many records as there are words
    sums = np.bincount(deal_words(lengths, 16), lengths)
    assert sums.max() < 1.1 * sums.min()
    assert np.bincount(deal_words(lengths, 16)).tolist() == [313] * 8 + [312] * 8


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("room", [IN_MEMORY, IN_A_FILE])
def test_every_record_is_visited_once_with_its_target_and_weight(matrix, room):
    tiles = Tiles(matrix, SETTINGS, room, 2)
    assert tiles.chunks > 2
    records = np.concatenate(all_chunks(tiles))
    own, other = biases(matrix, SETTINGS)
    expected = {}
    for i in range(70):
        for j, x in zip(*matrix.row(i), strict=True):
            expected[i, int(j)] = (np.log(x) + own[i] + other[j], min(1, (x / 100) ** 0.75))
    assert records.size == len(expected) == matrix.records
    found = {(i, j): values for i, j, *values in records.tolist()}
    assert found.keys() == expected.keys()
    for pair, values in found.items():
        assert_allclose(values, expected[pair], rtol=1e-5, atol=1e-5)
    tiles.close()


@pytest.mark.usefixtures("small")
def test_no_two_tiles_of_a_round_share_a_word(matrix):
    rounds = visits(Tiles(matrix, SETTINGS, IN_MEMORY, 1))
    assert max(len(chunks) for chunks in rounds) > 4
    for chunks in rounds:
        assert all(0 < chunk.size <= 7 for chunk in chunks)
        words = [set(chunk["row"].tolist() + chunk["column"].tolist()) for chunk in chunks]
        assert sum(map(len, words)) == len(set().union(*words))


@pytest.mark.usefixtures("small")
def test_order_depends_on_the_seed_alone(matrix, monkeypatch, tmp_path):
    whole = visits(Tiles(matrix, SETTINGS, IN_MEMORY, 1))
    for block in (1, 50, 1 << 18):
        monkeypatch.setattr(module, "_BLOCK", block)
        for workers in (1, 2, 7):
            for room in (IN_MEMORY, IN_A_FILE):
                tiles = Tiles(matrix, SETTINGS, room, workers, tmp_path)
                assert (tiles._held is None) == (room == IN_A_FILE)
                for chunks, expected in zip(visits(tiles), whole, strict=True):
                    for chunk, right in zip(chunks, expected, strict=True):
                        assert_array_equal(chunk, right)
                tiles.close()
                assert not list(tmp_path.iterdir())
    other = TrainingSettings(dim=4, unobserved_weight=0.0, seed=1).resolved("flat")
    first = visits(Tiles(matrix, other, IN_MEMORY, 1))[0][0]
    assert first.tolist() != whole[0][0].tolist()


def test_chunks_grow_with_the_words_of_a_tile(matrix, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)
    rounds = visits(Tiles(matrix, SETTINGS, IN_MEMORY, 1))
    # 70 words in 16 groups: 8.75 in a tile, and at most 1.5 records each
    assert 8 < max(chunk.size for chunks in rounds for chunk in chunks) <= 13


def test_a_tile_is_not_visited_row_by_row(matrix):
    largest = max(all_chunks(Tiles(matrix, SETTINGS, IN_MEMORY, 1)), key=len)
    steps = np.diff(largest["row"])
    assert (steps < 0).sum() > largest.size / 4


def test_clipped_targets_and_offset_weights_are_kept(matrix):
    settings = TrainingSettings(
        dim=4, unobserved_weight=0.0, clip=0.5, weight_offset=0.25, truncate=False, x_max=2.0
    ).resolved("flat")
    records = np.concatenate(all_chunks(Tiles(matrix, settings, IN_MEMORY, 1)))
    assert records["target"].min() == 0.5 < records["target"].max()
    assert records["weight"].min() > 0.75 and records["weight"].max() > 2


def damaged(matrix, **changes):
    fields = {"data": matrix.data, "lengths": matrix.lengths} | changes
    return Cooccurrence(
        matrix.vocabulary, fields["data"], fields["lengths"], matrix.diagonal, 1.0, {}
    )


@pytest.mark.parametrize("data", [[9, 1, 0, 1], [0, 1, 0, 1], [0x81, 1, 0, 1]])
def test_damaged_counts_are_refused(data):
    # of two words: column 9; a word with itself; a number that is cut
    matrix = count_cooccurrences(["a b"], Vocabulary(["a", "b"], np.ones(2, np.int64)))
    with pytest.raises(InputError, match="damaged"):
        Tiles(damaged(matrix, data=np.array(data, np.uint8)), SETTINGS, IN_MEMORY, 1)


def test_a_cut_file_is_told(matrix):
    tiles = Tiles(matrix, SETTINGS, IN_A_FILE, 1)
    tiles._file.truncate(16)
    with pytest.raises(InputError, match="was cut"):
        visits(tiles)
    tiles.close()
