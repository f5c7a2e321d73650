"""The page in a real browser: what a person can do with it, at every width, by day and night."""

import numpy as np
import pytest

from textzero.report.blocks import Chart, Column, Line, Map, Report, Section, Table
from textzero.report.figures import number_text
from textzero.report.page import write_page

MANY = 50_000
READ = """(canvas, whole) => {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  return whole ? new Set(new Uint32Array(data.buffer)).size : Array.from(data.slice(0, 4));
}"""  # how many colours a canvas has, or the first pixel
TYPE = """([field, word]) => {
  const input = document.querySelector(field);
  input.focus();
  return Array.from(word, (_, k) => {
    input.value = word.slice(0, k + 1);
    const start = performance.now();
    input.dispatchEvent(new Event("input"));
    return performance.now() - start;
  });
}"""

SORT = """() => Array.from(document.querySelectorAll("th button"), (button) => {
  const start = performance.now();
  button.click();
  return performance.now() - start;
})"""
WHITE = "rgb(255, 255, 255)"


def text_of(page, selector):
    return page.locator(selector).all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_block_is_drawn_at_every_width_by_day_and_night(opened, samples, width, scheme):
    with opened("sample", samples.report, width, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".chart > svg path.line").count() == 4
        assert page.locator("tbody tr").count() > 25
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == WHITE) == (scheme == "light")
        canvas = page.locator("canvas").first
        assert canvas.evaluate(READ, True) > 50
        assert (canvas.evaluate(READ)[0] > 200) == (scheme == "light")


def test_a_table_is_searched_sorted_turned_and_opened(opened, samples):
    with opened("sample", samples.report) as page:
        words, first = "#section-2 tbody tr td:first-child", "#section-2 tbody tr:first-child"
        page.fill("#section-2 input", "BA ver")
        assert page.locator("#section-2 .tools [role=status]").inner_text().endswith(" of 300")
        found = text_of(page, words)
        assert found and all("ba" in word for word in found)
        page.fill("#section-2 input", "no such word")
        assert text_of(page, words) == ["No row holds all of this."]
        page.fill("#section-2 input", "")
        page.focus("#section-2 th:nth-child(1) button")
        page.keyboard.press("Enter")
        assert page.locator("#section-2 th[aria-sort=ascending]").inner_text().startswith("word")
        listed = [word.strip("▸ \n") for word in text_of(page, words)]
        assert listed == sorted(samples.report().sections[1].blocks[0].columns[0].cells)[:25]
        page.click("#section-2 th:nth-child(3) button")
        scores = text_of(page, "#section-2 tbody td:nth-child(3)")
        assert scores[0] == number_text(
            np.nanmax(samples.report().sections[1].blocks[0].columns[2].cells), 3
        )
        page.click("text=Next")
        assert "26–50 of 300" in page.locator("#section-2 .pager").inner_text()
        page.locator("#section-2 .open").first.click()
        assert page.locator("#section-2 .details .wrong").inner_text() == "London"
        assert page.locator(f"{first} mark").count() == 0


def test_pointing_at_a_chart_shows_values_and_arrow_keys_read_them(opened, samples):
    with opened("sample", samples.report) as page:
        chart = page.locator("#section-3 .chart > svg")
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 400, box["y"] + 150)
        shown = page.locator("#tip").inner_text()
        assert shown.startswith("rank ") and "Zipf" in shown
        page.mouse.move(2, 2)
        assert page.locator("#tip").is_hidden()
        page.locator("#section-4 .chart > svg").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert "epoch 2: training 1.10, held-out 1.10" == page.locator("#said").text_content()
        page.locator("#section-4 .legend button").first.click()
        assert page.locator("#section-4 .chart > svg path.line").count() == 1


def test_a_map_is_pointed_at_searched_and_zoomed(opened, samples):
    block = samples.map(600)
    with opened("sample", samples.report, reduced_motion="reduce") as page:
        canvas = page.locator("canvas").first
        canvas.scroll_into_view_if_needed()
        page.fill(".map input", block.words[7][:3])
        offers = text_of(page, ".offers li > span:first-child")
        begins = [word for word in block.words if word.startswith(block.words[7][:3])]
        assert offers[: len(begins)] == begins[: len(offers)]
        page.fill(".map input", block.words[7])
        page.keyboard.press("Enter")
        assert page.locator(".choice h3").inner_text() == block.words[7]
        assert text_of(page, ".choice .link") == [block.words[k] for k in block.neighbours[7]]
        assert text_of(page, ".choice li span")[0] == number_text(block.similarities[7, 0], 2)
        box = canvas.bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.move(*middle)  # what is chosen is in the middle
        assert page.locator("#tip .head").inner_text() == block.words[7]
        page.locator(".choice .link").first.click()
        assert page.locator(".choice h3").inner_text() == block.words[block.neighbours[7, 0]]
        picture = canvas.evaluate("c => c.toDataURL()")
        page.mouse.move(*middle)
        page.wait_for_timeout(300)  # the wheel of a page that has just scrolled is the page's
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(100)
        assert canvas.evaluate("c => c.toDataURL()") != picture
        canvas.focus()
        for key in ("ArrowLeft", "+", "-", "0"):
            page.keyboard.press(key)
        page.wait_for_timeout(50)
        assert page.locator(".choice h3").count() == 0  # 0 shows all
        page.click("text=PCA")
        assert page.locator(".views [aria-pressed=true]").inner_text() == "PCA"
        group = page.locator(".map .legend button").nth(1)
        group.click()
        assert group.get_attribute("aria-pressed") == "true"


