"""The command group: commands are imported when they run, errors become one sentence."""

import contextlib
import errno
import importlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from . import _settings, _signals

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# command -> (module, one line of help); the module is imported only for its own command.
COMMANDS = {
    "demo": "From a folder of texts to one page of all that is in it.",
    "count": "Count the words of texts.",
    "merge": "Add up several tables of counts.",
    "cooccur": "Count which words stand near each other.",
    "embed": "Make word vectors from texts: count, co-occurrence, training.",
    "similar": "Words that are used like a word.",
    "related": "Words that occur together with a word.",
    "analogy": "a is to b as c is to ... ?",
    "keywords": "Rank the words of a sentence by how well they predict it.",
    "cluster": "Clusters of words that go together.",
    "sentence": "Sentence vectors, or the similarity of two sentences.",
    "discover": "Find the words of texts without a dictionary.",
    "segment": "Cut text into the words of a lexicon.",
    "evaluate": "Measure a result against a gold set.",
    "templates": 'Find the templates of sentences, such as "X 是 什么".',
    "parse": "Show sentences as trees of nested templates.",
    "train": "Train a tagger, reader, extractor or classifier from vectors and labels.",
    "tag": "Find names, words or parts of speech with a trained model.",
    "answer": "Answer questions from passages with a trained model.",
    "extract": "Find triples of subject, predicate and object with a trained model.",
    "classify": "Label texts with a trained model.",
    "saliency": "Show what each word did for a model's decision.",
    "report": "Show what an output holds: one page of tables and pictures.",
    "convert": "Read and write the vector files of other tools.",
    "plan": "Predict memory, disk and time of a command, here and on a cluster.",
    "config": "Show the defaults that files and the environment set.",
    "completion": "Print what makes a shell complete commands and options.",
    "doctor": "What this machine has of what textzero uses.",
    "clean": "Remove what runs that were killed have left.",
}


class Failure(click.ClickException):
    """An error with the exit code that ECOSYSTEM's conventions give it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]


class LazyGroup(click.Group):
    """Knows its commands by name and help, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{cmd_name}", __package__)
        return getattr(module, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a wrong one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from textzero.near import did_you_mean

            hint = did_you_mean(args[0], COMMANDS) or "; see textzero --help"
            ctx.fail(f"no such command {args[0]!r}{hint}")
        name, command, rest = super().resolve_command(ctx, args)
        helps = {"-h", "--help"}.intersection(rest)
        if name and command and not (ctx.resilient_parsing or helps or name in _settings.PLAIN):
            _settings.install(ctx, name, command, list(COMMANDS))
        return name, command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete commands without importing them."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        found = [name for name in COMMANDS if name.startswith(incomplete)]
        return [CompletionItem(name, help=COMMANDS[name]) for name in found]

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        """Read the arguments of the group."""
        with _sentences():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the library raises becomes a sentence and an exit code."""
        if sys.stdout is None:  # >&-
            raise Failure("standard output is closed; send it to a file or to /dev/null", 4)
        try:
            with _sentences():
                return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of our output is gone (| head): nothing more to say, on stdout or at exit.
            _forget_output()
            ctx.exit(141)


@contextmanager
def _sentences() -> Iterator[None]:
    """Make one sentence and an exit code of what is raised."""
    from textzero.errors import TextzeroError

    try:
        yield
    except TextzeroError as error:
        raise _failure(str(error), error.exit_code, error) from error
    except BrokenPipeError:
        raise
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # of click 8.2 and newer
            raise
        from ._sentences import usage_sentence

        raise _failure(usage_sentence(error), 2, error) from error
    except _settings.SettingError as error:
        raise _failure(str(error), 2, error) from error
    except KeyboardInterrupt as error:
        raise _interrupted(error) from None
    except MemoryError as error:
        message = f"memory ran out ({error}); try a lower --memory, fewer --workers or less text"
        raise _failure(message, 4, error) from error
    except RecursionError as error:
        raise _failure(
            "something in the input is nested too deeply to be read", 4, error
        ) from error
    except RuntimeError as error:
        # Ctrl-C between the two steps of a lock's wait: Python then fails to release the lock
        if isinstance(error.__context__, KeyboardInterrupt):
            raise _interrupted(error.__context__) from None
        raise
    except OSError as error:  # of a file; what is wrong with an input is an InputError
        name = f"{error.filename}: " if error.filename else ""
        if not error.filename:
            _forget_output()  # what it could not take is not to be tried again at exit
            if error.errno in (errno.ENOSPC, errno.EIO, errno.EFBIG):
                name = "standard output cannot be written: "
        raise _failure(f"{name}{error.strerror or error}", 4, error) from error
    except ValueError as error:  # a setting with a wrong value
        if os.environ.get("TEXTZERO_DEBUG"):
            raise
        raise _failure(str(error), 2, error) from error


def _interrupted(error: BaseException) -> Failure:
    what = "terminated" if isinstance(error, _signals.Terminated) else "interrupted"
    return _failure(what, _signals.exit_code(), error)


def _failure(message: str, exit_code: int, error: BaseException) -> Failure:
    """Add to a message a file that may be meant, and what the library noted on the way."""
    from ._sentences import near_file

    if "did you mean" not in message:
        message += near_file(error)
    chain: BaseException | None = error
    while chain is not None:
        message = "\n".join([message, *getattr(chain, "__notes__", ())])
        chain = chain.__context__
    return Failure(message, exit_code)


def _forget_output() -> None:
    """Let what is still to be written to standard output go nowhere."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import platform

        from textzero.version import __version__

        click.echo(f"textzero {__version__} (Python {platform.python_version()})")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version and exit.",
)
def main() -> None:
    """Statistics, word vectors and models from raw text: no labels, no downloads."""
    if any(stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr)):
        from ._terminal import shield_terminals

        shield_terminals(but_stdout=click.get_current_context().invoked_subcommand == "saliency")


def _use_utf8() -> None:
    """Make arguments, file names and streams UTF-8, whatever the locale says."""
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def run() -> NoReturn:
    """Entry point of the console script."""
    _use_utf8()
    try:
        _signals.heed_signals()
        main(prog_name="textzero")
    except KeyboardInterrupt as error:  # before click is there to tell of it
        failure = _interrupted(error)
        failure.show()
        raise SystemExit(failure.exit_code) from None
    raise SystemExit(0)
