"""What lies around a run: read-only folders, terminals, clocks, no home, hostile text."""

import errno
import os
import re
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from textzero.corpus import Corpus
from textzero.disk import Disk, replaced_disk
from textzero.workspace import Workspace
from textzero_cli import main

TEXT = "to be or not to be\n" * 5
VECTORS = "3 2\nto 1 0\nbe 0 1\nnot 1 1\n"
LEXICON = "to\t3\nbe\t2\n"
linux = pytest.mark.skipif(sys.platform != "linux", reason="a folder that root cannot write either")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "lexicon.tsv").write_text(LEXICON)
    (tmp_path / "counts.tsv").write_text("to\t3\nbe\t2\n")
    (tmp_path / "vectors.txt").write_text(VECTORS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run(*arguments, **options):
    command = [sys.executable, "-m", "textzero", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60, **options)


# --- folders ------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize(
    "command",
    [
        "count text.txt -o /proc/out",
        "discover text.txt -o /proc/out",
        "cooccur text.txt -o /proc/out",
        "embed text.txt -o /proc/out",
        "segment lexicon.tsv text.txt -o /proc/out",
        "templates text.txt -o /proc/out",
        "merge counts.tsv counts.tsv -o /proc/out",
        "convert vectors.txt /proc/out --to glove",
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_anything_is_read(
    folder, monkeypatch, command
):
    def read(*_):
        raise AssertionError("text was read")

    monkeypatch.setattr(Corpus, "pieces", read)
    result = invoke(*command.split())
    assert result.exit_code == 4, result.output
    assert re.search(r"^Error: .*/proc/", result.stderr, re.M) and folder.exists()


def test_a_read_only_folder_is_told_in_one_sentence(folder):
    class ReadOnly(Disk):
        def _refused(self, path, *_, **__):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

        create = make_folder = link = _refused

    for command in ("count text.txt -o out", "cooccur text.txt -o out --min-count 1"):
        with replaced_disk(ReadOnly()):
            result = invoke(*command.split())
        assert result.exit_code == 4 and "Read-only file system" in result.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        "discover text.txt -o text.txt",
        "discover . -o ./text.txt",
        "segment lexicon.tsv text.txt -o link.txt",
        "segment lexicon.tsv text.txt -o lexicon.tsv",
        "templates text.txt -o text.txt",
        "templates text.txt -o templates.tsv --dropped text.txt",
    ],
)
def test_a_text_is_not_replaced_by_what_is_made_of_it(folder, command):
    os.link("text.txt", "link.txt")
    result = invoke(*command.split(), "--force")
    assert result.exit_code == 5 and "is read, and cannot be replaced" in result.stderr
    assert (folder / "text.txt").read_text() == (folder / "link.txt").read_text() == TEXT
    assert (folder / "lexicon.tsv").read_text() == LEXICON
    assert not list(folder.glob("*.textzero"))


def test_where_no_word_is_left_the_numbers_are_told(folder):
    (folder / "empty").touch()
    for command, told in (
        ("cooccur text.txt -o out --min-count 99", "of 4 words (30 tokens), 0 passed min_count=99"),
        ("embed empty -o out --min-count 5", "of 0 words (0 tokens), 0 passed min_count=5"),
        ("discover empty -o words", "no character of a word twice"),
        ("segment empty text.txt -o cut", "empty holds no words"),
    ):
        result = invoke(*command.split())
        assert result.exit_code == 3 and told in result.stderr, (command, result.output)


