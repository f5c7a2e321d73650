import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file

from textzero.errors import InputError, OutputExistsError
from textzero.lexicon import Lexicon
from textzero.segmenter import Segmenter
from textzero.tokens import Tokenizer
from textzero.vectors.formats import save_vectors
from textzero.vectors.static_embedding import save_static_embedding
from textzero.vectors.tokenizer_json import tokenizer_json
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

TEXTS = [
    "Don't panic: 北京2008!",
    "the cat's 'cat' and the dog",
    "naïve cafe\u0301 \ufb01sh ΟΔΟΣ ΣΑΣ ὈΔΥΣΣΕΎΣ İstanbul",
    "ที่นี่ がぎ Ａｂｃ\u3000１２ 12月 卡拉OK\u200b了",
    "a\tb\u0001c\ufffdd 1,5 x.y ''",
]
# letters, marks, digits, scripts without spaces, punctuation, separators
ALPHABET = "aBéσΣ'’.,15०北京月がทีกร\u0301\u3099 \t\n\u00ad\u200b\u3000-!_İﬁ𠀀😀"


def vectors_of(words, counts=None, dim=5, **settings):
    rows = np.random.default_rng(0).normal(size=(len(words), dim)).astype(np.float32)
    counts = np.arange(len(words), 0, -1) if counts is None else counts
    return WordVectors(Vocabulary(words, np.array(counts)), rows, None, {"settings": settings})


def their_tokens(tokenizer, words, texts):
    """What the tokenizers library finds of `words` with our file."""
    library = pytest.importorskip("tokenizers")
    content, further = tokenizer_json(tokenizer, words)
    theirs = library.Tokenizer.from_str(json.dumps(content))
    assert theirs.get_vocab_size() == len(words) + len(further)
    found = theirs.encode_batch(texts, add_special_tokens=False)
    return [[words[i] for i in one.ids if i < len(words)] for one in found]


@pytest.mark.parametrize("spec", ["word", "whitespace", "char"])
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("nfkc", [False, True])
def test_the_library_finds_our_tokens(spec, lowercase, nfkc):
    tokenizer = Tokenizer(spec, lowercase, nfkc)
    ours = [tokenizer(text) for text in TEXTS]
    words = sorted({token for tokens in ours for token in tokens})
    assert their_tokens(tokenizer, words, TEXTS) == ours


@pytest.mark.parametrize("spec", ["word", "whitespace", "char"])
@given(st.text(ALPHABET, max_size=30))
def test_the_library_cuts_any_text_as_we_do(spec, text):
    tokenizer = Tokenizer(spec)
    ours = tokenizer(text)
    assert their_tokens(tokenizer, sorted(set(ours)), [text]) == [ours]


@pytest.mark.parametrize("spec", ["word", "whitespace", "char"])
@given(st.text(ALPHABET, max_size=30))
def test_the_regular_expression_matches_our_tokens(spec, text):
    content, _ = tokenizer_json(Tokenizer(spec), ["a"])
    [split] = content["pre_tokenizer"]["pretokenizers"]
    assert (split["behavior"], split["invert"]) == ("Removed", True)
    # Python writes a code point in another way
    pattern = re.sub(
        r"\\x\{(\w+)\}", lambda point: f"\\U{int(point[1], 16):08x}", split["pattern"]["Regex"]
    )
    assert re.findall(pattern, text) == Tokenizer(spec)(text)


def test_the_words_of_a_lexicon_have_marks_around_runs():
    content, further = tokenizer_json(lexicon(COUNTS), ["卡拉OK", "abc", "北京"])
    model = content["model"]
    logs = Lexicon.from_counts(COUNTS)
    logs = dict(zip(logs.words, logs.log_probabilities.tolist(), strict=True))
    keys = [key for key, _ in model["vocab"]]
    assert keys[:4] == ["卡拉\x1fOK\x1f", "\x1fabc\x1f", "北京", "[UNK]"]
    assert model["unk_id"] == 3 and further[0] == "[UNK]"
    assert len(keys) == len(set(keys)) == 3 + len(further) == len(COUNTS) + 2
    scores = dict(model["vocab"])
    assert scores["北京"] == pytest.approx(logs["北京"])
    # a frequent atom that is no word of the lexicon costs as much as an unknown character
    assert scores["\x1fabc\x1f"] == pytest.approx(min(logs.values()) - np.log(10))
    comma = next(key for key in keys if key.startswith("\x1f1") and key.endswith("5\x1f"))
    assert "," not in comma  # so that the comma of 1,5 is never found as a word


COUNTS = {
    "the": 50, "me": 40, "them": 3, "北京": 9, "京大": 9, "大学": 5, "12月": 4, "卡拉OK": 3,
    "OK": 2, "a": 5, "don't": 2, "1,5": 1, "，": 9, "北": 1, "x1": 2, ".": 30, ",": 20,
}  # fmt: skip
PHRASES = {"new york": 5, "new": 4, "york": 1, "the": 9, "york the": 1, "in": 3}


def lexicon(counts, **settings):
    made = Lexicon.from_counts(counts)
    made.settings = {**made.settings, **settings}
    return Tokenizer(Segmenter(made))


