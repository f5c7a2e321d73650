import os
import unicodedata
from collections import Counter
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from textzero.corpus import Corpus, streams
from textzero.discovery import unit_counts
from textzero.discovery import units as units_module
from textzero.discovery.arrays import Arrays
from textzero.discovery.units import read_units, runs_in_blocks
from textzero.errors import InputError
from textzero.kernels.reference.segment import RUN, UNIT, UNITS, atom_classes, find_atoms
from textzero.progress import Progress

# Few enough that they repeat: Han, Latin, digits, both also of full width, marks, Thai, Hangul,
# kana, Kangxi radicals, punctuation, several kinds of white space.
PARTS = st.sampled_from(
    [
        *"北京大aBｂb1２2.,'’·。，！ \u3000\u00a0\n\t\x1e\u0301\u200d⼀一①カｶ゛",
        "ไทย",
        "ที่",
        "한",
        "국",
        "ᄒ",
        "ᅡᆫ",
    ]
)
TEXT = st.lists(PARTS, max_size=25).map("".join)
LATIN = st.lists(st.sampled_from([*"aabB12.,'-  \u00a0\n\u0301", "ab", "a b"]), max_size=40).map(
    "".join
)
TWICE = ["甲甲 zz zz"]  # something that is seen twice, so that there is something to find


def folded(word, lowercase, nfkc):
    """Each character as the one character that it is compared as."""
    if nfkc:
        normal = [unicodedata.normalize("NFKC", c) for c in word]
        word = "".join(n if len(n) == 1 else c for c, n in zip(word, normal, strict=True))
    return "".join(c.lower() if lowercase and len(c.lower()) == 1 else c for c in word)


def atoms(text, unit):
    """(atom, its kind if it may be part of a longer word, else 0) of a text."""
    data = text.encode()
    padded = np.frombuffer(data + bytes(16), np.uint8)
    starts, kinds = find_atoms(padded, len(data), atom_classes(), UNITS.index(unit))
    return [
        (data[a:b].decode(), kind if kind in (UNIT, RUN) else 0)
        for a, b, kind in zip(starts[:-1], starts[1:], kinds.tolist(), strict=True)
    ]


def definition(documents, unit="character", lowercase=False, nfkc=True):
    """(ids, alphabet, counts, runs) as `Units` has them, in plain Python."""
    entries, kinds = [], {}  # the units of all documents, None for what is none
    for document in documents:
        found = [(folded(a, lowercase, nfkc), kind) for a, kind in atoms(document, unit)]
        for k, (atom, kind) in enumerate(found):
            inside = 0 < k < len(found) - 1 and found[k - 1][1] and found[k + 1][1]
            if unit == "word" and inside and atoms(document, unit)[k][0] == " ":
                continue
            if unit == "word" and kind and k and found[k - 1][1]:
                entries.append(None)  # side by side, without a space
            entries.append(atom if kind else None)
            kinds[atom] = kind
        entries.append(None)
    seen = Counter(entry for entry in entries if entry is not None)
    alphabet = sorted(atom for atom in seen if seen[atom] > 1)
    ids = [0]
    for entry in entries:
        number = alphabet.index(entry) + 1 if entry in alphabet else 0
        if number or ids[-1]:
            ids.append(number)
    rare = sum(count == 1 for count in seen.values())
    runs = [False, *(kinds[atom] == RUN for atom in alphabet)]
    return ids, alphabet, [rare, *(seen[atom] for atom in alphabet)], runs


def parts_of(units):
    assert (units.ids.dtype, units.counts.dtype) == (np.int32, np.int64)
    return units.ids.tolist(), list(units.alphabet), units.counts.tolist(), units.runs.tolist()


def in_splits_of(size, *paths, **settings):
    corpus = Corpus(*paths, **settings)
    corpus.splits = lambda _=None: Corpus.splits(corpus, size)
    return corpus


@given(
    documents=st.lists(TEXT, max_size=5),
    unit=st.sampled_from(["character", "letter"]),
    lowercase=st.booleans(),
    nfkc=st.booleans(),
    workers=st.sampled_from([1, 2, 7]),
)
def test_units_equal_the_definition(documents, unit, lowercase, nfkc, workers):
    documents = documents + TWICE
    units = read_units(documents, unit=unit, lowercase=lowercase, nfkc=nfkc, workers=workers)
    assert parts_of(units) == definition(documents, unit, lowercase, nfkc)
    assert units.joiner == ""
    assert units.size == sum(definition(documents, unit, lowercase, nfkc)[2][1:])


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    unit=st.sampled_from(["character", "letter"]),
    nfkc=st.booleans(),
)
def test_any_character_is_read_as_defined(text, unit, nfkc):
    documents = [text, text.replace("\x1e", " "), *TWICE]
    units = read_units(documents, unit=unit, nfkc=nfkc, workers=1)
    assert parts_of(units) == definition(documents, unit, nfkc=nfkc)


