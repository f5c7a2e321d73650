import json
import math

import numpy as np
import pytest

from textzero.corpus import Corpus
from textzero.errors import OutputExistsError
from textzero.vectors import pipeline
from textzero.vectors.dimension import dimension_for, entropy_term
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings


@pytest.mark.parametrize(
    "n, printed", [(32, -7.77471), (64, -15.4734), (96, -23.1726), (128, -30.8718)]
)
def test_the_table_of_article_7695(n, printed):
    assert float(f"{entropy_term(n):.6g}") == printed


@pytest.mark.parametrize("n", [2, 3, 5, 8, 33, 100, 300])
def test_it_is_the_integral_over_the_sphere(n):
    # the angle t between random directions has density sin(t)^(n - 2); Gauss-Legendre, 400 points
    points, weights = np.polynomial.legendre.leggauss(400)
    angles = (points + 1) * math.pi / 2
    density = weights * np.sin(angles) ** (n - 2)
    density /= density.sum()
    cosines = np.cos(angles)
    powers = np.exp(n * (cosines - 1))
    mean = (density * powers).sum()
    expected = math.log(mean) + n - n * (density * cosines * powers).sum() / mean
    assert entropy_term(n) == pytest.approx(expected, rel=1e-9)


def test_in_one_dimension_the_cosine_is_one_or_minus_one():
    assert entropy_term(1) == pytest.approx(math.log(math.cosh(1)) - math.tanh(1), rel=1e-14)


def test_the_slope_is_half_the_logarithm_of_the_golden_ratio():
    slope = (entropy_term(20_000) - entropy_term(10_000)) / 10_000
    assert slope == pytest.approx(-math.log((math.sqrt(5) + 1) / 2) / 2, rel=1e-6)


def test_enough_dimensions_and_no_more_than_needed():
    assert [dimension_for(n) for n in (1, 100_000, 5_000_000)] == [8, 96, 128]
    for words in (2, 100, 5000, 90_000, 10**9):
        dim = dimension_for(words)
        assert dim % 8 == 0 and 2 * math.log(words) + entropy_term(dim) <= 0
        assert dim == 8 or 2 * math.log(words) + entropy_term(dim - 8) > 0
        assert dim - 8 <= 8.33 * math.log(words) <= dim + 1  # the article's rule


@pytest.mark.parametrize("function", [dimension_for, entropy_term])
def test_nothing_needs_no_dimensions(function):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        function(0)


def test_settings_know_auto():
    auto = TrainingSettings(dim="auto")
    assert auto.resolved("flat").dim == "auto"
    assert auto.resolved("flat", 100_000) == TrainingSettings(dim=96).resolved("flat", 100_000)
    assert TrainingSettings(dim=5).resolved("flat", 100_000).dim == 5
    with pytest.raises(TypeError, match="dim must be a whole number or 'auto', got 'big'"):
        TrainingSettings(dim="big")


@pytest.fixture
def texts(tmp_path):
    """Thirty words: 2 ln 30 = 6.8 needs 32 dimensions."""
    random = np.random.default_rng(0)
    words = [f"w{chr(97 + i)}" for i in range(26)] + ["wz", "ya", "yb", "yc", "yd"]
    lines = [" ".join(random.choice(words, 9)) for _ in range(60)]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "texts"


def make(texts, folder, dim, **options):
    settings = TrainingSettings(dim=dim, sweeps=1)
    return embed(Corpus(texts), folder, settings=settings, min_count=1, **options)


def test_embed_chooses_the_dimension_and_remembers_it(texts, tmp_path, monkeypatch):
    folder, said = tmp_path / "out", []
    vectors = make(texts, folder, "auto", say=said.append)
    assert vectors.dim == dimension_for(30) == 32
    assert any("30 vectors of dimension 32" in line for line in said)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["settings"]["dim"] == manifest["dim"] == 32
    monkeypatch.setattr(pipeline, "count_words", None)  # nothing is done again
    for dim in ("auto", 32):  # the same vectors by either name
        assert (make(texts, folder, dim).vectors == vectors.vectors).all()
    with pytest.raises(OutputExistsError, match="other texts or settings"):
        make(texts, folder, 24)


def test_auto_over_other_vectors_is_refused_before_anything_is_counted(texts, tmp_path):
    folder = tmp_path / "out"
    make(texts, folder, 4)
    before = (folder / "counts.json").read_bytes()
    with pytest.raises(OutputExistsError, match="--force"):
        make(texts, folder, "auto")
    (texts / "b.txt").write_text("wa wb " * 9, encoding="utf-8")
    with pytest.raises(OutputExistsError, match="--force"):
        make(texts, folder, "auto")
    assert (folder / "counts.json").read_bytes() == before
    assert make(texts, folder, "auto", force=True).dim == 32


def test_force_replaces_vectors_with_a_damaged_manifest(texts, tmp_path):
    folder = tmp_path / "out"
    make(texts, folder, "auto")
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    assert make(texts, folder, "auto", force=True).dim == 32
