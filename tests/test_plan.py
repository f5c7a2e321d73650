"""Plans are made of what a sample says, and are near what a run then finds."""

import gzip
import json

import numpy as np
import pytest
from click.testing import CliRunner

from textzero import _plan_sample
from textzero._plan_model import Model
from textzero._plan_sample import Growth, _places, take_sample
from textzero.cooccurrence import count_cooccurrences
from textzero.corpus import Corpus
from textzero.counting import count_words
from textzero.errors import InputError
from textzero.plan import plan_work
from textzero.tokens import Tokenizer
from textzero.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Text whose words are as frequent as those of languages."""
    random = np.random.default_rng(0)
    words = random.zipf(1.6, 700_000) % 10**9
    lines = [" ".join(map(str, line)) for line in np.array_split(words, 20_000)]
    path = tmp_path_factory.mktemp("plan") / "text.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def small_samples(monkeypatch):
    monkeypatch.setattr(_plan_sample, "_READ", 1 << 13)
    monkeypatch.setattr(_plan_sample, "_MOST", 1 << 18)


def test_growth_follows_a_power_law():
    growth = Growth([(n, round(30 * n**0.6)) for n in (1000, 2000, 4000, 8000)])
    assert growth.power == pytest.approx(0.6, abs=0.01)
    assert growth.at(8e6) == pytest.approx(30 * 8e6**0.6, rel=0.05)
    assert growth.tokens_for(growth.at(1e6)) == pytest.approx(1e6, rel=1e-6)
    assert Growth([(10, 5)]).at(20) == 10  # nothing is known: as many as can be


def test_every_part_is_a_place_once_and_any_beginning_is_spread(text):
    corpus = Corpus(text)
    places = [place.start for place in _places(corpus)]
    assert sorted(places) == [split.start for split in corpus.splits(1 << 20)]
    assert abs(places[1] - places[0]) >= corpus.size // 4


@pytest.mark.usefixtures("small_samples")
def test_words_and_tokens_are_near_those_of_the_run(text):
    plan = plan_work(Corpus(text), seconds=0.5)
    counts = count_words(Corpus(text))
    assert plan.sample_bytes < plan.corpus_bytes // 5
    assert plan.tokens == pytest.approx(counts.tokens, rel=0.02)
    assert plan.words == pytest.approx(len(counts), rel=0.25)
    assert plan.here.output == pytest.approx(sum(map(len, counts.formatted())), rel=0.5)


@pytest.mark.usefixtures("small_samples")
def test_pairs_are_near_those_of_the_run(text):
    plan = plan_work(Corpus(text), command="cooccur", window=2, seconds=2.0)
    vocabulary = Vocabulary.from_counts(count_words(Corpus(text)), min_count=5)
    found = count_cooccurrences(Corpus(text), vocabulary, window=2)
    assert 0.5 < plan.here.output / (found.data.size + 32 * len(vocabulary)) < 2


def test_less_memory_takes_more_disk_and_more_workers_less_time(text):
    tokenizer = Tokenizer()
    sample = take_sample(Corpus(text), tokenizer, min_count=5, seconds=0.2)
    limits = {"window": 5, "dim": 128, "processors": 4}
    small = Model("count", sample, tokenizer, memory=300 << 20, **limits)
    large = Model("count", sample, tokenizer, memory=1 << 45, **limits)
    size = 10**12
    tight, roomy = (model.need(size, 4, together=True) for model in (small, large))
    assert tight.memory == 300 << 20 < roomy.memory
    assert tight.scratch > 0 == roomy.scratch
    few, many = (small.need(size, workers, together=False) for workers in (8, 64))
    assert many.seconds < few.seconds / 6 and many.shards >= few.shards
    assert small.need(2 * size, 8, together=False).seconds == pytest.approx(
        2 * few.seconds, rel=0.1
    )


@pytest.mark.usefixtures("small_samples")
def test_a_shorter_patience_is_enough_for_less_text(text):
    day, second = (
        plan_work(Corpus(text), patience=patience, seconds=0.3) for patience in (86400.0, 1.0)
    )
    assert second.limit == "time" and second.enough_up_to < day.enough_up_to


def test_compressed_files_are_sampled_at_their_beginnings_and_that_is_told(text, tmp_path):
    packed = tmp_path / "text.txt.gz"
    packed.write_bytes(gzip.compress(text.read_bytes()[: 1 << 19], 1))
    plan = plan_work(Corpus(packed), seconds=0.3)
    assert any("beginnings" in note for note in plan.notes)
    assert plan.tokens == pytest.approx(count_words(Corpus(packed)).tokens, rel=0.1)


def test_what_cannot_be_planned_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="command must be one of count"):
        plan_work(Corpus(text), command="train")
    with pytest.raises(ValueError, match="segment needs a lexicon"):
        plan_work(Corpus(text), command="segment")
    with pytest.raises(ValueError, match="must be more than 0"):
        plan_work(Corpus(text), workers=0)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(InputError, match="needs files that are not empty"):
        plan_work(Corpus(tmp_path / "empty.txt"))
    with pytest.raises(InputError, match="needs files"):
        plan_work(Corpus.from_documents(["a b"]))
    (tmp_path / "blank.txt").write_text("\n" * 1000)
    with pytest.raises(InputError, match="no word in the 1,000 bytes"):
        plan_work(Corpus(tmp_path / "blank.txt"), seconds=0.1)


def test_the_command_prints_a_table_or_json(text):
    from textzero_cli.plan import plan

    shown = CliRunner().invoke(plan, [str(text), "--seconds", "0.2"], catch_exceptions=False)
    rows = dict(line.split("\t", 1) for line in shown.output.splitlines())
    assert shown.exit_code == 0 and rows["count on"] == "this machine\t64 workers"
    told = CliRunner().invoke(plan, [str(text), "--seconds", "0.2", "--json", "--workers", "9"])
    assert json.loads(told.output)["workers"] == 9
