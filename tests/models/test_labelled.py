"""Labelled texts: what is read, and what is refused with file and line."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.models.labelled import LabelledText, LabelledTexts, read_labelled

PAIRS = [("好 hotel", "1"), ('a "quote', "0"), ("", "1"), ("good", "1")]


def pairs(found):
    return [(item.text, item.label) for item in found]


def write(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def tsv(rows, header="label\ttext\n", end="\n"):
    return header + "".join(f"{label}\t{text}{end}" for text, label in rows)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("header", ["label\ttext_a", "Label\tText", ""])
def test_tab_separated(tmp_path, header, bom, end):
    path = write(tmp_path, "a.tsv", bom + tsv(PAIRS, header and header + end, end))
    found = read_labelled(path)
    assert pairs(found) == PAIRS
    assert found[1].place == f"{path}:{3 if header else 2}"


def test_the_label_may_stand_behind_the_text(tmp_path):
    rows = "it is good\t1\nit is bad\t0\nit is fine\t1\n"
    assert pairs(read_labelled(write(tmp_path, "a.tsv", rows)))[2] == ("it is fine", "1")
    rows = "text\tlabel\nit is good\t1\n"
    assert pairs(read_labelled(write(tmp_path, "b.tsv", rows))) == [("it is good", "1")]


def test_the_word_label_is_a_header_only_when_it_is_no_label(tmp_path):
    rows = "label\tone\nlabel\ttwo\nother\tthree\n"
    assert read_labelled(write(tmp_path, "a.tsv", rows)).counts == {"label": 2, "other": 1}


def test_more_columns_are_told_apart_by_their_names(tmp_path):
    path = write(tmp_path, "a.tsv", "id\tstars\tbody\n7\t5\tgood\n8\t1\tbad\n")
    found = read_labelled(path, label="stars", text="body")
    assert pairs(found) == [("good", "5"), ("bad", "1")]
    with pytest.raises(InputError, match=r"a\.tsv:1: expected a column .*stars, body"):
        read_labelled(path, label="star", text="body")
    with pytest.raises(InputError, match=r"a\.tsv:1: expected a header .*got 3"):
        read_labelled(path)


def test_comma_separated_cells_may_hold_commas_quotes_and_lines(tmp_path):
    content = 'text,label\r\n"a, ""b""\r\nc",1\r\n\r\nd,0\r\n'
    path = write(tmp_path, "a.csv", content)
    found = read_labelled(path)
    assert pairs(found) == [('a, "b"\r\nc', "1"), ("d", "0")]
    assert found[1].place == f"{path}:5"


def test_json_lines(tmp_path):
    lines = '{"text": "a\\tb", "label": 1}\n\n{"label": true, "text": ""}\n'
    lines += '{"label": "x", "text": "c", "id": 3}'
    path = write(tmp_path, "a.jsonl", lines)
    found = read_labelled(path)
    assert pairs(found) == [("a\tb", "1"), ("", "true"), ("c", "x")]
    assert found[1].place == f"{path}:3"


def test_folders_are_labels(tmp_path):
    for name, text in {"pos/2.txt": "two\r\nlines\n", "pos/1.txt": "one", "neg/1.txt": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path, name, text)
    write(tmp_path, "README", "of the folder")
    write(tmp_path, ".hidden", "")
    found = read_labelled(tmp_path)
    assert pairs(found) == [("", "neg"), ("one", "pos"), ("two\nlines", "pos")]
    assert any("README" in line for line in found.losses())
    assert found[1].place == str(tmp_path / "pos" / "1.txt")


def test_several_files_are_one_set(tmp_path):
    first = write(tmp_path, "a.tsv", tsv(PAIRS))
    second = write(tmp_path, "b.jsonl", '{"text": "x", "label": "2"}')
    assert pairs(read_labelled(first, second)) == [*PAIRS, ("x", "2")]
    assert pairs(read_labelled(tmp_path / "*.tsv")) == PAIRS


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_encodings(tmp_path, encoding):
    rows = [("这间酒店环境和服务态度亦算不错", "1"), ("房间空间太小不宜住", "0")]
    path = write(tmp_path, "a.tsv", tsv(rows), encoding)
    assert pairs(read_labelled(path, encoding=encoding)) == rows
    assert pairs(read_labelled(path, encoding="auto")) == rows


def test_compressed(tmp_path):
    path = write(tmp_path, "a.tsv.gz", gzip.compress(tsv(PAIRS).encode()))
    assert pairs(read_labelled(path)) == PAIRS


def test_malformed_bytes_are_counted_or_refused(tmp_path):
    path = write(tmp_path, "a.tsv", b"label\ttext\n1\tab\xffc\n")
    found = read_labelled(path)
    assert found[0].text == "ab\ufffdc"
    assert "1 malformed byte" in found.losses()[0]
    with pytest.raises(InputError, match=r"a\.tsv: byte 15 is not"):
        read_labelled(path, strict=True)


def test_empty_texts_are_counted(tmp_path):
    path = write(tmp_path, "a.tsv", "label\ttext\n1\t\n1\t \n0\tx\n")
    found = read_labelled(path)
    assert found.empty == 2 and len(found) == 3
    assert found.losses() == [f"2 of 3 texts are empty, the first at {path}:2"]


def test_a_name_that_stands_twice_in_an_object_is_refused(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "a", "label": "1", "label": "0"}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:1: .*the name 'label' twice"):
        read_labelled(path)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.tsv", "label\ttext\n1\ta\nb\n", r"a\.tsv:3: expected 2 columns \(label, text\), got 1"),
        ("a.tsv", "label\ttext\n1\ta\tb\n", r"a\.tsv:2: expected 2 columns .*got 3: '1\\ta\\tb'"),
        ("a.tsv", "1\ta\n0\tb\n1\n", r"a\.tsv:3: expected 2 columns \(label, text\), got 1: '1'"),
        ("a.tsv", "label\ttext\n \ta\n", r"a\.tsv:2: expected a label, got none"),
        ("a.tsv", "label\tlabel\n1\ta\n", r"a\.tsv:1: the columns of a header must differ"),
        ("a.tsv", "label\ttext\n", "must hold labelled texts, got none"),
        ("a.tsv", "", "must hold labelled texts, got none"),
        ("a.csv", 'label,text\n1,a\n1,"b\n0,c\n', r"a\.csv:3: .*never closed"),
        ("a.csv", 'label,text\n1,"b" c\n', r"a\.csv:2: expected a row of CSV"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text":\n', r"a\.jsonl:2: expected a JSON object"),
        ("a.jsonl", "[1]\n", r"a\.jsonl:1: expected a JSON object such as .*, got"),
        ("a.jsonl", '{"text": "a"}\n', r"a\.jsonl:1: expected .* for the label, got text"),
        ("a.jsonl", '{"text": 3, "label": 1}\n', r"a\.jsonl:1: the text must be a string, got 3"),
        ("a.jsonl", '{"text": "", "label": null}', r"a\.jsonl:1: the label must be .*got None"),
        ("a.jsonl", '{"text": "", "label": 1.5}', r"a\.jsonl:1: the label must be .*got 1.5"),
        ("a.parquet", b"PAR1", "must be TSV, CSV or JSON lines, got Parquet"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message):
        read_labelled(write(tmp_path, name, content))


def test_a_label_that_is_not_allowed_is_told_with_file_and_line(tmp_path):
    path = write(tmp_path, "a.tsv", tsv([("a", "1"), ("b", "2")]))
    assert len(read_labelled(path, labels=["1", "2"])) == 2
    with pytest.raises(InputError, match=r"a\.tsv:3: label must be one of 0, 1, got '2'"):
        read_labelled(path, labels=["0", "1"])


def test_white_space_around_labels_is_no_part_of_them(tmp_path):
    path = write(tmp_path, "a.csv", "label, text\n pos , good \npos, fine\n")
    assert pairs(read_labelled(path, labels=["pos"])) == [(" good ", "pos"), (" fine", "pos")]


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_labelled(tmp_path / "none.tsv")
    with pytest.raises(InputError, match="sub-folder of text files for each label"):
        read_labelled(tmp_path)
    with pytest.raises(ValueError, match="at least one file"):
        read_labelled()
    with pytest.raises(ValueError, match="format must be one of"):
        read_labelled("a", format="xml")
    with pytest.raises(ValueError, match="encoding must be 'auto' or a Python codec, got 'utf-9'"):
        read_labelled(tmp_path / "a.tsv", encoding="utf-9")


def test_labels_are_ordered_as_numbers_only_when_all_are():
    texts = LabelledTexts.from_pairs([("a", 10), ("b", "9"), ("c", "9")])
    assert list(texts.counts.items()) == [("9", 2), ("10", 1)]
    assert LabelledTexts.from_pairs([("a", "x"), ("b", 10), ("c", 9)]).labels == ("10", "9", "x")


def test_pairs_of_a_program_are_checked():
    texts = LabelledTexts.from_pairs([LabelledText("a", "1"), ("b", 0)])
    assert pairs(texts[1:]) == [("b", "0")] and LabelledTexts.from_pairs(texts) is texts
    with pytest.raises(InputError, match=r"text 2: expected a pair \(text, label\), got 'ab'"):
        LabelledTexts.from_pairs([("a", "1"), "ab"])
    with pytest.raises(InputError, match="text 1: expected a label"):
        LabelledTexts.from_pairs([("a", "")])


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\t\r\n"))


@given(st.lists(st.tuples(CELLS, st.sampled_from(["pos", "neg"])), min_size=1))
def test_every_text_comes_back_as_it_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("labelled") / "a.tsv"
    path.write_bytes(tsv(rows).encode())
    assert pairs(read_labelled(path)) == rows


@pytest.mark.data
@pytest.mark.parametrize(
    "name, sizes",
    [("chnsenticorp", (9600, 1200, 1200)), ("sst2", (6920, 872, 1821))],
)
def test_the_sets_of_the_benchmark_are_read_whole(data, name, sizes):
    for part, size in zip(("train", "dev", "test"), sizes, strict=True):
        found = read_labelled(data / "classification" / name / f"{part}.tsv")
        assert len(found) == size and found.labels == ("0", "1") and not found.losses()
