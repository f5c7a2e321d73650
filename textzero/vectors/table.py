"""VectorTable: words, their vectors, how their text was tokenized, and the folder they live in."""

import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero._frames import Tabular, batch_of, words_column
from textzero.corpus import Reading
from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import MANIFEST, read_json, whole_folder, write_json
from textzero.near import did_you_mean
from textzero.tokens import Spec, Tokenizer
from textzero.vectors.tensors import map_safetensors, write_safetensors
from textzero.vectors.tokenizing import LEXICON, only_characters, tokenizer_of
from textzero.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pyarrow

TENSORS, VOCABULARY = "vectors.safetensors", "vocabulary.tsv"
_KIND = "textzero vectors 1"
_ROWS = 1 << 14  # rows looked at at once
_BATCH = 1 << 15  # rows of a batch of Arrow
_MADE_ANEW = {"norms", "_cache", "_index", "_directions", "_total"}


class VectorTable(Tabular):
    """Words and their vectors.

    Attributes:
        vocabulary: The words, most frequent first.
        vectors: float32 (n_words, dim).
        context: float32 (n_words, dim), the other matrix of the model, or None.
        manifest: How the vectors were made.
        folder: Where they were loaded from; a lexicon that cut the corpus lies there too.
    """

    folder: Path | None = None

    @checked
    def __init__(
        self,
        vocabulary: Vocabulary,
        vectors: Array,
        context: Array | None = None,
        manifest: dict[str, Any] | None = None,
    ) -> None:
        shape = getattr(vectors, "shape", None) or (type(vectors).__name__,)
        if len(shape) != 2 or shape[0] != len(vocabulary):
            raise ValueError(
                f"vectors must be an array of one row for each of {len(vocabulary)} words, "
                f"got {shape}"
            )
        self.vocabulary, self.vectors, self.context = vocabulary, vectors, context
        self.manifest = manifest or {}

    def __len__(self) -> int:
        return len(self.vocabulary)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    def __iter__(self) -> Iterator[str]:
        return iter(self.vocabulary)

    def __getitem__(self, word: str) -> Array:
        return self.vectors[self.index(word)]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} words, dim {self.dim}{self._lost()})"

    def _lost(self) -> str:
        return Reading.of_record(self.manifest.get("reading")).in_short()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is kept for the next question."""
        return {name: v for name, v in self.__dict__.items() if name not in _MADE_ANEW}

    def _batches(self) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow

        matrices = {"vector": self.vectors, "context": self.context}
        for start in range(0, max(len(self), 1), _BATCH):
            part = slice(start, start + _BATCH)
            columns: dict[str, Any] = {"word": words_column(self.vocabulary[part])}
            columns["count"] = self.vocabulary.counts[part]
            for name, matrix in matrices.items():
                if matrix is not None:
                    flat = np.ascontiguousarray(matrix[part], np.float32).reshape(-1)
                    row = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), self.dim)
                    columns[name] = row
            yield batch_of(columns)

    def find(self, word: str) -> int | None:
        """Return the place of a word, or of its lower case, or None."""
        place = self.vocabulary.id(word)
        return self.vocabulary.id(word.lower()) if place is None else place

    def index(self, word: str) -> int:
        """Return the place of a word, or of its lower case.

        Raises:
            InputError: Neither has a vector; the message suggests a word that is spelt alike, or
                how vectors of words are made where these are of single characters.
        """
        place = self.find(word)
        if place is None:
            hint = did_you_mean(word, self.vocabulary) or only_characters(word, self.vocabulary)
            raise InputError(f"no vector for {word!r}{hint}")
        return place

    @cached_property
    def norms(self) -> Array:
        """float32 (n_words,): lengths. Small for words that go with everything, large for rare."""
        norms = np.empty(len(self), np.float32)
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            norms[part] = np.linalg.norm(self.vectors[part], axis=1)
        return norms

    def halves(self, rows: Any) -> tuple[Array, Array]:
        """Return the rows of w and of c, whose products <w_i, c_j> are mutual information.

        With model "center" the vectors are w, with "sum" w + c, with "concat" [w; c], with
        "shared", and in files of other tools, one matrix is both.
        """
        vectors = self.vectors[rows]
        model = self._settings.get("model")
        if model == "concat":
            half = self.dim // 2
            return vectors[..., :half], vectors[..., half:]
        if self.context is None:
            return vectors, vectors
        context = self.context[rows]
        return (vectors - context if model == "sum" else vectors), context

    @property
    def _settings(self) -> dict[str, Any]:
        return self.manifest.get("settings") or {}

    @checked
    def tokenize(self, text: str, tokenizer: Spec | None = None) -> list[str]:
        """Tokenize as the manifest says that the corpus was ("word" when it says nothing).

        Args:
            text: A sentence.
            tokenizer: In place of the manifest's. A Python tokenizer must be given here: a file
                may not choose the code that runs.

        Raises:
            InputError: The manifest names a Python tokenizer, and none is given.
        """
        return self.tokenizer_for(tokenizer)(text)

    def tokenizer_for(self, tokenizer: Spec | None = None) -> Tokenizer:
        """Return what `tokenize` cuts texts with; its arguments and errors."""
        if tokenizer is None:
            return self.tokenizer
        return tokenizer_of(self._settings, self.folder, tokenizer)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that cut the corpus; see `tokenize`."""
        return tokenizer_of(self._settings, self.folder)

    def _places(self, words: Sequence[str] | str) -> list[int]:
        """Places of a sentence's words; a string is tokenized as the vectors' corpus was."""
        tokens = self.tokenize(words) if isinstance(words, str) else words
        places = [place for token in tokens if (place := self.find(token)) is not None]
        if not places:
            raise InputError(f"no word of {' '.join(tokens)[:60]!r} has a vector")
        return places

    def like(
        self, vectors: Array, context: Array | None, manifest: dict[str, Any] | None = None
    ) -> Self:
        """Return vectors of the same words that know the same tokenizer.

        Args:
            vectors: float32 (n_words, dim).
            context: float32 (n_words, dim), the other matrix, or None.
            manifest: In place of this one's.
        """
        made = type(self)(self.vocabulary, vectors, context, manifest or dict(self.manifest))
        made.folder = self.folder
        return made

    def part(self, matrix: str) -> Self:
        """Return one matrix of the model alone.

        Args:
            matrix: "vectors" for all that there is, "center" for w, "context" for c.

        Raises:
            InputError: There is only one matrix.
        """
        if matrix not in ("vectors", "center", "context"):
            raise ValueError(f"matrix must be vectors, center or context, got {matrix!r}")
        if matrix == "vectors":
            return self
        if self.context is None and self._settings.get("model") != "concat":
            raise InputError(f"these vectors are one matrix; there is no {matrix} in them")
        chosen = self.halves(slice(None))[matrix == "context"]
        manifest = {**self.manifest, "settings": {**self._settings, "model": matrix}}
        return self.like(np.ascontiguousarray(chosen, np.float32), None, manifest)

    @checked
    def save(self, folder: str | Path) -> None:
        """Write vectors.safetensors, vocabulary.tsv and manifest.json, all or none.

        The lexicon that cut the corpus, when it lies beside these vectors, goes with them.
        """
        with whole_folder(folder) as beside:
            if self.folder is not None and (self.folder / LEXICON).is_file():
                with open(self.folder / LEXICON, "rb") as old:
                    with disk().create(beside / LEXICON) as new:
                        shutil.copyfileobj(old, new)
            self.write_into(beside)

    def write_into(self, folder: Path) -> None:
        """Write the three files into a folder that is there.

        Raises:
            ResourceError: The disk is full.
        """
        tensors = {
            "embedding": _as_float32(self.vectors),
            "counts": self.vocabulary.counts,
            "norms": self.norms,
        }
        if self.context is not None:
            tensors["context"] = _as_float32(self.context)
        self.vocabulary.save(folder / VOCABULARY)
        write_safetensors(folder / TENSORS, tensors, {"format": _KIND})
        manifest = {
            **self.manifest, "kind": _KIND, "words": len(self), "dim": self.dim,
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)

    @classmethod
    @checked
    def load(cls, folder: str | Path) -> Self:
        """Open saved vectors; the matrices are mapped from the file, not read.

        Raises:
            InputError: The folder holds no vectors, or its files do not fit together.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(
                f"{folder} must be a folder that `textzero embed` or `convert` wrote"
                + (", got a file: convert it first" if folder.exists() else "")
            )
        if not (folder / MANIFEST).exists():
            raise InputError(
                f"{folder / MANIFEST} cannot be read: it is not there; name the folder of vectors "
                "that `textzero embed` or `convert` wrote"
            )
        manifest = read_json(folder / MANIFEST)
        if manifest.get("kind") != _KIND:
            raise InputError(f"{folder} must hold {_KIND!r}, got {manifest.get('kind')!r}")
        if not isinstance(manifest.get("settings") or {}, dict):
            raise InputError(f"{folder / MANIFEST}: settings must be an object")
        vocabulary = Vocabulary.load(folder / VOCABULARY)
        tensors = map_safetensors(folder / TENSORS)
        vectors, context = tensors.get("embedding"), tensors.get("context")
        if vectors is None or vectors.ndim != 2 or vectors.shape[0] != len(vocabulary):
            shape = None if vectors is None else vectors.shape
            raise InputError(
                f"{folder / TENSORS}: embedding must have {len(vocabulary)} rows, got {shape}"
            )
        if context is not None and context.shape != vectors.shape:
            raise InputError(
                f"{folder / TENSORS}: context must be of shape {vectors.shape}, got {context.shape}"
            )
        norms = tensors.get("norms", np.zeros(len(vocabulary)))
        if norms.shape != (len(vocabulary),) or not np.isfinite(norms).all():
            raise InputError(
                f"{folder / TENSORS}: norms must be {len(vocabulary)} finite numbers; "
                "some vector may hold NaN or infinity"
            )
        loaded = cls(vocabulary, vectors, context, manifest)
        loaded.folder = folder
        if "norms" in tensors and norms.dtype == np.float32:
            loaded.norms = norms  # mapped, in place of the cached property
        return loaded


def _as_float32(matrix: Array) -> Array:
    """The matrix as it is when it is float32; what is mapped is not copied."""
    return matrix if matrix.dtype == np.float32 else matrix.astype(np.float32)
