import errno
import io
import json
import os
import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest

from textzero import _segmented_shards, segmenting
from textzero import workspace as workspaces
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.discovery import journal
from textzero.disk import Disk, replaced_disk
from textzero.engines import Processes
from textzero.errors import InputError, ResourceError
from textzero.lexicon import Lexicon
from textzero.memory import BASE
from textzero.segmenter import Segmenter
from textzero.segmenting import Form, segment_corpus
from textzero.workspace import Stage, Workspace

LEXICON = Lexicon(["北京", "大学", "北京大学", "天"], [5, 4, 1, 3])
LEAST = BASE + (50 << 20)


class Broken(Exception):
    """A run that was broken off."""


@pytest.fixture
def corpus(tmp_path):
    """Two files of lines, in splits of a hundred bytes."""
    for k in range(2):
        lines = [f"北京大学的天 {k}{i}，大学" for i in range(12)]
        (tmp_path / f"{k}.txt").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    made = Corpus(tmp_path / "0.txt", tmp_path / "1.txt")
    splits = Corpus.splits
    made.splits = lambda _=None: splits(made, 100)
    return made


def stage_of(workspace):
    return next(workspace.folder.glob("segment-*"))


FORMS = [Form(), Form(n_best=2), Form(alpha=0.5, seed=3), Form(separator="|", as_json=True)]


def written(corpus, form, **settings):
    out = io.BytesIO()
    reading = segment_corpus(corpus, Segmenter(LEXICON), out, form, **settings)
    assert reading.bytes == corpus.size
    return out.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_a_run_that_is_broken_off_anywhere_goes_on_to_the_same_file(
    form, corpus, tmp_path, monkeypatch
):
    expected = written(corpus, form, workers=2)
    monkeypatch.setattr(workspaces, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(journal, "SHARE", float("inf"))
    commit, marks, output = Stage.commit, [], tmp_path / "out.txt"

    def commit_and_break(stage, name, facts):
        commit(stage, name, facts)
        marks.append(facts["splits"])
        raise Broken

    monkeypatch.setattr(Stage, "commit", commit_and_break)
    while not output.exists():
        try:
            with Workspace.beside(output) as workspace:
                reading = segment_corpus(
                    corpus, Segmenter(LEXICON), output, form, workers=2, workspace=workspace
                )
        except Broken:
            with open(stage_of(workspace) / "text", "ab") as file:
                file.write(b"half a li")
    assert len(marks) > 5 and marks == sorted(set(marks))
    assert output.read_bytes() == expected
    assert reading.bytes == corpus.size
    assert reading.documents == 24  # two lines are empty
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.txt", "1.txt", "out.txt"]


@pytest.mark.parametrize("document", ["line", "file"])
@pytest.mark.parametrize("form", FORMS[:2])
def test_documents_are_counted_as_elsewhere(tmp_path, document, form):
    path = tmp_path / "a.txt"
    text = "天\n\n \u3000\n\u200b\n\u200b天\n" + "北 " * 600_000 + "\n \u200b 1\n。\n\n"
    path.write_text(text, encoding="utf-8")
    corpus = Corpus(path, document=document)
    reading = segment_corpus(corpus, Segmenter(LEXICON), io.BytesIO(), form)
    tokenizer = Segmenter(LEXICON)
    assert reading.documents == count_words(corpus, tokenizer=tokenizer).reading.documents
    assert reading.documents == (5 if document == "line" else 1)


def test_a_store_on_another_file_system_gives_the_same_file(corpus, tmp_path):
    class TwoDisks(Disk):
        def rename(self, old, new):
            if (tmp_path / "far" in old.parents) != (tmp_path / "far" in new.parents):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(old))
            super().rename(old, new)

    output = tmp_path / "out.txt"
    with replaced_disk(TwoDisks()), Workspace.beside(output, store=tmp_path / "far") as workspace:
        segment_corpus(corpus, Segmenter(LEXICON), output, workspace=workspace)
    assert output.read_bytes() == written(corpus, Form())
    assert os.listdir(tmp_path / "far") == [] and not (tmp_path / ".out.txt.textzero").exists()


