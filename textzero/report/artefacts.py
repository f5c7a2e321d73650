"""make_report: from what textzero wrote, whatever it is, to a report on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textzero._arguments import checked
from textzero.corpus import Corpus
from textzero.errors import InputError
from textzero.packed import PackedStrings
from textzero.progress import Progress
from textzero.report.blocks import Report, Section, Text
from textzero.report.kinds import EXPECTED, Kind, kind_of, shown_begin
from textzero.report.scripts import language_of
from textzero.report.wishes import Wishes, named, refuse_useless, takes_texts

if TYPE_CHECKING:
    from textzero.vectors.clustering import Clusters

_TITLES: dict[Kind, str] = {
    "counts": "Counts", "lexicon": "Lexicon", "vectors": "Word vectors", "model": "Model",
    "co-occurrences": "Co-occurrences", "clusters": "Clusters", "templates": "Templates",
}  # fmt: skip
_ORDER = list(_TITLES)  # of a folder: what is shown first
_INSIDE = ("counts.tsv", "lexicon.tsv", "cooccurrence")  # of a vectors folder


@dataclass(frozen=True)
class _Part:
    """What is said of one output."""

    sections: list[Section]
    about: str
    language: str = "und"


@checked
def make_report(
    path: str | Path,
    *,
    texts: Corpus | None = None,
    data: Sequence[str | Path] = (),
    read_data: Callable[[str, list[str | Path]], Any] | None = None,
    clusters: "Clusters | str | Path | None" = None,
    words: int = 50_000,
    tsne: bool = True,
    memory: int | str | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Return a report on what textzero wrote; what it is is told by its content.

    Args:
        path: A table of counts, a lexicon, vectors, co-occurrences, clusters, templates, a model,
            or a folder that holds some of these.
        texts: For a lexicon: where examples are looked for. For a classifier: what it explains.
        data: Gold sets: for vectors those of `evaluate_similarity` and `evaluate_analogies`, for
            a model labelled data, which need Keras.
        read_data: What reads a model's data, of its class ("Tagger", "Reader", "Extractor",
            "Classifier") and the files, such as `read_words`; None: what reads the usual form.
        clusters: For vectors: clusters, or the file of some, that the colours of the map go by.
        words: Rows of tables of words, and words of the map, at most.
        tsne: Whether the map of vectors has t-SNE (from scikit-learn) beside PCA.
        memory: Bound on what is read, such as "1GB"; None: half of the machine's.
        progress: Told how much of each stage is done.
        say: Told in a sentence what labelled data lack.

    Raises:
        InputError: It is none of these, or damaged; the message says what is expected.
        ValueError: Something is given that this output has no use for, or `words` is below 2.
        ImportError: A model's data are given, and Keras is not installed.

    Example:
        >>> import tempfile
        >>> from textzero.counting import count_words
        >>> with tempfile.NamedTemporaryFile(suffix=".tsv") as file:
        ...     count_words(["to be or not to be"]).save(file.name)
        ...     report = make_report(file.name)
        >>> [section.title for section in report.sections][:3]
        ['Words and how often', "Zipf's curve", 'Coverage']
    """
    if words < 2:
        raise ValueError(f"words must be at least 2, got {words}")
    path = Path(path)
    wishes = Wishes(texts, data, read_data, clusters, words, tsne, memory, progress, say)
    kind = kind_of(path)
    if kind is None:
        raise InputError(_unknown(path))
    name = path.resolve().name
    if kind == "folder":
        part = _folder(path, wishes)
        return Report(name, part.sections, part.about, part.language)
    refuse_useless(path, [(path, kind)], wishes)
    part = _MAKERS[kind](path, wishes)
    return Report(f"{_TITLES[kind]}: {name}", part.sections, part.about, part.language)


def _unknown(path: Path) -> str:
    if path.is_dir():
        return f"{path} must be {EXPECTED}; it holds none of them"
    begin = shown_begin(path)
    if not begin:
        return f"{path} is empty; a report needs {EXPECTED}"
    return f"{path} must be {EXPECTED}; {begin}"


# --- one maker a kind ---------------------------------------------------------------------------


def _counts(path: Path, wishes: Wishes) -> _Part:
    from textzero.counts import Counts
    from textzero.report.counts import count_sections

    counts = Counts.load(path, memory=wishes.memory)
    if not len(counts):
        raise InputError(f"{path} is empty; a report needs {EXPECTED}")
    about = f"{len(counts):,} different words, {counts.tokens:,} tokens"
    return _Part(count_sections(counts, words=wishes.words), about, language_of(counts.words))


def _lexicon(path: Path, wishes: Wishes) -> _Part:
    from textzero.lexicon import Lexicon
    from textzero.report.lexicon import lexicon_sections

    lexicon = Lexicon.load(path)
    if not len(lexicon):
        raise InputError(f"{path} must hold words, got none")
    sections = lexicon_sections(
        lexicon, texts=wishes.texts, words=wishes.words, progress=wishes.progress
    )
    return _Part(sections, f"{len(lexicon):,} words", language_of(lexicon.words))


