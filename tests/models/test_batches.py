"""Batches hold every example once, follow from the seed, and have few shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras")

from textzero.models.batches import Batches, bucket_length, length_order, pad


def make(n=103, batch_size=8, seed=1, epoch=0):
    lengths = np.random.default_rng(5).integers(1, 90, n)

    def collate(rows, generator):
        return {"row": np.array([-1 if row is None else row for row in rows]),
                "drawn": generator.random(3)}, None  # fmt: skip

    return Batches(range(n), lengths, collate, batch_size, seed, epoch)


def rows(batches):
    return [batches[i][0]["row"] for i in range(len(batches))]


def test_every_example_comes_once_an_epoch_in_another_order_each_time():
    batches = make()
    first = np.concatenate(rows(batches))
    batches.on_epoch_end()
    second = np.concatenate(rows(batches))
    for epoch in (first, second):
        assert sorted(epoch[epoch >= 0]) == list(range(103))
    assert list(first) != list(second)


def test_batches_have_one_size_and_like_lengths():
    batches = make(400)
    found = rows(batches)
    assert {len(batch) for batch in found} == {8}
    spread = [np.ptp(batches.lengths[batch[batch >= 0]]) for batch in found]
    assert np.mean(spread) < 5  # unsorted batches of 8 spread over 70 or so


def test_an_epoch_begun_anew_is_the_same_epoch():
    going = make()
    going.on_epoch_end()
    anew = make(epoch=1)
    for i in range(len(going)):
        assert np.array_equal(going[i][0]["row"], anew[i][0]["row"])
        assert np.array_equal(going[i][0]["drawn"], anew[i][0]["drawn"])
    assert not np.array_equal(make(seed=2)[0][0]["row"], make(seed=1)[0][0]["row"])


@given(st.integers(0, 100_000))
def test_padded_lengths_are_enough_and_not_much_more(length):
    padded = bucket_length(length)
    assert length <= padded <= max(16, length + max(16, length / 2))
    assert bucket_length(padded) == padded


def test_padded_lengths_are_few():
    assert len({bucket_length(length) for length in range(1, 513)}) <= 12


def test_padding_keeps_rows_and_type():
    found = pad([np.ones((2, 3), np.int32), np.zeros((0, 3), np.int32)], 4, 7)
    assert found.dtype == np.int32
    assert found[0].tolist() == [[1, 1, 1], [1, 1, 1], [7, 7, 7], [7, 7, 7]]
    assert (found[1] == 7).all()


def test_length_order_holds_each_text_once_longest_first():
    lengths = np.array([3, 9, 1, 9, 4])
    found = length_order(lengths, 2)
    assert [list(part) for part in found] == [[1, 3], [4, 0], [2]]
