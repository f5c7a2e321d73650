import pickle
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import textzero
from textzero.characters import is_space
from textzero.errors import InputError
from textzero.information import Information, character_entropy
from textzero.lexicon import Lexicon
from textzero.segmentation_score import read_segmented, score_segmentation
from textzero.segmenter import Segmenter
from textzero.tokens import Tokenizer

TEXT = st.text(st.sampled_from("ab1北京大学 \n\x00\ud800カ\u3099😀。'.")) | st.text()
WORDS = {"北京": 5, "大学": 4, "北京大学": 2, "京": 2, "学": 2, "ab": 1, "a": 3}
SEGMENTER = Segmenter(WORDS)
FOLDING = Segmenter(Lexicon.from_counts({"the": 2, "ＡＢ": 1, "é": 1}, lowercase=True, nfkc=True))


def brute_force(words, text):
    """Every segmentation of letters without spaces, as tokens with their log-probability."""
    logs = dict(zip(words, Lexicon.from_counts(words).log_probabilities.tolist(), strict=True))
    unknown = min(logs.values()) - np.log(10)
    found = []
    for cuts in product([0, 1], repeat=len(text) - 1):
        tokens, start = [], 0
        for place in [k for k, cut in enumerate(cuts, 1) if cut] + [len(text)]:
            tokens.append(text[start:place])
            start = place
        if all(token in logs or len(token) == 1 for token in tokens):
            found.append((tokens, sum(logs.get(token, unknown) for token in tokens)))
    return sorted(found, key=lambda entry: -entry[1])


# --- the best segmentation -----------------------------------------------------------------------


@given(text=TEXT)
def test_the_tokens_joined_are_the_text(text):
    for segmenter in (SEGMENTER, FOLDING):
        tokens = segmenter.segment(text)
        assert "".join(tokens) == text
        assert segmenter(text) == [token for token in tokens if not is_space(token)]


@given(text=TEXT)
def test_spans_are_where_the_tokens_are(text):
    for segmenter in (SEGMENTER, FOLDING):
        spans = segmenter.spans(text)
        assert spans.dtype == np.int64
        assert [text[a:b] for a, b in spans] == segmenter(text)


@given(
    text=st.text(st.sampled_from("北京大学x"), min_size=1, max_size=7).filter(
        lambda t: "xx" not in t
    )
)
def test_the_n_best_are_the_first_of_all_segmentations(text):
    words = {"北京": 5, "大学": 4, "北京大学": 1, "京": 2, "学": 2, "京大": 3, "大": 7}
    expected = brute_force(words, text)
    found = Segmenter(words).n_best(text, 1000)
    assert [log for _, log in found] == pytest.approx([log for _, log in expected], abs=1e-5)
    assert {tuple(tokens) for tokens, _ in found} == {tuple(tokens) for tokens, _ in expected}
    assert Segmenter(words).segment(text) == found[0][0]
    assert Segmenter(words).n_best(text, 3) == found[:3]


def test_segmentations_by_hand():
    assert SEGMENTER("北京大学 ab") == ["北京大学", "ab"]
    assert SEGMENTER.segment("北京 ab\n") == ["北京", " ", "ab", "\n"]
    assert SEGMENTER("") == SEGMENTER.segment("") == []
    assert SEGMENTER.spans("").shape == (0, 2)
    assert SEGMENTER.n_best("", 3) == [([], 0.0)]


def test_a_lexicon_that_folds_leaves_the_text_as_it_is():
    assert FOLDING.segment("The THEab ab ＡB É") == [
        "The",
        " ",
        "THEab",
        " ",
        "ab",
        " ",
        "ＡB",
        " ",
        "É",
    ]
    information = FOLDING.information("The ａｂ")
    assert (information.tokens, information.unknown) == (2, 0)


