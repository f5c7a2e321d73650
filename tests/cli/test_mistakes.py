"""Mistakes that newcomers make: each is answered by one sentence that says what to do."""

import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile

import click
import pytest
from click.testing import CliRunner

from textzero._compat import has_package
from textzero_cli.main import main

TEXT = "the cat saw the dog\nthe dog saw a cat\na cat and a dog\n"

# what was typed; how it ends; the sentence, where ... stands for anything
MISTAKES = [
    # files
    ("count txet.txt", 3, "no such file or folder: txet.txt; did you mean text.txt?"),
    ("count report.pdf", 3, "report.pdf: a PDF is no text; extract its text first, such as with "
     "pdftotext"),
    ("count letter.docx", 3, "letter.docx: an Office document or e-book is no plain text; save it "
     "as plain text first"),
    ("count texts.zip", 3, "texts.zip: a zip archive must be unpacked first"),
    ("count scan.png", 3, "scan.png: a picture is no text; read it first, such as with tesseract"),
    ("count empty", 3, "no files in empty"),
    ("count gb.txt --strict", 3, "gb.txt: byte 0 is not UTF-8; it looks like gb18030, use "
     "--encoding gb18030 or drop --strict"),
    ("count reviews.jsonl", 3, "reviews.jsonl has no field 'text'; name one of its fields with "
     "field= (--field): texts, label (did you mean 'texts'?)"),
    ("count reviews.csv --column bdoy", 3, "reviews.csv has no column 'bdoy'; name one of its "
     "columns with field= (--column): body, label (did you mean 'body'?)"),
    # outputs
    ("embed text.txt", 2, "textzero embed needs -o FOLDER (folder to write); see textzero embed "
     "--help"),
    ("count text.txt -o old.tsv", 5, "old.tsv already exists; choose another name or pass --force"),
    ("count text.txt -o nowhere/x.tsv", 4, "nowhere/x.tsv cannot be written: there is no folder "
     "nowhere"),
    ("count text.txt -o en.xlsx", 2, "textzero count writes no .xlsx: end the name en.xlsx in "
     ".tsv, .parquet or .jsonl, or tell its --format"),
    ("merge old.tsv -o en.CSV", 2, "textzero merge writes no .csv: end the name en.CSV in ..."),
    ("discover text.txt -o lex.json", 2, "textzero discover writes no .json: end the name lex.json "
     "in .tsv"),
    ("report vectors -o v.png", 2, "textzero report writes no .png: end the name v.png in .html; "
     "--pictures FOLDER writes .png or .svg"),
    ("segment lexicon.tsv text.txt -o x.docx", 2, "textzero segment writes no .docx: end the name "
     "x.docx in .txt, or with --json .jsonl"),
    ("count text.txt --json", 2, "--json prints a summary, and the result goes to standard output "
     "too: name a file for it with -o, or take the rows themselves with --format jsonl"),
    # misspelled
    ("cuont text.txt", 2, "no such command 'cuont': did you mean 'count'?"),
    ("count text.txt --min-cuont 2", 2, "textzero count has no option --min-cuont: did you mean "
     "'--min-count'?"),
    ("count text.txt --nope 2", 2, "textzero count has no option --nope; see textzero count "
     "--help"),
    ("clean emtpy", 2, "no such folder: emtpy; did you mean empty?"),
    ("discover text.txt --method unigrm", 2, "--method must be unigram, entropy or cohesion, got "
     "'unigrm': did you mean 'unigram'?"),
    ("train clasifier text.txt -o m", 2, "textzero train has no command 'clasifier': did you mean "
     "'classifier'?"),
    ("count text.txt --tokenizer whitespce", 2, "tokenizer must be whitespace, word, char, the "
     "file of a lexicon or package.module:function, got 'whitespce': did you mean 'whitespace'?"),
    ("count text.txt --tokenizer lexcion.tsv", 3, "lexcion.tsv cannot be read: No such file or "
     "directory; did you mean lexicon.tsv?"),
    ("count text.txt --encoding utf9", 2, "encoding must be 'auto' or a Python codec, got 'utf9': "
     "did you mean 'utf8'?"),
    ("similar vectors kat", 3, "no vector for 'kat': did you mean 'cat'?"),
    ("analogy vectors cat dgo the", 3, "no vector for 'dgo': did you mean 'dog'?"),
    ("similar vektors cat", 3, "vektors cannot be read: No such file or directory; did you mean "
     "vectors?"),
    # one thing for another
    ("similar lexicon.tsv cat", 3, "lexicon.tsv must be a vector file (...), got ...; textzero "
     "embed makes vectors of a text"),
    ("similar model.bin cat", 3, "model.bin is a Python pickle, which could run code; convert it "
     "with the tool that wrote it"),
    ("similar empty cat", 3, "empty/manifest.json cannot be read: it is not there; name the folder "
     "of vectors that `textzero embed` or `convert` wrote"),
    ("similar vectors/vectors.safetensors cat", 3, "vectors/vectors.safetensors is one file of "
     "vectors; name its folder, vectors"),
    ("convert vectors x --to jieba", 3, "vectors holds vectors, and --to jieba takes words; their "
     "words are vectors/vocabulary.tsv"),
    ("similar above cat", 3, "above holds no vectors by itself; did you mean above/vectors?"),
    ("segment vectors text.txt", 3, "vectors must be the file of a lexicon, got a folder"),
    ("merge text.txt", 3, "text.txt:1: expected \"word<TAB>count\", got 'the cat saw the dog'"),
    ("parse lexicon.tsv text.txt", 3, "lexicon.tsv:1: expected a header with the column "
     '"template"; got ...'),
    ("analogy vectors cat dog", 2, "textzero analogy needs C; see textzero analogy --help"),
    ("analogy vectors cat dog the saw", 2, "saw is more than textzero analogy takes: textzero "
     "analogy [OPTIONS] VECTORS A B C"),
    # numbers
    ("count text.txt --memory 4", 2, "--memory must be at least 300 MB, got '4'; give it a unit, "
     "such as 4GB"),
    ("count text.txt --top -3", 2, "--top must be at least 1, got -3"),
    ("count text.txt --ngrams 0", 2, "--ngrams: expected a number from 1 to 1000, or a range of "
     "them such as 1-3, got '0'"),
    ("count text.txt --min-count two", 2, "--min-count must be a whole number, got 'two'"),
    ("embed text.txt -o v --min-count 1000", 3, "a vocabulary needs at least two words, got 0: of "
     "6 words (15 tokens), 0 passed min_count=1000; lower --min-count or give more text"),
]  # fmt: skip

