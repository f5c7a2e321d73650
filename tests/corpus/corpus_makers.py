"""Files of any compression, and all that a corpus reads of them."""

import bz2
import gzip
import lzma

from textzero.corpus import Reading
from textzero.corpus.sources import zstd_module

COMPRESS = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd_module().compress(data),
}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(corpus, size=1 << 22):
    """All documents that are not empty, and what was said about reading them."""
    reading = corpus.new_reading()
    documents, waiting, stored = [], "", 0
    for split in corpus.splits(size):
        for piece in corpus.pieces(split, reading):
            stored += piece.stored
        for text, ended in corpus.parts(split, Reading()):
            waiting += text
            if ended:
                documents += [waiting] if waiting else []
                waiting = ""
    assert waiting == ""
    assert stored <= reading.bytes
    return documents, reading
