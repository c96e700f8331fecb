"""The figures of lesson 07 show the numbers that they are given, and say in words what they show."""

import numpy as np

from vae_lesson import figures_gradients as figures


def test_runs_are_drawn_with_the_level_that_they_are_compared_with():
    figure = figures.elbo_curves({"one": [-3.0, -2.0], "two": [-3.0, -4.0]}, -1.5, "log p(x)", "step")
    level, one, two = figure.axes[0].lines
    np.testing.assert_array_equal(level.get_ydata(), [-1.5, -1.5])
    np.testing.assert_array_equal(one.get_xydata(), [[1, -3], [2, -2]])
    np.testing.assert_array_equal(two.get_ydata(), [-3, -4])
    assert one.get_linestyle() != two.get_linestyle()
    assert "Across: step, upwards: ELBO (nats), shown: log p(x); one; two." in figure.alt


def test_the_nudges_show_weights_at_the_old_places_and_arrows_to_the_new():
    z, draws = np.linspace(-1, 1, 5), np.array([-0.5, 0.5])
    figure = figures.two_nudges(z, z**2, z**4, draws, np.array([0.8, 1.2]), draws + 0.25)
    left, right = figure.axes
    heads = next(line for line in left.lines if line.get_marker() == "s")
    np.testing.assert_allclose(heads.get_xydata(), [[-0.5, 0.2], [0.5, 0.3]])
    arrows = [(text.xyann[0], text.xy[0]) for text in right.texts if text.arrow_patch]
    np.testing.assert_allclose(arrows, [(-0.5, -0.25), (0.5, 0.75)])


def test_variances_are_lines_where_exact_and_marks_where_measured():
    panel = figures.Panel("k", [1, 2, 3], {"pathwise": 4.0, "score function": [1, 2, 3]}, [2],
                          {"pathwise": [4.1], "score function": [1.9]})
    figure = figures.variances(panel, panel)
    assert len(figure.axes) == 2
    drawn = {line.get_label(): line for line in figure.axes[0].lines}
    path, path_marks, _, score, score_marks, _ = figure.axes[0].lines
    np.testing.assert_array_equal(path.get_ydata(), [4, 4, 4])
    np.testing.assert_array_equal(path_marks.get_xydata(), [[2, 4.1]])
    np.testing.assert_array_equal(score.get_ydata(), [1, 2, 3])
    np.testing.assert_array_equal(score_marks.get_xydata(), [[2, 1.9]])
    assert path.get_color() != score.get_color() and path.get_linestyle() != score.get_linestyle()
    assert {"pathwise", "score function"} <= set(drawn) and "shown: pathwise; score function." in figure.alt


def test_a_step_stands_beside_its_averages():
    figure = figures.smoothed([-1, 1], {"the step": [0, 1]}, {"wide": [0.2, 0.8], "narrow": [0.1, 0.9]})
    np.testing.assert_array_equal([line.get_ydata() for line in figure.axes[0].lines], [[0, 1], [0.2, 0.8], [0.1, 0.9]])
    assert "shown: the step; wide; narrow." in figure.alt
