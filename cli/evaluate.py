"""textzero evaluate."""

import click

from . import _options as options


@click.group()
def evaluate() -> None:
    """Measure a result against a gold set."""


@evaluate.command("vectors")
@options.vectors_argument
@click.argument("gold", nargs=-1, required=True, type=click.Path())
@click.option("--first", type=click.IntRange(2), metavar="N",
              help="Answer analogies among the N most frequent words.  [default: all]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a set.")
def vectors_command(vectors: str, gold: tuple[str, ...], first: int | None, as_json: bool) -> None:
    """Score VECTORS on GOLD files: lines of two words and a score, or of four words.

    Similarity is Spearman's correlation of cosines; analogies are answered by 3CosAdd and 3CosMul.
    The share of the set that has vectors is always printed; the rest is not scored.
    """
    import json
    from dataclasses import asdict

    from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity, is_analogies
    from textzero.vectors.formats import load_vectors

    loaded = load_vectors(vectors)
    for path in gold:
        if is_analogies(path):
            analogies = evaluate_analogies(loaded, path, first)
            figures = f"3CosAdd {analogies.add:.4f}  3CosMul {analogies.mul:.4f}"
            result: object = analogies
            covered, total = analogies.covered, analogies.total
        else:
            similarity = evaluate_similarity(loaded, path)
            figures = f"Spearman {similarity.spearman:.4f}"
            result = similarity
            covered, total = similarity.covered, similarity.total
        if as_json:
            click.echo(json.dumps(asdict(result), ensure_ascii=False))  # type: ignore[call-overload]
        else:
            click.echo(f"{path}\t{figures}\tcovered {covered:,} of {total:,}")
