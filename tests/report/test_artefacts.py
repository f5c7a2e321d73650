"""make_report tells by content what it was given, and refuses the rest in a sentence."""

import gzip
import json
import shutil

import numpy as np
import pytest

from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.lexicon import Lexicon
from textzero.report.artefacts import make_report
from textzero.report.blocks import Text
from textzero.report.kinds import kind_of
from textzero.structure.templates import Template, Templates
from textzero.vectors.clustering import Clusters
from textzero.vectors.formats import save_vectors
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

TEXTS = ["the cat and the dog", "a cat saw the dog", "the dog saw a cat"]


def write_all(folder):
    """Write one output of each kind; return name -> kind."""
    counts = count_words(TEXTS, documents=True)
    counts.save(folder / "counts.tsv")
    counts.save(folder / "counts.parquet")
    counts.save(folder / "counts.jsonl")
    counts.save(folder / "words.txt", "glove")
    counts.save(folder / "plain.txt", "jieba")
    (folder / "dict.txt").write_text("北京 34488 ns\n大学 20025 n\n", encoding="utf-8")
    (folder / "counts.tsv.gz").write_bytes(gzip.compress((folder / "counts.tsv").read_bytes()))
    Lexicon.from_counts(counts).save(folder / "lexicon.tsv")
    vocabulary = Vocabulary.from_counts(counts, min_count=1)
    rows = np.random.default_rng(0).normal(size=(len(vocabulary), 4)).astype(np.float32)
    vectors = WordVectors(vocabulary, rows)
    vectors.save(folder / "vectors")
    for format in ("word2vec", "word2vec-binary", "glove", "projector", "parquet"):
        save_vectors(vectors, folder / f"v.{format}", format)
    count_cooccurrences(TEXTS, vocabulary, workers=1).save(folder / "pairs")
    clusters = Clusters(["cat", "dog", "a"], np.array([0, 0, -1], np.int32),
                        np.array([0.5, 0.5, 0]), 1, 1.0, 1.0)  # fmt: skip
    clusters.save(folder / "clusters.tsv")
    Templates([Template.from_text("the X saw X", 2, 2, 3.0)]).save(folder / "templates.tsv")
    (folder / "hand.tsv").write_text("template\tcount\nX is X\t3\n")
    return {
        "counts.tsv": "counts", "counts.parquet": "counts", "counts.jsonl": "counts",
        "words.txt": "counts", "plain.txt": "counts", "counts.tsv.gz": "counts",
        "dict.txt": "lexicon",
        "lexicon.tsv": "lexicon", "vectors": "vectors", "v.word2vec": "vectors",
        "v.word2vec-binary": "vectors", "v.glove": "vectors", "v.projector": "vectors",
        "v.parquet": "vectors", "pairs": "co-occurrences", "clusters.tsv": "clusters",
        "templates.tsv": "templates", "hand.tsv": "templates",
    }  # fmt: skip


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    return folder, write_all(folder)


@pytest.mark.parametrize("manifest", ["{", "[1]", '{"kind": null}'])
@pytest.mark.parametrize("name", ["vectors", "pairs"])
def test_an_output_with_a_damaged_manifest_is_named_not_passed_over(
    outputs, tmp_path, name, manifest
):
    folder, _ = outputs
    shutil.copytree(folder / name, tmp_path / name)
    (tmp_path / name / "manifest.json").write_text(manifest)
    for shown in (tmp_path / name, tmp_path):
        with pytest.raises(InputError, match=r"must be JSON|must hold|must be of kind"):
            make_report(shown, tsne=False)


def test_each_output_is_known_by_its_content_and_shown(outputs):
    folder, kinds = outputs
    for name, kind in kinds.items():
        assert kind_of(folder / name) == kind, name
        report = make_report(folder / name, tsne=False)
        assert report.sections and report.about and name in report.title


def test_names_do_not_matter(outputs, tmp_path):
    folder, _ = outputs
    renamed = tmp_path / "x.dat"
    renamed.write_bytes((folder / "lexicon.tsv").read_bytes())
    assert kind_of(renamed) == "lexicon"


@pytest.mark.parametrize(
    "first, kind",
    [("{\t12\nb\t3", "counts"), ("{ 12\nb 3", "counts"), ("# b\t12\nb\t3", "counts"),
     ('{"word": 1}\t12\nb\t3', "counts"), ("template\t12\nb\t3", "counts"),
     ("template\t12\t3\nb\t3\t1", "counts"), ("template\t0\t0.5\nb\t0\t0.5", "clusters"),
     ("a\t0\t1\nb\t0\t0", "clusters"), ("{\t0\t0.5\nb\t0\t0.5", "clusters")],
)  # fmt: skip
def test_a_table_is_known_whatever_its_first_word_is(tmp_path, first, kind):
    (tmp_path / "t").write_text(first + "\n")
    assert kind_of(tmp_path / "t") == kind
    assert make_report(tmp_path / "t").sections


@pytest.mark.parametrize(
    "names, given, what",
    [(["counts.tsv"], {"clusters": "x"}, "clusters are for a report on vectors; .* counts"),
     (["counts.tsv", "clusters.tsv"], {"data": ["x"]}, "holds none"),
     (["counts.tsv"], {"texts": Corpus.from_documents(TEXTS)}, "texts are for")],
)  # fmt: skip
def test_nothing_given_for_a_folder_is_passed_over(outputs, tmp_path, names, given, what):
    for name in names:
        (tmp_path / name).write_bytes((outputs[0] / name).read_bytes())
    with pytest.raises(ValueError, match=what):
        make_report(tmp_path, **given)


