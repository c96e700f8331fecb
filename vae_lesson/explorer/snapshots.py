"""What the widgets' pictures are made of, for pages that can't run them: matplotlib, no browser."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor

from vae_lesson.plots import CLASSES, COLOURS, prior_circles


def draw_plane(axis: Axes, mu: Tensor, labels: Tensor | None, latents: Sequence[int], reach: float) -> None:
    """Posterior means (n, 2) of two latents, coloured by class, over the prior's circles."""
    colours = "#7f7f7f" if labels is None else CLASSES(labels.numpy() % CLASSES.N)
    axis.scatter(mu[:, 0].numpy(), mu[:, 1].numpy(), s=4, c=colours, alpha=0.5, linewidths=0)
    prior_circles(axis)
    for label in [] if labels is None else labels.unique().tolist():
        x, y = mu[labels == label].median(0).values.tolist()
        box = dict(boxstyle="circle,pad=0.2", facecolor="white", edgecolor=CLASSES(label % CLASSES.N), alpha=0.9)
        axis.text(x, y, str(label), ha="center", va="center", weight="bold", fontsize=8, bbox=box)
    _square(axis, latents, reach)


def draw_pixels(figure: Figure, image: Tensor, left: int, middle: int, size: int) -> None:
    """One image at a place of the figure in pixels, each pixel of it a whole square of the picture."""
    height, width = image.shape[-2:]
    scale = max(1, size // max(height, width))
    columns, rows = (int(side * figure.dpi) for side in figure.get_size_inches())
    box = (left / columns, (middle - scale * height // 2) / rows, scale * width / columns, scale * height / rows)
    axis = figure.add_axes(box, xticks=[], yticks=[])
    axis.imshow(_colours(image.numpy()), interpolation="nearest", aspect="auto")
    axis.spines[:].set_visible(False)


def draw_history(axes: Mapping[str, Axes], history: np.ndarray) -> None:
    """Curves of the three terms; history (7, epochs) holds the epoch, three training rows and three held-out rows."""
    for term, name in enumerate(("elbo", "rate", "distortion"), start=1):
        axis = axes[name]
        axis.plot(history[0], history[term], color=COLOURS[name], label="training")
        axis.plot(history[0], history[term + 3], "--", color=COLOURS[name], label="held out")
        axis.set_title("ELBO" if name == "elbo" else name, fontsize=9)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=8)
    axes["elbo"].set_ylabel("nats an image", fontsize=8)
    axes["elbo"].legend(fontsize=7, loc="lower right")


def draw_posteriors(axis: Axes, ellipses: np.ndarray, labels: Sequence[int] | None, latents: Sequence[int]) -> None:
    """Ellipses of one standard deviation; ellipses (n, 4) holds two means and two standard deviations, or nothing."""
    if not len(latents):
        axis.set_axis_off()
        return
    prior_circles(axis)
    for i, (x, y, width, height) in enumerate(ellipses):
        colour = COLOURS["q"] if labels is None else CLASSES(labels[i] % CLASSES.N)
        axis.add_patch(Ellipse((x, y), 2 * width, 2 * height, fill=False, color=colour))
    reach = max(3.2, np.abs(ellipses).max()) + 0.2
    _square(axis, latents, reach)


def draw_q(axis: Axes, mean: Sequence[float], spread: Sequence[float]) -> None:
    """One q in the plane of two latents: its mean, and ellipses of one and two standard deviations."""
    axis.plot(*mean, "+", color=COLOURS["q"], markersize=10)
    for times in (1, 2):
        width, height = (2 * times * half for half in spread)
        axis.add_patch(Ellipse((mean[0], mean[1]), width, height, fill=False, color=COLOURS["q"], linewidth=1.5))


def draw_sheet(axis: Axes, images: np.ndarray) -> None:
    """Images side by side; images (rows, columns, channels, height, width)."""
    sheet = np.concatenate(np.concatenate(images, axis=2), axis=2)
    axis.imshow(_colours(sheet))
    axis.set_axis_off()


def _colours(image: np.ndarray) -> np.ndarray:
    """An image (height, width) or (channels, height, width) as (height, width, 3); 1 is black if it is grey."""
    if image.ndim == 3 and len(image) == 3:
        return np.moveaxis(image, 0, -1)
    return np.repeat(1 - image.reshape(*image.shape[-2:], 1), 3, axis=-1)


def _square(axis: Axes, latents: Sequence[int], reach: float) -> None:
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axis.tick_params(labelsize=8)
    axis.set_xlabel(f"$z_{{{latents[0] + 1}}}$", fontsize=9)
    axis.set_ylabel(f"$z_{{{latents[1] + 1}}}$", fontsize=9)
