"""A real JupyterLab in a headless chromium, with settings of its own: for the tests and benchmarks that drive it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat

import vae_lesson

TOKEN = "tests"
CONFIG = Path(vae_lesson.__file__).parent / "lab_config"  # as `make lab` has it
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

KERNEL_IS_IDLE = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
CODE_CELLS = "jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === 'code')"
ALL_CELLS_RAN = f"{CODE_CELLS}.every(cell => cell.model.executionCount)"
OUTPUTS = f"{CODE_CELLS}.map(cell => cell.model.toJSON().outputs)"


def notebook_of(cells: Sequence[str]) -> nbformat.NotebookNode:
    """A notebook of code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def find_chromium() -> str | None:
    """Path of the browser, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def chromium(executable: str, *flags: str) -> Iterator:
    """A headless chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_lab(root: Path) -> Iterator[tuple[str, Path]]:
    """A running JupyterLab that keeps all its files under root: its address, and the folder that it shows."""
    (root / "notebooks").mkdir()
    paths = {f"JUPYTER_{kind.upper()}_DIR": str(root / kind) for kind in ("config", "data", "runtime")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | paths | {"HOME": str(root), "JUPYTER_CONFIG_PATH": str(CONFIG), "PATH": path}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--port=0", f"--IdentityProvider.token={TOKEN}", str(root / "notebooks")]  # 0: one that is free
    with open(root / "log.txt", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield _address(server, root), root / "notebooks"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # ended right after a kernel's end, it waits for an idle thread of anyio's
            server.kill()
            server.wait()


def _address(server: subprocess.Popen, root: Path) -> str:
    """Where a starting server answers, which it writes into a file of its own."""
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            (told,) = (root / "runtime").glob("jpserver-*.json")
            address = f"http://127.0.0.1:{json.loads(told.read_text())['port']}"
            urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=5).close()
            return address
        except (ValueError, OSError):  # no file, or half of one; no answer yet
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{(root / 'log.txt').read_text()}")


class LabPage:
    """A notebook open in JupyterLab.

    Attributes:
        page: playwright's page.
        errors: what the browser's console said of errors.
    """

    def __init__(self, browser, lab: tuple[str, Path], notebook: nbformat.NotebookNode, name: str, **context):
        address, folder = lab
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
        self.page = browser.new_page(**context)
        self.errors: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}/lab/workspaces/{name}/tree/{name}.ipynb?token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined")

    def close(self):
        """Close the page and end its kernel."""
        self.page.evaluate("jupyterapp.shell.currentWidget?.sessionContext.shutdown()")
        self.page.close()

    def command(self, name: str, **arguments):
        """Start one of JupyterLab's commands."""
        self.page.evaluate(f"void jupyterapp.commands.execute({name!r}, {json.dumps(arguments)})")

    def run_all(self, timeout: int = 120):
        """Run every cell and wait until all are done, for so many seconds at most."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(ALL_CELLS_RAN, timeout=1000 * timeout)
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=1000 * timeout)

    def outputs(self) -> list[list[dict]]:
        """The outputs of each code cell, as the page has them."""
        return self.page.evaluate(OUTPUTS)

    def run_python(self, code: str) -> str:
        """Run code in a new last cell; its text output."""
        self.page.evaluate(
            """async (code) => {
                const { content } = jupyterapp.shell.currentWidget;
                content.activeCellIndex = content.widgets.length - 1;
                await jupyterapp.commands.execute("notebook:insert-cell-below");
                content.activeCell.model.sharedModel.setSource(code);
                void jupyterapp.commands.execute("notebook:run-cell");
            }""",
            code,
        )
        self.page.wait_for_function(ALL_CELLS_RAN, timeout=60_000)
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        cell = self.page.evaluate("jupyterapp.shell.currentWidget.content.widgets.at(-1).model.toJSON()")
        return "".join("".join(output.get("text", "")) for output in cell["outputs"])
