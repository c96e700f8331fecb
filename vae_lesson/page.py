"""A lesson that was run, as one page of HTML: its text, code and outputs, and its widgets with their state.

A widget goes on without Python because its JavaScript module stands in the page, and page_files/page.js gives it a
model that starts from the state that the kernel left. Everything else is nbconvert's.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from jupyterlab_pygments import JupyterStyle
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

FILES = Path(__file__).parent / "page_files"

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
# Which form of an output is shown: the first that it has, in JupyterLab's order.
FORMS = (WIDGET_VIEW, "text/html", "text/markdown", "text/latex", "image/svg+xml", "image/png", "text/plain")

MODULES_END = "export default { render };"  # as vae_lesson.explorer.bundle ends a widget's module
LINK = re.compile(r'<a href="([\w.-]+)\.ipynb(#[^"]*)?">(.*?)</a>', re.DOTALL)


@dataclass(frozen=True)
class Lesson:
    """A notebook, its title, and the question that it asks (Markdown)."""

    path: Path
    title: str
    question: str

    @property
    def notebook(self) -> str:
        """The notebook's file name."""
        return self.path.name

    @property
    def page(self) -> str:
        """The page's file name."""
        return f"{self.path.stem}.html"

    @classmethod
    def read(cls, path: Path) -> "Lesson":
        """Take the title from the first heading, and the paragraph that begins with **The question.**"""
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        question = re.search(r"^\*\*The question\.\*\*\s*(.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
        return cls(path, title[1] if title else path.stem, question[1] if question else "")


def lesson_page(notebook: NotebookNode, lessons: Sequence[Lesson], place: int) -> str:
    """The page of a lesson.

    Args:
        notebook: it, with the outputs and the widget state that a run left in it.
        lessons: all that are exported, in the order of the course.
        place: which of them this is, counted from 0.

    Returns:
        HTML that finds page.css, page.js and mathjax in the folder assets/ beside it, and asks for nothing else.

    Raises:
        ValueError: a widget's module is not one of the course's.
    """
    states = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {"state": {}})["state"]
    widgets = {model: widget for model, widget in states.items() if "_esm" in widget["state"]}
    notebook.metadata.widgets = {WIDGET_STATE: {"state": widgets}}  # others show their text
    modules = {widget["state"]["_anywidget_id"]: widget["state"]["_esm"] for widget in widgets.values()}
    html, _ = _exporter().from_notebook_node(
        notebook,
        resources={
            "lesson": lessons[place],
            "lessons": lessons,
            "place": place,
            "widgets": {
                model: {"module": widget["state"]["_anywidget_id"], "state": _state(widget)}
                for model, widget in widgets.items()
            },
            "modules": [_module(name, code) for name, code in modules.items()],
            "styles": [_code_style(), *sorted({widget["state"]["_css"] for widget in widgets.values()})],
        },
    )
    return _linked(html, lessons)


def contents_page(lessons: Sequence[Lesson]) -> str:
    """The page that leads to all lessons."""
    return _exporter().environment.get_template("contents.html.j2").render(lessons=lessons)


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name=FILES.name,
        extra_template_basedirs=[str(FILES.parent)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        config=Config(NbConvertBase={"display_data_priority": FORMS}),
    )


@cache
def _code_style() -> str:
    """The style sheet of highlighted code, JupyterLab's; page.css has its colours."""
    return HtmlFormatter(style=JupyterStyle).get_style_defs(".highlight")


def _state(widget: dict) -> str:
    """A widget's traits and binary buffers as JSON that may stand in a script element."""
    traits = {name: value for name, value in widget["state"].items() if not name.startswith("_")}
    text = json.dumps({"state": traits, "buffers": widget.get("buffers", [])}, allow_nan=False)
    return text.replace("<", r"\u003c")


def _module(name: str, code: str) -> str:
    """A widget's module, which shows its widgets where it would export `render`."""
    if code.count(MODULES_END) != 1 or re.search(r"</script|<!--", code):
        raise ValueError(f"{name}: a page takes only a module that ends with {MODULES_END!r} and holds no HTML tags")
    return code.replace(MODULES_END, f'showWidgets("{name}", {{ render }});')


def _linked(html: str, lessons: Sequence[Lesson]) -> str:
    """Links to notebooks made links to pages; one to a notebook that is not exported becomes plain text."""
    pages = {lesson.page for lesson in lessons}

    def page_link(link: re.Match) -> str:
        name, place, text = link.groups(default="")
        return f'<a href="{name}.html{place}">{text}</a>' if f"{name}.html" in pages else text

    return LINK.sub(page_link, html)