NEEDS_MODELS = [
    ("tag vectors text.txt", 3, "vectors must be a model that `textzero train` wrote, got vectors; "
     "train one from them first"),
    ("classify text.txt text.txt", 3, "text.txt must be a model that `textzero train` wrote, got a "
     "file"),
    ("train tagger words.txt -o m", 3, "words.txt:1: expected a token in column 0 and its tag in "
     "column -1 (...), got 1: 'cat'; lines of words alone are read with --form words ..."),
    ("train classifier reviews.csv --text-column bdoy -o m", 3, "reviews.csv:1: expected a column "
     "or field bdoy for the text, got body, label; name yours with text= (--text-column); did you "
     "mean 'body'?"),
    ("train classifier reviews.csv --set epcohs=3 -o m", 2, "--set: there is no setting 'epcohs': "
     "did you mean 'epochs'?"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What lies about in a newcomer's folder."""
    folder = tmp_path_factory.mktemp("newcomer")
    files = {
        "text.txt": TEXT.encode(),
        "report.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        "scan.png": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "model.bin": pickle.dumps({"word": [1.0]}),
        "gb.txt": ("我们在北京大学学习中文。\n" * 30).encode("gb18030"),
        "old.tsv": b"x\t1\n",
        "lexicon.tsv": b"the\t4\ncat\t3\n",
        "words.txt": b"cat\ndog\n",
        "reviews.jsonl": b'{"texts": "a b", "label": "x"}\n',
        "reviews.csv": b"body,label\na b,x\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for name in ("letter.docx", "texts.zip"):
        with zipfile.ZipFile(folder / name, "w") as file:
            file.writestr("a.txt", "words")
    (folder / "empty").mkdir()
    arguments = ["embed", folder / "text.txt", "-o", folder / "vectors", "--dim", "4",
                 "--min-count", "1", "-q"]  # fmt: skip
    assert CliRunner().invoke(main, [str(a) for a in arguments]).exit_code == 0
    shutil.copytree(folder / "vectors", folder / "above" / "vectors")
    return folder


def check(folder, monkeypatch, typed, exit_code, sentence):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    result = CliRunner().invoke(main, typed.split(), prog_name="textzero")
    assert result.exit_code == exit_code, result.output
    assert result.stdout == "" and "Traceback" not in result.stderr
    *before_it, last = result.stderr.splitlines()
    assert not before_it or typed.startswith("embed")  # which tells what it has counted
    pattern = ".*".join(map(re.escape, f"Error: {sentence}".split("...")))
    assert re.fullmatch(pattern, last), last
    if typed.startswith("embed"):  # what it has counted stays
        shutil.rmtree(folder / "v", ignore_errors=True)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("typed, exit_code, sentence", MISTAKES, ids=lambda x: str(x)[:30])
def test_a_mistake_is_answered_by_one_sentence(folder, monkeypatch, typed, exit_code, sentence):
    check(folder, monkeypatch, typed, exit_code, sentence)


@pytest.mark.skipif(not has_package("keras"), reason="Keras is not installed")
@pytest.mark.parametrize("typed, exit_code, sentence", NEEDS_MODELS, ids=lambda x: str(x)[:30])
def test_a_mistake_in_training_is_answered_too(folder, monkeypatch, typed, exit_code, sentence):
    check(folder, monkeypatch, typed, exit_code, sentence)


@pytest.mark.skipif(has_package("keras"), reason="Keras is installed")
def test_training_without_keras_says_how_to_install_it(folder, monkeypatch):
    sentence = "this command needs Keras and TensorFlow: pip install 'textzero[models]'"
    check(folder, monkeypatch, "train tagger words.txt -o m", 1, sentence)


def test_text_in_another_encoding_is_told_even_when_it_is_read(folder):
    result = CliRunner().invoke(main, ["count", str(folder / "gb.txt"), "--top", "1"])
    assert result.exit_code == 0
    assert "it looks like gb18030, use --encoding gb18030" in result.stderr


def test_a_file_that_begins_with_a_dash_is_no_option(folder, monkeypatch, tmp_path):
    (tmp_path / "-dash.txt").write_text("a b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["textzero", "count", "-dash.txt"])
    refused = CliRunner().invoke(main, sys.argv[1:], prog_name="textzero")
    sentence = "textzero count has no option -d; write ./-dash.txt for the file of this name"
    assert (refused.exit_code, refused.stderr) == (2, f"Error: {sentence}\n")
    assert CliRunner().invoke(main, ["count", "./-dash.txt"]).stdout == "a\t1\nb\t1\n"
    monkeypatch.chdir(folder)
    for output in ("-o", "--output"):
        empty = CliRunner().invoke(main, ["count", "text.txt", output, ""], prog_name="textzero")
        assert empty.stderr == "Error: --output must be a name, got an empty one\n"
    empty = CliRunner().invoke(main, ["count", ""], prog_name="textzero")
    assert empty.stderr == "Error: CORPUS must name files or folders, got an empty name\n"


def test_a_path_that_may_not_be_read_is_named():
    from textzero_cli._sentences import usage_sentence

    closed = click.BadParameter("Path 'a b' is not readable.", param=click.Argument(["lexicon"]))
    assert usage_sentence(closed) == "a b cannot be read: Permission denied"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_behind_standard_output_is_one_sentence(folder):
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "textzero", "count", str(folder / "text.txt")]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    sentence = "Error: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (4, sentence)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal here")
@pytest.mark.parametrize("typed", ["count -", "similar {folder}/vectors -"])
def test_a_person_is_told_that_standard_input_is_waited_for(folder, typed):
    import pty

    person, terminal = pty.openpty()
    os.write(person, b"cat\n\x04\x04")
    command = [sys.executable, "-m", "textzero", *typed.format(folder=folder).split()]
    done = subprocess.run(command, stdin=terminal, capture_output=True, text=True, timeout=60)
    os.close(person)
    os.close(terminal)
    assert done.returncode == 0 and done.stdout
    hint = "reading what you type here, up to Ctrl-D; give files to read those instead\n"
    assert done.stderr == hint
