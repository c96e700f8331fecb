"""The figures of lesson 10 show the numbers that they are given."""

import numpy as np

from vae_lesson import figures_tightness as figures


def test_estimates_are_drawn_as_distances_from_the_truth():
    exact, error = np.array([-100.0, -90.0]), np.array([0.01, 0.02])
    below, above = (exact - [3, 50], np.array([0.1, 0.2]), "elbo", "o"), (exact + 1, error, "prior", "s")
    estimates = {"ELBO": below, "naive": above}
    figure = figures.on_one_axis(np.zeros((2, 28, 28)), exact, error, estimates)
    elbo, naive, truth = (container.lines[0].get_xdata() for container in figure.axes[0].containers)
    np.testing.assert_allclose(elbo, [-3, -50])
    np.testing.assert_allclose(naive, [1, 1])
    np.testing.assert_allclose(truth, 0)
    assert len(figure.axes[0].child_axes) == 2  # the two images
    assert "nats above log p(x) by quadrature, shown: ELBO; naive; log p(x) by quadrature" in figure.alt


def test_gaps_are_sorted_together():
    figure = figures.gaps({"held out": ([1.0, 8.0, 2.0], [0.1, 0.2, 0.3]), "training": ([1.0], [0.5])})
    left, right = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in left.lines[:2]], [[8, 2, 1], [0.2, 0.3, 0.1]])
    np.testing.assert_allclose([bar.get_height() for bar in left.patches], [7.8, 1.7, 0.9])
    assert (left.get_title(), right.get_title()) == ("held out", "training")
    assert "log p(x) − ELBO (nats)" in figure.alt
