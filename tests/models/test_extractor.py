"""The extractor: labels, the drawn subject, windows, masks, sizes, and what it learns."""

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.errors import InputError  # noqa: E402
from textzero.models import extraction_parts, extractor  # noqa: E402
from textzero.models.encoding import Encoder  # noqa: E402
from textzero.models.extraction_network import (  # noqa: E402
    bilstm_parameters,
    bilstm_units,
    encoder_parameters,
)
from textzero.models.extraction_parts import draw_subject, marks, windows  # noqa: E402
from textzero.models.extractor import Extractor  # noqa: E402
from textzero.models.layers import (  # noqa: E402
    PositionEmbedding,
    RelativePositions,
    SpanVectors,
)
from textzero.models.prior import KnownFacts  # noqa: E402
from textzero.models.settings import EXTRACTOR_FIT, ExtractorSettings  # noqa: E402
from textzero.models.text_model import load_model  # noqa: E402
from textzero.models.triples import Fact, TripleTexts  # noqa: E402

POETS = ["李白", "杜甫", "王维", "苏轼", "陆游", "白居易"]
POEMS = ["春望", "静夜思", "鹿柴", "赤壁赋", "示儿", "长恨歌"]
FILLER = "。𠀀" * 6
TINY = ExtractorSettings(dim=16, dilations=(1, 2), max_length=24, min_count=1, dropout=0.0)
REPEATED = ("李白写了春望，李白爱春望", [("春望", "作者", "李白")])
SUNG = ("李白唱春望", [("春望", "歌手", "李白")])


def pairs(count, seed):
    """Sentences of three kinds: a poem has an author, a poem has a singer, nothing is said."""
    draw, found = np.random.default_rng(seed), []
    for _ in range(count):
        poet, poem = str(draw.choice(POETS)), str(draw.choice(POEMS))
        text, facts = [
            (f"《{poem}》是{poet}写的诗", [(poem, "作者", poet)]),
            (f"{poet}唱了{poem}，{poet}很好", [(poem, "歌手", poet)]),
            (f"今天{poet}没有来", []),
        ][draw.integers(3)]
        found.append((FILLER[draw.integers(12) :] + text + FILLER[: draw.integers(4)], facts))
    return found


def made(data, settings=TINY):
    """An untrained model that knows the characters and predicates of some data."""
    data = TripleTexts.from_pairs(data)
    facts = {"predicates": list(data.predicates)}
    if settings.prior:
        facts["known"] = KnownFacts.from_texts(data).rows()
    return Extractor.make(Encoder.make(data.texts), settings, facts, 0)


@cache
def repeated(**changes):
    """An untrained model of REPEATED, with a prior of SUNG too; tests do not change it."""
    data = [REPEATED, SUNG] if changes.get("prior") else [REPEATED]
    return made(data, replace(TINY, **changes))


@pytest.fixture(scope="module")
def trained():
    options = replace(EXTRACTOR_FIT, epochs=30, batch_size=16, learning_rate=1e-2, ema=0.9)
    return Extractor.train(pairs(160, 0), settings=TINY, options=options)


def close(one, other):
    """Equal triples, but for the last digits of the scores."""
    strip = [[t[:7] for t in triples] for triples in one]
    assert strip == [[t[:7] for t in triples] for triples in other]
    scores = ([t.score for triples in found for t in triples] for found in (one, other))
    np.testing.assert_allclose(*scores, rtol=1e-4)  # sums in float32, in another order


# --- what is learned and found -------------------------------------------------------------------


def test_it_learns_who_wrote_and_who_sang(trained):
    figures = trained.evaluate(pairs(40, 2))
    assert set(figures) == {"precision", "recall", "f1"}
    assert figures["f1"] > 0.9
    assert trained.manifest["triples_without_a_place"] == 0


