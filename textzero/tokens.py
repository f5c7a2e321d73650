"""Text to tokens. A tokenizer is any callable `str -> list[str]`; four kinds run as kernels.

`whitespace` cuts at white space; `word` finds words by Unicode; `char` takes each character; a
lexicon cuts into its words. In all four, control, format and malformed characters separate, so that
they are never in a vocabulary.
"""

import contextlib
import importlib
import inspect
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.characters import fold_table
from textzero.corpus import Piece
from textzero.errors import TokenizerError
from textzero.files import file_digest
from textzero.kernels import kernel
from textzero.kernels.reference.text import (
    CHAR,
    SEPARATOR,
    WHITESPACE,
    WORDS,
    case_classes,
    character_classes,
    lower_cases,
)
from textzero.near import did_you_mean, near_path
from textzero.segmenter import Segmenter

_BUILT_IN = {"whitespace": WHITESPACE, "word": WORDS, "char": CHAR}
_LEXICON = 3  # the number of all tokenizers that are lexicons
_SUFFIXES = (".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")  # of files that hold one
_PADDING = bytes(16)
Spec = str | Callable[[str], Sequence[str]]


def whitespace(text: str) -> list[str]:
    """Split at white space, control and format characters.

    >>> whitespace("It is  here.")
    ['It', 'is', 'here.']
    """
    return Tokenizer("whitespace")(text)


def word(text: str) -> list[str]:
    """Find words: letters, marks and digits with inner apostrophes.

    Each Han, Hiragana, Katakana, Thai, Lao, Khmer or Myanmar character is a token, with the
    combining marks behind it: only a lexicon knows more.

    >>> word("Don't panic: 北京2008!")
    ["Don't", 'panic', '北', '京', '2008']
    """
    return Tokenizer("word")(text)


def char(text: str) -> list[str]:
    """Take every character that is not white space, control or format.

    >>> char("a 北")
    ['a', '北']
    """
    return Tokenizer("char")(text)


def is_clean(token: object) -> bool:
    """Whether a token is a string that `cleaned_tokens` leaves as it is."""
    return (
        isinstance(token, str)
        and token.isprintable()
        and "\ufffd" not in token
        and token.strip() == token != ""
    )


class _Cleaned(dict[str, str]):
    """Token -> the token with separators made spaces, none at its ends; "" if nothing is left."""

    def __missing__(self, token: str) -> str:
        if not isinstance(token, str):
            raise TypeError(f"got {type(token).__name__} {token!r:.60}")
        cleaned = token
        if not token.isprintable() or "\ufffd" in token:
            separators = _separators()
            cleaned = "".join(" " if c in separators else c for c in token)
        self[token] = cleaned = cleaned.strip()
        return cleaned


@cache
def _separators() -> frozenset[str]:
    points = np.flatnonzero(character_classes() == SEPARATOR)
    return frozenset(map(chr, points.tolist()))


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer with what is done to the text before it.

    Attributes:
        spec: "whitespace", "word", "char", a lexicon's file, "package.module:function", or a
            callable, such as a `Segmenter`.
        lowercase: Lower-case the text first, as `str.lower` does.
        nfkc: Normalise the text to Unicode NFKC first. A lexicon whose settings say "lowercase" or
            "nfkc" folds characters one by one in any case, as its `Segmenter` does.
        segmenter: What is behind the spec when it is a lexicon, else None.

    Raises:
        InputError: `spec` is a file that is no lexicon.
        ValueError: `spec` names nothing that can be imported.
        TypeError: `spec` is neither a string nor callable.
    """

    spec: Spec = "word"
    lowercase: bool = False
    nfkc: bool = False
    segmenter: Segmenter | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.spec, str) and not callable(self.spec):
            raise TypeError(
                f"tokenizer must be a name or a callable, got {type(self.spec).__name__}"
            )
        object.__setattr__(self, "segmenter", _segmenter_of(self.spec))
        if isinstance(self.spec, str) and self.spec not in _BUILT_IN and self.segmenter is None:
            _imported(self.spec)

    @property
    def code(self) -> int | None:
        """The kernel's number, or None for a Python tokenizer."""
        if self.segmenter is not None:
            return _LEXICON
        if isinstance(self.spec, str):
            return _BUILT_IN.get(self.spec)
        own = {whitespace: WHITESPACE, word: WORDS, char: CHAR}
        return next((code for function, code in own.items() if function is self.spec), None)

    @property
    def name(self) -> str:
        """The spec as text."""
        if isinstance(self.spec, str):
            return self.spec
        if isinstance(self.spec, Segmenter):
            return f"textzero.segmenter:Segmenter({self.spec.lexicon.digest()})"
        module = getattr(self.spec, "__module__", None) or "builtins"
        return f"{module}:{getattr(self.spec, '__qualname__', repr(self.spec))}"

    def settings(self) -> dict[str, str | bool]:
        """What decides the tokens, as JSON.

        Of a lexicon its digest, which covers its settings; of a Python tokenizer that of the file
        in which it is defined, not of what that imports.
        """
        settings: dict[str, str | bool] = {
            "tokenizer": self.name, "lowercase": self.lowercase, "nfkc": self.nfkc
        }  # fmt: skip
        if self.segmenter is not None:
            settings["lexicon"] = self.segmenter.lexicon.digest()
        elif self.code is None:
            settings["source"] = _source_digest(self.function())
        return settings

    def _folds(self) -> Array | None:
        """The characters as which the lexicon wants to read others; it reads no more than that."""
        held = self.segmenter
        if held is None or not (held.lowercase or held.nfkc):
            return None
        return fold_table(held.lowercase, held.nfkc)

    def make_tables(self) -> None:
        """Make what `find` looks up, which several threads that ask at once would each make."""
        character_classes()
        self._folds()
        if self.lowercase:
            lower_cases()
            case_classes()
        if self.segmenter is not None:
            _ = self.segmenter.model

    def find(self, piece: Piece) -> tuple[Array, Array, Array]:
        """Tokens of a piece by kernel: (text, starts, stops); see `kernels/reference/text.py`."""
        text, size = piece.text, piece.size
        if self.nfkc and int(text[:size].max(initial=0)) >= 0x80:
            string = unicodedata.normalize("NFKC", text[:size].tobytes().decode())
            data = string.encode()
            text, size = np.frombuffer(data + _PADDING, np.uint8), len(data)
        kernels = kernel("text")
        if self.lowercase:
            text, size = kernels.lowercase(text, size, lower_cases(), case_classes())
        if (folds := self._folds()) is not None:
            points = np.frombuffer(text[:size].tobytes().decode().encode("utf-32-le"), np.int32)
            folded = folds[points]
            if (folded != points).any():
                data = folded.astype("<i4").tobytes().decode("utf-32-le").encode()
                text, size = np.frombuffer(data + _PADDING, np.uint8), len(data)
        if self.segmenter is not None:
            return text, *self.segmenter.find(text, size, piece.boundary)
        classes = character_classes()
        starts, stops = kernels.find_tokens(text, size, classes, self.code, piece.boundary)
        return text, starts, stops

    def function(self) -> Callable[[str], Sequence[str]]:
        """The Python callable behind the spec."""
        if callable(self.spec):
            return self.spec
        return self.segmenter or _imported(self.spec)

    def normalise(self, text: str) -> str:
        """Apply `nfkc`, then `lowercase`."""
        if self.nfkc:
            text = unicodedata.normalize("NFKC", text)
        if self.lowercase:
            text = text.lower()
        folds = self._folds()
        return text if folds is None else "".join(chr(folds[ord(c)]) for c in text)

    def __call__(self, text: str) -> list[str]:
        """Tokenize one text."""
        if self.code is None:
            cleaned = _Cleaned()
            tokens = call(self.function(), self.normalise(text))
            try:
                return [c for token in tokens if (c := cleaned[token])]
            except TypeError as error:
                raise TokenizerError(f"a tokenizer must return strings: {error}") from error
        data = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
        piece = Piece(np.frombuffer(data + _PADDING, np.uint8), len(data), boundary=0)
        buffer, starts, stops = self.find(piece)
        whole = buffer.tobytes()
        pairs = zip(starts.tolist(), stops.tolist(), strict=True)
        return [whole[start:stop].decode() for start, stop in pairs if start >= 0]


