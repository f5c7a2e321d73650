"""find_modules: the modules of a network that a random walk is told in with the fewest bits.

Every node begins as a module. Nodes move, in random order, to the neighbouring module that shortens
the code most, until none does; then modules become nodes and move likewise. From what was found,
nodes move again one by one, and each module is cut anew into parts that may go elsewhere, by turns
until neither gains. The shortest of several trials is kept. Deterministic for a seed, whatever the
number of threads.

Sources: Rosvall and Bergstrom 2008 (the map equation, see kernels/reference/map_equation.py);
Rosvall, Axelsson and Bergstrom 2009, "The map equation" (moves, aggregation, both refinements).
"""

from dataclasses import dataclass, replace

import numpy as np

from textzero._compat import Array
from textzero.kernels import kernel
from textzero.kernels.reference.map_equation import GAIN
from textzero.parallel import ordered_threads, worker_count
from textzero.progress import Progress


@dataclass(frozen=True)
class Modules:
    """A network cut into modules.

    Attributes:
        module: int32 (n,). The module of each node; module 0 has the largest flow.
        flow: float64 (n,). How often the walk is at each node, with sum 1.
        code_length: Bits that a step of the walk costs.
        one_module: Bits when all nodes are one module.
    """

    module: Array
    flow: Array
    code_length: float
    one_module: float


