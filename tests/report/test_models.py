"""Reports of models: curves without Keras; confusions, mistakes and words with known answers."""

import json
import subprocess
import sys

import numpy as np
import pytest

from textzero.errors import InputError
from textzero.report import training
from textzero.report.artefacts import make_report
from textzero.report.blocks import Bars, Chart, Facts, Matrix, Passages, Table, Text
from textzero.report.checks import check_report
from textzero.report.models import is_model, model_kind, model_sections
from textzero.vectors.tensors import write_safetensors

HISTORY = [
    {"epoch": 1, "loss": 0.9, "f1": 0.5, "precision": 0.4, "recall": 0.6, "f1 PER": 0.5},
    {"epoch": 2, "loss": 0.4, "f1": 0.8, "precision": 0.8, "recall": 0.8, "f1 PER": 0.7},
    {"epoch": 3, "loss": 0.3, "f1": 0.7, "precision": 0.7, "recall": 0.7, "f1 PER": 0.6},
]


def blocks(sections, kind):
    return [block for section in sections for block in section.blocks if isinstance(block, kind)]


def facts(sections):
    return dict(blocks(sections, Facts)[0].items)


def column(table, name):
    return list(next(c.cells for c in table.columns if c.name == name))


def text(passage):
    return "".join(span.text for span in passage.spans)


def model_folder(path, history, kind="Tagger", **config):
    path.mkdir(exist_ok=True)
    facts = {"kind": training.KIND, "class": kind, "settings": {"dim": 8}, "facts": {}, **config}
    (path / "config.json").write_text(json.dumps(facts))
    manifest = {"training": {"epochs": 9, "history": history, "seconds": 2.5, "compile": False}}
    (path / "manifest.json").write_text(json.dumps(manifest))
    write_safetensors(path / "weights.safetensors", {"0 a": np.zeros((3, 4), np.float32)}, {})
    return path


# --- how it was trained -----------------------------------------------------------------------


def test_the_best_epoch_is_marked_on_the_curve_of_its_score(tmp_path):
    sections = model_sections(model_folder(tmp_path / "m", HISTORY))
    loss, scores, _ = blocks(sections, Chart)
    assert list(loss.lines[0].y) == [0.9, 0.4, 0.3]
    best = scores.lines[-1]
    assert (best.name, list(best.x), list(best.y)) == ("best epoch", [2.0], [0.8])
    assert "epoch 2" in sections[0].about and "0.8000" in sections[0].about
    found = facts(sections)
    assert found["parameters"] == 12 and found["seconds of training"] == 2.5
    assert found["epochs"] == "3 of at most 9"


def test_the_page_of_a_model_is_in_the_language_of_its_tokens(tmp_path):
    folder = model_folder(tmp_path / "m", HISTORY)
    assert make_report(folder).language == "und"
    (folder / "tokens.tsv").write_text("的\t9\n是\t5\na\t1\n", encoding="utf-8")
    assert make_report(folder).language == "zh"


def test_curves_need_no_keras(tmp_path):
    folder = model_folder(tmp_path / "m", HISTORY)
    code = (
        "import sys; sys.modules['keras'] = None\n"
        "from textzero.report.models import model_sections\n"
        f"print(len(model_sections({str(folder)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


def test_a_training_without_held_out_data_says_so(tmp_path):
    history = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    sections = model_sections(model_folder(tmp_path / "m", history))
    assert "no validation data" in sections[0].about
    assert [line.name for chart in blocks(sections, Chart) for line in chart.lines] == ["training"]


def test_a_folder_that_says_nothing_of_its_training_is_no_error(tmp_path):
    folder = model_folder(tmp_path / "m", [])
    (folder / "manifest.json").write_text('{"training": {"history": [1, {"loss": "x"}]}}')
    assert "does not say" in blocks(model_sections(folder), Text)[0].paragraphs[0]


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"kind": "other"}')
    assert not is_model(tmp_path) and not is_model(tmp_path / "nowhere")
    with pytest.raises(InputError, match="must be of kind"):
        model_sections(tmp_path)
    folder = model_folder(tmp_path / "m", HISTORY, kind="Oracle")
    assert not is_model(folder)
    with pytest.raises(InputError, match="class must be one of Tagger"):
        model_sections(folder)
    with pytest.raises(ValueError, match="for a classifier, got Tagger"):
        model_sections(model_folder(tmp_path / "n", HISTORY), texts=["a"])
    assert model_kind(tmp_path / "n") == "Tagger"


