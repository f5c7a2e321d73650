"""The map equation with Numba. Contract: `kernels/reference/map_equation.py`.

With x' for x log2 x the length is (sum q_i)' - 2 sum q_i' + sum (q_i + p_i)' - sum p_a', so a move
changes three terms of each of two modules and the first: about eight logarithms a candidate, of
which those of the modules as they stand are kept.
"""

import numpy as np

from textzero._compat import Array
from textzero.kernels.cpu._jit import jit
from textzero.kernels.reference.map_equation import _SETTLED, _STEPS, GAIN, TIE


@jit
def _plogp(x: float) -> float:
    return x * np.log2(x) if x > 0 else 0.0


@jit
def _strengths(offsets: Array, weights: Array) -> Array:
    strength = np.zeros(offsets.size - 1)
    for a in range(strength.size):
        for link in range(offsets[a], offsets[a + 1]):
            strength[a] += weights[link]
    return strength


@jit
def _walk(offsets: Array, targets: Array, weights: Array, tau: float, flow: Array) -> bool:
    """Settle the flow in place; False when it does not."""
    n = flow.size
    strength = _strengths(offsets, weights)
    total = strength.sum()
    for a in range(n):
        flow[a] = strength[a] / total if total > 0 else 1 / n
    new = np.empty(n)
    for _ in range(_STEPS):
        jumping = 0.0
        new[:] = 0.0
        for a in range(n):
            if strength[a] <= 0:
                jumping += flow[a]
                continue
            jumping += tau * flow[a]
            unit = (1 - tau) * flow[a] / strength[a]
            for link in range(offsets[a], offsets[a + 1]):
                new[targets[link]] += unit * weights[link]
        new += jumping / n
        new /= new.sum()
        change = 0.0
        for a in range(n):
            change += abs(new[a] - flow[a])
            flow[a] = new[a]
        if change <= _SETTLED:
            return True
    return False


def visit_rates(offsets: Array, targets: Array, weights: Array, teleportation: float) -> Array:
    flow = np.empty(offsets.size - 1)
    if not _walk(offsets, targets, weights, teleportation, flow):
        raise ValueError(
            f"the walk does not settle; teleportation must be more, got {teleportation}"
        )
    return flow


@jit
def _code_length(
    modules: Array, offsets: Array, targets: Array, weights: Array, flow: Array, tau: float
) -> float:
    n = modules.size
    strength = _strengths(offsets, weights)
    inside, size = np.zeros(n), np.zeros(n)
    leaving, jumping = np.zeros(n), np.zeros(n)
    nodes = 0.0
    for a in range(n):
        i = modules[a]
        inside[i] += flow[a]
        size[i] += 1
        nodes += _plogp(flow[a])
        if strength[a] <= 0:
            jumping[i] += flow[a]
            continue
        jumping[i] += tau * flow[a]
        unit = (1 - tau) * flow[a] / strength[a]
        for link in range(offsets[a], offsets[a + 1]):
            if modules[targets[link]] != i:
                leaving[i] += unit * weights[link]
    total, exits, books = 0.0, 0.0, 0.0
    for i in range(n):
        q = leaving[i] + jumping[i] * (n - size[i]) / n
        total += q
        exits += _plogp(q)
        books += _plogp(q + inside[i])
    return _plogp(total) - 2 * exits + books - nodes


def code_length(
    modules: Array,
    offsets: Array,
    targets: Array,
    weights: Array,
    flow: Array,
    teleportation: float,
) -> float:
    return float(_code_length(modules, offsets, targets, weights, flow, teleportation))


