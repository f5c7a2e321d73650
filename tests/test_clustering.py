import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import textzero
from textzero.errors import InputError
from textzero.kernels import kernel
from textzero.progress import Progress
from textzero.vectors import clustering
from textzero.vectors.clustering import cluster_words, nearest_neighbours
from textzero.vectors.map_equation import find_modules
from textzero.vectors.word_vectors import WordVectors, unit_rows
from textzero.vocabulary import Vocabulary

TRIANGLES = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)]


def network(n, links):
    links = sorted(links)
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount([a for a, *_ in links], minlength=n), out=offsets[1:])
    return offsets, np.array([b for _, b, _ in links]), np.array([w for *_, w in links])


def undirected(n, pairs):
    return network(n, [(a, b, 1.0) for a, b in pairs] + [(b, a, 1.0) for a, b in pairs])


def planted(n_groups, size, within, between, seed=0):
    """Groups of nodes with links of weight 1, more within a group than to others."""
    random, group = np.random.default_rng(seed), np.repeat(np.arange(n_groups), size)
    same = group[:, None] == group
    found = np.argwhere(random.random(same.shape) < np.where(same, within, between))
    return network(n_groups * size, [(a, b, 1.0) for a, b in found.tolist() if a != b]), group


def partitions(n):
    """Every way to cut n nodes into modules."""
    if n == 0:
        yield []
        return
    for rest in partitions(n - 1):
        for module in range(max(rest, default=-1) + 2):
            yield [*rest, module]


def hangs_together(module, links):
    """Whether links join the nodes of each module."""
    sources = np.repeat(np.arange(module.size), np.diff(links[0]))
    reach = np.eye(module.size, dtype=bool)
    reach[sources, links[1]] = reach[links[1], sources] = True
    reach &= module[:, None] == module
    ends = np.linalg.matrix_power(reach.astype(float), module.size) > 0
    return bool((ends == (module[:, None] == module)).all())


def similar_points(seed, n=300):
    """Nearest neighbours of random points: no clear groups, so that searches differ."""
    rows = unit_rows(np.random.default_rng(seed).normal(size=(n, 4)))
    return nearest_neighbours(rows, 8, 0.0)


def length(module, links, tau=0.15):
    kernels = kernel("map_equation")
    arguments = (links[0], links[1].astype(np.int32), links[2])
    flow = kernels.visit_rates(*arguments, tau)
    return kernels.code_length(np.array(module, np.int32), *arguments, flow, tau)


# --- find_modules -------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_two_bridged_triangles_are_two_modules(device):
    found = find_modules(*undirected(6, TRIANGLES), teleportation=0.0, device=device)
    assert_array_equal(found.module, [0, 0, 0, 1, 1, 1])
    assert abs(found.code_length - 2.3207303568) < 5e-11
    # one module: rates 2/14 four times and 3/14 twice
    rates = np.array([2, 2, 2, 2, 3, 3]) / 14
    assert abs(found.one_module + (rates * np.log2(rates)).sum()) < 1e-12


def test_the_shortest_code_of_small_networks_is_found():
    # By trial of every partition. Nodes move to neighbours' modules, so the shortest code whose
    # modules hang together must be found; some of these networks have a shorter one that does not.
    ways = {n: [np.array(p, np.int32) for p in partitions(n)] for n in range(2, 8)}
    assert [len(ways[n]) for n in range(2, 8)] == [2, 5, 15, 52, 203, 877]  # Bell's numbers
    missed, missed_whole = 0, 0
    for seed in range(120):
        random = np.random.default_rng(seed)
        n, density = int(random.integers(2, 8)), random.uniform(0.15, 0.8)
        chosen = np.argwhere(random.random((n, n)) < density)
        links = network(n, [(a, b, random.uniform(0.1, 1)) for a, b in chosen.tolist()])
        found = find_modules(*links, workers=1)
        assert found.code_length == pytest.approx(length(found.module, links), abs=1e-12)
        lengths = np.array([length(way, links) for way in ways[n]])
        assert found.code_length >= lengths.min() - 1e-12
        missed += found.code_length > lengths.min() + 1e-9
        shorter = np.flatnonzero(lengths < found.code_length - 1e-9)
        missed_whole += any(hangs_together(ways[n][i], links) for i in shorter)
    assert missed_whole == 0  # nor in 1500 more of them
    assert missed <= 120 * 0.06


