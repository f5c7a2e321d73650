import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

keras = pytest.importorskip("keras")

from textzero.models.layers import (  # noqa: E402
    SpanPointer,
    best_spans,
    decode_spans,
    product_logits,
    span_labels,
    span_loss,
)

REAL = np.arange(6) < np.array([6, 3, 0])[:, None]


def array(x) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))


def rows(spans) -> list[tuple]:
    return list(zip(*(column.tolist() for column in spans[:4]), strict=True))


def logits_and_labels() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (3, 6, 2, 2)).astype(np.float32)
    return logits, rng.integers(0, 2, logits.shape)


# --- the layer


def test_logits_are_a_linear_map_of_the_features_and_never_at_padding():
    features = np.random.default_rng(1).standard_normal((3, 6, 5)).astype(np.float32)
    pointer = SpanPointer(2)
    logits = array(pointer(features, mask=REAL))
    kernel, bias = pointer.get_weights()
    expected = (features @ kernel + bias).reshape(3, 6, 2, 2)
    np.testing.assert_allclose(logits[REAL], expected[REAL], atol=1e-5)
    assert (logits[~REAL] == -1e9).all()


@pytest.mark.parametrize("width", [1, 2])
def test_has_answer_multiplies_the_probabilities_of_starts_and_ends(width):
    rng = np.random.default_rng(2)
    features = rng.standard_normal((3, 6, 5)).astype(np.float32)
    has_answer = rng.standard_normal((3, width)).astype(np.float32)
    pointer = SpanPointer(2)
    alone = sigmoid(array(pointer(features)))
    gated = pointer(features, has_answer=has_answer, mask=REAL)
    expected = alone * sigmoid(has_answer)[:, None, :, None]
    np.testing.assert_allclose(sigmoid(array(gated)[REAL]), expected[REAL], atol=1e-6)
    assert (array(gated)[~REAL] == -1e9).all()


def test_the_mask_that_comes_with_the_features_holds_beside_has_answer():
    tokens = keras.Input((6,), dtype="int32")
    features = keras.layers.Embedding(9, 5, mask_zero=True)(tokens)
    has_answer = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(features))
    alone, gated = SpanPointer()(features), SpanPointer()(features, has_answer)
    texts = REAL.astype(np.int32) * 3
    for logits in keras.Model(tokens, [alone, gated]).predict(texts, verbose=0):
        assert (logits[~REAL] == -1e9).all()
        assert (logits[REAL] > -100).all()


# --- the product of probabilities


@pytest.mark.parametrize(
    ("a", "b"), [(0, 0), (3, -2), (-8, -9), (20, 25), (0, 40), (-60, 70), (-80, -90), (50, 50)]
)
def test_the_logit_of_a_product_is_exact_where_probabilities_round_to_0_or_1(a, b):
    # -log(e^-a + e^-b + e^-(a+b)) in float64, where none of these overflows
    expected = -math.log(math.exp(-a) + math.exp(-b) + math.exp(-a - b))
    got = array(product_logits(np.float32([a]), np.float32([b])))
    np.testing.assert_allclose(got, [expected], rtol=1e-6, atol=1e-6)
    if max(abs(a), abs(b)) < 15:
        np.testing.assert_allclose(sigmoid(got), sigmoid([a]) * sigmoid(b), rtol=1e-5)


def test_the_logit_of_a_product_is_finite_at_padding_and_broadcasts():
    got = array(product_logits(np.float32([[-1e9, 5]]), np.float32([[1e4], [-1e4]])))
    assert got.shape == (2, 2)
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got, [[-1e9, 5], [-1e9, -1e4]], rtol=1e-5)


def test_both_factors_of_a_product_learn_where_they_are_equal():
    class Pair(keras.layers.Layer):
        def build(self, _):
            self.pair = self.add_weight(shape=(2,), initializer="zeros")

        def call(self, x):
            return x * product_logits(self.pair[0], self.pair[1])

    layer = Pair()
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(1.0), loss=lambda _, z: -z, jit_compile=False)
    model.fit(np.ones((1, 1)), np.zeros((1, 1)), verbose=0)
    # d/da of -log(e^-a + e^-b + e^-(a+b)) at 0, 0 is 2/3: e^-a and e^-(a+b) of three ones.
    np.testing.assert_allclose(array(layer.pair.value), [2 / 3, 2 / 3], rtol=1e-5)


# --- the loss


def expected_loss(labels, logits, focal: bool) -> np.ndarray:
    p = sigmoid(logits)
    ones, zeros = -np.log(p), -np.log1p(-p)
    if focal:
        ones, zeros = 0.25 * (1 - p) ** 2 * ones, 0.75 * p**2 * zeros
    terms = np.where(labels, ones, zeros).sum((2, 3))
    return np.where(REAL, terms, 0).sum(1) / np.maximum(REAL.sum(1), 1)


@pytest.mark.parametrize("focal", [False, True])
def test_the_loss_is_the_mean_over_real_tokens_of_the_sum_over_types_and_ends(focal):
    logits, labels = logits_and_labels()
    got = array(SpanPointer(2).loss(labels, logits, REAL, focal=focal))
    np.testing.assert_allclose(got, expected_loss(labels, logits, focal), rtol=1e-5)
    assert got[2] == 0  # exactly: the row is all padding
    assert got.dtype == np.float32
    full = array(span_loss(labels[:1], logits[:1], focal=focal))
    np.testing.assert_allclose(full, got[:1], rtol=1e-6)


def test_the_focal_loss_is_that_of_keras():
    logits, labels = logits_and_labels()
    theirs = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, from_logits=True, reduction="sum"
    )
    ours = array(span_loss(labels, logits, focal=True))
    np.testing.assert_allclose(
        ours.sum() * 6, array(theirs(labels[..., None], logits[..., None])), rtol=1e-5
    )


