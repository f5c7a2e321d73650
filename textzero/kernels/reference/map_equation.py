"""The map equation: how many bits a step of a random walk costs, told by module, as defined.

A walk follows the links and, with probability tau, jumps to a node chosen evenly. Node a is visited
at rate p_a, module i is left at rate q_i, and with q = sum q_i and P_i = q_i + sum of its p

    L = q H(q_i / q) + sum_i P_i H(q_i / P_i, p_a / P_i of its nodes a)

bits a step: a book of names for the modules, and one for the nodes of each and its exit. A node
without links jumps always. A walk in balance enters a module as often as it leaves it.

Moving nodes needs less than the links: a node (or a module that became one) has a share of all
nodes, a flow p, a flow that jumps, a flow that leaves it by links, and the flow between it and each
neighbour in both directions together. A module of such nodes is left at rate

    q_i = jump_i (1 - share_i) + out_i,  out_i = sum of its nodes' out - flow between its nodes

Source: Rosvall and Bergstrom 2008, "Maps of random walks on complex networks reveal community
structure" (L, the teleportation); Su Jianlin, kexue.fm 7006 (words as nodes). Not here: modules in
modules, overlapping modules.
"""

import math

import numpy as np

from textzero._compat import Array

GAIN = 1e-10  # bits: a smaller gain is none
TIE = GAIN / 2  # gains that differ by less are equal
_STEPS, _SETTLED = 10_000, 1e-13


def visit_rates(offsets: Array, targets: Array, weights: Array, teleportation: float) -> Array:
    """Return how often the walk is at each node.

    Args:
        offsets: int64 (n + 1,). Links of node a are offsets[a] ... offsets[a + 1] - 1.
        targets: int32 (links,). Where they lead.
        weights: float64 (links,). Not negative; a node's links are followed in proportion.
        teleportation: tau, from 0 (then the walk must settle by itself) to 1.

    Returns:
        flow: float64 (n,), with sum 1.

    Raises:
        ValueError: The walk does not settle.
    """
    n = offsets.size - 1
    strength = np.array([weights[offsets[a] : offsets[a + 1]].sum() for a in range(n)])
    # at the start in proportion to the links: where those are symmetric, this is the end too
    flow = strength / strength.sum() if strength.sum() > 0 else np.full(n, 1 / n)
    for _ in range(_STEPS):
        new = np.zeros(n)
        for a in range(n):
            jump = 1.0 if strength[a] == 0 else teleportation
            new += jump * flow[a] / n
            for link in range(offsets[a], offsets[a + 1]):
                if strength[a] > 0:
                    share = weights[link] / strength[a]
                    new[targets[link]] += (1 - teleportation) * flow[a] * share
        new /= new.sum()
        change, flow = float(np.abs(new - flow).sum()), new
        if change <= _SETTLED:
            return flow
    raise ValueError(f"the walk does not settle; teleportation must be more, got {teleportation}")


def code_length(
    modules: Array,
    offsets: Array,
    targets: Array,
    weights: Array,
    flow: Array,
    teleportation: float,
) -> float:
    """Return L in bits.

    Args:
        modules: int32 (n,). The module of each node, from 0 to n - 1.
        offsets, targets, weights, teleportation: As for `visit_rates`.
        flow: float64 (n,). From `visit_rates`.
    """
    n = modules.size
    leaving = np.zeros(n)  # q_i
    for a in range(n):
        strength = weights[offsets[a] : offsets[a + 1]].sum()
        jump = 1.0 if strength == 0 else teleportation
        outside = int((modules != modules[a]).sum())
        leaving[modules[a]] += jump * flow[a] * outside / n
        for link in range(offsets[a], offsets[a + 1]):
            if strength > 0 and modules[targets[link]] != modules[a]:
                leaving[modules[a]] += (1 - teleportation) * flow[a] * weights[link] / strength
    total = leaving.sum() * _entropy(leaving)
    for i in set(modules.tolist()):
        rates = np.append(flow[modules == i], leaving[i])
        total += rates.sum() * _entropy(rates)
    return float(total)


