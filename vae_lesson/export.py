"""The course as static pages: every notebook run afresh and written as HTML that needs no Python and no network."""

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from vae_lesson.lab import NOTEBOOKS
from vae_lesson.page import FILES, Lesson, contents_page, lesson_page
from vae_lesson.search_index import Section, script, sections


def export(folder: Path, names: Sequence[str] = ()) -> None:
    """Run notebooks and write them as a folder of pages; progress is printed.

    The folder is written whole or not at all, and an earlier export that stands there is replaced.

    Args:
        folder: where to; made if need be.
        names: files, or how the names of the course's notebooks begin ("05"); all notebooks if there are none.

    Raises:
        ValueError: a name that fits no notebook, a folder with something else in it, or a cell that failed.
    """
    lessons = [Lesson.read(path) for path in find(names)]
    if folder.exists() and any(folder.iterdir()) and not (folder / "assets" / "page.js").exists():
        raise ValueError(f"{folder} holds something else than an earlier export: name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        pages = Path(temporary, "pages")
        shutil.copytree(FILES, pages / "assets", ignore=shutil.ignore_patterns("*.j2", "conf.json"))
        index: list[Section] = []
        for place, lesson in enumerate(lessons):
            html = lesson_page(run(lesson.path), lessons, place)
            (pages / lesson.page).write_text(html, encoding="utf-8")
            index += sections(html, lesson.page, lesson.title)
        (pages / "assets" / "search_index.js").write_text(script(index), encoding="utf-8")
        (pages / "index.html").write_text(contents_page(lessons), encoding="utf-8")
        if folder.exists():
            folder.rename(Path(temporary, "old"))
        pages.rename(folder)
    print(f"open {folder / 'index.html'}")


def find(names: Sequence[str]) -> list[Path]:
    """The notebooks that are meant, in the order of the course and each once."""
    course = sorted(NOTEBOOKS.glob("*.ipynb"))
    if not names:
        if not course:
            raise ValueError(f"no notebooks at {NOTEBOOKS}: name some, or work in a clone")
        return course
    found: set[Path] = set()
    for name in names:
        paths = [Path(name)] if name.endswith(".ipynb") and Path(name).exists() else []
        paths = paths or [path for path in course if path.name.startswith(name)]
        if not paths:
            known = ", ".join(path.stem for path in course)
            raise ValueError(f"no notebook {name!r}; the course has {known or 'none here'}")
        found.update(path.resolve() for path in paths)
    return sorted(found, key=lambda path: path.name)


def run(path: Path) -> NotebookNode:
    """The notebook after a run from top to bottom in a new kernel, with its outputs and the state of its widgets.

    Raises:
        ValueError: a cell failed, or the kernel died.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=None,  # a training takes as long as it takes
        kernel_name="python3",
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    environment = os.environ | {"VAE_LESSON_NO_PROGRESS": "1"}  # a page shows nobody's hints
    with client.setup_kernel(env=environment):  # and not client.execute(), which answers Ctrl-C with a riddle
        for index, cell in enumerate(tqdm(notebook.cells, path.name, unit=" cells")):
            try:
                client.execute_cell(cell, index)
            except (CellExecutionError, DeadKernelError) as error:
                what = "the kernel died, perhaps for want of memory"
                if isinstance(error, CellExecutionError):
                    what = f"{error.ename}: {error.evalue}"
                raise ValueError(f"{path.name}: {what}\nNo page was written. The cell:\n{cell.source}") from error
            except KeyboardInterrupt:
                logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # the request that is cut off would complain
                raise
    client.set_widgets_metadata()
    return notebook
