"""Two inner loops written as vector instructions, because no compiler finds them by itself.

`apply_records` reads bfloat16 rows at four records a time; `tile` is eight rows by sixteen columns
of a matrix product. Both are LLVM IR of 16 float32 lanes, which LLVM cuts to what the processor has
(one AVX-512 register, two of AVX2, four of NEON), and know nothing of the algorithms around them.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_LANES = 16
_RECORDS = 4  # taken at a time
_AHEAD = 24  # records whose rows are asked of the cache before their turn
_LINE = 64
TILE_ROWS, TILE_COLUMNS = 8, _LANES

_FLOAT, _INT, _LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FLOATS, _INTS = ir.VectorType(_FLOAT, _LANES), ir.VectorType(_INT, _LANES)
_FOUR = ir.VectorType(_FLOAT, _RECORDS)
_BYTES = ir.IntType(8).as_pointer()


class _Builder:
    """The few steps that both loops are made of."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.context, self.builder = context, builder
        self.signature, self.arguments = signature, arguments
        self.fma = self._intrinsic("llvm.fma.v16f32", _FLOATS, [_FLOATS] * 3)
        self.prefetch = self._intrinsic("llvm.prefetch.p0", ir.VoidType(), [_BYTES] + [_INT] * 3)

    def _intrinsic(self, name: str, result: Any, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.builder.module, kind, name)

    def data(self, i: int) -> Any:
        """The address of array argument i."""
        make = self.context.make_array(self.signature.args[i])
        return make(self.context, self.builder, self.arguments[i]).data

    def number(self, i: int) -> Any:
        """Argument i as a 64-bit number."""
        kind = self.signature.args[i]
        return self.context.cast(self.builder, self.arguments[i], kind, types.int64)

    def at(self, base: Any, offset: Any, kind: Any) -> Any:
        """The address of something of a kind at an element of an array."""
        offset = _LONG(offset) if isinstance(offset, int) else offset
        return self.builder.bitcast(self.builder.gep(base, [offset]), kind.as_pointer())

    def load(self, base: Any, offset: Any, kind: Any = _FLOATS) -> Any:
        """Load from an element of an array of 4-byte numbers."""
        return self.builder.load(self.at(base, offset, kind), align=4)

    def store(self, value: Any, base: Any, offset: Any) -> None:
        """Store at an element of an array of 4-byte numbers."""
        self.builder.store(value, self.at(base, offset, value.type), align=4)

    def multiply_add(self, a: Any, b: Any, c: Any | None) -> Any:
        """Return a b + c."""
        return self.builder.fmul(a, b) if c is None else self.builder.call(self.fma, [a, b, c])

    def shuffle(self, a: Any, lanes: list[int], b: Any | None = None) -> Any:
        """Pick lanes of a, or of a and b."""
        mask = ir.Constant(ir.VectorType(_INT, len(lanes)), lanes)
        return self.builder.shuffle_vector(a, ir.Constant(a.type, ir.Undefined) if b is None else b,
                                           mask)  # fmt: skip

    def spread(self, value: Any) -> Any:
        """A number in every lane."""
        one = self.builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, _INT(0))
        return self.shuffle(one, [0] * _LANES)

    def loop(self, start: Any, stop: Any, step: int, body: Any, state: list[Any]) -> Any:
        """Do state = body(j, state) for j in range(start, stop - step + 1, step)."""
        builder = self.builder
        before = builder.block
        head, inside, done = (builder.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        j = builder.phi(_LONG)
        j.add_incoming(start, before)
        phis = [builder.phi(value.type) for value in state]
        for phi, value in zip(phis, state, strict=True):
            phi.add_incoming(value, before)
        following = builder.add(j, _LONG(step))
        builder.cbranch(builder.icmp_signed("<=", following, stop), inside, done)
        builder.position_at_end(inside)
        for phi, value in zip(phis, body(j, phis), strict=True):
            phi.add_incoming(value, builder.block)
        j.add_incoming(following, builder.block)
        builder.branch(head)
        builder.position_at_end(done)
        return j, phis


def _sums(b: _Builder, parts: list[Any]) -> Any:
    """Return a vector of the sums of 1 or 4 vectors."""
    builder = b.builder
    if len(parts) == 1:
        part = parts[0]
        for width in (8, 4, 2, 1):
            turned = [(k + width) % _LANES for k in range(_LANES)]
            part = builder.fadd(part, b.shuffle(part, turned))
        return b.shuffle(part, [0])
    low, high = [*range(8), *range(16, 24)], [*range(8, 16), *range(24, 32)]
    pairs = [builder.fadd(b.shuffle(x, low, y), b.shuffle(x, high, y))
             for x, y in (parts[:2], parts[2:])]  # fmt: skip
    left = [k + o for o in (0, 8, 16, 24) for k in range(4)]
    four = builder.fadd(b.shuffle(pairs[0], left, pairs[1]),
                        b.shuffle(pairs[0], [k + 4 for k in left], pairs[1]))  # fmt: skip
    four = builder.fadd(four, b.shuffle(four, [k ^ 2 for k in range(_LANES)]))
    four = builder.fadd(four, b.shuffle(four, [k ^ 1 for k in range(_LANES)]))
    return b.shuffle(four, [0, 4, 8, 12])


def _apply_records(
    typing_context: Any, dim: Any, packed: Any, columns: Any, n: Any,  # noqa: ARG001
    scales: Any, shifts: Any, vector: Any, out: Any,
) -> Any:  # fmt: skip
    """For each record j: t = <c_j, vector>, out += (scales_j t + shifts_j) c_j, shifts_j = t.

    Args:
        dim: A constant, multiple of 32.
        packed: int32, contiguous. Rows of bfloat16 pairs (`kernels/reference/least_squares.py`).
        columns: int32. Which row each record reads.
        n: How many records.
        scales, shifts: float32 (n,).
        vector, out: float32 (dim,).
    """
    if not isinstance(dim, types.IntegerLiteral):
        return None
    d = dim.literal_value
    words, chunks = d // 2, d // (2 * _LANES)
    signature = types.void(dim, packed, columns, n, scales, shifts, vector, out)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        b = _Builder(context, builder, signature, arguments)
        rows, ids, scales, shifts, vector, out = (b.data(i) for i in (1, 2, 4, 5, 6, 7))
        n = b.number(3)
        last = builder.sub(n, _LONG(1))

        def row_of(j: Any) -> Any:
            column = builder.zext(b.load(ids, j, _INT), _LONG)
            return builder.gep(rows, [builder.mul(column, _LONG(words))])

        def pair(row: Any, k: int) -> tuple[Any, Any]:
            """Chunks 2 k and 2 k + 1 of a row."""
            both = b.load(row, k * _LANES, _INTS)
            low = builder.shl(both, ir.Constant(_INTS, [16] * _LANES))
            return builder.bitcast(low, _FLOATS), builder.bitcast(both, _FLOATS)

        def records(count: int) -> Any:
            def body(j: Any, _: Any) -> list[Any]:
                taken = [row_of(builder.add(j, _LONG(r))) for r in range(count)]
                for r in range(count if count > 1 else 0):
                    ahead = builder.add(j, _LONG(_AHEAD + r))
                    ahead = builder.select(builder.icmp_signed("<", ahead, last), ahead, last)
                    row = row_of(ahead)
                    for k in range(0, words, _LINE // 4):
                        line = b.at(row, k, ir.IntType(8))
                        builder.call(b.prefetch, [line, _INT(0), _INT(3), _INT(1)])
                parts: list[Any] = [None] * count
                for k in range(chunks):
                    first, second = (b.load(vector, (2 * k + o) * _LANES) for o in (0, 1))
                    for r, row in enumerate(taken):
                        low, high = pair(row, k)
                        parts[r] = b.multiply_add(low, first, parts[r])
                        parts[r] = b.multiply_add(high, second, parts[r])
                dots = _sums(b, parts)
                kind = ir.VectorType(_FLOAT, count)
                terms = builder.fmul(b.load(scales, j, kind), dots)
                terms = builder.fadd(terms, b.load(shifts, j, kind))
                b.store(dots, shifts, j)
                factors = [b.shuffle(terms, [r] * _LANES) for r in range(count)]
                for k in range(chunks):
                    first, second = (b.load(out, (2 * k + o) * _LANES) for o in (0, 1))
                    for factor, row in zip(factors, taken, strict=True):
                        low, high = pair(row, k)
                        first = b.multiply_add(factor, low, first)
                        second = b.multiply_add(factor, high, second)
                    b.store(first, out, 2 * k * _LANES)
                    b.store(second, out, (2 * k + 1) * _LANES)
                return []

            return body

        done, _ = b.loop(_LONG(0), n, _RECORDS, records(_RECORDS), [])
        b.loop(done, n, 1, records(1), [])
        return context.get_dummy_value()

    return signature, generate


apply_records: Any = intrinsic(prefer_literal=True)(_apply_records)


def _tile(
    typing_context: Any, n: Any, a: Any, a_start: Any, a_row: Any, a_step: Any,  # noqa: ARG001
    b: Any, b_start: Any, b_step: Any, out: Any, out_start: Any, out_row: Any,
) -> Any:  # fmt: skip
    """out[r, c] = sum over k < n of a[r, k] b[k, c], for 8 rows r and 16 columns c.

    a[r, k] is a.flat[a_start + r a_row + k a_step], b[k, c] is b.flat[b_start + k b_step + c] and
    out[r, c] is out.flat[out_start + r out_row + c]; all float32 and contiguous.
    """
    signature = types.void(
        n, a, a_start, a_row, a_step, b, b_start, b_step, out, out_start, out_row
    )

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        g = _Builder(context, builder, signature, arguments)
        n, a_start, a_row, a_step, b_start, b_step, out_start, out_row = (
            g.number(i) for i in (0, 2, 3, 4, 6, 7, 9, 10)
        )
        left = builder.gep(g.data(1), [a_start])
        right = builder.gep(g.data(5), [b_start])
        out = builder.gep(g.data(8), [out_start])
        rows = [builder.mul(a_row, _LONG(r)) for r in range(TILE_ROWS)]

        def body(k: Any, sums: list[Any]) -> list[Any]:
            across = g.load(right, builder.mul(k, b_step))
            column = builder.gep(left, [builder.mul(k, a_step)])
            return [
                g.multiply_add(g.spread(g.load(column, row, _FLOAT)), across, total)
                for row, total in zip(rows, sums, strict=True)
            ]

        zeros = [ir.Constant(_FLOATS, [0.0] * _LANES)] * TILE_ROWS
        _, sums = g.loop(_LONG(0), n, 1, body, zeros)
        for r, total in enumerate(sums):
            g.store(total, out, builder.mul(out_row, _LONG(r)))
        return context.get_dummy_value()

    return signature, generate


tile: Any = intrinsic(_tile)
