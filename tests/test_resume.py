"""A run that is killed, at any moment, and started again makes the same bytes."""

import os
import re
import shutil
import signal
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus
from textzero.disk import Disk, replaced_disk
from textzero.errors import OutputExistsError, ResourceError
from textzero.progress import Progress
from textzero.vectors import checkpoint
from textzero.vectors.checkpoint import STATE
from textzero.vectors.matrices import are_mapped, check_adagrad
from textzero.vectors.pipeline import embed
from textzero.vectors.training import TrainingSettings, train_vectors
from textzero.vocabulary import Vocabulary
from textzero.workspace import Workspace

OUTPUT = [
    "cooccurrence", "counts.json", "counts.tsv", "manifest.json", "vectors.safetensors",
    "vocabulary.tsv",
]  # fmt: skip
DECIDED = ["vectors.safetensors", "vocabulary.tsv", "counts.tsv", "cooccurrence/rows.bin"]
STAGES = ["count", "encode", "cooccur", "train"]
SETTINGS = TrainingSettings(dim=16, sweeps=6, tolerance=0.0)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    random = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(2000)])
    share = 1 / np.arange(1, 2001)
    for k in range(3):
        lines = random.choice(words, (700, 40), p=share / share.sum())
        (folder / f"{k}.txt").write_text("\n".join(map(" ".join, lines)) + "\n")
    return folder


@pytest.fixture
def matrix():
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    lines = [" ".join(random.choice(words, 12)) for _ in range(80)]
    return count_cooccurrences(lines, Vocabulary(words, np.full(30, 32)), window=3)


