"""What went wrong, in one sentence: what must hold, what was got, what to do."""

import os
import re
import sys
from typing import Any

import click

from . import _settings as settings

_CHOICE = re.compile(r"(['\"])(.*)\1 is not one of ", re.DOTALL)
_RANGE = re.compile(r"(\S+) is not in the range ")
_NUMBER = re.compile(r"(.+) is not a valid (integer|float)", re.DOTALL)
_TRUTH = re.compile(r"(['\"].*['\"]) is not a valid boolean", re.DOTALL)
_MISSING = re.compile(r"(Directory|File|Path) '(.*)' does not exist", re.DOTALL)
_CLOSED = re.compile(r"(?:Directory|File|Path) '(.*)' is not (read|writ)able", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)


def usage_sentence(error: click.UsageError) -> str:
    """Say what is wrong with the options and arguments of a command."""
    from textzero.near import did_you_mean

    ctx = error.ctx
    command = ctx.command_path if ctx is not None else "textzero"
    see = f"; see {command} --help"
    if isinstance(error, click.NoSuchOption):
        known = [opt for p in ctx.command.get_params(ctx) for opt in (*p.opts, *p.secondary_opts)
                 if not getattr(p, "hidden", False)] if ctx else []  # fmt: skip
        known = [opt for opt in known if opt.startswith("--")]
        hint = did_you_mean(error.option_name, known, "--")
        meant = (name for name in sys.argv[1:] if name.startswith(error.option_name))
        if file := next(filter(os.path.exists, meant), None):
            hint = f"; write ./{file} for the file of this name"
        return f"{command} has no option {error.option_name}{hint or see}"
    if isinstance(error, click.MissingParameter):
        return f"{command} needs {_needed(error)}{see}"
    if isinstance(error, click.BadParameter):
        return _wrong_value(error)
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} needs a value behind it"
    message = error.message.strip()
    if ctx is not None and (extra := _EXTRA.match(message)):
        usage = " ".join(piece for piece in ctx.command.collect_usage_pieces(ctx))
        return f"{extra[1]} is more than {command} takes: {command} {usage}"
    if ctx is not None and isinstance(ctx.command, click.Group) and "command" in message:
        name = re.search(r"No such command '(.*)'", message)
        if name:
            known = ctx.command.list_commands(ctx)
            hint = did_you_mean(name[1], known) or f"; there are {', '.join(known)}"
            return f"{command} has no command {name[1]!r}{hint}"
    return message.removesuffix(".")


def _needed(error: click.MissingParameter) -> str:
    parameter = error.param
    if parameter is None:
        return "an argument"
    if not isinstance(parameter, click.Option):
        name = parameter.metavar or str(parameter.name).upper()
        return name + ("..." if parameter.nargs == -1 and not name.endswith("...") else "")
    what = f" ({parameter.help.rstrip('.').lower()})" if parameter.help else ""
    return f"{parameter.opts[0]} {parameter.metavar or ''}".rstrip() + what


def _wrong_value(error: click.BadParameter) -> str:
    from textzero.near import did_you_mean, near_path

    parameter, message = error.param, error.message.strip().removesuffix(".")
    name = error.param_hint or ""
    if isinstance(parameter, click.Option):
        name = max(parameter.opts, key=len)
    elif parameter is not None:
        name = parameter.human_readable_name
    if not isinstance(name, str):
        name = " / ".join(name)
    bare = name.lstrip("-").replace("-", "_")
    plain = message.startswith(f"{bare} ")
    if origin := settings.origin(error.ctx, parameter):
        name = f"{name} ({origin})"
    if plain:
        return name + message[len(bare) :]
    kind: Any = getattr(parameter, "type", None)
    if (found := _CHOICE.match(message)) and isinstance(kind, click.Choice):
        known = [str(choice) for choice in kind.choices]
        listed = f"{', '.join(known[:-1])} or {known[-1]}" if len(known) > 1 else known[0]
        return f"{name} must be {listed}, got {found[2]!r}{did_you_mean(found[2], known)}"
    if found := _RANGE.match(message):
        return f"{name} must be {_range(kind)}, got {found[1]}"
    if found := _NUMBER.match(message):
        number = "a whole number" if found[2] == "integer" else "a number"
        return f"{name} must be {number}, got {found[1]}"
    if found := _MISSING.match(message):
        what = {"Directory": "folder", "File": "file"}.get(found[1], "file or folder")
        near = near_path(found[2])
        return f"no such {what}: {found[2]}" + ("" if near is None else f"; did you mean {near}?")
    if found := _CLOSED.match(message):
        what = {"read": "read", "writ": "written"}[found[2]]
        return f"{found[1]} cannot be {what}: Permission denied"
    if found := _TRUTH.match(message):
        return f"{name} must be true or false, got {found[1]}"
    return f"{name}: {message}" if name else message


def _range(kind: Any) -> str:
    low, high = kind.min, kind.max
    above = "" if low is None else f"more than {low:g}" if kind.min_open else f"at least {low:g}"
    below = "" if high is None else f"less than {high:g}" if kind.max_open else f"at most {high:g}"
    if above and below and not kind.min_open and not kind.max_open:
        return f"from {low:g} to {high:g}"
    return " and ".join(part for part in (above, below) if part)


def near_file(error: BaseException | None) -> str:
    """Return "; did you mean PATH?" when an error comes from a file that is not there."""
    from textzero.near import near_path

    while error is not None:
        name = error.filename if isinstance(error, FileNotFoundError) else None
        if isinstance(name, (str, os.PathLike)) and not os.path.exists(name):
            near = near_path(os.fspath(name))
            return f"; did you mean {near}?" if near is not None else ""
        error = error.__cause__ or error.__context__
    return ""
