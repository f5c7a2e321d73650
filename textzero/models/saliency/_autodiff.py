"""Gradients with respect to tensors, which keras.ops lacks: one small switch of backends."""

from collections.abc import Callable
from typing import Any

import keras

from textzero.models.saliency.probe import Tensor


def gradients(function: Callable[..., Tensor], points: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return function(*points) and the gradient of its sum with respect to each point.

    Args:
        function: Returns a tensor of any shape.
        points: Float tensors. Those that the function does not read have gradient zero.

    Raises:
        NotImplementedError: Keras runs on another backend than TensorFlow and PyTorch.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            value = function(*points)
        found = tape.gradient(value, points, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return value, found
    if backend == "torch":
        import torch

        points = [point.detach().requires_grad_() for point in points]
        with torch.enable_grad():
            value = function(*points)
            found = torch.autograd.grad(value.sum(), points, allow_unused=True)
        zeros = [
            torch.zeros_like(p) if g is None else g for g, p in zip(found, points, strict=True)
        ]
        return value.detach(), zeros
    raise NotImplementedError(
        f"gradients need Keras on TensorFlow or PyTorch, got {backend!r}; set KERAS_BACKEND, or "
        "use method 'state', 'logit' or 'occlusion'"
    )


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays as a TensorFlow graph; as it is on PyTorch."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    graph: Callable[..., Any] = tf.function(function, reduce_retracing=True, autograph=False)
    return graph
