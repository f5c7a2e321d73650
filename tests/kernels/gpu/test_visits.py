"""AdaGrad on the card: levels of records, chunks side by side, records kept or brought anew."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.errors import ResourceError
from textzero.kernels import kernel
from textzero.kernels.reference.adagrad import RECORD

N_WORDS, CHUNKS = 40, [(0, 0), (1, 0), (2, 0)]
# float32 has 24 bits; some hundred steps of size 0.1 on values near 1 keep four digits
CLOSE = {"rtol": 1e-3, "atol": 1e-4}


def problem(dim, is_shared, seed=0):
    """Rounds of chunks, and four matrices; chunk (t, r) is of the words 10 t ... 10 t + 9."""
    random = np.random.default_rng(seed)
    chunks = {}
    for tile in range(3):
        for turn in range(2):
            records = np.zeros(int(random.integers(20, 90)), RECORD)
            records["row"] = random.integers(0, 10, records.size) * random.integers(0, 2)
            records["column"] = (records["row"] + random.integers(1, 10, records.size)) % 10
            records["row"] += 10 * tile
            records["column"] += 10 * tile
            records["target"] = random.normal(size=records.size)
            records["weight"] = random.uniform(0.1, 1, records.size)
            chunks[tile, turn] = records
    chunks[1, 1]["weight"][4] = np.nan
    matrices = [(random.normal(size=(N_WORDS, dim)) / 2).astype(np.float32) for _ in range(2)]
    matrices += [np.ones((N_WORDS, dim), np.float32) for _ in range(2)]
    return chunks, [matrices[i] for i in ((0, 0, 2, 2) if is_shared else (0, 1, 2, 3))]


def copies(matrices, is_shared):
    made = [matrix.copy() for matrix in matrices]
    return [made[0], made[0], made[2], made[2]] if is_shared else made


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("dim, is_shared, keeps", [(20, False, True), (64, True, False)])
def test_epochs_are_those_of_the_definition(dim, is_shared, keeps):
    from textzero.kernels.gpu._adagrad import Visits

    chunks, matrices = problem(dim, is_shared)
    expected, given = (copies(matrices, is_shared) for _ in range(2))
    seen = []

    def read(tile, turn):
        seen.append((tile, turn))
        return chunks[tile, turn]

    needed = sum(matrix.nbytes for matrix in given) // (2 if is_shared else 1)
    visits = Visits(read, given, 0.1, needed + (10**6 if keeps else 0))
    for epoch in range(2):
        cost = skipped = 0
        for turn in (1, 0):
            together = [(tile, turn) for tile in range(3 - turn)]
            assert visits.visit(together) == sum(chunks[chunk].size for chunk in together)
            for tile in range(3 - turn):
                found = kernel("adagrad", "reference").visit_records(
                    chunks[tile, turn], *expected, 0.1
                )
                cost, skipped = cost + found[0], skipped + found[1]
        assert visits.visit([]) == 0
        found = visits.finish()
        assert found == (pytest.approx(cost, rel=1e-4), skipped) and skipped == 1, epoch
        for got, array in zip(given, expected, strict=True):
            assert_allclose(got, array, **CLOSE)
    assert len(seen) == (5 if keeps else 10)
    assert len(visits.kept) == (2 if keeps else 0)
    if keeps:  # 16 bytes a record, and some for levels
        assert visits.room < 10**6 - 16 * sum(chunks[chunk].size for chunk in seen)


@pytest.mark.usefixtures("cupy")
def test_levels_hold_disjoint_records_in_order():
    from textzero.kernels.gpu._adagrad import levels_of

    chunks, _ = problem(4, True)
    given = [chunks[tile, 0] for tile in range(3)]
    for is_shared in (True, False):
        levels = levels_of(given, N_WORDS, is_shared)
        records = levels.records.get().view(RECORD)
        limits, starts = levels.chunk_levels.get(), levels.level_starts.get()
        assert starts[0] == 0 and starts[-1] == records.size and (np.diff(starts) > 0).all()
        for b, chunk in enumerate(given):
            own = records[starts[limits[b]] : starts[limits[b + 1]]]
            assert_array_equal(np.sort(own), np.sort(chunk))
            for level in range(limits[b], limits[b + 1]):
                together = records[starts[level] : starts[level + 1]]
                for ends in ("row", "column"):
                    assert np.unique(together[ends]).size == together.size
                if is_shared:
                    assert not set(together["row"]) & set(together["column"])
            for word in np.unique(chunk["row"]):  # each vector sees its records in the same order
                for ends in ("row", "column"):
                    assert_array_equal(own[own[ends] == word], chunk[chunk[ends] == word])


@pytest.mark.usefixtures("cupy")
def test_matrices_that_do_not_fit_are_refused():
    from textzero.kernels.gpu._adagrad import Visits

    chunks, matrices = problem(8, False)
    needed = 4 * N_WORDS * 8 * 4
    with pytest.raises(
        ResourceError, match=f"at least {needed:,} bytes .* {needed - 1:,} are free"
    ):
        Visits(lambda tile, turn: chunks[tile, turn], matrices, 0.1, needed - 1)


@pytest.mark.usefixtures("cupy")
def test_visits_have_the_same_bits_each_time():
    # the emulation runs blocks and threads in another order each time
    chunks, matrices = problem(33, False)
    runs = []
    for _ in range(2):
        given = copies(matrices, False)
        found = kernel("adagrad", "gpu").visit_records(chunks[0, 0], *given, 0.1)
        runs.append([*given, found])
    for one, other in zip(*runs, strict=True):
        assert_array_equal(one, other)