@pytest.fixture
def at_once(monkeypatch):
    """A checkpoint after each sweep, however short."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0.0)


def content(folder):
    return {name: (folder / name).read_bytes() for name in DECIDED}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def break_off(matrix, folder, last, **changes):
    """Train until so many sweeps over a matrix have begun, and stop there."""

    def watch(n, _):
        if n == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_vectors(matrix, **changes, watch=watch, checkpoint=folder)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("model", ["center", "shared"])
@pytest.mark.parametrize("last", [3, 4, 5])
def test_a_resumed_training_is_an_unbroken_one(matrix, tmp_path, model, last):
    changes = {"dim": 4, "sweeps": 5, "tolerance": 0.0, "model": model}
    whole = train_vectors(matrix, **changes)
    break_off(matrix, tmp_path / "state", last, **changes)
    said, seen = [], []
    again = train_vectors(
        matrix, **changes, checkpoint=tmp_path / "state", resume=True, say=said.append,
        watch=lambda n, _: seen.append(n),
    )  # fmt: skip
    done = (last - 1) // 2 * 2
    assert said == [f"training goes on after {done} sweeps over a matrix"]
    assert seen == list(range(done + 1, len(whole.losses) + 1))
    assert_array_equal(again.center, whole.center)
    assert_array_equal(again.context, whole.context)
    assert again.losses == whole.losses and again.objectives == whole.objectives


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "change, message",
    [
        ({"seed": 1, "dim": 8}, r"other settings \(dim, seed\)"),
        ({"regularisation": 0.5, "sweeps": 3}, r"other settings \(regularisation, sweeps\)"),
        ({"device": "reference"}, "other device"),
        ({"cooccurrence": "other"}, "other co-occurrences"),
        ({"init": "old"}, "other vectors to begin with"),
    ],
)
def test_the_checkpoint_of_another_training_is_not_used(matrix, tmp_path, change, message):
    changes = {"dim": 4, "sweeps": 2}
    break_off(matrix, tmp_path, 3, **changes)
    if change.pop("cooccurrence", None):
        matrix = count_cooccurrences(["w1 w2 w1 w3"] * 9, matrix.vocabulary, window=3)
    if "init" in change:
        change = {"init": train_vectors(matrix, dim=4)}
    said = []
    found = train_vectors(
        matrix, **changes | change, checkpoint=tmp_path, resume=True, say=said.append
    )
    assert re.match(rf"training starts afresh: .*{STATE} belongs to {message}", said[0])
    assert_array_equal(found.center, train_vectors(matrix, **changes | change).center)


@pytest.mark.usefixtures("at_once")
def test_a_damaged_checkpoint_is_not_used(matrix, tmp_path):
    changes = {"dim": 4, "sweeps": 2}
    break_off(matrix, tmp_path, 3, **changes)
    sound = (tmp_path / STATE).read_bytes()
    whole = train_vectors(matrix, **changes)
    for damaged in (b"", sound[:-1], sound[:100], b"{" * 300, sound.replace(b"center", b"middle")):
        (tmp_path / STATE).write_bytes(damaged)
        said = []
        found = train_vectors(matrix, **changes, checkpoint=tmp_path, resume=True, say=said.append)
        assert said[0].startswith("training starts afresh: ") and STATE in said[0]
        assert_array_equal(found.center, whole.center)


def test_without_a_checkpoint_training_starts_afresh_and_says_so(matrix, tmp_path):
    said = []
    train_vectors(matrix, dim=4, checkpoint=tmp_path / "none", resume=True, say=said.append)
    assert said == ["training starts afresh: there is no checkpoint"]
    assert not (tmp_path / "none").exists()  # a training of a moment writes none


def test_a_checkpoint_is_written_only_when_it_is_worth_it(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(checkpoint, "monotonic", lambda: clock[0])
    states = checkpoint.Checkpoints(tmp_path, dict)

    def slow(path, *_):
        path.write_bytes(b"")
        clock[0] += 3.0

    monkeypatch.setattr(checkpoint, "write_safetensors", slow)
    written = []
    for second in (1, 9, 10, 20, 72, 73, 80):
        clock[0] = max(clock[0], float(second))
        (tmp_path / STATE).unlink(missing_ok=True)
        states.offer({}, {})
        if (tmp_path / STATE).exists():
            written.append(second)
    assert written == [10, 73]  # ten seconds; then twenty times the three of writing


@pytest.mark.usefixtures("at_once")
def test_training_without_a_folder_writes_nothing(matrix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train_vectors(matrix, dim=4)
    assert names(tmp_path) == []


class Steps(Progress):
    """Counts the steps of each stage, and tells a pipe of each, by the number of its stage."""

    def __init__(self, pipe=None):
        super().__init__()
        self.pipe, self.steps = pipe, dict.fromkeys(STAGES, 0)

    def begin(self, name, *_):
        self.name = name
        self.advance(0)

    def advance(self, _):
        self.steps[self.name] += 1
        if self.pipe is not None:
            os.write(self.pipe, bytes([STAGES.index(self.name)]))


def kill_in(stage, step, seconds, run):
    """Fork, run, and kill the child a moment after that step of the stage; whether it was alive."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(read)
            run(Steps(write))
        finally:
            os._exit(0)
    os.close(write)
    while step and (told := os.read(read, 1)):
        step -= STAGES[told[0]] == stage
    time.sleep(0 if step else seconds)
    os.kill(child, signal.SIGKILL)
    os.close(read)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.usefixtures("at_once")
