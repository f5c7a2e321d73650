"""Defaults of options that files and the environment set, and where each comes from.

A flag beats a TEXTZERO_ variable, which beats the nearest textzero.toml (or pyproject.toml with
[tool.textzero]) of the working folder and those above it, which beats the user's own file.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from ._settings_files import (
    GLOBAL,
    NEVER,
    SettingError,
    SettingsFile,
    check_sections,
    never,
    settings_files,
    shown_path,
    table_of,
    user_file,
)

__all__ = [
    "GLOBAL", "NEVER", "SettingError", "SettingsFile", "check_sections", "settings_files",
    "shown_path", "user_file",
]  # fmt: skip

# what no result depends on
NEUTRAL = frozenset(("memory", "workers", "device", "engine", "store", "quiet", "batch_size"))
OTHERS = ("TEXTZERO_DATA", "TEXTZERO_DEBUG")  # variables that are no settings
PREFIX = "TEXTZERO_"
PLAIN = ("config", "completion", "doctor")  # commands that no setting reaches
_META, _TOLD = "textzero.settings", "textzero.settings told"


@dataclass(frozen=True)
class Setting:
    """The default of an option that is not built in.

    Attributes:
        path: The command, such as ("train", "tagger").
        name: Of the parameter.
        value: As it was written.
        origin: File and line, or the name of a variable.
        own: Whether it is the user's, not that of a folder that may come from somebody else.
    """

    path: tuple[str, ...]
    name: str
    value: Any
    origin: str
    own: bool


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a command by every name that a setting may give them."""
    found: dict[str, click.Option] = {}
    for parameter in command.params:
        if not isinstance(parameter, click.Option) or parameter.name is None or parameter.hidden:
            continue
        names = [opt.lstrip("-").replace("-", "_") for opt in parameter.opts if opt[:2] == "--"]
        for name in (*names, parameter.name):
            found.setdefault(name, parameter)
    return found


def settings_of(
    command: click.Command,
    path: tuple[str, ...],
    files: list[SettingsFile],
    environment: Mapping[str, str] | None = None,
) -> dict[str, Setting]:
    """Return the settings of one command by the names of its parameters.

    Raises:
        SettingError: One of them is unknown, of the wrong type, or may not be set.
    """
    options = options_of(command)
    found: dict[str, Setting] = {}
    for file in files:
        for section in ("defaults", *(".".join(path[:n]) for n in range(1, len(path) + 1))):
            for key, value in table_of(file, section).items():
                if isinstance(value, dict) and section != "defaults":
                    continue  # the section of a sub-command
                setting = _checked(file, section, key, value, options, path)
                if setting is not None:
                    found[setting.name] = setting
    variables = os.environ if environment is None else environment
    prefixes = [PREFIX + "".join(f"{part.upper()}_" for part in path[:n])
                for n in range(len(path) + 1)]  # fmt: skip
    for prefix in prefixes:
        for name, option in options.items():
            variable = prefix + name.upper()
            text = variables.get(variable)
            if not text or variable in OTHERS or (prefix == PREFIX and name not in GLOBAL):
                continue
            if name in NEVER:
                raise SettingError(never(variable, name))
            value = text.split() if option.multiple else text
            found[str(option.name)] = Setting(path, str(option.name), value, variable, True)
    return found


def _checked(
    file: SettingsFile, section: str, key: str, value: Any,
    options: dict[str, click.Option], path: tuple[str, ...],
) -> Setting | None:  # fmt: skip
    from textzero.near import did_you_mean

    plain, where = key.replace("-", "_"), file.where(section, key)
    if plain in NEVER:
        raise SettingError(never(where, plain))
    option = options.get(plain)
    if option is None:
        if section == "defaults" or section.count(".") + 1 < len(path):
            return None  # another command has it
        hint = did_you_mean(plain, options) or f"; see textzero {' '.join(path)} --help"
        raise SettingError(f"{where}: textzero {' '.join(path)} has no option {key!r}{hint}")
    if wrong := _wrong_type(option, value):
        raise SettingError(f"{where}: {key} must be {wrong}, got {value!r:.60}")
    if not file.own and _reaches_out(plain, value):
        raise SettingError(
            f"{where}: {key} = {value!r} would run code or send text elsewhere, which a file "
            f"beside the data may not decide; put it into {user_file()}, or give "
            f"--{plain.replace('_', '-')}"
        )
    return Setting(path, str(option.name), value, where, file.own)


