"""Names the packages; `cli/` is installed as `textzero_cli`, so that it claims no common name."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "textzero/version.py").read_text())[1]

CORE = [
    "backports.zstd>=1.0; python_version < '3.14'",
    "click>=8.1",
    "fsspec>=2023.1",
    "numba>=0.60",
    "numpy>=1.26",
    "pyarrow>=15",
    "rich>=13",
    "safetensors>=0.4",
]
EXTRAS = {
    "models": ["keras>=3.15.1", "tensorflow>=2.18"],
    "cuda12": ["cupy-cuda12x[ctk]>=14"],
    "cuda13": ["cupy-cuda13x[ctk]>=14"],
    "dask": ["distributed>=2024.1"],
    "plot": ["matplotlib>=3.8"],
    "usearch": ["usearch>=2.10"],
    "test": [
        "aiohttp>=3.9",
        "distributed>=2024.1",
        "gensim>=4.3; python_version < '3.14'",
        "hypothesis>=6.100",
        "pytest>=8",
        "pytest-xdist>=3.5",
        "python-crfsuite>=0.9.10",
    ],
}
EXTRAS["all"] = sorted(
    {p for name in ("models", "dask", "plot", "usearch", "test") for p in EXTRAS[name]}
)

setup(
    name="textzero",
    version=VERSION,
    description="Word statistics, word vectors and small models from raw text alone",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["textzero", "textzero.*"]), "textzero_cli"],
    package_dir={"textzero_cli": "cli"},
    package_data={"textzero": ["py.typed", "kernels/gpu/*.cu", "kernels/gpu/*.cuh"]},
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["textzero = textzero_cli:run"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Text Processing :: Linguistic",
    ],
)
