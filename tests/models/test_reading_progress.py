"""Whoever reads labelled data tells how many of their bytes are behind."""

import gzip
import io
import json

import pytest

pytest.importorskip("keras")

from textzero.models import (
    read_conll,
    read_labelled,
    read_questions,
    read_triples,
    read_word_tags,
    read_words,
)
from textzero.models.question_stream import stream_questions
from textzero.progress import Progress

QUESTION = json.dumps({"question": "谁？", "passages": ["甲。"]}, ensure_ascii=False)
SQUAD = json.dumps({"data": [{"paragraphs": [{"context": "甲。", "qas": [
    {"question": "谁？", "answers": []}, {"question": "何？", "answers": []}]}]}]})  # fmt: skip
TRIPLES = json.dumps({"text": "甲写了乙", "spo_list": []}, ensure_ascii=False)
READERS = [
    (lambda path, **how: read_conll([path], **how), "甲 O\n乙 B-PER\n\n", "ner.txt"),
    (lambda path, **how: read_words([path], **how), "我们 在 北京\n", "words.txt"),
    (lambda path, **how: read_word_tags([path], **how), "我们_r 在_p\n", "pos.txt"),
    (read_triples, TRIPLES + "\n", "facts.jsonl"),
    (read_triples, TRIPLES + "\n", "facts.jsonl.gz"),
    (read_questions, QUESTION + "\n", "asked.jsonl"),
    (read_labelled, "1\tgood\n0\tbad\n", "reviews.tsv"),
    (read_labelled, 'label,text\n1,"a\nb"\n', "reviews.csv"),
    (read_labelled, '{"text": "a", "label": "1"}\n', "reviews.jsonl"),
]


class Told(Progress):
    """Keeps the stages, and how far each came."""

    def __init__(self):
        super().__init__()
        self.stages = {}

    def begin(self, name, total, _):
        self.stages[name] = [total, 0]

    def advance(self, amount):
        self.stages[list(self.stages)[-1]][1] += amount


@pytest.mark.parametrize("read, text, name", READERS, ids=lambda x: str(x)[:12])
def test_all_bytes_of_labelled_data_are_told(tmp_path, monkeypatch, read, text, name):
    monkeypatch.setattr("textzero.progress._OFTEN", 0.0)
    content = (text * (1 if name.endswith("csv") else 50)).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    told = Told()
    read(tmp_path / name, progress=told)
    size = (tmp_path / name).stat().st_size
    assert told.stages["read"] == [size, size]


def test_a_folder_of_texts_tells_the_bytes_of_all(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(label * 10)
    told = Told()
    assert read_labelled(tmp_path, progress=told).counts == {"a": 1, "b": 1}
    assert told.stages == {"read": [20, 20]}


def test_a_document_of_questions_is_told_question_by_question():
    told, seen = Told(), []
    told.begin("answer", len(SQUAD), "bytes")
    for _ in stream_questions(io.BytesIO(SQUAD.encode()), "asked", 1 << 20, told):
        seen.append(told.stages["answer"][1])
    assert seen == [0, len(SQUAD) // 2] and told.stages["answer"][1] == len(SQUAD) // 2 * 2


def test_bytes_are_told_while_a_file_is_read_not_only_at_its_end(monkeypatch):
    monkeypatch.setattr("textzero.progress._OFTEN", 0.0)
    told = Told()
    with told.stage("read", 300):
        seen = [told.stages["read"][1] for _ in told.over(["a" * 9] * 10, 100, 300)]
    assert seen == [30 * i for i in range(10)] and told.stages["read"] == [300, 300]
