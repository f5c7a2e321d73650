"""Tagger: a tag for each token, by a DGCNN or BiLSTM with a CRF, an MEMM or a softmax behind it.

Names (spans with types), word segmentation (spans without) and parts of speech (tags that are
labels of their own) differ in the tags alone. Articles 5409, 5542, 7196, 7213.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import keras
import numpy as np
from keras import layers, ops

from textzero._arguments import changed, checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.models.batches import pad
from textzero.models.conll import tagged_sentences
from textzero.models.encoding import Encoded, Encoder
from textzero.models.entities import Chain, Entity, continuations, span_probabilities
from textzero.models.entity_score import score_entities, score_labels
from textzero.models.pieces import FORBIDDEN, cut_pieces, cut_quality, word_spans
from textzero.models.settings import CRF_RATES, TAGGER_FIT, FitOptions, TaggerSettings
from textzero.models.tagged import TaggedSentences, check_facts, first_odd
from textzero.models.tagging_network import encode_sentence, tag_and_loss
from textzero.models.tags import (
    NONE,
    Span,
    allowed_tags,
    convert_tags,
    scheme_tags,
    tags_to_spans,
)
from textzero.models.text_model import TextModel
from textzero.progress import Progress
from textzero.vectors.word_vectors import WordVectors
from textzero.workspace import Workspace


@dataclass(frozen=True)
class _Example:
    """A sentence as the network reads it, with the ids of its tags."""

    inputs: dict[str, Array]
    labels: Array


@dataclass(frozen=True)
class _Tagged:
    """A text with what the network says: a tag for each token, and emissions where it has them."""

    encoded: Encoded
    spans: Array
    tags: Array
    pieces: list[tuple[int, int, Array | None]]


class Tagger(TextModel):
    """A network that gives each token a tag, and reads names, words or labels from the tags.

    Tokens are characters where those of the training data are, otherwise words. Words in raw text
    are told by the vectors' lexicon in a script without spaces, elsewhere by a simple rule; give
    `predict_tags` the tokens to be sure.

    Example:
        >>> names = [("张三在北京", ["B-PER", "E-PER", "O", "B-LOC", "E-LOC"])] * 20
        >>> small = TaggerSettings(dim=16, units=16, dilations=(1,), dropout=0.0)
        >>> model = Tagger.train(names, settings=small, epochs=15, learning_rate=0.03)
        >>> [(found.text, found.type) for found in model.predict(["在北京"])[0]]
        [('北京', 'LOC')]
    """

    settings_class: ClassVar[Any] = TaggerSettings
    fit_options: ClassVar[FitOptions] = TAGGER_FIT
    score_name: ClassVar[str] = "f1"

    @classmethod
    @checked
    def train(
        cls,
        data: Iterable[Any] | str | Path,
        validation: Iterable[Any] | str | Path | None = None,
        vectors: Sequence[WordVectors] = (),
        settings: TaggerSettings | None = None,
        options: FitOptions | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
        scheme: str = "auto",
        **changes: Any,
    ) -> Self:
        """Make a tagger and fit it.

        Args:
            data: Files of columns, (tokens, tags) pairs, or TaggedSentences from `conll`.
            validation: The same, held out: decides the best epoch and the end.
            vectors: Word vectors to start from, any number.
            settings: The network.
            options: The training; without `rates` a CRF learns ten times as fast as the rest.
            workspace, progress, say: See `TextModel.fit`.
            scheme: What the network's tags are written in; "auto" is the scheme of the data (of
                IOB1 data, "bio").
            changes: Fields of `settings` and `options` by name, such as `epochs=5`.

        Raises:
            InputError: A file has a fault, there is no sentence or no tag but O, or validation
                has other types or none.
            ValueError: There is no such scheme.
        """
        settings, options = changed(
            cls.train, changes, settings or TaggerSettings(), options or cls.fit_options
        )
        data = tagged_sentences(data)
        if say is not None:
            for line in data.losses():
                say(line)
        if not any(tokens for tokens, _ in data):
            raise InputError("there must be at least one sentence with tags to train on, got none")
        if scheme == "auto":
            scheme = "bio" if data.scheme == "iob1" else data.scheme
        data = data.converted(scheme)
        if not data.types:
            raise InputError(
                f"there must be a tag besides O to train on, got {len(data)} sentences without one"
            )
        encoder = Encoder.make(
            [tokens for tokens, _ in data], vectors,
            min_count=settings.min_count, positions=settings.positions,
        )  # fmt: skip
        facts = {
            "scheme": scheme, "types": data.types, "outside": scheme == NONE or data.outside,
            "characters": data.characters, "joiner": data.joiner,
        }  # fmt: skip
        model = cls.make(encoder, settings, facts, options.seed)
        held_out = None if validation is None else model.labelled(validation)
        if held_out is not None and not held_out.types:
            raise InputError(
                f"validation must hold a tag besides O, got none in {len(held_out)} sentences"
            )
        if settings.head == "crf" and not options.rates:
            options = replace(options, rates=CRF_RATES)
        model.fit(data, held_out, options, workspace, progress, say)
        return model

    @property
    def tags(self) -> list[str]:
        """The tags, by id."""
        return list(self._tags)

    @property
    def scheme(self) -> str:
        """What the tags are written in."""
        return str(self.facts["scheme"])

    # --- the network ------------------------------------------------------------------------

    def build(self) -> tuple[keras.Model, keras.Model]:
        """Return inputs to tag ids (of a CRF, emissions too), and the trainer."""
        settings, facts = self.settings, self.facts
        check_facts(facts)
        self._tags = scheme_tags(facts["types"], facts["scheme"], facts["outside"])
        self._ids = {tag: place for place, tag in enumerate(self._tags)}
        names = self.encoder.input_names
        inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
        hidden = self.embedding_layer()(inputs)
        hidden = layers.Dropout(settings.dropout, name="embedding_dropout")(hidden)
        hidden = encode_sentence(hidden, settings)
        hidden = layers.Dropout(settings.dropout, name="head_dropout")(hidden)
        emissions = layers.Dense(len(self._tags), dtype="float32", name="emissions")(hidden)
        labels = keras.Input((None,), dtype="int32", name="labels")
        mask = ops.not_equal(inputs["tokens"], 0)
        outputs, loss = tag_and_loss(
            emissions, labels, mask, settings.head, allowed_tags(self._tags, self.scheme)
        )
        return keras.Model(inputs, outputs), keras.Model({**inputs, "labels": labels}, loss)

    def _chain(self) -> Chain:
        """The CRF's scores as they are used."""
        tables = self.network.get_layer("crf").tables()
        transitions, start, end = (ops.convert_to_numpy(t).astype(np.float64) for t in tables)
        return Chain(transitions, start, end, continuations(self._tags, self.scheme))

    # --- training ---------------------------------------------------------------------------

    @checked
    def labelled(self, data: Iterable[Any] | str | Path) -> TaggedSentences:
        """Return labelled data as TaggedSentences that this model can learn from or be scored on.

        Raises:
            InputError: A file has a fault, or a type or label is not the model's.
        """
        if not isinstance(data, TaggedSentences | str | os.PathLike):
            data = list(data)  # it is read twice
        scheme = data.scheme if isinstance(data, TaggedSentences) else "auto"
        if self.scheme == NONE:
            scheme = NONE if scheme == "auto" else scheme
        read = tagged_sentences(data, scheme=scheme)
        if (read.scheme == NONE) != (self.scheme == NONE):
            place, tag = first_odd(read)
            raise InputError(
                f"{place}: the tags must be of a scheme like the model's, {self.scheme}; "
                f"got {tag!r}, and {read.scheme} as the scheme of most"
            )
        known = self.facts["types"]
        outside = self.facts["outside"] and self.scheme != NONE
        return tagged_sentences(data, scheme=read.scheme, labels=known, outside=outside)

    def examples(self, data: Any) -> list[_Example]:
        """Return labelled sentences encoded; those of more than `max_length` tokens in pieces."""
        data = self.labelled(data).converted(self.scheme)
        rows = [(tokens, tags) for tokens, tags in data if tokens]
        encoded = self.encoder.encode_tokens_batch([row[0] for row in rows], self.facts["joiner"])
        found, longest = [], self.settings.max_length
        for (tokens, tags), text in zip(rows, encoded, strict=True):
            quality = np.zeros(len(tokens), np.int8)
            if len(tokens) > longest:
                quality = cut_quality(text.text, text.tokens, text.spans)
                for start, end, _ in self._spans(tags):
                    quality[start : end - 1] = FORBIDDEN
            for start, end in cut_pieces(quality, longest):
                part = tags[start:end]
                if len(tokens) > longest and self.scheme != NONE:
                    part = convert_tags(part, self.scheme)
                labels = np.array([self._ids[tag] for tag in part], np.int32)
                found.append(_Example(_slice(text.inputs, start, end), labels))
        return found

    def length(self, example: _Example) -> int:
        """Return the tokens of an example."""
        return len(example.labels)

    def training_batch(
        self,
        examples: Sequence[_Example],
        length: int,
        generator: np.random.Generator,  # noqa: ARG002
    ) -> dict[str, Array]:
        """Return the inputs and the labels, each int32 (batch, length)."""
        names = self.encoder.input_names
        batch = {name: pad([row.inputs[name] for row in examples], length) for name in names}
        return batch | {"labels": pad([example.labels for example in examples], length)}

    def evaluate(self, data: Any, batch_size: int = 64) -> dict[str, float]:
        """Return precision, recall and F1 of spans as conlleval counts them, and accuracy of tags.

        For tags without a scheme, such as parts of speech, each token is a span, and F1 is the
        accuracy.

        Args:
            data: As for `train`; any scheme.
            batch_size: Sentences at once.

        Returns:
            "precision", "recall", "f1" and "accuracy", and the first three for each type.

        Raises:
            InputError: A file has a fault, or a type or label is not the model's.
        """
        gold, found = self.compared(data, batch_size)
        score = score_labels if gold.scheme == NONE else score_entities
        return score([tags for _, tags in gold], found).figures()

    def compared(self, data: Any, batch_size: int = 64) -> tuple[TaggedSentences, list[list[str]]]:
        """Return labelled sentences, and the tags that the model gives them, in their scheme.

        Args:
            data: As for `evaluate`.
            batch_size: Sentences at once.

        Raises:
            InputError: A file has a fault, or a type or label is not the model's.
        """
        gold = self.labelled(data)
        found = self.predict_tags([tokens for tokens, _ in gold], batch_size)
        if gold.scheme not in (self.scheme, NONE):
            found = [convert_tags(tags, gold.scheme) for tags in found]
        return gold, found

    # --- prediction -------------------------------------------------------------------------

    @checked
    def predict(self, texts: Iterable[str] | str, batch_size: int = 64) -> list[list[Entity]]:
        """Return what the model finds in each text, in order.

        A text of more than `max_length` tokens is read in pieces, cut at ends of sentences if it
        has any; nothing is left out.

        Args:
            texts: Any strings, or one; an empty one has no entities.
            batch_size: Texts at once.

        Raises:
            ValueError: The text is to be cut into words, and the vectors have no lexicon for it.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        tagged = self._run(*self._read(texts), batch_size)
        spans = [self._piece_spans(item) for item in tagged]
        scores = self._scores(tagged, spans)
        result = []
        for text, item, of_pieces in zip(texts, tagged, spans, strict=True):
            found = []
            for (first, _, _), in_piece in zip(item.pieces, of_pieces, strict=True):
                for start, end, kind in in_piece:
                    begin, stop = item.spans[first + start, 0], item.spans[first + end - 1, 1]
                    score = next(scores) if scores else None
                    found.append(Entity(int(begin), int(stop), kind, text[begin:stop], score))
            result.append(found)
        return result

    @checked
    def predict_tags(
        self, sentences: Sequence[Sequence[str]], batch_size: int = 64
    ) -> list[list[str]]:
        """Return the tags of sentences that are cut into tokens already."""
        encoded = self.encoder.encode_tokens_batch(sentences, self.facts["joiner"])
        tagged = self._run(encoded, [text.spans for text in encoded], batch_size)
        return [[self._tags[place] for place in item.tags] for item in tagged]

    @checked
    def segment(self, texts: Iterable[str] | str, batch_size: int = 64) -> list[list[str]]:
        """Return the words of each text; white space separates and is in none.

        Raises:
            ValueError: The model was not trained on segmented text.
        """
        if self.facts["types"] != [""]:
            kinds = ", ".join(self.facts["types"][:5])
            raise ValueError(f"segment needs a model of segmented text, got {kinds}; call predict")
        found = self.predict(texts, batch_size)
        return [[w for entity in row for w in entity.text.split()] for row in found]

    def _read(self, texts: list[str]) -> tuple[list[Encoded], list[Array]]:
        """The texts encoded, and where their tokens stand in them."""
        if self.facts["characters"]:
            encoded = self.encoder.encode_batch(texts)
            return encoded, [text.spans for text in encoded]
        spans = word_spans(texts, self.facts["joiner"], self.encoder.tables)
        rows = [
            [text[start:end] for start, end in places.tolist()]
            for text, places in zip(texts, spans, strict=True)
        ]
        return self.encoder.encode_tokens_batch(rows, self.facts["joiner"]), spans

    def _run(
        self, encoded: Sequence[Encoded], spans: Sequence[Array], batch_size: int
    ) -> list[_Tagged]:
        """Run the network on texts, long ones in pieces."""
        cuts, longest = [], self.settings.max_length
        for text in encoded:
            quality = np.zeros(len(text), np.int8)
            if len(text) > longest:
                quality = cut_quality(text.text, text.tokens, text.spans)
            cuts.append(cut_pieces(quality, longest))
        parts = [
            _slice(text.inputs, start, end)
            for text, pieces in zip(encoded, cuts, strict=True)
            for start, end in pieces
        ]
        outputs = iter(self.run(parts, batch_size))
        result = []
        for text, places, pieces in zip(encoded, spans, cuts, strict=True):
            tags, held = [np.zeros(0, np.int32)], []
            for start, end in pieces:
                found = next(outputs)
                ids, emissions = found if isinstance(found, list) else (found, None)
                tags.append(ids)
                held.append((start, end, emissions))
            result.append(_Tagged(text, places, np.concatenate(tags), held))
        return result

    def _spans(self, tags: Sequence[str]) -> list[Span]:
        if self.scheme == NONE:
            return [(place, place + 1, tag) for place, tag in enumerate(tags)]
        return tags_to_spans(tags)

    def _piece_spans(self, item: _Tagged) -> list[list[Span]]:
        """Spans in each piece, counted from its first token."""
        names = [self._tags[place] for place in item.tags]
        return [self._spans(names[start:end]) for start, end, _ in item.pieces]

    def _scores(self, tagged: list[_Tagged], spans: list[list[list[Span]]]) -> Any:
        """The probabilities of all spans, one after the other; None without a CRF."""
        if self.settings.head != "crf":
            return None
        pieces = [(item, *piece) for item in tagged for piece in item.pieces]
        found = span_probabilities(
            cast(list[Array], [emissions for *_, emissions in pieces]),  # a CRF has some
            [item.tags[start:end] for item, start, end, _ in pieces],
            [in_piece for of_text in spans for in_piece in of_text],
            self._chain(),
        )
        return iter([score for row in found for score in row])


def _slice(inputs: dict[str, Array], start: int, end: int) -> dict[str, Array]:
    return {name: array[start:end] for name, array in inputs.items()}
