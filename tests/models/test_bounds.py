"""What bounds memory and work of models: streams, votes, candidates, a full memory."""

import io
import json

import numpy as np
import pytest

pytest.importorskip("keras")

from textzero.errors import InputError, ResourceError
from textzero.models.answer_spans import Votes, combine_passages
from textzero.models.extractor import Extractor
from textzero.models.layers import Spans
from textzero.models.out_of_memory import told_out_of_memory
from textzero.models.question_stream import stream_questions

ASKED = {"question": "谁写了乙", "passages": ["甲写了乙"]}
LINE = (json.dumps(ASKED) + "\n").encode()


class Counted(io.BytesIO):
    def readline(self, size=-1):
        self.lines = getattr(self, "lines", 0) + 1
        return super().readline(size)


def test_questions_of_a_pipe_are_read_line_by_line():
    file = Counted(b"\n" + LINE * 100)
    questions = stream_questions(file, "standard input", 1000)
    assert next(questions).text == "谁写了乙" and file.lines <= 3
    assert sum(1 for _ in questions) == 99


def test_a_fault_of_a_later_line_is_named():
    questions = stream_questions(io.BytesIO(LINE + b'{"question": "\xff"}\n'), "asked", 1000)
    next(questions)
    with pytest.raises(InputError, match="asked:2 is not UTF-8"):
        next(questions)


@pytest.mark.parametrize(
    "content, what", [(LINE + LINE[:-1] * 9, "a line"), (b'{"data": [\n' + b" \n" * 150, "a JSON")]
)
def test_what_does_not_fit_into_memory_is_refused(content, what):
    with pytest.raises(ResourceError, match=rf"asked: {what}.* of more than 200 bytes"):
        list(stream_questions(io.BytesIO(content), "asked", 200))


@pytest.mark.parametrize("combine", ["squares", "max", "sum"])
def test_votes_of_passages_in_parts_are_those_of_all_at_once(combine):
    passages = ["甲乙", "乙甲", "甲", "丙乙"]
    found = [[(0, 1, 0.6), (1, 2, 0.3)], [(0, 1, 0.4), (1, 2, 0.5)], [(0, 1, 0.2)], [(1, 2, 0.9)]]
    votes = Votes(combine)
    for start in range(0, 4, 3):
        votes.add(passages[start : start + 3], found[start : start + 3])
    assert votes.best() == combine_passages(passages, found, combine)
    assert len(votes) == 2


def test_only_the_most_certain_candidates_are_looked_at():
    rows, scores = np.array([0, 0, 0, 1]), np.array([0.2, 0.9, 0.5, 0.1])
    zeros = np.zeros(4, np.int64)
    model = Extractor.__new__(Extractor)
    found = model._strongest(Spans(rows, zeros, np.arange(4), np.arange(4) + 1, scores), 2)
    assert found.starts.tolist() == [1, 2, 3] and model.left_out == 1


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it."""


@pytest.mark.parametrize(
    "error",
    [
        ResourceExhaustedError("shape[9,9]"),
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate"),
    ],
)
def test_a_network_without_memory_says_what_to_do(error):
    with pytest.raises(ResourceError, match="take a smaller --batch-size"), told_out_of_memory():
        raise error
    with pytest.raises(RuntimeError, match="another"), told_out_of_memory():
        raise RuntimeError("another")
