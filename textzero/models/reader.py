"""Reader: a question and passages to an answer that stands in one of them.

The gated convolutions of articles 5409 and 6906: the question becomes one vector; beside that
vector the passage is read, and each of its tokens has a probability that an answer begins there,
one that it ends there, both multiplied by the probability that the passage has an answer at all.
A passage that is longer than the network reads at once is read in parts that overlap.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import layers, ops

from textzero._arguments import changed, checked
from textzero._compat import Array
from textzero.errors import InputError
from textzero.models.answer_score import score_answers
from textzero.models.answer_spans import Answer, Span, combine_passages, ranked_spans, windows
from textzero.models.batches import bucket_length, length_order, pad
from textzero.models.encoding import Encoded, Encoder
from textzero.models.layers import AttentionPooling1D, GatedDilatedConv1D, SpanPointer
from textzero.models.out_of_memory import told_out_of_memory
from textzero.models.question_matches import KINDS, question_matches
from textzero.models.reading import Question, Questions, answer_places, unlearnable
from textzero.models.reading_examples import (
    LABELS,
    ReadingExample,
    draw_part,
    longest_answer,
    part_labels,
    token_places,
)
from textzero.models.settings import READER_FIT, FitOptions, ReaderSettings
from textzero.models.text_model import TextModel
from textzero.progress import Progress
from textzero.shown.text import counted
from textzero.vectors.word_vectors import WordVectors
from textzero.workspace import Workspace

_SCALE = (
    100.0  # of the loss (2019): the mean over hundreds of tokens is small beside Adam's epsilon
)
_MATCHES = "passage_matches"
_MATCH_DIM = 16
_LEAST_QUESTION = 32  # tokens that questions are padded to: fewer shapes to compile
_Inputs = Mapping[str, Array]


class Reader(TextModel):
    """Answers questions from passages.

    Example:
        reader = Reader.train(read_questions("cmrc2018_train.json"), vectors=[vectors])
        reader.predict(["谁写了它？"], [["第一篇……", "第二篇……"]])[0].text
    """

    settings_class: ClassVar[type] = ReaderSettings
    fit_options: ClassVar[FitOptions] = READER_FIT
    settings: ReaderSettings
    score_name: ClassVar[str] = "f1"

    @classmethod
    @checked
    def train(
        cls,
        data: Iterable[Question],
        validation: Iterable[Question] | None = None,
        vectors: Sequence[WordVectors] = (),
        settings: ReaderSettings | None = None,
        options: FitOptions | None = None,
        workspace: Workspace | None = None,
        *,
        labels: str = "occurrences",
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
        **changes: Any,
    ) -> Self:
        """Return a reader trained on questions whose answers are known.

        Args:
            data: Questions, as `read_questions` gives them.
            validation: Others, which decide the best epoch and the end; with right answers.
            vectors: Word vectors to start from; none to learn from the questions alone.
            settings: Of the network.
            options: Of the training.
            workspace: See `TextModel.fit`.
            labels: "occurrences": every occurrence of an answer is one, as the author trained;
                "places": only those that the data name, where they do.
            progress: Shows the batches.
            say: Prints what the data lack, and a line for each epoch.
            changes: Fields of `settings` and `options` by name, such as `epochs=5`.

        Raises:
            InputError: No answer stands in its passages, or the validation has no answer.
            ValueError: `labels` is neither.
        """
        if labels not in LABELS:
            raise ValueError(f"labels must be one of {', '.join(LABELS)}, got {labels!r}")
        settings, options = changed(
            cls.train, changes, settings or ReaderSettings(), options or cls.fit_options
        )
        lines = data.losses() if isinstance(data, Questions) else []
        data = _questions(data)
        validation = None if validation is None else _with_answers(validation)
        if say is not None:
            for line in [*lines, *unlearnable(data)]:
                say(line)
        encoder = Encoder.make(
            (text for question in data for text in (question.text, *question.passages)),
            vectors, "character", settings.min_count, settings.positions,
        )  # fmt: skip
        longest = settings.max_answer or longest_answer(data, labels, settings.max_passage)
        facts = {"max_answer": longest, "labels": labels}
        model = cls.make(encoder, settings, facts, options.seed)
        model.fit(data, validation, options, workspace, progress, say)
        return model

    # --- the network ------------------------------------------------------------------------

    def build(self) -> tuple[keras.Model, keras.Model]:
        """Return the network and its trainer.

        The network has the encoder's inputs twice, as "question_..." and "passage_...", and
        "passage_matches"; its output is float32 (batch, passage tokens, 2), the logits of start
        and end. The trainer has an input "labels" of the same shape.
        """
        settings, names = self.settings, self.encoder.input_names
        longest, labels = self.facts.get("max_answer"), self.facts.get("labels")
        if type(longest) is not int or longest < 1:
            raise ValueError(
                f"max_answer must be a whole number of at least 1, got {longest!r:.60}"
            )
        if labels not in LABELS:
            raise ValueError(f"labels must be one of {', '.join(LABELS)}, got {labels!r:.60}")
        inputs = {
            f"{part}_{name}": keras.Input((None,), dtype="int32", name=f"{part}_{name}")
            for part in ("question", "passage")
            for name in names
        }
        embed, drop = self.embedding_layer(), layers.Dropout(settings.dropout, name="dropout")
        asked, told = (
            drop(embed({name: inputs[f"{part}_{name}"] for name in names}))
            for part in ("question", "passage")
        )
        question_mask = ops.not_equal(inputs["question_tokens"], 0)
        mask = ops.not_equal(inputs["passage_tokens"], 0)
        asked = self._convolve(asked, question_mask, settings.question_dilations, "question")
        question = AttentionPooling1D(name="question_pooling")(asked, mask=question_mask)
        if settings.matches:
            inputs[_MATCHES] = keras.Input((None,), dtype="int32", name=_MATCHES)
            matches = layers.Embedding(KINDS, _MATCH_DIM, name="matches")(inputs[_MATCHES])
            told = ops.concatenate([told, matches], -1)
        # a dense layer over [passage, question] at each token, with the question's part done once
        states = layers.Dense(settings.dim, name="passage_states")(told) + ops.expand_dims(
            layers.Dense(settings.dim, use_bias=False, name="question_states")(question), 1
        )
        states = self._convolve(states, mask, settings.passage_dilations, "passage")
        everywhere = ops.expand_dims(question, 1) + ops.zeros_like(states)
        both = ops.concatenate([states, everywhere], -1)
        pooled = AttentionPooling1D(name="passage_pooling")(both, mask=mask)
        has_answer = layers.Dense(1, name="has_answer")(pooled)
        pointer = SpanPointer(name="pointer")
        logits = pointer(both, has_answer, mask=mask)
        network = keras.Model(inputs, ops.squeeze(logits, 2), name="reader")
        marks = keras.Input((None, 2), dtype="int32", name="labels")
        loss = _SCALE * pointer.loss(
            ops.expand_dims(marks, 2), logits, mask, focal=settings.loss == "focal"
        )
        return network, keras.Model({**inputs, "labels": marks}, loss, name="reader_trainer")

    def _convolve(self, states: Any, mask: Any, dilations: Sequence[int], name: str) -> Any:
        for number, rate in enumerate(dilations):
            states = GatedDilatedConv1D(
                3, rate, gate_dropout=self.settings.gate_dropout, name=f"{name}_{number}"
            )(states, mask=mask)
        return states

    # --- training ---------------------------------------------------------------------------

    def examples(self, data: Iterable[Question]) -> list[ReadingExample]:
        """Return an example for each question and passage.

        Raises:
            InputError: No answer stands in its passages.
        """
        data = _questions(data)
        known_only = self.facts["labels"] == "places"
        examples = []
        for question, number, asked, told in self._encode(data):
            if not len(told):
                continue
            places = token_places(told.spans, answer_places(question, number, known_only))
            examples.append(ReadingExample(asked.inputs, self._passage(asked, told), places))
        if examples and not any(len(example.places) for example in examples):
            raise InputError(
                f"at least one of {counted(len(data), 'questions')} must have an answer that "
                "stands in its passages, got none"
            )
        return examples

    def length(self, example: ReadingExample) -> int:
        """Return how many tokens of the passage a batch may hold."""
        return min(len(example), self.settings.max_passage)

    def training_batch(
        self, examples: Sequence[ReadingExample], length: int, generator: np.random.Generator
    ) -> dict[str, Array]:
        """Return the inputs of questions and of parts of passages, drawn anew, with labels."""
        parts, labels = [], []
        for example in examples:
            start, stop = draw_part(example, self.settings.max_passage, generator)
            parts.append({name: ids[start:stop] for name, ids in example.passage.items()})
            labels.append(part_labels(example, start, stop))
        batch = self._batch([example.question for example in examples], parts, length)
        return {**batch, "labels": pad(labels, length)}

    # --- use --------------------------------------------------------------------------------

    @checked
    def predict(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        *,
        combine: str = "sum",
        threshold: float | None = None,
        max_answer: int | None = None,
        candidates: int = 10,
        batch_size: int = 64,
    ) -> list[Answer]:
        """Return an answer to each question, with its place in the raw passages.

        Args:
            questions: The questions.
            passages: For each question its passages.
            combine: How passages that have the same answer count together: "sum"; "squares",
                the author's; or "max" (see `combine_passages`, which has figures).
            threshold: What the probabilities of start and end must exceed; None takes the
                settings'. At 0 every question has an answer whose passages are not empty.
            max_answer: Characters of the longest answer; None takes what the training data had.
            candidates: How many answers to name beside the best.
            batch_size: Parts of passages that are read at once.

        Raises:
            ValueError: There are not as many lists of passages as questions, or `combine` is
                none of the three.
            TypeError: The questions, or a list of passages, are one string.
        """
        if len(questions) != len(passages):
            raise ValueError(
                "there must be a list of passages for each question, got "
                f"{len(questions)} questions and {len(passages)} lists"
            )
        if any(isinstance(texts, str) for texts in passages):
            raise TypeError("each question must have a list of passages, got a string")
        threshold = self.settings.threshold if threshold is None else threshold
        data = [Question(q, tuple(texts)) for q, texts in zip(questions, passages, strict=True)]
        spans = self.spans(data, threshold, max_answer, batch_size)
        return [
            combine_passages(question.passages, found, combine, candidates)
            for question, found in zip(data, spans, strict=True)
        ]

    @checked
    def evaluate(
        self, data: Iterable[Question], batch_size: int = 64, **options: Any
    ) -> dict[str, float]:
        """Return "em" and "f1" (see `answer_score`) over the questions that have right answers.

        Args:
            data: The questions.
            batch_size: Parts of passages that are read at once.
            **options: As those of `predict`; `threshold` is 0, since a guess may be right.

        Raises:
            InputError: No question has an answer.
        """
        data = _with_answers(data)
        found = self.predict(
            [question.text for question in data],
            [question.passages for question in data],
            batch_size=batch_size,
            **{"threshold": 0.0, "candidates": 1, **options},
        )
        return score_answers([answer.text for answer in found], [q.answers for q in data])

    @told_out_of_memory()
    @checked
    def spans(
        self,
        data: Sequence[Question],
        threshold: float | None = None,
        max_answer: int | None = None,
        batch_size: int = 64,
    ) -> list[list[list[Span]]]:
        """Return for each question and passage its best spans, which `combine_passages` takes.

        Args:
            data: The questions.
            threshold: As for `predict`.
            max_answer: As for `predict`.
            batch_size: As for `predict`.
        """
        data = _questions(data)
        threshold = self.settings.threshold if threshold is None else threshold
        longest = self.facts["max_answer"] if max_answer is None else max_answer
        if longest < 1:
            raise ValueError(f"max_answer must be at least 1, got {longest}")
        size = self.settings.max_passage
        # parts of which less than a quarter were new would be too many
        overlap = min(max(longest, size // 4), size - max(1, size // 4))
        pairs: list[list[Span]] = []
        parts = []
        for _, _, asked, told in self._encode(data):
            inputs = self._passage(asked, told)
            for start, stop in windows(len(told), size, overlap) if len(told) else ():
                piece = {name: ids[start:stop] for name, ids in inputs.items()}
                parts.append((len(pairs), told.spans[start:stop], asked.inputs, piece))
            pairs.append([])
        lengths = np.array([len(part[1]) for part in parts], np.int64)
        for chosen in length_order(lengths, batch_size) if parts else ():
            length = bucket_length(int(lengths[chosen[0]]))
            rows = [parts[place] for place in chosen]
            batch = self._batch([row[2] for row in rows], [row[3] for row in rows], length)
            logits = np.asarray(self.network.predict_on_batch(batch), np.float64)
            for (pair, spans, _, _), found in zip(rows, logits, strict=True):
                start, end = (1 / (1 + np.exp(-np.clip(found[: len(spans)], -500, 500)))).T
                pairs[pair] += ranked_spans(start, end, spans, longest, threshold)
        found_in = iter(pairs)
        return [[next(found_in) for _ in question.passages] for question in data]

    # --- inputs -----------------------------------------------------------------------------

    def _encode(self, data: Sequence[Question]) -> Iterator[tuple[Question, int, Encoded, Encoded]]:
        """Each question with each of its passages: the passage's number, both encoded."""
        questions = self.encoder.encode_batch(question.text for question in data)
        texts = list(dict.fromkeys(text for question in data for text in question.passages))
        passages = dict(zip(texts, self.encoder.encode_batch(texts), strict=True))
        for question, asked in zip(data, questions, strict=True):
            for number, text in enumerate(question.passages):
                yield question, number, asked, passages[text]

    def _passage(self, asked: Encoded, told: Encoded) -> _Inputs:
        """A passage's inputs, with its matches."""
        if not self.settings.matches:
            return told.inputs
        matches = question_matches(asked.tokens, told.tokens, asked.inputs, told.inputs)
        return {**told.inputs, "matches": matches}

    def _batch(
        self, questions: Sequence[_Inputs], passages: Sequence[_Inputs], length: int
    ) -> dict[str, Array]:
        """Padded inputs of the network; `length` is the passages'."""
        longest = max(1, *(len(question["tokens"]) for question in questions))
        sizes = {
            "question": max(_LEAST_QUESTION, 1 << (longest - 1).bit_length()),
            "passage": length,
        }
        return {
            f"{part}_{name}": pad([inputs[name] for inputs in rows], sizes[part])
            for part, rows in (("question", questions), ("passage", passages))
            for name in rows[0]
        }


def _with_answers(data: Iterable[Question]) -> list[Question]:
    """The questions whose right answers are known.

    Raises:
        InputError: There is none.
    """
    data = [question for question in _questions(data) if question.answers]
    if not data:
        raise InputError("at least one question must have an answer to be compared, got none")
    return data


def _questions(data: Iterable[Question]) -> list[Question]:
    """The questions as a list, if they are questions."""
    data = list(data)
    for item in data:
        if not isinstance(item, Question):
            raise TypeError(f"data must be `Question`s, as of read_questions, got {item!r:.60}")
    return data