def test_planted_groups_are_found_whatever_the_order_of_the_nodes():
    (offsets, targets, weights), group = planted(8, 20, 0.5, 0.01)
    found = find_modules(offsets, targets, weights, trials=2)
    assert np.unique(found.module * 8 + group).size == np.unique(found.module).size == 8
    flows = np.bincount(found.module, found.flow)
    assert flows.size == 8 and (np.diff(flows) <= 0).all() and abs(flows.sum() - 1) < 1e-12
    order = np.random.default_rng(0).permutation(160)
    sources = np.repeat(np.arange(160), np.diff(offsets))
    mixed = network(160, [(order[a], order[b], 1.0) for a, b in zip(sources, targets, strict=True)])
    again = find_modules(*mixed, trials=2)
    assert_array_equal(again.module[order], found.module)
    assert_allclose(again.flow[order], found.flow, rtol=0, atol=1e-12)


def test_the_same_for_any_number_of_workers_and_one_seed():
    links = similar_points(0)
    base = find_modules(*links, workers=1)
    for workers in (2, 7):
        again = find_modules(*links, workers=workers)
        assert_array_equal(again.module, base.module)
        assert_array_equal(again.flow, base.flow)
        assert again.code_length == base.code_length
    lengths = {find_modules(*links, trials=1, seed=seed).code_length for seed in range(8)}
    assert len(lengths) > 1
    best = [find_modules(*links, trials=trials).code_length for trials in (1, 3, 10)]
    assert best == sorted(best, reverse=True) and best[-1] == base.code_length


def test_parts_of_modules_may_change_places(monkeypatch):
    links = similar_points(1)
    full = [find_modules(*links, trials=1, seed=seed).code_length for seed in range(5)]
    module = "textzero.vectors.map_equation"
    monkeypatch.setattr(f"{module}._recut", lambda *arguments: (arguments[1], False))
    plain = [find_modules(*links, trials=1, seed=seed).code_length for seed in range(5)]
    assert np.mean(full) < np.mean(plain)


def test_the_reference_searches_alike():
    links, _ = planted(3, 5, 0.8, 0.1)
    fast, slow = (find_modules(*links, trials=1, device=d) for d in ("cpu", "reference"))
    assert_array_equal(fast.module, slow.module)
    assert_allclose(fast.code_length, slow.code_length, rtol=0, atol=1e-12)


def test_networks_with_hardly_anything_in_them():
    found = find_modules(np.array([0, 0]), np.empty(0), np.empty(0))
    assert found.module.tolist() == [0] and found.code_length == 0 and found.flow.tolist() == [1]
    found = find_modules(*network(2, [(0, 0, 2.0)]))  # only a loop
    assert found.code_length <= found.one_module


@pytest.mark.parametrize(
    "change, message",
    [
        ({"teleportation": 1.0}, "teleportation must be at least 0 and below 1, got 1.0"),
        ({"teleportation": float("nan")}, "teleportation must be at least 0"),
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"offsets": [1, 2]}, "offsets must begin with 0"),
        ({"offsets": [0, 2, 1]}, "never fall"),
        ({"offsets": [0]}, "for at least one node"),
        ({"offsets": [0, 1, 3]}, "as many links, got 3, 2 and 2"),
        ({"targets": [1, 2]}, "targets must be nodes from 0 to 1"),
        ({"targets": [-1, 0]}, "targets must be nodes"),
        ({"weights": [1.0, -1.0]}, "weights must be finite and not negative"),
        ({"weights": [1.0, np.inf]}, "weights must be finite"),
        ({"workers": 0}, "workers must be at least 1"),
    ],
)
def test_a_wrong_argument_is_named(change, message):
    arguments = {"offsets": [0, 1, 2], "targets": [1, 0], "weights": [1.0, 1.0]} | change
    arrays = [np.array(arguments.pop(name)) for name in ("offsets", "targets", "weights")]
    with pytest.raises(ValueError, match=message):
        find_modules(*arrays, **arguments)


