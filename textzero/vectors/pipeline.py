"""embed: from a corpus to a folder of vectors, reusing every stage whose inputs are unchanged."""

import contextlib
import hashlib
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from textzero._arguments import at_least_one, changed, checked
from textzero.cooccurrence import Cooccurrence, count_cooccurrences, distance_weights
from textzero.corpus import Corpus, Reading, Texts, as_corpus
from textzero.counting import count_words
from textzero.counts import Counts
from textzero.discovery.discover import discover_words
from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import MANIFEST, file_digest, peak_memory, refusals, write_json
from textzero.memory import TreePeak, memory_bytes, watched_tree
from textzero.parallel import worker_count
from textzero.progress import Progress
from textzero.subsampling import keep_probabilities
from textzero.tokens import Spec, Tokenizer
from textzero.vectors.checkpoint import STATE
from textzero.vectors.inputs import identity, inputs_of, read_record
from textzero.vectors.matrices import are_mapped, check_adagrad
from textzero.vectors.output import CHECKPOINT, COUNTED, COUNTS, DISCOVERED, PAIRS, Output
from textzero.vectors.start import check_start, old_digest, old_dimension
from textzero.vectors.trained import TrainingStopped
from textzero.vectors.training import Trained, TrainingSettings, device_of, train_vectors
from textzero.vectors.word_vectors import LEXICON, WordVectors
from textzero.version import __version__
from textzero.vocabulary import Vocabulary


