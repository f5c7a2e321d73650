import gzip
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from textzero.counting import count_words
from textzero.errors import InputError, ResourceError
from textzero.lexicon import Lexicon
from textzero.packed import PackedStrings

WORD = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
NUMBER = st.floats(-1e6, 1e6) | st.just(math.nan)
ROOT = Path(__file__).parents[1]
HEAD = '# {"lowercase": false, "nfkc": false, "unit": "character"}\n'
NAMES = "word\tcount\tlog_probability\treason\n"


def lexicon(**more):
    return Lexicon(["北京", "大学"], [3, 1], **more)


def same(a, b):
    """Whether two lexicons hold the same, NaN equal to NaN."""
    assert list(a.words) == list(b.words)
    assert a.counts.tolist() == b.counts.tolist()
    np.testing.assert_array_equal(a.log_probabilities, b.log_probabilities)
    assert a.scores.keys() == b.scores.keys()
    assert (a.reasons, a.settings) == (b.reasons, b.settings)
    if a.dropped or b.dropped:
        same(a.dropped, b.dropped)


def test_a_lexicon_is_a_mapping_of_words_to_counts():
    held = lexicon()
    assert dict(held) == {"北京": 3, "大学": 1}
    assert ("北京" in held, "京" in held, len(held)) == (True, False, 2)
    assert repr(held) == "Lexicon({'北京': 3, '大学': 1}, 2 words)"


def test_a_probability_is_the_share_of_the_count():
    np.testing.assert_allclose(lexicon().log_probabilities, np.log([0.75, 0.25]), atol=1e-7)
    none = Lexicon(["a", "b"], [0, 10]).log_probabilities
    np.testing.assert_allclose(none, np.log([0.05, 1.0]), atol=1e-7)
    assert Lexicon([], []).log_probabilities.size == 0


def test_the_file_by_hand(tmp_path):
    dropped = Lexicon(["京大"], [2], [math.nan], {"pmi": [0.123456789]}, reasons=["weak: 0.1"])
    held = lexicon(scores={"pmi": [4.5, math.nan]}, dropped=dropped, settings={"method": "x"})
    held.save(tmp_path / "lexicon.tsv")
    assert (tmp_path / "lexicon.tsv").read_text(encoding="utf-8") == (
        '# {"lowercase": false, "method": "x", "nfkc": false, "unit": "character"}\n'
        "word\tcount\tlog_probability\tpmi\treason\n"
        "北京\t3\t-0.2876821\t4.5\t\n"
        "大学\t1\t-1.3862944\t\t\n"
        "京大\t2\t\t0.123457\tweak: 0.1\n"
    )
    assert dict(Lexicon.load(tmp_path / "lexicon.tsv")) == dict(held)
    assert Lexicon.load(tmp_path / "lexicon.tsv").dropped.reasons == ["weak: 0.1"]


@given(
    words=st.lists(WORD, unique=True, max_size=8),
    data=st.data(),
    unit=st.sampled_from(["character", "letter", "word"]),
)
def test_what_is_loaded_is_what_was_saved_and_saves_the_same_bytes(
    tmp_path_factory, words, data, unit
):
    def columns(n):
        counts = data.draw(st.lists(st.integers(0, 2**62), min_size=n, max_size=n))
        logs = data.draw(st.lists(st.floats(-400, 400), min_size=n, max_size=n))
        scores = data.draw(st.lists(NUMBER, min_size=n, max_size=n))
        return counts, np.array(logs), {"left entropy": np.array(scores)}

    cut = data.draw(st.integers(0, len(words)))
    dropped = None
    if cut < len(words):
        reasons = [f"because {i}" for i in range(len(words) - cut)]
        dropped = Lexicon(
            words[cut:], *columns(len(words) - cut), reasons=reasons, settings={"unit": unit}
        )
    held = Lexicon(words[:cut], *columns(cut), dropped=dropped, settings={"unit": unit})
    path = tmp_path_factory.mktemp("lexicon") / "lexicon.tsv"
    held.save(path)
    loaded = Lexicon.load(path)
    same(loaded, held)
    assert loaded.digest() == held.digest()
    assert b"".join(loaded.formatted()) == path.read_bytes()


