import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.errors import InputError
from textzero.vectors.sentence_vectors import (
    common_directions,
    expected_directions,
    sif_weights,
)
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary


def vectors_of(rows, counts):
    words = [f"w{i}" for i in range(len(rows))]
    return WordVectors(Vocabulary(words, np.array(counts)), np.array(rows, np.float32))


@pytest.fixture(scope="module")
def vectors():
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 10)) + 3 * np.eye(10)[0]
    return vectors_of(rows, (10_000 / np.arange(1, 201)).astype(int))


def sentences(n, seed=0, length=6):
    random = np.random.default_rng(seed)
    return [[f"w{i}" for i in random.integers(0, 200, length)] for _ in range(n)]


def test_frequent_words_weigh_less():
    # shares 0.6, 0.4 and 0: 0.001 / 0.601, 0.001 / 0.401, 1
    assert_allclose(sif_weights(np.array([6, 4, 0])), [1 / 601, 1 / 401, 1], rtol=1e-6)
    assert_allclose(sif_weights(np.array([1, 1]), 0.5), [0.5, 0.5])
    with pytest.raises(ValueError, match="smoothing must be above 0, got 0"):
        sif_weights(np.array([1]), 0)


def test_a_batch_is_what_algorithm_1_of_the_paper_says(vectors):
    texts = sentences(30)
    p = vectors.vocabulary.counts / vectors.vocabulary.counts.sum()
    rows = []
    for text in texts:  # line by line as in Arora, Liang and Ma
        ids = [int(word[1:]) for word in text]
        rows.append(sum(0.001 / (0.001 + p[i]) * vectors.vectors[i].astype(float) for i in ids))
        rows[-1] /= len(ids)
    matrix = np.array(rows)
    u = np.linalg.svd(matrix.T)[0][:, :1]
    found = vectors.sentence_vectors(texts)
    assert found.dtype == np.float32
    assert_allclose(found, matrix - matrix @ u @ u.T, atol=1e-5)
    two = np.linalg.svd(matrix.T)[0][:, :2]
    assert_allclose(
        vectors.sentence_vectors(texts, remove=2), matrix - matrix @ two @ two.T, atol=1e-5
    )
    assert_allclose(vectors.sentence_vectors(texts, remove=0), matrix, atol=1e-5)


def test_one_sentence_loses_what_random_sentences_share(vectors):
    [u] = expected_directions(vectors.vectors, vectors.vocabulary.counts, 1)
    text = sentences(1)[0]
    plain = vectors.sentence_vector(text, method="sif", remove=0)
    assert_allclose(vectors.sentence_vector(text, method="sif"), plain - (plain @ u) * u, atol=1e-6)
    # a batch too small to have directions of its own is taken as single sentences
    assert_array_equal(
        vectors.sentence_vectors([text])[0], vectors.sentence_vector(text, method="sif")
    )


def test_the_expected_directions_are_those_of_sentences_drawn_at_random(vectors, monkeypatch):
    random = np.random.default_rng(1)
    counts = vectors.vocabulary.counts
    drawn = random.choice(200, (20_000, 20), p=counts / counts.sum())
    rows = (vectors.vectors * sif_weights(counts)[:, None])[drawn].mean(axis=1)
    right = np.linalg.svd(rows.astype(float), full_matrices=False)[2]
    monkeypatch.setattr("textzero.vectors.rows.NUMBERS", 70)
    found = expected_directions(vectors.vectors, counts, 2)
    assert found.shape == (2, 10) and found.dtype == np.float32
    assert_allclose(found @ found.T, np.eye(2), atol=1e-5)
    assert abs(found[0] @ right[0]) > 0.999


def test_sums_and_means_of_a_batch_are_those_of_its_sentences(vectors):
    texts = sentences(5)
    for method in ("sum", "mean"):
        batch = vectors.sentence_vectors(texts, method=method)
        one = [vectors.sentence_vector(text, method=method) for text in texts]
        assert_array_equal(batch, one)
    assert vectors.sentence_vectors([]).shape == (0, 10)


