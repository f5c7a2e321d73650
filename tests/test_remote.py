"""Files behind URLs whose servers fail: read to the end, or an error that names the URL."""

import io
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from textzero.corpus import Corpus, remote
from textzero.errors import InputError
from textzero_cli.main import main

LINES = [f"line {i}" for i in range(2000)]
TEXT = "".join(f"{line}\n" for line in LINES).encode()
URL = "faulty://a.txt"


sleep = time.sleep


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    waits = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    return waits


class FaultyFile(io.BytesIO):
    def read(self, size=-1):
        system = FaultyFileSystem
        system.reads += 1
        if system.faults and (fault := system.faults.pop(0)):
            raise fault
        if system.ends_at is not None:
            size = max(0, min(size, system.ends_at - self.tell()))
        return super().read(size)


class FaultyFileSystem(fsspec.AbstractFileSystem):
    """One file, and what goes wrong next."""

    protocol = "faulty"
    cachable = False
    content, tag, faults, ends_at, opened, reads = TEXT, "one", [], None, 0, 0

    def info(self, path, **_):
        if path.strip("/") != "a.txt":
            raise FileNotFoundError(path)
        size = len(self.content)
        return {"name": "a.txt", "size": size, "type": "file", "ETag": FaultyFileSystem.tag}

    def open(self, path, *_, **__):
        self.info(path)
        FaultyFileSystem.opened += 1
        return FaultyFile(self.content)


@pytest.fixture
def faulty():
    fsspec.register_implementation("faulty", FaultyFileSystem, clobber=True)
    FaultyFileSystem.faults, FaultyFileSystem.ends_at, FaultyFileSystem.tag = [], None, "one"
    return FaultyFileSystem


def test_a_connection_that_breaks_is_opened_again_where_it_broke(faulty, no_waiting):
    corpus = Corpus(URL)
    assert corpus.size == len(TEXT)
    faulty.faults = [None, ConnectionResetError("cut"), TimeoutError("slow"), None]
    assert list(corpus) == LINES
    assert no_waiting == [remote.FIRST_WAIT, 2 * remote.FIRST_WAIT]


def test_a_server_that_stays_away_is_an_error_that_names_the_url(faulty, no_waiting):
    corpus = Corpus(URL)
    assert corpus.size
    faulty.faults = [ConnectionResetError("cut")] * 99
    with pytest.raises(InputError, match=rf"{URL} cannot be read: cut \(5 attempts\)"):
        list(corpus)
    assert len(no_waiting) == remote.ATTEMPTS - 1


def test_the_end_of_a_cut_connection_is_not_the_end_of_the_file(faulty):
    corpus = Corpus(URL)
    assert corpus.size
    faulty.ends_at = 5000
    with pytest.raises(InputError, match=rf"{URL} cannot be read: it ended after 5,000 of"):
        list(corpus)
    faulty.ends_at = None
    whole = Corpus(URL, on_error="skip")
    splits, reading = whole.splits(), whole.new_reading()
    faulty.ends_at = 5000
    kept = b"".join(
        piece.text[: piece.size].tobytes() for piece in whole.pieces(splits[0], reading)
    )
    assert kept == TEXT[:5000]
    assert reading.losses()[0].startswith(f"skipped the rest of {URL}")


def test_a_parquet_file_is_read_through_faults_too(faulty, monkeypatch):
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"text": LINES}), sink)
    monkeypatch.setattr(faulty, "content", sink.getvalue().to_pybytes())
    corpus = Corpus(URL)
    assert corpus.sources[0].format == "parquet"
    faulty.faults = [ConnectionResetError("cut"), None, TimeoutError("slow")]
    assert list(corpus) == LINES


@pytest.mark.parametrize("tag, content", [("two", TEXT), ("one", TEXT + b"more\n")])
def test_a_file_that_changes_between_two_passes_is_told(faulty, monkeypatch, tag, content):
    corpus = Corpus(URL)
    assert list(corpus) == LINES
    monkeypatch.setattr(faulty, "tag", tag)
    monkeypatch.setattr(faulty, "content", content)
    with pytest.raises(InputError, match=f"{URL} has changed since this run began"):
        list(corpus)


def test_what_is_not_there_is_not_asked_for_again(faulty, no_waiting):  # noqa: ARG001
    result = CliRunner().invoke(main, ["count", "faulty://b.txt", "-o", "-"])
    assert result.exit_code == 3
    assert "faulty://b.txt cannot be read" in result.output
    assert no_waiting == []


# A real server


class Handler(BaseHTTPRequestHandler):
    """Sends parts of TEXT as it is told."""

    protocol_version = "HTTP/1.1"
    plan, ranges = None, True

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._head(200, len(TEXT))

    def _head(self, status, size, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.send_header("ETag", '"one"')
        self.send_header("Accept-Ranges", "bytes" if self.ranges else "none")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        what = self.plan.pop(0) if self.plan else "send"
        if what.isdigit():
            self._head(int(what), 0)
            return
        if what == "redirect":
            self._head(302, 0, Location=self.path)
            return
        start, stop = 0, len(TEXT)
        wanted = self.headers.get("Range")
        if wanted and self.ranges:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last or stop) + 1, stop)
            place = f"bytes {start}-{stop - 1}/{len(TEXT)}"
            self._head(206, stop - start, Content_Range=place)
        else:
            self._head(200, stop)
        if what in ("cut", "stall"):
            stop = (start + stop) // 2
        self.wfile.write(TEXT[start:stop])
        if what == "stall":
            sleep(0.4)  # longer than SILENCE
        if what in ("cut", "stall"):
            self.close_connection = True


@contextmanager
def serving(plan, ranges=True):
    """The address of a server that does what `plan` says, then what it should."""
    pytest.importorskip("aiohttp")
    handler = type("Planned", (Handler,), {"plan": list(plan), "ranges": ranges})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/a.txt"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("fault", ["cut", "503", "429"])
def test_an_http_server_that_fails_now_and_then_is_read_to_the_end(fault, ranges):
    with serving([fault, "send", fault, fault], ranges) as url:
        assert list(Corpus(url)) == LINES


@pytest.mark.parametrize("fault, says", [("403", "403"), ("404", "a.txt"), ("cut", "attempts")])
def test_an_http_server_that_only_fails_is_named(fault, says):
    with serving([fault] * 99) as url:
        with pytest.raises(InputError, match=f"{url} cannot be read") as caught:
            list(Corpus(url))
    assert says in str(caught.value)


@pytest.mark.parametrize("ranges", [True, False])
def test_an_http_server_that_falls_silent_is_asked_again(monkeypatch, ranges):
    monkeypatch.setattr(remote, "SILENCE", 0.2)
    with serving(["stall", "send", "stall"], ranges) as url:
        assert list(Corpus(url)) == LINES
    with serving(["stall"] * 99, ranges) as url, pytest.raises(InputError, match="5 attempts"):
        list(Corpus(url))


def test_redirects_without_end_are_an_error():
    with serving(["redirect"] * 999) as url, pytest.raises(InputError, match=f"{url} cannot"):
        list(Corpus(url))


def test_without_aiohttp_an_address_is_answered_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(InputError, match=r"a.txt needs aiohttp: pip install 'textzero\[http\]'"):
        Corpus("http://127.0.0.1:1/a.txt").sources  # noqa: B018  asks
