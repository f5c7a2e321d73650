"""run_demo: from a folder of texts to a page of what is in it.

A step that is done is noted in the workspace inside the output folder, so that the same command
goes on where it was broken off. The manifest, which comes first, says whose the folder is, also
when `textzero clean` has removed that workspace.
"""

import platform
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from textzero.demo.steps import OURS, REPORT, Demo, Steps
from textzero.demo.texts import folder_texts
from textzero.disk import disk
from textzero.errors import OutputExistsError
from textzero.files import MANIFEST, read_json, refuse_missing_folder, write_json
from textzero.progress import Progress
from textzero.version import __version__
from textzero.workspace import SUFFIX, Stage, Workspace

KIND = "textzero demo 1"
_STAGE = "demo"


def run_demo(
    folder: str | Path | None = None,
    output: str | Path = "demo",
    *,
    field: str | None = None,
    models: Callable[[], str] | None = None,
    seed: int = 0,
    memory: int | str | None = None,
    workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Demo:
    """Count, discover, embed, cluster and classify the texts of a folder; write one page of it.

    Args:
        folder: Texts, with sub-folders for labels if there are any; None for the docstrings and
            comments of Python's own library.
        output: Folder to write: report.html and what it shows.
        field: Text field of JSON lines, or column of tables; None for text.
        models: Called before a classifier is trained; returns why none can be, "" if one can. None
            looks for Keras.
        seed: Of all draws.
        memory: Bound in bytes or as "2GB".
        workers: Threads; None for one per processor.
        force: Make it anew where it was made before.
        progress: Told how far each stage is.
        say: Told in a line what each step has found.

    Raises:
        InputError: The folder is not there, or holds too little text.
        OutputExistsError: The output is there, and `force` is not set; or it holds something else.
        ResourceError: There is too little disk or memory.
    """
    output, begun = Path(output), perf_counter()
    _refuse(output, force)
    refuse_missing_folder(output)
    there = output.is_dir()
    try:
        source = None if folder is None else folder_texts(folder, output, field)
        with Workspace.inside(output, say=say) as workspace:
            key = {"textzero": __version__, "python": platform.python_version(), "seed": seed,
                   "texts": [] if source is None else source.corpus.fingerprint(),
                   **({} if field is None else {"field": field})}  # fmt: skip
            stage = workspace.stage(_STAGE, key)
            if force or not stage.entries():
                _clear(output, stage)
                write_json(output / MANIFEST, {"kind": KIND})  # the rest comes at the end
            run = Steps(Demo(output), stage, workspace, seed, memory, workers, progress, say)
            run.all(folder, source, models or _no_keras)
            run.finish(KIND, begun)
    finally:
        if not there and output.is_dir() and {path.name for path in output.iterdir()} <= {MANIFEST}:
            disk().remove_folder(output)
    return run.demo


def _refuse(output: Path, force: bool) -> None:
    """Raise OutputExistsError unless the output is new, the demo's own, or may be made anew."""
    if output.is_dir():
        names = {entry.name for entry in output.iterdir()}
        begun = any((output / SUFFIX).glob(f"{_STAGE}-*"))
        if not names or (begun and MANIFEST not in names):
            return
        told = read_json(output / MANIFEST) if MANIFEST in names else {}
        ours, finished = told.get("kind") == KIND, "steps" in told
        if ours and (force or not finished):
            return
        if ours:
            raise OutputExistsError(
                f"{output} holds a demo already; open {output / REPORT}, choose another folder "
                "with -o, or pass --force"
            )
    if output.exists() or output.is_symlink():
        raise OutputExistsError(
            f"{output} holds something that the demo did not make; choose another folder with -o"
        )


def _clear(output: Path, stage: Stage) -> None:
    """Remove what an earlier demo has made; nothing else that lies in the folder."""
    for name in stage.entries():
        stage.withdraw(name)
    for name in (MANIFEST, *OURS):
        path = output / name
        if path.is_dir() and not path.is_symlink():
            disk().remove_folder(path)
        else:
            disk().remove(path)


def _no_keras() -> str:
    try:
        import textzero.models  # noqa: F401
    except ImportError as error:
        return str(error)
    return ""
