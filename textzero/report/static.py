"""Blocks as plain HTML: what a page shows before its script runs, and without one.

Markup comes from here alone; data are put into it by `html_text`, as text or as a quoted attribute.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from textzero._frames import short
from textzero.report.blocks import (
    Bars,
    Chart,
    Column,
    Facts,
    Line,
    Map,
    Matrix,
    Passage,
    Passages,
    Span,
    Table,
    Text,
)
from textzero.report.figures import number_text
from textzero.report.packing import cell_text, digits_of_column, span_class
from textzero.shown.text import html_text, page_word

PASSAGES_SHOWN = 30
_POINTS_TOLD = 12  # of a line, for who cannot see or point
_WORDS_TOLD = 60
_SCROLLED = 400  # characters of a cell, from which on it is scrolled, as in assets/table.js
_LONG = 24  # characters of a label that may be broken
SHADES = 9  # of the cells of a matrix


def text_html(block: Text) -> str:
    """Return paragraphs."""
    name = "note warning" if block.tone == "warning" else "note"
    role = ' role="note"' if block.tone == "warning" else ""
    inside = "".join(f"<p>{html_text(one)}</p>" for one in block.paragraphs)
    return f'<div class="{name}"{role}>{inside}</div>'


def facts_html(block: Facts) -> str:
    """Return names with values."""
    shown = ((page_word(name), page_word(number_text(v)) or "–") for name, v in block.items.items())
    rows = (
        f"<div><dt>{html_text(name)}</dt><dd>{html_text(value)}</dd></div>" for name, value in shown
    )
    return f'<dl class="facts">{"".join(rows)}</dl>'


def table_html(table: Table, order: tuple[int, bool] | None, language: str) -> str:
    """Return the first page of a table, in the order in which it is shown first."""
    rows = len(table.columns[0].cells) if table.columns else 0
    shown = list(islice(_rows(table, order, rows), table.page))
    heads = "".join(
        f'<th scope="col" class="{column.kind}">{html_text(column.name)}</th>'
        for column in table.columns
    )
    digits = [digits_of_column(column) for column in table.columns]
    body = "".join(
        "<tr>" + "".join(_cell(c, d, row) for c, d in zip(table.columns, digits, strict=True))
        + "</tr>"
        for row in shown
    )  # fmt: skip
    left = f'<p class="quiet">{number_text(len(shown))} of {number_text(rows)} rows.</p>'
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody{language}>{body}</tbody></table></div>{left if len(shown) < rows else ''}"
    )


def columns_html(table: Table) -> str:
    """Return what the headings of a table mean."""
    told = "".join(
        f"<div><dt>{html_text(column.name)}</dt><dd>{html_text(column.about)}</dd></div>"
        for column in table.columns
        if column.about
    )
    if not told:
        return ""
    summary = "<summary>What the columns mean</summary>"
    return f'<details class="meaning">{summary}<dl>{told}</dl></details>'


def _rows(table: Table, order: tuple[int, bool] | None, rows: int) -> Iterator[int]:
    if order is None:
        return iter(range(rows))
    place, down = order
    column = table.columns[place]
    cells: Any = column.cells
    if column.kind == "text" or any(isinstance(cell, str) for cell in cells):
        digits = digits_of_column(column)
        cells = [cell_text(cell, column, digits).lower() or None for cell in cells]
    there = [row for row in range(rows) if cells[row] is not None and cells[row] == cells[row]]
    missing = [row for row in range(rows) if cells[row] is None or cells[row] != cells[row]]
    return iter(sorted(there, key=lambda row: cells[row], reverse=down) + missing)


def _cell(column: Column, digits: int, row: int) -> str:
    text = cell_text(column.cells[row], column, digits)
    inside = html_text(text)
    if column.kind == "text":
        return (
            f'<td><div class="long">{inside}</div></td>'
            if len(text) > _SCROLLED
            else f"<td>{inside}</td>"
        )
    return f'<td class="{column.kind}">{inside}</td>'


def passages_html(block: Passages, language: str) -> str:
    """Return the key and the first passages."""
    key = f'<p class="key">{_spans(block.key)}</p>' if block.key else ""
    items = "".join(passage_html(one, language) for one in block.items[:PASSAGES_SHOWN])
    count, left = len(block.items), ""
    if count > PASSAGES_SHOWN:
        left = f'<p class="quiet">{PASSAGES_SHOWN} of {number_text(count)} texts.</p>'
    return f'{key}<div class="passages" data-block>{items}{left}</div>'


def passage_html(passage: Passage, language: str) -> str:
    """Return a text of coloured stretches."""
    heading = f"<h3>{html_text(passage.heading)}</h3>" if passage.heading else ""
    words = _spans(passage.spans) or '<span class="quiet">(no text)</span>'
    return f'<article>{heading}<p class="words"{language}>{words}</p></article>'


def _spans(spans: Sequence[Span]) -> str:
    return "".join(_span(one) for one in spans)


def _span(span: Span) -> str:
    name, text = span_class(span.value, span.mark), html_text(span.text)
    tag = f'<span class="tag">{html_text(span.label)}</span>' if span.label else ""
    about = f' title="{html_text(span.about)}"' if span.about else ""
    if not (name or about):
        return text + tag
    named = f' class="{name}"' if name else ""
    return f"<span{named}{about}>{text}</span>{tag}"


def bars_html(block: Bars, language: str) -> str:
    """Return horizontal bars; each is as wide as its share of the largest."""
    values = np.asarray(block.values, np.float64)
    largest = float(np.nanmax(values, initial=0)) or 1.0
    digits = digits_of_column(Column("", block.values, "number"))
    rows = "".join(
        _bar(html_text(page_word(label)), value / largest, number_text(value, digits), language)
        for label, value in zip(block.labels, values.tolist(), strict=True)
    )
    head = f'<th scope="col" colspan="2">{html_text(block.x_label)}</th>'
    head = f"<thead><tr><td></td>{head}</tr></thead>"
    return f'<table class="bars">{head}<tbody>{rows}</tbody></table>'


def _bar(label: str, share: float, value: str, language: str) -> str:
    long = ' class="long"' if len(label) > _LONG else ""
    return (
        f'<tr><th scope="row"{long}{language}>{label}</th><td class="bar"><svg aria-hidden="true">'
        f'<rect width="{100 * share:.2f}%" height="100%"/></svg></td>'
        f'<td class="number">{value}</td></tr>'
    )


def matrix_html(block: Matrix) -> str:
    """Return a table of counts, each cell shaded by its share of the row."""
    counts = np.asarray(block.counts, np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    square = list(block.rows) == list(block.columns)
    heads = "".join(f'<th scope="col"><span>{html_text(one)}</span></th>' for one in block.columns)
    rows: list[str] = []
    for place, name in enumerate(block.rows):
        cells = "".join(
            _matrix_cell(name, block.columns[k], counts[place, k], shares[place, k],
                         square and k == place)
            for k in range(len(block.columns))
        )  # fmt: skip
        rows.append(f'<tr><th scope="row">{html_text(name)}</th>{cells}</tr>')
    kind = "matrix many" if len(block.columns) > 6 else "matrix"
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr><td></td><th scope="colgroup" '
        f'class="over" colspan="{max(1, len(block.columns))}">{html_text(block.column_label)}</th>'
        f'</tr><tr><th scope="col" class="over">{html_text(block.row_label)}</th>{heads}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _matrix_cell(row: str, column: str, count: float, share: float, same: bool) -> str:
    shade = 0 if share <= 0 else 1 + min(SHADES - 1, int(share * SHADES))
    text = number_text(count, None)
    about = html_text(f"{row} → {column}: {text}, {number_text(share, 1, percent=True)} of the row")
    return f'<td class="s{shade}{" same" if same else ""}" title="{about}">{text}</td>'


def chart_html(block: Chart) -> str:
    """Return some points of each line, as a table; the script closes it and draws above it."""
    rows: list[str] = []
    for line in block.lines:
        x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
        told = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS_TOLD)).round().astype(int))
        rows.extend(
            f'<tr><th scope="row">{html_text(_named(line, k))}</th><td class="number">'
            f'{number_text(x[k])}</td><td class="number">{number_text(y[k])}</td></tr>'
            for k in (told.tolist() if len(x) else [])
        )
    points = sum(len(line.x) for line in block.lines)
    some = f"{number_text(len(rows))} of {number_text(points)} points"
    head = f'<th scope="col" class="number">{html_text(block.x_label)}</th>'
    head += f'<th scope="col" class="number">{html_text(block.y_label)}</th>'
    told_html = (
        f'<details class="meaning" open><summary>Values: {some}</summary>'
        '<div class="scroll"><table>'
        f'<thead><tr><th scope="col"></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details>"
    )
    return f"{told_html}{off_axes_html(block)}"


def _named(line: Line, place: int) -> str:
    return short(page_word(line.labels[place])) if line.labels else line.name


def off_axes(chart: Chart) -> int:
    """Return how many points a logarithmic axis has no place for."""
    count = 0
    for line in chart.lines:
        x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
        count += int(((chart.x_log & (x <= 0)) | (chart.y_log & (y <= 0))).sum())
    return count


def off_axes_html(chart: Chart) -> str:
    """Return a sentence on the points that are not drawn, if there are any."""
    count = off_axes(chart)
    if not count:
        return ""
    points = "1 point" if count == 1 else f"{number_text(count)} points"
    return f'<p class="quiet">{points} of 0 or less: a logarithmic axis has no place there.</p>'


def map_html(block: Map, language: str) -> str:
    """Return the most frequent words of a map, for a page without its script."""
    told = [page_word(word) for word in block.words[:_WORDS_TOLD]]
    some = f"{number_text(len(told))} of {number_text(len(block.words))} words"
    words = html_text(" · ".join(told))
    return f'<p class="quiet">{some}; the map needs JavaScript.</p><p{language}>{words}</p>'
