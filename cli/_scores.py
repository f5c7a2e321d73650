"""The option --min-score: which words of a lexicon are kept by their scores."""

import math

import click


def _limits(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    limits = {}
    for value in values:
        name, _between, number = value.partition("=")
        try:
            limits[name] = float(number)
            if not name or not math.isfinite(limits[name]):
                raise ValueError
        except ValueError as error:
            raise click.BadParameter(
                f"expected a score and a number, such as bits=20, got {value!r}"
            ) from error
    return limits


min_score_option = click.option(
    "--min-score",
    "min_scores",
    multiple=True,
    callback=_limits,
    metavar="SCORE=NUMBER",
    help="Leave out words that score less, such as bits=20 or domain=0.7 (repeatable); single "
    "characters have no bits.",
)
