"""What a sample of a corpus says: how fast it is counted, how vocabulary and pairs grow.

Places are spread over all of the corpus, and read in an order in which every beginning is spread
too, so that the sample may end at any time.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from textzero.corpus import Corpus, Piece, Reading, Split
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.tokens import Tokenizer

_PLACES = 4096  # at most; a power of two
_READ = 1 << 20  # stored bytes that are read at a place
_MOST = 64 << 20  # stored bytes of a sample
_TEXT = 16 << 20  # bytes that are kept as text, to count their pairs


@dataclass
class Growth:
    """How something grows with the tokens read: as n ** power (Heaps' law).

    Attributes:
        points: (tokens, value), as the sample grew.
    """

    points: list[tuple[int, int]] = field(default_factory=list)

    @property
    def power(self) -> float:
        """The slope of the logarithms over the last points; at most 1."""
        last = np.log(np.array(self.points[-3:], float))
        if len(last) < 2 or np.ptp(last[:, 0]) < 1e-6:
            return 1.0
        return float(np.clip(np.polyfit(last[:, 0], last[:, 1], 1)[0], 0.0, 1.0))

    def at(self, tokens: float) -> float:
        """The value for so many tokens."""
        n, value = self.points[-1]
        return value * (max(tokens, 1.0) / n) ** self.power if n else 0.0

    def tokens_for(self, value: float) -> float:
        """After how many tokens it is so large."""
        n, last = self.points[-1]
        return n * (max(value, 1.0) / max(last, 1)) ** (1 / max(self.power, 0.01))


@dataclass
class Sample:
    """What was measured.

    Attributes:
        stored: Bytes read, as stored.
        text: Bytes of UTF-8.
        characters: Of that text.
        tokens: Tokens found.
        seconds: Of one thread, that read, tokenized and counted.
        words: How the number of different words grows.
        kept: Share of the words that are as frequent as `min_count` asks.
        word_bytes: Mean length of a word.
        packed_bytes: Bytes of a word with its count in a compressed sorted file.
        texts: Documents of some of the text, place by place.
    """

    stored: int = 0
    text: int = 0
    characters: int = 0
    tokens: int = 0
    seconds: float = 0.0
    words: Growth = field(default_factory=Growth)
    kept: float = 0.0
    word_bytes: float = 0.0
    packed_bytes: float = 0.0
    texts: list[list[str]] = field(default_factory=list)


_Found = Callable[[], tuple[Sequence[bytes], Any]]


def take_sample(corpus: Corpus, tokenizer: Tokenizer, min_count: int, seconds: float) -> Sample:
    """Read and count places of a corpus for about so many seconds.

    Raises:
        InputError: There is no word in the sample.
    """
    count = _kernel_counter if tokenizer.code is not None else _python_counter
    add, table = count(tokenizer)
    sample, begun = Sample(), perf_counter()
    tokenizer.make_tables()
    warm = False
    for number, place in enumerate(_places(corpus)):
        at = perf_counter()
        for piece in _head(corpus, place):
            if not warm:
                count(tokenizer)[0](piece)  # kernels are loaded, tables made: not timed
                warm, begun, at = True, perf_counter(), perf_counter()
            sample.tokens += add(piece)
            sample.seconds += perf_counter() - at
            sample.stored += piece.stored
            sample.text += piece.size
            string = piece.string()
            sample.characters += len(string)
            if sample.text < _TEXT:
                sample.texts.append(string.split(chr(piece.boundary)))
            at = perf_counter()
        spent = perf_counter() - begun > seconds or sample.stored > _MOST
        if number & (number + 1) == 0 or spent:
            _measure(sample, *table(), min_count)
        if spent:
            break
    else:
        _measure(sample, *table(), min_count)
    if not sample.tokens:
        raise InputError(f"there is no word in the {sample.stored:,} bytes of the sample")
    return sample


def _places(corpus: Corpus) -> Iterator[Split]:
    """Yield parts of the corpus, in bit-reversed order."""
    splits = corpus.splits(max(_READ, corpus.size // _PLACES))
    bits = max(len(splits) - 1, 1).bit_length()
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2)
        if place < len(splits):
            yield splits[place]


def _head(corpus: Corpus, place: Split) -> Iterator[Piece]:
    """Yield the first pieces of a part; the stored bytes that they came from are in them."""
    reading, begun = Reading(), 0
    for piece in corpus.pieces(place, reading):
        yield piece
        begun += piece.stored
        if begun >= _READ:
            return


def _kernel_counter(tokenizer: Tokenizer) -> tuple[Callable[[Piece], int], _Found]:
    kernels = kernel("tables")
    table = kernels.new_table(False)

    def add(piece: Piece) -> int:
        text, starts, stops = tokenizer.find(piece)
        kernels.add_tokens(table, text, starts, stops, 1, 1)
        return int(np.count_nonzero(starts >= 0))

    def found() -> tuple[Sequence[bytes], Any]:
        text, offsets, counts, _ = kernels.unload(table)
        whole, at = text.tobytes(), offsets.tolist()
        return [whole[a:b] for a, b in pairwise(at)], counts

    return add, found


def _python_counter(tokenizer: Tokenizer) -> tuple[Callable[[Piece], int], _Found]:
    counter: Counter[str] = Counter()

    def add(piece: Piece) -> int:
        before = counter.total()
        for document in piece.string().split(chr(piece.boundary)):
            counter.update(tokenizer(document))
        return counter.total() - before

    def found() -> tuple[Sequence[bytes], Any]:
        return [w.encode() for w in counter], np.fromiter(counter.values(), np.int64, len(counter))

    return add, found


def _measure(sample: Sample, words: Sequence[bytes], counts: Any, min_count: int) -> None:
    sample.words.points.append((sample.tokens, len(words)))
    if words:
        sample.kept = float((counts >= min_count).mean())
        sample.word_bytes = sum(map(len, words)) / len(words)
        some = sorted(words[: 1 << 18])
        sample.packed_bytes = len(zlib.compress(b"\n".join(some), 1)) / len(some) + 1.5
