"""Text in, list of words out: the Segmenter against SentencePiece (unigram) and rjieba.

python benchmarks/segment.py [--rounds 5] [--lexicon FILE]

All in one process, one thread, the same 20 MB of Chinese, one after the other in each round; each
program gets the text as it likes it best: in blocks of lines, and line by line. SentencePiece's
model of 32,000 pieces is trained on every tenth line of the same text; ours is the lexicon of
--lexicon (jieba's dictionary by default, which is rjieba's too).
"""

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import data, machine

from textzero.characters import code_points
from textzero.segmenter import Segmenter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--lexicon")
    options = parser.parse_args()
    half = options.megabytes * 500_000
    raw = b"".join(
        data(name).open("rb").read(half).rpartition(b"\n")[0] + b"\n"
        for name in ("zh/zhwiki.txt.xz", "zh/news.txt.xz")
    )
    text = raw.decode()
    lines = text.split("\n")
    blocks = list(in_blocks(lines))
    lexicon = options.lexicon or Path(os.environ["TEXTZERO_DATA"]) / "lexicon" / "dict.txt"
    segmenter = Segmenter(lexicon)
    from textzero.kernels import kernel

    kernels, model, points = kernel("segment"), segmenter.model, [code_points(b) for b in blocks]
    programs: dict[str, Callable[[], object]] = {
        "textzero, blocks": lambda: [segmenter.segment(block) for block in blocks],
        "textzero, batches of lines": lambda: drain(segmenter.segment_batch(lines, workers=1)),
        "textzero, batches, 2 threads": lambda: drain(segmenter.segment_batch(lines, workers=2)),
        "textzero, line by line": lambda: drain(map(segmenter, lines)),
        "textzero, kernel only": lambda: [kernels.cut(model, p, True)[0].size for p in points],
        **peers(lines, blocks),
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        program()
    for _ in range(options.rounds):
        for name, program in programs.items():
            gc.collect()
            begun = time.perf_counter()
            result = program()
            seconds[name].append(round(time.perf_counter() - begun, 4))
            del result
    for name, times in seconds.items():
        median = statistics.median(times)
        line = {
            "question": "Segmentation", "program": name, "seconds": median, "all_seconds": times,
            "MB/s": round(len(raw) / median / 1e6, 1), **machine(),
        }  # fmt: skip
        print(json.dumps(line, ensure_ascii=False), flush=True)


def in_blocks(lines: list[str], size: int = 1 << 16) -> list[str]:
    """Join lines to blocks of about `size` characters."""
    blocks, block, held = [], [], 0
    for line in lines:
        block.append(line + "\n")
        held += len(line) + 1
        if held >= size:
            blocks.append("".join(block))
            block, held = [], 0
    return [*blocks, "".join(block)]


def drain(results: object) -> int:
    """Take every result and let it go, as a loop that uses them would."""
    return sum(len(tokens) for tokens in results)  # type: ignore[attr-defined]


def peers(lines: list[str], blocks: list[str]) -> dict[str, Callable[[], object]]:
    """The other programs that are installed."""
    found: dict[str, Callable[[], object]] = {}
    try:
        import rjieba

        rjieba.cut("热身")
        found["rjieba, blocks"] = lambda: [rjieba.cut(block, hmm=False) for block in blocks]
        found["rjieba, line by line"] = lambda: drain(rjieba.cut(x, hmm=False) for x in lines)
    except ImportError:
        print("skipped: pip install rjieba", file=sys.stderr)
    try:
        import sentencepiece

        model = Path(tempfile.gettempdir()) / "textzero-benchmarks" / "segment-unigram-32k"
        if not model.with_suffix(".model").exists():
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines[::10]),
                model_prefix=str(model),
                vocab_size=32000,
                model_type="unigram",
                character_coverage=0.9995,
                minloglevel=1,
            )
        unigram = sentencepiece.SentencePieceProcessor(model_file=str(model.with_suffix(".model")))
        found["SentencePiece, blocks"] = lambda: [unigram.encode(b, out_type=str) for b in blocks]
        found["SentencePiece, line by line"] = lambda: drain(
            unigram.encode(x, out_type=str) for x in lines
        )
    except ImportError:
        print("skipped: pip install sentencepiece", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
