"""What a report says of clusters, templates, co-occurrences and gold sets."""

import math

import numpy as np
import pytest

from textzero.cooccurrence import count_cooccurrences
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.report.clusters import cluster_sections, load_clusters
from textzero.report.cooccurrence import cooccurrence_sections, strongest_pairs
from textzero.report.evaluation import evaluation_sections
from textzero.report.templates import template_sections
from textzero.structure.templates import Template, Templates
from textzero.vectors.clustering import Clusters
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary


def clusters():
    words = ["北京", "cat", "上海", "dog", "odd", "cow"]
    flow = np.array([0.2, 0.25, 0.15, 0.2, 0.0, 0.2])
    return Clusters(words, np.array([1, 0, 1, 0, -1, 0], np.int32), flow, 8, 2.0, 2.5)


def held_by(table):
    return {c.name: list(c.cells) for c in table.columns}


def by_title(sections):
    return {section.title: section for section in sections}


def test_a_table_of_clusters_is_read_as_it_was_written(tmp_path):
    clusters().save(tmp_path / "c.tsv")
    loaded = load_clusters(tmp_path / "c.tsv")
    assert list(loaded) == list(clusters()) == [["cat", "dog", "cow"], ["北京", "上海"]]
    assert loaded.unclustered == ["odd"]
    assert loaded.flows == pytest.approx(clusters().flows)


