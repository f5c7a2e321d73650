"""textzero doctor."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from . import _settings as settings

if TYPE_CHECKING:
    from textzero.doctor import Finding
    from textzero.progress import Progress


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Print what was found on this machine, what is missing, and what to do about it.

    Ends with 0 when the core works, with 1 when it does not. What is marked with a dash (-) is not
    needed, or could be better; what is marked with a cross (x) must be mended.
    """
    from dataclasses import asdict

    from textzero.doctor import examine, works

    findings = [*examine(_progress()), *_settings_found()]
    fine = works(findings)
    if as_json:
        import json

        report = {"works": fine, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        marks = {"ok": " ", "note": "-", "bad": "x"}
        width = max(len(finding.name) for finding in findings)
        section = ""
        for finding in findings:
            if finding.section != section:
                section = finding.section
                click.echo(section)
            click.echo(f"{marks[finding.state]} {finding.name:{width}}  {finding.value}")
            if finding.advice:
                click.echo(f"  {'':{width}}  -> {finding.advice}")
        click.echo("textzero works" if fine else "textzero does not work: see the lines with x")
    if not fine:
        ctx.exit(1)


def _progress() -> "Progress":
    """Bars, unless what draws them is what is broken; `examine` says so."""
    from textzero.progress import Progress

    from ._progress import make_progress

    try:
        import rich.progress  # noqa: F401
    except Exception:  # whatever a broken package raises
        return Progress()
    return make_progress(False)


def _settings_found() -> "Iterator[Finding]":
    """The files of settings that apply here; one that cannot be read stops every command."""
    from textzero.doctor import BAD, Finding

    from .main import COMMANDS

    try:
        files = settings.settings_files()
        for file in files:
            settings.check_sections(file, list(COMMANDS))
    except settings.SettingError as error:
        yield Finding("settings", "file", str(error), BAD, "mend that line, or remove the file")
        return
    for file in files:
        number = sum(len(table) for table in file.tables.values())
        shown = f"{settings.shown_path(file.path)}, {number:,} of them"
        yield Finding("settings", "file", f"{shown}; textzero config lists them")
    if not files:
        yield Finding("settings", "file", f"none; yours would be {settings.user_file()}")
    variables = [name for name in settings.variables_set() if name not in settings.OTHERS]
    if variables:
        yield Finding("settings", "variables", ", ".join(variables))
