"""Vector files of other tools, read and written by the name of their format.

A writer never writes what it could not read back; only spaCy's reader takes more than ours, a
phrase that ends with a number.
"""

from collections.abc import Iterable
from pathlib import Path

from textzero._arguments import checked
from textzero.corpus.compression import decompression_errors
from textzero.errors import InputError
from textzero.files import whole_file
from textzero.progress import Progress, Watched
from textzero.tokens import Spec
from textzero.vectors.parquet import MAGIC, read_parquet, write_parquet
from textzero.vectors.projector import TENSORS, read_projector, write_projector
from textzero.vectors.word2vec import (
    is_number,
    open_file,
    parse_header,
    read_binary,
    read_text,
    read_up_to,
    write_rows,
)
from textzero.vectors.word_vectors import WordVectors
from textzero.vocabulary import Vocabulary

FORMATS = ("textzero", "word2vec", "word2vec-binary", "glove", "projector", "parquet")
WRITABLE = (*FORMATS, "spacy", "static-embedding")
_PROBE = 1 << 16  # bytes that tell the format


@checked
def load_vectors(
    path: str | Path,
    format: str = "auto",
    limit: int | None = None,
    memory: int | str | None = None,
    progress: Progress | None = None,
) -> WordVectors:
    """Read vectors in any of FORMATS.

    Args:
        path: A file (word2vec and GloVe also gzip, bz2, xz or zstd), or a folder for "textzero"
            and "projector".
        format: One of FORMATS, or "auto" to tell by the content.
        limit: Read only the first words.
        memory: Bound on memory, such as "1GB"; numbers beyond it are mapped from a temporary file.
            None: half of the machine's.
        progress: Told what was read of a file that is read, not mapped.

    Raises:
        InputError: The file is not what it claims to be; the message names row and column.
        ValueError: There is no such format.
    """
    path = Path(path)
    if format == "auto":
        format = detect_format(path)
    if format not in FORMATS:
        raise ValueError(f"format must be auto or one of {', '.join(FORMATS)}, got {format!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if format == "textzero":
        vectors = WordVectors.load(path)
        return vectors if limit is None else _first(vectors, limit)
    progress = progress or Progress()
    if format == "projector":
        return read_projector(path, limit, memory, progress)
    if format == "parquet":
        return read_parquet(path, limit, memory, progress)
    stream, size = open_file(path)
    try:
        with stream, progress.stage("read", max(size, 0)):
            watched = Watched(stream, progress)
            if format == "word2vec-binary":
                return read_binary(path, watched, size, limit, memory)
            return read_text(path, watched, size, format == "word2vec", limit, memory)
    except decompression_errors() as error:
        raise InputError(f"{path} is cut or corrupt: {error}") from error


def _first(vectors: WordVectors, limit: int) -> WordVectors:
    vocabulary = Vocabulary(vectors.vocabulary[:limit], vectors.vocabulary.counts[:limit])
    context = None if vectors.context is None else vectors.context[:limit]
    first = WordVectors(vocabulary, vectors.vectors[:limit], context, vectors.manifest)
    first.folder = vectors.folder
    return first


def detect_format(path: Path) -> str:
    """Tell the format by folder, header line and first row.

    Raises:
        InputError: It is none of FORMATS.
    """
    if path.is_dir():
        if (path / TENSORS).exists():
            return "projector"
        return "textzero"
    stream, _ = open_file(path)
    try:
        with stream:
            head = read_up_to(stream, _PROBE)
    except decompression_errors() as error:
        raise InputError(f"{path} is cut or corrupt: {error}") from error
    if head.startswith(MAGIC):
        return "parquet"
    line, newline, rest = head.partition(b"\n")
    header = parse_header(line) if newline else None
    if header is not None:
        row, ended, _ = rest.partition(b"\n")
        fields = row.rstrip().split(b" ")
        if not ended and len(head) == _PROBE:  # a long row, whose last field may be cut
            fields.pop()
        numbers = fields[max(1, len(fields) - header[1]) :]  # a word may wrongly hold spaces
        is_text = bool(numbers) and all(map(is_number, numbers))
        return "word2vec" if is_text or not rest else "word2vec-binary"
    fields = line.rstrip().split(b" ")
    if len(fields) > 2 and all(is_number(f) for f in fields[-2:]):
        return "glove"
    raise InputError(
        f"{path} must be a vector file (word2vec text or binary, GloVe text), got {line[:40]!r}; "
        "textzero embed makes vectors of a text"
    )


@checked
def save_vectors(
    vectors: WordVectors,
    path: str | Path,
    format: str,
    *,
    escape: bool = False,
    sif: bool = True,
    remove: int = 1,
    tokenizer: Spec | None = None,
    progress: Progress | None = None,
) -> None:
    """Write vectors for another tool.

    Args:
        vectors: What to write. "textzero" and "parquet" keep the other matrix too, the rest
            `vectors.vectors` alone; `vectors.part` gives another one.
        path: A file, or a folder for "textzero", "projector" and "static-embedding".
        format: One of WRITABLE. "spacy" is what `spacy init vectors` reads: word2vec text, in
            which a word may hold spaces.
        escape: Write the white space of a word as an underscore instead of refusing it.
        sif, remove, tokenizer: For "static-embedding"; see `save_static_embedding`.
        progress: Told how many words of a text or binary file were written.

    Raises:
        InputError: A word holds white space, which the format separates with, or two words would
            be the same when escaped.
        ValueError: There is no such format.
    """
    if format not in WRITABLE:
        raise ValueError(f"format must be one of {', '.join(WRITABLE)}, got {format!r}")
    progress = progress or Progress()
    rows = format not in ("textzero", "projector", "parquet", "static-embedding")
    with progress.stage("write", len(vectors) if rows else 0, "words"):
        _write(vectors, path, format, escape, sif, remove, tokenizer, progress)


def _write(
    vectors: WordVectors,
    path: str | Path,
    format: str,
    escape: bool,
    sif: bool,
    remove: int,
    tokenizer: Spec | None,
    progress: Progress,
) -> None:
    if format == "textzero":
        vectors.save(path)
    elif format == "projector":
        write_projector(vectors, path)
    elif format == "parquet":
        write_parquet(vectors, path)
    elif format == "static-embedding":
        from textzero.vectors.static_embedding import save_static_embedding

        save_static_embedding(vectors, path, sif=sif, remove=remove, tokenizer=tokenizer)
    else:
        header, binary = format != "glove", format == "word2vec-binary"
        if escape:
            _refuse_equals(vectors.vocabulary, format)
        words = (_writable(word, format, escape) for word in vectors.vocabulary)
        with whole_file(path) as file:
            write_rows(
                file, words, vectors.vectors, header=header, binary=binary, progress=progress
            )


def _writable(word: str, format: str, escape: bool) -> str:
    """A word as the format can hold it.

    Raises:
        InputError: It has white space, which separates, and is not to be escaped.
    """
    parts = word.split(" ") if format == "spacy" else [word]
    if [part for piece in parts for part in piece.split()] == parts:
        return word
    if not escape:
        raise InputError(
            f"{format} cannot hold the word {word!r}, which has white space; "
            "--escape writes underscores for it"
        )
    return "_".join(word.split()) or "_"


def _refuse_equals(words: Iterable[str], format: str) -> None:
    """Raise InputError when two words would be the same once they are escaped."""
    changed: dict[str, int] = {}
    for word in words:
        written = _writable(word, format, True)
        if written != word:
            changed[written] = changed.get(written, 0) + 1
    same = sum(changed.values()) > len(changed) or any(word in changed for word in words)
    if same:
        raise InputError("two words are the same once their white space is escaped")
