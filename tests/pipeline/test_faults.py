"""Runs that break off, fail or meet another: no output is lost or half there."""

import contextlib
import os
import shutil

import pytest
from pipeline_makers import OUTPUT, STAGES, content, make, names

from textzero.disk import Disk, replaced_disk
from textzero.errors import OutputExistsError, ResourceError
from textzero.vectors import pipeline
from textzero.vectors.word_vectors import WordVectors


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_was_broken_off_goes_on_with_its_stage(
    texts, tmp_path, work, stage, monkeypatch
):
    make(texts, tmp_path / "whole")
    work.clear()

    def break_off(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, stage, break_off)
        make(texts, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert (tmp_path / "out").exists() == (stage != STAGES[0])  # no empty folder is left
    work.clear()
    make(texts, tmp_path / "out")
    assert work == STAGES[STAGES.index(stage) :]
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert names(tmp_path / "out") == OUTPUT


def test_any_disk_that_fails_is_told_as_a_resource_that_is_gone(texts, tmp_path):
    class Failing(Disk):
        def __init__(self, operation, k):
            self.operation, self.left = operation, k

        def _done(self, operation):
            self.left -= operation == self.operation
            if operation == self.operation and self.left == 0:
                raise OSError(5, "Input/output error")

        def create(self, *given):
            self._done("create")
            return super().create(*given)

        def flush_path(self, *given):
            self._done("flush_path")
            super().flush_path(*given)

        def rename(self, *given):
            self._done("rename")
            super().rename(*given)

        def make_folder(self, *given, **named):
            self._done("make_folder")
            super().make_folder(*given, **named)

    for operation in ("create", "flush_path", "rename", "make_folder"):
        for k in range(1, 40, 3):
            failing = Failing(operation, k)
            with replaced_disk(failing), contextlib.suppress(ResourceError):
                make(texts, tmp_path / f"{operation}{k}", workers=1)
            if failing.left > 0:
                break
            make(texts, tmp_path / f"{operation}{k}", workers=1)
        assert k > 3, operation
    made = [content(folder) for folder in tmp_path.iterdir() if folder != texts]
    assert len(made) > 12 and all(one == made[0] for one in made)


def test_vectors_that_another_run_has_just_made_are_not_replaced(texts, tmp_path, monkeypatch):
    out, claim = tmp_path / "out", pipeline.Output.claim

    def late(output, *given):
        monkeypatch.setattr(pipeline.Output, "claim", claim)
        make(texts, out)
        return claim(output, *given)

    for dim in (4, 8):
        shutil.rmtree(out, ignore_errors=True)
        monkeypatch.setattr(pipeline.Output, "claim", late)
        if dim == 4:
            said = []
            make(texts, out, say=said.append)
            assert said == [f"{out} is up to date"]
            continue
        with pytest.raises(OutputExistsError, match="vectors of other texts or settings"):
            make(texts, out, dim=dim)
        assert WordVectors.load(out).dim == 4


LEXICONS = ["a b\t5\nc\t3\nd\t3\n", "a\t5\nb\t3\nc d\t3\n"]


def test_the_lexicon_of_vectors_is_replaced_with_them_and_not_before(texts, tmp_path, monkeypatch):
    out, lexicons = tmp_path / "out", [tmp_path / "0.tsv", tmp_path / "1.tsv"]
    for path, words in zip(lexicons, LEXICONS, strict=True):
        path.write_text(words)
    make(texts, out, tokenizer=str(lexicons[0]))
    before = (out / "lexicon.tsv").read_bytes()

    def break_off(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "train_vectors", break_off)
        make(texts, out, tokenizer=str(lexicons[1]), force=True)
    assert (out / "lexicon.tsv").read_bytes() == before
    assert WordVectors.load(out).tokenize("a b")  # it knows its lexicon by its digest
    make(texts, out, tokenizer=str(lexicons[1]), force=True)
    assert (out / "lexicon.tsv").read_bytes() != before
    make(texts, out, force=True)  # no lexicon any more
    assert names(out) == OUTPUT


def test_what_a_killed_process_of_the_same_number_left_is_replaced(texts, tmp_path):
    left = tmp_path / "out" / f".{os.getpid()}.partial"
    left.mkdir(parents=True)
    (left / "vectors.safetensors").write_text("half")
    make(texts, tmp_path / "out")
    assert names(tmp_path / "out") == OUTPUT


def test_vectors_are_on_the_disk_before_their_manifest_says_so(texts, tmp_path):
    flushed, manifest = [], tmp_path / "out" / "manifest.json"

    class Watched(Disk):
        def flush_path(self, path):
            flushed.append((path.name, manifest.exists()))

    with replaced_disk(Watched()):
        make(texts, tmp_path / "out")
    whole = [entry for entry in flushed if entry[0] in ("vectors.safetensors", "out")]
    assert whole[-3:] == [("vectors.safetensors", False), ("out", False), ("out", True)]


def test_a_failed_write_leaves_the_old_vectors(texts, tmp_path, monkeypatch):
    make(texts, tmp_path / "out")
    before = content(tmp_path / "out")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(ResourceError, match="the disk is full"):
        patch.setattr("textzero.vectors.table.write_json", fail)
        make(texts, tmp_path / "out", dim=8, force=True)
    assert content(tmp_path / "out") == before and names(tmp_path / "out") == OUTPUT
    assert WordVectors.load(tmp_path / "out").dim == 4


def test_a_folder_with_other_files_is_refused(texts, tmp_path, work):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    for force in (False, True):
        with pytest.raises(OutputExistsError, match=r"holds other files \(thesis.tex\)"):
            make(texts, tmp_path / "out", force=force)
    assert work == [] and names(tmp_path / "out") == ["thesis.tex"]
    with pytest.raises(OutputExistsError, match="is a file"):
        make(texts, tmp_path / "out" / "thesis.tex")
