"""What a user writes, with the types that a user sees: run by pytest, and read by mypy --strict.

Every public name is used here, which the last test sees to.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import textzero
from textzero.corpus import Texts

TEXTS = ["the cat sat on the mat", "the dog sat on the rug", "a cat and a dog"] * 4
PLACES = [a + b + c for a in ("我们", "他们", "学生") for b in "在去来" for c in ("北京", "上海")]


def test_counts(tmp_path: Path) -> None:
    def how_many(texts: Texts) -> int:
        return len(textzero.count_words(texts))

    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    corpus = textzero.Corpus(tmp_path / "texts.txt", encoding="utf-8")
    assert how_many(corpus) == how_many(TEXTS) == how_many(iter(TEXTS)) == 9
    assert_type(next(iter(corpus)), str)
    with textzero.Workspace(tmp_path / "work", "counts") as workspace:
        counts = textzero.count_words(corpus, memory="1GB", workspace=workspace)
    assert_type(counts, textzero.Counts)
    assert_type(counts.most_common(2), list[tuple[str, int]])
    assert_type(counts["cat"], int)
    assert_type(counts.counts, NDArray[Any])
    assert_type(textzero.merge_counts([counts, counts]), textzero.Counts)
    assert counts.to_arrow().num_rows == 9
    tokenizer = textzero.Tokenizer("word", lowercase=True)
    assert_type(tokenizer("A cat"), list[str])
    vocabulary = textzero.Vocabulary.from_counts(counts, min_count=1)
    assert_type(vocabulary[0], str)
    assert_type(vocabulary.id("cat"), int | None)


def use_plan(corpus: textzero.Corpus) -> None:  # which takes seconds
    assert_type(textzero.plan_work(corpus, seconds=0.1).workers, int)


def test_words(tmp_path: Path) -> None:
    lexicon = textzero.discover_words(PLACES, min_count=1)
    assert_type(lexicon, textzero.Lexicon)
    assert_type(textzero.explain_word(lexicon, "北京"), str)
    segmenter = textzero.Segmenter(lexicon)
    assert_type(segmenter("我们在北京"), list[str])
    assert_type(segmenter.segment_batch(PLACES), Iterator[list[str]])
    (tmp_path / "places.txt").write_text("\n".join(PLACES), encoding="utf-8")
    textzero.segment_corpus(textzero.Corpus(tmp_path / "places.txt"), segmenter, tmp_path / "out")
    score = textzero.score_segmentation([["我们", "在"]], [["我们", "在"]])
    assert_type(score, textzero.SegmentationScore)
    assert_type(score.f1, float)
    words = textzero.score_lexicon(lexicon, PLACES)
    assert_type(words, textzero.LexiconScore)
    assert_type(words.missing, list[str])


def test_vectors(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    vocabulary = textzero.Vocabulary.from_counts(textzero.count_words(TEXTS), min_count=1)
    pairs = textzero.count_cooccurrences(TEXTS, vocabulary, window=2)
    assert_type(pairs, textzero.Cooccurrence)
    assert_type(pairs.row("cat"), tuple[NDArray[Any], NDArray[Any]])
    settings = textzero.TrainingSettings(dim=4, seed=1)
    try:
        trained = textzero.train_vectors(pairs, settings=settings, device="cpu")
    except textzero.TrainingStopped as stop:
        trained = stop.trained
    vectors = textzero.WordVectors(vocabulary, trained.vectors())
    assert_type(vectors["cat"], NDArray[Any])
    best = vectors.similar("cat", 2)
    assert_type(best[0], tuple[str, float])
    assert best.to_arrow().column_names == ["word", "score"]
    assert_type(vectors.sentence_vectors(TEXTS, method="mean"), NDArray[Any])
    clusters = textzero.cluster_words(vectors, min_similarity=0.0)
    assert_type(clusters, textzero.Clusters)
    assert_type(clusters[0], list[str])
    assert_type(textzero.dimension_for(1000), int)
    textzero.save_vectors(vectors, tmp_path / "vectors.txt", format="word2vec")
    assert_type(textzero.load_vectors(tmp_path / "vectors.txt"), textzero.WordVectors)
    (tmp_path / "pairs.tsv").write_text("cat\tdog\t9\ncat\tmat\t2\ndog\trug\t3\n")
    assert_type(textzero.evaluate_similarity(vectors, tmp_path / "pairs.tsv").spearman, float)
    (tmp_path / "analogies.txt").write_text("cat mat dog rug\n")
    assert_type(textzero.evaluate_analogies(vectors, tmp_path / "analogies.txt").add, float)
    corpus = textzero.Corpus(tmp_path / "texts.txt")
    found = textzero.embed(corpus, tmp_path / "vectors", min_count=1, settings=settings)
    assert_type(found, textzero.WordVectors)


def test_structure() -> None:
    texts = [f"{a}的{b}是什么？" for a in "天地人山" for b in "天地人山" if a != b]
    templates = textzero.find_templates(texts)
    assert_type(templates, textzero.Templates)
    assert_type(templates[0], textzero.Template)
    assert_type(templates[:1], textzero.Templates)
    tree = textzero.Parser(templates).parse(["天", "的", "地"])
    assert_type(tree, textzero.Tree)
    assert_type(tree.children, tuple[textzero.Tree, ...])


def test_reports(tmp_path: Path) -> None:
    textzero.count_words(TEXTS).save(tmp_path / "counts.tsv")
    report = textzero.make_report(tmp_path / "counts.tsv")
    assert_type(report, textzero.Report)
    report.save(tmp_path / "report.html")
    assert report.sections and "<script>" not in report._repr_html_()


def test_errors() -> None:
    def exit_code(error: textzero.TextzeroError) -> int:
        return error.exit_code

    errors = (textzero.InputError(), textzero.ResourceError(), textzero.OutputExistsError())
    assert [exit_code(error) for error in (*errors, textzero.TokenizerError())] == [3, 4, 5, 3]
    assert_type(textzero.__version__, str)


def test_estimators() -> None:
    import pytest

    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    from textzero import estimators

    counter = estimators.WordCounter(ngrams=(1, 2)).fit(TEXTS)
    assert_type(counter, estimators.WordCounter)
    assert_type(counter.counts_, textzero.Counts)
    assert_type(counter.get_feature_names_out(), NDArray[Any])
    assert_type(estimators.WordDiscoverer(min_count=1).fit(PLACES).lexicon_, textzero.Lexicon)
    assert_type(estimators.Segmenter(["北京"]).fit().transform(PLACES), NDArray[Any])
    glove = estimators.SimplerGlove(dim=2, min_count=1).fit(TEXTS)
    assert_type(glove.word_vectors_, textzero.WordVectors)
    vectorizer = estimators.SentenceVectorizer(glove.word_vectors_, method="mean").fit()
    assert vectorizer.transform(TEXTS).dtype == np.float32


def used_names(*paths: Path) -> set[str]:
    trees = [ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
    return {node.attr for tree in trees for node in tree if isinstance(node, ast.Attribute)}


def test_every_public_name_is_used() -> None:
    here = Path(__file__).parent
    used = used_names(here / "test_user_program.py", here / "test_user_models.py")
    assert set(dir(textzero)) <= used
    package = Path(textzero.__file__).parent
    for name in ("models", "estimators"):
        tree = ast.parse((package / name / "__init__.py").read_text(encoding="utf-8"))
        lists = [
            n.value for n in tree.body if isinstance(n, ast.Assign) and "__all__" in ast.unparse(n)
        ]
        assert set(ast.literal_eval(lists[0])) <= used
