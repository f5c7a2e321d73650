"""Words asked for, and ranked words on standard output."""

import click

from . import _options as options


def words_asked(words: tuple[str, ...]) -> list[str]:
    """Return the words of the command line; for - those of standard input, one a line."""
    if words != ("-",):
        return list(words)
    lines = map(str.strip, options.read_stdin().split("\n"))
    return [word for word in lines if word]


def print_ranking(rows: list[tuple[str, float]]) -> None:
    """Print word<TAB>score lines."""
    for word, score in rows:
        click.echo(f"{word}\t{score:.4f}")


def print_rankings(results: list[tuple[str, list[tuple[str, float]]]]) -> None:
    """Print one ranking as lines; several with the word they are of in front."""
    if len(results) == 1:
        print_ranking(results[0][1])
        return
    for query, rows in results:
        for word, score in rows:
            click.echo(f"{query}\t{word}\t{score:.4f}")