def test_the_digest_tells_what_decides_the_segmentation():
    digests = {
        lexicon().digest(),
        lexicon(settings={"unit": "word"}).digest(),
        lexicon(settings={"lowercase": True}).digest(),
        Lexicon(["北京", "大学"], [3, 1], [-1.0, -2.0]).digest(),
        Lexicon(["北", "京大学"], [3, 1]).digest(),
    }
    assert len(digests) == 5
    assert lexicon(settings={"method": "x"}).digest() == lexicon().digest()


@pytest.mark.parametrize(
    ("content", "expected", "unit"),
    [
        ("北京 300 ns\n大学 20 n\n卡拉 OK 3 n\n", {"北京": 300, "大学": 20, "卡拉 OK": 3}, "word"),
        ("B超 3 n\nB超 5 n\n", {"B超": 5}, "character"),
        ("北京 300\n大学 20\n", {"北京": 300, "大学": 20}, "character"),
        ("北京\r\n大学\r\n\r\n北京\r\n", {"北京": 1, "大学": 1}, "character"),
        ("\ufeffnew york\nnew\n", {"new york": 1, "new": 1}, "word"),
        ("北京\t3\n大学\t1\n", {"北京": 3, "大学": 1}, "character"),
        ("北京\t3\t2\n", {"北京": 3}, "character"),
        ("", {}, "character"),
        ("windows 95\nnew york\nsan francisco\n", dict.fromkeys(
            ["windows 95", "new york", "san francisco"], 1), "word"),
        ("the words of 2024, a list made by hand for tests\nold\nnew\nodd\n", dict.fromkeys(
            ["the words of 2024, a list made by hand for tests", "old", "new", "odd"], 1), "word"),
        ("八仙过海，各显神通\n真的吗？\n", {"八仙过海，各显神通": 1, "真的吗？": 1}, "character"),
        (
            "first epistle of paul the apostle to the corinthians\n" * 2 + "a\nb\n" * 3,
            {"first epistle of paul the apostle to the corinthians": 1, "a": 1, "b": 1},
            "word",
        ),
    ],
)  # fmt: skip
def test_other_files_are_read(tmp_path, content, expected, unit):
    path = tmp_path / "words.txt"
    path.write_text(content, encoding="utf-8", newline="")
    held = Lexicon.load(path)
    assert dict(held) == expected
    assert held.settings["unit"] == unit