def test_one_word_far_away_does_not_make_the_map_small(opened):
    places = np.random.default_rng(0).normal(size=(500, 2))
    far = np.vstack([places, [[900.0, -900.0]]])
    words = [f"w{k}" for k in range(501)]
    report = Report("far", [Section("s", [Map(words, {"PCA": far})]),
                            Section("s", [Map(words[:2], {"PCA": np.ones((2, 2))})])])  # fmt: skip
    wide = """(canvas) => {
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const inked = Array.from({ length: width }, (_, x) => Array.from({ length: height },
        (_, y) => data[4 * (y * width + x)]).some((red) => red < 200));
      return inked.filter(Boolean).length / width;
    }"""
    with opened("far", lambda: report, color_scheme="light", reduced_motion="reduce") as page:
        canvas = page.locator("canvas").first
        assert canvas.evaluate(wide) > 0.5
        page.fill(".map input >> nth=0", "w500")  # and it can still be found
        page.keyboard.press("Enter")
        assert page.locator(".choice h3").inner_text() == "w500"
        assert page.locator("canvas").nth(2).evaluate(wide) > 0  # words that all lie in one place


def test_epochs_have_whole_ticks(opened):
    line = Line("loss", [1.0, 2.0, 3.0], [0.61, 0.42, 0.4])
    report = Report("t", [Section("t", [Chart([line], "epoch", "loss")])])
    with opened("ticks", lambda: report) as page:
        texts = page.locator(".chart > svg text:not(.title)").all_text_contents()
    assert [text for text in texts if "." not in text] == ["1", "2", "3"]


def test_a_very_long_word_is_scrolled_in_its_cell(opened):
    table = Table([Column("w", ["x" * 10_000, "b"]), Column("n", [2, 1], "bar")])
    report = Report("t", [Section("t", [table])])
    for script in (True, False):
        with opened("long", lambda: report, java_script_enabled=script) as page:
            assert page.locator("tbody tr").first.bounding_box()["height"] < 200


def test_colours_that_a_person_forces_leave_the_map_its_own(opened, samples):
    with opened("sample", samples.report, forced_colors="active") as page:
        assert page.locator("canvas").first.evaluate(READ, True) > 50


def test_keys_of_an_input_method_choose_no_word(opened, samples):
    with opened("sample", samples.report) as page:
        page.fill(".map input", samples.map(600).words[7])
        key = "new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true })"
        page.locator(".map input").evaluate(f"field => field.dispatchEvent({key})")
        assert page.locator(".choice h3").count() == 0
        page.keyboard.press("Enter")
        assert page.locator(".choice h3").count() == 1


def test_fifty_thousand_words_are_searched_as_one_types(opened, samples, capsys):
    def report():
        blocks = samples.table(MANY), samples.map(MANY)
        return Report("many", [Section("s", [block]) for block in blocks])

    with opened("many", report) as page:
        assert page.locator("#section-1 .tools [role=status]").inner_text() == "50,000 rows"
        for field in ("#section-1 input", ".map input"):
            for word in ("kale", "zzz", "o4", "ba ver"):
                times = page.evaluate(TYPE, [field, word])
                with capsys.disabled():
                    print(f"\n{field} {word!r}: at most {max(times):.1f} ms a key")  # noqa: T201
                assert max(times) < 100
        page.fill("#section-1 input", "")
        sorting = page.evaluate(SORT)
        with capsys.disabled():
            print(f"\nsorted in {max(sorting):.1f} ms at most")  # noqa: T201
        assert max(sorting) < 300


def test_hostile_words_are_shown_as_they_are(opened, samples):
    with opened("hostile", samples.hostile, 390) as page:
        assert page.title() != "run"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        cells = text_of(page, "#section-2 .table tbody td:first-child")
        assert [cell.strip("▸ \n") for cell in cells] == samples.seen
        field = page.locator("#section-2 .table input")
        assert field.get_attribute("placeholder") == samples.seen[1]
        field.fill(samples.seen[1])
        assert page.locator("#section-2 .table tbody tr").count() == 1
        page.locator("#section-2 .open").first.click()
        assert page.locator(".details .words").inner_text().count(samples.seen[0]) == 2
        page.fill(".map input", samples.seen[0])
        assert text_of(page, ".offers li > span:first-child") == samples.seen[:1]
        page.keyboard.press("Enter")
        assert page.locator(".choice h3").inner_text() == samples.seen[0]
        page.locator(".passages + .pager, .passages .pager").locator("button").click()
        assert page.locator("#section-2 .passages article").count() == 40
        foreign = "script:not([type]), img, b, i, link, iframe, object, [onload], [onerror]"
        assert page.locator(foreign).count() == 1  # the page's own script
        assert page.title() != "run"


