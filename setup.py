"""Names the packages; `cli/` is installed as `textzero_cli`, so that it claims no common name."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "textzero/version.py").read_text())[1]
README = (HERE / "README.md").read_text(encoding="utf-8")
# On an index there are no files beside the page: their links become their words.
DESCRIPTION = re.sub(r"\[([^]]+)\]\((?!https?://)[^)]+\)", r"\1", README)

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
    "http": ["aiohttp>=3.9"],  # corpora behind http:// and https://
    "dask": ["distributed>=2024.1"],
    "plot": ["matplotlib>=3.8"],
    "report": ["scikit-learn>=1.6"],  # t-SNE maps; without it maps are PCA's
    "sklearn": ["scikit-learn>=1.6"],  # textzero.estimators
    "usearch": ["usearch>=2.10"],
}
EVERYTHING = sorted({p for name in EXTRAS if "cuda" not in name for p in EXTRAS[name]})
EXTRAS["docs"] = [
    "latex2mathml>=3.77",
    "mkdocs>=1.6,<2",
    "mkdocs-material>=9.6",
    "mkdocstrings[python]>=0.30",
    "ruff>=0.6",  # signatures of the reference are laid out by it
]
EXTRAS["test"] = [
    "click>=8.2",  # its CliRunner tells standard error apart
    "aiohttp>=3.9",
    "build>=1.2",
    "datasets>=3",
    "distributed>=2024.1",
    "gensim>=4.3; python_version < '3.14'",
    "hypothesis>=6.100",
    "matplotlib>=3.8",
    "pandas>=2.2",
    "playwright>=1.45",
    "polars>=1",
    "pytest>=8",
    "pytest-xdist>=3.5",
    "python-crfsuite>=0.9.10",
    "scikit-learn>=1.6",
    "setuptools>=77",
]
EXTRAS["all"] = EVERYTHING

setup(
    name="textzero",
    version=VERSION,
    description="Word statistics, words, word vectors and small models, from raw text alone",
    long_description=DESCRIPTION,
    long_description_content_type="text/markdown",
    author="The textzero developers",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        *("word embeddings", "word vectors", "GloVe", "PMI", "co-occurrence", "word counts"),
        *("word discovery", "word segmentation", "Chinese", "tokenizer", "topic clusters"),
        *("named entity recognition", "CRF", "text classification", "saliency", "Keras"),
    ],
    python_requires=">=3.11",
    packages=[*find_packages(include=["textzero", "textzero.*"]), "textzero_cli"],
    package_dir={"textzero_cli": "cli"},
    package_data={
        "textzero": ["py.typed", "kernels/gpu/*.cu", "kernels/gpu/*.cuh", "report/assets/*"]
    },
    include_package_data=False,  # what is installed is named above, whatever lies beside it
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["textzero = textzero_cli:run"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Natural Language :: Chinese (Simplified)",
        "Natural Language :: English",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
)
