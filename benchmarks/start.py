"""How long does a person wait before anything happens? And for the first result?

python benchmarks/start.py [--rounds 15]

The package as it is installed in this environment. `demo` runs once more at the end with an empty
cache of compiled kernels, as after an installation.
"""

import argparse
import os
import sys
import tempfile

from measure import in_turn, report, run

_FIRST = {
    "python -c pass": ["-c", "pass"],
    "import textzero": ["-c", "import textzero"],
    "textzero --version": ["-m", "textzero", "--version"],
    "textzero --help": ["-m", "textzero", "--help"],
    "textzero count --help": ["-m", "textzero", "count", "--help"],
    "textzero config": ["-m", "textzero", "config"],
}


def main() -> None:
    """Print a line for each command."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=15)
    rounds = arguments.parse_args().rounds
    commands = {name: [sys.executable, *rest] for name, rest in _FIRST.items()}
    for name, runs in in_turn(commands, rounds).items():
        report("start", name, runs)
    with tempfile.TemporaryDirectory() as place:
        demo = [sys.executable, "-m", "textzero", "demo", "-q"]
        runs = [run([*demo, "-o", os.path.join(place, "warm")])]
        report("demo", "textzero demo, kernels compiled before", runs)
        os.environ["NUMBA_CACHE_DIR"] = os.path.join(place, "cache")
        runs = [run([*demo, "-o", os.path.join(place, "cold")])]
        report("demo", "textzero demo, an empty cache of kernels", runs)


if __name__ == "__main__":
    main()
