"""The tokenizer that cut the corpus of some vectors, from their manifest and folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textzero.errors import InputError
from textzero.segmenter import Segmenter
from textzero.tokens import Spec, Tokenizer

LEXICON = "lexicon.tsv"  # beside the vectors
BUILT_IN = ("word", "whitespace", "char")


def tokenizer_of(
    settings: Mapping[str, Any], folder: Path | None, spec: Spec | None = None
) -> Tokenizer:
    """Return the tokenizer that a manifest's settings name ("word" when they name none).

    Args:
        settings: The part `settings` of a manifest.
        folder: Where the vectors lie, with their lexicon.
        spec: In place of the manifest's. A Python tokenizer must be given here: a file may not
            choose the code that runs.

    Raises:
        InputError: The manifest names a Python tokenizer or a lexicon that is not there, and
            `spec` is None.
    """
    if spec is None:
        spec = str(settings.get("tokenizer", "word"))
        if "lexicon" in settings:
            spec = _segmenter(settings, folder)
        elif spec not in BUILT_IN:  # package.module:function, or a file of the maker's choice
            raise InputError(
                f"these vectors were made with the tokenizer {spec!r}; name it again "
                "with --tokenizer if you trust it"
            )
    return Tokenizer(
        spec, bool(settings.get("lowercase", False)), bool(settings.get("nfkc", False))
    )


def _segmenter(settings: Mapping[str, Any], folder: Path | None) -> Segmenter:
    """The lexicon that cut the corpus, from the vectors' folder."""
    path = None if folder is None else folder / LEXICON
    if path is None or not path.exists():
        raise InputError(
            "these vectors were made with a lexicon that is not beside them; "
            "name it again with --tokenizer"
        )
    segmenter = Segmenter(path)
    if segmenter.lexicon.digest() != settings["lexicon"]:
        raise InputError(f"{path} is not the lexicon that these vectors were made with")
    return segmenter
