import json
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero.counting import count_words
from textzero.disk import Disk, replaced_disk
from textzero.errors import InputError, ResourceError
from textzero.vectors import evaluation, rows
from textzero.vectors.evaluation import (
    evaluate_analogies,
    evaluate_similarity,
    is_analogies,
    spearman,
)
from textzero.vectors.tokenizing import is_cut_to_characters
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary


def vectors_of(table, context=None, **manifest):
    """WordVectors from {word: row}."""
    vocabulary = Vocabulary(list(table), np.arange(len(table), 0, -1))
    rows = np.array(list(table.values()), np.float32)
    return WordVectors(vocabulary, rows, context, manifest)


@pytest.fixture(scope="module")
def random_vectors():
    random = np.random.default_rng(0)
    table = {f"w{i}": random.normal(size=6) for i in range(50)}
    return vectors_of(table, random.normal(size=(50, 6)).astype(np.float32))


@pytest.fixture
def small():
    return vectors_of({"a": [2, 0], "b": [1, 1], "c": [0, 3], "d": [-1, 0], "e": [4, 0]})


def ranking(scores, words, without=()):
    """All words by falling score, the earlier word first among equals."""
    order = sorted(range(len(words)), key=lambda i: (-scores[i], i))
    return [words[i] for i in order if words[i] not in without]


@pytest.mark.parametrize("n_context", [2, 3, 20, 50, 10_000])
def test_similar_is_the_correlation_of_products_with_context_words(random_vectors, n_context):
    # SYSTEMS C.6: Pearson's r of <v_i, c_k> and <v_j, c_k> over the most frequent words k
    products = random_vectors.vectors.astype(float) @ random_vectors.context[:n_context].T
    table = np.corrcoef(products)
    found = random_vectors.similar("w7", 49, n_context=n_context)
    assert len(found) == 49 and "w7" not in dict(found)
    for word, score in found:
        assert_allclose(score, table[7, random_vectors.index(word)], atol=1e-5)  # float32
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


def test_without_a_context_the_words_are_their_own(random_vectors):
    alone = WordVectors(random_vectors.vocabulary, random_vectors.vectors)
    table = np.corrcoef(alone.vectors.astype(float) @ alone.vectors.T)
    for word, score in alone.similar("w0", 5):
        assert_allclose(score, table[0, alone.index(word)], atol=1e-5)


def test_related_ranks_by_cosine_or_by_inner_product(small):
    cosines = [("e", 1.0), ("b", pytest.approx(np.sqrt(0.5)))]
    assert small.related("a", 2, metric="cosine") == cosines
    assert small.similar("a", 2, metric="cosine") == cosines
    assert small.related("a", 4, metric="inner") == [("e", 8), ("b", 2), ("c", 0), ("d", -2)]


def test_related_means_together_where_both_matrices_are_held(random_vectors, small):
    together = random_vectors.related("w3", 5, metric="inner")
    assert random_vectors.related("w3", 5) == together
    assert together != random_vectors.related("w3", 5, metric="cosine")
    assert small.context is None and small.related("a") == small.related("a", metric="cosine")


@pytest.mark.parametrize("model", ["center", "sum", "concat", None])
def test_mutual_information_is_the_mean_of_both_directions(random_vectors, model):
    w, c = random_vectors.vectors.astype(float), random_vectors.context.astype(float)
    shown = {"center": w, "sum": w + c, "concat": np.hstack([w, c]), None: w}[model]
    context = None if model in ("concat", None) else c.astype(np.float32)
    c = w if model is None else c
    manifest = {"settings": {"model": model}} if model else {}
    vectors = WordVectors(random_vectors.vocabulary, shown.astype(np.float32), context, manifest)
    information = (w @ c.T + c @ w.T) / 2
    words = list(vectors.vocabulary)
    found = vectors.related("w3", 49, metric="inner")
    assert [word for word, _ in found] == ranking(information[3], words, ["w3"])
    # float32 products of up to 16 terms
    assert_allclose(dict(found)["w5"], information[3, 5], atol=1e-5)
    assert_allclose(vectors.mutual_information("w3", "w5"), information[3, 5], atol=1e-5)
    both = information[[1, 2]].sum(axis=0)[[3, 4]].sum()
    similarity = vectors.sentence_similarity(["w1", "w2"], ["w3", "w4"], metric="inner")
    assert_allclose(similarity, both, atol=1e-5)
    ranked = dict(vectors.keywords(["w1", "w2", "w9"]))
    assert_allclose(ranked["w1"], information[1, [1, 2, 9]].sum(), atol=1e-5)