def test_a_long_text_is_the_same_in_parts(monkeypatch):
    text = "北京大学ab 大学京\n北京。" * 100
    whole = [SEGMENTER.segment(text), SEGMENTER.spans(text).tolist(), SEGMENTER.information(text)]
    for size in (1, 7, 100):
        monkeypatch.setattr(textzero.segmenter, "_PART", size)
        parts = [SEGMENTER.segment(text), SEGMENTER.spans(text).tolist()]
        assert parts == whole[:2]
        assert SEGMENTER.information(text).bits == pytest.approx(whole[2].bits, rel=1e-12)


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("spaces", [True, False])
@pytest.mark.parametrize("size", [3, 1 << 16])
def test_batches_are_the_texts_one_by_one(monkeypatch, workers, spaces, size):
    monkeypatch.setattr(textzero.segmenter, "_PART", size)
    texts = ["北京大学", "", "\n", "a\nb ", " ", "大学\r\n", "x" * 50, "\ud800😀", ""] * 20
    found = SEGMENTER.segment_batch(texts, spaces=spaces, workers=workers)
    assert list(found) == [SEGMENTER.segment(text, spaces=spaces) for text in texts]


@given(texts=st.lists(TEXT, max_size=5))
def test_batches_of_any_texts(texts):
    assert list(SEGMENTER.segment_batch(texts, workers=1)) == list(map(SEGMENTER.segment, texts))


def test_a_batch_is_lazy_and_holds_strings():
    endless = iter(lambda: "北京" * 40000, None)
    assert len(next(SEGMENTER.segment_batch(endless, workers=2))) == 40000
    with pytest.raises(TypeError, match="texts must be strings, got bytes"):
        list(SEGMENTER.segment_batch([b"a"]))


def test_a_segmenter_can_be_sent_to_another_process():
    sent = pickle.loads(pickle.dumps(SEGMENTER))
    assert sent("北京大学ab") == SEGMENTER("北京大学ab")
    assert sent.lexicon.digest() == SEGMENTER.lexicon.digest()
    assert len(pickle.dumps(SEGMENTER)) < 2000


def test_what_is_no_lexicon_is_refused():
    with pytest.raises(TypeError, match="must be a Lexicon, a mapping or a path, got int"):
        Segmenter(3)
    with pytest.raises(InputError, match="none cannot be read"):
        Segmenter("none")


# --- all segmentations ---------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
def test_samples_are_proportional_to_the_power_of_the_probability(alpha):
    words = {"北京": 5, "大学": 4, "北京大学": 1, "京": 2, "学": 2, "京大": 3, "大": 7, "北": 2}
    text, draws = "北京大学", 2000
    segmenter = Segmenter(words)
    expected = {tuple(tokens): np.exp(alpha * log) for tokens, log in brute_force(words, text)}
    total = sum(expected.values())
    seen = Counter(tuple(segmenter.sample(text, alpha, seed)) for seed in range(draws))
    assert seen.keys() <= expected.keys()
    for tokens, weight in expected.items():
        p = weight / total
        # five standard deviations of a binomial count
        assert abs(seen[tokens] - draws * p) <= 5 * np.sqrt(draws * p * (1 - p))


def test_a_seed_decides_the_sample():
    text = "北京大学" * 50
    assert SEGMENTER.sample(text, 0.3, 4) == SEGMENTER.sample(text, 0.3, 4)
    assert SEGMENTER.sample(text, 0.3, 4) != SEGMENTER.sample(text, 0.3, 5)
    assert SEGMENTER.sample(text, 1000.0) == SEGMENTER.segment(text)
    assert SEGMENTER.sample("北京 大学", 9.0, spaces=False) == ["北京", "大学"]
    with pytest.raises(ValueError, match="alpha must be at least 0, got -1"):
        SEGMENTER.sample(text, -1)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        SEGMENTER.n_best(text, 0)


