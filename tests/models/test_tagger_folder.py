"""Folders and files of taggers: the same in a fresh process; what lies is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("keras")

from textzero.errors import InputError
from textzero.lexicon import Lexicon
from textzero.models import FitOptions, Tagger, TaggerSettings
from textzero.models.encoding import Encoder
from textzero.segmenter import Segmenter
from textzero.tokens import Tokenizer
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

FACTS = {"scheme": "bio", "types": ["PER"], "outside": True, "characters": True, "joiner": ""}


def untrained():
    settings = TaggerSettings(dim=4, units=4, dilations=(1,), min_count=1)
    return Tagger.make(Encoder.make(["他来"]), settings, FACTS, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheme": "ioe"}, {"scheme": 3}, {"scheme": None}, {"types": []}, {"types": "PER"},
        {"types": ["PER", 3]}, {"types": ["PER", "PER"]}, {"types": None}, {"outside": 1},
        {"outside": None}, {"characters": "yes"}, {"joiner": "-"}, {"joiner": None},
        {"types": [""], "scheme": "none"}, {"joiner": " ", "characters": True},
    ],
)  # fmt: skip
def test_a_folder_with_wrong_facts_is_refused(tmp_path, wrong):
    untrained().save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    changed = config["facts"] | wrong
    config["facts"] = {name: value for name, value in changed.items() if value is not None}
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match=r"config\.json does not describe a Tagger: .+ must"):
        Tagger.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("encoder", "lie"),
    [
        ("dgcnn", {"units": 10**9}),
        ("dgcnn", {"dim": 10**9}),
        ("dgcnn", {"dilations": [1] * 10**6}),
        ("bilstm", {"units": 10**5}),
        ("bilstm", {"dim": 10**5}),
    ],
)
def test_a_folder_whose_network_is_larger_than_its_weights_is_not_built(
    tmp_path, monkeypatch, encoder, lie
):
    untrained().save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["settings"] |= lie | {"encoder": encoder}
    path.write_text(json.dumps(config), "utf-8")
    monkeypatch.setattr(Tagger, "build", lambda _: pytest.fail("the network was built"))
    with pytest.raises(InputError, match=r"weights\.safetensors must hold at least"):
        Tagger.load(tmp_path / "model")


@pytest.mark.parametrize("encoder", ["dgcnn", "bilstm"])
@pytest.mark.parametrize("sizes", [(4, 4), (5, 7), (16, 3)])
def test_a_network_has_the_least_weights_that_are_expected(encoder, sizes):
    settings = TaggerSettings(
        encoder=encoder, head="softmax", dim=sizes[0], units=sizes[1], dilations=(1, 2)
    )
    words = Vocabulary(["北京"], np.array([1]))
    vectors = WordVectors(words, np.ones((1, 5), np.float32))
    vectors.tokenizer = Tokenizer("word")
    model = Tagger.make(Encoder.make(["他来"], [vectors]), settings, FACTS, 0)
    held = sum(int(np.prod(v.shape)) for v in model.trainer.weights)
    least = Tagger.least_weights(model.encoder, settings)
    assert held / 8 < least <= held


IN_A_FRESH_PROCESS = """
import json, sys
import keras, numpy as np
import textzero.models
folder, file, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = textzero.models.load_model(folder)
network = keras.models.load_model(file)
rows = []
for text in texts:
    inputs = {name: ids[None] for name, ids in model.encoder.encode(text).inputs.items()}
    found = network.predict(inputs, verbose=0)
    rows.append(np.asarray(found[0] if isinstance(found, list) else found)[0].tolist())
found = [[(e.start, e.end, e.type, e.score) for e in row] for row in model.predict(texts)]
print(json.dumps([type(model).__name__, found, rows]))
"""


@pytest.mark.parametrize(
    ("encoder", "head"), [("dgcnn", "crf"), ("bilstm", "bimemm"), ("dgcnn", "softmax")]
)
def test_folder_and_keras_file_say_the_same_in_a_fresh_process(tmp_path, encoder, head):
    data = [("张三在北京", ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"])] * 8
    rows = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    vectors = WordVectors(Vocabulary(["北京", "张三", "上海"], np.array([3, 2, 1])), rows)
    vectors.tokenizer = Tokenizer(Segmenter(Lexicon(["北京", "张三", "上海"], [3, 2, 1])))
    settings = TaggerSettings(
        dim=16, units=12, dilations=(1, 2), encoder=encoder, head=head, min_count=1, dropout=0.0
    )
    options = FitOptions(epochs=6, batch_size=8, learning_rate=0.03, ema=0.5, warmup=0.1)
    model = Tagger.train(data, data[:2], [vectors], settings, options)
    model.save(tmp_path / "model")
    model.export(tmp_path / "model.keras")
    texts = ["张三在北京", "三张 北京在", "上海"]
    run = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS, str(tmp_path / "model"),
         str(tmp_path / "model.keras"), json.dumps(texts)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    kind, found, rows = json.loads(run.stdout.splitlines()[-1])
    expected = model.predict(texts)
    assert kind == "Tagger"
    assert any(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert [tuple(one[:3]) for one in row] == [(e.start, e.end, e.type) for e in wanted]
        for one, entity in zip(row, wanted, strict=True):
            assert one[3] == (None if head != "crf" else pytest.approx(entity.score, abs=1e-6))
    for row, text in zip(rows, texts, strict=True):
        tags = model.predict_tags([list("".join(text.split()))])[0]
        if " " not in text:  # with the space other words cover the characters
            assert [model.tags[place] for place in row] == tags
