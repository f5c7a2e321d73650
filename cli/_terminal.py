r"""A terminal shows what is in data; it does not obey it.

Words and texts may hold sequences that move the cursor, set titles or turn the writing. Where a
person looks they are shown as \\x1b; files and pipes get the bytes as they are.
"""

import io
import os
import re
import sys
from typing import Any

# controls but for tab and line feed; those of U+0080 to U+009F; marks that turn the writing
_CONTROLS = re.compile(
    rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]"
)
_CUT = re.compile(rb"(?:\xc2|\xe2[\x80\x81]?)\Z")  # the beginning of one of them


class _Shield(io.RawIOBase):
    """Writes bytes to a terminal with controls shown."""

    def __init__(self, terminal: Any) -> None:
        self._terminal, self._cut = terminal, b""

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """Return the terminal's own."""
        return self._terminal.fileno()

    def write(self, data: Any) -> int:
        """Write all of `data`."""
        text = self._cut + bytes(data)
        cut = _CUT.search(text)
        self._cut = cut[0] if cut else b""
        text = _CONTROLS.sub(_shown, text[: len(text) - len(self._cut)])
        while text:
            text = text[self._terminal.write(text) :]
        return len(data)


def shown_controls(text: str) -> str:
    r"""Return a text with controls shown, such as \\x1b."""
    return _CONTROLS.sub(_shown, text.encode("utf-8", "backslashreplace")).decode("utf-8")


def _shown(control: re.Match[bytes]) -> bytes:
    return control[0].decode("utf-8").encode("unicode_escape")


def shield_terminals(but_stdout: bool = False) -> None:
    """Put a shield before standard output and standard error where they are terminals.

    Args:
        but_stdout: Not before standard output: the command colours it, and shields its texts.
    """
    # else Numba, where colorama is installed, resets colours at exit, and that would be shown
    os.environ.setdefault("NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING", "1")
    for name in ("stderr",) if but_stdout else ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream.isatty():
            stream.flush()
            shield = io.BufferedWriter(_Shield(io.FileIO(stream.fileno(), "w", closefd=False)))
            shielded: Any = io.TextIOWrapper(
                shield, "utf-8", "backslashreplace", line_buffering=True
            )
            shielded.terminal = stream  # for bars, which draw
            setattr(sys, name, shielded)
