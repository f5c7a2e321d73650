import contextlib
import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import textzero
from textzero.cooccurrence import Cooccurrence
from textzero.corpus import Corpus
from textzero.disk import Disk, replaced_disk
from textzero.errors import InputError, OutputExistsError, ResourceError
from textzero.files import file_digest
from textzero.vectors import pipeline
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings, train_vectors
from textzero.vectors.word_vectors import WordVectors

OUTPUT = [
    "cooccurrence", "counts.json", "counts.tsv", "manifest.json", "vectors.safetensors",
    "vocabulary.tsv",
]  # fmt: skip
DECIDED = ["vectors.safetensors", "vocabulary.tsv", "counts.tsv", "cooccurrence/rows.bin"]
STAGES = ["count_words", "count_cooccurrences", "train_vectors"]


@pytest.fixture(scope="module")
def lines():
    random = np.random.default_rng(0)
    words = np.array([*"abcdefgh", "\u5317", "rare"])
    return [" ".join(random.choice(words, 9, p=[0.11] * 9 + [0.01])) for _ in range(120)]


@pytest.fixture
def texts(lines, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for k in range(2):
        (folder / f"{k}.txt").write_text("\n".join(lines[k::2]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def work(monkeypatch):
    """The stages that were run since the list was cleared."""
    done = []

    def watch(name):
        stage = getattr(pipeline, name)
        monkeypatch.setattr(pipeline, name, lambda *a, **k: done.append(name) or stage(*a, **k))

    for name in STAGES:
        watch(name)
    return done


def make(texts, folder, *, dim=4, **options):
    settings = TrainingSettings(dim=dim, sweeps=2, **options.pop("changes", {}))
    return embed(Corpus(texts), folder, settings=settings, **({"min_count": 2} | options))


def content(folder):
    return {name: (folder / name).read_bytes() for name in DECIDED}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_of_vectors_is_made(texts, lines, tmp_path):
    made = make(texts, tmp_path / "out", changes={"seed": 3}, window=3)
    assert names(tmp_path) == ["out", "texts"] and names(tmp_path / "out") == OUTPUT
    loaded = WordVectors.load(tmp_path / "out")
    assert_array_equal(loaded.vectors, made.vectors)
    assert_array_equal(loaded.context, made.context)
    tokens = Counter(" ".join(lines).split())
    rare = [word for word, n in tokens.items() if n < 2]
    assert dict(zip(loaded.vocabulary, loaded.vocabulary.counts.tolist(), strict=True)) == {
        word: n for word, n in tokens.items() if word not in rare
    }
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["textzero"] == textzero.__version__
    assert manifest["tokens"] == tokens.total() == 120 * 9
    assert manifest["words_before_min_count"] == len(tokens)
    assert [(i["path"], i["size"], i["blake2b"]) for i in manifest["inputs"]] == [
        (str(path), path.stat().st_size, file_digest(path)) for path in sorted(texts.iterdir())
    ]
    settings = manifest["settings"]
    assert settings["tokenizer"] == "word" and settings["document"] == "line"
    assert (settings["window"], settings["min_count"], settings["seed"]) == (3, 2, 3)
    assert settings["dim"] == manifest["dim"] == 4 and manifest["words"] == len(loaded)
    assert manifest["records"] > 0 and len(manifest["losses"]) == 4  # two sweeps, two matrices
    assert {"count", "encode", "cooccur", "train", "all"} <= manifest["seconds"].keys()
    assert manifest["peak_memory"] > 1 << 20
    assert manifest["reading"]["documents"] == 120 and manifest["reading"]["malformed"] == 0


def test_the_authors_loss_has_a_manifest_that_is_json(texts, tmp_path):
    make(texts, tmp_path / "out", changes={"unobserved_weight": 0.0})  # clips at -inf
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(), parse_constant=None)
    assert manifest["settings"]["clip"] is None
    assert "Infinity" not in (tmp_path / "out" / "manifest.json").read_text()


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


def test_the_memory_of_a_python_tokenizers_processes_is_in_the_manifest(
    texts, tmp_path, monkeypatch
):
    monkeypatch.setattr("textzero.memory.tree_memory", lambda: 1 << 50)
    assert make(texts, tmp_path / "0").manifest["peak_memory"] < 1 << 50
    made = make(texts, tmp_path / "1", tokenizer=str.split, workers=1)
    assert made.manifest["peak_memory"] == 1 << 50


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


def test_what_was_lost_in_reading_is_in_the_manifest(texts, tmp_path):
    size = (texts / "1.txt").stat().st_size
    with open(texts / "1.txt", "ab") as file:
        file.write(b"a \xff\xfe b\n")
    for attempt in range(2):
        if attempt:  # the counts are used again, and what was lost with them
            (tmp_path / "out" / "manifest.json").unlink()
        made = make(texts, tmp_path / "out")
        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
        assert manifest["reading"] == json.loads(json.dumps(made.manifest["reading"]))
        assert manifest["reading"]["malformed"] == 2
        assert str(texts / "1.txt") in str(manifest["reading"]["first_malformed"])
        assert str(size + 2) in str(manifest["reading"]["first_malformed"])


def test_the_bytes_are_the_same_for_any_workers(texts, tmp_path):
    made = []
    for workers in (1, 2, 7):
        make(texts, tmp_path / str(workers), workers=workers)
        made.append(content(tmp_path / str(workers)))
    assert made[0] == made[1] == made[2]


def test_a_moved_folder_of_vectors_still_opens(texts, tmp_path):
    made = make(texts, tmp_path / "out")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    shutil.rmtree(texts)
    assert WordVectors.load(tmp_path / "moved").similar("a") == made.similar("a")


@pytest.mark.parametrize(
    "model, dim, has_context",
    [("center", 4, True), ("shared", 4, False), ("sum", 4, True), ("concat", 8, False)],
)
def test_each_model_is_saved_with_the_matrix_that_products_need(
    texts, tmp_path, model, dim, has_context
):
    make(texts, tmp_path / "out", changes={"model": model})
    loaded = WordVectors.load(tmp_path / "out")
    assert loaded.dim == dim and (loaded.context is not None) == has_context
    w, c = loaded.halves(slice(None))
    pairs = Cooccurrence.load(tmp_path / "out" / "cooccurrence")
    trained = train_vectors(pairs, dim=4, model=model, sweeps=2)
    # w = (w + c) - c is rounded once in float32
    assert_allclose(w, trained.center, atol=1e-6)
    assert_allclose(c, trained.context, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"window": 0},
        {"weighting": "linear"},
        {"memory": "lots"},
        {"tokenizer": "x"},
        {"subsample": 2.0},
        {"device": "tpu"},
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_counted(texts, tmp_path, work, options):
    with pytest.raises(ValueError, match="must be"):
        make(texts, tmp_path / "out", **options)
    assert work == [] and names(tmp_path) == ["texts"]


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


@pytest.mark.parametrize("limit", ["min_count", "max_words"])
def test_a_wrong_limit_is_told_before_anything_is_counted(tmp_path, limit):
    with pytest.raises(ValueError, match=f"{limit} must be a whole number from 1, got 0"):
        embed(["a b c"], tmp_path / "out", **{limit: 0})
    assert not (tmp_path / "out").exists()


def test_a_corpus_of_too_few_words_says_so(tmp_path):
    (tmp_path / "t").write_text("a a a b\n")
    with pytest.raises(InputError, match=r"at least two words, got 1.*min_count=2"):
        make(tmp_path / "t", tmp_path / "out")
    with pytest.raises(InputError, match="got none"):
        (tmp_path / "t").write_text("a\na\nb\nb\n")
        make(tmp_path / "t", tmp_path / "other")


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
