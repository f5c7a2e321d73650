"""Texts that other packages hold, as a corpus."""

import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

import textzero
from textzero import Corpus

TEXTS = ["to be or not", None, "to be", "", "is the question"]
HELD = ["to be or not", "to be", "is the question"]
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="Polars is not installed")
datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")


def rows():
    for text in TEXTS:
        yield {"review": text, "stars": 3}


def hugging_face():
    return datasets.Dataset.from_dict({"review": TEXTS, "stars": [3] * 5})


TABLES = {
    "pyarrow.Table": lambda: pyarrow.table({"review": TEXTS, "stars": [3] * 5}),
    "pyarrow.RecordBatch": lambda: pyarrow.record_batch({"review": TEXTS}),
    "pandas.DataFrame": lambda: pandas.DataFrame({"review": TEXTS, "stars": 3}),
    "polars.DataFrame": lambda: polars.DataFrame({"review": TEXTS, "stars": 3}),
    "datasets.Dataset": hugging_face,
    "datasets.Dataset as arrays": lambda: hugging_face().with_format("numpy"),
    "datasets.Dataset as pandas": lambda: hugging_face().with_format("pandas"),
    "datasets.Dataset as Polars": lambda: hugging_face().with_format("polars"),
    "datasets.Dataset as Arrow": lambda: hugging_face().with_format("arrow"),
    "datasets.Dataset, some of it": lambda: hugging_face().select([2, 0, 1, 3, 4]),
    "datasets.IterableDataset": lambda: datasets.IterableDataset.from_generator(rows),
    "datasets.Dataset as a stream": lambda: hugging_face().to_iterable_dataset(),
}
COLUMNS = {
    "pyarrow.ChunkedArray": lambda: pyarrow.chunked_array([TEXTS[:2], TEXTS[2:]]),
    "pyarrow.Array": lambda: pyarrow.array(TEXTS),
    "pandas.Series": lambda: pandas.Series(TEXTS, index=[5, 4, 3, 2, 1]),
    "pandas.Series of objects": lambda: pandas.Series([*TEXTS, float("nan"), pandas.NA], dtype="O"),
    "pandas.Series of categories": lambda: pandas.Series(TEXTS, dtype="category"),
    "polars.Series": lambda: polars.Series("review", TEXTS),
    "datasets.Column": lambda: hugging_face()["review"],
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_a_column_of_a_table_is_a_corpus(kind):
    corpus = Corpus.from_documents(TABLES[kind](), field="review")
    assert sorted(corpus) == sorted(corpus) == sorted(HELD)
    counts = textzero.count_words(corpus)
    assert counts.most_common() == textzero.count_words(HELD).most_common()
    assert counts.reading.records_without_text == 2


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_is_texts_wherever_texts_go(kind):
    counts = textzero.count_words(COLUMNS[kind]())
    assert counts.most_common() == textzero.count_words(HELD).most_common()
    assert counts.reading.records_without_text == (4 if "objects" in kind else 2)
    vocabulary = textzero.Vocabulary.from_counts(counts, 1)
    pairs = textzero.count_cooccurrences(COLUMNS[kind](), vocabulary)
    assert pairs.records == textzero.count_cooccurrences(HELD, vocabulary).records


@pytest.mark.parametrize("kind", TABLES)
def test_the_only_column_needs_no_name(kind):
    table = TABLES[kind]()
    if "datasets" in kind:
        table = table.select_columns(["review"])
    elif "RecordBatch" not in kind:  # which has no other
        table = table[["review"]] if "DataFrame" in kind else table.select(["review"])
    assert sorted(Corpus.from_documents(table)) == sorted(HELD)


def test_a_table_on_disk_is_read_batch_by_batch(tmp_path):
    for number in range(3):
        table = pyarrow.table({"text": [f"text {number}"] * 2000, "rest": ["x" * 500] * 2000})
        pyarrow.parquet.write_table(table, tmp_path / f"{number}.parquet")
    counts = textzero.count_words(pyarrow.dataset.dataset(tmp_path))
    assert counts.most_common(2) == [("text", 6000), ("0", 2000)]


def test_a_stream_is_not_held_in_memory():
    read = []

    def lines():
        for number in range(2000):
            read.append(number)
            yield {"text": "word " * 20_000}

    corpus = Corpus.from_documents(datasets.IterableDataset.from_generator(lines))
    pieces = corpus.pieces(corpus.splits()[0], corpus.new_reading())
    assert next(pieces).size <= 1 << 20 and len(read) < 130


def test_a_column_of_a_dataset_may_be_chosen_first():
    nested = datasets.Dataset.from_dict({"a": [{"text": "x y"}, {"text": "x"}]})
    for texts in (nested["a"]["text"], nested.flatten()["a.text"]):
        assert textzero.count_words(texts).most_common() == [("x", 2), ("y", 1)]


def test_of_several_columns_the_one_called_text_is_taken_unless_one_is_named():
    assert list(Corpus.from_documents(pyarrow.table({"id": [1], "text": ["a b"]}))) == ["a b"]
    for table in (TABLES[kind]() for kind in TABLES if "RecordBatch" not in kind):
        with pytest.raises(textzero.InputError, match=r"column 'text', got review.*field="):
            textzero.count_words(table)


def test_a_column_that_is_there_twice_is_refused():
    frame = pandas.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(textzero.InputError, match="the column 'text' once, got 2"):
        textzero.count_words(frame)


REFUSED = {
    "two tables": (datasets.DatasetDict({"train": hugging_face()}), "DatasetDict.*'train'"),
    "a mapping": ({"a": "text"}, "dict with the keys 'a'.*values"),
    "an empty mapping": ({}, r"dict with the keys \(none\)"),
    "a query": (polars.LazyFrame({"text": ["a"]}), r"\.collect\(\)"),
    "a string": ("text.txt", r"write Corpus\(path\)"),
    "a number": (3, "an iterable of strings, got int"),
    "numbers": ([1, 2], "strings, got int 1 as document 1"),
    "nothing in a list": (["a", None], "strings, got NoneType None as document 2"),
    "records": ([{"text": "a"}], "got dict .* as document 1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_texts_is_refused_in_a_sentence(what):
    given, said = REFUSED[what]
    with pytest.raises(TypeError, match=said):
        textzero.count_words(given)


def test_a_field_belongs_to_a_table():
    with pytest.raises(TypeError, match="field 'x' is for tables, got list"):
        Corpus.from_documents(["a"], field="x")
    with pytest.raises(TypeError, match=r"names of files, got Table; .*Corpus.from_documents"):
        Corpus(pyarrow.table({"text": ["a"]}))


def test_a_generator_that_was_read_is_told_from_no_texts():
    texts = (text for text in HELD)
    counts = textzero.count_words(texts)
    vocabulary = textzero.Vocabulary.from_counts(counts, 1)
    with pytest.raises(TypeError, match="this generator has been read"):
        textzero.count_cooccurrences(texts, vocabulary)


def test_embed_takes_what_python_holds(tmp_path):
    settings = textzero.TrainingSettings(dim=2)
    how = {"min_count": 1, "settings": settings}
    vectors = textzero.embed(hugging_face()["review"], tmp_path / "vectors", **how)
    vocabulary = textzero.Vocabulary.from_counts(textzero.count_words(HELD), 1)
    assert list(vectors.vocabulary) == list(vocabulary)
    assert vectors.manifest["reading"]["records_without_text"] == 2
    said = []
    textzero.embed(pandas.Series(TEXTS), tmp_path / "vectors", say=said.append, **how)
    assert said == [f"{tmp_path / 'vectors'} is up to date"]
    with pytest.raises(textzero.OutputExistsError, match="other texts"):
        textzero.embed([*HELD[:2], "is the answerer"], tmp_path / "vectors", **how)
    with pytest.raises(TypeError, match="read 3 times, and a generator can be read only once"):
        textzero.embed((text for text in HELD), tmp_path / "vectors", **how)
