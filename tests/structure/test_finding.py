import os
import subprocess
import sys
import time
from itertools import product

import numpy as np
import pytest

import textzero
from textzero.errors import ResourceError
from textzero.parallel import ranges_of
from textzero.structure.finding import find_templates
from textzero.structure.matching import Matcher
from textzero.workspace import Workspace

ANIMALS = ["cat", "dog", "fly", "ant", "ape"]
NOUNS = ["pet", "joy", "pest", "friend", "gift"]


def split(text):
    return text.split()


def mixed(seed=0, n=400):
    """Sentences of two kinds, `the X is a X` and `what X do X like ?`, and noise."""
    rng = np.random.default_rng(seed)

    def noise(low, high):
        return " ".join(f"w{i}" for i in rng.zipf(1.3, rng.integers(low, high)) % 300)

    made = []
    for k in range(n):
        if k % 3 == 0:
            made.append(f"the {noise(1, 3)} is a {noise(1, 3)}")
        elif k % 3 == 1:
            made.append(f"what {noise(1, 3)} do {noise(1, 3)} like")
        else:
            made.append(noise(3, 9))
    return made


def names(found, kind="template"):
    return [str(t) for t in found if t.kind == kind]


def test_the_template_behind_sentences_is_found():
    found = find_templates([f"the {a} is a {b}" for a, b in product(ANIMALS, NOUNS)])
    assert names(found) == ["the X is a X"]
    template = found[0]
    assert template.count == template.used == 25
    assert template.fillers[0] == dict.fromkeys(ANIMALS, 5)
    assert list(template.fillers[1]) == sorted(NOUNS)  # ties: words in the order of counts


def test_templates_rise_out_of_noise():
    found = find_templates(mixed())
    assert names(found)[:2] == ["what X do X like", "the X is a X"]
    assert found[0].used + found[1].used >= 240
    assert found.settings["bits_saved"] > 1000
    assert all(t.bits > 0 and t.used > 0 for t in found if t.kind != "trivial")


def test_repeated_sentences_are_one_fixed_template():
    found = find_templates(["so it goes"] * 9 + ["once upon a time", "over and out again"] * 2)
    assert names(found, "fixed") == ["so it goes"]
    assert names(found) == []


def test_noise_has_no_templates():
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 30, 8)) for _ in range(500)]
    found = find_templates(texts)
    assert names(found) == names(found, "fixed") == []
    assert found.settings["bits_saved"] == 0


def test_words_between_placeholders_are_listed_apart():
    texts = [f"a{k} b{k} of c{k} d{k}" for k in range(40)] + ["of"]
    found = find_templates(texts)
    assert [(str(t), t.kind, t.count, t.bits) for t in found] == [("X of X", "trivial", 40, 0.0)]


def test_what_is_dropped_says_what_stands_in_its_place():
    found = find_templates([f"the {a} is a {b}" for a, b in product(ANIMALS, NOUNS)])
    reasons = {d.template: (d.count, d.reason) for d in found.dropped}
    assert reasons["X is a X"] == (25, "25 of its sentences: the X is a X")
    assert not set(reasons) & set(map(str, found))


def test_a_window_of_one_finds_phrases():
    texts = [f"x{k} y{k} New York z{k} u{k}" for k in range(20)]
    texts += [f"x{k} go y{k} home z{k}" for k in range(20)]
    assert names(find_templates(texts, window=1)) == ["X New York X"]
    assert "X go X home X" in names(find_templates(texts, window=2))


def test_counts_are_those_of_a_matcher_when_the_window_holds_the_sentence():
    texts = mixed()
    found = find_templates(texts, window=31, min_pmi=-20)
    sentences = [text.split() for text in texts]
    assert len(found) > 2
    for template in found:
        held = sum(bool(Matcher([template]).matches(words)) for words in sentences)
        assert template.count == held


def test_chinese_sentences_and_their_punctuation():
    things = ["天", "地", "人", "山", "水", "火"]
    text = "".join(f"{a}的{b}是什么？" for a, b in product(things, things) if a != b)
    found = find_templates([text])
    assert names(found) == ["X 的 X 是 什 么"]
    assert found.settings["sentences"] == 30


@pytest.mark.parametrize("tokenizer", ["whitespace", split])
def test_any_number_of_workers_gives_the_same_bytes(tokenizer, tmp_path):
    texts = mixed(n=900)
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("\n".join(texts[number::4]), encoding="utf-8")
    corpus = textzero.Corpus(tmp_path)
    tables = []
    for workers in (1, 2, 7):
        found = find_templates(corpus, tokenizer=tokenizer, workers=workers)
        tables.append(("".join(found.lines()), found.dropped))
    assert tables[0] == tables[1] == tables[2]
    assert len(tables[0][0].splitlines()) > 4


def test_the_order_of_sentences_and_the_cut_of_blocks_do_not_matter(monkeypatch):
    texts = mixed()
    expected = list(find_templates(texts).lines())
    monkeypatch.setattr("textzero.structure.chains._BLOCK", 16)
    monkeypatch.setattr("textzero.structure.fillers._BLOCK", 5)
    assert list(find_templates(texts[::-1]).lines()) == expected