def test_words_of_the_same_score_keep_their_order():
    vectors = vectors_of({"q": [1, 0], **{f"t{i}": [1, 1] for i in range(9)}, "z": [1, 0]})
    assert [w for w, _ in vectors.related("q", 4)] == ["z", "t0", "t1", "t2"]
    assert [w for w, _ in vectors.related("q", 100)] == ["z", *(f"t{i}" for i in range(9))]


@pytest.mark.parametrize("method", ["add", "mul"])
def test_analogies_equal_brute_force_without_the_query_words(random_vectors, method):
    rows = random_vectors.vectors / np.linalg.norm(random_vectors.vectors, axis=1)[:, None]
    a, b, c = (rows @ rows[i] for i in (1, 2, 3))
    scores = b - a + c if method == "add" else (b + 1) * (c + 1) / 4 / ((a + 1) / 2 + 0.001)
    found = random_vectors.analogy("w1", "w2", "w3", 50, method=method)
    words = list(random_vectors.vocabulary)
    assert len(found) == 47 and not {"w1", "w2", "w3"} & dict(found).keys()
    for word, score in found:
        assert_allclose(score, scores[words.index(word)], rtol=1e-4, atol=1e-5)
    assert found[0][0] == ranking(scores, words, ["w1", "w2", "w3"])[0]


def test_keywords_are_ranked_by_their_product_with_the_sentence(small):
    # the sum of a, b, b, c is (4, 5): <a> = 8, <b> = 9, <c> = 15
    assert small.keywords(["a", "b", "b", "c", "nothing"]) == [("c", 15), ("b", 9), ("a", 8)]
    expected = [("b", 9 / np.sqrt(2)), ("c", 5), ("a", 4)]
    found = small.keywords("a b b c", normalize=True)
    assert [word for word, _ in found] == [word for word, _ in expected]
    assert_allclose([s for _, s in found], [s for _, s in expected], rtol=1e-6)
    assert small.keywords(["a", "d", "b"], 1) == [("a", 4)]


def test_sentences_are_sums_or_means_of_words(small):
    assert_array_equal(small.sentence_vector("a b, c!"), [3, 4])
    assert_array_equal(
        small.sentence_vector(["a", "b", "c"], method="mean"), [1, np.float32(4 / 3)]
    )
    assert small.sentence_similarity("a b c", "a", metric="inner") == 6
    assert small.sentence_similarity("a b c", "a") == pytest.approx(3 / 5)


def test_a_sentence_of_unknown_words_is_refused(small):
    for use in (small.keywords, small.sentence_vector):
        with pytest.raises(InputError, match="no word of 'x y' has a vector"):
            use("x y")


def test_a_sentence_is_tokenized_as_the_corpus_was():
    vectors = vectors_of(
        {"ab": [1, 0], "AB": [0, 1]}, settings={"tokenizer": "whitespace", "lowercase": True}
    )
    assert_array_equal(vectors.sentence_vector("AB ab"), [2, 0])


def test_the_manifest_of_a_stranger_runs_no_code(small):
    small.manifest["settings"] = {"tokenizer": "builtins:eval"}
    with pytest.raises(InputError, match="tokenizer 'builtins:eval'; name it again"):
        small.keywords("open('x', 'w')")
    assert small.keywords(small.tokenize("a.b", lambda text: text.split("."))) == [
        ("a", 6), ("b", 4),
    ]  # fmt: skip


def test_an_unknown_word_suggests_one_spelt_alike():
    vectors = vectors_of({"window": [1], "gate": [2]})
    with pytest.raises(InputError, match="no vector for 'windwo': did you mean 'window'"):
        vectors.similar("windwo")
    with pytest.raises(InputError, match=r"no vector for 'xyz'$"):
        vectors.related("xyz")


