from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from textzero.kernels import kernel

# Lengths are sums of a few dozen terms of size 1: 1e-12 leaves room for a hundred roundings.
EXACT = {"rtol": 0, "atol": 1e-12}
TRIANGLES = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)]


def network(n, links):
    """Offsets, targets and weights of (from, to, weight) links."""
    links = sorted(links)
    sources = np.array([a for a, _, _ in links], np.int64)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=n))]).astype(np.int64)
    targets = np.array([b for _, b, _ in links], np.int32)
    return offsets, targets, np.array([w for *_, w in links], np.float64)


def undirected(n, pairs):
    return network(n, [(a, b, 1.0) for a, b in pairs] + [(b, a, 1.0) for a, b in pairs])


def random_links(seed, n, density):
    """Links with weights; some nodes may have none, some may link to themselves."""
    random = np.random.default_rng(seed)
    chosen = np.argwhere(random.random((n, n)) < density)
    return network(n, [(a, b, random.uniform(0.1, 1)) for a, b in chosen.tolist()])


def transitions(offsets, targets, weights, tau):
    """The matrix of the walk with its jumps."""
    n = offsets.size - 1
    matrix = np.zeros((n, n))
    for a in range(n):
        part = slice(offsets[a], offsets[a + 1])
        if weights[part].sum() == 0:
            matrix[a] = 1 / n
            continue
        np.add.at(matrix[a], targets[part], (1 - tau) * weights[part] / weights[part].sum())
        matrix[a] += tau / n
    return matrix


