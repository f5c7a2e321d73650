import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textzero.kernels import kernel
from textzero.kernels.reference.text import (
    CHAR,
    WHITESPACE,
    WORDS,
    case_classes,
    character_classes,
    lower_cases,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# Text in which the characters that tokenizers treat apart are frequent.
TRICKY = st.text(
    st.one_of(
        st.sampled_from("aΣσς'’ \n\r\t\x00\x1e\x85\u2028\ufeff\ufffd\u200d\u0301北京ーカ゛ไทย1İ😀"),
        st.characters(exclude_categories=["Cs"]),
    )
)
NEARLY_UTF8 = st.lists(
    st.one_of(
        st.binary(max_size=4),
        TEXT.map(str.encode),
        st.sampled_from([b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe0\x80", b"\xf0"]),
    )
).map(b"".join)


def padded(data):
    return np.frombuffer(data + bytes(16), np.uint8), len(data)


def tokens(device, string, tokenizer, boundary="\n"):
    """The tokens as strings; None where documents end."""
    text, size = padded(string.encode())
    starts, stops = kernel("text", device).find_tokens(
        text, size, character_classes(), tokenizer, ord(boundary)
    )
    assert starts.dtype == stops.dtype == np.int32
    data = text.tobytes()
    pairs = zip(starts.tolist(), stops.tolist(), strict=True)
    return [data[a:b].decode() if (a, b) != (-1, -1) else None for a, b in pairs]


def lowered(device, string):
    text, size = padded(string.encode())
    text, size = kernel("text", device).lowercase(text, size, lower_cases(), case_classes())
    assert text.dtype == np.uint8
    assert not text[size : size + 16].any()
    return text[:size].tobytes().decode()


def is_separator(character):
    return character == "\ufffd" or unicodedata.category(character) in (
        *("Zs", "Zl", "Zp", "Cc", "Cf", "Cs"),
    )


@given(data=NEARLY_UTF8)
def test_the_first_malformed_byte_is_where_python_stops_decoding(device, data):
    text, size = padded(data)
    try:
        data.decode()
        expected = len(data)
    except UnicodeDecodeError as error:
        expected = error.start
    assert kernel("text", device).first_malformed(text, size) == expected


@given(lead=st.integers(0x80, 0xFF), second=st.integers(0, 0xFF), third=st.integers(0x7F, 0xC0))
def test_a_sequence_cut_by_the_end_is_malformed_even_when_the_padding_would_complete_it(
    device, lead, second, third
):
    data = bytes([lead, second, third, 0x80, 0x80])
    text, _ = padded(data)
    for size in range(len(data) + 1):
        try:
            data[:size].decode()
            expected = size
        except UnicodeDecodeError as error:
            expected = error.start
        assert kernel("text", device).first_malformed(text, size) == expected


@given(string=TRICKY)
@example("ΟΔΥΣΣΕΥΣ ΟΣ. Σ ΑΣ\u0301 ΑΣ\u0301Α Α.Σ A'Σ'a ªΣ")
@example("İstanbul İ")
@example("ȺȾ" * 50)  # each grows by half
def test_lower_casing_equals_str_lower(device, string):
    assert lowered(device, string) == string.lower()


def test_every_character_next_to_a_capital_sigma_lowers_as_in_python(device):
    planes = [*range(0x20000), *range(0xE0000, 0xE0200), 0x20000, 0x10FFFF]
    characters = [chr(p) for p in planes if not 0xD800 <= p < 0xE000]
    string = "\n".join(f"aΣ{c}b {c}Σ a{c}Σ{c}" for c in characters)
    assert lowered(device, string) == string.lower()


@given(string=TRICKY)
def test_whitespace_tokens_are_runs_without_a_separator(device, string):
    expected = "".join(" " if is_separator(c) else c for c in string).split(" ")
    found = [token for token in tokens(device, string, WHITESPACE) if token]
    assert found == [token for token in expected if token]


@given(string=TRICKY)
def test_char_tokens_are_all_characters_but_separators(device, string):
    found = [token for token in tokens(device, string, CHAR) if token]
    assert found == [c for c in string if not is_separator(c)]


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("Don't 'quote' it''s o’clock", ["Don't", "quote", "it", "s", "o’clock"]),
        ("e\u0301te\u0301 naïve", ["e\u0301te\u0301", "naïve"]),
        ("x2 3.14 a-b", ["x2", "3", "14", "a", "b"]),
        ("北京2008 abc北", ["北", "京", "2008", "abc", "北"]),
        ("カ\u3099ー", ["カ\u3099", "ー"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("ที่", ["ที่"]),  # a consonant keeps its two marks
        ("नमस्ते", ["नमस्ते"]),
        ("'a a' '", ["a", "a"]),
        ("日's", ["日", "s"]),
        ("a\u200db", ["a", "b"]),
        ("𠀀𠀁 😀", ["𠀀", "𠀁"]),
        ("I \u2764\ufe0f it \u2600\ufe0f", ["I", "it"]),  # marks behind symbols
        (
            "\u0301 \u0301\u0301a\u0301 \u0301'a 1\ufe0f\u20e3",
            ["\u0301\u0301a\u0301", "a", "1\ufe0f\u20e3"],
        ),
        ("\u0301北\u0301 a\u0301", ["北\u0301", "a\u0301"]),
        ("", []),
    ],
)
def test_words_are_letters_marks_and_digits_with_inner_apostrophes(device, string, expected):
    assert tokens(device, string, WORDS) == expected


@given(string=TRICKY)
def test_words_of_random_text_equal_the_reference(device, string):
    assert tokens(device, string, WORDS) == tokens("reference", string, WORDS)


@pytest.mark.parametrize("tokenizer", [WHITESPACE, WORDS, CHAR])
def test_boundaries_in_a_row_are_one(device, tokenizer):
    assert tokens(device, "\n\na \n \nb\nc", tokenizer) == [None, "a", None, "b", None, "c"]
    assert tokens(device, "a\x1eb\nc", tokenizer, "\x1e") == ["a", None, "b", "c"]


@given(string=TRICKY)
def test_no_token_holds_what_would_break_a_table(device, string):
    for tokenizer in (WHITESPACE, WORDS, CHAR):
        for token in tokens(device, string, tokenizer):
            assert token is None or not any(map(is_separator, token))


def test_every_separator_and_letter_has_the_class_that_unicode_says():
    classes = character_classes()
    assert classes.shape == (sys.maxunicode + 1,)
    for point in (0x09, 0x0A, 0x20, 0xA0, 0xAD, 0x200B, 0x2028, 0x3000, 0xD800, 0xFEFF, 0xFFFD):
        assert classes[point] & 0x0F == 0, hex(point)