def _reaches_out(name: str, value: Any) -> bool:
    """Whether a setting names Python code, a scheduler or a store elsewhere."""
    text = str(value)
    if name == "tokenizer":
        return ":" in text and not os.path.exists(text)
    return name in ("engine", "store") and "://" in text


def _wrong_type(option: click.Option, value: Any) -> str:
    """What a setting must be; "" when it is that."""
    if option.multiple:
        fine = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if fine else "a list of texts"
    if option.is_flag:
        return "" if isinstance(value, bool) else "true or false"
    whole = isinstance(value, int) and not isinstance(value, bool)
    name = option.type.name
    if name.startswith("integer"):
        either = "auto" in (option.metavar or "") and value == "auto"
        return "" if whole or either else "a whole number"
    if name.startswith("float"):
        return "" if whole or isinstance(value, float) else "a number"
    return "" if isinstance(value, str) else "a text in quotes"


def variables_set() -> list[str]:
    """The names of the variables TEXTZERO_... that are set."""
    return sorted(name for name in os.environ if name.startswith(PREFIX))


class TellingContext(click.Context):
    """The context of a command that tells, at the end, which settings changed its result."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.call_on_close(partial(note_settings, self))


def note_settings(ctx: click.Context, told: bool = False) -> None:
    """Say on stderr which settings changed a result, once; `told` says that a summary has."""
    if ctx.meta.get(_TOLD) or told or ctx.resilient_parsing:
        ctx.meta[_TOLD] = True
        return
    found = [one for one in used(ctx) if one.name not in NEUTRAL]
    if found and not ctx.params.get("quiet"):
        click.echo(f"settings: {in_words(found)}", err=True)


def install(ctx: click.Context, name: str, command: click.Command, commands: list[str]) -> None:
    """Make the settings of a command its defaults, before its arguments are read."""
    files = settings_files()
    for file in files:
        check_sections(file, commands)
    known: dict[tuple[str, ...], dict[str, Setting]] = ctx.meta.setdefault(_META, {})
    for path, one in leaves(name, command):
        known[path] = settings_of(one, path, files)
        one.context_class = TellingContext
    defaults: dict[str, Any] = {}
    for path, settings in known.items():
        table = defaults
        for part in path:
            table = table.setdefault(part, {})
        table.update({name: setting.value for name, setting in settings.items()})
    ctx.default_map = defaults


def leaves(name: str, command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield (path, command) of a command, or of all those of a group."""
    if not isinstance(command, click.Group):
        yield (name,), command
        return
    for sub, one in command.commands.items():
        yield from (((name, *path), leaf) for path, leaf in leaves(sub, one))


def used(ctx: click.Context) -> list[Setting]:
    """The settings that decided options of the running command."""
    path = tuple(ctx.command_path.split()[1:])
    known = ctx.meta.get(_META, {}).get(path, {})
    return [
        setting
        for name, setting in known.items()
        if ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    ]


def origin(ctx: click.Context | None, parameter: click.Parameter | None) -> str:
    """Where the value of a parameter was set, or "" for the command line."""
    if ctx is None or parameter is None:
        return ""
    return next((one.origin for one in used(ctx) if one.name == parameter.name), "")


def in_words(settings: list[Setting]) -> str:
    """Such as "textzero.toml, line 2: min-count = 5"; of several, one after the other."""
    return "; ".join(
        f"{one.name.replace('_', '-')} = {shown_value(one.value)} ({one.origin})"
        for one in settings
    )


def shown_value(value: Any) -> str:
    """A value as it stands in a file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
