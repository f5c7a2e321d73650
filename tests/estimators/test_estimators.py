import pickle
import sys

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import numpy as np
import scipy.sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import textzero
from textzero.estimators import (
    Segmenter,
    SentenceVectorizer,
    SimplerGlove,
    WordCounter,
    WordDiscoverer,
)

GOOD = ["a good film", "so good", "very good indeed", "what a good day", "good and fine"]
BAD = ["a bad film", "so bad", "very bad indeed", "what a bad day", "bad and poor"]
TEXTS, LABELS = GOOD + BAD, ["+"] * 5 + ["-"] * 5
HOSTILE = ["", "a b", "", "a\x1eb a", "\ud800 b", "c" * 70, " ", "A", ""]


def small_vectors():
    values = np.arange(12, dtype=np.float32).reshape(4, 3) - 5
    return textzero.WordVectors(
        textzero.Vocabulary(["good", "bad", "a", "film"], [4, 3, 2, 1]), values
    )


ALL = [
    WordCounter(),
    WordDiscoverer(unit="letter"),
    Segmenter({"good": 1, "bad": 1}),
    SimplerGlove(dim=2, min_count=1),
    SentenceVectorizer(small_vectors()),
]
by_name = pytest.mark.parametrize("ours", ALL, ids=lambda ours: type(ours).__name__)


def plain(found):
    return found.toarray() if scipy.sparse.issparse(found) else found


# --- WordCounter ------------------------------------------------------------------------------


@pytest.mark.parametrize("ngrams", [(1, 1), (1, 3), (2, 2)])
def test_counts_are_those_of_count_vectorizer(ngrams):
    theirs = CountVectorizer(
        token_pattern=None, tokenizer=str.split, lowercase=False, ngram_range=ngrams
    ).fit(TEXTS)
    ours = WordCounter(tokenizer="whitespace", ngrams=ngrams).fit(TEXTS)
    assert set(ours.get_feature_names_out()) == set(theirs.get_feature_names_out())
    order = [theirs.vocabulary_[word] for word in ours.get_feature_names_out()]
    texts = [*TEXTS, "", "good good unknown good"]
    assert (ours.transform(texts).toarray() == theirs.transform(texts)[:, order].toarray()).all()


def by_hand(text):
    return text.split()


@pytest.mark.parametrize("tokenizer", ["whitespace", by_hand])
def test_every_text_has_its_row_whatever_it_holds(tokenizer):
    counter = WordCounter(tokenizer=tokenizer).fit(["a b c", "c" * 70])
    assert counter.transform(HOSTILE).sum(axis=1).ravel().tolist() == [[0, 2, 0, 3, 1, 1, 0, 0, 0]]


def test_texts_longer_than_a_piece_stay_one_row():
    texts = ["x " * 900_000, "y", "x y " * 300_000]
    found = WordCounter().fit(texts).transform(texts).toarray()
    assert found.tolist() == [[900_000, 0], [0, 1], [300_000, 300_000]]


@pytest.mark.parametrize("lowercase", [False, True])
def test_many_texts_keep_their_rows_from_piece_to_piece(lowercase):
    texts = [f"A{number} " * (number % 50) for number in range(20_000)]
    counter = WordCounter(lowercase=lowercase).fit(texts)
    found = counter.transform(texts)
    assert found.shape[0] == len(texts)
    assert found.sum(axis=1).ravel().tolist()[0] == [number % 50 for number in range(20_000)]
    places = {word: place for place, word in enumerate(counter.get_feature_names_out())}
    for number in (1, 49, 1999, 12_345, 19_999):
        assert found[number, places[f"{'a' if lowercase else 'A'}{number}"]] == number % 50


def test_columns_are_chosen_by_count():
    counter = WordCounter(min_count=2, max_words=3).fit(["d c b a", "b a c", "b a"])
    assert counter.get_feature_names_out().tolist() == ["a", "b", "c"]
    assert len(counter.counts_) == 4
    with pytest.raises(textzero.InputError, match="no words left: of 4 words"):
        WordCounter(min_count=4).fit(["d c b a", "b a c", "b a"])


