"""The map of vectors: where words come to stand, and what is said of it."""

import sys

import numpy as np
import pytest

from textzero.errors import InputError
from textzero.report import projection, vectors
from textzero.report.blocks import Map, Text
from textzero.report.embedding import embedding_sections, made_of
from textzero.report.projection import placed_among, principal_components, tsne
from textzero.report.vectors import vector_sections
from textzero.vectors.clustering import Clusters
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary


def rows_of(n=60, dim=8, groups=3, seed=0):
    """Rows in groups around axes."""
    random = np.random.default_rng(seed)
    rows = random.normal(0, 0.15, (n, dim))
    rows[np.arange(n), np.arange(n) % groups] += 1
    return rows.astype(np.float32)


def vectors_of(rows, words=None, counts=None):
    n = len(rows)
    words = words or [f"w{i}" for i in range(n)]
    counts = np.arange(n, 0, -1) if counts is None else counts
    return WordVectors(Vocabulary(words, counts), rows)


def map_of(sections):
    return next(block for block in sections[0].blocks if isinstance(block, Map))


def said(section):
    texts = [p for block in section.blocks if isinstance(block, Text) for p in block.paragraphs]
    return " ".join([section.about, *texts])


def test_principal_components_are_those_of_the_singular_values():
    rows = rows_of(200, 12)
    found, shares = principal_components(rows, 3)
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :3] * values[:3]
    signs = np.sign((found * expected).sum(axis=0))
    assert np.abs(found - expected * signs).max() < 1e-4
    assert shares == pytest.approx(values[:3] ** 2 / (values**2).sum(), rel=1e-5)
    assert (found[np.abs(found).argmax(axis=0), range(3)] > 0).all()  # the sign is chosen


def test_rows_turned_round_have_the_same_components():
    rows = rows_of(80)
    found, _ = principal_components(rows)
    turned, _ = principal_components(-rows)
    assert np.abs(np.abs(found) - np.abs(turned)).max() < 1e-5
    assert (turned[np.abs(turned).argmax(axis=0), range(2)] > 0).all()


@pytest.mark.parametrize("shape", [(5, 1), (1, 3), (0, 3), (4, 4)])
def test_components_of_few_rows_or_dimensions_are_finite(shape):
    found, shares = principal_components(np.ones(shape, np.float32))
    assert found.shape == (shape[0], 2) and np.isfinite(found).all() and np.isfinite(shares).all()


