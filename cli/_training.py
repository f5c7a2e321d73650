"""A training from the command line: its settings, its state beside the output, its reports."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._gold import refuse_losses, unknown_to
from ._models import import_keras, refuse_large_data
from ._progress import make_progress
from ._summary import Summary, summary
from ._table import refuse_folder_around

if TYPE_CHECKING:
    from textzero.progress import Progress
    from textzero.workspace import Workspace

_HOMES = {"Tagger": "tagger", "Reader": "reader", "Extractor": "extractor",
          "Classifier": "classifier"}  # fmt: skip
_OURS = {"data", "validation", "vectors", "output", "others", "memory", "resume", "fresh", "force",
         "as_json", "quiet"}  # fmt: skip


def train_model(
    kind: str,
    read: Callable[[Sequence[str], "Progress"], Any],
    given: dict[str, Any],
    strict: bool = False,
    extra: dict[str, Any] | None = None,
) -> None:
    """Train a model and write its folder.

    Args:
        kind: Name of its class.
        read: Paths to labelled data; shows how far it is.
        given: The command's options; all but those of `_OURS` are settings, None where not given.
        strict: Whether a loss of data is an error.
        extra: Further arguments of the class's `train`.

    Raises:
        InputError: The data have a fault or, if `strict`, are not read as they stand.
        OutputExistsError: The output is there, or another run is at work on it.
        ResourceError: The data do not fit into --memory.
    """
    from textzero.disk import disk
    from textzero.files import refuse_missing_folder, refuse_strangers, refuse_to_overwrite
    from textzero.workspace import Workspace

    output = Path(given["output"])
    refuse_to_overwrite(output, given["force"])
    refuse_strangers(output)
    refuse_missing_folder(output)

    def say(line: str) -> None:
        if not given["quiet"]:
            click.echo(line, file=sys.stderr)  # above a bar; err=True goes past rich, onto its line

    progress = make_progress(given["quiet"])
    with (
        summary(given["quiet"], given["as_json"], progress=progress) as told,
        Workspace.beside(output, say=say) as workspace,
    ):
        if given["fresh"]:
            for stage in workspace.folder.glob("training*"):
                disk().remove_folder(stage)
        _train(kind, read, given, strict, extra or {}, workspace, say, told, progress)


def _train(
    kind: str,
    read: Callable[[Sequence[str], "Progress"], Any],
    given: dict[str, Any],
    strict: bool,
    extra: dict[str, Any],
    workspace: "Workspace",
    say: Callable[[str], None],
    told: Summary,
    progress: "Progress",
) -> None:
    import importlib

    from textzero.shown.text import typed
    from textzero.vectors.formats import load_vectors

    room = import_keras(given["memory"])
    module = importlib.import_module(f"textzero.models.{_HOMES[kind]}")
    model_class = getattr(module, kind)
    settings, options = _settings(model_class, given)
    for path in given["vectors"]:
        refuse_folder_around(path)
    vectors = [load_vectors(path, progress=progress) for path in given["vectors"]]
    tables = sum(4 * one.vectors.nbytes for one in vectors)  # weights, and copies on their way
    refuse_large_data([*given["data"], *given["validation"]], room, tables)
    data, held_out = refuse_losses(read(given["data"], progress), strict), given["validation"]
    validation = refuse_losses(read(held_out, progress), strict) if held_out else None
    for line in validation.losses() if validation is not None else ():
        say(f"validation: {line}")
    model = model_class.train(
        data, validation, vectors, settings, options, workspace,
        progress=progress, say=say, **extra,
    )  # fmt: skip
    for line in unknown_to(model, validation):
        say(f"validation: {line}")
    sources = {name: list(given[name]) for name in ("data", "validation", "vectors")}
    model.manifest |= {"sources": sources}
    model.save(given["output"], overwrite=True)
    history = model.manifest["training"]["history"]
    told.read(examples=len(data))
    if validation is not None:
        told.read(held_out=len(validation))
    told.wrote(given["output"])
    told.fact(epochs=len(history), loss=history[-1]["loss"])
    if validation is not None:
        best = max(history, key=lambda epoch: epoch[model.score_name])
        told.fact(**{model.score_name: best[model.score_name], "best_epoch": best["epoch"]})
    command = {"Tagger": "tag", "Reader": "answer", "Extractor": "extract"}.get(kind, "classify")
    told.next(f"textzero {command} {typed(given['output'])} FILE")


def _settings(model_class: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """The settings of the network and of the training that the options ask for."""
    from textzero.models.settings import FitOptions, from_json
    from textzero.near import did_you_mean

    settings_class = model_class.settings_class
    wanted = {k: v for k, v in given.items() if k not in _OURS and v is not None}
    network_names = {field.name for field in fields(settings_class)}
    option_names = {field.name for field in fields(FitOptions)}
    network = {k: v for k, v in wanted.items() if k in network_names}
    training = {k: v for k, v in wanted.items() if k in option_names}
    for name, value in given["others"].items():
        if name not in network_names | option_names:
            known = sorted(network_names | option_names)
            hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise click.UsageError(f"--set: there is no setting {name!r}{hint}")
        (network if name in network_names else training)[name] = value
    checked = from_json(FitOptions, training, "--set")
    changes = {name: getattr(checked, name) for name in training}
    options = replace(model_class.fit_options, **changes)
    return from_json(settings_class, network, "--set"), options
