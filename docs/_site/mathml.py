"""Formulas: what arithmatex marks becomes MathML when the site is built."""

import html
import logging
import re

import latex2mathml.converter

MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*\\[(\[](?P<formula>.*?)\\[)\]]\s*</(?P=tag)>', re.S
)
# Commands that the converter does not know, in terms of those that it does.
KNOWN_AS = {
    r"\arg": r"\operatorname{arg}",
    r"\argmin": r"\operatorname{argmin}",
    r"\argmax": r"\operatorname{argmax}",
    r"\lVert": r"\Vert",
    r"\rVert": r"\Vert",
    r"\lvert": r"\vert",
    r"\rvert": r"\vert",
}
# The name of a function stands a little apart from what it is of, unless that is in brackets.
FUNCTION = re.compile(r"(<mi>(?:log|ln|exp|max|min|tanh)</mi>)(?=<m(?:i|n|row|sub|frac|over)>)")
THIN = '<mspace width="0.17em"/>'
log = logging.getLogger("mkdocs.formulas")  # a warning ends a strict build


def formulas(page: str, name: str) -> str:
    """Return the HTML of a page with its formulas as MathML."""

    def convert(match: re.Match[str]) -> str:
        formula = html.unescape(match["formula"]).strip()
        display = "block" if match["tag"] == "div" else "inline"
        text = re.sub(r"\\[A-Za-z]+", lambda m: KNOWN_AS.get(m[0], m[0]), formula)
        made = latex2mathml.converter.convert(text, display=display)
        unknown = re.findall(r"<m[io]>(\\[^<]*)</m[io]>", made)
        if unknown:
            log.warning("%s: %s in the formula %s cannot be shown", name, unknown, formula)
        made = FUNCTION.sub(rf"{THIN}\1{THIN}", made)
        made = made.replace("<math ", f'<math alttext="{html.escape(formula)}" ', 1)
        return f'<div class="formula">{made}</div>' if display == "block" else made

    return MARKED.sub(convert, page)
