import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.models.layers import MixedEmbedding  # noqa: E402

# Two texts: a word of three characters and an unknown one; a word of one, then padding.
TEXTS = {
    "tokens": np.array([[2, 3, 4, 1], [5, 0, 0, 0]], np.int32),
    "words_0": np.array([[3, 3, 3, 1], [2, 0, 0, 0]], np.int32),
    "positions_0": np.array([[1, 2, 3, 5], [4, 0, 0, 0]], np.int32),
    "words_1": np.array([[2, 2, 2, 2], [4, 0, 0, 0]], np.int32),
    "positions_1": np.array([[1, 2, 2, 3], [4, 0, 0, 0]], np.int32),
}


def tables() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal(shape).astype(np.float32) for shape in ((4, 3), (5, 2))]
    for matrix in matrices:
        matrix[:2] = 0
    return matrices


def array(x) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def embedding(positions: bool = True, **settings) -> MixedEmbedding:
    layer = MixedEmbedding(6, 7, [(4, 3), (5, 2)], positions=positions, **settings)
    layer.set_tables(tables())
    return layer


def by_name(layer) -> dict[str, np.ndarray]:
    return {weight.name: array(weight.value) for weight in layer.weights}


@pytest.mark.parametrize("positions", [True, False])
def test_a_character_is_its_vector_plus_those_of_its_words_and_places(positions):
    layer = embedding(positions)
    result = array(layer(TEXTS))
    w = by_name(layer)
    for place in np.ndindex(2, 4):
        expected = w["tokens"][TEXTS["tokens"][place]].copy()
        for k, table in enumerate(tables()):
            expected += table[TEXTS[f"words_{k}"][place]] @ w[f"projection_{k}"]
            if positions:
                expected += w[f"positions_{k}"][TEXTS[f"positions_{k}"][place]]
        if not TEXTS["tokens"][place]:
            expected[:] = 0
        np.testing.assert_allclose(result[place], expected, atol=1e-6)


def test_an_unknown_word_adds_nothing():
    layer = embedding(positions=False)
    result = array(layer(TEXTS | {"words_1": np.ones((2, 4), np.int32)}))
    np.testing.assert_allclose(result[0, 3], by_name(layer)["tokens"][1], atol=1e-6)


def test_without_tables_it_is_an_embedding_with_a_mask():
    layer = MixedEmbedding(6, 7)
    result = layer({"tokens": TEXTS["tokens"]})
    np.testing.assert_array_equal(array(result)[0], by_name(layer)["tokens"][TEXTS["tokens"][0]])
    assert layer.input_names == ["tokens"]


def test_the_mask_is_true_where_there_is_a_token():
    layer = embedding()
    np.testing.assert_array_equal(array(layer.compute_mask(TEXTS)), TEXTS["tokens"] != 0)
    np.testing.assert_array_equal(array(layer(TEXTS)._keras_mask), TEXTS["tokens"] != 0)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_the_symbolic_shape_and_dtype_are_those_of_the_result(policy):
    layer = embedding(dtype=policy)
    names = layer.input_names
    symbolic = layer({name: keras.Input((None,), dtype="int32") for name in names})
    result = layer({name: TEXTS[name] for name in names})
    assert symbolic.shape == (None, None, 7)
    assert tuple(result.shape) == (2, 4, 7)
    assert keras.backend.standardize_dtype(result.dtype) == symbolic.dtype == layer.compute_dtype
    assert {w.dtype for w in layer.weights} == {"float32"}
    full = embedding()
    full.set_weights(layer.get_weights())
    np.testing.assert_allclose(array(result), array(full(TEXTS)), atol=0.02)  # float16 has 3 digits


@pytest.mark.parametrize("dtype", ["int64", "int16", "float32"])
def test_ids_of_any_number_type_are_looked_up(dtype):
    layer = embedding()
    same = layer({name: ids.astype(dtype) for name, ids in TEXTS.items()})
    np.testing.assert_array_equal(array(same), array(layer(TEXTS)))


def test_training_moves_all_but_the_tables():
    names = list(TEXTS)
    inputs = {name: keras.Input((4,), dtype="int32", name=name) for name in names}
    layer = embedding()
    model = keras.Model(inputs, layer(inputs))
    before = by_name(layer)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    model.fit(TEXTS, np.ones((2, 4, 7)), verbose=0)
    after = by_name(layer)
    moved = {name for name in before if (before[name] != after[name]).any()}
    assert moved == {
        "tokens",
        "projection_0",
        "projection_1",
        "positions_0",
        "positions_1",
    }
    assert len(layer.non_trainable_variables) == 2
    # Neither padding nor what no text holds was trained: row 0 of tokens and places, word by word.
    assert (before["tokens"][0] == after["tokens"][0]).all()
    assert (before["positions_0"][0] == after["positions_0"][0]).all()


def test_tables_and_token_vectors_can_be_set_before_and_after_the_first_call():
    layer = MixedEmbedding(6, 7, [(4, 3)])
    start = np.random.default_rng(1).standard_normal((6, 7)).astype(np.float32)
    layer.set_token_vectors(start)
    np.testing.assert_array_equal(by_name(layer)["tokens"], start)
    layer(TEXTS)
    layer.set_tables(tables()[:1])
    np.testing.assert_array_equal(by_name(layer)["table_0"], tables()[0])
    np.testing.assert_array_equal(by_name(layer)["tokens"], start)
    assert len(layer.weights) == 3


def test_the_configuration_makes_the_same_layer():
    layer = embedding(name="given")
    again = MixedEmbedding.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.vocabulary_size, again.dim, again.positions) == (6, 7, True)
    assert [tuple(shape) for shape in again.tables] == [(4, 3), (5, 2)]


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ([np.zeros((4, 3))], "needs 2 matrices, one a table, got 1"),
        ([np.zeros((4, 3)), np.zeros((2, 5))], r"table 1 must have the shape \(5, 2\), got \(2, 5"),
        ([np.zeros((4, 3)), np.ones((5, 2))], r"rows 0 \(padding\) and 1 \(unknown\) of table 1"),
        ([np.full((4, 3), np.nan), np.zeros((5, 2))], "table 0 must hold finite numbers"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_and_none_is_changed(matrices, message):
    layer = embedding()
    with pytest.raises(ValueError, match=message):
        layer.set_tables(matrices)
    np.testing.assert_array_equal(by_name(layer)["table_0"], tables()[0])


def test_token_vectors_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"must have the shape \(6, 7\), got \(7, 6\)"):
        embedding().set_token_vectors(np.zeros((7, 6)))


def test_missing_inputs_are_named():
    inputs = {name: TEXTS[name] for name in ("tokens", "words_0", "positions_0", "words_1")}
    with pytest.raises(ValueError, match="missing: positions_1"):
        embedding()(inputs)
