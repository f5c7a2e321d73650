import inspect
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from time import sleep

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from textzero import workspace as workspaces
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.discovery import arrays, discover, journal, unit_shards
from textzero.discovery.discover import (
    METHODS,
    default_length,
    default_min_count,
    discover_words,
)
from textzero.discovery.units import read_units
from textzero.disk import Disk, replaced_disk
from textzero.engines import Processes
from textzero.errors import InputError, ResourceError
from textzero.lexicon import Lexicon
from textzero.segmentation_score import read_segmented, score_segmentation
from textzero.segmenter import Segmenter
from textzero.workspace import Stage, Workspace

SMALL = ["北京的天北京的地", "天地在北京", "地在北京的天"] * 20


def language(seed, words=3000, lexicon=60, letters=40):
    rng = np.random.default_rng(seed)
    alphabet, true = [chr(0x4E00 + k) for k in range(letters)], set()
    while len(true) < lexicon:
        true.add("".join(rng.choice(alphabet, rng.integers(1, 4))))
    drawn = [sorted(true)[k] for k in rng.integers(0, lexicon, words)]
    ends = np.cumsum(rng.integers(3, 15, words))
    texts = np.split(np.array(drawn, object), ends[ends < words])
    return [list(text) for text in texts]


def joined(sentences):
    return ["".join(words) for words in sentences]


def saved(lexicon, path):
    lexicon.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("seed", range(2))
def test_the_words_of_a_made_up_language_are_found(seed):
    sentences = language(seed)
    texts = joined(sentences)
    lexicon = discover_words(texts, workers=2)
    true = Counter(word for words in sentences for word in words if len(word) > 1)
    found = {word: count for word, count in lexicon.items() if len(word) > 1}
    both = true.keys() & found.keys()
    assert len(both) >= 0.95 * max(len(true), len(found))
    # counts are those of the cut text, not of the string
    assert sum(abs(found[word] - true[word]) < 0.1 * true[word] for word in both) > 0.9 * len(both)
    # measured: 0.995
    score = score_segmentation(sentences, Segmenter(lexicon).segment_batch(texts), lexicon)
    assert score.f1 > 0.98


@pytest.mark.parametrize("method", ["entropy", "cohesion"])
def test_the_other_methods_find_words_of_rare_characters(method):
    sentences = language(0, letters=400)
    lexicon = discover_words(joined(sentences), method=method, workers=2)
    true = {word for words in sentences for word in words if len(word) > 1}
    found = {word for word in lexicon if len(word) > 1}
    assert len(true & found) >= 0.85 * max(len(true), len(found))
    assert lexicon.settings["method"] == method


