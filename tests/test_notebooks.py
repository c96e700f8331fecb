"""The notebooks as they are stored: clean, comparable, and showing the code and the lines that the package has.

That they still run and give the same outputs is tested by `pytest --nbval notebooks`.
"""

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest

from vae_lesson import objective

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import notebooks as tool  # noqa: E402

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MATHEMATICS = [path for path in PATHS if path.name[:2] in ("01", "02", "03", "04", "05", "06", "07")]


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def statements(source):
    """The statements of the one function in source, docstring and checks of arguments left out, as comparable text."""
    (function,) = [node for node in ast.walk(ast.parse(textwrap.dedent(source))) if isinstance(node, ast.FunctionDef)]
    return [ast.dump(node) for node in function.body if not isinstance(node, ast.Expr | ast.If | ast.Return)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_stored_as_a_regression_test(path):
    assert tool.problems(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_links_between_pages_lead_somewhere(path):
    for cell in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", cell.source):
            assert (path.parent / target).exists(), target


def test_the_bound_on_the_page_is_the_packages():
    (page,) = [c.source for c in cells(ROOT / "notebooks/08_train.ipynb", "code") if "def elbo_on_the_page" in c.source]
    assert statements(page) == statements(inspect.getsource(objective.elbo))
    assert len(statements(page)) == 4


def test_the_lessons_train_in_the_setting_that_is_measured():
    """Lessons 8 and 9, and the benchmark of the map's time."""
    places = [ROOT / "notebooks" / name for name in ("08_train.ipynb", "09_latent_space.ipynb")]
    code = ["\n".join(cell.source for cell in cells(path, "code")) for path in places]
    pages = [re.findall(r"setting = dict\(epochs=60, (.+)\)", source) for source in code]
    measured = re.findall(r"COURSE = dict\((.+)\)", (ROOT / "benchmarks/good_map.py").read_text(encoding="utf-8"))
    assert pages == [measured, measured] and len(measured) == 1 and "one-cycle" in measured[0]


@pytest.mark.parametrize("path", MATHEMATICS, ids=lambda path: path.stem)
def test_every_displayed_derivation_was_checked(path):
    """Steps of a derivation stand only in outputs that the checker printed, each line with its verdict."""
    for cell in cells(path, "markdown"):
        assert not re.search(r"\\begin\{(align|aligned|eqnarray|gather|split)", cell.source), cell.source[:200]
        for formula in re.findall(r"\$\$(.+?)\$\$", cell.source, flags=re.S):
            assert len(re.findall(r"(?<![\\a-z!<>:])=|\\geq?\b|\\leq?\b", formula)) <= 1, formula
    shown = [
        "".join(output.data["text/markdown"])
        for cell in cells(path, "code")
        for output in cell.outputs
        if "aligned" in "".join(output.get("data", {}).get("text/markdown", ""))
    ]
    assert shown
    for latex in shown:
        assert re.search(r"✓|✗|\\checkmark|\\times|✔|✘", latex), latex[:300]


def test_the_tool_sees_what_is_wrong():
    """A notebook with every fault that `problems` looks for: none goes unseen."""
    code = nbformat.v4.new_code_cell("print(object());")
    code.execution_count = 3
    code.outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="careful"),
        nbformat.v4.new_output("stream", name="stdout", text="<object object at 0x7f00>"),
        nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[]),
        nbformat.v4.new_output("display_data", {"image/png": ""}),
    ]
    found = " | ".join(tool.problems(nbformat.v4.new_notebook(cells=[code])))
    for fault in ("not 1 to n", "not as this tool stores it", "semicolon", "stderr", "failed", "address", "alt text"):
        assert fault in found
    assert "no output is compared" in " ".join(tool.problems(nbformat.v4.new_notebook()))


def test_alt_text_survives_the_tool_and_nothing_else_does():
    image = {"image/png": {"alt": "a curve that rises from 0 to 1", "width": 3}, "other": 1}
    code = nbformat.v4.new_code_cell("figure", execution_count=1)
    code.outputs = [nbformat.v4.new_output("display_data", {"image/png": "", "text/plain": "Figure"}, metadata=image)]
    notebook = nbformat.v4.new_notebook(cells=[code])
    tool.trim(notebook)
    assert notebook.cells[0].outputs[0].metadata == {"image/png": {"alt": "a curve that rises from 0 to 1"}}
    assert tool.problems(notebook) == []
