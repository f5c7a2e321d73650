"""scikit-learn's own checks.

They make arrays of numbers, so of an estimator of texts scikit-learn itself checks little: that it
can be cloned. All other checks are run on subclasses that write numbers as texts, and change no
more: settings, state and what is fitted are those of our estimators.
"""

from zlib import crc32

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import numpy as np
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import validate_data

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


class OnNumbers:
    """Before an estimator of texts: takes arrays, whose rows become "a 0p3 1n12": 0.75 and -3."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = False, True
        return tags

    def _texts(self, X, **how):
        X = validate_data(self, X, **how)
        places = np.clip(np.rint(4 * X.astype(np.float64)), -11, 11).astype(int).tolist()
        words = [[f"{k % 3}{'pn'[n < 0]}{abs(n)}" for k, n in enumerate(row)] for row in places]
        return [" ".join(["a", *row]) for row in words]

    def fit(self, X, y=None):
        return super().fit(self._texts(X), y)

    def transform(self, X):
        return super().transform(self._texts(X, reset=False))


class ToNumbers(OnNumbers):
    """So that checks can compare what comes out: of each text, its words and a sum of them all."""

    set_output = property()  # texts are no columns, and numbers only here

    def transform(self, X):
        found = super().transform(X)
        return np.array([[len(text.split()), crc32(text.encode()) % 997] for text in found], float)


class Counted(OnNumbers, WordCounter):
    def partial_fit(self, X, y=None):
        return super().partial_fit(self._texts(X, reset=not hasattr(self, "n_features_in_")), y)


class Glove(OnNumbers, SimplerGlove):
    pass


class Vectorized(OnNumbers, SentenceVectorizer):
    pass


class Discovered(ToNumbers, WordDiscoverer):
    pass


class Cut(ToNumbers, Segmenter):
    pass


OURS = [
    Counted(),
    Counted(ngrams=(1, 2), sparse_output=False),
    Discovered(unit="letter"),
    Cut(LEXICON),
    Glove(dim=3, min_count=1, sweeps=2),
    Vectorized(vectors(), method="sif"),
]
# (name of the estimator, name of the check): why it cannot pass
EXCEPTIONS: dict[tuple[str, str], str] = {}


def reasons(ours):
    return {check: why for (name, check), why in EXCEPTIONS.items() if name == type(ours).__name__}


@parametrize_with_checks(OURS, expected_failed_checks=reasons)
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
    names = {type(ours).__name__ for ours in OURS}
    assert {name for name, _ in EXCEPTIONS} <= names
    assert all(len(why.split()) > 4 for why in EXCEPTIONS.values())
