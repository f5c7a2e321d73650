"""Reports with a block of every kind, and a browser that refuses the network."""

import shutil
from contextlib import contextmanager
from types import SimpleNamespace

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
    Passage,
    Passages,
    Report,
    Section,
    Span,
    Table,
    Text,
)
from textzero.report.page import write_page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
HOSTILE = [
    "</script><script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    '"onload="x\' <!-- --> <b>bold</b> &lt;i&gt; `${1}`',
    "half \ud800 pair \x00 \x1b[31m \u202edcba \u2028 end",
    "]]></style><style>*{display:none}</style>",
    "__proto__",
    "\u200b",
    "क्‍ष \U0001f469\u200d\U0001f680 中文 né",
]
SEEN = [  # the same, as a page shows them
    *HOSTILE[:3],
    r"half \ud800 pair \x00 \x1b[31m \u202edcba \u2028 end",
    *HOSTILE[4:6],
    r"\u200b",
    HOSTILE[7],
]


def make_words(count):
    """Words that can be told apart, some with a common part."""
    syllables = "ba ce di fo gu ka le mi no pu ra se ti vo zu sha che the qui plo".split()
    rng = np.random.default_rng(0)
    picked = rng.integers(len(syllables), size=(count, 3)).tolist()
    return ["".join(syllables[k] for k in row) + (str(n) if n % 3 else "") for n, row in
            enumerate(picked)]  # fmt: skip


