"""What a command tells at its end: a table, one JSON object, or nothing; and its bars."""

import io
import json
import os
import re
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from textzero_cli import _progress, _summary
from textzero_cli.main import main

TEXT = "the cat saw the dog\nthe dog saw a cat\na cat and a dog\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("summary")
    (folder / "t.txt").write_text(TEXT * 5)
    (folder / "bad.txt").write_bytes(b"a \xff b\n" + TEXT.encode())
    here = os.getcwd()
    os.chdir(folder)
    try:
        run("count", "t.txt", "-o", "counts.tsv", "-q")
        run("discover", "t.txt", "--unit", "word", "-o", "lexicon.tsv", "-q")
        run("embed", "t.txt", "-o", "vectors", "--dim", 4, "--min-count", 1, "-q")
    finally:
        os.chdir(here)
    return folder


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def run(*arguments):
    result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="textzero")
    assert result.exit_code == 0, (result.output, result.exception)
    return result


WRITERS = [
    ("count t.txt -o {out}", {"words": 6, "of": 6}, {"documents": 15, "tokens": 75}),
    ("merge counts.tsv counts.tsv -o {out}", {"words": 6, "of": 6}, {"tables": 2, "tokens": 150}),
    ("cooccur t.txt -o {out} --min-count 1", {"words": 6}, {"documents": 15, "tokens": 75}),
    ("embed t.txt -o {out} --dim 4 --min-count 1", {"vectors": 6, "dimension": 4}, {"tokens": 75}),
    ("discover t.txt --unit word -o {out}", {"words": 6}, {"units": 75}),
    ("templates t.txt -o {out} --min-count 3", {}, {"sentences": 15}),
    ("convert vectors {out} --to glove", {"vectors": 6, "dimension": 4}, {"vectors": 6}),
]


@pytest.mark.parametrize("typed, wrote, read", WRITERS, ids=lambda x: str(x).split()[0])
def test_who_writes_tells_what_was_read_and_written(tmp_path, typed, wrote, read):
    told = run(*typed.format(out=tmp_path / "json").split(), "--json")
    content = json.loads(told.stdout)
    assert content["command"] == typed.split()[0]
    (output,) = content["wrote"]
    assert output["path"] == str(tmp_path / "json")
    assert output["bytes"] == _summary.size_of(tmp_path / "json") > 0
    assert output.items() >= wrote.items() and content["read"].items() >= read.items()
    assert content["seconds"]["all"] > 0 and content["peak_memory"] > 1 << 20
    table = run(*typed.format(out=tmp_path / "table").split())
    assert table.stdout == ""
    lines = [line for line in table.stderr.splitlines() if not re.match("[0-9]", line)]
    assert re.match(f"wrote +{tmp_path / 'table'}, ", lines[0])
    assert any(re.match(r"took +\d+\.\d s", line) for line in lines)
    quiet = run(*typed.format(out=tmp_path / "quiet").split(), "-q")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_segment_tells_its_output(tmp_path):
    said = run("segment", "lexicon.tsv", "t.txt", "-o", tmp_path / "s.txt").stderr
    assert said.startswith(f"wrote     {tmp_path / 's.txt'}, ")
    both = run("segment", "lexicon.tsv", "t.txt", "--json", "-o", tmp_path / "s.jsonl")
    assert json.loads(both.stdout)["wrote"][0]["path"] == str(tmp_path / "s.jsonl")
    assert "tokens" in json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])


def test_the_command_to_try_next_can_be_pasted(tmp_path):
    output = tmp_path / "my counts.tsv"
    said = run("count", "t.txt", "-o", output).stderr
    assert f"next      textzero report '{output}' -o report.html\n" in said


@pytest.mark.parametrize(
    "typed, following",
    [
        ("cooccur t.txt --min-count 1", "textzero report {out} -o report.html"),
        ("templates t.txt --min-count 3", "textzero parse {out} FILE"),
        ("cluster vectors --min-similarity 0", "textzero report {out} -o report.html"),
        ("segment lexicon.tsv t.txt", "textzero embed {out} --tokenizer whitespace -o vectors"),
    ],
)
def test_who_writes_names_a_command_to_try_next(tmp_path, typed, following):
    said = run(*typed.split(), "-o", tmp_path / "out").stderr
    assert re.search(rf"^next +{re.escape(following.format(out=tmp_path / 'out'))}$", said, re.M)


