"""What a shell completes: asked as the shells ask it, and by a real bash."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from textzero_cli.main import COMMANDS, main

ASKED = [
    ("textzero co", {"count", "cooccur", "convert", "config", "completion"}),
    ("textzero count --min-c", {"--min-count"}),
    ("textzero discover --method c", {"cohesion"}),
    ("textzero train cl", {"classifier"}),
    ("textzero count x --tokenizer wh", {"whitespace"}),
    ("textzero count --engine thr", {"threads"}),
    ("textzero completion z", {"zsh"}),
]
FILES = ["textzero count ", "textzero embed x -o ", "textzero train tagger --vectors ",
         "textzero similar ", "textzero count --tokenizer lex"]  # fmt: skip


def ask(line):
    """What textzero answers a shell that has this line."""
    words = line.split(" ")
    env = os.environ | {
        "_TEXTZERO_COMPLETE": "bash_complete",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-m", "textzero"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    return [tuple(row.split(",", 1)) for row in done.stdout.splitlines()]


@pytest.mark.parametrize("line, expected", ASKED)
def test_names_are_completed(line, expected):
    assert {value for kind, value in ask(line) if kind == "plain"} == expected


@pytest.mark.parametrize("line", FILES)
def test_files_are_left_to_the_shell(line):
    assert [kind for kind, _ in ask(line)] == ["file"]


def test_completion_is_quick_enough_to_type_with():
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        assert len(ask("textzero ")) == len(COMMANDS)
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.4


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(shell):
    result = CliRunner().invoke(main, ["completion", shell], prog_name="textzero")
    assert result.exit_code == 0 and f"_TEXTZERO_COMPLETE={shell}_complete" in result.stdout


def script_and_path(shell, tmp_path):
    """The script of a shell in a file, and a PATH where `textzero` is this Python's."""
    program = tmp_path / "bin" / "textzero"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m textzero "$@"\n')
    program.chmod(0o755)
    made = subprocess.run([program, "completion", shell], capture_output=True, timeout=60)
    (tmp_path / "script").write_bytes(made.stdout)
    return tmp_path / "script", {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def need(shell):
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


def test_bash_completes_by_the_script(tmp_path):
    bash = need("bash")
    script, path = script_and_path("bash", tmp_path)
    typed = "COMP_WORDS=(textzero discover --method c); COMP_CWORD=3; "
    lines = f'source {script}; {typed}_textzero_completion textzero; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        [bash, "--norc", "-c", lines], env=os.environ | path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("cohesion\n", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_other_shells_is_read_by_them(shell, tmp_path):
    program = need(shell)
    script, path = script_and_path(shell, tmp_path)
    read = f"autoload -Uz compinit && compinit -D; source {script}" if shell == "zsh" else (
        f"source {script}; complete -C 'textzero discover --method c'; complete -C 'textzero e'"
    )  # fmt: skip
    done = subprocess.run(
        [program, "-c", read], env=os.environ | path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    if shell == "fish":
        found = dict(row.partition("\t")[::2] for row in done.stdout.splitlines())
        assert found["cohesion"] == ""
        assert found["embed"] == COMMANDS["embed"]  # it has commas