@checked
def embed(
    corpus: Texts,
    folder: str | Path,
    *,
    tokenizer: Spec = "word",
    discover: bool = False,
    lowercase: bool = False,
    nfkc: bool = False,
    min_count: int = 5,
    max_words: int | None = None,
    window: int = 5,
    weighting: str = "harmonic",
    keep_gaps: bool = False,
    subsample: float = 0.0,
    settings: TrainingSettings | None = None,
    init: str | Path | WordVectors | None = None,
    device: str = "auto",
    resume: bool = True,
    memory: int | str | None = None,
    workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
    **changes: Any,
) -> WordVectors:
    """Count words, count co-occurrences, train vectors; write all three into `folder`.

    What already lies in the folder is used again when the texts and the settings that decide it
    are the same, so that a run that was broken off goes on with the stage it was in.

    Args:
        corpus: A `Corpus`, an iterable of documents, or a table (`Corpus.from_documents`). What
            is in memory is read three times; a run that was broken off begins its stage anew.
        folder: Where to write vectors.safetensors, vocabulary.tsv, manifest.json, counts.tsv and
            cooccurrence/; and lexicon.tsv when the tokenizer is a lexicon.
        tokenizer, lowercase, nfkc: As for `count_words`.
        discover: Find the words of the corpus first (`discover_words`), and use that lexicon in
            place of `tokenizer`.
        min_count: Rarer words get no vector.
        max_words: At most so many words, the most frequent.
        window, weighting, keep_gaps, subsample: As for `count_cooccurrences`.
        settings: How to train.
        init: Older vectors, or their folder, to begin with: words that they have start there.
        device: Where pairs are counted and vectors trained, as for `train_vectors`.
        resume: Go on with a run that was broken off: with the parts of a stage that are done, and
            with training from its last checkpoint, if they are of the same texts and settings.
        memory: Bound in bytes or as "4GB".
        workers: Threads or processes; None for one per processor.
        force: Replace vectors in the folder that were made from other texts or settings.
        progress: Told how far each stage is.
        say: Called with a sentence about each stage that ends.
        changes: Settings by name, such as `dim=64`, as for `train_vectors`.

    Raises:
        OutputExistsError: The folder holds other vectors, or other files, and `force` is not set;
            or another run is writing into it.
        TrainingStopped: The loss rose, or something was not finite; the last good vectors are in
            the folder's checkpoint/.
        InputError: The corpus cannot be read, or holds too few words.
        ResourceError: The disk is full or fails, or the bound on memory is too small.
    """
    [settings] = changed(embed, changes, settings or TrainingSettings())
    old = _loaded(init)
    if old is not None and settings.dim == "auto":
        settings = replace(settings, dim=old_dimension(old))
    if old is not None:
        check_start(old, settings)
    distance_weights(window, weighting)  # a wrong setting is told before anything is counted
    at_least_one("min_count", min_count)
    if max_words is not None:
        at_least_one("max_words", max_words)
    keep_probabilities(np.ones(1, np.int64), subsample)
    memory_bytes(memory)
    used = device_of(device)
    folder, progress, begun = Path(folder), progress or Progress(), perf_counter()
    corpus = as_corpus(corpus, passes=3)
    inputs = inputs_of(corpus, folder)
    read_key = {
        "inputs": identity(inputs), "corpus": corpus.settings(),
        "strict": corpus.strict, "on_error": corpus.on_error,
    }  # fmt: skip
    how: dict[str, Any] = {"memory": memory, "workers": workers, "progress": progress}
    with refusals(folder), Output(folder, say) as output, _watched(tokenizer, discover) as peak:
        if discover:
            key = _hash({**read_key, "lowercase": lowercase, "version": __version__})
            if not _is_discovered(folder, key):
                output.look_at("", force)
                how["workspace"] = output.claim(not resume)
                _discover(corpus, folder, key, lowercase, how, say)
            tokenizer = str(folder / LEXICON)
        chosen = Tokenizer(tokenizer, lowercase, nfkc)
        spoken = chosen.settings()
        if chosen.segmenter is not None:
            spoken["tokenizer"] = LEXICON  # the copy in the folder, wherever that goes
        text_key = {**read_key, **spoken}
        pair_key = {
            **text_key, "min_count": min_count, "max_words": max_words,
            "window": window, "weighting": weighting, "keep_gaps": keep_gaps,
        }  # fmt: skip
        if subsample:
            pair_key |= {"subsample": subsample, "seed": settings.seed}
        keys = {"counts": _hash(text_key), "cooccurrence": _hash(pair_key)}
        start = {} if old is None else {"init": old_digest(old)}

        def vectors_key(words: int | None) -> str:
            chosen = settings.resolved(weighting, words)
            return _hash({**pair_key, **asdict(chosen), **start, "version": __version__})

        # the number of words that decides an automatic dimension follows from the rest of the key
        there = output.look_at(vectors_key(_saved_words(folder)), force)
        if there is None:
            how["workspace"] = output.claim(not resume)  # another run may have ended just before
            there = output.look_at(vectors_key(_saved_words(folder)), force)
        if there is not None:
            output.tidy()
            say(f"{folder} is up to date")
            return there
        spec = chosen.segmenter or tokenizer  # a lexicon's file is read once: it may change
        texts: dict[str, Any] = {"tokenizer": spec, "lowercase": lowercase, "nfkc": nfkc}
        counts = _counts(corpus, folder, keys["counts"], {**texts, **how}, say)
        vocabulary = Vocabulary.from_counts(counts, min_count, max_words)
        keys["vectors"] = vectors_key(len(vocabulary))
        _check_memory(settings.resolved(weighting, len(vocabulary)), len(vocabulary), used, how)
        matrix = _saved_pairs(folder / PAIRS, keys["cooccurrence"])
        if matrix is None:
            matrix = count_cooccurrences(
                corpus, vocabulary, window=window, weighting=weighting, keep_gaps=keep_gaps,
                subsample=subsample, seed=settings.seed, folder=folder / PAIRS,
                key=keys["cooccurrence"], device=device, **texts, **how,
            )  # fmt: skip
            seconds = progress.seconds.get("encode", 0) + progress.seconds.get("cooccur", 0)
            say(
                f"{matrix.records:,} co-occurrences of {len(vocabulary):,} words in {seconds:.1f} s"
            )
        else:
            say("co-occurrences are unchanged")
        facts = {
            "inputs": inputs,
            "settings": {
                **spoken, **corpus.settings(), "min_count": min_count, "max_words": max_words,
                "window": window, "weighting": weighting, "keep_gaps": keep_gaps,
                "subsample": subsample,
            },
            "keys": keys,
            "device": used,
            **({} if old is None else {"init": {"path": _name(old), "blake2b": start["init"]}}),
            "tokens": counts.tokens,
            "words_before_min_count": len(counts),
            "records": matrix.records,
            "reading": asdict(counts.reading),
        }  # fmt: skip

        def vectors_of(trained: Trained) -> WordVectors:
            seconds = {**progress.seconds, "all": round(perf_counter() - begun, 3)}
            facts["peak_memory"] = max(peak_memory(), peak.bytes)
            return with_manifest(vocabulary, trained, facts, seconds)

        state = folder / CHECKPOINT
        try:
            trained = train_vectors(
                matrix, settings=settings, init=old, device=device, memory=memory,
                workers=workers, progress=progress, checkpoint=state,
                resume=(state / STATE).exists(), workspace=how["workspace"], say=say,
            )  # fmt: skip
        except TrainingStopped as stop:
            if not stop.trained.losses:
                raise
            _keep(vectors_of(stop.trained), state)
            message = f"{stop}; the vectors of the last good sweep are in {state}"
            raise TrainingStopped(message, stop.trained) from stop
        say(
            f"{len(vocabulary):,} vectors of dimension {trained.settings.dim} "
            f"in {progress.seconds['train']:.1f} s"
        )
        vectors = vectors_of(trained)
        vectors.folder = folder
        lexicon = None if chosen.segmenter is None else chosen.segmenter.lexicon
        output.write(vectors, lexicon, discover)
        return vectors


@contextlib.contextmanager
def _watched(tokenizer: Spec, discover: bool) -> Iterator[TreePeak]:
    """Watch the memory of all processes where there are several: those of a Python tokenizer."""
    if discover or Tokenizer(tokenizer).code is not None:
        yield TreePeak()
        return
    with watched_tree(1.0) as peak:
        yield peak


