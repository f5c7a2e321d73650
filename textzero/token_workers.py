"""A Python tokenizer run over the splits of a corpus, in this process or in spawned ones."""

import inspect
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import CodeType
from typing import Any

from textzero.corpus import Corpus, Reading, Split
from textzero.disk import disk
from textzero.errors import TokenizerError
from textzero.parallel import run_processes
from textzero.segmenter import Segmenter
from textzero.store import Store
from textzero.tokens import Tokenizer, call, cleaned_tokens, is_clean
from textzero.workspace import Workspace, digest

_LARGEST, _SMALLEST = 16 << 20, 1 << 20
_CURE = "define it with `def` at the top of a module, or use workers=1"
_WORKER: dict[str, Any] = {}  # what `_set_up` left for the tasks of this process


def _set_up(corpus: Corpus, tokenizer: Tokenizer | bytes, extra: Any) -> None:
    _WORKER.update(corpus=corpus, tokenizer=tokenizer, extra=extra, cleaned=cleaned_tokens())


def _tokenizer() -> Tokenizer:
    """Return this process's tokenizer, imported by the first task, which can say what is wrong."""
    if isinstance(_WORKER["tokenizer"], bytes):
        try:
            _WORKER["tokenizer"] = pickle.loads(_WORKER["tokenizer"])
        except (AttributeError, ImportError) as error:
            raise TokenizerError(
                f"worker processes cannot import the tokenizer: {error}; {_CURE}"
            ) from error
    return _WORKER["tokenizer"]


def prepare(corpus: Corpus, tokenizer: Tokenizer) -> None:
    """Make this process, a worker of an engine, ready for `raw_tokens` and `python_tokens`."""
    _set_up(corpus, tokenizer, None)


@dataclass(frozen=True)
class SentTokenizer:
    """A tokenizer on its way to workers of an engine; a lexicon waits for them in a store.

    Attributes:
        tokenizer: The tokenizer, if it is small.
        store: Where the lexicon is.
        lexicon: The name of its file; "" without.
        lowercase, nfkc: As in `Tokenizer`.
    """

    tokenizer: Tokenizer | None
    store: Store
    lexicon: str
    lowercase: bool
    nfkc: bool

    @classmethod
    def of(cls, tokenizer: Tokenizer, store: Store) -> "SentTokenizer":
        """Bring a lexicon into the store.

        Raises:
            TokenizerError: The tokenizer cannot be sent to another process.
        """
        held, name = tokenizer.segmenter, ""
        if held is not None:
            name = f"lexicon-{held.lexicon.digest()}.tsv"
            with store.create(name) as file:
                file.writelines(held.lexicon.formatted())
        else:
            pickled_tokenizer(tokenizer)
        sent = None if held is not None else tokenizer
        return cls(sent, store, name, tokenizer.lowercase, tokenizer.nfkc)

    def get(self) -> Tokenizer:
        """In a worker: the tokenizer."""
        if self.tokenizer is not None:
            return self.tokenizer
        held = _sent_lexicon(self.store.address, self.lexicon)
        return Tokenizer(held, self.lowercase, self.nfkc)


@lru_cache(2)
def _sent_lexicon(address: str, name: str) -> Segmenter:
    store = Store(address)
    if store.local is not None:
        return Segmenter(store.local / name)
    with Workspace.temporary() as workspace:
        path = workspace.scratch("lexicon") / name
        with disk().create(path) as file:
            file.write(store.read(name))
        return Segmenter(path)


def pickled_tokenizer(tokenizer: Tokenizer) -> bytes:
    """Return what is sent to another process.

    Raises:
        TokenizerError: The tokenizer cannot be sent.
    """
    try:
        return pickle.dumps(tokenizer)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TokenizerError(
            f"tokenizer {tokenizer.name} must be importable by worker processes: {_CURE}"
        ) from error


def code_digest(tokenizer: Tokenizer) -> str:
    """Return what changes when the code of a Python tokenizer does; "" of a kernel's.

    The function itself, not what it calls.
    """
    if tokenizer.code is not None:
        return ""
    function = inspect.unwrap(tokenizer.function())
    if isinstance(function, partial):
        function = function.func
    if not hasattr(function, "__code__"):
        function = type(function).__call__
    code = getattr(function, "__code__", None)
    return "" if code is None else digest(_code_facts(code))


