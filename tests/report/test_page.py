"""The page: data stay data, the same report gives the same bytes, the policy fits the page."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

from textzero.report.blocks import (
    Bars,
    Chart,
    Column,
    Facts,
    Line,
    Map,
    Matrix,
    Report,
    Section,
    Table,
    Text,
)
from textzero.report.figures import number_text
from textzero.report.page import page, style, write_page
from textzero.report.static import SHADES
from textzero.shown.colours import contrast

OURS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "ol"),
    *("li", "a", "h1", "h2", "h3", "p", "div", "section", "span", "article", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "rect", "figure", "details", "summary"),
    *("noscript", "script"),
}
ATTRIBUTES = {  # no others are written, and only those of DATA hold data
    *("http-equiv", "content", "name", "charset", "lang", "id", "class", "href", "role", "hidden"),
    *("aria-label", "aria-labelledby", "aria-hidden", "aria-live", "data-block", "scope"),
    *("colspan", "width", "height", "title", "type", "open"),
}


class Reader(HTMLParser):
    """The page as a parser of HTML sees it."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.scripts, self.open = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.open = tag
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self.scripts.append((tag, dict(attributes).get("type"), []))

    def handle_data(self, data):
        if self.open in ("script", "style"):
            self.scripts[-1][2].append(data)
        else:
            self.texts.append(data)

    def handle_endtag(self, _):
        self.open = ""

    def sources(self, tag, kind=None):
        return ["".join(text) for name, of, text in self.scripts if (name, of) == (tag, kind)]


def only(*blocks, **about):
    return Report("t", [Section("s", blocks)], **about)


def test_no_data_become_an_element_an_attribute_or_a_script(samples):
    text = page(samples.hostile())
    text.encode("utf-8")
    read = Reader(text)
    assert {tag for tag, _ in read.elements} <= OURS
    assert {name for _, attributes in read.elements for name in attributes} <= ATTRIBUTES
    assert not [a for _, a in read.elements if a.get("href", "#")[0] != "#"]
    assert len(read.sources("script")) == 1 and len(read.sources("style")) == 1
    shown = "".join(read.texts)
    for seen in samples.seen:
        assert shown.count(seen) > 10 or seen == r"\u200b"
    unseen = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]"
    assert not re.search(unseen, text)


def test_packed_data_hold_every_text_and_cannot_end_their_element(samples):
    packed = Reader(page(samples.hostile())).sources("script", "application/json")
    assert len(packed) == 4  # table, chart, map, passages
    assert not [text for text in packed if "<" in text]
    table, chart, plane, passages = map(json.loads, packed)
    assert table["columns"][0]["cells"]["s"] == samples.seen == plane["words"]
    assert chart["x"] == samples.seen[0] and passages["items"][0]["spans"][0][0] == samples.seen[0]


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(samples):
    read = Reader(page(samples.report()))
    policy = next(a["content"] for _, a in read.elements if "http-equiv" in a)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and "unsafe" not in policy and "http" not in policy
    for tag in ("script", "style"):
        digest = hashlib.sha256(read.sources(tag)[0].encode()).digest()
        assert rules[f"{tag}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert not [a for _, a in read.elements if "src" in a or "style" in a]
    elsewhere = r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)"
    assert not re.search(elsewhere, page(samples.report()))


