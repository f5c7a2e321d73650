"""What vectors reach on gold sets: similarity as people judge it, analogies."""

from collections.abc import Sequence
from pathlib import Path

from textzero.report.blocks import Column, Section, Table
from textzero.vectors.evaluation import evaluate_analogies, evaluate_similarity, is_analogies
from textzero.vectors.word_vectors import WordVectors


def evaluation_sections(vectors: WordVectors, data: Sequence[str | Path]) -> list[Section]:
    """Return a section with a row for each gold set.

    Args:
        vectors: What is scored.
        data: Files of two words and a score a line, or of four words.

    Raises:
        InputError: A file is no gold set, or its words have no vectors.
    """
    rows: list[tuple[str, str, float, int, int]] = []
    for path in data:
        if is_analogies(path):
            analogies = evaluate_analogies(vectors, path)
            shape = (analogies.name, analogies.covered, analogies.total)
            figures = [("analogies right, 3CosAdd", analogies.add)]
            figures.append(("analogies right, 3CosMul", analogies.mul))
        else:
            similarity = evaluate_similarity(vectors, path)
            shape = (similarity.name, similarity.covered, similarity.total)
            figures = [("similarity, Spearman's correlation", similarity.spearman)]
        rows += [(shape[0], what, figure, *shape[1:]) for what, figure in figures]
    names, whats, values, covered, total = zip(*rows, strict=True)
    table = Table(
        [
            Column("gold set", names),
            Column("what", whats),
            Column("figure", values, "number", 3),
            Column("scored", covered, "number", 0, "questions whose words all have vectors"),
            Column("questions", total, "number", 0),
        ]
    )
    about = (
        "How the vectors do against what people said. Questions that lack a vector are not scored."
    )
    return [Section("Against gold sets", [table], about)]