def balance(matrix):
    """p with p matrix = p and sum 1, by solving the equations."""
    n = len(matrix)
    equations = np.vstack([matrix.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(equations, np.append(np.zeros(n), 1.0), rcond=None)[0]


def entropy(rates):
    rates = rates[rates > 0] / rates.sum()
    return -(rates * np.log2(rates)).sum()


def length(modules, matrix):
    """L of SYSTEMS B.7, from the matrix alone."""
    p, total, exits = balance(matrix), 0.0, []
    for i in np.unique(modules):
        inside = modules == i
        q = (p[inside, None] * matrix[inside][:, ~inside]).sum()
        exits.append(q)
        total += (p[inside].sum() + q) * entropy(np.append(p[inside], q))
    exits = np.array(exits)
    return total + (exits.sum() * entropy(exits) if exits.sum() > 0 else 0.0)


def movable(offsets, targets, weights, flow, tau):
    """share, flow, jump, out, offsets, columns, both of `move_nodes`, by matrices."""
    n = flow.size
    jumps = np.array([weights[a:b].sum() == 0 for a, b in pairwise(offsets)])
    steps = transitions(offsets, targets, weights, tau)
    steps = np.where(jumps[:, None], 0, steps - tau / n) * flow[:, None]
    steps[np.abs(steps) < 1e-15] = 0
    np.fill_diagonal(steps, 0)
    both = steps + steps.T
    rows, columns = np.nonzero(both)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    jump = np.where(jumps, flow, tau * flow)
    out = steps.sum(axis=1)
    arrays = (np.full(n, 1 / n), flow, jump, out, starts, columns.astype(np.int32))
    return *arrays, both[rows, columns]


@pytest.mark.parametrize("tau, expected", [(0.0, 2.3207303568), (0.15, None)])
def test_two_bridged_triangles(device, tau, expected):
    kernels, links = kernel("map_equation", device), undirected(6, TRIANGLES)
    flow = kernels.visit_rates(*links, tau)
    modules = np.array([0, 0, 0, 1, 1, 1], np.int32)
    found = kernels.code_length(modules, *links, flow, tau)
    assert isinstance(found, float)
    assert_allclose(found, length(modules, transitions(*links, tau)), **EXACT)
    if expected is not None:  # of ten digits; the walk is at a node as often as it has links
        assert_allclose(found, expected, rtol=0, atol=5e-11)
        assert_allclose(flow * 14, [2, 2, 3, 3, 2, 2], **EXACT)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([0.05, 0.2, 0.6]),
       st.sampled_from([0.15, 0.5, 1e-2]))  # fmt: skip
def test_rates_and_lengths_are_those_of_the_matrix(seed, n, density, tau):
    links = random_links(seed, n, density)
    matrix = transitions(*links, tau)
    modules = np.random.default_rng(seed).integers(0, n, n).astype(np.int32)
    for device in ("reference", "cpu"):
        kernels = kernel("map_equation", device)
        flow = kernels.visit_rates(*links, tau)
        assert flow.dtype == np.float64 and flow.shape == (n,)
        # a change below 1e-13 leaves an error below 1e-13 / tau
        assert_allclose(flow, balance(matrix), rtol=0, atol=1e-10)
        found = kernels.code_length(modules, *links, flow, tau)
        assert_allclose(found, length(modules, matrix), rtol=0, atol=1e-9)


def test_one_module_costs_the_entropy_of_the_rates(device):
    kernels, links = kernel("map_equation", device), undirected(4, [(0, 1), (0, 2), (0, 3)])
    flow = kernels.visit_rates(*links, 0.0)
    # 1/2 and three times 1/6: log2(6) / 2 + 1 / 2
    found = kernels.code_length(np.zeros(4, np.int32), *links, flow, 0.0)
    assert_allclose(found, np.log2(6) / 2 + 0.5, **EXACT)


def test_links_without_weight_are_no_links(device):
    kernels = kernel("map_equation", device)
    bare, idle = network(3, [(0, 1, 1.0)]), network(3, [(0, 1, 1.0), (1, 2, 0.0), (2, 0, 0.0)])
    assert_array_equal(kernels.visit_rates(*bare, 0.15), kernels.visit_rates(*idle, 0.15))
    alone = kernels.visit_rates(*network(3, []), 0.15)
    assert_allclose(alone, [1 / 3] * 3, **EXACT)


def test_a_walk_that_goes_to_and_fro_does_not_settle(device):
    # it begins in proportion to the weights, 1 to 3, and changes places at every step
    links = network(2, [(0, 1, 1.0), (1, 0, 3.0)])
    with pytest.raises(ValueError, match=r"teleportation must be more, got 0\.0"):
        kernel("map_equation", device).visit_rates(*links, 0.0)
    assert_allclose(kernel("map_equation", device).visit_rates(*links, 0.15), [0.5, 0.5], **EXACT)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.integers(2, 9), st.sampled_from([0.1, 0.3, 0.7]),
       st.sampled_from([0.15, 0.5]))  # fmt: skip
def test_a_node_goes_where_the_code_is_shortest(seed, n, density, tau):
    links, random = random_links(seed, n, density), np.random.default_rng(seed)
    matrix = transitions(*links, tau)
    modules = random.integers(0, n, n).astype(np.int32)
    arguments = movable(*links, balance(matrix), tau)
    starts, columns = arguments[4], arguments[5]
    for node in range(n):
        neighbours = modules[columns[starts[node] : starts[node + 1]]]
        empty = set(range(n)) - set(modules.tolist())
        lengths = {}
        for module in {*neighbours.tolist(), int(modules[node]), *list(empty)[:1]}:
            tried = modules.copy()
            tried[node] = module
            lengths[module] = length(tried, matrix)
        for device in ("reference", "cpu"):
            new, moved = kernel("map_equation", device).move_nodes(
                modules, np.array([node]), *arguments
            )
            assert new.dtype == np.int32 and moved == (new[node] != modules[node])
            assert_array_equal(np.delete(new, node), np.delete(modules, node))
            # the incremental change is that of the length computed anew
            assert_allclose(length(new, matrix), min(lengths.values()), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["random", "even"])
