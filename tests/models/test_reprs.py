"""How the objects of `textzero.models` show themselves; the others are in tests/test_reprs.py."""

import pytest

pytest.importorskip("keras", reason="Keras is not installed")

import numpy as np

from textzero import models
from textzero.models.labelled import LabelledText
from textzero.models.saliency.result import Saliencies, Saliency


def test_data_with_many_texts_has_a_short_line():
    texts = models.LabelledTexts(tuple(LabelledText("t" * 900, "<b>") for _ in range(2000)))
    sentences = models.TaggedSentences([(["a"], ["O"])] * 2000, "bmes")
    assert repr(texts) == "LabelledTexts(2,000 texts)"
    assert repr(sentences) == "TaggedSentences(2,000 sentences, scheme 'bmes')"
    assert repr(models.Questions(())) == "Questions(0 questions)"
    assert repr(models.TripleTexts(())) == "TripleTexts(0 texts)"


def test_an_explanation_has_a_short_line():
    spans, values = np.zeros((900, 2), np.int32), np.zeros(900, np.float32)
    one = Saliency("x\n" * 900, ["x"] * 900, spans, values, "good", 0.75, "logit")
    assert repr(one).endswith("900 tokens, logit, label 'good', score 0.75)")
    assert "\n" not in repr(one) and len(repr(one)) < 160
    assert repr(Saliencies([one, one])) == "Saliencies(2 texts)"


def test_a_score_is_a_table_of_types():
    score = models.score_entities([["B-PER", "O", "B-ORG"]], [["B-PER", "O", "O"]])
    assert score.to_arrow().to_pylist()[0] == {
        "type": "all", "precision": 1.0, "recall": 0.5, "f1": 2 / 3,
        "gold": 2, "predicted": 1, "correct": 1,
    }  # fmt: skip
    assert score.to_arrow()["type"].to_pylist() == ["all", "ORG", "PER"]
    assert "3 rows" in score._repr_html_()
    triples = models.score_triples([[("a", "is", "b")]], [[("a", "is", "b")]])
    assert triples.to_arrow()["f1"].to_pylist() == [1.0]
