"""The figure of 00_start_here: a variational autoencoder in one picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch, Ellipse, FancyArrowPatch, Polygon, Rectangle
from numpy.typing import ArrayLike

from vae_lesson.alt_text import Figure, described
from vae_lesson.plots import COLOURS, new_figure, prior_circles, show_image

WIDTH, HEIGHT = 10.4, 4.5  # inches, and the units of the sheet on which all is placed
MIDDLE = 2.75  # the height at which x, q, z and p(x|z) stand side by side


@described
def one_picture(
    x: ArrayLike,
    mu: ArrayLike,
    log_var: ArrayLike,
    z: ArrayLike,
    mean: ArrayLike,
    rate: float,
    distortion: float,
    codes: ArrayLike,
) -> Figure:
    """One image on its way: an encoder makes it a small cloud q in a plane, a decoder makes a draw of q an image again.

    Args:
        x: the image, shape (height, width), values in [0, 1].
        mu: mean of q(z|x), shape (2,).
        log_var: logarithm of its variances, shape (2,).
        z: a draw of it, shape (2,).
        mean: the mean of p(x|z), shape (height, width).
        rate: KL divergence from q(z|x) to the prior, in nats.
        distortion: -log p(x|z), in nats.
        codes: means of q for other images, shape (n, 2): grey dots.

    Returns:
        A Figure: from left to right x, encoder, plane with the prior, decoder, decoded image; beneath, the two costs.
    """
    x, mu, log_var, z, mean, codes = map(np.asarray, (x, mu, log_var, z, mean, codes))
    figure, sheet = new_figure(figsize=(WIDTH, HEIGHT), layout="none")
    sheet.set(position=(0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    sheet.set_axis_off()
    _image(figure, x, 0.25, "the image $x$")
    _net(sheet, 1.95, 1, COLOURS["q"], "encoder", "$q(z\\mid x)$")
    _plane(figure, mu, np.exp(0.5 * log_var), z, codes)
    _net(sheet, 7.35, -1, COLOURS["distortion"], "decoder", "$p(x\\mid z)$")
    _image(figure, mean, 8.8, "mean of $p(x\\mid z)$")
    for start, end in ((1.7, 1.9), (2.95, 3.3), (7.0, 7.3), (8.35, 8.65)):
        sheet.add_patch(FancyArrowPatch((start, MIDDLE), (end, MIDDLE), arrowstyle="-|>", mutation_scale=12, color="k"))
    _span(sheet, 0.95, 9.5, 0.62, COLOURS["distortion"],
          f"distortion {distortion:.1f} nats: how unexpected $x$ is for the decoder, $-\\log p(x\\mid z)$")
    sheet.text(5.15, 0.98, f"rate {rate:.1f} nats: how far $q(z\\mid x)$ is from the prior", ha="center",
               color=COLOURS["rate"], weight="bold")
    sheet.text(WIDTH / 2, 0.12, f"−(rate + distortion) = −{rate + distortion:.1f} nats: one draw's estimate "
               "of the ELBO, a lower bound on $\\log p(x)$", ha="center", color=COLOURS["elbo"], weight="bold")
    return figure


def _box(left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
    return left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT


def _image(figure: Figure, image: ArrayLike, left: float, name: str) -> None:
    axis = figure.add_axes(_box(left, MIDDLE - 0.7, 1.4, 1.4), xticks=[], yticks=[])
    axis.grid(False)
    show_image(axis, image, cmap="gray_r")
    axis.spines[:].set(visible=True, color="#bdbdbd")
    axis.set_title(name, loc="center")


def _net(sheet: Axes, left: float, narrows: int, colour: str, name: str, density: str) -> None:
    """A trapezoid that narrows to the right (1) or to the left (-1)."""
    wide, thin = (0.75, 0.4)[::narrows]
    corners = [(left, MIDDLE - wide), (left + 1, MIDDLE - thin), (left + 1, MIDDLE + thin), (left, MIDDLE + wide)]
    sheet.add_patch(Polygon(corners, facecolor=colour, alpha=0.15))
    sheet.add_patch(Polygon(corners, fill=False, edgecolor=colour, linewidth=1.8))
    sheet.text(left + 0.5, MIDDLE + 0.1, name, ha="center")
    sheet.text(left + 0.5, MIDDLE - 0.2, density, ha="center", color=colour)


def _plane(figure: Figure, mu: np.ndarray, sigma: np.ndarray, z: np.ndarray, codes: np.ndarray) -> None:
    axis = figure.add_axes(_box(3.75, MIDDLE - 1.3, 2.85, 2.85), aspect="equal")
    axis.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    axis.tick_params(labelsize=8)
    axis.grid(False)
    axis.scatter(codes[:, 0], codes[:, 1], s=3, color=COLOURS["prior"], alpha=0.35, linewidths=0)
    prior_circles(axis)
    axis.set_title("the latent plane, with the prior $p(z)$", loc="center", color="#5f5f5f")
    close = axis.inset_axes((0.69, 0.69, 0.3, 0.3), xticks=[], yticks=[])
    half = 2.8 * max(sigma)
    close.set(xlim=(mu[0] - half, mu[0] + half), ylim=(mu[1] - half, mu[1] + half))
    for panel, widths in ((axis, (2,)), (close, (1, 2))):
        for times in widths:
            panel.add_patch(Ellipse(tuple(mu), *(2 * times * sigma), fill=False, color=COLOURS["q"], linewidth=1.8))
    close.grid(False)
    close.spines[:].set(visible=True, color=COLOURS["q"])
    close.plot(*z, "o", color="black", markersize=4)
    close.annotate("$z$", tuple(z), (0, -12), textcoords="offset points", ha="center")
    close.set_xlabel(f"$q$, × {3.3 / half * 0.3:.0f}", fontsize=8, color=COLOURS["q"], labelpad=2)
    axis.add_patch(Rectangle(mu - half, 2 * half, 2 * half, fill=False, color=COLOURS["q"], linewidth=0.8))
    line = ConnectionPatch(tuple(mu), (0, 0), axis.transData, close.transAxes, color=COLOURS["q"], linewidth=0.6)
    axis.add_artist(line)


def _span(sheet: Axes, left: float, right: float, height: float, colour: str, text: str) -> None:
    """A bracket under both images, and what it measures."""
    foot = MIDDLE - 0.85
    sheet.plot([left, left, right, right], [foot, height, height, foot], color=colour, linewidth=1.5)
    sheet.text((left + right) / 2, height - 0.05, text, ha="center", va="top", color=colour, weight="bold")