def test_marginals_are_sums_over_segmentations():
    words = {"北京": 5, "大学": 4, "北京大学": 1, "京": 2, "学": 2, "京大": 3, "大": 7}
    paths = brute_force(words, "北京大学")
    total = sum(np.exp(log) for _, log in paths)
    segmenter = Segmenter(words)
    assert segmenter.log_marginal("北京大学") == pytest.approx(np.log(total), abs=1e-5)
    cuts = np.zeros(5)
    for tokens, log in paths:
        cuts[np.cumsum([0, *map(len, tokens)])] += np.exp(log) / total
    np.testing.assert_allclose(segmenter.marginals("北京大学"), cuts, atol=1e-5)


def test_sums_of_a_long_text_neither_overflow_nor_vanish():
    text = "北京大学" * 20000
    once = SEGMENTER.log_marginal("北京大学\n")
    assert SEGMENTER.log_marginal("北京大学\n" * 20000) == pytest.approx(20000 * once, rel=1e-9)
    cuts = SEGMENTER.marginals(text)
    assert cuts.shape == (len(text) + 1,)
    assert np.isfinite(cuts).all()
    # rounding adds up over 60,000 sums of the size of 1e5
    np.testing.assert_allclose([cuts[0], cuts[-1]], 1, atol=1e-6)
    assert "".join(SEGMENTER.sample(text, 0.2)) == text


def test_bits_are_those_of_the_best_segmentation():
    held = {"北": 1, "京": 1, "大学": 2}  # a half and two quarters
    found = Segmenter(held).information("北京 大学，")
    assert found == Information(pytest.approx(2 + 2 + 1, abs=1e-5), 4, 3, 0)
    assert found.bits_per_character == pytest.approx(5 / 4, abs=1e-5)
    unknown = Segmenter(held).information("x你")
    assert (unknown.tokens, unknown.unknown) == (2, 2)
    assert unknown.bits == pytest.approx(2 * (2 + np.log2(10)), abs=1e-4)
    assert Segmenter(held).information("，").bits_per_character == 0.0
    assert character_entropy(["北京", "大。 学"]) == 2.0
    assert character_entropy([]) == 0.0


# --- a tokenizer ---------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    Lexicon.from_counts(WORDS).save(tmp_path / "lexicon.tsv")
    return str(tmp_path / "lexicon.tsv")


def test_a_lexicon_is_a_tokenizer_by_path_and_as_object(path):
    for spec in (path, SEGMENTER):
        tokenizer = Tokenizer(spec)
        assert tokenizer("北京大学 ab\ud800。") == ["北京大学", "ab", "。"]
        assert tokenizer.function()("北京大学") == ["北京大学"]
        assert tokenizer.settings()["lexicon"] == SEGMENTER.lexicon.digest()
    assert Tokenizer(path).name == path
    assert ":" in Tokenizer(SEGMENTER).name


@given(text=TEXT)
def test_the_tokenizer_finds_what_the_segmenter_does(text):
    whole = text.encode("utf-8", "replace").decode()
    tokens = Tokenizer(SEGMENTER)(whole)
    assert tokens == [token for token in SEGMENTER(whole) if token != "\x00"]


def test_the_settings_of_the_lexicon_normalise_the_text():
    tokenizer = Tokenizer(FOLDING)
    assert tokenizer("The ＴＨＥ") == ["the", "the"]
    settings = tokenizer.settings()  # its own; the digest covers the lexicon's
    assert settings["lexicon"] == FOLDING.lexicon.digest()
    assert settings["lowercase"] is settings["nfkc"] is False
    assert Tokenizer(SEGMENTER, lowercase=True)("AB") == ["ab"]
    assert tokenizer.normalise("Ａ") == "a"


def test_a_lexicon_that_is_missing_or_wrong_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"lexicon\.tsv cannot be read: No such file"):
        Tokenizer("lexicon.tsv")
    (tmp_path / "wrong.tsv").write_text("# {}\n")
    with pytest.raises(InputError, match=r"wrong\.tsv:2: expected the columns"):
        Tokenizer("wrong.tsv")


