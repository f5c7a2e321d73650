"""Texts to ids and back."""

import json
import shutil
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.lexicon import Lexicon
from textzero.models.covering import BEGIN, END, MIDDLE, NO_WORD, SINGLE
from textzero.models.encoding import Encoder
from textzero.segmenter import Segmenter
from textzero.tokens import Tokenizer, word
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

LEXICON = {"北京": 4, "北京大学": 3, "大学": 2, "我": 2, "ab": 1}
ODD = "北京大学我在aAbB1½Ａ①ﬁ\u0301İΣ '’.,\n\t\u3000\u2028\ud800\U0001f600"
TEXTS = st.text(st.sampled_from(ODD) | st.characters(), max_size=20)


def vectors_of(words, tokenizer, dim=3, seed=0):
    rows = np.random.default_rng(seed).normal(size=(len(words), dim)).astype(np.float32)
    made = WordVectors(Vocabulary(words, np.arange(len(words), 0, -1)), rows)
    made.tokenizer = tokenizer
    return made


def chinese(words=("大学", "北京大学", "北京", "我"), lowercase=False, nfkc=False, dim=3):
    segmenter = Segmenter(Lexicon(list(LEXICON), list(LEXICON.values())))
    return vectors_of(words, Tokenizer(segmenter, lowercase, nfkc), dim)


def english(words=("the", "cat", "don't", "us"), lowercase=False):
    return vectors_of(words, Tokenizer("word", lowercase))


def listed(encoded):
    return {name: ids.tolist() for name, ids in encoded.inputs.items()}


def same(a, b):
    return (
        (a.text, a.tokens, a.spans.tolist(), listed(a))
        == (b.text, b.tokens, b.spans.tolist(), listed(b))
    )  # fmt: skip


def all_encoders():
    texts = ["北京大学在哪", "aab b北"]
    other = english(("北", "a", "b"))
    return [
        Encoder.make(texts),
        Encoder.make(texts, [chinese()]),
        Encoder.make(texts, [chinese(), other, chinese(("我",), True, True)], positions=True),
        Encoder.make(texts, unit="word"),
        Encoder.make([], [english(lowercase=True)], unit="word"),
        Encoder.make([], [chinese(nfkc=True)], unit="word"),
        Encoder.make(texts, unit="word", tokenizer=Segmenter(LEXICON)),
    ]


ENCODERS = all_encoders()


def test_characters_words_and_places_are_those_found_by_hand():
    encoder = Encoder.make([list("我在北京大学")], [chinese()], positions=True)
    encoded = encoder.encode("我 在北京大学。")
    assert encoded.tokens == list("我在北京大学。")
    assert encoded.spans.tolist() == [[0, 1], *([k, k + 1] for k in range(2, 8))]
    assert encoded.spans.dtype == np.int32
    place = {c: k for k, c in enumerate(sorted("我在北京大学"), 2)}
    assert listed(encoded) == {
        "tokens": [place["我"], place["在"], *(place[c] for c in "北京大学"), 1],
        "words_0": [5, 1, 3, 3, 3, 3, 1],
        "positions_0": [SINGLE, SINGLE, BEGIN, MIDDLE, MIDDLE, END, SINGLE],
    }
    assert encoder.input_names == ["tokens", "words_0", "positions_0"]
    assert all(ids.dtype == np.int32 for ids in encoded.inputs.values())


def test_what_no_word_covers_has_no_word():
    encoder = Encoder.make(["a.b"], [english(("ab", "b"))], positions=True)
    encoded = encoder.encode("ab. b")
    assert encoded.inputs["words_0"].tolist() == [2, 2, 1, 3]
    assert encoded.inputs["positions_0"].tolist() == [BEGIN, END, NO_WORD, SINGLE]


def test_word_ids_are_the_rows_of_the_vectors():
    vectors = english()
    encoder = Encoder.make([], [vectors], unit="word")
    encoded = encoder.encode("The US cat, don't dog")
    assert encoded.tokens == ["The", "US", "cat", "don't", "dog"]
    assert encoded.inputs["tokens"].tolist() == [2, 5, 3, 4, 1]
    assert encoder.input_names == ["tokens"] and encoder.size == 6
    (matrix,) = encoder.matrices()
    assert encoder.table_shapes == [(6, 3)] and matrix.dtype == np.float32
    assert not matrix[:2].any()
    for token, row in zip(encoded.tokens[:-1], encoded.inputs["tokens"], strict=False):
        assert (matrix[row] == vectors[token]).all()


