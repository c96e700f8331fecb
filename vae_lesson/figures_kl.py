"""The figures of lessons 04 and 05, on rate, distortion and Gaussian divergences: arrays in, a Figure out."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure


@described
def rate_distortion_plane(
    some: tuple[ArrayLike, ArrayLike],
    best: tuple[ArrayLike, ArrayLike],
    marks: Mapping[str, tuple[float, float]],
    log_evidence: float,
) -> Figure:
    """Every q as a point: what it pays in rate, and the distortion that is left.

    Args:
        some: rates and distortions of any q, two arrays of shape (n,), in nats.
        best: rates and distortions along the curve of the best q at each price, two arrays of shape (m,), in nats.
        marks: name -> (rate, distortion) of q to be named.
        log_evidence: log p(x), in nats.

    Returns:
        A Figure with the line rate + distortion = -log p(x), and the part below it shaded: no q lies there.
    """
    figure, axis = new_figure(figsize=(6.4, 4.6))
    axis.scatter(*some, s=3, color=COLOURS["q"], alpha=0.2, linewidths=0, label="some Gaussian q")
    axis.plot(*best, color=COLOURS["q"], label="best q at each price of the rate")
    line = np.array([0, -log_evidence])
    axis.plot(line, line[::-1], color=COLOURS["evidence"], label="rate + distortion = −log p(x)")
    axis.fill_between(line, line[::-1], color=COLOURS["prior"], alpha=0.15, linewidth=0)
    for name, place in marks.items():
        axis.plot(*place, "o", markersize=9, color=COLOURS["posterior"], markeredgecolor="white")
        axis.annotate(name, place, (10, 6), textcoords="offset points")
    axis.set(xlim=(0, 3.5), ylim=(0, 4), xlabel="rate (nats)", ylabel="distortion (nats)")
    axis.legend(loc="upper right", markerscale=4, frameon=True, edgecolor="none")
    return figure


@described
def two_directions(
    z: ArrayLike,
    target: ArrayLike,
    mus: ArrayLike,
    sigmas: ArrayLike,
    maps: Mapping[str, ArrayLike],
    minima: Mapping[str, tuple[float, float]],
) -> Figure:
    """A target with the Gaussians nearest to it, and each divergence over all means and widths of q.

    Args:
        z: places, shape (n,).
        target: the target's density there, shape (n,).
        mus, sigmas: the maps' means, shape (a,), and standard deviations, shape (b,).
        maps: name -> divergence in nats, shape (b, a).
        minima: name -> (mu, sigma) of a q; its first word is found in the name of the map that it belongs to.

    Returns:
        A Figure of one panel for the densities and one for each map.
    """
    figure, (first, *rest) = new_figure(1, 1 + len(maps), figsize=(10.5, 3.4))
    z = np.asarray(z)
    first.plot(z, target, color=COLOURS["posterior"], linewidth=2.5, label="target p(z)")
    for (name, (mu, sigma)), dashes in zip(minima.items(), ("-", "--", ":"), strict=True):
        density = np.exp(-((z - mu) ** 2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)
        first.plot(z, density, dashes, color=COLOURS["q"], label=f"q, {name}")
    first.set(xlabel="z", ylabel="density", ylim=(0, 1.25))
    first.legend(fontsize=8, loc="upper right")
    levels = np.array([0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10])
    for axis, (title, values) in zip(rest, maps.items(), strict=True):
        lines = axis.contour(mus, sigmas, values, levels, colors=COLOURS["prior"], linewidths=0.9)
        axis.clabel(lines, fontsize=7)
        for name, (mu, sigma) in minima.items():
            if name.split(",")[0] in title:
                axis.plot(mu, sigma, "o", markersize=8, color=COLOURS["q"], markeredgecolor="white")
        axis.set(title=f"{title} (nats)", xlabel="mean of q", ylabel="standard deviation of q", yscale="log")
        axis.set_yticks([0.25, 0.5, 1, 2], ["0.25", "0.5", "1", "2"])
        axis.minorticks_off()
    return figure