def test_the_same_report_gives_the_same_bytes(samples, tmp_path):
    text = page(samples.report())
    assert text == page(samples.report())
    write_page(samples.report(), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == text.encode("utf-8")


def test_without_its_script_the_page_shows_texts_facts_and_the_first_rows(samples):
    shown = " ".join(Reader(page(samples.report())).texts)
    for text in (
        *("From 100 files of English.", "12 of 12,345 documents", "1,234,567,890", "Zipf's law"),
        *("25 of 300 rows.", "30 of 70 texts.", "Ada Lovelace", "60 of 600 words"),
    ):
        assert text in shown


def test_rows_are_in_the_order_that_is_asked_for_and_empty_cells_last():
    cells = [2.0, None, float("nan"), 10.5, -1.0]
    table = Table([Column("n", cells, "number", 1), Column("w", list("abcde"))], order=("n", True))
    rows = re.findall(r"<tr><td.*?</tr>", page(only(table)))
    assert [re.findall(r">([^<>]*)</td>", row) for row in rows] == [
        ["10.5", "d"], ["2.0", "a"], ["\u22121.0", "e"], ["", "b"], ["", "c"],
    ]  # fmt: skip


def decoded(packed, held=b""):
    """Numbers as the script reads them: in the page itself, or among the bytes of the block."""
    place = packed["b"]
    planes = base64.b64decode(place) if isinstance(place, str) else held[place[0] : sum(place)]
    size = int(packed["f"][1])
    rows = np.frombuffer(planes, np.uint8).reshape(size, -1).T
    return np.ascontiguousarray(rows).view(f"<{packed['f']}").ravel()


@pytest.mark.parametrize(
    "values, digits, form",
    [([1, 2, 255], None, "u1"), ([-1, 300], None, "i2"), ([0.5, 0.25], 2, "i1"),
     ([1234567.891, 2.0], 3, "i4"), ([1e300, 1.0], None, "f8"), ([2**40, 1], None, "f8"),
     ([None, 2], 0, "i1"), ([0.5, 1e-9], 2, "f8"), ([float("inf"), 1.5], 2, "f8"),
     ([1.5] * 20 + [1e-9, None, float("-inf")], 2, "i2")],
)  # fmt: skip
def test_numbers_are_packed_in_few_bytes_that_hold_what_is_shown(values, digits, form):
    table = Table([Column("n", values, "number", digits)])
    packed = json.loads(Reader(page(only(table))).sources("script", "application/json")[0])
    cells = packed["columns"][0]["cells"]
    assert cells["f"] == form
    wanted = np.array([np.nan if v is None else v for v in values], float)
    np.testing.assert_allclose(unpacked(cells), wanted, rtol=1e-7)


def test_packed_numbers_are_written_as_the_exact_ones():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=2000), rng.integers(-999, 999, 2000) / 200, [np.nan]])
    for kind, digits in (("number", 2), ("share", 1)):
        shown = values[np.abs(values * (100 if kind == "share" else 1)) > 0.5 / 10**digits]
        table = Table([Column("n", shown, kind, digits)])
        packed = json.loads(Reader(page(only(table))).sources("script", "application/json")[0])
        cells = packed["columns"][0]["cells"]
        assert cells["f"] in ("i2", "i4")
        percent = kind == "share"
        assert [number_text(v, digits, percent) for v in unpacked(cells).tolist()] == [
            number_text(v, digits, percent) for v in shown.tolist()
        ]


@pytest.mark.parametrize(
    "values, form",
    [([0.1, 99999.5, np.inf, None], "f4"), ([123456789.0, 0.5], "f8"), ([1e-300, 1.0], "f8")],
)
def test_points_of_a_chart_are_those_that_were_given_to_three_figures(values, form):
    chart = Chart([Line("n", range(len(values)), values)], "x", "y")
    packed = json.loads(Reader(page(only(chart))).sources("script", "application/json")[0])
    found = packed["lines"][0]["y"]
    assert found["f"] == form
    there = [number_text(value) for value in unpacked(found).tolist()]
    assert there == [number_text(value) for value in values]


def test_much_data_is_compressed_and_whole():
    words = [f"word {n % 1000}" for n in range(20_000)]
    text = page(
        only(Table([Column("w", words), Column("n", np.arange(20_000.0) / 4, "number", 2)]))
    )
    assert len(text) < 300_000
    (packed,) = re.findall(r"data-packed>([^<]*)<", text)
    whole = zlib.decompress(base64.b64decode(packed))
    end = 4 + int.from_bytes(whole[:4], "little")
    content, held = json.loads(whole[4:end]), whole[end:]
    word, number = (column["cells"] for column in content["columns"])
    places = decoded(word["i"], held).tolist()
    assert [word["s"][place] for place in places] == words
    np.testing.assert_array_equal(unpacked(number, held), np.arange(20_000) / 4)


def unpacked(cells, held=b""):
    values = decoded(cells, held)
    if "d" not in cells:
        return values.astype(float)
    values = np.where(values == np.iinfo(values.dtype).min, np.nan, values / 10 ** cells["d"])
    if "at" in cells:
        values[decoded(cells["at"], held)] = decoded(cells["exact"], held)
    return values