@linux
def test_a_run_needs_no_home(folder):
    surroundings = {
        name: os.environ[name] for name in ("PATH", "TEXTZERO_DATA") if name in os.environ
    }
    surroundings |= {
        "HOME": "/proc/none",
        "XDG_CACHE_HOME": "/proc/none",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    result = run("count", "text.txt", "-o", "out.tsv", env=surroundings)
    assert result.returncode == 0, result.stderr
    assert (folder / "out.tsv").read_text().startswith("be\t10\nto\t10\n")


# --- two runs, clocks ---------------------------------------------------------------------------


def test_the_second_run_into_one_output_ends_with_5_and_names_the_first(folder):
    with Workspace.beside(folder / "out"):
        for command in (
            "count text.txt -o out",
            "discover text.txt -o out",
            "cooccur text.txt -o out --min-count 1",
            "segment lexicon.tsv text.txt -o out",
        ):
            result = invoke(*command.split())
            assert result.exit_code == 5, (command, result.output)
            assert re.search(rf"locked by pid {os.getpid()} on host .* since 2", result.stderr)
    assert not (folder / "out").exists()


def test_a_clock_that_jumps_changes_no_result(folder, monkeypatch):
    assert invoke("count", "text.txt", "-o", "right").exit_code == 0
    jumps = iter(range(10**6, 0, -1))  # backwards, by hours
    monkeypatch.setattr(time, "time", lambda: 3600.0 * next(jumps))
    os.utime("text.txt", (time.time(), 4e9))  # changed in the year 2096
    for n in range(2):
        assert invoke("count", "text.txt", "-o", f"out{n}").exit_code == 0
        assert (folder / f"out{n}").read_bytes() == (folder / "right").read_bytes()
    result = invoke("embed", "text.txt", "-o", "v", "--dim", 2, "--min-count", 1)
    assert result.exit_code == 0, result.output


# --- hostile text -------------------------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m evil\x1b[0m \u202egnp.exe"


def test_control_characters_are_in_no_word_and_break_no_table(folder):
    (folder / "text.txt").write_text((HOSTILE + " to\0be a\x85b tab\tbed\n") * 9, encoding="utf-8")
    for tokenizer in ("word", "whitespace", "char"):
        result = invoke("count", "text.txt", "--tokenizer", tokenizer, "--ngrams", "1-2")
        rows = [line.split("\t") for line in result.stdout.rstrip("\n").split("\n")]
        assert {len(row) for row in rows} == {2} and all(row[1].isdigit() for row in rows)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.stdout)


def on_a_terminal(*arguments):
    """Run a command whose standard streams are a terminal; what the terminal would get."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "textzero", *map(str, arguments)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                block = os.read(ours, 1 << 16)
            except OSError:  # how Linux says that the other side is closed
                break
            if not block:
                break
            shown += block
        process.wait(30)
    os.close(ours)
    return shown


EVIL = "e\x1b[31mvil\x9b"


def test_a_terminal_is_shown_escape_sequences_and_a_pipe_gets_them(folder):
    (folder / "vectors.txt").write_text(
        f"{EVIL} 1 0\nto 1 0.1\nbe 0 1\nnot 1 1\n", encoding="utf-8"
    )
    told = (
        "similar vectors.txt to",
        "segment lexicon.tsv hostile.txt",
        f"similar vectors.txt {EVIL}nothing",  # an error names it
    )
    (folder / "hostile.txt").write_text(f"to {EVIL} be\n", encoding="utf-8")
    seen = 0
    for command in told:
        shown = on_a_terminal(*command.split(" "))
        assert b"\x1b[31m" not in shown and b"\xc2\x9b" not in shown, command
        seen += rb"e\x1b[31mvil\x9b" in shown
    assert seen >= 2
    piped = run("similar", "vectors.txt", "to")
    assert piped.returncode == 0 and EVIL.encode() in piped.stdout  # data stays data


def test_nesting_without_end_is_told_in_one_sentence(folder):
    (folder / "deep.jsonl").write_text('{"text": ' + "[" * 200_000 + "\n")
    result = invoke("count", "deep.jsonl")
    assert result.exit_code == 3 and re.match(r"Error: .*deep\.jsonl", result.stderr)


def test_what_python_raises_is_told_in_one_sentence(folder, monkeypatch):
    for error, code, said in (
        (MemoryError("array too large"), 4, "memory ran out (array too large)"),
        (RecursionError("too deep"), 4, "nested too deeply"),
        (OSError(errno.EIO, "Input/output error"), 4, "Input/output error"),
        (OSError(errno.ESTALE, "Stale file handle", "far/a"), 4, "far/a: Stale file handle"),
    ):

        def broken(*_, error=error, **__):
            raise error

        monkeypatch.setattr("textzero.counting.count_words", broken)
        result = invoke("count", folder / "text.txt")
        assert result.exit_code == code and said in result.stderr and result.stdout == ""


def test_a_line_of_64_mb_is_counted_within_its_bound(folder):
    """The same line of 1 GB is measured by benchmarks/memory.py."""
    resource = pytest.importorskip("resource")
    with open(folder / "line.txt", "wb") as file:
        for _ in range(64):
            file.write(b"word wide web " * (1_000_000 // 14))
    code = """
import sys
from textzero.files import peak_memory
from textzero_cli.main import main
main(["count", "line.txt", "-o", "out", "--workers", "1"], standalone_mode=False)
print(peak_memory())"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(result.stdout.split()[-1]) < 330 << 20 and resource
    counts = dict(line.split("\t") for line in (folder / "out").read_text().splitlines())
    assert {int(n) for n in counts.values()} <= set(
        range(64 * (1_000_000 // 14) - 64, 64 * (1_000_000 // 14) + 65)
    )