@pytest.mark.parametrize(
    "line",
    ["a\t1", "a\t1\tx", "a\tx\t0.1", "a\t-2\t0.1", "a\t1\t1.5", "a\t1\tnan", "\t1\t0.1",
     "a\t1\t0.1\t2", "b\t0\t0.1", "a\t99999999999\t0.1"],
)  # fmt: skip
def test_a_wrong_line_of_clusters_is_named(tmp_path, line):
    (tmp_path / "c.tsv").write_text(f"b\t0\t0.9\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"c\.tsv:2: expected"):
        load_clusters(tmp_path / "c.tsv")


def test_clusters_must_hold_a_cluster(tmp_path):
    (tmp_path / "c.tsv").write_text("a\t-1\t0\n")
    with pytest.raises(InputError, match="must hold words in clusters"):
        load_clusters(tmp_path / "c.tsv")
    (tmp_path / "c.tsv").write_bytes(b"a\t0\t0.5\n\xff\t0\t0.5\n")
    with pytest.raises(InputError, match=r"c\.tsv:2 is not UTF-8"):
        load_clusters(tmp_path / "c.tsv")


def test_clusters_are_shown_with_all_their_words():
    sections = by_title(cluster_sections(clusters()))
    facts, table = sections["Clusters"].blocks
    assert facts.items["words in them"] == 5 and facts.items["words in none"] == 1
    assert facts.items["bits a step of the walk"] == 2.0
    held = held_by(table)
    assert held["words"] == [3, 2] and held["flow"] == pytest.approx([0.65, 0.35])
    assert ["".join(s.text for s in row[0].spans) for row in table.details] == [
        "cat dog cow", "北京 上海",
    ]  # fmt: skip
    assert list(sections["Sizes of the clusters"].blocks[0].lines[0].y) == [3, 2]
    words = held_by(sections["The cluster of a word"].blocks[0])
    assert words["word"] == ["cat", "dog", "cow", "北京", "上海", "odd"]
    assert words["cluster"] == [0, 0, 0, 1, 1, None]


def test_a_table_of_clusters_that_is_cut_says_so():
    section = by_title(cluster_sections(clusters(), words=4))["The cluster of a word"]
    assert section.about.startswith("The first 4 of 6 words")


def test_code_lengths_that_the_file_lacks_are_not_made_up(tmp_path):
    clusters().save(tmp_path / "c.tsv")
    facts = cluster_sections(load_clusters(tmp_path / "c.tsv"))[0].blocks[0].items
    assert not [name for name in facts if "bits" in name or "links" in name]


def templates():
    fillers = ({"the cat": 3, "a dog": 1}, {"pet": 4})
    return Templates(
        [Template.from_text("X is a X", 9, 8, 10.0, fillers),
         Template.from_text("so be it", 4, 4, 40.0), Template.from_text("X of X", 30, 2, -5.0)],
        {"sentences": 20, "bits": 900.0, "bits_saved": 44.0, "tokenizer": "/some/folder/lex.tsv"},
    )  # fmt: skip


def test_templates_are_shown_with_what_fills_them():
    sections = by_title(template_sections(templates()))
    (table,) = sections["Templates"].blocks
    held = held_by(table)
    assert held["template"] == ["X is a X", "so be it", "X of X"]
    assert held["sentences"] == [9, 4, 30] and held["used"] == [8, 4, 2]
    first, second = table.details[0]
    assert [(s.text, s.label) for s in first.spans if s.label] == [("the cat", "3"), ("a dog", "1")]
    assert "placeholder 2 of 2" in second.heading
    assert table.details[1] == []
    facts, bars = sections["How they were found"].blocks
    assert facts.items["tokenizer"] == "lex.tsv" and facts.items["sentences"] == 20
    assert list(bars.values) == [1, 1, 1]


def test_bits_are_added_up_from_the_best_and_both_sums_are_explained():
    section = by_title(template_sections(templates()))["Bits saved"]
    assert list(section.blocks[0].lines[0].y) == [40, 50, 50]
    assert "save 44 bits" in section.about
    plain = Templates([Template.from_text("X is a X")])
    assert "Bits saved" not in by_title(template_sections(plain))


def test_a_table_of_templates_that_is_cut_says_so():
    section = template_sections(templates(), rows=1)[0]
    assert section.about.startswith("The 1 first of 3 templates.")


@pytest.fixture(scope="module")
def pairs():
    texts = ["new york"] * 30 + ["a b", "new b", "a york"] * 40
    vocabulary = Vocabulary.from_counts(count_words(texts), min_count=1)
    return count_cooccurrences(texts, vocabulary, window=1, workers=1)


def test_the_strongest_pairs_are_those_of_the_definition(pairs):
    words = list(pairs.vocabulary)
    n = dict(zip(words, pairs.vocabulary.counts.tolist(), strict=True))
    met = {("new", "york"): 30, ("a", "b"): 40, ("new", "b"): 40, ("a", "york"): 40}
    total, tokens = 2 * sum(met.values()), sum(n.values())
    expected = {
        frozenset(pair): math.log(x) - math.log(total) - sum(math.log(n[w] / tokens) for w in pair)
        for pair, x in met.items()
    }
    i, j, x, pmi = strongest_pairs(pairs, 10, 1, 100)
    found = {frozenset((words[a], words[b])): p for a, b, p in zip(i, j, pmi, strict=True)}
    assert found.keys() == expected.keys()
    assert all(found[pair] == pytest.approx(expected[pair], abs=1e-5) for pair in found)
    assert (np.diff(pmi) <= 0).all() and (i < j).all()
    assert sorted(x) == [30, 40, 40, 40]


def test_few_meetings_and_rare_words_are_passed_over(pairs):
    assert len(strongest_pairs(pairs, 10, 31, 100)[0]) == 3
    assert len(strongest_pairs(pairs, 2, 1, 100)[0]) == 2
    i, j, *_ = strongest_pairs(pairs, 10, 1, 2)
    assert set(i.tolist()) | set(j.tolist()) <= {0, 1}


def test_co_occurrences_are_shown(pairs):
    sections = by_title(cooccurrence_sections(pairs))
    held = held_by(sections["Words that go together"].blocks[0])
    assert len(held["word"]) == 4
    assert held["× chance"] == pytest.approx(np.exp(held["PMI"]))
    facts = sections["How pairs were counted"].blocks[0].items
    assert facts["pairs, both directions"] == 8 and facts["window"] == 1
    assert facts["share of all pairs that met"] == f"{8 / 12:.3%}"
    assert list(sections["How many words a word meets"].blocks[0].lines[0].y) == [2, 2, 2, 2]


def test_gold_sets_are_rows(tmp_path):
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.5, 0.5]], np.float32)
    vectors = WordVectors(Vocabulary(list("abcd"), np.array([4, 3, 2, 1])), rows)
    gold = tmp_path / "pairs.txt"
    gold.write_text("a b 9\na c 1\na d 5\na zzz 2\n")
    analogies = tmp_path / "four.txt"
    analogies.write_text("a b d c\n" * 3)
    (section,) = evaluation_sections(vectors, [gold, analogies])
    held = held_by(section.blocks[0])
    assert held["gold set"] == ["pairs", "four", "four"]
    assert held["figure"][0] == pytest.approx(1.0)
    assert held["scored"] == [3, 3, 3] and held["questions"] == [4, 3, 3]
