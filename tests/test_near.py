"""What somebody meant: near names, and files spelt nearly alike."""

import random
import time

import pytest

from textzero.near import did_you_mean, near_path, nearest


@pytest.mark.parametrize(
    "name, names, meant",
    [
        ("recieve", ["believed", "receive"], "receive"),  # two letters that changed places
        ("Paris", ["pairs", "paris"], "paris"),
        ("ＡＢＣ", ["abd", "abc"], "abc"),
        ("北京京", ["南京", "北京"], "北京"),
        ("--min-cuont", ["--include", "--min-count"], "--min-count"),
        ("word2vec-bin", ["word2vec", "word2vec-binary"], "word2vec-binary"),
        ("cats", ["cat", "cars"], "cat"),  # of equals the first
        ("cats", ["cars", "cat"], "cars"),
        ("ab", ["xy", "a", "yb"], None),  # half of it would be wrong
        ("a", ["b"], None),
        ("A", ["b", "a"], "a"),
        ("", ["a"], None),
        ("zzz", [], None),
        ("internationalisatoin", ["internationalization"], "internationalization"),
    ],
)
def test_the_nearest_is_found(name, names, meant):
    assert nearest(name, names) == meant
    assert did_you_mean(name, names) == (f": did you mean {meant!r}?" if meant else "")


def slips(name, generator):
    """A name with one slip."""
    at, kind = generator.randrange(len(name) - 1), generator.randrange(4)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + "q" + name[at:]
    if kind == 2:
        return name[:at] + "q" + name[at + 1 :]
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def test_no_slip_is_missed_by_what_makes_it_quick():
    generator = random.Random(0)
    letters = "abcdefghijklmnop"
    for _ in range(2000):
        name = "".join(generator.choices(letters, k=generator.randint(3, 15)))
        wrong = slips(name, generator)
        if 5 <= 2 * len(wrong) and len(wrong) > 1:
            assert nearest(wrong, ["zzzzzzzzzzzz", name]) == name, (wrong, name)


def test_a_hundred_thousand_words_take_no_time_that_a_person_feels():
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefghij", k=generator.randint(3, 12)))
             for _ in range(100_000)]  # fmt: skip
    begun = time.process_time()
    nearest("recieve", words)
    assert time.process_time() - begun < 1


def test_a_missing_path_has_a_near_one(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "reviews.txt").write_text("a")
    (tmp_path / "counts.tsv").write_text("a")
    near = {
        "texts/reveiws.txt": "texts/reviews.txt",
        "txets/reviews.txt": "texts/reviews.txt",
        "txets/other.txt": "texts",
        "counts": "counts.tsv",
        "counts.txt": "counts.tsv",
        "Counts.tsv": "counts.tsv",
    }
    for wrong, right in near.items():
        assert near_path(str(tmp_path / wrong)) == str(tmp_path / right)
    assert near_path(str(tmp_path / "nothing like it")) is None


def test_what_all_names_begin_with_makes_none_nearer():
    names = ["--top", "--min-count"]
    assert did_you_mean("--nope", names) and not did_you_mean("--nope", names, "--")
    assert did_you_mean("--tpo", names, "--") == ": did you mean '--top'?"