@jit
def _move(
    modules: Array,
    order: Array,
    share: Array,
    flow: Array,
    jump: Array,
    out: Array,
    offsets: Array,
    columns: Array,
    both: Array,
) -> int:
    n = modules.size
    members = np.zeros(n, np.int64)
    shares, flows, jumps, outs = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for a in range(n):
        i = modules[a]
        members[i] += 1
        shares[i] += share[a]
        flows[i] += flow[a]
        jumps[i] += jump[a]
        within = 0.0
        for link in range(offsets[a], offsets[a + 1]):
            if modules[columns[link]] == i:
                within += both[link]
        outs[i] += out[a] - within / 2
    leaving, exit_terms, book_terms = np.zeros(n), np.zeros(n), np.zeros(n)
    empty, n_empty, total = np.empty(n, np.int64), 0, 0.0
    for i in range(n - 1, -1, -1):
        if members[i] == 0:
            empty[n_empty] = i
            n_empty += 1
            continue
        leaving[i] = jumps[i] * (1 - shares[i]) + outs[i]
        exit_terms[i], book_terms[i] = _plogp(leaving[i]), _plogp(leaving[i] + flows[i])
        total += leaving[i]
    touched, deltas, between = np.empty(n, np.int64), np.empty(n), np.zeros(n)
    seen = np.zeros(n, np.bool_)
    moved = 0
    for a in order:
        own = modules[a]
        n_touched = 0
        for link in range(offsets[a], offsets[a + 1]):
            i = modules[columns[link]]
            if not seen[i]:
                seen[i] = True
                touched[n_touched] = i
                n_touched += 1
            between[i] += both[link]
        back = between[own]  # flow to what stays behind
        alone = members[own] == 1
        if n_empty > 0 and not alone:
            touched[n_touched] = empty[n_empty - 1]
            n_touched += 1
        # the module that it leaves, without it
        if alone:
            left = left_exit = left_book = 0.0
        else:
            left = (jumps[own] - jump[a]) * (1 - shares[own] + share[a]) + outs[own] - out[a] + back
            left_exit, left_book = _plogp(left), _plogp(left + flows[own] - flow[a])
        fixed = (
            left_book - book_terms[own] - 2 * (left_exit - exit_terms[own])
        ) - _plogp(total)  # fmt: skip
        best = 0.0
        for k in range(n_touched):
            i = touched[k]
            if i == own:
                deltas[k] = np.inf
                continue
            q = (jumps[i] + jump[a]) * (1 - shares[i] - share[a]) + outs[i] + out[a] - between[i]
            delta = (
                fixed
                + _plogp(total + left - leaving[own] + q - leaving[i])
                - 2 * (_plogp(q) - exit_terms[i])
                + (_plogp(q + flows[i] + flow[a]) - book_terms[i])
            )
            deltas[k] = delta
            best = min(best, delta)
        target = n
        if best < -GAIN:
            for k in range(n_touched):
                if deltas[k] <= best + TIE and touched[k] < target:
                    target = touched[k]
        met = 0.0 if target == n else between[target]
        for k in range(n_touched):
            seen[touched[k]] = False
            between[touched[k]] = 0.0
        if target == n:
            continue
        if n_empty > 0 and target == empty[n_empty - 1]:
            n_empty -= 1
        members[own] -= 1
        members[target] += 1
        shares[target] += share[a]
        flows[target] += flow[a]
        jumps[target] += jump[a]
        outs[target] += out[a] - met
        if alone:
            shares[own] = flows[own] = jumps[own] = outs[own] = 0.0
            empty[n_empty] = own
            n_empty += 1
        else:
            shares[own] -= share[a]
            flows[own] -= flow[a]
            jumps[own] -= jump[a]
            outs[own] -= out[a] - back
        q = jumps[target] * (1 - shares[target]) + outs[target]
        total += left - leaving[own] + q - leaving[target]
        leaving[own], exit_terms[own], book_terms[own] = left, left_exit, left_book
        leaving[target], exit_terms[target] = q, _plogp(q)
        book_terms[target] = _plogp(q + flows[target])
        modules[a] = target
        moved += 1
    return moved


def move_nodes(
    modules: Array,
    order: Array,
    share: Array,
    flow: Array,
    jump: Array,
    out: Array,
    offsets: Array,
    columns: Array,
    both: Array,
) -> tuple[Array, int]:
    new = modules.copy()
    moved = _move(new, order, share, flow, jump, out, offsets, columns, both)
    return new, int(moved)


@jit
def _merge(
    groups: Array,
    offsets: Array,
    columns: Array,
    both: Array,
    starts: Array,
    merged: Array,
    sums: Array,
) -> None:
    n_groups = starts.size - 1
    firsts = np.zeros(n_groups + 1, np.int64)  # nodes of group g: nodes[firsts[g]:firsts[g + 1]]
    for group in groups:
        firsts[group + 1] += 1
    for group in range(n_groups):
        firsts[group + 1] += firsts[group]
    nodes, place = np.empty(groups.size, np.int64), firsts.copy()
    for a in range(groups.size):
        nodes[place[groups[a]]] = a
        place[groups[a]] += 1
    between, seen = np.zeros(n_groups), np.zeros(n_groups, np.bool_)
    n = 0
    for group in range(n_groups):
        begin = n
        for k in range(firsts[group], firsts[group + 1]):
            for link in range(offsets[nodes[k]], offsets[nodes[k] + 1]):
                other = groups[columns[link]]
                if other == group:
                    continue
                if not seen[other]:
                    seen[other] = True
                    merged[n] = other
                    n += 1
                between[other] += both[link]
        merged[begin:n].sort()
        for k in range(begin, n):
            sums[k] = between[merged[k]]
            between[merged[k]] = 0.0
            seen[merged[k]] = False
        starts[group + 1] = n


def merge_links(
    groups: Array, n_groups: int, offsets: Array, columns: Array, both: Array
) -> tuple[Array, Array, Array]:
    starts = np.zeros(n_groups + 1, np.int64)
    merged, sums = np.empty_like(columns), np.empty_like(both)
    _merge(groups, offsets, columns, both, starts, merged, sums)
    n = int(starts[-1])
    return starts, merged[:n].copy(), sums[:n].copy()
