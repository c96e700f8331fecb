"""A reader's days: `python -m vae_lesson lab`, exercises, a kernel that is restarted, an update, a lesson afresh."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import nbformat
import pytest
from lab_page import KERNEL_IS_IDLE, TOKEN, LabPage, free_port, notebook_of

from vae_lesson.export import export
from vae_lesson.lab import NOTEBOOKS

pytestmark = pytest.mark.browser

WIDGET = "from vae_lesson.explorer import Progress\n\nProgress()"
EXERCISES = "from vae_lesson.exercises import lesson_05 as exercises"
LESSON = "05_gaussian_kl.ipynb"
COURSE = (NOTEBOOKS / LESSON).read_bytes()


@contextmanager
def the_readers_lab(root):
    """JupyterLab as `make lab` starts it, with copies in root/work: its address, and that folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST"))}
    port = free_port()
    command = [sys.executable, "-m", "vae_lesson", "lab", "--no-browser", "--expose-app-in-browser", f"--port={port}"]
    with open(root / "log.txt", "a") as log:
        server = subprocess.Popen(
            [*command, f"--IdentityProvider.token={TOKEN}"], stdout=log, stderr=log, cwd=root,
            env=inherited | {"HOME": str(root), "VAE_LESSON_WORK": str(root / "work")},
        )  # fmt: skip
    try:
        for _ in range(1000):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (root / "log.txt").read_text()
                time.sleep(0.2)
        else:
            raise AssertionError((root / "log.txt").read_text())
        yield f"http://127.0.0.1:{port}", root / "work"
    finally:
        server.kill()   # as a laptop that runs out of power
        server.wait(20)


def replies(opened):
    return [text for cell in opened.outputs() for output in cell if (text := output.get("data", {}).get("text/plain"))]


def lesson_5(browser, lab, *answers):
    """The reader's copy of lesson 05, in which exercise 5.1 was answered so, after a run."""
    cells = [EXERCISES, *(f"exercises.by_hand.check({answer})" for answer in answers)]
    opened = LabPage(browser, lab, notebook_of(cells), LESSON.removesuffix(".ipynb"))
    opened.run_all()
    return opened


def test_solved_today_seen_tomorrow_and_started_afresh_by_keyboard(browser, tmp_path):
    with the_readers_lab(tmp_path) as lab:
        start = LabPage(browser, lab, notebook_of([WIDGET]), "00_start_here")
        start.run_all()
        row = start.page.locator(".vae-lessons tr", has_text=re.compile("^5 ·"))
        assert "solved 0 of 5" in row.inner_text()
        lesson = lesson_5(browser, lab, 7)
        assert "put mu = 2" in replies(lesson)[0]
        lesson.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        lesson.page.wait_for_function(KERNEL_IS_IDLE)
        lesson.run_python(f"{EXERCISES}\nprint(exercises.by_hand.check(8))")
        told = lesson.run_python("print(exercises.by_hand.check(1.625 + 0.6931))")
        assert "right" in told
        assert "(4 + 1/4 - 1 - log(1/4))/2 · stuck?" in str(lesson.outputs()), "the second hint after a restart"
        start.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")   # as coming back to its tab does
        start.page.wait_for_function("document.querySelector('.vae-sum').innerText.includes('solved 1 of')")
        assert "solved 1 of 5" in row.inner_text()
        assert row.locator("svg[aria-hidden] .vae-solved").count() == 1 and row.locator("svg .vae-open").count() == 4
        assert lesson.errors == start.errors == []
        lesson.page.close()
        mine = (lab[1] / LESSON).read_bytes()
        start.page.close()

    with the_readers_lab(tmp_path) as lab:
        assert (lab[1] / LESSON).read_bytes() == mine
        start = LabPage(browser, lab, notebook_of([WIDGET, "1"]), "00_start_here")
        start.run_all()
        page = start.page
        row = page.locator(".vae-lessons tr", has_text=re.compile("^5 ·"))
        assert "solved 1 of 5" in row.inner_text()
        focused = lambda: page.evaluate("document.activeElement.ariaLabel")  # noqa: E731
        title = "5 · The KL term in closed form"
        page.get_by_role("button", name=f"Start afresh: {title}").focus()
        selected = page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex")
        page.keyboard.press("Enter")
        assert focused() == f"No, leave as it is: {title}"
        page.keyboard.press("Escape")
        assert focused() == f"Start afresh: {title}" and (lab[1] / LESSON).read_bytes() == mine
        page.keyboard.press("Enter")
        page.keyboard.press("Shift+Tab")
        assert focused() == f"Yes, start afresh: {title}"
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('.vae-progress [role=status]').innerText.includes('fresh')")
        assert focused() == f"Start afresh: {title}"
        assert page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex") == selected
        assert "solved 0 of 5" in row.inner_text()
        (kept,) = (lab[1] / "kept").iterdir()
        assert kept.read_bytes() == mine and (lab[1] / LESSON).read_bytes() == COURSE
        assert kept.name in page.locator(".vae-progress [role=status]").inner_text()
        assert start.errors == []
        page.close()


def test_an_exported_page_says_in_words_what_it_needs(browser, tmp_path):
    nbformat.write(notebook_of([WIDGET]), tmp_path / "start.ipynb")
    export(tmp_path / "site", [str(tmp_path / "start.ipynb")])
    context = browser.new_context(offline=True)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "site" / "start.html").as_uri())
    page.wait_for_selector(".vae-lessons")
    assert "make lab" in page.locator(".vae-progress").inner_text()
    assert "JupyterLab" in page.locator(".vae-progress").inner_text()
    assert page.locator(".vae-lessons button:visible").count() == 0
    assert errors == []
    context.close()
