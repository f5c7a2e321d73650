"""What all estimators do with texts: what they take and refuse, what scikit-learn is told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin

from textzero.corpus import Corpus, Texts, as_corpus
from textzero.corpus.columns import Column, column_of, is_missing


class TextTransformer(TransformerMixin, BaseEstimator):
    """A transformer of texts."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


@dataclass(frozen=True)
class Checked:
    """Texts of which each is seen to be a string when it is read."""

    texts: Iterable[Any]

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(self.texts, 1):
            if not isinstance(text, str):
                what = f"{type(text).__name__} {text!r:.40}"
                hint = "; fill it first, or leave its row out" if is_missing(text) else ""
                raise ValueError(f"texts must be strings, got {what} as text {number:,}{hint}")
            yield text


def texts_of(texts: Texts) -> Iterable[str]:
    """Return texts of anything that holds them in one dimension.

    Raises:
        TypeError: It is a string, a mapping, or no iterable.
        ValueError: It has more than one dimension, is a sparse matrix, or (when it is read) holds
            something else than strings.
    """
    if isinstance(texts, Corpus):
        return texts
    shape = getattr(texts, "shape", (0,))
    found: Any = column_of(texts) if not hasattr(texts, "tocsr") else texts
    if not isinstance(found, Column) and (len(shape) != 1 or hasattr(texts, "tocsr")):
        raise ValueError(
            f"texts must be strings in one dimension, got {type(texts).__name__} of shape {shape}; "
            "give one column"
        )
    return (text for text in Checked(found)) if isinstance(found, Iterator) else Checked(found)


def corpus_of(texts: Texts, passes: int = 1) -> Corpus:
    """Return texts as a corpus that is read so many times.

    Raises:
        TypeError: There is more than one pass, and the texts come from a generator.
        ValueError: As for `texts_of`.
    """
    return as_corpus(texts_of(texts), passes)