def test_what_is_known_of_models_without_keras_is_what_models_say():
    pytest.importorskip("keras")
    from textzero.models import Classifier, Extractor, Reader, Tagger, saved

    classes = (Tagger, Reader, Extractor, Classifier)
    assert {kind.__name__: kind.score_name for kind in classes} == training.SCORES
    assert (saved.CONFIG, saved.WEIGHTS, saved.KIND) == (
        *(training.CONFIG, training.WEIGHTS, training.KIND),
    )


# --- taggers ----------------------------------------------------------------------------------

TOKENS = [list("张三在京"), list("北京好"), list("天气好"), list("你好啊")]
GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "I-LOC", "O"], ["O"] * 3, ["O"] * 3]
FOUND = [["B-PER", "I-PER", "O", "B-ORG"], ["B-LOC", "O", "O"], ["B-PER", "O", "O"], ["O"] * 3]


@pytest.fixture(scope="module")
def tagging():
    pytest.importorskip("keras")
    from textzero.report.tagger import tagging_sections

    return tagging_sections(TOKENS, GOLD, FOUND, "bio")


def test_the_confusion_counts_each_gold_and_each_found_span_once(tagging):
    [matrix] = blocks(tagging, Matrix)
    cells = {
        (row, name): int(matrix.counts[i, j])
        for i, row in enumerate(matrix.rows)
        for j, name in enumerate(matrix.columns)
        if matrix.counts[i, j]
    }
    assert cells == {
        ("PER", "PER"): 1, ("LOC", "ORG"): 1, ("LOC", "missed"): 1,
        ("invented", "LOC"): 1, ("invented", "PER"): 1,
    }  # fmt: skip
    table = blocks(tagging, Table)[0]
    by_row = dict(zip(matrix.rows, matrix.counts.sum(1).tolist(), strict=True))
    by_column = dict(zip(matrix.columns, matrix.counts.sum(0).tolist(), strict=True))
    kinds = column(table, "type")
    assert column(table, "spans") == [by_row[kind] for kind in kinds]
    assert column(table, "found") == [by_column[kind] for kind in kinds]


def test_errors_are_told_apart(tagging):
    table = blocks(tagging, Table)[1]
    rows = dict(zip(column(table, "what went wrong"), column(table, "times"), strict=True))
    assert rows == {
        "wrong type": 1, "wrong place, right type": 1, "invented where nothing is": 1,
    }  # fmt: skip


def test_the_worst_sentences_come_first_and_right_ones_not_at_all(tagging):
    [passages] = blocks(tagging, Passages)
    assert [text(item) for item in passages.items] == ["北京好", "张三在京", "天气好"]
    [_, second, _] = passages.items
    assert [(s.text, s.mark, s.label) for s in second.spans] == [
        ("张三", "right", "PER"), ("在", "", ""), ("京", "wrong", "ORG, not LOC"),
    ]  # fmt: skip
    first = [(s.text, s.mark, s.label) for s in passages.items[0].spans]
    assert first == [("北", "wrong", "LOC"), ("京", "missed", "LOC"), ("好", "", "")]
    assert "3 sentences with a fault, of 4" in tagging[-1].about


def test_labels_without_spans_have_no_missed_ones():
    pytest.importorskip("keras")
    from textzero.report.tagger import tagging_sections

    made = tagging_sections([["the", "cat"]], [["D", "N"]], [["D", "V"]], "none", " ")
    [matrix] = blocks(made, Matrix)
    assert matrix.rows == matrix.columns == ["D", "N", "V"]
    assert matrix.counts.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    [passage] = blocks(made, Passages)[0].items
    assert [(s.text, s.mark) for s in passage.spans] == [("the", ""), (" ", ""), ("cat", "wrong")]


def test_a_right_tagging_has_no_worst_sentence():
    pytest.importorskip("keras")
    from textzero.report.tagger import tagging_sections

    made = tagging_sections(TOKENS, GOLD, GOLD, "bio")
    assert "All 4 sentences are right" in blocks(made, Text)[0].paragraphs[0]
    assert facts(made)["F1"] == 1.0


