"""Every lesson, run from top to bottom in the real JupyterLab: no cell fails, no widget, and the console is silent."""

from pathlib import Path

import nbformat
import pytest
from lab_page import LabPage
from pages import in_time

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.browser
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_runs_in_jupyterlab(browser, lab, path):
    opened = LabPage(browser, lab, nbformat.read(path, as_version=4), f"lesson-{path.stem}")
    page = opened.page
    try:
        opened.run_all(timeout=900)
        outputs = [output for cell in opened.outputs() for output in cell]
        assert [output for output in outputs if output["output_type"] == "error"] == []
        widgets = sum("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)

        @in_time
        def every_widget_is_drawn():
            assert _widgets_seen(page) == {"live": widgets, "failed": 0}

        every_widget_is_drawn()
        assert opened.errors == []
    finally:
        opened.close()


def _widgets_seen(page) -> dict[str, int]:
    """JupyterLab draws what is in sight: scroll past every cell, and count the widgets that drew something."""
    return page.evaluate(
        """async () => {
            const seen = new Set();
            let failed = 0;
            for (const cell of jupyterapp.shell.currentWidget.content.widgets) {
                cell.node.scrollIntoView();
                await new Promise((done) => setTimeout(done, 150));
                for (const root of document.querySelectorAll(".jp-Notebook .vae")) {
                    if (root.querySelector("canvas, svg")?.getBoundingClientRect().width > 0) seen.add(root);
                    failed += root.classList.contains("vae-error") || root.querySelector(".vae-error") !== null;
                }
            }
            return { live: seen.size, failed };
        }"""
    )
