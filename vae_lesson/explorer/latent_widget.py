"""What the widgets over a trained VAE share: its decoder for the browser, and a plane of two latents with the data."""

from collections.abc import Sequence
from copy import deepcopy
from math import ceil
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from vae_lesson.evaluate import activity
from vae_lesson.explorer.bundle import HERE, style
from vae_lesson.explorer.images import channels_first, check_images, check_labels, class_bytes, class_colours
from vae_lesson.explorer.network import float32_bytes, pack_mlp, posterior
from vae_lesson.explorer.widget import Checked, LessonWidget
from vae_lesson.model import VAE

POINTS = 5000  # more dots than this hide each other
SHEETS = ("mathematics.css", "latent.css")


def checked_z(widget: "LatentWidget", value: Any, name: str = "z") -> list[float]:
    """z as a list of latent_dim finite floats."""
    try:
        z = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value, dtype=float)
    except (TypeError, ValueError):
        z = np.array(np.nan)
    if z.shape != (widget.latent_dim,) or not np.isfinite(z).all():
        raise ValueError(f"{name} must be {widget.latent_dim} finite numbers, not {value!r}")
    return z.tolist()


def _checked_axes(widget: "LatentWidget", value: Any) -> list[int]:
    """The two latents of the plane, counted from 0; none for a model with one latent."""
    axes, latents = list(value), range(widget.latent_dim)
    wanted = 2 if len(latents) > 1 else 0
    if len(axes) != wanted or len(set(axes)) != wanted or not all(axis in latents for axis in axes):
        raise ValueError(f"axes must be {wanted} different latents, counted from 0 to {latents[-1]}, not {value!r}")
    return [int(axis) for axis in axes]


class LatentWidget(LessonWidget):
    """A widget over the latents of a VAE. Its weights are copied: training on does not change the widget.

    Args:
        model: a trained VAE.
        images: what to show in the plane, shape (n, *image_shape), in [0, 1]; or None.
        labels: their classes, whole numbers from 0 on, shape (n,); or None.
        traits: of the subclass.

    Attributes:
        axes: the plane's two latents, counted from 0; at first the two most active.
        activity: variance over the images of each latent's posterior mean, a list of latent_dim floats.

    Raises:
        ValueError: an argument is not of the kind above.
    """

    _css = style() + "".join((HERE / sheet).read_text(encoding="utf-8") for sheet in SHEETS)

    latent_dim = traitlets.Int().tag(sync=True)
    axes = Checked(_checked_axes).tag(sync=True)
    activity = traitlets.List(traitlets.Float()).tag(sync=True)
    image_shape = traitlets.List(traitlets.Int()).tag(sync=True)  # channels, height, width
    reach = traitlets.Float().tag(sync=True)  # the plane goes from -reach to reach
    layers = traitlets.List().tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)
    means = traitlets.Bytes().tag(sync=True)  # float32 (points, latent_dim)
    classes = traitlets.Bytes().tag(sync=True)  # uint8 (points,); empty without labels
    colours = traitlets.Dict().tag(sync=True)  # class -> colour

    def __init__(self, model: VAE, images: Tensor | None, labels: Sequence[int] | Tensor | None, **traits: Any):
        check_images(model, torch.zeros(1, *model.image_shape) if images is None else images)
        images = torch.zeros(0, *model.image_shape) if images is None else images
        labels = check_labels(labels, len(images))
        mu, sigma = posterior(model, images)
        activities = activity(mu) if len(mu) else torch.zeros(model.latent_dim)
        layers, weights = pack_mlp(model.decoder)
        shown = torch.linspace(0, max(0, len(mu) - 1), min(POINTS, len(mu))).round().long()
        self._model, self._n_images = deepcopy(model), len(images)
        self._mu, self._sigma, self._labels = mu[shown], sigma[shown], None if labels is None else labels[shown]
        farthest = mu.abs().max().item() if len(mu) else 0.0
        super().__init__(
            latent_dim=model.latent_dim,  # first: z and axes are checked against it
            axes=sorted(activities.argsort(descending=True, stable=True)[:2].tolist()) if model.latent_dim > 1 else [],
            activity=activities.tolist(),
            image_shape=channels_first(model.image_shape),
            reach=max(3.0, ceil(2 * farthest) / 2),
            layers=layers,
            weights=weights,
            means=float32_bytes(self._mu),
            classes=class_bytes(self._labels),
            colours=class_colours(self._labels),
            **traits,
        )

    def summary(self) -> str:
        """The sizes of what it shows."""
        return f"latent_dim={self.latent_dim}, images={self._n_images}"


def place(z: Sequence[float]) -> str:
    """z in words, its first four numbers."""
    first = ", ".join(f"{value:.2f}" for value in z[:4])
    return f"z = ({first}{', ...' if len(z) > 4 else ''})"
