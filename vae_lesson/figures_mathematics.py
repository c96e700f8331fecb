"""The figures of lessons 02 and 03, where the bound on log p(x) is derived: arrays in, a Figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure

NATS = "nats"


@described
def jensen(a: float, b: float) -> Figure:
    """Two positive numbers on the curve of the logarithm: the mean of their logs lies under the log of their mean.

    Args:
        a, b: the numbers, positive.

    Returns:
        A Figure with the gap between the two marked.
    """
    figure, axis = new_figure(figsize=(6, 3.4))
    middle, below, above = (a + b) / 2, (np.log(a) + np.log(b)) / 2, np.log((a + b) / 2)
    t = np.linspace(0.7 * min(a, b), 1.15 * max(a, b), 300)
    axis.plot(t, np.log(t), color=COLOURS["evidence"], label="$\\log w$")
    axis.plot([a, b], np.log([a, b]), "o-", color=COLOURS["elbo"], linewidth=1.2)
    axis.plot([middle, middle], [below, above], color=COLOURS["evidence"], linestyle=":", linewidth=1.2)
    axis.plot(middle, above, "o", color=COLOURS["evidence"])
    axis.plot(middle, below, "s", color=COLOURS["elbo"])
    axis.annotate(f"log of the mean {above:.3f}", (middle, above), (-8, 8), textcoords="offset points", ha="right")
    axis.annotate(f"mean of the logs {below:.3f}", (middle, below), (10, -12), textcoords="offset points")
    axis.set(xlabel="weight $w$", ylabel=f"$\\log w$ ({NATS})")
    return figure


@described
def weighted_draws(z: ArrayLike, panels: Mapping[str, tuple], posterior: ArrayLike) -> Figure:
    """Draws with their weights, under the density that they came from and the posterior: one column for each panel.

    Args:
        z: the axis, shape (n,).
        panels: name -> (density (n,) on that axis, colour's name, draws (m,), weights (m,) divided by p(x)).
        posterior: density on the axis, shape (n,).

    Returns:
        A Figure; the dotted line is the weight p(x), which every draw would have if it came from the posterior.
    """
    figure, axes = new_figure(2, len(panels), figsize=(5 * len(panels), 4.4), sharex=True, sharey="row", squeeze=False)
    for (above, below), (name, (density, colour, draws, weights)) in zip(axes.T, panels.items(), strict=True):
        above.plot(z, posterior, color=COLOURS["posterior"], label="$p(z\\mid x)$")
        above.plot(z, density, color=COLOURS[colour], label="$p(z)$" if colour == "prior" else "$q(z\\mid x)$")
        above.set(title=name, ylabel="density")
        above.legend()
        below.vlines(draws, 0, weights, color=COLOURS[colour], linewidth=1.2)
        below.plot(draws, weights, "o", color=COLOURS[colour], markersize=3.5)
        below.axhline(1, color=COLOURS["evidence"], linestyle=":", linewidth=1)
        below.set(xlabel="$z$ (prior standard deviations)", ylabel="weight of a draw / $p(x)$")
        below.set_ylim(bottom=0)
    return figure


@described
def sample_bounds(
    samples: Sequence[int], exact: ArrayLike, bounds: ArrayLike, errors: ArrayLike, evidence: float
) -> Figure:
    """The K-sample bound against K: exact values, and estimates with two standard errors to either side.

    Args:
        samples: the numbers K, shape (n,).
        exact, bounds, errors: in nats, shape (n,).
        evidence: log p(x), in nats.

    Returns:
        A Figure; the gap to log p(x) is hatched.
    """
    figure, axis = new_figure(figsize=(6.6, 3.4))
    axis.axhline(evidence, color=COLOURS["evidence"], label="$\\log p(x)$, exact")
    axis.fill_between(samples, exact, evidence, facecolor="none", edgecolor="#bbbbbb", hatch="////", linewidth=0)
    axis.plot(samples, exact, "_-", color=COLOURS["elbo"], linewidth=1.2, markersize=9, label="$L_K$, exact")
    axis.errorbar(samples, bounds, 2 * np.asarray(errors), fmt="o", color=COLOURS["elbo"], markersize=4, capsize=3,
                  label="$L_K$, estimated")
    axis.set(xscale="log", xlabel="samples $K$", ylabel=NATS)
    axis.set_xticks(samples, labels=map(str, samples), minor=False)
    axis.minorticks_off()
    axis.legend(loc="lower right")
    return figure


@described
def tangent(t: ArrayLike) -> Figure:
    """log t and its tangent t - 1.

    Args:
        t: positive numbers in ascending order, shape (n,).

    Returns:
        A Figure; the two touch at t = 1.
    """
    t = np.asarray(t)
    figure, axis = new_figure(figsize=(5, 3))
    axis.plot(t, t - 1, color="0.3", linestyle="--", label="$t - 1$")  # no quantity of the course: none of its colours
    axis.plot(t, np.log(t), color="0.3", label="$\\log t$")
    axis.plot(1, 0, "o", color="0.3")
    axis.set(xlabel="$t$", ylabel=NATS)
    axis.legend()
    return figure


@described
def evidence_and_bounds(
    parameter: ArrayLike, evidence: ArrayLike, bounds: Mapping[str, ArrayLike], at: float
) -> Figure:
    """log p(x) and the ELBO of q's that are held fixed, against a parameter of the model: one panel for each q.

    Args:
        parameter: values of W, shape (n,).
        evidence: log p(x) there, in nats, shape (n,).
        bounds: name of the q -> ELBO there, in nats, shape (n,).
        at: the present value of W, marked by a line.

    Returns:
        A Figure; the gap is hatched.
    """
    figure, axes = new_figure(1, len(bounds), figsize=(4.8 * len(bounds), 3.2), sharey=True, squeeze=False)
    for axis, (name, bound) in zip(axes.flat, bounds.items(), strict=True):
        axis.plot(parameter, evidence, color=COLOURS["evidence"], label="$\\log p(x)$")
        axis.plot(parameter, bound, color=COLOURS["elbo"], label="ELBO, this $q$ held")
        axis.fill_between(parameter, bound, evidence, facecolor="none", edgecolor="#bbbbbb", hatch="////", linewidth=0)
        axis.axvline(at, color=COLOURS["prior"], linestyle=":", linewidth=1)
        axis.set(title=name, xlabel="$W$, a parameter of the model", ylabel=NATS)
        axis.set_ylim(np.min(evidence) - 2.5, np.max(evidence) + 0.3)
    axes.flat[-1].legend(loc="lower left")
    return figure