@given(documents=st.lists(LATIN, max_size=5), lowercase=st.booleans(), nfkc=st.booleans())
def test_units_of_phrases_equal_the_definition(documents, lowercase, nfkc):
    documents = [*documents, "zz zz"]
    units = read_units(documents, unit="word", lowercase=lowercase, nfkc=nfkc, workers=2)
    assert parts_of(units) == definition(documents, "word", lowercase, nfkc)
    assert units.joiner == " "


@settings(max_examples=20)
@given(
    # U+001E inside a document in memory is read as a space, in a file as it is
    files=st.lists(
        st.lists(TEXT.filter(lambda t: not {"\n", "\x1e"} & set(t)), max_size=8), max_size=3
    ),
    size=st.integers(1, 200),
    unit=st.sampled_from(UNITS),
    workers=st.sampled_from([1, 2, 7]),
)
def test_the_stream_is_the_same_for_any_split_and_workers(
    tmp_path_factory, files, size, unit, workers
):
    folder = tmp_path_factory.mktemp("files")
    for number, lines in enumerate([*files, TWICE]):
        (folder / f"{number}.txt").write_bytes("\n".join(lines).encode())
    lines = [line for lines in files for line in lines] + TWICE
    units = read_units(in_splits_of(size, folder), unit=unit, workers=workers)
    assert parts_of(units) == parts_of(read_units(lines, unit=unit, workers=1))
    if unit != "word":
        assert parts_of(units) == definition(lines, unit)
    assert units.reading.bytes == sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_document_is_cut_at_the_same_places_by_all(tmp_path, monkeypatch, unit):
    monkeypatch.setattr(streams, "PIECE", 64)
    rng = np.random.default_rng(3)
    words = ["ab", "a,1", "京", "北京", "京ab"]  # no stretch of 64 bytes has no space
    lines = [" ".join(rng.choice(words, rng.integers(1, 99))) for _ in range(60)]
    (tmp_path / "long.txt").write_text("\n".join(lines), encoding="utf-8")
    whole = read_units(Corpus(tmp_path / "long.txt"), unit=unit, workers=1)
    first = parts_of(whole)
    assert whole.reading.cuts == 0
    for size, workers in ((1, 2), (50, 7), (777, 2), (1 << 20, 2)):
        corpus = in_splits_of(size, tmp_path / "long.txt")
        assert parts_of(read_units(corpus, unit=unit, workers=workers)) == first
    if unit != "word":  # a cut between words is a boundary, and white space is one anyway
        assert first == definition(lines, unit)


def test_a_cut_between_two_characters_is_a_boundary_and_is_counted(monkeypatch):
    monkeypatch.setattr(streams, "PIECE", 30)
    units = read_units(["甲" * 25], workers=1)
    ids = units.ids.tolist()
    assert units.reading.cuts > 0 and units.counts.tolist() == [0, 25]
    assert ids.count(1) == 25 and ids.count(0) == units.reading.cuts + 2
    assert ids[0] == ids[-1] == 0


@pytest.mark.parametrize(
    ("unit", "text", "alphabet", "ids"),
    [
        ("character", "北京 OK北京，OK", ["OK", "京", "北"], [0, 3, 2, 0, 1, 3, 2, 0, 1, 0]),
        ("letter", "aba b", ["a", "b"], [0, 1, 2, 1, 0, 2, 0]),
        ("letter", "12 12x", ["12"], [0, 1, 0, 1, 0]),
        ("word", "a b  a,b a", ["a", "b"], [0, 1, 2, 0, 1, 0, 2, 1, 0]),
        ("word", "a a\u00a0a\na", ["a"], [0, 1, 1, 0, 1, 0, 1, 0]),
        ("word", " a a ", ["a"], [0, 1, 1, 0]),
        ("word", "a once a", ["a"], [0, 1, 0, 1, 0]),
    ],
)
def test_streams_by_hand(unit, text, alphabet, ids):
    units = read_units([text], unit=unit, workers=1)
    assert (list(units.alphabet), units.ids.tolist()) == (alphabet, ids)


@pytest.mark.parametrize("text", ["甲甲", "a甲a甲"])
def test_only_a_space_joins_the_units_of_a_phrase(text):
    ids = read_units([text], unit="word", workers=1).ids
    assert (ids[1::2] != 0).all() and not ids[::2].any()


def test_characters_that_fold_to_the_same_are_one_unit():
    texts = ["１２ 12", "Ｂb", "\uf900\u8c48"]
    assert list(read_units(texts, unit="letter", workers=1).alphabet) == ["12", "\u8c48"]
    units = read_units(texts, unit="letter", lowercase=True, workers=1)
    assert (list(units.alphabet), units.counts.tolist()) == (["12", "b", "\u8c48"], [0, 2, 2, 2])
    assert units.ids.tolist() == [0, 1, 0, 1, 0, 2, 2, 0, 3, 3, 0]
    with pytest.raises(InputError):
        read_units(texts, unit="letter", nfkc=False, workers=1)


