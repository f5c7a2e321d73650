"""Settings of training that cannot be honoured are told early; blocks have few rows."""

import numpy as np
import pytest

from textzero.cooccurrence import Cooccurrence
from textzero.corpus import Corpus
from textzero.kernels.reference.cooccurrence import _encode
from textzero.vectors.blocks import Blocks
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings, train_vectors
from textzero.vocabulary import Vocabulary

CHAIN = np.array([[0, 3, 1], [3, 0, 2], [1, 2, 0]])


def matrix_of(units, counts):
    rows = [{j: int(x) for j, x in enumerate(row) if x and j != i} for i, row in enumerate(units)]
    data, lengths = _encode(rows)
    words = Vocabulary([f"w{i}" for i in range(len(rows))], np.array(counts))
    return Cooccurrence(words, data, lengths, np.zeros(len(rows), np.int64), 1.0, {})


def test_a_flattening_that_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="flattening"):
        train_vectors(matrix_of(CHAIN, [4, 5, 3]), dim=8, flattening=300.0)


def test_an_unobserved_power_that_float32_cannot_hold_is_refused():
    matrix = matrix_of(CHAIN, [4_000_000, 5, 3])
    with pytest.raises(ValueError, match="unobserved_power"):
        train_vectors(matrix, dim=8, unobserved_power=20.0)


def test_a_block_has_few_rows_where_words_have_few_records():
    n = 100_000
    matrix = matrix_of(np.array([[0, 1], [1, 0]]), [1, 1])
    lengths = np.zeros((n, 2), np.int64)
    lengths[:2] = matrix.lengths
    matrix.lengths, matrix.offsets = lengths, np.zeros(n + 1, np.int64)
    matrix.vocabulary = range(n)
    ranges = Blocks(matrix, TrainingSettings(dim=8).resolved("flat", n), 1 << 30, 1).ranges
    assert max(last - first for first, last in ranges) <= 1 << 15


@pytest.mark.parametrize(
    "wrong",
    [{"dim": 8}, {"dim": 4, "model": "shared", "solver": "adagrad", "unobserved_weight": 0.0}],
)
def test_what_does_not_fit_init_is_told_before_anything_is_counted(tmp_path, wrong):
    (tmp_path / "text.txt").write_text("a b c a b\n" * 5)
    corpus = Corpus(str(tmp_path / "text.txt"))
    first = TrainingSettings(dim=4)
    old = embed(corpus, tmp_path / "old", min_count=1, settings=first, device="cpu")
    with pytest.raises(Exception, match=r"begin with"):
        embed(corpus, tmp_path / "new", min_count=1, settings=TrainingSettings(**wrong), init=old,
              device="cpu")  # fmt: skip
    assert not (tmp_path / "new" / "counts.tsv").exists()


def test_what_a_solver_or_model_does_not_use_becomes_neutral():
    adagrad = TrainingSettings(solver="adagrad", flattening=0.5, regularisation=3.0).resolved(
        "flat"
    )
    assert (adagrad.flattening, adagrad.regularisation, adagrad.sweeps) == (0.0, 0.0, 30)
    assert (adagrad.unobserved_weight, adagrad.weight_offset) == (0.0, 0.0)
    assert TrainingSettings(model="sum", flattening=0.5).resolved("flat").flattening == 0.0
    center = TrainingSettings().resolved("flat")
    assert (center.flattening, center.unobserved_weight, center.sweeps) == (0.125, 0.03, 20)
    assert center.resolved("flat") == center


def test_adagrad_takes_its_epochs_from_sweeps():
    matrix = matrix_of(CHAIN, [4, 5, 3])
    trained = train_vectors(matrix, dim=4, solver="adagrad", sweeps=3, device="cpu")
    assert len(trained.losses) == trained.settings.sweeps == 3