@pytest.mark.parametrize(
    "counts, settings, texts",
    [
        (COUNTS, {}, ["the theme me them a", "卡拉OK了卡拉OKabc OK", "don't do'nt 'the' don't"]),
        (COUNTS, {}, ["12月3日12月", "1,5 11,5 1,55 1,5。 3.14 a.", "北京大学，the大学me", "x1x1"]),
        (COUNTS, {"unit": "letter"}, ["themedede thea12月 them 112月", "a.b 3.14"]),
        (PHRASES, {"unit": "word"}, ["new york the in new  york", "new york-new york\nnew\tyork"]),
        (PHRASES, {"unit": "word", "lowercase": True}, ["The New york THE in new  York"]),
        (COUNTS, {"nfkc": True}, ["１２月Ａ ｔｈｅ，"]),
    ],
)  # fmt: skip
def test_the_library_cuts_with_a_lexicon_as_we_do(counts, settings, texts):
    tokenizer = lexicon(counts, **settings)
    words = [*counts, "abc", "日"]  # frequent atoms that are no words of the lexicon
    ours = [[token for token in tokenizer(text) if token in words] for text in texts]
    assert their_tokens(tokenizer, words, texts) == ours
    # most words of the lexicon may lack a vector, and are needed all the same to cut
    some = words[::2]
    ours = [[token for token in tokens if token in some] for tokens in ours]
    assert their_tokens(tokenizer, some, texts) == ours


def test_rows_are_the_weighted_words_then_zeros(tmp_path):
    vectors = vectors_of(["a", "b", "c"])
    save_static_embedding(vectors, tmp_path / "v")
    names = {"README.md", "config.json", "manifest.json", "model.safetensors", "modules.json"}
    assert {p.name for p in (tmp_path / "v").iterdir()} == names | {"tokenizer.json"}
    rows = load_file(tmp_path / "v" / "model.safetensors")["embeddings"]
    content = json.loads((tmp_path / "v" / "tokenizer.json").read_text())
    assert content["model"]["vocab"] == {"a": 0, "b": 1, "c": 2, "[UNK]": 3}
    assert rows.dtype == np.float32 and not rows[3].any()
    for word, row in zip("abc", rows, strict=False):
        assert_allclose(row, vectors.sentence_vector([word], method="sif"), atol=1e-6)
    save_static_embedding(vectors, tmp_path / "w", sif=False)
    rows = load_file(tmp_path / "w" / "model.safetensors")["embeddings"]
    assert_array_equal(rows[:3], vectors.vectors)


def test_a_word_that_looks_like_the_unknown_token_keeps_its_row(tmp_path):
    save_static_embedding(vectors_of(["[UNK]", "a"]), tmp_path / "v")
    content = json.loads((tmp_path / "v" / "tokenizer.json").read_text())
    assert content["model"]["vocab"] == {"[UNK]": 0, "a": 1, "[[UNK]]": 2}
    assert content["model"]["unk_token"] == "[[UNK]]"


def test_a_folder_is_written_again_but_never_over_a_stranger(tmp_path):
    vectors = vectors_of(["a", "b"])
    for _ in range(2):
        save_vectors(vectors, tmp_path / "v", "static-embedding")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "config.json").write_text("{}")
    with pytest.raises(OutputExistsError):
        save_vectors(vectors, tmp_path / "w", "static-embedding")


def test_a_tokenizer_that_is_code_must_be_replaced(tmp_path):
    vectors = vectors_of(["a", "b"], tokenizer="package.module:function")
    with pytest.raises(InputError, match="name it again with --tokenizer"):
        save_static_embedding(vectors, tmp_path / "v")
    with pytest.raises(InputError, match=r"which tokenizer\.json cannot hold; name word"):
        save_static_embedding(vectors, tmp_path / "v", tokenizer=str.split)
    save_static_embedding(vectors, tmp_path / "v", tokenizer="whitespace")


def test_vectors_without_counts_are_written_unweighted_or_not_at_all(tmp_path):
    vectors = vectors_of(["a", "b"], counts=[0, 0])
    with pytest.raises(InputError, match="--no-sif"):
        save_static_embedding(vectors, tmp_path / "v")
    assert not list(tmp_path.iterdir())
    save_static_embedding(vectors, tmp_path / "v", sif=False)


def saved_for_both(tmp_path, sif):
    """Vectors of a lexicon, their folder, sentences, and the vectors that these should have."""
    words = [*COUNTS, "abc"]
    vectors = vectors_of(words, dim=12, tokenizer="lexicon.tsv", nfkc=True)
    segmenter = Segmenter(Lexicon.from_counts(COUNTS))
    segmenter.lexicon.save(tmp_path / "lexicon.tsv")
    digest = Segmenter(tmp_path / "lexicon.tsv").lexicon.digest()
    vectors.manifest["settings"]["lexicon"] = digest
    vectors.folder = tmp_path
    save_static_embedding(vectors, tmp_path / "v", sif=sif)
    texts = ["the theme them", "卡拉OK了，北京大学", "12月 unknown abc don't", "me"]
    method = "sif" if sif else "mean"
    rows = np.array([vectors.sentence_vector(text, method=method) for text in texts])
    return tmp_path / "v", texts, rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("sif", [True, False])
def test_model2vec_gives_our_sentence_vectors(tmp_path, sif):
    model2vec = pytest.importorskip("model2vec")
    folder, texts, expected = saved_for_both(tmp_path, sif)
    model = model2vec.StaticModel.from_pretrained(folder)
    assert_allclose(model.encode(texts), expected, atol=1e-5)
    long = "北京" * 5000  # nothing is cut off
    assert_allclose(model.encode([long + "the"])[0] @ model.encode([long])[0], 1, atol=1e-3)
    assert (model.encode([long + "the"]) != model.encode([long])).any()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("sif", [True, False])
def test_sentence_transformers_gives_our_sentence_vectors(tmp_path, sif):
    library = pytest.importorskip("sentence_transformers")
    folder, texts, expected = saved_for_both(tmp_path, sif)
    model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert_allclose(model.encode(texts), expected, atol=1e-5)