def test_the_method_decides_how_alike_two_sentences_are(vectors):
    a, b = sentences(2)
    for method in ("sum", "sif"):
        x, y = (vectors.sentence_vector(text, method=method) for text in (a, b))
        cosine = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
        assert vectors.sentence_similarity(a, b, method=method) == pytest.approx(cosine)
    assert vectors.sentence_similarity(a, b, method="mean") == pytest.approx(
        vectors.sentence_similarity(a, b), abs=1e-6
    )


def test_without_counts_there_is_no_sif():
    vectors = vectors_of([[1, 2], [3, 4]], [0, 0])
    with pytest.raises(InputError, match="these vectors come without"):
        vectors.sentence_vector(["w0"], method="sif")
    assert_array_equal(vectors.sentence_vector(["w0", "w1"], method="mean"), [2, 3])


def test_a_sentence_of_unknown_words_is_named_by_its_number(vectors):
    with pytest.raises(InputError, match="sentence 2: no word of 'x y' has a vector"):
        vectors.sentence_vectors([["w1"], ["x", "y"]])


@pytest.mark.parametrize("n", [-1, 10])
def test_a_wrong_number_of_directions_is_refused(vectors, n):
    for ask in (
        lambda: vectors.sentence_vector(["w1"], method="sif", remove=n),
        lambda: vectors.sentence_vectors([["w1"]], remove=n),
        lambda: vectors.without_common_directions(n),
    ):
        with pytest.raises(ValueError, match=f"remove must be from 0 to 9 directions, got {n}"):
            ask()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_all_but_the_top_is_what_principal_components_give(vectors, n, monkeypatch):
    monkeypatch.setattr("textzero.vectors.rows.NUMBERS", 330)
    rows = vectors.vectors.astype(float)
    centred = rows - rows.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:n]
    less = vectors.without_common_directions(n)
    assert_allclose(less.vectors, centred - centred @ axes.T @ axes, atol=1e-5)
    assert less.vectors.dtype == np.float32 and less.context is None
    assert less.manifest["settings"]["common_directions_removed"] == n
    assert list(less.vocabulary) == list(vectors.vocabulary)
    assert_array_equal(vectors.vectors, rows.astype(np.float32))  # the old ones stay


def test_a_hundredth_of_the_dimensions_is_removed_by_default():
    rows = np.random.default_rng(0).normal(size=(400, 300))
    less = vectors_of(rows, [1] * 400).without_common_directions()
    assert less.manifest["settings"]["common_directions_removed"] == 3
    assert np.linalg.matrix_rank(less.vectors, tol=1e-3) == 297


def test_what_is_not_finite_has_no_directions():
    rows = np.array([[1, np.nan], [1, 2]], np.float32)
    for find in (
        lambda: expected_directions(rows, np.array([1, 1]), 1),
        lambda: common_directions(rows, 1),
    ):
        with pytest.raises(InputError, match="finite"):
            find()


def test_cleaned_vectors_know_how_text_is_cut():
    vectors = WordVectors(
        Vocabulary(["AB", "cd"], np.array([2, 1])),
        np.eye(2, dtype=np.float32),
        None,
        {"settings": {"tokenizer": "whitespace", "model": "concat"}},
    )
    less = vectors.without_common_directions(0)
    assert less.tokenize("AB-x cd") == ["AB-x", "cd"]
    assert less.halves([0])[0].shape == (1, 2)  # no longer two halves side by side


def test_one_string_is_not_taken_for_many_sentences(vectors):
    with pytest.raises(TypeError, match="texts must be several strings, got 'w1 w2'; put it in"):
        vectors.sentence_vectors("w1 w2")


def test_not_all_directions_can_be_removed(vectors):
    with pytest.raises(ValueError, match="remove must be from 0 to 9 directions, got 10"):
        expected_directions(vectors.vectors, vectors.vocabulary.counts, 10)
