# ruff: noqa: E402 (what needs Keras is imported where Keras is there)
"""Taggers: what they find, where it is in the raw text, what is refused; heads and encoders."""

import dataclasses
from itertools import product

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from hypothesis import given
from hypothesis import strategies as st

from textzero.errors import InputError
from textzero.models import FitOptions, Tagger, TaggerSettings
from textzero.models.conll import read_conll, read_words, tagged_sentences
from textzero.models.encoding import Encoder
from textzero.models.entities import Chain, continuations, span_probabilities
from textzero.models.pieces import cut_pieces, cut_quality, word_spans
from textzero.models.settings import CRF_RATES
from textzero.models.tags import allowed_tags, scheme_tags, tags_to_spans

SMALL = TaggerSettings(
    dim=16, units=16, dilations=(1, 2), dropout=0.0, gate_dropout=0.0, min_count=1
)
QUICK = FitOptions(
    epochs=20, batch_size=8, learning_rate=0.03, ema=None, warmup=0.1, patience=None, compile=False
)
NAMES = [
    ("张三在北京。", ["B-PER", "E-PER", "O", "B-LOC", "E-LOC", "O"]),
    ("李四去上海市", ["B-PER", "E-PER", "O", "B-LOC", "M-LOC", "E-LOC"]),
    ("🙂他来！", ["O", "S-PER", "O", "O"]),
]


FACTS = {"scheme": "bio", "types": ["PER"], "outside": True, "characters": True, "joiner": ""}


@pytest.fixture(scope="module")
def names():
    """A tagger that knows the names by heart."""
    return Tagger.train(NAMES * 8, NAMES, settings=SMALL, options=QUICK)


def test_entities_stand_where_they_say_in_the_raw_text(names):
    texts = ["  张三 在\t北京\n", "", "   ", "李四去上海市", "🙂他来！"]
    found = names.predict(texts)
    for text, entities in zip(texts, found, strict=True):
        for entity in entities:
            assert text[entity.start : entity.end] == entity.text
    assert [(e.start, e.end, e.type) for e in found[0]] == [(2, 4, "PER"), (7, 9, "LOC")]
    assert found[1] == found[2] == []
    assert [e.text for e in found[3]] == ["李四", "上海市"]
    assert (found[4][0].start, found[4][0].text) == (1, "他")


def test_entities_of_a_crf_have_a_probability(names):
    scores = [entity.score for entity in names.predict(["张三在北京"])[0]]
    assert all(0.5 < score <= 1.0 for score in scores)


def test_evaluation_of_what_is_known_by_heart_is_perfect(names):
    figures = names.evaluate(NAMES)
    assert figures["f1"] == figures["accuracy"] == figures["f1 LOC"] == 1.0


def test_evaluation_takes_gold_of_another_scheme(names):
    gold = tagged_sentences(NAMES).converted("bio")
    assert names.evaluate(gold)["accuracy"] == 1.0


def test_a_saved_model_says_the_same(names, tmp_path):
    names.save(tmp_path / "model")
    loaded = Tagger.load(tmp_path / "model")
    texts = ["张三在上海", "李四来"]
    assert loaded.predict(texts) == names.predict(texts)
    assert loaded.tags == names.tags


def test_sentences_without_tokens_are_no_examples_and_score_nothing(names):
    data = [([], []), *NAMES, ([], [])]
    assert len(names.examples(data)) == len(NAMES)
    assert names.evaluate(data)["f1"] == 1.0
    assert names.predict_tags([[], ["他"]])[0] == []


