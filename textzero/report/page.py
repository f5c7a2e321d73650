"""A report as one HTML file that needs nothing else, and is allowed nothing else.

The page's Content-Security-Policy knows its own style and script by their hashes and forbids all
else: other scripts, pictures, fonts, connections, and, where browsers know Trusted Types, making
markup from strings at all. Data stand in the page as text, or as JSON that the script reads, the
large ones compressed.
Without the script the page still shows texts, facts and the first rows of tables.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from textzero.files import whole_file
from textzero.report import packing, static
from textzero.report.blocks import (
    Bars,
    Block,
    Chart,
    Facts,
    Map,
    Matrix,
    Passages,
    Report,
    Section,
    Table,
    Text,
)
from textzero.report.checks import check_report
from textzero.shown.colours import DARK, LIGHT
from textzero.shown.text import html_text, page_text
from textzero.version import __version__

_SCRIPTS = (
    *("base", "passages", "rows", "table", "axes", "chart"),
    *("map_points", "map_labels", "map_search", "map_scene", "map_input", "map", "start"),
)
_STYLES = ("report", "blocks", "map")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_LONG = 1 << 16  # characters of data; longer ones are compressed
_NOSCRIPT = (
    '<noscript><p class="note warning" role="note">JavaScript is off: tables show their first '
    "rows, charts some of their values, and maps only words.</p></noscript>\n"
)
_CONTENTS = 3  # sections, from which on the page lists them


def page(report: Report) -> str:
    """Return a report as a whole HTML document; the same report gives the same text.

    Raises:
        ValueError: Parts of the report do not fit each other.
    """
    return "".join(page_parts(report))


def write_page(report: Report, path: str | os.PathLike[str]) -> None:
    """Write `page` to a file, whole or not at all, one block in memory at a time.

    Raises:
        ValueError: Parts of the report do not fit each other.
        ResourceError: The disk is full or the folder cannot be written.
    """
    check_report(report)
    with whole_file(path) as file:
        for part in page_parts(report):
            file.write(part.encode("utf-8"))


def page_parts(report: Report) -> Iterator[str]:
    """Yield `page` piece by piece."""
    check_report(report)
    yield _head(report.title)
    yield f"<header><h1>{html_text(report.title)}</h1>"
    yield (
        f'<p class="about">{html_text(report.about)}</p></header>\n'
        if report.about
        else "</header>\n"
    )
    yield _NOSCRIPT
    if len(report.sections) >= _CONTENTS:
        yield _contents(report)
    yield '<main id="report">\n'
    known = report.language != "und" and _LANGUAGE.fullmatch(report.language)
    language = f' lang="{report.language}"' if known else ' lang=""'
    for number, section in enumerate(report.sections, 1):
        yield from _section(section, number, language)
    yield "</main>\n"
    yield f"<footer><p>Made by textzero {html_text(__version__)}.</p></footer>\n"
    yield '<div id="tip" aria-hidden="true" hidden></div>\n'
    yield '<div id="said" class="unseen" role="status" aria-live="polite"></div>\n'
    yield f"<script>{script()}</script>\n</body>\n</html>\n"


def _head(title: str) -> str:
    policy = (
        f"default-src 'none'; script-src '{_hash(script())}'; style-src '{_hash(style())}'; "
        "base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{html_text(title)}</title>
<style>{style()}</style>
</head>
<body>
"""


def _contents(report: Report) -> str:
    links = "".join(
        f'<li><a href="#section-{number}">{html_text(section.title)}</a></li>'
        for number, section in enumerate(report.sections, 1)
    )
    return f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n'


def _section(section: Section, number: int, language: str) -> Iterator[str]:
    name = f"section-{number}"
    yield f'<section id="{name}" aria-labelledby="{name}-title">\n'
    yield f'<h2 id="{name}-title">{html_text(section.title)}</h2>\n'
    if section.about:
        yield f'<p class="about">{html_text(section.about)}</p>\n'
    for block in section.blocks:
        yield f'<div class="block">{_block(block, language, section.title)}</div>\n'
    yield "</section>\n"


def _block(block: Block, language: str, title: str) -> str:
    if isinstance(block, Text):
        return static.text_html(block)
    if isinstance(block, Facts):
        return static.facts_html(block)
    if isinstance(block, Bars):
        return static.bars_html(block, language)
    if isinstance(block, Matrix):
        return static.matrix_html(block)
    if isinstance(block, Table):
        return _table(block, language, title)
    if isinstance(block, Passages):
        shown = static.passages_html(block, language)
        more = len(block.items) > static.PASSAGES_SHOWN
        return shown + (_data(packing.packed_passages(block), title) if more else "")
    if isinstance(block, Chart):
        start = '<figure class="chart" data-block></figure>'
        return f"{start}{_data(packing.packed_chart(block), title)}{static.chart_html(block)}"
    if isinstance(block, Map):
        shown = static.map_html(block, language)
        start = f'<div class="map" data-block{language}>{shown}</div>'
        return start + _data(packing.packed_map(block), title)
    raise TypeError(f"a section holds blocks of textzero.report.blocks, got {type(block).__name__}")


def _table(table: Table, language: str, title: str) -> str:
    order = None
    if table.order is not None:
        names = [column.name for column in table.columns]
        order = (names.index(table.order[0]), bool(table.order[1]))
    rows = static.table_html(table, order, language)
    data = _data(packing.packed_table(table, order), title)
    return f'<div class="table" data-block{language}>{rows}</div>{data}{static.columns_html(table)}'


def _data(content: dict[str, object], title: str) -> str:
    content["title"] = page_text(title)
    text = packing.as_json(content)
    if len(text) < _LONG:
        return f'<script type="application/json">{text}</script>'
    packed = packing.compressed(content)
    return f'<script type="application/json" data-packed>{packed}</script>'


@cache
def style() -> str:
    """Return the style of every page."""
    return "".join(_asset(f"{name}.css") for name in _STYLES) + _shades()


@cache
def script() -> str:
    """Return the script of every page."""
    inside = "".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{inside}}})();\n'


def _asset(name: str) -> str:
    return (files("textzero.report") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _shades() -> str:
    """The colours of saliency, for light paper and, on a screen that wants it, for dark."""
    rules = []
    for name, sign in (("p", "+"), ("n", "-")):
        for place, (light, dark) in enumerate(zip(LIGHT[sign], DARK[sign], strict=True), 1):
            rules.append(f".{name}{place} {{ background: light-dark({light}, {dark}); }}\n")
    return "".join(rules)
