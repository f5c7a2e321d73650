"""The steps of the demo: what each one makes, says and adds to the page."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from textzero.corpus import Corpus, Reading
from textzero.counting import count_words
from textzero.counts import Counts
from textzero.demo import words as tastes
from textzero.demo.labels import labels_of_folders, write_labelled
from textzero.demo.spaceless import (
    Spaceless,
    compare,
    find_again,
    spaceless_sections,
    write_spaceless,
)
from textzero.demo.texts import Texts, limited, python_texts, standard_library
from textzero.discovery.discover import discover_words
from textzero.disk import disk
from textzero.errors import InputError
from textzero.files import MANIFEST, peak_memory, write_json
from textzero.lexicon import Lexicon
from textzero.progress import Progress
from textzero.report.blocks import Report, Section
from textzero.report.clusters import cluster_sections, load_clusters
from textzero.report.counts import count_sections
from textzero.report.lexicon import lexicon_sections
from textzero.report.page import write_page
from textzero.report.scripts import language_of
from textzero.report.templates import template_sections
from textzero.report.vectors import vector_sections
from textzero.shown.text import counted, typed
from textzero.structure.finding import find_templates
from textzero.structure.templates import Templates
from textzero.vectors.clustering import Clusters
from textzero.vectors.pipeline import embed
from textzero.vectors.word_vectors import WordVectors
from textzero.version import __version__
from textzero.workspace import Stage, Workspace

REPORT = "report.html"
_TEMPLATE_BYTES = 4_000_000  # of text in which templates are looked for
ORDER = ("embed", "cluster", "discover", "phrases", "templates", "classify", "count")  # on the page
OURS = (
    *("texts", "letters", "counts.tsv", "lexicon.tsv", "phrases.tsv", "vectors", "clusters.tsv"),
    *("templates.tsv", "labelled", "classifier", REPORT, MANIFEST),
)
Made = TypeVar("Made")


@dataclass
class Demo:
    """What the demo has made.

    Attributes:
        output: The folder.
        about: What it read, in a phrase.
        steps: (name, what was found, the command that does it) of each step.
        losses: What was not read, in sentences.
        seconds: Of each step.
        sections: Of the page, by step.
        next: Commands to try.
    """

    output: Path
    about: str = ""
    steps: list[tuple[str, str, str]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sections: dict[str, list[Section]] = field(default_factory=dict)
    next: list[str] = field(default_factory=list)

    @property
    def report(self) -> Path:
        """The page."""
        return self.output / REPORT


class Steps:
    """The steps of one demo, in their order."""

    def __init__(
        self,
        demo: Demo,
        stage: Stage,
        workspace: Workspace,
        seed: int,
        memory: int | str | None,
        workers: int | None,
        progress: Progress | None,
        say: Callable[[str], None],
    ) -> None:
        self.demo, self.stage, self.workspace, self.seed = demo, stage, workspace, seed
        self.output, self.say, self.progress = demo.output, say, progress or Progress()
        self.how: dict[str, Any] = {"memory": memory, "workers": workers, "progress": self.progress}
        self.done = stage.entries()
        self._begun = perf_counter()

    # --- what all steps share ---------------------------------------------------------------

    def kept(
        self, name: str, load: Callable[[Path], Made], make: Callable[[Path], None]
    ) -> tuple[Path, Made]:
        """Return a file, made or from before the run was broken off, and what it holds."""
        path, noted = self.output / name, name.replace("/", "-")
        if noted not in self.done or not path.exists():
            make(path)
            self.stage.commit(noted, {"file": name})
        return path, load(path)

    def found(self, name: str, what: str, command: str = "") -> None:
        """Say what a step has found."""
        self.demo.seconds[name] = round(perf_counter() - self._begun, 3)
        self._begun = perf_counter()
        self.demo.steps.append((name, what, command))
        self.say(f"{name:<10} {what}")

    def left_out(self, name: str, why: str) -> None:
        """Say why a step was left out."""
        self.demo.losses.append(f"{name} was left out: {why}")
        self.say(f"{name:<10} left out: {why}")

    # --- the steps --------------------------------------------------------------------------

    def all(
        self, folder: str | Path | None, source: Texts | None, models: Callable[[], str]
    ) -> None:
        """Do them."""
        if source is None:
            if "texts" in self.done and (self.output / "texts").is_dir():
                root, told = self.output / "texts", self.done["texts"]
                source = Texts(Corpus(root), root, told["about"], told["losses"])
            else:
                source = python_texts(standard_library(), self.output)
        source = limited(source, self.output)
        self.stage.commit("texts", {"about": source.about, "losses": source.losses})
        self.source, corpus = source, source.corpus
        own = folder is None or corpus.paths == (str(self.output / "texts"),)
        self.where = typed(self.output / "texts" if own else str(folder))
        if not own:
            self.where += tastes.but_for(self.output, str(folder), source.exclude)
            self.where += "" if source.field is None else f" --column {typed(source.field)}"
            self.where += " --encoding auto" if tastes.is_foreign(corpus) else ""
        self.demo.about = source.about
        self.demo.losses += source.losses
        self.found("texts", source.about)
        for line in source.losses:
            self.say(f"{'':<10} {line}")
        spaced = tastes.has_spaces(corpus)
        lexicon = None if spaced else self._discover()
        counts = self._count(lexicon)
        if spaced:
            self._without_spaces()
            self._phrases()
        vectors = self._embed(counts, lexicon)
        self._templates(lexicon)
        self._classify(vectors, models)

    def _count(self, lexicon: Path | None) -> Counts:
        tokenizer = "word" if lexicon is None else str(lexicon)

        def make(path: Path) -> None:
            counts = count_words(
                self.source.corpus, tokenizer=tokenizer, lowercase=True, **self.how
            )
            counts.save(path)
            facts = {"tokens": counts.tokens, "reading": asdict(counts.reading)}
            self.stage.commit("counted", facts)

        path, counts = self.kept("counts.tsv", Counts.load, make)
        told = self.stage.entries()["counted"]
        counts.tokens, counts.reading = int(told["tokens"]), Reading(**told["reading"])
        self.demo.losses += counts.reading.losses()
        self.counts = counts
        self.demo.sections["count"] = tastes.some(count_sections(counts), 0, 1, -1)
        what = f"{counts.tokens:,} words, {len(counts):,} different"
        usual = tastes.frequent(counts)
        given = "" if lexicon is None else f" --tokenizer {typed(lexicon)}"
        self.found("count", what + (usual and f"; most frequent: {usual}"),
                   f"textzero count {self.where} --lowercase{given} -o {path.name}")  # fmt: skip
        return counts

    def _discover(self) -> Path:
        def make(path: Path) -> None:
            lexicon = discover_words(self.source.corpus, lowercase=True, seed=self.seed, **self.how)
            if not len(lexicon):
                raise InputError(f"{self.where} holds too little text to find words in")
            lexicon.save(path)

        path, lexicon = self.kept("lexicon.tsv", Lexicon.load, make)
        self.demo.sections["discover"] = [
            *tastes.some(lexicon_sections(lexicon, texts=self.source.corpus), 0),
            tastes.cut_section(lexicon, self.source.corpus),
        ]
        first = tastes.listed([word for word in lexicon if len(word) > 1][:8])
        what = tastes.such_as(counted(len(lexicon), "words") + " without a dictionary", first)
        self.found("discover", what,
                   f"textzero discover {self.where} --lowercase -o {path.name}")  # fmt: skip
        self.demo.next.append(f"textzero segment {typed(path)} {self.where} | head")
        return path

    def _without_spaces(self) -> None:
        folder = self.output / "letters"
        gold, plain = folder / "with-spaces.txt", folder / "without-spaces.txt"

        def make(path: Path) -> None:
            disk().make_folder(folder, exist_ok=True)
            whole = write_spaceless(self.source.corpus, gold, plain)
            find_again(plain, path, seed=self.seed, **self.how)
            self.stage.commit("letters", {"whole": whole})

        def load(path: Path) -> Spaceless:
            return compare(gold, path, bool(self.stage.entries()["letters"]["whole"]))

        try:
            path, found = self.kept("letters/lexicon.tsv", load, make)
        except InputError as error:  # no letters that come twice
            self.left_out("discover", str(error))
            return
        self.demo.sections["discover"] = spaceless_sections(found)
        what = (f"all spaces taken out, {found.longer:,} words found again, "
                f"{found.share:.0%} of them real")  # fmt: skip
        command = f"textzero discover {typed(plain)} --unit letter -o {path.name}"
        self.found("discover", tastes.such_as(what, tastes.listed(found.first(8))), command)

    def _phrases(self) -> None:
        def make(path: Path) -> None:
            phrases = discover_words(
                self.source.corpus, unit="word", lowercase=True, seed=self.seed, **self.how
            )
            phrases.dropped = None
            phrases.save(path)

        try:
            path, phrases = self.kept("phrases.tsv", Lexicon.load, make)
        except InputError as error:
            self.left_out("phrases", str(error))
            return
        several = [word for word in phrases if " " in word]
        if not several:
            self.left_out("phrases", "no words stand together often enough")
            return
        [section, *_] = lexicon_sections(phrases, texts=self.source.corpus)
        self.demo.sections["phrases"] = [replace(section, title="Phrases")]
        command = f"textzero discover {self.where} --unit word --lowercase -o {path.name}"
        self.found("phrases", f"{len(several):,}: {tastes.listed(several[:7])}", command)

    def _embed(self, counts: Counts, lexicon: Path | None) -> WordVectors | None:
        folder = self.output / "vectors"
        least = tastes.least_count(counts.tokens)
        settings = tastes.vector_settings(counts, least, self.seed)
        tokenizer = "word" if lexicon is None else str(lexicon)
        try:
            vectors = embed(
                self.source.corpus, folder, tokenizer=tokenizer, lowercase=True, min_count=least,
                settings=settings, device="cpu", force=True, **self.how,
            )  # fmt: skip
        except InputError as error:
            self.left_out("embed", str(error))
            return None
        clusters = self._cluster(vectors)
        drawn = vector_sections(vectors, clusters=clusters, progress=self.progress)
        self.demo.sections["embed"] = tastes.some(drawn, 0, 1)
        if clusters is not None:
            self.demo.sections["cluster"] = tastes.some(cluster_sections(clusters), 0)
        given = "" if lexicon is None else f" --tokenizer {typed(lexicon)}"
        near = tastes.neighbours(vectors)
        shown = "; ".join(f"{word} ~ {', '.join(others)}" for word, others in near)
        self.found("embed", tastes.such_as(counted(len(vectors), "vectors"), shown),
                   f"textzero embed {self.where} --lowercase{given} --min-count {least} "
                   f"--dim {settings.dim} -o {folder.name}")  # fmt: skip
        where = typed(folder)
        if clusters is not None:
            groups = " | ".join(tastes.groups(clusters))
            self.found("cluster", tastes.such_as(counted(len(clusters), "clusters"), groups),
                       f"textzero cluster {where} -o clusters.tsv")  # fmt: skip
        word = near[0][0] if near else next(filter(tastes.is_word, vectors.vocabulary), "")
        if word:
            self.demo.next.insert(0, f"textzero similar {where} {word}")
        self.demo.next.append(f"textzero cluster {where}")
        self.demo.next.append(f"textzero report {where} -o vectors.html")
        return vectors

    def _cluster(self, vectors: WordVectors) -> Clusters | None:
        def make(path: Path) -> None:
            vectors.cluster(seed=self.seed, **self.how).save(path)

        try:
            return self.kept("clusters.tsv", load_clusters, make)[1]
        except InputError as error:
            self.left_out("cluster", str(error))
            return None

    def _templates(self, lexicon: Path | None) -> None:
        tokenizer = "word" if lexicon is None else str(lexicon)
        texts, limited = tastes.first_bytes(self.source.corpus, _TEMPLATE_BYTES)

        def make(path: Path) -> None:
            found = find_templates(texts, tokenizer=tokenizer, lowercase=True, **self.how)
            found.save(path)

        path, found = self.kept("templates.tsv", Templates.load, make)
        shown = [t for t in found if t.kind == "template"] or list(found)
        if not shown:
            self.left_out("templates", "no words stand in the same frame often enough")
            return
        part = " in the first 4 MB of the texts" if limited else ""
        sections = template_sections(found)
        note = f"Looked for{part}." if limited else ""
        self.demo.sections["templates"] = tastes.noted(sections[:1], note)
        given = "" if lexicon is None else f" --tokenizer {typed(lexicon)}"
        command = f"textzero templates {self.where} --lowercase{given} -o {path.name}"
        self.found(
            "templates", f"{len(found):,}{part}: {' | '.join(tastes.frames(shown))}", command
        )

    def _classify(self, vectors: WordVectors | None, models: Callable[[], str]) -> None:
        labelled = labels_of_folders(self.source.root, self.output, self.seed, self.source.field)
        if labelled is None:
            self.left_out("classify", "no two sub-folders have 60 texts of their own to be labels")
            return
        if why := models():
            self.left_out("classify", why)
            return
        from textzero.demo.classifying import classified

        folder = self.output / "labelled"
        disk().make_folder(folder, exist_ok=True)
        write_labelled(labelled.train, folder / "train.tsv")
        write_labelled(labelled.validation, folder / "validation.tsv")
        write_labelled(labelled.held_out, folder / "held-out.tsv")

        def make(path: Path) -> None:
            from textzero.demo.classifying import train

            train(labelled, vectors, path, self.workspace, self.seed, self.progress)

        path, _ = self.kept("classifier", lambda path: path, make)
        what, sections = classified(path, labelled)
        self.demo.sections["classify"] = sections
        learn, stop, held_out = (
            typed(folder / f"{name}.tsv") for name in ("train", "validation", "held-out")
        )
        begin = "" if vectors is None else f" --vectors {typed(self.output / 'vectors')}"
        self.found("classify", what, f"textzero train classifier {learn} --validation {stop}"
                   f"{begin} -o {path.name}")  # fmt: skip
        self.demo.next.insert(1, f"textzero saliency {typed(path)} {held_out} -o why.html")

    # --- the page ---------------------------------------------------------------------------

    def finish(self, kind: str, begun: float) -> None:
        """Write the page, then the manifest."""
        demo = self.demo
        demo.next = demo.next[:3]
        first = tastes.overview(demo.steps, demo.losses, demo.next)
        language = language_of(self.counts.words)
        title = "What is in these texts"
        parts = [section for step in ORDER for section in demo.sections.get(step, ())]
        report = Report(title, [first, *parts], f"{demo.about}.", language)
        with self.progress.stage("report", 1, "pages"):
            write_page(report, demo.report)
        demo.seconds["report"] = round(perf_counter() - self._begun, 3)
        demo.seconds["all"] = round(perf_counter() - begun, 3)
        write_json(self.output / MANIFEST, {
            "kind": kind, "textzero": __version__, "python": platform.python_version(),
            "texts": demo.about, "seed": self.seed,
            "steps": [{"step": a, "found": b, "command": c} for a, b, c in demo.steps],
            "losses": demo.losses, "seconds": demo.seconds, "peak_memory": peak_memory(),
        })  # fmt: skip
