"""WordVectors: what the vectors say about words and sentences, and the folder they live in.

Inner products are mutual information (Su Jianlin, kexue.fm 4681): a product of 0 is independence;
words that occur *together* have a large one (`related`); words that occur with the *same* words
have correlated products (`similar`); PMI adds up over the parts of a sentence (`keywords`).
"""

import difflib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError, ResourceError
from textzero.files import MANIFEST, read_json, whole_folder, write_json
from textzero.segmenter import Segmenter
from textzero.tokens import Spec, Tokenizer
from textzero.vocabulary import Vocabulary

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters

TENSORS, VOCABULARY, LEXICON = "vectors.safetensors", "vocabulary.tsv", "lexicon.tsv"
_KIND = "textzero vectors 1"
_ROWS = 1 << 14  # rows multiplied at once


class WordVectors:
    """Words and their vectors.

    Attributes:
        vocabulary: The words, most frequent first.
        vectors: float32 (n_words, dim).
        context: float32 (n_words, dim), the other matrix of the model, or None.
        manifest: How the vectors were made.
        folder: Where they were loaded from; a lexicon that cut the corpus lies there too.
    """

    folder: Path | None = None

    def __init__(
        self,
        vocabulary: Vocabulary,
        vectors: Array,
        context: Array | None = None,
        manifest: dict[str, Any] | None = None,
    ) -> None:
        if vectors.ndim != 2 or vectors.shape[0] != len(vocabulary):
            raise ValueError(
                f"vectors must have one row for each of {len(vocabulary)} words, "
                f"got {vectors.shape}"
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

    def __getitem__(self, word: str) -> Array:
        return self.vectors[self.index(word)]

    def __repr__(self) -> str:
        return f"WordVectors({len(self):,} words, dim {self.dim})"

    def find(self, word: str) -> int | None:
        """Return the place of a word, or of its lower case, or None."""
        place = self.vocabulary.id(word)
        return self.vocabulary.id(word.lower()) if place is None else place

    def index(self, word: str) -> int:
        """Return the place of a word, or of its lower case.

        Raises:
            InputError: Neither has a vector; the message suggests words that are spelt alike.
        """
        place = self.find(word)
        if place is None:
            near = difflib.get_close_matches(word, self.vocabulary[:50_000], 1, 0.75)
            hint = f": did you mean {near[0]!r}?" if near else ""
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

    def related(self, word: str, n: int = 10, *, metric: str = "cosine") -> list[tuple[str, float]]:
        """Return the words that occur together with `word` most.

        Args:
            word: A word with a vector.
            n: How many.
            metric: "cosine" of the vectors, or "inner" for the mutual information.
        """
        if metric not in ("cosine", "inner"):
            raise ValueError(f"metric must be cosine or inner, got {metric!r}")
        place = self.index(word)
        if metric == "inner":
            return self._best(self._information([place]), [place], n)
        scores = self._products(self.vectors[place])
        scores /= np.maximum(self.norms * self.norms[place], 1e-12)
        return self._best(scores, [place], n)

    def halves(self, rows: Any) -> tuple[Array, Array]:
        """Return the rows of w and of c, whose products <w_i, c_j> are mutual information.

        With model "center" the vectors are w, with "sum" w + c, with "concat" [w; c], with
        "shared", and in files of other tools, one matrix is both.
        """
        vectors = self.vectors[rows]
        model = (self.manifest.get("settings") or {}).get("model")
        if model == "concat":
            half = self.dim // 2
            return vectors[..., :half], vectors[..., half:]
        if self.context is None:
            return vectors, vectors
        context = self.context[rows]
        return (vectors - context if model == "sum" else vectors), context

    def mutual_information(self, a: str, b: str) -> float:
        """Return the fitted PMI of two words in nats, the mean of <w_a, c_b> and <w_b, c_a>."""
        return float(self._information([self.index(a)])[self.index(b)])

    def _information(self, places: Sequence[int]) -> Array:
        """float64 (n_words,): the PMI of each word with the words at `places` together."""
        w, c = (half.sum(axis=0) for half in self.halves(list(places)))
        scores = np.empty(len(self))
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            own, other = self.halves(part)
            scores[part] = (own @ c + other @ w) / 2
        return scores

    def similar(
        self, word: str, n: int = 10, *, metric: str = "pearson", n_context: int = 10_000
    ) -> list[tuple[str, float]]:
        """Return the words that are used like `word`.

        Args:
            word: A word with a vector.
            n: How many.
            metric: "pearson", the correlation of two words' mutual information with the
                `n_context` most frequent words, or "cosine".
            n_context: About 10,000 for a similar topic, 500 for a similar grammatical role.
        """
        if metric not in ("pearson", "cosine"):
            raise ValueError(f"metric must be pearson or cosine, got {metric!r}")
        if metric == "cosine":
            return self.related(word, n)
        place = self.index(word)
        factor = self.pearson_factor(n_context)
        profiles = self._profiles(n_context, factor)
        scores = profiles @ profiles[place]
        return self._best(scores, [place], n)

    def pearson_factor(self, n_context: int) -> Array:
        """Return U, float64 (dim, dim), such that Pearson's r of two words is cos(v_i U, v_j U).

        U U' is the covariance of the `n_context` most frequent words' vectors. By eigenvalues, so
        that fewer context words than dimensions are no error.
        """
        if n_context < 2:
            raise ValueError(f"n_context must be at least 2, got {n_context}")
        sample = np.asarray(self.halves(slice(0, n_context))[1], np.float64)
        sample = sample - sample.mean(axis=0)
        values, basis = np.linalg.eigh(sample.T @ sample)
        return basis * np.sqrt(np.maximum(values, 0))

    def _profiles(self, n_context: int, factor: Array) -> Array:
        """float32 (n_words, dim): rows of w U at length 1, kept for the next question."""
        cache: dict[int, Array] = self.__dict__.setdefault("_cache", {})
        if n_context not in cache:
            cache.clear()
            rows = np.empty((len(self), factor.shape[0]), np.float32)
            for start in range(0, len(self), _ROWS):
                part = slice(start, start + _ROWS)
                rows[part] = unit_rows(self.halves(part)[0] @ factor)
            cache[n_context] = rows
        return cache[n_context]

    def analogy(
        self, a: str, b: str, c: str, n: int = 10, *, method: str = "add"
    ) -> list[tuple[str, float]]:
        """Return the words that are to `c` what `b` is to `a`; the three are left out.

        Args:
            a, b, c: Words with vectors: a is to b as c is to the answer.
            n: How many.
            method: "add" (3CosAdd) or "mul" (3CosMul).
        """
        if method not in ("add", "mul"):
            raise ValueError(f"method must be add or mul, got {method!r}")
        places = [self.index(word) for word in (a, b, c)]
        unit = unit_rows(self.vectors[places])
        cosines = [self._products(row) / np.maximum(self.norms, 1e-12) for row in unit]
        if method == "add":
            scores = cosines[1] - cosines[0] + cosines[2]
        else:
            far, near, also = ((x + 1) / 2 for x in cosines)
            scores = near * also / (far + 1e-3)
        return self._best(scores, places, n)

    def keywords(
        self, words: Sequence[str] | str, n: int = 10, *, normalize: bool = False
    ) -> list[tuple[str, float]]:
        """Rank the distinct words of a sentence by how well they predict it.

        The score is the mutual information of the word and the sentence, the sum of its PMI with
        the sentence's words; with `normalize`, divided by the length of the word's vector.

        Raises:
            InputError: No word of the sentence has a vector.
        """
        places = self._places(words)
        distinct = list(dict.fromkeys(places))
        w, c = (half.sum(axis=0) for half in self.halves(places))
        own, other = self.halves(distinct)
        scores = (own @ c + other @ w) / 2
        if normalize:
            scores = scores / np.maximum(np.linalg.norm(self.vectors[distinct], axis=1), 1e-12)
        order = np.lexsort((distinct, -scores))[:n]
        return [(self.vocabulary[distinct[i]], float(scores[i])) for i in order]

    def cluster(self, **settings: Any) -> "Clusters":
        """Return clusters of words that go together; for the settings see `cluster_words`."""
        from textzero.vectors.clustering import cluster_words

        return cluster_words(self, **settings)

    def sentence_vector(self, words: Sequence[str] | str, *, method: str = "sum") -> Array:
        """Return the sum or the mean of the sentence's word vectors, float32 (dim,).

        Raises:
            InputError: No word of the sentence has a vector.
        """
        if method not in ("sum", "mean"):
            raise ValueError(f"method must be sum or mean, got {method!r}")
        rows = self.vectors[self._places(words)]
        return rows.sum(axis=0) if method == "sum" else rows.mean(axis=0)

    def sentence_similarity(
        self, a: Sequence[str] | str, b: Sequence[str] | str, *, metric: str = "cosine"
    ) -> float:
        """Return the cosine of two sentences' sums, or with "inner" their mutual information."""
        if metric not in ("cosine", "inner"):
            raise ValueError(f"metric must be cosine or inner, got {metric!r}")
        if metric == "inner":
            (w_a, c_a), (w_b, c_b) = (
                (half.sum(axis=0) for half in self.halves(self._places(text))) for text in (a, b)
            )
            return float(w_a @ c_b + w_b @ c_a) / 2
        x, y = self.sentence_vector(a), self.sentence_vector(b)
        return float(x @ y / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))

    def _places(self, words: Sequence[str] | str) -> list[int]:
        """Places of a sentence's words; a string is tokenized as the vectors' corpus was."""
        tokens = self.tokenize(words) if isinstance(words, str) else words
        places = [place for token in tokens if (place := self.find(token)) is not None]
        if not places:
            raise InputError(f"no word of {' '.join(tokens)[:60]!r} has a vector")
        return places

    def tokenize(self, text: str, tokenizer: Spec | None = None) -> list[str]:
        """Tokenize as the manifest says that the corpus was ("word" when it says nothing).

        Args:
            text: A sentence.
            tokenizer: In place of the manifest's. A Python tokenizer must be given here: a file
                may not choose the code that runs.

        Raises:
            InputError: The manifest names a Python tokenizer, and none is given.
        """
        settings = self.manifest.get("settings") or {}
        if tokenizer is None:
            tokenizer = str(settings.get("tokenizer", "word"))
            if "lexicon" in settings:
                tokenizer = self._segmenter
            elif ":" in tokenizer:  # package.module:function
                raise InputError(
                    f"these vectors were made with the tokenizer {tokenizer!r}; name it again "
                    "with --tokenizer if you trust it"
                )
        return Tokenizer(
            tokenizer, bool(settings.get("lowercase", False)), bool(settings.get("nfkc", False))
        )(text)

    @cached_property
    def _segmenter(self) -> Segmenter:
        """The lexicon that cut the corpus, from the vectors' folder."""
        path = None if self.folder is None else self.folder / LEXICON
        if path is None or not path.exists():
            raise InputError(
                "these vectors were made with a lexicon that is not beside them; "
                "name it again with --tokenizer"
            )
        segmenter = Segmenter(path)
        if segmenter.lexicon.digest() != self.manifest["settings"]["lexicon"]:
            raise InputError(f"{path} is not the lexicon that these vectors were made with")
        return segmenter

    def _products(self, query: Array) -> Array:
        """float32 (n_words,): vectors @ query, by blocks, so that a mapped file is not copied."""
        scores = np.empty(len(self), np.float32)
        for start in range(0, len(self), _ROWS):
            part = slice(start, start + _ROWS)
            np.matmul(self.vectors[part], query, out=scores[part])
        return scores

    def _best(self, scores: Array, leave_out: Iterable[int], n: int) -> list[tuple[str, float]]:
        """Highest scores first, ties by place."""
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        scores = scores.astype(np.float64)
        scores[list(leave_out)] = -np.inf
        if np.isnan(scores).any():
            word = self.vocabulary[int(np.argmax(np.isnan(scores)))]
            raise InputError(f"the vector of {word!r}, or the one asked for, is not finite")
        n = min(n, int(np.isfinite(scores).sum()))
        some = np.argpartition(-scores, min(n, len(scores) - 1))[: n + 1]
        edge = np.sort(scores[some])[-n] if n else np.inf
        tied = np.flatnonzero(scores >= edge)
        order = tied[np.lexsort((tied, -scores[tied]))][:n]
        return [(self.vocabulary[i], float(scores[i])) for i in order.tolist()]

    def save(self, folder: str | Path) -> None:
        """Write vectors.safetensors, vocabulary.tsv and manifest.json, all or none."""
        with whole_folder(folder) as beside:
            self.write_into(beside)

    def write_into(self, folder: Path) -> None:
        """Write the three files into a folder that is there.

        Raises:
            ResourceError: The disk is full.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        tensors = {
            "embedding": np.ascontiguousarray(self.vectors, np.float32),
            "counts": self.vocabulary.counts,
            "norms": self.norms,
        }
        if self.context is not None:
            tensors["context"] = np.ascontiguousarray(self.context, np.float32)
        self.vocabulary.save(folder / VOCABULARY)
        try:
            save_file(tensors, folder / TENSORS, metadata={"format": _KIND})
        except SafetensorError as error:
            raise ResourceError(f"the vectors cannot be written: {error}") from error
        # safetensors makes its file private; give it the mode that files have here
        (folder / TENSORS).chmod((folder / VOCABULARY).stat().st_mode)
        manifest = {
            **self.manifest, "kind": _KIND, "words": len(self), "dim": self.dim,
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)

    @classmethod
    def load(cls, folder: str | Path) -> "WordVectors":
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
        loaded = cls(vocabulary, vectors, context, manifest)
        loaded.folder = folder
        return loaded


def unit_rows(matrix: Array) -> Array:
    """Return the rows scaled to length 1 (zero rows stay), float32."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.maximum(lengths, 1e-12)).astype(np.float32)


def map_safetensors(path: Path) -> dict[str, Array]:
    """Map the tensors of a safetensors file, after its own reader has checked the header.

    Raises:
        InputError: The file lies about its tensors, or holds a type that NumPy has not.
    """
    import json

    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
        with open(path, "rb") as raw:
            size = int.from_bytes(raw.read(8), "little")
            header = json.loads(raw.read(size))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is not a sound safetensors file: {error}") from error
    types = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I64": np.int64}
    tensors = {}
    for name in names:
        entry = header[name]
        if entry["dtype"] not in types:
            raise InputError(
                f"{path}: {name} must be one of {', '.join(types)}, got {entry['dtype']}"
            )
        shape = tuple(entry["shape"])
        if 0 in shape:
            tensors[name] = np.zeros(shape, types[entry["dtype"]])
            continue
        offset = 8 + size + entry["data_offsets"][0]
        tensors[name] = np.memmap(path, types[entry["dtype"]], "r", offset, shape)
    return tensors
