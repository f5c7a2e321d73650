import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

keras = pytest.importorskip("keras")

from textzero.models.layers import CRF  # noqa: E402

MASK = np.arange(6) < np.array([[6], [3], [1], [0]])
BIO = {  # O, B, I
    "transitions_allowed": [[1, 1, 0], [1, 1, 1], [1, 1, 1]],
    "start_allowed": [True, True, False],
}


def random_layer(tags=3, seed=0, **arguments):
    rng = np.random.default_rng(seed)
    layer = CRF(tags, **arguments)
    layer.build((None, None, tags))
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    emissions = rng.normal(size=(*MASK.shape, tags)).astype(np.float32)
    return layer, emissions, rng.integers(0, tags, MASK.shape)


def stranger(adds_loss=True, **arguments):
    """Somebody's tagger of `parity`, and what predicts with it."""
    words = keras.Input((None,), dtype="int32", name="words")
    labels = keras.Input((None,), dtype="int32", name="labels")
    features = keras.layers.Embedding(12, 8, mask_zero=True, name="features")(words)
    emissions = keras.layers.Dense(3, name="emissions")(features)
    crf = CRF(3, adds_loss=adds_loss, name="crf", **arguments)
    return keras.Model([words, labels], crf(emissions, labels)), keras.Model(words, crf(emissions))


def parity(rng, rows=64, length=6):
    """Words, and labels: a word's parity, but never twice 1 in a row."""
    words = rng.integers(1, 12, (rows, length))
    labels = words % 2
    for t in range(1, length):
        labels[:, t] &= 1 - labels[:, t - 1]
    words[np.arange(length) >= rng.integers(1, length + 1, rows)[:, None]] = 0
    return words.astype(np.int32), np.where(words > 0, labels, -1).astype(np.int32)


def test_pytorch_crf_agrees_on_loss_gradients_and_path():
    torch = pytest.importorskip("torch")
    torchcrf = pytest.importorskip("torchcrf")
    tf = pytest.importorskip("tensorflow")
    layer, emissions, labels = random_layer()
    theirs = torchcrf.CRF(3, batch_first=True)
    for name, mine in (("", layer.transitions), ("start_", layer.start), ("end_", layer.end)):
        values = np.array(keras.ops.add(mine, 0.0))  # no variable: NumPy warns
        getattr(theirs, f"{name}transitions").data = torch.tensor(values)
    rows = slice(0, 3)  # it refuses rows without tokens
    x = torch.tensor(emissions[rows], requires_grad=True)
    mask = torch.tensor(MASK[rows])
    likelihood = theirs(x, torch.tensor(labels[rows]), mask=mask, reduction="none")
    likelihood.sum().backward()
    with tf.GradientTape() as tape:
        tensor = tf.constant(emissions[rows])
        tape.watch(tensor)
        ours = layer.log_likelihood(tensor, labels[rows], MASK[rows])
    sources = [tensor, *(w.value for w in (layer.transitions, layer.start, layer.end))]
    got = tape.gradient(ours, sources)
    expected = [x, theirs.transitions, theirs.start_transitions, theirs.end_transitions]
    assert_allclose(np.array(ours), likelihood.detach().numpy(), rtol=1e-5)
    for g, e in zip(got, expected, strict=True):
        assert_allclose(np.array(g), e.grad.numpy(), atol=1e-5)
    paths = np.array(layer.decode(emissions[rows], MASK[rows]))
    for path, best, real in zip(paths, theirs.decode(x, mask=mask), MASK[rows], strict=True):
        assert path[real].tolist() == best


def test_python_crfsuite_agrees_on_path_probability_and_marginals(tmp_path):
    pycrfsuite = pytest.importorskip("pycrfsuite")
    rng = np.random.default_rng(0)
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set("feature.possible_transitions", True)
    trainer.set("max_iterations", 20)
    names = np.array(["O", "B", "I"])
    sentences = [[f"w{i}" for i in rng.integers(0, 6, rng.integers(1, 7))] for _ in range(40)]
    for sentence in sentences:
        trainer.append(
            [[w] for w in sentence], [names[rng.choice(3, p=[0.6, 0.3, 0.1])] for _ in sentence]
        )
    trainer.train(str(tmp_path / "model"))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(tmp_path / "model"))
    info, order = tagger.info(), tagger.labels()
    layer = CRF(3)
    layer.build((None, None, 3))
    layer.transitions.assign([[info.transitions.get((a, b), 0.0) for b in order] for a in order])
    for sentence in sentences[:8]:
        tagger.set([[w] for w in sentence])
        scores = [[info.state_features.get((w, tag), 0.0) for tag in order] for w in sentence]
        emissions = np.array([scores], np.float32)
        best = np.array(layer.decode(emissions))[0]
        assert [order[i] for i in best] == tagger.tag()
        labels = rng.integers(0, 3, (1, len(sentence)))
        probability = np.exp(np.array(layer.log_likelihood(emissions, labels)))[0]
        assert_allclose(probability, tagger.probability([order[i] for i in labels[0]]), rtol=1e-5)
        expected = [[tagger.marginal(tag, t) for tag in order] for t in range(len(sentence))]
        assert_allclose(np.array(layer.marginals(emissions))[0], expected, atol=1e-5)


