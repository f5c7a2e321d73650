"""A wrong argument is answered by one sentence that says what must hold."""
# ruff: noqa: ARG001

import inspect
import io
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Literal
from unittest.mock import Mock

import numpy as np
import pytest

import textzero
from textzero import TrainingSettings
from textzero._arguments import changed, checked
from textzero.progress import Progress

TEXTS = ["to be or not to be", "that is the question", "be it so"] * 3


class MappedOnly:
    """Read by place alone, as a dataset of PyTorch is."""

    def __getitem__(self, place: int) -> str:
        return TEXTS[place]


class Far:
    """A class with a subclass."""


class Near(Far):
    """One of them."""


NO_COUNTS = textzero.count_words(["a"])


@checked
def everything(
    flag: bool = False,
    number: int = 0,
    share: float | None = None,
    name: str | Path = "",
    texts: Iterable[str] = (),
    pair: int | tuple[int, int] = 1,
    word: Literal["auto"] | int = "auto",
    table: Mapping[str, int] | None = None,
    say: Callable[[str], None] = print,
    file: io.BytesIO | None = None,
    values: Iterable[Any] = (),
    out: str | PathLike[str] | BinaryIO = "",
    silent: "int" = 0,
    fars: Sequence[Far] = (),
    bare: Sequence = (),
    row: tuple = (),
    sizes: tuple[int, ...] = (),
    parts: Iterable[textzero.Counts | str] = (),
    progress: Progress | None = None,
) -> dict:
    return vars()


ARGUMENTS = inspect.signature(everything).parameters


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("flag", 2, "flag must be True or False, got 2"),
        ("flag", "no", "flag must be True or False, got 'no'"),
        ("number", "3", "number must be a whole number, got '3'"),
        ("number", 2.5, "number must be a whole number, got 2.5"),
        ("number", float("nan"), "number must be a whole number, got nan"),
        ("number", float("inf"), "number must be a whole number, got inf"),
        ("number", True, "number must be a whole number, got True"),
        ("share", "x", "share must be a number or None, got 'x'"),
        ("name", b"x", "name must be a string or a path, got b'x'"),
        ("texts", "abc", "texts must be several strings, got 'abc'; put it in [ ]"),
        ("texts", b"abc", "texts must be several strings, got b'abc'"),
        ("texts", None, "texts must be several strings, got None"),
        ("texts", ["a", None], "texts must be several strings, got None among them"),
        (
            "pair",
            (1, 2, 3),
            "pair must be a whole number or 2 values, each a whole number, got (1, 2, 3)",
        ),
        (
            "pair",
            ("a", "b"),
            "pair must be a whole number or 2 values, each a whole number, got ('a', 'b')",
        ),
        ("word", "big", "word must be 'auto' or a whole number, got 'big'"),
        ("table", [1], "table must be a Mapping or None, got [1]"),
        ("say", "print", "say must be a function, got 'print'"),
        ("file", "x.txt", "file must be a BytesIO or None, got 'x.txt'"),
        ("values", 3, "values must be several values, got 3"),
        ("fars", [Near(), 3], "fars must be several Far, got 3 among them"),
        (
            "parts",
            NO_COUNTS,
            "parts must be several strings, got Counts({'a': 1}, 1 words); put it in [ ]",
        ),
        ("sizes", (1, "2"), "sizes must be several int, got '2' among them"),
        ("progress", True, "progress must be a Progress or None, got True"),
        ("number", "x" * 500, "number must be a whole number, got '" + "x" * 59),
    ],
)
def test_a_wrong_kind_is_told_in_one_sentence(name, value, said):
    with pytest.raises(TypeError) as error:
        everything(**{name: value})
    assert str(error.value) == said


@pytest.mark.parametrize(
    "name, value",
    [
        ("share", 1),
        ("name", Path("x")),
        ("texts", (text for text in "ab")),
        ("texts", {"a": 1}),
        ("texts", np.array(["a", "b"])),
        ("pair", [1, 2]),
        ("word", 3),
        ("fars", [Near()]),
        ("progress", Mock()),
        ("bare", ["a", 1]),
        ("row", ("a", 1)),
        ("sizes", (1, 2, 3)),
        ("texts", MappedOnly()),
        ("pair", np.array([1, 2])),
        ("pair", range(2)),
        ("out", io.BytesIO()),
        ("values", [1, "a"]),
        ("silent", "a hint that is a string says nothing"),
    ],
)
def test_what_a_hint_allows_goes_through_as_it_is(name, value):
    assert everything(**{name: value})[name] is value


