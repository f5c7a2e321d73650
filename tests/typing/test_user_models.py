"""The public names of `textzero.models`, as in `test_user_program.py`.

Training takes time, and has tests of its own: what trains is only read by mypy.
"""

from pathlib import Path
from typing import Any, assert_type

import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="Keras is not installed")

import textzero
from textzero import models

OPTIONS = models.FitOptions(epochs=1, batch_size=4)


def use_tagger(train: Path, folder: Path, vectors: textzero.WordVectors) -> None:
    sentences = models.read_conll(train)
    assert_type(sentences, models.TaggedSentences)
    assert_type(sentences[:2], models.TaggedSentences)
    assert_type(models.read_words(train), models.TaggedSentences)
    assert_type(models.read_word_tags(train), models.TaggedSentences)
    settings = models.TaggerSettings(dim=8, dilations=(1,))
    tagger = models.Tagger.train(sentences, sentences, [vectors], settings, OPTIONS)
    assert_type(tagger, models.Tagger)
    assert_type(tagger.predict(["张三在北京"]), list[list[models.Entity]])
    assert_type(tagger.predict(["张三在北京"])[0][0].text, str)
    assert_type(tagger.evaluate(sentences), dict[str, float])
    tagger.save(folder)
    assert_type(models.load_model(folder), models.TextModel)
    assert_type(models.Tagger.load(folder), models.Tagger)


def use_classifier(train: Path) -> None:
    texts = models.read_labelled(train)
    assert_type(texts, models.LabelledTexts)
    settings = models.ClassifierSettings(encoder="bigru")
    classifier = models.Classifier.train(texts, settings=settings, options=OPTIONS)
    assert_type(classifier.predict(["good"]), list[models.Prediction])
    assert_type(classifier.predict(["good"])[0].label, str)
    assert_type(classifier.encode("good"), models.Encoded)
    assert_type(classifier.encoder, models.Encoder)
    found = textzero.saliency(classifier, ["good"])
    assert_type(found[0].values, NDArray[Any])
    assert_type(found.to_html(), str)
    assert_type(textzero.gradient_flow(classifier, "good")[0].text, str)


def use_reader(train: Path) -> None:
    questions = models.read_questions(train)
    assert_type(questions, models.Questions)
    assert_type(questions[0], models.Question)
    reader = models.Reader.train(questions, settings=models.ReaderSettings(), options=OPTIONS)
    assert_type(reader.predict(["who?"], [["he"]]), list[models.Answer])
    assert_type(models.score_answers(["he"], [["he"]]), dict[str, float])


def use_extractor(train: Path) -> None:
    texts = models.read_triples(train)
    assert_type(texts, models.TripleTexts)
    extractor = models.Extractor.train(texts, settings=models.ExtractorSettings(), options=OPTIONS)
    assert_type(extractor.predict(["text"]), list[list[models.Triple]])
    assert_type(extractor.predict(["text"])[0][0].subject, str)
    assert_type(texts[0].facts[0], models.Fact)


def test_scores() -> None:
    score = models.score_entities([["B-PER", "O"]], [["B-PER", "O"]])
    assert_type(score, models.EntityScore)
    assert score.f1 == 1
    assert models.score_triples([[("a", "is", "b")]], [[("a", "is", "b")]]).f1 == 1
    assert_type(models.convert_tags(["B-PER"], "bioes"), list[str])


def test_layers() -> None:
    vectors = textzero.WordVectors.load  # what `to_embedding` takes
    assert callable(vectors) and callable(models.to_embedding)
    layers: list[Any] = [models.CRF(3), models.MEMM(3), models.SpanPointer(2)]
    layers += [models.AttentionPooling1D(), models.GatedDilatedConv1D()]
    layers += [models.MixedEmbedding(10, 4)]
    assert len({layer.name for layer in layers}) == 6
