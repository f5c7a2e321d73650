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
    PLAIN,
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
    "GLOBAL", "NEVER", "PLAIN", "SettingError", "SettingsFile", "check_sections", "settings_files",
    "shown_path", "user_file",
]  # fmt: skip

# what no result depends on
NEUTRAL = frozenset(("memory", "workers", "device", "engine", "store", "quiet", "batch_size"))
OTHERS = ("TEXTZERO_DATA", "TEXTZERO_DEBUG")  # variables that are no settings
PREFIX = "TEXTZERO_"
_LEXICONS = (".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")  # suffixes that are never imported
_EXPANSION = 1000  # the built-in --max-expansion
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
                if isinstance(value, dict) and len(section.split(".")) < len(path):
                    continue  # the section of a sub-command
                setting = _checked(file, section, key, value, options, path)
                if setting is not None:
                    found[setting.name] = setting
    variables = os.environ if environment is None else environment
    for prefix in _prefixes(path):
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
        if plain.startswith("no_") and plain[3:] in options:
            hint = f"; write {plain[3:].replace('_', '-')} = false"
        raise SettingError(f"{where}: textzero {' '.join(path)} has no option {key!r}{hint}")
    if wrong := _wrong_type(option, value):
        raise SettingError(f"{where}: {key} must be {wrong}, got {value!r:.60}")
    if not file.own and (harm := _harm(option, value)):
        shown = repr(value) if isinstance(value, str) else shown_value(value)
        raise SettingError(
            f"{where}: {key} = {shown:.60} would {harm}, which a file beside the "
            f"data may not decide; put it into {user_file()}, or give --{plain.replace('_', '-')}"
        )
    return Setting(path, str(option.name), value, where, file.own)


def _harm(option: click.Option, value: Any) -> str:
    """What a setting would do to somebody who only entered a folder; "" for nothing bad."""
    name = option.name
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if name == "engine" and value not in ("threads", "processes"):
        return "let other machines run code here"
    if any("://" in text or text.startswith("\\\\") for text in texts):
        return "reach out to another machine"
    if name == "tokenizer" and ":" in value and os.path.splitext(value)[1] not in _LEXICONS:
        return "run code"
    if name in ("store", "pictures", "dropped") and texts:
        return "write where it says"
    if name == "quiet" and value:
        return "hide what is lost"
    return "lift a guard" if name == "max_expansion" and value > _EXPANSION else ""


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


def _prefixes(path: tuple[str, ...]) -> list[str]:
    """What the variables of a command begin with, the strongest last."""
    parts = [f"{part.upper()}_" for part in path]
    return [PREFIX + "".join(parts[:n]) for n in range(len(parts) + 1)]


def variables_of(command: click.Command, path: tuple[str, ...]) -> set[str]:
    """The names of the variables that are settings of one command alone."""
    return {prefix + name.upper() for prefix in _prefixes(path)[1:] for name in options_of(command)}


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
    known.update(all_settings(name, command, files))
    for _, one in leaves(name, command):
        one.context_class = TellingContext
    defaults: dict[str, Any] = {}
    for path, settings in known.items():
        table = defaults
        for part in path:
            table = table.setdefault(part, {})
        table.update({name: setting.value for name, setting in settings.items()})
    ctx.default_map = defaults


def all_settings(
    name: str, command: click.Command, files: list[SettingsFile]
) -> dict[tuple[str, ...], dict[str, Setting]]:
    """Return the settings of a command, or of each of a group, by path.

    Raises:
        SettingError: One is wrong, or the section of a group holds what none of them has.
    """
    from textzero.near import did_you_mean

    found = dict(leaves(name, command))
    if isinstance(command, click.Group):
        options = [key for one in found.values() for key in options_of(one)]
        for file in files:
            for key, value in table_of(file, name).items():
                what, known = "option", options
                if isinstance(value, dict):
                    what, known = "command", list(command.commands)
                if (key if what == "command" else key.replace("-", "_")) not in known:
                    hint = did_you_mean(key, known) or f"; see textzero {name} --help"
                    where = file.where(f"{name}.{key}" if what == "command" else name,
                                       "" if what == "command" else key)  # fmt: skip
                    raise SettingError(f"{where}: textzero {name} has no {what} {key!r}{hint}")
    return {path: settings_of(one, path, files) for path, one in found.items()}


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
    text = ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
    return text if text.isprintable() else repr(text)
