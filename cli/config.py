"""textzero config."""

from typing import Any

import click

from . import _options as options
from . import _settings as settings
from ._printing import as_json, print_line, write_lines
from .main import COMMANDS, main


def _commands(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a command, or of one of its group."""
    first: tuple[str, ...] = ctx.params.get("command") or ()
    group = main.get_command(ctx, first[0]) if len(first) == 1 else main if not first else None
    names = group.list_commands(ctx) if isinstance(group, click.Group) else []
    return [name for name in names if name.startswith(incomplete) and name not in settings.PLAIN]


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also list what is built in.")
@click.option("--json", "json", is_flag=True, help="Print one JSON object a setting.")
@options.quiet_option
@click.argument("command", nargs=-1, required=False, shell_complete=_commands)
@click.pass_context
def config(
    ctx: click.Context, everything: bool, json: bool, quiet: bool, command: tuple[str, ...]
) -> None:
    """Show the defaults that files and the environment set; of COMMAND alone, if one is named.

    Prints command<TAB>option<TAB>value<TAB>where it was set. A flag beats a variable such as
    TEXTZERO_MEMORY or TEXTZERO_COUNT_MIN_COUNT, which beats textzero.toml (or [tool.textzero] of
    pyproject.toml) in this folder or one above it, which beats your own file.
    """
    if command and command[0] not in COMMANDS:
        from textzero.near import did_you_mean

        hint = did_you_mean(command[0], COMMANDS) or "; see textzero --help"
        raise click.UsageError(f"there is no command {command[0]!r}{hint}")
    files = settings.settings_files()
    for file in files:
        settings.check_sections(file, list(COMMANDS))
    rows, known, there = list[Row](), set[str](), False
    for name in [*command[:1]] or COMMANDS:
        whole = main.get_command(ctx, name)
        if whole is None or name in settings.PLAIN:
            continue
        given = settings.all_settings(name, whole, files)
        for path, one in settings.leaves(name, whole):
            known |= settings.variables_of(one, path)
            if path[: len(command)] == command:
                there = True
                rows += _rows(path, one, given[path], everything)
    if command and not there:
        name = " ".join(command)
        plain = name in settings.PLAIN
        raise click.UsageError(
            f"textzero {name} takes no settings" if plain else f"there is no command {name!r}"
        )
    for row in rows:
        _print(row, json)
    if not quiet:
        if not rows:
            click.echo("nothing is set; every option has its built-in default", err=True)
        _tell_files(files, command[:1], known)


Row = tuple[tuple[str, ...], str, Any, str]


def _rows(
    path: tuple[str, ...],
    command: click.Command,
    given: dict[str, settings.Setting],
    everything: bool,
) -> list[Row]:
    rows = [(path, _option(command, one.name), one.value, one.origin) for one in given.values()]
    if everything:
        context = click.Context(command, info_name=path[-1])
        options = {option.name: option for option in settings.options_of(command).values()}
        for name, option in options.items():
            if name not in given and name not in settings.NEVER:
                default = option.get_default(context)
                plain = default if isinstance(default, (bool, int, float, str)) else None
                rows.append((path, _option(command, str(name)), plain, "built-in"))
    return sorted(rows, key=lambda row: row[1])


def _option(command: click.Command, name: str) -> str:
    """How a parameter is written on the command line."""
    option = next(p for p in command.params if p.name == name)
    return max(option.opts, key=len)


def _print(row: Row, json: bool) -> None:
    path, option, value, origin = row
    if json:
        content = {"command": " ".join(path), "option": option, "value": value, "from": origin}
        write_lines([as_json(content)])
    else:
        print_line(" ".join(path), option, "" if value is None else settings.shown_value(value),
                   origin)  # fmt: skip


def _tell_files(
    files: list[settings.SettingsFile], asked: tuple[str, ...], known: set[str]
) -> None:
    """Say which files were read, and which variables look like settings and are none.

    Args:
        files: That were read.
        asked: The command asked about, if it is one only.
        known: The variables that are settings, of the commands asked about.
    """
    from textzero.near import did_you_mean

    read = ", ".join(settings.shown_path(file.path) for file in files) or "none"
    click.echo(f"files: {read} (yours would be {settings.user_file()})", err=True)
    known |= {settings.PREFIX + name.upper() for name in settings.GLOBAL}
    others = tuple(settings.PREFIX + name.upper() + "_" for name in COMMANDS
                   if asked and name not in asked)  # fmt: skip
    for variable in settings.variables_set():
        if variable in (*settings.OTHERS, *known) or variable.startswith(others):
            continue
        hint = did_you_mean(variable, sorted(known), settings.PREFIX)
        click.echo(f"Warning: {variable} is no setting{hint}", err=True)