NAMES_OF_THINGS = {
    "diagnoses": [
        "Displaced fracture of medial condyle of right femur, initial encounter",
        "Other specified disorders of bone density and structure, unspecified site",
    ],
    "laws": [
        "Regulation (EU) 2016/679 of the European Parliament and of the Council of 27 April 2016 "
        "on the protection of natural persons with regard to the processing of personal data, on "
        "the free movement of such data, and repealing Directive 95/46/EC",
        "全国人民代表大会常务委员会关于《中华人民共和国香港特别行政区基本法》第一百零四条的解释",
    ],
    "proverbs": [
        "A bird in the hand is worth two in the bush.",
        "Early to bed and early to rise makes a man healthy, wealthy and wise.",
        "路遥知马力，日久见人心。", "三个臭皮匠，顶个诸葛亮！",
    ],
    "people": ["Prof. Dr. John A. Smith", "Mrs. Doubtfire", "Dr. Martin Luther King Jr."],
    "companies": ["Yahoo! Inc.", "Exxon Mobil Corp.", "Bank of China Co., Ltd. (The)"],
    "films": ["Mamma Mia! Here We Go Again", "Who Framed Roger Rabbit?", "爸爸去哪儿？第二季"],
    "substances": ["(2R,3S,4R,5R)-2,3,4,5,6-pentahydroxyhexanal", "sodium chloride"],
    "addresses": ["https://example.org/a?b=1.2&c=!", "www.example.org"],
    "products": ["iphone 15", "galaxy 24", "windows 11", "windows server", "new york"],
    "a list with its licence": [
        *["# These words may be used by all. Nobody is liable for what comes of their use."] * 9,
        "word",
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES_OF_THINGS)
def test_lists_of_long_names_are_read(tmp_path, kind):
    lines = dict.fromkeys(NAMES_OF_THINGS[kind], 1)
    path = tmp_path / "words.txt"
    path.write_text("\n".join(NAMES_OF_THINGS[kind]), encoding="utf-8")
    assert dict(Lexicon.load(path)) == lines


def test_jiebas_user_dictionary_may_have_words_with_a_tag_alone(tmp_path):
    path = tmp_path / "userdict.txt"
    path.write_text(
        "云计算 5\n李小福 2 nr\n台中\n凱特琳 nz\nEdu Trust认证 2000\n", encoding="utf-8"
    )
    expected = {"云计算": 5, "李小福": 2, "台中": 1, "凱特琳": 1, "Edu Trust认证": 2000}
    assert dict(Lexicon.load(path)) == expected


def test_counts_files_are_lexicons(tmp_path):
    counts = count_words(["the cat saw the dog"])
    for name in ("counts.tsv", "counts.parquet", "counts.jsonl"):
        counts.save(tmp_path / name)
        assert dict(Lexicon.load(tmp_path / name)) == dict(counts)
    assert dict(Lexicon.from_counts(counts)) == dict(counts)


def test_a_compressed_lexicon_is_read(tmp_path):
    data = b"".join(lexicon().formatted())
    (tmp_path / "l.tsv.gz").write_bytes(gzip.compress(data))
    same(Lexicon.load(tmp_path / "l.tsv.gz"), lexicon())
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(data)[:-9])
    with pytest.raises(InputError, match=r"cut\.tsv\.gz is cut or corrupt"):
        Lexicon.load(tmp_path / "cut.tsv.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# {]\n", "bad:1: expected settings as JSON"),
        ("# {" * 3000, "bad:1: expected settings as JSON"),
        ('# {"unit": "syllable"}\n', "bad:1: .*unit must be one of character, letter, word"),
        ('# {"lowercase": 1}\n', "bad:1: .*lowercase must be true or false, got 1"),
        ("# {}\nword\tcount\n", "bad:2: expected the columns word, count"),
        (HEAD, "bad:2: expected the columns"),
        (HEAD + NAMES + "a\t1\t-1\t", "the last line has no end; the file is cut"),
        (HEAD + NAMES + "a\t1\t-1\t\nb\t1\n", "bad:4: expected 4 columns, got 2"),
        (HEAD + NAMES + "a\t1\t-1\t\na\t1\t-1\t\n", "bad:4: 'a' is there twice"),
        (HEAD + NAMES + "\t1\t-1\t\n", "bad:3: '' is empty"),
        (HEAD + NAMES + "a\x00\t1\t-1\t\n", "bad:3: .* has a control character"),
        (HEAD + NAMES + "a\t1.5\t-1\t\n", "bad:3: a count must be a whole number, got '1.5'"),
        (HEAD + NAMES + "a\t-1\t-1\t\n", "bad:3: a count must be a whole number"),
        (HEAD + NAMES + f"a\t{2**63}\t-1\t\n", "bad:3: a count must be a whole number"),
        (HEAD + NAMES + "a\t" + "9" * 5000 + "\t-1\t\n", "bad:3: a count must be a whole number"),
        (HEAD + NAMES + "a\t1\tx\t\n", "bad:3: expected numbers, got 'x'"),
        (HEAD + NAMES + "a\t1\tnan\t\n", "bad:3: log_probability must be between -400 and 400"),
        (HEAD + NAMES + "a\t1\t-1e9\t\n", "bad:3: log_probability must be between"),
        (HEAD + NAMES + "a\t1\t-1\tx\nb\t1\t-1\t\n", "bad:3: dropped words must follow all others"),
        ("北京 300 ns\n大学 3.5\n", "bad:2: expected \"word count tag\", got '大学 3.5'"),
        ("北京 300 ns\n大\x01学 1 n\n", "bad:2: .* has a control character"),
        ("北\x0b京\n", "bad:1: .* has a control character"),
        ("a\t1\nb\n", 'bad:2: expected "word<TAB>count"'),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "bad"
    path.write_text(content, encoding="utf-8", newline="")
    with pytest.raises(InputError, match=message):
        Lexicon.load(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (["# Title", "", "Call me Ishmael. Some years ago, never mind how long",
          "precisely, I had no money. There was nothing to keep me", "", "on shore"],
         "2 of its first 4 lines .* line 3, 'Call me Ishmael"),
        (["出汤要快，闷泡就苦涩，水温也不能太高。", "头一泡是洗茶。水要高冲，要倒掉它。"],
         "2 of its first 2 lines"),
        (["the dog saw the cat . it ran away at once"], "1 of its first 1 lines"),
        (["word " * 120], "1 of its first 1 lines"),
        (["word"] * 90 + ["A line of text that ends. Then it goes on"] * 10, "10 of its first 100"),
    ],
)  # fmt: skip
def test_a_text_is_no_lexicon(tmp_path, text, sentence):
    path = tmp_path / "README"
    path.write_text("\n".join([*text, ""]), encoding="utf-8")
    with pytest.raises(InputError, match=f"README must have one word or phrase a line.*{sentence}"):
        Lexicon.load(path)


