"""Saliency as one HTML page: no script, nothing loaded, everything from the data escaped.

The page forbids itself all but its own style (Content-Security-Policy). Words for the class stand
on orange with a solid line below, words against it on blue with a dotted one, so that the sign does
not rest on colour; the number is in the title of each. Data become text and nothing else: classes
come from a fixed list, and the only attribute with data in it is a number.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from textzero.models.saliency.pieces import pieces
from textzero.models.saliency.result import ABOUT, Saliency, largest
from textzero.shown.colours import DARK, LEVELS, LIGHT, level, sign
from textzero.shown.text import html_text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_CLASS = {"+": "p", "-": "n"}

_LAYOUT = """
.textzero { color-scheme: light dark; --ink: #000; --paper: #fff; --quiet: #555; --edge: #ccc;
  color: var(--ink); background: var(--paper); padding: 1rem;
  font: 16px/1.9 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
.textzero article { max-width: 60rem; margin: 0 auto; padding: 1rem 0;
  border-top: 1px solid var(--edge); }
.textzero article:first-of-type { border-top: 0; }
.textzero h2 { font-size: 1.05rem; line-height: 1.4; margin: 0 0 .25rem;
  overflow-wrap: anywhere; unicode-bidi: isolate; }
.textzero .about { color: var(--quiet); font-size: .85rem; line-height: 1.5; margin: 0 0 .5rem; }
.textzero .text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0;
  unicode-bidi: plaintext; }
.textzero span { border-radius: 2px; padding: 1px 0; }
.textzero .key { max-width: 60rem; margin: 0 auto; color: var(--quiet); font-size: .85rem; }
.textzero .key span { color: var(--ink); padding: 1px .4em; }
.textzero .p5, .textzero .n5 { font-weight: 600; }
"""
_DARK_INK = "--ink: #fff; --paper: #111; --quiet: #aaa; --edge: #444;"


def _shades(colours: Mapping[str, Sequence[str]], lines: Mapping[str, str]) -> str:
    rules = []
    for mark, name in _CLASS.items():
        style = "solid" if mark == "+" else "dotted"
        for strength, colour in enumerate(colours[mark], 1):
            line = f"border-bottom: 2px {style} {lines[mark]}"
            rules.append(f".textzero .{name}{strength} {{ background: {colour}; {line}; }}")
    return "\n".join(rules)


def _style() -> str:
    light = _shades(LIGHT, {"+": "#a34700", "-": "#0b4fb3"})
    dark = _shades(DARK, {"+": "#ffb45f", "-": "#92bfff"})
    return f"""{_LAYOUT}{light}
@media screen and (prefers-color-scheme: dark) {{
.textzero {{ {_DARK_INK} }}
{dark}
}}
@media print {{
.textzero {{ padding: 0; font-size: 11pt; }}
.textzero .text span {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
.textzero h2 {{ break-after: avoid; }}
}}
"""


def page(results: Iterable[Saliency], title: str = "Saliency") -> str:
    """Return a whole HTML document.

    Args:
        results: One article each.
        title: Of the window.
    """
    return "".join(page_parts(results, title))


def page_parts(results: Iterable[Saliency], title: str = "Saliency") -> Iterator[str]:
    """Yield `page` piece by piece, one result in memory at a time."""
    yield f"""<!DOCTYPE html>
<html lang="und">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{html_text(title)}</title>
<style>html, body {{ margin: 0; }}
@media screen and (prefers-color-scheme: dark) {{ html {{ background: #111; }} }}
{_style()}</style>
</head>
<body>
"""
    yield from _body(results)
    yield "\n</body>\n</html>\n"


def fragment(results: Iterable[Saliency]) -> str:
    """Return what a notebook shows: the style and the articles, no document around them."""
    return f"<style>{_style()}</style>\n{''.join(_body(results))}"


def _body(results: Iterable[Saliency]) -> Iterator[str]:
    strong, weak = f"{_CLASS['+']}{LEVELS}", f"{_CLASS['+']}2"
    less, least = f"{_CLASS['-']}2", f"{_CLASS['-']}{LEVELS}"
    yield (
        '<main class="textzero">\n'
        f'<p class="key"><span class="{least}">against</span><span class="{less}">a little</span>'
        f'<span>neither</span><span class="{weak}">a little</span>'
        f'<span class="{strong}">for</span></p>\n'
    )
    for one in results:
        yield f"{_article(one)}\n"
    yield "</main>"


def _article(result: Saliency) -> str:
    error = ""
    if result.completeness_error is not None:
        share = 100 * result.completeness_error
        error = f"; completeness error {f'{share:.2g} %' if share >= 0.01 else 'below 0.01 %'}"
    what = f"{result.method}: {ABOUT.get(result.method, '')}{error}"
    words = _words(result) or '<span class="quiet">(no text)</span>'
    return (
        f"<article>\n<h2>{html_text(str(result.label))} {result.score:.3f}</h2>\n"
        f'<p class="about">{html_text(what)}</p>\n<div class="text">{words}</div>\n</article>'
    )


def _words(result: Saliency) -> str:
    strongest = largest(result.values)
    shown = []
    for text, place in pieces(result):
        if place is None:
            shown.append(html_text(text))
            continue
        value = float(result.values[place])
        strength = level(value, strongest)
        name = f' class="{_CLASS[sign(value)]}{strength}"' if strength else ""
        shown.append(f'<span{name} title="{value:+.4g}">{html_text(text)}</span>')
    return "".join(shown)