def test_numbers_of_numpy_become_those_of_python():
    found = everything(np.bool_(True), np.int64(3), np.float32(0.25), np.str_("x"), (), np.int8(1))
    kinds = [type(found[name]) for name in ("flag", "number", "share", "name", "pair")]
    assert kinds == [bool, int, float, str, int]


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("flag", 1, True),
        ("flag", np.int8(0), False),
        ("number", 2.0, 2),
        ("number", np.array(2.0), 2),
        ("number", Fraction(4, 2), 2),
        ("share", Decimal("0.1"), 0.1),
    ],
)
def test_a_number_that_is_the_same_as_another_kind_becomes_it(name, value, said):
    found = everything(**{name: value})[name]
    assert (found, type(found)) == (said, type(said))
    assert everything(*[False, 0, None][: list(ARGUMENTS).index(name)], value)[name] == said


def test_an_unknown_argument_is_named_with_the_nearest_that_there_is():
    with pytest.raises(
        TypeError, match=r"^everything has no argument 'txets': did you mean 'texts"
    ):
        everything(txets=[])
    with pytest.raises(TypeError, match=r"^Corpus has no argument 'encodng': did you mean 'encodi"):
        textzero.Corpus("x", encodng="utf-8")
    for name in ("column", "columns", "text_column"):  # as it is called elsewhere
        said = f"^Corpus has no argument '{name}': did you mean 'field'"
        with pytest.raises(TypeError, match=said):
            textzero.Corpus("x", **{name: "comment"})
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'corpus'"):
        textzero.count_words()
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'folder'"):
        textzero.embed(TEXTS, dim=4)


def test_functions_and_methods_of_classes_go_to_other_processes(tmp_path):
    cloudpickle = pytest.importorskip("cloudpickle", reason="cloudpickle is not installed")
    VOCABULARY.save(tmp_path / "v.tsv")
    for dumps in (pickle.dumps, cloudpickle.dumps):
        load = pickle.loads(dumps(textzero.Vocabulary.load))  # Joblib and Dask send such
        assert list(load(tmp_path / "v.tsv")) == ["to", "be"]
        assert pickle.loads(dumps(textzero.count_words))(TEXTS)["be"] == 9


def test_a_generator_of_random_numbers_draws_segmentations_one_after_the_other():
    segmenter = textzero.Segmenter({"我": 3, "我们": 1, "们": 3})
    random = np.random.default_rng(1)
    drawn = {tuple(segmenter.sample("我们" * 20, 0.0, random)) for _ in range(5)}
    assert len(drawn) == 5


def test_what_can_be_read_once_is_not_read_to_look_at_it():
    assert textzero.count_words(text for text in TEXTS)["be"] == 9
    assert VECTORS.sentence_vectors(iter(TEXTS[:1] * 2), method="sum").shape == (2, 2)


def test_all_names_but_those_of_models_are_imported_at_once_and_without_keras():
    code = "from textzero import *; import sys; print(len(vars()), *sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    number, *modules = found.stdout.split()
    assert int(number) > len(textzero.__all__) and "textzero.report.blocks" in modules
    assert not {"keras", "tensorflow", "torch", "numba", "pyarrow"} & {*modules}
    assert {*dir(textzero)} - {*textzero.__all__} == {"gradient_flow", "saliency"}


def test_settings_are_changed_by_name():
    (settings,) = changed(everything, {"dim": 7}, TrainingSettings(seed=5))
    assert settings == TrainingSettings(dim=7, seed=5)
    with pytest.raises(TypeError, match="everything has no argument 'dimm': did you mean 'dim'"):
        changed(everything, {"dimm": 7}, TrainingSettings())
    with pytest.raises(TypeError, match="no argument 'txets': did you mean 'texts'"):
        changed(everything, {"txets": 7}, TrainingSettings())


def test_embed_and_train_vectors_take_settings_by_name(tmp_path):
    by_name = textzero.embed(TEXTS, tmp_path / "a", min_count=1, dim=4, seed=3)
    settings = TrainingSettings(dim=4, seed=3)
    assert by_name.dim == 4
    again = textzero.embed(TEXTS, tmp_path / "a", min_count=1, settings=settings)
    assert np.array_equal(again.vectors, by_name.vectors)
    with pytest.raises(TypeError, match="embed has no argument 'min_cuont': did you mean 'min_co"):
        textzero.embed(TEXTS, tmp_path / "b", min_cuont=1)
    with pytest.raises(TypeError, match="dim must be a whole number or 'auto', got 2"):
        textzero.embed(TEXTS, tmp_path / "b", dim=2.5)
    with pytest.raises(TypeError, match="embed has no argument 'changes'"):
        textzero.embed(TEXTS, tmp_path / "b", changes={"dim": 2})
    assert not (tmp_path / "b").exists()


