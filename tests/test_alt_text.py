"""Figures in words: what a reader hears of them is what stands on them."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from vae_lesson import plots
from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import new_figure


@described
def two_panels(title=""):
    """What it shows, in a line.

    And what no one needs to hear.
    """
    figure, (left, right) = new_figure(1, 2)
    left.plot([0, 1], [0, 1], label="$\\log p(x\\mid z)$")
    left.set(title="first", xlabel="$z_1$ (units)", ylabel="nats")
    right.set_axis_off()
    figure.suptitle(title)
    return figure


def test_says_what_stands_on_the_figure():
    wanted = "What it shows, in a line. First, across: z_1 (units), upwards: nats, shown: log p(x | z)."
    assert two_panels().alt == wanted
    assert "What it shows, in a line. A title. First" in two_panels("a title").alt


def test_equal_panels_are_named_once():
    figure = plots.image_rows({"held out": np.zeros((5, 4, 4)), "copied": np.zeros((5, 4, 4))})
    assert figure.alt == "One row of images for each name. Held out. Copied."


@pytest.mark.parametrize("figure", [two_panels(), plots.image_grid(np.zeros((3, 4, 4)))])
def test_the_words_are_stored_with_the_image(figure):
    shell = InteractiveShell.instance()
    data, metadata = shell.display_formatter.format(figure)
    assert metadata["image/png"] == {"alt": figure.alt} and len(figure.alt) > 20
    assert isinstance(figure, Figure) and data["text/plain"].startswith("<Figure size")
