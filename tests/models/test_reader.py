import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.errors import InputError  # noqa: E402
from textzero.models import answer_spans  # noqa: E402
from textzero.models import reader as reader_module  # noqa: E402
from textzero.models.answer_spans import Answer  # noqa: E402
from textzero.models.encoding import Encoder  # noqa: E402
from textzero.models.reader import Reader  # noqa: E402
from textzero.models.reading import Question  # noqa: E402
from textzero.models.settings import FitOptions, ReaderSettings  # noqa: E402
from textzero.vectors.word_vectors import WordVectors  # noqa: E402
from textzero.vocabulary import Vocabulary  # noqa: E402

KEYS, OTHERS, VALUES = "甲乙丙丁戊", "山水风云雨雪", "一二三四五六"
SMALL = ReaderSettings(
    dim=24, question_dilations=(1,), passage_dilations=(1, 2, 1), max_passage=48, max_answer=6,
    dropout=0.0, gate_dropout=0.0, min_count=1,
)  # fmt: skip


def made(count, seed, length=24):
    """Questions such as 甲=? whose answer stands in 水山甲=三四。云: what follows the key."""
    generator = np.random.default_rng(seed)
    questions = []
    for _ in range(count):
        keys = generator.permutation(list(KEYS))[:2]
        value, wrong = ("".join(generator.choice(list(VALUES), 2)) for _ in keys)
        said = [f"{keys[0]}={value}。", f"{keys[1]}={wrong}。"]
        rest = "".join(generator.choice(list(OTHERS), length - 10))
        generator.shuffle(said)
        cut = int(generator.integers(len(rest)))
        passage = rest[:cut] + said[0] + rest[cut:] + said[1]
        questions.append(Question(f"{keys[0]}=?", (passage,), (value,)))
    return questions


@pytest.fixture(scope="module")
def reader():
    options = FitOptions(epochs=10, batch_size=32, learning_rate=1e-2, ema=None)
    return Reader.train(made(256, 0), settings=SMALL, options=options)


def ask(reader, questions, **options):
    return reader.predict([q.text for q in questions], [q.passages for q in questions], **options)


def assert_equal_answers(found, expected):
    """Equal but for the last digits of the scores."""
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.passage, one.start) == (other.text, other.passage, other.start)
        assert one.score == pytest.approx(other.score, rel=1e-5)


def test_a_reader_learns_to_answer_questions_it_has_not_seen(reader):
    figures = reader.evaluate(made(100, 1))
    assert figures["em"] > 0.9
    assert figures["f1"] >= figures["em"]


def test_offsets_point_into_the_raw_passage(reader):
    questions = [
        Question(q.text, (" \n" + q.passages[0].replace("=", " = "),)) for q in made(20, 2)
    ]
    for question, answer in zip(questions, ask(reader, questions, threshold=0), strict=True):
        assert answer.passage == 0
        assert answer.text == question.passages[0][answer.start : answer.stop]
        assert answer.candidates[0].text == answer.text
        assert len(answer.candidates) == 10
        scores = [candidate.score for candidate in answer.candidates]
        assert scores == sorted(scores, reverse=True)


def test_an_answer_deep_in_a_long_passage_is_found(reader):
    right = 0
    for question in made(20, 3):
        passage = "雪" * 300 + question.passages[0] + "雪" * 300
        answer = reader.predict([question.text], [[passage]], threshold=0)[0]
        right += answer.text == question.answers[0] and answer.start > 300
    assert right >= 16


def test_an_answer_on_the_edge_of_two_parts_is_found_whole(reader):
    # without overlap, parts of 48 tokens would cut it where the shift is 45
    for shift in range(40, 50):
        passage = "风" * shift + "甲=一二。" + "雨" * (120 - shift)
        answer = reader.predict(["甲=?"], [[passage]], threshold=0)[0]
        assert (answer.text, answer.start) == ("一二", shift + 2)


def test_an_answer_does_not_depend_on_the_texts_beside_it(reader):
    questions = [*made(5, 4), *made(5, 5, length=45)]
    together = ask(reader, questions, threshold=0)
    for question, answer in zip(questions, together, strict=True):
        alone = ask(reader, [question], threshold=0)[0]
        assert (alone.text, alone.start) == (answer.text, answer.start)
        assert alone.score == pytest.approx(answer.score, abs=1e-5)  # float32