@needs_fork
def test_a_run_killed_in_any_stage_makes_the_same_bytes(texts, tmp_path):
    def run(folder, **options):
        return embed(
            Corpus(texts), folder, settings=SETTINGS, workers=2, min_count=2, resume=True, **options
        )

    counted = Steps()
    run(tmp_path / "whole", progress=counted)
    whole = content(tmp_path / "whole")
    random = np.random.default_rng(0)
    killed, resumed = 0, 0
    for case, stage in enumerate(STAGES + ["train"] * 4):
        folder = tmp_path / f"{case}-{stage}"
        n = counted.steps[stage]
        # killed late, when there is a checkpoint, and then early
        for step in (random.integers((n + 2) // 3, n + 1), random.integers(1, (n + 3) // 3)):
            seconds = random.uniform(0, 0.005)
            killed += kill_in(stage, step, seconds, lambda p, out=folder: run(out, progress=p))
        said = []
        run(folder, say=said.append)
        resumed += any("goes on after" in line for line in said)
        assert content(folder) == whole, (stage, step)
        assert names(folder) == OUTPUT, stage  # nothing is left of the killed
    assert killed > 8 and resumed > 2


@pytest.mark.usefixtures("at_once")
@needs_fork
@pytest.mark.parametrize("call", ["replace", "fsync", "unlink"])
def test_a_run_killed_at_any_step_of_its_files_makes_the_same_bytes(texts, tmp_path, call):
    def run(folder, **options):
        return embed(
            Corpus(texts / "0.txt"), folder, settings=TrainingSettings(
                dim=4, sweeps=2
            ), min_count=2, workers=1, resume=True, **options,
        )  # fmt: skip

    real, calls = getattr(os, call), []

    def counted(*given, **named):
        calls.append(given)
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, counted)
        run(tmp_path / "whole")
    whole = content(tmp_path / "whole")
    assert len(calls) > 4

    for k in range(1, len(calls) + 1, max(1, len(calls) // 16)):

        def run_until(_, k=k):
            left = iter(range(k - 1))

            def deadly(*given, **named):
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*given, **named)

            setattr(os, call, deadly)
            run(tmp_path / str(k))

        child = os.fork()
        if not child:
            try:
                run_until(None)
            finally:
                os._exit(0)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "the step was not reached"
        run(tmp_path / str(k))
        assert content(tmp_path / str(k)) == whole, calls[k - 1]
        assert names(tmp_path / str(k)) == OUTPUT, calls[k - 1]


def test_two_runs_at_once_do_not_touch_each_other(texts, tmp_path, monkeypatch):
    settings, out = TrainingSettings(dim=4, sweeps=1), tmp_path / "out"
    made = embed(Corpus(texts), tmp_path / "whole", settings=settings)
    seen = []

    def second(*given, **named):
        mine = out / ".1.partial"  # as if of the first run
        mine.mkdir()
        with pytest.raises(OutputExistsError, match=r"is locked by pid [0-9]+ on host"):
            embed(Corpus(texts), out, settings=settings)
        seen.append(mine.exists())
        return train_vectors(*given, **named)

    monkeypatch.setattr("textzero.vectors.pipeline.train_vectors", second)
    again = embed(Corpus(texts), out, settings=settings)
    assert seen == [True]
    assert_array_equal(again.vectors, made.vectors)
    embed(Corpus(texts), out, settings=settings)  # up to date, and it cleans up
    assert names(out) == OUTPUT


def test_debris_is_only_what_textzero_names_so(texts, tmp_path):
    out = tmp_path / "out"
    (out / ".textzero-abc").mkdir(parents=True)
    (out / ".textzero-abc" / "run-1.bin").write_bytes(b"1")
    (out / ".counts.tsv.123.partial").write_bytes(b"1")
    (out / ".cooccurrence.123.old").mkdir()
    kept = [".git", ".hidden", ".notes.partial", ".12.partial.txt"]
    for name in kept:
        (out / name).write_text("mine")
    embed(Corpus(texts), out, settings=TrainingSettings(dim=4, sweeps=1))
    assert names(out) == sorted([*OUTPUT, *kept])


@pytest.mark.usefixtures("at_once")
def test_a_checkpoint_is_gone_on_with_unless_the_run_begins_afresh(texts, tmp_path, monkeypatch):
    settings, out = TrainingSettings(dim=4, sweeps=3), tmp_path / "out"

    def broken(*given, **named):
        def watch(n, _):
            if n == 5:
                raise KeyboardInterrupt

        return train_vectors(*given, **named, watch=watch)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("textzero.vectors.pipeline.train_vectors", broken)
        embed(Corpus(texts), out, settings=settings)
    assert (out / "checkpoint" / STATE).exists()
    shutil.copytree(out, tmp_path / "fresh")
    whole = embed(Corpus(texts), tmp_path / "whole", settings=settings)
    for place, options in ((out, {}), (tmp_path / "fresh", {"resume": False})):
        said = []
        made = embed(Corpus(texts), place, settings=settings, say=said.append, **options)
        goes_on = "training goes on after 4 sweeps over a matrix"
        assert (goes_on in said) == (place == out)
        assert names(place) == OUTPUT
        assert_array_equal(made.vectors, whole.vectors)


def test_a_run_killed_while_its_vectors_are_put_in_place_keeps_its_checkpoint(texts, tmp_path):
    settings, out = TrainingSettings(dim=4, sweeps=2), tmp_path / "out"

    class Killed(BaseException):
        pass

    class Deadly(Disk):
        def __init__(self, last):
            self.left = last

        def rename(self, old, new):
            if out in (new.parent, old.parent) and new.name in (
                "vectors.safetensors", "vocabulary.tsv", ".checkpoint.0.old", "manifest.json",
            ):  # fmt: skip
                self.left -= 1
                if self.left < 0:
                    raise Killed
            super().rename(old, new)

    whole = embed(Corpus(texts), tmp_path / "whole", settings=settings)
    for last in range(4):
        shutil.rmtree(out, ignore_errors=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoint, "SECONDS", 0.0)
            patch.setattr(checkpoint, "SHARE", 0.0)
            with pytest.raises(Killed), replaced_disk(Deadly(last)):
                embed(Corpus(texts), out, settings=settings)
        said = []
        made = embed(Corpus(texts), out, settings=settings, say=said.append)
        assert "training goes on after 4 sweeps over a matrix" in said
        assert names(out) == OUTPUT
        assert_array_equal(made.vectors, whole.vectors)


@pytest.mark.usefixtures("at_once")
def test_the_other_solver_goes_on_too(matrix, tmp_path):
    changes = {"dim": 4, "solver": "adagrad", "unobserved_weight": 0.0}
    whole = train_vectors(matrix, **changes)
    break_off(matrix, tmp_path, 4, **changes)
    said = []
    again = train_vectors(matrix, **changes, checkpoint=tmp_path, resume=True, say=said.append)
    assert said == ["training goes on after 3 epochs"]
    assert_array_equal(again.center, whole.center)


@pytest.mark.parametrize("solver", ["least-squares", "adagrad"])
def test_matrices_in_files_are_trained_to_the_same_bytes(matrix, tmp_path, monkeypatch, solver):
    changes = {"dim": 4, "sweeps": 3, "solver": solver}
    whole = train_vectors(matrix, **changes)
    monkeypatch.setattr("textzero.vectors.training.are_mapped", lambda *_: True)
    monkeypatch.setattr("textzero.vectors.adagrad.BASE", 1 << 60)
    with Workspace.beside(tmp_path / "out") as workspace:
        again = train_vectors(matrix, **changes, workspace=workspace)
        assert list((workspace.folder / "scratch" / "training").iterdir()) == []
    assert isinstance(again.center, np.memmap) == (solver == "least-squares")
    assert_array_equal(again.center, whole.center)
    assert_array_equal(again.context, whole.context)


def test_memory_too_small_for_training_is_told_before_pairs_are_counted(
    texts, tmp_path, monkeypatch
):
    class Counting(Exception):
        pass

    def count(*_, **__):
        raise Counting

    monkeypatch.setattr("textzero.vectors.matrices._LEAST_BASE", 399 << 20)
    monkeypatch.setattr("textzero.vectors.pipeline.count_cooccurrences", count)
    for solver in ("least-squares", "adagrad"):
        settings = TrainingSettings(dim=500, solver=solver)
        with pytest.raises(ResourceError, match=r"got .* or use --max-words [0-9]+$") as caught:
            embed(Corpus(texts), tmp_path / "out", memory="400MB", settings=settings)
        least = re.search(r"--memory of at least ([0-9.]+ [MG]B)", str(caught.value))[1]
        with pytest.raises(Counting):
            embed(Corpus(texts), tmp_path / "out", memory=least, settings=settings)


@pytest.mark.parametrize("solver", ["least-squares", "adagrad"])
@pytest.mark.parametrize("n_words, dim", [(105_832, 1600), (3_000_000, 300), (40_000, 2000)])
def test_the_number_of_words_that_is_named_fits_and_one_more_does_not(n_words, dim, solver):
    memory = 400 << 20

    def check(n):
        if solver == "adagrad":
            check_adagrad(n, dim, memory, False)
        else:
            are_mapped(n, dim, memory, 2)

    with pytest.raises(ResourceError, match="use --max-words") as caught:
        check(n_words)
    most = int(re.search(r"--max-words ([0-9]+)$", str(caught.value))[1])
    check(most)
    with pytest.raises(ResourceError):
        check(most + 1)


def test_where_no_number_of_words_fits_other_ways_are_named(monkeypatch):
    monkeypatch.setattr("textzero.vectors.matrices._LEAST_BASE", 400 << 20)
    with pytest.raises(ResourceError, match=r"use a lower --dim or fewer --workers$"):
        are_mapped(1000, 1000, 400 << 20, 2)
