import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import textzero
from textzero.cooccurrence import Cooccurrence
from textzero.vectors.evaluation import evaluate_similarity
from textzero.vectors.word_vectors import WordVectors
from textzero_cli.main import COMMANDS, main

TEXT = "the cat saw the dog\nthe dog saw a cat\na cat and a dog\n\u5317\u4eac the \u5317\u4eac\n"
COUNTS = {"the": 4, "a": 3, "cat": 3, "dog": 3, "saw": 2, "\u4eac": 2, "\u5317": 2, "and": 1}
TSV = "".join(f"{word}\t{n}\n" for word, n in COUNTS.items())


def invoke(*arguments, stdin=None):
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, prog_name="textzero")


def run(*arguments, **options):
    """Run the command line in a process of its own, without the user's settings of the locale."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    settings.update(options.pop("env", {}))
    command = [sys.executable, "-m", "textzero", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, env=settings, **options)


def refused(result, exit_code, message):
    """One sentence on stderr, nothing on stdout."""
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    assert re.search(message, result.stderr), result.stderr
    assert "Traceback" not in result.stderr
    assert re.fullmatch(r"Error: .*\n", result.stderr), result.stderr


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A folder that `textzero embed` wrote."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "text.txt").write_text(TEXT * 3, encoding="utf-8")
    result = invoke("embed", folder / "text.txt", "-o", folder / "v", "--dim", 4, "--min-count", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"{folder / 'v'}, 8 vectors, dimension 4, " in result.stderr
    return folder / "v"


# --- start and help -----------------------------------------------------------------------------


def least_seconds(*command):
    """Of five runs: other work on the machine only makes them longer."""
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_are_quick(option):
    assert least_seconds(sys.executable, "-m", "textzero", option) < 0.3


def test_the_import_is_quick():
    assert least_seconds(sys.executable, "-c", "import textzero") < 0.2


@pytest.mark.parametrize("code", ["import textzero", "import textzero_cli"])
def test_heavy_packages_are_not_imported_before_they_are_needed(code):
    code += "; import sys; print(*{'numba', 'numpy', 'pyarrow', 'rich'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout == b"\n"


def test_the_three_ways_to_start_are_one():
    script = shutil.which("textzero", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the console script is not installed beside this Python")
    ways = [[script], [sys.executable, "-m", "textzero"], [sys.executable, "-m", "textzero_cli"]]
    for option in ("--version", "--help"):
        said = {subprocess.run([*way, option], capture_output=True).stdout for way in ways}
        assert len(said) == 1
    assert textzero.__version__ in invoke("--version").stdout


def test_help_names_every_command():
    listed = invoke("--help").stdout
    for command, line in COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(line[:40])}", listed, re.MULTILINE)
        assert "Usage: textzero" in invoke(command, "--help").stdout


# --- count and merge ----------------------------------------------------------------------------


def test_count_prints_words_by_count_then_code_point(text):
    result = invoke("count", text)
    assert (result.exit_code, result.stdout, result.stderr) == (0, TSV, "")


def test_count_reads_standard_input():
    assert run("count", "-", input=TEXT.encode()).stdout.decode() == TSV


def test_count_takes_the_top_and_the_frequent(text):
    assert invoke("count", text, "--top", 2).stdout == "the\t4\na\t3\n"
    assert invoke("count", text, "--min-count", 4).stdout == "the\t4\n"


def test_count_counts_sequences(text):
    tokens = [line.split() for line in TEXT.replace("\u5317\u4eac", "\u5317 \u4eac").splitlines()]
    grams = Counter(
        " ".join(line[i : i + n])
        for line in tokens
        for n in (2, 3)
        for i in range(len(line) - n + 1)
    )
    expected = sorted(grams.items(), key=lambda entry: (-entry[1], entry[0].encode()))
    result = invoke("count", text, "--ngrams", "2-3")
    assert result.stdout == "".join(f"{word}\t{n}\n" for word, n in expected)


def test_count_writes_formats_by_suffix_or_by_name(text, tmp_path):
    glove = TSV.replace("\t", " ")
    assert invoke("count", text, "--format", "glove").stdout == glove
    first = invoke("count", text, "--format", "jsonl", "--top", 1).stdout
    assert json.loads(first) == {"word": "the", "count": 4}
    assert invoke("count", text, "-o", tmp_path / "c.jsonl").exit_code == 0
    assert (tmp_path / "c.jsonl").read_text().splitlines()[0] == first.strip()
    result = invoke("count", text, "-o", tmp_path / "c.tsv", "--format", "glove")
    assert (tmp_path / "c.tsv").read_text(encoding="utf-8") == glove
    assert re.search(r"^wrote +\S*c\.tsv, 8 words, 46 bytes\n", result.stderr)
    assert re.search(r"^read +4 documents, 72 bytes, 20 tokens$", result.stderr, re.MULTILINE)
    assert invoke("count", text, "-q", "-o", tmp_path / "quiet.tsv").stderr == ""


def test_parquet_is_written_to_standard_output(text, tmp_path):
    import pyarrow.parquet

    (tmp_path / "c.parquet").write_bytes(run("count", text, "--format", "parquet").stdout)
    table = pyarrow.parquet.read_table(tmp_path / "c.parquet").to_pydict()
    assert dict(zip(table["word"], table["count"], strict=True)) == COUNTS


def test_counts_are_merged(text, tmp_path):
    for name in ("a.tsv", "b.jsonl"):
        assert invoke("count", text, "-o", tmp_path / name).exit_code == 0
    twice = "".join(f"{word}\t{2 * n}\n" for word, n in COUNTS.items())
    assert invoke("merge", tmp_path / "a.tsv", tmp_path / "b.jsonl").stdout == twice
    result = invoke("merge", tmp_path / "a.tsv", "--min-count", 3, "-o", tmp_path / "c.tsv")
    assert result.exit_code == 0 and (tmp_path / "c.tsv").read_text() == TSV[:22]


def test_losses_are_told_on_stderr(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"a \xff b\n")
    result = invoke("count", tmp_path / "t.txt")
    assert result.stdout == "a\t1\nb\t1\n" and "Warning: " in result.stderr
    assert invoke("count", "-q", tmp_path / "t.txt").stderr == ""


# --- co-occurrence and vectors ------------------------------------------------------------------


def test_cooccur_writes_a_folder(text, tmp_path):
    result = invoke("cooccur", text, "-o", tmp_path / "x", "--min-count", 2, "--window", 1)
    assert result.exit_code == 0
    matrix = Cooccurrence.load(tmp_path / "x")
    columns, x = matrix.row("saw")  # "cat saw the", "dog saw a"
    words = [matrix.vocabulary[j] for j in columns]
    assert dict(zip(words, x.tolist(), strict=True)) == {"the": 1, "a": 1, "cat": 1, "dog": 1}
    assert re.search(r"^wrote +\S+, [0-9]+ pairs, 7 words, ", result.stderr)
    assert re.search(r"^left out +1 word under min count$", result.stderr, re.MULTILINE)


def test_cooccur_takes_a_vocabulary(text, tmp_path):
    (tmp_path / "words.tsv").write_text("dog\t1\ncat\t1\n")
    invoke("cooccur", text, "-o", tmp_path / "x", "--vocabulary", tmp_path / "words.tsv")
    matrix = Cooccurrence.load(tmp_path / "x")
    assert list(matrix.vocabulary) == ["dog", "cat"]
    assert matrix.row("dog")[1].tolist() == [3]


def test_embed_reads_standard_input_and_uses_again_what_is_there(tmp_path):
    arguments = ["embed", "-", "-o", tmp_path / "v", "--dim", "4", "--min-count", "1"]
    first = run(*arguments, input=TEXT.encode())
    assert first.returncode == 0, first.stderr
    again = run(*arguments, input=TEXT.encode())
    assert again.returncode == 0 and b"is up to date" in again.stderr
    other = run(*arguments, input=b"a b\n")
    assert other.returncode == 5 and b"--force" in other.stderr


def test_options_of_embed_reach_the_training(text, tmp_path):
    result = invoke(
        "embed", text, "-o", tmp_path / "v", "--dim", 4, "--min-count", 2, "--max-words", 5,
        "--model", "concat", "--unobserved-weight", 0, "--x-max", 3, "--untruncated", "--seed", 7,
        "--window", 2, "--weighting", "flat", "--keep-gaps", "--lowercase", "-q",
    )  # fmt: skip
    assert (result.exit_code, result.output) == (0, "")
    loaded = WordVectors.load(tmp_path / "v")
    assert (len(loaded), loaded.dim) == (5, 8)
    expected = {
        "model": "concat", "unobserved_weight": 0, "x_max": 3, "truncate": False, "seed": 7,
        "window": 2, "weighting": "flat", "keep_gaps": True, "lowercase": True, "min_count": 2,
    }  # fmt: skip
    settings = loaded.manifest["settings"]
    assert {name: settings[name] for name in expected} == expected


def ranking(rows):
    return "".join(f"{word}\t{score:.4f}\n" for word, score in rows)


def test_neighbours_are_those_of_the_library(vectors):
    loaded = WordVectors.load(vectors)
    assert invoke("similar", vectors, "cat", "-n", 3).stdout == ranking(loaded.similar("cat", 3))
    assert invoke("related", vectors, "cat", "--metric", "inner").stdout == ranking(
        loaded.related("cat", metric="inner")
    )
    assert invoke("analogy", vectors, "cat", "dog", "the", "--method", "mul").stdout == ranking(
        loaded.analogy("cat", "dog", "the", method="mul")
    )
    assert invoke("keywords", vectors, "the", "cat \u5317\u4eac").stdout == ranking(
        loaded.keywords(["the", "cat", "\u5317", "\u4eac"])
    )
    several = invoke("similar", vectors, "cat", "dog", "-n", 1, "--n-context", 5).stdout
    assert [line.split("\t")[0] for line in several.splitlines()] == ["cat", "dog"]


def test_sentences_are_compared_or_printed(vectors):
    loaded = WordVectors.load(vectors)
    score = loaded.sentence_similarity(["the", "cat"], ["a", "dog"])
    assert invoke("sentence", vectors, "the cat", "a dog").stdout == f"{score:.4f}\n"
    printed = invoke(
        "sentence",
        vectors,
        "-",
        stdin="the cat\na dog\n",
    ).stdout
    rows = np.array([line.split("\t") for line in printed.splitlines()], float)
    expected = [loaded.sentence_vector(["the", "cat"]), loaded.sentence_vector(["a", "dog"])]
    np.testing.assert_allclose(rows, expected, rtol=1e-5)  # six digits are printed


def test_a_python_tokenizer_of_vectors_is_named_again(text, tmp_path):
    arguments = ["-o", tmp_path / "v", "--dim", 4, "--min-count", 1]
    assert invoke("embed", text, *arguments, "--tokenizer", "textzero.tokens:char").exit_code == 0
    refused(invoke("keywords", tmp_path / "v", "cat"), 3, "name it again with --tokenizer")
    named = invoke("keywords", tmp_path / "v", "cat", "--tokenizer", "textzero.tokens:char")
    assert {line.split("\t")[0] for line in named.stdout.splitlines()} == {"c", "a", "t"}


def test_vectors_are_evaluated(vectors, tmp_path):
    (tmp_path / "pairs.txt").write_text("cat dog 9\nthe saw 1\nand a 5\nx y 2\n")
    (tmp_path / "analogies.txt").write_text(": all\ncat dog the a\n")
    both = [tmp_path / "pairs.txt", tmp_path / "analogies.txt"]
    printed = invoke("evaluate", "vectors", vectors, *both).stdout.splitlines()
    assert re.fullmatch(r".*pairs\.txt\tSpearman -?\d\.\d{4}\tcovered 3 of 4", printed[0])
    assert re.fullmatch(
        r".*analogies\.txt\t3CosAdd [01]\.\d{4}  3CosMul [01]\.\d{4}\tcovered 1 of 1", printed[1]
    )
    rows = invoke("evaluate", "vectors", vectors, *both, "--json").stdout.splitlines()
    assert [json.loads(row)["covered"] for row in rows] == [3, 1]
    rows = invoke("evaluate", "vectors", vectors, both[0], "--remove-common", 1, "--json").stdout
    removed = WordVectors.load(vectors).without_common_directions(1)
    assert json.loads(rows)["spearman"] == evaluate_similarity(removed, both[0]).spearman
    result = invoke("evaluate", "vectors", vectors, both[0], "--remove-common", 5)
    refused(result, 2, "directions")


def test_vectors_are_converted_there_and_back(vectors, tmp_path):
    source = vectors
    for format in ("word2vec", "glove", "word2vec-binary", "projector", "textzero"):
        result = invoke("convert", source, tmp_path / format, "--to", format)
        assert result.exit_code == 0, result.output
        assert f"{tmp_path / format}, 8 vectors, dimension 4, " in result.stderr
        source = tmp_path / format
    loaded, original = WordVectors.load(source), WordVectors.load(vectors)
    assert list(loaded.vocabulary) == list(original.vocabulary)
    np.testing.assert_array_equal(loaded.vectors, original.vectors)
    invoke("convert", vectors, tmp_path / "two.txt", "--to", "glove", "--limit", 2)
    assert len((tmp_path / "two.txt").read_text().splitlines()) == 2
    (tmp_path / "twice.txt").write_text("a 1 2\na 3 4\n")
    result = invoke("convert", tmp_path / "twice.txt", tmp_path / "once", "--to", "glove")
    assert re.search("^lost +1 rows of words seen before were dropped$", result.stderr, re.M)


# --- errors: 2 usage, 3 input, 4 resources, 5 output exists, 130 Ctrl-C -------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["cuont", "x"], "no such command 'cuont': did you mean 'count'"),
        (["nonsense"], "see textzero --help"),
        (["count"], r"textzero count needs CORPUS\.\.\."),
        (["count", "x", "--ngrams", "2-"], "expected a number or a range such as 1-3, got '2-'"),
        (["count", "x", "--ngrams", "3-2"], "ngrams"),
        (["count", "x", "--top", "0"], "--top"),
        (["count", "x", "--workers", "0"], "--workers"),
        (["count", "x", "--encoding", "klingon"], "encoding must be"),
        (["count", "x", "--tokenizer", "nothing"], "tokenizer must be"),
        (["count", "x", "--tokenizer", "no.such:thing"], "cannot be imported"),
        (["cooccur", "{text}", "-o", "{tmp}/x", "--memory", "much"], "memory must be a size"),
        (["cooccur", "{text}", "-o", "{tmp}/x", "--memory", "1MB"], "memory must be at least"),
        (["embed", "{text}"], "textzero embed needs -o FOLDER"),
        (["count", "{text}", "--documents", "--format", "glove"], "--documents has no place"),
        (["embed", "{text}", "-o", "{tmp}/x", "--x-max", "0"], "x_max must be positive"),
        (
            ["cooccur", "{text}", "-o", "{tmp}/x", "--vocabulary", "{text}", "--max-words", "9"],
            "--max-words is of no use",
        ),
        (
            ["cooccur", "{text}", "-o", "{tmp}/x", "--vocabulary", "{text}", "--min-count", "5"],
            "--min-count is of no use",
        ),
        (["convert", "{text}", "{tmp}/x"], "--to"),
    ],
)
def test_wrong_usage_ends_with_2(text, tmp_path, arguments, message):
    arguments = [a.format(text=text, tmp=tmp_path) for a in arguments]
    refused(invoke(*arguments), 2, message)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["count", "{tmp}/none.txt"], r"none\.txt"),
        (["count", "{bad}", "--strict", "-o", "{tmp}/x.tsv"], "byte 2"),
        (["count", "{cut}", "-o", "{tmp}/x.tsv"], "cut or corrupt"),
        (["merge", "{text}"], r'text\.txt:1: expected "word<TAB>count"'),
        (["merge", "{tmp}/none.tsv", "-o", "{tmp}/x.tsv"], "cannot be read"),
        (["cooccur", "{cut}", "-o", "{tmp}/x"], "cut or corrupt"),
        (["cooccur", "{text}", "-o", "{tmp}/x", "--min-count", "9"], "at least two words"),
        (["cooccur", "{text}", "-o", "{tmp}/x", "--vocabulary", "{text}"], "expected"),
        (["cooccur", "{text}", "-o", "{tmp}/x", "--vocabulary", "{none}"], "at least two words"),
        (["similar", "{tmp}/absent", "cat"], "absent cannot be read"),
        (["similar", "{vectors}", "cats"], "no vector for 'cats': did you mean 'cat'"),
        (["analogy", "{vectors}", "cat", "dog", "xyz"], "no vector for 'xyz'"),
        (["keywords", "{vectors}", "xyz"], "no word of 'xyz' has a vector"),
        (["sentence", "{vectors}", "", "cat", "dog"], "sentence 1: no word of '' has a vector"),
        (["evaluate", "vectors", "{vectors}", "{none}"], "holds no question"),
        (["convert", "{text}", "{tmp}/x", "--to", "glove"], "must be a vector file"),
        (["convert", "{lie}", "{tmp}/x", "--to", "glove"], "promises 999,999,999,999 rows"),
    ],
)
def test_bad_input_ends_with_3_and_nothing_under_the_final_name(
    text, vectors, tmp_path, arguments, message
):
    import gzip

    (tmp_path / "bad").write_bytes(b"a \xff\n")
    (tmp_path / "cut").write_bytes(gzip.compress(TEXT.encode() * 100)[:-20])
    (tmp_path / "lie").write_bytes(b"999999999999 300\na 1 2 3")
    (tmp_path / "none").write_bytes(b"")
    names = {"text": text, "tmp": tmp_path, "vectors": vectors}
    names |= {name: tmp_path / name for name in ("bad", "cut", "lie", "none")}
    before = sorted(tmp_path.iterdir())
    refused(invoke(*(a.format(**names) for a in arguments)), 3, message)
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_in_a_tokenizer_names_its_line(text, tmp_path):
    (tmp_path / "mine.py").write_text("def cut(text):\n    return text.nothing\n")
    result = run("count", text, "--tokenizer", "mine:cut", cwd=tmp_path)
    assert result.returncode == 3 and result.stdout == b""
    assert b"mine.py, line 2" in result.stderr and b"Traceback" not in result.stderr


def test_a_killed_worker_ends_the_run_with_4(text, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import os, signal\n\n\ndef cut(text):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    shutil.copy(text, tmp_path / "more.txt")  # two files are two tasks, which go to processes
    arguments = ["--workers", 2, "--tokenizer", "mine:cut", "-o", tmp_path / "x.tsv"]
    result = run("count", text, tmp_path / "more.txt", *arguments, cwd=tmp_path)
    assert result.returncode == 4 and b"SIGKILL" in result.stderr
    assert b"Traceback" not in result.stderr
    assert not (tmp_path / "x.tsv").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no POSIX permissions here")
@pytest.mark.parametrize("command", ["count", "cooccur", "embed"])
def test_an_output_that_cannot_be_written_ends_with_4(text, command):
    # /dev/null is no folder, not even for root
    result = invoke(command, text, "-o", "/dev/null/x", "--min-count", 1)
    refused(result, 4, "/dev/null")


def test_the_folders_above_an_output_are_made(text, tmp_path):
    for command in ("cooccur", "embed"):
        result = invoke(command, text, "-o", tmp_path / command / "a" / "b", "--min-count", 1)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["count", "{tmp}/none", "-o", "{tmp}/missing/x.tsv"], 4),
        (["merge", "{tmp}/none", "-o", "{tmp}/missing/x.tsv"], 4),
        (["cooccur", "{tmp}/none", "-o", "{text}", "--force"], 5),
    ],
)
def test_an_output_that_cannot_be_is_told_before_anything_is_read(text, tmp_path, arguments, code):
    arguments = [a.format(text=text, tmp=tmp_path) for a in arguments]
    refused(invoke(*arguments), code, arguments[3])


@pytest.mark.parametrize(
    "arguments",
    [
        ["count", "{text}", "-o", "{old}"],
        ["merge", "{table}", "-o", "{old}"],
        ["cooccur", "{text}", "-o", "{old}"],
        ["embed", "{text}", "-o", "{old}"],
        ["convert", "{vectors}", "{old}", "--to", "glove"],
    ],
)
def test_an_output_that_is_there_ends_with_5(text, vectors, tmp_path, arguments):
    (tmp_path / "table").write_text(TSV, encoding="utf-8")
    old = tmp_path / "old"
    old.write_text("mine")
    names = {"text": text, "old": old, "table": tmp_path / "table", "vectors": vectors}
    refused(invoke(*(a.format(**names) for a in arguments)), 5, "old")
    assert old.read_text() == "mine"
    if arguments[0] not in ("cooccur", "embed"):  # whose output is a folder
        assert invoke(*(a.format(**names) for a in arguments), "--force").exit_code == 0
        assert old.read_text(encoding="utf-8") != "mine"


SLOW = "import time\n\n\ndef cut(text):\n    open('begun', 'w').close()\n    time.sleep(60)\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("command", ["count", "embed"])
def test_ctrl_c_ends_with_130_and_leaves_nothing(tmp_path, command, workers):
    (tmp_path / "mine.py").write_text(SLOW)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    before = {path.name for path in tmp_path.iterdir()}
    process = subprocess.Popen(
        [sys.executable, "-m", "textzero", command, "a.txt", "b.txt", "-o", "out",
         "--workers", str(workers), "--tokenizer", "mine:cut"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    try:
        limit = time.monotonic() + 30
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < limit and process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        stdout, stderr = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 130 and stdout == b""
    assert stderr.decode().strip() == "Error: interrupted"
    left = {path.name for path in tmp_path.iterdir()} - before - {"begun", "__pycache__"}
    assert left <= {"out"} and not list(tmp_path.glob("out/*"))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send")
def test_ctrl_c_in_a_kernel_leaves_no_temporary_folder(tmp_path):
    # one document a line, 30 MB: some seconds of counting, the first of which fill a run
    random = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(3000)])
    block = "".join(" ".join(row) + "\n" for row in random.choice(words, (20_000, 30)))
    (tmp_path / "big.txt").write_text(block * 10)
    process = subprocess.Popen(
        [sys.executable, "-m", "textzero", "cooccur", "big.txt", "-o", "out", "--window", "20",
         "--memory", "300MB"],
        cwd=tmp_path, stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    try:
        limit = time.monotonic() + 30
        while not list(tmp_path.glob(".out.textzero")):
            assert time.monotonic() < limit and process.poll() is None
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130 and stderr.startswith(b"Error: interrupted")
    left = [path.name for path in tmp_path.iterdir() if path.name != ".out.textzero"]
    assert left == ["big.txt"]
    if b"is kept in" not in stderr:  # what a run would go on from
        assert not (tmp_path / ".out.textzero").exists()


def test_ctrl_c_that_breaks_the_wait_for_a_lock_is_ctrl_c(tmp_path, monkeypatch):
    def breaks(*_, **__):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("cannot release un-acquired lock")

    monkeypatch.setattr("textzero.counting.count_words", breaks)
    (tmp_path / "a.txt").write_text("a b")
    result = CliRunner().invoke(main, ["count", str(tmp_path / "a.txt")])
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no head")
@pytest.mark.parametrize("command", ["count {text} --ngrams 1-3", "similar {vectors} w0 -n 20000"])
def test_a_reader_that_goes_away_ends_the_run_quietly(tmp_path, command):
    words = [f"w{i}" for i in range(20_000)]
    text = tmp_path / "words.txt"
    text.write_text("\n".join(words))
    if "vectors" in command:
        (tmp_path / "v").write_text("".join(f"{w} {i} 1 {-i}\n" for i, w in enumerate(words)))
    command = command.format(text=text, vectors=tmp_path / "v")
    result = subprocess.run(
        f"set -o pipefail; {sys.executable} -m textzero {command} | head -n 1",
        shell=True, executable="/bin/bash", capture_output=True, timeout=60,
    )  # fmt: skip
    assert result.returncode in (0, 141) and result.stderr == b""
    assert result.stdout.count(b"\n") == 1


# --- locales ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "locale", [{"LANG": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_input_arguments_and_output_are_utf8_in_any_locale(vectors, tmp_path, locale):
    path = tmp_path / "\u6587.txt"
    path.write_text(TEXT, encoding="utf-8")
    assert run("count", path, env=locale).stdout.decode() == TSV
    assert run("count", "-", env=locale, input=TEXT.encode()).stdout.decode() == TSV
    expected = ranking(WordVectors.load(vectors).similar("\u5317", 7))
    result = run("similar", vectors, "\u5317", "-n", 7, env=locale)
    assert result.stdout.decode() == expected and "\u4eac" in expected
    result = run("keywords", vectors, "-", env=locale, input="\u5317\u4eac".encode())
    assert {line.split("\t")[0] for line in result.stdout.decode().splitlines()} == {
        "\u5317", "\u4eac",
    }  # fmt: skip
    result = run("similar", vectors, "\u5357", env=locale)
    assert result.returncode == 3 and "\u5357" in result.stderr.decode()


def test_output_is_utf8_where_the_terminal_is_not(vectors):
    result = run("similar", vectors, "\u5317", env={"PYTHONIOENCODING": "latin-1"})
    assert "\u4eac\t" in result.stdout.decode()


def test_no_bar_is_drawn_where_nobody_looks(text, tmp_path):
    result = run("embed", text, "-o", tmp_path / "v", "--dim", 4, "--min-count", 1)
    assert result.returncode == 0 and b"\x1b" not in result.stderr and b"\r" not in result.stderr


def test_bars_are_drawn_for_a_person(monkeypatch):
    from textzero_cli import _progress

    stderr = io.StringIO()
    stderr.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stderr)
    bars = _progress.make_progress(quiet=False)
    with bars.stage("count", 100):
        bars.advance(100)
    with bars.stage("train", 0, "records"):
        bars.advance(1)
    assert "count" in stderr.getvalue() and set(bars.seconds) == {"count", "train"}
    assert not isinstance(_progress.make_progress(quiet=True), _progress.Bars)


def test_a_closed_standard_output_is_told():
    command = f"{shlex.quote(sys.executable)} -m textzero count {shlex.quote(__file__)} >&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 4
    assert "standard output is closed" in result.stderr and "Traceback" not in result.stderr