def test_the_loss_is_zero_without_tokens_and_ignores_padding():
    layer, emissions, labels = random_layer()
    loss = np.array(layer(emissions, labels, mask=MASK))
    assert loss.shape == (4,) and loss.dtype == np.float32
    assert (loss[:3] > 0).all() and loss[3] == 0
    emissions[~MASK], labels[~MASK] = np.nan, -100
    assert_allclose(np.array(layer(emissions, labels, mask=MASK)), loss, rtol=1e-6)
    for row, n in enumerate(MASK.sum(axis=1)):
        alone = layer(emissions[row : row + 1, :n], labels[row : row + 1, :n])
        assert_allclose(np.array(alone)[0], loss[row], rtol=1e-5, atol=1e-6)


def test_the_gradient_by_emissions_is_marginals_less_labels_and_zero_at_padding():
    tf = pytest.importorskip("tensorflow")
    layer, emissions, labels = random_layer()
    emissions[~MASK] = np.nan
    tensor = tf.constant(emissions)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        loss = layer(tensor, labels, mask=MASK)
    expected = np.array(layer.marginals(emissions, MASK)) - np.eye(3)[labels] * MASK[:, :, None]
    assert_allclose(np.array(tape.gradient(loss, tensor)), expected, atol=1e-6)


def test_forbidden_tags_are_never_decoded_and_have_no_probability():
    layer, emissions, _ = random_layer(**BIO)
    layer.transitions.assign([[0, 0, 50], [0, 0, 0], [0, 0, 0]])
    emissions[:, :, 2] += 20
    tags = np.array(layer.decode(emissions, MASK))[0]
    assert tags.tolist() == [1, 2, 2, 2, 2, 2]
    assert_allclose(np.array(layer.marginals(emissions, MASK))[0, 0, 2], 0)
    paths, _ = layer.n_best(emissions, 5, MASK)
    assert (np.array(paths)[:2, :, 0] != 2).all()


def test_labels_that_break_a_rule_cost_much_and_stay_finite():
    layer, emissions, _ = random_layer(**BIO)
    labels = np.array([[0, 2, 0, 0, 0, 0]] * 4)
    loss = np.array(layer(emissions, labels, mask=MASK))
    assert 9_000 < loss[0] < 11_000 and loss[2] < 100


def test_n_best_scores_become_probabilities():
    layer, emissions, _ = random_layer()
    paths, scores = layer.n_best(emissions, 3, MASK)
    logs = np.array(scores) - np.array(layer.log_partition(emissions, MASK))[:, None]
    for i in range(3):
        expected = np.array(layer.log_likelihood(emissions, np.array(paths)[:, i], MASK))
        assert_allclose(logs[:3, i][: 2 if i else 3], expected[: 2 if i else 3], atol=1e-4)
    assert_array_equal(np.array(paths)[:, 0], np.array(layer(emissions, mask=MASK)))
    assert np.array(scores)[3].tolist() == [0, -np.inf, -np.inf]


