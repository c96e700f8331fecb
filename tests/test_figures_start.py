"""The picture of page 00 shows what it is given: both costs and their sum, q at its place and width, the draw."""

import numpy as np
import pytest
from matplotlib.patches import Ellipse

from vae_lesson.figures_start import one_picture
from vae_lesson.plots import COLOURS


@pytest.fixture(scope="module")
def figure():
    image, codes = np.eye(8), np.random.default_rng(0).normal(size=(20, 2))
    return one_picture(image, [1.0, -0.5], np.log([0.04, 0.01]), [1.1, -0.6], 1 - image, 3.25, 100.5, codes)


def test_the_costs_and_their_sum_in_their_colours(figure):
    said = {text.get_color(): text.get_text() for text in figure.axes[0].texts}
    assert said[COLOURS["rate"]].startswith("rate 3.2 nats")
    assert said[COLOURS["distortion"]].startswith("distortion 100.5 nats")
    assert "−103.8 nats" in said[COLOURS["elbo"]]


def test_q_and_the_draw(figure):
    plane, close = figure.axes[2], figure.axes[2].child_axes[0]
    (q,) = (patch for patch in plane.patches if isinstance(patch, Ellipse) and patch.get_edgecolor()[2] > 0.6
            and patch.width < 1)  # and not a circle of the prior
    assert q.center == pytest.approx((1.0, -0.5)) and (q.width, q.height) == pytest.approx((4 * 0.2, 4 * 0.1))
    assert [(e.width, e.height) for e in close.patches] == [pytest.approx((2 * k * 0.2, 2 * k * 0.1)) for k in (1, 2)]
    assert close.lines[0].get_xydata()[0] == pytest.approx([1.1, -0.6])


def test_the_images(figure):
    first, last = (axis.images[0].get_array() for axis in (figure.axes[1], figure.axes[3]))
    np.testing.assert_array_equal(first, np.eye(8))
    np.testing.assert_array_equal(last, 1 - np.eye(8))


def test_it_is_told_in_words(figure):
    assert figure.alt.startswith("One image on its way: an encoder") and "prior p(z)" in figure.alt
