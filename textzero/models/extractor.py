"""Extractor: texts to triples (subject, predicate, object), with a DGCNN (article 6671)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import layers, ops

from textzero._arguments import changed, checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.models.batches import bucket_length, length_order, pad
from textzero.models.encoding import Encoded, Encoder
from textzero.models.extraction_network import ObjectHead, SubjectHead, encode_sentence
from textzero.models.extraction_parts import Example, Part, Places, draw_subject, marks, windows
from textzero.models.layers import PositionEmbedding, Spans, decode_spans
from textzero.models.out_of_memory import told_out_of_memory
from textzero.models.prior import KnownFacts
from textzero.models.settings import EXTRACTOR_FIT, ExtractorSettings, FitOptions
from textzero.models.text_model import TextModel
from textzero.models.triple_score import score_triples
from textzero.models.triples import Fact, Triple, TripleText, TripleTexts
from textzero.progress import Progress
from textzero.vectors.word_vectors import WordVectors
from textzero.workspace import Workspace

_CHUNK = 256  # parts of texts whose states are in memory at once
_SUBJECTS, _OBJECTS = 64, 256  # of a part, and of a subject: far more than a text says
Data = TripleTexts | Iterable[TripleText | tuple[str, Iterable[Any]]]


class Extractor(TextModel):
    """Finds what a text says of whom, as triples of one of the trained predicates.

    Example:
        >>> from textzero.models import Extractor  # doctest: +SKIP
        >>> model = Extractor.train(read_triples("train.jsonl"))  # doctest: +SKIP
        >>> model.predict(["《邪少兵王》是冰火未央写的网络小说"])  # doctest: +SKIP
        [[Triple(subject='邪少兵王', predicate='作者', object='冰火未央', subject_start=1, ...)]]
    """

    settings_class: ClassVar[type] = ExtractorSettings
    fit_options: ClassVar[FitOptions] = EXTRACTOR_FIT
    score_name: ClassVar[str] = "f1"
    left_out = 0  # subjects and objects that the last `predict` did not look at

    @classmethod
    @checked
    def train(
        cls,
        data: Data,
        validation: Data | None = None,
        vectors: Sequence[WordVectors] = (),
        settings: ExtractorSettings | None = None,
        options: FitOptions | None = None,
        workspace: Workspace | None = None,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
        **changes: Any,
    ) -> Self:
        """Make and train an extractor.

        Args:
            data: What `read_triples` returns, or (text, triples) pairs.
            validation: The same, held out: decides the best epoch and the end.
            vectors: Word vectors that the characters' embedding is mixed with.
            settings: The network.
            options: The training; `EXTRACTOR_FIT` by default.
            workspace: See `TextModel.fit`.
            progress: Shows the batches.
            say: Prints what the data lack, and a line for each epoch.
            changes: Fields of `settings` and `options` by name, such as `epochs=5`.

        Raises:
            InputError: The data, or the validation, hold no triple.
        """
        settings, options = changed(
            cls.train, changes, settings or ExtractorSettings(), options or cls.fit_options
        )
        data = TripleTexts.from_pairs(data)
        if not data.predicates:
            raise InputError("there must be at least one triple to learn from, got none")
        if validation is not None:
            validation = TripleTexts.from_pairs(validation)
            if not validation.predicates:
                raise InputError("the validation must hold at least one triple, got none")
        if say is not None:
            for line in data.losses():
                say(line)
        encoder = Encoder.make(
            data.texts, vectors, min_count=settings.min_count, positions=settings.positions
        )
        facts: dict[str, Any] = {"predicates": list(data.predicates)}
        if settings.prior:
            facts["known"] = KnownFacts.from_texts(data).rows()
        model = cls.make(encoder, settings, facts, options.seed)
        model.fit(data, validation, options, workspace, progress, say)
        return model

    @property
    def predicates(self) -> list[str]:
        """The predicates, the most frequent first."""
        return list(self.facts["predicates"])

    # --- the network ------------------------------------------------------------------------

    def build(self) -> tuple[keras.Model, keras.Model]:
        """Return tokens to (states, logits of subjects), and the trainer.

        `object_network` goes from the states and one subject to the logits of its objects; `whole`
        from tokens and one subject to the logits of all subjects and of its objects.
        """
        settings, names = self.settings, self.facts.get("predicates")
        several = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not several or not names or len(set(names)) < len(names):
            raise ValueError(f"predicates must be one or more different strings, got {names!r:.60}")
        count = len(names)
        self.known = KnownFacts.from_rows(self.facts["known"]) if settings.prior else None
        self._ids = {name: place for place, name in enumerate(names)}
        inputs = {name: _ids_input(name) for name in self.encoder.input_names}
        mask = ops.not_equal(inputs["tokens"], 0)
        vectors = PositionEmbedding(settings.max_length, name="positions")(
            self.embedding_layer()(inputs)
        )
        states = encode_sentence(layers.Dropout(settings.dropout)(vectors), mask, settings)
        subject_head, object_head = SubjectHead(settings), ObjectHead(settings, count)
        known_subjects = known_objects = None
        if settings.prior:
            known_subjects = keras.Input((None, 2), dtype="int8", name="known_subjects")
            known_objects = keras.Input((None, 2 * count), dtype="int8", name="known_objects")
        logits = subject_head(states, mask, known_subjects)
        read = {**inputs, **_named(known_subjects)}
        network = keras.Model(read, [states, logits], name="subjects")
        subject = keras.Input((2,), dtype="int32", name="subject")
        given = keras.Input((None, settings.dim), name="states")
        real = ops.not_equal(inputs["tokens"], 0)
        self.object_network = keras.Model(
            {
                "tokens": inputs["tokens"],
                "states": given,
                "subject": subject,
                **_named(known_objects),
            },
            object_head(given, real, subject, known_objects),
            name="objects",
        )
        subject_labels = keras.Input((None, 1, 2), dtype="int8", name="subject_labels")
        object_labels = keras.Input((None, count, 2), dtype="int8", name="object_labels")
        object_logits = object_head(states, mask, subject, known_objects)
        loss = subject_head.pointer.loss(subject_labels, logits, mask)
        loss = loss + object_head.pointer.loss(object_labels, object_logits, mask)
        labels = [subject, subject_labels, object_labels, known_objects]
        drawn = {k: v for label in labels for k, v in _named(label).items()}
        one = {**read, "subject": subject, **_named(known_objects)}
        self.whole = keras.Model(one, [logits, object_logits], name="extractor")
        return network, keras.Model({**read, **drawn}, loss, name="trainer")

    # --- training ---------------------------------------------------------------------------

    def examples(self, data: Data) -> list[Example]:
        """Encode texts with their triples; every occurrence of subject and object is marked."""
        data = TripleTexts.from_pairs(data)
        found, placed = list[Example](), set[tuple[int, Fact]]()
        for part in self._parts(data.texts, [item.facts for item in data]):
            objects: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
            for fact in data[part.number].facts:
                subjects, ends = part.tokens_of(fact.subject), part.tokens_of(fact.object)
                if fact.predicate not in self._ids or not (subjects and ends):
                    continue
                placed.add((part.number, fact))
                for span in subjects:
                    objects.setdefault(span, []).extend(
                        (*end, self._ids[fact.predicate]) for end in ends
                    )
            if len(part.spans):
                found.append(Example(part, objects))
        total = sum(len(item.facts) for item in data)
        self.manifest |= {"triples": total, "triples_without_a_place": total - len(placed)}
        return found

    def length(self, example: Example) -> int:
        """Return the tokens of an example."""
        return len(example.part.spans)

    def training_batch(
        self, examples: Sequence[Example], length: int, generator: np.random.Generator
    ) -> dict[str, Array]:
        """Return inputs and labels, with one subject drawn for each text."""
        count = len(self._ids)
        spans = [draw_subject(example, generator) for example in examples]
        batch = _padded([example.part.inputs for example in examples], length)
        batch["subject"] = np.array([(first, end - 1) for first, end in spans], np.int32)
        subjects, objects = [], []
        for example, span in zip(examples, spans, strict=True):
            size = len(example.part.spans)
            marked = [(*place, 0) for place in example.objects]
            subjects.append(marks(marked, size, 1))
            objects.append(marks(example.objects.get(span, []), size, count))
        batch["subject_labels"] = pad(subjects, length)
        batch["object_labels"] = pad(objects, length)
        if self.known is not None:
            pairs = zip(examples, spans, strict=True)
            batch["known_objects"] = pad([self._known_objects(e.part, s) for e, s in pairs], length)
        return batch

    @checked
    def evaluate(self, data: Data, batch_size: int = 64) -> dict[str, float]:
        """Return precision, recall and F1 of the triples, exact strings, over all texts.

        Triples that cannot be found, because their subject or object is not in the text or their
        predicate was never trained, count as missed.
        """
        data = TripleTexts.from_pairs(data)
        score = score_triples((item.facts for item in data), self.predict(data.texts, batch_size))
        return {"precision": score.precision, "recall": score.recall, "f1": score.f1}

    # --- prediction -------------------------------------------------------------------------

    @checked
    def predict(self, texts: Iterable[str], batch_size: int = 64) -> list[list[Triple]]:
        """Find the triples of texts of any length.

        A text of more than `max_length` tokens is read in windows that overlap by half; subject
        and object must stand within half a window to be sure to be seen together.

        Args:
            texts: Raw texts.
            batch_size: Texts, then subjects, at once.

        Returns:
            For each text its different triples, ordered by where subject and object stand; of a
            triple that is found at several places the one with the best score.

        Raises:
            TypeError: `texts` is a string.

        A network that has learned little sees subjects and objects everywhere. Of a part of a text
        the 64 most certain subjects are looked at, of a subject the 256 most certain objects; how
        many were left out is in `left_out`.
        """
        texts = list(texts)
        best: list[dict[Fact, Triple]] = [{} for _ in texts]
        self.left_out = 0
        for start in range(0, len(texts), _CHUNK):
            parts = [p for p in self._parts(texts[start : start + _CHUNK]) if len(p.spans)]
            for first in range(0, len(parts), _CHUNK):
                self._find(parts[first : first + _CHUNK], batch_size, best[start:])
        return [
            sorted(found.values(), key=lambda t: (t[3], t[5], t[1], t[4], t[6])) for found in best
        ]

    def _find(self, parts: list[Part], batch_size: int, best: list[dict[Fact, Triple]]) -> None:
        """Put the triples of some parts among the best ones of their texts."""
        outputs = self.run([part.inputs for part in parts], batch_size)
        jobs = []  # (part, states, first token of the subject, one past its last, score)
        for part, (states, logits) in zip(parts, outputs, strict=True):
            found = self._strongest(self._decoded(logits[None]), _SUBJECTS)
            for start, end, score in zip(found.starts, found.ends, found.scores, strict=True):
                if not part.is_cut(start, end):
                    jobs.append((part, states, int(start), int(end), float(score)))
        lengths = np.array([len(job[1]) for job in jobs])
        for places in length_order(lengths, batch_size):
            group = [jobs[place] for place in places]
            found = self._strongest(self._decoded(self._object_logits(group)), _OBJECTS)
            for row, predicate, start, end, score in zip(*found, strict=True):
                part, _, first, stop, certainty = group[row]
                if part.is_cut(start, end):
                    continue
                triple = _triple(
                    part, (first, stop), self.facts["predicates"][predicate], (start, end),
                    certainty * float(score),
                )  # fmt: skip
                known = best[part.number].get(triple.fact)
                if known is None or known.score < triple.score:
                    best[part.number][triple.fact] = triple

    @told_out_of_memory()
    def _object_logits(self, jobs: list[tuple[Part, Array, int, int, float]]) -> Array:
        """Logits float32 (jobs, length, predicates, 2) of the objects of some subjects."""
        rows = []
        for part, states, first, stop, _ in jobs:
            row = {"tokens": part.inputs["tokens"], "states": states}
            if self.known is not None:
                row["known_objects"] = self._known_objects(part, (first, stop))
            rows.append(row)
        batch = _padded(rows, bucket_length(max(len(job[1]) for job in jobs)))
        batch["subject"] = np.array([(job[2], job[3] - 1) for job in jobs], np.int32)
        return np.asarray(self.object_network.predict_on_batch(batch))

    def _decoded(self, logits: Array) -> Spans:
        probabilities = 0.5 + 0.5 * np.tanh(0.5 * logits)
        return decode_spans(
            probabilities, self.settings.start_threshold, self.settings.end_threshold
        )

    def _strongest(self, found: Spans, most: int) -> Spans:
        """The spans with the best scores of each row, at most `most`, in their order."""
        order = np.lexsort((-found.scores, found.rows))
        rank = np.arange(order.size) - np.searchsorted(found.rows, found.rows)
        kept = np.sort(order[rank < most])
        self.left_out += order.size - kept.size
        return Spans(*(column[kept] for column in found))

    @checked
    def export(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the whole network as a `.keras` file, to be asked once more for each subject.

        Inputs: those of the encoder, and "subject" int32 (batch, 2), the first and the last token
        of one subject; with a prior "known_subjects" and "known_objects" too. Outputs: logits
        float32 of the subjects (batch, length, 1, 2), which do not depend on the one given, and of
        its objects (batch, length, predicates, 2).

        Raises:
            ValueError: The name does not end in .keras.
            OutputExistsError: The file is there, and `overwrite` is False.
        """
        reads, self.network = self.network, self.whole
        try:
            super().export(path, overwrite)
        finally:
            self.network = reads

    # --- texts to arrays --------------------------------------------------------------------

    def _parts(
        self, texts: Sequence[str], facts: Sequence[Sequence[Fact]] | None = None
    ) -> Iterator[Part]:
        """The parts of texts; with their facts when the texts are those of the training."""
        for number, encoded in enumerate(self.encoder.encode_batch(texts)):
            known: list[Fact] = []
            places = Places(encoded.text)
            if self.known is not None:
                known = self.known.candidates(encoded.text, facts[number] if facts else ())
            for start, stop in windows(len(encoded), self.settings.max_length):
                yield self._part(number, encoded, start, stop, tuple(known), places)

    def _part(
        self,
        number: int,
        encoded: Encoded,
        start: int,
        stop: int,
        known: tuple[Fact, ...],
        places: Places,
    ) -> Part:
        inputs = {name: array[start:stop] for name, array in encoded.inputs.items()}
        last = stop == len(encoded)
        part = Part(number, places, inputs, encoded.spans[start:stop], start == 0, last, known)
        if self.known is not None:
            subjects = sorted({fact.subject for fact in known})
            marked = [(*place, 0) for subject in subjects for place in part.tokens_of(subject)]
            inputs["known_subjects"] = marks(marked, stop - start, 1)[:, 0]
        return part

    def _known_objects(self, part: Part, span: tuple[int, int]) -> Array:
        """int8 (n, 2 * predicates): starts and ends of the known objects of a subject."""
        subject = part.text[part.spans[span[0], 0] : part.spans[span[1] - 1, 1]]
        marked = [
            (*place, self._ids[fact.predicate])
            for fact in part.known
            if fact.subject == subject and fact.predicate in self._ids
            for place in part.tokens_of(fact.object)
        ]
        return marks(marked, len(part.spans), len(self._ids)).reshape(len(part.spans), -1)


def _triple(
    part: Part, subject: tuple[int, int], predicate: str, object_: tuple[int, int], score: float
) -> Triple:
    (a, b), (c, d) = (
        (int(part.spans[start, 0]), int(part.spans[end - 1, 1]))
        for start, end in (subject, object_)
    )
    return Triple(part.text[a:b], predicate, part.text[c:d], a, b, c, d, score)


def _padded(rows: Sequence[dict[str, Array]], length: int) -> dict[str, Array]:
    return {name: pad([row[name] for row in rows], length) for name in rows[0]}


def _ids_input(name: str) -> Any:
    return keras.Input((None,), dtype="int32", name=name)


def _named(tensor: Any) -> dict[str, Any]:
    return {} if tensor is None else {tensor.name: tensor}
