"""The demo: what it makes of a small folder, what it refuses, and that it goes on where it was."""

import json
import shutil
from itertools import product

import numpy as np
import pytest

from textzero.corpus import Corpus
from textzero.demo import labels, spaceless, texts, words
from textzero.demo.run import run_demo
from textzero.errors import InputError, OutputExistsError
from textzero.lexicon import Lexicon

PARTS = {
    "garden": (["gardener", "farmer", "child"], ["waters", "plants", "cuts"],
               ["roses", "beans", "grass"], ["in the morning", "behind the fence"]),
    "kitchen": (["cook", "baker", "guest"], ["boils", "bakes", "tastes"],
                ["soup", "bread", "noodles"], ["on the stove", "before the dinner"]),
}  # fmt: skip


def skipped(*_):
    return "models are not tested here"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sub-folders whose sentences have words of their own."""
    root = tmp_path_factory.mktemp("texts")
    draw = np.random.default_rng(0)
    for name, parts in PARTS.items():
        lines = [f"the {a} {b} the {c} {d}" for a, b, c, d in product(*parts)]
        lines += [f"{x} and then {y}" for x, y in zip(lines, reversed(lines), strict=True)]
        (root / name).mkdir()
        text = "\n".join(lines[i] for i in draw.permutation(len(lines)).tolist())
        (root / name / "lines.txt").write_text(text + "\n")
    (root / "picture.png").write_bytes(b"\x89PNG\0\0")
    return root


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    """A demo without a classifier, and what it said."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("first"))
        demo = run_demo(folder, "demo", models=skipped, workers=1, say=said.append)
        return demo, demo.report.resolve(), said


def test_every_step_leaves_its_file_and_says_what_it_found(made, folder):
    demo, report, said = made
    names = [name for name, *_ in demo.steps]
    assert names == ["texts", "count", "discover", "phrases", "embed", "cluster", "templates"]
    first, passed, *others = said
    assert [line.split()[0] for line in (first, *others)] == [*names, "classify"]
    assert (
        passed.split()
        == f"1 file was passed over (the first: {folder}/picture.png: not text)".split()
    )
    files = {path.name for path in report.parent.iterdir()}
    assert files == {
        *("counts.tsv", "letters", "phrases.tsv", "vectors", "clusters.tsv", "templates.tsv"),
        *("report.html", "manifest.json"),
    }
    manifest = json.loads((report.parent / "manifest.json").read_text())
    assert manifest["kind"] == "textzero demo 1" and manifest["seconds"]["all"] > 0
    assert any("picture.png: not text" in line for line in demo.losses)
    page = report.read_text("utf-8")
    for title in ("What was done", "Map of the words", "Words found without spaces", "Templates"):
        assert f">{title}</h2>" in page
    assert f"textzero count {folder} --exclude" in page
    command = f"textzero count {folder} --exclude '*.png' --lowercase -o counts.tsv"
    assert demo.steps[1][2] == command


