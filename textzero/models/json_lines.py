"""JSON lines of labelled data: an object a line, and what is none named by file and line."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from textzero.errors import InputError


def json_objects(
    lines: Iterable[str], source: object, expected: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    r"""Yield each line's object, after its place as "file:line". Blank lines are passed over.

    Args:
        lines: The lines of a file.
        source: Its name, for messages.
        expected: What a line should be, for messages.

    Raises:
        InputError: A line is no JSON object, or has a name twice in one.

    Example:
        >>> list(json_objects(['{"a": 1}', ""], "facts.jsonl", "an object"))
        [('facts.jsonl:1', {'a': 1})]
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{source}:{number}"
        try:
            record = json.loads(line, object_pairs_hook=unique_names)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{place}: expected {expected}, got {line[:60]!r} ({error})"
            ) from error
        if not isinstance(record, dict):
            raise InputError(f"{place}: expected {expected}, got {line[:60]!r}")
        yield place, record


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, as `object_pairs_hook` of `json.loads`.

    Raises:
        ValueError: A name stands in it twice, of which Python would keep the last.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name in counts if counts[name] > 1)
        raise ValueError(f"an object has the name {twice!r} twice")
    return found
