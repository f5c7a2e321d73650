"""TextModel: what a tagger, a reader, an extractor and a classifier share."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Self

import keras
import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.files import MANIFEST, refuse_to_overwrite, whole_file, whole_folder, write_json
from textzero.models.batches import Batches, bucket_length, length_order, pad
from textzero.models.checks import at_least
from textzero.models.encoding import Encoder
from textzero.models.fitting import LossModel, fit_network
from textzero.models.layers import MixedEmbedding
from textzero.models.out_of_memory import told_out_of_memory
from textzero.models.saved import (
    CONFIG,
    KIND,
    WEIGHTS,
    check_size,
    model_class,
    read_weights,
    write_weights,
)
from textzero.models.settings import FitOptions, from_json
from textzero.models.word_table import UNKNOWN
from textzero.progress import Progress
from textzero.version import __version__
from textzero.workspace import Workspace


class TextModel(ABC):
    """A network, how text becomes its input, and the folder they live in.

    Attributes:
        encoder: Text to ids.
        settings: What the network is.
        facts: What was learned from the data besides weights: labels and the like, as JSON.
        network: Inputs to outputs, a functional Keras model.
        trainer: Inputs and labels to the loss of each text (batch,).
        manifest: How the model was made.
    """

    settings_class: ClassVar[Any]
    fit_options: ClassVar[FitOptions]
    score_name: ClassVar[str]

    def __init__(self, encoder: Encoder, settings: Any, facts: dict[str, Any]) -> None:
        self.encoder, self.settings, self.facts = encoder, settings, facts
        self.manifest: dict[str, Any] = {}
        self.network, trainer = self.build()
        self.trainer = LossModel(trainer.inputs, trainer.outputs[0])

    def __reduce__(self) -> Any:
        """Refuse to be pickled or copied: what Keras would make of it cannot be read again.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"a {type(self).__name__} is neither pickled nor copied; save() it into a folder and "
            "load_model() it from there, in each process"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.network.count_params():,} weights)"

    @abstractmethod
    def build(self) -> tuple[keras.Model, keras.Model]:
        """Return the network, and the network that ends in the losses; they share layers."""

    @abstractmethod
    def examples(self, data: Any) -> list[Any]:
        """Return labelled data encoded for training."""

    @abstractmethod
    def length(self, example: Any) -> int:
        """Return the tokens of an example."""

    @abstractmethod
    def training_batch(
        self, examples: Sequence[Any], length: int, generator: np.random.Generator
    ) -> dict[str, Array]:
        """Return the trainer's inputs for some examples.

        Args:
            examples: Of like lengths.
            length: What to pad to: `bucket_length` of the longest.
            generator: For what is drawn anew each time.
        """

    @abstractmethod
    def evaluate(self, data: Any, batch_size: int = 64) -> dict[str, float]:
        """Return figures on labelled data; `score_name` is one of them."""

    def embedding_layer(self, name: str = "embedding") -> MixedEmbedding:
        """Return the layer that turns the encoder's inputs into vectors."""
        return MixedEmbedding(
            self.encoder.size,
            self.settings.dim,
            self.encoder.table_shapes,
            positions="positions_0" in self.encoder.input_names,
            name=name,
        )

    @classmethod
    def least_weights(cls, encoder: Encoder, settings: Any) -> int:
        """Return a number of weights that a network of these settings has at least.

        `load` compares it with the file before it makes the network, so that a config that lies
        cannot take all memory.
        """
        width = getattr(settings, "units", settings.dim)
        if getattr(settings, "encoder", "dgcnn") == "dgcnn":
            tuples = (value for value in vars(settings).values() if isinstance(value, tuple))
            least = 2 * width**2 * sum(map(len, tuples))  # two convolutions for each dilation
        else:
            least = width**2 if hasattr(settings, "units") else 0
        if not (encoder.unit == "word" and encoder.tables):
            least += encoder.size * settings.dim
        return least + sum(rows * dim for rows, dim in encoder.table_shapes)

    @classmethod
    def make(cls, encoder: Encoder, settings: Any, facts: dict[str, Any], seed: int) -> Self:
        """Return a model with random weights and the encoder's word vectors."""
        with _seeded(seed):
            made = cls(encoder, settings, facts)
        made.set_tables()
        return made

    def set_tables(self) -> None:
        """Put the encoder's word vectors into the network's frozen tables."""
        for layer in self.trainer.layers:
            if isinstance(layer, MixedEmbedding):
                layer.set_tables(self.encoder.matrices())

    @told_out_of_memory()
    @checked
    def fit(
        self,
        data: Iterable[Any] | str | Path,
        validation: Iterable[Any] | str | Path | None = None,
        options: FitOptions | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
    ) -> list[dict[str, float]]:
        """Train on labelled data; the weights of the best epoch stay.

        Args:
            data: As the subclass says.
            validation: The same, held out: decides the best epoch and the end. Without it the
                last epoch is the best.
            options: How; defaults in `settings.py`.
            workspace: The folder of this run, entered: a training that was broken off goes on
                from what it left there, and ends with the same weights.
            progress: Shows the batches.
            say: Prints a line for each epoch.

        Returns:
            Loss and figures of each epoch.

        Raises:
            InputError: The data hold no example.
            ResourceError: There is too little memory.
            TextzeroError: The loss is no longer a number.
        """
        begun = perf_counter()
        options, progress = options or self.fit_options, progress or Progress()
        with progress.stage("encode", 0, "texts"):
            examples = self.examples(data)
        if not examples:
            raise InputError("there must be at least one labelled text to train on, got none")
        score = None
        if validation is not None:
            score = lambda: self.evaluate(validation)  # noqa: E731
        batches = self._batches(examples, options)
        identity = repr((type(self).__name__, self.settings, sorted(self.facts.items())))
        history = fit_network(
            *(self.trainer, batches, options, score, self.score_name),
            *(workspace, identity, progress, say),
        )
        self.manifest |= {
            "training": {
                **asdict(options), "texts": len(examples), "history": history,
                "seconds": round(perf_counter() - begun, 1),
            }
        }  # fmt: skip
        return history

    def _batches(self, examples: list[Any], options: FitOptions) -> Batches:
        lengths = np.array([self.length(example) for example in examples])

        def collate(
            rows: list[Any], generator: np.random.Generator
        ) -> tuple[dict[str, Array], Array]:
            real = [row for row in rows if row is not None]
            longest = max(self.length(row) for row in real)
            batch = self.training_batch(real, bucket_length(longest), generator)
            if options.unknown:
                batch = with_unknown(batch, options.unknown, generator)
            weight = np.zeros(len(rows), np.float32)
            weight[: len(real)] = 1
            return {name: pad([array], len(rows))[0] for name, array in batch.items()}, weight

        ragged = {tensor.name for tensor in self.trainer.inputs if tensor.shape[1:2] == (None,)}
        return Batches(examples, lengths, collate, options.batch_size, options.seed, ragged=ragged)

    @told_out_of_memory()
    def run(self, inputs: Sequence[dict[str, Array]], batch_size: int = 64) -> list[Any]:
        """Return the network's outputs for encoded texts, each cut to its length.

        Args:
            inputs: For each text, the arrays that the network's inputs name, each (n, ...).
            batch_size: Texts at once.

        Returns:
            For each text an array (n, ...), or a list of arrays when the network has several
            outputs; an output without a row a token comes as it is.

        Raises:
            ResourceError: There is too little memory.
            ValueError: `batch_size` is below 1.
        """
        at_least(1, batch_size=batch_size)
        if not inputs:
            return []
        lengths = np.array([len(next(iter(text.values()))) for text in inputs])
        results: list[Any] = [None] * len(inputs)
        per_token = [output.shape[1:2] == (None,) for output in self.network.outputs]
        for places in length_order(lengths, batch_size):
            length = bucket_length(max(1, int(lengths[places[0]])))
            batch = {
                name: pad([inputs[place][name] for place in places], length) for name in inputs[0]
            }
            found = self.network.predict_on_batch(batch)
            many = isinstance(found, list | tuple)
            for row, place in enumerate(places):
                parts = [
                    part[row, : lengths[place]] if cut else part[row]
                    for part, cut in zip(found if many else [found], per_token, strict=True)
                ]
                results[place] = parts if many else parts[0]
        return results

    @checked
    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write the model as a folder, all or nothing.

        Raises:
            OutputExistsError: The folder is there, and `overwrite` is False.
            ResourceError: The disk is full.
        """
        refuse_to_overwrite(folder, overwrite)
        config = {
            "kind": KIND,
            "class": type(self).__name__,
            "settings": asdict(self.settings),
            "facts": self.facts,
        }
        with whole_folder(folder) as beside:
            write_json(beside / CONFIG, config)
            self.encoder.save(beside)
            write_weights(beside / WEIGHTS, self.trainer.weights)
            manifest = {**self.manifest, "kind": KIND, "version": __version__}
            write_json(beside / MANIFEST, manifest)

    @classmethod
    @checked
    def load(cls, folder: str | Path) -> Self:
        """Read a model that `save` wrote. Nothing in the folder is run.

        Raises:
            InputError: The folder holds no such model, or its files do not fit together.
        """
        folder = Path(folder)
        kind, config = model_class(folder)
        if not issubclass(kind, cls):
            raise InputError(f"{folder} must hold {_a(cls.__name__)}, got {_a(kind.__name__)}")
        settings = from_json(
            kind.settings_class, config.get("settings"), f"{folder / CONFIG}: settings"
        )
        encoder = Encoder.load(folder)
        check_size(folder / WEIGHTS, kind.least_weights(encoder, settings))
        try:
            model: Self = kind(encoder, settings, config["facts"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{folder / CONFIG} does not describe {_a(kind.__name__)}: {error}"
            ) from error
        read_weights(folder / WEIGHTS, model.trainer.weights)
        return model

    @checked
    def export(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the network as a `.keras` file: ids in, the network's outputs out.

        Who loads it imports `textzero.models` first, which registers the layers.

        Raises:
            ValueError: The name does not end in .keras.
            OutputExistsError: The file is there, and `overwrite` is False.
        """
        path = Path(path)
        if path.suffix != ".keras":
            raise ValueError(f"the name must end in .keras, got {path.name!r}")
        refuse_to_overwrite(path, overwrite)
        with whole_file(path) as file:
            beside = Path(file.name).with_name(f".{path.stem}.export.keras")
            try:
                self.network.save(beside)
                file.write(beside.read_bytes())
            finally:
                beside.unlink(missing_ok=True)


def with_unknown(
    batch: dict[str, Array], share: float, generator: np.random.Generator
) -> dict[str, Array]:
    """Return a batch in which a share of the tokens is unknown; padding stays padding."""
    changed = {}
    for name, ids in batch.items():
        if name.endswith("tokens"):
            hidden = (generator.random(ids.shape) < share) & (ids > UNKNOWN)
            changed[name] = np.where(hidden, np.int32(UNKNOWN), ids)
    return batch | changed


@checked
def load_model(folder: str | Path) -> TextModel:
    """Read any model that `TextModel.save` wrote: a Tagger, Reader, Extractor or Classifier.

    Raises:
        InputError: The folder holds no model.
    """
    return TextModel.load(folder)


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Keras' global seed, and Python's and NumPy's as they were afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
