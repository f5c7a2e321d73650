"""The folder of a run: gone when it ends well, kept when it breaks off with something done."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from textzero import workspace
from textzero.errors import OutputExistsError, ResourceError
from textzero.locks import Holder
from textzero.store import Store
from textzero.workspace import Stage, Workspace, is_dead, left_behind, tidy_after

KEY = {"inputs": [["a.txt", 3]], "window": 5}


def leave_dead(folder):
    """What a killed run leaves: its lock, scratch, a stage."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (folder / "scratch" / "x").mkdir(parents=True)
    (folder / "scratch" / "x" / "part").write_bytes(bytes(1000))
    dead = replace(Holder.here(), pid=process.pid, began="1", command="textzero count x")
    (folder / "lock").write_text(json.dumps(asdict(dead)))
    return process.pid


def broken_off(output, commit=True, **options):
    """A run that is interrupted; what it was raised with."""
    with pytest.raises(KeyboardInterrupt) as caught, Workspace.beside(output, **options) as run:
        stage = run.stage("count", KEY)
        with stage.store.create("part-1") as file:
            file.write(b"1")
        if commit:
            stage.commit("1", {"words": 7})
        (run.scratch("sort") / "big").write_bytes(b"1")
        raise KeyboardInterrupt
    return caught.value


def test_a_run_that_ends_well_leaves_nothing(tmp_path):
    with Workspace.beside(tmp_path / "out.tsv") as run:
        assert run.folder == tmp_path / ".out.tsv.textzero"
        run.stage("count", KEY).commit("1", {})
        (run.scratch("sort") / "x").write_bytes(b"1")
    assert os.listdir(tmp_path) == []
    with Workspace.temporary(tmp_path) as run:
        run.scratch("sort")
    assert os.listdir(tmp_path) == []


def test_what_is_done_is_found_again_and_the_error_says_so(tmp_path):
    output, said = tmp_path / "out", []
    error = broken_off(output)
    folder = tmp_path / ".out.textzero"
    (note,) = error.__notes__
    assert f"kept in {folder}: the same command goes on" in note and "textzero clean" in note
    assert not (folder / "scratch").exists() and not (folder / "lock").exists()
    with Workspace.beside(output, say=said.append) as run:
        stage = run.stage("count", KEY)
        assert stage.entries() == {"1": {"words": 7}} and stage.store.read("part-1") == b"1"
        stage.withdraw("1")
        assert stage.entries() == {}
    assert said == [] and os.listdir(tmp_path) == []


def test_a_run_that_did_nothing_worth_keeping_leaves_nothing(tmp_path):
    error = broken_off(tmp_path / "out", commit=False)
    assert not hasattr(error, "__notes__") and os.listdir(tmp_path) == []
    error = broken_off(tmp_path / "out", kept=False)
    assert not hasattr(error, "__notes__") and os.listdir(tmp_path) == []


def test_a_run_that_breaks_off_early_keeps_what_one_before_it_did(tmp_path):
    broken_off(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt), Workspace.beside(tmp_path / "out"):
        raise KeyboardInterrupt  # before it came to its stage
    with Workspace.beside(tmp_path / "out") as run:
        assert run.stage("count", KEY).entries() == {"1": {"words": 7}}


@pytest.mark.parametrize(
    "change, names",
    [({"window": 6}, "window"), ({"new": 1, "inputs": []}, "inputs, new")],
)
def test_another_key_starts_afresh_and_says_what_is_other(tmp_path, change, names):
    broken_off(tmp_path / "out")
    said = []
    with Workspace.beside(tmp_path / "out", say=said.append) as run:
        assert run.stage("count", KEY | change).entries() == {}
    assert said == [f"count starts afresh: other {names} than before"]
    assert os.listdir(tmp_path) == []


def test_damage_is_as_if_it_were_not_there(tmp_path):
    broken_off(tmp_path / "out")
    (stage,) = (tmp_path / ".out.textzero").iterdir()
    (stage / "1.json").write_bytes(b'{"wor')
    with pytest.raises(KeyboardInterrupt), Workspace.beside(tmp_path / "out") as run:
        found = run.stage("count", KEY)
        assert found.entries() == {}
        found.commit("2", {})
        raise KeyboardInterrupt
    (stage / "key.json").write_bytes(b"\xff")
    with Workspace.beside(tmp_path / "out") as run:
        assert run.stage("count", KEY).entries() == {}


