"""A Python tokenizer run over the splits of a corpus, in this process or in spawned ones."""

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from textzero.corpus import Corpus, Reading, Split
from textzero.errors import TokenizerError
from textzero.parallel import run_processes
from textzero.tokens import Tokenizer, call, cleaned_tokens, is_clean

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
    try:
        pickled = pickle.dumps(tokenizer)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TokenizerError(
            f"tokenizer {tokenizer.name} must be importable by worker processes: {_CURE}"
        ) from error
    yield from run_processes(
        work, splits, workers, setup=_set_up, setup_arguments=(corpus, pickled, extra)
    )


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
                raise _not_strings(corpus.place(split, number), error) from error
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
            raise _not_strings(split, error) from error
        reading.blank_tokens += len(raw) - len(tokens)
        yield tokens, ended


def count_raw_tokens(split: Split, reading: Reading) -> Counter[str]:
    """Count the clean tokens of a split, cleaning each distinct one only once."""
    raw: Counter[str] = Counter()
    for tokens, _ in raw_tokens(split, reading):
        try:
            raw.update(tokens)
        except TypeError as error:
            raise _not_strings(split, error) from error
    cleaned = _WORKER["cleaned"]
    for token in [token for token in raw if not is_clean(token)]:
        try:
            clean = cleaned[token]
        except TypeError as error:
            raise _not_strings(split, error) from error
        count = raw.pop(token)
        if clean:
            raw[clean] += count
        else:
            reading.blank_tokens += count
    return raw


def _not_strings(place: object, error: TypeError) -> TokenizerError:
    """Say where a token that is no string came from; looking at each at once would cost more."""
    return TokenizerError(f"{place}: a tokenizer must return a list of strings: {error}")
