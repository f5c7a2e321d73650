"""Sweeps on the card against those on the processor, and what is kept or streamed."""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero import Vocabulary, count_cooccurrences, count_words
from textzero.errors import InputError, ResourceError
from textzero.vectors.blocks import Blocks
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.sweeps import Sweeps
from textzero.vectors.targets import biases

DIM, N_WORDS, RIDGE = 40, 120, 0.7
# From the same matrices: float32 sums in another order, times a condition of some hundreds; and
# where a number of the packed matrix stands between two of bfloat16, it may fall to either side.
CLOSE = 1e-3


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(0)
    chances = 1 / np.arange(1, N_WORDS + 1)
    drawn = random.choice(N_WORDS, (10, 120), p=chances / chances.sum())
    texts = [" ".join(f"w{i}" for i in text) for text in drawn]
    return count_cooccurrences(texts, Vocabulary.from_counts(count_words(texts), min_count=1))


def settings_of(matrix, **changes):
    settings = TrainingSettings(dim=DIM, unobserved_power=0.3, **changes)
    return settings.resolved("harmonic", len(matrix.vocabulary))


def start(matrix, seed=1):
    random = np.random.default_rng(seed)
    shape = 2, len(matrix.vocabulary), DIM
    return (random.normal(size=shape) / 8).astype(np.float32)


def small_plan(monkeypatch):
    from textzero.kernels.gpu import _plan

    monkeypatch.setattr(_plan, "_LEAST_RECORDS", 64)
    monkeypatch.setattr(_plan, "_LEAST_ROWS", 16)


def engines(matrix, settings, monkeypatch):
    """One engine with room for all, one with as little as it takes."""
    from textzero.vectors.gpu_sweeps import GpuSweeps

    small_plan(monkeypatch)
    with pytest.raises(ResourceError, match="must have at least") as refused:
        GpuSweeps(matrix, settings, room=1000)
    least = int(str(refused.value).split("at least ")[1].split()[0].replace(",", ""))
    with pytest.raises(ResourceError, match="are free: use device='cpu'"):
        GpuSweeps(matrix, settings, room=least - 1)
    return GpuSweeps(matrix, settings), GpuSweeps(matrix, settings, room=least)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("changes", [{}, {"steps": 3, "clip": 0.0, "model": "shared"}])
def test_sweeps_are_those_of_the_processor(matrix, monkeypatch, changes):
    settings = settings_of(matrix, **changes)
    rows, fixed = start(matrix)
    row_bias, column_bias = biases(matrix, settings)
    blocks = Blocks(matrix, settings, 1 << 30, 1)
    expected = Sweeps(matrix, settings, blocks, device="reference").sweep(
        rows, fixed, row_bias, column_bias, RIDGE
    )
    for engine, is_resident in zip(
        engines(matrix, settings, monkeypatch), (True, False), strict=True
    ):
        assert engine.engine.plan.is_resident == is_resident
        assert (len(engine.engine.plan.ranges) > 10) != is_resident
        given = engine.place(rows), engine.place(fixed)
        seen = []
        engine.advance = seen.append
        swept = engine.sweep(*given, row_bias, column_bias, RIDGE)
        new = engine.host(swept.rows)
        assert isinstance(new, np.ndarray) and new.dtype == np.float32
        assert_allclose(new, expected.rows, rtol=0, atol=CLOSE * np.abs(expected.rows).max())
        # the sums are of the given rows, where only packed numbers differ
        assert_allclose(swept.loss, expected.loss, rtol=1e-5)
        assert_allclose(swept.objective, expected.objective, rtol=1e-5)
        assert swept.is_finite is True and sum(seen) == matrix.records
        for before, after in zip((rows, fixed), given, strict=True):
            assert_array_equal(engine.host(after), before)


@pytest.mark.usefixtures("cupy")
def test_sweeps_lower_the_objective(matrix):
    from textzero.vectors.gpu_sweeps import GpuSweeps

    settings = settings_of(matrix)
    engine = GpuSweeps(matrix, settings)
    center, context = (engine.place(part) for part in start(matrix))
    row_bias, column_bias = biases(matrix, settings)
    objectives = []
    for _ in range(4):
        swept = engine.sweep(center, context, row_bias, column_bias, RIDGE)
        center = swept.rows
        objectives.append(swept.objective)
        swept = engine.sweep(context, center, column_bias, row_bias, RIDGE)
        context = swept.rows
        objectives.append(swept.objective)
    assert (np.diff(objectives) < 0).all() and objectives[-1] < objectives[0] / 2


