"""Labelled sentences from files: what is read, what is refused with file and line."""

import re

import pytest

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.models.conll import read_conll, read_word_tags, read_words, tagged_sentences
from textzero.models.tagged import TaggedSentences

BMES = "吴 B-NAME\n重 M-NAME\n阳 E-NAME\n， O\n\n在 O\n"


@pytest.fixture
def write(tmp_path):
    def written(content, name="data.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def test_columns_become_sentences(write):
    data = read_conll(write(BMES))
    assert list(data) == [
        (["吴", "重", "阳", "，"], ["B-NAME", "M-NAME", "E-NAME", "O"]),
        (["在"], ["O"]),
    ]
    assert (data.scheme, data.types, data.repaired) == ("bmes", ["NAME"], 0)
    assert data.tags == ["O", "B-NAME", "M-NAME", "E-NAME", "S-NAME"]


@pytest.mark.parametrize(
    "content",
    [
        BMES.replace("\n", "\r\n"),
        "\ufeff" + BMES,
        BMES.replace(" ", "\t"),
        BMES.rstrip("\n"),
        "\n\n" + BMES.replace("\n\n", "\n\n \t\n\r\n\n") + "\n\n",
        "-DOCSTART- O\n\n" + BMES,
        "-DOCSTART- -X- -X- O\n\n" + BMES,
        BMES.replace(" ", "   ").replace("\n", " \n"),
    ],
    ids=["crlf", "bom", "tabs", "no-end", "empty-lines", "docstart", "docstart-4", "spaces"],
)
def test_the_same_sentences_are_read_from_every_habit_of_writing(write, content):
    assert list(read_conll(write(content))) == list(read_conll(write(BMES, "plain.txt")))


def test_other_columns_and_codecs_are_read_when_named(write):
    data = "O\tx\t东\nO\tx\t西\n".encode("gb18030")
    read = read_conll(write(data), token_column=2, tag_column=0, encoding="gb18030")
    assert list(read) == [(["东", "西"], ["O", "O"])]


def test_with_tabs_a_token_may_hold_spaces(write):
    assert read_conll(write("New York\tB-LOC\n"))[0][0] == ["New York"]


def test_a_wide_space_or_a_line_separator_is_a_token_not_an_empty_line(write):
    assert read_conll(write("\u3000 O\n\u2028 O\n\x85 O\n"))[0][0] == ["\u3000", "\u2028", "\x85"]


def test_several_files_are_read_as_one(write):
    data = read_conll([write(BMES, "a.txt"), write("阳 S-ORG\n", "b.txt")])
    assert len(data) == 3
    assert data.types == ["NAME", "ORG"]


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        (BMES + "京 X-ORG\n", 7, "a tag of scheme bmes (O, B-TYPE, M-TYPE, E-TYPE, S-TYPE)"),
        (BMES + "京 B\n", 7, "a tag of scheme bmes (O, B-TYPE"),
        (BMES + BMES + "京 I-NAME\n", 13, "a tag of scheme bmes"),
        (BMES + "京 B-\n", 7, "a tag of scheme bmes"),
        (BMES + "京\n", 7, "2 columns as in line 1, got 1: '京'"),
        (BMES + "京 x O\n", 7, "2 columns as in line 1, got 3"),
        ("京\n", 1, "a token in column 0 and its tag in column -1"),
        ("京\tO\n\tO\n", 2, "a token and its tag"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(write, content, line, expected):
    path = write(content)
    with pytest.raises(InputError, match=re.escape(f"{path}:{line}: expected {expected}")):
        read_conll(path)


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff", "-DOCSTART- -X- O\n\n"])
def test_a_file_without_a_sentence_is_named_also_among_others(write, content):
    empty = write(content, "empty.txt")
    for paths in (empty, [write(BMES), empty]):
        with pytest.raises(InputError, match=r"empty\.txt:1: expected lines of a token"):
            read_conll(paths)


@pytest.mark.parametrize("pair", [([1, 2], ["O", "O"]), (["a"], [None]), (["a", ""], ["O", "O"])])
def test_tokens_and_tags_of_pairs_must_be_texts(pair):
    with pytest.raises(TypeError, match="sentence 2: tokens and tags must be texts, got"):
        tagged_sentences([(["a"], ["O"]), pair])


def test_a_label_that_the_model_does_not_know_is_named(write):
    path = write(BMES)
    with pytest.raises(InputError, match=rf"{path}:1: expected one of the known types \(LOC, ORG"):
        read_conll(path, labels={"ORG", "LOC"})
    assert len(read_conll(path, labels={"NAME"})) == 2


def test_what_was_read_from_a_file_still_names_file_and_line_of_a_label(write):
    columns = read_conll([write(BMES, "a.txt"), write("\n" + BMES + "\n东 S-ORG\n", "b.txt")])
    words = read_word_tags(write("我_PN\n\n爱_VV 我_PN\n", "c.txt"))
    for data in (columns, columns.converted("bio"), columns[:]):
        with pytest.raises(InputError, match=r"b\.txt:9: .* types \(NAME\), got '[SB]-ORG'"):
            tagged_sentences(data, labels=["NAME"])
    with pytest.raises(InputError, match=r"b\.txt:9: .*, got 'S-ORG'"):
        tagged_sentences(columns[2:], labels=["NAME"])
    with pytest.raises(InputError, match=r"c\.txt:3: expected one of the known tags \(PN\)"):
        tagged_sentences(words, labels=["PN"])
    assert read_conll(write(BMES, "one.txt")) == read_conll(write(BMES, "two.txt"))


def test_bytes_of_another_codec_are_named_with_their_line(write):
    path = write("东 O\n".encode() + b"\xff O\n")
    with pytest.raises(InputError, match=f"{path}:2 is not utf-8"):
        read_conll(path)


def test_a_missing_file_is_an_error_of_input(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt cannot be read: No such file"):
        read_conll(tmp_path / "nowhere.txt")


def test_an_unknown_codec_or_scheme_is_refused(write):
    path = write(BMES)
    with pytest.raises(ValueError, match="encoding must be a Python codec, got 'nonsense'"):
        read_conll(path, encoding="nonsense")
    with pytest.raises(ValueError, match="scheme must be auto, none, bio"):
        read_conll(path, scheme="ioe")


def test_tags_that_break_the_scheme_are_repaired_and_counted_or_refused(write):
    path = write("a O\nb I-PER\nc I-PER\nd B-PER\n\ne B-PER\n")
    data = read_conll(path)
    assert data[0][1] == ["O", "B-PER", "I-PER", "B-PER"]
    assert (data.scheme, data.repaired) == ("bio", 1)
    with pytest.raises(InputError, match=f"{path}:2: expected B-PER by scheme bio, got I-PER"):
        read_conll(path, strict=True)


def test_iob1_is_told_from_faulty_iob2(write):
    data = read_conll(write("a I-PER\nb B-PER\nc O\n"), strict=True)
    assert (data.scheme, data.repaired) == ("iob1", 0)
    assert data.converted("bio")[0][1] == ["B-PER", "B-PER", "O"]


def test_segmented_lines_become_tagged_characters(write):
    data = read_words(write("研究 生命 的 起源\r\n\r\n实验室\n"))
    assert data[0] == (list("研究生命的起源"), list("BEBESBE"))
    assert data[1] == (list("实验室"), list("BME"))
    assert data.tags == ["B", "M", "E", "S"]
    assert (data.characters, data.joiner) == (True, "")


def test_white_space_inside_of_words_is_left_out(write):
    assert read_words(write("a b|| |c"), separator="|")[0] == (list("abc"), list("BES"))


def test_words_with_their_part_of_speech_are_labels_without_scheme(write):
    data = read_word_tags(write("我_PN 爱_VV a_b_NN\n\n"))
    assert list(data) == [(["我", "爱", "a_b"], ["PN", "VV", "NN"])]
    assert (data.scheme, data.tags) == ("none", ["NN", "PN", "VV"])
    assert read_word_tags(write("our/DT\n"), separator="/").types == ["DT"]


@pytest.mark.parametrize("item", ["爱VV", "_VV", "爱_"])
def test_a_word_without_a_tag_is_named(write, item):
    path = write(f"我_PN\n{item} b_B\n")
    with pytest.raises(InputError, match=f"{path}:2: expected word_TAG, got '{item}'"):
        read_word_tags(path)


def test_columns_of_parts_of_speech_have_no_scheme(write):
    data = read_conll(write("The DT\ncat NN\nsat VBD\n"))
    assert (data.scheme, data.joiner, data.characters) == ("none", " ", False)


def test_pairs_are_labelled_data_too():
    data = tagged_sentences([("东京", ["B-LOC", "E-LOC"]), ([], []), (["x"], ("O",))])
    assert data[0] == (["东", "京"], ["B-LOC", "E-LOC"])
    assert data[1] == ([], [])
    assert data.scheme == "bioes"
    assert tagged_sentences(data) == data


def test_faults_in_pairs_are_named_by_sentence_and_token():
    with pytest.raises(InputError, match="sentence 2, token 1: expected a tag of scheme bio"):
        tagged_sentences([(["a", "b"], ["B-X", "I-X"]), (["c"], ["Q-X"])])
    with pytest.raises(InputError, match="sentence 1: expected a list of 2 tags, one a token"):
        tagged_sentences([(["a", "b"], ["O"])])
    with pytest.raises(TypeError, match="pairs or files, got 7"):
        tagged_sentences([7])


def test_words_of_a_script_without_spaces_are_joined_without_them():
    data = TaggedSentences([(["中国", "政府", "OK"], ["NN", "NN", "FW"])], "none")
    assert (data.characters, data.joiner) == (False, "")


def test_a_scheme_cannot_be_made_from_labels_without_one():
    with pytest.raises(ValueError, match="scheme 'none' cannot be written as 'bio'"):
        TaggedSentences([(["a"], ["NN"])], "none").converted("bio")


def test_an_empty_sentence_is_told_with_its_place_and_refused_where_strict(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("-DOCSTART- O\n\na B-X\n\n\n\nb O\n\n\n", encoding="utf-8")
    found = read_conll(file)
    assert [tokens for tokens, _ in found] == [["a"], ["b"]]
    assert found.empty == (f"{file}:6",)
    assert [f"the first at {file}:6" in line for line in found.losses()] == [True]
    with pytest.raises(InputError, match=r"a\.txt:6: expected a token and its tag, got an empty"):
        read_conll(file, strict=True)
