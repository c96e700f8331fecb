"""LatentExplorer: the latent space of a trained VAE under the reader's hand. Used in 08_train and 09_latent_space."""

from collections.abc import Sequence
from copy import deepcopy
from math import ceil
from typing import Any

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vae_lesson.evaluate import activity
from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.images import channels_first, check_images, check_labels, class_bytes, class_colours
from vae_lesson.explorer.network import decoded, float32_bytes, pack_mlp, posterior
from vae_lesson.explorer.pictures import png
from vae_lesson.explorer.snapshots import draw_pixels, draw_plane
from vae_lesson.explorer.widget import Checked, LessonWidget
from vae_lesson.model import VAE

POINTS = 5000  # more dots than this hide each other


def _checked_z(explorer: "LatentExplorer", value: Any) -> list[float]:
    """z as a list of latent_dim finite floats."""
    try:
        z = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value, dtype=float)
    except (TypeError, ValueError):
        z = np.array(np.nan)
    if z.shape != (explorer.latent_dim,) or not np.isfinite(z).all():
        raise ValueError(f"z must be {explorer.latent_dim} finite numbers, not {value!r}")
    return z.tolist()


def _checked_axes(explorer: "LatentExplorer", value: Any) -> list[int]:
    """The two latents of the plane, counted from 0; none for a model with one latent."""
    axes, latents = list(value), range(explorer.latent_dim)
    wanted = 2 if len(latents) > 1 else 0
    if len(axes) != wanted or len(set(axes)) != wanted or not all(axis in latents for axis in axes):
        raise ValueError(f"axes must be {wanted} different latents, counted from 0 to {latents[-1]}, not {value!r}")
    return [int(axis) for axis in axes]


class LatentExplorer(LessonWidget):
    """Sliders over the latents, the decoded image, and a plane of two latents with the data's posterior means.

    The browser decodes by itself, so that the image follows the hand; Python sees the same z, both ways.

    Args:
        model: a trained VAE. Its weights are copied: training on does not change the explorer.
        images: what to show in the plane, as the model's encoder takes them, shape (n, *image_shape), in [0, 1].
        labels: their classes, whole numbers from 0 on, shape (n,).
        z: where to start, latent_dim numbers in standard deviations of the prior; the origin if not given.

    Attributes:
        z: the point that is decoded, a list of latent_dim floats; set it to move the sliders.
        axes: the plane's two latents, counted from 0; at first the two most active.
        activity: variance over the images of each latent's posterior mean, a list of latent_dim floats.

    Raises:
        ValueError: an argument is not of the kind above.
    """

    _esm = bundle("latent_explorer.js")

    latent_dim = traitlets.Int().tag(sync=True)
    z = Checked(_checked_z).tag(sync=True, echo_update=False)  # an echo would pull the point back under the hand
    axes = Checked(_checked_axes).tag(sync=True)
    only = traitlets.List(traitlets.Unicode()).tag(sync=True)  # classes that are coloured; empty: all
    activity = traitlets.List(traitlets.Float()).tag(sync=True)
    image_shape = traitlets.List(traitlets.Int()).tag(sync=True)  # channels, height, width
    reach = traitlets.Float().tag(sync=True)  # sliders and plane go from -reach to reach
    layers = traitlets.List().tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)
    means = traitlets.Bytes().tag(sync=True)  # float32 (points, latent_dim)
    classes = traitlets.Bytes().tag(sync=True)  # uint8 (points,); empty without labels
    colours = traitlets.Dict().tag(sync=True)  # class -> colour

    def __init__(
        self, model: VAE, images: Tensor, labels: Sequence[int] | Tensor | None = None, z: Sequence[float] | None = None
    ):
        check_images(model, images)
        labels = check_labels(labels, len(images))
        mu, _ = posterior(model, images)
        layers, weights = pack_mlp(model.decoder)
        activities = activity(mu)
        shown = torch.linspace(0, len(mu) - 1, min(POINTS, len(mu))).round().long()
        self._model, self._n_images = deepcopy(model), len(images)
        self._mu, self._labels = mu[shown], None if labels is None else labels[shown]
        super().__init__(
            latent_dim=model.latent_dim,  # first: z and axes are checked against it
            z=np.zeros(model.latent_dim) if z is None else z,
            axes=sorted(activities.argsort(descending=True)[:2].tolist()) if model.latent_dim > 1 else [],
            activity=activities.tolist(),
            image_shape=channels_first(model.image_shape),
            reach=max(3.0, ceil(2 * mu.abs().max().item()) / 2),
            layers=layers,
            weights=weights,
            means=float32_bytes(self._mu),
            classes=class_bytes(self._labels),
            colours=class_colours(self._labels),
        )

    def decode_at(self, z: Sequence[float] | Tensor) -> Tensor:
        """Move to z and decode it with torch.

        Args:
            z: latent_dim numbers, in standard deviations of the prior.

        Returns:
            The mean of p(x|z), shape image_shape: what the widget shows.

        Raises:
            ValueError: z is not latent_dim finite numbers.
        """
        self.z = z
        return decoded(self._model, torch.tensor(self.z))

    def snapshot(self) -> bytes:
        """A picture (PNG) of the plane and the decoded image, drawn without a browser."""
        figure = Figure(figsize=(7.4, 4.0), dpi=100, facecolor="white", layout="none")
        if self.axes:
            axis = figure.add_axes((0.07, 0.11, 0.46, 0.85))
            draw_plane(axis, self._mu[:, self.axes], self._labels, self.axes, self.reach)
            axis.plot(*(self.z[i] for i in self.axes), "o", markersize=11, color="black", markeredgecolor="white")
        draw_pixels(figure, decoded(self._model, torch.tensor(self.z)), left=430, middle=200, size=280)
        figure.text(430 / 740, 0.93, f"mean of p(x|z) at {self._place()}", fontsize=9)
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        plane = f"{len(self._mu)} posterior means in the plane of two latents, and " if self.axes else ""
        return f"{plane}the image that the decoder makes at {self._place()}"

    def summary(self) -> str:
        """The sizes of what it shows."""
        return f"latent_dim={self.latent_dim}, images={self._n_images}"

    def _place(self) -> str:
        first = ", ".join(f"{value:.2f}" for value in self.z[:4])
        return f"z = ({first}{', ...' if self.latent_dim > 4 else ''})"