def _check_memory(
    settings: TrainingSettings, n_words: int, device: str, how: dict[str, Any]
) -> None:
    """Refuse a bound on memory that training would refuse, before pairs are counted."""
    memory, dim = memory_bytes(how["memory"]), int(settings.dim)
    if settings.solver == "adagrad":
        check_adagrad(n_words, dim, memory, settings.model == "shared")
    elif device != "gpu":
        are_mapped(n_words, dim, memory, worker_count(how["workers"]))


def with_manifest(
    vocabulary: Vocabulary, trained: Trained, facts: dict[str, Any], seconds: dict[str, float]
) -> WordVectors:
    """Return vectors that were trained, with what their manifest says of them.

    Args:
        vocabulary: Their words.
        trained: What `train_vectors` returned.
        facts: What the manifest says, and under "settings" what decided the co-occurrences.
        seconds: How long each stage took.
    """
    manifest = {
        "textzero": __version__,
        "python": platform.python_version(),
        **facts,
        "settings": {**facts["settings"], **_json_settings(trained.settings)},
        "losses": trained.losses,
        "objectives": trained.objectives,
        "seconds": seconds,
    }
    one_matrix = trained.settings.model in ("shared", "concat")  # the vectors themselves hold c
    context = None if one_matrix else trained.context
    return WordVectors(vocabulary, trained.vectors(), context, manifest)


def _keep(vectors: WordVectors, state: Path) -> None:
    """Write the last good vectors of a training that stopped beside its checkpoint."""
    disk().make_folder(state, exist_ok=True)
    disk().remove(state / MANIFEST)  # of another stop
    vectors.write_into(state)


def _loaded(init: str | Path | WordVectors | None) -> WordVectors | None:
    return WordVectors.load(init) if isinstance(init, str | Path) else init


def _name(vectors: WordVectors) -> str | None:
    return None if vectors.folder is None else str(vectors.folder)


def _json_settings(settings: TrainingSettings) -> dict[str, Any]:
    values = asdict(settings)
    if values["clip"] == float("-inf"):
        values["clip"] = None
    return values


def _hash(key: dict[str, Any]) -> str:
    text = json.dumps(key, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _saved_words(folder: Path) -> int | None:
    """Return how many words the folder's vectors have."""
    words = read_record(folder / MANIFEST).get("words")  # damage is told by `look_at`
    return words if isinstance(words, int) and words > 0 else None


def _is_discovered(folder: Path, key: str) -> bool:
    """Whether the folder's lexicon was found in the same texts."""
    record = read_record(folder / DISCOVERED)
    if record.get("key") != key or not (folder / LEXICON).exists():
        return False
    return record.get("blake2b") == file_digest(folder / LEXICON)


def _discover(
    corpus: Corpus,
    folder: Path,
    key: str,
    lowercase: bool,
    how: dict[str, Any],
    say: Callable[[str], None],
) -> None:
    begun, progress = perf_counter(), how["progress"]
    lexicon = discover_words(corpus, lowercase=lowercase, **how)
    lexicon.dropped = None
    disk().remove(folder / DISCOVERED)
    lexicon.save(folder / LEXICON)
    write_json(folder / DISCOVERED, {"key": key, "blake2b": file_digest(folder / LEXICON)})
    progress.seconds = {"discover": round(perf_counter() - begun, 3)}
    say(f"{len(lexicon):,} words found in {progress.seconds['discover']:.1f} s")


def _counts(
    corpus: Corpus,
    folder: Path,
    key: str,
    how: dict[str, Any],
    say: Callable[[str], None],
) -> Counts:
    saved = read_record(folder / COUNTED)
    with contextlib.suppress(OSError, KeyError, TypeError, ValueError):  # absent, or damaged
        if saved["key"] == key and saved["blake2b"] == file_digest(folder / COUNTS):
            counts = Counts.load(folder / COUNTS)
            counts.tokens = int(saved["tokens"])
            counts.reading = Reading(**saved["reading"])
            say("counts are unchanged")
            return counts
    counts = count_words(corpus, **how)
    seconds = how["progress"].seconds["count"]
    say(f"{counts.tokens:,} tokens, {len(counts):,} words in {seconds:.1f} s")
    disk().remove(folder / COUNTED)
    counts.save(folder / COUNTS)
    saved = {
        "key": key, "tokens": counts.tokens, "reading": asdict(counts.reading),
        "blake2b": file_digest(folder / COUNTS), "inputs": inputs_of(corpus, folder),
    }  # fmt: skip
    write_json(folder / COUNTED, saved)
    return counts


def _saved_pairs(folder: Path, key: str) -> Cooccurrence | None:
    settings = read_record(folder / MANIFEST).get("settings")
    if not isinstance(settings, dict) or settings.get("key") != key:
        return None
    with contextlib.suppress(InputError):  # damaged: counted again
        return Cooccurrence.load(folder)
    return None
