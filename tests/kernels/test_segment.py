import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.information import scores_of, unknown_costs
from textzero.kernels import kernel
from textzero.kernels.reference.segment import (
    CHARACTER,
    LETTER,
    PHRASE,
    RUN,
    SCALE,
    SPACE,
    SPACES,
    SYMBOL,
    UNIT,
    UNKNOWN,
    atom_classes,
)
from textzero.packed import PackedStrings

# Text in which the characters that atoms treat apart are frequent.
TRICKY = st.text(
    st.one_of(
        st.sampled_from("aB1９2.,．，'’ \n\x1e\u200d\u0301北京カ゛한글ᄒ\u1161\u11abไทยที่นम€😀"),
        st.characters(exclude_categories=["Cs"]),
    )
)


def padded(string):
    data = string.encode()
    return np.frombuffer(data + bytes(16), np.uint8), len(data)


def atoms(device, string, unit=CHARACTER):
    """The atoms as (string, kind)."""
    text, size = padded(string)
    starts, kinds = kernel("segment", device).find_atoms(text, size, atom_classes(), unit)
    assert (starts.dtype, kinds.dtype) == (np.int64, np.uint8)
    assert starts.size == kinds.size + 1
    data = text.tobytes()
    pairs = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    return [(data[a:b].decode(), k) for (a, b), k in zip(pairs, kinds.tolist(), strict=True)]


def strings(device, string, unit=CHARACTER):
    return [atom for atom, _ in atoms(device, string, unit)]


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("卡拉OK了", [("卡", UNIT), ("拉", UNIT), ("OK", RUN), ("了", UNIT)]),
        ("a b\n", [("a", RUN), (" ", SPACE), ("b", RUN), ("\n", SPACE)]),
        ("3.14,159.", [("3.14,159", RUN), (".", SYMBOL)]),
        ("１，２００．５", [("１，２００．５", RUN)]),
        ("1..2", [("1", RUN), (".", SYMBOL), (".", SYMBOL), ("2", RUN)]),
        ("a.b", [("a", RUN), (".", SYMBOL), ("b", RUN)]),
        ("Don't 5'000'", [("Don't", RUN), (" ", SPACE), ("5'000", RUN), ("'", SYMBOL)]),
        ("'a", [("'", SYMBOL), ("a", RUN)]),
        ("x2ＡＢ", [("x2ＡＢ", RUN)]),
        ("한글", [("한", UNIT), ("글", UNIT)]),
        ("ᄒ\u1161\u11abᄀ\u1161", [("ᄒ\u1161\u11ab", UNIT), ("ᄀ\u1161", UNIT)]),
        ("カ\u3099ー", [("カ\u3099", UNIT), ("ー", UNIT)]),
        ("ที่ไ", [("ที่", UNIT), ("ไ", UNIT)]),
        ("नमस्ते", [("नमस्ते", RUN)]),
        ("€\u0301。", [("€\u0301", SYMBOL), ("。", SYMBOL)]),
        (" \u0301a", [(" ", SPACE), ("\u0301a", RUN)]),
        ("a\u200db\ufffd", [("a", RUN), ("\u200d", SPACE), ("b", RUN), ("\ufffd", SPACE)]),
        ("", []),
    ],
)
def test_atoms_by_hand(device, string, expected):
    assert atoms(device, string) == expected
    assert atoms(device, string, PHRASE) == expected


def test_with_letters_as_units_only_digits_run_on(device):
    expected = ["d", "o", "n", "'", "t", "e\u0301", "3.14", "x", "2", "'", "한"]
    assert strings(device, "don'te\u03013.14x2'한", LETTER) == expected


@given(string=TRICKY, unit=st.sampled_from([CHARACTER, LETTER, PHRASE]))
def test_atoms_are_the_text_and_equal_the_reference(device, string, unit):
    assert "".join(strings(device, string, unit)) == string
    assert atoms(device, string, unit) == atoms("reference", string, unit)


@given(string=TRICKY)
def test_a_space_is_one_separator_and_no_other_atom_holds_one(device, string):
    classes = atom_classes()
    for atom, kind in atoms(device, string):
        separators = [classes[ord(c)] == 0 for c in atom]
        assert separators == [True] if kind == SPACE else not any(separators)


