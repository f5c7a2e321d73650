"""The pictures of a report: one a chart and a view, the same each time, whatever is written."""

import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

import matplotlib
from matplotlib.image import imread

from textzero.report import plots
from textzero.report.blocks import Bars, Chart, Line, Map, Report, Section
from textzero.report.plots import write_pictures

NAMES = ["01-zipf", "02-loss", "03-training", "04-confusion", "05-map-t-sne", "06-map-pca"]


@pytest.mark.parametrize("form", ["png", "svg"])
def test_every_chart_and_view_is_a_file_of_the_same_bytes_each_time(form, samples, tmp_path):
    written = write_pictures(samples.report(), tmp_path / "a", form, dpi=60)
    assert [path.name for path in written] == [f"{name}.{form}" for name in NAMES]
    assert written.warnings == []
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 7}):
        again = write_pictures(samples.report(), tmp_path / "b", form, dpi=60)
    for first, second in zip(written, again, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name
    assert {path.name for path in (tmp_path / "a").iterdir()} == {path.name for path in written}


def test_pictures_show_something_and_leave_settings_alone(samples, tmp_path):
    before = dict(matplotlib.rcParams)
    for path in write_pictures(samples.report(), tmp_path, dpi=60):
        pixels = imread(path)
        assert pixels.shape[1] > 100 and len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20
    assert dict(matplotlib.rcParams) == before


def test_an_svg_has_no_date_and_names_no_font(samples, tmp_path):
    for path in write_pictures(samples.report(50, 50), tmp_path, "svg", dpi=60):
        text = path.read_text("utf-8")
        assert "dc:date" not in text and "font-family" not in text and "</svg>" in text


def test_hostile_words_are_drawn_and_stay_out_of_markup_and_of_mathematics(samples, tmp_path):
    report = samples.hostile()
    for form in ("png", "svg"):
        for path in write_pictures(report, tmp_path, form, dpi=50):
            assert re.fullmatch(r"\d\d-[\w-]{1,50}\.\w+", path.name)
            assert b"onerror" not in re.sub(rb"<!--.*?-->", b"", path.read_bytes())
    money = Report("m", [Section("m", [Bars(["$x^2$", "$\\frac{", "a_b"], [1, 2, 3], "$\\bad$")])])
    assert len(write_pictures(money, tmp_path / "m", dpi=50)) == 1


def test_characters_that_no_font_has_are_told_and_drawn_as_boxes(tmp_path, monkeypatch):
    report = Report("f", [Section("f", [Bars(["词", "word", "\U0010fffd"], [2, 1, 1], "n")])])
    entries = [e for e in plots.fontManager.ttflist if e.name == "DejaVu Sans"]
    monkeypatch.setattr(plots.fontManager, "ttflist", entries)
    (told,) = write_pictures(report, tmp_path, dpi=50).warnings
    assert told.startswith("2 characters are in no font")
    assert "词" in told and "Noto Sans (CJK" in told


def test_points_that_a_logarithmic_axis_cannot_have_are_told(tmp_path):
    chart = Chart([Line("l", [0, 1, 10], [1, 2, 3])], "x", "y", x_log=True, name="c")
    (told,) = write_pictures(Report("c", [Section("c", [chart])]), tmp_path, dpi=50).warnings
    assert told.startswith("01-c.png lacks 1 point of 0 or less")


def test_pictures_of_next_to_nothing_are_drawn(tmp_path):
    blocks = [
        Chart([], "x", "y"), Chart([Line("l", [], [])], "x", "y", True, True), Bars([], [], "n"),
        Map([], {"PCA": np.zeros((0, 2))}), Map(["a"], {"PCA": np.zeros((1, 2))}, [3], [0]),
    ]  # fmt: skip
    assert len(write_pictures(Report("n", [Section("n", blocks)]), tmp_path, dpi=50)) == 5


def test_another_format_and_a_file_for_a_folder_are_refused(samples, tmp_path):
    with pytest.raises(ValueError, match="format must be 'png' or 'svg', got 'gif'"):
        write_pictures(samples.report(5, 5), tmp_path, "gif")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(plots.InputError, match="must be a folder for pictures, got a file"):
        write_pictures(samples.report(5, 5), tmp_path / "file")


def test_without_matplotlib_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['matplotlib'] = None; import textzero.report.plots"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode and "pip install 'textzero[plot]'" in done.stderr.splitlines()[-1]
