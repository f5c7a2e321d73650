import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest
from click.testing import CliRunner

from textzero.locks import Holder
from textzero.workspace import Workspace
from textzero_cli import main


def clean(*arguments):
    result = CliRunner().invoke(main, ["clean", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return [line.split("\t") for line in result.stdout.splitlines()], result.stderr


@pytest.fixture
def dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def run_of(pid, folder):
    (folder / "scratch").mkdir(parents=True)
    (folder / "scratch" / "part").write_bytes(bytes(5000))
    holder = replace(Holder.here(), pid=pid, began="1", command="textzero count x")
    (folder / "lock").write_text(json.dumps(asdict(holder)))


def age(path):
    then = time.time() - 4000
    for root, _, names in os.walk(path):
        for name in names:
            os.utime(os.path.join(root, name), (then, then))
        os.utime(root, (then, then))
    os.utime(path, (then, then))


def test_what_dead_runs_left_is_named_and_removed(tmp_path, dead):
    run_of(dead, tmp_path / ".out.tsv.textzero")
    run_of(dead, tmp_path / "vectors" / ".textzero")
    (tmp_path / "mine.txt").write_text("mine")
    rows, said = clean("--dry-run", tmp_path)
    assert [row[:2] for row in rows] == [
        ["to remove", str(tmp_path / ".out.tsv.textzero")],
        ["to remove", str(tmp_path / "vectors" / ".textzero")],
    ]
    assert f"pid {dead} on host" in rows[0][3] and "(textzero count x)" in rows[0][3]
    assert rows[0][2].endswith("kB") and "would be freed" in said
    assert (tmp_path / ".out.tsv.textzero" / "lock").exists()
    rows, said = clean(tmp_path)
    assert [row[0] for row in rows] == ["removed"] * 2 and "2 found, 0 kept" in said
    assert sorted(os.listdir(tmp_path)) == ["mine.txt", "vectors"]
    assert clean(tmp_path)[0] == []


def test_a_run_that_is_at_work_or_elsewhere_is_kept_and_named(tmp_path, dead):
    run_of(dead, tmp_path / ".far.textzero")
    lock = tmp_path / ".far.textzero" / "lock"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"host": "far"}))
    run_of(dead, tmp_path / ".odd.textzero")
    (tmp_path / ".odd.textzero" / "lock").write_bytes(b"?")
    with Workspace.beside(tmp_path / "out") as run:
        rows, said = clean(tmp_path)
        assert run.folder.exists()
    assert [row[0] for row in rows] == ["kept"] * 3 and "0 found, 3 kept" in said
    assert "on host far" in rows[0][3] and "cannot be read" in rows[1][3]
    assert f"pid {os.getpid()} " in rows[2][3]


def test_half_files_of_dead_processes_go_and_what_they_put_aside_comes_back(tmp_path, dead):
    old = {
        f".out.tsv.0123abcd.{dead}.partial": "removed",
        f".out.tsv.0123abce.{os.getpid()}.partial": "kept",
        f".v.0123abcd.{dead}.old": "brought back",
        f".w.0123abcd.{dead}.old": "removed",
    }
    for name in old:
        (tmp_path / name).mkdir() if "tsv" not in name else (tmp_path / name).write_bytes(b"1")
        age(tmp_path / name)
    (tmp_path / f".new.0123abcd.{dead}.partial").write_bytes(b"1")  # of another host, perhaps
    (tmp_path / "w").mkdir()
    rows, _ = clean(tmp_path)
    found = {os.path.basename(row[1]): row[0] for row in rows}
    assert found == old | {f".new.0123abcd.{dead}.partial": "kept"}
    kept = [name for name, done in found.items() if done == "kept"]
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "v", "w"])


def test_folders_below_are_searched_when_asked(tmp_path, dead):
    run_of(dead, tmp_path / "a" / "b" / ".c.textzero")
    assert clean(tmp_path)[0] == []
    assert len(clean("-r", tmp_path)[0]) == 1
    assert os.listdir(tmp_path / "a" / "b") == []


def test_without_folders_it_is_here_and_where_temporary_files_are(tmp_path, dead, monkeypatch):
    for name in ("here", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    run_of(dead, tmp_path / "here" / ".x.textzero")
    run_of(dead, tmp_path / "temporary" / "textzero-abc")
    assert [row[0] for row in clean()[0]] == ["removed", "removed"]
    assert os.listdir("../here") == os.listdir("../temporary") == []
