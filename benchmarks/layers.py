"""What do the layers take forward and backward, and which way to compute them is the fastest?

python benchmarks/layers.py [--batch 32] [--length 128] [--dim 128] [--rounds 10]

Three questions, each with and without XLA, in milliseconds, the best of the rounds:

- A gated convolution: our layer, one product of shifted copies laid side by side, and one Conv1D
  of twice the channels. With and without a mask.
- The frozen rows of MixedEmbedding: looked up and then projected (ours), or the whole table
  projected and then looked up, for a table of 5,000 and of 100,000 words.
- Decoding spans in NumPy: ours, and a loop over the starts of each text and type.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from measure import machine

from textzero.models.layers import GatedDilatedConv1D, MixedEmbedding, decode_spans


def shifted_copies(x: tf.Tensor, kernel: tf.Tensor, d: int) -> tf.Tensor:
    """The gated convolution as one matrix product."""
    padded = ops.pad(x, [[0, 0], [d, d], [0, 0]])
    copies = [padded[:, k * d : k * d + x.shape[1]] for k in range(3)]
    flat = ops.reshape(kernel, (-1, kernel.shape[-1]))
    return gated(x, ops.matmul(ops.concatenate(copies, axis=-1), flat))


def one_convolution(x: tf.Tensor, kernel: tf.Tensor, d: int) -> tf.Tensor:
    """The gated convolution as one of twice the channels."""
    return gated(x, ops.conv(x, kernel, padding="same", dilation_rate=d))


def gated(x: tf.Tensor, both: tf.Tensor) -> tf.Tensor:
    new, gate = ops.split(both, 2, axis=-1)
    return x + (new - x) * ops.sigmoid(gate)


def whole_table(ids: dict, tokens: tf.Tensor, projection: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """MixedEmbedding that projects all words of its table at every step."""
    x = ops.take(tokens, ids["tokens"], axis=0)
    x += ops.take(ops.matmul(table, projection), ids["words_0"], axis=0)
    return ops.where((ids["tokens"] != 0)[..., None], x, 0.0)


def gradient_step(
    function: Callable, inputs: object, weights: list[tf.Tensor], compiled: bool
) -> Callable:
    """A call of `function` with the gradients of its weights, and of its inputs unless ids."""
    learned = weights if isinstance(inputs, dict) else [inputs, *weights]

    @tf.function(jit_compile=compiled)
    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(learned)
            loss = tf.reduce_sum(tf.square(function(inputs)))
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, learned)]

    step()
    return lambda: step()[0].numpy()


def of_layer(layer: keras.layers.Layer, inputs: object, compiled: bool, **call: object) -> Callable:
    layer(inputs, **call)
    weights = [variable.value for variable in layer.trainable_variables]
    return gradient_step(lambda x: layer(x, **call), inputs, weights, compiled)


def best(steps: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Milliseconds of each, taken in turn."""
    seconds = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            seconds[name] = min(seconds[name], time.perf_counter() - begun)
    return {name: round(1e3 * value, 2) for name, value in seconds.items()}


def by_loop(p: np.ndarray) -> list[tuple]:
    found = []
    for row, kind in np.ndindex(p.shape[0], p.shape[2]):
        ends = np.flatnonzero(p[row, :, kind, 1] > 0.5)
        for start in np.flatnonzero(p[row, :, kind, 0] > 0.5):
            after = ends[ends >= start]
            if len(after):
                found.append((row, kind, start, after[0] + 1))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    shape = (options.batch, options.length, options.dim)
    facts = {"shape": shape, "keras": keras.__version__, "tensorflow": tf.__version__}

    def report(question: str, steps: dict[str, Callable], **more: object) -> None:
        line = {"question": question, **more, "milliseconds": best(steps, options.rounds)}
        print(json.dumps({**line, **facts, **machine()}), flush=True)

    x = tf.constant(rng.standard_normal(shape).astype(np.float32))
    real = np.arange(shape[1]) < rng.integers(shape[1] // 2, shape[1] + 1, shape[0])[:, None]
    kernel = tf.constant(rng.normal(0, 0.05, (3, shape[2], 2 * shape[2])).astype(np.float32))
    for d in (1, 2, 4, 8, 16):
        steps = {}
        for compiled, name in ((False, ""), (True, " xla")):
            ours = GatedDilatedConv1D(dilation_rate=d)
            steps["ours" + name] = of_layer(ours, x, compiled)
            steps["ours, masked" + name] = of_layer(ours, x, compiled, mask=tf.constant(real))
            for other in (shifted_copies, one_convolution):
                function = partial(other, kernel=kernel, d=d)
                steps[other.__name__ + name] = gradient_step(function, x, [kernel], compiled)
        report("gated convolution", steps, dilation_rate=d)

    for rows in (5_000, 100_000):
        ids = {
            name: rng.integers(0, n, shape[:2]) for name, n in (("tokens", 5000), ("words_0", rows))
        }
        ids = {name: tf.constant(value.astype(np.int32)) for name, value in ids.items()}
        tokens, projection, table = (
            tf.constant(rng.random((n, shape[2]), np.float32)) for n in (5000, shape[2], rows)
        )
        steps = {}
        for compiled, name in ((False, ""), (True, " xla")):
            ours = MixedEmbedding(5000, shape[2], [(rows, shape[2])])
            steps["ours" + name] = of_layer(ours, ids, compiled)
            steps["whole_table" + name] = gradient_step(
                partial(whole_table, tokens=tokens, projection=projection, table=table),
                ids,
                [tokens, projection],
                compiled,
            )
        report("mixed embedding", steps, words=rows)

    p = rng.random((64, options.length, 50, 2)) ** 8  # 9 % above one half
    ours, loop = decode_spans(p), by_loop(p)
    if list(zip(*(x.tolist() for x in ours[:4]), strict=True)) != loop:
        raise SystemExit("decode_spans and the loop differ")
    steps = {"ours": lambda: decode_spans(p), "loop": lambda: by_loop(p)}
    report("decoding", steps, probabilities=p.shape, spans=len(loop))


if __name__ == "__main__":
    main()
