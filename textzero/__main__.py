"""`python -m textzero`."""

from textzero_cli import run

run()
