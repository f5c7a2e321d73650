import json
import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.models.layers import (  # noqa: E402
    CRF,
    MEMM,
    AttentionPooling1D,
    GatedDilatedConv1D,
    MixedEmbedding,
    SpanPointer,
)

WIDTHS = (4, 7, 5)  # batch, length, channels
REAL = np.arange(7) < np.array([7, 4, 1, 0])[:, None]


def sequence(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(WIDTHS).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def array(x) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def convolve(x, kernel, bias, dilation):
    """The definition: position i sees i + (k - left) * dilation for each k below the width."""
    batch, length, _ = x.shape
    y = np.tile(bias, (batch, length, 1)).astype(np.float64)
    left = (len(kernel) - 1) * dilation // 2
    for i in range(length):
        for k in range(len(kernel)):
            j = i - left + k * dilation
            if 0 <= j < length:
                y[:, i] += x[:, j] @ kernel[k]
    return y


SEQUENCE_LAYERS = {
    "highway": (
        GatedDilatedConv1D,
        {"width": 3, "dilation_rate": 2, "gate_dropout": 0.1, "gate_bias": -1.0},
        4,
    ),
    "plain gate": (GatedDilatedConv1D, {"width": 2, "units": 6, "seed": 3}, 4),
    "pooling": (AttentionPooling1D, {"units": 3}, 2),
    "pooling, as wide": (AttentionPooling1D, {}, 2),
    "spans": (SpanPointer, {"num_types": 2}, 2),
}


@pytest.fixture(params=SEQUENCE_LAYERS)
def case(request):
    return SEQUENCE_LAYERS[request.param]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_the_symbolic_shape_and_dtype_are_those_of_the_result(case, policy):
    kind, settings, _ = case
    layer = kind(**settings, dtype=policy)
    symbolic = layer(keras.Input(WIDTHS[1:]))
    result = layer(sequence())
    assert symbolic.shape == (None, *result.shape[1:])
    assert layer.compute_output_shape(WIDTHS) == tuple(result.shape)
    assert keras.backend.standardize_dtype(result.dtype) == symbolic.dtype
    assert symbolic.dtype == ("float32" if kind is SpanPointer else layer.compute_dtype)
    assert {w.dtype for w in layer.trainable_variables} == {"float32"}


def test_every_argument_is_an_attribute_and_comes_back_from_the_configuration(case):
    kind, settings, weights = case
    layer = kind(**settings, name="given")
    layer.build(WIDTHS)
    again = kind.from_config(json.loads(json.dumps(layer.get_config())))
    assert {name: getattr(again, name) for name in settings} == settings
    assert again.get_config() == layer.get_config()
    assert again.name == "given"
    assert len(layer.trainable_variables) == weights


def test_what_stands_at_padding_changes_nothing(case):
    kind, settings, _ = case
    layer = kind(**settings)
    clean = np.where(REAL[..., None], sequence(), 0)
    garbage = np.where(REAL[..., None], clean, np.nan)
    results = [array(layer(x, mask=REAL)) for x in (clean, garbage)]
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[0]).all()


def test_a_text_gets_the_same_result_with_more_padding(case):
    kind, settings, _ = case
    layer = kind(**settings)
    text = sequence()[:1, :4]
    alone = array(layer(text))
    padded = array(layer(np.pad(text, [(0, 0), (0, 3), (0, 0)]), mask=REAL[1:2]))
    cut = padded if kind is AttentionPooling1D else padded[:, :4]
    np.testing.assert_allclose(cut, alone, atol=1e-6)  # sums of another length, rounded


def test_under_mixed_precision_results_are_those_of_float32_rounded(case):
    kind, settings, _ = case
    full, half = kind(**settings), kind(**settings, dtype="mixed_float16")
    full(sequence()), half(sequence())
    half.set_weights(full.get_weights())
    results = [array(layer(sequence(), mask=REAL)).astype(np.float32) for layer in (full, half)]
    np.testing.assert_allclose(*results, atol=0.02)


@pytest.mark.parametrize(("width", "dilation"), [(1, 1), (2, 1), (3, 1), (3, 2), (3, 9), (4, 2)])
@pytest.mark.parametrize("units", [None, 5, 6])
def test_a_gated_convolution_follows_its_formula(width, dilation, units):
    layer = GatedDilatedConv1D(width, dilation, units)
    x = sequence()
    result = array(layer(x))
    kernel, bias, gate_kernel, gate_bias = layer.get_weights()
    bias, gate_bias = bias + 0.3, gate_bias - 0.2
    layer.set_weights([kernel, bias, gate_kernel, gate_bias])
    result = array(layer(x))
    new = convolve(x, kernel, bias, dilation)
    gate = sigmoid(convolve(x, gate_kernel, gate_bias, dilation))
    expected = new * gate if units == 6 else x * (1 - gate) + new * gate
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_masked_convolution_sees_zeros_at_padding_and_leaves_zeros_there():
    layer = GatedDilatedConv1D(3, 2)
    x = sequence()
    result = array(layer(x, mask=REAL))
    assert not result[~REAL].any()
    kernel, bias, gate_kernel, gate_bias = layer.get_weights()
    x = np.where(REAL[..., None], x, 0)
    new = convolve(x, kernel, bias, 2)
    gate = sigmoid(convolve(x, gate_kernel, gate_bias, 2))
    expected = x * (1 - gate) + new * gate
    np.testing.assert_allclose(result[REAL], expected[REAL], atol=1e-5)


