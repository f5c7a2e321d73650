"""Options that several commands share, and the objects they make."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from textzero.corpus import Corpus, Reading

Command = TypeVar("Command", bound=Callable[..., Any])
TOKENIZERS = ("word", "whitespace", "char")
ENGINES = ("threads", "processes", "dask://")
ENCODINGS = (
    "utf-8",
    "auto",
    "gb18030",
    "big5",
    "utf-16",
    "cp1252",
    "shift_jis",
    "euc_kr",
    "latin-1",
)
FORMATS = ("auto", "text", "jsonl", "csv", "tsv", "parquet")


def files(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Let the shell complete the names of files and folders."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def names_or_files(*names: str) -> Callable[..., "list[CompletionItem]"]:
    """Return what completes some names, and files where none of them fits."""

    def complete(
        ctx: click.Context, parameter: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return found or files(ctx, parameter, incomplete)

    return complete


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator that adds some options, in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


field_option = click.option(
    "--field",
    "--column",
    "field",
    metavar="NAME",
    help="Text field of JSON lines, or column of CSV, TSV and Parquet.  [default: text]",
)
_reading_options = together(
    click.option(
        "--include",
        multiple=True,
        metavar="PATTERN",
        help="Read only files of folders that match, such as '*.py' (repeatable).",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        help="Do not read files of folders that match (repeatable).",
    ),
    click.option(
        "--input-format",
        type=click.Choice(FORMATS),
        default="auto",
        show_default=True,
        help="What the files are; auto goes by content and suffix.",
    ),
    field_option,
    click.option(
        "--document",
        type=click.Choice(["line", "file"]),
        default="line",
        show_default=True,
        help="What a document is.",
    ),
    click.option(
        "--encoding",
        default="utf-8",
        show_default=True,
        shell_complete=names_or_files(*ENCODINGS),
        help="Encoding of the files: a Python codec, or auto.",
    ),
    click.option("--strict", is_flag=True, help="Make every loss of input an error."),
    click.option(
        "--on-error",
        type=click.Choice(["raise", "skip"]),
        default="raise",
        show_default=True,
        help="What to do with a damaged file or record; skip keeps what can be read.",
    ),
    click.option(
        "--max-expansion",
        type=click.IntRange(1),
        default=1000,
        show_default=True,
        help="Refuse compressed files that grow more than so many times.",
    ),
)
corpus_options = together(
    click.argument("corpus", nargs=-1, required=True, shell_complete=files), _reading_options
)
text_options = together(click.argument("corpus", nargs=-1, shell_complete=files), _reading_options)

token_options = together(
    click.option(
        "--tokenizer",
        default="word",
        show_default=True,
        metavar="NAME",
        shell_complete=names_or_files(*TOKENIZERS),
        help="word, whitespace, char, the file of a lexicon, or a Python function as "
        "package.module:function.",
    ),
    click.option("--lowercase", is_flag=True, help="Lower-case the text first."),
    click.option("--nfkc", is_flag=True, help="Normalise the text to Unicode NFKC first."),
)


def min_count_option(default: int) -> Callable[[Command], Command]:
    """Return the option --min-count."""
    return click.option(
        "--min-count",
        type=click.IntRange(1),
        default=default,
        show_default=True,
        help="Leave out rarer words.",
    )


def pair_options(window: int, weighting: str) -> Callable[[Command], Command]:
    """Return the options that say which words are near each other."""
    return together(
        click.option("--max-words", type=click.IntRange(2), help="Use at most so many words."),
        click.option(
            "--window",
            type=click.IntRange(1),
            default=window,
            show_default=True,
            help="Words on each side.",
        ),
        click.option(
            "--weighting",
            type=click.Choice(["flat", "harmonic"]),
            default=weighting,
            show_default=True,
            help="Count a pair as 1, or as 1 / distance.",
        ),
        click.option(
            "--keep-gaps",
            is_flag=True,
            help="Words outside the vocabulary keep their place in the window.",
        ),
    )


workers_option = click.option(
    "--workers",
    type=click.IntRange(1),
    help="Threads or processes.  [default: one per processor]",
)


def _check_memory(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Refuse a wrong size before anything is counted."""
    from textzero.memory import memory_bytes, memory_warning

    try:
        memory_bytes(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if (warning := memory_warning(value)) and not ctx.params.get("quiet"):
        click.echo(f"Warning: {warning}", err=True)
    return value


memory_option = click.option(
    "--memory",
    metavar="SIZE",
    callback=_check_memory,
    help="Bound on memory, such as 1GB; more is kept on disk.  [default: half of the machine's]",
)


engine_options = together(
    click.option(
        "--engine",
        default="threads",
        show_default=True,
        metavar="ENGINE",
        shell_complete=names_or_files(*ENGINES),
        help="Where the work is done: threads, processes, or dask://HOST:PORT, a scheduler.",
    ),
    click.option(
        "--store",
        metavar="URL",
        help="Where parts of the result are kept until it is whole: a folder or fsspec URL that "
        "all workers reach.  [default: beside the output]",
    ),
)


def _check_device(_: click.Context, __: click.Parameter, value: str) -> str:
    """Refuse a device that is not there before anything is counted."""
    if value == "gpu":  # the others are always there
        from textzero.kernels import kernel

        try:
            kernel("cooccurrence", value)
        except (RuntimeError, ImportError) as error:
            raise click.BadParameter(str(error)) from error
    return value


def device_option(help: str) -> Callable[[Command], Command]:
    """--device."""
    return click.option(
        "--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", help=help,
        callback=_check_device, show_default=True,
    )  # fmt: skip


force_option = click.option("--force", is_flag=True, help="Replace an output that is there.")
quiet_option = click.option(
    "--quiet", "-q", is_flag=True, is_eager=True, help="Print nothing but results and errors."
)
counts_format_option = click.option(
    "--format",
    "format",
    type=click.Choice(["tsv", "parquet", "jsonl", "glove", "jieba"]),
    help="Format of the output.  [default: by suffix, else tsv]",
)
vectors_tokenizer_option = click.option(
    "--tokenizer",
    metavar="NAME",
    shell_complete=names_or_files(*TOKENIZERS),
    help="How to find the words.  [default: as for the vectors; a function must be named again]",
)
answers_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for each question."
)
number_option = click.option(
    "-n", "number", type=click.IntRange(1), default=10, show_default=True, help="How many words."
)
vectors_argument = click.argument("vectors", type=click.Path())