def test_a_unit_seen_once_is_a_boundary():
    units = read_units(["甲乙甲", "丙"], workers=1)
    assert units.ids.tolist() == [0, 1, 0, 1, 0]
    assert (units.counts.tolist(), units.size) == ([2, 2], 2)


def test_a_generator_is_read_twice_all_the_same():
    units = read_units((text for text in ["甲乙", "甲乙"]), workers=2)
    assert units.ids.tolist() == [0, 2, 1, 0, 2, 1, 0]


@pytest.mark.parametrize("texts", [[], [""], ["甲乙丙", "a 1 b"], ["，，。。  "]])
def test_a_corpus_with_nothing_twice_is_refused(texts, tmp_path):
    with pytest.raises(InputError, match="twice"):
        read_units(texts, workers=2)
    (tmp_path / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    with pytest.raises(InputError, match="twice"):
        read_units(Corpus(tmp_path), workers=2)


def test_units_have_three_names():
    with pytest.raises(ValueError, match="unit must be one of character, letter, word, got 'byte'"):
        read_units(["甲甲"], unit="byte", workers=1)


@pytest.mark.parametrize("unit", UNITS)
def test_with_little_room_units_go_through_files_and_are_the_same(tmp_path, monkeypatch, unit):
    monkeypatch.setattr(units_module, "_LEAST", 5)  # units of a table
    monkeypatch.setattr(unit_counts, "_FAN_IN", 3)
    rng = np.random.default_rng(4)
    parts = [*"甲乙丙丁 ，aＡ", *(f" word{k}" for k in range(300)), " a word of more than 16 bytes"]
    texts = ["".join(rng.choice(parts, 30)) for _ in range(800)]
    arrays = Arrays(0, lambda: tmp_path)
    there = read_units(texts, unit=unit, lowercase=True, workers=2, arrays=arrays)
    assert arrays.new(1 << 16, np.uint8).base is not None  # mapped
    assert not list(tmp_path.iterdir())
    here = read_units(texts, unit=unit, lowercase=True, workers=2)
    assert parts_of(there) == parts_of(here)


@pytest.mark.parametrize(
    ("unit", "expected"), [("character", "baa"), ("letter", "baa"), ("word", "b a a")]
)
def test_the_text_of_units_has_spaces_only_between_words(unit, expected):
    units = read_units(["a a b b"], unit=unit, workers=1)
    assert units.text([2, 1, 1]) == expected
    assert units.text([]) == ""


def test_progress_counts_stored_bytes_of_both_passes(tmp_path):
    class Bar(Progress):
        def begin(self, name, total, unit):  # noqa: ARG002
            stages.append([name, total, 0])

        def advance(self, amount):
            stages[-1][2] += amount

    stages = []
    (tmp_path / "a.txt").write_text("甲乙\n甲\n", encoding="utf-8")
    read_units(Corpus(tmp_path), workers=1, progress=Bar())
    assert stages == [["count", 11, 11], ["encode", 11, 11]]


@given(runs=st.lists(st.integers(1, 30), max_size=12), size=st.integers(1, 40))
def test_blocks_end_at_boundaries_and_hold_all_runs_once(runs, size):
    ids = np.array([0, *(k for run in runs for k in [1] * run + [0])], np.int32)
    blocks = list(runs_in_blocks(ids, size))
    assert all(ids[a] == ids[b] == 0 and a < b for a, b in blocks)
    joined = [0, *(b for _, b in blocks)]
    assert joined == [*(a for a, _ in blocks), ids.size - 1]
    for a, b in blocks:  # no boundary from first + size on, but the last
        assert b == ids.size - 1 or b >= a + size
        assert ids[min(a + size, b) : b].all()


def test_many_tiny_documents_and_splits_take_little_time(tmp_path):
    # a step for each pair of documents or of splits would take minutes
    lines = [f"{chr(0x4E00 + k % 5000)}{chr(0x4E00 + k * k % 4999)}" for k in range(200_000)]
    read_units(["甲甲"], workers=1)  # compiled
    begun = perf_counter()
    whole = read_units(lines, workers=2)
    (tmp_path / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    split = read_units(in_splits_of(1000, tmp_path), workers=2)  # 1400 splits
    assert perf_counter() - begun < 20
    assert_array_equal(whole.ids, split.ids)


def test_a_file_that_is_cut_between_both_passes_is_an_error_or_told(tmp_path):
    path = tmp_path / "a.txt"

    class Cut(Progress):
        def begin(self, name, total, unit):  # noqa: ARG002
            if name == "encode":
                os.truncate(path, 700)

    for on_error in ("raise", "skip"):
        path.write_text("甲乙\n" * 200, encoding="utf-8")
        corpus = Corpus(path, on_error=on_error)
        if on_error == "raise":
            with pytest.raises(InputError, match="became shorter while it was read"):
                read_units(corpus, workers=2, progress=Cut())
        else:
            (line,) = read_units(corpus, workers=2, progress=Cut()).reading.losses()
            assert line.endswith("became shorter while it was read, from 1,400 to 700 bytes")