def test_alpha_and_gamma_reach_the_loss():
    labels, logits = np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1, 1))
    got = span_loss(labels, logits, focal=True, alpha=0.5, gamma=3.0)
    np.testing.assert_allclose(array(got), [0.5 * 0.5**3 * math.log(2)], rtol=1e-6)


@pytest.mark.parametrize("focal", [False, True])
def test_the_loss_and_its_gradient_are_finite_for_huge_logits_and_garbage_at_padding(focal):
    given = np.zeros((3, 6, 2, 2), np.float32)
    given[0] = [[-1e9, 1e9], [-200, 200]]
    given[~REAL] = np.nan
    labels = np.zeros((3, 6, 2, 2), np.float32)
    labels[0, ::2] = 1

    class Loss(keras.layers.Layer):
        def build(self, _):
            self.added = self.add_weight(shape=given.shape, initializer="zeros")

        def call(self, x):
            return x + span_loss(labels, self.added + given, REAL, focal=focal)

    layer = Loss()
    model = keras.Sequential([keras.Input(()), layer])
    model.compile(keras.optimizers.SGD(1.0), loss=lambda _, z: z, jit_compile=False)
    history = model.fit(np.zeros(3), np.zeros(3), batch_size=3, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    moved = array(layer.added.value)
    assert np.isfinite(moved).all()
    assert moved[REAL].any()
    assert not moved[~REAL].any()


# --- decoding


def by_loops(p, start_threshold, end_threshold, max_length) -> list[tuple]:
    found = []
    for row, kind in np.ndindex(p.shape[0], p.shape[2]):
        for start in range(p.shape[1]):
            if p[row, start, kind, 0] <= start_threshold:
                continue
            for end in range(start, p.shape[1]):
                if p[row, end, kind, 1] > end_threshold:
                    if max_length is None or end - start < max_length:
                        found.append((row, kind, start, end + 1))
                    break
    return found


probabilities = st.tuples(
    st.integers(0, 3), st.integers(0, 7), st.integers(1, 3), st.integers(0, 2**31)
).map(lambda x: np.random.default_rng(x[3]).integers(0, 5, (*x[:3], 2)) / 4)


@given(
    probabilities,
    st.sampled_from([0.2, 0.5]),
    st.sampled_from([0.3, 0.6]),
    st.none() | st.integers(1, 4),
)
def test_every_start_takes_the_nearest_end(p, start, end, longest):
    spans = decode_spans(p, start, end, longest)
    assert rows(spans) == by_loops(p, start, end, longest)
    starts, ends = (p[..., k].transpose(0, 2, 1) for k in (0, 1))
    expected = starts[spans.rows, spans.types, spans.starts]
    expected = expected * ends[spans.rows, spans.types, spans.ends - 1]
    np.testing.assert_array_equal(spans.scores, expected)


def test_two_starts_share_an_end_and_a_start_after_the_last_end_gives_nothing():
    p = np.zeros((6, 1, 2))
    p[[0, 2, 5], 0, 0] = 0.9
    p[3, 0, 1] = 0.8
    spans = SpanPointer().decode(p)
    assert rows(spans) == [(0, 0, 0, 4), (0, 0, 2, 4)]
    np.testing.assert_allclose(spans.scores, [0.72, 0.72])


def test_an_end_has_the_threshold_of_a_start_unless_it_has_its_own():
    p = np.full((1, 1, 2), [0.6, 0.45])
    assert not rows(decode_spans(p))
    assert rows(decode_spans(p, end_threshold=0.4)) == [(0, 0, 0, 1)]


@given(probabilities, st.none() | st.integers(1, 9))
def test_the_best_span_is_that_of_the_greatest_product_of_all_pairs(p, longest):
    spans = best_spans(p, longest)
    length = p.shape[1]
    every = [
        (i, j) for i in range(length) for j in range(i, length) if not longest or j - i < longest
    ]
    expected = []
    for row, kind in np.ndindex(p.shape[0], p.shape[2] if length else 0):
        scores = [p[row, i, kind, 0] * p[row, j, kind, 1] for i, j in every]
        best = int(np.argmax(scores))  # the first of equals: earliest start, then shortest
        expected.append((row, kind, every[best][0], every[best][1] + 1, scores[best]))
    assert list(zip(*(column.tolist() for column in spans), strict=True)) == expected


def test_labels_of_spans_are_decoded_to_the_spans():
    types, starts, ends = np.array([0, 1, 1]), np.array([2, 0, 4]), np.array([3, 2, 7])
    labels = span_labels(types, starts, ends, length=7, num_types=2)
    assert labels.sum() == 6
    assert rows(decode_spans(labels)) == [(0, 0, 2, 3), (0, 1, 0, 2), (0, 1, 4, 7)]


@pytest.mark.parametrize(
    ("kind", "start", "end"), [(0, 3, 3), (0, -1, 2), (0, 5, 8), (2, 0, 1), (-1, 0, 1)]
)
def test_a_span_that_is_empty_or_outside_is_refused(kind, start, end):
    with pytest.raises(ValueError, match=f"got tokens {start}:{end} of type {kind}"):
        span_labels([0, kind], [0, start], [1, end], length=7, num_types=2)


def test_probabilities_of_another_shape_and_lengths_below_1_are_refused():
    with pytest.raises(ValueError, match=r"must have the shape .* got \(3, 2\)"):
        decode_spans(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="max_length must be at least 1, got 0"):
        best_spans(np.zeros((3, 1, 2)), max_length=0)
