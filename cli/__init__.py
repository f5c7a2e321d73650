"""The command line: a shell over the library, installed as `textzero_cli`."""

from .main import main, run

__all__ = ["main", "run"]
