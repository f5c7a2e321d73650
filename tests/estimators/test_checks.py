"""scikit-learn's own checks.

They make arrays of numbers, so of an estimator of texts scikit-learn itself checks little: that it
can be cloned. All other checks are run on our estimators behind a writer of numbers as texts.
"""

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import textzero
from textzero.estimators import (
    Segmenter,
    SentenceVectorizer,
    SimplerGlove,
    WordCounter,
    WordDiscoverer,
)

WORDS = ["a", *(f"{k}{sign}{n}" for k in range(3) for sign in "pn" for n in range(12))]
LEXICON = textzero.Lexicon.from_counts(dict.fromkeys(WORDS, 1))


def vectors():
    values = np.random.default_rng(0).normal(size=(len(WORDS), 4)).astype(np.float32)
    return textzero.WordVectors(textzero.Vocabulary(WORDS, np.arange(len(WORDS)) + 1), values)


class OnNumbers(TransformerMixin, BaseEstimator):
    """An estimator of texts on arrays, whose rows are written as "a 0p3 1n12": 0.75 and -3."""

    def __init__(self, estimator):
        self.estimator = estimator

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags = self.estimator.__sklearn_tags__().transformer_tags
        return tags

    def _texts(self, X, **how):
        X = validate_data(self, X, **how)
        places = np.clip(np.rint(4 * X.astype(np.float64)), -11, 11).astype(int).tolist()
        words = [[f"{k % 3}{'pn'[n < 0]}{abs(n)}" for k, n in enumerate(row)] for row in places]
        return [" ".join(["a", *row]) for row in words]

    def fit(self, X, y=None):
        self.estimator_ = clone(self.estimator).fit(self._texts(X), y)
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self.estimator_.transform(self._texts(X, reset=False))

    def get_feature_names_out(self, input_features=None):
        check_is_fitted(self)
        return self.estimator_.get_feature_names_out(input_features)


OURS = [
    WordCounter(),
    WordCounter(ngrams=(1, 2), sparse_output=False),
    make_pipeline(WordDiscoverer(unit="letter"), WordCounter(tokenizer="whitespace")),
    make_pipeline(Segmenter(LEXICON), WordCounter(tokenizer="whitespace")),
    SimplerGlove(dim=3, min_count=1, sweeps=2),
    SentenceVectorizer(vectors(), method="sif"),
]
# (name of the estimator, name of the check): why it cannot pass
EXCEPTIONS: dict[tuple[str, str], str] = {}


def reasons(wrapped):
    steps = getattr(wrapped.estimator, "steps", [("", wrapped.estimator)])
    name = type(steps[0][1]).__name__
    return {check: why for (ours, check), why in EXCEPTIONS.items() if ours == name}


@parametrize_with_checks([OnNumbers(ours) for ours in OURS], expected_failed_checks=reasons)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


ALONE = [Segmenter(LEXICON), SentenceVectorizer(vectors()), SimplerGlove(), WordCounter()]
ALONE += [WordDiscoverer()]
WITHOUT_DATA = """
    check_do_not_raise_errors_in_init_or_set_params check_estimator_repr
    check_estimator_tags_renamed check_estimators_unfitted check_get_params_invariance
    check_mixin_order check_no_attributes_set_in_init check_parameters_default_constructible
    check_set_params check_valid_tag_types
"""


@pytest.mark.parametrize("ours", ALONE, ids=lambda ours: type(ours).__name__)
class TestAlone:
    @pytest.mark.filterwarnings("ignore:Can't test estimator")
    def test_passes_what_scikit_learn_checks_of_estimators_of_texts(self, ours):
        found = [(row["check_name"], row["status"]) for row in check_estimator(ours)]
        assert found == [("check_estimator_cloneable", "passed")]

    @pytest.mark.parametrize("check", WITHOUT_DATA.split())
    def test_passes_the_checks_that_need_no_numbers(self, ours, check):
        getattr(estimator_checks, check)(type(ours).__name__, ours)


def test_the_exceptions_are_listed():
    names = {type(ours).__name__ for ours in ALONE}
    assert {name for name, _ in EXCEPTIONS} <= names
    assert all(len(why.split()) > 4 for why in EXCEPTIONS.values())