@pytest.mark.parametrize("command", ["cooccur", "embed"])
def test_words_are_left_out_for_a_reason(tmp_path, command):
    why = {
        "words_under_min_count": ["--min-count", 11],
        "words_under_min_count_or_beyond_max_words": ["--min-count", 1, "--max-words", 4],
    }
    for name, options in why.items():
        told = run(command, "t.txt", "-o", tmp_path / name, *options, "--json")
        assert json.loads(told.stdout)["left_out"] == {name: 2}


def test_what_is_lost_and_left_out_is_in_both_forms(tmp_path):
    arguments = ["count", "bad.txt", "--min-count", 2, "--top", 2, "-o"]
    content = json.loads(run(*arguments, tmp_path / "a.tsv", "--json").stdout)
    assert content["left_out"] == {"words_under_min_count": 2, "words_beyond_top": 3}
    (line,) = content["lost"]
    assert line.startswith("1 malformed byte sequence replaced, the first at bad.txt: byte 2")
    table = run(*arguments, tmp_path / "b.tsv").stderr
    assert re.search("^left out  2 words under min count, 3 words beyond top$", table, re.M)
    assert f"lost      {line}\n" in table


def test_results_on_standard_output_are_alone_there():
    assert run("count", "t.txt").stderr == ""
    assert "Warning: 1 malformed" in run("count", "bad.txt").stderr
    assert run("count", "bad.txt", "-q").stderr == ""


@pytest.mark.parametrize(
    "typed, keys",
    [
        ("similar vectors cat", {"query", "answers"}),
        ("related vectors cat dog", {"query", "answers"}),
        ("analogy vectors cat dog the", {"a", "b", "c", "answers"}),
        ("keywords vectors the cat", {"text", "answers"}),
        ("sentence vectors the-cat a-dog", {"texts", "similarity"}),
        ("sentence vectors cat", {"sentence", "vector"}),
        ("cluster vectors --min-similarity 0", {"clusters", "unclustered", "links"}),
        ("segment lexicon.tsv t.txt", {"tokens", "spans"}),
        ("discover lexicon.tsv --explain cat", {"word", "story"}),
        ("doctor", {"works", "findings"}),
    ],
)
def test_results_come_as_lines_of_json(typed, keys):
    printed = run(*typed.split(), "--json").stdout
    rows = [printed] if typed == "doctor" else printed.splitlines()
    assert rows and all(json.loads(row).keys() >= keys for row in rows)


def test_a_small_amount_is_in_the_singular():
    assert _summary._amount("words_under_min_count", 1) == "1 word under min count"
    assert _summary._amount("queries", 1) == "1 query"
    assert _summary._amount("words", 1, " of 8") == "1 of 8 words"
    assert _summary._amount("dimension", 300) == "dimension 300"


# --- colours and bars ---------------------------------------------------------------------------


def shown(monkeypatch, rows, terminal=True, **environment):
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    _summary.show(rows)
    return stderr.getvalue()


ROWS = [("wrote", "a.tsv, 3 words"), ("took", "1.0 s")]


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    colour = "\x1b["
    assert colour in shown(monkeypatch, ROWS)
    assert colour not in shown(monkeypatch, ROWS, terminal=False)
    assert colour not in shown(monkeypatch, ROWS, TERM="dumb")
    assert "\x1b[32m" not in shown(monkeypatch, ROWS, NO_COLOR="1")
    assert colour in shown(monkeypatch, ROWS, terminal=False, FORCE_COLOR="1")


def test_a_terminal_does_not_obey_a_path(monkeypatch):
    text = shown(monkeypatch, [("wrote", "a\x1b]0;title\x07.tsv")])
    assert "]0;title" in text and "\x1b]0" not in text and "\x07" not in text


def test_bars_show_amount_rate_and_time_to_go():
    assert _progress.amount_done(5e6, 1e7, 2e6, "bytes") == "5.0 MB of 10 MB, 2.0 MB/s"
    assert _progress.amount_done(1024, 9000, 312.4, "words") == "1,024 of 9,000 words, 312/s"
    assert _progress.amount_done(3, 10, 0.25, "trials") == "3 of 10 trials, 0.25/s"
    assert _progress.amount_done(7, None, None, "lines") == "7 lines"
    assert _progress.amount_done(12, 10, None, "records") == "12 records"  # the total was a guess
    assert _progress.amount_done(0, None, None, "texts") == ""


