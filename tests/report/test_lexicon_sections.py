"""What a report says of a lexicon, and that its examples are words of the text as it is cut."""

import gzip

import numpy as np
import pytest

from textzero.corpus import Corpus
from textzero.lexicon import Lexicon
from textzero.report.examples import find_examples
from textzero.report.lexicon import lexicon_sections

WORDS = {"北大": 5, "学生": 5, "大学": 3, "的": 9}


def scored(**more):
    scores = {"bits": np.array([9.0, 8.0, 7.0, np.nan]), "pmi": np.array([2.0, 1.5, 1.0, np.nan])}
    return Lexicon(list(WORDS), list(WORDS.values()), scores=scores, **more)


def marked(passage):
    return "".join(f"[{s.text}]" if s.mark == "here" else s.text for s in passage.spans)


def column(section, name):
    return next(c for c in section.blocks[0].columns if c.name == name)


def test_every_score_of_the_file_is_a_column():
    section = lexicon_sections(scored())[0]
    names = [c.name for c in section.blocks[0].columns]
    assert names == ["word", "count", "bits", "PMI", "ln p"]
    assert list(column(section, "bits").cells[:3]) == [9, 8, 7]
    assert column(section, "PMI").about
    assert "Those that save most bits come first." in section.about


def test_the_order_of_a_lexicon_is_told_as_it_is():
    known = Lexicon(["b", "a"], [9, 8], scores={"bits": np.array([np.nan, 5.0])})
    assert "The most frequent come first." in lexicon_sections(known)[0].about
    mixed = Lexicon(["b", "a"], [8, 9], scores={"bits": np.array([1.0, 5.0])})
    assert "first." not in lexicon_sections(mixed)[0].about


def test_a_lexicon_without_scores_has_no_empty_columns():
    section = lexicon_sections(Lexicon.from_counts(WORDS))[0]
    assert [c.name for c in section.blocks[0].columns] == ["word", "count", "ln p"]
    assert "bits" not in section.about


def test_a_table_that_is_cut_says_so():
    section = lexicon_sections(scored(), words=2)[0]
    assert list(column(section, "word").cells) == ["北大", "学生"]
    assert section.about.startswith("The 2 first of 4 words.")


def test_dropped_candidates_stand_with_their_reasons():
    seen = {"occurrences": np.array([2.0, 30.0])}
    dropped = Lexicon(["大学生", "的学"], [0, 0], np.full(2, np.nan), seen,
                      reasons=["cut as 大学 | 生", "cut as 的 | 学"])  # fmt: skip
    sections = lexicon_sections(scored(dropped=dropped))
    section = next(s for s in sections if s.title == "Dropped candidates")
    assert list(column(section, "word").cells) == ["的学", "大学生"]  # the most frequent first
    assert list(column(section, "occurrences").cells) == [30, 2]
    assert column(section, "why it is no word").cells[0] == "cut as 的 | 学"
    facts = sections[-1].blocks[0].items
    assert facts["considered and dropped"] == 2 and facts["unit"] == "character"


def test_an_example_is_a_word_where_it_stands():
    first, second = "这是北大学生的书,他们今天都到学校来了", "这所大学的学生今天都到学校来了哦"
    corpus = Corpus.from_documents([first, second])
    examples = find_examples(Lexicon.from_counts(WORDS), corpus, list(WORDS))
    assert [marked(p) for p in examples.found["大学"]] == [second.replace("大学", "[大学]")]
    assert [marked(p) for p in examples.found["北大"]] == [first.replace("北大", "[北大]")]
    assert len(examples.found["学生"]) == 2


def test_a_word_has_few_examples_each_of_another_document():
    documents = [f"第{n}个学生和另一个学生今天一起到学校来" for n in "一二三四五"]
    examples = find_examples(Lexicon.from_counts(WORDS), Corpus.from_documents(documents), ["学生"])
    texts = [marked(p) for p in examples.found["学生"]]
    assert texts == [d.replace("学生", "[学生]", 1) for d in documents[:3]]


