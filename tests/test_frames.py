import sys
import tracemalloc

import numpy as np
import pyarrow
import pytest

import textzero
from textzero.vectors.evaluation import Analogies, Similarity
from textzero.vectors.ranked import Ranked

TEXTS = ["to be or not to be", "that is the question", "be it so"] * 3
QUESTIONS = [f"{a}的{b}是什么？" for a in "天地人山" for b in "天地人山" if a != b]


@pytest.fixture(scope="module")
def found():
    counts = textzero.count_words(TEXTS, documents=True)
    vocabulary = textzero.Vocabulary.from_counts(counts, 1)
    pairs = textzero.count_cooccurrences(TEXTS, vocabulary)
    values = np.random.default_rng(0).normal(size=(len(vocabulary), 8)).astype(np.float32)
    vectors = textzero.WordVectors(vocabulary, values, values + 1)
    lexicon = textzero.Lexicon(["是", "的"], [3, 2], scores={"pmi": np.array([1.5, np.nan])})
    lexicon.dropped = textzero.Lexicon(["天是"], [1], reasons=["too rare"])
    return {
        "counts": counts,
        "vocabulary": vocabulary,
        "pairs": pairs,
        "vectors": vectors,
        "lexicon": lexicon,
        "dropped": lexicon.dropped,
        "clusters": vectors.cluster(min_similarity=0.2),
        "templates": textzero.find_templates(QUESTIONS),
        "similar": vectors.similar("be", 3),
        "similarity": Similarity("men", 0.5, 2, 3),
        "analogies": Analogies("google", 0.5, 0.4, 2, 3),
        "score": textzero.score_segmentation([["a", "b"]], [["a", "b"]]),
    }


NAMES = [
    *("counts", "vocabulary", "pairs", "vectors", "lexicon", "dropped", "clusters", "templates"),
    *("similar", "similarity", "analogies", "score"),
]
ROWS = {
    "counts": lambda x: [(w, n, int(d)) for (w, n), d in pairs(x.most_common(), x.documents)],
    "vocabulary": lambda x: pairs(x, x.counts.tolist()),
    "lexicon": lambda x: pairs(x, [3, 2], x.log_probabilities.tolist(), [1.5, None]),
    "dropped": lambda x: pairs(x, [1], x.log_probabilities.tolist(), ["too rare"]),
    "vectors": lambda x: [
        (w, int(n), x[w].tolist(), (x[w] + 1).tolist())
        for w, n in pairs(x.vocabulary, x.vocabulary.counts)
    ],
    "pairs": lambda x: [
        (word, x.vocabulary[j], n)
        for word in x.vocabulary
        for j, n in pairs(*(part.tolist() for part in x.row(word)))
    ],
    "clusters": lambda x: list(x.rows()),
    "templates": lambda x: [
        (str(t), t.kind, t.count, t.used, t.bits, [listed(slot) for slot in t.fillers]) for t in x
    ],
    "similar": list,
    "similarity": lambda _: [("men", 0.5, 2, 3)],
    "analogies": lambda _: [("google", 0.5, 0.4, 2, 3)],
    "score": lambda _: [(1.0, 1.0, 1.0, 2, 2, 2, None, None, None, None)],
}


def pairs(*columns):
    return list(zip(*columns, strict=True))


def listed(fillers):
    return [{"words": words, "count": count} for words, count in fillers.items()]


def rows_of(table):
    rows = [tuple(row.values()) for row in table.to_pylist()]
    return [tuple(None if value != value else value for value in row) for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_arrow_has_every_row_in_order(found, name):
    assert rows_of(found[name].to_arrow()) == ROWS[name](found[name])


@pytest.mark.parametrize("name", NAMES)
def test_other_packages_read_it_as_a_stream(found, name):
    stream = pyarrow.RecordBatchReader.from_stream(found[name])
    assert rows_of(stream.read_all()) == rows_of(found[name].to_arrow())


@pytest.mark.parametrize("name", NAMES)
def test_frames_have_the_same_columns_and_rows(found, name):
    pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("polars", reason="Polars is not installed")
    table = found[name].to_arrow()
    pandas, polars = found[name].to_pandas(), found[name].to_polars()
    assert list(pandas.columns) == polars.columns == table.column_names
    assert len(pandas) == len(polars) == table.num_rows
    first = table.column_names[0]
    assert pandas[first].tolist() == polars[first].to_list() == table[first].to_pylist()


def test_what_is_in_memory_is_not_copied(found):
    vectors = found["vectors"]
    column = vectors.to_arrow()["vector"].chunk(0).flatten().to_numpy()
    assert np.shares_memory(column, vectors.vectors)
    text = np.frombuffer(found["counts"].to_arrow()["word"].chunk(0).buffers()[2], np.uint8)
    assert np.shares_memory(text, found["counts"].words.text)


def test_pairs_come_in_bounded_memory():
    words = [f"w{i}" for i in range(1500)]
    vocabulary = textzero.Vocabulary(words, np.ones(1500, np.int64))
    pairs = textzero.count_cooccurrences([" ".join(words)], vocabulary, window=400)
    assert pairs.records > 1_000_000
    tracemalloc.start()
    stream = pyarrow.RecordBatchReader.from_stream(pairs)
    assert sum(batch.num_rows for batch in stream) == pairs.records
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * pairs.records  # what all records would take: (int32, int32, float64)


def test_a_column_that_is_no_word_is_damage(found):
    pairs = textzero.count_cooccurrences(TEXTS, found["vocabulary"])
    pairs.data = np.full_like(pairs.data, 1)  # every column is one more than the one before
    pairs.data[::2] = 120
    with pytest.raises(textzero.InputError, match="damaged"):
        pairs.to_arrow()


def test_nothing_found_is_a_table_without_rows(found):
    none = found["counts"].keep(min_count=1000)
    assert none.to_arrow().column_names == ["word", "count"]
    assert none.to_arrow().num_rows == 0 and "0 words" in none._repr_html_()
    assert Ranked().to_arrow().num_rows == textzero.Templates([]).to_arrow().num_rows == 0


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_missing_package_is_named(found, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        getattr(found["counts"], f"to_{package}")()


def test_ranked_words_are_a_list(found):
    best = found["similar"]
    assert isinstance(best, list) and best == list(best) and dict(best)[best[0][0]] == best[0][1]
    assert repr(best) == repr(list(best))