@pytest.mark.parametrize("cuts", [(3,), (0, 1, 1, 9), range(10)])
def test_partial_fit_adds_up_to_fit(cuts):
    parts = WordCounter(min_count=2)
    for start, stop in zip((0, *cuts), (*cuts, 10), strict=True):
        parts.partial_fit(TEXTS[start:stop])
    whole = WordCounter(min_count=2).fit(GOOD).fit(TEXTS)
    assert parts.counts_.most_common() == whole.counts_.most_common()
    assert (parts.get_feature_names_out() == whole.get_feature_names_out()).all()


def test_while_no_word_is_left_it_is_transform_that_says_so():
    counter = WordCounter(min_count=2).partial_fit(["a b"])
    with pytest.raises(textzero.InputError, match=r"of 2 words .* none passed min_count=2; lower"):
        counter.transform(["a"])
    assert counter.partial_fit(["b"]).get_feature_names_out().tolist() == ["b"]
    with pytest.raises(textzero.InputError, match="the texts hold none"):
        WordCounter().fit([""])


def test_a_type_that_cannot_hold_a_count_is_refused():
    texts = ["a " * 300, "b"]
    with pytest.raises(ValueError, match="must hold the count 300, got int8"):
        WordCounter(dtype=np.int8).fit_transform(texts)
    with pytest.raises(ValueError, match="of numbers that sparse matrices have, got <U"):
        WordCounter(dtype=str).fit_transform(texts)
    assert WordCounter(dtype=bool).fit_transform(texts).toarray().tolist() == [[1, 0], [0, 1]]


def test_the_matrix_has_the_type_that_is_asked_for():
    found = WordCounter().fit_transform(TEXTS)
    assert found.format == "csr" and found.dtype == np.int64 and found.has_sorted_indices
    assert WordCounter(dtype=np.float32).fit_transform(TEXTS).dtype == np.float32
    assert isinstance(WordCounter(sparse_output=False).fit_transform(TEXTS), np.ndarray)


# --- words ------------------------------------------------------------------------------------

CHINESE = [
    a + b + c
    for a in ("我们", "他们", "学生")
    for b in "在去来爱"
    for c in ("北京", "上海", "南京")
]


def test_found_words_cut_as_the_segmenter_does():
    discoverer = WordDiscoverer().fit(CHINESE)
    cut = textzero.Segmenter(textzero.discover_words(CHINESE))
    assert discoverer.transform(CHINESE).tolist() == [" ".join(cut(text)) for text in CHINESE]
    assert discoverer.set_params(as_tokens=True).transform(CHINESE[:1]).tolist() == [
        cut(CHINESE[0])
    ]


def test_a_lexicon_may_be_a_file_a_mapping_or_a_list(tmp_path):
    lexicon = textzero.Lexicon.from_counts({"北京": 1, "大学": 1})
    lexicon.save(tmp_path / "lexicon.tsv")
    for given in (
        lexicon,
        str(tmp_path / "lexicon.tsv"),
        tmp_path / "lexicon.tsv",
        {"北京": 1, "大学": 1},
        ["北京", "大学"],
    ):
        assert Segmenter(given).fit_transform(["北京大学", ""]).tolist() == ["北京 大学", ""]
    with pytest.raises(ValueError, match="needs a lexicon, got None"):
        Segmenter().fit(TEXTS)


# --- vectors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sum", "mean", "sif"])
def test_vectors_are_those_of_sentence_vector(method):
    vectors = small_vectors()
    texts = ["good film", "A GOOD bad good thing", "film"]
    found = SentenceVectorizer(vectors, method=method).fit_transform(texts)
    wanted = [vectors.sentence_vector(text, method=method) for text in texts]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_text_without_known_words_is_zeros_or_an_error():
    vectorizer = SentenceVectorizer(small_vectors(), method="sif").fit()
    assert not vectorizer.transform(["", "good", "?"])[[0, 2]].any()
    with pytest.raises(textzero.InputError, match="no word of text 2 has a vector"):
        vectorizer.set_params(on_empty="raise").transform(["good", "?"])


def test_glove_is_what_the_functions_train():
    glove = SimplerGlove(dim=3, min_count=1, window=2, seed=7).fit(TEXTS)
    vocabulary = textzero.Vocabulary.from_counts(textzero.count_words(TEXTS), 1)
    pairs = textzero.count_cooccurrences(TEXTS, vocabulary, window=2, weighting="harmonic")
    settings = textzero.TrainingSettings(dim=3, seed=7)
    trained = textzero.train_vectors(pairs, settings=settings, device="cpu")
    assert glove.word_vectors_.vectors.tobytes() == trained.vectors().tobytes()
    assert glove.get_feature_names_out().tolist() == [
        "simplerglove0",
        "simplerglove1",
        "simplerglove2",
    ]
    assert glove.word_vectors_.manifest["settings"]["window"] == 2


