"""PosteriorExplorer: the true posterior of a VAE with two latents beside the encoder's q. Used in 10."""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from torch import Tensor

from vae_lesson.evidence import PosteriorGrid, grid_posterior
from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.images import channels_first, check_images, check_labels, image_bytes
from vae_lesson.explorer.instrument import Instrument, whole
from vae_lesson.explorer.network import posterior
from vae_lesson.model import VAE
from vae_lesson.objective import gaussian_kl
from vae_lesson.plots import COLOURS, prior_circles, show_image

MOST = 40  # images
POINTS = 65  # of the posterior's grid along one axis ...
SHOWN = 129  # ... and of its picture: smooth between them, as the log density is
NODES, REACH = 49, 6.0  # of q's grid along one axis, and its half width in standard deviations
FAINT = np.exp(-6)  # of the posterior's peak: what is less need not be in the picture
HELD = 1 - np.exp([-1 / 2, -2])  # what ellipses of one and two standard deviations hold: 39 % and 86 %


class PosteriorExplorer(Instrument):
    """p(z|x) on a grid, with q(z|x) over it, for images to choose from; log p(x), the ELBO and the gap between them.

    Args:
        model: a trained VAE with latent_dim 2.
        images: at most 40, as the model's likelihood takes them (0 or 1 for Bernoulli), shape (n, *image_shape).
        labels: their classes, whole numbers from 0 on, shape (n,).
        index: which image at first, counted from 0.

    Attributes:
        index: which image; set it to move.

    Raises:
        ValueError: an argument, or what index is set to, is not of the kind above.
    """

    _esm = bundle("posterior_explorer.js")

    index = whole("index", lambda widget: range(len(widget._images))).tag(sync=True, echo_update=False)
    places = traitlets.List().tag(sync=True)  # of each image: what `_place` says
    densities = traitlets.Bytes().tag(sync=True)  # uint8 (n, SHOWN, SHOWN): p(z|x), 255 at its peak; rows are z_2
    image_shape = traitlets.List().tag(sync=True)  # channels, height, width
    pictures = traitlets.Bytes().tag(sync=True)  # uint8 (n, *image_shape)
    names = traitlets.List().tag(sync=True)  # the images' classes; empty without labels

    def __init__(self, model: VAE, images: Tensor, labels: Sequence[int] | Tensor | None = None, index: int = 0):
        if model.latent_dim != 2:
            raise ValueError(f"model has {model.latent_dim} latents; wanted 2, for a picture of p(z|x)")
        check_images(model, images)
        if len(images) > MOST:
            raise ValueError(f"images are {len(images)}; wanted at most {MOST}")
        if model.likelihood == "bernoulli" and not ((images == 0) | (images == 1)).all():
            raise ValueError("images have grey pixels; wanted 0 and 1 for a Bernoulli likelihood: use data.binarize")
        labels = check_labels(labels, len(images))
        model, self._images = deepcopy(model).cpu(), images.cpu().clone()
        self._grid = grid_posterior(model, self._images, points=POINTS)
        self._density = _relative_density(self._grid.log_density)
        mu, sigma = posterior(model, self._images)
        terms = _terms(model, self._images, mu, sigma)
        super().__init__(
            index=index,
            places=[_place(self._grid, self._density[i], i, mu[i], sigma[i]) | terms[i] for i in range(len(images))],
            densities=np.rint(255 * self._density).astype(np.uint8).tobytes(),
            image_shape=channels_first(model.image_shape),
            pictures=image_bytes(self._images),
            names=[] if labels is None else [str(label) for label in labels.tolist()],
        )

    def set(self, index: int | None = None) -> None:
        """Move to another image, on the page too.

        Raises:
            ValueError: there is no such image; then nothing moves.
        """
        self._move(index=index)

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> value in nats for the present image: log p(x) and the distortion by quadrature, the rate exact."""
        place = self.places[self.index]
        elbo = -(place["rate"] + place["distortion"])
        return {
            "log p(x)": place["evidence"],
            "ELBO": elbo,
            "KL(q, posterior)": place["evidence"] - elbo,
            "rate": place["rate"],
            "distortion": place["distortion"],
        }

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        parts = figure.subplot_mosaic([["near", "image"], ["near", "plane"]], width_ratios=(2, 1))
        self._draw_near(parts["near"])
        show_image(parts["image"], self._images[self.index], cmap="gray_r")
        told = self.numbers
        parts["image"].set(xticks=[], yticks=[])
        parts["image"].set_title(f"log p(x) {told['log p(x)']:.2f}, ELBO {told['ELBO']:.2f}", fontsize=9)
        prior_circles(parts["plane"])
        x, y, half = self.places[self.index]["view"]
        parts["plane"].add_patch(Rectangle((x - half, y - half), 2 * half, 2 * half, fill=False))
        parts["plane"].set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")

    def alt(self) -> str:
        """The picture in words."""
        told = ", ".join(f"{name} {value:.2f}" for name, value in self.numbers.items())
        return f"the true posterior p(z|x) of image {self.index} as a heat map, and q(z|x) as ellipses: {told}"

    def summary(self) -> str:
        """How many images it shows."""
        return f"images={len(self._images)}"

    def _draw_near(self, axis: Axes) -> None:
        place = self.places[self.index]
        density = self._density[self.index]
        z_1, z_2 = (np.linspace(low, high, SHOWN) for low, high in (place["z_1"], place["z_2"]))
        heat = LinearSegmentedColormap.from_list("posterior", ["white", COLOURS["posterior"]])
        axis.pcolormesh(z_1, z_2, density, cmap=heat, shading="gouraud")
        axis.contour(z_1, z_2, density, levels=sorted(place["levels"]), colors="#8F6200", linewidths=1)
        for times in (1, 2):
            width, height = (2 * times * side for side in place["sigma"])
            axis.add_patch(Ellipse(place["mu"], width, height, fill=False, color=COLOURS["q"], linewidth=2))
        x, y, half = place["view"]
        axis.set(xlim=(x - half, x + half), ylim=(y - half, y + half), aspect="equal", xlabel="$z_1$", ylabel="$z_2$")
        axis.set_title("p(z|x) orange, q(z|x) blue", fontsize=9)


def _relative_density(log_density: np.ndarray) -> np.ndarray:
    """p(z|x) as a share of its peak, (n, POINTS, POINTS) to (n, SHOWN, SHOWN)."""
    fine = torch.nn.functional.interpolate(
        torch.as_tensor(log_density)[:, None], size=(SHOWN, SHOWN), mode="bicubic", align_corners=True
    )[:, 0]
    return (fine - fine.amax((1, 2), keepdim=True)).exp().numpy()


def _place(grid: PosteriorGrid, density: np.ndarray, i: int, mu: Tensor, sigma: Tensor) -> dict:
    """What the picture of image i needs beside its density.

    Returns:
        z_1, z_2: the ends of its grid. mu, sigma: of q. evidence: log p(x). levels: the densities (1 at the peak) above
        which HELD of p(z|x) lies. view: middle and half side of the square that is drawn.
    """
    falling = np.sort(density.ravel())[::-1]
    levels = [float(falling[np.searchsorted(np.cumsum(falling), held * falling.sum())]) for held in HELD]
    corners = []
    for axis, (z, mean, spread) in enumerate(zip((grid.z_1[i], grid.z_2[i]), mu.tolist(), sigma.tolist(), strict=True)):
        seen = np.linspace(z[0], z[-1], SHOWN)[(density > FAINT).any(axis)]
        corners.append((min(seen[0], mean - 2.5 * spread), max(seen[-1], mean + 2.5 * spread)))
    half = 0.53 * max(high - low for low, high in corners)
    return {
        "z_1": grid.z_1[i][[0, -1]].tolist(),
        "z_2": grid.z_2[i][[0, -1]].tolist(),
        "mu": mu.tolist(),
        "sigma": sigma.tolist(),
        "evidence": float(grid.log_evidence[i]),
        "levels": levels,
        "view": [*(float(low + high) / 2 for low, high in corners), float(half)],
    }


@torch.no_grad()
def _terms(model: VAE, images: Tensor, mu: Tensor, sigma: Tensor) -> list[dict[str, float]]:
    """Rate (exact) and distortion of each image, the latter as a sum over a grid of z around q's mean, not samples."""
    along = torch.linspace(-REACH, REACH, NODES)
    nodes = torch.cartesian_prod(along, along)
    weights = torch.softmax(-0.5 * nodes.square().sum(1), 0)
    rates = gaussian_kl(mu, 2 * sigma.log())
    return [
        {"rate": rate.item(), "distortion": -(weights @ model.decode(mean + spread * nodes).log_prob(x)).item()}
        for x, mean, spread, rate in zip(images, mu, sigma, rates, strict=True)
    ]