def test_a_label_that_the_model_does_not_know_is_refused_with_its_place(names, tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("他 S-PER\n东 S-GPE\n", "utf-8")
    with pytest.raises(InputError, match=r"other\.txt:2: expected one of the known types \(LOC"):
        names.evaluate(path)
    with pytest.raises(
        InputError,
        match=r"^sentence 1, token 1: .* must be of a scheme like the model's, bmes; got",
    ):
        names.evaluate([(["他"], ["PN"])])


def test_segment_is_for_models_of_segmented_text(names):
    with pytest.raises(ValueError, match="segment needs a model of segmented text"):
        names.segment(["他"])


def test_a_single_text_is_one_text(names):
    assert names.predict("张三在北京。") == names.predict(["张三在北京。"])
    facts = FACTS | {"scheme": "bmes", "types": [""], "outside": False}
    settings = TaggerSettings(dim=4, units=4, dilations=(1,))
    model = Tagger.make(Encoder.make(["他来"]), settings, facts, 0)
    assert model.segment("他来") == model.segment(["他来"])


def test_training_needs_a_sentence():
    with pytest.raises(InputError, match="at least one sentence with tags"):
        Tagger.train([([], [])])


def test_training_needs_a_span_and_validation_too():
    with pytest.raises(InputError, match="a tag besides O to train on, got 2 sentences without"):
        Tagger.train([("ab", ["O", "O"]), ("c", ["O"])], settings=SMALL)
    with pytest.raises(InputError, match="validation must hold a tag besides O, got none in 1 s"):
        Tagger.train(NAMES, [([], [])], settings=SMALL)
    with pytest.raises(InputError, match="validation must hold a tag besides O, got none in 1 s"):
        Tagger.train(NAMES, [("他", ["O"])], settings=SMALL)


def test_labelled_data_may_come_from_a_generator(names):
    assert names.evaluate(pair for pair in NAMES) == names.evaluate(NAMES)
    assert len(names.examples(pair for pair in NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("types", "scheme", "line"),
    [([""], "bmes", "他 O"), (["NN", "VV"], "none", "他 O"), (["NN", "VV"], "none", "他 XX")],
)
def test_a_tag_that_the_model_does_not_have_is_refused_with_its_place(
    tmp_path, types, scheme, line
):
    facts = FACTS | {"scheme": scheme, "types": types, "outside": False}
    settings = TaggerSettings(dim=4, units=4, dilations=(1,))
    model = Tagger.make(Encoder.make(["他来"]), settings, facts, 0)
    path = tmp_path / "other.txt"
    known = {"bmes": "来 S", "none": "来 VV"}[scheme]
    path.write_text(f"{known}\n{line}\n", "utf-8")
    sentence = rf"other\.txt:2: expected one of .*, got '{line[2:]}'"
    for data in (path, [path], read_conll(path, scheme=scheme)):
        for read in (model.examples, model.evaluate):
            with pytest.raises(InputError, match=sentence):
                read(data)


@pytest.fixture
def options_of_fits(monkeypatch):
    """Models are made and not fitted; the options that they would have been fitted with."""
    seen = []

    def fit(*arguments):
        seen.append(arguments[3])  # self, data, validation, options, ...

    monkeypatch.setattr(Tagger, "fit", fit)
    return seen


@pytest.mark.usefixtures("options_of_fits")
def test_iob1_is_learned_as_bio_and_repairs_are_told():
    said = []
    data = [(["a", "b", "c"], ["I-X", "B-X", "O"])]
    assert Tagger.train(data, settings=SMALL).scheme == "bio"
    data = [(["a", "b"], ["O", "I-X"]), (["a"], ["B-X"])]
    Tagger.train(data, settings=SMALL, say=said.append)
    assert said == ["1 tag against the scheme, read as conlleval does"]


def test_the_scores_of_a_crf_learn_ten_times_as_fast_unless_told_otherwise(options_of_fits):
    model = Tagger.train(NAMES, settings=SMALL)
    Tagger.train(NAMES, settings=SMALL, options=FitOptions(rates={".*": 2.0}))
    Tagger.train(NAMES, settings=TaggerSettings(head="softmax", dim=8, units=8, min_count=1))
    assert [dict(options.rates) for options in options_of_fits] == [
        CRF_RATES,
        {".*": 2.0},
        {},
    ]
    fast, slow = keras.optimizers.Adam(), keras.optimizers.SGD()
    chosen = keras.optimizers.OptimizerMap(slow, dict.fromkeys(CRF_RATES, fast))
    names = [v.name for v in model.trainer.trainable_variables if chosen(v) is fast]
    assert sorted(names) == ["end", "start", "transitions"]


# --- heads and encoders -----------------------------------------------------------------------


@pytest.mark.parametrize("head", ["crf", "softmax", "memm", "bimemm"])
def test_empty_rows_have_no_loss_and_padding_changes_none(head):
    settings = TaggerSettings(head=head, dim=8, units=8, dilations=(1, 2), min_count=1)
    encoder = Encoder.make(["张三在北京"])
    facts = {
        "scheme": "bio", "types": ["PER"], "outside": True, "characters": True, "joiner": "",
    }  # fmt: skip
    model = Tagger.make(encoder, settings, facts, 0)
    example = model.examples([("张三在", ["B-PER", "I-PER", "O"])])
    short = model.training_batch(example, 3, np.random.default_rng(0))
    long = model.training_batch(example * 2, 16, np.random.default_rng(0))
    for array in long.values():
        array[1] = 0
    losses = [np.asarray(model.trainer.predict_on_batch(batch)) for batch in (short, long)]
    assert losses[1][1] == 0.0
    assert losses[0][0] > 0.1
    assert losses[1][0] == pytest.approx(losses[0][0], rel=1e-5)


@pytest.mark.parametrize("head", ["crf", "memm"])
def test_a_chain_never_breaks_the_scheme(head):
    settings = TaggerSettings(head=head, dim=8, units=8, dilations=(1,), min_count=1)
    facts = {
        "scheme": "bioes", "types": ["A", "B"], "outside": True, "characters": True, "joiner": "",
    }  # fmt: skip
    letters = "abcdefgh"
    model = Tagger.make(Encoder.make([letters]), settings, facts, 3)
    generator = np.random.default_rng(0)
    model.network.get_layer("emissions").kernel.assign(generator.normal(0, 30, (8, 9)))
    rows = [list(generator.choice(list(letters), 12)) for _ in range(20)]
    transitions, start, end = allowed_tags(model.tags, "bioes")
    for tags in model.predict_tags(rows):
        ids = [model.tags.index(tag) for tag in tags]
        assert start[ids[0]] and end[ids[-1]]
        assert transitions[ids[:-1], ids[1:]].all()


# --- words, labels, segmentation --------------------------------------------------------------


def small(**changes):
    return dataclasses.replace(SMALL, **changes)


def test_a_bilstm_with_softmax_learns_parts_of_speech_and_finds_words_in_raw_text():
    data = [
        ("the cat sat .".split(), ["DT", "NN", "VBD", "."]),
        ("a dog ran .".split(), ["DT", "NN", "VBD", "."]),
    ]
    settings = small(encoder="bilstm", head="softmax")
    model = Tagger.train(data * 8, settings=settings, options=QUICK)
    assert model.facts["joiner"] == " "
    assert model.predict_tags([["the", "dog"]]) == [["DT", "NN"]]
    text = " the\n dog."
    found = [(e.start, e.text, e.type, e.score) for e in model.predict([text])[0]]
    assert found == [(1, "the", "DT", None), (6, "dog", "NN", None), (9, ".", ".", None)]
    figures = model.evaluate(data)
    assert figures["accuracy"] == figures["f1"] == 1.0


def test_a_bimemm_learns_to_cut_words_as_in_the_training_text(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("我们 爱 北京\n北京 爱 我们\n爱 大学生\n" * 4, "utf-8")
    model = Tagger.train(read_words(path), settings=small(head="bimemm"), options=QUICK)
    assert "O" not in model.tags
    found = model.segment(["我们爱大学生", "", "北京 爱"])
    assert found == [["我们", "爱", "大学生"], [], ["北京", "爱"]]


@pytest.mark.usefixtures("options_of_fits")
def test_chinese_words_without_a_lexicon_are_not_guessed():
    data = [(["我们", "爱", "北京"], ["PN", "VV", "NR"])] * 4
    model = Tagger.train(data, settings=SMALL)
    with pytest.raises(ValueError, match="no lexicon to cut text into them"):
        model.predict(["我们爱北京"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mr. O'Neill's e-mail: 1,234.5%", ["Mr", ".", "O'Neill's", "e-mail", ":", "1,234.5", "%"]),
        ("", []),
        ("\u3000\n", []),
    ],
)
def test_words_of_raw_text_are_told_by_a_rule(text, words):
    spans = word_spans([text], " ", ())[0]
    assert [text[start:end] for start, end in spans] == words


# --- long texts ---------------------------------------------------------------------------------


def test_a_long_text_is_cut_at_sentence_ends_and_nothing_is_lost(names, monkeypatch):
    text = "\n".join(["张三在北京。", "李四去上海市", "🙂他来！"] * 5)
    monkeypatch.setattr(names, "settings", small(max_length=7))
    found = names.predict([text, "张三在北京。"])
    assert [e.text for e in found[0]] == ["张三", "北京", "李四", "上海市", "他"] * 5
    assert all(text[e.start : e.end] == e.text for e in found[0])
    assert [e.start for e in found[0]] == [
        start + 19 * k for k in range(5) for start in (0, 3, 7, 10, 15)
    ]
    assert [e.text for e in found[1]] == ["张三", "北京"]
    assert len(names.predict_tags([list(text.replace("\n", ""))])[0]) == len(text) - 14


def test_a_text_without_any_end_is_cut_all_the_same(names, monkeypatch):
    monkeypatch.setattr(names, "settings", small(max_length=4))
    assert len(names.predict_tags([["他"] * 11])[0]) == 11


def test_long_training_sentences_are_cut_between_spans(names, monkeypatch):
    monkeypatch.setattr(names, "settings", small(max_length=4))
    parts = names.examples([NAMES[1]])
    tags = [[names.tags[place] for place in part.labels] for part in parts]
    assert tags == [["B-PER", "E-PER", "O"], ["B-LOC", "M-LOC", "E-LOC"]]
    monkeypatch.setattr(names, "settings", small(max_length=2))  # the place is longer than a piece
    parts = names.examples([NAMES[1]])
    tags = [[names.tags[place] for place in part.labels] for part in parts]
    assert tags == [["B-PER", "E-PER"], ["O"], ["B-LOC", "E-LOC"], ["S-LOC"]]


@given(st.lists(st.integers(-1, 3), max_size=40), st.integers(1, 9))
def test_pieces_hold_every_token_once_and_are_no_longer_than_asked(quality, longest):
    pieces = cut_pieces(np.array(quality, np.int8), longest)
    assert [place for start, end in pieces for place in range(start, end)] == list(
        range(len(quality))
    )
    assert all(0 < end - start <= longest for start, end in pieces)
    for start, end in pieces[:-1]:
        assert quality[end - 1] == max(quality[start : start + longest])


def test_a_line_end_is_as_good_as_a_full_stop_and_a_comma_better_than_a_space():
    text = "a b,c\nd。e"
    tokens = ["a", "b", ",", "c", "d", "。", "e"]
    spans = np.array([[0, 1], [2, 3], [3, 4], [4, 5], [6, 7], [7, 8], [8, 9]])
    assert cut_quality(text, tokens, spans).tolist() == [1, 0, 2, 3, 0, 3, 0]


# --- probabilities of spans -----------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_the_probability_of_a_span_is_that_of_all_paths_that_have_it(scheme):
    tags = scheme_tags(["A", "B"], scheme)
    generator = np.random.default_rng(0)
    allowed = allowed_tags(tags, scheme)
    learned = [generator.normal(0, 1, mask.shape) for mask in allowed]
    scores = [np.where(mask, table, -1e4) for mask, table in zip(allowed, learned, strict=True)]
    chain = Chain(*scores, carries_on=continuations(tags, scheme))
    texts = [generator.normal(0, 2, (length, len(tags))) for length in (4, 1, 3)]
    best, spans, expected = [], [], []
    for emissions in texts:
        length = len(emissions)
        paths = {}
        for path in product(range(len(tags)), repeat=length):
            ids = list(path)
            score = chain.start[ids[0]] + emissions[range(length), ids].sum() + chain.end[ids[-1]]
            paths[path] = np.exp(score + chain.transitions[ids[:-1], ids[1:]].sum())
        likely = max((p for p in paths if any(p)), key=lambda p: paths[p])
        found = tags_to_spans([tags[i] for i in likely])
        total = sum(paths.values())
        expected.append(
            [
                sum(w for p, w in paths.items() if span in tags_to_spans([tags[i] for i in p]))
                / total
                for span in found
            ]
        )
        best.append(np.array(likely))
        spans.append(found)
    given_back = span_probabilities(texts, best, spans, chain)
    assert [len(row) for row in given_back] == [len(row) for row in expected]
    for row, wanted in zip(given_back, expected, strict=True):
        np.testing.assert_allclose(row, wanted, rtol=1e-9)


def test_texts_without_spans_have_no_probabilities():
    chain = Chain(np.zeros((2, 2)), np.zeros(2), np.zeros(2), np.zeros((2, 2), bool))
    empty = [np.zeros((0, 2)), np.zeros((3, 2))]
    assert span_probabilities(empty, [np.zeros(0), np.zeros(3)], [[], []], chain) == [[], []]
