"""find_templates: chains of words that belong together, grown word by word, chosen by bits saved.

Su Jianlin's templates (article 5577, nlp-zero): words i < j of a sentence are linked when j - i is
at most the window and the pair is frequent and has a high mutual information as a skip-gram; a
chain of linked words, with placeholders for what it skips, is a template. His program lists every
maximal chain of a sentence, which are exponentially many, and counts them. Ours counts chains of
one word in all sentences, then of two, and so on, going on only with those that are frequent (a
chain is no more frequent than its beginning), and in dense sentences only with the best `beam` at a
word. Choosing is in `selection.py`.
"""

import math
from contextlib import ExitStack
from typing import Any

from textzero._arguments import checked
from textzero.corpus import Texts, as_corpus
from textzero.files import refuse_small_disk
from textzero.memory import BASE, memory_bytes
from textzero.parallel import worker_count
from textzero.progress import Progress
from textzero.structure.chains import Finder
from textzero.structure.sentences import read_sentences
from textzero.structure.templates import Templates
from textzero.tokens import Spec, Tokenizer
from textzero.workspace import Workspace


def default_min_count(tokens: int) -> int:
    """Return the least count of a template in a corpus of so many tokens.

    >>> [default_min_count(n) for n in (1_000, 100_000, 10_000_000)]
    [3, 6, 63]
    """
    return max(3, round(math.sqrt(tokens) / 50))


@checked
def find_templates(
    corpus: Texts,
    *,
    tokenizer: Spec = "word",
    lowercase: bool = False,
    nfkc: bool = False,
    window: int = 5,
    min_count: int | None = None,
    min_pmi: float = 0.0,
    max_words: int = 8,
    beam: int = 32,
    n_fillers: int = 10,
    memory: int | str | None = None,
    workers: int | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Templates:
    """Find the templates of the sentences of a corpus.

    The result is the same, byte for byte, for any number of workers and any memory. The corpus is
    kept as word ids in a temporary file. A run that breaks off starts anew.

    Args:
        corpus: A `Corpus`, or an iterable of documents; see `sentences.py` for what a sentence is.
        tokenizer, lowercase, nfkc: As for `count_words`.
        window: How far apart two words of a template may be; 1 finds phrases.
        min_count: Fewest sentences that hold a template, and fewest times that a pair of words is
            seen. None: 3, or for more than 22,500 tokens the square root of their number over 50.
        min_pmi: Least mutual information of two linked words, in nats, from -100 to 100; 0: they
            meet more often than by chance.
        max_words: Most words of a template.
        beam: Chains that are followed at each word; more than that there are only in dense or
            often repeated sentences.
        n_fillers: How many fillers to list for each placeholder.
        memory: Bound in bytes or as "2GB". Words and chains of words must fit; what is as long as
            the corpus is kept on disk. None: half of the machine's.
        workers: Threads or processes; None for one per processor.
        workspace: The folder of this run, entered, for temporary files. None: a temporary one.
        progress: Told what is done.

    Raises:
        InputError: Something in the corpus cannot be read.
        ResourceError: The words, or the chains, do not fit in memory, or there is too little disk
            space.
        ValueError: A setting has no such value.

    Example:
        >>> texts = [f"the {a} is a {b}" for a in ("cat", "dog", "fly") for b in ("pet", "joy")]
        >>> template = find_templates(texts)[0]
        >>> str(template), template.count, template.fillers[1]
        ('the X is a X', 6, {'joy': 3, 'pet': 3})
    """
    corpus, workers = as_corpus(corpus), worker_count(workers)
    chosen = Tokenizer(tokenizer, lowercase, nfkc)
    _between("window", window, 1, 31)
    _between("max_words", max_words, 1, 64)
    _between("beam", beam, 1, 1 << 12)
    _between("n_fillers", n_fillers, 0, 1000)
    if min_count is not None and min_count < 1:
        raise ValueError(f"min_count must be at least 1, got {min_count}")
    if not abs(min_pmi) <= 100:
        raise ValueError(f"min_pmi must be from -100 to 100, got {min_pmi}")
    progress = progress or Progress()

    def least(tokens: int) -> int:
        return default_min_count(tokens) if min_count is None else min_count

    room = memory_bytes(memory) - BASE
    with ExitStack() as stack:
        given = workspace or stack.enter_context(Workspace.temporary())
        folder = given.scratch("templates")
        refuse_small_disk(folder, 3 * corpus.size, "the corpus as numbers of its words")
        sentences = read_sentences(corpus, chosen, least, folder, workers, progress, room)
        fewest = least(sentences.counts.tokens)
        settings: dict[str, Any] = {
            **chosen.settings(), "window": window, "min_count": fewest,
            "min_pmi": min_pmi, "max_words": max_words, "sentences": len(sentences),
            "tokens": sentences.counts.tokens,
        }  # fmt: skip
        if not len(sentences.vocabulary):
            settings.update(bits=0.0, bits_saved=0.0)
            return Templates([], settings, reading=sentences.reading)
        finder = Finder(sentences, fewest, window, beam, workers, progress, room, folder)
        finder.mark_edges(min_pmi)
        finder.grow(max_words)
        templates, dropped, saved = finder.choose(n_fillers)
        settings["bits"] = round(finder.total_bits, 1)
        settings["bits_saved"] = round(saved, 1)
        result = Templates(templates, settings, dropped, sentences.reading)
        del finder, sentences
    return result


def _between(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}, got {value}")