def test_a_gate_bias_below_zero_carries_the_input_through_many_layers():
    x = np.random.default_rng(0).normal(size=(2, 9, 8)).astype("float32")
    left = []
    for bias in (0.0, -12.0):
        hidden = x
        for place in range(12):
            hidden = GatedDilatedConv1D(gate_bias=bias, name=f"layer_{place}")(hidden)
        left.append(np.abs(keras.ops.convert_to_numpy(hidden) - x).max())
    assert left[1] < 0.05 < 0.5 < left[0]


def test_gate_dropout_half_opens_gates_and_only_in_training():
    layer = GatedDilatedConv1D(gate_dropout=0.999999, seed=1)
    x = sequence()
    layer(x)
    kernel, bias, gate_kernel, _ = layer.get_weights()
    layer.set_weights([kernel, bias, gate_kernel, np.full(5, -50.0)])  # closed gates: Y = X
    np.testing.assert_allclose(array(layer(x)), x, atol=1e-6)
    half = (x + convolve(x, kernel, bias, 1)) / 2  # sigmoid(0) is one half
    np.testing.assert_allclose(array(layer(x, training=True)), half, atol=1e-5)


def test_gate_dropout_of_a_seed_is_the_same_again():
    x = sequence()
    layers = [GatedDilatedConv1D(gate_dropout=0.5, seed=s) for s in (1, 1, 2)]
    for layer in layers:
        layer(x)
        layer.set_weights(layers[0].get_weights())
    results = [array(layer(x, training=True)) for layer in layers]
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_the_mask_of_a_gated_convolution_goes_on_and_that_of_a_pooling_ends():
    tokens = keras.Input((7,), dtype="int32")
    x = keras.layers.Embedding(9, 5, mask_zero=True)(tokens)
    assert getattr(GatedDilatedConv1D()(x), "_keras_mask", None) is not None
    assert getattr(AttentionPooling1D()(x), "_keras_mask", None) is None
    assert getattr(SpanPointer()(x), "_keras_mask", None) is None


def test_attention_pooling_is_the_mean_under_softmax_weights_of_real_positions():
    layer = AttentionPooling1D(units=3)
    x = sequence()
    result = array(layer(x, mask=REAL))
    kernel, query = layer.get_weights()
    for row, length in enumerate(REAL.sum(1)):
        real = x[row, :length].astype(np.float64)
        scores = np.exp(np.tanh(real @ kernel) @ query)
        expected = (scores[:, None] / scores.sum() * real).sum(0)
        np.testing.assert_allclose(result[row], expected, atol=1e-6)
    weights = array(layer.weigh(x, REAL))
    np.testing.assert_allclose(weights.sum(1), [1, 1, 1, 0], atol=1e-6)
    assert not weights[~REAL].any()
    np.testing.assert_allclose(np.einsum("bn,bnd->bd", weights, x), result, atol=1e-6)


def test_a_row_of_padding_is_pooled_to_zeros():
    assert not array(AttentionPooling1D()(sequence(), mask=REAL))[3].any()


def test_attention_in_half_precision_does_not_overflow():
    layer = AttentionPooling1D(dtype="mixed_float16")
    layer.build(WIDTHS)
    layer.set_weights([np.full((5, 5), 100.0), np.full(5, 3e4)])  # scores of 150,000
    assert np.isfinite(array(layer(sequence(), mask=REAL))).all()