def test_the_policy_stops_what_would_get_in(chromium, samples, tmp_path):
    """Or the tests above could not fail: a script beside ours, a picture, markup from a string."""
    write_page(samples.report(5, 5), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    intruders = "<script>document.title='run'</script><img src='file:///x'><p style='color:red'>"
    (tmp_path / "page.html").write_text(text.replace("<footer>", f"{intruders}<footer>"), "utf-8")
    page = chromium.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((tmp_path / "page.html").as_uri())
    assert page.title() != "run"
    assert len([text for text in complaints if "Content Security Policy" in text]) == 3
    assert "TrustedHTML" in page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; } catch (e) { return e.message; } }"
    )
    page.close()


def test_paper_shows_what_the_screen_does_without_tools_in_the_light(opened, samples):
    with opened("sample", samples.report, color_scheme="dark") as page:
        page.click("#section-2 th:nth-child(1) button")
        before = text_of(page, "#section-2 tbody td:nth-child(2)")
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == WHITE
        assert page.locator(".tools, nav, .pager button").filter(visible=True).count() == 0
        assert text_of(page, "#section-2 tbody td:nth-child(2)") == before
        chart = page.locator("#section-3 .chart > svg")
        assert chart.get_attribute("viewBox").startswith("0 0 660 ")
        assert page.locator("canvas").first.evaluate(READ) == [255] * 4
        assert page.locator("canvas").first.evaluate("c => c.width") == 3 * 660
        page.emulate_media(media="screen")
        assert page.locator("canvas").first.evaluate(READ)[0] < 60


def test_the_script_writes_numbers_as_python_does(opened):
    rng = np.random.default_rng(3)
    values = [*(rng.normal(size=150) * 10.0 ** rng.integers(-8, 16, 150)), 0.0]
    values += [1e-9, 999.9995, 1e15, float("inf"), float("-inf"), float("nan"), 0.5, -0.0004]
    forms = [("number", 0), ("number", 3), ("number", None), ("share", None), ("bar", 1)]
    table = Table([Column(str(k), values, kind, digits) for k, (kind, digits) in enumerate(forms)],
                  page=len(values))  # fmt: skip
    near = [*(rng.normal(size=200) + 5), *(rng.integers(1, 999, 100) / 200), None]  # kept rounded
    near += [1e-9, -0.0004, float("inf"), 1e15]  # but for these
    rounded = Table([Column("n", near, "number", 1 + k) for k in range(3)], page=len(near))
    odd = [
        [10**15, 2**53 + 1, -(2**63), 10**15 - 1], np.array([2**53 + 1, -(2**63), 7]),
        np.array([70000.25, np.nan, -5], ">f4"), [1.25e15, 0.125, -0.0, 5e-324, 1.7e308],
        [1, 2.5, None, "x"], [np.inf, 3.0, 1.0], [], [3.25],
    ]  # fmt: skip
    tables = [Table([Column("o", cells, kind, d)]) for cells in odd for kind, d in forms]
    read = "() => Array.from(document.querySelectorAll('tbody td:not(.none)'), c => c.textContent)"
    report = Report("n", [Section("n", [table]), Section("r", [rounded]), Section("o", tables)])
    with opened("numbers", lambda: report) as page:
        by_script = page.evaluate(read)
    with opened("numbers", lambda: report, java_script_enabled=False) as page:
        by_python = page.locator("tbody td").all_text_contents()
    assert by_script == by_python
    assert len(by_script) == (len(values) + sum(map(len, odd))) * len(forms) + 3 * len(near)


def test_a_finger_scrolls_the_page_and_two_zoom_the_map(opened, samples):
    with opened("sample", samples.report, 390) as page:
        canvas = page.locator("canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)

        def fingers(kind, *places):
            points = [{"x": px, "y": py, "id": k} for k, (px, py) in enumerate(places)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.wait_for_timeout(40)

        def style():
            return canvas.evaluate("c => getComputedStyle(c).touchAction")

        assert style() == "pan-y"
        fingers("touchStart", (x - 20, y), (x + 20, y))
        for apart in (40, 60, 80):
            fingers("touchMove", (x - apart, y), (x + apart, y))
        fingers("touchEnd")
        assert style() == "none"  # nearer now: a finger moves the map
        picture = canvas.evaluate("c => c.toDataURL()")
        fingers("touchStart", (x, y))
        fingers("touchMove", (x + 30, y + 30))
        fingers("touchMove", (x + 60, y + 60))
        fingers("touchEnd")
        page.wait_for_timeout(50)
        assert canvas.evaluate("c => c.toDataURL()") != picture
        page.tap("text=Reset")
        page.wait_for_timeout(600)  # it flies back
        assert style() == "pan-y"
        page.tap("#section-7 .words [title]")
        assert page.locator("#tip").inner_text() == "+0.90"