def make_corpus(
    corpus: Sequence[str],
    include: Sequence[str],
    exclude: Sequence[str],
    input_format: str,
    field: str | None,
    document: str,
    encoding: str,
    strict: bool,
    on_error: str,
    max_expansion: int,
) -> "Corpus":
    """Make the corpus that the options describe."""
    from textzero.corpus import Corpus

    if "" in corpus:
        raise click.UsageError("CORPUS must name files or folders, got an empty name")
    if "-" in corpus:
        tell_waiting()
    return Corpus(
        *corpus,
        include=include,
        exclude=exclude,
        format=input_format,
        field=field,
        document=document,
        encoding=encoding,
        strict=strict,
        on_error=on_error,
        max_expansion=max_expansion,
    )


def report_losses(reading: "Reading", quiet: bool) -> None:
    """Say on stderr what was not read as it stands."""
    from ._summary import warn

    if not quiet:
        warn(reading.losses())


def check_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty name of an output, such as that of a shell's variable that is not set."""
    if value == "":
        raise click.BadParameter("output must be a name, got an empty one")
    return value


def output_option(
    help: str = "Where to write.  [default: standard output]",
    metavar: str = "FILE",
    default: str | None = "-",
) -> Callable[[Command], Command]:
    """Return the option -o; without a default it must be given."""
    how: dict[str, Any] = {"required": True} if default is None else {"default": default}
    how["callback"] = check_name
    return click.option("-o", "--output", metavar=metavar, help=help, shell_complete=files, **how)


def tell_waiting() -> None:
    """Say to a person at a terminal that standard input is waited for."""
    import sys

    params = click.get_current_context().params
    if sys.stdin is not None and sys.stdin.isatty() and not params.get("quiet"):
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        click.echo(
            f"reading what you type here, up to {end}; give files to read those instead", err=True
        )