def test_each_table_has_its_own_words_and_tokenizer():
    encoder = Encoder.make(["北京"], [chinese(), english(("京", "北"))])
    assert listed(encoder.encode("北京"))["words_0"] == [4, 4]
    assert listed(encoder.encode("北京"))["words_1"] == [3, 2]
    assert encoder.table_shapes == [(6, 3), (4, 3)]


def test_tables_with_one_lexicon_and_other_foldings_are_told_apart():
    words = ["ab", "北京"]
    tables = [chinese(words), chinese(words, True), chinese(words, True, True)]
    encoder = Encoder.make(["AB"], tables)
    inputs = listed(encoder.encode("AB ＡＢ 北京"))
    assert inputs["words_0"] == [2, 2, 1, 1, 3, 3]
    assert inputs["words_1"] == [2, 2, 1, 1, 3, 3]
    assert inputs["words_2"] == [2, 2, 2, 2, 3, 3]


def test_a_character_is_known_as_it_is_written_only():
    encoder = Encoder.make(["a"])
    assert encoder.encode_tokens(["a", "A"], "").inputs["tokens"].tolist() == [2, 1]
    assert encoder.encode("aA").inputs["tokens"].tolist() == [2, 1]


def test_given_tokens_are_kept_whatever_they_hold():
    encoder = Encoder.make([["北", "京", "2008"]], [chinese()], positions=True)
    rows = ["北", "京", "2008", " ", "", "大", "\ud800", "学\n"]
    encoded = encoder.encode_tokens(rows, "")
    assert encoded.tokens == rows and encoded.text == "".join(rows)
    assert [encoded.text[a:b] for a, b in encoded.spans] == rows
    assert encoded.inputs["tokens"].tolist() == [4, 3, 2, 1, 1, 1, 1, 1]
    assert encoded.inputs["words_0"].tolist() == [4, 4, 1, 1, 1, 1, 1, 1]
    places = [BEGIN, END, SINGLE, NO_WORD, NO_WORD, SINGLE, NO_WORD, SINGLE]
    assert encoded.inputs["positions_0"].tolist() == places
    spaced = encoder.encode_tokens(["ab", "c"], " - ")
    assert spaced.text == "ab - c" and spaced.spans.tolist() == [[0, 2], [5, 6]]
    assert len(encoder.encode_tokens([], " ")) == 0


def test_given_words_are_looked_up_as_the_corpus_was_folded():
    vectors = vectors_of(["cat", "ab"], Tokenizer("word", True, True))
    encoder = Encoder.make([], [vectors], unit="word")
    encoded = encoder.encode_tokens(["CAT", "ＡＢ", "ＡＢＣ", "cat"], " ")
    assert encoded.inputs["tokens"].tolist() == [2, 3, 1, 2]


@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
@given(texts=st.lists(TEXTS, max_size=4))
def test_many_texts_are_encoded_as_each_alone(encoder, texts):
    together = encoder.encode_batch(texts)
    assert [one.text for one in together] == texts
    assert all(same(a, encoder.encode(text)) for a, text in zip(together, texts, strict=True))
    for encoded in together:
        assert list(encoded.inputs) == encoder.input_names
        n = len(encoded)
        assert len(encoded.tokens) == n and encoded.spans.shape == (n, 2)
        for name, ids in encoded.inputs.items():
            assert ids.shape == (n,) and ids.dtype == np.int32
            most = 6 if name.startswith("pos") else max(encoder.size, *_rows(encoder))
            assert (ids > 0).all() and (ids < most).all(), f"{name}: 0 is padding"


def _rows(encoder):
    return [rows for rows, _ in encoder.table_shapes] or [0]


@given(text=TEXTS)
def test_every_character_but_white_space_is_a_token(text):
    encoded = ENCODERS[2].encode(text)
    places = [k for k, c in enumerate(text) if not c.isspace()]
    assert encoded.spans.tolist() == [[k, k + 1] for k in places]
    assert encoded.tokens == [text[k] for k in places]


