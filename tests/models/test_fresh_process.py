"""Reader and Extractor in another process: their folder and their `.keras` file say the same."""

import json
import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from textzero.models.encoding import Encoder  # noqa: E402
from textzero.models.extractor import Extractor  # noqa: E402
from textzero.models.prior import KnownFacts  # noqa: E402
from textzero.models.reader import Reader  # noqa: E402
from textzero.models.settings import ExtractorSettings, ReaderSettings  # noqa: E402
from textzero.models.triples import TripleTexts  # noqa: E402
from textzero.vectors.word_vectors import WordVectors  # noqa: E402
from textzero.vocabulary import Vocabulary  # noqa: E402

QUESTIONS = ["谁写了春望？", "李白 wrote 𠀀?"]
PASSAGES = [["杜甫写了春望。", "《春望》 是𠀀的\n诗", ""], ["李白写了静夜思" * 8]]
TEXTS = ["《春望》 是杜甫写的𠀀", "", "静夜思" * 12]
PROGRAM = """
import json, sys
import numpy as np
import keras
from dataclasses import asdict
from textzero.models import load_model
folder, questions, passages, texts = sys.argv[1], *map(json.loads, sys.argv[2:])
reader, extractor = load_model(folder + "/reader"), load_model(folder + "/extractor")
answers = [asdict(answer) for answer in reader.predict(questions, passages, threshold=0)]
outputs = {}
for name in ("reader", "extractor"):
    inputs = dict(np.load(f"{folder}/{name}.npz"))
    network = keras.models.load_model(f"{folder}/{name}.keras")
    found = network.predict_on_batch(inputs)
    for place, array in enumerate(found if isinstance(found, list) else [found]):
        outputs[f"{name} {place}"] = array
np.savez(folder + "/outputs.npz", **outputs)
print(json.dumps([type(reader).__name__, answers, extractor.predict(texts)]))
"""


def shaken(model):
    """The model with random weights everywhere: some begin at zero and would not be missed."""
    generator = np.random.default_rng(1)
    for variable in model.trainer.trainable_variables:
        variable.assign(generator.normal(0, 0.3, variable.shape))
    return model


@pytest.fixture(scope="module")
def models():
    words = list("春望杜甫李白写了")
    rows = np.random.default_rng(0).normal(size=(len(words), 3)).astype(np.float32)
    vocabulary = Vocabulary(words, np.ones(len(words), np.int64))
    vectors = WordVectors(vocabulary, rows, manifest={"settings": {"tokenizer": "char"}})
    encoder = Encoder.make([*QUESTIONS, *TEXTS], [vectors], positions=True)
    asks = ReaderSettings(dim=6, question_dilations=(1,), passage_dilations=(2,), max_passage=24)
    reader = Reader.make(encoder, asks, {"max_answer": 5, "labels": "places"}, 0)
    finds = ExtractorSettings(
        dim=6, dilations=(1, 2), max_length=24, prior=True,
        start_threshold=0.1, end_threshold=0.1,
    )  # fmt: skip
    known = TripleTexts.from_pairs([(TEXTS[0], [("春望", "作者", "杜甫")])])
    facts = {"predicates": ["作者", "歌手"], "known": KnownFacts.from_texts(known).rows()}
    return shaken(reader), shaken(Extractor.make(encoder, finds, facts, 0))


def inputs_of(network):
    """Random ids, padded, for what a network reads."""
    generator, found = np.random.default_rng(2), {}
    for tensor in network.inputs:
        shape = [size or 12 for size in (3, *tensor.shape[1:])]
        found[tensor.name] = generator.integers(0, 2, shape).astype(tensor.dtype)
        if tensor.name.endswith("tokens"):
            found[tensor.name] = np.ones(shape, np.int32) * [[1], [2], [5]]
            found[tensor.name][1:, 7:] = 0
    return found


def test_folder_and_keras_file_give_equal_predictions_in_a_fresh_process(models, tmp_path):
    reader, extractor = models
    expected = {}
    for name, model, network in (
        ("reader", reader, reader.network), ("extractor", extractor, extractor.whole)
    ):  # fmt: skip
        model.save(tmp_path / name)
        model.export(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name}.npz", **inputs_of(network))
        found = network.predict_on_batch(inputs_of(network))
        for place, array in enumerate(found if isinstance(found, list) else [found]):
            expected[f"{name} {place}"] = array
    given = [json.dumps(value) for value in (QUESTIONS, PASSAGES, TEXTS)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *given],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kind, answers, triples = json.loads(done.stdout.splitlines()[-1])
    assert kind == "Reader"
    before = reader.predict(QUESTIONS, PASSAGES, threshold=0)
    for answer, now in zip(before, answers, strict=True):
        assert answer.text and now["score"] == pytest.approx(answer.score, rel=1e-5)
        for name in ("text", "passage", "start", "stop"):
            assert now[name] == getattr(answer, name)
    for found, now in zip(extractor.predict(TEXTS), triples, strict=True):
        assert [row[:7] for row in now] == [list(triple[:7]) for triple in found]
        assert [row[7] for row in now] == pytest.approx([t.score for t in found], rel=1e-4)
    assert triples[0] and not triples[1] and triples[2]
    outputs = np.load(tmp_path / "outputs.npz")
    assert sorted(outputs) == sorted(expected) == ["extractor 0", "extractor 1", "reader 0"]
    for name, array in expected.items():
        np.testing.assert_allclose(outputs[name], array, rtol=1e-5, atol=1e-5, err_msg=name)
        assert np.ptp(array[:, :7]) > 0.1


def test_the_exported_extractor_finds_what_predict_finds(models):
    """Its two outputs are enough: subjects, then for each of them its objects."""
    _, extractor = models
    (part,) = extractor._parts(TEXTS[:1])
    objects = extractor._known_objects
    batch = {name: array[None] for name, array in part.inputs.items()}
    found = set()
    ask = {"subject": np.zeros((1, 2), np.int32), "known_objects": objects(part, (0, 1))[None]}
    subjects = extractor._decoded(extractor.whole.predict_on_batch(batch | ask)[0])
    for start, end in zip(subjects.starts, subjects.ends, strict=True):
        ask = {
            "subject": np.array([[start, end - 1]], np.int32),
            "known_objects": objects(part, (start, end))[None],
        }
        spans = extractor._decoded(extractor.whole.predict_on_batch(batch | ask)[1])
        found |= {(start, end, *row[1:4]) for row in zip(*spans, strict=True)}
    first, last = part.spans.T.tolist()
    wanted = {
        (first.index(t.subject_start), last.index(t.subject_end) + 1,
         extractor.predicates.index(t.predicate),
         first.index(t.object_start), last.index(t.object_end) + 1)
        for t in extractor.predict(TEXTS[:1])[0]
    }  # fmt: skip
    assert wanted <= found
    name = lambda row: tuple(part.text[first[a] : last[b - 1]] for a, b in (row[:2], row[3:]))  # noqa: E731
    assert {(name(r), r[2]) for r in found} == {(name(r), r[2]) for r in wanted}
