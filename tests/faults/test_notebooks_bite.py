"""The notebooks bite: nbval refuses each of their outputs when it is corrupted, one at a time and all at once.

A notebook runs once. It is stored with a corruption in every cell, so that nbval must fail them all; what the kernel
answered to a cell is given to nbval again for each corruption of that cell alone, and for the cell as it is stored.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import notebooks as tool  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SAMPLE = [path for path in NOTEBOOKS if path.name[:2] in ("03", "05")]  # the quickest
NOT_COMPARED = ("image/png", "image/jpeg")
BARE = re.compile(r"<.*>|\w+\(.*\)")  # what a picture or a widget is called, which says nothing of what it shows
CHANGES = {
    "one digit changed": lambda text: re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), text),
    "one space more": lambda text: text + " ",
    "one line less": lambda text: "\n".join(text.splitlines()[:-1]),
}


def compared(output: NotebookNode) -> list[tuple[Callable[[NotebookNode], NotebookNode], str]]:
    """Where nbval's comparison looks: from the output to what holds the text, and the text's key there."""
    if output.output_type == "stream":
        return [(lambda o: o, "text")]
    return [(lambda o: o.data, key) for key in output.data if key not in NOT_COMPARED]


def corruptions(cell: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """The cell with one thing wrong in what is stored of its outputs; every way, every output, every text."""

    def changed(way: str, change: Callable[[NotebookNode], Any]) -> tuple[str, NotebookNode]:
        copy = deepcopy(cell)
        change(copy)
        return way, copy

    for number, output in enumerate(cell.outputs):
        for holder, key in compared(output):
            old = holder(output)[key]
            for way, change in CHANGES.items():
                if (new := change(old)) != old:
                    yield changed(way, lambda c, n=number, h=holder, k=key, t=new: h(c.outputs[n]).update({k: t}))
        yield changed("one output less", lambda c, n=number: c.outputs.pop(n))
        yield changed("one output twice", lambda c, n=number: c.outputs.insert(n, deepcopy(c.outputs[n])))
    more = nbformat.v4.new_output("stream", name="stdout", text="1\n")
    yield changed("one output more", lambda c: c.outputs.append(more))


class Echo:
    """A kernel that answers to any cell what another kernel answered to one."""

    def __init__(self, messages: list[dict]):
        self.messages = messages

    def is_alive(self) -> bool:
        return True

    def execute_cell_input(self, source: str, allow_stdin: bool) -> str:
        self.left = iter(self.messages)
        return self.messages[-1]["parent_header"]["msg_id"]  # the last one says that the kernel is idle again

    def await_reply(self, msg_id: str, timeout: float) -> None:
        pass

    def get_message(self, stream: str, timeout: float) -> dict:
        return next(self.left)


class InTurn:
    """Lets nbval judge each corruption of each cell alone, on the answers of the kernel that just ran the cell."""

    def __init__(self, cells: list[NotebookNode]):
        self.cells = cells
        self.outcomes: Counter[str] = Counter()  # of the cells as they are in the file
        self.refused: Counter[str] = Counter()
        self.accepted: list[tuple[int, str]] = []
        self.refused_though_good: list[int] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        kernel, messages = item.parent.kernel, []
        ask = kernel.get_message
        kernel.get_message = lambda *arguments, **named: messages.append(ask(*arguments, **named)) or messages[-1]
        try:
            return (yield)
        finally:
            kernel.get_message = ask
            item.parent.kernel = Echo(messages)
            self._judge(item)
            item.parent.kernel = kernel

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.outcomes[report.outcome] += 1

    def _judge(self, item: pytest.Item) -> None:
        cell = self.cells[item.cell_num]
        if not accepts(item, deepcopy(cell)):
            self.refused_though_good.append(item.cell_num)
        for way, corrupted in corruptions(cell):
            if accepts(item, corrupted):
                self.accepted.append((item.cell_num, way))
            else:
                self.refused[way] += 1


def accepts(item: pytest.Item, cell: NotebookNode) -> bool:
    """Whether nbval accepts the cell as stored."""
    item.cell = cell
    try:
        item.runtest()
    except Exception:  # a crash too: it meets the cell as it is stored as well, which is then named
        return False
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "path" in metafunc.fixturenames:
        paths = NOTEBOOKS if metafunc.config.getoption("--whole", default=False) else SAMPLE
        metafunc.parametrize("path", paths, ids=lambda path: path.stem)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell: NotebookNode) -> list[str]:
    return [holder(output)[key] for output in cell.outputs for holder, key in compared(output)]


def test_every_corrupted_output_fails_nbval(path, figure, tmp_path, monkeypatch):
    notebook = nbformat.read(path, as_version=4)
    cells = code_cells(notebook)
    judge = InTurn(deepcopy(cells))
    for number, cell in enumerate(cells):
        ways = list(corruptions(cell))
        cell.update(ways[number % len(ways)][1])
    nbformat.write(notebook, tmp_path / path.name)

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=900", "-q", "--tb=no", "-p", "no:cacheprovider"]
    pytest.main([*options, str(tmp_path / path.name)], plugins=[judge])

    wanted = Counter(way for cell in judge.cells for way, _ in corruptions(cell))
    found = f"{judge.refused.total()} of {wanted.total()}; all {len(cells)} cells at once: {judge.outcomes['failed']}"
    figure(f"corrupted: {sum(map(len, map(texts, judge.cells)))} texts of {path.stem}", "nbval refuses each", found)
    assert judge.refused_though_good == [] and judge.accepted == []
    assert judge.refused == wanted and wanted.keys() > CHANGES.keys()
    assert judge.outcomes == {"failed": len(cells)}


def test_a_cell_stripped_of_count_and_outputs_is_refused_by_the_tool(path):
    """The one corruption that nbval lets pass."""
    notebook = nbformat.read(path, as_version=4)
    for cell in code_cells(notebook):
        whole = dict(cell)
        cell.update(execution_count=None, outputs=[])
        assert "not 1 to n" in " ".join(tool.problems(notebook)), cell.source
        cell.update(whole)


@pytest.mark.parametrize("stored", NOTEBOOKS, ids=lambda path: path.stem)
def test_much_is_compared(stored):
    """Three cells of four, and not only pictures' names."""
    cells = code_cells(nbformat.read(stored, as_version=4))
    assert sum(map(bool, map(texts, cells))) >= 0.75 * len(cells)
    assert sum(not BARE.fullmatch(text) for cell in cells for text in texts(cell)) >= 5
