import json

import pytest

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.models.reading import (
    Question,
    answer_places,
    find_answer,
    occurrences,
    read_questions,
    split_by_passage,
)

CONTEXT = "光荣是公司。光荣有索尼。"


def squad(tmp_path, answers, changes=None):
    asked = {"question": "谁？", "id": "1", "answers": answers, **(changes or {})}
    content = {"version": "1", "data": [{"paragraphs": [{"context": CONTEXT, "qas": [asked]}]}]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
    return path


def lines(tmp_path, *records):
    path = tmp_path / "questions.jsonl"
    shown = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    path.write_text("\n".join(shown) + "\n", "utf-8")
    return path


def test_squad_form_gives_each_answer_once_and_its_places(tmp_path):
    answers = [{"text": "光荣", "answer_start": 6}] * 2 + [{"text": "索尼", "answer_start": 9}]
    found = read_questions(squad(tmp_path, answers))
    assert list(found) == [Question("谁？", (CONTEXT,), ("光荣", "索尼"), ((0, 6, 8), (0, 9, 11)))]
    assert (found.moved, found.unplaced) == (0, 0)


def test_a_wrong_place_is_mended_by_search_and_counted(tmp_path):
    answers = [
        {"text": "光荣", "answer_start": 5},  # one too early: the second is nearest
        {"text": "索尼。!", "answer_start": -1},  # stands there without its last sign
        {"text": "任天堂", "answer_start": 3},  # does not stand there
    ]
    found = read_questions(squad(tmp_path, answers))
    assert found[0].places == ((0, 6, 8), (0, 9, 11))
    assert found[0].answers == ("光荣", "索尼。!", "任天堂")
    assert (found.moved, found.unplaced) == (2, 1)


def test_the_first_of_several_places_counts_where_none_is_named():
    assert find_answer(CONTEXT, "光荣") == (0, 2)
    assert find_answer(CONTEXT, "光荣", 6) == (6, 8)
    assert find_answer(CONTEXT, "。。") is None


def test_webqa_form_joins_tokens_and_knows_no_answer(tmp_path):
    record = {
        "q_key": "Q", "question_tokens": ["谁", "?"],
        "evidences": [
            {"evidence_tokens": ["纣", "王"], "golden_answers": [["纣", "王"]], "type": "positive"},
            {"evidence_tokens": ["无"], "golden_answers": [["no_answer"]]},
        ],
    }  # fmt: skip
    found = read_questions(lines(tmp_path, record, "", record))
    assert list(found) == [Question("谁?", ("纣王", "无"), ("纣王",))] * 2


def test_our_own_form_may_come_without_answers(tmp_path):
    record = {"question": "谁？", "passages": ["甲", "乙"]}
    found = read_questions(lines(tmp_path, record | {"answers": ["甲", "甲"]}, record))
    assert list(found) == [
        Question("谁？", ("甲", "乙"), ("甲",)), Question("谁？", ("甲", "乙")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"question": "谁？", "passages": [', ":2: expected JSON with .*JSON lines with .*, got"),
        ("[1]", ":2: expected JSON"),
        ({"text": "?"}, ":2: expected JSON"),
        ({"question": "谁？", "passages": "甲"}, ":2: \"passages\" must be a list, got '甲'"),
        ({"question": "谁？", "passages": []}, ':2: "passages" must not be empty'),
        ({"question": 7, "passages": ["甲"]}, ':2: "question" must be a string, got 7'),
        ({"question": "?", "passages": ["甲", None]}, ':2: "passages" must be a list of strings'),
        (
            '{"question": "?", "question": "!", "passages": ["甲"]}',
            ":2: .*the name 'question' twice",
        ),
        ({"question": "?", "passages": ["甲"], "answers": [""]}, ':2: "answers" must not hold an'),
        ({"question_tokens": ["?"]}, ':2: "evidences" must be a list, got None'),
        ({"question_tokens": ["?"], "evidences": []}, ':2: "evidences" must not be empty'),
        (
            {"question_tokens": ["?"], "evidences": [{"evidence_tokens": "甲"}]},
            r':2: evidences\[0\]: "evidence_tokens" must be a list',
        ),
        (
            {
                "question_tokens": ["?"],
                "evidences": [{"evidence_tokens": ["甲"], "golden_answers": ["甲"]}],
            },
            r':2: evidences\[0\]: "golden_answers" must hold lists of strings, got \'甲\'',
        ),
    ],
)
def test_a_bad_line_is_named_with_what_was_expected(tmp_path, record, message):
    path = lines(tmp_path, {"question": "?", "passages": ["甲"]}, record)
    with pytest.raises(InputError, match=r"questions\.jsonl" + message):
        read_questions(path)


@pytest.mark.parametrize(
    ("answers", "changes", "message"),
    [
        ([{"answer_start": 1}], {}, r'answers\[0\]: "text" must be a string, got None'),
        ([{"text": "", "answer_start": 1}], {}, r'answers\[0\]: "text" must not be empty'),
        ([{"text": "光", "answer_start": "1"}], {}, '"answer_start" must be a whole number'),
        ([], {"question": None}, '"question" must be a string, got None'),
        (["光"], {}, r"answers\[0\] must be a JSON object, got '光'"),
        ([], {"answers": {}}, '"answers" must be a list, got {}'),
    ],
)
def test_a_bad_item_of_squad_form_is_named(tmp_path, answers, changes, message):
    path = squad(tmp_path, answers, changes)
    with pytest.raises(InputError, match=r"data\[0\]\.paragraphs\[0\]\.qas\[0\].*" + message):
        read_questions(path)


def test_a_mistake_in_a_document_of_many_lines_is_named_by_its_own_line(tmp_path):
    path = squad(tmp_path, [{"text": "光荣", "answer_start": 6}])
    lines = path.read_text("utf-8").split("\n")
    number = next(n for n, line in enumerate(lines, 1) if "answer_start" in line)
    path.write_text("\n".join(lines).replace(": 6", ": six"), "utf-8")
    with pytest.raises(InputError, match=rf"squad\.json:{number}: expected JSON.*got '\"answer_st"):
        read_questions(path)
    path.write_text('{\n"data": [], "data": []}', "utf-8")
    with pytest.raises(InputError, match=r"expected JSON with.*the name 'data' twice"):
        read_questions(path)


def test_a_record_of_our_own_may_have_a_field_of_squads_form(tmp_path):
    record = {"question": "谁？", "passages": ["甲"], "data": []}
    assert list(read_questions(lines(tmp_path, record))) == [Question("谁？", ("甲",))]


def test_files_that_hold_no_questions_are_refused(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="holds no questions"):
        read_questions(path)
    path.write_bytes(b'{"data": []}')
    with pytest.raises(InputError, match="holds no questions"):
        read_questions(path)
    path.write_bytes(b'{"data": [{"paragraphs": 1}]}')
    with pytest.raises(InputError, match=r'data\[0\]: "paragraphs" must be a list, got 1'):
        read_questions(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_questions(path)


def test_every_occurrence_is_an_answer_or_only_the_known_places():
    question = Question("谁？", (CONTEXT, "光荣"), ("光荣",), ((0, 6, 8),))
    assert answer_places(question, 0) == [(0, 2), (6, 8)]
    assert answer_places(question, 0, known_only=True) == [(6, 8)]
    assert answer_places(question, 1) == [(0, 2)]
    assert answer_places(question, 1, known_only=True) == []
    unknown = Question("谁？", (CONTEXT,), ("光荣",))
    assert answer_places(unknown, 0, known_only=True) == [(0, 2), (6, 8)]


def test_occurrences_overlap_and_signs_are_no_pattern():
    assert occurrences("aaa", "aa") == [0, 1]
    assert occurrences("a.b", ".") == [1]
    assert occurrences("abc", "") == []


@pytest.mark.parametrize("seed", range(5))
def test_a_split_keeps_questions_of_one_passage_together(seed):
    questions = [Question(str(n), (f"p{n // 3}",)) for n in range(60)]
    questions += [Question("joint", ("p1", "p2")), Question("joint", ("p2", "p7"))]
    first, second = split_by_passage(questions, 0.8, seed)
    passages = [{p for q in part for p in q.passages} for part in (first, second)]
    assert not passages[0] & passages[1]
    assert sorted(map(id, first + second)) == sorted(map(id, questions))
    assert 0.8 * 62 <= len(first) <= 0.8 * 62 + 11
    assert split_by_passage(questions, 0.8, seed) == (first, second)


def test_a_split_depends_on_its_seed_and_has_sensible_ends():
    questions = [Question(str(n), (str(n),)) for n in range(30)]
    assert split_by_passage(questions, 0.5, 1) != split_by_passage(questions, 0.5, 2)
    assert split_by_passage(questions, 1.0) == (questions, [])
    assert split_by_passage(questions, 0.0) == ([], questions)
    assert split_by_passage([], 0.5) == ([], [])
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.5"):
        split_by_passage(questions, 1.5)