@given(string=TRICKY)
def test_words_of_the_word_tokenizer_are_cut_nowhere_else(device, string):
    from textzero.tokens import word

    whole = {c for c in string if "\uac00" <= c <= "\ud7a3" or "\u1100" <= c <= "\u11ff"}
    if whole:
        return
    found = strings(device, string)
    ends = np.cumsum([0, *map(len, found)]).tolist()
    at = 0
    for token in word(string):
        at = string.index(token, at)
        inside_number = token[0].isnumeric() and string[at - 1 : at] in {*".,．，"}
        # a mark behind a symbol is the symbol's, and a number is one atom: 1.5
        if not unicodedata.category(token[0]).startswith("M") and not inside_number:
            assert at in ends
        at += len(token)


def test_marks_stay_with_the_symbol_before_them(device):
    assert strings(device, "{\u0300a") == ["{\u0300", "a"]


def test_the_table_of_classes_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        atom_classes()[0] = 1
    assert_array_equal(np.unique(atom_classes()), np.arange(8))


# --- words ---------------------------------------------------------------------------------------

SCORED = st.dictionaries(
    st.text(st.sampled_from("abA 1北京大学한カ\u3099.é"), min_size=1, max_size=7),
    st.floats(-30, 0),
    max_size=12,
)
LONG = {"a" * 6: -1.0, "北" * 5: -2.0, "北京" * 3: -3.0, "大": -5.0, "北" * 40: -9.0}
TEXTS = st.one_of(
    st.text(st.sampled_from("abA 1北京大学한カ\u3099.é\n\ud800x。")), st.text(), TRICKY
)
IDENTITY = np.arange(0x110000, dtype=np.int32)


def folding():
    folds = IDENTITY.copy()
    folds[ord("A") : ord("Z") + 1] += 32
    return folds


def model_of(device, words, unit=CHARACTER, folds=IDENTITY):
    packed = PackedStrings.from_strings(words)
    logs = np.array(list(words.values()), np.float64)
    return kernel("segment", device).new_model(
        packed.text, packed.offsets, scores_of(logs), unknown_costs(logs), folds, unit
    )


def points_of(string):
    return np.array([ord(c) for c in string], np.uint32)


def cut(device, words, string, unit=CHARACTER, spaces=True, folds=IDENTITY):
    model = model_of(device, words, unit, folds)
    tokens, unread = kernel("segment", device).cut(model, points_of(string), spaces)
    assert tokens.dtype == unread.dtype == np.int32
    assert_array_equal(unread, np.flatnonzero(tokens[3] == -1))
    return tokens


def pieces(device, words, string, *more, **options):
    starts, stops, _, _ = cut(device, words, string, *more, **options)
    return [string[a:b] for a, b in zip(starts, stops, strict=True)]


def all_paths(device, words, string, unit=CHARACTER):
    """Every segmentation as (score, places where its words begin), best first."""
    model = model_of(device, words, unit)
    _, offsets, starts, _, scores = kernel("segment", device).lattice(model, points_of(string))

    def to(place):
        if place == 0:
            yield 0, ()
            return
        for edge in range(offsets[place], offsets[place + 1]):
            for score, begins in to(starts[edge]):
                yield score + int(scores[edge]), (*begins, int(starts[edge]))

    return sorted(to(offsets.size - 2), key=lambda path: (-path[0], path[1][::-1]))


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("北京大学", ["北京大学"]),
        ("北京大", ["北京", "大"]),
        ("卡拉OK了", ["卡拉OK", "了"]),
        ("卡拉OKabc", ["卡", "拉", "OKabc"]),
        ("3.14北京", ["3.14", "北京"]),
        ("北京 北京\n", ["北京", " ", "北京", "\n"]),
        ("カ\u3099北京", ["カ\u3099", "北京"]),
        ("カ\u3099ス", ["カ\u3099ス"]),
        ("北京\u0301", ["北", "京\u0301"]),  # the mark belongs to the last character
        ("", []),
    ],
)
def test_words_end_where_atoms_end(device, string, expected):
    words = {"北京": -2.0, "北京大学": -3.0, "卡拉OK": -9.0, "14": -1.0, "カ\u3099ス": -4.0}
    assert pieces(device, words, string) == expected


def test_the_unknown_loses_against_words(device):
    assert pieces(device, {"ab": -1.0, "北": -1.0}, "北京ab京") == ["北", "京", "ab", "京"]


