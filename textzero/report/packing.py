"""Blocks as JSON for the page's script: column by column, numbers as their bytes.

Every text goes through `page_text` or `page_word`, so that the script need not think about what it
shows; and what JSON says is written so that it cannot end the element that holds it. Of numbers
of several bytes the lowest bytes of all come first, then the next: high ones are alike, and
alike bytes side by side are deflated to few.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.report.blocks import Chart, Column, Map, Passage, Passages, Table
from textzero.report.figures import digits_of, is_number, number_text
from textzero.shown.text import page_text, page_word

_GRID = 65535  # steps of a map's longer side
_LARGEST = (1 << 31) - 2  # of numbers that are kept as whole ones
_EXACT = 1 << 24  # below it a whole number is a float32
_RARE = 8  # a column has one number in so many, or fewer, that is kept exactly
_FEW = 4  # a column of that many cells a distinct text, or more, is kept as numbers of texts


def as_json(content: Any) -> str:
    r"""Return JSON that stands safely inside <script type="application/json">.

    >>> as_json({"a": "</script><!--"})
    '{"a":"\\u003c/script>\\u003c!--"}'
    """
    return _json(content, lambda held: base64.b64encode(held).decode("ascii")).replace(
        "<", "\\u003c"
    )


def compressed(content: Any) -> str:
    """Return base64 of what is deflated: the length of the JSON (uint32), it, bytes it tells of.

    In place of bytes the JSON says where behind it they begin, and how many they are.
    """
    held: list[bytes] = []

    def put(part: bytes) -> list[int]:
        held.append(part)
        return [sum(map(len, held[:-1])), len(part)]

    text = _json(content, put).encode("utf-8")
    whole = b"".join([len(text).to_bytes(4, "little"), text, *held])
    return base64.b64encode(zlib.compress(whole, 6)).decode("ascii")


def _json(content: Any, put: Callable[[bytes], Any]) -> str:
    return json.dumps(
        content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=put
    )


def packed_table(table: Table, order: tuple[int, bool] | None) -> dict[str, Any]:
    """Return a table; details are kept by row number, for rows that have some."""
    opened = {
        row: [packed_passage(one) for one in details]
        for row, details in enumerate(table.details)
        if details
    }
    return {
        "kind": "table",
        "rows": len(table.columns[0].cells) if table.columns else 0,
        "columns": [_column(column) for column in table.columns],
        "order": order,
        "page": table.page,
        "search": page_text(table.search),
        "details": opened,
    }


def _column(column: Column) -> dict[str, Any]:
    digits = digits_of_column(column)
    cells = column.cells
    if column.kind == "text" or any(isinstance(cell, str) for cell in cells):
        content = _texts([cell_text(cell, column, digits) for cell in cells])
    else:
        content = _rounded(cells, digits, column.kind == "share") or _bytes(_array(cells))
    return {
        "name": page_text(column.name),
        "kind": column.kind if "s" not in content else "text",
        "digits": digits,
        "about": page_text(column.about),
        "cells": content,
    }


def digits_of_column(column: Column) -> int:
    """Return the digits after the point of all numbers of a column."""
    if column.digits is not None:
        return column.digits
    return digits_of(column.cells, column.kind == "share") if column.kind != "text" else 0


def cell_text(cell: Any, column: Column, digits: int) -> str:
    """Return a cell as it is shown; "" for none."""
    if isinstance(cell, str):
        return page_word(cell)
    if column.kind == "text":
        return str(cell) if is_number(cell) else ""
    return number_text(cell, digits, column.kind == "share")


def _texts(texts: Sequence[str]) -> dict[str, Any]:
    distinct = dict.fromkeys(texts)
    if len(distinct) * _FEW > len(texts):
        return {"s": list(texts)}
    places = {text: place for place, text in enumerate(distinct)}
    return {"s": list(distinct), "i": numbers([places[text] for text in texts])}


def numbers(values: Iterable[Any]) -> dict[str, Any]:
    """Return numbers in the fewest bytes that hold three figures of each, and all whole ones.

    None becomes NaN; what is not whole is float32 if it fits.
    """
    exact = _array(values)
    if exact.dtype.kind in "iu":
        return _bytes(exact.astype(_integer_type(exact)))
    with np.errstate(over="ignore"):
        short = exact.astype(np.float32)
    fits = (np.abs(exact) < _EXACT) & np.isclose(short, exact, 1e-6, 0) | ~np.isfinite(exact)
    return _bytes(short if fits.all() else exact)


def _array(values: Iterable[Any]) -> Array:
    """Whole numbers as they are, all else as float64."""
    exact = np.asarray(
        values if isinstance(values, np.ndarray) else [np.nan if v is None else v for v in values]
    ).ravel()
    return exact if exact.dtype.kind in "iu" else exact.astype(np.float64)


def _rounded(values: Iterable[Any], digits: int, percent: bool) -> dict[str, Any] | None:
    """Return numbers as whole ones and how often to divide them by ten: as they will be written.

    The lowest whole number of the type stands for none. What would be written in another way, as
    is a number so small that all of its digits would be 0, is kept beside, with its places; None:
    that is too much.
    """
    exact = _array(values)
    if exact.dtype.kind in "iu":
        return numbers(exact)
    with np.errstate(over="ignore"):
        scaled = (exact * 100 if percent else exact) * 10.0**digits
        there = np.abs(scaled) < _LARGEST
    sizes = np.abs(np.where(there, scaled, 0))
    whole = np.floor(sizes + 0.5)
    for place in np.flatnonzero(np.abs(sizes % 1 - 0.5) < 1e-6).tolist():  # what is a half, really?
        size = Decimal(abs(float(exact[place] * 100 if percent else exact[place])))
        whole[place] = float(size.scaleb(digits).to_integral_value(ROUND_HALF_UP))
    there &= (exact == 0) | (whole != 0)
    other = np.flatnonzero(~there & ~np.isnan(exact))
    if len(other) * _RARE > len(exact):
        return None
    signed = np.where(there, np.copysign(whole, scaled), 0).astype(np.int64)
    most = int(np.abs(signed).max(initial=0))
    kind = next(k for k in (np.int8, np.int16, np.int32) if most <= np.iinfo(k).max)
    signed[~there] = np.iinfo(kind).min
    content = {**_bytes(signed.astype(kind)), "d": digits + 2 * percent}
    if len(other):
        content["at"], content["exact"] = numbers(other), _bytes(exact[other])
    return content


def _integer_type(values: Array) -> type:
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for kind in (np.uint8, np.uint16, np.uint32, np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return np.float64


def _bytes(values: Array) -> dict[str, Any]:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    planes = little.view(np.uint8).reshape(-1, values.dtype.itemsize).T
    return {"f": f"{values.dtype.kind}{values.dtype.itemsize}", "b": planes.tobytes()}


def packed_passages(passages: Passages) -> dict[str, Any]:
    """Return texts of coloured stretches."""
    return {"kind": "passages", "items": [packed_passage(one) for one in passages.items]}


def packed_passage(passage: Passage) -> dict[str, Any]:
    """Return a passage: a plain stretch as text, another as [text, classes, label, about]."""
    spans: list[Any] = []
    for span in passage.spans:
        name, text = span_class(span.value, span.mark), page_text(span.text)
        if name or span.label or span.about:
            spans.append([text, name, page_text(span.label), page_text(span.about)])
        else:
            spans.append(text)
    return {"heading": page_text(passage.heading), "spans": spans}


def span_class(value: float | None, mark: str) -> str:
    """Return the classes of a stretch, from a fixed list: sign and strength, and its mark."""
    from textzero.shown.colours import level, sign

    found = [mark] if mark else []
    if value is not None and is_number(value):
        strength = level(max(-1.0, min(1.0, float(value))), 1.0)
        if strength:
            found.append(f"{'p' if sign(value) == '+' else 'n'}{strength}")
    return " ".join(found)


def packed_chart(chart: Chart) -> dict[str, Any]:
    """Return every point of a chart; the script draws as many as can be told apart."""
    return {
        "kind": "chart",
        "x": page_text(chart.x_label),
        "y": page_text(chart.y_label),
        "xLog": chart.x_log,
        "yLog": chart.y_log,
        "lines": [
            {
                "name": page_text(line.name),
                "style": line.style,
                "x": numbers(line.x),
                "y": numbers(line.y),
                "labels": [page_word(label) for label in line.labels],
            }
            for line in chart.lines
        ],
    }


def packed_map(block: Map) -> dict[str, Any]:
    """Return a map; places on a grid of 65,536, similarities in hundredths."""
    content: dict[str, Any] = {
        "kind": "map",
        "words": [page_word(word) for word in block.words],
        "views": [{"name": page_text(name), **_places(v)} for name, v in block.views.items()],
        "names": [page_text(name) for name in block.group_names],
    }
    if block.counts is not None:
        content["counts"] = numbers(block.counts)
    if block.groups is not None:
        content["groups"] = numbers(np.asarray(block.groups, np.int64))
    if block.neighbours is not None:
        near = np.asarray(block.neighbours, np.int64)
        near = np.where(near < 0, len(block.words), near)  # a number that no word has
        content["near"], content["each"] = numbers(near), near.shape[1]
        if block.similarities is not None:
            hundredths = np.nan_to_num(np.asarray(block.similarities, np.float64)) * 100
            content["similar"] = numbers(np.rint(hundredths).clip(-127, 127).astype(np.int8))
    return content


def _places(view: Array) -> dict[str, Any]:
    """Places as steps from the corner; the width and height in units of the longer side."""
    places = np.asarray(view, np.float64)
    low = places.min(axis=0) if len(places) else np.zeros(2)
    sizes = np.ptp(places, axis=0) if len(places) else np.zeros(2)
    unit = float(sizes.max()) or 1.0
    steps = np.rint((places - low) / unit * _GRID).astype(np.uint16)
    return {
        "x": _bytes(steps[:, 0]),
        "y": _bytes(steps[:, 1]),
        "size": [round(float(size) / unit, 6) for size in sizes],
    }