def _entropy(rates: Array) -> float:
    """Bits of one symbol that appears in proportion to the rates."""
    total = float(rates.sum())
    return -sum(r / total * math.log2(r / total) for r in rates.tolist() if r > 0)


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
    """Move each node in turn to the module that shortens the code most.

    Open to a node are the modules of its neighbours and, unless it is alone, an empty module: the
    one emptied last, or else the lowest. It moves when that gains more than GAIN; of the modules
    within TIE of the best it takes the one with the lowest number.

    Args:
        modules: int32 (n,). The module of each node, from 0 to n - 1.
        order: int64 (k,). Nodes, in the order in which to try them.
        share: float64 (n,). Of all nodes of the network.
        flow: float64 (n,). Visit rates.
        jump: float64 (n,). The part of the flow that jumps.
        out: float64 (n,). The part that leaves by links to others.
        offsets: int64 (n + 1,). Neighbours of node a are offsets[a] ... offsets[a + 1] - 1.
        columns: int32 (m,). Each link stands at both its ends; none leads to its own node.
        both: float64 (m,). The flow between the two in both directions.

    Returns:
        new: int32 (n,). The modules after.
        moved: How many moves there were.
    """
    new, moved = modules.copy(), 0
    empty = sorted(set(range(modules.size)) - set(modules.tolist()), reverse=True)
    network = (share, flow, jump, out, offsets, columns, both)
    for a in order.tolist():
        own = int(new[a])
        now = _movable_length(new, *network)
        candidates = {int(new[b]) for b in columns[offsets[a] : offsets[a + 1]]} - {own}
        alone = int((new == own).sum()) == 1
        if empty and not alone:
            candidates.add(empty[-1])
        gains = {}
        for module in sorted(candidates):
            new[a] = module
            gains[module] = now - _movable_length(new, *network)
        new[a] = own
        best = max(gains.values(), default=0.0)
        if best <= GAIN:
            continue
        new[a] = min(module for module, gain in gains.items() if gain >= best - TIE)
        moved += 1
        if empty and new[a] == empty[-1]:
            empty.pop()
        if alone:
            empty.append(own)
    return new, moved


def _movable_length(
    modules: Array,
    share: Array,
    flow: Array,
    jump: Array,
    out: Array,
    offsets: Array,
    columns: Array,
    both: Array,
) -> float:
    """L without the part that no move changes: sum of -p log p over the nodes."""
    leaving, rates = [], []
    for i in sorted(set(modules.tolist())):
        inside = np.flatnonzero(modules == i)
        links = np.concatenate([np.arange(offsets[a], offsets[a + 1]) for a in inside])
        within = both[links][modules[columns[links]] == i].sum() / 2
        q = jump[inside].sum() * (1 - share[inside].sum()) + out[inside].sum() - within
        leaving.append(q)
        rates.append(flow[inside].sum() + q)
    return (
        _plogp(sum(leaving)) - 2 * sum(_plogp(q) for q in leaving) + sum(_plogp(r) for r in rates)
    )


def _plogp(x: float) -> float:
    return x * math.log2(x) if x > 0 else 0.0


def merge_links(
    groups: Array, n_groups: int, offsets: Array, columns: Array, both: Array
) -> tuple[Array, Array, Array]:
    """Make each group of nodes a node; the flows between two groups add up.

    Args:
        groups: int32 (n,). The group of each node.
        n_groups: How many groups there are.
        offsets, columns, both: As for `move_nodes`.

    Returns:
        offsets: int64 (n_groups + 1,).
        columns: int32. Each neighbour once, ascending; links inside a group are gone.
        both: float64.
    """
    rows: list[dict[int, float]] = [{} for _ in range(n_groups)]
    for a in range(groups.size):
        row = rows[groups[a]]
        for link in range(offsets[a], offsets[a + 1]):
            group = int(groups[columns[link]])
            if group != groups[a]:
                row[group] = row.get(group, 0.0) + float(both[link])
    starts = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    pairs = [pair for row in rows for pair in sorted(row.items())]
    merged = np.array([group for group, _ in pairs], np.int32)
    return starts, merged, np.array([flow for _, flow in pairs], np.float64)