def test_data_are_for_one_thing(outputs, tmp_path):
    WordVectors.load(outputs[0] / "vectors").save(tmp_path / "v")
    (tmp_path / "m").mkdir()
    model = {"kind": "textzero model 1", "class": "Tagger"}
    (tmp_path / "m" / "config.json").write_text(json.dumps(model))
    with pytest.raises(ValueError, match="holds a tagger and vectors; make a report on one"):
        make_report(tmp_path, data=["x"])
    with pytest.raises(ValueError, match=r"a lexicon or a classifier; .* holds none"):
        make_report(tmp_path, texts=Corpus.from_documents(TEXTS))


def test_a_models_data_are_read_as_the_caller_says(tmp_path):
    model = {"kind": "textzero model 1", "class": "Tagger"}
    (tmp_path / "config.json").write_text(json.dumps(model))

    def read(kind, files):
        raise InputError(f"read {kind} of {files}")

    with pytest.raises(InputError, match=r"read Tagger of \['gold'\]"):
        make_report(tmp_path, data=["gold"], read_data=read)


def test_a_folder_shows_all_that_it_holds_and_names_the_rest(outputs, tmp_path):
    folder, _ = outputs
    for name in ("counts.tsv", "templates.tsv"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "notes.md").write_text("nothing of ours")
    (tmp_path / "empty").mkdir()
    report = make_report(tmp_path)
    titles = [section.title for section in report.sections]
    assert titles[0] == "counts.tsv: Words and how often"
    assert "templates.tsv: Templates" in titles
    (text,) = report.sections[-1].blocks
    assert isinstance(text, Text) and "empty, notes.md (2 in all)" in text.paragraphs[0]


def test_a_vectors_folder_shows_what_lies_beside_the_vectors(outputs, tmp_path):
    folder, _ = outputs
    vectors = WordVectors.load(folder / "vectors")
    vectors.save(tmp_path / "v")
    for name in ("counts.tsv", "lexicon.tsv"):
        (tmp_path / "v" / name).write_bytes((folder / name).read_bytes())
    (folder / "pairs").rename(tmp_path / "v" / "cooccurrence")
    titles = [s.title for s in make_report(tmp_path / "v", tsne=False).sections]
    (tmp_path / "v" / "cooccurrence").rename(folder / "pairs")
    assert titles[0] == "Map of the words"
    assert {"Zipf's curve", "Words of the lexicon", "How many words a word meets"} <= set(titles)
    assert len(titles) == len(set(titles))


def test_texts_data_and_clusters_reach_their_sections(outputs, tmp_path):
    folder, _ = outputs
    report = make_report(folder / "lexicon.tsv", texts=Corpus.from_documents(TEXTS))
    assert any(report.sections[0].blocks[0].details)
    gold = tmp_path / "gold.txt"
    gold.write_text("cat dog 9\ncat the 1\ndog a 2\n")
    made = make_report(
        folder / "vectors", data=[gold], clusters=folder / "clusters.tsv", tsne=False
    )
    titles = [s.title for s in made.sections]
    assert "Against gold sets" in titles and "Clusters" in titles


@pytest.mark.parametrize(
    "name, given, what",
    [("counts.tsv", {"texts": Corpus.from_documents(TEXTS)}, "texts are for a report on a lexicon"),
     ("lexicon.tsv", {"data": ["x"]}, "data are for a report on vectors or a model"),
     ("pairs", {"clusters": "x"}, "clusters are for a report on vectors"),
     ("vectors", {"texts": Corpus.from_documents(TEXTS)}, "texts are for"),
     ("counts.tsv", {"words": 1}, "words must be at least 2")],
)  # fmt: skip
def test_nothing_given_is_passed_over_in_silence(outputs, name, given, what):
    with pytest.raises(ValueError, match=what):
        make_report(outputs[0] / name, **given)


@pytest.mark.parametrize(
    "content, said",
    [(b"", "is empty"), (b"\n\n", "is empty"), (b"Some text, as it is.\n", "first line is 'Some"),
     (b'{"text": "x"}\n', "first line is"), (b"word\tcount\na\t1\n", "first line is"),
     (b"a\tb\tc\td\n", "first line is"), (b"\x80\x04K\x00.", "pickle"),
     (b"\x1f\x8b\x08broken", "corrupt"), (b"# {not json\n", "first line is"),
     (b"PAR1 is not all that it takes", "corrupt"), (b"\xff\xfe\x00\x01", "it is no text")],
)  # fmt: skip
def test_what_is_no_output_is_refused_with_what_is_expected(tmp_path, content, said):
    path = tmp_path / "strange"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        make_report(path)


def test_a_parquet_file_of_other_columns_is_refused(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="Parquet without the columns word and count"):
        make_report(tmp_path / "t.parquet")


def test_what_is_not_there_or_holds_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        make_report(tmp_path / "missing")
    with pytest.raises(InputError, match="it holds none of them"):
        make_report(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "of another program"}))
    with pytest.raises(InputError, match="it holds none of them"):
        make_report(tmp_path)


def test_damage_is_told_by_the_reader_of_the_format(outputs, tmp_path):
    (tmp_path / "counts.tsv").write_text("a\t3\nb\tx\n")
    with pytest.raises(InputError, match=r"counts.tsv:2: expected"):
        make_report(tmp_path / "counts.tsv")
    folder = tmp_path / "v"
    WordVectors.load(outputs[0] / "vectors").save(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "kind": "textzero vectors 9"}))
    with pytest.raises(InputError, match="must hold 'textzero vectors 1'"):
        make_report(folder)
