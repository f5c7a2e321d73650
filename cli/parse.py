"""textzero parse."""

import json
from typing import Any

import click

from . import _options as options
from ._progress import make_progress

_GROWTH = 30  # bytes in memory of a byte of templates


@click.command()
@click.argument("templates", type=click.Path())
@options.corpus_options
@click.option("--tokenizer", metavar="NAME",
              help="How to find the words.  [default: as for the templates; a function must be "
              "named again]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each sentence.")
@options.memory_option
@options.quiet_option
def parse(
    templates: str,
    tokenizer: str | None,
    as_json: bool,
    memory: str | None,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Print each sentence of CORPUS (- is standard input) as a tree of nested TEMPLATES.

    Brackets hold a template; what fills its placeholders stands below, in order. Words that no
    template matches stand side by side.
    """
    from textzero.structure.parsing import Parser, parse_text
    from textzero.structure.templates import Templates

    if templates == "-":
        raise click.UsageError("TEMPLATES must be a file, got -; only CORPUS is read from a pipe")
    _refuse_large(templates, memory)
    loaded = Templates.load(templates)
    words, parser = loaded.tokenizer(tokenizer), Parser(loaded)
    texts = options.make_corpus(**corpus)
    reading = texts.new_reading()
    progress, done = make_progress(quiet, to_stdout=True), 0
    with progress.stage("parse", texts.size):
        for split in texts.splits():
            for text, _ in texts.parts(split, reading):
                for sentence, tree, characters in parse_text(parser, words, text):
                    if as_json:
                        shown = {"text": sentence, "tree": tree.as_dict(characters)}
                        click.echo(json.dumps(shown, ensure_ascii=False))
                    else:
                        click.echo(f"{tree}\n")
                progress.advance(reading.bytes - done)
                done = reading.bytes
    options.report_losses(reading, quiet)


def _refuse_large(templates: str, memory: str | None) -> None:
    """Raise ResourceError when the templates do not fit in memory; text is read piece by piece."""
    from os.path import getsize, isfile

    from textzero.errors import ResourceError
    from textzero.files import size_text
    from textzero.memory import BASE, memory_bytes

    needed = _GROWTH * (getsize(templates) if isfile(templates) else 0)
    if needed > memory_bytes(memory) - BASE:
        raise ResourceError(
            f"the templates of {templates} take about {size_text(needed)}; give at least "
            f"--memory {(BASE + needed >> 20) + 1}MB"
        )
