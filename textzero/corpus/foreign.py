"""Files that people take for texts and that are none, told by their first bytes; what to do."""

from textzero.corpus.compression import compression_of

COMPRESSION_SUFFIXES = {".gz", ".bz2", ".xz", ".lzma", ".zst", ".zstd"}
_ARCHIVES = ((b"PK\x03\x04", "zip"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "rar"))
_PICTURE = "a picture is no text; read it first, such as with tesseract"
_OFFICE_FILE = "an Office document or e-book is no plain text; save it as plain text first"
# files that people take for texts, and what to do with them
_NO_TEXTS = (
    (b"%PDF-", "a PDF is no text; extract its text first, such as with pdftotext"),
    (b"\x89PNG\r\n", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE_FILE),
    (b"SQLite format 3\0", "a database is no text; export its texts first, such as to CSV"),
    (b"\x7fELF", "a program is no text"),
)
_OFFICE = (".docx", ".odt", ".pptx", ".xlsx", ".odp", ".ods", ".epub")


def no_text(path: str, head: bytes) -> str:
    """Say what a file is that is no text, and what to do about it; "" for others."""
    if head.startswith(b"PK\x03\x04") and path.lower().endswith(_OFFICE):
        return _OFFICE_FILE
    if archive := _archive_of(path, head):
        return f"{archive} must be unpacked first"
    return next((what for magic, what in _NO_TEXTS if head.startswith(magic)), "")


def _archive_of(path: str, head: bytes) -> str:
    """Name the kind of a file that holds files, "" for others."""
    name = path.lower()
    is_tar = name.endswith((".tgz", ".tbz2", ".txz", *(f".tar{s}" for s in COMPRESSION_SUFFIXES)))
    if head[257:262] == b"ustar" or (is_tar and compression_of(head)):
        return "a tar archive"
    return next((f"a {kind} archive" for magic, kind in _ARCHIVES if head.startswith(magic)), "")