def test_the_scores_of_a_tagger_are_those_of_its_evaluation(tmp_path):
    pytest.importorskip("keras")
    from textzero.models import FitOptions, Tagger, TaggerSettings

    data = [(row, tags) for row, tags in zip(TOKENS, GOLD, strict=True)] * 6
    quick = FitOptions(epochs=2, batch_size=8, learning_rate=0.03, ema=None)
    model = Tagger.train(data, data, (), TaggerSettings(dim=8, units=8, dilations=(1,),
                                                        min_count=1), quick)  # fmt: skip
    model.save(tmp_path / "tagger")
    rows = "\n".join(
        "\n".join(f"{a}\t{b}" for a, b in zip(*pair, strict=True)) + "\n" for pair in data
    )
    (tmp_path / "gold.txt").write_text(rows, encoding="utf-8")
    sections = model_sections(tmp_path / "tagger", [tmp_path / "gold.txt"])
    score = model.evaluate(str(tmp_path / "gold.txt"))
    assert facts(sections)["F1"] == round(score["f1"], 4)
    assert [s.title for s in sections][-1] == "What it is made of"


# --- classifiers ------------------------------------------------------------------------------


def test_confusion_scores_and_calibration_of_a_classifier():
    pytest.importorskip("keras")
    from textzero.report.classifier import scoring_sections

    gold = np.array([0, 0, 0, 1])
    table = np.array([[0.94, 0.06], [0.85, 0.15], [0.35, 0.65], [0.12, 0.88]])
    made = scoring_sections(gold, table, ["bad", "good"])
    [matrix] = blocks(made, Matrix)
    assert matrix.rows == ["bad", "good"] and matrix.counts.tolist() == [[2, 1], [0, 1]]
    found = facts(made)
    assert found["accuracy"] == 0.75 and found["always the most frequent label"] == 0.75
    assert found["negative log-likelihood"] == pytest.approx(
        -np.log([0.94, 0.85, 0.35, 0.88]).mean(), abs=1e-4
    )
    bins = blocks(made, Table)[-1]
    assert column(bins, "probability") == ["0.6 to 0.7", "0.8 to 0.9", "0.9 to 1.0"]
    assert column(bins, "texts") == [1, 2, 1] and column(bins, "right") == [0.0, 1.0, 1.0]
    # the distances are .65, .135 and .06
    assert "24.5%" in made[-1].about


def test_words_push_by_their_mean_over_texts():
    pytest.importorskip("keras")
    from textzero.models.saliency.result import Saliency
    from textzero.report.saliency import explained_passage, pushes

    def result(text, values):
        tokens = text.split(" ")
        ends = np.cumsum([len(t) + 1 for t in tokens])
        spans = np.array([(e - len(t) - 1, e - 1) for e, t in zip(ends, tokens, strict=True)])
        return Saliency(text, tokens, spans, np.array(values, np.float32), "good", 0.9, "logit")

    results = [result("nice nice room", [1, 2, 0]), result("nice bad", [3, -4])]
    rows = [(p.word, p.mean, p.times, p.texts) for p in pushes(results, 1)]
    assert rows == [("nice", 2.0, 3, 2), ("room", 0.0, 1, 1), ("bad", -4.0, 1, 1)]
    assert [p.word for p in pushes(results, 2)] == ["nice"] and not pushes(results, 3)
    passage = explained_passage(results[1], "good")
    assert [(s.text, s.value) for s in passage.spans] == [
        ("nice", 0.75), (" ", None), ("bad", -1.0),
    ]  # fmt: skip
    cut = explained_passage(results[0], "good", longest=6)
    assert cut.spans[-1].text == " ... 9 characters more"