def test_the_documents_of_this_project_are_no_lexicons():
    names = [
        "README.md",
        "CONTRIBUTING.md",
        "docs/cli.md",
        "docs/tutorial.zh.md",
        "docs/reliability.md",
    ]
    documents = [ROOT / name for name in names]
    for path in documents:
        with pytest.raises(InputError):
            Lexicon.load(path)


def scored():
    scores = {"bits": [30.5, 2.25, math.nan], "pmi": [4.0, 5.0, math.nan]}
    dropped = Lexicon(["京大"], [2], [math.nan], reasons=["cut as 京 | 大"])
    return Lexicon(["北京", "大学", "的"], [3, 1, 9], scores=scores, dropped=dropped)


@pytest.mark.parametrize(
    ("how", "words", "reasons"),
    [
        ({}, ["北京", "大学", "的"], []),
        ({"min_count": 2}, ["北京", "的"], ["found 1 time, below 2"]),
        ({"top": 1}, ["北京"], []),
        ({"min_scores": {"bits": 30.5}}, ["北京"], ["bits 2.25, below 30.5", "no bits"]),
        ({"min_scores": {"pmi": 4.5}}, ["大学"], ["pmi 4, below 4.5", "no pmi"]),
        ({"min_count": 2, "top": 1, "min_scores": {"bits": 1}}, ["北京"],
         ["found 1 time, below 2", "no bits"]),
    ],
)  # fmt: skip
def test_what_is_not_kept_is_dropped_with_the_reason(how, words, reasons, tmp_path):
    whole = scored()
    kept = whole.keep(**how)
    assert list(kept) == words
    assert list(kept.dropped.reasons) == ["cut as 京 | 大", *reasons]
    assert "top" in how or {*kept, *kept.dropped} == {*whole, "京大"}
    places = [list(whole).index(word) for word in words]
    assert_allclose(kept.log_probabilities, whole.log_probabilities[places])
    kept.save(tmp_path / "kept.tsv")
    again = Lexicon.load(tmp_path / "kept.tsv")
    assert dict(again) == dict(kept) and list(again.dropped) == list(kept.dropped)


def test_a_score_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="one of bits, pmi, got 'bit': did you mean 'bits'"):
        scored().keep(min_scores={"bit": 1})


def test_words_are_written_for_other_programs(tmp_path):
    held = Lexicon(["北京", "new york", "大学"], [3, 2, 1], settings={"unit": "word"})
    for form, content in (
        ("jieba", "北京 3\nnew york 2\n大学 1\n"),
        ("words", "北京\nnew york\n大学\n"),
    ):
        held.save(tmp_path / form, form)
        assert (tmp_path / form).read_text(encoding="utf-8") == content
        counts = dict(held) if form == "jieba" else dict.fromkeys(held, 1)
        assert dict(Lexicon.load(tmp_path / form)) == counts
    with pytest.raises(ValueError, match="format must be one of lexicon, jieba, words, got 'csv'"):
        held.save(tmp_path / "x", "csv")
    assert not (tmp_path / "x").exists()