def _vectors(path: Path, wishes: Wishes) -> _Part:
    from textzero.report.clusters import cluster_sections, load_clusters
    from textzero.report.embedding import embedding_sections, made_of
    from textzero.report.evaluation import evaluation_sections
    from textzero.report.vectors import vector_sections
    from textzero.vectors.formats import load_vectors

    vectors = load_vectors(path, memory=wishes.memory, progress=wishes.progress)
    if len(vectors) < 2:
        raise InputError(f"{path} must hold two vectors or more, got {len(vectors)}")
    clusters = wishes.clusters
    if isinstance(clusters, str | Path):
        clusters = load_clusters(clusters)
    sections = vector_sections(
        vectors, clusters=clusters, words=wishes.words, with_tsne=wishes.tsne,
        progress=wishes.progress,
    )  # fmt: skip
    if clusters is not None:
        sections += cluster_sections(clusters, words=wishes.words)
    if wishes.data:
        sections += evaluation_sections(vectors, wishes.data)
    sections += embedding_sections(vectors.manifest)
    alone = replace(wishes, data=(), clusters=None)
    for name in _INSIDE if path.is_dir() else ():
        inside = path / name
        if inside.exists() and (kind := kind_of(inside)) in _MAKERS:
            sections += _MAKERS[kind](inside, alone).sections
    made = made_of(vectors.manifest)
    about = f"{len(vectors):,} words, {vectors.dim} dimensions" + (f", from {made}" if made else "")
    return _Part(sections, about, language_of(_packed(vectors.vocabulary.words)))


def _packed(words: Sequence[str]) -> PackedStrings:
    return words if isinstance(words, PackedStrings) else PackedStrings.from_strings(words)


def _cooccurrences(path: Path, wishes: Wishes) -> _Part:
    from textzero.cooccurrence import Cooccurrence
    from textzero.report.cooccurrence import cooccurrence_sections

    matrix = Cooccurrence.load(path)
    about = f"{len(matrix.vocabulary):,} words, {matrix.records:,} records"
    sections = cooccurrence_sections(matrix, progress=wishes.progress)
    return _Part(sections, about, language_of(matrix.vocabulary.words))


def _clusters(path: Path, wishes: Wishes) -> _Part:
    from textzero.report.clusters import cluster_sections, load_clusters

    clusters = load_clusters(path)
    about = f"{len(clusters):,} clusters of {len(clusters.words):,} words"
    sections = cluster_sections(clusters, words=wishes.words)
    return _Part(sections, about, language_of(_packed(clusters.words)))


def _templates(path: Path, wishes: Wishes) -> _Part:
    from textzero.report.templates import template_sections
    from textzero.structure.templates import Templates

    templates = Templates.load(path)
    if not len(templates):
        raise InputError(f"{path} must hold templates, got none")
    texts = PackedStrings.from_strings([str(template) for template in templates[:2000]])
    sections = template_sections(templates, rows=wishes.words)
    return _Part(sections, f"{len(templates):,} templates", language_of(texts))


def _model(path: Path, wishes: Wishes) -> _Part:
    from textzero.report.models import model_kind, model_language, model_sections

    data: Any = list(wishes.data) or None
    if data and wishes.read_data is not None:
        data = wishes.read_data(model_kind(path), data)
    sections = model_sections(path, data, wishes.texts, say=wishes.say)
    return _Part(sections, named(path, "model"), model_language(path))


def _folder(path: Path, wishes: Wishes) -> _Part:
    """All outputs of a folder, each with its name before the titles of its sections."""
    found: list[tuple[int, Path, Kind]] = []
    others = []
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        kind = kind_of(entry) if entry.is_dir() or entry.is_file() else None
        if kind is None or kind == "folder":
            others.append(entry.name)
        else:
            found.append((_ORDER.index(kind), entry, kind))
    if not found:
        raise InputError(_unknown(path))
    sections: list[Section] = []
    refuse_useless(path, [(entry, kind) for _, entry, kind in found], wishes)
    languages = []
    for _, entry, kind in sorted(found):
        wanted = replace(
            wishes,
            texts=wishes.texts if takes_texts(entry, kind) else None,
            data=wishes.data if kind in ("vectors", "model") else (),
            clusters=wishes.clusters if kind == "vectors" else None,
        )
        part = _MAKERS[kind](entry, wanted)
        languages.append(part.language)
        sections += [replace(s, title=f"{entry.name}: {s.title}") for s in part.sections]
    if others:
        names = ", ".join(others[:20]) + (", ..." if len(others) > 20 else "")
        text = f"Not shown, since a report cannot show it: {names} ({len(others):,} in all)."
        sections.append(Section("What else is in the folder", [Text([text])]))
    about = ", ".join(f"{_TITLES[kind].lower()} ({entry.name})" for _, entry, kind in sorted(found))
    return _Part(sections, about, next((tag for tag in languages if tag != "und"), "und"))


_MAKERS: dict[Kind, Callable[[Path, Wishes], _Part]] = {
    "counts": _counts,
    "lexicon": _lexicon,
    "vectors": _vectors,
    "co-occurrences": _cooccurrences,
    "clusters": _clusters,
    "templates": _templates,
    "model": _model,
}
