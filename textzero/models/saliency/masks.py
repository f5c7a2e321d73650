"""The masks that Keras carries along with tensors: taken off, put on, repeated."""

from typing import Any

import keras
from keras import ops

from textzero.models.saliency.probe import Tensor


class MaskReader(keras.layers.Layer):
    """Returns the mask of what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True
        self.absent = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the mask, or a single True where there is none."""
        self.absent = mask is None
        return ops.ones((), "bool") if mask is None else ops.cast(mask, "bool")


class MaskWriter(keras.layers.Layer):
    """Called with [tensor, mask], returns the tensor with that mask."""

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Return a copy of the tensor."""
        return ops.copy(inputs[0])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:  # noqa: ARG002
        """Return the given mask."""
        return inputs[1]


def mask_of(tensor: Tensor) -> Tensor | None:
    """Return the mask that Keras carries with a tensor, bool, or None."""
    reader = MaskReader()
    mask = reader(tensor)
    return None if reader.absent else mask


def with_mask(tensor: Tensor, mask: Tensor | None) -> Tensor:
    """Return a tensor that carries `mask` to the layers that it meets."""
    return tensor if mask is None else MaskWriter(autocast=False)([tensor, mask])


def repeated(tensor: Tensor, times: int | Tensor) -> Tensor:
    """Return each row `times` times, (batch * times, ...), and its mask too."""
    mask = mask_of(tensor)
    rows = ops.repeat(tensor, times, axis=0)
    return with_mask(rows, None if mask is None else ops.repeat(mask, times, axis=0))
