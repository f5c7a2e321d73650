"""What is explained: a model, how it reads text, and texts as padded batches of its inputs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from textzero._compat import Array
from textzero.models.batches import bucket_length, length_order, pad
from textzero.models.saliency.masks import mask_of
from textzero.models.saliency.probe import (
    Graph,
    Values,
    embedding_calls,
    evaluate,
    needed,
    recurrent_call,
)
from textzero.models.saliency.scores import Scores, class_names, read_output
from textzero.near import did_you_mean

_NO_SPAN = -1


@dataclass(frozen=True, eq=False)
class EncodedText:
    """A text as the model reads it.

    Attributes:
        text: As given.
        tokens: Its words or characters, n of them.
        spans: int32 (n, 2), where each stands in the text; -1 where it does not stand there.
        inputs: For each input of the model int32 (n,).
    """

    text: str
    tokens: list[str]
    spans: Array
    inputs: list[Array]

    def __len__(self) -> int:
        return len(self.tokens)

    def kept(self, places: Array) -> "EncodedText":
        """Return the text that has only the tokens at `places`."""
        tokens = [self.tokens[place] for place in places]
        return EncodedText(self.text, tokens, self.spans[places], [a[places] for a in self.inputs])


class Source:
    """A network with its encoder and the names of its classes.

    Args:
        model: A textzero Classifier, or anything with `network`, `encoder` and `facts`; or a
            functional or sequential Keras model.
        encode: For a Keras model: a text to its tokens and ids. Returns (tokens, ids), ids a
            sequence of n numbers (or a mapping of the model's input names to such), or what
            `Encoder.encode` returns.
        labels: What the classes are called; a Classifier knows.
        outputs: See `scores.read_output`.

    Attributes:
        network: The Keras model.
        graph: Its calls.
        scores: How its output is read.
        length: The fixed length of its inputs, or None.
        masked: Whether padding is masked where the texts are read.
    """

    def __init__(
        self,
        model: Any,
        encode: Callable[[str], Any] | None = None,
        labels: Sequence[Any] | None = None,
        outputs: str = "auto",
    ) -> None:
        self.network: keras.Model = getattr(model, "network", model)
        self.graph = Graph(self.network)
        self.scores: Scores = read_output(self.graph, outputs)
        embedding_calls(self.graph)  # refuses what has none
        lengths = {slot.shape[1] for slot in self.graph.inputs if len(slot.shape) == 2}
        if any(len(slot.shape) != 2 for slot in self.graph.inputs) or len(lengths) != 1:
            shapes = [slot.shape for slot in self.graph.inputs]
            raise ValueError(f"the model's inputs must all be ids (batch, length), got {shapes}")
        self.length: int | None = lengths.pop()
        self.masked = self._has_mask()
        self.set_reader(model, encode, labels)

    def set_reader(
        self, model: Any, encode: Callable[[str], Any] | None, labels: Sequence[Any] | None
    ) -> None:
        """Say how texts are encoded and classes called, anew at each question."""
        if encode is None and not hasattr(model, "encoder"):
            raise ValueError("a Keras model needs encode=, a function from a text to (tokens, ids)")
        encoder, settings = getattr(model, "encoder", None), getattr(model, "settings", None)
        own = model.encode if hasattr(model, "encode") else getattr(encoder, "encode", None)
        self._encode: Callable[[str], Any] = encode or own  # type: ignore[assignment]
        whole = getattr(model, "encode_batch", None)  # cuts what is too long, as encode does
        self._batch = None if encode else whole or getattr(encoder, "encode_batch", None)
        self._most = None if encode or whole else getattr(settings, "max_tokens", None)
        known = getattr(model, "facts", {}).get("labels") if labels is None else labels
        self.labels = class_names(known, self.scores)

    def _has_mask(self) -> bool:
        """Run two ids of padding through the first part of the network, and look."""
        try:
            features = recurrent_call(self.graph).inputs[0]
        except ValueError:
            features = embedding_calls(self.graph)[0].outputs[0]
        zeros = np.zeros((1, self.length or 2), np.int32)
        values: Values = {slot: keras.ops.cast(zeros, slot.dtype) for slot in self.graph.inputs}
        values = evaluate(needed(self.graph.calls, [features]), values)
        mask = mask_of(values[features])
        return mask is not None and not bool(np.any(keras.ops.convert_to_numpy(mask)))

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Return texts as the model reads them.

        Raises:
            ValueError: The encoder's numbers do not fit a text's tokens, or the model.
        """
        if self._batch is None:
            found = [self._encode(text) for text in texts]
        else:  # much quicker; what is too long is cut by the model itself
            found = [
                one if self._most is None or len(one) <= self._most else self._encode(text)
                for text, one in zip(texts, self._batch(texts), strict=True)
            ]
        return [self._encoded(text, one) for text, one in zip(texts, found, strict=True)]

    def _encoded(self, text: str, found: Any) -> EncodedText:
        if hasattr(found, "inputs"):
            tokens, ids, spans = list(found.tokens), found.inputs, found.spans
        else:
            tokens, ids = list(found[0]), found[1]
            spans = find_spans(text, tokens)
        arrays = self._arrays(ids)
        for array in arrays:
            if array.shape != (len(tokens),):
                raise ValueError(
                    f"encode must return one id for each of the {len(tokens)} tokens, got an "
                    f"array of shape {array.shape}"
                )
        if self.length is not None and len(tokens) > self.length:
            raise ValueError(
                f"the model reads {self.length} tokens, got {len(tokens)}: cut them in encode"
            )
        return EncodedText(text, tokens, np.asarray(spans, np.int32).reshape(-1, 2), arrays)

    def _arrays(self, ids: Any) -> list[Array]:
        if not hasattr(ids, "keys"):
            if len(self.graph.inputs) != 1:
                names = ", ".join(self._names())
                raise ValueError(f"encode must return a mapping with ids for {names}")
            return [np.asarray(ids, np.int32).reshape(len(ids))]
        if len(self.graph.inputs) == 1 == len(ids):
            return [np.asarray(array, np.int32) for array in ids.values()]
        missing = [name for name in self._names() if name not in ids]
        if missing:
            raise ValueError(
                f"encode must return ids for the model's input {missing[0]!r}, got "
                f"{', '.join(map(str, ids))}"
            )
        return [np.asarray(ids[name], np.int32) for name in self._names()]

    def _names(self) -> list[str]:
        """Input names in the order of `model.inputs`."""
        struct = self.network.input
        if isinstance(struct, dict):
            return [str(name) for name in sorted(struct)]
        return [slot.name for slot in self.graph.inputs]

    def batches(
        self, texts: Sequence[EncodedText], batch_size: int
    ) -> Iterator[tuple[Array, list[Array]]]:
        """Yield the places of some texts, and their inputs as arrays (rows, length).

        Masked texts are padded to the longest beside them, or, where XLA compiles the model, to
        one of few lengths. Where nothing masks padding, it would be read: there only texts of one
        length stand together, unless the model's length is fixed. There may be more rows than
        places, copies of the last.
        """
        lengths = np.array([len(text) for text in texts], np.int64)
        groups = length_order(lengths, batch_size)
        if self.length is None and not self.masked:
            groups = [
                same[start : start + batch_size]
                for same in (np.flatnonzero(lengths == n) for n in np.unique(lengths))
                for start in range(0, len(same), batch_size)
            ]
        for places in groups:
            length = self.padded(int(lengths[places[0]]))
            rows = places
            if len(texts) > batch_size and self.masked:  # one shape for all, compiled once
                rows = np.concatenate([places, np.repeat(places[-1:], batch_size - len(places))])
            yield (
                places,
                [
                    pad([texts[row].inputs[k] for row in rows], length).astype(slot.dtype)
                    for k, slot in enumerate(self.graph.inputs)
                ],
            )

    def padded(self, length: int) -> int:
        """Return how long a text of `length` tokens is with its padding."""
        if self.length is not None:
            return self.length
        if self.masked and getattr(self.network, "jit_compile", False):
            return bucket_length(length)
        return max(1, length)

    def target(self, wanted: Any) -> int:
        """Return the number of a class, given by its label or number; -1 for None.

        Raises:
            ValueError: There is no such class.
        """
        if wanted is None:
            return -1
        if wanted in self.labels:
            return self.labels.index(wanted)
        if isinstance(wanted, int | np.integer) and 0 <= wanted < self.scores.classes:
            return int(wanted)
        names = ", ".join(map(repr, self.labels))
        hint = did_you_mean(str(wanted), map(str, self.labels))
        raise ValueError(f"target must be one of {names}, got {wanted!r}{hint}")


def find_spans(text: str, tokens: Sequence[str]) -> Array:
    """Return int32 (n, 2): where each token stands in the text, one after the other; -1 if not."""
    spans, position = np.full((len(tokens), 2), _NO_SPAN, np.int32), 0
    for row, token in zip(spans, tokens, strict=True):
        begin = text.find(token, position)
        if begin >= 0:
            position = begin + len(token)
            row[:] = begin, position
    return spans
