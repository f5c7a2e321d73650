"""The command group: commands are imported when they run, errors become one sentence."""

import importlib
import io
import os
import sys
from typing import Any, NoReturn

import click

# command -> (module, one line of help); the module is imported only for its own command.
COMMANDS = {
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
    "convert": "Read and write the vector files of other tools.",
    "doctor": "What this machine has of what textzero uses.",
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
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f": did you mean {near[0]!r}?" if near else "; see textzero --help"
            ctx.fail(f"no such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the library raises becomes a sentence and an exit code."""
        from textzero.errors import TextzeroError

        if sys.stdout is None:  # >&-
            raise Failure("standard output is closed; send it to a file or to /dev/null", 4)
        try:
            return super().invoke(ctx)
        except TextzeroError as error:
            raise Failure(str(error), error.exit_code) from error
        except BrokenPipeError:
            # The reader of our output is gone (| head): nothing more to say, on stdout or at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(141)
        except KeyboardInterrupt:
            raise Failure("interrupted", 130) from None
        except RuntimeError as error:
            # Ctrl-C between the two steps of a lock's wait: Python then fails to release the lock
            if isinstance(error.__context__, KeyboardInterrupt):
                raise Failure("interrupted", 130) from None
            raise
        except MemoryError as error:
            raise Failure(
                f"memory ran out ({error}); try a lower --memory or less text", 4
            ) from error
        except OSError as error:  # of a file; what is wrong with an input is an InputError
            name = f"{error.filename}: " if error.filename else ""
            raise Failure(f"{name}{error.strerror or error}", 4) from error
        except ValueError as error:  # a setting with a wrong value
            if os.environ.get("TEXTZERO_DEBUG"):
                raise
            raise Failure(str(error), 2) from error


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
    main(prog_name="textzero")
    raise SystemExit(0)
