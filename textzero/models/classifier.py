"""Classifier: texts to one of several labels, by the last state of a recurrent network.

Words become vectors, the vectors run through a GRU or LSTM (in one direction or in both), and a
dense layer reads the last state, as in article 4582; it sees nothing else, so that how each word
moved the state is how it moved the decision (see `textzero.saliency`). With encoder "dgcnn" gated
convolutions and a weighted mean stand in the place of the recurrence (article 5409).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import layers, ops

from textzero._arguments import changed, checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.models.batches import pad
from textzero.models.encoding import Encoded, Encoder
from textzero.models.labelled import LabelledText, LabelledTexts
from textzero.models.layers import AttentionPooling1D, GatedDilatedConv1D
from textzero.models.settings import CLASSIFIER_FIT, ClassifierSettings, FitOptions
from textzero.models.text_model import TextModel
from textzero.progress import Progress
from textzero.shown.text import counted
from textzero.vectors.word_vectors import WordVectors
from textzero.workspace import Workspace

KEEP = 2.0  # bias at the start of the gate that keeps the state: 0.88 of it stays in a step
Pairs = LabelledTexts | Iterable[LabelledText | tuple[str, Any]]


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of a text.

    Attributes:
        label: The most probable label.
        probability: Its probability.
        probabilities: Of each label, in the order of `Classifier.labels`; they sum to 1.
        tokens: Tokens of the text.
        left_out: Tokens in its middle that were not read, because there are more than
            `max_tokens`.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]
    tokens: int
    left_out: int


@dataclass(frozen=True)
class _Example:
    """A text as the network reads it: inputs, the label's number, tokens that are left out."""

    inputs: dict[str, Array]
    label: int
    left_out: int


