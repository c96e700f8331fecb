"""A real JupyterLab in a headless chromium, for the tests marked `browser`."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import nbformat
import pytest

import vae_lesson

TOKEN = "tests"
PAGE_CONFIG = Path(vae_lesson.__file__).parent / "lab_config"  # no question about news
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
ALL_CELLS_RAN = "jupyterapp.shell.currentWidget.content.widgets.every(cell => cell.model.executionCount)"


def chromium_or_skip() -> str:
    """Path of the browser; without one the test is skipped, but under CI it fails."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    message = "needs the browser chromium (Debian, Ubuntu: apt install chromium)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def browser():
    """A headless chromium."""
    executable = chromium_or_skip()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """A running JupyterLab with settings of its own: its address, and the folder that it shows."""
    root = tmp_path_factory.mktemp("lab")
    (root / "notebooks").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = {f"JUPYTER_{kind.upper()}_DIR": str(root / kind) for kind in ("config", "data", "runtime")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | paths | {"HOME": str(root), "JUPYTER_CONFIG_PATH": str(PAGE_CONFIG), "PATH": path}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--port={port}", f"--IdentityProvider.token={TOKEN}", str(root / "notebooks")]
    address = f"http://127.0.0.1:{port}"
    with open(root / "log.txt", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"{address}/api?token={TOKEN}", server, root / "log.txt")
        yield address, root / "notebooks"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


class LabPage:
    """A notebook open in JupyterLab.

    Attributes:
        page: playwright's page.
        errors: what the browser's console said of errors.
    """

    def __init__(self, browser, lab, cells: list[str], name: str, **context):
        address, folder = lab
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
        self.page = browser.new_page(**context)
        self.errors: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}/lab/workspaces/{name}/tree/{name}.ipynb?token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined")

    def command(self, name: str, **arguments):
        """Start one of JupyterLab's commands."""
        self.page.evaluate(f"void jupyterapp.commands.execute({name!r}, {json.dumps(arguments)})")

    def run_all(self):
        """Run every cell and wait until all are done."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(ALL_CELLS_RAN, timeout=120_000)
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=120_000)

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


@pytest.fixture
def open_notebook(browser, lab, request):
    """A function that opens a notebook of the given cells and runs it."""
    pages = []

    def open_(*cells: str, **context) -> LabPage:
        context = {"viewport": {"width": 1280, "height": 900}} | context
        pages.append(LabPage(browser, lab, list(cells), f"{request.node.name}-{len(pages)}", **context))
        pages[-1].run_all()
        return pages[-1]

    yield open_
    for opened in pages:
        opened.page.close()
