"""Word vectors as a Keras layer: which row is whose, and what training changes."""

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

from textzero.errors import InputError
from textzero.models.embedding import to_embedding
from textzero.models.encoding import Encoder
from textzero.tokens import Tokenizer
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

WORDS = ["the", "cat", "dog", "Paris", "paris"]


def vectors_of(words=WORDS, dim=3):
    rows = np.random.default_rng(1).normal(size=(len(words), dim)).astype(np.float32)
    return WordVectors(Vocabulary(words, np.arange(len(words), 0, -1)), rows)


VECTORS = vectors_of()


def weights(layer):
    (matrix,) = layer.get_weights()
    assert matrix.dtype == np.float32
    return matrix


def test_word_i_of_the_vocabulary_has_row_i_plus_two():
    vocabulary = ["dog", "bird", "Cat", "Paris", "PARIS"]
    layer = to_embedding(VECTORS, vocabulary)
    matrix = weights(layer)
    assert matrix.shape == (7, 3)
    assert not matrix[[0, 1, 3]].any(), "padding, unknown, and a word without a vector"
    for row, word in ((2, "dog"), (4, "cat"), (5, "Paris"), (6, "paris")):
        assert (matrix[row] == VECTORS[word]).all(), word
    assert layer.words_without_vector == ("bird",)


def test_without_a_vocabulary_all_words_have_their_rows():
    layer = to_embedding(VECTORS)
    assert (weights(layer)[2:] == VECTORS.vectors).all()
    assert not weights(layer)[:2].any()
    assert layer.words_without_vector == ()


@pytest.mark.parametrize("kind", ["TextVectorization", "StringLookup"])
def test_ids_of_keras_lookups_fall_on_their_words(kind):
    if kind == "TextVectorization":
        lookup = keras.layers.TextVectorization(standardize=None, output_sequence_length=4)
        lookup.adapt(["the cat dog dog the the"])
        ids = np.asarray(lookup(["cat dog lion"]))
    else:
        lookup = keras.layers.StringLookup(mask_token="")
        lookup.adapt(["the", "cat", "dog", "dog", "the", "the"])
        ids = np.asarray(lookup([["cat", "dog", "lion", ""]]))
    layer = to_embedding(VECTORS, lookup.get_vocabulary(include_special_tokens=False))
    out = np.asarray(layer(ids))[0]
    assert (out[0] == VECTORS["cat"]).all() and (out[1] == VECTORS["dog"]).all()
    assert not out[2:].any()
    with pytest.raises(ValueError, match="leave out the special tokens"):
        to_embedding(VECTORS, lookup.get_vocabulary())


def test_ids_of_an_encoder_fall_on_their_words():
    vectors = vectors_of()
    vectors.tokenizer = Tokenizer("word")
    encoded = Encoder.make([], [vectors], unit="word").encode("The dog, a cat")
    out = np.asarray(to_embedding(vectors)(encoded.inputs["tokens"][None]))[0]
    assert (out[[0, 1, 3]] == [vectors[w] for w in ("the", "dog", "cat")]).all()
    assert not out[2].any()


@pytest.mark.parametrize("trainable", [False, True])
def test_training_changes_the_vectors_only_when_asked(trainable):
    layer = VECTORS.to_embedding(["cat", "dog"], trainable)
    assert layer.trainable is trainable
    assert len(layer.trainable_weights) == trainable
    before = weights(layer).copy()
    model = keras.Sequential([layer, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.array([[2, 3, 0], [3, 3, 2]], np.int32)
    model.fit(x, np.array([[5.0], [-5.0]]), epochs=2, verbose=0)
    assert (weights(layer) != before).any() == trainable
    copy = keras.layers.Embedding.from_config(layer.get_config())
    assert copy.trainable is trainable


@pytest.mark.parametrize("mask_zero", [False, True])
def test_padding_is_masked_when_asked(mask_zero):
    layer = to_embedding(VECTORS, ["cat"], mask_zero=mask_zero)
    mask = layer.compute_mask(np.array([[2, 1, 0]], np.int32))
    assert (mask is not None) == mask_zero
    if mask_zero:
        assert np.asarray(mask).tolist() == [[True, True, False]]
    model = keras.Sequential([layer, keras.layers.GlobalAveragePooling1D()])
    short, long = (np.asarray(model(np.array([x], np.int32))) for x in ([2], [2, 0, 0]))
    assert np.allclose(short, long) == mask_zero


def test_the_unknown_row_can_be_the_mean():
    matrix = weights(to_embedding(VECTORS, ["cat", "bird", "dog"], unknown="mean"))
    assert np.allclose(matrix[1], (VECTORS["cat"] + VECTORS["dog"]) / 2)
    assert not matrix[0].any() and not matrix[3].any()


def test_words_without_a_vector_can_be_random_of_the_vectors_size():
    vectors = vectors_of(["a", "b"], dim=200)
    vectors.vectors *= 0.05
    settings = {"vocabulary": ["a", "x", "b", "y"], "missing": "random"}
    one, same, other = (weights(to_embedding(vectors, **settings, seed=seed)) for seed in (1, 1, 2))
    assert (one == same).all() and (one[[3, 5]] != other[[3, 5]]).all()
    assert not one[:2].any() and (one[[2, 4]] == vectors.vectors).all()
    size = np.sqrt(np.mean(vectors.vectors**2))
    assert np.allclose(np.sqrt(np.mean(one[[3, 5]] ** 2, axis=1)), size, rtol=0.3)  # 6 sigma


def test_a_model_with_the_layer_is_saved_with_its_rows(tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), VECTORS.to_embedding(name="w")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    layer = loaded.get_layer("w")
    assert (weights(layer) == weights(model.get_layer("w"))).all()
    assert layer.mask_zero and not layer.trainable


def test_float32_stays_under_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        layer = to_embedding(VECTORS)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert (weights(layer)[2:] == VECTORS.vectors).all()
    assert layer(np.array([[2]], np.int32)).dtype == "bfloat16"


@pytest.mark.parametrize(
    "vocabulary, message",
    [
        ("cat", "got a str"),
        ({"cat": 1, "dog": 2}, "got a dict"),
        (["", "[UNK]", "cat"], "got '' at 0"),
        (["cat", 3], "got 3 at 1"),
        (["cat", "dog", "cat"], "got 'cat' again at 2"),
    ],
)
def test_a_vocabulary_that_would_shift_rows_is_refused(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        to_embedding(VECTORS, vocabulary)


def test_wrong_options_and_broken_vectors_are_refused():
    with pytest.raises(ValueError, match="unknown must be one of zeros, mean, got 'ones'"):
        to_embedding(VECTORS, unknown="ones")
    with pytest.raises(ValueError, match="missing must be one of zeros, random, got 'ones'"):
        to_embedding(VECTORS, missing="ones")
    broken = vectors_of()
    broken.vectors[1, 0] = np.nan
    with pytest.raises(InputError, match="the vector of 'cat' must be finite"):
        to_embedding(broken)
    to_embedding(broken, ["dog"])