def make_map(count, neighbours=10):
    """A map of `count` words in 14 groups."""
    rng = np.random.default_rng(1)
    groups = rng.integers(-1, 14, count)
    middles = rng.normal(size=(15, 2)) * 6
    places = middles[groups] + rng.normal(size=(count, 2))
    near = rng.integers(0, count, (count, neighbours))
    return Map(
        words=make_words(count),
        views={"t-SNE": places, "PCA": rng.normal(size=(count, 2)) * [3, 1]},
        counts=np.maximum(1, 2_000_000 // (np.arange(count) + 1)),
        groups=groups,
        group_names=[f"group of {word}" for word in make_words(14)],
        neighbours=near,
        similarities=np.sort(rng.uniform(0.2, 0.95, near.shape))[:, ::-1],
        name="map",
    )


def make_table(rows, details=()):
    """A table of eight columns."""
    rng = np.random.default_rng(2)
    scores = rng.normal(size=rows)
    scores[rows // 2 :: 50] = np.nan
    return Table(
        columns=[
            Column("word", make_words(rows), about="As it was found."),
            Column("count", rng.zipf(1.3, rows).clip(max=10**7), "bar", about="Times seen."),
            Column("score", scores, "number", 3, about="The higher, the surer."),
            Column("share", rng.uniform(size=rows) ** 3, "share"),
            Column("kind", [("noun", "verb", "name")[k % 3] for k in range(rows)]),
            Column("left entropy", rng.gamma(2.0, 1.0, rows), "number"),
            Column("right entropy", rng.gamma(2.0, 1.0, rows), "number"),
            Column("length", rng.integers(2, 9, rows), "number"),
        ],
        order=("count", True),
        details=details,
        search="Find a word",
    )


def tagged(number):
    """A sentence with every mark."""
    return Passage(
        [
            Span(f"{number}. Yesterday "),
            Span("Ada Lovelace", mark="right", label="PER", about="right"),
            Span(" wrote from "),
            Span("London", mark="wrong", label="ORG", about="is LOC, was called ORG"),
            Span(" to "),
            Span("Babbage", mark="missed", label="PER", about="was missed"),
            Span(" about the "),
            Span("engine", mark="here"),
            Span("."),
        ],
        heading=f"Sentence {number}",
    )


def sample_report(rows=300, words=600):
    """A report with every kind of block."""
    epochs = np.arange(1, 21)
    ranks = np.arange(1, 20_001)
    values = [0.9, -0.4, 0.1, None, -0.95, 0.6, 0.3]
    texts = "a lovely little film , never dull".split()
    saliency = [
        Span(w + " ", v, about="" if v is None else f"{v:+.2f}")
        for w, v in zip(texts, values, strict=True)
    ]
    key = [
        Span("against", -0.9),
        Span(" "),
        Span("for", 0.9),
        Span(" "),
        Span("missed", mark="missed"),
    ]
    details = [[tagged(k)] if k % 3 == 0 else [] for k in range(rows)]
    return Report(
        "Lexicon of a hundred novels",
        [
            Section(
                "What was read",
                [
                    Facts({"documents": 12345, "words": 1_234_567_890, "seconds": 12.34,
                           "tokenizer": "word", "dropped": None, "memory": "1.2 GB"}),
                    Text(["12 of 12,345 documents were no UTF-8; they were read as Latin-1."],
                         tone="warning"),
                    Text(["A paragraph says what is to be seen.", "A second one says more."]),
                ],
                "Counts of one run over all files.",
            ),
            Section("Words", [make_table(rows, details)], "All words that were found."),
            Section(
                "Zipf's law",
                [
                    Chart([Line("words", ranks, 1e6 / ranks**1.05,
                                labels=[f"w{k}" for k in ranks]),
                           Line("Zipf", ranks, 1e6 / ranks, "dashed")],
                          "rank", "count", True, True, "zipf"),
                ],
            ),
            Section(
                "Training",
                [
                    Chart([Line("training", epochs, 2 / epochs + 0.1),
                           Line("held-out", epochs, 1.6 / epochs + 0.3),
                           Line("best", [14], [0.414], "points")],
                          "epoch", "loss", name="loss"),
                    Bars(["PER", "ORG", "LOC", "MISC"], [812, 640.0, 333, 9], "entities"),
                    Matrix(["PER", "ORG", "LOC"], ["PER", "ORG", "LOC"],
                           np.array([[90, 8, 2], [5, 80, 15], [0, 3, 1200]]), "gold", "found",
                           "confusion"),
                ],
            ),
            Section("Map", [make_map(words)], "Words that are used alike are near each other."),
            Section(
                "Worst sentences",
                [Passages([tagged(k) for k in range(70)], key=key)],
            ),
            Section("Why", [Passages([Passage(saliency, "positive 0.93")], key=key)]),
        ],
        "From 100 files of English.",
        "en",
    )  # fmt: skip


def hostile_report():
    """A report whose every text tries to be more than text."""
    bad, joined = HOSTILE, " ".join(HOSTILE)
    lines = [Line(joined, [1, 2], [3, 4], labels=bad[:2]), Line(bad[0], [1, 2], [1, 0])]
    marked = Passage([Span(w, 0.5, label=w, about=w) for w in bad], heading=joined)
    count = len(bad)
    return Report(
        joined,
        [
            Section(joined, [Text([joined]), Facts({w: w for w in bad})], joined),
            Section(joined, [
                Table([Column(bad[0], bad, about=joined), Column(bad[1], range(count), "bar")],
                      details=[[marked]] * count, search=bad[1]),
                Chart(lines, bad[0], bad[1], name=bad[0]),
                Bars(bad, range(count), bad[0], bad[1]),
                Matrix(bad, bad, np.eye(count), bad[0], bad[1], bad[2]),
                Map(bad, {bad[0]: np.eye(count, 2), bad[1]: np.eye(count, 2)}, range(1, count + 1),
                    [0, 1] * (count // 2), bad[:2], np.zeros((count, 2), int), name=bad[0]),
                Passages([marked] * 40, key=marked.spans),
            ], joined),
            Section(joined, [], joined),
        ],
        joined,
        'en" onload="x',
    )  # fmt: skip


@pytest.fixture(scope="session")
def samples():
    """What makes reports: a namespace of functions, as tests cannot import one another."""
    return SimpleNamespace(
        report=sample_report, hostile=hostile_report, table=make_table, map=make_map, bad=HOSTILE,
        seen=SEEN,
    )  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    """A browser; it ends with the module."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(chromium, tmp_path_factory):
    """Opens a report in a browser without a network, and fails for what it complains about."""
    folder = tmp_path_factory.mktemp("reports")
    files = {}

    @contextmanager
    def open_report(name, report, width=1280, **settings):
        if name not in files:
            files[name] = folder / f"{name}.html"
            write_page(report(), files[name])
        phone = width < 500
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, is_mobile=phone, has_touch=phone, **settings
        )
        complaints, requests = [], []

        def serve(route):
            requests.append(route.request.url)
            (route.continue_ if route.request.url.startswith("file:") else route.abort)()

        context.route("**/*", serve)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(files[name].as_uri())
        if settings.get("java_script_enabled", True):
            page.wait_for_selector("script[data-packed]", state="detached")
        yield page
        context.close()
        assert complaints == []
        assert requests == [files[name].as_uri()]

    return open_report
