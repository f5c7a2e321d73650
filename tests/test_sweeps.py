"""One sweep, against the sums over all pairs that it stands for."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from textzero.cooccurrence import count_cooccurrences
from textzero.vectors import chunks
from textzero.vectors.blocks import Blocks
from textzero.vectors.sweeps import Sweeps, word_weights
from textzero.vectors.training import TrainingSettings
from textzero.vocabulary import Vocabulary

N = 25
# The fixed matrix is read with eight bits: a product is off by 2^-9 of itself, on average less.
ROUNDED = {"rtol": 0.01, "atol": 0.01}


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(N)]
    share = 1 / np.arange(1, N + 1)
    lines = [" ".join(random.choice(words, 10, p=share / share.sum())) for _ in range(60)]
    counts = np.bincount([int(w[1:]) for line in lines for w in line.split()], minlength=N)
    return count_cooccurrences(lines, Vocabulary(words, np.maximum(counts, 1)), window=2)


class Case:
    """A sweep's arguments, and its sums pair by pair in float64."""

    def __init__(self, matrix, dim=6, seed=0, power=0.5, device="cpu", **changes):
        self.matrix = matrix
        settings = TrainingSettings(dim=dim, unobserved_power=power, **changes)
        self.settings = settings.resolved("flat", N)
        random = np.random.default_rng(seed)
        self.rows, self.fixed = (
            random.normal(size=(N, dim)).astype(np.float32) * np.float32(0.5) for _ in range(2)
        )
        self.row_bias, self.column_bias = random.normal(size=(2, N)).astype(np.float32)
        self.ridge = 0.7
        counts = np.maximum(matrix.vocabulary.counts, 1).astype(float) ** power
        self.u = counts / counts.mean()
        self.f, self.m = np.zeros((N, N)), np.zeros((N, N))
        for i in range(N):
            columns, x = matrix.row(f"w{i}")
            weights = np.minimum((x / self.settings.x_max) ** self.settings.exponent, 1)
            self.f[i, columns] = weights + self.settings.weight_offset
            m = np.log(x) + self.row_bias[i] + self.column_bias[columns]
            self.m[i, columns] = np.maximum(m, self.settings.clip)
        blocks = Blocks(matrix, self.settings, 1 << 30, 1)
        self.engine = Sweeps(matrix, self.settings, blocks, device=device)

    def sweep(self, rows=None):
        rows = self.rows if rows is None else rows
        return self.engine.sweep(rows, self.fixed, self.row_bias, self.column_bias, self.ridge)

    def unobserved(self):
        return np.where(self.f > 0, 0, self.settings.unobserved_weight * np.outer(self.u, self.u))

    def loss(self, rows):
        return (self.f * (rows.astype(float) @ self.fixed.T - self.m) ** 2).sum()

    def objective(self, rows):
        wide = rows.astype(float)
        norms = sum((self.u * (a.astype(float) ** 2).sum(1)).sum() for a in (wide, self.fixed))
        pairs = (self.unobserved() * (wide @ self.fixed.T) ** 2).sum()
        return self.loss(rows) + pairs + self.ridge * norms

    def solution(self):
        c, rows = self.fixed.astype(float), np.zeros((N, self.fixed.shape[1]))
        for i in range(N):
            a = (c.T * (self.f + self.unobserved())[i]) @ c
            a += self.ridge * self.u[i] * np.eye(c.shape[1])
            rows[i] = np.linalg.solve(a, (self.f * self.m)[i] @ c)
        return rows


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("changes", [{}, {"power": 0.0}, {"unobserved_weight": 0.5, "clip": 0.0}])
def test_losses_and_objective_are_the_sums_over_all_pairs(matrix, device, changes):
    case = Case(matrix, device=device, **changes)
    swept = case.sweep()
    assert_allclose(swept.loss, case.loss(case.rows), rtol=2e-3)
    assert_allclose(swept.objective, case.objective(case.rows), rtol=2e-3)
    assert swept.is_finite


@pytest.mark.parametrize("dim", [1, 6, 33])
def test_many_steps_reach_the_least_squares_solution(matrix, dim):
    case = Case(matrix, dim=dim, steps=60)
    assert_allclose(case.sweep().rows, case.solution(), **ROUNDED)


def test_one_step_comes_near_and_lowers_the_objective(matrix):
    case = Case(matrix, steps=1)
    new = case.sweep().rows
    least, before = case.objective(case.solution()), case.objective(case.rows)
    assert least < case.objective(new) < least + 0.05 * (before - least)
    # the sweep after it says so too
    assert_allclose(case.sweep(new).objective, case.objective(new), rtol=2e-3)


def test_chunks_and_blocks_do_not_change_the_sums(matrix, monkeypatch):
    whole = Case(matrix, dim=33).sweep()
    monkeypatch.setattr(chunks, "_CHUNK", 7)
    parts = Case(matrix, dim=33).sweep()
    assert_allclose(parts.objective, whole.objective, rtol=1e-4)
    assert_allclose(parts.rows, whole.rows, **ROUNDED)


def test_records_are_told(matrix):
    told = []
    case = Case(matrix)
    case.engine.advance = told.append
    case.sweep()
    assert sum(told) == matrix.records


def test_a_vector_that_is_not_finite_is_seen(matrix):
    case = Case(matrix)
    case.rows[3] = np.inf
    with np.errstate(invalid="ignore"):
        assert not case.sweep().is_finite


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_word_weights_are_powers_of_counts_of_mean_one(matrix, power):
    found = word_weights(matrix, TrainingSettings(unobserved_power=power))
    assert found.dtype == np.float32
    assert math.isclose(found.mean(), 1, rel_tol=1e-5)
    counts = matrix.vocabulary.counts
    assert_allclose(found / found[0], (counts / counts[0]) ** power, rtol=1e-5)
