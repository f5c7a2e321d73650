"""The HTML page, the terminal and JSON; needs no Chromium (see test_saliency_chromium.py)."""

import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.models.saliency import Saliencies, Saliency  # noqa: E402
from textzero.shown.colours import DARK, LIGHT, contrast, level  # noqa: E402
from textzero.shown.text import visible  # noqa: E402

HOSTILE = (
    "<script>alert(1)</script> \"onload=alert(2) ' </style><style>*{display:none}</style> "
    "<img/src=x/onerror=alert(3)> &lt;b&gt; --> </div></main> ]]> javascript:alert(4)"
)


class Reader(HTMLParser):
    """What a page says: elements with their attributes, and the text of each article."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.depth, self.title = [], [], 0, ""

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if dict(attributes).get("class") == "text":
            self.texts.append("")
            self.depth = 1
        elif self.depth and tag == "div":
            self.depth += 1

    def handle_endtag(self, tag):
        if self.depth and tag == "div":
            self.depth -= 1

    def handle_data(self, data):
        if self.depth:
            self.texts[-1] += data


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def test_a_page_shows_hostile_words_verbatim_and_makes_no_element_of_them(result):
    reader = read(result(HOSTILE, label="<b>bad</b>").to_html())
    assert reader.texts == [HOSTILE]
    tags = {tag for tag, _ in reader.elements}
    assert tags == set("html head meta title style body main p span article h2 div".split())
    for _, attributes in reader.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href"}]


def test_attributes_hold_nothing_but_numbers_and_names_of_ours(result):
    page = result(HOSTILE).to_html()
    for tag, attributes in read(page).elements:
        if tag == "span":
            assert re.fullmatch(r"[pn][1-5]|quiet", attributes.get("class", "p1"))
            assert re.fullmatch(r"[+-]\d[\d.e+-]*", attributes.get("title", "+0"))


def test_the_page_forbids_scripts_and_loads_nothing(result):
    page = result("w1 w2").to_html()
    policy = next(
        a["content"]
        for t, a in read(page).elements
        if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert not re.search(r"<script|https?:|url\(|@import", page)


def test_words_that_the_encoder_changed_are_shown_as_it_has_them():
    spans, values = np.array([[0, 4], [-1, -1]], np.int32), np.ones(2, np.float32)
    one = Saliency("Good Room", ["good", "<unk>"], spans, values, 1, 0.5, "state")
    assert read(one.to_html()).texts == ["good <unk>"]


def test_white_space_and_unread_text_stay_where_they_are(result):
    text = "  w1\n\n\tw2   w3 "
    assert read(result(text).to_html()).texts == [text]
    one = result("w1 left out w2")
    kept = Saliency(one.text, ["w1", "w2"], one.spans[[0, 3]], one.values[:2], 1, 0.5, "logit")
    assert read(kept.to_html()).texts == ["w1 left out w2"]


def test_a_carriage_return_stays_and_controls_are_named(result):
    page = result("w1\r\nw2 \x00\x1b[31m \ud800 \u202edcba").to_html()
    page.encode("utf-8")
    assert read(page).texts == ["w1\r\nw2 \\x00\\x1b[31m \\ud800 \\u202edcba"]


def test_an_empty_text_and_five_thousand_words_have_a_page(result):
    empty = result("")
    assert read(empty.to_html()).texts == ["(no text)"]
    long = " ".join(f"w{k % 97}" for k in range(5000))
    page = Saliencies([empty, result(long)]).to_html()
    assert read(page).texts == ["(no text)", long]
    assert page.count("<span") > 4000 and len(page) < 500_000


def test_values_of_0_have_no_colour(result):
    page = result("w1 w2 w3", [0, 0, 0]).to_html()
    spans = [a for t, a in read(page).elements if t == "span" and "title" in a]
    assert len(spans) == 3 and not [a for a in spans if "class" in a]


def test_a_notebook_gets_a_fragment_and_a_file_the_page(result, tmp_path):
    many = Saliencies([result("w1 w2"), result(HOSTILE)])
    for shown in (many._repr_html_(), many[1]._repr_html_()):
        assert "<html" not in shown and "<script" not in shown
        assert read(shown).texts[-1] == HOSTILE
    many.write_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == many.to_html()


def test_every_colour_can_be_read_on():
    for shades, ink, quiet in ((LIGHT, "#000000", "#ffffff"), (DARK, "#ffffff", "#111111")):
        for colours in shades.values():
            assert min(contrast(colour, ink) for colour in colours) >= 7
            strength = [contrast(colour, quiet) for colour in colours]
            assert strength == sorted(strength)  # a stronger one is further from the paper
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_levels_grow_with_the_share_of_the_largest():
    assert [level(x, 1.0) for x in (0, 0.04, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)] == [
        0,
        0,
        1,
        2,
        3,
        4,
        5,
        5,
    ]
    assert level(-1.0, 1.0) == 5 and level(0.0, 0.0) == 0


def test_json_gives_back_what_the_result_holds(result):
    many = Saliencies([result("w1 w2 w3"), result(""), result("half \ud83d pair")])
    lines = many.to_json().splitlines()
    for one, line in zip(many, lines, strict=True):
        line.encode("utf-8")
        read_back = json.loads(line)
        assert read_back["text"] == one.text and read_back["tokens"] == one.tokens
        assert read_back["spans"] == one.spans.tolist()
        np.testing.assert_array_equal(np.array(read_back["values"], np.float32), one.values)
        assert (read_back["label"], read_back["score"]) == ("good", 0.75)
        assert read_back["completeness_error"] is None


def test_signs_stand_in_for_colours(result):
    shown = result("w1 w2 w3 w4", [1.0, -0.5, 0.01, 0.3]).to_terminal(colour=False)
    assert shown == "good 0.750 (logit)\nw1[+++++] w2[---] w3 w4[++]\n"


def test_colours_end_with_each_word_and_mark_the_sign_by_a_line(result):
    shown = result("w1 w2", [1.0, -0.5]).to_terminal(colour=True).splitlines()[1]
    first, second = shown.split(" ")
    assert first.startswith("\x1b[1;4;38;2;0;0;0;48;2;255;") and first.endswith("w1\x1b[0m")
    assert second.startswith("\x1b[38;2;0;0;0;48;2;") and second.endswith("w2\x1b[0m")


@pytest.mark.parametrize("colour", [True, False])
def test_nothing_of_the_text_reaches_the_terminal_as_a_command(colour, result):
    text = "\x1b]0;title\x07 a\x9b31m \x08\x08 \u202eright \ud800 b\r"
    shown = result(text, label="\x1b[2J").to_terminal(colour)
    left = re.sub(r"\x1b\[[\d;]*m", "", shown) if colour else shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", left)
    assert "\\x1b]0;title\\x07" in left and "\\x1b[2J" in left and "\\u202e" in left


def test_what_writing_needs_stays_visible_text():
    kept = "né 中文 क्‍ष \U0001f469\u200d\U0001f680\n"
    assert visible(kept) == kept
    assert visible("a\tb\x7f") == "a b\\x7f" and visible("a\nb", lines=False) == "a\\nb"


class Terminal:
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "settings, coloured",
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_no_color_is_respected(settings, coloured, result, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert ("\x1b[" in result("w1").to_terminal()) == coloured


def test_a_pipe_gets_no_colours(result, capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in result("w1").to_terminal()
    assert capsys.readouterr().out == ""
