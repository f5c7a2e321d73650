"""What a second run does again, and what it uses."""

import os

import pytest
from numpy.testing import assert_array_equal
from pipeline_makers import STAGES, content, make

from textzero.cooccurrence import Cooccurrence
from textzero.corpus import Corpus
from textzero.errors import OutputExistsError
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings
from textzero.vectors.word_vectors import WordVectors


def test_the_second_run_has_nothing_to_do(texts, tmp_path, work):
    first = make(texts, tmp_path / "out")
    assert work == STAGES
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    said = []
    again = make(texts, tmp_path / "out", say=said.append, workers=1, memory="400MB")
    assert work == STAGES and said == [f"{tmp_path / 'out'} is up to date"]
    assert_array_equal(again.vectors, first.vectors)
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}


def test_touched_files_with_the_same_text_are_the_same(texts, tmp_path, work):
    make(texts, tmp_path / "out")
    os.utime(texts / "0.txt", ns=(1, 1))
    make(texts, tmp_path / "out")
    assert work == STAGES


def test_another_text_is_refused_or_replaces_everything(texts, tmp_path, work):
    make(texts, tmp_path / "out")
    before = content(tmp_path / "out")
    with open(texts / "0.txt", "a") as file:
        file.write("a b c\n")
    with pytest.raises(
        OutputExistsError, match=r"holds vectors of other texts or settings.*--force"
    ):
        make(texts, tmp_path / "out")
    assert content(tmp_path / "out") == before and work == STAGES
    make(texts, tmp_path / "out", force=True)
    assert work == STAGES * 2
    make(texts, tmp_path / "fresh")
    assert content(tmp_path / "out") == content(tmp_path / "fresh") != before


def test_another_dimension_uses_the_counts_again(texts, tmp_path, work):
    make(texts, tmp_path / "out")
    with pytest.raises(OutputExistsError):
        make(texts, tmp_path / "out", dim=8)
    work.clear()
    said = []
    vectors = make(texts, tmp_path / "out", dim=8, force=True, say=said.append)
    assert work == ["train_vectors"] and vectors.dim == 8
    assert said[:2] == ["counts are unchanged", "co-occurrences are unchanged"]
    assert WordVectors.load(tmp_path / "out").dim == 8


def test_another_window_uses_the_counts_of_words_again(texts, tmp_path, work):
    make(texts, tmp_path / "out", window=2)
    work.clear()
    make(texts, tmp_path / "out", window=3, force=True)
    assert work == STAGES[1:]
    make(texts, tmp_path / "fresh", window=3)
    assert content(tmp_path / "out") == content(tmp_path / "fresh")


def test_without_a_manifest_only_the_training_is_done_again(texts, tmp_path, work):
    make(texts, tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    work.clear()
    make(texts, tmp_path / "out")
    assert work == ["train_vectors"] and content(tmp_path / "out") == before


def test_counts_that_somebody_changed_are_counted_again(texts, tmp_path, work):
    make(texts, tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    (tmp_path / "out" / "counts.tsv").write_text("a\t1\nb\t1\n")
    work.clear()
    make(texts, tmp_path / "out")
    assert work == ["count_words", "train_vectors"] and content(tmp_path / "out") == before


@pytest.mark.parametrize(
    "name, damage, again",
    [
        ("counts.json", b"{", ["count_words", "train_vectors"]),
        ("counts.json", b"[1]", ["count_words", "train_vectors"]),
        ("cooccurrence/manifest.json", b'{"kind": "textzero 0", "settings": 3}', STAGES[1:]),
        ("cooccurrence/lengths.npy", b"", STAGES[1:]),
    ],
)
def test_a_stage_whose_record_is_damaged_is_done_again(texts, tmp_path, work, name, damage, again):
    make(texts, tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    (tmp_path / "out" / name).write_bytes(damage)
    work.clear()
    make(texts, tmp_path / "out")
    assert work == again and content(tmp_path / "out") == before


def test_a_python_tokenizer_whose_file_was_changed_is_another(texts, tmp_path, monkeypatch):
    (tmp_path / "cutter_of_mine.py").write_text("def cut(text):\n    return text.split()\n")
    monkeypatch.syspath_prepend(tmp_path)
    options = {"tokenizer": "cutter_of_mine:cut", "workers": 1}
    make(texts, tmp_path / "out", **options)
    make(texts, tmp_path / "out", **options)
    (tmp_path / "cutter_of_mine.py").write_text("def cut(text):\n    return [*text]\n")
    with pytest.raises(OutputExistsError, match="other texts or settings"):
        make(texts, tmp_path / "out", **options)


@pytest.mark.parametrize("option", [{"strict": True}, {"on_error": "skip"}])
def test_what_was_read_in_another_way_is_not_used_again(texts, tmp_path, option):
    settings = TrainingSettings(dim=4, sweeps=1)
    embed(Corpus(texts), tmp_path / "out", settings=settings)
    with pytest.raises(OutputExistsError, match="other texts or settings"):
        embed(Corpus(texts, **option), tmp_path / "out", settings=settings)


def test_documents_in_memory_are_known_by_what_they_say(tmp_path):
    said, texts = [], ["a b c", "b c a"]
    for given in (texts, Corpus.from_documents(tuple(texts))):
        embed(given, tmp_path / "out", min_count=1, say=said.append)
    assert said[-1].endswith("is up to date")
    with pytest.raises(OutputExistsError, match="other texts or settings"):
        embed(["a b", "c b c a"], tmp_path / "out", min_count=1)


def test_subsampling_counts_pairs_again_but_not_words(texts, tmp_path, work):
    make(texts, tmp_path / "out")
    work.clear()
    made = make(texts, tmp_path / "out", subsample=0.01, force=True)
    assert work == STAGES[1:]
    assert made.manifest["settings"]["subsample"] == 0.01
    pairs = Cooccurrence.load(tmp_path / "out" / "cooccurrence")
    assert pairs.occurrences.sum() < pairs.vocabulary.counts.sum()
    for options in ({"subsample": 0.02}, {"subsample": 0.01, "changes": {"seed": 1}}):
        work.clear()
        make(texts, tmp_path / "out", force=True, **options)
        assert work == STAGES[1:]  # the seed decides what is left out
