"""Questions from a file or a pipe of any size: of JSON lines one line is in memory at a time."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from textzero.errors import InputError, ResourceError
from textzero.files import size_text
from textzero.models.reading import Question, is_squad, line_questions, parse_questions
from textzero.progress import Progress


def stream_questions(
    file: BinaryIO, name: str, most: int, progress: Progress | None = None
) -> Iterator[Question]:
    """Yield the questions of an open file; of JSON lines one line is in memory at a time.

    Args:
        file: The file, or a pipe.
        name: What messages call it.
        most: Bytes of the longest line, and of the largest file that is one JSON document.
        progress: Told the bytes of a question when the next one is asked for.

    Raises:
        InputError: As `read_questions`.
        ResourceError: A line, or a document, is longer than `most`.
    """
    progress = progress or Progress()
    lines, head = _lines(file, name, most, progress), list[bytes]()
    for line in lines:
        head.append(line)
        if line.strip(b" \t\r\xef\xbb\xbf") or len(head) > most:
            break
    try:
        record = json.loads(head[-1].decode("utf-8-sig"))
    except (ValueError, RecursionError, IndexError):
        record = None
    if isinstance(record, dict) and not is_squad(record):
        yield from line_questions(_decoded(chain(head, lines), name), name)
        return
    content = b"\n".join([*head, file.read(most + 1)])
    if len(content) > most:
        raise _too_long(name, "a JSON document", most)
    questions = parse_questions(content, name)
    for question in questions:
        yield question
        progress.advance(len(content) // len(questions))


def _lines(file: BinaryIO, name: str, most: int, progress: Progress) -> Iterator[bytes]:
    while line := file.readline(most + 1):
        if len(line) > most:
            raise _too_long(name, "a line", most)
        yield line.removesuffix(b"\n")
        progress.advance(len(line))


def _too_long(name: str, what: str, most: int) -> ResourceError:
    return ResourceError(
        f"{name}: {what} of more than {size_text(most)} does not fit into --memory; give more, "
        "or a question a line"
    )


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}:{number} is not UTF-8: {error.reason}") from error