def test_a_second_run_is_told_who_is_at_work_and_touches_nothing(tmp_path):
    with Workspace.beside(tmp_path / "out") as run:
        mine = run.scratch("sort") / "x"
        mine.write_bytes(b"1")
        with pytest.raises(OutputExistsError, match=f"out is locked by pid {os.getpid()} on host"):
            Workspace.beside(tmp_path / "out").__enter__()
        assert mine.read_bytes() == b"1" and not is_dead(run.folder)


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path):
    leave_dead(tmp_path / ".out.textzero")
    (tmp_path / ".out.0123abcd.77.partial").write_bytes(b"half")
    (tmp_path / ".out.0123abcd.78.old").mkdir()
    (tmp_path / ".out.0123abcd.78.old" / "manifest.json").write_text("{}")
    (tmp_path / ".other.0123abcd.77.partial").write_bytes(b"of another output")
    with Workspace.beside(tmp_path / "out") as run:
        assert not (run.folder / "scratch").exists()
    # what was put aside, and not yet replaced, is back
    assert sorted(os.listdir(tmp_path)) == [".other.0123abcd.77.partial", "out"]
    assert os.listdir(tmp_path / "out") == ["manifest.json"]


def test_a_folder_that_cannot_be_made_is_an_error_in_a_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError, match=r"\.out\.textzero cannot be written: "):
        Workspace.beside(tmp_path / "file" / "out").__enter__()
    with pytest.raises(ResourceError, match="no temporary folder can be made"):
        Workspace.temporary(tmp_path / "none")


def test_stages_may_lie_in_a_store_elsewhere(tmp_path):
    elsewhere = f"file://{tmp_path}/store"
    broken_off(tmp_path / "out", store=elsewhere)
    assert os.listdir(tmp_path / "store")
    with Workspace.beside(tmp_path / "out", store=elsewhere) as run:
        assert run.stage("count", KEY).entries() == {"1": {"words": 7}}
    assert sum(len(names) for _, _, names in os.walk(tmp_path)) == 0


def test_seconds_before_a_commit_can_be_changed_for_a_while(monkeypatch):
    monkeypatch.setattr(workspace, "COMMIT_SECONDS", 0.0)
    assert workspace.COMMIT_SECONDS == 0.0


def test_only_folders_of_runs_are_left_behind(tmp_path):
    pid = leave_dead(tmp_path / ".dead.textzero")
    broken_off(tmp_path / "broken")
    leave_dead(tmp_path / "textzero-abc")
    (tmp_path / "textzero-1000" / "index_1").mkdir(parents=True)  # machine code, say
    (tmp_path / "textzero-1000" / "index_1" / "a.nbi").write_bytes(b"1")
    (tmp_path / ".mine.textzero").mkdir()
    (tmp_path / ".mine.textzero" / "diary.txt").write_text("dear")
    (tmp_path / ".link.textzero").symlink_to(tmp_path / ".dead.textzero")
    with Workspace.beside(tmp_path / "now"):
        found = {entry.name: is_dead(entry) for entry in left_behind(tmp_path)}
    assert pid and found == {
        ".broken.textzero": True, ".dead.textzero": True, ".now.textzero": False,
        "textzero-abc": True,
    }  # fmt: skip


def test_what_a_run_left_that_was_killed_after_its_output_goes_but_not_what_one_goes_on_from(
    tmp_path,
):
    output = tmp_path / "out.tsv"
    for replaces in (False, True):
        if replaces:
            output.write_text("older")
        left = Workspace.beside(output)
        left.__enter__()
        left.stage("count", {"a": 1}).commit("part", {})
        left._lock.release()  # as when its process is dead
        output.write_text("whole")
        tidy_after(output)
        assert left.folder.exists() == replaces
        output.unlink()


@pytest.mark.parametrize("flipped", range(0, 40, 3))
def test_an_entry_of_which_a_bit_was_flipped_is_as_if_it_were_not_there(tmp_path, flipped):
    """What it says was done would be left out, or done twice, in silence; or be infinite."""
    stage = Stage("stage", Store(tmp_path))
    stage.commit("0", {"covered": [[0, 0, 4194304]], "tokens": 12})
    data = bytearray((tmp_path / "0.json").read_bytes())
    data[flipped] ^= 1
    (tmp_path / "0.json").write_bytes(data)
    assert stage.entries() == {}
