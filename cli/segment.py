"""textzero segment."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import click

from . import _options as options

if TYPE_CHECKING:
    from textzero.corpus import Corpus, Reading
    from textzero.segmenter import Segmenter

_BATCH = 1 << 16  # characters that one task of a thread has


@click.command()
@click.argument("lexicon", type=click.Path())
@options.corpus_options
@click.option("--separator", default=" ", help="What to write between words.  [default: a space]")
@click.option("--n-best", type=click.IntRange(1, 1000), metavar="N",
              help="Write the N best: line number, log-probability, words.")  # fmt: skip
@click.option("--sample", type=click.FloatRange(0), metavar="ALPHA",
              help="Draw each segmentation in proportion to its probability ** ALPHA.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of --sample.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object a line, with offsets.")
@click.option("-o", "--output", default="-", metavar="FILE",
              help="Where to write.  [default: standard output]")  # fmt: skip
@options.workers_option
@options.force_option
@options.quiet_option
def segment(
    lexicon: str,
    separator: str,
    n_best: int | None,
    sample: float | None,
    seed: int,
    as_json: bool,
    output: str,
    workers: int | None,
    force: bool,
    quiet: bool,
    **corpus: Any,
) -> None:
    """Cut each line of CORPUS into the words of LEXICON.

    LEXICON is what `textzero discover` writes, or counts, jieba's dictionary, a list of words.
    Writes a line for each line, without white space inside. With --document file, or for records,
    a text is one line.
    """
    from textzero.files import refuse_missing_folder, refuse_to_overwrite, whole_file
    from textzero.segmenter import Segmenter

    if n_best is not None and sample is not None:
        raise click.UsageError("--n-best and --sample exclude each other")
    if output != "-":
        refuse_to_overwrite(output, force)
        refuse_missing_folder(output)
    texts = options.make_corpus(**corpus)
    reading = texts.new_reading()
    form = _Form(Segmenter(lexicon), separator, n_best, sample, seed, as_json)
    blocks = _blocks(texts, reading, form, workers)
    if output != "-":
        with whole_file(output) as file:
            for block in blocks:
                file.write(block)
    else:
        for block in blocks:
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    options.report_losses(reading, quiet)


def _blocks(
    corpus: "Corpus", reading: "Reading", form: "_Form", workers: int | None
) -> Iterator[bytes]:
    from textzero.parallel import ordered_threads, worker_count

    _ = form.segmenter.model  # made here, not in every thread
    return ordered_threads(
        form.written, _batches(corpus, reading, form.whole_lines), worker_count(workers)
    )


@dataclass
class _Batch:
    """Some texts; a line longer than a piece of the corpus is several.

    Attributes:
        first: Number of the line that the first text belongs to.
        continued: Whether that line began in the batch before.
        texts: The texts.
        ends: Whether a line ends with each.
    """

    first: int
    continued: bool
    texts: list[str]
    ends: list[bool]


def _batches(corpus: "Corpus", reading: "Reading", whole_lines: bool) -> Iterator[_Batch]:
    batch, size = _Batch(1, False, [], []), 0
    for split in corpus.splits():
        waiting: list[str] = []
        for text, ended in corpus.parts(split, reading):
            if whole_lines:
                waiting.append(text)
                if not ended:
                    continue
                text = "".join(waiting)
                waiting.clear()
            batch.texts.append(text)
            batch.ends.append(ended)
            size += len(text) + 1
            if size > _BATCH:
                yield batch
                batch, size = _Batch(batch.first + sum(batch.ends), not ended, [], []), 0
    if batch.texts:
        yield batch


class _Form:
    """How a segmentation is written."""

    def __init__(
        self,
        segmenter: "Segmenter",
        separator: str,
        n_best: int | None,
        alpha: float | None,
        seed: int,
        as_json: bool,
    ) -> None:
        self.segmenter, self.separator, self.n_best = segmenter, separator, n_best
        self.alpha, self.seed, self.as_json = alpha, seed, as_json
        self.whole_lines = as_json or n_best is not None or alpha is not None

    def written(self, batch: _Batch) -> bytes:
        """Write the lines of a batch."""
        if self.whole_lines:
            numbered = enumerate(batch.texts, batch.first)
            rows = (row for number, text in numbered for row in self._rows(number, text))
            return "".join(row + "\n" for row in rows).encode()
        found = self.segmenter.segment_batch(batch.texts, spaces=False, workers=1)
        out, continued = [], batch.continued
        for tokens, ended in zip(found, batch.ends, strict=True):
            if continued and tokens:
                out.append(self.separator)
            out.append(self.separator.join(tokens))
            if ended:
                out.append("\n")
            continued = not ended
        return "".join(out).encode()

    def _rows(self, number: int, text: str) -> Iterator[str]:
        """Yield what is written for line `number`."""
        if self.n_best is not None:
            best = self.segmenter.n_best(text, self.n_best, spaces=False)
            if self.as_json:
                rows = [{"tokens": t, "log_probability": round(log, 7)} for t, log in best]
                yield json.dumps({"line": number, "segmentations": rows}, ensure_ascii=False)
                return
            for tokens, log in best:
                yield f"{number}\t{log:.7f}\t{self.separator.join(tokens)}"
            return
        from textzero.segmenter import is_space

        if self.alpha is not None:
            tokens = self.segmenter.sample(text, self.alpha, (self.seed, number))
        else:
            tokens = self.segmenter.segment(text)
        stops = list(accumulate(map(len, tokens)))
        shown = [k for k, token in enumerate(tokens) if not is_space(token)]
        words = [tokens[k] for k in shown]
        if self.as_json:
            spans = [[stops[k] - len(tokens[k]), stops[k]] for k in shown]
            yield json.dumps({"tokens": words, "spans": spans}, ensure_ascii=False)
        else:
            yield self.separator.join(words)
