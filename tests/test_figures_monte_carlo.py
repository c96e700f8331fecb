"""The figures of lesson 01 show the numbers that they are given."""

import numpy as np

from vae_lesson import figures_monte_carlo as figures


def test_the_histogram_is_a_density_and_the_curves_are_those_given():
    draws, axis = np.random.default_rng(0).standard_normal(1000), np.linspace(-6, 6, 50)
    figure = figures.histogram(draws, axis, {"one": ("prior", axis**2), "two": ("evidence", axis)}, "$z$")
    axes = figure.axes[0]
    assert np.isclose(sum(bar.get_height() * bar.get_width() for bar in axes.patches), 1)
    assert [line.get_label() for line in axes.lines] == ["one", "two"]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), axis**2)
    assert "Across: z, upwards: density, shown: histogram of the draws; one; two." in figure.alt


def test_estimates_stand_at_the_place_of_their_number_of_latents():
    figure = figures.estimates({1: -3.0, 20: 7.0}, {1: [-3.1, -2.9], 20: [-90.0, -80.0]})
    exact, one, twenty = figure.axes[0].lines
    np.testing.assert_array_equal(exact.get_ydata(), [-3, 7])
    np.testing.assert_array_equal(one.get_xydata(), [[0, -3.1], [0, -2.9]])
    np.testing.assert_array_equal(twenty.get_xydata(), [[1, -90], [1, -80]])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "20"]
    assert "upwards: nats, shown: error of the median run; log p(x), exact; naive Monte Carlo, one run." in figure.alt
