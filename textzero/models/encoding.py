"""Encoder: texts to the numbers that a model reads, with the way back to the raw text.

A token is a character or a word. A model of characters also reads, from each table of word
vectors, the word that covers the character's place, and where in that word it stands (Su Jianlin's
mix of characters and words, https://kexue.fm/archives/6671). In every input 0 is padding only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero._frames import short
from textzero.characters import code_points
from textzero.models.alignment import Aligned, align
from textzero.models.covering import Cover, cover, places_in_words, tokenizer_key
from textzero.models.encoder_files import UNITS, load_tables, save_tables
from textzero.models.word_table import FIRST, UNKNOWN, WordTable
from textzero.tokens import Spec, Tokenizer
from textzero.vectors.word_vectors import WordVectors

_PART = 1 << 20  # characters that are encoded at once


@dataclass(frozen=True, repr=False, eq=False)
class Encoded:
    """A text as a model reads it.

    Attributes:
        text: The raw text.
        tokens: The tokens; of a tokenizer that folds, as folded.
        spans: int32 (n, 2). Token i is text[spans[i, 0]:spans[i, 1]]; (-1, -1) when the tokenizer
            made a token that is not in the text.
        inputs: Name -> int32 (n,): "tokens", and of a model of characters "words_0",
            "positions_0", ...
    """

    text: str
    tokens: list[str]
    spans: Array
    inputs: dict[str, Array]

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Encoded({short(self.text)!r}, {len(self):,} tokens)"


class Encoder:
    """Tokens as ids: 0 padding, 1 unknown, 2 and more the known ones; made with `Encoder.make`.

    With unit "character" a token is one code point that is not white space. The input "words_k"
    is the row in table k of the word that covers the token's first character (1: no word, or one
    without a vector), "positions_k" the token's place in that word: 1 begin, 2 middle, 3 end,
    4 the only token, 5 no word.

    With unit "word" the tokens are the words of the vectors' tokenizer, and "tokens", the only
    input, holds the rows of the vectors: i + 2 for word i. A word without a vector is looked for
    in lower case.

    Attributes:
        unit: "character" or "word".
        tokens: The known tokens, by id - 2.
        tables: The words of the vectors, by k.
        positions: Whether there are inputs "positions_k".

    Example:
        >>> encoder = Encoder.make(["北京 2008"])
        >>> encoded = encoder.encode("北 京!")
        >>> encoded.tokens, encoded.spans.tolist(), encoded.inputs["tokens"].tolist()
        (['北', '京', '!'], [[0, 1], [2, 3], [3, 4]], [6, 5, 1])
    """

    def __init__(
        self,
        unit: str,
        own: WordTable | None,
        tables: Sequence[WordTable] = (),
        positions: bool = False,
    ) -> None:
        """Hold the tables.

        Args:
            unit: "character" or "word".
            own: The known tokens; None for those of the only table of unit "word".
            tables: Words of vectors.
            positions: For unit "character", whether to tell a token's place in its word.
        """
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
        if unit == "word" and len(tables) > 1:
            raise ValueError(f"unit 'word' takes one set of vectors, got {len(tables)}")
        if own is None and not (unit == "word" and tables):
            raise ValueError("own must be given but for unit 'word' with vectors, got None")
        self.unit, self.tables = unit, list(tables)
        self.positions = positions and unit == "character" and bool(tables)
        self._own = self.tables[0] if own is None else own
        self.tokens = self._own.vocabulary

    @classmethod
    def make(
        cls,
        data: Iterable[str | Sequence[str]],
        vectors: Sequence[WordVectors] = (),
        unit: str = "character",
        min_count: int = 1,
        positions: bool = False,
        max_tokens: int | None = None,
        *,
        max_words: int | None = None,
        tokenizer: Spec | Tokenizer | None = None,
    ) -> "Encoder":
        """Make an encoder: known are the tokens of the data, and every word of the vectors.

        Args:
            data: Texts, or lists of tokens. Not read for unit "word" with vectors.
            vectors: Any number for unit "character", at most one for "word".
            unit: "character" or "word".
            min_count: How often a token must be in the data to be known.
            positions: For unit "character": whether to tell a token's place in its word.
            max_tokens: Know only so many of the most frequent tokens of the data.
            max_words: Keep only so many of the most frequent words of each of the vectors.
            tokenizer: In place of the one that the vectors name, or of "word" without vectors. A
                Python function must be given here; an encoder with one cannot be saved.

        Raises:
            InputError: The data have no token, or vectors name a Python tokenizer.
        """
        if isinstance(data, str):
            raise TypeError(f"data must be texts or lists of tokens, got the string {data!r:.60}")
        if isinstance(vectors, WordVectors):
            vectors = (vectors,)
        for name, value in (("min_count", min_count), ("max_tokens", max_tokens),
                            ("max_words", max_words)):  # fmt: skip
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        tables = [WordTable.of_vectors(one, max_words, tokenizer) for one in vectors]
        if unit == "word" and tables:
            return cls(unit, None, tables)
        if unit == "character":
            own = WordTable.of_data(data, _characters, Tokenizer("char"), min_count, max_tokens)
            return cls(unit, own, tables, positions)
        if not isinstance(tokenizer, Tokenizer):
            tokenizer = Tokenizer("word" if tokenizer is None else tokenizer)
        return cls(unit, WordTable.of_data(data, tokenizer, tokenizer, min_count, max_tokens))

    def __repr__(self) -> str:
        tables = "".join(f", {shape[0]:,} x {shape[1]}" for shape in self.table_shapes)
        return f"Encoder({self.unit}, {self.size:,} ids{tables})"

    @property
    def size(self) -> int:
        """Rows of token ids: the known tokens and two more."""
        return len(self._own)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in order."""
        names = ["tokens"]
        for k in range(len(self.tables) if self.unit == "character" else 0):
            names += [f"words_{k}", *([f"positions_{k}"] if self.positions else [])]
        return names

    @property
    def table_shapes(self) -> list[tuple[int, int]]:
        """(rows, dim) of each table of word vectors."""
        return [(len(table), table.dim) for table in self.tables]

    def matrices(self) -> list[Array]:
        """float32 (rows, dim) of each table: rows 0 and 1 zeros, word i at row i + 2.

        Raises:
            ValueError: The encoder was loaded: the vectors are in the model's weights.
        """
        return [table.matrix() for table in self.tables]

    def token_matrix(self, k: int = 0) -> Array:
        """float32 (size, dim): the vectors of table k of the tokens that are words there.

        Rows of the others are zeros. For a trained embedding to start from.

        Raises:
            ValueError: The encoder was loaded: the vectors are in the model's weights.
        """
        rows = np.zeros(self.size, np.int64)
        rows[FIRST:] = self.tables[k].ids(list(self.tokens))
        return self.tables[k].matrix()[rows]

    # --- encoding ---------------------------------------------------------------------------

    def encode(self, text: str) -> Encoded:
        """Cut a text into tokens and encode them."""
        return self.encode_batch([text])[0]

    def encode_tokens(self, tokens: Sequence[str], joiner: str) -> Encoded:
        """Encode tokens as they are; the text is `joiner.join(tokens)`."""
        return self.encode_tokens_batch([tokens], joiner)[0]

    def encode_batch(self, texts: Iterable[str]) -> list[Encoded]:
        """Encode many texts, which is much quicker than one by one.

        Raises:
            TypeError: A text is not a string, or there is one string in place of several.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts must be several, got the string {texts!r:.60}: use encode")
        return list(chain.from_iterable(map(self._encode_texts, _groups(texts, _size_of_text))))

    def encode_tokens_batch(self, rows: Iterable[Sequence[str]], joiner: str) -> list[Encoded]:
        """Encode many lists of tokens.

        Raises:
            TypeError: A row is a string, or holds something else than strings.
        """
        groups = _groups(rows, _size_of_tokens)
        return list(chain.from_iterable(self._encode_rows(group, joiner) for group in groups))

    def _encode_texts(self, texts: list[str]) -> list[Encoded]:
        firsts = _firsts(texts)
        if self.unit == "word":
            found = align(self._own.tokenizer, texts)
            return self._encoded(texts, firsts, found, self._own.ids(found.tokens))
        joined = "\n".join(texts)
        points = code_points(joined)
        places = np.flatnonzero(~_white_space()[points])
        offsets = np.searchsorted(places, firsts)
        starts = places - np.repeat(firsts[:-1], np.diff(offsets))
        spans = np.stack([starts, starts + 1], axis=1)
        found = Aligned(_characters(joined), spans, offsets)
        return self._encoded(texts, firsts, found, self._character_ids[points[places]])

    def _encode_rows(self, rows: list[Sequence[str]], joiner: str) -> list[Encoded]:
        texts = list(map(joiner.join, rows))
        tokens = list(chain.from_iterable(rows))
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)), out=offsets[1:])
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        ends = np.cumsum(lengths + len(joiner))  # as if all rows were joined
        starts = ends - len(joiner) - lengths
        begins = np.append(starts, 0)[offsets[:-1]]
        starts -= np.repeat(begins, np.diff(offsets))
        found = Aligned(tokens, np.stack([starts, starts + lengths], axis=1), offsets)
        ids = self._own.ids(tokens, fold=self.unit == "word")
        return self._encoded(texts, _firsts(texts), found, ids)

    @cached_property
    def _character_ids(self) -> Array:
        """int32 (0x110000,): the id of every character."""
        table = np.full(0x110000, UNKNOWN, np.int32)
        for i, token in enumerate(self.tokens, FIRST):
            if len(token) == 1:
                table[ord(token)] = i
        return table

    def _encoded(
        self, texts: list[str], firsts: Array, found: Aligned, ids: Array
    ) -> list[Encoded]:
        """Cut what was found in many texts into one `Encoded` each.

        Args:
            texts: The texts.
            firsts: int64 (n_texts + 1,). Where each begins when they are joined by a character.
            found: The tokens.
            ids: int32 (n_tokens,).
        """
        inputs = {"tokens": ids}
        if self.unit == "character":
            inputs |= self._words_of(texts, firsts, found)
        spans = found.spans.astype(np.int32)
        bounds = pairwise(found.offsets.tolist())
        return [
            Encoded(
                text, found.tokens[a:b], spans[a:b], {name: x[a:b] for name, x in inputs.items()}
            )
            for text, (a, b) in zip(texts, bounds, strict=True)
        ]

    def _words_of(self, texts: list[str], firsts: Array, found: Aligned) -> dict[str, Array]:
        """The inputs "words_k" and "positions_k" of all tokens."""
        inputs: dict[str, Array] = {}
        places = found.spans + np.repeat(firsts[:-1], np.diff(found.offsets))[:, None]
        covers: dict[Any, Cover] = {}  # tables with one tokenizer share the work
        for k, table in enumerate(self.tables):
            key = tokenizer_key(table.tokenizer)
            if key not in covers:
                covers[key] = cover(align(table.tokenizer, texts), firsts, places)
            words, owners = covers[key]
            rows = np.append(table.ids(words), np.int32(UNKNOWN))  # of owner -1, the last
            inputs[f"words_{k}"] = rows[owners]
            if self.positions:
                inputs[f"positions_{k}"] = places_in_words(owners)
        return inputs

    # --- files ------------------------------------------------------------------------------

    def check_saveable(self) -> None:
        """Raise InputError when a tokenizer is a Python function, which no file may name."""
        for table in {id(t): t for t in (self._own, *self.tables)}.values():
            table.check_saveable()

    def save(self, folder: str | Path) -> None:
        """Write encoder.json, the known tokens, and the words and lexicons of the tables.

        The same encoder gives the same bytes. Vectors are not written: they are in the weights.

        Raises:
            InputError: A tokenizer is a Python function.
        """
        self.check_saveable()
        save_tables(Path(folder), self.unit, self.positions, self._own, self.tables)

    @classmethod
    def load(cls, folder: str | Path) -> "Encoder":
        """Read what `save` wrote; nothing else is needed.

        Raises:
            InputError: A file is not there, is damaged, or does not fit the others.
        """
        return cls(*load_tables(Path(folder)))


def _characters(text: str) -> list[str]:
    return list("".join(text.split()))


@cache
def _white_space() -> Array:
    """Of each character, bool (0x110000,): what `str.split` splits at."""
    table = np.zeros(0x110000, bool)
    table[[point for point in range(0x10000) if chr(point).isspace()]] = True
    table.setflags(write=False)
    return table


def _size_of_text(text: str) -> int:
    if not isinstance(text, str):
        raise TypeError(f"a text must be a string, got {type(text).__name__}")
    return len(text) + 1


def _size_of_tokens(tokens: Sequence[str]) -> int:
    if isinstance(tokens, str):
        raise TypeError(f"tokens must be a list of strings, got the string {tokens!r:.60}")
    try:
        return len("".join(tokens)) + 1
    except TypeError as error:
        raise TypeError(f"tokens must be a list of strings, got {tokens!r:.60}") from error


def _groups(items: Iterable[Any], size: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Put texts together until they have enough characters."""
    group: list[Any] = []
    total = 0
    for item in items:
        own = size(item)
        if group and total + own > _PART:
            yield group
            group, total = [], 0
        group.append(item)
        total += own
    if group:
        yield group


def _firsts(texts: Sequence[str]) -> Array:
    """int64 (n + 1,): where each text begins when they are joined by one character."""
    firsts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1, out=firsts[1:])
    return firsts