def test_memory_does_not_matter_and_temporary_files_are_gone(monkeypatch, tmp_path):
    texts = mixed()
    expected = list(find_templates(texts).lines())
    ranges = []

    def tiny(sizes, _):
        ranges.append(ranges_of(sizes, 100))
        return ranges[-1]

    monkeypatch.setattr("textzero.structure.chains.ranges_of", tiny)
    monkeypatch.setattr("textzero.discovery.arrays._SMALL", 64)
    with Workspace.temporary(tmp_path) as workspace:
        found = find_templates(texts, memory="300MB", workspace=workspace)
    assert len(ranges[0]) > 3
    assert list(found.lines()) == expected
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["chains", "sentences"])
def test_what_does_not_fit_is_refused_and_the_memory_that_would_do_is_named(monkeypatch, what):
    size = {"chains": "_CHAIN", "sentences": "_WORD"}[what]
    monkeypatch.setattr(f"textzero.structure.{what}.{size}", 1 << 26)
    with pytest.raises(ResourceError, match=r"must be in memory.* --memory [0-9]+MB, or"):
        find_templates(mixed(), memory="300MB")


def test_the_hash_seed_does_not_matter(tmp_path):
    (tmp_path / "t.txt").write_text("\n".join(mixed()), encoding="utf-8")
    script = (
        "import sys, textzero; "
        "found = textzero.find_templates(textzero.Corpus(sys.argv[1]), tokenizer=str.split); "
        "sys.stdout.write(''.join(found.lines()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "t.txt")],
            capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(outputs) == 1


def test_an_empty_corpus_has_no_templates():
    found = find_templates(["", " "])
    assert len(found) == 0 and found.settings["tokens"] == 0 and found.settings["bits_saved"] == 0


def test_words_that_are_placeholders_in_the_file_stay_words(tmp_path):
    texts = [f"X {a} \\X {b}" for a, b in product(ANIMALS, NOUNS)]
    found = find_templates(texts, tokenizer="whitespace")
    assert [t.items for t in found if t.kind == "template"] == [("X", None, "\\X", None)]
    found.save(tmp_path / "t.tsv")
    assert list(textzero.Templates.load(tmp_path / "t.tsv")) == list(found)


@pytest.mark.parametrize(
    "settings",
    [
        {"window": 0}, {"window": 32}, {"min_count": 0}, {"max_words": 0}, {"beam": 0},
        {"n_fillers": -1}, {"min_pmi": float("nan")}, {"workers": 0}, {"min_pmi": 101},
        {"min_pmi": -1000},
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        find_templates(["a b"], **settings)


def test_no_template_is_used_more_often_than_it_is_held():
    found = find_templates(mixed(n=900), tokenizer="char", beam=2, min_count=3)
    assert len(found) > 5 and all(t.used <= t.count for t in found)


def test_fillers_can_be_left_out():
    found = find_templates([f"the {a} is a {b}" for a, b in product(ANIMALS, NOUNS)], n_fillers=0)
    assert found[0].fillers == ({}, {})


def test_a_dense_sentence_takes_less_than_a_second():
    rng = np.random.default_rng(0)
    text = " ".join(f"w{i}" for i in rng.integers(0, 20, 200))
    find_templates(["a b", "a b"], min_count=1)  # compiles
    begun = time.process_time()
    find_templates([text], min_count=1, min_pmi=-20)
    assert time.process_time() - begun < 1


def test_real_questions(data):
    import json

    path = data / "reading" / "webqa" / "webqa_validation_200.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = find_templates([" ".join(r["question_tokens"]) for r in rows], tokenizer="whitespace")
    assert {"X 是 谁", "X 被 称 为 X", "世界 上 最 X 的 X"} <= set(names(found))


def test_a_month_of_a_newspaper(data):
    path = data / "segmentation" / "people_daily_199801_gold.utf8"
    found = find_templates(textzero.Corpus(path), tokenizer="whitespace")
    assert {"本报 讯 X", "（ 新华社 记者 X 摄 ）", "X （ 附 图片 １ 张 ）"} <= set(names(found))
    assert all(t.bits > 0 and 0 < t.used <= t.count for t in found if t.kind != "trivial")


def test_the_widest_mutual_information_is_taken():
    texts = [f"the {a} is a {b}" for a, b in product(ANIMALS, NOUNS)]
    assert names(find_templates(texts, min_pmi=-100)) == ["the X is a X"]
    assert all(t.words == 1 for t in find_templates(texts, min_pmi=100))


def test_a_template_too_long_for_a_table_is_dropped(tmp_path):
    long = "w" * 600_000
    texts = [f"{long} {a} {long} {b}" for a, b in product(ANIMALS, NOUNS)]
    found = find_templates(texts + ["so it goes"] * 30, tokenizer="whitespace")
    assert names(found, "fixed") == ["so it goes"] and names(found) == []
    assert [len(d.template) for d in found.dropped if "longer than can be read" in d.reason] == [
        len(f"{long} X {long} X")
    ]
    found.save(tmp_path / "t.tsv")
    assert list(textzero.Templates.load(tmp_path / "t.tsv")) == list(found)


def test_a_template_of_the_most_words_can_be_read_again(tmp_path):
    words = [f"w{k}" for k in range(64)]
    texts = [f"{a} " + " ".join(f"{w} {a}" for w in words) for a in "abcdefgh"]
    found = find_templates(texts, max_words=64, window=2, min_count=2)
    assert max(t.words for t in found) == 64 and max(len(t.items) for t in found) == 129
    found.save(tmp_path / "t.tsv")
    assert list(textzero.Templates.load(tmp_path / "t.tsv")) == list(found)


def test_where_templates_save_nothing_together_the_dropped_list_says_so():
    random = np.random.default_rng(25)
    n, k = int(random.integers(20, 60)), int(random.integers(3, 12))
    p = 1 / np.arange(1, k + 1)
    texts = [
        " ".join(f"w{i}" for i in random.choice(k, random.integers(2, 6), p=p / p.sum()))
        for _ in range(n)
    ]
    found = find_templates(texts, min_count=2)
    assert found.settings["bits_saved"] == 0 and all(t.kind == "trivial" for t in found)
    assert found.dropped[0].reason == "20 of its sentences: all templates together save nothing"
