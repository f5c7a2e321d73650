"""textzero discover."""

from typing import TYPE_CHECKING, Any

import click

from . import _options as options
from ._printing import as_json as as_json_line
from ._printing import write_lines
from ._progress import make_progress
from ._scores import min_score_option
from ._summary import summary
from ._workspace import refuse_to_overwrite, refuse_to_replace_input, workspace_beside

if TYPE_CHECKING:
    from textzero.lexicon import Lexicon


@click.command()
@options.corpus_options
@options.output_option("Where to write the lexicon.  [default: standard output]")
@click.option("--method", type=click.Choice(["unigram", "entropy", "cohesion"]),
              default="unigram", show_default=True,
              help="How to find words; entropy and cohesion are Su Jianlin's.")  # fmt: skip
@click.option("--unit", type=click.Choice(["character", "letter", "word"]), default="character",
              show_default=True,
              help="What words are made of: characters of scripts without spaces, every letter, "
              "or words, which finds phrases.")  # fmt: skip
@click.option("--max-length", type=click.IntRange(2, 16),
              help="Units of the longest words.  [default: by the script]")  # fmt: skip
@click.option("--min-count", type=click.IntRange(1),
              help="Leave out rarer words.  [default: by the size of the corpus]")  # fmt: skip
@min_score_option
@click.option("--min-pmi", metavar="NATS[,NATS...]",
              help="Of entropy: one number; of cohesion: one for each order.")  # fmt: skip
@click.option("--min-probability", type=click.FloatRange(0, 1, max_open=True),
              help="Of entropy: pairs less frequent are no words.")  # fmt: skip
@click.option("--compatible", is_flag=True, help="Of entropy: decide as nlp-zero does.")
@click.option("--known", metavar="LEXICON", help="Leave out the words of this lexicon.")
@click.option("--domain", multiple=True, metavar="CORPUS",
              help="Rank by how much more a word belongs here (repeatable).")  # fmt: skip
@click.option("--explain", metavar="WORD",
              help="Tell the story of one word; CORPUS may be a lexicon made before.")  # fmt: skip
@click.option("--dropped/--no-dropped", default=True, show_default=True,
              help="Also write what was considered and dropped, with reasons.")  # fmt: skip
@click.option("--lowercase", is_flag=True, help="Take capital and small letters for the same.")
@click.option("--nfkc/--no-nfkc", default=True, show_default=True,
              help="Take characters of full width for the plain ones.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, (1 << 40) - 1), default=0, show_default=True,
              help="Of the draws of unigram.")  # fmt: skip
@options.memory_option
@options.workers_option
@options.engine_options
@options.force_option
@click.option("--json", "as_json", is_flag=True,
              help="Print the summary, or what --explain says, as one JSON object.")  # fmt: skip
@options.quiet_option
def discover(
    output: str,
    method: str,
    unit: str,
    max_length: int | None,
    min_count: int | None,
    min_scores: dict[str, float],
    min_pmi: str | None,
    min_probability: float | None,
    compatible: bool,
    known: str | None,
    domain: tuple[str, ...],
    explain: str | None,
    dropped: bool,
    lowercase: bool,
    nfkc: bool,
    seed: int,
    memory: str | None,
    workers: int | None,
    engine: str,
    store: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Find the words of CORPUS, most useful first, without a dictionary.

    Writes word, count, log-probability, scores and, for words that were dropped, the reason.
    """
    import sys

    from textzero.discovery.discover import discover_words, score_names
    from textzero.files import refuse_missing_folder
    from textzero.lexicon import Lexicon, is_lexicon
    from textzero.near import did_you_mean
    from textzero.shown.text import typed

    paths = corpus["corpus"]
    if explain is not None and len(paths) == 1 and is_lexicon(paths[0]):
        _print_story(Lexicon.load(paths[0]), explain, as_json)
        return
    for name in min_scores:
        if name not in (names := score_names(method, domain=bool(domain))):
            raise click.BadParameter(
                f"expected one of {', '.join(names)}, got {name!r}{did_you_mean(name, names)}",
                param_hint="--min-score",
            )
    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    progress = make_progress(quiet)
    told_as_json = as_json and explain is None
    with (
        summary(quiet, told_as_json, output, progress) as told,
        workspace_beside(output, quiet, store) as workspace,
    ):
        texts = options.make_corpus(**corpus)
        refuse_to_replace_input(output, texts)
        lexicon = discover_words(
            texts,
            method=method,
            unit=unit,
            max_length=max_length,
            min_count=min_count,
            min_pmi=_numbers(min_pmi),
            min_probability=min_probability,
            compatible=compatible,
            known=known,
            domain=options.make_corpus(**{**corpus, "corpus": domain}) if domain else None,
            lowercase=lowercase,
            nfkc=nfkc,
            seed=seed,
            memory=memory,
            workers=workers,
            workspace=workspace,
            engine=engine,
            progress=progress,
        )
        found = len(lexicon)
        if min_scores:
            lexicon = lexicon.keep(min_scores=min_scores)
        if not dropped:
            lexicon.dropped = None
        if output != "-":
            lexicon.save(output)
        elif explain is None:
            for block in lexicon.formatted():
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        told.read(lexicon.reading, units=lexicon.settings["units"])
        told.left_out(words_under_min_score=found - len(lexicon))
        if output != "-":
            told.wrote(output, words=len(lexicon))
            told.next("" if known else f"textzero segment {typed(output)} FILE")
    if explain is not None:
        _print_story(lexicon, explain, as_json)


def _print_story(lexicon: "Lexicon", word: str, json: bool) -> None:
    from textzero.discovery.explain import explain_word

    story = explain_word(lexicon, word)
    write_lines([as_json_line({"word": word, "story": story.splitlines()}) if json else story])


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"expected numbers with commas between, got {text!r}", param_hint="--min-pmi"
        ) from error