def test_offsets_point_into_the_raw_text(trained):
    text = "  𠀀。 《 鹿 柴》是 王维写的诗"
    (found,) = trained.predict([text])
    (triple,) = found
    assert text[triple.subject_start : triple.subject_end] == triple.subject == "鹿 柴"
    assert text[triple.object_start : triple.object_end] == triple.object == "王维"
    assert triple.fact == Fact("鹿 柴", "作者", "王维")
    assert 0 < triple.score <= 1


def test_texts_without_a_token_have_no_triples(trained):
    assert trained.predict([]) == []
    assert trained.predict(["", " \n"]) == [[], []]


def test_one_string_is_refused(trained):
    with pytest.raises(TypeError, match=r"texts must be several strings, got '《.*; put it in"):
        trained.predict("《鹿柴》是王维写的诗")


def test_neighbours_in_a_batch_change_nothing(trained):
    texts = [text for text, _ in pairs(12, 3)]
    long = "今天没有来" * 4
    alone = [trained.predict([text])[0] for text in texts]
    close(trained.predict([long, *texts, ""], batch_size=5)[1:-1], alone)


def test_a_triple_is_told_once_with_its_best_score(trained):
    text = "《鹿柴》是王维写的诗《鹿柴》"
    facts = [triple.fact for triple in trained.predict([text])[0]]
    assert len(facts) == len(set(facts))


def test_a_long_text_is_read_to_its_end(trained):
    size = TINY.max_length
    for before in range(0, 3 * size, 7):
        text = "。" * before + "《长恨歌》是白居易写的诗" + "。" * 2 * size
        facts = {triple.fact: triple for triple in trained.predict([text])[0]}
        assert facts[Fact("长恨歌", "作者", "白居易")].subject_start == before + 1


def test_a_folder_holds_the_whole_model(trained, tmp_path):
    trained.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    texts = [text for text, _ in pairs(12, 4)]
    assert again.predicates == trained.predicates
    close(again.predict(texts), trained.predict(texts))


def test_untrained_predicates_and_facts_outside_the_text_count_as_missed(trained):
    text = "《鹿柴》是王维写的诗"
    (found,) = trained.predict([text])
    facts = [triple.fact for triple in found]
    whole = trained.evaluate([(text, facts)])
    less = trained.evaluate([(text, [*facts, ("鹿柴", "朝代", "唐"), ("鹿柴", "作者", "不在")])])
    assert whole["recall"] == 1
    assert less["recall"] == pytest.approx(len(facts) / (len(facts) + 2))


def test_data_without_triples_are_refused():
    with pytest.raises(InputError, match="at least one triple to learn from"):
        Extractor.train([("春望", [])])
    with pytest.raises(InputError, match="validation must hold at least one triple"):
        Extractor.train([REPEATED], [("春望", [])])


def test_a_validation_may_be_an_iterator(monkeypatch):
    seen = []
    monkeypatch.setattr(Extractor, "fit", lambda _, __, data, *___: seen.extend([len(data)] * 2))
    Extractor.train([REPEATED], iter([REPEATED]), settings=TINY)
    assert seen == [1, 1]


@pytest.mark.parametrize("predicates", [[], "作者", ["作者", "作者"], [1], None])
def test_a_folder_with_wrong_predicates_is_refused(tmp_path, predicates):
    repeated().save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["facts"]["predicates"] = predicates
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match=r"config\.json does not describe an? Extractor: predic"):
        Extractor.load(tmp_path / "model")


def test_facts_that_no_text_holds_are_told_before_training(monkeypatch):
    said, trained_on = [], []
    monkeypatch.setattr(Extractor, "fit", lambda _, data, *__: trained_on.extend(data))
    data = [REPEATED, ("春望", [("春望", "作者", "杜甫")])]
    Extractor.train(data, settings=TINY, say=said.append)
    assert [line[:16] for line in said] == ["1 of 2 triples c"]
    assert len(trained_on) == 2


# --- labels ---------------------------------------------------------------------------------------


