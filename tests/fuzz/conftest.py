"""The modules of this folder, by their names: `benchmarks/fuzz.py` uses them too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