@given(text=TEXTS)
def test_the_word_of_a_character_is_the_tokenizers_word_over_it(text):
    encoder = ENCODERS[1]
    encoded = encoder.encode(text)
    table = encoder.tables[0]
    spans = table.tokenizer.segmenter.spans(text)
    over = {k: text[a:b] for a, b in spans for k in range(a, b)}
    for (start, _), row in zip(encoded.spans, encoded.inputs["words_0"], strict=True):
        assert row == table.ids([over[start]] if start in over else ["\0"])[0]


@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
@given(rows=st.lists(st.lists(TEXTS, max_size=5), max_size=4), joiner=st.text(ODD, max_size=2))
def test_given_tokens_stand_where_their_spans_say(encoder, rows, joiner):
    for row, encoded in zip(rows, encoder.encode_tokens_batch(rows, joiner), strict=True):
        assert encoded.text == joiner.join(row) and encoded.tokens == row
        assert [encoded.text[a:b] for a, b in encoded.spans] == row
        assert same(encoded, encoder.encode_tokens(row, joiner))


def test_characters_alone_and_given_one_by_one_are_encoded_alike():
    text = "北京大学 在ab"
    for encoder in ENCODERS[:3]:
        given_ = encoder.encode_tokens(list(text.replace(" ", "")), "")
        assert listed(given_)["tokens"] == listed(encoder.encode(text))["tokens"]


def test_large_batches_are_encoded_in_parts(monkeypatch):
    texts = ["北京大学 ab", "", "我\n", "北" * 30] * 5
    whole = ENCODERS[2].encode_batch(texts)
    monkeypatch.setattr("textzero.models.encoding._PART", 12)
    assert all(same(a, b) for a, b in zip(whole, ENCODERS[2].encode_batch(texts), strict=True))


def test_the_most_frequent_tokens_are_known():
    texts = ["ccbba", "a", "c"]
    assert list(Encoder.make(texts).tokens) == ["c", "a", "b"]
    assert list(Encoder.make(texts, min_count=3).tokens) == ["c"]
    assert list(Encoder.make(texts, max_tokens=2).tokens) == ["c", "a"]
    assert list(Encoder.make(["b a b"], unit="word").tokens) == ["b", "a"]
    assert list(Encoder.make([["b c", "a"]], unit="word").tokens) == ["a", "b c"]
    lower = Tokenizer("word", lowercase=True)
    assert list(Encoder.make(["B b"], unit="word", tokenizer=lower).tokens) == ["b"]


def test_only_the_most_frequent_words_are_kept_when_asked():
    vectors = chinese()
    encoder = Encoder.make(["北京"], [vectors], max_words=2)
    assert list(encoder.tables[0].vocabulary) == ["大学", "北京大学"]
    assert encoder.matrices()[0].shape == (4, 3)
    assert (encoder.matrices()[0][2:] == vectors.vectors[:2]).all()
    assert encoder.encode("北京").inputs["words_0"].tolist() == [1, 1]


def test_a_token_that_is_a_word_begins_with_its_vector():
    vectors = chinese(("我", "北京"))
    encoder = Encoder.make(["我在"], [vectors])
    rows = encoder.token_matrix()
    held = list(encoder.tokens).index("我") + 2
    assert (rows[held] == vectors["我"]).all()
    assert not np.delete(rows, held, axis=0).any()


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
def test_a_saved_encoder_needs_nothing_else(encoder, tmp_path):
    encoder.save(tmp_path / "new" / "model")
    loaded = Encoder.load(tmp_path / "new" / "model")
    texts = ["北京大学 我在ＡＢ½", "The US cat don't ab", "", "İ\u0301"]
    pairs = zip(encoder.encode_batch(texts), loaded.encode_batch(texts), strict=True)
    assert all(same(a, b) for a, b in pairs)
    for name in ("unit", "positions", "size", "input_names", "table_shapes"):
        assert getattr(loaded, name) == getattr(encoder, name)
    if encoder.tables:
        with pytest.raises(ValueError, match="in the weights"):
            loaded.matrices()