def test_a_lexicon_that_changed_is_another_tokenizer(path):
    before = Tokenizer(path).settings()
    Lexicon.from_counts({"北": 1}).save(path)
    assert Tokenizer(path).settings() != before
    assert Tokenizer(path)("北京") == ["北", "京"]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_words_of_a_lexicon_are_counted_for_any_number_of_workers(path, tmp_path, workers):
    lines = ["北京大学 北京", "ab, ab", "", "大学" * 300] * 50
    (tmp_path / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    expected = Counter(token for line in lines for token in SEGMENTER(line))
    corpus = textzero.Corpus(str(tmp_path / "text.txt"))
    assert dict(textzero.count_words(corpus, tokenizer=path, workers=workers)) == expected
    counts = textzero.count_words(lines, tokenizer=SEGMENTER, workers=workers)
    assert dict(counts) == expected
    assert counts.reading.documents == 150
    vocabulary = textzero.Vocabulary.from_counts(counts, min_count=1)
    pairs = textzero.count_cooccurrences(lines, vocabulary, tokenizer=SEGMENTER, window=2)
    assert pairs.settings["lexicon"] == SEGMENTER.lexicon.digest()
    # 150 lines have words; in each of 50 lines 北京大学 has 北京 beside it
    columns, x = pairs.row("北京大学")
    assert {vocabulary[j]: n for j, n in zip(columns, x.tolist(), strict=True)} == {"北京": 50.0}


# --- scores --------------------------------------------------------------------------------------


def test_scores_by_hand():
    # gold 研究|生命|的|起源, predicted 研究生|命|的|起源: 2 of 4 words right, of 4 predicted
    score = score_segmentation(
        [["研究", "生命", "的", "起源"], []], [["研究生", "命", "的", "起源"], []]
    )
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert (score.gold, score.predicted, score.correct) == (4, 4, 2)
    score = score_segmentation([["ab", "c", "，"]], [["a", "b", "c", "，"]], {"ab": 1, "c": 1})
    assert score.precision == 2 / 4
    assert score.recall == 2 / 3
    assert score.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert (score.known, score.known_recall) == (2, 0.5)
    assert (score.unknown, score.unknown_recall) == (0, None)
    nothing = score_segmentation([], [])
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)


def test_another_text_cannot_be_scored():
    with pytest.raises(InputError, match="line 2: gold and prediction must be the same text"):
        score_segmentation([["a"], ["b"]], [["a"], ["c"]])
    with pytest.raises(InputError, match="line 2: the prediction has no such line"):
        score_segmentation([["a"], ["b"]], [["a"]])
    with pytest.raises(InputError, match="line 1: the gold has no such line"):
        score_segmentation([], [["a"]])


def test_segmented_files_are_read(tmp_path):
    path = tmp_path / "gold.txt"
    path.write_bytes("\ufeff北京  大学\r\n\r\n ab \u3000c\n".encode())
    assert list(read_segmented(path)) == [["北京", "大学"], ["ab", "c"]]
    path.write_bytes(b"ab|c d||e|\r\n")
    assert list(read_segmented(path, "|")) == [["ab", "c d", "e"]]
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(InputError, match=r"gold\.txt:2 is not UTF-8"):
        list(read_segmented(path))
    with pytest.raises(InputError, match="none cannot be read"):
        list(read_segmented(tmp_path / "none"))
    with pytest.raises(ValueError, match="separator must not be empty"):
        list(read_segmented(path, ""))


@pytest.mark.data
def test_jiebas_dictionary_on_the_pku_test(data):
    gold = list(read_segmented(data / "segmentation" / "pku_test_gold.utf8"))
    segmenter = Segmenter(str(data / "lexicon" / "dict.txt"))
    guess = list(segmenter.segment_batch(["".join(words) for words in gold]))
    score = score_segmentation(gold, guess)
    assert score.gold == 104_372
    # another standard of words than PKU's: between .81 and .85 without training
    assert 0.81 < score.f1 < 0.85
