"""What a report is made of: plain data, which `page.py` draws as HTML and `plots.py` as pictures.

Texts are data, never markup. Numbers are plain Python numbers or NumPy arrays of them; None and NaN
are shown as nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from textzero._compat import Array
from textzero._frames import SHOWN, html_table, short

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class Text:
    """Paragraphs.

    Attributes:
        paragraphs: One text each.
        tone: `warning` stands out: something a reader must know before using the figures.
    """

    paragraphs: Sequence[str]
    tone: Literal["plain", "warning"] = "plain"


@dataclass(frozen=True)
class Facts:
    """Names with values, such as what was read and how long it took."""

    items: Mapping[str, Cell]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        cells: One a row.
        kind: How it is shown and sorted. `bar` is a number of 0 or more with a bar behind it,
            `share` a number of 0 to 1 shown in percent.
        digits: Digits after the point; None: as many as three significant ones need.
        about: A sentence that explains the heading.
    """

    name: str
    cells: Sequence[Cell] | Array
    kind: Literal["text", "number", "share", "bar"] = "text"
    digits: int | None = None
    about: str = ""


@dataclass(frozen=True)
class Span:
    """A stretch of a passage.

    Attributes:
        text: The characters.
        value: -1 to 1, from against to for: the strength of its colour; None: no colour.
        mark: What is shown of a stretch that is right, wrong or missed, or just pointed at.
        label: A small tag behind it, such as the type of an entity.
        about: Shown when a person points at it, such as the value in words.
    """

    text: str
    value: float | None = None
    mark: Literal["", "right", "wrong", "missed", "here"] = ""
    label: str = ""
    about: str = ""


@dataclass(frozen=True)
class Passage:
    """A text of coloured or marked stretches, with a line above it."""

    spans: Sequence[Span]
    heading: str = ""


@dataclass(frozen=True)
class Passages:
    """Texts to read, such as sentences a tagger got wrong, or what each word did for a decision."""

    items: Sequence[Passage]
    key: Sequence[Span] = ()  # what colours and marks mean, shown once above


@dataclass(frozen=True)
class Table:
    """A table that can be searched, and sorted by each column.

    Attributes:
        columns: All of one length.
        order: Column by which it is sorted at first, and whether downwards; None: as it stands.
        details: For each row passages that open below it; empty for rows that have none.
        page: Rows that are shown at once.
        search: The words above the search field; empty: no search field.
    """

    columns: Sequence[Column]
    order: tuple[str, bool] | None = None
    details: Sequence[Sequence[Passage]] = ()
    page: int = 25
    search: str = ""


@dataclass(frozen=True)
class Line:
    """A line, or points, of a chart: as many x as y."""

    name: str
    x: Sequence[float] | Array
    y: Sequence[float] | Array
    style: Literal["line", "points", "dashed"] = "line"
    labels: Sequence[str] = ()  # of each point, shown when it is pointed at


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes."""

    lines: Sequence[Line]
    x_label: str
    y_label: str
    x_log: bool = False
    y_log: bool = False
    name: str = ""  # of its file, when charts are drawn as pictures


@dataclass(frozen=True)
class Bars:
    """Horizontal bars of 0 or more, one a label."""

    labels: Sequence[str]
    values: Sequence[float] | Array
    x_label: str
    name: str = ""


@dataclass(frozen=True)
class Matrix:
    """A table of counts whose cells are shaded by their share of the row, such as a confusion.

    Attributes:
        counts: (rows, columns), 0 or more.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    counts: Array
    row_label: str
    column_label: str
    name: str = ""


@dataclass(frozen=True)
class Map:
    """Words as points on a plane: searched, zoomed, pointed at.

    Attributes:
        words: One a point, the most frequent first; of words that lie on each other the first is
            written.
        views: Projections by name, such as "t-SNE" and "PCA": (words, 2) each. The first is shown.
        counts: How often each word occurs; sizes go by it.
        groups: For each word the number of its group, -1 for none: colours go by it.
        group_names: A name for each number.
        neighbours: (words, k) numbers of the nearest words, shown for a word that is chosen; -1 for
            none.
        similarities: (words, k) their similarities.
    """

    words: Sequence[str]
    views: Mapping[str, Array]
    counts: Sequence[int] | Array | None = None
    groups: Sequence[int] | Array | None = None
    group_names: Sequence[str] = ()
    neighbours: Array | None = None
    similarities: Array | None = None
    name: str = ""


Block: TypeAlias = Text | Facts | Table | Passages | Chart | Bars | Matrix | Map


@dataclass(frozen=True, repr=False)
class Section:
    """A heading, a sentence or two on what is to be seen, and what is seen."""

    title: str
    blocks: Sequence[Block]
    about: str = ""

    def __repr__(self) -> str:
        return f"Section({short(self.title)!r}, {len(self.blocks)} blocks)"


@dataclass(frozen=True, repr=False)
class Report:
    """A page.

    Attributes:
        title: What it is about, such as "vectors".
        sections: In the order of reading; a page of more than two has a table of contents.
        about: A line under the title.
        language: BCP 47 tag of the texts of the data, such as "zh"; "und": not known.
    """

    title: str
    sections: Sequence[Section] = field(default_factory=tuple)
    about: str = ""
    language: str = "und"

    def __repr__(self) -> str:
        return f"Report({short(self.title)!r}, {len(self.sections)} sections)"

    def _repr_html_(self) -> str:
        """Show what is in it; `save` writes the whole."""
        sections = self.sections[:SHOWN]
        columns = {"section": [s.title for s in sections], "about": [s.about for s in sections]}
        return html_table(self.title, columns, len(self.sections))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one HTML file that needs nothing else.

        Raises:
            ValueError: Parts of a block do not fit.
            ResourceError: The disk is full or the folder cannot be written.
        """
        from textzero.report.page import write_page

        write_page(self, path)

    def save_pictures(
        self, folder: str | os.PathLike[str], format: Literal["png", "svg"] = "png"
    ) -> list[Path]:
        """Draw each chart, matrix and map as a picture; `pip install 'textzero[plot]'`.

        Returns:
            The files, with what could not be drawn in `.warnings`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from textzero.report.plots import write_pictures

        return write_pictures(self, folder, format)
