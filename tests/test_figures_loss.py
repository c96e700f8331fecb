"""The figures of lesson 06 show the numbers that they are given, and say in words what they show."""

import numpy as np

from vae_lesson import figures_loss as figures


def test_a_dot_marks_the_least_loss_of_each_grey_pixel():
    g = np.linspace(0.1, 0.9, 9)
    figure = figures.grey_pixel(g, {0.25: (g - 0.3) ** 2, 0.75: (g - 0.8) ** 2 + 1}, 1 - g)
    left, right = figure.axes
    dots = [line.get_xydata()[0] for line in left.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, [[0.3, 0], [0.8, 1]], atol=1e-12)
    np.testing.assert_array_equal(right.lines[0].get_ydata(), 1 - g)
    assert "shown: x = 0.25; x = 0.75." in figure.alt


def test_terms_are_bars_with_their_numbers_and_the_elbo_is_minus_their_sum():
    figure = figures.terms({"one": (2.0, 3.25), "two": (1.0, -7.0)}, "of the tosses")
    lengths = [[bar.get_width() for bar in axis.patches] for axis in figure.axes]
    assert lengths == [[2, 1], [3.25, -7], [-5.25, 6]]
    assert [text.get_text() for text in figure.axes[2].texts] == ["−5.2", "6.0"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two"]
    assert "ELBO of the tosses" in figure.alt


def test_each_price_line_goes_through_its_run_with_the_slope_of_its_price():
    betas = (0.5, 4)
    figure = figures.price_lines([10, 3], [100, 130], betas)
    *lines, dots = figure.axes[0].lines
    np.testing.assert_array_equal(dots.get_xydata(), [[10, 100], [3, 130]])
    for line, beta, dot in zip(lines, betas, dots.get_xydata(), strict=True):
        (x0, y0), (x1, y1) = line.get_xydata()
        np.testing.assert_allclose([(y1 - y0) / (x1 - x0), (x0 + x1) / 2, (y0 + y1) / 2], [-beta, *dot])
    assert "Across: rate (nats an image)" in figure.alt