def test_passages_that_agree_count_together(reader):
    question = made(1, 6)[0]
    passages = [question.passages[0], "", "雪" * 9, *[question.passages[0]] * 2]
    one, three = (
        reader.predict([question.text], [texts])[0] for texts in ([passages[0]], passages)
    )
    s = reader.predict([question.text], [passages], combine="max")[0].score
    assert one.text == three.text == question.answers[0]
    assert one.score == pytest.approx(s, rel=1e-4)
    assert three.score == pytest.approx(3 * s, rel=1e-3)
    assert three.passage == 0


def test_below_the_threshold_there_is_no_answer(reader):
    nothing = Answer("", 0.0, -1, -1, -1)
    assert reader.predict(["甲=?"], [["雪" * 20]], threshold=0.999) == [nothing]
    assert reader.predict(["甲=?", "甲=?"], [[], ["", " \n"]], threshold=0) == [nothing] * 2
    assert reader.predict([], []) == []


def test_answers_are_no_longer_than_they_may_be(reader):
    for longest in (1, 3):
        for answer in ask(reader, made(5, 7), threshold=0, max_answer=longest):
            assert all(len(c.text) <= longest for c in answer.candidates)


def test_a_saved_reader_answers_as_before(reader, tmp_path):
    reader.save(tmp_path / "reader")
    questions = made(10, 8)
    loaded = Reader.load(tmp_path / "reader")
    assert loaded.facts == reader.facts == {"max_answer": 6, "labels": "occurrences"}
    assert_equal_answers(ask(loaded, questions, threshold=0), ask(reader, questions, threshold=0))


def test_an_exported_network_gives_the_same_logits(reader, tmp_path):
    reader.export(tmp_path / "reader.keras")
    network = keras.models.load_model(tmp_path / "reader.keras")
    examples = reader.examples(made(3, 9))
    batch = reader.training_batch(examples, 48, np.random.default_rng(0))
    del batch["labels"]
    np.testing.assert_array_equal(
        network.predict_on_batch(batch), reader.network.predict_on_batch(batch)
    )


def test_a_row_of_padding_has_no_loss_and_no_part_in_that_of_others(reader):
    batch = reader.training_batch(reader.examples(made(2, 10)), 48, np.random.default_rng(0))
    filled = {name: np.concatenate([x, np.zeros_like(x)]) for name, x in batch.items()}
    losses = reader.trainer.predict_on_batch(filled)
    assert losses.shape == (4,)
    assert (losses[2:] == 0).all()
    assert (losses[:2] > 0).all()
    np.testing.assert_allclose(losses[:2], reader.trainer.predict_on_batch(batch), rtol=1e-5)


@pytest.fixture(scope="module")
def with_vectors():
    """Of the other settings, and by XLA; of one batch, so that there is one shape to compile."""
    characters = list(KEYS + VALUES + "=")
    rows = np.random.default_rng(0).normal(size=(len(characters), 5)).astype(np.float32)
    vocabulary = Vocabulary(characters, np.ones(len(characters), np.int64))
    vectors = WordVectors(vocabulary, rows, manifest={"settings": {"tokenizer": "char"}})
    settings = ReaderSettings(
        dim=8, question_dilations=(1,), passage_dilations=(2,), max_passage=16, loss="bce",
        matches=False, min_count=1,
    )  # fmt: skip
    options = FitOptions(epochs=3, batch_size=16, learning_rate=1e-2, compile=True)
    data = made(16, 11, length=16)
    validation = (question for question in data[:8])
    return Reader.train(data, validation, [vectors], settings, options), rows


def test_the_other_settings_make_a_network_that_learns(with_vectors, reader):
    history = with_vectors[0].manifest["training"]["history"]
    assert len(history) == 3
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(0 <= epoch["em"] <= epoch["f1"] <= 1 for epoch in history)
    assert "passage_matches" not in with_vectors[0].network.input
    assert "passage_matches" in reader.network.input


def test_word_vectors_stay_as_they_were_and_are_saved_with_the_model(with_vectors, tmp_path):
    reader, rows = with_vectors
    assert "question_words_0" in reader.network.input
    assert "passage_positions_0" in reader.network.input
    table = next(v for v in reader.network.non_trainable_variables if v.shape == (len(rows) + 2, 5))
    np.testing.assert_array_equal(table[2:], rows)
    reader.save(tmp_path / "reader")
    loaded = Reader.load(tmp_path / "reader")
    data = made(8, 13)
    assert_equal_answers(ask(loaded, data, threshold=0), ask(reader, data, threshold=0))


