"""The figures of lesson 11, the charts of the patients: arrays in, a Figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure, show_image

LINEAR = 1000  # nats; an axis that has to go beyond is logarithmic there


@described
def chart(
    claimed: Sequence[float], measured: Sequence[float], healthy: ArrayLike, rows: Mapping[str, ArrayLike], numbers: str
) -> Figure:
    """A patient's chart: its ELBO by epoch, as it claims and as measured, beside the healthy one, and its images.

    Args:
        claimed: minus the loss that its program printed, one an epoch, in nats.
        measured: its ELBO on held-out images, one an epoch, in nats an image.
        healthy: the healthy program's, measured likewise.
        rows: name -> images, shape (n, height, width), values in [0, 1]; the same n in every row.
        numbers: a line to stand over the images.

    Returns:
        A Figure: curves at the left, the rows of images at the right.
    """
    figure, (curves, images) = new_figure(1, 2, figsize=(10, 2.9), width_ratios=[1, 1.5])
    epochs = np.arange(1, len(measured) + 1)
    curves.plot(epochs, healthy, color=COLOURS["elbo"], alpha=0.4, linewidth=4, label="healthy, measured")
    curves.plot(epochs, measured, "o-", color=COLOURS["elbo"], markersize=4, label="patient, measured")
    curves.plot(epochs, claimed, ":", color=COLOURS["elbo"], label="patient, claimed")
    curves.set(title="ELBO", xlabel="epoch", ylabel="nats an image", xticks=epochs)
    curves.margins(y=0.15)
    if np.abs([claimed, measured]).max() > LINEAR:
        curves.set_yscale("symlog", linthresh=LINEAR)
        ticks = {-1e9: "−10⁹", -1e6: "−10⁶", -1e3: "−1000", 1e3: "1000", 1e6: "10⁶", 1e9: "10⁹"}
        curves.set_yticks(list(ticks), labels=list(ticks.values()))
        curves.set_ylim(-1e11, 1e17)  # room for the legend
    curves.legend(fontsize=8)
    stack = [np.concatenate(list(np.asarray(row)), axis=1) for row in rows.values()]
    show_image(images, np.concatenate(stack))
    height = len(stack[0])
    images.set(title=numbers, xticks=[], yticks=height * (np.arange(len(rows)) + 0.5), yticklabels=list(rows))
    images.tick_params(length=0)
    images.grid(False)
    images.set_anchor("N")
    images.spines[:].set_visible(False)
    return figure


@described
def split_curves(programs: Mapping[str, tuple[ArrayLike, Sequence[float], float]]) -> Figure:
    """ELBO by epoch, in training and on what each program calls its test images, and at the end on unseen images.

    Args:
        programs: name of a panel -> (ELBO in training, ELBO on its test images, each one an epoch; ELBO on images that
            nobody gave it, after the last epoch), in nats an image.

    Returns:
        A Figure of one panel each, on one scale.
    """
    figure, axes = new_figure(1, len(programs), figsize=(10, 2.9), sharey=True)
    for axis, (name, (training, tested, unseen)) in zip(axes, programs.items(), strict=True):
        epochs = np.arange(1, len(tested) + 1)
        axis.plot(epochs, training, ":", color=COLOURS["elbo"], label="training batches")
        axis.plot(epochs, tested, color=COLOURS["elbo"], label="its test images")
        axis.plot(epochs[-1], unseen, "s", color=COLOURS["elbo"], label="unseen images, at the end")
        axis.set(title=name, xlabel="epoch", ylabel="ELBO (nats an image)")
        axis.legend(fontsize=8, loc="lower right")
    return figure


@described
def bounds(ks: Sequence[int], exact: float, programs: Mapping[str, tuple[ArrayLike, str]]) -> Figure:
    """What programs report as a bound on log p(x) with K samples, and the exact log p(x) as a black line.

    Args:
        ks: the numbers of samples, shape (n,).
        exact: log p(x), in nats.
        programs: name -> (bound for each K, shape (n,), in nats; marker).

    Returns:
        A Figure; the axis of K is logarithmic.
    """
    figure, axis = new_figure(figsize=(6.4, 3))
    axis.axhline(exact, color=COLOURS["evidence"], label="log p(x), exact")
    for name, (values, marker) in programs.items():
        axis.plot(ks, values, marker, color=COLOURS["elbo"], label=name)
    axis.set_xscale("log")
    axis.set_xticks(ks, labels=[f"{k:g}" for k in ks], minor=False)
    axis.set(xlabel="samples K", ylabel="nats an image")
    axis.minorticks_off()
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