def test_every_occurrence_of_subject_and_object_is_a_label():
    model = repeated()
    (example,) = model.examples([REPEATED])
    people = [(0, 2, 0), (7, 9, 0)]
    assert example.objects == {(4, 6): people, (10, 12): people}
    batch = model.training_batch([example], 16, np.random.default_rng(0))
    assert np.flatnonzero(batch["subject_labels"][0, :, 0, 0]).tolist() == [4, 10]
    assert np.flatnonzero(batch["subject_labels"][0, :, 0, 1]).tolist() == [5, 11]


def test_labels_stand_at_tokens_where_the_text_has_spaces():
    model = made([("李 白 写了 春望", [("春望", "作者", "李 白")])])
    (example,) = model.examples([("李 白 写了 春望", [("春望", "作者", "李 白")])])
    assert example.objects == {(4, 6): [(0, 2, 0)]}


def test_the_drawn_subject_is_sometimes_none_and_then_has_no_objects():
    model = repeated()
    (example,) = model.examples([REPEATED])
    drawn = {draw_subject(example, np.random.default_rng(seed)) for seed in range(50)}
    assert drawn == {(4, 6), (10, 12), (4, 12)}
    for seed in range(20):
        batch = model.training_batch([example], 16, np.random.default_rng(seed))
        first, last = batch["subject"][0]
        starts = np.flatnonzero(batch["object_labels"][0, :, 0, 0]).tolist()
        assert starts == ([] if (first, last) == (4, 11) else [0, 7])


def test_a_text_without_triples_is_learned_as_such():
    model = made([REPEATED, ("没有", [])])
    (example,) = model.examples([("没有", [])])
    assert all(
        0 <= start < end <= 2
        for start, end in (draw_subject(example, np.random.default_rng(s)) for s in range(30))
    )
    batch = model.training_batch([example], 16, np.random.default_rng(0))
    assert not batch["subject_labels"].any() and not batch["object_labels"].any()


def test_a_row_of_padding_has_no_loss_and_changes_no_other():
    model = repeated()
    batch = model.training_batch(model.examples([REPEATED]), 16, np.random.default_rng(0))
    wider = {name: np.concatenate([array, np.zeros_like(array)]) for name, array in batch.items()}
    alone, both = model.trainer.predict_on_batch(batch), model.trainer.predict_on_batch(wider)
    assert both[1] == 0
    assert both[0] == pytest.approx(alone[0], rel=1e-5) and alone[0] > 0


def test_marks_are_starts_and_ends_of_a_type():
    found = marks([(1, 3, 1), (0, 1, 0)], 4, 2)
    assert np.argwhere(found).tolist() == [[0, 0, 0], [0, 0, 1], [1, 1, 0], [2, 1, 1]]
    assert marks([], 4, 2).shape == (4, 2, 2)


