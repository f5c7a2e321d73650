"""Word vectors as the first layer of any Keras model.

Row 0 of the layer is padding, row 1 stands for every unknown word, and word i of the vocabulary has
row i + 2: the ids of `keras.layers.TextVectorization`, `keras.layers.StringLookup(mask_token="")`
and of `textzero.models.Encoder`.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.models.word_table import FIRST, UNKNOWN
from textzero.vectors.table import VectorTable

_UNKNOWN, _MISSING = ("zeros", "mean"), ("zeros", "random")


def to_embedding(
    vectors: VectorTable,
    vocabulary: Sequence[str] | None = None,
    trainable: bool = False,
    mask_zero: bool = True,
    *,
    unknown: str = "zeros",
    missing: str = "zeros",
    seed: int = 0,
    name: str | None = None,
) -> keras.layers.Embedding:
    """Return a built `keras.layers.Embedding`, (batch, length) ids -> (batch, length, dim).

    Its weights are float32 (n_words + 2, dim): row 0 zeros, row 1 for unknown words, row i + 2 the
    vector of word i, or of its lower case. Its attribute `words_without_vector` is a tuple of the
    words of the vocabulary that have none.

    Args:
        vectors: The word vectors.
        vocabulary: Words without their special tokens, by id - 2; None for all words of the
            vectors, in their order.
        trainable: Whether training changes the vectors (all rows, also rows 0 and 1).
        mask_zero: Whether later layers leave out padding.
        unknown: Row 1: "zeros", or "mean" of the vectors of the vocabulary.
        missing: Rows of words without a vector: "zeros", or "random", normal numbers as large as
            the vectors' own on average.
        seed: For "random".
        name: Of the layer.

    Raises:
        ValueError: The vocabulary is no sequence of different words: a mapping, a string, with an
            empty word or one twice, any of which would shift rows.
        InputError: A vector is not finite.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> from textzero.vectors.word_vectors import WordVectors
        >>> from textzero.vocabulary import Vocabulary
        >>> words = Vocabulary(["good", "film"], np.array([3, 2]))
        >>> vectors = WordVectors(words, np.array([[1, 0], [0, 1]], np.float32))
        >>> layer = to_embedding(vectors, ["film", "goood", "Good"])
        >>> layer.get_weights()[0].tolist()
        [[0.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
        >>> layer.words_without_vector
        ('goood',)
        >>> model = keras.Sequential([layer, keras.layers.GRU(4), keras.layers.Dense(1)])
    """
    if unknown not in _UNKNOWN:
        raise ValueError(f"unknown must be one of {', '.join(_UNKNOWN)}, got {unknown!r}")
    if missing not in _MISSING:
        raise ValueError(f"missing must be one of {', '.join(_MISSING)}, got {missing!r}")
    words = list(vectors.vocabulary) if vocabulary is None else _checked(vocabulary)
    places = np.array([-1 if (k := vectors.find(w)) is None else k for w in words], np.int64)
    held = np.flatnonzero(places >= 0)
    matrix = np.zeros((len(words) + FIRST, vectors.dim), np.float32)
    matrix[held + FIRST] = _finite(vectors, places[held])
    if unknown == "mean" and held.size:
        matrix[UNKNOWN] = matrix[held + FIRST].mean(axis=0, dtype=np.float64)
    absent = np.flatnonzero(places < 0)
    if missing == "random" and held.size and absent.size:
        scale = np.sqrt(np.mean(np.square(matrix[held + FIRST], dtype=np.float64)))
        drawn = np.random.default_rng(seed).standard_normal((absent.size, vectors.dim))
        matrix[absent + FIRST] = drawn * scale
    layer = keras.layers.Embedding(
        *matrix.shape,
        embeddings_initializer="zeros",
        mask_zero=mask_zero,
        trainable=trainable,
        name=name,
    )
    layer.build((None, None))
    layer.set_weights([matrix])
    layer.words_without_vector = tuple(words[k] for k in absent.tolist())
    return layer


def _checked(vocabulary: Sequence[str]) -> list[str]:
    """The words of a vocabulary whose places are their ids less 2."""
    if isinstance(vocabulary, str | Mapping):
        raise ValueError(
            "vocabulary must be a sequence of words in the order of their ids, got a "
            f"{type(vocabulary).__name__}: sort the words by id and leave out special tokens"
        )
    words = list(vocabulary)
    seen: set[str] = set()
    for k, word in enumerate(words):
        if not isinstance(word, str) or not word:
            raise ValueError(
                f"vocabulary must hold words, got {word!r} at {k}: leave out the special tokens, "
                "such as with get_vocabulary(include_special_tokens=False)"
            )
        if word in seen:
            raise ValueError(f"vocabulary must hold each word once, got {word!r} again at {k}")
        seen.add(word)
    return words


def _finite(vectors: VectorTable, places: Array) -> Array:
    """float32 (n, dim): the vectors at some places."""
    rows = np.asarray(vectors.vectors[places], np.float32)
    wrong = ~np.isfinite(rows).all(axis=1)
    if wrong.any():
        word = vectors.vocabulary[int(places[int(wrong.argmax())])]
        raise InputError(f"the vector of {word!r} must be finite; train or convert it again")
    return rows
