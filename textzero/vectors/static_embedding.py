"""A folder that sentence-transformers and model2vec load as a static embedding of sentences.

Both cut a sentence by `tokenizer.json`, take the mean of its tokens' rows in `model.safetensors`
and scale it to length 1. With SIF weights and common directions removed from the rows themselves,
that is `WordVectors.sentence_vector(method="sif")` at length 1; for the differences of tokens see
`tokenizer_json`. model2vec leaves unknown words out of the mean; sentence-transformers counts them
as zeros, which the length takes out again.

Layout: model2vec's (`embeddings`, `config.json`), with the `modules.json` of sentence-transformers.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from textzero._compat import Array
from textzero.errors import InputError
from textzero.files import MANIFEST, whole_file, whole_folder, write_json
from textzero.memory import BASE, memory_bytes
from textzero.tokens import Spec
from textzero.vectors.rows import blocks, room_on_disk
from textzero.vectors.sentence_vectors import SMOOTHING, expected_directions, sif_weights
from textzero.vectors.tensors import write_safetensors
from textzero.vectors.tokenizer_json import tokenizer_json
from textzero.vectors.tokenizing import tokenizer_of
from textzero.vectors.word_vectors import WordVectors
from textzero.version import __version__

KIND = "textzero static-embedding 1"
_MODULES = "sentence_transformers.models."
_CARD = """---
library_name: model2vec
tags:
- embeddings
- static-embeddings
- sentence-transformers
---

# {name}

Static word vectors from raw text, made by textzero {version}: {words:,} words, dimension {dim}.
{weighing} A sentence is the mean of its words' rows, at length 1.

```python
from model2vec import StaticModel

model = StaticModel.from_pretrained("{name}")
```

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")
```
"""


def save_static_embedding(
    vectors: WordVectors,
    path: str | Path,
    *,
    sif: bool = True,
    remove: int = 1,
    tokenizer: Spec | None = None,
) -> None:
    """Write a folder for `SentenceTransformer(path)` and `model2vec.StaticModel.from_pretrained`.

    Args:
        vectors: What to write.
        path: The folder.
        sif: Weigh words by a / (a + p), a = 0.001, and remove what sentences have in common.
            Without it a sentence is the plain mean of its words.
        remove: With `sif`, how many common directions to remove.
        tokenizer: In place of the one that the manifest names: "word", "whitespace", "char" or
            the file of a lexicon.

    Raises:
        InputError: The tokenizer is a Python function, or `sif` finds no counts.
        OutputExistsError: The folder is there, and textzero did not write it.
    """
    settings = vectors.manifest.get("settings") or {}
    cutter = tokenizer_of(settings, vectors.folder, tokenizer)
    content, further = tokenizer_json(cutter, list(vectors.vocabulary))
    rows = _weighted(vectors, remove if sif else None, len(further))
    config: dict[str, Any] = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": cutter.name,
        "hidden_dim": vectors.dim,
        "normalize": True,
        "max_length": None,  # a long text is not cut
        "sif_coefficient": SMOOTHING if sif else None,
        "embedding_dtype": "float32",
    }
    modules = [
        {"idx": 0, "name": "0", "path": ".", "type": f"{_MODULES}StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": f"{_MODULES}Normalize"},
    ]
    with whole_folder(path) as folder:
        write_safetensors(folder / "model.safetensors", {"embeddings": rows}, {"format": "pt"})
        _write(folder / "tokenizer.json", content)
        _write(folder / "config.json", config)
        _write(folder / "modules.json", modules)
        with whole_file(folder / "README.md") as file:
            file.write(_card(Path(path).name, vectors, sif, remove).encode())
        manifest = {
            "kind": KIND, "version": __version__, "words": len(vectors), "dim": vectors.dim,
            "sif": sif, "directions_removed": remove if sif else 0, "rows_of_zeros": len(further),
            "settings": settings,
        }  # fmt: skip
        write_json(folder / MANIFEST, manifest)


def _weighted(vectors: WordVectors, remove: int | None, further: int) -> Array:
    """float32 (n_words + further, dim): rows whose mean is the SIF vector of a sentence.

    With `remove` None they are the vectors as they are. The rows behind the words are zeros.
    """
    shape = (len(vectors) + further, vectors.dim)
    small = 4 * shape[0] * shape[1] <= (memory_bytes(vectors.memory) - BASE) // 2
    rows = np.zeros(shape, np.float32) if small else room_on_disk(shape)
    counts = vectors.vocabulary.counts
    if remove is not None and not counts.any():
        raise InputError(
            "SIF weighs words by their counts, and these vectors come without; "
            "--no-sif (sif=False) writes them as they are"
        )
    if remove is not None:
        directions = expected_directions(vectors.vectors, counts, remove)
        weights = sif_weights(counts)[:, None]
    for part in blocks(len(vectors), vectors.dim):
        rows[part] = vectors.vectors[part]
        if remove is not None:
            rows[part] *= weights[part]
            rows[part] -= (rows[part] @ directions.T) @ directions
    return rows


def _card(name: str, vectors: WordVectors, sif: bool, remove: int) -> str:
    weighing = (
        f"Words are weighed by smooth inverse frequency (a = {SMOOTHING:g}), directions removed "
        f"that all sentences share: {remove}."
        if sif
        else "Words are not weighed."
    )
    return _CARD.format(
        name=name, version=__version__, words=len(vectors), dim=vectors.dim, weighing=weighing
    )


def _write(path: Path, content: Any) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, allow_nan=False).encode())