# --- long texts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "size"), [(0, 4), (4, 4), (5, 4), (100, 16), (33, 32)])
def test_windows_cover_a_text_and_overlap(tokens, size):
    found = windows(tokens, size)
    assert found[0][0] == 0 and found[-1][1] == tokens
    assert all(stop - start <= size for start, stop in found)
    assert all(b[0] <= a[0] + size // 2 for a, b in pairwise(found))


def test_a_span_at_an_edge_behind_which_the_text_goes_on_may_be_a_piece():
    model = made([("春" * 60, [("春", "作者", "春")])])
    first, *_, last = model._parts(["春" * 60])
    assert not first.is_cut(0, 2) and first.is_cut(22, 24)
    assert last.is_cut(0, 2) and not last.is_cut(22, 24)


def test_a_fact_of_a_long_training_text_is_learned_in_each_window_that_holds_it():
    text = "。" * 20 + "春望杜甫" + "。" * 40
    fact = [("春望", "作者", "杜甫")]
    model = made([(text, fact)])
    placed = [(e.part.spans[0, 0], e.objects) for e in model.examples([(text, fact)])]
    assert placed[0] == (0, {(20, 22): [(22, 24, 0)]})
    assert placed[1] == (12, {(8, 10): [(10, 12, 0)]})
    assert not any(objects for _, objects in placed[2:])


def test_parts_of_a_long_text_share_what_was_looked_for(monkeypatch):
    asked, find = [], extraction_parts.occurrences
    monkeypatch.setattr(
        extraction_parts, "occurrences", lambda *args: asked.append(args) or find(*args)
    )
    text = "。" * 500 + "春望杜甫"
    parts = [*repeated()._parts([text])]
    found = [part.tokens_of("杜甫") for part in parts]
    assert len(parts) == 41 and found[-1] == [(22, 24)] and not any(found[:-1])
    assert asked == [(text, "杜甫")]


def test_more_parts_than_are_held_at_once_change_nothing(trained, monkeypatch):
    text = "。" * 40 + "《长恨歌》是白居易写的诗" + "。" * 40
    texts = [text, "", "《鹿柴》是王维写的诗"]
    whole = trained.predict(texts)
    asked, run = [], trained.run

    def watched(inputs, batch_size):
        asked.append(len(inputs))
        return run(inputs, batch_size)

    monkeypatch.setattr(trained, "run", watched)
    monkeypatch.setattr(extractor, "_CHUNK", 2)
    close(trained.predict(texts), whole)
    assert whole[0] and whole[2] and max(asked) == 2 and sum(asked) == 8


def test_facts_too_far_apart_for_one_window_are_counted():
    text = "春望" + "。" * 60 + "杜甫"
    model = made([(text, [("春望", "作者", "杜甫")])])
    model.examples([(text, [("春望", "作者", "杜甫")])])
    assert model.manifest["triples_without_a_place"] == 1


# --- the prior ------------------------------------------------------------------------------------


def test_known_facts_are_marked_but_not_a_training_texts_own():
    model = repeated(prior=True)
    learning, _ = model.examples([REPEATED, SUNG])
    assert learning.part.known == (Fact("春望", "歌手", "李白"),)  # said by the other text
    assert np.flatnonzero(learning.part.inputs["known_subjects"][:, 0]).tolist() == [4, 10]
    (new,) = model._parts([REPEATED[0]])
    assert len(new.known) == 2
    assert not model.examples([REPEATED])[0].part.inputs["tokens"].shape == (0,)


def test_known_objects_are_those_of_the_drawn_subject():
    model = repeated(prior=True)
    (part,) = model._parts([REPEATED[0]])
    found = model._known_objects(part, (4, 6)).reshape(-1, 2, 2)
    singer, author = model.predicates.index("歌手"), model.predicates.index("作者")
    for predicate in (singer, author):
        assert np.flatnonzero(found[:, predicate, 0]).tolist() == [0, 7]
        assert np.flatnonzero(found[:, predicate, 1]).tolist() == [1, 8]
    assert not model._known_objects(part, (0, 2)).any()


def test_a_model_with_a_prior_learns_predicts_and_survives_its_folder(tmp_path):
    data = [REPEATED, SUNG]
    model = made(data, replace(TINY, prior=True, start_threshold=0.0, end_threshold=0.0))
    batch = model.training_batch(model.examples(data), 16, np.random.default_rng(0))
    assert (model.trainer.predict_on_batch(batch) > 0).all()
    found = model.predict([REPEATED[0]])
    assert found[0]
    model.save(tmp_path / "model")
    close(load_model(tmp_path / "model").predict([REPEATED[0]]), found)


def test_the_prior_reaches_subjects_and_objects():
    data = [REPEATED, SUNG]
    model = repeated(prior=True)
    batch = model.training_batch(model.examples(data), 16, np.random.default_rng(0))
    loss = model.trainer.predict_on_batch(batch)
    for name in ("known_subjects", "known_objects"):
        without = {**batch, name: np.zeros_like(batch[name])}
        assert (model.trainer.predict_on_batch(without) != loss).any()


# --- the network ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [ExtractorSettings(), ExtractorSettings(dim=64, dilations=(1, 2))]
)
def test_the_bilstm_is_as_large_as_the_convolutions(settings):
    wanted = encoder_parameters(settings)
    found = bilstm_parameters(bilstm_units(settings), settings.dim)
    assert abs(found - wanted) < 0.05 * wanted


