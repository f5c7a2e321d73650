"""The page in a real browser, where there is one."""

import html
import re
import shutil
import subprocess

import pytest

keras = pytest.importorskip("keras")

from textzero.models.saliency import Saliencies  # noqa: E402

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
HOSTILE = (
    "<script>document.title='run'</script> \"onload=alert(2) </style><style>*{display:none} "
    "</style> <img/src=x/onerror=alert(3)> </div></main><h1>big</h1> &lt;b&gt; ' --> \r\n end"
)
OURS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "p",
    "span",
    "article",
    "h2",
    "div",
}


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    def run(page):
        folder = tmp_path_factory.mktemp("chromium")
        (folder / "page.html").write_bytes(page.encode("utf-8"))
        command = [
            CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom",
            (folder / "page.html").as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        return done.stdout.decode("utf-8")

    return run


def text_of(dom, place):
    """The text in the article number `place`, as the browser holds it."""
    inner = dom.split('<div class="text">')[place + 1].split("</div>")[0]
    return html.unescape(re.sub(r"<span[^>]*>|</span>", "", inner))


def test_a_browser_shows_every_text_verbatim_and_makes_no_element_of_it(dump, result):
    long = " ".join(f"词{k % 97}" for k in range(5000))
    dom = dump(
        Saliencies([result(HOSTILE, label="<b>bad</b>"), result(""), result(long)]).to_html()
    )
    assert text_of(dom, 0).replace("\r", "") == HOSTILE.replace("\r", "")
    assert text_of(dom, 1) == "(no text)"
    assert text_of(dom, 2) == long
    assert set(re.findall(r"<([a-zA-Z][\w-]*)", dom)) == OURS
    assert "<title>Saliency</title>" in dom  # no script has changed it


def test_the_browser_itself_runs_scripts(dump):
    """Or the test above could not fail."""
    dom = dump("<!DOCTYPE html><title>still</title><script>document.title='run'</script>")
    assert "<title>run</title>" in dom


def test_the_policy_stops_a_script_that_got_in(dump, result):
    page = result("w1").to_html().replace("</body>", "<script>document.title='run'</script></body>")
    assert "<title>Saliency</title>" in dump(page)
