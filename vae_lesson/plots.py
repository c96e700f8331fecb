"""The figures of the lessons: arrays in, a Figure out. One colour for each quantity from first page to last."""

from collections.abc import Mapping, Sequence
from importlib import resources
from math import ceil
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Ellipse
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described

COLOURS = {
    "prior": "#7f7f7f",
    "q": "#0072B2",
    "posterior": "#E69F00",
    "evidence": "#000000",
    "elbo": "#009E73",
    "rate": "#CC79A7",
    "distortion": "#D55E00",
}
CLASSES = plt.colormaps["tab10"]


def use_style() -> None:
    """Give every figure that follows the look of the course."""
    with resources.as_file(resources.files("vae_lesson") / "course.mplstyle") as path:
        plt.style.use(path)


def new_figure(*args: Any, **kwargs: Any) -> tuple[Figure, Any]:
    """As `plt.subplots`, but the figure shows only where it stands as a cell's result."""
    figure, axes = plt.subplots(*args, FigureClass=Figure, **kwargs)
    plt.close(figure)
    return figure, axes


@described
def image_rows(rows: Mapping[str, np.ndarray]) -> Figure:
    """One row of images for each name.

    Args:
        rows: name -> images with values in [0, 1], shape (n, height, width) or (n, channels, height, width).

    Returns:
        A Figure with the names at the left; black is 1.
    """
    n = max(len(images) for images in rows.values())
    figure, axes = new_figure(len(rows), n, figsize=(0.75 * n + 1, 0.8 * len(rows)), squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for axis, image in zip(line, np.asarray(images), strict=False):
            show_image(axis, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def show_image(axis: Axes, image: ArrayLike, **kwargs: Any) -> None:
    """Draw one image, shape (height, width) or (1 or 3 channels, height, width), 0 white and 1 black if it is grey."""
    image = np.asarray(image)
    if image.ndim == 3:
        image = np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
    axis.imshow(image, vmin=0, vmax=1, **kwargs)


@described
def training_curves(runs: Mapping[str, Any]) -> Figure:
    """ELBO, rate and distortion against the epoch, in nats an image.

    Args:
        runs: name -> History of a training run; the first is drawn strong, the others ever lighter.

    Returns:
        A Figure of three panels: training images solid, held-out images dashed.
    """
    figure, axes = new_figure(1, 3, figsize=(10, 3))
    for term, axis in zip(("elbo", "rate", "distortion"), axes, strict=True):
        for number, (name, history) in enumerate(runs.items()):
            look = dict(color=COLOURS[term], alpha=1 / (1 + number))
            axis.plot(history.epoch, getattr(history, f"train_{term}"), label=f"{name}, training", **look)
            if held := getattr(history, f"held_{term}"):
                axis.plot(history.epoch, held, "--", label=f"{name}, held out", **look)
        axis.set(title="ELBO" if term == "elbo" else term, xlabel="epoch", ylabel="nats an image")
        low, high = np.percentile([line.get_ydata()[-1] for line in axis.lines], [0, 100])
        shown = np.concatenate([line.get_ydata()[len(line.get_ydata()) // 10 :] for line in axis.lines])
        axis.set_ylim(min(low, shown.min()) - 1, max(high, shown.max()) + 1)  # the first epochs would hide the rest
        axis.legend(fontsize=8)
    return figure


@described
def latent_map(mu: ArrayLike, labels: ArrayLike, log_var: ArrayLike | None = None, ellipses: int = 60) -> Figure:
    """The plane of two latents: where q(z|x) puts each image, over the prior.

    Args:
        mu: posterior means, shape (n, 2).
        labels: classes, shape (n,); each is named at the median of its points.
        log_var: log variances, shape (n, 2); with them, ellipses of one standard deviation for the first few images.
        ellipses: how many.

    Returns:
        A Figure; the grey circles are 1, 2 and 3 standard deviations of the prior.
    """
    mu, labels = np.asarray(mu), np.asarray(labels)
    figure, axis = new_figure(figsize=(5.6, 5.6))
    prior_circles(axis)
    axis.scatter(mu[:, 0], mu[:, 1], s=5, c=CLASSES(labels), alpha=0.6, linewidths=0)
    if log_var is not None:
        for (x, y), (width, height), label in zip(
            mu[:ellipses], 2 * np.exp(0.5 * np.asarray(log_var)[:ellipses]), labels[:ellipses], strict=True
        ):
            axis.add_patch(Ellipse((x, y), width, height, fill=False, color=CLASSES(label), linewidth=1.2))
    for label in np.unique(labels):
        x, y = np.median(mu[labels == label], axis=0)
        box = dict(boxstyle="circle,pad=0.2", facecolor="white", edgecolor=CLASSES(label), alpha=0.9)
        axis.text(x, y, str(label), ha="center", va="center", weight="bold", bbox=box)
    reach = 1.05 * max(3.2, np.abs(mu).max())
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axis.set(xlabel="$z_1$ (prior standard deviations)", ylabel="$z_2$ (prior standard deviations)")
    return figure


def prior_circles(axis: Axes) -> None:
    """Circles of 1, 2 and 3 standard deviations of a standard normal prior in the plane."""
    for radius in (1, 2, 3):
        axis.add_patch(Circle((0, 0), radius, fill=False, color=COLOURS["prior"], linewidth=1.2, linestyle=":"))


@described
def decoded_plane(images: ArrayLike, reach: float) -> Figure:
    """The images that a square grid of latents decodes to, each at its place.

    Args:
        images: shape (rows, columns, height, width); the first row is at z_2 = reach, the first column at z_1 = -reach.
        reach: half the square's side, in prior standard deviations.

    Returns:
        A Figure with the prior's circles.
    """
    images = np.asarray(images)
    sheet = np.concatenate(np.concatenate(images, axis=1), axis=1)
    figure, axis = new_figure(figsize=(6.4, 6.4))
    half = reach * (1 + 1 / (len(images) - 1))  # the outer images are centred on the square's edge
    axis.grid(False)
    axis.imshow(sheet, vmin=0, vmax=1, extent=(-half, half, -half, half))
    prior_circles(axis)
    axis.set(xlabel="$z_1$ (prior standard deviations)", ylabel="$z_2$ (prior standard deviations)")
    return figure


@described
def image_grid(images: ArrayLike, columns: int = 10, title: str = "") -> Figure:
    """Images side by side, line after line.

    Args:
        images: shape (n, height, width), values in [0, 1].
        columns: images in a line.
        title: what they are.

    Returns:
        A Figure; black is 1.
    """
    images = np.asarray(images)
    lines = ceil(len(images) / columns)
    figure, axes = new_figure(lines, columns, figsize=(0.75 * columns, 0.75 * lines + 0.3 * bool(title)), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image in zip(axes.flat, images, strict=False):
        show_image(axis, image)
    figure.suptitle(title, fontsize=10, x=0.02, ha="left")
    return figure



@described
def against_other_runs(yours: Mapping[str, float], others: Mapping[str, Sequence[float]]) -> Figure:
    """Your run's figures among those of other seeds, one panel for each, in nats an image.

    Args:
        yours: name -> value.
        others: name -> values of other runs; the same names.

    Returns:
        A Figure with your value written beside its dot.
    """
    figure, axes = new_figure(1, len(others), figsize=(10, 1.3), squeeze=False)
    for (name, values), axis in zip(others.items(), axes.flat, strict=True):
        middle, reach = np.mean(values), max(1.5, 1.2 * np.ptp([*values, yours[name]]))
        axis.scatter(values, np.zeros(len(values)), s=40, color=COLOURS["prior"], alpha=0.6, linewidths=0)
        axis.scatter(yours[name], 0, s=80, color=COLOURS[name.lower()], edgecolors="white", zorder=3)
        axis.annotate(f"{yours[name]:.1f}", (yours[name], 0), (0, 10), textcoords="offset points", ha="center")
        axis.set(title=name, xlabel="nats an image", yticks=[], ylim=(-1, 2), xlim=(middle - reach, middle + reach))
        axis.spines.left.set_visible(False)
    return figure


@described
def plane(values: ArrayLike, reach: float, name: str, marks: ArrayLike | None = None, **kwargs: Any) -> Figure:
    """A quantity over the plane of two latents, with the prior's circles.

    Args:
        values: shape (n, n); the first row is at z_2 = -reach, the first column at z_1 = -reach.
        reach: half the square's side, in prior standard deviations.
        name: of the quantity, with its unit, for the colour bar.
        marks: points to number from 1 on, shape (m, 2).
        **kwargs: for imshow, such as vmin, vmax and cmap.

    Returns:
        A Figure.
    """
    figure, axis = new_figure(figsize=(6.4, 5.4))
    axis.grid(False)
    picture = axis.imshow(np.asarray(values), origin="lower", extent=(-reach, reach, -reach, reach), **kwargs)
    figure.colorbar(picture, label=name, shrink=0.8)
    prior_circles(axis)
    for number, (x, y) in enumerate([] if marks is None else np.asarray(marks), 1):
        box = dict(boxstyle="circle,pad=0.15", facecolor="white", edgecolor="black")
        axis.text(x, y, str(number), ha="center", va="center", fontsize=8, bbox=box)
    axis.set(xlabel="$z_1$ (prior standard deviations)", ylabel="$z_2$ (prior standard deviations)")
    return figure
