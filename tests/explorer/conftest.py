"""Fixtures for the tests marked `browser`: a real JupyterLab in a headless chromium."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from lab_page import LabPage, chromium, find_chromium, notebook_of, running_lab


@pytest.fixture(scope="session")
def browser():
    """A headless chromium; without one the test is skipped, but under CI it fails."""
    executable = find_chromium()
    if executable is None:
        message = "needs the browser chromium (Debian, Ubuntu: apt install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with chromium(executable) as running:
        yield running


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """A running JupyterLab: its address, and the folder that it shows."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def open_notebook(browser, lab, request):
    """A function that opens a notebook of the given cells and runs it."""
    pages = []

    def open_(*cells: str, **context) -> LabPage:
        context = {"viewport": {"width": 1280, "height": 900}} | context
        pages.append(LabPage(browser, lab, notebook_of(cells), f"{request.node.name}-{len(pages)}", **context))
        pages[-1].run_all()
        return pages[-1]

    yield open_
    for opened in pages:
        opened.close()