def test_the_same_encoder_is_written_as_the_same_bytes(tmp_path):
    for name, encoder in zip("ab", (ENCODERS[2], all_encoders()[2]), strict=True):
        encoder.save(tmp_path / name)
    Encoder.load(tmp_path / "a").save(tmp_path / "c")
    read = [{p.name: p.read_bytes() for p in sorted((tmp_path / name).iterdir())} for name in "abc"]
    assert read[0] == read[1] == read[2]
    assert set(read[0]) == {
        "encoder.json",
        "tokens.tsv",
        "words_0.tsv",
        "words_1.tsv",
        "words_2.tsv",
        "lexicon_0.tsv",
    }  # fmt: skip  tables 0 and 2 share a lexicon


@pytest.mark.parametrize(
    "first", ["{", '"', "#", "[", "B", "P", "\\", "\x85", "\u2028", "é", "\x7f"]
)
def test_any_frequent_character_is_read_back_from_the_first_line(first, tmp_path):
    encoder = Encoder.make([[first] * 3 + ["x"]])
    encoder.save(tmp_path)
    assert list(Encoder.load(tmp_path).tokens) == [first, "x"]


def test_what_no_file_can_hold_is_unknown_from_the_start(tmp_path):
    rows = [["a\tb", "\n", "", "\ud800", "\ufeff", "\r", "ok"]]
    encoder = Encoder.make(rows)
    assert list(encoder.tokens) == ["ok"]
    encoder.save(tmp_path)
    assert same(Encoder.load(tmp_path).encode_tokens(*rows, ""), encoder.encode_tokens(*rows, ""))


def test_vectors_of_a_folder_are_encoded_and_not_needed_again(tmp_path):
    lexicon = Lexicon(list(LEXICON), list(LEXICON.values()))
    vectors = chinese()
    vectors.manifest = {
        "settings": {"tokenizer": "lexicon.tsv", "lexicon": lexicon.digest(), "nfkc": True}
    }
    vectors.save(tmp_path / "vectors")
    lexicon.save(tmp_path / "vectors" / "lexicon.tsv")
    encoder = Encoder.make(["我在"], [WordVectors.load(tmp_path / "vectors")])
    encoder.save(tmp_path / "model")
    before = encoder.encode("我在北京大学")
    shutil.rmtree(tmp_path / "vectors")
    after = Encoder.load(tmp_path / "model").encode("我在北京大学")
    assert same(before, after) and before.inputs["words_0"].tolist() == [5, 1, 3, 3, 3, 3]


def test_a_python_tokenizer_encodes_and_cannot_be_saved(tmp_path):
    vectors = english()
    vectors.tokenizer = Tokenizer(str.split)
    encoder = Encoder.make([], [vectors], unit="word")
    assert encoder.encode("the cat").inputs["tokens"].tolist() == [2, 3]
    with pytest.raises(InputError, match="may not choose the code that runs"):
        encoder.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    vectors.tokenizer = Tokenizer(word)  # textzero's own function is the kernel's name
    Encoder.make([], [vectors], unit="word").save(tmp_path / "model")
    assert Encoder.load(tmp_path / "model").tables[0].tokenizer.spec == "word"


def test_vectors_that_name_a_python_tokenizer_need_it_given():
    vectors = WordVectors(Vocabulary(["a", "b"], np.array([1, 1])), np.eye(2, dtype=np.float32))
    vectors.manifest = {"settings": {"tokenizer": "os:system", "lowercase": True}}
    with pytest.raises(InputError, match="os:system"):
        Encoder.make([], [vectors], unit="word")
    encoder = Encoder.make([], [vectors], unit="word", tokenizer=str.split)
    assert encoder.encode("B a").inputs["tokens"].tolist() == [3, 2]


FACTS = {
    "kind": ("textzero vectors 1", "kind must be"),
    "unit": ("byte", "unit must be"),
    "positions": (1, "positions must be"),
    "tables": ({}, "tables must be a list"),
    "tokens": (None, "tokens must be an object"),
}
TABLE = {
    "words": (5, "must have 5 words, got 4"),
    "dim": (10**9, "dim must be"),
    "tokenizer": ("os:system", "tokenizer must be"),
    "lowercase": ("no", "lowercase must be"),
    "lexicon": ("0" * 32, "is not the lexicon"),
}