# --- nearest_neighbours -------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("step", [1, 7, 512])
def test_neighbours_are_the_nearest_rows(monkeypatch, device, step):
    monkeypatch.setattr(clustering, "_ROWS", step)
    rows = unit_rows(np.random.default_rng(0).normal(size=(40, 5)))
    rows[30:35] = rows[3]  # ties, and neighbours at a cosine of 1
    offsets, targets, cosines = nearest_neighbours(rows, 4, 0.4, workers=2, device=device)
    assert (offsets.dtype, targets.dtype, cosines.dtype) == (np.int64, np.int32, np.float64)
    exact = rows.astype(float) @ rows.T.astype(float)
    np.fill_diagonal(exact, -1)
    for i in range(40):
        part = slice(offsets[i], offsets[i + 1])
        expected = np.sort(exact[i])[::-1][:4]
        # products of five float32 numbers below 1 are exact to a few 1e-7
        assert_allclose(cosines[part], expected[expected >= 0.4], rtol=0, atol=1e-6)
        assert_allclose(exact[i][targets[part]], cosines[part], rtol=0, atol=1e-6)
    assert targets[offsets[3] : offsets[4]].tolist() == [30, 31, 32, 33]


def test_a_block_of_products_is_bounded(monkeypatch):
    monkeypatch.setattr(clustering, "_SCORES", 100)
    rows = unit_rows(np.random.default_rng(0).normal(size=(50, 5)))
    sizes = []

    class Watch(Progress):
        def advance(self, amount):
            sizes.append(amount)

    small = nearest_neighbours(rows, 3, 0.0, progress=Watch())
    assert sizes == [2] * 25
    monkeypatch.undo()
    for got, expected in zip(small, nearest_neighbours(rows, 3, 0.0), strict=True):
        assert_array_equal(got, expected)


# --- cluster_words ------------------------------------------------------------------------------


def make_vectors(n_groups=4, size=6, noise=0.2, seed=0):
    """Words g0w0, g1w0, ..., near one of a few orthogonal directions, and two unlike any."""
    random = np.random.default_rng(seed)
    names = [f"g{g}w{k}" for k in range(size) for g in range(n_groups)]
    directions = np.eye(n_groups + 2)
    rows = [3 * directions[g] + noise * random.normal(size=n_groups + 2)
            for _ in range(size) for g in range(n_groups)]  # fmt: skip
    names = ["odd", *names, "zero"]
    rows = np.array([directions[-1], *rows, np.zeros(n_groups + 2)], np.float32)
    return WordVectors(Vocabulary(names, np.arange(len(names), 0, -1)), rows)


def test_words_of_one_direction_are_one_cluster():
    vectors = make_vectors()
    found = vectors.cluster()
    assert len(found) == 4 and found.words == list(vectors.vocabulary)
    for words in found:
        assert len(words) == 6 and len({word[:2] for word in words}) == 1
    assert found.unclustered == ["odd", "zero"]
    assert found.cluster.dtype == np.int32 and found.cluster[[0, -1]].tolist() == [-1, -1]
    assert found.flow.dtype == np.float64 and abs(found.flow.sum() - 1) < 1e-12
    assert found.flow[[0, -1]].tolist() == [0, 0]
    assert found.links == 4 * 6 * 5 and found.code_length < found.one_cluster
    assert repr(found) == "Clusters(4 of 24 words)"


def test_clusters_and_words_go_by_falling_flow():
    found = cluster_words(make_vectors(5, 9, 0.7, seed=3), neighbours=3)
    flow = dict(zip(found.words, found.flow.tolist(), strict=True))
    assert_allclose(found.flows, [sum(flow[w] for w in words) for words in found])
    assert (np.diff(found.flows) <= 0).all()
    for number, words in enumerate(found):
        flows = [flow[word] for word in words]
        assert flows == sorted(flows, reverse=True)
        assert found[number] == words
        assert {found.cluster[found.words.index(word)] for word in words} == {number}
    with pytest.raises(IndexError):
        found[len(found)]


def test_a_word_that_is_nobodys_neighbour_is_in_its_neighbours_cluster():
    rows = np.array([[1, 0], [1, 0.1], [1, 0.5]], np.float32)
    vectors = WordVectors(Vocabulary(["a", "b", "c"], np.array([3, 2, 1])), rows)
    found = vectors.cluster(neighbours=1)  # a and b are near each other, c is near b
    assert found.links == 3 and found.unclustered == [] and len(found) == 1
    assert found[0] == ["b", "a", "c"]


