"""Rows and JSON on standard output; `_terminal.py` shields a terminal from what they hold."""

import json
import sys
from collections.abc import Iterable
from typing import Any


def print_line(*fields: object) -> None:
    """Print fields with tabs between as one line."""
    write_lines(["\t".join(map(str, fields))])


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output as they come."""
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def as_json(content: Any) -> str:
    """Return one line of JSON."""
    return json.dumps(content, ensure_ascii=False)
