"""scikit-learn estimators that take raw text; `pip install 'textzero[sklearn]'`.

Each takes a list of strings, a 1-D array or Series of them, a column of a table, a Hugging Face
dataset or a `Corpus`, and works in a `Pipeline`, with `GridSearchCV` and in a `ColumnTransformer`.
A row without text is an error, but for those of a `Corpus`, which gives only what is not empty:
where rows have labels, give a list or a column.

Example:
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from textzero.estimators import WordCounter
    >>> texts = ["good film", "so good", "bad film", "so bad"]
    >>> model = make_pipeline(WordCounter(), LogisticRegression())
    >>> model.fit(texts, ["+", "+", "-", "-"]).predict(["a good one", "a bad one"]).tolist()
    ['+', '-']
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "textzero.estimators needs scikit-learn: pip install 'textzero[sklearn]'"
    ) from error

from textzero.estimators.segmenting import Segmenter, WordDiscoverer
from textzero.estimators.vectors import SentenceVectorizer, SimplerGlove
from textzero.estimators.word_counter import WordCounter

__all__ = ["Segmenter", "SentenceVectorizer", "SimplerGlove", "WordCounter", "WordDiscoverer"]
