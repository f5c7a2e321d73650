"""Does the whole way from text to vectors beat gensim and the C tools, and are the vectors as good?

python benchmarks/embed.py [--language en|zh] [--glove-bin DIR] [--rounds N]

The peers get the same tokens, one document a line; gensim's skip-gram: window 5, 5 negative
samples, 5 epochs, corpus_file, one worker a processor. DIR holds the programs of Simpler-GloVe
(30 iterations, its author's settings). Figures of quality are Spearman's correlation and the share
of right analogies among the first 60,000 words.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

from measure import data, machine, report, run, textzero

from textzero import Corpus, Tokenizer, evaluate_analogies, evaluate_similarity, load_vectors

GENSIM = """
import sys
from gensim.models import Word2Vec
Word2Vec(corpus_file=sys.argv[1], sg=1, vector_size=128, window=5, negative=5, epochs=5,
         min_count=5, workers=int(sys.argv[3]), seed=1,
).wv.save_word2vec_format(sys.argv[2], binary=True)
"""
SETS = {
    "en": ["similarity/en_men.txt", "similarity/en_wordsim353.txt", "similarity/en_simlex999.txt",
           "analogy/en_questions_words.txt"],
    "zh": ["similarity/zh_wordsim240.txt", "analogy/zh_ca_translated.txt"],
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--glove-bin", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="score so many seeds of ours")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    if options.language == "en":
        texts, how = [data("en/enwiki.txt.xz")], ["--tokenizer", "word", "--lowercase"]
        tokenizer = Tokenizer("word", lowercase=True)
    else:
        texts = [data("zh/zhwiki.txt.xz"), data("zh/news.txt.xz")]
        how, tokenizer = ["--tokenizer", "rjieba:cut"], Tokenizer("rjieba:cut")
    tokens = work / "tokens.txt"
    with open(tokens, "w", encoding="utf-8") as file:
        for document in Corpus(*texts):
            file.write(" ".join(tokenizer(document)) + "\n")

    def ours(seed: int) -> list[str]:
        out = work / f"ours-{seed}"
        return textzero(
            "embed", *texts, *how, "--min-count", 5, "--dim", 128, "--seed", seed, "-o", out,
            "--force",
        )  # fmt: skip

    run(textzero("embed", *texts, *how, "-o", work / "warm", "--max-words", 1000))
    results: dict[str, list] = {"textzero": [], "gensim skip-gram": []}
    for _ in range(options.rounds):
        run(["rm", "-rf", str(work / "ours-0")])
        results["textzero"].append(run(ours(0)))
        results["gensim skip-gram"].append(
            run([sys.executable, "-c", GENSIM, str(tokens), str(work / "gensim.bin"),
                 str(len(os.sched_getaffinity(0)))])
        )  # fmt: skip
        if options.glove_bin:
            command = c_tools(options.glove_bin, tokens, work)
            results.setdefault("C tools", []).append(run(["sh", "-c", command]))
    seconds = {
        name: report(f"embed {options.language}", name, runs) for name, runs in results.items()
    }
    manifest = json.loads((work / "ours-0" / "manifest.json").read_text())
    print(json.dumps({"question": "stages", "seconds": manifest["seconds"], **machine()}))
    for name in seconds:
        ratio = seconds[name] / seconds["textzero"]
        print(f"{name}: {seconds[name]:.1f} s, {ratio:.1f} times ours", file=sys.stderr)
    for seed in range(1, options.seeds):
        run(ours(seed))
    scored = {f"textzero, seed {s}": work / f"ours-{s}" for s in range(options.seeds)}
    scored["gensim skip-gram"] = work / "gensim.bin"
    if options.glove_bin:
        scored["C tools"] = work / "c.txt"
    for name, path in scored.items():
        score(name, path, options.language)


def c_tools(folder: Path, tokens: Path, work: Path) -> str:
    """The four programs of Simpler-GloVe in a row."""
    b, t, w = (shlex.quote(str(p)) for p in (folder, tokens, work))
    return (
        f"cd {w} && {b}/vocab_count -min-count 5 -verbose 0 < {t} > c-vocab.txt 2>/dev/null && "
        f"{b}/cooccur -memory 4.0 -verbose 0 -vocab-file c-vocab.txt -window-size 10 < {t} "
        f"> c-pairs.bin 2>/dev/null && "
        f"{b}/shuffle -memory 4.0 -verbose 0 < c-pairs.bin > c-shuffled.bin 2>/dev/null && "
        f"{b}/glove -save-file c -threads {len(os.sched_getaffinity(0))} -input-file "
        f"c-shuffled.bin -x-max 100 -iter 30 -vector-size 128 -binary 0 -vocab-file c-vocab.txt "
        f"-verbose 0 -model 0 >/dev/null 2>&1 && grep -v '^$' c.txt > c2.txt && mv c2.txt c.txt"
    )


def score(name: str, path: Path, language: str) -> None:
    """Print the quality of one set of vectors."""
    vectors = load_vectors(path)
    figures = {}
    for entry in SETS[language]:
        gold = Path(os.environ["TEXTZERO_DATA"]) / entry
        if "analogy" in entry:
            analogies = evaluate_analogies(vectors, gold, 60_000)
            figures[gold.stem] = round(analogies.add, 4)
            figures[f"{gold.stem} covered"] = [analogies.covered, analogies.total]
        else:
            similarity = evaluate_similarity(vectors, gold)
            figures[gold.stem] = round(similarity.spearman, 4)
            figures[f"{gold.stem} covered"] = [similarity.covered, similarity.total]
    line = {"question": f"quality {language}", "program": name, **figures, **machine()}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