def test_tsne_keeps_groups_together_and_gives_the_same_bytes_twice():
    pytest.importorskip("sklearn", reason="t-SNE is scikit-learn's")
    rows = rows_of()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    start, _ = principal_components(rows)
    found = tsne(rows, start)
    assert found.tobytes() == tsne(rows, start).tobytes()
    centres = np.stack([found[g::3].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(found[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == np.arange(60) % 3).mean() > 0.95


def test_a_further_word_stands_among_neighbours_that_stand_together():
    places = np.array([[0, 0], [0, 1], [1, 0], [90, 90]], np.float32)
    nearest = np.array([[3, 0, 1, 2]])
    cosines = np.array([[0.9, 0.5, 0.5, 0.5]], np.float32)
    (place,) = placed_among(places, nearest, cosines)
    assert place == pytest.approx([1 / 3, 1 / 3])


def test_the_map_holds_the_most_frequent_words_and_says_so(monkeypatch):
    monkeypatch.setattr(vectors, "has_tsne", lambda: False)
    sections = vector_sections(vectors_of(rows_of()), words=40)
    drawn = map_of(sections)
    assert list(drawn.words) == [f"w{i}" for i in range(40)]
    assert list(drawn.counts) == list(range(60, 20, -1))
    assert sections[0].about.startswith("The 40 most frequent of 60 words.")


def test_neighbours_are_the_nearest_on_the_map_by_cosine():
    rows = rows_of()
    drawn = map_of(vector_sections(vectors_of(rows), words=40, with_tsne=False))
    unit = rows[:40] / np.linalg.norm(rows[:40], axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    expected = np.argsort(-cosines, axis=1)[:, :10]
    assert np.array_equal(drawn.neighbours, expected)
    assert drawn.similarities == pytest.approx(np.take_along_axis(cosines, expected, 1), abs=1e-5)


def test_a_word_without_a_length_has_no_neighbours():
    rows = rows_of()
    rows[3] = 0
    sections = vector_sections(vectors_of(rows), with_tsne=False)
    assert (map_of(sections).neighbours[3] == -1).all()
    table = next(s for s in sections if s.title == "Neighbours").blocks[0]
    assert table.columns[0].cells[3] == "w3" and table.columns[1].cells[3] == ""


def test_rare_words_have_neighbours_among_the_frequent_ones(monkeypatch):
    monkeypatch.setattr(vectors, "_FREQUENT", 20)
    monkeypatch.setattr(vectors, "_AT_ONCE", 10)
    sections = vector_sections(vectors_of(rows_of()), with_tsne=False)
    drawn = map_of(sections)
    assert drawn.neighbours[:20].max() >= 20 > drawn.neighbours[20:].max()
    assert (drawn.neighbours != np.arange(60)[:, None]).all()
    assert "of the 20 most frequent words among all on the map" in said(sections[0])


def test_groups_are_found_named_and_reach_rare_words(monkeypatch):
    monkeypatch.setattr(vectors, "_GROUPED", 30)
    sections = vector_sections(vectors_of(rows_of()), with_tsne=False)
    drawn = map_of(sections)
    assert len(drawn.group_names) == 3
    for group in range(3):
        assert len(set(drawn.groups[group::3])) == 1
    assert len(set(np.asarray(drawn.groups).tolist())) == 3
    table = next(s for s in sections if s.title == "Groups").blocks[0]
    assert sorted(table.columns[1].cells) == [20, 20, 20]


def test_colours_go_by_the_clusters_that_are_given():
    clusters = Clusters(["w2", "w0"], np.array([0, 1], np.int32), np.array([0.6, 0.4]), 1, 1.0, 1.0)
    sections = vector_sections(vectors_of(rows_of()), clusters=clusters, with_tsne=False)
    drawn = map_of(sections)
    assert list(drawn.groups[:4]) == [1, -1, 0, -1]
    assert list(drawn.group_names) == ["w2", "w0"]
    assert "a table of 2 clusters" in said(sections[0])
    assert "Groups" not in [s.title for s in sections]


def test_words_like_no_other_have_no_group():
    sections = vector_sections(vectors_of(np.eye(4, dtype=np.float32)), with_tsne=False)
    assert map_of(sections).groups is None
    assert "Groups" not in [s.title for s in sections]


def test_without_scikit_learn_the_page_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(projection, "has_package", lambda _: False)
    sections = vector_sections(vectors_of(rows_of()))
    assert list(map_of(sections).views) == ["PCA"]
    assert "pip install 'textzero[report]'" in said(sections[0])
    with pytest.raises(ImportError, match=r"textzero\[report\]"):
        tsne(rows_of(), rows_of()[:, :2])


def test_both_views_hold_all_words_and_are_told_apart(monkeypatch):
    pytest.importorskip("sklearn", reason="t-SNE is scikit-learn's")
    monkeypatch.setattr(vectors, "FITTED", 40)
    sections = vector_sections(vectors_of(rows_of()))
    drawn = map_of(sections)
    assert {name: view.shape for name, view in drawn.views.items()} == {
        "t-SNE": (60, 2), "PCA": (60, 2),
    }  # fmt: skip
    assert all(np.isfinite(view).all() for view in drawn.views.values())
    assert "It placed the 40 most frequent words" in said(sections[0])
    assert list(map_of(vector_sections(vectors_of(rows_of()), with_tsne=False)).views) == ["PCA"]


def test_vectors_without_counts_have_none_on_the_map():
    made = vectors_of(rows_of(), counts=np.zeros(60, np.int64))
    sections = vector_sections(made, with_tsne=False)
    assert map_of(sections).counts is None
    lengths = next(s for s in sections if s.title == "Length and frequency").blocks[0]
    assert lengths.x_label == "rank" and list(lengths.lines[0].x)[:2] == [1, 2]
    assert lengths.lines[0].y[0] == pytest.approx(np.linalg.norm(rows_of()[0]))


def test_the_table_of_neighbours_begins_with_words():
    words = ["。", "猫", "狗", *(f"w{i}" for i in range(57))]
    sections = vector_sections(vectors_of(rows_of(), words), with_tsne=False)
    section = next(s for s in sections if s.title == "Neighbours")
    held = {c.name: list(c.cells) for c in section.blocks[0].columns}
    assert held["word"][:2] == ["猫", "狗"] and held["count"][:2] == [59, 58]
    assert "The 59 most frequent of 60 words, punctuation left out" in section.about
    first, _, cosine = held["nearest words"][0].split(", ")[0].rpartition(" ")
    assert first in words and float(cosine) == pytest.approx(held["highest cosine"][0], abs=0.005)


def test_the_cosine_of_a_word_written_leftwards_stands_behind_it():
    words = ["بيت", "ملك", *(f"w{i}" for i in range(58))]
    rows = rows_of()
    rows[1] = rows[0]
    section = next(s for s in vector_sections(vectors_of(rows, words), with_tsne=False)
                   if s.title == "Neighbours")  # fmt: skip
    near = next(iter(section.blocks[0].columns[1].cells))
    assert near.startswith("ملك\N{LEFT-TO-RIGHT MARK} 1.00, w")
    assert near.count("\N{LEFT-TO-RIGHT MARK}") == 1


def test_a_vector_that_is_not_finite_is_named():
    rows = rows_of()
    rows[3, 1] = np.nan
    with pytest.raises(InputError, match="'w3' is not finite"):
        vector_sections(vectors_of(rows), with_tsne=False)


MANIFEST = {
    "inputs": [{"path": "/home/someone/secret/a.txt", "size": 1000, "blake2b": "ab" * 32}],
    "tokens": 12, "words_before_min_count": 7, "losses": [2.0, 1.5], "objectives": [9.0, 8.0],
    "settings": {"tokenizer": "/secret/lex.tsv", "clip": None, "truncate": True, "seed": 3},
    "reading": {"documents": 3, "malformed": 1, "skipped": ["x"]},
    "seconds": {"train": 1.25}, "peak_memory": 2_000_000, "words": 5, "dim": 2,
}  # fmt: skip


def test_the_manifest_is_told_without_folders():
    sections = {s.title: s for s in embedding_sections(MANIFEST)}
    losses, objectives = sections["Training"].blocks
    assert list(losses.lines[0].y) == [2.0, 1.5] and list(objectives.lines[0].y) == [9.0, 8.0]
    facts, files, settings = sections["How the vectors were made"].blocks
    assert facts.items["malformed bytes replaced"] == 1
    assert facts.items["files passed over"] == 1
    assert facts.items["time for training"] == "1.2 s"
    assert facts.items["peak memory"] == "2.0 MB"
    assert list(files.columns[0].cells) == ["a.txt"]
    assert dict(zip(*(c.cells for c in settings.columns), strict=True)) == {
        "tokenizer": "lex.tsv", "truncate": "yes", "seed": "3",
    }  # fmt: skip
    assert "secret" not in repr(sections)
    assert made_of(MANIFEST) == "12 tokens of 1 file (1.0 kB)"


@pytest.mark.parametrize(
    "manifest",
    [{}, {"losses": "x", "settings": 3, "inputs": {}, "tokens": "many", "seconds": []},
     {"losses": [1, "a"], "inputs": [3], "reading": {"skipped": 4}}, {"losses": [True, False]}],
)  # fmt: skip
def test_a_strange_manifest_is_passed_over(manifest):
    assert not any(s.title == "Training" for s in embedding_sections(manifest))
    assert made_of(manifest) == ""