@pytest.mark.parametrize("method", METHODS)
def test_the_file_is_the_same_for_any_workers_and_splits(method, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    texts = joined(language(1, 2000))
    for k in range(3):
        (folder / f"{k}.txt").write_text("\n".join(texts[k::3]) + "\n", encoding="utf-8")
    first = saved(discover_words(Corpus(folder), method=method, workers=1), tmp_path / "a.tsv")
    for workers, size in ((2, 1000), (7, 64), (2, 1 << 20)):
        corpus = Corpus(folder)
        corpus.splits = lambda _=None, size=size: Corpus.splits(Corpus(folder), size)
        lexicon = discover_words(corpus, method=method, workers=workers)
        assert lexicon.reading.bytes == sum(path.stat().st_size for path in folder.iterdir())
        assert saved(lexicon, tmp_path / "b.tsv") == first


@pytest.fixture
def corpus(tmp_path):
    """A corpus in three files."""
    (tmp_path / "corpus").mkdir()
    texts = joined(language(2, 2000, letters=100))
    for k in range(3):
        text = "\n".join(texts[k::3]) + "\n"
        (tmp_path / "corpus" / f"{k}.txt").write_text(text, encoding="utf-8")
    return Corpus(tmp_path / "corpus")


@pytest.mark.parametrize("method", METHODS)
def test_the_file_is_the_same_for_any_memory(method, corpus, tmp_path, monkeypatch):
    expected = saved(discover_words(corpus, method=method, workers=2), tmp_path / "a.tsv")
    monkeypatch.setattr(discover, "BASE", (300 << 20) - 8)  # no room for arrays
    monkeypatch.setattr(arrays, "_SMALL", 64)
    mapped = []
    new = arrays.Arrays._mapped
    monkeypatch.setattr(
        arrays.Arrays, "_mapped", lambda self, *args: mapped.append(args) or new(self, *args)
    )
    with Workspace.temporary(tmp_path) as workspace:
        lexicon = discover_words(
            corpus, method=method, workers=2, memory="300MB", workspace=workspace
        )
        assert mapped and not list((workspace.folder / "scratch" / "discover").iterdir())
    assert saved(lexicon, tmp_path / "b.tsv") == expected


def test_a_small_disk_is_refused_before_the_corpus_is_read(tmp_path):
    class Small(Disk):
        def free(self, path):  # noqa: ARG002
            return 10**9 - 1

    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with (
        replaced_disk(Small()),
        pytest.raises(ResourceError, match=r"may take 1.0 GB in .*1000 MB"),
    ):
        discover_words(Corpus(path), memory="300MB")


def test_threads_that_ask_for_the_scratch_folder_at_once_get_one(tmp_path):
    class Slow(Disk):
        def make_folder(self, path, *, exist_ok=False):
            sleep(0.05)
            super().make_folder(path, exist_ok=exist_ok)

    with Workspace.temporary(tmp_path) as workspace, replaced_disk(Slow()):
        scratch = discover._Scratch(workspace, ExitStack())

        def write(number):
            (scratch() / str(number)).touch()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert len(list(scratch().iterdir())) == 4


class Broken(Exception):
    """A run that was broken off."""


@pytest.mark.parametrize(
    ("method", "unit", "entries"),
    [("unigram", "character", 20), ("unigram", "word", 20), ("cohesion", "character", 7)],
)
def test_a_run_that_is_broken_off_anywhere_goes_on_to_the_same_file(
    method, unit, entries, corpus, tmp_path, monkeypatch
):
    how = {"method": method, "unit": unit, "workers": 2}
    expected = saved(discover_words(corpus, **how), tmp_path / "a.tsv")
    monkeypatch.setattr(workspaces, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(journal, "SHARE", float("inf"))
    commit, done = Stage.commit, []

    def commit_and_break(stage, name, facts):
        if name in done:
            raise AssertionError(f"{name} was made again")
        commit(stage, name, facts)
        done.append(name)
        raise Broken

    monkeypatch.setattr(Stage, "commit", commit_and_break)
    output, breaks = tmp_path / "b.tsv", 0
    while not output.exists():
        try:
            with Workspace.beside(output) as workspace:
                found = discover_words(corpus, **how, workspace=workspace)
                found.save(output)
        except Broken:
            breaks += 1
            assert workspace.folder.is_dir()
    assert breaks == len(done) >= entries
    assert output.read_bytes() == expected
    assert found.reading.bytes == corpus.size
    assert not workspace.folder.exists()


def test_a_changed_corpus_starts_afresh_and_says_so(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(workspaces, "COMMIT_SECONDS", 0.0)
    said, output = [], tmp_path / "a.tsv"
    with pytest.raises(Broken), Workspace.beside(output) as workspace:
        discover_words(corpus, workers=1, workspace=workspace)
        raise Broken
    other = Corpus(tmp_path / "corpus" / "1.txt")
    with Workspace.beside(output, say=said.append) as workspace:
        again = discover_words(other, workers=1, workspace=workspace, seed=3)
    assert said == ["discover starts afresh: other inputs, seed than before"]
    assert saved(again, output) == saved(discover_words(other, seed=3), tmp_path / "b.tsv")


def test_a_run_with_another_first_cut_is_not_gone_on_with(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(workspaces, "COMMIT_SECONDS", 0.0)
    said, output = [], tmp_path / "a.tsv"
    with pytest.raises(Broken), Workspace.beside(output) as workspace:
        discover_words(corpus, unit="word", workers=1, workspace=workspace)
        raise Broken
    monkeypatch.setattr(discover, "MIN_PMI", 0.25)
    with Workspace.beside(output, say=said.append) as workspace:
        again = discover_words(corpus, unit="word", workers=1, workspace=workspace)
    assert said == ["discover starts afresh: other first cut than before"]
    assert saved(again, output) == saved(discover_words(corpus, unit="word"), tmp_path / "b.tsv")


def test_a_lexicon_with_its_scores_and_reasons_survives_a_file(tmp_path):
    lexicon = discover_words(joined(language(3, 1500)), min_count=5, workers=1)
    assert lexicon.dropped is not None and all(lexicon.dropped.reasons)
    assert list(lexicon.scores) == ["occurrences", "pmi", "left_entropy", "right_entropy", "bits"]
    lexicon.save(tmp_path / "a.tsv")
    again = Lexicon.load(tmp_path / "a.tsv")
    assert dict(again) == dict(lexicon)
    assert_array_equal(again.log_probabilities, lexicon.log_probabilities)
    assert again.settings == lexicon.settings
    assert again.dropped.reasons == lexicon.dropped.reasons
    assert min(lexicon.values()) >= 5
    # to seven decimals
    assert_allclose(np.exp(lexicon.log_probabilities).sum(), 1, 1e-6)


def test_settings_say_how_the_lexicon_was_made():
    lexicon = discover_words(["Aa １1 Bb aa 11"] * 9, unit="letter", lowercase=True, nfkc=False)
    chosen = {k: lexicon.settings[k] for k in ("unit", "lowercase", "nfkc", "seed", "method")}
    assert chosen == {
        "unit": "letter", "lowercase": True, "nfkc": False, "seed": 0, "method": "unigram"
    }  # fmt: skip
    assert "a" in lexicon and "A" not in lexicon and "１1" in lexicon


def test_seeds_are_kept_and_each_gives_words():
    texts = joined(language(4, 1500))
    first, second = (discover_words(texts, seed=seed, workers=1) for seed in (0, 1))
    assert (first.settings["seed"], second.settings["seed"]) == (0, 1)
    assert len(first.keys() & second.keys()) > 0.8 * len(first)


@pytest.mark.parametrize("min_count", [1, 2, 10])
@pytest.mark.parametrize("method", METHODS)
def test_rarer_words_are_no_words(method, min_count):
    if (method, min_count) == ("cohesion", 1):
        with pytest.raises(ValueError, match="min_count must be at least 2, got 1"):
            discover_words(SMALL, method=method, min_count=min_count)
        return
    lexicon = discover_words(joined(language(5, 800)), method=method, min_count=min_count)
    assert len(lexicon) and min(lexicon.values()) >= min_count


@pytest.mark.parametrize("max_length", [2, 3, 5])
@pytest.mark.parametrize("method", ["unigram", "entropy"])
def test_no_word_is_longer_than_it_may_be(method, max_length):
    texts = ["甲乙丙丁戊" + c for c in "己庚辛壬"] * 30
    lexicon = discover_words(texts, method=method, max_length=max_length)
    assert max(map(len, lexicon)) <= max_length


def test_letters_make_words_of_a_text_without_spaces():
    rng = np.random.default_rng(0)
    vocabulary = ["the", "cat", "dog", "sees", "hears", "one", "small", "fox", "under", "bush"]
    sentences = [list(rng.choice(vocabulary, rng.integers(4, 9))) for _ in range(500)]
    lexicon = discover_words(joined(sentences), unit="letter")
    assert {word for word in lexicon if len(word) > 1} >= set(vocabulary)
    score = score_segmentation(sentences, Segmenter(lexicon).segment_batch(joined(sentences)))
    assert score.f1 > 0.95


def test_words_make_phrases():
    rng = np.random.default_rng(0)
    parts = ["new york", "los angeles", *[f"w{k}" for k in range(20)]]
    texts = [" ".join(rng.choice(parts, rng.integers(4, 9))) for _ in range(400)]
    lexicon = discover_words(texts, unit="word")
    phrases = [word for word in lexicon if " " in word]
    assert set(phrases[:2]) == {"new york", "los angeles"}
    assert "york" not in lexicon


@pytest.mark.parametrize("seed", range(2))
def test_frequent_words_that_belong_together_are_a_phrase(seed):
    """Each of the two has four other neighbours for each time it has the other."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(3, 4003)
    texts = []
    for _ in range(3000):
        words = [f"w{k}" for k in rng.choice(4000, 10, p=shares / shares.sum())]
        for phrase, share in (("command", 0.08), ("line", 0.08), ("command line", 0.02)):
            if rng.random() < share:
                words.insert(rng.integers(0, 10), phrase)
        texts.append(" ".join(words))
    lexicon = discover_words(texts, unit="word", workers=2)
    assert lexicon.get("command line") == sum("command line" in text for text in texts)
    assert sum(" " in word for word in lexicon) < 30  # all others stand together by chance


# known words and domains


def test_known_words_and_single_characters_are_left_out(tmp_path):
    whole = discover_words(SMALL)
    assert "北京" in whole and "天" in whole
    known = Lexicon(["北京"], [1])
    known.save(tmp_path / "known.tsv")
    (tmp_path / "list.txt").write_text("北京\n", encoding="utf-8")
    for given in (known, str(tmp_path / "known.tsv"), tmp_path / "list.txt"):
        rest = discover_words(SMALL, known=given)
        assert "北京" not in rest
        assert {word: whole[word] for word in whole if len(word) > 1 and word != "北京"} == dict(
            rest
        )
        assert rest.settings == whole.settings


def test_words_of_the_domain_come_first():
    here, there = language(6, 2500, 40), language(7, 2500, 40)
    mixed = here + there[:60]
    lexicon = discover_words(joined(mixed), domain=joined(there), workers=2)
    scores = lexicon.scores["domain"]
    assert ((scores > 0) & (scores < 1)).all() and (np.diff(scores) <= 0).all()
    own = {word for words in here for word in words if len(word) > 1}
    other = {word for words in there for word in words if len(word) > 1}
    place = {word: k for k, word in enumerate(lexicon)}
    first = np.median([place[word] for word in own - other if word in place])
    last = np.median([place[word] for word in other - own if word in place])
    assert first < last - 10


def test_the_other_domain_is_counted_within_the_same_bound(monkeypatch):
    asked = []

    def counted(corpus, **how):
        asked.append(how["memory"])
        return count_words(corpus, **how)

    monkeypatch.setattr(discover, "count_words", counted)
    texts = ["北京的天北京的地", "天地在北京", "地在北京的天"] * 20
    discover_words(texts, domain=texts, memory="400MB", workers=1)
    assert asked == ["400MB"]


def test_the_domain_score_by_hand():
    shares = discover._Shares(np.array([6.0, 2.0]), np.array([0.0, 4.0]))
    # the other corpus, brought to 8 words, is 0 and 8; the mean of both is 8
    assert_allclose(shares.scores(), [(6 + 4) / (6 + 8), (2 + 4) / (10 + 8)])
    nothing = discover._Shares(np.array([6.0, 2.0]), np.zeros(2))
    assert_allclose(nothing.scores(), [(6 + 2) / (6 + 4), (2 + 2) / (2 + 4)])


# settings


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"method": "hmm"}, "method must be one of unigram, entropy, cohesion, got 'hmm'"),
        ({"unit": "byte"}, "unit must be one of character, letter, word, got 'byte'"),
        ({"min_pmi": 1.0}, "min_pmi is for method entropy or cohesion, got method 'unigram'"),
        (
            {"method": "cohesion", "min_probability": 0.1},
            "min_probability is for method entropy, got method 'cohesion'",
        ),
        ({"compatible": True}, "compatible is for method entropy, got method 'unigram'"),
        ({"max_length": 1}, "max_length must be from 2 to 16, got 1"),
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        (
            {"method": "entropy", "min_pmi": [1.0, 2.0]},
            r"min_pmi must be one number for method 'entropy', got \[1.0, 2.0\]",
        ),
    ],
)
def test_a_wrong_setting_is_named(chosen, sentence):
    with pytest.raises(ValueError, match=sentence):
        discover_words(SMALL, **chosen)


@pytest.mark.parametrize("texts", [[], [""], ["甲乙丙"]])
@pytest.mark.parametrize("method", METHODS)
def test_a_corpus_with_nothing_twice_is_refused(method, texts):
    with pytest.raises(InputError, match="twice"):
        discover_words(texts, method=method)


@pytest.mark.parametrize("texts", [["甲甲甲"], ["甲" * 300], ["甲", "甲"], ["甲乙"] * 2, ["a a"]])
@pytest.mark.parametrize("method", METHODS)
def test_a_tiny_corpus_is_no_error(method, texts, tmp_path):
    lexicon = discover_words(texts, method=method)
    first = saved(lexicon, tmp_path / "a.tsv")
    assert saved(Lexicon.load(tmp_path / "a.tsv"), tmp_path / "b.tsv") == first


def test_all_settings_are_named():
    parameters = inspect.signature(discover_words).parameters
    kinds = {name: p.kind for name, p in parameters.items() if name != "corpus"}
    assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}


def test_the_longest_words_follow_the_entropy_of_units():
    # 48 bits: 1 bit a unit would allow 48, 10 bits allow 5
    few = read_units(["甲乙" * 50], workers=1)
    assert default_length(few) == 12
    many = read_units(["".join(chr(0x4E00 + k) for k in range(1024))] * 2, workers=1)
    assert default_length(many) == 5
    more = read_units(["".join(chr(0x4E00 + k) for k in range(1 << 14))] * 2, workers=1)
    assert default_length(more) == 4


@pytest.mark.parametrize(
    ("size", "least"), [(2, 1), (10**5, 1), (10**6, 2), (10**7, 3), (3 * 10**7, 3), (10**8, 4)]
)
def test_large_corpora_need_more_frequent_words(size, least):
    units = read_units(["甲甲"], workers=1)
    units.counts = np.array([0, size])
    assert default_min_count(units) == least


@pytest.mark.data
@pytest.mark.parametrize(("more", "least"), [(False, 0.775), (True, 0.81)])
def test_words_of_the_pku_test(data, more, least):
    folder = data / "segmentation"
    gold = list(read_segmented(folder / "pku_test_gold.utf8"))
    texts = joined(gold)
    if more:
        texts += joined(read_segmented(folder / "people_daily_199801_gold.utf8"))
    lexicon = discover_words(texts, workers=2)
    score = score_segmentation(gold, Segmenter(lexicon).segment_batch(texts[: len(gold)]))
    assert score.f1 >= least


def test_a_lexicon_as_tokenizer_reads_what_the_segmenter_reads():
    """Characters fold one by one in both, so that no word of the lexicon gets lost on the way."""
    texts = ["ทำน้ำ ทำไมทำ", "か\u3099くせいか\u3099 １月ｶﾞｯｺｳ"] * 30
    segmenter = Segmenter(discover_words(texts))
    counted = count_words(texts, tokenizer=segmenter)
    expected = Counter(token for text in texts for token in segmenter(text))
    folds = segmenter._folds
    folded = Counter()
    for token, count in expected.items():
        folded["".join(chr(folds[ord(c)]) for c in token)] += count
    assert dict(counted) == dict(folded)
    assert any("ำ" in word for word in counted)


@pytest.mark.parametrize("known", [{"北京"}, ["北京"], {"北京": 1}, Lexicon(["北京"], [1])])
def test_known_words_may_be_any_strings(known):
    texts = [a + b + c for a in ("我们", "他们") for b in "在去来" for c in ("北京", "上海")] * 3
    assert "北京" in discover_words(texts)
    found = discover_words(texts, known=known)
    assert "上海" in found and "北京" not in found
    full = discover_words(["ＡＢ甲乙丙丁"] * 9, known=["ＡＢ"])
    assert "AB" not in full


def test_a_domain_that_holds_no_word_is_an_error():
    with pytest.raises(InputError, match="holds no word of this corpus"):
        discover_words(["甲乙丙甲乙"] * 9, domain=["xyz"])


def test_processes_read_the_same_units_and_go_on_where_they_were(corpus, tmp_path, monkeypatch):
    expected = saved(discover_words(corpus, workers=2), tmp_path / "a.tsv")
    monkeypatch.setattr(unit_shards, "_SHARD", 2000)
    corpus.splits = partial(Corpus.splits, corpus, 1000)
    engine, output, asked = Processes(2), tmp_path / "b.tsv", []
    run = engine.run
    monkeypatch.setattr(engine, "run", lambda work, tasks: asked.append(tasks) or run(work, tasks))
    with pytest.raises(Broken), Workspace.beside(output) as workspace:
        discover_words(corpus, engine=engine, workspace=workspace)
        next(workspace.folder.glob("discover-*/ids-0.json")).unlink()
        raise Broken
    assert [len(tasks) > 3 for tasks in asked] == [True, True]
    with Workspace.beside(output) as workspace:
        again = discover_words(corpus, engine=engine, workspace=workspace)
    assert len(asked) == 3 and len(asked[2]) == 1
    assert saved(again, output) == expected
    assert again.reading.bytes == corpus.size
