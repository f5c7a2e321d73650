"""Files of settings: where they are looked for, what is in them and on which line."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

# what [defaults] and TEXTZERO_NAME may set: options that mean the same in every command
GLOBAL = (
    *("memory", "workers", "device", "engine", "store", "quiet", "tokenizer", "lowercase", "nfkc"),
    *("encoding", "on_error", "strict", "max_expansion", "batch_size", "seed"),
)
# what a person decides each time: what is replaced, trusted, begun anew, asked and printed
NEVER = frozenset(
    ("force", "trust", "fresh", "resume", "output", "json", "as_json", "dry_run", "explain")
)
PLAIN = ("config", "completion", "doctor")  # commands that no setting reaches
_PROJECT, _PYPROJECT, _USER = "textzero.toml", "pyproject.toml", "config.toml"
_MOST = 1 << 20  # bytes of a file of settings


class SettingError(Exception):
    """A setting that cannot be; the message names its file and line, or its variable."""


@dataclass(frozen=True)
class SettingsFile:
    """A file of settings: its sections, and its text for the numbers of lines."""

    path: Path
    tables: dict[str, Any]
    text: str
    own: bool

    def where(self, section: str = "", key: str = "") -> str:
        """The file, with the line of a section or a key where it can be found."""
        shown, inside = shown_path(self.path), not section
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line):
                name = re.sub(r"[\s\"']", "", header[1]).removeprefix("tool.textzero.")
                inside = name == section
                found = inside and not key
            else:
                wanted = re.escape(key).replace("_", "[-_]")
                found = inside and bool(key) and bool(re.match(rf"\s*[\"']?{wanted}\b", line))
            if found and (section or key):
                return f"{shown}, line {number}"
        return shown


def shown_path(path: Path) -> str:
    """A path as a person would write it from here."""
    try:
        near = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    home = os.path.expanduser("~")
    if near.startswith(os.path.join("..", "..")) and str(path).startswith(home + os.sep):
        return "~" + str(path)[len(home) :]
    return near if not near.startswith(os.path.join("..", "..")) else str(path)


def user_file() -> Path:
    """Where the user's own settings are, if there are any."""
    return Path(click.get_app_dir("textzero")) / _USER


def settings_files() -> list[SettingsFile]:
    """Read the files that apply here, the strongest last."""
    found = [_read(user_file(), own=True), _project_file()]
    return [file for file in found if file is not None]


def _project_file() -> SettingsFile | None:
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in (_PROJECT, _PYPROJECT):
            if (file := _read(folder / name, own=False)) is not None:
                return file
    return None


def _read(path: Path, own: bool) -> SettingsFile | None:
    """The settings of a file; None where there is none, or a pyproject.toml without ours."""
    try:
        if not path.is_file():
            return None
        with open(path, "rb") as file:
            content = file.read(_MOST + 1)
        if len(content) > _MOST:
            raise ValueError("it is larger than 1 MB")
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if path.name == _PYPROJECT:  # of somebody else
            return None
        why: object = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        why = error.strerror if isinstance(error, OSError) else why
        raise SettingError(f"{shown_path(path)} cannot be read: {why}") from error
    if path.name == _PYPROJECT and "tool.textzero" not in text:
        return None
    import tomllib

    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingError(f"{shown_path(path)} is not TOML: {error}") from error
    if path.name == _PYPROJECT:
        tool = tables.get("tool")
        if not isinstance(tool, dict) or not isinstance(tool.get("textzero"), dict):
            return None
        tables = tool["textzero"]
    return SettingsFile(path, tables, text, own)


def table_of(file: SettingsFile, section: str) -> dict[str, Any]:
    """Return a section; an empty one where there is none."""
    table: Any = file.tables
    for part in section.split("."):
        table = table.get(part, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise SettingError(
            f"{file.where('', section)}: {section} must be a section, [{section}], "
            f"got {table!r:.40}"
        )
    return table


def check_sections(file: SettingsFile, commands: list[str]) -> None:
    """Refuse sections that no command has, and keys of [defaults] that not all commands share."""
    from textzero.near import did_you_mean

    for name, table in file.tables.items():
        if not isinstance(table, dict):
            raise SettingError(
                f"{file.where('', name)}: {name} stands in no section; "
                f"put it below [defaults] or the name of a command"
            )
        if name in PLAIN:
            raise SettingError(f"{file.where(name)}: textzero {name} takes no settings")
        if name not in ("defaults", *commands):
            hint = did_you_mean(name, ["defaults", *commands])
            raise SettingError(
                f"{file.where(name)}: there is no command {name!r}{hint or '; see textzero --help'}"
            )
    for key in table_of(file, "defaults"):
        plain = key.replace("-", "_")
        where = file.where("defaults", key)
        if plain in NEVER:
            raise SettingError(never(where, plain))
        if plain not in GLOBAL:
            known = ", ".join(name.replace("_", "-") for name in GLOBAL)
            hint = did_you_mean(plain, GLOBAL) or f"; these are: {known}"
            raise SettingError(f"{where}: {key!r} is no setting of all commands{hint}")


def never(where: str, name: str) -> str:
    """Say that an option cannot be set."""
    option = f"--{name.replace('_', '-')}"
    return f"{where}: {option} cannot be a default; give it with the command that needs it"