def test_values_of_a_chart_are_named_by_their_labels_shortened():
    line = Line("words", [1, 2], [3, 4], labels=["the", "y" * 5000])
    html = page(only(Chart([line], "rank", "count")))
    names = re.findall(r'<th scope="row">(.*?)</th>', html)
    assert names[0] == "the" and names[1].startswith("yyy") and len(names[1]) < 80


def test_a_map_keeps_places_and_neighbours(samples):
    block = samples.map(500)
    packed = json.loads(Reader(page(only(block))).sources("script", "application/json")[0])
    view, places = packed["views"][0], block.views["t-SNE"]
    unit = np.ptp(places, axis=0).max()
    found = np.stack([decoded(view["x"]), decoded(view["y"])], axis=1) / 65535 * unit
    np.testing.assert_allclose(found, places - places.min(axis=0), atol=unit / 65535)
    assert (decoded(packed["near"]).reshape(500, 10) == block.neighbours).all()
    np.testing.assert_allclose(
        decoded(packed["similar"]) / 100, block.similarities.ravel(), atol=0.00501
    )


@pytest.mark.parametrize(
    "block, told",
    [
        (Table([Column("a", [1]), Column("b", [1, 2])]), "column 'b' must be as many"),
        (Table([Column("a", [1])], order=("b", True)), "order must name one of"),
        (Table([Column("a", [1])], details=[[], []]), "details must be as many"),
        (Chart([Line("l", [1, 2], [1])], "x", "y"), "y of a line must be as many"),
        (Bars(["a"], [-1], "n"), "must be finite and 0 or more, got -1"),
        (Matrix(["a"], ["b"], np.ones((2, 1)), "", ""), r"counts must be of shape \(1, 1\)"),
        (Map(["a"], {"PCA": np.array([[0, np.nan]])}), "must be finite"),
        (Map(["a"], {}), "at least one view"),
        (Map(["a"], {"PCA": np.zeros((1, 2))}, neighbours=np.ones((1, 3), int)), "below 1, got 1"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_section_named(block, told):
    with pytest.raises(ValueError, match=rf"section 's': .*{told}"):
        page(only(block))


def test_reports_of_nothing_have_a_page():
    empty = only(
        Text([]), Facts({}), Table([]), Table([Column("a", [])]), Chart([], "x", "y"),
        Chart([Line("l", [], [])], "x", "y"), Bars([], [], "n"),
        Matrix([], [], np.zeros((0, 0)), "", ""), Map([], {"PCA": np.zeros((0, 2))}),
    )  # fmt: skip
    assert "</html>" in page(empty) and "</html>" in page(Report("nothing"))


def test_a_logarithmic_axis_says_what_it_leaves_out():
    line = Line("l", [0, 1, 2], [1, 1, -1])
    assert "2 points of 0 or less" in page(only(Chart([line], "x", "y", x_log=True, y_log=True)))
    assert "of 0 or less" not in page(only(Chart([line], "x", "y")))


def pairs(name):
    """The colours of a name in the light and in the dark."""
    return re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", style()).groups()


def test_texts_can_be_read_and_colours_be_seen_in_light_and_dark():
    for side in (0, 1):
        paper = pairs("paper")[side]
        assert contrast(pairs("ink")[side], paper) >= 12
        for name in ("quiet", "accent", "right", "wrong"):
            assert contrast(pairs(name)[side], paper) >= 4.5, name
            assert contrast(pairs("quiet")[side], pairs("raised")[side]) >= 4.5
        for name in ("edge", "rest", *(f"c{k}" for k in range(10))):  # of what is no text
            assert contrast(pairs(name)[side], paper) >= 3, name
        assert contrast(pairs("ink")[side], pairs("tint")[side]) >= 7
        assert contrast(pairs("ink")[side], pairs("hint")[side]) >= 7


def full(colour):
    return colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])


def test_counts_can_be_read_on_every_shade():
    for number in range(1, SHADES + 1):
        rule = re.search(rf"\.s{number} {{ (.*?) }}", style())[1]
        colours = re.findall(r"light-dark\((#\w+), (#\w+)\)", rule)
        for side in (0, 1):
            ink = colours[1][side] if len(colours) > 1 else pairs("ink")[side]
            assert contrast(colours[0][side], full(ink)) >= 4.5, number
