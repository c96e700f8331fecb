"""LatentExplorer: the latent space of a trained VAE under the reader's hand. Used in 08_train and 09_latent_space."""

from collections.abc import Sequence

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.images import check_images
from vae_lesson.explorer.latent_widget import LatentWidget, checked_z, place
from vae_lesson.explorer.network import decoded, float32_bytes
from vae_lesson.explorer.pictures import PLACED, png
from vae_lesson.explorer.snapshots import draw_pixels, draw_plane
from vae_lesson.explorer.widget import Checked
from vae_lesson.model import VAE


class LatentExplorer(LatentWidget):
    """Sliders over the latents, the decoded image, and a plane of two latents with the data's posterior means.

    The browser decodes by itself, so that the image follows the hand; Python sees the same z, both ways. In the plane
    an ellipse shows q(z|x) of the image whose mean is nearest; under the sliders, on demand, each latent's traversal.

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

    z = Checked(checked_z).tag(sync=True, echo_update=False)  # an echo would pull the point back under the hand
    only = traitlets.List(traitlets.Unicode()).tag(sync=True)  # classes that are coloured; empty: all
    spreads = traitlets.Bytes().tag(sync=True)  # float32 (points, latent_dim): q's standard deviations

    def __init__(
        self, model: VAE, images: Tensor, labels: Sequence[int] | Tensor | None = None, z: Sequence[float] | None = None
    ):
        check_images(model, images)  # None is for widgets that can do without
        super().__init__(model, images, labels, z=np.zeros(model.latent_dim) if z is None else z)
        self.spreads = float32_bytes(self._sigma)

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
        figure = Figure(figsize=(7.4, 4.0), dpi=100, facecolor="white", layout=PLACED)
        if self.axes:
            axis = figure.add_axes((0.07, 0.11, 0.46, 0.85))
            draw_plane(axis, self._mu[:, self.axes], self._labels, self.axes, self.reach)
            axis.plot(*(self.z[i] for i in self.axes), "o", markersize=11, color="black", markeredgecolor="white")
        draw_pixels(figure, decoded(self._model, torch.tensor(self.z)), left=430, middle=200, size=280)
        figure.text(430 / 740, 0.93, f"mean of p(x|z) at {place(self.z)}", fontsize=9)
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        plane = f"{len(self._mu)} posterior means in the plane of two latents, and " if self.axes else ""
        return f"{plane}the image that the decoder makes at {place(self.z)}"
