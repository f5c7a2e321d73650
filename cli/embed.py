"""textzero embed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import click

from . import _options as options
from ._progress import make_progress
from ._summary import Summary, json_option, rare_words, summary, tell_characters

if TYPE_CHECKING:
    from textzero.progress import Progress
    from textzero.vectors.word_vectors import WordVectors


_AFTER = {"discover", "encode", "cooccur", "train"}  # seconds of these: something is kept


class _Dimension(click.ParamType):
    """A number from 1, or auto."""

    name = "integer"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the number, or "auto"."""
        if value == "auto":
            return "auto"
        try:
            return click.IntRange(1).convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"it must be a whole number from 1, or auto, got {value!r}", param, ctx)


@click.command()
@options.corpus_options
@options.token_options
@click.option("--discover", is_flag=True,
              help="Find the words first, in place of --tokenizer.")  # fmt: skip
@options.output_option("Folder to write.", "FOLDER", None)
@click.option("--dim", type=_Dimension(), default=128, show_default=True, metavar="N|auto",
              help="Length of a vector; auto is as long as so many words need.")  # fmt: skip
@options.min_count_option(5)
@options.pair_options(5, "harmonic")
@click.option("--subsample", type=click.FloatRange(0, 1), default=0.0, show_default=True,
              metavar="SHARE", help="Thin out words more frequent than this.")  # fmt: skip
@click.option("--model", type=click.Choice(["center", "shared", "concat", "sum"]), default=None,
              help="Which matrix, or both, are the vectors.  [default: center]")  # fmt: skip
@click.option("--solver", type=click.Choice(["least-squares", "adagrad"]),
              default="least-squares", show_default=True,
              help="How to train; adagrad is Simpler-GloVe's own way.")  # fmt: skip
@click.option("--unobserved-weight", type=click.FloatRange(0), default=None,
              help="Weight of pairs that never met; 0 is Simpler-GloVe's own loss.  "
              "[default: 0.03]")  # fmt: skip
@click.option("--unobserved-power", type=click.FloatRange(0), default=None,
              help="Power of the counts in that weight.")  # fmt: skip
@click.option("--weight-offset", type=click.FloatRange(0), default=None,
              help="Added to the weight of each pair that met.  [default: 0.1]")  # fmt: skip
@click.option("--x-max", type=float, default=None,
              help="Count at which a pair has full weight.  [default: 10, flat: 100]")  # fmt: skip
@click.option("--untruncated", is_flag=True, help="Let weights grow beyond --x-max.")
@click.option("--marginals", type=click.Choice(["words", "pairs"]), default="words",
              show_default=True, help="Count words for P(word), or their pairs.")  # fmt: skip
@click.option("--smoothing", type=click.FloatRange(0), default=None,
              help="Power of the distribution of context words.")  # fmt: skip
@click.option("--shift", type=float, default=1.0, show_default=True, metavar="K",
              help="Subtract ln K from each target.")  # fmt: skip
@click.option("--clip", type=float, default=None,
              help="Least target; 0 for positive PMI.  [default: none]")  # fmt: skip
@click.option("--flattening", type=click.FloatRange(0, 1), default=None, metavar="P",
              help="Make the directions of the vectors more alike in size.")  # fmt: skip
@click.option("--regularisation", type=click.FloatRange(0), default=None, metavar="LAMBDA",
              help="Pull of all vectors towards zero.")  # fmt: skip
@click.option("--sweeps", type=click.IntRange(1), default=None, metavar="N",
              help="At most so many sweeps; epochs of adagrad.  [default: 20, 30]")  # fmt: skip
@click.option("--init", type=click.Path(), metavar="VECTORS",
              help="Older vectors to begin with.")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Do not go on with a run that was broken off.")
