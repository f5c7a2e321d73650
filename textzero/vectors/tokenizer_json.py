r"""Our tokenizers as a `tokenizer.json`, the file that the `tokenizers` library reads.

`word`, `whitespace` and `char` become one regular expression each over a model of whole words. The
characters of their classes are written out from our own table, so that both agree whatever Unicode
version the library knows. A lexicon becomes a unigram model, whose Viterbi algorithm is ours.

An atom that no word may cut, such as a Latin word inside Chinese, is put between two marks (U+001F,
which no text has left by then) before the unigram model sees it, in the text and in the words, so
that "the" is never found inside "theme".

Where they differ from ours: a word is not looked up again in lower case; lower case and NFKC are
those of the library (its Unicode version; a Greek sigma is made final before the first mark behind
it); a lexicon's lower case may be of several characters. With a lexicon an unknown character costs
more (10 nats, not 2.3, less than the least word), so that a best segmentation may differ near one;
a word may begin or end before a combining mark.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.characters import fold_table
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.kernels.reference.segment import (
    DIGIT,
    LETTER,
    MIDDLE,
    PHRASE,
    RUN,
    UNITS,
    atom_classes,
)
from textzero.kernels.reference.text import (
    ALONE,
    APOSTROPHE,
    CASED,
    CHAR,
    IGNORABLE,
    MARK,
    SEPARATOR,
    WHITESPACE,
    WORD,
    WORDS,
    case_classes,
    character_classes,
)
from textzero.segmenter import Segmenter
from textzero.tokens import Tokenizer

_MARK = "\x1f"  # around runs
_FORMAT = "1.0"  # of the file
_MARKS = 3  # combining marks that a look back goes over
_UNKNOWN_COST = np.log(10)  # as in `Segmenter`


def tokenizer_json(tokenizer: Tokenizer, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the content of a `tokenizer.json`, and the tokens behind the words.

    The ids of `words` are their places; the first token behind them stands for unknown words, the
    others (words of a lexicon without a vector) are needed to cut text. They get rows of zeros.

    Args:
        tokenizer: What cut the corpus.
        words: Words with vectors.

    Raises:
        InputError: The tokenizer is a Python function.
    """
    unknown = "[UNK]"
    taken = set(words)
    while unknown in taken:
        unknown = f"[{unknown}]"
    normalizers: list[dict[str, Any]] = [{"type": "NFKC"}] if tokenizer.nfkc else []
    if tokenizer.lowercase:
        normalizers += _lowercase()
    if tokenizer.segmenter is not None:
        return _of_lexicon(tokenizer.segmenter, words, unknown, normalizers)
    if tokenizer.code is None:
        raise InputError(
            f"the tokenizer {tokenizer.name!r} is Python code, which tokenizer.json cannot hold; "
            "name word, whitespace, char or a lexicon with --tokenizer"
        )
    pattern = _pattern(tokenizer.code)
    model = {
        "type": "WordLevel",
        "vocab": {word: i for i, word in enumerate([*words, unknown])},
        "unk_token": unknown,
    }
    return _file(normalizers, [_split(pattern, invert=True)], model), [unknown]


def _pattern(code: int) -> str:
    """A regular expression (Oniguruma) that matches the tokens of a built-in tokenizer."""
    table = character_classes()
    if code == WHITESPACE:
        return f"{_class(table, SEPARATOR, inside=False)}+"
    if code == CHAR:
        return _class(table, SEPARATOR, inside=False)
    if code != WORDS:
        raise ValueError(f"there is no pattern for tokenizer {code}")
    word, marks = _class(table, WORD), _class(table, MARK)
    inner = f"{_class(table, WORD, MARK)}|{_class(table, APOSTROPHE)}(?={word})"
    return f"{_class(table, ALONE)}{marks}*|{marks}*{word}(?:{inner})*"


def _class(table: Array, *kinds: int, inside: bool = True) -> str:
    r"""A character class of all code points of these kinds, such as [\x{41}-\x{5A}]."""
    held = np.isin(table, kinds)
    held[0xD800:0xE000] = not inside  # surrogates are no characters
    edges = np.flatnonzero(np.diff(np.r_[False, held, False].astype(np.int8)))
    ranges = edges.reshape(-1, 2).tolist()
    body = "".join(
        f"\\x{{{first:X}}}" + (f"-\\x{{{stop - 1:X}}}" if stop - first > 1 else "")
        for first, stop in ranges
    )
    return f"[{'' if inside else '^'}{body}]"


def _lowercase() -> list[dict[str, Any]]:
    """Lower case with the final sigma, which the library's own step does not know."""
    cases = case_classes()
    cased, ignorable = _class(cases, CASED), _class(cases, IGNORABLE)
    behind = f"(?<={cased}|{cased}{ignorable})Σ(?!{ignorable}*{cased})"
    return [_replace(behind, "ς"), {"type": "Lowercase"}]


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _split(pattern: str, *, invert: bool) -> dict[str, Any]:
    """Keep what matches (`invert`), or what is between matches."""
    return {
        "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": invert
    }  # fmt: skip