class Classifier(TextModel):
    """A network that gives each text one of several labels.

    Example:
        >>> reviews = [("good room", "1"), ("bad room", "0")] * 20
        >>> settings = ClassifierSettings(dim=8, units=8, min_count=1, dropout=0.0)
        >>> options = FitOptions(epochs=30, learning_rate=0.03, warmup=0.0, compile=False)
        >>> model = Classifier.train(reviews, settings=settings, options=options)
        >>> [prediction.label for prediction in model.predict(["good", "bad"])]
        ['1', '0']
    """

    settings_class: ClassVar[Any] = ClassifierSettings
    fit_options: ClassVar[FitOptions] = CLASSIFIER_FIT
    score_name: ClassVar[str] = "accuracy"

    @classmethod
    @checked
    def train(
        cls,
        data: Pairs,
        validation: Pairs | None = None,
        vectors: Sequence[WordVectors] = (),
        settings: ClassifierSettings | None = None,
        options: FitOptions | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
        **changes: Any,
    ) -> Self:
        """Make a classifier and fit it.

        Args:
            data: Labelled texts, or pairs (text, label).
            validation: The same, held out: decides the best epoch and the end.
            vectors: Word vectors to start from; with unit "word" at most one, whose tokenizer
                cuts the texts.
            settings: The network.
            options: The training; by default `CLASSIFIER_FIT`.
            workspace, progress, say: See `TextModel.fit`.
            changes: Fields of `settings` and `options` by name, such as `epochs=5`.

        Raises:
            InputError: There are fewer than two labels, or validation has others.
            ValueError: Several vectors with unit "word".
        """
        settings, options = changed(
            cls.train, changes, settings or ClassifierSettings(), options or cls.fit_options
        )
        data = LabelledTexts.from_pairs(data)
        if len(data.labels) < 2:
            named = ", ".join(data.labels) or "none"
            raise InputError(f"the training texts must have at least two labels, got {named}")
        if settings.unit == "word" and len(vectors) > 1:
            raise ValueError(
                f"unit 'word' takes the vectors of one folder, got {len(vectors)}; "
                "unit 'character' takes several"
            )
        encoder = Encoder.make(
            data.texts, vectors, settings.unit, settings.min_count, settings.positions
        )
        model = cls.make(encoder, settings, {"labels": list(data.labels)}, options.seed)
        examples = model.examples(data)
        held_out = None if validation is None else model.examples(validation)
        if say:
            for line in [*data.losses(), *model.cut_texts(examples)]:
                say(line)
        model.fit(examples, held_out, options, workspace, progress, say)
        return model

    @classmethod
    def make(cls, encoder: Encoder, settings: Any, facts: dict[str, Any], seed: int) -> Self:
        """Return a model with random weights and the encoder's word vectors.

        The gate that keeps the state starts nearly open: only the last state is read, and a gate
        that starts half open forgets the words before the last few (article 7888).
        """
        made = super().make(encoder, settings, facts, seed)
        for layer in made.network.layers:
            for cell in _cells(layer):
                bias = ops.convert_to_numpy(cell.bias).copy()
                if isinstance(cell, layers.GRUCell):  # update, reset, candidate
                    bias[:, : cell.units] = [[KEEP], [0.0]]
                else:  # input, forget, candidate, output
                    bias[cell.units : 2 * cell.units] = KEEP
                cell.bias.assign(bias)
        return made

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the network's outputs."""
        return tuple(self.facts["labels"])

    def build(self) -> tuple[keras.Model, keras.Model]:
        """Return the network (inputs to logits) and its trainer (losses of texts)."""
        settings, known = self.settings, self.facts.get("labels")
        whole = isinstance(known, list) and all(isinstance(label, str) for label in known)
        if not whole or len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError(f"labels must be at least two different strings, got {known!r:.60}")
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in self.encoder.input_names
        }
        if settings.unit == "word":
            hidden = self._word_embedding()(inputs["tokens"])
        else:
            hidden = self.embedding_layer()(inputs)
        hidden = layers.Dropout(settings.dropout, name="embedding_dropout")(hidden)
        state = self._state(hidden)
        state = layers.Dropout(settings.dropout, name="state_dropout")(state)
        logits = layers.Dense(len(self.labels), dtype="float32", name="logits")(state)
        label = keras.Input((), dtype="int32", name="label")
        loss = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
        return keras.Model(inputs, logits), keras.Model({**inputs, "label": label}, loss)

    def _word_embedding(self) -> layers.Embedding:
        """The vectors as a layer; without vectors it is trained from a random start."""
        shapes = self.encoder.table_shapes or [(self.encoder.size, self.settings.dim)]
        trainable = self.settings.trainable_vectors or not self.encoder.tables
        return layers.Embedding(*shapes[0], mask_zero=True, trainable=trainable, name="embedding")

    def set_tables(self) -> None:
        """Put the encoder's word vectors into the network."""
        if self.settings.unit == "word" and self.encoder.tables:
            self.network.get_layer("embedding").embeddings.assign(self.encoder.matrices()[0])
        else:
            super().set_tables()

    def _state(self, hidden: Any) -> Any:
        """The last state of the recurrent network, (batch, units), or what stands for it."""
        settings = self.settings
        if settings.encoder == "dgcnn":
            hidden = layers.Dense(settings.units, name="projection")(hidden)
            for place, rate in enumerate(settings.dilations):
                hidden = GatedDilatedConv1D(
                    3, rate, gate_dropout=settings.gate_dropout, name=f"convolution_{place}"
                )(hidden)
            return AttentionPooling1D(name="pooling")(hidden)
        kind = layers.LSTM if settings.encoder.endswith("lstm") else layers.GRU
        recurrent = kind(settings.units, name="recurrent")
        if settings.encoder.startswith("bi"):
            recurrent = layers.Bidirectional(recurrent, name="bidirectional")
        return recurrent(hidden)

    def examples(self, data: Any) -> list[_Example]:
        """Return labelled texts encoded; what is encoded already stays as it is.

        Raises:
            InputError: A label is not the model's.
        """
        if isinstance(data, list) and data and isinstance(data[0], _Example):
            return data
        texts = LabelledTexts.from_pairs(data)
        texts.check_labels(self.labels)
        number = {label: place for place, label in enumerate(self.labels)}
        return [
            _Example(encoded.inputs, number[item.label], left_out)
            for item, (encoded, left_out) in zip(texts, self._encode(texts.texts), strict=True)
        ]

    def encode(self, text: str) -> Encoded:
        """Return a text as the network reads it: without the middle of a too long one."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[Encoded]:
        """Return texts as the network reads them: without the middle of too long ones."""
        return [encoded for encoded, _ in self._encode(texts)]

    def cut_texts(self, data: Any) -> list[str]:
        """Say in a sentence how many texts are too long to be read whole; nothing if none is."""
        examples = self.examples(data)
        cut = sum(example.left_out > 0 for example in examples)
        if not cut:
            return []
        return [
            f"{cut:,} of {counted(len(examples), 'texts')} read without the middle: more than "
            f"{self.settings.max_tokens:,} tokens"
        ]

    def _encode(self, texts: Sequence[str]) -> list[tuple[Encoded, int]]:
        """Each text as the network reads it, and how many tokens are left out of its middle."""
        most = self.settings.max_tokens
        head = most - most // 2
        found = []
        for encoded in self.encoder.encode_batch(texts):
            left_out = max(0, len(encoded) - most)
            if left_out:
                tail = head + left_out
                tokens = encoded.tokens[:head] + encoded.tokens[tail:]
                inputs = {k: _without(row, head, tail) for k, row in encoded.inputs.items()}
                spans = _without(encoded.spans, head, tail)
                encoded = Encoded(encoded.text, tokens, spans, inputs)
            found.append((encoded, left_out))
        return found

    def length(self, example: _Example) -> int:
        """Return the tokens of an example."""
        return len(example.inputs["tokens"])

    def training_batch(
        self,
        examples: Sequence[_Example],
        length: int,
        generator: np.random.Generator,  # noqa: ARG002
    ) -> dict[str, Array]:
        """Return the inputs (batch, length) and the labels (batch,), int32."""
        batch = {
            name: pad([example.inputs[name] for example in examples], length)
            for name in self.encoder.input_names
        }
        return batch | {"label": np.array([example.label for example in examples], np.int32)}

    @checked
    def probabilities(self, texts: Sequence[str], batch_size: int = 64) -> Array:
        """Return the probability of each label for each text: float32 (n_texts, n_labels)."""
        encoded = self._encode(texts)
        return self._probabilities([text.inputs for text, _ in encoded], batch_size)

    def _probabilities(self, inputs: Sequence[dict[str, Array]], batch_size: int) -> Array:
        if not inputs:
            return np.zeros((0, len(self.labels)), np.float32)
        logits = np.stack(self.run(inputs, batch_size))
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return weights / weights.sum(1, keepdims=True)

    @checked
    def predict(self, texts: Sequence[str], batch_size: int = 64) -> list[Prediction]:
        """Return the label of each text.

        Args:
            texts: Any strings; an empty one gets the label that the network gives to nothing.
            batch_size: Texts at once.
        """
        encoded = self._encode(texts)
        table = self._probabilities([text.inputs for text, _ in encoded], batch_size)
        found = []
        for row, (text, left_out) in zip(table, encoded, strict=True):
            best = int(row.argmax())
            shares = dict(zip(self.labels, row.tolist(), strict=True))
            tokens = len(text) + left_out
            found.append(Prediction(self.labels[best], float(row[best]), shares, tokens, left_out))
        return found

    @checked
    def evaluate(self, data: Iterable[Any], batch_size: int = 64) -> dict[str, float]:
        """Return accuracy, the mean F1 of the labels, and figures of each label.

        Args:
            data: Labelled texts, or pairs (text, label).
            batch_size: Texts at once.

        Returns:
            `label_scores`, the mean negative log-likelihood "nll" in nats, and "cut", how many
            texts have more than `max_tokens` tokens.

        Raises:
            InputError: There is no text, or a label is not the model's.
        """
        examples = self.examples(data)
        if not examples:
            raise InputError("there must be at least one labelled text to evaluate, got none")
        table = self._probabilities([example.inputs for example in examples], batch_size)
        gold = np.array([example.label for example in examples])
        likely = np.maximum(table[np.arange(len(gold)), gold], np.finfo(np.float32).tiny)
        scores = label_scores(gold, table.argmax(1), self.labels)
        cut = sum(example.left_out > 0 for example in examples)
        return scores | {"nll": float(-np.log(likely).mean()), "cut": float(cut)}


def _cells(layer: layers.Layer) -> list[Any]:
    """The cells of a recurrent layer, one for each direction."""
    if isinstance(layer, layers.Bidirectional):
        return [layer.forward_layer.cell, layer.backward_layer.cell]
    return [layer.cell] if isinstance(layer, layers.RNN) else []


def _without(rows: Array, start: int, stop: int) -> Array:
    return np.concatenate([rows[:start], rows[stop:]])


def label_scores(gold: Array, predicted: Array, labels: Sequence[str]) -> dict[str, float]:
    """Return how well labels were predicted.

    Args:
        gold: int (n,). Places of the true labels; n at least 1.
        predicted: int (n,). Places of the predicted ones.
        labels: Their names.

    Returns:
        "texts", "accuracy", "macro_f1" (the mean over the labels that are in `gold` or
        `predicted`), and for each label L "precision L", "recall L" and "f1 L". A share of nothing
        is 0.

    Example:
        >>> scores = label_scores(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ["a", "b"])
        >>> scores["accuracy"], scores["precision a"], scores["recall a"], scores["f1 b"]
        (0.75, 1.0, 0.5, 0.8)
    """
    right = np.bincount(gold[gold == predicted], minlength=len(labels))
    true = np.bincount(gold, minlength=len(labels))
    guessed = np.bincount(predicted, minlength=len(labels))
    precision, recall = right / np.maximum(guessed, 1), right / np.maximum(true, 1)
    f1 = 2 * right / np.maximum(true + guessed, 1)
    scores = {
        "texts": float(gold.size),
        "accuracy": float(right.sum() / gold.size),
        "macro_f1": float(f1[true + guessed > 0].mean()),
    }
    for place, label in enumerate(labels):
        scores[f"precision {label}"] = float(precision[place])
        scores[f"recall {label}"] = float(recall[place])
        scores[f"f1 {label}"] = float(f1[place])
    return scores
