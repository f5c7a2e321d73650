"""Blocks drawn on figures of matplotlib; `plots.py` makes the figures and writes them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.report.blocks import Bars, Block, Chart, Column, Line, Map, Matrix
from textzero.report.figures import number_text
from textzero.report.packing import digits_of_column

COLOURS = (
    *("#0068a8", "#c24e00", "#007a58", "#ab3f82", "#8a6200"),
    *("#5b4fc4", "#8f2f24", "#3d7d8c", "#5f7a12", "#6a5a4f"),
)
REST, INK, QUIET, RULE = "#7e868e", "#1b1e22", "#59616b", "#dde1e5"
_WIDTH = 7.2  # inches
_POINTS = 3000  # more than that become an image within an SVG
_LABELS = 110  # words written on a map
_TRIED = 3  # words of one cell that are asked whether there is room
_CELL = (0.5, 0.2)  # inches
_LONGEST = 48  # characters of a label
_GROUPS = 12  # groups in the key of a map
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Figure = Any
Shown = Callable[[str], str]  # a text as it can be written


def texts_of(block: Block) -> Iterator[str]:
    """Yield what may be written on the picture of a block."""
    if isinstance(block, Chart):
        yield from (block.x_label, block.y_label, *(line.name for line in block.lines))
    elif isinstance(block, Bars):
        yield from (block.x_label, *block.labels)
    elif isinstance(block, Matrix):
        yield from (block.row_label, block.column_label, *block.rows, *block.columns)
    elif isinstance(block, Map):
        yield from (*block.words, *block.group_names, *block.views)


def shortened(text: str) -> str:
    """Return a label that leaves room for what it labels.

    >>> len(shortened("x" * 100)), shortened("new york")
    (48, 'new york')
    """
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _inches(labels: Sequence[str]) -> float:
    """About how long the longest label is when it is written."""
    wide = [sum(2 if c > "\u2e80" else 1 for c in shortened(label)) for label in labels]
    return 0.075 * max(wide, default=0)


def draw_chart(block: Chart, figure: Figure, shown: Shown) -> None:
    """Draw lines and points over two axes."""
    figure.set_size_inches(_WIDTH, 3.8)
    axes = figure.add_subplot()
    for place, line in enumerate(block.lines):
        x, y = _drawn(line, block)
        dots = line.style == "points" or len(x) == 1
        style: dict[str, Any] = {"linestyle": "dashed" if line.style == "dashed" else "solid"}
        if dots:
            style = {"linestyle": "none", "marker": "o", "markersize": 3 if len(x) > 500 else 5}
        elif len(x) <= 40:
            style |= {"marker": "o", "markersize": 3}
        label, colour = shown(line.name), COLOURS[place % len(COLOURS)]
        many = dots and len(x) > _POINTS
        axes.plot(x, y, label=label, color=colour, rasterized=many, **style)
    _set_scale(axes.xaxis, axes.set_xscale, block.x_log, [line.x for line in block.lines])
    _set_scale(axes.yaxis, axes.set_yscale, block.y_log, [line.y for line in block.lines])
    axes.grid(False, axis="x")
    if len(block.lines) > 1:
        axes.legend(loc="best")
    axes.set_xlabel(shown(block.x_label), loc="right")
    axes.set_title(shown(block.y_label), loc="left", fontsize=9)


def _drawn(line: Line, block: Chart) -> tuple[Array, Array]:
    x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
    there = ~((block.x_log & (x <= 0)) | (block.y_log & (y <= 0)))
    return x[there], y[there]


def _set_scale(axis: Any, set_scale: Callable[[str], None], log: bool, values: list[Any]) -> None:
    """Put round ticks on an axis, and thousands apart."""
    there = np.concatenate([np.zeros(0), *(np.asarray(one, np.float64) for one in values)])
    there = there[np.isfinite(there) & (there > 0) if log else np.isfinite(there)]
    if log and len(there):
        set_scale("log")
        long = there.max() > 1e6 or there.min() < 1e-3
        wide = there.max() > 30 * there.min()
        axis.set_minor_formatter(lambda value, _: "" if wide else _between_text(value))
        axis.set_major_formatter(lambda value, _: _power_text(value, long))
        return
    axis.get_major_locator().set_params(steps=[1, 2, 5, 10], integer=not (there % 1).any())
    if len(there) and np.abs(there).max() >= 10_000:
        axis.set_major_formatter(lambda value, _: number_text(float(value)))


def _between_text(value: float) -> str:
    return number_text(float(value)) if f"{value:e}"[0] in "25" else ""


def _power_text(value: float, long: bool) -> str:
    power = round(np.log10(value))
    if long:
        return f"10{str(power).translate(_RAISED)}"
    return number_text(float(value), max(0, -power))


def draw_bars(block: Bars, figure: Figure, shown: Shown) -> None:
    """Draw horizontal bars, the first at the top, each with its value."""
    count = len(block.labels)
    figure.set_size_inches(_WIDTH, 0.8 + 0.24 * count)
    axes = figure.add_subplot()
    bars = axes.barh(range(count), block.values, height=0.7, color=COLOURS[0])
    digits = digits_of_column(Column("", block.values, "number"))
    values = [number_text(value, digits) for value in block.values]
    axes.bar_label(bars, values, padding=4, fontsize=8)
    axes.set_yticks(range(count), [shown(label) for label in block.labels], color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(count - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.xaxis.set_visible(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(False)
    axes.set_title(shown(block.x_label), loc="left", fontsize=9)


def draw_matrix(block: Matrix, figure: Figure, shown: Shown) -> None:
    """Draw counts on cells shaded by their share of the row."""
    counts = np.asarray(block.counts, np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    rows, columns = counts.shape
    turned = 90 if columns > 6 else 0
    across, above = _inches(block.rows), _inches(block.columns)
    width = 1.2 + across + columns * (0.55 if turned else max(0.55, above + 0.1))
    figure.set_size_inches(width, 1.2 + 0.36 * rows + (above if turned else 0))
    axes = figure.add_subplot()
    strong = np.array([0x06, 0x3F, 0x73]) / 255
    if counts.size:
        axes.imshow(1 - shares[..., None] * (1 - strong), aspect="auto", interpolation="nearest")
    for row in range(rows):
        for column in range(columns):
            colour = "white" if shares[row, column] > 0.45 else INK
            text = number_text(counts[row, column])
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(columns), [shown(one) for one in block.columns], rotation=turned)
    axes.set_yticks(range(rows), [shown(one) for one in block.rows])
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.grid(False)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(shown(block.column_label))
    axes.set_ylabel(shown(block.row_label))


def draw_map(block: Map, view: str, rim: Any, figure: Figure, shown: Shown) -> None:
    """Draw words as points, and write the most frequent that have room, in a rim."""
    figure.set_size_inches(_WIDTH, 6.4)
    axes = figure.add_subplot()
    places, count = np.asarray(block.views[view], np.float64), len(block.words)
    groups = np.full(count, 0 if block.groups is None else -1)
    if block.groups is not None:
        groups = np.asarray(block.groups, np.int64)
    palette = np.array([*COLOURS, REST])
    colours = palette[np.where(groups < 0, len(COLOURS), groups % len(COLOURS))]
    strength = float(np.clip(2600 / max(count, 1), 0.3, 0.85))
    order = slice(None, None, -1)  # the frequent ones on top
    axes.scatter(
        *places[order].T, s=_sizes(block)[order], c=colours[order], alpha=strength,
        linewidths=0, rasterized=count > _POINTS,
    )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()
    if block.groups is not None:
        _add_key(block, groups, axes, shown)
    axes.set_title(shown(view), loc="left", fontsize=9, color=QUIET)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what was placed stays there
    _write_words(block, places, axes, shown, rim)


def _sizes(block: Map) -> Array:
    if block.counts is None:
        return np.full(len(block.words), 5.0)
    counts = np.maximum(np.asarray(block.counts, np.float64), 1)
    logs = np.log(counts)
    span = float(np.ptp(logs)) if len(logs) else 0.0
    grown = (logs - logs.min()) / span if span else np.zeros_like(logs)
    return (1.4 if len(block.words) > 5000 else 2.4) * (1 + 2 * grown) ** 2


def _add_key(block: Map, groups: Array, axes: Any, shown: Shown) -> None:
    numbers, sizes = np.unique(groups[groups >= 0], return_counts=True)
    ranked = sorted(zip(-sizes, numbers, strict=True))
    for size, number in ranked[:_GROUPS]:
        named = number < len(block.group_names)
        name = block.group_names[number] if named else f"group {number + 1}"
        label = f"{shown(name)} ({-size:,})"
        axes.scatter([], [], s=18, color=COLOURS[number % len(COLOURS)], label=label)
    title = f"the {_GROUPS} largest of {len(ranked):,} groups" if len(ranked) > _GROUPS else None
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=7.5, title=title,
        handletextpad=0.2, title_fontsize=7.5,
    )  # fmt: skip


def _write_words(block: Map, places: Array, axes: Any, shown: Shown, rim: Any) -> None:
    """Write words by frequency; where several had no room, no more are tried."""
    renderer = axes.figure.canvas.get_renderer()
    inside, taken = axes.get_window_extent(renderer), np.empty((0, 4))
    pixels = axes.transData.transform(places)
    cells = np.floor(pixels / (np.array(_CELL) * axes.figure.dpi)).astype(int).tolist()
    tried: Counter[tuple[int, int]] = Counter()
    for number, word in enumerate(block.words):
        cell = (cells[number][0], cells[number][1])
        if len(taken) == _LABELS:
            break
        if tried[cell] >= _TRIED or not inside.contains(*pixels[number]):
            continue
        tried[cell] += 1
        label = axes.annotate(
            shown(word), places[number], (3, 0), textcoords="offset points", va="center",
            fontsize=7.5, annotation_clip=False, path_effects=rim,
        )  # fmt: skip
        x0, y0, x1, y1 = label.get_window_extent(renderer).extents
        apart = (taken[:, 0] > x1) | (taken[:, 2] < x0) | (taken[:, 1] > y1) | (taken[:, 3] < y0)
        if apart.all() and x1 < inside.x1 + 8:
            taken = np.vstack([taken, (x0 - 2, y0 - 1, x1 + 2, y1 + 1)])
            tried[cell] = _TRIED
        else:
            label.remove()