@click.option("--resume", is_flag=True, hidden=True, help="Go on, which is done anyway.")
@options.device_option("What counts pairs and trains.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Of the random start.")  # fmt: skip
@options.memory_option
@options.workers_option
@options.force_option
@json_option
@options.quiet_option
def embed(
    output: str,
    dim: int | Literal["auto"],
    min_count: int,
    max_words: int | None,
    window: int,
    weighting: str,
    keep_gaps: bool,
    subsample: float,
    model: str | None,
    solver: str,
    unobserved_weight: float | None,
    unobserved_power: float | None,
    weight_offset: float | None,
    x_max: float | None,
    untruncated: bool,
    marginals: str,
    smoothing: float | None,
    shift: float,
    clip: float | None,
    flattening: float | None,
    regularisation: float | None,
    sweeps: int | None,
    init: str | None,
    fresh: bool,
    resume: bool,
    device: str,
    seed: int,
    tokenizer: str,
    discover: bool,
    lowercase: bool,
    nfkc: bool,
    memory: str | None,
    workers: int | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Make word vectors from CORPUS: count, co-occurrence and training in one run.

    What lies in the output folder from an earlier run is used again where it still holds; a run
    that was broken off is gone on with.
    """
    if fresh and resume:
        raise click.UsageError("--fresh begins anew and --resume goes on; leave out one of them")
    context = click.get_current_context()
    given = context.get_parameter_source("dim")
    if init is not None and given is not None and given.name == "DEFAULT":
        dim = "auto"  # that of the older vectors
    given = context.get_parameter_source("tokenizer")
    if discover and given is not None and given.name == "COMMANDLINE":
        raise click.UsageError("--discover finds the words itself; leave out --tokenizer")
    from textzero.vectors.pipeline import embed as make_vectors
    from textzero.vectors.training import TrainingSettings

    changes: dict[str, Any] = {
        "model": model, "unobserved_weight": unobserved_weight, "clip": clip,
        "unobserved_power": unobserved_power, "smoothing": smoothing, "flattening": flattening,
        "regularisation": regularisation, "sweeps": sweeps,
    }  # fmt: skip
    settings = TrainingSettings(
        dim=dim,
        solver=solver,
        weight_offset=weight_offset,
        x_max=x_max,
        truncate=not untruncated,
        marginals=marginals,
        shift=shift,
        seed=seed,
        **{name: value for name, value in changes.items() if value is not None},
    )

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    progress = make_progress(quiet)
    with summary(quiet, as_json, output, progress) as told, _kept_in(output, progress):
        vectors = make_vectors(
            options.make_corpus(**corpus),
            output,
            tokenizer=tokenizer,
            discover=discover,
            lowercase=lowercase,
            nfkc=nfkc,
            min_count=min_count,
            max_words=max_words,
            window=window,
            weighting=weighting,
            keep_gaps=keep_gaps,
            subsample=subsample,
            settings=settings,
            init=init,
            device=device,
            resume=not fresh,
            memory=memory,
            workers=workers,
            force=force,
            progress=progress,
            say=say,
        )
        if "train" in progress.seconds:
            _tell(told, vectors, output)
        else:
            told.fact(up_to_date=True)


@contextmanager
def _kept_in(output: str, progress: "Progress") -> Iterator[None]:
    """Say of a run that breaks off that its folder has the stages that are done."""
    from textzero.errors import ResourceError

    try:
        yield
    except (KeyboardInterrupt, ResourceError) as error:
        if progress.seconds.keys() & _AFTER and not getattr(error, "__notes__", ()):
            error.add_note(f"what is done is kept in {output}: the same command goes on with it")
        raise


def _tell(told: Summary, vectors: "WordVectors", output: str) -> None:
    from textzero.corpus import Reading

    manifest = vectors.manifest
    tokens, words = manifest.get("tokens", 0), manifest.get("words_before_min_count", 0)
    told.read(Reading(**manifest.get("reading", {})), tokens=tokens)
    most = manifest.get("settings", {}).get("max_words")
    told.left_out(**rare_words(words, len(vectors), most))
    if manifest.get("settings", {}).get("tokenizer") == "word":
        finds = "--discover finds words first"
        tell_characters(told, vectors.vocabulary, vectors.vocabulary.counts, finds)
    told.wrote(output, vectors=len(vectors), dimension=vectors.dim)
    told.fact(pairs=manifest.get("records"))
    from textzero.shown.text import typed

    told.next(f"textzero similar {typed(output)} WORD")
