"""textzero demo: what it prints where, its exit codes, and that the commands it names work."""

import json
import shlex
from itertools import product

import pytest
from click.testing import CliRunner

from textzero_cli.main import main


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="textzero")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with texts, and the demo of them."""
    root = tmp_path_factory.mktemp("demo")
    parts = "cook baker guest", "boils bakes tastes", "soup bread tea", "today again twice now here"
    lines = [
        f"the {a} {b} the {c} {d}".replace("soup", "onion soup")
        for a, b, c, d in product(*map(str.split, parts))
    ]
    (root / "texts").mkdir()
    (root / "texts" / "a.txt").write_text("\n".join(lines * 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield root, invoke("demo", "texts", "--no-models")


def test_the_path_of_the_page_is_all_of_the_standard_output(place):
    root, result = place
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "demo/report.html\n"
    assert (root / "demo" / "report.html").is_file()
    assert " vectors" in result.stderr and "To try next:" in result.stderr


def test_the_commands_to_try_next_work(place):
    _, result = place
    commands = result.stderr.split("To try next:\n")[1].splitlines()
    assert [command.split()[1] for command in commands] == ["similar", "cluster", "report"]
    for command in commands:
        _, name, *arguments = shlex.split(command)
        done = invoke(name, *arguments)
        assert done.exit_code == 0 and (done.stdout or name == "report"), (command, done.stderr)


def test_every_command_of_a_demo_can_be_pasted(place, tmp_path, monkeypatch):
    root, _ = place
    folder = tmp_path / "my 'own' [texts]"
    folder.mkdir()
    (folder / "a.txt").write_text((root / "texts" / "a.txt").read_text())
    (folder / "noise").write_bytes(b"\0\1")
    (folder / "table.tsv").write_text("no\tcolumn\n1\t2\n")
    monkeypatch.chdir(tmp_path)
    result = invoke("demo", folder.name, "-o", f"{folder.name}/out put", "--no-models")
    assert result.exit_code == 0, result.stderr
    assert "2 files were passed over (the first: " in result.stderr
    made = folder / "out put"
    steps = json.loads((made / "manifest.json").read_text())["steps"]
    commands = [step["command"] for step in steps if step["command"]]
    assert len(commands) == 6
    for command in commands + result.stderr.split("To try next:\n")[1].splitlines():
        done = invoke(*shlex.split(command)[1:])
        assert done.exit_code == 0, (command, done.stderr)
    for name in ("counts.tsv", "templates.tsv", "clusters.tsv"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_quiet_says_nothing(place):  # noqa: ARG001
    result = invoke("demo", "texts", "--no-models", "-o", "other", "-q")
    assert (result.stdout, result.stderr) == ("other/report.html\n", "")


def test_refusals_are_one_sentence(place):  # noqa: ARG001
    again = invoke("demo", "texts")
    assert again.exit_code == 5 and again.stderr.startswith("Error: demo holds a demo already")
    missing = invoke("demo", "nowhere", "-o", "new")
    assert missing.exit_code == 3 and "no such file or folder: nowhere" in missing.stderr
    for elsewhere in ("https://example.invalid/a.txt", "-"):
        refused = invoke("demo", "-o", "new", "--", elsewhere)
        assert refused.exit_code == 3 and "a folder or a file of this machine" in refused.stderr
    apart = invoke("demo", "texts", "-o", "no/such/place")
    assert apart.exit_code == 4 and "no folder" in apart.stderr


def test_ctrl_c_says_what_is_kept(place, monkeypatch):  # noqa: ARG001
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("textzero.demo.steps.find_templates", interrupted)
    result = invoke("demo", "texts", "-o", "cut")
    assert result.exit_code == 130 and "the same command goes on with it" in result.stderr


def test_the_column_of_a_table_is_named(place):
    root, _ = place
    lines = (root / "texts" / "a.txt").read_text().splitlines()
    (root / "comments.csv").write_text("id,body\n" + "".join(f"1,{line}\n" for line in lines))
    unnamed = invoke("demo", "comments.csv", "-o", "columns", "--no-models")
    assert unnamed.exit_code == 3 and "name it with field= (--column)" in unnamed.stderr
    done = invoke("demo", "comments.csv", "--column", "body", "-o", "columns", "--no-models")
    assert done.exit_code == 0, done.stderr
    steps = json.loads((root / "columns" / "manifest.json").read_text())["steps"]
    command = next(one["command"] for one in steps if one["step"] == "count")
    assert invoke(*shlex.split(command)[1:-1], "again.tsv").exit_code == 0
    assert (root / "again.tsv").read_bytes() == (root / "columns" / "counts.tsv").read_bytes()
