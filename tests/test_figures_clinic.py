"""The figures of lesson 11 show the numbers that they are given."""

import numpy as np

from vae_lesson import figures_clinic as figures


def test_a_chart_has_three_curves_and_its_images_in_rows():
    rows = {"digits": np.zeros((4, 28, 28)), "copies": np.ones((4, 28, 28))}
    figure = figures.chart([-3, -2], [-5, -4], [-2, -1], rows, "rate 1.0")
    curves, images = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in curves.lines], [[-2, -1], [-5, -4], [-3, -2]])
    assert curves.get_yscale() == "linear"
    sheet = images.images[0].get_array()
    assert sheet.shape == (56, 112) and sheet[:28].max() == 0 and sheet[28:].min() == 1
    assert [label.get_text() for label in images.get_yticklabels()] == ["digits", "copies"]
    assert "patient, claimed" in figure.alt


def test_a_chart_without_end_is_logarithmic():
    rows = {"digits": np.zeros((2, 28, 28))}
    figure = figures.chart([1e5, 1e8], [-1e5, -1e8], [-2, -1], rows, "")
    assert figure.axes[0].get_yscale() == "symlog"


def test_split_curves_mark_the_unseen_at_the_end():
    figure = figures.split_curves({"sick": ([-3, -2], [-3, -1], -9), "well": ([-3, -2], [-4, -4], -4)})
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[2].get_xydata(), [[2, -9]])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [-4, -4])
    assert (left.get_title(), right.get_title()) == ("sick", "well")


def test_bounds_stand_beside_the_exact_line():
    figure = figures.bounds((1, 5), -7.0, {"wrong": ([1, 2], "s:"), "right": ([-9, -8], "o-")})
    exact, wrong, right = figure.axes[0].lines
    assert set(exact.get_ydata()) == {-7.0}
    np.testing.assert_allclose([wrong.get_ydata(), right.get_ydata()], [[1, 2], [-9, -8]])
    assert "log p(x), exact; wrong; right" in figure.alt
