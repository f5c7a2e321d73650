"""The pages that are made with the site: every command, every option, every public name."""

import ast
import importlib.util
from pathlib import Path

import click
import pytest

import textzero
from textzero_cli import main

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "_site"


def module(name):
    spec = importlib.util.spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def command_pages():
    return module("cli_reference").pages()


def commands(group=main, context=None):
    context = context or click.Context(main, info_name="textzero")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = click.Context(command, context, info_name=name)
        if isinstance(command, click.Group):
            yield from commands(command, inner)
        else:
            yield command, inner


def test_every_option_of_every_command_is_on_its_page_with_its_default(command_pages):
    for command, context in commands():
        page = command_pages[f"reference/cli/{context.command_path.split()[1]}.md"]
        page = page.partition(f"# {context.command_path}\n")[2].partition("\n## ")[0]
        for option in command.get_params(context):
            if not isinstance(option, click.Option) or option.hidden:
                continue
            line, text = next(
                pair
                for pair in zip(page.splitlines(), page.splitlines()[1:], strict=False)
                if pair[0].startswith(f"`{option.opts[0]}`")
            )
            assert all(f"`{name}`" in line for name in (*option.opts, *option.secondary_opts))
            default = option.get_help_extra(context).get("default")
            assert default in (None, "") or f"`{default}`" in text or "Default: " in text


def test_the_page_of_exit_codes_knows_those_of_our_errors(command_pages):
    from textzero import errors

    page = command_pages["reference/cli/index.md"]
    codes = {e.exit_code for e in vars(errors).values() if hasattr(e, "exit_code")}
    assert codes and all(f"| {code} |" in page for code in codes)


def test_every_public_name_has_one_place_in_the_reference():
    pages = module("api_reference").pages()
    text = "\n".join(pages.values())
    names = [f"textzero.{name}" for name in dir(textzero) if name != "__version__"]
    for package in ("models", "estimators"):
        path = ROOT / "textzero" / package / "__init__.py"
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names += [f"textzero.{package}.{name}" for name in ast.literal_eval(node.value)]
    assert [name for name in names if text.count(f"::: {name}\n") != 1] == []


def test_formulas_become_mathml_and_unknown_commands_are_told(caplog):
    pytest.importorskip("latex2mathml", reason="formulas need latex2mathml: textzero[docs]")
    formulas = module("mathml").formulas
    made = formulas(r'<span class="arithmatex">\(a &lt; \log b_i\)</span>', "page.md")
    assert made.startswith("<math alttext=") and "<msub>" in made and "arithmatex" not in made
    assert not caplog.records
    formulas(r'<div class="arithmatex">\[\nonsense x\]</div>', "page.md")
    assert "nonsense" in caplog.text and caplog.records[0].levelname == "WARNING"
