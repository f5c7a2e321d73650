"""Docstrings as the site reads them: written for people and for Keras, here put as griffe wants."""

import re
from typing import Any

import griffe

GROUPED = re.compile(r"^( *)(\w+(?:, \w+)+):( .*(?:\n\1 {2,}\S.*)*)", re.M)
DOCTEST = re.compile(r"(^ *>>> .*\n(?:^ *\S.*\n?)*)", re.M)
CALLED = re.compile(r"(?<=^Call arguments:\n)(?: +\S.*\n?)+", re.M)  # a section of Keras's own


class Docstrings(griffe.Extension):
    """Looks at every docstring once, before its sections are read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Replace the text of the docstring."""
        if obj.docstring:
            value = re.sub(r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.M)
            value = CALLED.sub(_as_list, value)
            parts = DOCTEST.split(GROUPED.sub(_one_by_one, value))
            parts[::2] = [_as_written(part) for part in parts[::2]]
            obj.docstring.value = "".join(parts)


def _one_by_one(match: re.Match[str]) -> str:
    """`a, b: what they are` is said of a and of b."""
    indent, names, text = match.groups()
    return "\n".join(f"{indent}{name}:{text}" for name in names.split(", "))


def _as_list(match: re.Match[str]) -> str:
    """`name: what it is` as the items of a list."""
    return re.sub(r"^( +)(\w+):(?= )", r"\1- **\2**:", match[0], flags=re.M)


def _as_written(text: str) -> str:
    """What Markdown would take for a link or a tag stays what it is, outside code."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"<(?=[A-Za-z/])", "&lt;", p.replace("][", "]\\[")) for p in parts[::2]]
    return "".join(parts)
