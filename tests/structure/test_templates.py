import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textzero.errors import InputError
from textzero.structure.templates import Template, Templates, escape, show, unescape

WORD = st.text(st.sampled_from("Xx\\a是:,{}\"'#"), min_size=1, max_size=4)


@st.composite
def template(draw):
    words = draw(st.lists(WORD, min_size=1, max_size=4))
    items = [None] if draw(st.booleans()) else []
    for word in words:
        items.append(word)
        if draw(st.booleans()):
            items.append(None)
    if len(items) == 1:
        items.append(None)
    fillers = tuple(
        draw(st.dictionaries(WORD, st.integers(1, 9), max_size=3)) for x in items if x is None
    )
    numbers = draw(st.tuples(st.integers(1, 10**12), st.integers(0, 99)))
    return Template(tuple(items), *numbers, draw(st.integers(-99, 99)) / 2, fillers)


TABLE = st.lists(template(), max_size=5, unique_by=lambda t: t.items)


@given(WORD)
def test_a_word_that_looks_like_a_placeholder_comes_back(word):
    assert unescape(escape(word)) == word
    assert escape(word) != "X"


@given(TABLE)
def test_a_table_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "templates.tsv"
    settings = {"tokenizer": "word", "lowercase": True, "n": 3}
    table = Templates(rows, settings)
    table.save(path)
    loaded = Templates.load(path)
    assert list(loaded) == rows and loaded.settings == settings
    assert [t.fillers for t in loaded] == [t.fillers for t in rows]
    again = path.with_name("again.tsv")
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()


def test_the_file_can_be_read_by_people(tmp_path):
    fillers = ({"这": 2}, {"X": 1, "那 个": 1})
    table = Templates(
        [Template((None, "是", None, "X"), 3, 2, 1.5, fillers)], {"tokenizer": "char"}
    )
    table.save(tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text(encoding="utf-8") == (
        '# {"kind": "textzero templates 1", "tokenizer": "char"}\n'
        "template\tkind\tcount\tused\tbits\tfillers\n"
        'X 是 X \\X\ttemplate\t3\t2\t1.5\t[{"这": 2}, {"X": 1, "那 个": 1}]\n'
    )


def test_a_table_by_hand_needs_templates_only(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_bytes("\ufefftemplate\r\nX 的 X\r\n\r\na b\r\n".encode())
    table = Templates.load(path)
    assert [(str(t), t.kind, t.count) for t in table] == [
        ("X 的 X", "trivial", 1),
        ("a b", "fixed", 1),
    ]
    assert table.tokenizer().name == "word"


HEADER = b"template\tcount\tused\tbits\tfillers\n"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "must be a table"),
        (b"# {}\ntemplate\nX a\n", ":1: expected settings of the kind"),
        (b"# [\ntemplate\nX a\n", ":1: "),
        (b"# " + b"[" * 100_000 + b"\ntemplate\nX a\n", ":1: "),
        (b"word\tcount\na\t1\n", ':1: expected a header with the column "template"'),
        (b"template\ttemplate\n", ":1: expected a header"),
        (HEADER + b"X a\t1\n", ":2: expected 5 columns, got 2"),
        (HEADER + b"X a\t-1\t0\t0\t[]\n", ":2: expected counts, got -1, 0"),
        (HEADER + b"X a\t1\t" + b"9" * 5000 + b"\t0\t[]\n", ":2: expected counts"),
        (HEADER + b"X a\t1\t0\tnan\t[]\n", ":2: expected bits, got nan"),
        (HEADER + b"X a\t1\t0\tx\t[]\n", ":2: could not convert"),
        (HEADER + b"X a\t1\t0\t0\t{}\n", ":2: expected fillers as a list"),
        (HEADER + b'X a\t1\t0\t0\t[{"b": "c"}]\n', ":2: expected fillers as a list"),
        (HEADER + b"X a\t1\t0\t0\t[{}, {}]\n", ":2: expected fillers for each placeholder"),
        (HEADER + b"X a\t1\t0\t0\t" + b"[" * 100_000 + b"\n", ":2: "),
        (b"template\nX\n", ":2: a template must have a word"),
        (b"template\na\n", ":2: a template must be more than one word"),
        (b"template\nX X a\n", ":2: two placeholders must have a word between"),
        (b"template\nX a\nX  a\n", ":3: this template is there twice"),
        (b"template\n" + b"a " * 200 + b"\n", ":2: a template must have at most 64 words, got 200"),
        (b"template\n" + b"a X " * 65 + b"\n", ":2: a template must have at most 64 words, got 65"),
        *(
            (f'# {{"kind": "textzero templates 1", {setting}}}\ntemplate\n'.encode(), message)
            for setting, message in (
                ('"lowercase": "false"', ":1: the setting 'lowercase' must be true or false, got"),
                ('"nfkc": 1', ":1: the setting 'nfkc' must be true or false, got 1"),
                ('"tokenizer": null', ":1: the setting 'tokenizer' must be a string, got None"),
                ('"lexicon": []', ":1: the setting 'lexicon' must be a string, got []"),
            )
        ),
        (b"template\n\xff\n", ":2: the file must be UTF-8"),
        (b"template\n" + b"a" * (1 << 20) + b"\n", ":2: a line must be shorter"),
    ],
)
def test_a_bad_table_is_refused_by_file_and_line(tmp_path, content, message):
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        Templates.load(path)
    assert str(error.value).startswith(str(path)) and len(str(error.value)) < 400


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Templates.load(tmp_path / "none.tsv")


