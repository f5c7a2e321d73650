"""How objects show themselves: in a line, and in a notebook."""

from html.parser import HTMLParser
from time import process_time

import numpy as np
import pytest

import textzero
from textzero import Template
from textzero.report.blocks import Section
from textzero.vectors.ranked import Ranked
from textzero.vectors.trained import Trained

EVIL = "<script>alert(1)</script>"
WORDS = [EVIL, "</table>", '"onload="x', "\u202eright", "a\nb", "&amp;", "x" * 5000, "bell\x07"]
WORDS += [f"w{i}" for i in range(40)]
PLAIN = {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "bdi", "pre"}


class Elements(HTMLParser):
    """The elements of a page, their attributes, and the text between."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.open, self.text = [], set(), [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.open.append(tag)
        self.attributes |= set(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def counts_of(words):
    packed = textzero.Vocabulary(words, np.arange(len(words), 0, -1)).words
    return textzero.count_words([]).__class__(packed, np.arange(len(words), 0, -1))


def parsed(words):
    templates = [Template(("a", None)), Template((None, "b"))]
    return textzero.Parser(templates).parse(["a", *words])


def objects(words, folder):
    counts = counts_of(words)
    vocabulary = textzero.Vocabulary(words, counts.counts)
    vectors = textzero.WordVectors(vocabulary, np.ones((len(words), 12), np.float32))
    texts = ["w1 w2 w3", "w2 w3"]
    small = textzero.Vocabulary.from_counts(textzero.count_words(texts), 1)
    visible = [word for word in words if word.isprintable()]
    (folder / "a<b>.txt").write_text("w1")
    return {
        "counts": counts,
        "vocabulary": vocabulary,
        "vectors": vectors,
        "lexicon": textzero.Lexicon(visible, np.arange(len(visible), 0, -1)),
        "clusters": vectors.cluster(words=40),
        "templates": textzero.Templates([Template((w, None)) for w in words if w.split() == [w]]),
        "similar": vectors.similar("w1", 40, metric="cosine"),
        "pairs": textzero.count_cooccurrences(texts, small),
        "score": textzero.score_segmentation([["a"]], [["a"]]),
        "corpus": textzero.Corpus(folder / "a<b>.txt", include=["*"]),
        "documents": textzero.Corpus.from_documents(words),
        "tree": parsed(words),
    }  # fmt: skip


NAMES = ["counts", "vocabulary", "vectors", "lexicon", "clusters", "templates", "similar", "pairs"]
NAMES += ["score", "corpus", "documents", "tree"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return objects(WORDS, tmp_path_factory.mktemp("reprs"))


@pytest.mark.parametrize("name", NAMES)
def test_hostile_words_are_text(shown, name):
    page = shown[name]._repr_html_()
    found = Elements(page)
    assert set(found.elements) <= PLAIN and not found.open
    assert found.attributes <= {("style", "text-align:left"), ("style", "text-align:right")}
    assert "\u202e" not in page and "\x07" not in page
    if name in ("counts", "vocabulary", "vectors", "lexicon", "templates", "tree"):
        assert EVIL in found.text


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_a_few_rows_and_how_many_there_are(shown, name):
    page = shown[name]._repr_html_()
    assert len(page) < 12_000
    if name in ("counts", "vocabulary", "vectors"):
        assert Elements(page).elements.count("tr") == 11 and "and 38 more" in page


def test_a_long_tree_is_cut_short():
    assert len(parsed(["w" * 500] * 290)._repr_html_()) < 30_000


@pytest.mark.parametrize("name", NAMES)
def test_a_line_says_what_it_is(shown, name):
    line = repr(shown[name])
    if name != "similar":  # which is a list
        assert "\n" not in line and len(line) < 400
        assert line.startswith(type(shown[name]).__name__)


def test_results_with_arrays_have_a_line_too():
    trained = Trained(np.ones((9, 4)), np.ones((9, 4)), [0.5, 0.25], textzero.TrainingSettings())
    assert repr(trained) == "Trained(9 words, dim 4, 2 losses, loss 0.25)"
    assert repr(textzero.Parser([])) == "Parser(0 templates)"
    report = textzero.Report(EVIL, [Section("a", [], EVIL)] * 12)
    assert repr(report) == f"Report({EVIL!r}, 12 sections)"
    assert set(Elements(report._repr_html_()).elements) <= PLAIN
    assert (
        repr(textzero.Corpus("a", "b", "c", "d", field="x"))
        == "Corpus('a', 'b', 'c', ..., field='x')"
    )


def test_a_million_words_show_at_once():
    n = 1_000_000
    counts = counts_of(["w"])
    text = np.frombuffer(b"w" * n + bytes(16), np.uint8)
    words = type(counts.words)(text, np.arange(n + 1))
    many = np.arange(n, 0, -1)
    vocabulary = textzero.Vocabulary(words, many)
    vectors = textzero.WordVectors(vocabulary, np.ones((n, 4), np.float32))
    things = [type(counts)(words, many), vocabulary, vectors]
    begun = process_time()
    for thing in things:
        assert "999,990 more" in thing._repr_html_()
        repr(thing)
    assert process_time() - begun < 1


def test_cells_are_short_and_numbers_readable():
    page = Ranked([("a" * 100, 0.123456), ("b", float("nan"))])._repr_html_()
    assert "a" * 59 + "…" in page and "0.1235" in page and "nan" not in page


def test_a_result_says_in_its_line_what_was_lost(tmp_path):
    (tmp_path / "a.txt").write_bytes("我们".encode("gb18030") + b" plain plain text text\n" * 3)
    (tmp_path / "b.txt").write_bytes(bytes(100))
    counts = textzero.count_words(textzero.Corpus(tmp_path))
    lost = f"; lost: {counts.reading.malformed} sequences of malformed bytes"
    assert counts.reading.malformed > 1
    assert lost in repr(counts) and lost in repr(counts.keep(2)) and lost in counts._repr_html_()
    vectors = textzero.embed(textzero.Corpus(tmp_path), tmp_path / "v", min_count=1, dim=2)
    lexicon = textzero.discover_words(textzero.Corpus(tmp_path / "a.txt"), min_count=1)
    pairs = textzero.count_cooccurrences(textzero.Corpus(tmp_path / "a.txt"), vectors.vocabulary)
    templates = textzero.find_templates(textzero.Corpus(tmp_path / "a.txt"), min_count=1)
    for made in (vectors, textzero.WordVectors.load(tmp_path / "v"), lexicon, pairs, templates):
        assert lost in repr(made) and lost in made._repr_html_()
    assert "lost" not in repr(textzero.count_words(["plain"]))


@pytest.mark.parametrize("reading", [None, [], {"malformed": "x", "skipped": [[]]}, {3: 4}])
def test_a_manifest_that_says_nonsense_of_what_was_read_can_be_shown(reading):
    words = textzero.Vocabulary(["a", "b"], [2, 1])
    vectors = textzero.WordVectors(words, np.eye(2), manifest={"reading": reading})
    assert repr(vectors).startswith("WordVectors(2 words, dim 2") and vectors._repr_html_()
