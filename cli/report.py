"""textzero report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from . import _gold as gold
from . import _options as options
from ._progress import make_progress
from ._summary import json_option, summary
from ._workspace import refuse_to_overwrite

if TYPE_CHECKING:
    from textzero.corpus import Corpus
    from textzero.report.blocks import Report
    from textzero.report.plots import Pictures


@click.command()
@click.argument("artefact", metavar="OUTPUT", type=click.Path(), shell_complete=options.files)
@click.option("-o", "--output", default="report.html", metavar="FILE", show_default=True,
              shell_complete=options.files, callback=options.check_name,
              help="Where to write the page (- for standard output).")  # fmt: skip
@click.option("--texts", multiple=True, metavar="CORPUS", shell_complete=options.files,
              help="Texts: of a lexicon, where examples are looked for; of a classifier, what it "
              "explains (repeatable).")  # fmt: skip
@click.option("--field", metavar="NAME",
              help="Text field of --texts: JSON lines or tables.  [default: text]")  # fmt: skip
@click.option("--encoding", default="utf-8", show_default=True,
              help="Encoding of --texts and of a model's --data: a Python codec; of --texts also "
              "auto.")  # fmt: skip
@click.option("--data", multiple=True, metavar="GOLD", shell_complete=options.files,
              help="What to score vectors or a model on (repeatable).")  # fmt: skip
@gold.tagged_options
@gold.labelled_options
@click.option("--clusters", metavar="FILE", shell_complete=options.files,
              help="Colour the map of vectors by what `textzero cluster -o` wrote.")  # fmt: skip
@click.option("--words", type=click.IntRange(2), default=50_000, show_default=True,
              help="Words of the map and of tables, at most.")  # fmt: skip
@click.option("--tsne/--no-tsne", default=True, show_default=True,
              help="Draw vectors by t-SNE beside PCA; takes about ten seconds.")  # fmt: skip
@click.option("--pictures", metavar="FOLDER", shell_complete=options.files,
              help="Write charts and maps as pictures too.")  # fmt: skip
@click.option("--picture-format", type=click.Choice(["png", "svg"]), default="png",
              show_default=True, help="Format of the pictures.")  # fmt: skip
@options.memory_option
@options.force_option
@json_option
@options.quiet_option
def report(
    artefact: str,
    output: str,
    texts: tuple[str, ...],
    field: str | None,
    encoding: str,
    data: tuple[str, ...],
    form: str,
    scheme: str,
    text_column: str | None,
    label_column: str | None,
    clusters: str | None,
    words: int,
    tsne: bool,
    pictures: str | None,
    picture_format: Literal["png", "svg"],
    memory: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show what OUTPUT holds on one page of tables, charts and maps.

    OUTPUT is what another command wrote: counts, a lexicon, vectors (also files of other tools),
    co-occurrences, clusters, templates, a model, or a folder of some of them. The page is one file
    that needs no network.
    """
    from textzero.files import refuse_missing_folder
    from textzero.report.artefacts import make_report
    from textzero.report.page import write_page

    corpus = _corpus(texts, field, encoding)
    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
        _refuse_inputs(output, corpus, artefact, *data, *([clusters] if clusters else []))
    if pictures is not None:
        _refuse_pictures(pictures, force)
    _import_keras(artefact, data, texts, memory)

    def read_data(kind: str, paths: list[str | Path]) -> Any:
        _check_codec(encoding)
        files = [str(path) for path in paths]
        if kind == "Tagger":
            return gold.read_tagged(files, form, scheme, False, encoding, progress)
        if kind == "Classifier":
            return gold.read_texts_with_labels(
                files, text_column, label_column, False, encoding, progress
            )
        if kind == "Extractor":
            return gold.read_triples(files, encoding, progress)
        return gold.read_questions(files, progress)

    progress = make_progress(quiet)
    with summary(quiet, as_json, output, progress) as told:
        made = make_report(
            artefact, texts=corpus, data=data, read_data=read_data, clusters=clusters,
            words=words, tsne=tsne, memory=memory, progress=progress, say=told.lost,
        )  # fmt: skip
        if output == "-":
            _print(made)
        else:
            write_page(made, output)
            told.wrote(output, sections=len(made.sections))
        if pictures is not None:
            drawn = _draw(made, pictures, picture_format)
            told.lost(*drawn.warnings)
            told.wrote(pictures, pictures=len(drawn))


def _corpus(texts: tuple[str, ...], field: str | None, encoding: str) -> "Corpus | None":
    from textzero.corpus import Corpus

    return Corpus(*texts, field=field, encoding=encoding) if texts else None


def _check_codec(encoding: str) -> None:
    try:
        "".encode(encoding)
    except LookupError as error:
        raise click.UsageError(
            f"--encoding must be a Python codec, such as gbk, for --data, got {encoding!r}"
        ) from error


def _import_keras(
    artefact: str, data: tuple[str, ...], texts: tuple[str, ...], memory: str | None
) -> None:
    """Import Keras without its noise where a model is to be run."""
    from textzero.report.models import is_model

    folder = Path(artefact)
    inside = folder.iterdir() if folder.is_dir() else ()
    if (data or texts) and any(map(is_model, (folder, *inside))):
        from ._models import import_keras

        import_keras(memory)


def _refuse_inputs(output: str, texts: "Corpus | None", *others: str) -> None:
    """Raise OutputExistsError when the page would replace what it is made of."""
    from textzero.corpus import Corpus

    from ._workspace import refuse_to_replace_input

    refuse_to_replace_input(output, texts or Corpus.from_documents([]), *others)


def _refuse_pictures(folder: str, force: bool) -> None:
    """Refuse before the work what would be refused after it."""
    from textzero._compat import has_package
    from textzero.files import refuse_missing_folder

    if not has_package("matplotlib"):
        raise click.UsageError(
            "pictures need matplotlib: pip install 'textzero[plot]', or leave out --pictures"
        )
    refuse_missing_folder(folder)
    refuse_to_overwrite(folder, force)


def _print(made: "Report") -> None:
    from textzero.report.page import page_parts

    for part in page_parts(made):
        sys.stdout.buffer.write(part.encode())
    sys.stdout.buffer.flush()


def _draw(made: "Report", folder: str, picture_format: Literal["png", "svg"]) -> "Pictures":
    from textzero.report.plots import write_pictures

    return write_pictures(made, folder, picture_format)