def test_a_failed_save_leaves_the_old_table(tmp_path, monkeypatch):
    path = tmp_path / "t.tsv"
    Templates([Template(("a", None))]).save(path)
    before = path.read_bytes()
    broken = Templates([Template(("b", None))])
    monkeypatch.setattr(broken, "lines", lambda: iter(["x", 3]))
    with pytest.raises(AttributeError):
        broken.save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "items", [(None, None), ("a",), (), (None, None, "a"), ("a b", None), ("", None)]
)
def test_what_is_no_template_is_refused(items):
    with pytest.raises(ValueError, match="must"):
        Template(items)


def test_a_template_must_not_be_there_twice():
    with pytest.raises(ValueError, match="'a X' twice"):
        Templates([Template(("a", None)), Template(("a", None), 3)])


def test_a_file_may_not_choose_the_code_that_runs():
    table = Templates([], {"tokenizer": "os:system", "lowercase": True})
    with pytest.raises(InputError, match="name it again with --tokenizer"):
        table.tokenizer()
    assert table.tokenizer("char").settings() == {
        "tokenizer": "char", "lowercase": True, "nfkc": False,
    }  # fmt: skip


def test_a_lexicon_that_has_changed_is_refused():
    table = Templates([], {"tokenizer": "word", "lexicon": "a digest"})
    with pytest.raises(InputError, match="another lexicon than what word holds now"):
        table.tokenizer()
    assert table.tokenizer("word").name == "word"


def test_a_slice_is_a_table():
    rows = [Template(("a", None)), Template(("b", None)), Template(("c", None))]
    assert list(Templates(rows)[:2]) == rows[:2] and Templates(rows)[-1] == rows[-1]
    assert repr(Templates(rows)) == "Templates(['a X', 'b X', 'c X'], length 3)"
    assert show([None, "X"]) == r"X \X"


def test_a_line_that_could_not_be_read_again_is_not_written(tmp_path):
    path = tmp_path / "t.tsv"
    with pytest.raises(InputError, match="must be shorter than 1,048,576 bytes, got 'aaa"):
        Templates([Template(("a" * (1 << 20), None))]).save(path)
    longest = Templates([Template(("a" * ((1 << 20) - 32), None))])
    excess = len(longest[0].line()) - (1 << 20) + 1
    longest = Templates([Template(("a" * ((1 << 20) - 32 - excess), None))])
    longest.save(path)
    assert list(Templates.load(path)) == list(longest)


def test_a_broken_tokenizer_of_a_table_is_told_with_its_name(tmp_path):
    path = tmp_path / "t.tsv"
    Templates([], {"tokenizer": "wrod"}).save(path)
    with pytest.raises(InputError, match=f"{re.escape(str(path))} must name a tokenizer: .*'wrod'"):
        Templates.load(path).tokenizer()
    with pytest.raises(ValueError, match="tokenizer must be") as error:
        Templates.load(path).tokenizer("wrdo")
    assert not isinstance(error.value, InputError)
