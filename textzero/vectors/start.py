"""Where training begins: random rows, or the rows of older vectors for the words that they have."""

import hashlib
import math
from collections.abc import Iterator

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.vectors.blocks import give_back
from textzero.vectors.matrices import Matrices
from textzero.vectors.settings import TrainingSettings
from textzero.vectors.trained import Trained
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

_ROWS = 1 << 14
_LARGEST = 1e6  # of a number to begin with: its squares are far from where float32 ends
Old = WordVectors | Trained


def first_matrices(
    settings: TrainingSettings,
    vocabulary: Vocabulary,
    init: Old | None = None,
    matrices: Matrices | None = None,
) -> tuple[Array, Array]:
    """Return w and c to begin with, float32 (n_words, dim).

    w is zero and c random with rows of length 1 or so; with `init`, words that it has begin with
    its rows. With model "shared" and the solver "adagrad", which trains one matrix, w and c are
    the same array.

    Args:
        settings: Resolved ones.
        vocabulary: The words of the rows.
        init: Vectors with both matrices; `Trained` must be of the same words. Where one matrix is
            trained, vectors of model "shared".
        matrices: Where they are; None for memory.

    Raises:
        InputError: `init` has another dimension, only one matrix, or a number that is not finite
            or above 1e6.
    """
    n_words, dim = len(vocabulary), int(settings.dim)
    random = np.random.default_rng(settings.seed)
    matrices = matrices or Matrices()
    context = matrices.new(n_words, dim)
    for start in range(0, n_words, _ROWS):
        part = context[start : start + _ROWS]
        random.standard_normal(part.shape, np.float32, out=part)
        part *= np.float32(1 / math.sqrt(dim))
    center = context if _is_one(settings) else matrices.new(n_words, dim)
    if init is None:
        return center, context
    check_start(init, settings, n_words)
    for places, w, c in _known_rows(init, vocabulary):
        _check_rows(w, c)
        center[places] = w
        context[places] = c
    return center, context


def _check_rows(*matrices: Array) -> None:
    largest = max(float(np.abs(rows).max(initial=0.0)) for rows in matrices)
    if any(not np.isfinite(rows).all() for rows in matrices):
        raise InputError("the vectors to begin with are damaged: a row is not finite")
    if largest > _LARGEST:
        raise InputError(
            f"the numbers of the vectors to begin with must not be above {_LARGEST:g}, got "
            f"{largest:g}; scale the vectors, or train without them"
        )


def check_start(init: Old, settings: TrainingSettings, n_words: int | None = None) -> None:
    """Tell whether older vectors fit the training that is to begin with them.

    Args:
        init: The older vectors.
        settings: With a number for `dim`.
        n_words: Words that are to be trained; None when they are not known yet.

    Raises:
        InputError: They have another dimension, or only one matrix, or are of another model.
    """
    dim = old_dimension(init)
    if dim != settings.dim:
        raise InputError(
            f"the vectors to begin with must have the dimension of training ({settings.dim}), "
            f"got {dim}; pass --dim {dim}"
        )
    if isinstance(init, Trained):
        if n_words is not None and len(init.center) != n_words:
            raise InputError(
                f"what was trained must have a row for each of the {n_words:,} words, got "
                f"{len(init.center):,}; give vectors that know their words (WordVectors)"
            )
        model: str | None = init.settings.model
    else:
        model = (init.manifest.get("settings") or {}).get("model")
        if model not in ("concat", "shared") and init.context is None:
            raise InputError(
                "the vectors to begin with must hold both matrices of the model, got one; "
                "give a folder that `textzero embed` wrote"
            )
    if _is_one(settings) and model != "shared":
        raise InputError(
            f'model "shared" with the solver "adagrad" must begin with vectors of model "shared", '
            f"got {model!r}; give such vectors, or take another solver"
        )


def _is_one(settings: TrainingSettings) -> bool:
    """Whether one matrix is trained, not two."""
    return settings.model == "shared" and settings.solver == "adagrad"


def old_dimension(init: Old) -> int:
    """Length of a row of w."""
    if isinstance(init, Trained):
        return int(init.center.shape[1])
    return int(init.halves(slice(0, 1))[0].shape[1])


def _known_rows(init: Old, vocabulary: Vocabulary) -> Iterator[tuple[Array, Array, Array]]:
    """Give places in the vocabulary and the old rows of w and c for them, some at a time."""
    look_up = kernel("tables").look_up
    for start in range(0, len(vocabulary), _ROWS):
        stop = min(start + _ROWS, len(vocabulary))
        if isinstance(init, Trained):
            rows = np.arange(start, stop)
            yield rows, init.center[start:stop], init.context[start:stop]
            continue
        offsets = vocabulary.words.offsets[start : stop + 1]
        ends = (offsets - offsets[0]).astype(np.int32)  # of so few words: far below 2^31
        text = vocabulary.words.text[offsets[0] :]
        ids = look_up(init.vocabulary.table, text, ends[:-1], ends[1:])
        yield start + np.flatnonzero(ids >= 0), *init.halves(ids[ids >= 0])


def old_digest(init: Old | None) -> str | None:
    """Return the BLAKE2b-128 digest of words and matrices, in hexadecimal; None for None."""
    if init is None:
        return None
    digest = hashlib.blake2b(digest_size=16)
    model: str | None
    arrays: tuple[Array, Array | None]
    if isinstance(init, Trained):
        arrays, model = (init.center, init.context), init.settings.model
    else:
        words = init.vocabulary.words
        digest.update(words.text[words.offsets[0] : words.offsets[-1]].tobytes())
        digest.update(np.diff(words.offsets).tobytes())
        arrays = (init.vectors, init.context)
        model = (init.manifest.get("settings") or {}).get("model")
    digest.update(str(model).encode())
    for array in arrays:
        if array is None:
            continue
        digest.update(str(array.shape).encode())
        for start in range(0, len(array), _ROWS):
            digest.update(np.ascontiguousarray(array[start : start + _ROWS]).data)
        give_back(array)
    return digest.hexdigest()