@pytest.mark.parametrize("jit", [True, False])
def test_a_strangers_model_learns_with_the_mask_of_its_embedding(jit):
    keras.utils.set_random_seed(0)
    trainer, tagger = stranger()
    words, labels = parity(np.random.default_rng(0))
    trainer.compile(keras.optimizers.Adam(0.1), jit_compile=jit)
    history = trainer.fit([words, labels], epochs=25, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    got = tagger.predict(words, verbose=0)
    assert got.dtype == np.int32
    assert (got[words == 0] == 0).all()
    assert (got == labels)[words > 0].mean() > 0.97
    assert (words % 2 == labels)[words > 0].mean() < 0.9  # a choice word by word does not do


def test_the_loss_as_an_output_and_add_loss_agree():
    keras.utils.set_random_seed(0)
    trainer, _ = stranger()
    words, labels = parity(np.random.default_rng(0), rows=8)
    words[0] = 0  # a row without tokens is left out of the mean
    trainer.compile("sgd")
    loss = trainer.predict([words, labels], verbose=0)
    assert loss[0] == 0
    assert_allclose(trainer.evaluate([words, labels], verbose=0), loss.sum() / 7, rtol=1e-5)


def test_the_mask_given_and_the_mask_carried_agree():
    trainer, tagger = stranger()
    words, labels = parity(np.random.default_rng(0))
    features, dense, crf = map(trainer.get_layer, ("features", "emissions", "crf"))
    emissions = keras.ops.convert_to_tensor(np.array(dense(features(words))))  # without its mask
    expected = np.array(crf(emissions, labels, mask=words > 0))
    assert_allclose(trainer.predict([words, labels], verbose=0), expected, rtol=1e-5)
    assert_array_equal(tagger.predict(words, verbose=0), np.array(crf(emissions, mask=words > 0)))


def test_mixed_precision_computes_in_float32():
    expected, emissions, labels = random_layer()
    emissions[:, :, 1] += 1e5  # float16 has no such number
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer, *_ = random_layer()
        loss = layer(emissions, labels, mask=MASK)
        trainer, tagger = stranger()
        words, targets = parity(np.random.default_rng(0))
        trainer.compile("adam")
        history = trainer.fit([words, targets], epochs=2, verbose=0).history["loss"]
    finally:
        keras.config.set_dtype_policy("float32")
    assert {str(w.dtype) for w in layer.weights} == {"float32"}
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert_array_equal(np.array(loss), np.array(expected(emissions, labels, mask=MASK)))
    assert np.isfinite(np.array(loss)).all()
    assert np.isfinite(history).all()
    assert tagger.predict(words, verbose=0).dtype == np.int32


def test_a_saved_model_predicts_the_same_in_a_fresh_process(tmp_path):
    trainer, tagger = stranger(**BIO, end_allowed=[True, True, True])
    words, labels = parity(np.random.default_rng(0))
    np.savez(tmp_path / "data.npz", words=words, labels=labels)
    trainer.save(tmp_path / "trainer.keras")
    tagger.save(tmp_path / "tagger.keras")
    program = (
        "import sys, json, keras, numpy, textzero.models.layers\n"
        "folder = sys.argv[1]\n"
        "data = numpy.load(folder + '/data.npz')\n"
        "load = keras.models.load_model\n"
        "tags = load(folder + '/tagger.keras').predict(data['words'], verbose=0)\n"
        "both = [data['words'], data['labels']]\n"
        "loss = load(folder + '/trainer.keras').predict(both, verbose=0)\n"
        "print(json.dumps([tags.tolist(), loss.tolist()]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    tags, loss = json.loads(done.stdout.splitlines()[-1])
    assert_array_equal(tags, tagger.predict(words, verbose=0))
    assert_allclose(loss, trainer.predict([words, labels], verbose=0), rtol=1e-6)


def test_the_config_holds_every_argument():
    layer = CRF(3, **BIO, end_allowed=[1, 0, 1], adds_loss=True, transitions_initializer="zeros")
    config = json.loads(json.dumps(layer.get_config()))
    again = CRF.from_config(config)
    assert again.get_config() == layer.get_config()
    assert_array_equal(again.transitions_allowed, np.array(BIO["transitions_allowed"], bool))
    assert_array_equal(again.end_allowed, [True, False, True])
    assert again.adds_loss


def test_shapes_are_known_before_the_first_batch():
    layer = CRF(3)
    emissions = keras.Input((None, 3))
    assert layer(emissions).shape == (None, None)
    assert keras.backend.standardize_dtype(layer(emissions).dtype) == "int32"
    assert layer(emissions, keras.Input((None,), dtype="int32")).shape == (None,)
    assert layer.compute_output_shape((4, 5, 3)) == (4, 5)
    assert layer.compute_output_shape((4, 5, 3), (4, 5)) == (4,)


@pytest.mark.parametrize("length", [0, 1])
def test_very_short_batches(length):
    layer, emissions, labels = random_layer()
    some = emissions[:, :length]
    assert np.array(layer(some)).shape == (4, length)
    loss = np.array(layer(some, labels[:, :length]))
    assert (loss == 0).all() if length == 0 else (loss > 0).all()
    assert layer.n_best(some, 2)[0].shape == (4, 2, length)
    assert layer.marginals(some).shape == (4, length, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_tags": 0}, "num_tags must be a whole number"),
        ({"num_tags": 3, "transitions_allowed": [[1, 0]]}, r"booleans of shape \(3, 3\)"),
        ({"num_tags": 3, "start_allowed": [0, 2, 0]}, "start_allowed must be booleans"),
        ({"num_tags": 3, "end_allowed": [0, 0, 0]}, "at least one tag"),
    ],
)
def test_wrong_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        CRF(**arguments)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda layer, e, _: layer(e[..., :2]), r"emissions must have shape \(batch, length, 3\)"),
        (lambda layer, e, y: layer(e, y[:, :2]), "labels must have shape"),
        (lambda layer, e, y: layer(e, y[:, :, None]), "labels must have shape"),
        (lambda layer, e, y: layer(e, y + 3), "got [345] in row 0, position 0"),
        (lambda layer, e, _: layer(e, mask=MASK[:, ::-1]), "padding on the right"),
        (lambda layer, e, _: layer(e, mask=MASK[:, :2]), "mask must have shape"),
        (lambda layer, e, _: layer.n_best(e, 0), "k must be a whole number"),
    ],
)
def test_wrong_inputs_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(*random_layer())


def test_a_layer_of_another_size_is_refused_before_training():
    with pytest.raises(ValueError, match=r"put Dense\(4\)"):
        CRF(4)(keras.Input((None, 3)))