def test_phrases_hold_single_spaces(device):
    words = {"new york": -3.0, "new": -2.0, "york": -2.0, " a": -1.0, "a  b": -1.0}
    assert pieces(device, words, "new york a  b", PHRASE) == ["new york", " ", "a", " ", " ", "b"]
    assert pieces(device, words, "new york", CHARACTER) == ["new", " ", "york"]
    assert pieces(device, words, "new  york", PHRASE) == ["new", " ", " ", "york"]
    assert pieces(device, words, "new yorker", PHRASE) == ["new", " ", "yorker"]


def test_letters_are_joined_to_words(device):
    words = {"the": -2.0, "dog": -3.0, "he": -2.0}
    assert pieces(device, words, "thedog12", LETTER) == ["the", "dog", "12"]


def test_the_longest_last_word_wins_a_tie(device):
    words = {"北京": -2.0, "京大": -2.0, "北": -3.0, "大": -3.0}
    assert pieces(device, words, "北京大") == ["北", "京大"]
    words = {"北京大": -4.0, "北": -2.0, "京大": -2.0}
    assert pieces(device, words, "北京大") == ["北京大"]


def test_folded_words_match_whatever_the_case(device):
    words = {"the": -1.0, "THE": -2.0, "卡拉ok": -3.0}
    starts, stops, found, reads = cut(device, words, "The the 卡拉OK", folds=folding())
    assert_array_equal(found, [0, SPACES, 0, SPACES, 2])
    assert_array_equal(reads, [-1, 3 + 32, 0, 3 + 32, -1])
    assert_array_equal(stops - starts, [3, 1, 3, 1, 4])


def test_of_words_that_fold_to_the_same_the_most_probable_counts(device):
    _, _, found, _ = cut(device, {"AB": -2.0, "ab": -1.0, "aB": -1.0}, "Ab", folds=folding())
    assert_array_equal(found, [1])


def test_what_a_token_reads(device):
    words = {"北京": -2.0, "大": -3.0}
    _, _, found, reads = cut(device, words, "北京。大😀ab\ud800")
    assert_array_equal(found, [0, UNKNOWN, 1, UNKNOWN, UNKNOWN, SPACES])
    assert_array_equal(reads, [0, 2 + ord("。"), 1, -1, -1, 2 + 0xD800])


@given(words=SCORED, string=TEXTS, unit=st.sampled_from([CHARACTER, LETTER, PHRASE]))
def test_the_tokens_are_the_text(device, words, string, unit):
    assert "".join(pieces(device, words, string, unit)) == string


@given(words=SCORED, string=TEXTS, unit=st.sampled_from([CHARACTER, LETTER, PHRASE]),
       spaces=st.booleans(), fold=st.booleans())  # fmt: skip
def test_cutting_equals_the_reference(device, words, string, unit, spaces, fold):
    words = {**words, **LONG}
    options = {"unit": unit, "spaces": spaces, "folds": folding() if fold else IDENTITY}
    expected = cut("reference", words, string, **options)
    assert_array_equal(cut(device, words, string, **options), expected)


@given(words=SCORED, string=st.text(st.sampled_from("ab1北京大学 カ\u3099"), max_size=10),
       unit=st.sampled_from([CHARACTER, LETTER, PHRASE]))  # fmt: skip
def test_the_best_of_all_segmentations_is_found(device, words, string, unit):
    model = model_of(device, words, unit)
    places, *_ = kernel("segment", device).lattice(model, points_of(string))
    starts = cut(device, words, string, unit)[0]
    _, begins = all_paths("reference", words, string, unit)[0]
    assert starts.tolist() == places[list(begins)].tolist()


@given(words=SCORED, string=TEXTS, unit=st.sampled_from([CHARACTER, LETTER, PHRASE]))
def test_lattices_equal_the_reference(device, words, string, unit):
    expected = kernel("segment", "reference").lattice(
        model_of("reference", words, unit), points_of(string)
    )
    got = kernel("segment", device).lattice(model_of(device, words, unit), points_of(string))
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        assert_array_equal(a, b)


@given(words=SCORED, string=st.text(st.sampled_from("ab1北京大学 "), max_size=9),
       n=st.integers(1, 12))  # fmt: skip