def test_a_word_of_which_only_the_characters_have_vectors_says_how_words_are_found():
    characters = {"北": [1], "京": [2], "the": [2], "x": [1], "y": [2]}
    said = r"^no vector for '北京': its characters have vectors each; `textzero embed --discover`"
    vectors = vectors_of(characters)
    for ask in (vectors.similar, vectors.__getitem__, vectors.index):
        with pytest.raises(InputError, match=said):
            ask("北京")
    for unknown in ("北天", "xy", "天"):  # not all known; a script with spaces; one character
        with pytest.raises(InputError, match=f"^no vector for '{unknown}'$"):
            vectors[unknown]
    with pytest.raises(InputError, match=r"^no vector for '北京'$"):  # words were found
        vectors_of({**characters, "大学": [3]})["北京"]


def test_text_cut_to_characters_is_told_from_words_that_were_found():
    def is_cut(text, tokenizer="word"):
        counts = count_words([text], tokenizer=tokenizer)
        return is_cut_to_characters(counts.words, counts.counts)

    assert is_cut("我们去北京 OK") and not is_cut("we go to 北京 by train")
    assert not is_cut("我们 去 北京", "whitespace") and not is_cut("")


def test_no_likeness_is_above_1():
    vectors = vectors_of({f"w{i}": np.full(7, 0.1 * 3**i) for i in range(9)})
    asked = [vectors.related(word) for word in vectors] + [
        vectors.similar(word) for word in vectors
    ]
    asked += vectors.nearest(list(vectors)) + vectors.nearest(list(vectors), metric="pearson")
    assert max(score for found in asked for _, score in found) == 1
    assert related_before(vectors) > 1


def related_before(vectors):
    norms = vectors.norms
    return max(
        float(np.max(rows.products(vectors.vectors, v) / (norms * n)))
        for v, n in zip(vectors.vectors, norms, strict=True)
    )


def test_a_word_stands_for_its_lower_case(small):
    assert small.find("A") == 0 and small.find("X") is None
    assert_array_equal(small["E"], [4, 0])
    assert "a" in small and "A" not in small


def test_norms_are_lengths(small):
    assert_allclose(small.norms, [2, np.sqrt(2), 3, 1, 4])


def test_blocks_of_rows_make_no_difference(random_vectors, monkeypatch):
    whole = random_vectors.similar("w1", 49)
    monkeypatch.setattr(rows, "NUMBERS", 7 * random_vectors.dim)  # the last block is not full
    fresh = WordVectors(random_vectors.vocabulary, random_vectors.vectors, random_vectors.context)
    assert_allclose([s for _, s in fresh.similar("w1", 49)], [s for _, s in whole], atol=1e-6)


def test_no_answer_depends_on_what_is_kept_in_memory(random_vectors, monkeypatch, tmp_path):
    def answers(vectors):
        plain = vectors.without_common_directions(2)
        return [
            [vectors.similar(word, 9) for word in ("w1", "w2")],
            vectors.nearest(["w1", "w2"], 9, metric="pearson"),
            plain.related("w3", 9),
            plain.vectors.tolist(),
        ]

    kept = answers(random_vectors)
    fresh = WordVectors(random_vectors.vocabulary, random_vectors.vectors, random_vectors.context)
    monkeypatch.setattr(WordVectors, "_fits", lambda *_: False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert answers(fresh) == kept
    assert isinstance(fresh._profiles(10_000), rows.LazyRows)  # made as they are asked for
    assert isinstance(fresh.without_common_directions(1).vectors, np.memmap)
    assert list(tmp_path.iterdir()) == []  # the file has no name


def test_memory_says_what_is_kept(random_vectors):
    vectors = random_vectors.like(random_vectors.vectors, random_vectors.context)
    vectors.memory = "301MB"
    assert vectors._fits(20 << 20) and not vectors._fits(30 << 20)
    assert vectors.without_common_directions(1).memory == "301MB"


def test_a_word_without_length_has_no_cosine():
    vectors = vectors_of({"a": [0, 0], "b": [1, 0], "c": [1, 1]})
    assert dict(vectors.related("a")) == {"b": 0, "c": 0}
    assert [score for _, score in vectors.similar("a")] == [0, 0]


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda v: v.similar("a", metric="euclid"), "metric must be pearson or cosine"),
        (lambda v: v.similar("a", n_context=1), "n_context must be at least 2, got 1"),
        (lambda v: v.related("a", metric="euclid"), "metric must be auto, cosine or inner"),
        (lambda v: v.related("a", 0), "n must be at least 1, got 0"),
        (lambda v: v.analogy("a", "b", "c", method="div"), "method must be add or mul"),
        (lambda v: v.sentence_vector("a", method="max"), "method must be sum, mean or sif"),
        (lambda v: v.sentence_similarity("a", "b", metric="x"), "metric must be cosine or inner"),
        (lambda v: WordVectors(v.vocabulary, v.vectors[:2]), "one row for each of 5 words"),
    ],
)
def test_a_wrong_setting_is_named(small, use, message):
    with pytest.raises(ValueError, match=message):
        use(small)