@pytest.mark.parametrize("table, name", [*product([0], TABLE), *product([None], FACTS)])
def test_a_file_that_lies_is_named(table, name, tmp_path):
    Encoder.make(["北京"], [chinese()]).save(tmp_path)
    path = tmp_path / "encoder.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    lie, message = (FACTS if table is None else TABLE)[name]
    (facts if table is None else facts["tables"][0])[name] = lie
    path.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        Encoder.load(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["encoder.json", "tokens.tsv", "words_0.tsv", "lexicon_0.tsv"])
@pytest.mark.parametrize("damage", ["gone", "cut", "noise", "empty"])
def test_a_damaged_file_is_named(name, damage, tmp_path):
    Encoder.make(["北京"], [chinese()]).save(tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes({"cut": whole[:-3], "noise": b"\xff\xfe" + whole, "empty": b""}[damage])
    with pytest.raises(InputError, match=name):
        Encoder.load(tmp_path)


# --- wrong arguments --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"unit": "byte"}, "unit must be"),
        ({"unit": "word", "vectors": [english(), english()]}, "one set of vectors, got 2"),
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"min_count": 9}, "seen min_count=9 times, got 1"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Encoder.make(["a"], **settings)


def test_a_text_is_a_string_and_tokens_are_a_list():
    with pytest.raises(TypeError, match="a text must be a string, got list"):
        ENCODERS[0].encode(["a"])
    with pytest.raises(TypeError, match="texts must be several, got the string 'ab'"):
        ENCODERS[0].encode_batch("ab")
    with pytest.raises(TypeError, match="data must be texts or lists of tokens, got the string"):
        Encoder.make("ab")
    with pytest.raises(TypeError, match="tokens must be a list of strings, got the string 'ab'"):
        ENCODERS[0].encode_tokens("ab", "")
    with pytest.raises(TypeError, match=r"tokens must be a list of strings, got .'ab', 1."):
        ENCODERS[0].encode_tokens(["ab", 1], "")


# --- real data --------------------------------------------------------------------------------


def test_real_chinese_sentences_keep_their_characters(data):
    path: Path = data / "ner" / "resume" / "dev.char.bmes"
    rows = [
        [line.split(" ")[0] for line in block.split("\n")]
        for block in path.read_text(encoding="utf-8").strip().split("\n\n")
    ]
    lexicon = Segmenter(data / "lexicon" / "dict.txt")
    vectors = vectors_of(list(lexicon.lexicon)[:50_000], Tokenizer(lexicon), 2)
    encoder = Encoder.make(rows, [vectors], positions=True)
    batch = encoder.encode_tokens_batch(rows, "")
    assert len(batch) == 463
    for row, encoded in zip(rows, batch, strict=True):
        assert encoded.tokens == row and "".join(row) == encoded.text
        assert (encoded.inputs["tokens"] > 1).all()
        words, begin = {}, 0
        for (start, _), place in zip(encoded.spans, encoded.inputs["positions_0"], strict=True):
            begin = start if place in (BEGIN, SINGLE) else begin
            words.setdefault(int(begin), []).append(int(place))
        cut = dict(lexicon.spans(encoded.text).tolist())
        assert {a: a + len(places) for a, places in words.items()} == cut


def test_real_english_sentences_find_their_words(data):
    lines = (data / "classification/sst2/dev.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[0].title() for line in lines]
    counts = Encoder.make([text.lower() for text in texts], unit="word").tokens
    vectors = vectors_of(list(counts), Tokenizer("word"), 2)
    encoder = Encoder.make([], [vectors], unit="word")
    for text, encoded in zip(texts, encoder.encode_batch(texts), strict=True):
        assert [text[a:b] for a, b in encoded.spans] == encoded.tokens
        for token, row in zip(encoded.tokens, encoded.inputs["tokens"], strict=True):
            assert counts[row - 2] == token.lower()
        assert all(a[1] <= b[0] for a, b in pairwise(encoded.spans.tolist()))
