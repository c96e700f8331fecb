"""The figures of lesson 10, on how far bounds and estimates of log p(x) lie from it: arrays in, a Figure out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure, show_image


@described
def on_one_axis(
    images: ArrayLike,
    log_evidence: ArrayLike,
    error: ArrayLike,
    estimates: Mapping[str, tuple[ArrayLike, ArrayLike, str, str]],
) -> Figure:
    """One line an image: how far below log p(x), the black line, each estimate lies, with its standard error.

    Args:
        images: shape (n, height, width).
        log_evidence, error: log p(x) by quadrature and its error, in nats, shape (n,).
        estimates: name -> (values, standard errors, both in nats and of shape (n,), colour's name, marker).

    Returns:
        A Figure; the axis is linear up to a tenth of a nat on either side, logarithmic beyond.
    """
    log_evidence = np.asarray(log_evidence)
    figure, axis = new_figure(figsize=(8.6, 0.52 * len(log_evidence) + 1.4))
    lines = np.arange(len(log_evidence))
    for number, (name, (values, errors, colour, marker)) in enumerate(estimates.items()):
        look: dict[str, Any] = dict(color=COLOURS[colour], markersize=6, elinewidth=1, alpha=0.85, label=name)
        heights = lines + 0.6 * (0.5 - (number + 0.5) / len(estimates))
        axis.errorbar(values - log_evidence, heights, xerr=errors, fmt=marker, **look)
    axis.axvline(0, color=COLOURS["evidence"], linewidth=1)
    axis.errorbar(np.zeros(len(lines)), lines, xerr=error, fmt="k|", markersize=18, label="log p(x) by quadrature")
    axis.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    axis.set(ylim=(len(lines) - 0.4, -0.6), yticks=[], xlabel="nats above log p(x) by quadrature")
    ticks = [-100, -10, -1, -0.1, 0, 0.1, 1, 10]
    axis.set_xticks(ticks, labels=[f"{tick:g}".replace("-", "−") for tick in ticks])
    for line, image in zip(lines, np.asarray(images), strict=True):
        inset = axis.inset_axes((-0.075, line - 0.45, 0.06, 0.9), transform=axis.get_yaxis_transform())
        inset.set_axis_off()
        show_image(inset, image)
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@described
def gaps(parts: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """What an encoder's q loses, and what is left with the best Gaussian q for each image, in falling order.

    Args:
        parts: name of a panel -> (gap of the encoder's q, gap of the best q found), in nats, shape (n,).

    Returns:
        A Figure of one panel each; what is hatched is the amortization gap. Linear below a tenth of a nat.
    """
    figure, axes = new_figure(1, len(parts), figsize=(4.6 * len(parts), 3.2), sharey=True, squeeze=False)
    for axis, (name, (before, after)) in zip(axes.flat, parts.items(), strict=True):
        order = np.argsort(before)[::-1]
        before, after, places = np.asarray(before)[order], np.asarray(after)[order], np.arange(len(order))
        hatched: dict[str, Any] = dict(facecolor="none", edgecolor="#bbbbbb", hatch="////", linewidth=0)
        axis.bar(places, before - after, bottom=after, width=0.7, label="amortization gap", **hatched)
        axis.plot(places, before, "o", color=COLOURS["q"], fillstyle="none", label="encoder's q")
        axis.plot(places, after, "o", color=COLOURS["q"], label="best Gaussian q found")
        axis.axhline(0, color=COLOURS["evidence"], linewidth=1)
        axis.set_yscale("symlog", linthresh=0.1, linscale=0.6)
        axis.set_yticks([0, 0.1, 1, 10, 100], labels=["0", "0.1", "1", "10", "100"])
        axis.set(title=name, xticks=[])
        axis.set(xlabel="images, largest gap first", ylabel="log p(x) − ELBO (nats)")
        axis.legend(fontsize=8)
    return figure