def test_a_classifier_with_data_shows_scores_mistakes_and_why(tmp_path):
    pytest.importorskip("keras")
    from textzero.models import Classifier, ClassifierSettings, FitOptions
    from textzero.report.blocks import Report

    reviews = [("good room", "1"), ("bad room", "0"), ("good staff", "1"), ("bad staff", "0")] * 8
    small = ClassifierSettings(encoder="gru", dim=8, units=6, min_count=1, dropout=0.0)
    quick = FitOptions(epochs=12, batch_size=16, learning_rate=0.05, ema=None, warmup=0.0)
    model = Classifier.train(reviews, reviews, (), small, quick)
    model.save(tmp_path / "m")
    wrong = [*reviews[:4], ("good bad good", "0"), ("good good room", "0")]
    sections = model_sections(tmp_path / "m", wrong, max_texts=4)
    check_report(Report("m", sections))
    assert facts(sections)["accuracy"] == round(model.evaluate(wrong)["accuracy"], 4)
    mistakes = blocks(sections, Passages)[0]
    assert "right is 0" in mistakes.items[0].heading
    towards = {bars.x_label.split(":")[0]: bars.labels[0] for bars in blocks(sections, Bars)}
    assert towards == {"towards 0": "bad", "towards 1": "good"}
    assert any("4 of 6 texts, at equal steps" in section.about for section in sections)
    only = model_sections(tmp_path / "m", texts=["good room", " ", "bad room"])
    assert [s.title for s in only][:2] == ["Words that push towards a label",
                                           "Why the model says so"]  # fmt: skip
    assert len(blocks(only, Passages)[0].items) == 2
    with pytest.raises(InputError, match="label must be one of 0, 1"):
        model_sections(tmp_path / "m", [("good", "2")])


# --- readers and extractors -------------------------------------------------------------------


def test_the_worst_questions_come_first_with_their_passages():
    pytest.importorskip("keras")
    from textzero.models.answer_spans import Answer
    from textzero.models.reading import Question
    from textzero.report.reader import reading_sections

    asked = [
        Question("谁?", ("甲写了乙",), ("甲",)), Question("什么?", ("甲写了乙丙",), ("乙丙",)),
        Question("何时?", ("甲生于一九四九年",), ("一九四九年",)),
    ]  # fmt: skip
    given = [
        Answer("甲", 0.9, 0, 0, 1), Answer("乙", 0.5, 0, 3, 4), Answer("甲", 0.3, 0, 0, 1),
    ]  # fmt: skip
    made = reading_sections(asked, given)
    found = facts(made)
    assert found["exact match"] == round(1 / 3, 4)
    assert (found["answers that are right"], found["answers that are partly right"]) == (1, 1)
    table = blocks(made, Table)[0]
    assert column(table, "question") == ["何时?", "什么?"]
    assert column(table, "expected") == ["一九四九年", "乙丙"]
    first = table.details[0]
    assert [(s.text, s.mark) for s in first[0].spans if s.mark] == [("甲", "wrong")]
    assert [(s.text, s.mark) for s in first[1].spans if s.mark] == [("一九四九年", "missed")]
    [chart] = blocks(made, Chart)
    assert (list(chart.lines[0].x), list(chart.lines[0].y)) == ([1.0], [pytest.approx(1 / 3)])


def test_the_curve_of_the_surest_questions_begins_where_a_share_means_something():
    pytest.importorskip("keras")
    from textzero.models.answer_spans import Answer
    from textzero.models.reading import Question
    from textzero.report.reader import reading_sections

    asked = [Question("谁?", ("甲写了乙",), ("甲",))] * 20
    given = [Answer("甲" if k < 5 else "乙", 1 - k / 20, 0, 0, 1) for k in range(20)]
    [chart] = blocks(reading_sections(asked, given), Chart)
    assert (chart.lines[0].x[0], chart.lines[0].y[0]) == (0.5, 0.5)  # ten of twenty


def test_triples_are_right_missed_or_wrong():
    pytest.importorskip("keras")
    from textzero.report.extractor import extraction_sections

    a, b, c = ("甲", "作者", "乙"), ("甲", "生地", "丙"), ("乙", "作者", "甲")
    made = extraction_sections(["甲写了乙", "甲", "乙"], [[a, b], [a], []], [[a, c], [a], []])
    assert (facts(made)["triples"], facts(made)["found"], facts(made)["right"]) == (3, 3, 2)
    table = blocks(made, Table)[0]
    assert column(table, "predicate") == ["作者", "生地"]
    assert column(table, "precision") == [pytest.approx(2 / 3), 0.0]
    [passage] = blocks(made, Passages)[0].items
    marks = [(s.text, s.mark) for s in passage.spans if s.mark]
    assert marks == [
        ("甲 | 作者 | 乙", "right"), ("甲 | 生地 | 丙", "missed"), ("乙 | 作者 | 甲", "wrong"),
    ]  # fmt: skip
