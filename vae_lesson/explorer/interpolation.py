"""Interpolation: from one image's code to another's, straight or on an arc. Used in 09_latent_space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.images import check_images, image_bytes
from vae_lesson.explorer.instrument import between, whole
from vae_lesson.explorer.latent_widget import LatentWidget
from vae_lesson.explorer.network import decoded
from vae_lesson.explorer.pictures import PLACED, png
from vae_lesson.explorer.snapshots import draw_pixels, draw_plane, draw_sheet
from vae_lesson.explorer.widget import Checked
from vae_lesson.model import VAE

FRAMES = 9
MOST = 1000  # images: each goes to the browser
WAYS = ("straight", "spherical")
PARALLEL = 1e-4  # sine of an angle under which two directions count as one, or as opposite


def straight(a: Any, b: Any, t: float) -> Any:
    """The point at t in [0, 1] on the straight line from a to b: arrays of shape (d,), or numbers."""
    return (1 - t) * a + t * b


def spherical(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray | None:
    """The point at t on the arc from a to b, shape (d,); None if the directions are opposite or an end is the origin.

    The direction turns at an even pace on the shortest arc, and the length goes evenly from |a| to |b|.

    Source: White (2016), 'Sampling Generative Networks', section 2, whose formula is the same for ends of one length.
    """
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0:
        return None
    u, v = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.clip(u @ v, -1, 1))
    if np.sin(angle) < PARALLEL:
        return straight(a, b, t) if angle < 1 else None
    direction = (np.sin((1 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
    return straight(*lengths, t) * direction


def _checked_way(_: Any, value: Any) -> str:
    if value not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, not {value!r}")
    return value


class Interpolation(LatentWidget):
    """A path between the codes of two images, decoded on the way: a strip of each way, and one image at t.

    A code is the mean of q(z|x). Straight: both coordinates and length as on a line. Spherical: the direction turns at
    an even pace on the shortest arc, the length goes evenly from one end's length to the other's. Opposite codes have
    no shortest arc: then the straight line is taken, and said so.

    Args:
        model: a trained VAE. Its weights are copied: training on does not change the widget.
        images: to choose from, shape (n, *image_shape), in [0, 1], n at most 1000.
        labels: their classes, whole numbers from 0 on, shape (n,).
        start, end: which of the images the path joins, counted from 0.

    Attributes:
        start, end, t, way: where the path goes, where on it, "straight" or "spherical"; set them to move.
        z: the present point, a list of latent_dim floats.

    Raises:
        ValueError: an argument is not of the kind above.
    """

    _esm = bundle("interpolation.js")

    start = whole("start", lambda widget: range(widget.count)).tag(sync=True, echo_update=False)
    end = whole("end", lambda widget: range(widget.count)).tag(sync=True, echo_update=False)
    t = between("t", 0, 1).tag(sync=True, echo_update=False)
    way = Checked(_checked_way).tag(sync=True, echo_update=False)
    count = traitlets.Int().tag(sync=True)
    frames = traitlets.Int(FRAMES).tag(sync=True)
    thumbnails = traitlets.Bytes().tag(sync=True)  # uint8 (n, channels, height, width)

    def __init__(
        self, model: VAE, images: Tensor, labels: Sequence[int] | Tensor | None = None, start: int = 0, end: int = 1
    ):
        check_images(model, images)
        if len(images) > MOST:
            raise ValueError(f"images must be at most {MOST}, not {len(images)}: pass images[:{MOST}]")
        place = dict(count=len(images), start=start, end=end, t=0.5, way=WAYS[0])  # count first: the ends are checked
        super().__init__(model, images, labels, thumbnails=image_bytes(images), **place)

    @property
    def z(self) -> list[float]:
        """The point at t on the present way."""
        return self._at(self.t, self.way).tolist()

    def decode_at(self, t: float) -> Tensor:
        """Move to t and decode the point there with torch.

        Args:
            t: from 0, the start's code, to 1, the end's.

        Returns:
            The mean of p(x|z), shape image_shape: what the widget shows.

        Raises:
            ValueError: t is not a number from 0 to 1.
        """
        self.t = t
        return decoded(self._model, torch.tensor(self.z))

    def snapshot(self) -> bytes:
        """A picture (PNG) of both strips, the image at t and the path in the plane, drawn without a browser."""
        figure = Figure(figsize=(9.6, 4.4), dpi=100, facecolor="white", layout=PLACED)
        times = np.linspace(0, 1, self.frames)
        for row, way in enumerate(WAYS):
            path = np.stack([self._at(t, way) for t in times])
            frames = decoded(self._model, torch.tensor(path, dtype=torch.float32)).numpy()
            axis = figure.add_axes((0.02, 0.26 - 0.24 * row, 0.56, 0.22), title=way)
            draw_sheet(axis, frames.reshape(1, self.frames, *self.image_shape))
        draw_pixels(figure, decoded(self._model, torch.tensor(self.z)), left=190, middle=305, size=196)
        figure.text(190 / 960, 0.945, f"{self.way}, t = {self.t:.2f}", fontsize=9)
        if self.axes:
            axis = figure.add_axes((0.64, 0.14, 0.35, 0.78))
            draw_plane(axis, self._mu[:, self.axes], self._labels, self.axes, self.reach)
            for way in WAYS:
                path = np.stack([self._at(t, way) for t in np.linspace(0, 1, 101)])
                axis.plot(*path[:, self.axes].T, color="black", linewidth=2 if way == self.way else 0.8)
            axis.plot(*(self.z[i] for i in self.axes), "o", markersize=10, color="black", markeredgecolor="white")
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        return (
            f"{self.frames} images on the way from the code of image {self.start} to that of image {self.end}, "
            f"straight and spherical, and the {self.way} one at t = {self.t:.2f}"
        )

    def _at(self, t: float, way: str) -> np.ndarray:
        a, b = (self._mu[i].double().numpy() for i in (self.start, self.end))
        point = spherical(a, b, t) if way == "spherical" else None
        return straight(a, b, t) if point is None else point