def test_both_sizes_are_those_of_the_networks():
    sizes = []
    for encoder in ("dgcnn", "bilstm"):
        weights = repeated(encoder=encoder).trainer.trainable_weights
        sizes.append(sum(int(np.prod(v.shape)) for v in weights))
    formula = bilstm_parameters(bilstm_units(TINY), TINY.dim) - encoder_parameters(TINY)
    assert sizes[1] - sizes[0] == formula


def test_a_bilstm_does_not_see_padding():
    model = repeated(encoder="bilstm")
    tokens = np.array([[2, 3, 4, 5]], np.int32)
    wide = np.pad(tokens, ((0, 1), (0, 3)))
    states, logits = model.network.predict_on_batch({"tokens": tokens})
    padded_states, padded_logits = model.network.predict_on_batch({"tokens": wide})
    np.testing.assert_allclose(padded_states[:1, :4], states, atol=1e-6)
    np.testing.assert_allclose(padded_logits[:1, :4], logits, atol=1e-6)
    assert not padded_states[:, 4:].any()


def test_objects_do_not_see_padding():
    model = repeated()
    inputs = {
        "tokens": np.array([[2, 3, 4, 5]], np.int32),
        "states": np.random.default_rng(0).normal(size=(1, 4, TINY.dim)).astype(np.float32),
        "subject": np.array([[1, 2]], np.int32),
    }
    logits = model.object_network.predict_on_batch(inputs)
    for name in ("tokens", "states"):
        inputs[name] = np.pad(inputs[name], ((0, 0), (0, 3), (0, 0))[: inputs[name].ndim])
    wide = model.object_network.predict_on_batch(inputs)
    np.testing.assert_allclose(wide[:, :4], logits, rtol=1e-5, atol=1e-6)
    assert (wide[:, 4:] < -1e6).all()


def test_span_vectors_lie_at_equal_steps_between_first_and_last():
    states = np.array([[[0.0, 0.0], [10.0, 1.0], [20.0, 4.0]]], np.float32)
    layer = SpanVectors(points=5)
    found = np.asarray(layer(states, np.array([[0, 2]]))).reshape(5, 2)
    assert found.tolist() == [[0, 0], [5, 0.5], [10, 1], [15, 2.5], [20, 4]]
    one = np.asarray(layer(states, np.array([[1, 1]]))).reshape(5, 2)
    assert one.tolist() == [[10, 1]] * 5


def test_relative_positions_tell_the_distance_to_first_and_last():
    layer = RelativePositions(dim=1, reach=2)
    states = np.zeros((1, 6, 3), np.float32)
    assert not np.asarray(layer(states, np.array([[1, 2]]))).any()
    layer.table.assign(np.array([[1], [2], [3], [4], [5], [10], [20], [30], [40], [50]]))
    found = np.asarray(layer(states, np.array([[1, 2]])))[0, :, 0]
    assert found.tolist() == [12, 23, 34, 45, 55, 55]  # -1 -2, 0 -1, 1 0, 2 1, 2 2, 2 2


def test_position_vectors_start_at_zero_and_the_last_serves_what_is_longer():
    layer = PositionEmbedding(max_length=2)
    inputs = np.ones((1, 4, 3), np.float32)
    assert np.array_equal(np.asarray(layer(inputs)), inputs)
    layer.table.assign([[1, 1, 1], [2, 2, 2]])
    assert np.asarray(layer(inputs))[0, :, 0].tolist() == [2, 3, 3, 3]


@pytest.mark.parametrize(
    "layer", [PositionEmbedding(3), SpanVectors(4), RelativePositions(5, reach=6)]
)
def test_layers_come_back_from_their_config(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