def test_processes_write_the_same_and_only_what_is_not_there(tmp_path, monkeypatch):
    form = Form(n_best=2)  # for which lines are counted first
    path = tmp_path / "a.txt"
    path.write_text("北京大学的天，大学\n" * 300, encoding="utf-8")
    corpus = Corpus(path)
    expected = written(corpus, form)
    monkeypatch.setattr(_segmented_shards, "_SHARD", 1000)
    plain = Corpus.splits
    monkeypatch.setattr(Corpus, "splits", lambda self, _=None: plain(self, 1000))
    engine, output, asked = Processes(2), tmp_path / "out.txt", []
    run = engine.run
    monkeypatch.setattr(
        engine, "run", lambda work, tasks: asked.append(len(tasks)) or run(work, tasks)
    )
    with pytest.raises(Broken), Workspace.beside(output) as workspace:
        segment_corpus(corpus, Segmenter(LEXICON), output, form, workspace=workspace, engine=engine)
        (stage_of(workspace) / "part-0.json").unlink()
        raise Broken
    with Workspace.beside(output) as workspace:
        how = {"workspace": workspace, "engine": engine}
        reading = segment_corpus(corpus, Segmenter(LEXICON), output, form, **how)
    assert reading.documents == 300
    assert min(asked[:2]) > 5 and asked[-1] == 1
    assert output.read_bytes() == expected


def test_a_line_that_must_be_whole_and_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("天\n" + "北京" * 200_000 + "\n", encoding="utf-8")
    corpus = Corpus(path)
    plain = written(corpus, Form(), memory=LEAST)
    assert plain.decode().split() == ["天", *["北京"] * 200_000]
    with pytest.raises(InputError, match=r"a.txt:2 has more than 262,144 characters"):
        written(corpus, Form(as_json=True), memory=LEAST)
    assert len(json.loads(written(corpus, Form(as_json=True)).splitlines()[1])["tokens"]) == 200_000


def test_a_lexicon_that_does_not_fit_is_refused_and_the_least_memory_is_named(monkeypatch):
    monkeypatch.setattr(segmenting, "_ROW", 5 << 20)
    with pytest.raises(ResourceError, match=r"a lexicon of 4 words takes .* --memory 386MB"):
        segment_corpus(
            Corpus.from_documents(["天"]), Segmenter(LEXICON), io.BytesIO(), memory=LEAST
        )


def test_a_killed_run_goes_on_and_leaves_nothing(tmp_path):
    LEXICON.save(tmp_path / "lexicon.tsv")
    (tmp_path / "a.txt").write_text("北京大学的天，大学\n" * 300_000, encoding="utf-8")
    code = (
        "from textzero import workspace; workspace.COMMIT_SECONDS = 0.0\n"
        "from textzero.discovery import journal; journal.SHARE = float('inf')\n"
        "from textzero.__main__ import run; run()"
    )
    command = [
        sys.executable, "-c", code, "segment", tmp_path / "lexicon.tsv", tmp_path / "a.txt", "-o",
    ]  # fmt: skip
    killed, whole = tmp_path / "killed.txt", tmp_path / "whole.txt"
    process = subprocess.Popen([*command, killed], stderr=subprocess.DEVNULL)
    folder, begun = tmp_path / ".killed.txt.textzero", monotonic()
    while not list(folder.glob("segment-*/done.json")) and monotonic() - begun < 60:
        sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(folder.glob("segment-*/done.json")) and not killed.exists()
    for output in (killed, whole):
        subprocess.run([*command, output], check=True)
    assert killed.read_bytes() == whole.read_bytes()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a.txt", "killed.txt", "lexicon.tsv", "whole.txt"]
