import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary
from textzero_cli.main import main

WORDS = ["北京", "cat", "上海", "dog", "广州", "cow", "odd"]


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="textzero")


@pytest.fixture
def vectors(tmp_path):
    """Three cities, three animals and a word unlike any, in three directions."""
    near = np.array([[9, 1, 0], [9, 0, 1], [9, 1, 1]], np.float32)
    rows = np.stack([near, near[:, [1, 0, 2]]], axis=1).reshape(6, 3)
    rows = np.vstack([rows, [[0, 0, 1]]]).astype(np.float32)
    WordVectors(Vocabulary(WORDS, np.arange(7, 0, -1)), rows).save(tmp_path / "v")
    return tmp_path / "v"


def test_the_top_clusters_are_printed(vectors):
    result = invoke("cluster", vectors)
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [(name, size, flow) for name, size, flow, _ in rows] == [
        ("0", "3", "0.5000"), ("1", "3", "0.5000"),
    ]  # fmt: skip
    assert {frozenset(words.split()) for *_, words in rows} == {
        frozenset(WORDS[0:6:2]), frozenset(WORDS[1:6:2]),
    }  # fmt: skip
    # worked out in the test of JSON
    assert re.search("found +6 words in 2 clusters\\ncode +2.05", result.stderr)
    assert "1 of 7 words, none of which has a cosine of 0.5 or more" in result.stderr


def test_how_much_is_printed(vectors):
    result = invoke("cluster", vectors, "--top", 1, "-n", 2, "-q")
    (line,) = result.stdout.splitlines()
    assert line.startswith("0\t3\t") and len(line.split("\t")[3].split()) == 2
    assert result.stderr == ""


def test_a_table_is_written(vectors, tmp_path):
    table = tmp_path / "clusters.tsv"
    result = invoke("cluster", vectors, "-o", table)
    assert result.exit_code == 0 and result.stdout.count("\n") == 2
    written = table.read_bytes()
    assert written.decode("utf-8").splitlines()[-1] == "odd\t-1\t0"
    assert sorted(line.split("\t")[0] for line in written.decode("utf-8").splitlines()) == sorted(
        WORDS
    )
    again = invoke("cluster", vectors, "-o", table)
    assert again.exit_code == 5 and again.stdout == "" and "--force" in again.stderr
    assert invoke("cluster", vectors, "-o", table, "--force", "--workers", 7).exit_code == 0
    assert table.read_bytes() == written
    piped = invoke("cluster", vectors, "-o", "-")
    assert piped.stdout_bytes == written


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_the_device_reaches_the_search(vectors, monkeypatch, device):
    seen, cluster = [], WordVectors.cluster

    def watched(self, **settings):
        seen.append(settings["device"])
        return cluster(self, **settings)

    monkeypatch.setattr(WordVectors, "cluster", watched)
    result = invoke("cluster", vectors, "--device", device)
    assert result.exit_code == 0 and seen == [device]
    assert result.stdout == invoke("cluster", vectors).stdout


def test_json_holds_everything(vectors):
    result = invoke("cluster", vectors, "--json", "--top", 1)
    found = json.loads(result.stdout)
    assert set(found) == {"clusters", "code_length", "links", "one_cluster", "unclustered"}
    assert found["unclustered"] == ["odd"] and found["links"] == 12
    assert [len(cluster["words"]) for cluster in found["clusters"]] == [3, 3]
    assert sum(cluster["flow"] for cluster in found["clusters"]) == pytest.approx(1)
    # two modules of three even words, left with probability 0.15 / 2: SYSTEMS B.7 by hand
    q, p = 0.075 / 2, 1 / 6
    part = q + 3 * p
    book = -(q * np.log2(q / part) + 3 * p * np.log2(p / part))
    assert found["code_length"] == pytest.approx(2 * q + 2 * book, abs=1e-3)
    assert found["one_cluster"] == pytest.approx(np.log2(6), abs=1e-3)


def test_settings_reach_the_search(vectors):
    few = json.loads(invoke("cluster", vectors, "--json", "--words", 4, "-q").stdout)
    assert sorted(w for c in few["clusters"] for w in c["words"]) == sorted(WORDS[:4])
    sparse = json.loads(invoke("cluster", vectors, "--json", "--neighbours", 1).stdout)
    assert sparse["links"] == 6
    strict = invoke("cluster", vectors, "--min-similarity", 1)
    assert strict.exit_code == 3 and "lower --min-similarity" in strict.stderr
    still = json.loads(invoke("cluster", vectors, "--json", "--teleportation", 0.5).stdout)
    walk = json.loads(invoke("cluster", vectors, "--json").stdout)
    assert still["code_length"] > walk["code_length"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--json", "-o", "-"], "choose one"),
        (["--min-similarity", "1.5"], "--min-similarity"),
        (["--teleportation", "1"], "--teleportation"),
        (["--trials", "0"], "--trials"),
        (["--words", "1"], "--words"),
        (["--device", "tpu"], "--device"),
    ],
)
def test_wrong_options_are_refused(vectors, arguments, message):
    result = invoke("cluster", vectors, *arguments)
    assert result.exit_code == 2 and result.stdout == "" and message in result.stderr


def test_vectors_that_are_not_there(tmp_path):
    result = invoke("cluster", tmp_path / "none")
    assert result.exit_code == 3 and "Traceback" not in result.stderr


def test_embed_takes_a_dimension_or_auto(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the cat saw the dog\nthe dog saw a cat\n" * 3, encoding="utf-8")
    result = invoke("embed", text, "-o", tmp_path / "v", "--dim", "auto", "--min-count", 1)
    assert result.exit_code == 0, result.output
    assert "5 vectors, dimension 16" in result.stderr  # 2 ln 5 = 3.2 < 0.24 * 16
    assert WordVectors.load(tmp_path / "v").dim == 16
    for wrong in ("0", "AUTO", "8.5", "-3"):
        refused = invoke("embed", text, "-o", tmp_path / "w", f"--dim={wrong}")
        assert refused.exit_code == 2 and "--dim" in refused.stderr
        assert f"a whole number from 1, or auto, got '{wrong}'" in " ".join(refused.stderr.split())
    shown = invoke("embed", "--help").stdout
    assert "--dim N|auto" in shown and "[default: 128]" in " ".join(shown.split())


def test_one_cluster_is_told_as_one(vectors):
    assert "7 words in 1 cluster\n" in invoke("cluster", vectors, "--min-similarity", 0).stderr
