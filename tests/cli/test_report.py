"""textzero report from end to end: a page for each kind of output, a sentence for each mistake."""

import html
import importlib.util
import json

import click
import numpy as np
import pytest
from click.testing import CliRunner

from textzero_cli.main import main

LINES = [f"the {a} saw a {b} and the {b} saw the {a}" for a in "cat dog cow".split()
         for b in "fox hen ant".split()]  # fmt: skip


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="textzero")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What other commands write of one small text."""
    folder = tmp_path_factory.mktemp("outputs")
    text = folder / "text.txt"
    text.write_text("".join(f"{line}.\n" for line in LINES * 3), encoding="utf-8")
    for command in (
        ("count", text, "-o", folder / "counts.tsv"),
        ("discover", text, "--unit", "word", "-o", folder / "lexicon.tsv"),
        ("embed", text, "--min-count", 1, "--dim", 8, "-o", folder / "vectors"),
        ("cooccur", text, "--min-count", 1, "-o", folder / "pairs"),
        ("cluster", folder / "vectors", "--min-similarity", 0, "-o", folder / "clusters.tsv"),
        ("templates", text, "--min-count", 3, "-o", folder / "templates.tsv"),
    ):
        result = invoke(*command, "-q")
        assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize(
    "name, shown",
    [("counts.tsv", "Zipf's curve"), ("lexicon.tsv", "Words of the lexicon"),
     ("vectors", "Map of the words"), ("pairs", "How many words a word meets"),
     ("clusters.tsv", "The cluster of a word"), ("templates.tsv", "How they were found")],
)  # fmt: skip
def test_each_output_becomes_a_page(outputs, tmp_path, name, shown):
    page = tmp_path / "page.html"
    result = invoke("report", outputs / name, "-o", page, "--no-tsne")
    assert result.exit_code == 0, result.output
    assert result.stdout == "" and str(page) in result.stderr
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and name in text
    assert shown in html.unescape(text)
    assert str(outputs) not in text  # a page is passed on; folders of this machine say nothing


def test_the_same_output_gives_the_same_bytes(outputs, tmp_path):
    pages = []
    for run in "ab":
        page = tmp_path / f"{run}.html"
        more = [] if importlib.util.find_spec("sklearn") else ["--no-tsne"]
        assert invoke("report", outputs / "vectors", "-o", page, "-q", *more).exit_code == 0
        pages.append(page.read_bytes())
    assert pages[0] == pages[1]


def test_standard_output_gets_the_page_alone(outputs):
    result = invoke("report", outputs / "counts.tsv", "-o", "-")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("<!DOCTYPE html>")
    assert result.stdout.rstrip().endswith("</html>")


def test_examples_and_clusters_reach_the_page(outputs, tmp_path):
    page = tmp_path / "lexicon.html"
    given = ["--texts", outputs / "text.txt", "-o", page, "-q"]
    result = invoke("report", outputs / "lexicon.tsv", *given)
    assert result.exit_code == 0 and result.stderr == "", result.output
    assert "Open a row to see the word in context" in page.read_text(encoding="utf-8")
    page = tmp_path / "vectors.html"
    given = ["--clusters", outputs / "clusters.tsv", "--words", 5, "--no-tsne"]
    result = invoke("report", outputs / "vectors", *given, "-o", page, "--json")
    assert result.exit_code == 0, result.output
    (wrote,) = json.loads(result.stdout)["wrote"]
    assert wrote["path"] == str(page) and wrote["sections"] > 5
    text = page.read_text(encoding="utf-8")
    assert "Colours go by a table of " in text
    assert "The 5 most frequent of 10 words." in text


def test_pictures_are_written_too(outputs, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures are drawn by matplotlib")
    pytest.importorskip("textzero.report.plots")
    folder = tmp_path / "pictures"
    result = invoke("report", outputs / "counts.tsv", "-o", tmp_path / "p.html", "-q",
                    "--pictures", folder, "--picture-format", "svg")  # fmt: skip
    assert result.exit_code == 0, result.output
    names = {path.name for path in folder.iterdir()}
    assert any("zipf" in name for name in names) and all(n.endswith(".svg") for n in names)
    again = invoke("report", outputs / "counts.tsv", "-o", tmp_path / "q.html", "-q",
                   "--pictures", folder)  # fmt: skip
    assert again.exit_code == 5 and not (tmp_path / "q.html").exists()


def test_a_page_that_is_there_is_not_replaced_unasked(outputs, tmp_path):
    page = tmp_path / "report.html"
    page.write_text("mine")
    result = invoke("report", outputs / "counts.tsv", "-o", page)
    assert result.exit_code == 5 and "already exists" in result.stderr
    assert page.read_text() == "mine"
    assert invoke("report", outputs / "counts.tsv", "-o", page, "--force").exit_code == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_page_never_replaces_what_it_is_made_of(outputs, tmp_path):
    table = tmp_path / "counts.tsv"
    table.write_bytes((outputs / "counts.tsv").read_bytes())
    result = invoke("report", table, "-o", table, "--force")
    assert result.exit_code == 5 and "is read" in result.stderr
    assert table.read_bytes() == (outputs / "counts.tsv").read_bytes()


def test_the_page_has_a_name_by_itself(outputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("report", outputs / "counts.tsv", "-q").exit_code == 0
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize(
    "content, said",
    [(None, "cannot be read: No such file"), (b"", "is empty; a report needs what textzero writes"),
     (b"just some text\n", "must be what textzero writes"), (b"\x80\x05K\x00.", "Python pickle")],
)  # fmt: skip
def test_what_is_no_output_is_refused_in_a_sentence(tmp_path, content, said):
    path = tmp_path / "strange"
    if content is not None:
        path.write_bytes(content)
    result = invoke("report", path, "-o", tmp_path / "page.html")
    assert result.exit_code == 3
    assert said in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    "given, code, said",
    [(["--texts", "text.txt"], 2, "texts are for a report on a lexicon"),
     (["--data", "text.txt"], 2, "data are for a report on vectors or a model"),
     (["--clusters", "clusters.tsv"], 2, "clusters are for a report on vectors"),
     (["--words", "1"], 2, "--words"),
     (["-o", "no/such/folder/page.html"], 4, "there is no folder")],
)  # fmt: skip
def test_options_that_do_not_fit_are_errors(outputs, tmp_path, monkeypatch, given, code, said):
    monkeypatch.chdir(outputs)
    place = [] if "-o" in given else ["-o", tmp_path / "page.html"]
    result = invoke("report", "counts.tsv", *given, *place)
    assert result.exit_code == code, result.output
    assert said in result.stderr


def test_a_vector_that_is_not_finite_is_an_error_in_a_sentence(tmp_path):
    path = tmp_path / "v.txt"
    rows = np.ones((3, 4))
    rows[1, 2] = np.nan
    lines = [f"w{i} " + " ".join(map(str, row)) for i, row in enumerate(rows.tolist())]
    path.write_text("3 4\n" + "\n".join(lines) + "\n")
    result = invoke("report", path, "-o", tmp_path / "page.html")
    assert result.exit_code == 3 and "'w1'" in result.stderr


def test_labelled_data_are_read_as_the_options_say(tmp_path, monkeypatch):
    pytest.importorskip("keras", reason="models need Keras")
    from textzero.report import artefacts
    from textzero.report.blocks import Report

    given = {}

    def make_report(_, **wishes):
        given.update(wishes)
        return Report("r")

    monkeypatch.setattr(artefacts, "make_report", make_report)
    words, tags, table = tmp_path / "words.txt", tmp_path / "tags.txt", tmp_path / "table.tsv"
    words.write_text("上海 在 东\n", encoding="utf-8")
    tags.write_text("上海_N 在_V\n", encoding="utf-8")
    table.write_text("what\thow\nnice\tgood\n")

    def read(kind, file, *options):
        page = tmp_path / "page.html"
        result = invoke("report", tmp_path, "--data", file, "-o", page, "--force", *options)
        assert result.exit_code == 0, result.output
        assert given["data"] == (str(file),)
        return list(given["read_data"](kind, given["data"]))

    assert read("Tagger", words, "--form", "words")[0][1] == ["B", "E", "S", "S"]
    assert read("Tagger", tags, "--form", "word-tags")[0] == (["上海", "在"], ["N", "V"])
    with pytest.raises(click.UsageError, match="--encoding must be a Python codec"):
        read("Tagger", words, "--form", "words", "--encoding", "auto")
    item = read("Classifier", table, "--text-column", "what", "--label-column", "how")[0]
    assert (item.text, item.label) == ("nice", "good")
