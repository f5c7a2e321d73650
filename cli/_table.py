"""Vectors within --memory, words asked for, and ranked words on standard output."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textzero.shown.text import counted

from ._options import tell_waiting
from ._printing import as_json, print_line, write_lines
from ._progress import make_progress

if TYPE_CHECKING:
    from textzero.progress import Progress
    from textzero.vectors.word_vectors import WordVectors

Ranking = list[tuple[str, float]]
_STDIN = ("-",)  # in place of words
_WORDS = 1024  # that are asked at once
_HINTS = 20  # words without a vector for which a near one is looked for, in all others
_LINE = 1 << 20  # bytes of standard input that a word may have
_BYTE = 100  # bytes that a byte of text takes while it is tokenized, about


def open_vectors(
    path: str, memory: str | None, progress: "Progress | None" = None
) -> "WordVectors":
    """Open vectors, whose questions then stay within --memory.

    Reading a file draws a bar where a person looks; see `make_progress`.

    Raises:
        InputError: There are none.
        ResourceError: They are a file that is read, not mapped, and it does not fit.
    """
    from textzero.vectors.formats import load_vectors

    refuse_folder_around(path)
    hint = ", or make a folder of it with `textzero convert`, which is read where it lies"
    refuse_large_file(path, memory, 1, hint)
    if progress is None:
        quiet = click.get_current_context().params.get("quiet", False)
        progress = make_progress(quiet)
    vectors = load_vectors(path, progress=progress)
    vectors.memory = memory
    return vectors


def refuse_folder_around(path: str) -> None:
    """Raise InputError when vectors are in a folder inside of this one, or this is their file."""
    from textzero.errors import InputError
    from textzero.near import inside

    files, place = ("vectors.safetensors", "tensors.tsv"), Path(path)
    if place.name == files[0] and (place.parent / "manifest.json").exists():
        raise InputError(f"{path} is one file of vectors; name its folder, {place.parent}")
    if not any((place / file).exists() for file in files) and (hint := inside(path, files[0])):
        raise InputError(f"{path} holds no vectors by itself{hint}")


def refuse_large_file(path: str, memory: str | None, factor: int, hint: str = "") -> None:
    """Raise ResourceError when a file, in memory `factor` times as large, would not fit."""
    from textzero.errors import ResourceError
    from textzero.files import size_text
    from textzero.memory import BASE, memory_bytes

    size = factor * Path(path).stat().st_size if Path(path).is_file() else 0
    if size > memory_bytes(memory) - BASE:
        raise ResourceError(
            f"{path} is read into memory, which takes about {size_text(size)}; "
            f"give --memory {(size + BASE >> 20) + 1}MB{hint}"
        )


def _words_asked(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the words of the command line; for - those of standard input, one a line."""
    if words != _STDIN:
        yield from words
        return
    for line in stdin_lines(_LINE):
        if word := line.strip():
            yield word


def stdin_lines(most: int) -> Iterator[str]:
    """Yield the lines of standard input, which is UTF-8 whatever the locale says.

    Raises:
        InputError: A line has more than `most` bytes.
    """
    from textzero.errors import InputError

    tell_waiting()
    number = 0
    while line := sys.stdin.buffer.readline(most + 1):
        number += 1
        if len(line) > most:
            raise InputError(f"standard input:{number} must have at most {most:,} bytes")
        yield line.decode("utf-8", "replace")


def longest_text(memory: str | None) -> int:
    """Bytes of a text whose words fit into --memory."""
    from textzero.memory import BASE, memory_bytes

    return (memory_bytes(memory) - BASE) // _BYTE


def stdin_text(memory: str | None) -> str:
    """Return all of standard input.

    Raises:
        InputError: It does not fit into --memory.
    """
    from textzero.errors import InputError

    tell_waiting()
    most = longest_text(memory)
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise InputError(
            f"standard input must have at most {most:,} bytes for this --memory; give more"
        )
    return data.decode("utf-8", "replace")


def print_answers(
    vectors: "WordVectors",
    words: tuple[str, ...],
    ask: Callable[[list[str]], list[Ranking]],
    json: bool,
) -> None:
    """Print the ranking of one word as lines; of several with the word they are of in front.

    As JSON it is a line for each word that was asked. Of standard input, words without a vector are
    told on stderr, and all others answered.

    Raises:
        InputError: A word of standard input has no vector, at the end; another, before any answer.
    """
    from textzero.errors import InputError

    queries, n_asked, missing = _words_asked(words), 0, 0
    asked = list(islice(queries, _WORDS))
    alone = len(asked) == 1
    while asked:
        n_asked += len(asked)
        if words == _STDIN:
            known = [word for word in asked if vectors.find(word) is not None]
            for word in (word for word in asked if vectors.find(word) is None):
                missing += 1
                _tell_missing(vectors, word, missing <= _HINTS)
            asked = known
        for query, rows in zip(asked, ask(asked) if asked else (), strict=True):
            if json:
                print_ranking(rows, {"query": query})
                continue
            for word, score in rows:
                print_line(*(() if alone else (query,)), word, f"{score:.4f}")
        asked = list(islice(queries, _WORDS))
    if missing:
        others = ", the others are answered" if missing < n_asked else ""
        have = "has" if missing == 1 else "have"
        raise InputError(f"{missing:,} of {counted(n_asked, 'words')} {have} no vector{others}")


def _tell_missing(vectors: "WordVectors", word: str, hinted: bool) -> None:
    """Say on stderr that a word has no vector, and which is spelt nearly alike; also if quiet."""
    from textzero.near import did_you_mean

    hint = did_you_mean(word, vectors.vocabulary) if hinted else ""
    click.echo(f"Warning: no vector for {word!r}{hint}", err=True)


def print_ranking(rows: Ranking, asked: dict[str, Any] | None = None) -> None:
    """Print word<TAB>score lines; or, with what was asked, one JSON object."""
    if asked is not None:
        answers = [{"word": word, "score": round(score, 6)} for word, score in rows]
        write_lines([as_json({**asked, "answers": answers})])
        return
    for word, score in rows:
        print_line(word, f"{score:.4f}")