def test_the_best_paths_are_the_first_of_all_paths_in_order(device, words, string, n):
    model = model_of(device, words)
    _, offsets, starts, _, scores = kernel("segment", device).lattice(model, points_of(string))
    edges, ends = kernel("segment", device).best_paths(offsets, starts, scores, n)
    found = [tuple(starts[edges[a:b]].tolist()) for a, b in pairwise(ends)]
    assert found == [begins for _, begins in all_paths("reference", words, string)[:n]]


@given(words=SCORED, string=st.text(st.sampled_from("ab1北京大学 "), max_size=9))
def test_sums_are_over_all_paths(device, words, string):
    kernels = kernel("segment", device)
    _, offsets, starts, _, scores = kernels.lattice(model_of(device, words), points_of(string))
    logs = scores / SCALE
    total = np.logaddexp.reduce(
        [score / SCALE for score, _ in all_paths("reference", words, string)]
    )
    # sums in another order: float64 keeps about 15 digits
    assert kernels.forward(offsets, starts, logs)[-1] == pytest.approx(total, rel=1e-12, abs=1e-12)
    assert kernels.backward(offsets, starts, logs)[0] == pytest.approx(total, rel=1e-12, abs=1e-12)


def test_drawn_paths_have_the_probability_of_their_product(device):
    kernels = kernel("segment", device)
    words = {"北": -2.0, "京": -1.5, "北京": -3.0, "京大": -3.5, "大": -2.5, "北京大": -5.0}
    _, offsets, starts, _, scores = kernels.lattice(
        model_of(device, words), points_of("北京大北京")
    )
    logs = scores / SCALE
    sums = kernels.forward(offsets, starts, logs)
    rng = np.random.default_rng(3)
    draws = 4000
    seen = Counter(
        tuple(starts[kernels.draw_path(offsets, starts, logs, sums, rng.random(6))].tolist())
        for _ in range(draws)
    )
    paths = all_paths("reference", words, "北京大北京")
    assert len(paths) == 8
    for score, begins in paths:
        p = np.exp(score / SCALE - sums[-1])
        # five standard deviations of a binomial count
        assert abs(seen[begins] - draws * p) < 5 * np.sqrt(draws * p * (1 - p))


@given(words=SCORED, string=TEXTS.filter(lambda s: s.isprintable() or "\n" in s),
       boundary=st.sampled_from("\n\x1e"))  # fmt: skip
def test_words_in_bytes_are_those_in_characters(device, words, string, boundary):
    string = string.encode("utf-8", "replace").decode()
    text, size = padded(string)
    kernels = kernel("segment", device)
    starts, stops = kernels.find_words(model_of(device, words), text, size, ord(boundary))
    assert starts.dtype == stops.dtype == np.int32
    data = text.tobytes()
    found = [data[a:b].decode() if a >= 0 else None for a, b in zip(starts, stops, strict=True)]
    expected = []
    for document in string.split(boundary):
        expected += [*pieces("reference", words, document, spaces=False), None]
    expected = [e for i, e in enumerate(expected[:-1]) if e or i == 0 or expected[i - 1]]
    assert found == expected


@pytest.mark.parametrize("length", [2047, 2048, 2049, 5000])
@pytest.mark.parametrize("part", ["北京大学", "北", "x", "北京 ", "a1.5。", "北" * 39 + "京"])
def test_long_texts_equal_the_reference_wherever_blocks_end(device, part, length):
    string = ("大" + part * (length // len(part) + 1))[:length]
    words = {"北京": -2.0, "京大": -2.0, "学北": -2.5, "大学北": -2.6, **LONG}
    if device == "reference":
        pytest.skip("it has no blocks")
    assert_array_equal(cut(device, words, string), cut("reference", words, string))


def test_a_text_that_can_be_cut_nowhere_is_one_block(device):
    words = {"北" * 300: -1.0, "北" * 7: -1.0, "北": -5.0}
    string = "北" * 20000 if device != "reference" else "北" * 900
    starts, stops, _, _ = cut(device, words, string)
    assert stops[-1] == len(string)
    assert (starts[1:] == stops[:-1]).all()


def test_a_lexicon_without_words_cuts_into_atoms(device):
    assert pieces(device, {}, "北京ab 1.5") == ["北", "京", "ab", " ", "1.5"]


@given(words=SCORED)
def test_every_word_of_a_lexicon_is_found(device, words):
    clean = {w: -1.0 for w in words if w.isalnum() and not w.isascii()}
    for word in clean:
        assert pieces(device, {word: -0.5}, word) == [word]
