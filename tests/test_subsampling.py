import numpy as np
import pytest
from numpy.testing import assert_allclose

from textzero.kernels.reference.cooccurrence import DOCUMENT_END, GAP
from textzero.subsampling import Sampler, keep_probabilities


def test_probabilities_are_the_root_of_the_threshold_over_the_share():
    keep = keep_probabilities(np.array([900, 90, 9, 1, 0]), 0.009)
    assert_allclose(keep, [0.1, np.sqrt(0.1), 1, 1, 1])
    assert keep.dtype == np.float64


def test_a_threshold_of_zero_keeps_everything():
    assert keep_probabilities(np.array([5, 1]), 0).tolist() == [1, 1]
    assert keep_probabilities(np.array([0, 0]), 0.1).tolist() == [1, 1]


def test_counts_whose_sum_is_beyond_int64_keep_their_shares():
    large = np.array([3, 3, 2]) << 60  # a sum of 2^63
    assert_allclose(keep_probabilities(large, 0.09), keep_probabilities(np.array([3, 3, 2]), 0.09))


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_wrong_threshold_is_named(threshold):
    with pytest.raises(ValueError, match=f"subsample must be from 0 to 1, got {threshold}"):
        keep_probabilities(np.array([5, 1]), threshold)


@pytest.mark.parametrize("size", [1, 7, 1000, 5000])
def test_a_stream_in_pieces_is_sampled_like_the_whole(size):
    random = np.random.default_rng(0)
    ids = random.integers(-2, 4, 6000).astype(np.int32)
    ids[2000:5000][ids[2000:5000] == DOCUMENT_END] = 0  # a document of three blocks
    ids[-1] = DOCUMENT_END
    keep = np.array([0.3, 0.5, 1, 1])
    sampler = Sampler(keep, 1)
    whole = sampler.take(ids)
    assert not sampler.rest.size and whole.size == ids.size
    assert ((whole == ids) | (whole == GAP)).all() and (whole != ids).any()
    sampler = Sampler(keep, 1)
    pieces = [sampler.take(ids[start : start + size]) for start in range(0, ids.size, size)]
    assert np.concatenate(pieces).tolist() == whole.tolist()


def test_any_seed_is_taken():
    ids = np.array([0] * 50 + [DOCUMENT_END], np.int32)
    ways = {tuple(Sampler(np.array([0.5]), seed).take(ids).tolist()) for seed in (0, 1, 2**70)}
    assert len(ways) >= 2