def find_modules(
    offsets: Array,
    targets: Array,
    weights: Array,
    *,
    teleportation: float = 0.15,
    trials: int = 10,
    seed: int = 0,
    workers: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Modules:
    """Cut a directed network into modules by the two-level map equation.

    Args:
        offsets: int64 (n + 1,). Links of node a are offsets[a] ... offsets[a + 1] - 1.
        targets: int32 (links,). Where they lead.
        weights: float64 (links,). Finite, not negative.
        teleportation: How often the walk jumps to any node. With 0 it must settle by itself, as it
            does where every link goes both ways with one weight.
        trials: Searches, each with its own random order; the shortest code is kept.
        seed: Of the random orders.
        workers: Threads; None for one per processor.
        device: "cpu", or "reference" for the plain Python definition (slow).
        progress: Told how many trials are done.

    Raises:
        ValueError: An argument has no such value, or the walk does not settle.
    """
    if not 0 <= teleportation < 1:
        raise ValueError(f"teleportation must be at least 0 and below 1, got {teleportation}")
    for name, value, least in (("trials", trials, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    links = _checked(offsets, targets, weights)
    kernels, n = kernel("map_equation", device), offsets.size - 1
    flow = kernels.visit_rates(*links, teleportation)
    network = _network(*links, flow, teleportation, device)

    def search(trial: int) -> tuple[float, Array]:
        found = _search(network, np.random.default_rng([seed, trial]))
        return kernels.code_length(found, *links, flow, teleportation), found

    whole = np.zeros(n, np.int32)
    one = kernels.code_length(whole, *links, flow, teleportation)
    best, module = one, whole
    progress = progress or Progress()
    with progress.stage("cluster", trials, "trials"):
        for length, found in ordered_threads(search, range(trials), worker_count(workers)):
            progress.advance(1)
            if length < best - GAIN:
                best, module = length, found
    return Modules(_by_flow(module, flow), flow, best, one)


def _checked(offsets: Array, targets: Array, weights: Array) -> tuple[Array, Array, Array]:
    offsets = np.ascontiguousarray(offsets, np.int64)
    targets = np.ascontiguousarray(targets, np.int32)
    weights = np.ascontiguousarray(weights, np.float64)
    n = offsets.size - 1
    if n < 1 or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise ValueError("offsets must begin with 0 and never fall, for at least one node")
    if not offsets[-1] == targets.size == weights.size:
        raise ValueError(
            f"offsets, targets and weights must tell of as many links, "
            f"got {offsets[-1]}, {targets.size} and {weights.size}"
        )
    if targets.size and not 0 <= targets.min() <= targets.max() < n:
        raise ValueError(f"targets must be nodes from 0 to {n - 1}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("weights must be finite and not negative")
    return offsets, targets, weights


@dataclass(frozen=True)
class _Network:
    """What `move_nodes` needs to know of nodes, or of modules that became nodes."""

    device: str
    share: Array
    flow: Array
    jump: Array
    out: Array
    offsets: Array
    columns: Array
    both: Array

    def __len__(self) -> int:
        return self.share.size

    def settle(self, modules: Array, random: np.random.Generator) -> tuple[Array, bool]:
        """Move nodes until none gains; also say whether any did."""
        kernels, any_moved = kernel("map_equation", self.device), False
        while True:
            modules, moved = kernels.move_nodes(
                modules, random.permutation(len(self)), self.share, self.flow, self.jump, self.out,
                self.offsets, self.columns, self.both,
            )  # fmt: skip
            if not moved:
                return modules, any_moved
            any_moved = True

    def merged(self, groups: Array) -> "_Network":
        """Return the network whose nodes are the groups, numbered from 0 without gaps."""
        n = int(groups.max()) + 1
        offsets, columns, both = kernel("map_equation", self.device).merge_links(
            groups, n, self.offsets, self.columns, self.both
        )
        share, flow, jump = (
            np.bincount(groups, values, n) for values in (self.share, self.flow, self.jump)
        )
        rows, inside = self._inside(groups)
        within = np.bincount(groups[rows[inside]], self.both[inside], n) / 2
        out = np.bincount(groups, self.out, n) - within
        return _Network(self.device, share, flow, jump, out, offsets, columns, both)

    def cut(self, groups: Array) -> "_Network":
        """Return the network without links between groups; what leaves a node still does."""
        rows, inside = self._inside(groups)
        starts = np.zeros_like(self.offsets)
        np.cumsum(np.bincount(rows[inside], minlength=len(self)), out=starts[1:])
        return replace(self, offsets=starts, columns=self.columns[inside], both=self.both[inside])

    def _inside(self, groups: Array) -> tuple[Array, Array]:
        """The node at which each link stands, and whether the link stays in the node's group."""
        rows = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        return rows, groups[rows] == groups[self.columns]


def _network(
    offsets: Array, targets: Array, weights: Array, flow: Array, tau: float, device: str
) -> _Network:
    """Turn links into flows, standing at both their ends."""
    n = offsets.size - 1
    sources = np.repeat(np.arange(n, dtype=np.int32), np.diff(offsets))
    strength = np.bincount(sources, weights, n)
    stuck = strength == 0
    unit = (1 - tau) * flow / np.where(stuck, 1.0, strength)
    flows = unit[sources] * weights
    loop = sources == targets
    out = np.bincount(sources[~loop], flows[~loop], n)
    rows, columns = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    order = np.argsort(rows, kind="stable")
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=n), out=starts[1:])
    # each node a group of its own: links that go both ways become one, loops vanish
    starts, columns, both = kernel("map_equation", device).merge_links(
        np.arange(n, dtype=np.int32), n, starts, columns[order], np.tile(flows, 2)[order]
    )
    jump = np.where(stuck, flow, tau * flow)
    return _Network(device, np.full(n, 1 / n), flow, jump, out, starts, columns, both)


def _search(network: _Network, random: np.random.Generator) -> Array:
    """One trial."""
    modules, idle, recut = _singles(network), 0, False
    while idle < 2:
        if recut:
            modules, moved = _recut(network, modules, random)
        else:
            modules, moved = network.settle(modules, random)
        modules, joined = _join(network, modules, random)
        idle = 0 if moved or joined else idle + 1
        recut = not recut
    return modules


def _singles(network: _Network) -> Array:
    """Every node a module of its own."""
    return np.arange(len(network), dtype=np.int32)


def _numbered(modules: Array) -> Array:
    """The same modules with numbers from 0 without gaps."""
    return np.unique(modules, return_inverse=True)[1].astype(np.int32)


def _join(network: _Network, modules: Array, random: np.random.Generator) -> tuple[Array, bool]:
    """Move whole modules until none gains; also say whether any did."""
    groups, any_moved = _numbered(modules), False
    while True:
        upper = network.merged(groups)
        found, moved = upper.settle(_singles(upper), random)
        if not moved:
            return groups, any_moved
        groups, any_moved = _numbered(found)[groups], True


def _recut(network: _Network, modules: Array, random: np.random.Generator) -> tuple[Array, bool]:
    """Cut each module into parts, as if alone, and move parts; also say whether any did."""
    modules = _numbered(modules)
    parts = _numbered(network.cut(modules).settle(_singles(network), random)[0])
    whole = np.zeros(int(parts.max()) + 1, np.int32)
    whole[parts] = modules
    found, moved = network.merged(parts).settle(whole, random)
    return found[parts], moved


def _by_flow(modules: Array, flow: Array) -> Array:
    """Number the modules by falling flow, ties by their first node."""
    _, first, groups = np.unique(modules, return_index=True, return_inverse=True)
    order = np.lexsort((first, -np.bincount(groups, flow)))
    places = np.empty(order.size, np.int32)
    places[order] = np.arange(order.size)
    return places[groups]