def test_a_layer_that_was_never_called_cannot_weigh():
    with pytest.raises(ValueError, match="must have been called once"):
        AttentionPooling1D().weigh(sequence())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GatedDilatedConv1D(0), "width must be a whole number of at least 1, got 0"),
        (lambda: GatedDilatedConv1D(3, 1.5), "dilation_rate must be a whole number .* got 1.5"),
        (lambda: GatedDilatedConv1D(units=-1), "units must be .* got -1"),
        (lambda: GatedDilatedConv1D(gate_dropout=1), "gate_dropout must be at least 0 and below 1"),
        (lambda: AttentionPooling1D(0), "units must be .* got 0"),
        (lambda: SpanPointer(0), "num_types must be .* got 0"),
        (lambda: MixedEmbedding(1, 8), "vocabulary_size must be .* at least 2, got 1"),
        (lambda: MixedEmbedding(5, 0), "dim must be .* got 0"),
        (lambda: MixedEmbedding(5, 8, [(1, 8)]), "rows must be .* got 1"),
        (lambda: MixedEmbedding(5, 8, [(9, 0)]), "table_dim must be .* got 0"),
    ],
)
def test_arguments_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def whole_model(policy: str = "float32") -> keras.Model:
    """The layers of a DGCNN over texts of any length, in one model whose output is logits."""
    keras.utils.set_random_seed(4)
    names = ("tokens", "words_0", "positions_0")
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    embedding = MixedEmbedding(12, 8, [(9, 6)], positions=True, dtype=policy)
    table = np.random.default_rng(0).standard_normal((9, 6))
    table[:2] = 0
    embedding.set_tables([table])
    x = embedding(inputs)
    for dilation in (1, 2):
        x = GatedDilatedConv1D(dilation_rate=dilation, dtype=policy)(x)
    x = GatedDilatedConv1D(units=10, dtype=policy)(x)
    has_answer = keras.layers.Dense(1)(AttentionPooling1D(dtype=policy)(x))
    logits = SpanPointer(2, name="spans")(x, has_answer=has_answer)
    return keras.Model(inputs, logits)


def some_texts(length: int = 16) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    real = np.arange(length) < np.array([5, 3, 1, 0])[:, None]
    sizes = {"tokens": 12, "words_0": 9, "positions_0": 6}
    full = {name: rng.integers(1, size, (4, 5)) for name, size in sizes.items()}
    padded = {name: np.pad(ids, [(0, 0), (0, length - 5)]) for name, ids in full.items()}
    return {name: np.where(real, ids, 0).astype(np.int32) for name, ids in padded.items()}


def trained(jit_compile: bool, policy: str = "float32") -> list[np.ndarray]:
    """Weights after two steps over the same texts."""
    model = whole_model(policy)
    labels = keras.Input((None, 2, 2), name="labels")
    pointer = model.get_layer("spans")
    mask = keras.ops.not_equal(model.input["tokens"], 0)
    loss = pointer.loss(labels, model.output, mask, focal=True)
    trainer = keras.Model({**model.input, "labels": labels}, loss)
    trainer.compile(
        optimizer=keras.optimizers.SGD(5.0),
        loss=lambda _, value: keras.ops.mean(value),
        jit_compile=jit_compile,
    )
    texts = some_texts()
    texts["labels"] = np.random.default_rng(2).integers(0, 2, (4, 16, 2, 2)).astype(np.float32)
    trainer.fit(texts, np.zeros(4), batch_size=4, epochs=2, verbose=0)
    return model.get_weights()


def test_xla_compiles_a_training_step_and_gives_the_same_weights():
    start = whole_model().get_weights()
    plain, compiled = trained(False), trained(True)
    moved = [not np.array_equal(a, b) for a, b in zip(start, plain, strict=True)]
    frozen = [a.shape == (9, 6) for a in start]
    assert [not f for f in frozen] == moved  # all but the table of word vectors
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_model_takes_any_length_and_padding_changes_nothing():
    model = whole_model()
    short, long = (model.predict(some_texts(n), verbose=0) for n in (5, 24))
    np.testing.assert_allclose(long[:, :5], short, atol=1e-5)
    assert (long[:, 5:] == -1e9).all()


def test_a_saved_model_gives_the_same_in_a_fresh_process(tmp_path):
    model = whole_model()
    features = model.get_layer("spans").input[0]
    chains = [CRF(3), MEMM(3), MEMM(3, bidirectional=True)]
    emissions = keras.layers.Dense(3)(features)
    outputs = {f"tags_{k}": chain(emissions) for k, chain in enumerate(chains)}
    model = keras.Model(model.input, {"spans": model.output, **outputs})
    rng = np.random.default_rng(5)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    np.savez(tmp_path / "texts.npz", **some_texts())
    model.save(tmp_path / "model.keras")
    program = (
        "import sys, numpy, keras, textzero.models.layers\n"
        "folder = sys.argv[1]\n"
        "model = keras.saving.load_model(folder + '/model.keras')\n"
        "texts = dict(numpy.load(folder + '/texts.npz'))\n"
        "numpy.savez(folder + '/results.npz', **model.predict(texts, verbose=0))\n"
    )
    run = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected, results = model.predict(some_texts(), verbose=0), np.load(tmp_path / "results.npz")
    assert set(results) == {"spans", "tags_0", "tags_1", "tags_2"}
    for name, result in results.items():
        np.testing.assert_array_equal(result, expected[name], err_msg=name)
    assert len(np.unique(results["tags_0"][0, :5])) > 1  # weights that decide something
