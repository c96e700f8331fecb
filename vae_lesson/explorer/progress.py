"""Progress: which exercises of the course are solved, and buttons that start a lesson afresh. Used in 00_start_here."""

import json
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from itertools import accumulate
from math import ceil
from pathlib import Path

import traitlets
from matplotlib.figure import Figure

from vae_lesson import progress
from vae_lesson.exercises.exercise import Exercise
from vae_lesson.explorer.bundle import HERE, bundle, style
from vae_lesson.explorer.pictures import PLACED, png
from vae_lesson.explorer.widget import LessonWidget
from vae_lesson.lab import NOTEBOOKS
from vae_lesson.working_copies import KEPT, WorkingCopies

ACROSS = 8  # exercises beside each other in the picture
INK = "#1b1b1b"
NO_COPIES = (
    "These are the course's own pages, in which no progress is kept. `make lab` opens copies of them in JupyterLab "
    "that are yours: there your solutions are counted here, and a button starts a lesson afresh."
)


class Progress(LessonWidget):
    """The lessons, each with its exercises, the solved ones filled, and a button that starts it afresh.

    A lesson that is started afresh loses nothing: the reader's copy is moved to the folder kept/.
    """

    _esm = bundle("progress.js")
    _css = style() + (HERE / "progress.css").read_text(encoding="utf-8")

    lessons = traitlets.List(traitlets.Dict()).tag(sync=True)  # of each: file, title, solved (a list of bools), newer
    note = traitlets.Unicode().tag(sync=True)  # why nothing can be started afresh; empty where it can
    said = traitlets.Unicode().tag(sync=True)  # what became of the last wish
    wish = traitlets.List(traitlets.Unicode()).tag(sync=True)  # files that the page's buttons ask to start afresh
    glances = traitlets.Int().tag(sync=True)  # how often the page came into sight

    def __init__(self) -> None:
        super().__init__()
        self._look()

    def afresh(self, *files: str) -> None:
        """Put fresh copies in the place of the reader's, which are moved to kept/; what was done is told in `said`.

        Args:
            files: names of lessons' files, such as "05_gaussian_kl.ipynb".

        Raises:
            ValueError: a name is no lesson's, or this is not a folder of working copies.
        """
        copies = self._copies()
        if copies is None:
            raise ValueError(NO_COPIES)
        for file in files:
            if file not in (known := [lesson["file"] for lesson in self.lessons]):
                raise ValueError(f"files holds {file!r}; wanted some of {', '.join(known)}")
        kept = [path.name for file in files for path in copies.reset(Path(file))]
        done = "The lesson is" if len(files) == 1 else "All lessons are"
        told = f"What you had is now in the folder {KEPT}: {', '.join(kept)}." if kept else "There was nothing to keep."
        with self.hold_sync():  # the page hears of both at once
            self.said = f"{done} fresh. {told} If a page is open: File > Reload Notebook from Disk."
            self._look()

    def snapshot(self) -> bytes:
        """A picture (PNG) of the lessons and their exercises, drawn without a browser."""
        tops = [0, *accumulate(max(1, ceil(len(lesson["solved"]) / ACROSS)) for lesson in self.lessons)]
        figure = Figure(figsize=(8.6, 0.2 + 0.3 * tops[-1]), dpi=100, facecolor="white", layout=PLACED)
        axis = figure.add_axes((0, 0, 1, 1), xlim=(0, 8.6), ylim=(tops[-1] - 0.2, -0.8))
        axis.set_axis_off()
        write = partial(axis.text, va="center", fontsize=10, color=INK)
        for top, lesson in zip(tops, self.lessons, strict=False):
            write(0.1, top, lesson["title"])
            write(7.2, top, tally(lesson["solved"]))
            for place, solved in enumerate(lesson["solved"]):
                box = dict(boxstyle="square,pad=0.25", facecolor=INK if solved else "white", edgecolor=INK)
                row, column = divmod(place, ACROSS)
                colour = "white" if solved else INK
                write(4.5 + 0.32 * column, top + row, f"{place + 1}", fontsize=8, color=colour, bbox=box)
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        lessons = "; ".join(f"{lesson['title']}: {tally(lesson['solved'])}" for lesson in self.lessons)
        return f"the lessons and their exercises. {lessons}"

    def summary(self) -> str:
        """Nothing: what is solved differs from reader to reader."""
        return ""

    def _copies(self) -> WorkingCopies | None:
        """The folder of working copies that the kernel runs in."""
        work = progress.working_folder()
        return None if work is None else WorkingCopies(NOTEBOOKS, work)

    @traitlets.observe("glances")
    def _look(self, _: object = None) -> None:
        """See how things stand now."""
        copies = self._copies()
        with self.hold_sync():
            self.note = "" if copies else NO_COPIES
            self.lessons = [
                {
                    "file": path.name,
                    "title": title(path),
                    "solved": [progress.read(name).solved for name in exercises(path)],
                    "newer": copies is not None and copies.beside(Path(path.name)).exists(),
                }
                for path in sorted(NOTEBOOKS.glob("*.ipynb"))
            ]

    @traitlets.observe("wish")
    def _grant(self, change: dict) -> None:
        if not change["new"]:
            return
        try:
            self.afresh(*change["new"])
        except (ValueError, OSError) as error:
            self.said = f"That can't be done: {error}"
            self._look()  # some of the lessons may be done
        self.wish = []


@cache
def title(path: Path) -> str:
    """The first heading of a notebook, its number included: "5 · The KL term in closed form"."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = (line for cell in cells for line in "".join(cell["source"]).splitlines())
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), path.stem)


def exercises(path: Path) -> list[str]:
    """The names of a lesson's exercises, in the order of its page: "5.1", "5.2"."""
    module = f"vae_lesson.exercises.lesson_{path.name[:2]}"
    if find_spec(module) is None:
        return []
    return [value.name for value in vars(import_module(module)).values() if isinstance(value, Exercise)]


def tally(solved: list[bool]) -> str:
    """How many are solved, in words."""
    return f"solved {sum(solved)} of {len(solved)}" if solved else "no exercises"
