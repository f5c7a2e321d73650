"""Words counted by a Python tokenizer, in processes; its faults are named."""

import os
import re
from functools import partial

import pytest
from count_makers import obvious, table
from hypothesis import given, settings
from hypothesis import strategies as st

from textzero import counting
from textzero.corpus import Corpus, streams
from textzero.counting import count_words
from textzero.errors import ResourceError, TokenizerError
from textzero.progress import Progress

MODULE = """
import os, signal

def split(text):
    return text.split()

def fail_on_bad(text):
    if "bad" in text:
        return text[10_000]
    return text.split()

def numbers(text):
    return [len(text)]

def die_on_bad(text):
    if "bad" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return text.split()

def split_elsewhere(text):
    return text.split()

MAKER = os.getpid()
if "TEXTZERO_TEST_PARENT" in os.environ and os.environ["TEXTZERO_TEST_PARENT"] != str(MAKER):
    del split_elsewhere
"""


@pytest.fixture(scope="module")
def python_tokenizers(tmp_path_factory):
    """A module of tokenizers that spawned processes can import."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "tokenizers_for_processes.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("TEXTZERO_TEST_PARENT", str(os.getpid()))
        import tokenizers_for_processes

        yield tokenizers_for_processes


@pytest.fixture
def split_for_processes(monkeypatch):
    """A function that sets how many bytes one task of a worker process has."""
    return lambda size: monkeypatch.setattr(
        counting, "python_splits", lambda corpus, _: corpus.splits(size)
    )


@settings(max_examples=20)
@given(documents=st.lists(st.text(), max_size=5), ngrams=st.sampled_from([1, 2, (1, 2), (2, 4)]))
def test_a_python_tokenizer_gives_what_the_kernel_gives(documents, ngrams):
    def by_kernel_in_python(text):
        from textzero.tokens import word

        return word(text)

    for with_documents in (False, True):
        settings = {"ngrams": ngrams, "documents": with_documents}
        python = count_words(documents, tokenizer=by_kernel_in_python, **settings)
        kernel = count_words(documents, tokenizer="word", **settings)
        assert table(python) == table(kernel)
        assert python.tokens == kernel.tokens
        assert python.reading.documents == kernel.reading.documents


@pytest.mark.parametrize("ngrams", [1, (1, 2)])
def test_python_tokenizers_run_in_processes(
    tmp_path, python_tokenizers, split_for_processes, ngrams
):
    split_for_processes(700)
    lines = [f"line {i % 10} \x00 \u200b {'x' * (i % 3)}" for i in range(200)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    progress = Progress()
    counts = {
        workers: count_words(
            Corpus(tmp_path),
            tokenizer=python_tokenizers.split,
            ngrams=ngrams,
            documents=True,
            workers=workers,
            progress=progress,
        )
        for workers in (1, 2)
    }
    rows, held = obvious([line.replace("\x00 \u200b", "") for line in lines], ngrams)
    for counted in counts.values():
        assert counted.most_common() == rows
        assert counted.documents.tolist() == held
        assert counted.reading.blank_tokens == 400
        assert counted.reading.documents == 200
    assert list(progress.seconds) == ["count"]


def test_an_exception_in_a_tokenizer_names_the_line_of_the_corpus_and_of_the_code(
    tmp_path, python_tokenizers, split_for_processes
):
    lines = [f"line {i}" for i in range(1, 500)]
    lines[320] = "a bad line"
    (tmp_path / "a.txt").write_text("\n\n".join(lines))
    for workers, size in ((1, 1 << 20), (2, 500), (2, 70)):
        split_for_processes(size)
        with pytest.raises(TokenizerError) as caught:
            count_words(Corpus(tmp_path), tokenizer=python_tokenizers.fail_on_bad, workers=workers)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path}/a.txt:641: the tokenizer raised IndexError: ")
        assert message.endswith("tokenizers_for_processes.py, line 9)")


def test_the_line_of_an_exception_is_right_behind_a_document_of_several_pieces(
    tmp_path, python_tokenizers, monkeypatch
):
    monkeypatch.setattr(streams, "PIECE", 64)
    (tmp_path / "a.txt").write_text("long " * 100 + "\nshort\na bad line\n")
    with pytest.raises(TokenizerError, match=r"a\.txt:3: the tokenizer raised"):
        count_words(Corpus(tmp_path), tokenizer=python_tokenizers.fail_on_bad, workers=1)


def test_tokens_that_are_no_strings_name_the_line(tmp_path, python_tokenizers):
    (tmp_path / "a.txt").write_text("\nx\n")
    with pytest.raises(TokenizerError, match=r"a\.txt:2: a tokenizer must return a list of str"):
        count_words(Corpus(tmp_path), tokenizer=python_tokenizers.numbers)


@pytest.mark.parametrize("tokens", [["a", 1], ["a", ["b"]], ["", 1]])
@pytest.mark.parametrize("documents", [False, True])
def test_a_stranger_among_the_tokens_is_an_error(tokens, documents):
    with pytest.raises(TokenizerError, match=r"must return a list of strings: "):
        count_words(["x"], tokenizer=lambda _: tokens, documents=documents)


def test_a_killed_worker_is_named_and_ends_the_run(
    tmp_path, python_tokenizers, split_for_processes
):
    split_for_processes(100)
    lines = [f"line {i}" for i in range(300)]
    lines[200] = "a bad line"
    (tmp_path / "a.txt").write_text("\n".join(lines))
    with pytest.raises(ResourceError) as caught:
        count_words(Corpus(tmp_path), tokenizer=python_tokenizers.die_on_bad, workers=2)
    message = str(caught.value)
    assert "killed by signal 9 (SIGKILL) while working on" in message
    start, stop = map(int, re.search(r"a\.txt, bytes (\d+)-(\d+)", message).groups())
    assert start <= (tmp_path / "a.txt").read_text().index("a bad line") < stop


def test_a_tokenizer_that_workers_cannot_import_is_refused(
    tmp_path, python_tokenizers, split_for_processes
):
    split_for_processes(50)
    (tmp_path / "a.txt").write_text("a b\n" * 100)
    corpus = Corpus(tmp_path)
    with pytest.raises(TokenizerError, match=r"<lambda> must be importable by worker processes"):
        count_words(corpus, tokenizer=lambda text: text.split(), workers=2)
    with pytest.raises(TokenizerError, match=r"cannot import the tokenizer: .*split_elsewhere"):
        count_words(corpus, tokenizer=python_tokenizers.split_elsewhere, workers=2)
    assert count_words(corpus, tokenizer=lambda text: text.split(), workers=1).tokens == 200


def test_a_callable_that_can_be_pickled_runs_in_processes(tmp_path, split_for_processes):
    split_for_processes(50)
    (tmp_path / "a.txt").write_text("a-b c\n" * 100)
    counts = count_words(Corpus(tmp_path), tokenizer=partial(re.findall, r"\w"), workers=2)
    assert counts.most_common() == [("a", 100), ("b", 100), ("c", 100)]
