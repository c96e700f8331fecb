"""The figures of lesson 06, on losses, their two terms and the price of the rate: arrays in, a Figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure


@described
def grey_pixel(g: ArrayLike, losses: Mapping[float, ArrayLike], area: ArrayLike) -> Figure:
    """Cross-entropy of grey pixels with its floor, and the area under exp(-cross-entropy), against the prediction.

    Args:
        g: predicted probabilities of black, shape (n,).
        losses: grey value x of a pixel -> its cross-entropy at each g, shape (n,), in nats.
        area: integral of g^x (1 - g)^(1 - x) over x from 0 to 1, shape (n,).

    Returns:
        A Figure of two panels; dots mark each pixel's least loss.
    """
    figure, (left, right) = new_figure(1, 2, figsize=(9.6, 3.2))
    g = np.asarray(g)
    for (shade, loss), dashes in zip(losses.items(), ("-", "--", ":", "-."), strict=False):
        loss = np.asarray(loss)
        left.plot(g, loss, dashes, color=COLOURS["distortion"], label=f"x = {shade:g}")
        left.plot(g[loss.argmin()], loss.min(), "o", color=COLOURS["distortion"], clip_on=False)
    left.set(title="cross-entropy of one pixel", xlabel="predicted probability g", ylabel="nats", ylim=(0, 3))
    left.legend()
    right.plot(g, area, color=COLOURS["evidence"])
    right.axhline(1, color=COLOURS["prior"], linestyle=":")
    right.annotate("a density has area 1", (0.5, 1), (0, 5), textcoords="offset points", ha="center")
    right.set(title="area under $g^x (1-g)^{1-x}$, x from 0 to 1", xlabel="predicted probability g", ylabel="area")
    right.set_ylim(0, 1.15)
    return figure


@described
def terms(scores: Mapping[str, tuple[float, float]], of: str) -> Figure:
    """Rate, distortion and ELBO of several runs as bars with their numbers.

    Args:
        scores: name -> (rate, distortion), in nats an image.
        of: whose log-probability it is, for the titles.

    Returns:
        A Figure of three panels, one line for each run.
    """
    rate, distortion = np.array(list(scores.values())).T
    figure, axes = new_figure(1, 3, figsize=(10, 0.6 + 0.42 * len(scores)), sharey=True)
    titles = "rate", f"distortion {of}", f"ELBO {of}"
    for axis, title, values in zip(axes, titles, (rate, distortion, -(rate + distortion)), strict=True):
        bars = axis.barh(range(len(scores)), values, color=COLOURS[title.split()[0].lower()])
        axis.bar_label(bars, [f"{value:.1f}".replace("-", "−") for value in values], padding=3, fontsize=9)
        axis.set(title=title, xlabel="nats an image", yticks=range(len(scores)), yticklabels=list(scores))
        axis.margins(x=0.3)
        axis.grid(False, axis="y")
    axes[0].invert_yaxis()
    return figure


@described
def price_lines(rates: ArrayLike, distortions: ArrayLike, betas: Sequence[float]) -> Figure:
    """Runs in the rate-distortion plane, each with the line of equal cost at its own price.

    Args:
        rates, distortions: of each run, shape (n,), in nats an image.
        betas: the price of the rate that each run was trained with, n numbers.

    Returns:
        A Figure; the line through run i has the slope -betas[i].
    """
    figure, axis = new_figure(figsize=(6.4, 4.6))
    rates, distortions = np.asarray(rates), np.asarray(distortions)
    reach = np.ptp(distortions)
    for rate, distortion, beta in zip(rates, distortions, betas, strict=True):
        half = 0.25 * np.ptp(rates) / np.hypot(1, beta * np.ptp(rates) / reach)  # lines of one length on the page
        ends = np.array([-half, half])
        axis.plot(rate + ends, distortion - beta * ends, color=COLOURS["prior"], linewidth=1.5)
        axis.annotate(f"β = {beta:g}", (rate, distortion), (8, 5), textcoords="offset points")
    axis.plot(rates, distortions, "o", color=COLOURS["q"], markersize=7, markeredgecolor="white")
    axis.set(xlabel="rate (nats an image)", ylabel="distortion (nats an image)")
    axis.margins(0.08)
    return figure
