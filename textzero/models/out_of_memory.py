"""A network that asks for more memory than there is: one sentence for what each backend says."""

from collections.abc import Iterator
from contextlib import contextmanager

from textzero.errors import ResourceError

_NAMES = {"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"}
_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating", "CUDA_ERROR_OUT_OF_MEMORY")


@contextmanager
def told_out_of_memory() -> Iterator[None]:
    """Raise ResourceError for what TensorFlow, JAX, PyTorch and Python raise without memory."""
    try:
        yield
    except Exception as error:  # each backend has a class of its own
        if not _is_out_of_memory(error):
            raise
        raise ResourceError(
            "the network does not fit into memory with so many texts at once; take a smaller "
            "--batch-size (batch_size=), or CUDA_VISIBLE_DEVICES= to leave the GPU alone"
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & _NAMES) or any(word in str(error) for word in _WORDS)
