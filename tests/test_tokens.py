import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textzero.errors import TokenizerError
from textzero.tokens import Tokenizer, char, whitespace, word

BUILT_IN = {"whitespace": whitespace, "word": word, "char": char}


@pytest.mark.parametrize("name", BUILT_IN)
@given(text=st.text())
def test_a_name_and_its_function_are_the_same_tokenizer(name, text):
    assert Tokenizer(name)(text) == BUILT_IN[name](text) == Tokenizer(BUILT_IN[name])(text)
    assert Tokenizer(BUILT_IN[name]).code == Tokenizer(name).code is not None


@given(text=st.text(st.sampled_from("aB \n\x0b\x1c\t\r\x85\xa0\u2003\u3000Σİ")))
def test_whitespace_is_str_split(text):
    assert whitespace(text) == text.split()
    assert Tokenizer("whitespace", lowercase=True)(text) == text.lower().split()


@given(text=st.text())
def test_nfkc_is_applied_before_lower_casing(text):
    import unicodedata

    normal = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode()).lower()
    for name in BUILT_IN:
        assert Tokenizer(name, lowercase=True, nfkc=True)(text) == Tokenizer(name)(normal)
    by_python = Tokenizer(lambda t: [t], lowercase=True, nfkc=True)
    assert by_python.normalise(text) == unicodedata.normalize("NFKC", text).lower()


def test_lone_surrogates_separate():
    assert word("a\ud800b") == ["a", "b"]
    assert Tokenizer(str.split)("a\ud800b") == ["a b"]


def test_tokens_of_a_python_tokenizer_hold_no_separator_but_spaces():
    raw = ["New York", " x ", "\ufffd", "a\ufffdb", "\u200b", "t\tab", "", "nul\0", "\u2028"]
    found = Tokenizer(lambda _: raw)("text")
    assert found == ["New York", "x", "a b", "t ab", "nul"]


@pytest.mark.parametrize("spec", ["klingon", "os:", ":x", "no_such_module:f", "os:no_such_name"])
def test_a_name_that_cannot_be_imported_is_refused(spec):
    with pytest.raises(ValueError, match=f"(tokenizer must be whitespace, .*|{spec}.*)"):
        Tokenizer(spec)


def test_what_is_not_a_tokenizer_is_refused(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="must be a name or a callable, got int"):
        Tokenizer(3)
    with pytest.raises(ValueError, match="'os:sep' must be callable, got str"):
        Tokenizer("os:sep")
    (tmp_path / "broken_tokenizer.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="cannot be imported: ZeroDivisionError: division by zero"):
        Tokenizer("broken_tokenizer:f")


def test_a_module_in_the_current_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "near_tokenizer.py").write_text("class A:\n    f = staticmethod(str.split)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    assert Tokenizer("near_tokenizer:A.f")("a b") == ["a", "b"]


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (len, "must return a list of strings, got int"),
        (str.upper, "must return a list of strings, got str"),
        (lambda _: None, "must return a list of strings, got NoneType"),
        (lambda _: [["a"]], r"must return a list of strings, got \[\['a'\]\]"),
        (lambda _: ["a", 1], "must return strings: got int 1"),
        (lambda _: ["a", []], "must return strings"),
        (lambda text: text[9], r"raised IndexError: .* \(.*test_tokens\.py, line \d+\)"),
        (lambda text: (1 // 0 for _ in text), r"raised ZeroDivisionError: .*test_tokens\.py"),
    ],
)
def test_what_a_tokenizer_does_wrong_is_said(tokenizer, message):
    with pytest.raises(TokenizerError, match=message):
        Tokenizer(tokenizer)("text")


def test_a_generator_is_a_tokenizer():
    assert Tokenizer(lambda text: (t for t in text.split()))("a b") == ["a", "b"]


def test_settings_name_the_tokenizer():
    assert Tokenizer(whitespace, lowercase=True).settings() == {
        "tokenizer": "textzero.tokens:whitespace",
        "lowercase": True,
        "nfkc": False,
    }