def test_embed_takes_numbers_of_numpy(tmp_path):
    numbers = {"min_count": np.int64(1), "window": np.int32(2), "dim": np.int64(4)}
    vectors = textzero.embed(TEXTS, tmp_path / "a", subsample=np.float64(0.0), **numbers)
    assert vectors.manifest["settings"]["dim"] == 4


VOCABULARY = textzero.Vocabulary(["to", "be"], [2, 1])
VECTORS = textzero.WordVectors(VOCABULARY, np.eye(2, dtype=np.float32))
WRONG: Sequence[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: textzero.count_words("some text"), TypeError, "got a single string; write Corpus"),
    (lambda: textzero.count_words(Path("x")), TypeError, "write Corpus(path) for a file"),
    (lambda: textzero.count_words(b"x"), TypeError, "got a single string"),
    (lambda: textzero.count_words({"a": 1}), TypeError, "got a dict with the keys 'a'"),
    (lambda: textzero.count_words(["a", None]), TypeError, "document 2"),
    (lambda: textzero.count_words([b"a"]), TypeError, "document 1"),
    (lambda: textzero.count_words(5), TypeError, "iterable of strings, got int"),
    (lambda: textzero.count_words(TEXTS, workers="a"), TypeError, "workers must be a whole number"),
    (lambda: textzero.count_words(TEXTS, min_count=None), TypeError, "min_count must be a whole"),
    (lambda: textzero.count_words(TEXTS, ngrams="2"), TypeError, "ngrams must be a whole number"),
    (lambda: textzero.count_words(TEXTS, lowercase="no"), TypeError, "lowercase must be True or"),
    (lambda: textzero.count_words(TEXTS, progress=True), TypeError, "progress must be a Progress"),
    (lambda: list(textzero.Corpus("nowhere.txt")), textzero.InputError, "nowhere.txt"),
    (lambda: textzero.Corpus("x", include="*.py"), TypeError, "include must be several strings"),
    (lambda: textzero.Corpus("x", encoding=None), TypeError, "encoding must be a string"),
    (lambda: textzero.Vocabulary("abc", [1, 2, 3]), TypeError, "words must be several strings"),
    (lambda: textzero.Vocabulary(["a"], ["x"]), ValueError, "counts must be whole numbers"),
    (lambda: VOCABULARY.id(3), TypeError, "a word must be a string, got 3"),
    (lambda: VECTORS.similar("be", n="3"), TypeError, "n must be a whole number, got '3'"),
    (lambda: VECTORS[3], TypeError, "a word must be a string, got 3"),
    (lambda: VECTORS.sentence_vector(5), TypeError, "words must be several strings or a string"),
    (lambda: VECTORS.nearest(None), ValueError, "queries must be a list of words or an array"),
    (lambda: textzero.WordVectors(VOCABULARY, None), ValueError, "vectors must be an array of"),
    (lambda: textzero.cluster_words("v"), TypeError, "vectors must be a WordVectors, got 'v'"),
    (lambda: textzero.count_words(TEXTS, engine=5), TypeError, "engine must be a name, a dask"),
    (lambda: textzero.discover_words(TEXTS, min_count="3"), TypeError, "min_count must be a whole"),
    (lambda: textzero.discover_words(TEXTS, mincount=3), TypeError, "did you mean 'min_count'"),
    (lambda: textzero.find_templates(TEXTS, workers="a"), TypeError, "workers must be a whole"),
    (lambda: textzero.Segmenter({"a": 1})(5), TypeError, "text must be a string, got 5"),
    (lambda: textzero.Segmenter({"a": 1}).n_best("a", "2"), TypeError, "n must be a whole number"),
    (lambda: textzero.explain_word("x.tsv", "a"), TypeError, "lexicon must be a Lexicon, got 'x"),
    (lambda: textzero.make_report(5), TypeError, "must be a string or a path, got 5"),
    (lambda: textzero.Vocabulary(("a",) * 100 + (3,), [1] * 101), TypeError, "words must be str"),
    (lambda: textzero.load_vectors(5), TypeError, "path must be a string or a path, got 5"),
    (lambda: TrainingSettings(truncate="no"), TypeError, "truncate must be True or False"),
    (lambda: TrainingSettings(seed="a"), TypeError, "seed must be a whole number, got 'a'"),
]


@pytest.mark.parametrize("call, kind, said", WRONG)
def test_public_functions_say_what_must_hold(call, kind, said):
    with pytest.raises(kind) as error:
        call()
    assert said in str(error.value)
