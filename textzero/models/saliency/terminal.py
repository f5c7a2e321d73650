"""Saliency in a terminal: words on coloured ground, with signs where colours are not wanted."""

import os
import sys
import unicodedata

from textzero.models.saliency.colours import LEVELS, LIGHT, level, rgb, sign
from textzero.models.saliency.pieces import pieces
from textzero.models.saliency.result import Saliency, largest

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


def visible(text: str, lines: bool = True) -> str:
    r"""Return text that does nothing to a terminal: what is no character to see becomes \x1b.

    That is control characters, lone surrogates, and marks that turn the direction of writing.

    Args:
        text: Anything.
        lines: Whether line ends stay; a tab becomes a space.
    """
    shown = []
    for character in text:
        if character == "\t":
            shown.append(" ")
        elif (character == "\n" and lines) or unicodedata.category(character) not in {
            "Cc", "Cs", "Cf", "Zl", "Zp",
        } or character in "\u200c\u200d":  # fmt: skip
            shown.append(character)
        else:
            shown.append(character.encode("unicode_escape").decode("ascii"))
    return "".join(shown)
