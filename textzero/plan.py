"""plan_work: shards, memory, disk and time of a command before it runs, predicted from a sample."""

import os
import shutil
from dataclasses import dataclass, field
from tempfile import gettempdir

from textzero._arguments import checked
from textzero._plan_model import SHARD, Model, Need
from textzero._plan_sample import take_sample
from textzero.corpus import Corpus
from textzero.errors import InputError
from textzero.memory import memory_bytes, memory_there
from textzero.parallel import worker_count
from textzero.tokens import Spec, Tokenizer

COMMANDS = ("count", "discover", "cooccur", "segment", "embed")
DAY = 86400.0


@dataclass(frozen=True)
class Plan:
    """What a command will take, as far as a sample can tell.

    Attributes:
        command: Which.
        corpus_bytes: As stored.
        files: How many.
        sample_bytes: What was read of it.
        tokens: In the whole corpus.
        words: Different ones.
        growth: The power of the number of tokens with which the words grow (Heaps' law).
        likely: A factor: words, memory and disk are likely within it, either way.
        workers: Of the cluster.
        here: What this machine takes, with all its processors.
        cluster: What `workers` of the same speed take.
        enough_up_to: Stored bytes of such a corpus for which this machine is enough.
        limit: What is not enough for more: "time", "memory" or "disk".
        patience: Seconds that one machine may take.
        notes: What else to know, in sentences.
    """

    command: str
    corpus_bytes: int
    files: int
    sample_bytes: int
    tokens: int
    words: int
    growth: float
    likely: float
    workers: int
    here: Need
    cluster: Need
    enough_up_to: int
    limit: str
    patience: float
    notes: list[str] = field(default_factory=list)


@checked
def plan_work(
    corpus: Corpus,
    *,
    command: str = "count",
    workers: int = 64,
    memory: int | str | None = None,
    tokenizer: Spec = "word",
    lowercase: bool = False,
    nfkc: bool = False,
    min_count: int = 5,
    window: int = 10,
    dim: int = 128,
    patience: float = DAY,
    folder: str | os.PathLike[str] | None = None,
    seconds: float = 8.0,
) -> Plan:
    """Predict what a command takes: here, and with the workers of a cluster.

    A sample is read from places spread over the corpus and really counted. Rates are those of this
    machine; words and pairs of the whole follow by Heaps' law. What is in the corpus twice, such as
    copies of files, is not seen: it makes less of everything but time.

    Args:
        corpus: Files.
        command: "count", "discover", "cooccur", "segment" or "embed".
        workers: Of the cluster, each as fast as one processor of this machine.
        memory: Bound of each worker, and of this machine. None: half of this machine's.
        tokenizer, lowercase, nfkc: As for `count_words`; the lexicon, for "segment".
        min_count: Rarer words have no pairs.
        window: Words on each side, of "cooccur" and "embed".
        dim: Length of the vectors of "embed".
        patience: Seconds that one machine may take.
        folder: Where files would be written; None for the folder of temporary files.
        seconds: What this function may take, about, when what it runs is compiled.

    Raises:
        InputError: The corpus is not of files, has no words, or cannot be read.
        ValueError: A setting has no such value.
    """
    if command not in COMMANDS:
        raise ValueError(f"command must be one of {', '.join(COMMANDS)}, got {command!r}")
    if workers < 1 or patience <= 0 or seconds <= 0:
        raise ValueError("workers, patience and seconds must be more than 0")
    chosen = Tokenizer(tokenizer, lowercase, nfkc)
    if command == "segment" and chosen.segmenter is None:
        raise ValueError("segment needs a lexicon: name its file as the tokenizer")
    bound = memory_bytes(memory)
    if not corpus.size:
        raise InputError("a plan needs files that are not empty")
    share = {"count": 1.0, "segment": 1.0, "discover": 0.2}.get(command, 0.4)
    sample = take_sample(corpus, chosen, min_count, seconds * share)
    model = Model(
        command, sample, chosen,
        memory=bound, window=window, dim=dim, processors=worker_count(None),
    )  # fmt: skip
    if command in ("cooccur", "embed"):
        model.measure_pairs(seconds * (1 - share))
    elif command == "discover":
        model.measure_discovery(seconds * (1 - share))
    free = shutil.disk_usage(folder or gettempdir()).free
    most, limit = _enough(model, patience, memory_there() or bound, free)
    ratio = max(1.0, corpus.size / sample.stored)
    tokens = model.tokens(corpus.size)
    return Plan(
        command, corpus.size, len(corpus.sources), sample.stored, round(tokens),
        round(sample.words.at(tokens)), round(sample.words.power, 3),
        round(max(1.2, ratio**0.1), 2), workers,
        model.need(corpus.size, model.processors, together=True),
        model.need(corpus.size, workers, together=False),
        most, limit, patience, _notes(corpus, command, workers, sample.stored),
    )  # fmt: skip


def _enough(model: Model, patience: float, memory: int, free: int) -> tuple[int, str]:
    """Return (bytes of the largest corpus for one machine, what is not enough for more)."""

    def lacks(size: int) -> str:
        need = model.need(size, model.processors, together=True)
        if need.seconds > patience:
            return "time"
        if need.scratch + need.output > free:
            return "disk"
        return "memory" if need.least_memory > memory else ""

    low, high = 0, 1 << 20
    while not lacks(high) and high < 1 << 60:
        low, high = high, 2 * high
    limit = lacks(high)
    while high - low > max(low // 100, 1):
        middle = (low + high) // 2
        if found := lacks(middle):
            high, limit = middle, found
        else:
            low = middle
    return low, limit


def _notes(corpus: Corpus, command: str, workers: int, sample: int) -> list[str]:
    notes = []
    if any(source.compression for source in corpus.sources):
        notes.append("compressed files cannot be entered in the middle: only beginnings were read")
        notes.append("each compressed file is one shard")
    if sample < corpus.size // 1000:
        notes.append("the sample is less than a thousandth of the corpus: take words as a guess")
    if corpus.size < SHARD[0] * workers:
        notes.append(f"the corpus is small for {workers} workers: some have no shard")
    if command == "discover":
        notes.append("a cluster reads and counts; the words are then found by one machine")
    if command == "embed":
        notes.append("a cluster counts words and pairs; the vectors are trained by one machine")
    return notes
