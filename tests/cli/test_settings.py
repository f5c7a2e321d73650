"""Defaults from files and the environment: which wins, what is refused, that they are seen."""

import json
import os

import pytest
from click.testing import CliRunner

from textzero_cli.main import main

TEXT = "The cat saw the dog\nthe dog saw a cat\na cat and a dog\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a text, two folders below a home without settings."""
    folder = tmp_path / "work" / "deep"
    folder.mkdir(parents=True)
    (folder / "t.txt").write_text(TEXT)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    for name in [name for name in os.environ if name.startswith("TEXTZERO_")]:
        monkeypatch.delenv(name)
    return folder


def run(*arguments, env=None):
    arguments = [str(a) for a in arguments]
    return CliRunner().invoke(main, arguments, env=env, prog_name="textzero")


def words(result):
    assert result.exit_code == 0, result.output
    return [line.split("\t")[0] for line in result.stdout.splitlines()]


def user_file(content):
    import click

    path = os.path.join(click.get_app_dir("textzero"), "config.toml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(content)


def test_the_nearer_setting_wins(here):
    user_file("[count]\ntop = 4\n")
    assert len(words(run("count", "t.txt"))) == 4
    (here.parent / "pyproject.toml").write_text("[tool.textzero.count]\ntop = 3\n")
    assert len(words(run("count", "t.txt"))) == 3  # of a folder above
    (here / "textzero.toml").write_text("[count]\ntop = 2\n")
    assert len(words(run("count", "t.txt"))) == 2  # of this one, and no other is read
    assert len(words(run("count", "t.txt", env={"TEXTZERO_COUNT_TOP": "1"}))) == 1
    assert len(words(run("count", "t.txt", "--top", 5, env={"TEXTZERO_COUNT_TOP": "1"}))) == 5


def test_defaults_reach_every_command_and_a_section_beats_them(here):
    (here / "textzero.toml").write_text("[defaults]\nlowercase = true\n[cooccur]\nwindow = 3\n")
    assert "the" in words(run("count", "t.txt")) and "The" not in words(run("count", "t.txt"))
    (here / "textzero.toml").write_text("[defaults]\nlowercase = true\n[count]\nlowercase=false\n")
    assert "The" in words(run("count", "t.txt"))
    lowered = run("count", "t.txt", env={"TEXTZERO_LOWERCASE": "1"})
    assert "The" not in words(lowered)  # the environment beats both


def test_what_changes_a_result_is_told_and_what_does_not_is_told_in_summaries(here):
    (here / "textzero.toml").write_text('[defaults]\nmemory = "1GB"\n[count]\nmin-count = 2\n')
    said = run("count", "t.txt")
    assert said.stderr == "settings: min-count = 2 (textzero.toml, line 4)\n"
    assert run("count", "t.txt", "-q").stderr == ""
    assert run("count", "t.txt", "--min-count", 1).stderr == ""
    table = run("count", "t.txt", "-o", "c.tsv").stderr
    assert "memory = 1GB (textzero.toml, line 2); min-count = 2 (textzero.toml, line 4)" in table
    assert table.count("min-count") == 1
    found = json.loads(run("count", "t.txt", "-o", "d.tsv", "--json").stdout)["settings"]
    assert found["min_count"] == {"value": 2, "from": "textzero.toml, line 4"}


@pytest.mark.parametrize(
    "content, sentence",
    [
        (
            "[coutn]\nx = 1\n",
            "textzero.toml, line 1: there is no command 'coutn': did you mean 'co",
        ),
        ("[count]\n\nmin_cuont = 1\n", "line 3: textzero count has no option 'min_cuont': did you"),
        ('[count]\nmin_count = "2"\n', "line 2: min_count must be a whole number, got '2'"),
        ("[count]\nmin_count = 2.5\n", "line 2: min_count must be a whole number, got 2.5"),
        ("[count]\nlowercase = 1\n", "line 2: lowercase must be true or false, got 1"),
        ('[count]\ninclude = "*.py"\n', "line 2: include must be a list of texts, got '*.py'"),
        ("[count]\nmin_count = 0\n", "--min-count (textzero.toml, line 2) must be at least 1"),
        ('[defaults]\nmemory = "4"\n', "--memory (textzero.toml, line 2) must be at least 300 MB"),
        ('[defaults]\nmemry = "1GB"\n', "line 2: 'memry' is no setting of all commands: did you"),
        ('memory = "1GB"\n', "line 1: memory stands in no section; put it below [defaults]"),
        ("[count]\nforce = true\n", "line 2: --force cannot be a default"),
        ("[defaults]\nforce = true\n", "line 2: --force cannot be a default"),
        ("count = 3\n", "line 1: count stands in no section"),
        ("[count\n", "textzero.toml is not TOML: "),
        ('[count]\ntokenizer = "os:system"\n', "line 2: tokenizer = 'os:system' would run code"),
        (
            '[count]\nengine = "dask://x:1"\n',
            "line 2: engine = 'dask://x:1' would let other machines",
        ),
        (
            '[count]\nstore = "/elsewhere"\n',
            "line 2: store = '/elsewhere' would write where it says",
        ),
        ("[count]\nquiet = true\n", "line 2: quiet = true would hide what is lost"),
        ("[count]\nmax-expansion = 5000\n", "line 2: max-expansion = 5000 would lift a guard"),
        ('[count]\ninclude = ["s3://b"]\n', "line 2: include = s3://b would reach out to another"),
        ("[count.top]\nx = 1\n", "top must be a whole number, got {'x': 1}"),
        ("[count]\nno-lowercase = true\n", "no option 'no-lowercase'; write lowercase = false"),
        ("[doctor]\nx = 1\n", "line 1: textzero doctor takes no settings"),
        ("#" * (1 << 20) + "\n", "textzero.toml cannot be read: it is larger than 1 MB"),
        ("[count]\nx = " + "[" * 10_000, "textzero.toml is not TOML: "),
    ],
)
def test_a_wrong_setting_is_told_with_its_place(here, content, sentence):
    (here / "textzero.toml").write_text(content)
    result = run("count", "t.txt")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert sentence in result.stderr
    assert run("count", "--help").exit_code == 0  # help is given all the same
    assert run("doctor", "--help").exit_code == 0


def test_a_folder_that_is_named_like_a_function_does_not_let_code_run(here):
    (here / "evil:run").mkdir()
    (here / "evil.py").write_text("open('harmed', 'w').close()\nrun = str.split\n")
    (here / "textzero.toml").write_text('[count]\ntokenizer = "evil:run"\n')
    assert "would run code" in run("count", "t.txt").stderr and not (here / "harmed").exists()


@pytest.mark.parametrize("content", ["tool = 3\n", "[tool]\ntextzero = 3\n", "\xff", "[tool\n"])
def test_a_pyproject_of_another_kind_is_passed_over(here, content):
    (here.parent / "textzero.toml").write_text("[count]\ntop = 1\n")
    (here / "pyproject.toml").write_text(f"# no tool.textzero\n{content}", "latin-1")
    result = run("count", "t.txt")
    assert "Traceback" not in result.output
    if content == "[tool\n":
        assert result.exit_code == 2
    else:
        assert len(words(result)) == 1  # what a folder above says


@pytest.mark.usefixtures("here")
def test_what_runs_code_may_stand_in_the_users_own_file():
    user_file('[count]\ntokenizer = "textzero.tokens:char"\n')
    assert set(words(run("count", "t.txt"))) >= {"a", "t", "h"}


@pytest.mark.usefixtures("here")
def test_force_cannot_be_set_by_a_variable():
    result = run("count", "t.txt", env={"TEXTZERO_COUNT_FORCE": "1"})
    assert result.exit_code == 2 and "COUNT_FORCE: --force cannot be a default" in result.stderr


def test_sections_of_subcommands_are_read(here):
    content = "[train]\nepochs = 3\n[train.tagger]\nunits = 5\n"
    (here / "textzero.toml").write_text(content)
    rows = [line.split("\t") for line in run("config", "train").stdout.splitlines()]
    assert ["train tagger", "--units", "5", "textzero.toml, line 4"] in rows
    assert ["train reader", "--epochs", "3", "textzero.toml, line 2"] in rows
    assert not any(row[0] == "train reader" and row[1] == "--units" for row in rows)


def test_a_group_refuses_what_none_of_its_commands_has(here):
    (here / "textzero.toml").write_text("[train.tager]\nepochs = 3\n")
    assert "line 1: textzero train has no command 'tager': did you mean" in run("config").stderr
    (here / "textzero.toml").write_text("[train]\n\nepcohs = 3\n")
    said = run("train", "tagger", "t.txt", "-o", "m").stderr
    assert "line 3: textzero train has no option 'epcohs': did you mean 'epochs'?" in said


@pytest.mark.usefixtures("here")
def test_config_tells_misspelled_variables_and_wrong_questions():
    said = run("config", env={"TEXTZERO_COUNT_MIN_CUONT": "2"}).stderr
    assert "COUNT_MIN_CUONT is no setting: did you mean 'TEXTZERO_COUNT_MIN_COUNT'?" in said
    said = run("count", "t.txt", env={"TEXTZERO_COUNT_LOWERCASE": "maybe"}).stderr
    assert "--lowercase (TEXTZERO_COUNT_LOWERCASE) must be true or false, got 'maybe'" in said
    assert "there is no command 'train nope'" in run("config", "train", "nope").stderr
    assert "textzero doctor takes no settings" in run("config", "doctor").stderr


def test_a_value_stays_in_its_field(here):
    (here / "textzero.toml").write_text('[count]\nfield = "a\\tb\\nc\\u001b[2J"\n')
    assert run("config", "count").stdout == (
        "count\t--column\t'a\\tb\\nc\\x1b[2J'\ttextzero.toml, line 2\n"
    )


def test_config_lists_what_is_set_and_where(here):
    assert "nothing is set" in run("config", "count").stderr
    (here / "textzero.toml").write_text("[count]\nmin-count = 2\n")
    shown = run("config", "count", env={"TEXTZERO_WORKERS": "2", "TEXTZERO_MEMROY": "1GB"})
    assert shown.stdout == (
        "count\t--min-count\t2\ttextzero.toml, line 2\ncount\t--workers\t2\tTEXTZERO_WORKERS\n"
    )
    assert "TEXTZERO_MEMROY is no setting: did you mean 'TEXTZERO_MEMORY'?" in shown.stderr
    rows = [json.loads(line) for line in run("config", "count", "--json").stdout.splitlines()]
    place = "textzero.toml, line 2"
    assert rows == [{"command": "count", "option": "--min-count", "value": 2, "from": place}]
    everything = run("config", "count", "--all").stdout
    assert "count\t--encoding\tutf-8\tbuilt-in\n" in everything and "--force" not in everything
    assert "did you mean 'count'" in run("config", "cuont").stderr


@pytest.mark.usefixtures("here")
def test_variables_of_other_purposes_are_no_settings():
    result = run("report", "--help", env={"TEXTZERO_DATA": "/nowhere", "TEXTZERO_DEBUG": "1"})
    assert result.exit_code == 0
    said = run("config", "count", env={"TEXTZERO_DATA": "/nowhere"}).stderr
    assert "Warning" not in said