def _source_digest(function: Callable[[str], Sequence[str]]) -> str:
    """Digest of the file that defines a tokenizer, or its class; "" when there is none."""
    for thing in (inspect.unwrap(function), type(function)):
        module = sys.modules.get(getattr(thing, "__module__", None) or "")
        with contextlib.suppress(OSError, TypeError):
            return file_digest(str(getattr(module, "__file__", "")))
    return ""


def cleaned_tokens() -> dict[str, str]:
    """Return a mapping that cleans any token it is asked for; "" means: drop it."""
    return _Cleaned()


def call(function: Callable[[str], Sequence[str]], text: str) -> Sequence[str]:
    """Call a Python tokenizer; what it raises names the line of code that raised.

    Raises:
        TokenizerError: The tokenizer raised, or returned no list of strings.
    """
    try:
        tokens = function(text)
        if isinstance(tokens, Iterator):
            tokens = list(tokens)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise TokenizerError(
            f"the tokenizer raised {type(error).__name__}: {error} "
            f"({frame.filename}, line {frame.lineno})"
        ) from error
    if isinstance(tokens, str) or not hasattr(tokens, "__iter__"):
        raise TokenizerError(
            f"a tokenizer must return a list of strings, got {type(tokens).__name__}"
        )
    if not all(isinstance(token, str) for token in islice(tokens, 1)):
        raise TokenizerError(f"a tokenizer must return a list of strings, got {tokens!r:.60}")
    return tokens


def _segmenter_of(spec: object) -> Segmenter | None:
    if isinstance(spec, Segmenter):
        return spec
    if not isinstance(spec, str) or spec in _BUILT_IN:
        return None
    path = Path(spec)
    if path.is_file():
        status = path.stat()
        return _loaded(spec, status.st_mtime_ns, status.st_size)
    return Segmenter(spec) if path.suffix.lower() in _SUFFIXES else None  # which says what is wrong


@lru_cache(4)
def _loaded(path: str, mtime: int, size: int) -> Segmenter:  # noqa: ARG001
    """Load a lexicon once, until its file changes."""
    return Segmenter(path)


def _meant(spec: str) -> str:
    """The tokenizer or the file that a wrong name may stand for, or nothing."""
    if spec == "jieba":
        return "; did you mean 'jieba:lcut'?"
    hint = did_you_mean(spec, _BUILT_IN)
    near = None if hint else near_path(spec)
    return f": did you mean {near!r}?" if near is not None else hint


@cache
def _imported(spec: str) -> Callable[[str], Sequence[str]]:
    """Import "package.module:function", looking in the current folder too."""
    module_name, _, path = spec.partition(":")
    if not module_name or not path:
        raise ValueError(
            f"tokenizer must be {', '.join(_BUILT_IN)}, the file of a lexicon or "
            f"package.module:function, got {spec!r}{_meant(spec)}"
        )
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:  # whatever the module does when it is imported
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"tokenizer {spec!r} cannot be imported: {what}") from error
    if not callable(found):
        raise ValueError(f"tokenizer {spec!r} must be callable, got {type(found).__name__}")
    return found
