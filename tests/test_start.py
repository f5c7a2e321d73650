import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.errors import InputError, OutputExistsError
from textzero.vectors.pipeline import embed
from textzero.vectors.start import first_matrices, old_digest
from textzero.vectors.training import TrainingSettings, train_vectors
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

SETTINGS = TrainingSettings(dim=8, sweeps=8)


def some_lines(names, n=150, seed=0):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(names, 9)) for _ in range(n)]


def pairs_of(lines):
    return count_cooccurrences(lines, Vocabulary.from_counts(count_words(lines), 1), window=3)


@pytest.fixture(scope="module")
def old_pairs():
    return pairs_of(some_lines(["北", *"abcdefghij"]))


@pytest.fixture(scope="module")
def new_pairs():
    return pairs_of(some_lines(["北", *"abcdefg", "new", "words"], seed=1))


def vectors_of(pairs, model="sum", **changes):
    trained = train_vectors(pairs, settings=SETTINGS, model=model, **changes)
    context = trained.context if model in ("sum", "center") else None
    manifest = {"settings": {"model": model}}
    return WordVectors(pairs.vocabulary, trained.vectors(), context, manifest), trained


@pytest.mark.parametrize("model", ["sum", "center", "concat"])
def test_known_words_begin_with_their_rows_and_new_words_as_ever(old_pairs, new_pairs, model):
    old, trained = vectors_of(old_pairs, model)
    fresh = first_matrices(SETTINGS, new_pairs.vocabulary)
    w, c = first_matrices(SETTINGS, new_pairs.vocabulary, old)
    known = 0
    for i, word in enumerate(new_pairs.vocabulary):
        j = old_pairs.vocabulary.id(word)
        known += j is not None
        expected = (
            (fresh[0][i], fresh[1][i]) if j is None else (trained.center[j], trained.context[j])
        )
        # w = (w + c) - c is rounded once in float32
        assert_allclose(w[i], expected[0], atol=1e-6)
        assert_array_equal(c[i], expected[1])
    assert known == 8 and len(new_pairs.vocabulary) == 10
    assert not fresh[0].any() and fresh[1].all()


def test_one_matrix_begins_with_one_matrix(old_pairs):
    old, _ = vectors_of(old_pairs, "shared")
    adagrad = TrainingSettings(dim=8, model="shared", solver="adagrad")
    w, c = first_matrices(adagrad, old_pairs.vocabulary, old)
    assert w is c
    assert_array_equal(w, old.vectors)
    # both halves of the other models, and of least squares
    for settings in (SETTINGS, TrainingSettings(dim=8, model="shared")):
        w, c = first_matrices(settings, old_pairs.vocabulary, old)
        assert w is not c
        assert_array_equal(w, c)


@pytest.mark.parametrize("model", ["shared", "center", "concat"])
def test_least_squares_make_one_matrix_of_any_vectors(old_pairs, new_pairs, model):
    old, _ = vectors_of(old_pairs, model)
    made = train_vectors(new_pairs, settings=SETTINGS, model="shared", init=old)
    assert made.center is made.context
    cold = train_vectors(new_pairs, settings=SETTINGS, model="shared")
    assert made.losses[0] != cold.losses[0]
    assert made.objectives[-1] < 1.02 * cold.objectives[-1]


def test_what_was_trained_begins_where_it_ended(old_pairs):
    trained = train_vectors(old_pairs, settings=SETTINGS)
    w, c = first_matrices(SETTINGS, old_pairs.vocabulary, trained)
    assert_array_equal(w, trained.center)
    assert_array_equal(c, trained.context)


def topics(n, seed):
    """Lines of words that keep to one of ten topics."""
    random = np.random.default_rng(seed)
    words = np.array([f"w{i}" for i in range(200)]).reshape(10, 20)
    return [" ".join(random.choice(words[random.integers(10)], 9)) for _ in range(n)]


def test_old_vectors_reach_the_loss_in_fewer_sweeps():
    text = topics(600, 0)
    old, _ = vectors_of(pairs_of(text))
    more, cold, warm = pairs_of(text + topics(60, 1)), [], []
    train_vectors(more, settings=SETTINGS, watch=lambda _, loss: cold.append(loss))
    train_vectors(more, settings=SETTINGS, init=old, watch=lambda _, loss: warm.append(loss))
    assert len(warm) < len(cold)
    assert warm[0] < cold[2] < cold[0]
    assert warm[-1] < cold[-1] * 1.02  # as good as all the sweeps


def test_the_start_is_not_changed(old_pairs, new_pairs):
    old, _ = vectors_of(old_pairs)
    before = old_digest(old)
    train_vectors(new_pairs, settings=SETTINGS, init=old)
    assert old_digest(old) == before


