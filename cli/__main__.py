"""`python -m textzero_cli`."""

from . import run

run()
