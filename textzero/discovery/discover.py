"""discover_words: from a corpus to a lexicon, by one of three methods."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from textzero._arguments import checked
from textzero._compat import Array
from textzero.characters import fold_table
from textzero.corpus import Corpus, Texts, as_corpus
from textzero.counting import count_words
from textzero.discovery.arrays import Arrays
from textzero.discovery.cohesion import cohesion_lexicon
from textzero.discovery.found import Dropped, Found
from textzero.discovery.journal import Journal
from textzero.discovery.ngrams import count_ngrams
from textzero.discovery.pair_entropy import entropy_lexicon
from textzero.discovery.unigram import MIN_PMI, UnigramSettings, learn_words
from textzero.discovery.unit_shards import read_by_engine
from textzero.discovery.units import Reader, Units, read_units
from textzero.discovery.weighing import weigh
from textzero.engines import as_engine
from textzero.errors import InputError
from textzero.files import refuse_small_disk
from textzero.kernels.reference.segment import UNITS
from textzero.lexicon import Lexicon, units_in
from textzero.memory import BASE, memory_bytes
from textzero.parallel import worker_count
from textzero.progress import Progress
from textzero.segmenter import Segmenter
from textzero.shown.text import counted
from textzero.version import __version__
from textzero.workspace import Stage, Workspace

METHODS = ("unigram", "entropy", "cohesion")
_WORD_BITS = 48  # what the longest words carry, spelled unit by unit
_SHORTEST, _LONGEST = 4, 12
_UNIT_BYTES = {"character": 2, "letter": 1, "word": 3}
_LONGEST_WORD = 16  # longer ones would leave the range of the weights


@checked
def discover_words(
    corpus: Texts,
    *,
    method: str = "unigram",
    unit: str = "character",
    lowercase: bool = False,
    nfkc: bool = True,
    max_length: int | None = None,
    min_count: int | None = None,
    min_pmi: float | Sequence[float] | None = None,
    min_probability: float | None = None,
    compatible: bool = False,
    known: "Lexicon | Iterable[str] | str | Path | None" = None,
    domain: Texts | None = None,
    seed: int = 0,
    memory: int | str | None = None,
    workers: int | None = None,
    workspace: Workspace | None = None,
    engine: Any = None,
    progress: Progress | None = None,
) -> Lexicon:
    """Find the words of a corpus.

    The result is the same, byte for byte, for any number of workers, any engine and any memory.
    Engines read the corpus; the words are then found by this process, in threads.

    Args:
        corpus: A `Corpus`, an iterable of documents, or a table (`Corpus.from_documents`).
        method: "unigram": boundary entropies, then a unigram model that cuts the text again and
            again (`discovery/unigram.py`); "entropy": Su Jianlin's minimum-entropy algorithm
            (https://kexue.fm/archives/5476); "cohesion": his n-gram algorithm
            (https://kexue.fm/archives/6920).
        unit: What words are made of. "character": characters of scripts without spaces, and runs
            of letters or digits; "letter": every letter; "word": words, so that phrases are found.
        lowercase: Take capital and small letters for the same.
        nfkc: Take characters of full width, and other compatibility forms, for the plain ones.
        max_length: Units of the longest words, up to 16. None: 48 bits over the entropy of a unit,
            from 4 to 12, so 5 for Chinese.
        min_count: Rarer words are dropped; at least 2 for "cohesion". None: by the size of the
            corpus.
        min_pmi: Of "entropy" (one number) and "cohesion" (one for each order), in nats.
        min_probability: Of "entropy": pairs and words less frequent are no words.
        compatible: Of "entropy": the decisions of the nlp-zero package.
        known: Words to leave out of the result: strings, a lexicon or its file; single units, none
            of which is new, are left out too.
        domain: Another corpus. Adds the score "domain", from 0 to 1: how much more a word belongs
            to this corpus than to that, and sorts by it (https://kexue.fm/archives/6540).
        seed: Of the draws of "unigram".
        memory: Bound in bytes or as "2GB"; more is kept on disk. None: half of the machine's.
        workers: Threads; None for one per processor.
        workspace: The folder of this run, entered: for what does not fit in memory, and for what
            another run with the same arguments need not do again. None: a temporary one.
        engine: What reads the corpus: "threads", "processes", "dask://HOST:PORT", a client of a
            Dask cluster, or an `Engine`.
        progress: Told how far each stage is.

    Raises:
        InputError: Something in the corpus cannot be read, or it has no unit twice.
        ResourceError: There is too little disk space.
        ValueError: A setting has no such value.

    Example:
        >>> lexicon = discover_words(["北京的天北京的地", "天地在北京", "地在北京的天"] * 20)
        >>> "北京" in lexicon, "京的" in lexicon
        (True, False)
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    for name, value, owners in (
        ("min_pmi", min_pmi, ("entropy", "cohesion")),
        ("min_probability", min_probability, ("entropy",)),
        ("compatible", compatible or None, ("entropy",)),
    ):
        if value is not None and method not in owners:
            raise ValueError(f"{name} is for method {' or '.join(owners)}, got method {method!r}")
    if max_length is not None and not 2 <= max_length <= _LONGEST_WORD:
        raise ValueError(f"max_length must be from 2 to {_LONGEST_WORD}, got {max_length}")
    if min_count is not None and min_count < 1:
        raise ValueError(f"min_count must be at least 1, got {min_count}")
    if min_pmi is not None and not np.isfinite(min_pmi).all():
        raise ValueError(f"min_pmi must be finite, got {min_pmi}")
    if not 0 <= seed < 1 << 40:
        raise ValueError(f"seed must be from 0 to 2^40 - 1, got {seed}")
    left_out = _known_words(known, fold_table(lowercase, nfkc))
    corpus, workers, progress = as_corpus(corpus), worker_count(workers), progress or Progress()
    room = memory_bytes(memory) - BASE
    key: dict[str, Any] = {
        "textzero": __version__, "method": method, "unit": unit, "lowercase": lowercase,
        "nfkc": nfkc, "seed": seed, "max_length": max_length, "min_count": min_count,
        "min_pmi": min_pmi,
    }  # fmt: skip
    chosen = UnigramSettings(seed=seed, min_pmi=MIN_PMI if unit == "word" else None)
    stage_key = {**key, "first cut": chosen.min_pmi}
    with ExitStack() as stack:
        scratch = _Scratch(workspace, stack)
        arrays = Arrays(room // 2, scratch)
        if (needed := _disk_bytes(corpus, unit, max_length)) > room:
            refuse_small_disk(scratch(), needed, "what does not fit in memory")
        stage = _stage(workspace, corpus, stage_key)
        if engine is not None and not (engine := as_engine(engine, workers)).shares_memory:
            if stage is None:
                given = workspace or stack.enter_context(Workspace.temporary())
                stage = _stage(given, corpus, stage_key)
            if stage is not None:
                reader = Reader(corpus, unit, lowercase, nfkc)
                read_by_engine(reader, engine, stage, arrays, progress)
        journal = Journal(stage)
        units = read_units(
            corpus, unit=unit, lowercase=lowercase, nfkc=nfkc, workers=workers, arrays=arrays,
            journal=journal, progress=progress,
        )  # fmt: skip
        longest = max_length or default_length(units)
        shared: dict[str, Any] = {
            "workers": workers, "room": room // 3, "arrays": arrays, "progress": progress
        }  # fmt: skip
        logs: Array | None = None
        least = min_count or default_min_count(units)
        if method == "unigram":
            found, logs = _unigram(units, longest, least, chosen, shared, journal)
        elif method == "entropy":
            found = entropy_lexicon(
                units, min_probability=min_probability, min_pmi=_one(min_pmi),
                longest=max_length, compatible=compatible, **shared,
            )  # fmt: skip
        else:
            thresholds = [min_pmi] if isinstance(min_pmi, (int, float)) else min_pmi
            found = cohesion_lexicon(
                units, order=max_length or 4, min_count=min_count, min_pmi=thresholds,
                journal=journal, **shared,
            )  # fmt: skip
        settings = {
            **key, "units": units.size,
            "max_length": longest if method == "unigram" else max_length,
            "min_count": least if method == "unigram" else min_count,
        }  # fmt: skip
        reading = units.reading
        if method != "unigram" and min_count:
            found, logs = _at_least(found, min_count), None
        lexicon = _lexicon(found, logs, settings)
        lexicon.reading = reading
    if domain is not None:
        lexicon = _ranked_by_domain(
            lexicon, as_corpus(domain), memory=memory, workers=workers, progress=progress
        )
    return lexicon if left_out is None else _without(lexicon, left_out)


def score_names(method: str, *, domain: bool = False) -> list[str]:
    """Return the scores that the words of a method have: columns of the lexicon.

    >>> score_names("entropy", domain=True)
    ['pmi', 'bits', 'domain']
    """
    sides = ["left_entropy", "right_entropy"]
    names = {
        "unigram": ["occurrences", "pmi", *sides, "bits"],
        "entropy": ["pmi", "bits"],
        "cohesion": ["pmi", *sides],
    }
    return [*names[method], *(["domain"] if domain else [])]


class _Scratch:
    """The folder of what does not fit in memory; made when it is first asked for."""

    def __init__(self, workspace: Workspace | None, stack: ExitStack) -> None:
        self._workspace, self._stack = workspace, stack
        self._folder: Path | None = None
        self._lock = Lock()  # several threads may find at once that there is no room

    def __call__(self) -> Path:
        with self._lock:
            if self._folder is None:
                given = self._workspace or self._stack.enter_context(Workspace.temporary())
                self._folder = given.scratch("discover")
            return self._folder


def _stage(workspace: Workspace | None, corpus: Corpus, key: Mapping[str, Any]) -> Stage | None:
    """Open the stage of this run; None where nothing can be kept."""
    if workspace is None or not corpus.sources:
        return None
    return workspace.stage("discover", {
        **key, "inputs": corpus.fingerprint(),
        "corpus": {**corpus.settings(), "strict": corpus.strict, "on_error": corpus.on_error},
    })  # fmt: skip


def default_length(units: Units) -> int:
    """Units of the longest words: 48 bits over the entropy of a unit, from 4 to 12."""
    shares = units.counts[1:] / max(units.size, 1)
    entropy = -(shares * np.log2(shares)).sum()
    return int(np.clip(round(_WORD_BITS / max(entropy, 1e-9)), _SHORTEST, _LONGEST))


def default_min_count(units: Units) -> int:
    """1 up to 300 thousand units, 2 up to 3 million, 3 up to 30 million, and so on."""
    return max(1, round(float(np.log10(max(units.size, 1)))) - 4)


def _one(value: float | Sequence[float] | None) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return value
    if len(value) != 1:
        raise ValueError(f"min_pmi must be one number for method 'entropy', got {list(value)}")
    return float(value[0])


def _disk_bytes(corpus: Corpus, unit: str, longest: int | None) -> int:
    """About what the numbered n-grams of all positions take, at most."""
    size = sum(s.size * (4 if s.compression else 1) for s in corpus.sources)
    return size // _UNIT_BYTES[unit] * 4 * (longest or (_LONGEST if unit == "letter" else 5))


def _unigram(
    units: Units,
    longest: int,
    min_count: int,
    chosen: UnigramSettings,
    shared: dict[str, Any],
    journal: Journal,
) -> tuple[Found, Array]:
    ngrams = count_ngrams(units, longest, journal=journal, **shared)
    rest = {name: shared[name] for name in ("workers", "arrays", "progress")}
    model, words, considered = learn_words(ngrams, chosen, journal=journal, **rest)
    with shared["progress"].stage("weigh", 1, "tables"):
        return weigh(model, words, considered, min_count)


def _at_least(found: Found, min_count: int) -> Found:
    keep = found.counts >= min_count
    dropped = [
        (word, int(count), f"found {counted(count, 'times')}, below {min_count:,}")
        for word, count, kept in zip(found.words, found.counts.tolist(), keep, strict=True)
        if not kept
    ]
    words = [word for word, kept in zip(found.words, keep, strict=True) if kept]
    scores = {name: column[keep] for name, column in found.scores.items()}
    rows = Dropped.of_rows(chain(found.dropped, dropped))
    return Found(words, found.counts[keep], scores, rows)


def _lexicon(found: Found, logs: Array | None, settings: dict[str, Any]) -> Lexicon:
    dropped = None
    if gone := found.dropped:
        missing = np.full(len(gone), np.nan)
        dropped = Lexicon(gone.words, gone.counts, missing, reasons=gone.reasons, settings=settings)
    return Lexicon(
        found.words, found.counts, logs, found.scores, dropped=dropped, settings=settings
    )


def _known_words(
    known: "Lexicon | Iterable[str] | str | Path | None", folds: Array
) -> set[str] | None:
    if known is None:
        return None
    words = Lexicon.load(known) if isinstance(known, (str, Path)) else known
    return {"".join(chr(folds[ord(c)]) for c in word) for word in words}


def _without(lexicon: Lexicon, known: set[str]) -> Lexicon:
    """Leave out known words, and single units, of which none is new."""
    sizes = units_in(lexicon, lexicon.settings["unit"])
    keep = np.array([word not in known for word in lexicon], np.bool_) & (sizes > 1)
    return lexicon.take(np.flatnonzero(keep))


@dataclass(frozen=True)
class _Shares:
    here: Array
    there: Array

    def scores(self) -> Array:
        """(f1 + m / 2) / (f1 + f2 + m), both corpora brought to one size, m the mean of f1 + f2."""
        there = self.there * (self.here.sum() / max(self.there.sum(), 1))
        mean = (self.here + there).mean()
        return (self.here + mean / 2) / (self.here + there + mean)


def _ranked_by_domain(lexicon: Lexicon, other: Corpus, **how: Any) -> Lexicon:
    if not len(lexicon):
        return lexicon
    counts = count_words(other, tokenizer=Segmenter(lexicon), **how)
    lexicon.reading.add(counts.reading)
    there = np.array([counts.get(word, 0) for word in lexicon], np.float64)
    if not there.any():
        raise InputError("the other domain holds no word of this corpus: is it the right text?")
    scores = _Shares(lexicon.counts.astype(np.float64), there).scores()
    order = np.argsort(-scores, kind="stable")
    ranked = Lexicon(
        lexicon.words, lexicon.counts, lexicon.log_probabilities,
        {**lexicon.scores, "domain": scores}, dropped=lexicon.dropped, settings=lexicon.settings,
    )  # fmt: skip
    ranked.reading = lexicon.reading
    return ranked.take(order)