def test_glove_knows_a_lexicon_as_tokenizer():
    words = textzero.Segmenter(textzero.discover_words(CHINESE))
    glove = SimplerGlove(dim=2, min_count=1, tokenizer=words).fit(CHINESE)
    assert "北京" in glove.vocabulary_
    copied = pickle.loads(pickle.dumps(glove))
    np.testing.assert_array_equal(copied.transform(CHINESE), glove.transform(CHINESE))
    assert copied.word_vectors_.tokenize("我们在北京") == ["我们", "在", "北京"]


def test_vectors_may_be_a_folder_and_are_not_copied_by_clone(tmp_path):
    vectors = small_vectors()
    vectors.save(tmp_path / "vectors")
    from_folder = SentenceVectorizer(tmp_path / "vectors").fit_transform(TEXTS)
    np.testing.assert_array_equal(from_folder, SentenceVectorizer(vectors).fit_transform(TEXTS))
    assert clone(SentenceVectorizer(vectors)).vectors is vectors


def test_sif_vectors_do_not_depend_on_the_other_texts():
    vectorizer = SentenceVectorizer(small_vectors(), method="sif").fit()
    alone = [vectorizer.transform([text])[0] for text in TEXTS]
    np.testing.assert_allclose(vectorizer.transform(TEXTS), alone, rtol=1e-6, atol=1e-7)


def test_a_setting_that_is_changed_after_fit_counts():
    vectorizer = SentenceVectorizer(small_vectors()).fit().set_params(method="sif", remove=2)
    wanted = SentenceVectorizer(small_vectors(), method="sif", remove=2).fit_transform(TEXTS)
    np.testing.assert_array_equal(vectorizer.transform(TEXTS), wanted)
    with pytest.raises(ValueError, match="method must be one of"):
        vectorizer.set_params(method="max").transform(TEXTS)


WRONG = [({"method": "max"}, "method"), ({"on_empty": 0}, "on_empty")]
WRONG += [({"vectors": None}, "needs vectors"), ({"method": "sif", "remove": 3}, "remove")]


@pytest.mark.parametrize("wrong, said", WRONG)
def test_wrong_settings_are_refused_by_fit(wrong, said):
    with pytest.raises(ValueError, match=said):
        SentenceVectorizer(small_vectors()).set_params(**wrong).fit(TEXTS)


NUMBERS = [(WordCounter(), name) for name in ("min_count", "max_words", "ngrams")]
NUMBERS += [(SimplerGlove(dim=2), name) for name in ("min_count", "max_words", "window")]


@pytest.mark.parametrize("ours, name", NUMBERS)
def test_limits_are_whole_numbers_of_any_kind(ours, name):
    for wrong in (0, -1, "2", 1.5):
        with pytest.raises(
            ValueError, match=f"{name} must be a whole number from 1, got {wrong!r}"
        ):
            clone(ours).set_params(**{name: wrong}).fit(TEXTS)
    found = clone(ours).set_params(**{"min_count": 1, name: np.int64(3)}).fit_transform(TEXTS)
    assert found.shape[0] == len(TEXTS)


@pytest.mark.parametrize("wrong", [3, b"x", [1, 2], {1: 2}])
def test_what_holds_no_words_is_no_lexicon_and_no_vectors(wrong):
    with pytest.raises(TypeError, match="lexicon must"):
        Segmenter(wrong).fit()
    with pytest.raises(TypeError, match="vectors must be WordVectors or a folder, got"):
        SentenceVectorizer(wrong).fit()


# --- all of them ------------------------------------------------------------------------------


@by_name
def test_is_the_same_after_pickling(ours):
    fitted = clone(ours).fit(TEXTS)
    before = plain(fitted.transform(TEXTS))
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(plain(copied.transform(TEXTS)), before)


@by_name
def test_must_be_fitted(ours):
    with pytest.raises(NotFittedError):
        clone(ours).transform(TEXTS)


