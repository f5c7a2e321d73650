"""What the documentation shows is run."""

import doctest
import re
import shlex
import sys
import sysconfig
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from textzero_cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.M | re.S)
# Figures that differ from run to run, or with the Python that brings the text.
VARIABLE = re.compile(r"\d[\d,.]*")


def blocks(language):
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match[1] == language:
                line = text.count("\n", 0, match.start()) + 1
                yield pytest.param(match[2], id=f"{page.name}:{line}")


@pytest.mark.parametrize("source", list(blocks("python")))
def test_python_blocks(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = doctest.DocTestParser().get_doctest(source, {}, "block", None, 0)
    assert case.examples, "a python block holds at least one >>> example"
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(case).failed == 0


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """One folder for all console blocks, in page order: later ones use what earlier ones wrote."""
    return tmp_path_factory.mktemp("docs")


@pytest.mark.parametrize("source", list(blocks("console")))
def test_console_blocks(source, session, monkeypatch):
    monkeypatch.chdir(session)
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", source, re.M):
        command, _, limit = command.partition(" | head -n ")
        command = command.replace("$STDLIB", shlex.quote(sysconfig.get_path("stdlib")))
        program, *arguments = shlex.split(command)
        assert program == "textzero"
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        output = "".join(result.output.splitlines(keepends=True)[: int(limit or 10**6)])
        if "$STDLIB" in source or not expected:
            # The text is this Python's own: words and figures vary, the form does not.
            assert [len(x.split("\t")) for x in output.splitlines()] == [
                len(x.split("\t")) for x in expected.splitlines()
            ], output
            continue
        assert output == expected
    assert sys.version_info >= (3, 11)


def commands(group=main, path=()):
    names = group.list_commands(None)
    for name in names:
        command = group.get_command(None, name)
        if not isinstance(command, click.Group):
            yield (*path, name), command
        else:
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path, command", list(commands()), ids=lambda x: str(x))
def test_every_command_is_explained(path, command):
    name = " ".join(["textzero", *path])
    assert command.help, f"`{name}` has no help"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"`{name} {parameter.opts[0]}` has no help"
    assert any(name in page.read_text(encoding="utf-8") for page in PAGES), f"`{name}` has no page"