def test_bars_of_rows_on_standard_output_are_drawn_beside_a_file_only(monkeypatch, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(_progress.make_progress(False), _progress.Bars)
    assert not isinstance(_progress.make_progress(True), _progress.Bars)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not isinstance(_progress.make_progress(False, to_stdout=True), _progress.Bars)
    with open(tmp_path / "rows", "w") as rows:
        monkeypatch.setattr(sys, "stdout", rows)
        assert isinstance(_progress.make_progress(False, to_stdout=True), _progress.Bars)
    monkeypatch.setenv("TERM", "dumb")
    assert not isinstance(_progress.make_progress(False), _progress.Bars)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120])
def test_a_bar_is_one_line_however_narrow_the_terminal(monkeypatch, columns):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    bars = _progress.Bars()
    with bars.stage("train", 18_292_800, "records"):
        bars.advance(9_000_000)
        bars._bar.refresh()
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert drawn.count("\n") == 1  # the one behind which the cursor goes back
    assert max(map(len, re.split(r"[\r\n]", drawn))) <= columns
    assert "18,292,800 records" in drawn or columns < 60
    assert ("━" in drawn) == (columns >= 80)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal here")
def test_nothing_is_behind_the_results_on_a_terminal(tmp_path):
    import pty

    person, terminal = pty.openpty()
    (tmp_path / "t.txt").write_text("a b\nb\n")
    (tmp_path / "colorama.py").write_text(  # what the package does that Numba looks for
        "import atexit\nimport sys\n\n__version__ = '0.4.6'\n\n\n"
        "class Fore:\n    def __getattr__(self, _):\n        return ''\n\n\n"
        "Fore = Style = Fore()\nreinit = deinit = lambda: None\n\n\n"
        "def init():\n    atexit.register(sys.stdout.write, '\\x1b[0m')\n"
    )
    command = [sys.executable, "-m", "textzero", "count", "t.txt", "-q"]
    done = subprocess.run(command, cwd=tmp_path, stdout=terminal, stdin=subprocess.DEVNULL,
                          timeout=60, env=os.environ | {"PYTHONPATH": str(tmp_path)})  # fmt: skip
    os.close(terminal)
    seen = os.read(person, 1 << 16)
    os.close(person)
    assert done.returncode == 0 and seen == b"b\t2\r\na\t1\r\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal here")
def test_a_person_sees_a_bar_and_then_the_table(tmp_path):
    import pty

    person, terminal = pty.openpty()
    (tmp_path / "slow.py").write_text(
        "import time\n\n\ndef cut(text):\n    time.sleep(0.3)\n    return text.split()\n"
    )
    (tmp_path / "t.txt").write_text("a b\nb\n")
    command = [sys.executable, "-m", "textzero", "count", "t.txt", "-o", "c.tsv", "--workers", "1",
               "--tokenizer", "slow:cut"]  # fmt: skip
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=terminal, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env=env | {"TERM": "xterm-256color", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(terminal)
    seen, limit = b"", time.monotonic() + 60
    try:
        while time.monotonic() < limit and (block := os.read(person, 1 << 16)):
            seen += block
    except OSError:  # Linux: the other end is closed
        pass
    process.wait(10)
    process.stdout.close()
    os.close(person)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert re.search("count .*of 6 bytes", text) and re.search(r"wrote +c\.tsv, 2 words", text)
    assert b"\x1b[1;32mc.tsv" in seen


def test_text_without_spaces_that_is_cut_to_characters_is_said_to_be(folder, tmp_path):
    said = "most tokens are single characters of a script without spaces: "
    text = tmp_path / "zh.txt"
    text.write_text("我们在北京大学\n他们去北京\n" * 9, encoding="utf-8")
    count = run("count", text)
    assert f"Warning: {said}`textzero discover` finds words" in count.stderr
    assert said not in run("count", text, "--tokenizer", "char").stderr
    assert said not in run("count", folder / "t.txt").stderr
    made = run("embed", text, "-o", tmp_path / "v", "--dim", 2, "--min-count", 1)
    assert f"{said}--discover finds words first" in made.stderr
    words = run("embed", text, "-o", tmp_path / "w", "--dim", 2, "--min-count", 1, "--discover")
    assert said not in words.stderr