def _code_facts(code: CodeType) -> list[Any]:
    """What a function does, without where it stands."""
    constants = [
        _code_facts(held) if isinstance(held, CodeType)
        else sorted(map(repr, held)) if isinstance(held, frozenset) else repr(held)
        for held in code.co_consts
    ]  # fmt: skip
    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), constants]


def worker_extra() -> Any:
    """Return what `run_python` was given for the tasks of this worker."""
    return _WORKER["extra"]


def python_splits(corpus: Corpus, workers: int) -> list[Split]:
    """Cut the corpus so that each worker has several parts, none too large to send back."""
    return corpus.splits(max(_SMALLEST, min(_LARGEST, corpus.size // (4 * workers) + 1)))


def run_python(
    work: Callable[[Split], Any],
    splits: list[Split],
    corpus: Corpus,
    tokenizer: Tokenizer,
    workers: int,
    extra: Any = None,
) -> Iterator[Any]:
    """Yield work(split) for all splits: here when one worker is enough, else in processes.

    Raises:
        TokenizerError: The tokenizer cannot be sent to another process.
    """
    if workers == 1 or len(splits) == 1:
        _set_up(corpus, tokenizer, extra)
        yield from map(work, splits)
        return
    pickled = pickled_tokenizer(tokenizer)
    yield from run_processes(
        work,
        splits,
        workers,
        halve=partial(_halves, corpus),
        setup=_set_up,
        setup_arguments=(corpus, pickled, extra),
    )


def _halves(corpus: Corpus, split: Split) -> list[Split]:
    """Cut a split in two, unless it cannot be divided."""
    half = (split.stop - split.start + 1) // 2
    portion, _ = corpus.portion([split])
    if half < 1 or len(portion.splits(max(1, portion.size // 2))) < 2:
        return [split]
    middle = split.start + half
    return [replace(split, stop=middle), replace(split, start=middle)]


def raw_tokens(split: Split, reading: Reading) -> Iterator[tuple[Sequence[str], bool]]:
    """Yield (tokens as the tokenizer returned them, whether the document ends) for a split.

    A document is one part unless it is longer than a piece. Empty documents are left out.
    """
    corpus, tokenizer, cleaned = _WORKER["corpus"], _tokenizer(), _WORKER["cleaned"]
    function, normalise = tokenizer.function(), tokenizer.normalise
    number = 0  # of the document
    empty = True  # whether it has held no token so far
    for text, ended in corpus.parts(split, reading):
        raw: Sequence[str] = ()
        if text:
            try:
                raw = call(function, normalise(text))
                empty = empty and not any(cleaned[token] for token in raw)
            except TokenizerError as error:
                raise TokenizerError(f"{corpus.place(split, number)}: {error}") from error
            except TypeError as error:
                raise not_strings(corpus.place(split, number), error) from error
        if text or not empty:
            yield raw, ended
        if ended:
            reading.documents += not empty
            number += 1
            empty = True


def python_tokens(split: Split, reading: Reading) -> Iterator[tuple[list[str], bool]]:
    """Yield (clean tokens, whether the document ends); blank tokens are dropped and counted."""
    cleaned = _WORKER["cleaned"]
    for raw, ended in raw_tokens(split, reading):
        try:
            tokens = [clean for token in raw if (clean := cleaned[token])]
        except TypeError as error:
            raise not_strings(split, error) from error
        reading.blank_tokens += len(raw) - len(tokens)
        yield tokens, ended


def tokens_kept() -> int:
    """Return how many distinct tokens this worker keeps with what they are when clean."""
    return len(_WORKER["cleaned"])


def forget_tokens() -> None:
    """Forget them."""
    _WORKER["cleaned"].clear()


def clean_counts(counts: Counter[str], split: Split, reading: Reading) -> Counter[str]:
    """Clean the counted tokens of a split, each distinct one only once."""
    cleaned = _WORKER["cleaned"]
    for token in [token for token in counts if not is_clean(token)]:
        try:
            clean = cleaned[token]
        except TypeError as error:
            raise not_strings(split, error) from error
        count = counts.pop(token)
        if clean:
            counts[clean] += count
        else:
            reading.blank_tokens += count
    return counts


def not_strings(place: object, error: TypeError) -> TokenizerError:
    """Say where a token that is no string came from; looking at each at once would cost more."""
    return TokenizerError(f"{place}: a tokenizer must return a list of strings: {error}")