def test_the_digest_is_of_words_matrices_and_model(old_pairs):
    old, trained = vectors_of(old_pairs)
    digests = {old_digest(old), old_digest(trained)}
    digests.add(old_digest(WordVectors(old.vocabulary, old.vectors, None, old.manifest)))
    digests.add(old_digest(WordVectors(old.vocabulary, old.vectors, old.context, {})))
    digests.add(old_digest(WordVectors(old.vocabulary, old.vectors + 1, old.context, old.manifest)))
    words = Vocabulary([w + "x" for w in old.vocabulary], old.vocabulary.counts)
    digests.add(old_digest(WordVectors(words, old.vectors, old.context, old.manifest)))
    assert len(digests) == 6 and old_digest(None) is None


@pytest.mark.parametrize(
    "change, message",
    [
        ("dim", r"must have the dimension of training \(9\), got 8; pass --dim 8"),
        ("context", "must hold both matrices of the model, got one"),
        ("nan", "a row is not finite"),
        ("adagrad", '"adagrad" must begin with vectors of model "shared", got \'sum\''),
        ("huge", r"must not be above 1e\+06, got 1e\+20; scale the vectors"),
        ("trained", "must have a row for each of the 10 words, got 11"),
    ],
)
def test_a_start_that_does_not_fit_says_why(old_pairs, new_pairs, change, message):
    old, trained = vectors_of(old_pairs)
    settings = {"dim": 9} if change == "dim" else {}
    if change == "adagrad":
        settings = {"model": "shared", "solver": "adagrad", "unobserved_weight": 0.0}
    if change == "context":
        old.context = None
    if change == "nan":
        old.vectors[:] = np.nan
    if change == "huge":
        old.vectors[old_pairs.vocabulary.id("a"), 3] = -1e20
    if change == "trained":
        old = trained
    with pytest.raises(InputError, match=message):
        train_vectors(new_pairs, settings=SETTINGS, **settings, init=old)


def test_embed_goes_on_with_a_folder_and_says_so_in_the_manifest(tmp_path):
    (tmp_path / "old.txt").write_text("\n".join(some_lines([*"abcdefgh"])))
    (tmp_path / "new.txt").write_text("\n".join(some_lines([*"abcdefghijk"], seed=1)))
    embed(Corpus(tmp_path / "old.txt"), tmp_path / "old", settings=SETTINGS)
    corpus = Corpus(tmp_path / "old.txt", tmp_path / "new.txt")
    auto = TrainingSettings(dim="auto", sweeps=8)
    made = embed(corpus, tmp_path / "new", settings=auto, init=tmp_path / "old")
    assert made.dim == 8 and len(made) == 11  # auto is as long as the old ones
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text())
    digest = old_digest(WordVectors.load(tmp_path / "old"))
    assert manifest["init"] == {"path": str(tmp_path / "old"), "blake2b": digest}
    assert 6 <= len(manifest["losses"]) <= 16
    said = []
    embed(corpus, tmp_path / "new", settings=auto, init=tmp_path / "old", say=said.append)
    assert said == [f"{tmp_path / 'new'} is up to date"]
    for other in (None, made):
        with pytest.raises(OutputExistsError, match="other texts or settings"):
            embed(corpus, tmp_path / "new", settings=SETTINGS, init=other)


def test_vectors_can_begin_with_those_that_they_replace(tmp_path):
    (tmp_path / "t").write_text("\n".join(some_lines([*"abcdefgh"])))
    first = embed(Corpus(tmp_path / "t"), tmp_path / "out", settings=SETTINGS)
    rows = np.array(first.vectors)
    with open(tmp_path / "t", "a") as file:
        file.write("\n".join(some_lines([*"abcdefghi"], seed=1)))
    second = embed(
        Corpus(tmp_path / "t"),
        tmp_path / "out",
        settings=SETTINGS,
        init=tmp_path / "out",
        force=True,
    )
    assert len(second) == 9 and len(rows) == 8
    assert_array_equal(WordVectors.load(tmp_path / "out").vectors, second.vectors)


def test_the_other_solver_begins_there_too(old_pairs):
    settings = TrainingSettings(dim=8, solver="adagrad", unobserved_weight=0.0)
    cold, warm = [], []
    first = train_vectors(old_pairs, settings=settings, watch=lambda _, loss: cold.append(loss))
    train_vectors(old_pairs, settings=settings, init=first, watch=lambda _, loss: warm.append(loss))
    assert len(warm) == len(cold) and warm[0] < cold[-2] < cold[0]
