"""Small networks with random weights, and words to feed them."""

import numpy as np
import pytest

WORDS = [f"w{k}" for k in range(48)]


def encode_words(text):
    """Words apart by spaces: id 2 and more, 1 for others; "<pad>" is 0, as padding is."""
    tokens = text.split()
    known = {word: place + 2 for place, word in enumerate(WORDS)} | {"<pad>": 0}
    return tokens, [known.get(token, 1) for token in tokens]


@pytest.fixture(scope="session")
def encode():
    return encode_words


@pytest.fixture(scope="session")
def random_texts():
    def make(count, lengths=range(30), seed=0):
        generator = np.random.default_rng(seed)
        lengths = generator.choice(list(lengths), count)
        return [" ".join(generator.choice(WORDS, length)) for length in lengths]

    return make


@pytest.fixture(scope="session")
def network():
    """Make a classifier: network(layer or list of layers, ...); weights large enough to matter."""
    import keras
    from keras import layers

    def make(recurrent, masked=True, classes=3, activation="softmax", length=None, seed=1):
        inputs = keras.Input((length,), dtype="int32")
        hidden = layers.Embedding(50, 6, mask_zero=masked)(inputs)
        for layer in recurrent if isinstance(recurrent, list) else [recurrent]:
            hidden = layer(hidden)
        model = keras.Model(inputs, layers.Dense(classes, activation=activation)(hidden))
        generator = np.random.default_rng(seed)
        for weight in model.weights:
            weight.assign(generator.normal(0, 0.7, weight.shape))
        return model

    return make


@pytest.fixture
def eager():
    """Run operation by operation: tracing a graph takes far longer than these small networks do.

    That graphs give the same is shown by the tests of state, of a Classifier and of XLA.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def result():
    """Make a Saliency of words apart by spaces, with the given values or random ones."""
    from textzero.models.saliency import Saliency
    from textzero.models.saliency.source import find_spans

    def make(text, values=None, label="good", method="logit"):
        tokens = text.split()
        if values is None:
            values = np.random.default_rng(len(tokens)).normal(size=len(tokens))
        spans = find_spans(text, tokens)
        return Saliency(text, tokens, spans, np.array(values, np.float32), label, 0.75, method)

    return make
