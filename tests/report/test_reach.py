"""The page for everybody: on a phone, by keys, in forced colours, on paper, without its script."""

import numpy as np
import pytest

from textzero.report.blocks import Column, Report, Section, Table

SIDEWAYS = """() => Array.from(document.querySelectorAll(".scroll"))
  .filter((one) => one.scrollWidth > one.clientWidth + 1).length"""
WORDS = [f"word number {k}" for k in range(60)]


def wide_report():
    """A table of nine columns, of which a phone has room for four; and one that fits."""
    names = [f"a long name of score {k}" for k in range(7)]
    numbers = [Column(name, np.arange(60) * 1234.5, "number", 1) for name in names]
    near = Column("near words", ["alpha beta gamma delta"] * 59 + [""])
    wide = Table([Column("word", WORDS), near, *numbers], search="Find a word")
    narrow = Table([Column("min-count", [1, 2, 3], "number"), Column("words", [9, 5, 2], "bar")])
    return Report("w", [Section("wide", [wide]), Section("narrow", [narrow])])


def test_on_a_phone_a_wide_table_is_read_without_moving_it_sideways(opened):
    with opened("wide", wide_report, 390) as page:
        assert page.evaluate(SIDEWAYS) == 0
        cards = page.locator(".table.cards")
        assert cards.count() == 1 and "narrow" not in cards.inner_text()
        first = page.locator("#section-1 tbody tr").first
        boxes = [cell.bounding_box() for cell in first.locator("td").all()]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]  # below its word
        name = "cell => getComputedStyle(cell, '::before').content"
        names = [cell.evaluate(name) for cell in first.locator("td").all()]
        assert names == ["none", '"near words"', *(f'"a long name of score {k}"' for k in range(7))]
        roles = "table => [table, table.rows[1], table.rows[1].cells[0]].map((one) => one.role)"
        assert page.locator("#section-1 table").evaluate(roles) == ["table", "row", "cell"]
        page.locator("#section-1 th button").nth(2).click()
        assert first.locator("td").first.inner_text() == WORDS[-1]
        assert not first.locator("td").nth(1).is_visible()  # an empty one takes no line
        page.set_viewport_size({"width": 1280, "height": 800})
        page.wait_for_selector(".table.cards", state="detached", timeout=5000)


@pytest.mark.parametrize("width", [320, 390, 820])
def test_no_table_is_moved_sideways_on_a_phone_or_a_tablet(opened, samples, width):
    with opened("sample", samples.report, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(SIDEWAYS) == 0


def test_a_table_is_sorted_and_turned_by_keys_that_keep_their_place(opened, samples):
    with opened("sample", samples.report) as page:
        page.focus("#section-2 th:nth-child(2) button")
        page.keyboard.press("Space")
        assert page.locator("#section-2 th[aria-sort=ascending]").count() == 1
        page.keyboard.press("Enter")
        assert page.locator("#section-2 th[aria-sort=descending]").count() == 1
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(ring) == "solid"
        named = page.locator("#section-2 .open").first.get_attribute("aria-label")
        assert named.startswith("More of ") and len(named) > len("More of ")
        page.select_option("#section-2 select", "100")
        page.focus("text=Next")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # the last page: the key is off
        assert page.evaluate("document.activeElement.textContent") == "‹ Back"
        page.fill(".map input", "a")
        assert page.locator(".offers").is_visible()
        page.keyboard.press("Escape")
        assert page.locator(".offers").is_hidden()


def test_in_forced_colours_the_view_that_is_shown_can_be_told(opened, samples):
    with opened("sample", samples.report, forced_colors="active") as page:
        shown = "one => getComputedStyle(one).backgroundColor"
        on, off = (page.locator(".views button").nth(k).evaluate(shown) for k in (0, 1))
        assert on != off


def test_paper_repeats_the_headings_of_a_table_and_has_no_cards(opened):
    with opened("wide", wide_report, 390) as page:
        page.emulate_media(media="print")
        page.wait_for_selector(".table.cards", state="detached", timeout=5000)
        heading = page.locator("#section-1 th button").first  # boxes of buttons are drawn once
        assert heading.evaluate("one => getComputedStyle(one).display") == "contents"


@pytest.mark.parametrize("script", [True, False])
def test_without_a_script_the_page_says_so_and_charts_show_values(opened, samples, script):
    with opened("sample", samples.report, java_script_enabled=script) as page:
        assert page.locator("noscript p").is_visible() != script
        values = page.locator("#section-3 details table")
        assert values.is_visible() != script
        assert "w1 " in " ".join(values.locator("th").all_text_contents())  # of the first point
        assert page.locator("#section-2 tbody tr").count() == 25