@pytest.mark.usefixtures("cupy")
def test_records_that_fit_are_brought_to_the_card_once(matrix, monkeypatch):
    settings = settings_of(matrix)
    rows, fixed = start(matrix)
    row_bias, column_bias = biases(matrix, settings)
    for engine, keeps in zip(engines(matrix, settings, monkeypatch), (True, False), strict=True):
        read, seen = engine.engine.read, []

        @contextmanager
        def counted(first, last, read=read, seen=seen):
            seen.append((first, last))
            with read(first, last) as data:
                yield data

        engine.engine.read = counted
        given = engine.place(rows), engine.place(fixed)
        sweeps = [engine.sweep(*given, row_bias, column_bias, RIDGE) for _ in range(2)]
        assert seen == engine.engine.plan.ranges * (1 if keeps else 2)
        assert_array_equal(*(engine.host(swept.rows) for swept in sweeps))


@pytest.mark.usefixtures("cupy")
def test_a_row_that_is_not_finite_is_seen(matrix, monkeypatch):
    settings = settings_of(matrix)
    rows, fixed = start(matrix)
    rows[0, 3] = np.inf
    for engine in engines(matrix, settings, monkeypatch):
        swept = engine.sweep(
            engine.place(rows), engine.place(fixed), *biases(matrix, settings), RIDGE
        )
        assert swept.is_finite is False


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("where", ["rows", "index"])
def test_damaged_counts_are_refused(matrix, where):
    from textzero.vectors.gpu_sweeps import GpuSweeps

    data, lengths = matrix.data.copy(), matrix.lengths.copy()
    if where == "rows":
        data[matrix.offsets[1] - 1] |= 0x80  # the first row runs into the second
    else:
        lengths[:2, 1] += 1, -1  # as many records in all
    damaged = dataclasses.replace(matrix, data=data, lengths=lengths)
    settings = settings_of(matrix)
    engine = GpuSweeps(damaged, settings)
    given = [engine.place(part) for part in start(matrix)]
    with pytest.raises(InputError, match="the co-occurrences are damaged"):
        engine.sweep(*given, *biases(matrix, settings), RIDGE)


@pytest.mark.usefixtures("cupy")
def test_what_is_kept_fits(monkeypatch):
    from textzero.kernels.gpu import _plan

    small_plan(monkeypatch)
    lengths = np.array([900, 500, 0, 0, 300, *[20] * 200])
    parts, refused = set(), 0
    for room in range(100_000, 10**6, 10_000):
        try:
            plan = _plan.plan(lengths, DIM, 64, 4, room)
        except ResourceError:
            refused += 1
            continue
        assert plan.ranges[0][0] == 0 and plan.ranges[-1][1] == lengths.size
        assert all(a[1] == b[0] for a, b in zip(plan.ranges, plan.ranges[1:], strict=False))
        records = sum(int(lengths[a:b].sum()) for a, b in plan.ranges[: plan.keeps])
        matrices = 4 * DIM * 4 * lengths.size if plan.is_resident else 0
        # packed rows, matrices, and 12 bytes a record, beside two blocks of the longest row
        assert 2 * 64 * lengths.size + matrices + 12 * records + 2 * 900 * 56 <= room
        parts.add((plan.is_resident, plan.keeps / len(plan.ranges)))
    assert {(False, 0), (True, 0), (True, 1)} <= parts and len(parts) > 3 and refused


@pytest.mark.usefixtures("cupy")
def test_blocks_hold_so_many_records_and_rows():
    from textzero.kernels.gpu._plan import ranges_of

    lengths = np.array([50, 9, 1, 5, 5, 1, 0, 0, 0, 0])
    assert ranges_of(lengths, 10, 3) == [(0, 1), (1, 3), (3, 5), (5, 8), (8, 10)]
    assert ranges_of(lengths[:0], 10, 3) == []


@pytest.mark.usefixtures("emulated")
def test_bytes_come_in_on_the_stream_that_reads_them(matrix, monkeypatch):
    import cupy

    null, real = cupy.cuda.Stream.null, cupy.ndarray.set
    current, brought = [null], []
    monkeypatch.setattr(cupy.cuda.Stream, "__enter__", lambda stream: current.append(stream))
    monkeypatch.setattr(cupy.cuda.Stream, "__exit__", lambda *_: bool(current.pop()) and None)
    monkeypatch.setattr(cupy.cuda, "get_current_stream", lambda: current[-1])

    def watched(array, given, stream=None):
        assert stream is None or stream is current[-1]
        brought.append(current[-1])
        real(array, given, stream)

    monkeypatch.setattr(cupy.ndarray, "set", watched)
    settings, (rows, fixed) = settings_of(matrix), start(matrix)
    for engine in engines(matrix, settings, monkeypatch):
        brought.clear()
        engine.sweep(engine.place(rows), engine.place(fixed), *biases(matrix, settings), RIDGE)
        used = [slot.stream for slot in engine.engine.slots][: len(engine.engine.plan.ranges)]
        assert all(any(stream is one for one in brought) for stream in used)
