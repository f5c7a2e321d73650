import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.kernels import kernel
from textzero.kernels.reference import subsampling as reference
from textzero.kernels.reference.cooccurrence import DOCUMENT_END as END
from textzero.kernels.reference.cooccurrence import GAP

START = reference.mix(0)
HALF = np.array([0.5, 1.0, 0.0])


def remove(device, tokens, keep=HALF, start=START, state=None):
    """(tokens afterwards, how many are decided, state)."""
    tokens = np.array(tokens, np.int32)
    found = kernel("subsampling", device).remove_frequent(
        tokens, keep, start, start if state is None else state
    )
    return tokens, *found


def test_numbers_are_those_of_splitmix64(device):
    mix = kernel("subsampling", device).mix
    # the first outputs of SplitMix64 with seed 1234567, as its authors' test has them
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [mix((1234567 + k * reference.GOLDEN) % 2**64) for k in (1, 2, 3)] == outputs


def test_words_stay_always_never_or_sometimes(device):
    tokens = [*np.random.default_rng(0).integers(0, 3, 1000).tolist(), END]
    after, decided, _ = remove(device, tokens)
    assert decided == 1001
    before = np.array(tokens)
    assert (after[before == 1] == 1).all() and (after[before == 2] == GAP).all()
    half = after[before == 0]
    assert set(half.tolist()) == {0, GAP}
    assert 0.4 < (half == 0).mean() < 0.6  # 5 deviations of a mean of 330 are 0.14


def test_gaps_and_ends_stay_what_they_are(device):
    after, decided, _ = remove(device, [1, GAP, 1, END, END, GAP, END])
    assert (after.tolist(), decided) == ([1, GAP, 1, END, END, GAP, END], 7)


def test_what_is_not_decided_is_left_alone(device):
    after, decided, state = remove(device, [2, END, 2, 2])
    assert (after.tolist(), decided, state) == ([GAP, END, 2, 2], 2, START)
    tokens = [2] * (reference.BLOCK + 5)
    after, decided, state = remove(device, tokens)
    assert decided == reference.BLOCK and (after[:decided] == GAP).all()
    assert (after[decided:] == 2).all() and state != START


def test_a_document_decides_alone_whatever_stands_around_it(device):
    document = [0] * 50 + [1, 0, END]
    alone = remove(device, document)[0].tolist()
    assert GAP in alone[:50] and 0 in alone[:50]
    around = remove(device, [*[0] * 2000, END, *document, 0, END])[0].tolist()
    assert around[2001 : 2001 + len(document)] == alone


def test_documents_and_seeds_draw_apart(device):
    ways = {tuple(remove(device, [*[0] * 20, last, END])[0].tolist()[:20]) for last in (0, 1, 2)}
    assert len(ways) == 3
    other = remove(device, [*[0] * 20, 0, END], start=reference.mix(1))[0].tolist()[:20]
    assert tuple(other) not in ways


def test_later_blocks_depend_on_what_stands_before_them(device):
    size = reference.BLOCK
    one = remove(device, [*[1] * size, *[0] * 50, END])[0][size:]
    two = remove(device, [*[1] * (size - 1), 0, *[0] * 50, END])[0][size:]
    assert one.tolist() != two.tolist()


@given(
    st.lists(st.integers(-2, 2), max_size=120), st.lists(st.integers(1, 40), max_size=5),
)  # fmt: skip
@pytest.mark.parametrize("on", ["reference", "cpu"])
def test_any_pieces_give_the_same_as_the_whole(on, tokens, cuts):
    with pytest.MonkeyPatch.context() as patch:
        if on == "reference":  # short blocks; the other has its length compiled in
            patch.setattr(reference, "BLOCK", 7)
        tokens = [*tokens, END]
        whole = remove(on, tokens)[0].tolist()
        pieces, rest, state = [], np.empty(0, np.int32), START
        for part in np.split(np.array(tokens, np.int32), np.cumsum(cuts)):
            rest, decided, state = remove(on, [*rest, *part], state=state)
            pieces += rest[:decided].tolist()
            rest = rest[decided:]
        assert pieces == whole and not rest.size


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=60), st.integers(0, 2**64 - 1))
def test_devices_draw_the_same(tokens, start):
    tokens = tokens * 40  # more than a block
    expected = remove("reference", tokens, start=start)
    found = remove("cpu", tokens, start=start)
    assert_array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]