def test_clusters_are_the_same_for_any_number_of_workers():
    vectors = make_vectors(12, 15, 1.2, seed=1)
    base = cluster_words(vectors, workers=1, min_similarity=0.2)
    for workers in (2, 7):
        again = cluster_words(vectors, workers=workers, min_similarity=0.2)
        assert list(again.rows()) == list(base.rows())
        assert again.code_length == base.code_length


def test_only_the_most_frequent_words_are_clustered():
    vectors = make_vectors()
    found = vectors.cluster(words=13)
    assert found.words == list(vectors.vocabulary)[:13]
    assert [len(words) for words in found] == [3, 3, 3, 3]
    assert len(vectors.cluster(words=10**6).words) == len(vectors)


def test_a_table_has_every_word_once(tmp_path):
    found = make_vectors().cluster()
    found.save(tmp_path / "clusters.tsv")
    rows = [line.split("\t") for line in (tmp_path / "clusters.tsv").read_text().splitlines()]
    assert sorted(word for word, *_ in rows) == sorted(found.words)
    assert rows[-2:] == [["odd", "-1", "0"], ["zero", "-1", "0"]]
    assert [word for word, number, _ in rows if number == "0"] == found[0]
    flow = dict(zip(found.words, found.flow.tolist(), strict=True))
    for word, _, number in rows:  # six digits
        assert float(number) == pytest.approx(flow[word], rel=1e-5)


def test_a_word_that_no_table_can_hold_is_refused(tmp_path):
    rows = np.ones((2, 3), np.float32)
    found = WordVectors(Vocabulary(["a\tb", "c"], np.array([2, 1])), rows).cluster()
    with pytest.raises(InputError, match=r"cannot hold the word 'a\\tb'"):
        found.save(tmp_path / "clusters.tsv")
    assert list(tmp_path.iterdir()) == []


def test_words_that_are_not_alike_have_no_clusters():
    vectors = WordVectors(Vocabulary(["a", "b"], np.array([2, 1])), np.eye(2, dtype=np.float32))
    with pytest.raises(InputError, match=r"no two of 2 words have a cosine of 0\.5 or more; lower"):
        vectors.cluster()
    with pytest.raises(InputError, match="no two of 2 words"):
        vectors.cluster(min_similarity=0.1)


def test_a_vector_that_is_not_finite_is_named():
    rows = np.ones((3, 2), np.float32)
    rows[1, 0] = np.nan
    vectors = WordVectors(Vocabulary(["a", "b", "c"], np.array([3, 2, 1])), rows)
    with pytest.raises(InputError, match="the vector of 'b' is not finite"):
        vectors.cluster()
    assert vectors.cluster  # the words before it would be fine
    rows[1, 0] = 1
    assert len(vectors.cluster()) == 1


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"words": 1}, "words must be at least 2, got 1"),
        ({"neighbours": 0}, "neighbours must be at least 1, got 0"),
        ({"min_similarity": -0.1}, "min_similarity must be from 0 to 1, got -0.1"),
        ({"min_similarity": float("nan")}, "min_similarity must be from 0 to 1, got nan"),
        ({"teleportation": 1}, "teleportation must be"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        cluster_words(make_vectors(), **settings)


def test_the_stages_are_timed():
    progress = Progress()
    make_vectors().cluster(progress=progress)
    assert set(progress.seconds) == {"compare", "cluster"}
    assert textzero.cluster_words is cluster_words


def test_vectors_that_point_alike_are_linked_at_a_similarity_of_1():
    rows = np.random.default_rng(0).normal(size=(30, 100)).astype(np.float32)
    rows[1::2] = rows[::2] * np.linspace(0.1, 9, 15, dtype=np.float32)[:, None]
    names = [f"w{k}" for k in range(30)]
    found = WordVectors(Vocabulary(names, np.arange(30, 0, -1)), rows).cluster(min_similarity=1)
    assert sorted(map(sorted, found)) == sorted(sorted(names[k : k + 2]) for k in range(0, 30, 2))


def test_cosines_do_not_depend_on_the_order_in_which_products_are_added_up():
    random = np.random.default_rng(0)
    rows = unit_rows(random.normal(size=(300, 128)))
    base = nearest_neighbours(rows, 20, 0.0)
    for columns in (np.arange(128)[::-1], random.permutation(128)):
        again = nearest_neighbours(np.ascontiguousarray(rows[:, columns]), 20, 0.0)
        for got, expected in zip(again, base, strict=True):
            assert_array_equal(got, expected)
