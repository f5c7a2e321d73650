"""Saliency in a terminal: words on coloured ground, with signs where colours are not wanted."""

import os
import sys

from textzero.models.saliency.pieces import pieces
from textzero.models.saliency.result import Saliency, largest
from textzero.shown.colours import LEVELS, LIGHT, level, rgb, sign
from textzero.shown.text import visible

_RESET = "\x1b[0m"


def render(result: Saliency, colour: bool | None = None) -> str:
    """Return a headline and the text, each word marked by what it did.

    With colours words for the class stand on orange and underlined, words against it on blue.
    Without, a word is followed by its sign, as often as it is strong: good[+++] bad[--].

    Args:
        result: From `saliency`.
        colour: None asks the surroundings: colours when stdout is a terminal that knows them and
            NO_COLOR is not set to anything.
    """
    colour = wants_colour() if colour is None else colour
    strongest = largest(result.values)
    shown = []
    for text, place in pieces(result):
        clean = visible(text)
        if place is None:
            shown.append(clean)
        else:
            shown.append(_marked(clean, float(result.values[place]), strongest, colour))
    label = visible(str(result.label), lines=False)
    return f"{label} {result.score:.3f} ({result.method})\n{''.join(shown)}\n"


def _marked(text: str, value: float, strongest: float, colour: bool) -> str:
    strength = level(value, strongest)
    if not strength:
        return text
    if not colour:
        return f"{text}[{sign(value) * strength}]"
    red, green, blue = rgb(LIGHT[sign(value)][strength - 1])
    line = "4;" if value > 0 else ""
    strong = "1;" if strength == LEVELS else ""
    begin = f"\x1b[{strong}{line}38;2;0;0;0;48;2;{red};{green};{blue}m"
    # the ground ends with each line, or the terminal colours it to its edge
    return "\n".join(f"{begin}{part}{_RESET}" if part else "" for part in text.split("\n"))


def wants_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and NO_COLOR (no-color.org) is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()