def test_questions_without_a_place_for_their_answers_are_told(monkeypatch):
    said = []
    monkeypatch.setattr(Reader, "fit", lambda *_: None)
    lost = [Question("谁？", ("甲", "乙"), ("丙", "丁")), Question("谁？", ("甲",))]
    Reader.train([*made(3, 14), *lost], settings=SMALL, say=said.append)
    assert said == [
        "1 of 5 questions cannot be learned: no answer stands in a passage, the first: '谁？'"
    ]


def test_a_validation_without_answers_is_refused_before_the_training(monkeypatch):
    monkeypatch.setattr(Reader, "fit", lambda *_: pytest.fail("it has begun"))
    with pytest.raises(InputError, match="at least one question must have an answer"):
        Reader.train(made(3, 15), [Question("?", ("甲",))], settings=SMALL)


def test_a_bound_on_answers_beyond_a_part_does_not_make_a_part_for_each_token(reader, monkeypatch):
    asked = []

    def windows(tokens, size, overlap):
        asked.append(answer_spans.windows(tokens, size, overlap))
        return asked[-1]

    monkeypatch.setattr(reader_module, "windows", windows)
    reader.predict(["甲=?"], [["雪" * 480]], threshold=0, max_answer=1000)
    assert len(asked[0]) == 1 + (480 - 48) // 12


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"max_answer": 0}, "max_answer must be a whole number of at least 1, got 0"),
        ({"max_answer": "6"}, "max_answer must be a whole number of at least 1, got '6'"),
        ({"labels": "all"}, "labels must be one of occurrences, places, got 'all'"),
        ({"labels": ["places"]}, "labels must be one of occurrences, places"),
    ],
)
def test_a_folder_with_wrong_facts_is_refused(reader, tmp_path, facts, expected):
    reader.save(tmp_path / "reader")
    path = tmp_path / "reader" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["facts"] |= facts
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match=rf"config\.json does not describe a Reader: {expected}"):
        Reader.load(tmp_path / "reader")


def test_characters_that_nobody_knows_and_astral_ones_have_offsets_too(reader):
    passages = ["𠀀 𠀁\n𠀂", "\ud83d\u3000\U0010ffff"]
    for passage in passages:
        (answer,) = reader.predict(["𠀀\udc00"], [[passage]], threshold=0)
        assert answer.text == passage[answer.start : answer.stop]
        assert answer.text.strip() and len(answer.candidates) > 1
        assert all(c.text == passage[c.start : c.stop] for c in answer.candidates)
    (answer,) = reader.predict([""], [["甲=一二。"]], threshold=0)
    assert answer.text


def test_labels_of_known_places_leave_out_other_occurrences():
    question = Question("甲=?", ("一二。甲=一二。",), ("一二",), ((0, 5, 7),))
    settings = ReaderSettings(dim=4, question_dilations=(1,), passage_dilations=(1,), min_count=1)
    for labels, places in (("occurrences", [[0, 1], [5, 6]]), ("places", [[5, 6]])):
        encoder = Encoder.make([question.text, *question.passages])
        reader = Reader.make(encoder, settings, {"max_answer": 2, "labels": labels}, 0)
        assert reader.examples([question])[0].places.tolist() == places


def test_what_cannot_be_is_refused(reader):
    with pytest.raises(InputError, match="1 question must have an answer that stands in its"):
        Reader.train([Question("?", ("甲",), ("乙",))], settings=SMALL)
    with pytest.raises(InputError, match="at least one question must have an answer"):
        reader.evaluate([Question("?", ("甲",))])
    with pytest.raises(ValueError, match="labels must be one of occurrences, places, got 'all'"):
        Reader.train([], labels="all")
    with pytest.raises(ValueError, match="got 1 questions and 2 lists"):
        reader.predict(["?"], [["甲"], ["乙"]])
    with pytest.raises(TypeError, match="questions must be several strings"):
        reader.predict("?", [["甲"]])
    with pytest.raises(TypeError, match="list of passages, got a string"):
        reader.predict(["?"], ["甲"])
    with pytest.raises(ValueError, match="combine must be one of"):
        reader.predict(["?"], [["甲"]], combine="mean")
    with pytest.raises(ValueError, match="max_answer must be at least 1"):
        reader.predict(["?"], [["甲"]], max_answer=0)