def test_a_file_that_is_not_utf8_or_not_there_is_refused(tmp_path):
    (tmp_path / "l.txt").write_bytes("北京\n大学\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"l\.txt:1 is not UTF-8"):
        Lexicon.load(tmp_path / "l.txt")
    with pytest.raises(InputError, match=r"none cannot be read: No such file"):
        Lexicon.load(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        Lexicon.load(tmp_path)


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b"# {}\nword\tcount\tlog_probability\treason\n")
@example(b"a\t\n")
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    try:
        Lexicon.load(path)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("word", ["a\tb", "a\nb", "\x7f", ""])
def test_a_word_that_the_file_cannot_hold_is_refused(tmp_path, word):
    with pytest.raises(InputError, match="a lexicon cannot hold"):
        Lexicon([word], [1]).save(tmp_path / "l.tsv")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ResourceError, match="cannot be written"):
        lexicon().save(tmp_path / "none" / "l.tsv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"counts": [1]}, "counts must have one value for each of 2 words"),
        ({"log_probabilities": [-1.0]}, "log_probabilities must have one value"),
        ({"log_probabilities": [-1.0, math.nan]}, "between -400 and 400, got nan for 'b'"),
        ({"log_probabilities": [-401.0, -1.0]}, "between -400 and 400, got -401.0 for 'a'"),
        ({"scores": {"pmi": [1.0]}}, "pmi must have one value"),
        ({"scores": {"count": [1.0, 1.0]}}, "must have a name of its own, got 'count'"),
        ({"scores": {"a\tb": [1.0, 1.0]}}, "must have a name of its own"),
        ({"reasons": ["x"]}, "reasons must be one for each of 2 words, got 1"),
        ({"settings": {"unit": "byte"}}, "unit must be one of character, letter, word"),
    ],
)
def test_a_wrong_column_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Lexicon(**{"words": ["a", "b"], "counts": [1, 1], **arguments})


def test_a_large_lexicon_is_quick(tmp_path):
    words = [f"word{i}" for i in range(350_000)]
    held = Lexicon(words, np.arange(350_000))
    begun = time.process_time()
    held.save(tmp_path / "l.tsv")
    Lexicon.load(tmp_path / "l.tsv")
    assert time.process_time() - begun < 10  # about one second when nothing else runs


def test_huge_counts_do_not_overflow():
    logs = Lexicon(["a", "b", "c"], [2**62] * 3).log_probabilities
    assert_allclose(logs, [-math.log(3)] * 3, atol=1e-6)


@pytest.mark.parametrize("counts", [[0.9, 2.7], [-3, 5], [10**30, 1]])
def test_counts_must_be_whole_numbers(counts):
    with pytest.raises(ValueError, match="whole numbers"):
        Lexicon(["a", "b"], counts)


def test_a_user_dictionary_may_begin_with_a_word_alone(tmp_path):
    path = tmp_path / "user.txt"
    path.write_text("台中\n云计算 5\n创新办 3 i\n", encoding="utf-8")
    assert dict(Lexicon.load(path)) == {"台中": 1, "云计算": 5, "创新办": 3}


def test_json_lines_under_another_name_are_not_taken_for_words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text('{"word": "云计算", "count": 5}\n', encoding="utf-8")
    with pytest.raises(InputError, match="looks like JSON lines"):
        Lexicon.load(path)


def test_packed_columns_stay_packed_and_are_written_alike(tmp_path):
    """So that millions of dropped words cost what their bytes do, and less when they are mapped."""
    words, reasons = ["ab", "cd", "ef"], ["rare", "alone", "inside 'x'"]
    counts = np.memmap(tmp_path / "counts", np.int64, "w+", shape=3)
    counts[:] = [3, 2, 1]
    logs = np.full(3, np.nan)
    packed = PackedStrings.from_strings(reasons)
    lean = Lexicon(PackedStrings.from_strings(words), counts, logs, reasons=packed)
    plain = Lexicon(words, [3, 2, 1], logs, reasons=reasons)
    assert lean.reasons is packed
    assert np.shares_memory(lean.counts, counts)
    kept = Lexicon(["a"], [9])
    for name, dropped in (("lean", lean), ("plain", plain)):
        Lexicon(kept.words, kept.counts, dropped=dropped).save(tmp_path / name)
    assert (tmp_path / "lean").read_bytes() == (tmp_path / "plain").read_bytes()


@pytest.mark.parametrize("log", ["inf", "-inf", "nan", "1e999", "-401", "1_0", "\u0661"])
def test_a_logarithm_that_is_none_is_refused_with_its_line(tmp_path, log):
    head = "# {}\nword\tcount\tlog_probability\treason\n"
    (tmp_path / "a").write_text(f"{head}b\t1\t-1\t\nab\t3\t{log}\t\n", "utf-8")
    with pytest.raises(InputError, match="a:4: "):
        Lexicon.load(tmp_path / "a")