def test_the_same_texts_give_the_same_page(made, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = run_demo(folder, "demo", models=skipped, workers=2)
    assert again.report.read_bytes() == made[1].read_bytes()


def test_a_run_that_was_broken_off_goes_on(made, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(folder, "demo", models=interrupted)
    assert not (tmp_path / "demo" / "report.html").exists()
    for name in ("count_words", "discover_words", "find_templates"):
        monkeypatch.setattr(f"textzero.demo.steps.{name}", None)  # would fail if it were called
    assert run_demo(folder, "demo", models=skipped).report.read_bytes() == made[1].read_bytes()
    assert not (tmp_path / "demo" / ".textzero").exists()


def test_a_run_whose_state_was_cleaned_away_begins_anew(made, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(folder, "demo", models=interrupted)
    shutil.rmtree(tmp_path / "demo" / ".textzero")  # as textzero clean does
    assert run_demo(folder, "demo", models=skipped).report.read_bytes() == made[1].read_bytes()
    (tmp_path / "mine" / "texts").mkdir(parents=True)  # named as the demo names its own
    with pytest.raises(OutputExistsError, match="did not make"):
        run_demo(folder, tmp_path / "mine", models=skipped)


def test_other_texts_begin_anew_in_a_folder_that_was_not_finished(folder, tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(folder, tmp_path / "demo", models=interrupted)
    before = (tmp_path / "demo" / "counts.tsv").read_bytes()
    said = []
    run_demo(folder / "garden", tmp_path / "demo", models=skipped, say=said.append)
    assert any("starts afresh" in line for line in said)
    assert (tmp_path / "demo" / "counts.tsv").read_bytes() != before


def test_a_folder_that_is_there_is_not_overwritten(made, folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "novel.txt").write_text("all my work")
    with pytest.raises(OutputExistsError, match="did not make"):
        run_demo(folder, tmp_path / "mine", force=True)
    shutil.copytree(made[1].parent, tmp_path / "demo")
    with pytest.raises(OutputExistsError, match=r"holds a demo already.*--force"):
        run_demo(folder, tmp_path / "demo")
    (tmp_path / "demo" / "note.txt").write_text("mine")
    (tmp_path / "demo" / "report.html").write_text("old")
    (tmp_path / "demo" / "classifier").mkdir()  # of a demo that had Keras
    run_demo(folder, tmp_path / "demo", models=skipped, force=True)
    assert (tmp_path / "demo" / "note.txt").read_text() == "mine"
    assert len((tmp_path / "demo" / "report.html").read_text("utf-8")) > 1000
    assert not (tmp_path / "demo" / "classifier").exists()


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no files in"),
        (b"a few words only", "holds 4 words, too few to learn from; name a folder with 1,000"),
        (b"\0\1\2", "no text files in .*x.txt: not text"),
        (b"", "no text files in"),
    ],
)
def test_too_little_text_is_one_sentence_and_leaves_nothing(tmp_path, content, message):
    (tmp_path / "in").mkdir()
    if content is not None:
        (tmp_path / "in" / "x.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        run_demo(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_chinese_is_cut_into_the_words_that_were_found(tmp_path):
    places = "北京 上海 广州 南京".split()
    lines = [a + b + c for a, b, c in product(("我们", "他们", "学生"), "在去来爱", places)]
    lines = ["，".join(pair) for pair in zip(lines, reversed(lines), strict=True)] * 4
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "a.txt").write_text("\n".join(lines), encoding="gb18030")
    demo = run_demo(tmp_path / "zh", tmp_path / "out", models=skipped)
    assert [name for name, *_ in demo.steps][:3] == ["texts", "discover", "count"]
    assert set(places) <= set(Lexicon.load(tmp_path / "out" / "lexicon.tsv"))
    assert 'lang="zh"' in demo.report.read_text("utf-8")
    assert [command.split()[1] for command in demo.next] == ["similar", "segment", "cluster"]


def test_words_with_marks_are_words():
    assert words.is_word("ที่") and words.is_word("नमस्ते") and words.is_word("graubünden")
    assert not any(map(words.is_word, ("", "。", "x2", "\u0e48", "a b")))


def test_a_table_without_texts_spoils_no_label(folder, tmp_path):
    root = tmp_path / "texts"
    shutil.copytree(folder, root)
    (root / "garden" / "table.csv").write_text("a,b\n1,2\n")
    found = labels.labels_of_folders(root, tmp_path / "out")
    assert found is not None and {label for _, label in found.train} == {"garden", "kitchen"}


def test_a_classifier_tells_the_sub_folders_apart(folder, tmp_path, monkeypatch):
    pytest.importorskip("keras")
    monkeypatch.chdir(tmp_path)
    demo = run_demo(folder, "demo")
    assert demo.steps[-1][0] == "classify"
    assert "2 sub-folders told apart: 100%" in demo.steps[-1][1]
    page = demo.report.read_text("utf-8")
    assert "words that push towards a label" in page and "towards kitchen" in page
    assert (tmp_path / "demo" / "labelled" / "train.tsv").read_text().startswith("label\ttext\n")


# --- its parts --------------------------------------------------------------------------------


def test_prose_is_docstrings_and_comments(tmp_path):
    source = '''#!/usr/bin/env python3
"""What it is.

A second
paragraph."""
NAMES = ["not this",
    "nor this"]  # but this

# two lines
# of one comment
def f():
    # above a docstring
    r"""Not \\z escaped."""
    return "no"
'''
    (tmp_path / "a.py").write_text(source)
    assert list(texts.prose(tmp_path / "a.py")) == [
        "What it is.", "A second paragraph.", "but this",
        "two lines of one comment", "above a docstring", r"Not \z escaped.",
    ]  # fmt: skip


def test_python_texts_are_a_file_a_package_and_say_a_thing_once(tmp_path):
    library = tmp_path / "lib"
    for name in ("one.py", "pack/a.py", "pack/b.py", "test/t.py", "site-packages/s.py"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(f'"""The module {name}."""\n# the licence of all\n')
    (library / "pack" / "broken.py").write_text("def (\n'''")
    found = texts.python_texts(library, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out" / "texts").rglob("*.txt")) == [
        "modules.txt", "pack.txt",
    ]  # fmt: skip
    assert list(found.corpus) == ["The module one.py.", "the licence of all",
                                  "The module pack/a.py.", "The module pack/b.py."]  # fmt: skip
    assert "3 modules of Python" in found.about and "pack/broken.py" in found.losses[0]


def test_more_text_than_is_read_is_sampled_from_all_over_it(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    lines = [f"line {i:05} of a long text" for i in range(20_000)]
    (tmp_path / "in" / "a.txt").write_text("\n".join(lines))
    monkeypatch.setattr(texts, "MOST", 50_000)
    monkeypatch.setattr(texts, "_STRETCH", 5_000)
    found = texts.limited(texts.folder_texts(tmp_path / "in", tmp_path / "o"), tmp_path / "o")
    numbers = [int(line.split()[1]) for line in found.corpus]
    assert 40_000 < found.corpus.size < 60_000 and "in stretches" in found.about
    assert numbers == sorted(numbers) and numbers[0] == 0 and numbers[-1] > 18_000


def test_words_found_without_spaces_are_scored_by_the_spaces(tmp_path):
    corpus = Corpus.from_documents(["The cat sat. 12", "A cat!", "", "7"])
    gold, plain = tmp_path / "gold.txt", tmp_path / "plain.txt"
    assert spaceless.write_spaceless(corpus, gold, plain)
    assert gold.read_text() == "the cat sat\na cat\n" and plain.read_text() == "thecatsat\nacat\n"
    lexicon = Lexicon(["the", "cats", "at", "cat", "a"], [2, 2, 2, 1, 1],
                      np.log([0.3, 0.3, 0.3, 0.05, 0.05]), settings={"unit": "letter"})  # fmt: skip
    lexicon.save(tmp_path / "lexicon.tsv")
    found = spaceless.compare(gold, tmp_path / "lexicon.tsv", True)
    assert found.true == [True, False, False, True, True] and found.share == 0.5
    assert (found.score.gold, found.score.predicted, found.score.correct) == (5, 5, 3)
    assert found.first(2) == ["the", "cats"]


def test_labels_are_sub_folders_with_texts_enough(tmp_path):
    for name, count in (("b", 100), ("a", 80), ("few", 20)):
        (tmp_path / name).mkdir()
        rows = [f"{name} a text that is long enough, {i}" for i in range(count)]
        rows += ["this one stands in every sub-folder", "short"]
        (tmp_path / name / "x.txt").write_text("\n".join(rows))
    (tmp_path / "demo").mkdir()
    found = labels.labels_of_folders(tmp_path, tmp_path / "demo")
    sizes = [len(part) for part in (found.train, found.validation, found.held_out)]
    assert sizes == [127, 18, 36]  # 81 of a, 100 of b
    every = [*found.train, *found.validation, *found.held_out]
    assert len({text for text, _ in every}) == 181 and {label for _, label in every} == {"a", "b"}
    assert found == labels.labels_of_folders(tmp_path, tmp_path / "demo")
    assert labels.labels_of_folders(tmp_path / "a", tmp_path / "demo") is None
    assert found == labels.labels_of_folders(tmp_path, tmp_path)  # the demo's own texts


def test_small_files_are_texts_each(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(60):
            text = f"{name} is a letter,\nand this is file number {i}\n"
            (tmp_path / name / f"{i}.txt").write_text(text)
    found = labels.labels_of_folders(tmp_path, tmp_path / "demo")
    assert len(found.train) + len(found.validation) + len(found.held_out) == 120
    assert all("\n" not in text and "file number" in text for text, _ in found.train)


def test_scripts_with_spaces_are_told_from_those_without():
    assert words.has_spaces(Corpus.from_documents(["An English text", "with 北京 in it"]))
    assert not words.has_spaces(Corpus.from_documents(["我们在北京看花", "OK了"]))
