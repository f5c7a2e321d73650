"""XLA, float16, and Keras on PyTorch, which gives the numbers that TensorFlow gives."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from textzero.models.saliency import METHODS, _autodiff, gradient_flow, saliency  # noqa: E402

PROGRAM = """
import json
import numpy as np
import keras
from keras import layers
from textzero.models.saliency import METHODS, gradient_flow, saliency

inputs = keras.Input((None,), dtype="int32")
vectors = layers.Embedding(20, 4, mask_zero=True)(inputs)
states = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(vectors)
last = layers.Bidirectional(layers.GRU(3))(states)
model = keras.Model(inputs, layers.Dense(3, activation="softmax")(last))
generator = np.random.default_rng(1)
for weight in model.weights:
    weight.assign(generator.normal(0, 0.7, weight.shape).astype("float32"))
read = lambda text: (text.split(), [int(word) for word in text.split()])
found = [
    one.values.tolist()
    for method in METHODS
    for one in saliency(model, ["2 3 4 0 5", "6 7"], method, encode=read)
]
for flow in gradient_flow(model, "2 3 4 0 5", encode=read)[0].directions.values():
    found += [flow.survival["hidden"].tolist(), flow.steps["hidden"].tolist()]
print(json.dumps([keras.backend.backend(), found]))
"""


def test_pytorch_gives_the_same_numbers():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    found = {}
    for backend in ("tensorflow", "torch"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            check=True,
            timeout=300,
        )
        name, rows = json.loads(done.stdout.splitlines()[-1])
        assert name == backend
        found[backend] = rows
    for one, other in zip(found["tensorflow"], found["torch"], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_other_backends_are_told_what_to_do(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(NotImplementedError, match="TensorFlow or PyTorch, got 'jax'"):
        _autodiff.gradients(lambda point: point, [np.zeros(2)])


def test_a_model_that_xla_compiles_is_explained_alike(network, encode, random_texts):
    model = network(layers.Bidirectional(layers.GRU(4)))
    texts = random_texts(5, [3, 9])
    plain = {method: saliency(model, texts, method, encode=encode) for method in ("state", "logit")}
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile(jit_compile=True)
    for method, results in plain.items():
        for one, other in zip(
            results, saliency(twin, texts, method, encode=encode, batch_size=2), strict=True
        ):
            np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_float16_layers_are_explained_in_float32(encode, random_texts):
    inputs = keras.Input((None,), dtype="int32")
    policy = "mixed_float16"
    vectors = layers.Embedding(50, 6, mask_zero=True, dtype=policy)(inputs)
    state = layers.GRU(8, dtype=policy)(vectors)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", dtype=policy)(state))
    texts = random_texts(6, [2, 20])
    for method in METHODS:
        for one in saliency(model, texts, method, encode=encode):
            assert one.values.dtype == np.float32 and np.isfinite(one.values).all()
            if method == "state":
                assert one.values.sum() == pytest.approx(1, abs=1e-5)
            assert (one.completeness_error or 0) < 0.02
    assert np.isfinite(
        gradient_flow(model, texts[0], encode=encode)[0].directions["forward"].survival["hidden"]
    ).all()
