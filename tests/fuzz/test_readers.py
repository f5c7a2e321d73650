"""Every reader, given damaged files: it returns, or refuses with a sentence, and nothing else."""

import random
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutation import mutate
from target import MARK, Target
from targets import targets

from textzero.errors import InputError, TextzeroError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Keras, where it is
    TARGETS = targets()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("name", TARGETS)
def test_what_our_writers_wrote_is_read(name, folder):
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed, folder, refused=())


@pytest.mark.parametrize("name", TARGETS)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(name, folder):
    target = TARGETS[name]

    @settings(max_examples=5 if target.slow else 100, derandomize=True, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def damage(seed):
        chance = random.Random(seed)
        target.run(mutate(chance.choice(target.seeds), target.seeds, chance), folder)

    damage()


@settings(max_examples=50)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_by_every_reader(folder, data):
    for target in TARGETS.values():
        target.run(data, folder)  # the slow one refuses these at once


def test_a_reader_that_fails_in_another_way_is_found(folder):
    def careless(path):
        return {}[path.read_bytes()]

    with pytest.raises(KeyError):
        Target(careless, [b"x"]).run(b"x", folder)


def test_a_refusal_is_a_sentence_that_names_the_file(folder):
    """Seeds cut in their middle: most formats cannot be whole."""
    for name, target in TARGETS.items():
        for seed in target.seeds:
            try:
                target.run(seed[: len(seed) // 2].rpartition(MARK)[0] or seed[:-3], folder, ())
            except TextzeroError as error:
                assert isinstance(error, InputError), name
                assert str(folder) in str(error), f"{name}: {error}"
                assert "\n" not in str(error), f"{name}: {error}"
