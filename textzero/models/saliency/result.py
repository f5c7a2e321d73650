"""Saliency: what each word of a text did for a decision; Saliencies: those of several texts."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero._frames import short
from textzero.files import whole_file

ABOUT = {
    "state": "share of the way to the last state; below 0: away from it",
    "logit": "part of the log-odds of the class",
    "integrated-gradients": "part of the log-odds of the class",
    "gradient-input": "gradient of the log-odds times embedding",
    "occlusion": "log-odds that are lost without the word",
}


@dataclass(frozen=True, eq=False, repr=False)
class Saliency:
    """What each word of a text did for the decision on it.

    Attributes:
        text: As given.
        tokens: The n words or characters that the model read.
        spans: int32 (n, 2), where each stands in the text; -1 where it does not.
        values: float32 (n,). Above 0: for the class (or towards the last state), below 0: against.
        label: The class that is explained.
        score: Its probability, as the model sees it.
        method: One of `METHODS`.
        completeness_error: How far the values' sum is from what it should be, as a share of
            that; None where the method promises no sum.
        padding: What positions behind the text had; 0 where the model masks them.
        parts: The same for each direction of a recurrent layer, where there are two.
    """

    text: str
    tokens: list[str]
    spans: Array
    values: Array
    label: Any
    score: float
    method: str
    completeness_error: float | None = None
    padding: float = 0.0
    parts: dict[str, Array] = field(default_factory=dict)

    def __repr__(self) -> str:
        said = f"{short(self.text)!r}, {len(self.tokens)} tokens, {self.method}"
        return f"Saliency({said}, label {short(str(self.label))!r}, score {self.score:.4g})"

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; numbers are float32, in the fewest digits that say them."""
        found: dict[str, Any] = {
            "text": self.text,
            "label": self.label.item() if hasattr(self.label, "item") else self.label,
            "score": _short(self.score),
            "method": self.method,
            "tokens": list(self.tokens),
            "spans": self.spans.tolist(),
            "values": [_short(value) for value in self.values],
            "completeness_error": _short(self.completeness_error),
        }
        if self.padding:
            found["padding"] = _short(self.padding)
        if self.parts:
            found["parts"] = {k: [_short(x) for x in part] for k, part in self.parts.items()}
        return found

    def to_json(self) -> str:
        """Return one line of JSON, ASCII where the text holds what is no character."""
        return _line(self.to_dict())

    def to_terminal(self, colour: bool | None = None) -> str:
        """Return lines for a terminal; see `terminal.render`."""
        from textzero.models.saliency.terminal import render

        return render(self, colour)

    def to_html(self) -> str:
        """Return one self-contained HTML page."""
        from textzero.models.saliency.html import page

        return page([self])

    def _repr_html_(self) -> str:
        from textzero.models.saliency.html import fragment

        return fragment([self])


class Saliencies(list[Saliency]):
    """A list of Saliency, a text each, that can be shown together."""

    def __repr__(self) -> str:
        return f"Saliencies({len(self)} texts)"

    def to_json(self) -> str:
        """Return JSON lines, a text each."""
        return "".join(one.to_json() + "\n" for one in self)

    def to_terminal(self, colour: bool | None = None) -> str:
        """Return lines for a terminal, texts apart."""
        return "\n".join(one.to_terminal(colour) for one in self)

    def to_html(self) -> str:
        """Return one self-contained HTML page with all texts."""
        from textzero.models.saliency.html import page

        return page(self)

    def write_html(self, path: str | Path) -> None:
        """Write the page, whole or not at all."""
        with whole_file(path) as file:
            file.write(self.to_html().encode("utf-8"))

    def _repr_html_(self) -> str:
        from textzero.models.saliency.html import fragment

        return fragment(self)


def _short(value: Any) -> float | None:
    return None if value is None else float(str(np.float32(value)))  # its shortest digits


def _line(content: dict[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can say
        text = json.dumps(content, allow_nan=False)
    return text


def largest(values: Iterable[float]) -> float:
    """Return the largest magnitude, 0 for none: what the strongest colour stands for."""
    return max((abs(float(value)) for value in values), default=0.0)
