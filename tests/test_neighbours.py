import importlib.util

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.errors import InputError
from textzero.vectors import neighbours
from textzero.vectors.neighbours import nearest_rows
from textzero.vectors.word_vectors import WordVectors, unit_rows
from textzero.vocabulary import Vocabulary

NEEDS_USEARCH = pytest.mark.skipif(
    importlib.util.find_spec("usearch") is None, reason="usearch is not installed"
)


def rows_of(seed, n, dim=8):
    """Small whole numbers: every product is exact in float32, and ties are many."""
    return np.random.default_rng(seed).integers(-3, 4, (n, dim)).astype(np.float32)


def obvious(vectors, queries, n, leave_out):
    """Sort all products of each query."""
    places, best = [], []
    for query, own in zip(queries, leave_out, strict=True):
        scores = vectors.astype(float) @ query.astype(float)
        order = [i for i in np.lexsort((np.arange(len(scores)), -scores)) if i != own][:n]
        places.append(order + [-1] * (min(n, len(vectors)) - len(order)))
        best.append([*scores[order]] + [-np.inf] * (min(n, len(vectors)) - len(order)))
    return np.array(places), np.array(best)


@pytest.mark.parametrize("block", [1, 7, 40, 1 << 24])
@pytest.mark.parametrize("n", [1, 5, 60])
def test_blocks_find_what_sorting_all_products_finds(device, block, n, monkeypatch):
    monkeypatch.setattr(neighbours, "_SCORES", block)
    monkeypatch.setattr(neighbours, "_QUERIES", 3)
    vectors, queries = rows_of(0, 50), rows_of(1, 8)
    leave_out = np.array([-1, 0, 49, 7, -1, 7, 3, 3])
    places, best = nearest_rows(vectors, None, queries, n, leave_out, device)
    expected, scores = obvious(vectors, queries, n, leave_out)
    assert (places.dtype, best.dtype) == (np.int64, np.float32)
    assert_array_equal(places, expected)
    assert_array_equal(best, scores.astype(np.float32))


def test_products_are_divided_by_lengths(device):
    vectors = np.array([[9, 0], [1, 1], [0, 2], [0, 0]], np.float32)
    norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
    places, scores = nearest_rows(vectors, norms, np.array([[1, 0]], np.float32), 4, None, device)
    assert_array_equal(places, [[0, 1, 2, 3]])
    assert_allclose(scores, [[1, np.sqrt(0.5), 0, 0]], rtol=1e-6)


def test_no_block_of_scores_is_larger_than_its_bound(monkeypatch):
    shapes = []
    best_of = neighbours._best_of
    monkeypatch.setattr(neighbours, "_SCORES", 500)
    monkeypatch.setattr(
        neighbours, "_best_of", lambda scores, k: shapes.append(scores.shape) or best_of(scores, k)
    )
    nearest_rows(rows_of(0, 300), None, rows_of(1, 20), 4)
    assert sum(a * b for a, b in shapes) == 300 * 20
    assert max(a * b for a, b in shapes) <= 500


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error(device, bad):
    good, wrong = rows_of(0, 5), rows_of(1, 5)
    wrong[3, 2] = bad
    with pytest.raises(InputError, match="finite"):
        nearest_rows(good, None, wrong, 2, None, device)
    with pytest.raises(InputError, match="finite"):
        nearest_rows(wrong, None, good, 2, None, device)


@pytest.fixture(scope="module")
def vectors():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(60)]
    rows, context = random.normal(size=(2, 60, 6)).astype(np.float32)
    return WordVectors(Vocabulary(words, np.arange(60, 0, -1)), rows, context)


@pytest.mark.parametrize("metric", ["cosine", "pearson"])
def test_many_words_have_the_neighbours_that_each_has(vectors, metric):
    asked = ["w3", "w59", "W0", "w3"]
    found = vectors.nearest(asked, 7, metric=metric, n_context=20)
    for word, ranking in zip(asked, found, strict=True):
        expected = vectors.similar(word, 7, metric=metric, n_context=20)
        assert [w for w, _ in ranking] == [w for w, _ in expected]
        assert_allclose([s for _, s in ranking], [s for _, s in expected], atol=1e-6)


def test_vectors_that_are_no_words_have_neighbours(vectors):
    [[(word, score), *_]] = vectors.nearest(vectors["w5"][None] * 2, 3)
    assert word == "w5" and score == pytest.approx(1)
    [ranking] = vectors.nearest(np.eye(6, dtype=np.float32)[:1], 60, metric="inner")
    assert_allclose([s for _, s in ranking], np.sort(vectors.vectors[:, 0])[::-1], atol=1e-6)


def test_more_than_there_is_and_nothing(vectors):
    assert len(vectors.nearest(["w1"], 1000)[0]) == 59
    assert vectors.nearest([], 3) == []


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda v: v.nearest("w1"), "a list of words or an array, got 'w1'"),
        (lambda v: v.nearest(np.zeros((2, 5), np.float32)), r"shape \(n, 6\), got \(2, 5\)"),
        (lambda v: v.nearest(np.zeros(6, np.float32)), r"shape \(n, 6\), got \(6,\)"),
        (lambda v: v.nearest(np.zeros((1, 6)), metric="pearson"), "one of cosine, inner here"),
        (lambda v: v.nearest(["w1"], metric="inner", index=True), "one of cosine here"),
        (lambda v: v.nearest(["w1"], 0), "n must be at least 1, got 0"),
    ],
)
def test_a_wrong_question_is_named(vectors, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(vectors)


def test_a_missing_index_package_says_how_to_get_it(vectors, monkeypatch):
    monkeypatch.setattr(neighbours, "has_package", {"usearch": False}.get)
    with pytest.raises(ImportError, match=r"pip install 'textzero\[usearch\]'"):
        vectors.build_index()


@NEEDS_USEARCH
def test_an_index_finds_nearly_all_that_the_exact_search_finds():
    random = np.random.default_rng(0)
    centres = random.normal(size=(50, 24))
    rows = (centres[random.integers(0, 50, 4000)] + random.normal(size=(4000, 24))).astype("f4")
    words = [f"w{i}" for i in range(4000)]
    vectors = WordVectors(Vocabulary(words, np.zeros(4000, np.int64)), rows)
    asked = words[::40]
    exact, found = vectors.nearest(asked, 10), vectors.nearest(asked, 10, index=True)
    assert all(len(ranking) == 10 for ranking in found)
    assert not any(word in dict(ranking) for word, ranking in zip(asked, found, strict=True))
    hits = sum(
        len(dict(a).keys() & dict(b).keys()) for a, b in zip(exact, found, strict=True)
    )  # fmt: skip
    assert hits >= 0.9 * 10 * len(asked)
    for a, b in zip(exact, found, strict=True):
        for word, score in b:
            if word in dict(a):
                assert score == pytest.approx(dict(a)[word], abs=1e-5)


@NEEDS_USEARCH
def test_an_index_of_less_than_is_asked_for_gives_what_there_is():
    rows = unit_rows(rows_of(3, 4) + 0.5)
    vectors = WordVectors(Vocabulary(list("abcd"), np.zeros(4, np.int64)), rows)
    [ranking] = vectors.nearest(["b"], 9, index=True)
    assert sorted(word for word, _ in ranking) == ["a", "c", "d"]
    scores = [score for _, score in ranking]
    assert scores == sorted(scores, reverse=True)