@by_name
@pytest.mark.parametrize("wrong, kind, said", [
    ("a text", TypeError, r"got a single str(ing)?; write .*\[text\]"),
    (np.array("a text"), ValueError, r"got ndarray of shape \(\)"),
    (3, TypeError, "iterable of strings, got int"),
    ({"train": TEXTS}, TypeError, "keys 'train'"),
    (np.array([["a", "b"]]), ValueError, r"one dimension, got ndarray of shape \(1, 2\)"),
    (np.ones((2, 2)), ValueError, "one dimension"),
    (scipy.sparse.eye(3), ValueError, "one dimension"),
    (np.ones(3), ValueError, "got float64 .* as text 1"),
    (["a", None], ValueError, "got NoneType None as text 2; fill it"),
    (["a", float("nan")], ValueError, "got float nan as text 2; fill it"),
    ([["a", "b"]], ValueError, "got list"),
])  # fmt: skip
def test_refuses_what_is_no_text(ours, wrong, kind, said):
    fitted = clone(ours).fit(TEXTS)
    with pytest.raises(kind, match=said):
        fitted.transform(wrong)
    if not isinstance(ours, Segmenter | SentenceVectorizer):
        with pytest.raises(kind, match=said):
            clone(ours).fit(wrong)


@by_name
def test_takes_texts_in_every_form(ours, tmp_path):
    import pyarrow

    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    wanted = plain(clone(ours).fit(TEXTS).transform(TEXTS))
    table = pyarrow.table({"text": TEXTS, "label": LABELS})
    forms = [tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, object), table, table["text"]]
    forms += [textzero.Corpus(tmp_path / "texts.txt"), textzero.Corpus.from_documents(TEXTS)]
    for form in forms:
        np.testing.assert_array_equal(plain(clone(ours).fit(form).transform(form)), wanted)
    np.testing.assert_array_equal(plain(clone(ours).fit(TEXTS).transform(iter(TEXTS))), wanted)


def test_a_generator_is_refused_before_it_is_read_where_two_passes_are_needed():
    texts = (text for text in TEXTS)
    with pytest.raises(TypeError, match="read 2 times, and a generator"):
        SimplerGlove().fit(texts)
    assert next(texts) == TEXTS[0]
    assert len(WordCounter().fit(text for text in TEXTS).vocabulary_) == 12


def test_works_in_pipelines_and_grids():
    model = make_pipeline(WordCounter(), LogisticRegression())
    search = GridSearchCV(model, {"wordcounter__ngrams": [1, (1, 2)]}, cv=2).fit(TEXTS, LABELS)
    assert search.predict(["a good one", "a bad one"]).tolist() == ["+", "-"]
    glove = make_pipeline(SimplerGlove(dim=4, min_count=1), LogisticRegression())
    GridSearchCV(glove, {"simplerglove__window": [1, 2]}, cv=2).fit(np.array(TEXTS), LABELS)
    chinese = make_pipeline(
        WordDiscoverer(), WordCounter(tokenizer="whitespace"), LogisticRegression()
    )
    people = [text[:2] for text in CHINESE]
    assert chinese.fit(CHINESE, people).score(CHINESE, people) == 1
    names = chinese[:-1].get_feature_names_out().tolist()
    assert len(names) == chinese[-1].n_features_in_ and "北京" in names


def test_data_frames_go_in_and_come_out():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"text": TEXTS, "n": range(10)}, index=range(5, 15))
    counter = WordCounter(sparse_output=False).set_output(transform="pandas")
    found = counter.fit_transform(frame["text"])
    assert found.loc[5, "good"] == 1 and found.index.tolist() == list(range(5, 15))
    whole = ColumnTransformer([("words", WordCounter(), "text")]).fit_transform(frame)
    assert (whole.toarray() == found.to_numpy()).all()
    listed = ColumnTransformer([("words", WordCounter(), ["text"])]).fit_transform(frame)
    assert (listed.toarray() == whole.toarray()).all()
    chain = make_pipeline(WordDiscoverer(unit="letter"), SimplerGlove(dim=2, min_count=1))
    chain.set_output(transform="pandas")
    with config_context(transform_output="pandas"):
        assert isinstance(Segmenter({"good": 1}).fit_transform(TEXTS), np.ndarray)
    assert list(chain.fit_transform(TEXTS).columns) == ["simplerglove0", "simplerglove1"]


def test_without_scikit_learn_a_sentence_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("textzero.estimators")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install 'textzero\[sklearn\]'"):
        import textzero.estimators  # noqa: F401