def test_long_contexts_are_cut_and_say_so():
    text = "甲" * 40 + "学生" + "乙" * 40
    examples = find_examples(Lexicon.from_counts(WORDS), Corpus.from_documents([text]), ["学生"])
    (shown,) = map(marked, examples.found["学生"])
    assert shown == "…" + "甲" * 24 + "[学生]" + "乙" * 24 + "…"


def test_headings_give_way_to_sentences():
    documents = ["学生", "第一个学生今天早上到学校里来上课了"]
    lexicon = Lexicon.from_counts(WORDS)
    examples = find_examples(lexicon, Corpus.from_documents(documents), ["学生"], each=1)
    assert [marked(p) for p in examples.found["学生"]] == ["第一个[学生]今天早上到学校里来上课了"]
    examples = find_examples(lexicon, Corpus.from_documents(documents[:1]), ["学生"])
    assert [marked(p) for p in examples.found["学生"]] == ["[学生]"]


def test_words_are_compared_as_the_lexicon_compares_them():
    lexicon = Lexicon.from_counts({"cat": 2}, lowercase=True, nfkc=True, unit="word")
    corpus = Corpus.from_documents(["One ＣＡＴ sat on the mat here", "A Cat and a dog were there"])
    examples = find_examples(lexicon, corpus, ["cat"])
    assert [marked(p) for p in examples.found["cat"]] == [
        "One [ＣＡＴ] sat on the mat here", "A [Cat] and a dog were there",
    ]  # fmt: skip


def test_no_more_of_a_corpus_is_read_than_was_allowed(tmp_path):
    path = tmp_path / "long.txt"
    line = "很长的一行文字,里面没有要找的那个词语\n"
    path.write_text(line * 60_000 + "最后一个学生今天早上到学校里来上课了\n", encoding="utf-8")
    lexicon, corpus = Lexicon.from_counts(WORDS), Corpus(path)
    examples = find_examples(lexicon, corpus, ["学生"], read=1 << 20)
    assert examples.read < 2 << 20 < corpus.size
    assert examples.found["学生"] == []
    assert "in stretches from all over it" in examples.said()
    assert find_examples(lexicon, corpus, ["学生"]).found["学生"]


def test_a_compressed_file_is_read_no_further_than_was_allowed(tmp_path):
    path = tmp_path / "long.txt.gz"
    text = "很长的一行文字,里面没有要找的那个词语\n" * 50_000 + "一个学生今天早上到学校里来\n"
    path.write_bytes(gzip.compress(text.encode(), 1))
    examples = find_examples(Lexicon.from_counts(WORDS), Corpus(path), ["学生"], read=1 << 20)
    assert examples.found["学生"] == [] and (1 << 20) < examples.read < 3 << 20


def test_examples_come_from_all_over_the_text(tmp_path):
    path = tmp_path / "parts.txt"
    blank = "很长的一行文字,里面没有要找的那个词语\n" * 20_000
    lines = [f"这是第{part}部分的学生今天早上到学校里来\n" * 5 for part in "一二三四"]
    path.write_text("".join(line + blank for line in lines), encoding="utf-8")
    found = find_examples(Lexicon.from_counts(WORDS), Corpus(path), ["学生"]).found["学生"]
    assert [marked(p)[3] for p in found] == ["一", "二", "三"]


def test_examples_open_below_the_rows_they_are_of():
    corpus = Corpus.from_documents(["这所大学的学生今天都到学校来了"])
    section = lexicon_sections(scored(), texts=corpus)[0]
    details = dict(zip(WORDS, section.blocks[0].details, strict=True))
    assert [len(details[word]) for word in WORDS] == [0, 1, 1, 1]
    assert "Examples of the first 4 words" in section.about
    assert "; 3 have some." in section.about
    assert "--texts" not in section.about


def test_coverage_goes_by_count_whatever_the_order_of_the_file():
    section = next(s for s in lexicon_sections(scored()) if s.title.startswith("Lengths"))
    coverage = section.blocks[1].lines[0]
    assert coverage.y == pytest.approx([9 / 22, 14 / 22, 19 / 22, 1.0])
    assert section.about.startswith("3 words have more than one character; the others make 40.9%")