def test_vectors_are_saved_and_mapped(random_vectors, tmp_path):
    random_vectors.save(tmp_path / "v")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v"]
    names = {"manifest.json", "vectors.safetensors", "vocabulary.tsv"}
    assert {p.name for p in (tmp_path / "v").iterdir()} == names
    again = WordVectors.load(tmp_path / "v")
    assert isinstance(again.vectors, np.memmap) and isinstance(again.context, np.memmap)
    assert_array_equal(again.vectors, random_vectors.vectors)
    assert_array_equal(again.context, random_vectors.context)
    assert list(again.vocabulary) == list(random_vectors.vocabulary)
    assert_array_equal(again.vocabulary.counts, random_vectors.vocabulary.counts)
    assert again.manifest["words"] == 50 and again.manifest["dim"] == 6
    assert again.similar("w1") == random_vectors.similar("w1")


def test_a_full_disk_is_said_in_a_sentence(small, tmp_path):
    class FullDisk(Disk):
        def create(self, path, mode="wb"):
            if path.name == "vectors.safetensors":
                raise OSError(28, "No space left on device")
            return super().create(path, mode)

    with replaced_disk(FullDisk()):
        with pytest.raises(ResourceError, match=r"cannot be written: No space"):
            small.save(tmp_path / "v")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ask", [WordVectors.similar, WordVectors.related])
def test_a_vector_that_is_not_finite_is_told(ask):
    vectors = vectors_of({"a": [1, 2], "b": [2, 1], "c": [np.nan, 1]})
    with pytest.raises(InputError, match=r"'[bc]'.* is not finite"):
        ask(vectors, "a")


def test_other_tools_read_the_tensors(random_vectors, tmp_path):
    from safetensors.numpy import load_file

    random_vectors.save(tmp_path / "v")
    tensors = load_file(tmp_path / "v" / "vectors.safetensors")
    assert set(tensors) == {"embedding", "context", "counts", "norms"}
    assert_array_equal(tensors["counts"], random_vectors.vocabulary.counts)
    assert_array_equal(tensors["norms"], random_vectors.norms)


