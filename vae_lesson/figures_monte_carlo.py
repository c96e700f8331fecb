"""The figures of lesson 01, on what a model generates and on naive Monte Carlo: arrays in, a Figure out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure


@described
def histogram(samples: ArrayLike, axis: np.ndarray, curves: Mapping[str, tuple[str, ArrayLike]], name: str) -> Figure:
    """A histogram of draws, as a density, and over it the curves of densities that it may or may not follow.

    Args:
        samples: draws, shape (n,).
        axis: where the curves are given, ascending, shape (m,).
        curves: name -> (colour's name, density on the axis, shape (m,)).
        name: of what was drawn, for the axis.

    Returns:
        A Figure; the bars are light, the curves strong.
    """
    figure, axes = new_figure(figsize=(6.4, 3))
    look: dict[str, Any] = dict(color="#d9e2ec", label="histogram of the draws")
    axes.hist(samples, bins=60, range=(axis[0], axis[-1]), density=True, **look)
    for number, (label, (colour, density)) in enumerate(curves.items()):
        axes.plot(axis, density, color=COLOURS[colour], linestyle=("-", "--")[number % 2], label=label)
    axes.set(xlabel=name, ylabel="density")
    axes.legend()
    return figure


@described
def estimates(exact: Mapping[int, float], runs: Mapping[int, np.ndarray]) -> Figure:
    """Estimates of log p(x) from several runs, beside the exact value, for each number of latents.

    Args:
        exact: number of latents -> log p(x), in nats.
        runs: number of latents -> the runs' estimates, in nats, shape (n,).

    Returns:
        A Figure: exact values are joined by a black line, each run is a grey dot; from the median run up is hatched.
    """
    figure, axes = new_figure(figsize=(6.4, 3.4))
    places, values = np.arange(len(exact)), list(exact.values())
    medians = [np.median(runs[d]) for d in exact]
    look: dict[str, Any] = dict(facecolor="none", edgecolor="#bbbbbb", hatch="////", linewidth=0)
    axes.fill_between(places, medians, values, label="error of the median run", **look)
    axes.plot(places, values, "o-", color=COLOURS["evidence"], label="$\\log p(x)$, exact")
    for place, d in zip(places, exact, strict=True):
        axes.plot(np.full(len(runs[d]), place), runs[d], "o", color=COLOURS["prior"], markersize=5, alpha=0.7,
                  label=None if place else "naive Monte Carlo, one run")
    axes.set_xticks(places, labels=map(str, exact))
    axes.set(xlabel="number of latents", ylabel="nats")
    axes.legend(loc="upper left")
    return figure