def _file(
    normalizers: list[dict[str, Any]], splits: list[dict[str, Any]], model: dict[str, Any]
) -> dict[str, Any]:
    return {
        "version": _FORMAT,
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits},
        "post_processor": None,
        "decoder": None,
        "model": model,
    }


def _of_lexicon(
    segmenter: Segmenter, words: Sequence[str], unknown: str, normalizers: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """A unigram model: the words with vectors, then the token for unknown ones, then the rest."""
    lexicon = segmenter.lexicon
    unit = UNITS.index(lexicon.settings["unit"])
    folds = fold_table(segmenter.lowercase, segmenter.nfkc)
    if segmenter.nfkc:
        normalizers = [*normalizers, {"type": "NFKC"}]
    if segmenter.lowercase:
        normalizers = [*normalizers, {"type": "Lowercase"}]
    logs: dict[str, float] = {}
    for word, log in zip(lexicon.words, lexicon.log_probabilities.tolist(), strict=True):
        folded = "".join(chr(folds[ord(c)]) for c in word)
        logs[folded] = max(log, logs.get(folded, -np.inf))
    least = min(logs.values(), default=0.0)
    held = set(words)
    others = [word for word in logs if word not in held]
    # a word with a vector that the lexicon lacks is an atom, and costs what an unknown one does
    scores = [logs.get(word, least - _UNKNOWN_COST) for word in words]
    tokens = [unknown, *others]
    further = [least, *(logs[word] for word in others)]
    if unit == PHRASE and " " not in logs and " " not in held:
        tokens.append(" ")  # white space costs nothing
        further.append(0.0)
    keys = [*_marked(words, unit), unknown, *_marked(tokens[1:], unit)]
    model = {
        "type": "Unigram",
        "unk_id": len(words),
        "vocab": [list(pair) for pair in zip(keys, [*scores, *further], strict=True)],
        "byte_fallback": False,
    }
    gap, separators = "\n", _class(atom_classes(), SEPARATOR)
    if unit == PHRASE:  # single spaces may be inside a word
        separators = f"(?!\\x{{20}}){separators}"
    runs = [_replace(_run_edges(unit), _MARK), *_joined(unit)]
    steps = [*normalizers, _replace(separators, gap), *runs]
    return _file(steps, [_split(gap, invert=False)], model), tokens


def _marked(words: Iterable[str], unit: int) -> list[str]:
    """Words with a mark before and behind each run, as the text has them."""
    lines = [word.replace("\n", "\t") for word in words]  # neither is in a text by then
    if not lines:
        return []
    data = "\n".join(lines).encode("utf-8", "replace")
    text = np.frombuffer(data + bytes(16), np.uint8)
    starts, kinds = kernel("segment").find_atoms(text, len(data), atom_classes(), unit)
    runs = np.flatnonzero(kinds == RUN)
    edges = np.sort(np.r_[starts[runs], starts[runs + 1]])
    marked = np.insert(text[: len(data)], edges, ord(_MARK)).tobytes().decode()
    joined = re.sub(f"{_MARK}.*?{_MARK}", lambda run: run[0].translate(_joints()), marked)
    return joined.split("\n")


@cache
def _joints() -> dict[int, str]:
    """Punctuation inside a run, such as 3.14, which is no word there: a character for each."""
    points = np.flatnonzero(np.isin(atom_classes(), (APOSTROPHE, MIDDLE))).tolist()
    return {point: chr(number) for number, point in enumerate(points, 1)}


def _joined(unit: int) -> list[dict[str, Any]]:
    """Steps that write the punctuation inside a run, once it is marked, as `_joints` has it."""
    table = atom_classes()
    kinds = (DIGIT,) if unit == LETTER else (WORD, DIGIT)
    before, behind = _class(table, *kinds, MARK), _class(table, *kinds)
    return [
        _replace(f"(?<={before})\\x{{{point:X}}}(?={behind})", content)
        for point, content in _joints().items()
    ]


def _run_edges(unit: int) -> str:
    """A regular expression (Oniguruma) that matches the nothing before and behind each run."""
    table = atom_classes()
    digit, mark = _class(table, DIGIT), _class(table, MARK)
    kinds = (DIGIT,) if unit == LETTER else (WORD, DIGIT)
    letter = _class(table, *kinds)
    joint = _class(table, APOSTROPHE, MIDDLE)
    # what may stand at the end of a run: a letter or digit and a few marks
    ends = [letter + mark * n for n in range(_MARKS + 1)]
    inside = "".join(f"(?<!{end})" for end in ends)
    goes_on = f"(?!{_class(table, *kinds, MARK)})"
    if unit != LETTER:
        apostrophe = _class(table, APOSTROPHE)
        inside += "".join(f"(?<!{end}{apostrophe})" for end in ends[:-1])
        goes_on += f"(?!{apostrophe}{letter})"
    numbers = f"(?!(?<={digit}){joint}{digit})"
    begin = f"{inside}(?={_class(table, *kinds)})(?!(?<={digit}{joint}){digit})"
    return f"{begin}|(?<={'|'.join(ends)}){goes_on}{numbers}"
