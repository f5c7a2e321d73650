"""AdaGrad on the card, a chunk at a time. Contract: `kernels/reference/adagrad.py`.

`_adagrad` visits many chunks at a time and leaves the vectors on the card.
"""

from textzero._compat import GpuArray as Array
from textzero.kernels.gpu._adagrad import levels_of, visit, zeros
from textzero.kernels.gpu._cuda import upload


def visit_records(
    records: Array,
    center: Array,
    context: Array,
    center_squares: Array,
    context_squares: Array,
    learning_rate: float,
) -> tuple[float, int]:
    is_shared = context is center
    held = [upload(center), upload(center_squares)]
    held += held if is_shared else [upload(context), upload(context_squares)]
    costs, skipped = zeros(1)
    levels = levels_of([records], center.shape[0], is_shared)
    visit(levels, held[0], held[2], held[1], held[3], learning_rate, costs, skipped)
    center[:], center_squares[:] = held[0].get(), held[1].get()
    if not is_shared:
        context[:], context_squares[:] = held[2].get(), held[3].get()
    return float(costs[0]), int(skipped[0])
