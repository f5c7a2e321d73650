"""Which files a corpus finds, opens or refuses; texts that are no files."""

import gzip
import io
import os
import sys
import threading

import fsspec
import pytest
from corpus_makers import write

from textzero.corpus import Corpus, as_corpus, sources
from textzero.counting import count_words
from textzero.errors import InputError


def test_folders_are_read_in_order_of_name_without_hidden_files(tmp_path):
    for name in ("b.txt", "a/2.txt", "a/1.txt", ".hidden", "a/.git/config", "c.py"):
        write(tmp_path / name, name)
    assert list(Corpus(tmp_path)) == ["a/1.txt", "a/2.txt", "b.txt", "c.py"]
    assert list(Corpus(tmp_path, include=["*.txt"])) == ["a/1.txt", "a/2.txt", "b.txt"]
    assert list(Corpus(tmp_path, include=["a/*"])) == ["a/1.txt", "a/2.txt"]
    assert list(Corpus(tmp_path, exclude=["*.txt"])) == ["c.py"]
    assert list(Corpus(tmp_path / "c.py", tmp_path / "b.txt")) == ["c.py", "b.txt"]


@pytest.mark.parametrize("pattern", ["a", "a/", "[a]", "a/*", "b/a", "*/a"])
def test_a_pattern_may_name_a_folder_wherever_it_stands(tmp_path, pattern):
    for name in ("a/1.txt", "ab.txt", "b/a/2.txt", "b/3.txt"):
        write(tmp_path / name, name)
    inside = {"a/1.txt", "b/a/2.txt"}
    if "*" in pattern or pattern == "b/a":  # a path, from the folder that is read
        inside = {"a/1.txt"} if pattern == "a/*" else {"b/a/2.txt"}
    assert set(Corpus(tmp_path, include=[pattern])) == inside
    assert set(Corpus(tmp_path, exclude=[pattern])) == {
        "a/1.txt", "ab.txt", "b/a/2.txt", "b/3.txt",
    } - inside  # fmt: skip


def test_globs_find_each_file_once(tmp_path):
    for name in ("a.txt", "in/b.txt", "in/deep/c.txt", "in/deep/d.md"):
        write(tmp_path / name, name)
    assert list(Corpus(f"{tmp_path}/*.txt")) == ["a.txt"]
    assert list(Corpus(f"{tmp_path}/i*")) == ["in/b.txt", "in/deep/c.txt", "in/deep/d.md"]
    assert sorted(Corpus(f"{tmp_path}/**")) == [
        "a.txt",
        "in/b.txt",
        "in/deep/c.txt",
        "in/deep/d.md",
    ]
    assert list(Corpus(f"{tmp_path}/**/*.md")) == ["in/deep/d.md"]


def test_a_file_whose_name_looks_like_a_pattern_is_found(tmp_path):
    assert list(Corpus(write(tmp_path / "a[1].txt", "x"))) == ["x"]


@pytest.mark.parametrize("path", ["missing", "missing*", ""])
def test_what_is_not_there_is_named(path):
    with pytest.raises(InputError, match=r"no such file or folder: |no file matches the pattern "):
        list(Corpus(path))


def test_no_file_left_is_an_error(tmp_path):
    write(tmp_path / "a.txt", "x")
    with pytest.raises(InputError, match=r"no files matching \*\.py in"):
        list(Corpus(tmp_path, include=["*.py"]))
    with pytest.raises(InputError, match="no files in an empty list"):
        list(Corpus())


def test_loops_pipes_and_broken_links_are_passed_over_and_named(tmp_path):
    write(tmp_path / "sub" / "a.txt", "x")
    os.symlink("..", tmp_path / "sub" / "loop")
    os.symlink("self", tmp_path / "self")
    os.symlink("nowhere", tmp_path / "broken")
    os.mkfifo(tmp_path / "pipe")
    corpus = Corpus(tmp_path)
    assert list(corpus) == ["x"]
    reasons = [entry.removeprefix(f"{tmp_path}/") for entry in corpus.new_reading().skipped]
    assert [reason.split(":")[0] for reason in reasons] == ["broken", "pipe", "self"]
    assert "pipe: not a regular file" in reasons
    with pytest.raises(InputError, match="drop --strict"):
        list(Corpus(tmp_path, strict=True))


def test_an_unreadable_file_in_a_folder_is_skipped_and_a_named_one_is_an_error(
    tmp_path, monkeypatch
):
    write(tmp_path / "a.txt", "x")
    locked = write(tmp_path / "locked.txt", "y")

    def open_unless_locked(path, *arguments, **options):  # root may open any file, so chmod
        if str(path) == str(locked):  # would show nothing
            raise PermissionError(13, "Permission denied")
        return open(path, *arguments, **options)

    monkeypatch.setattr(sources, "open", open_unless_locked, raising=False)
    corpus = Corpus(tmp_path)
    assert list(corpus) == ["x"]
    assert corpus.new_reading().losses() == [f"skipped {locked}: Permission denied"]
    with pytest.raises(InputError, match=r"locked\.txt cannot be read: Permission denied"):
        list(Corpus(locked))


def test_standard_input_and_named_pipes_can_be_read_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"a\nb"))))
    corpus = Corpus("-")
    assert list(corpus) == list(corpus) == ["a", "b"]
    assert corpus.sources[0].path == "-"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"c\nd\n",))
    writer.start()
    corpus = Corpus(pipe)
    assert list(corpus) == list(corpus) == ["c", "d"]
    writer.join()


def test_urls_are_opened_by_fsspec():
    memory = fsspec.filesystem("memory")
    memory.pipe({"/c/b.txt": b"b", "/c/a.txt.gz": gzip.compress(b"a"), "/c/.d/x.txt": b"x"})
    try:
        assert list(Corpus("memory://c")) == ["a", "b"]
        assert list(Corpus("memory://c/b.txt")) == ["b"]
        assert list(Corpus("memory://c/*.gz")) == ["a"]
        with pytest.raises(InputError, match=r"memory://nothing\.txt cannot be read"):
            list(Corpus("memory://nothing.txt"))
    finally:
        memory.rm("/c", recursive=True)


def test_a_corpus_of_strings_is_read_as_they_are():
    texts = ["two\nlines", "", "a\x1eb", "\ufeffmark"]
    assert list(Corpus.from_documents(texts)) == ["two\nlines", "a b", "\ufeffmark"]
    assert count_words(texts).reading.documents == 3
    assert not Corpus.from_documents(iter(texts)).repeatable
    with pytest.raises(TypeError, match="got a single string"):
        as_corpus("text")
    with pytest.raises(TypeError, match="documents must be strings, got int"):
        list(Corpus.from_documents([1]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"document": "page"}, "document must be one of line, file"),
        ({"format": "xml"}, "format must be one of"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"encoding": "klingon"}, "encoding must be 'auto' or a Python codec"),
        ({"encoding": "base64"}, "encoding must be 'auto' or a Python codec"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        Corpus("x", **settings)


def test_a_generator_is_not_silently_empty_the_second_time():
    corpus = Corpus.from_documents(text for text in ["a", "b"])
    assert list(corpus) == ["a", "b"]
    with pytest.raises(TypeError, match="can be read only once"):
        list(corpus)
    again = Corpus.from_documents(["a", "b"])
    assert list(again) == list(again) == ["a", "b"]