def safetensors(header, data=bytes(64), size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + data


def tensor(shape=(2, 8), offsets=(0, 64), dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


LIES = {
    "a header of 2^60 bytes": safetensors({"embedding": tensor()}, size=1 << 60),
    "offsets past the end": safetensors({"embedding": tensor((2, 1 << 40), (0, 1 << 43))}),
    "tensors that overlap": safetensors({"embedding": tensor(), "x": tensor((8,), (32, 64))}),
    "a hole at the end": safetensors({"embedding": tensor((2, 4), (0, 32))}),
    "a shape whose product overflows": safetensors({"embedding": tensor((1 << 33, 1 << 31))}),
    "a shape larger than its bytes": safetensors({"embedding": tensor((2, 16))}),
    "a shape below zero": safetensors({"embedding": tensor((-2, 8))}),
    "a header that is no JSON": safetensors(b"{" * 40),
    "nothing": b"",
    "no tensor": safetensors({}, b""),
    "another tensor": safetensors({"x": tensor()}),
    "one dimension": safetensors({"embedding": tensor((16,))}),
    "rows for other words": safetensors({"embedding": tensor((4, 4))}),
    "a type that is not there": safetensors({"embedding": tensor((2, 16), dtype="BF16")}),
    "a context of another shape": safetensors(
        {"embedding": tensor((2, 4), (0, 32)), "context": tensor((4, 2), (32, 64))}
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_safetensors_file_is_refused_without_allocation(lie, tmp_path):
    vectors_of({"a": [1] * 8, "b": [2] * 8}).save(tmp_path / "v")
    path = tmp_path / "v" / "vectors.safetensors"
    path.write_bytes(LIES[lie])
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            WordVectors.load(tmp_path / "v")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20  # buffers of a MiB
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)


def test_a_folder_that_is_none_is_refused(small, tmp_path):
    with pytest.raises(InputError, match="must be a folder"):
        WordVectors.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("a 1 2\n")
    with pytest.raises(InputError, match="convert it first"):
        WordVectors.load(tmp_path / "file")
    with pytest.raises(InputError, match=r"manifest\.json cannot be read"):
        WordVectors.load(tmp_path)
    small.save(tmp_path / "v")
    (tmp_path / "v" / "manifest.json").write_text('{"kind": "something else"}')
    with pytest.raises(InputError, match="got 'something else'"):
        WordVectors.load(tmp_path / "v")
    small.save(tmp_path / "w")
    (tmp_path / "w" / "vocabulary.tsv").write_text("a\t1\n")
    with pytest.raises(InputError, match="embedding must have 1 rows"):
        WordVectors.load(tmp_path / "w")
    (tmp_path / "w" / "vectors.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        WordVectors.load(tmp_path / "w")
    vectors_of({"a": [1.0]}, settings=[]).save(tmp_path / "x")
    (tmp_path / "x" / "manifest.json").write_text('{"kind": "textzero vectors 1", "settings": [1]}')
    with pytest.raises(InputError, match="settings must be an object"):
        WordVectors.load(tmp_path / "x")


def test_spearman_shares_the_ranks_of_ties():
    # ranks of a: 1, 2.5, 2.5, 4; of b: 2, 1, 4, 3: covariance 1.5, variances 4.5 and 5
    found = spearman(np.array([1, 5, 5, 9]), np.array([20, 10, 40, 30]))
    assert found == pytest.approx(1.5 / np.sqrt(4.5 * 5))
    assert spearman(np.array([1, 1]), np.array([1, 2])) == 0


def test_similarity_is_scored_over_the_pairs_that_have_vectors(small, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("word1\tword2\tscore\na\tE\t9\na\tb\t3.5\na\tc\t5\na\td\t0\na\tx\t1\n")
    # cosines 1, 0.71, 0, -1: ranks 4, 3, 2, 1 against 4, 2, 3, 1: 1 - 6 * 2 / 60
    result = evaluate_similarity(small, path)
    assert (result.name, result.covered, result.total) == ("pairs", 4, 5)
    assert result.spearman == pytest.approx(0.8)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a b 1\na c\n", r"gold:2: expected two words and a score, got 'a c'"),
        ("a b 1\na c nan\n", "gold:2: expected"),
        ("a b 1\nx y 2\n", "1 of 2 pairs have vectors; two are needed"),
        ("", "0 of 0 pairs"),
        ("a b \udcff".encode("utf-8", "surrogateescape"), "must be UTF-8"),
    ],
)
def test_a_wrong_list_of_pairs_is_named(small, tmp_path, text, message):
    (tmp_path / "gold").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        evaluate_similarity(small, tmp_path / "gold")


def test_analogies_are_scored_as_brute_force_does(random_vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "_QUESTIONS", 7)
    monkeypatch.setattr(rows, "NUMBERS", 77)  # of the 30 words 11 at a time, at most
    shapes = []
    scores = evaluation._scores
    monkeypatch.setattr(
        evaluation,
        "_scores",
        lambda v, q, u, s: shapes.append((len(q), len(u))) or scores(v, q, u, s),
    )
    random = np.random.default_rng(1)
    asked = [random.choice(30, 4, replace=False) for _ in range(40)]
    # half of the answers are what addition finds, so that some are right
    right = {"add": 0, "mul": 0}
    lines = [": section"]
    for number, (a, b, c, d) in enumerate(asked):
        words = [f"w{i}" for i in (a, b, c, d)]
        best = {}
        for method in right:
            found = random_vectors.analogy(*words[:3], 50, method=method)
            best[method] = next(word for word, _ in found if int(word[1:]) < 30)
        if number % 2:
            words[3] = best["add"]
        for method in right:
            right[method] += best[method] == words[3]
        lines.append(" ".join(words).upper())
    lines += ["w1 w2 w3 w40", "w1 w2 w3 unknown"]
    (tmp_path / "questions.txt").write_text("\n".join(lines))
    result = evaluate_analogies(random_vectors, tmp_path / "questions.txt", first=30)
    assert (result.name, result.covered, result.total) == ("questions", 40, 42)
    assert result.add == right["add"] / 40 >= 0.5
    assert result.mul == right["mul"] / 40 > 0
    assert shapes == ([(7, 11)] * 5 + [(5, 11)]) * 2 + [(7, 8)] * 5 + [(5, 8)]


def test_a_wrong_list_of_analogies_is_named(small, tmp_path):
    path = tmp_path / "gold"
    path.write_text(": x\na b c\n")
    with pytest.raises(InputError, match="gold:2: expected four words, got 'a b c'"):
        evaluate_analogies(small, path)
    path.write_text(": x\na b c x\n")
    with pytest.raises(InputError, match="none of 1 questions"):
        evaluate_analogies(small, path)
    with pytest.raises(InputError, match="cannot be read"):
        evaluate_analogies(small, tmp_path / "nothing")


@pytest.mark.parametrize(
    "text, expected", [("\n: capitals\n", True), ("a b c d", True), ("a b 3", False)]
)
def test_the_kind_of_a_gold_set_is_told_by_its_first_line(tmp_path, text, expected):
    (tmp_path / "gold").write_text(text)
    assert is_analogies(tmp_path / "gold") is expected


def test_an_empty_gold_set_is_refused(tmp_path):
    (tmp_path / "gold").write_text("\n")
    with pytest.raises(InputError, match="holds no question"):
        is_analogies(tmp_path / "gold")


def test_a_table_of_pairs_with_a_fourth_column_is_no_file_of_analogies(small, tmp_path):
    (tmp_path / "gold").write_text("one two score raters\na b 1.5 9\na c 2 8\n")
    assert not is_analogies(tmp_path / "gold")
    assert evaluate_similarity(small, tmp_path / "gold").total == 2
    (tmp_path / "asked").write_text("a b c d\n")
    assert is_analogies(tmp_path / "asked")


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="there is no /proc")
def test_readers_of_one_folder_share_it(tmp_path):
    random = np.random.default_rng(0)
    names = [f"w{i}" for i in range(20_000)]
    table = random.normal(size=(len(names), 128)).astype(np.float32)  # 10 MB
    WordVectors(Vocabulary(names, np.arange(len(names), 0, -1)), table).save(tmp_path / "v")
    before = sorted(p.name for p in (tmp_path / "v").iterdir())
    told_read, told = os.pipe()
    end_read, end = os.pipe()
    reader = (
        "import os, sys; from textzero.vectors.word_vectors import WordVectors as W;"
        "v = W.load(sys.argv[1]); found = v.related('w7', 1)[0][0] in v;"
        "os.write(int(sys.argv[2]), b'r' if found else b'w'); os.read(int(sys.argv[3]), 1)"
    )
    command = [sys.executable, "-c", reader, str(tmp_path / "v"), str(told), str(end_read)]
    readers = [subprocess.Popen(command, pass_fds=(told, end_read)) for _ in range(4)]
    answers = b"".join(os.read(told_read, 1) for _ in readers)
    private = []
    for process in readers:
        mapped = Path(f"/proc/{process.pid}/smaps").read_text().split("vectors.safetensors")[1:]
        sizes = [re.findall(r"Private_\w+: +(\d+)", one.partition("VmFlags")[0]) for one in mapped]
        private.append(sum(int(size) for one in sizes for size in one))
    os.write(end, bytes(4))
    assert [process.wait(timeout=30) for process in readers] == [0, 0, 0, 0]
    assert answers == b"rrrr" and sorted(p.name for p in (tmp_path / "v").iterdir()) == before
    assert max(private) < 1000  # kB; the mapped pages are all readers'
