"""The figures of lesson 07, on gradients of an average: arrays in, a Figure out."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure

# One look for each estimator on the whole page; the colours are kept apart from those of the course's quantities.
LOOKS = {
    "pathwise": dict(color="#332288", linestyle="-", marker="o"),
    "score function": dict(color="#7A7A00", linestyle=":", marker="s"),
    "score function, baseline": dict(color="#882255", linestyle="--", marker="^"),
}


@described
def elbo_curves(curves: Mapping[str, np.ndarray], level: float, level_name: str, steps: str) -> Figure:
    """The ELBO of several runs against the step, in nats, and a level to compare with.

    Args:
        curves: name -> values, one a step, shape (n,); the names are written at the curves' ends.
        level: a value to compare with, drawn as a black line.
        level_name: what that is.
        steps: what a step is, for the horizontal axis.

    Returns:
        A Figure; each run has its own kind of line.
    """
    figure, axis = new_figure(figsize=(7.4, 3.6))
    last = max(map(len, curves.values()))
    axis.plot([1, last], [level, level], color=COLOURS["evidence"], linewidth=1.2, label=level_name)
    axis.annotate(level_name, (0.7 * last, level), (0, 4), textcoords="offset points")
    for (name, values), line in zip(curves.items(), ("-", "--", ":"), strict=False):
        axis.plot(np.arange(1, len(values) + 1), values, line, color=COLOURS["elbo"], linewidth=2.2, label=name)
        axis.annotate(name, (len(values), values[-1]), (6, 0), textcoords="offset points", va="center")
    axis.set(xlabel=steps, ylabel="ELBO (nats)")
    return figure


@described
def two_nudges(
    z: np.ndarray, before: ArrayLike, after: ArrayLike, draws: np.ndarray, weights: ArrayLike, moved: np.ndarray
) -> Figure:
    """Two ways for draws from one density to stand for draws from another: new weights, or new places.

    Args:
        z: the axis, shape (n,).
        before, after: the two densities on it, shape (n,).
        draws: places of draws from the first, shape (m,).
        weights: their weights under the second, shape (m,).
        moved: the places to which they are moved, shape (m,).

    Returns:
        A Figure of two panels: on the left sticks at the old places with heights for weights, on the right arrows.
    """
    figure, (left, right) = new_figure(1, 2, figsize=(10, 3.3), sharey=True)
    titles = "reweight: same places, new weights", "move: same weights, new places"
    for axis, title in zip((left, right), titles, strict=True):
        axis.plot(z, before, color=COLOURS["q"], alpha=0.45, label="$q$, before")
        axis.plot(z, after, color=COLOURS["q"], label="$q$, after the nudge")
        axis.set(title=title, xlabel="$z$", ylabel="density")
    left.vlines(draws, 0, np.asarray(weights) / 4, color=LOOKS["score function"]["color"])
    left.plot(draws, np.asarray(weights) / 4, "s", color=LOOKS["score function"]["color"], markersize=4)
    left.axhline(1 / 4, color=COLOURS["evidence"], linestyle=":", linewidth=1)
    left.annotate("weight 1", (z[0], 1 / 4), (0, 3), textcoords="offset points")
    left.set_ylabel("density; weight / 4")
    arrow = dict(arrowstyle="->", color=LOOKS["pathwise"]["color"])
    for height, start, end in zip(np.linspace(0.03, 0.25, len(moved)), draws, moved, strict=True):
        right.annotate("", (end, height), (start, height), arrowprops=arrow)
        right.plot(start, height, "o", color=LOOKS["pathwise"]["color"], markersize=4)
    left.legend(loc="upper left")
    return figure


class Panel(NamedTuple):
    """Variances against one quantity: names are those of LOOKS.

    Args:
        quantity: what the horizontal axis shows.
        at: its values for the curves, shape (n,).
        exact: name -> variance, shape (n,).
        measured_at: values at which it was measured, shape (m,).
        measured: name -> variance, shape (m,).
    """

    quantity: str
    at: ArrayLike
    exact: Mapping[str, ArrayLike]
    measured_at: ArrayLike
    measured: Mapping[str, ArrayLike]


@described
def variances(*panels: Panel) -> Figure:
    """The variance of one draw's gradient on logarithmic axes, one column a panel: lines exact, marks measured."""
    figure, axes = new_figure(1, len(panels), figsize=(max(6.4, 5 * len(panels)), 3.6), squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=True):
        for name, look in LOOKS.items():
            if name in panel.exact:
                line = np.broadcast_to(panel.exact[name], np.shape(panel.at))
                axis.loglog(panel.at, line, color=look["color"], linestyle=look["linestyle"])
                axis.loglog(panel.measured_at, panel.measured[name], look["marker"], color=look["color"], markersize=6)
                axis.plot([], [], **look, label=name)
        axis.set(xlabel=panel.quantity, ylabel="variance of one draw's gradient")
    axes[0, 0].legend(fontsize=8)
    return figure


@described
def smoothed(mu: ArrayLike, steps: Mapping[str, ArrayLike], averages: Mapping[str, ArrayLike]) -> Figure:
    """A function that jumps, and its averages under q, which do not.

    Args:
        mu: the axis, shape (n,): z for the function and the mean of q for the averages.
        steps: name -> the function's values, shape (n,).
        averages: name -> averages, shape (n,).

    Returns:
        A Figure of one panel.
    """
    figure, axis = new_figure(figsize=(6, 3))
    for name, values in steps.items():
        axis.plot(mu, values, color=COLOURS["distortion"], label=name)
    for (name, values), line in zip(averages.items(), ("-", "--", ":"), strict=False):
        axis.plot(mu, values, line, color=COLOURS["q"], label=name)
    axis.set(xlabel="$z$ for the function, $\\mu$ for the averages", ylabel="value")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
