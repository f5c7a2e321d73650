"""Pages for every command: usage, arguments, options with their defaults, from click itself."""

import inspect
import re
from collections.abc import Iterator

import click

from textzero_cli import main
from textzero_cli.main import COMMANDS

FOLDER = "reference/cli/"
DEFAULT = re.compile(r"\s*\[default: (.*?)\]")
EXIT_CODES = """
| exit code | what happened |
|---|---|
| 0 | done |
| 1 | something unexpected; `doctor`: something must be mended |
| 2 | a command, an option or a value that does not exist |
| 3 | bad input: a file, a record or a label that is not as it must be |
| 4 | no memory, disk or worker was left |
| 5 | the output exists (`--force` replaces it), or another run is writing it |
| 130 | Ctrl-C |
| 141 | the reader of the output went away, as with `head` |
| 143 | SIGTERM |
"""


def contents() -> list[dict[str, str]]:
    """Return the entries of the navigation: a title and an address each, in the order of work."""
    return [{name: f"{FOLDER}{name}.md"} for name in COMMANDS]


def pages() -> dict[str, str]:
    """Return the pages by their addresses."""
    found = {f"{FOLDER}{name}.md": _page(name) for name in COMMANDS}
    return {f"{FOLDER}index.md": _index(), **found}


def _index() -> str:
    rows = [f"| [`{name}`]({name}.md) | {_plain(text)} |" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "# Every command",
            "Made from the program itself when this site was built; `textzero COMMAND --help` says "
            "the same. [Commands](../../cli.md) tells how they work together.",
            "",
            "| command | what it does |",
            "|---|---|",
            *rows,
            "",
            "## Exit codes",
            EXIT_CODES,
            "Results go to standard output, everything else to standard error.",
            "",
            "## Options of textzero itself",
            "",
            *_parameters(main, click.Context(main, info_name="textzero")),
        ]
    )


def _page(name: str) -> str:
    parent = click.Context(main, info_name="textzero")
    command = main.get_command(parent, name)
    assert command is not None
    lines = list(_command(command, click.Context(command, parent, info_name=name), 1))
    if isinstance(command, click.Group):
        context = click.Context(command, parent, info_name=name)
        for sub in command.list_commands(context):
            child = command.get_command(context, sub)
            assert child is not None
            lines += _command(child, click.Context(child, context, info_name=sub), 2)
    return "\n".join([*lines, "", "[Exit codes](index.md#exit-codes) are those of all commands."])


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} textzero {context.command_path.removeprefix('textzero ')}"
    yield ""
    yield from _help(command.help or "")
    yield from ("```text", command.get_usage(context).removeprefix("Usage: "), "```", "")
    if not isinstance(command, click.Group):
        yield from _parameters(command, context)


def _help(text: str) -> Iterator[str]:
    """Paragraphs of a help text; those that click is told to leave alone are shown as they are."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        head, _, rest = paragraph.partition("\n")
        yield from ("```text", rest, "```") if head == "\b" else (_plain(paragraph),)
        yield ""


def _parameters(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.get_params(context):
        if isinstance(option, click.Option) and not option.hidden:
            anchor = "".join(f"{word}-" for word in context.command_path.split()[1:])
            name = max(option.opts, key=len).lstrip("-")
            text = " ".join([_sentence(option), *_facts(option, context)])
            yield from (f"{_names(option, context)} {{ #{anchor}{name} }}", f":   {text}", "")


def _names(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag or option.count:
        return names
    metavar = option.make_metavar(context).replace("INTEGER RANGE", "N").replace("FLOAT RANGE", "X")
    return f"{names} `{metavar}`"


def _sentence(option: click.Option) -> str:
    return _plain(DEFAULT.sub("", " ".join((option.help or "").split())))


def _facts(option: click.Option, context: click.Context) -> Iterator[str]:
    """What is said of an option besides its help: bounds, its default, that it must be given."""
    extra = option.get_help_extra(context)
    said = DEFAULT.search(option.help or "")
    if option.required:
        yield "*Required.*"
    if extra.get("range"):
        least = re.fullmatch(r"x>=([0-9.]+)", extra["range"])
        yield f"At least {least[1]}." if least else f"{_plain(extra['range'])}."
    if said:
        yield f"*Default: {_plain(said[1])}.*"
    elif extra.get("default") not in (None, ""):
        yield f"*Default:* `{extra['default']}`."


def _plain(text: str) -> str:
    """Text that Markdown shows as it is written; what stands in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([\\*_{}\[\]#$])", r"\\\1", p).replace("<", "&lt;") for p in parts[::2]]
    return "".join(parts)
