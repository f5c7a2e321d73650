"""A training from the command line: its settings, its state beside the output, its reports."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from ._gold import refuse_losses, unknown_to
from ._models import import_keras
from ._progress import make_progress
from .main import Failure

_BESIDE = ".training"  # behind the output's name: the folder of a training that was broken off
_HOMES = {"Tagger": "tagger", "Reader": "reader", "Extractor": "extractor",
          "Classifier": "classifier"}  # fmt: skip
_OURS = {"data", "validation", "vectors", "output", "others", "resume", "force", "quiet"}


def train_model(
    kind: str,
    read: Callable[[Sequence[str]], Any],
    given: dict[str, Any],
    strict: bool = False,
    extra: dict[str, Any] | None = None,
) -> None:
    """Train a model and write its folder.

    Args:
        kind: Name of its class.
        read: Paths to labelled data.
        given: The command's options; all but those of `_OURS` are settings, None where not given.
        strict: Whether a loss of data is an error.
        extra: Further arguments of the class's `train`.

    Raises:
        InputError: The data have a fault or, if `strict`, are not read as they stand.
        OutputExistsError: The output is there, or a training of its name that was broken off.
    """
    from textzero.files import refuse_strangers, refuse_to_overwrite

    output = Path(given["output"])
    refuse_to_overwrite(output, given["force"])
    refuse_strangers(output)
    beside = _beside(output, given["resume"], given["force"])

    def say(line: str) -> None:
        if not given["quiet"]:
            click.echo(line, err=True)

    import_keras()
    import importlib

    module = importlib.import_module(f"textzero.models.{_HOMES[kind]}")
    model_class = getattr(module, kind)
    settings, options = _settings(model_class, given)
    from textzero.vectors.formats import load_vectors

    data = refuse_losses(read(given["data"]), strict)
    validation = refuse_losses(read(given["validation"]), strict) if given["validation"] else None
    vectors = [load_vectors(path) for path in given["vectors"]]
    if given["resume"] and not beside.exists():
        say(f"there is no broken-off training in {beside}; this one starts afresh")
    for line in validation.losses() if validation is not None else ():
        say(f"validation: {line}")
    try:
        model = model_class.train(
            data, validation, vectors, settings, options, beside,
            progress=make_progress(given["quiet"]), say=say, **(extra or {}),
        )  # fmt: skip
    except KeyboardInterrupt:
        if beside.is_dir() and any(beside.iterdir()):
            message = "interrupted; the same command with --resume goes on after its last epoch"
            raise Failure(message, 130) from None
        if beside.is_dir():  # not one epoch is done: there is nothing to go on from
            beside.rmdir()
        raise
    for line in unknown_to(model, validation):
        say(f"validation: {line}")
    sources = {name: list(given[name]) for name in ("data", "validation", "vectors")}
    model.manifest |= {"sources": sources}
    model.save(output, overwrite=given["force"])
    shutil.rmtree(beside, ignore_errors=True)
    history = model.manifest["training"]["history"]
    reached = ""
    if validation is not None:
        best = max(history, key=lambda epoch: epoch[model.score_name])
        reached = f", {model.score_name} {best[model.score_name]:.4f} after epoch {best['epoch']}"
    say(f"the {kind.lower()} is in {given['output']}{reached}")


def _beside(output: Path, resume: bool, force: bool) -> Path:
    """The folder for the state of the training; what is left of another one is not taken for it."""
    from textzero.errors import OutputExistsError
    from textzero.files import refuse_missing_folder

    refuse_missing_folder(output)
    beside = output.with_name(output.name + _BESIDE)
    if os.path.lexists(beside) and not resume:
        if not force:
            raise OutputExistsError(
                f"{beside} holds a training that was broken off; pass --resume to go on with it, "
                "or --force to begin anew"
            )
        shutil.rmtree(beside)
    return beside


def _settings(model_class: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """The settings of the network and of the training that the options ask for."""
    from textzero.models.settings import FitOptions, from_json

    settings_class = model_class.settings_class
    wanted = {k: v for k, v in given.items() if k not in _OURS and v is not None}
    network_names = {field.name for field in fields(settings_class)}
    option_names = {field.name for field in fields(FitOptions)}
    network = {k: v for k, v in wanted.items() if k in network_names}
    training = {k: v for k, v in wanted.items() if k in option_names}
    for name, value in given["others"].items():
        if name not in network_names | option_names:
            known = ", ".join(sorted(network_names | option_names))
            raise click.UsageError(f"--set: there is no setting {name!r}; there are {known}")
        (network if name in network_names else training)[name] = value
    typed = from_json(FitOptions, training, "--set")
    changes = {name: getattr(typed, name) for name in training}
    options = replace(model_class.fit_options, **changes)
    return from_json(settings_class, network, "--set"), options