@pytest.mark.parametrize("seed", range(20))
def test_a_sweep_is_the_same_in_both_twins_and_never_longer(seed, kind):
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 25))
    links, tau = random_links(seed, n, 0.2), 0.15
    if kind == "even":  # a ring in which gains are equal but for their roundings
        reach = int(random.integers(1, 4))
        pairs = {(a, (a + k + 1) % n) for a in range(n) for k in range(reach)}
        links = undirected(n, sorted(pairs))
    matrix = transitions(*links, tau)
    arguments = movable(*links, balance(matrix), tau)
    modules, before = np.arange(n, dtype=np.int32), np.inf
    for _ in range(4):
        order = random.permutation(n)
        expected, n_moved = kernel("map_equation", "reference").move_nodes(
            modules, order, *arguments
        )
        got, moved = kernel("map_equation", "cpu").move_nodes(modules, order, *arguments)
        assert_array_equal(got, expected)
        assert moved == n_moved
        modules, after = got, length(got, matrix)
        assert after <= before + 1e-12
        before = after


def test_of_equal_modules_the_lowest_number_is_taken(device):
    links = undirected(3, [(0, 1), (1, 2)])
    flow = kernel("map_equation", device).visit_rates(*links, 0.15)
    arguments = movable(*links, flow, 0.15)
    for numbers in ([0, 1, 2], [2, 1, 0], [2, 0, 1]):
        modules = np.array(numbers, np.int32)
        new, moved = kernel("map_equation", device).move_nodes(modules, np.array([1]), *arguments)
        assert moved == 1 and new[1] == min(numbers[0], numbers[2])


def test_a_node_may_leave_for_an_empty_module(device):
    # two cliques of four without a link, and one node of the second in the module of the first
    pairs = [(a, b) for k in (0, 4) for a in range(k, k + 4) for b in range(a + 1, k + 4)]
    links = undirected(9, pairs)  # the last node has no link
    flow = kernel("map_equation", device).visit_rates(*links, 0.15)
    modules = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0], np.int32)
    new, moved = kernel("map_equation", device).move_nodes(
        modules, np.array([8]), *movable(*links, flow, 0.15)
    )
    assert moved == 1 and new[8] == 2  # the lowest number that is free
    matrix = transitions(*links, 0.15)
    assert length(new, matrix) < length(modules, matrix)


@pytest.mark.parametrize("seed", range(10))
def test_merged_links_are_the_sums_between_groups(device, seed):
    random = np.random.default_rng(seed)
    n, n_groups = 12, 5
    links = random_links(seed, n, 0.3)
    *_, offsets, columns, both = movable(*links, np.full(n, 1 / n), 0.15)
    groups = random.integers(0, n_groups, n).astype(np.int32)
    groups[groups == 3] = 0  # a group without nodes
    starts, merged, sums = kernel("map_equation", device).merge_links(
        groups, n_groups, offsets, columns, both
    )
    assert (starts.dtype, merged.dtype, sums.dtype) == (np.int64, np.int32, np.float64)
    expected = np.zeros((n_groups, n_groups))
    rows = np.repeat(np.arange(n), np.diff(offsets))
    np.add.at(expected, (groups[rows], groups[columns]), both)
    np.fill_diagonal(expected, 0)
    got = np.zeros_like(expected)
    for group in range(n_groups):
        part = slice(starts[group], starts[group + 1])
        assert (np.diff(merged[part]) > 0).all()
        got[group, merged[part]] = sums[part]
    assert_allclose(got, expected, **EXACT)
    assert merged.size == np.count_nonzero(expected)


def test_given_arrays_are_left_as_they_are(device):
    kernels, links = kernel("map_equation", device), random_links(1, 8, 0.4)
    flow = kernels.visit_rates(*links, 0.15)
    modules, order = np.arange(8, dtype=np.int32), np.arange(8)
    arguments = (modules, order, *movable(*links, flow, 0.15))
    before = [array.copy() for array in (*links, *arguments)]
    kernels.code_length(modules, *links, flow, 0.15)
    assert kernels.move_nodes(*arguments)[1] > 0
    kernels.merge_links(modules, 8, *arguments[-3:])
    for array, old in zip((*links, *arguments), before, strict=True):
        assert_array_equal(array, old)
