"""LatentWalk: one slider along a path through the latent space, decoded as it moves. Used in 00_start_here."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.instrument import NUMBER
from vae_lesson.explorer.interpolation import straight
from vae_lesson.explorer.latent_widget import LatentWidget
from vae_lesson.explorer.network import decoded, float32_bytes
from vae_lesson.explorer.pictures import PLACED, png
from vae_lesson.explorer.snapshots import draw_pixels, draw_plane, draw_sheet
from vae_lesson.explorer.widget import Checked
from vae_lesson.model import VAE
from vae_lesson.plots import CLASSES


def _checked_position(widget: "LatentWalk", value: Any) -> float:
    last = len(widget.names) - 1
    if isinstance(value, bool) or not isinstance(value, NUMBER) or not 0 <= value <= last:  # NaN is neither
        raise ValueError(f"position is {value!r}; wanted a number from 0, the first stop, to {last}, the last")
    return float(value)


class LatentWalk(LatentWidget):
    """A path of straight lines from stop to stop in the latent space, and the image that is decoded on the way.

    Args:
        model: a trained VAE. Its weights are copied: training on does not change the widget.
        stops: name -> point of the latent space, latent_dim numbers; in the order of the path, at least two.
        images: what to show in the plane, shape (m, *image_shape), in [0, 1]; or None.
        labels: their classes, whole numbers from 0 on, shape (m,); or None.

    Attributes:
        position: where on the path, from 0, the first stop, to n - 1, the last; set it to move.
        z: the present point, a list of latent_dim floats.

    Raises:
        ValueError: an argument is not of the kind above.
    """

    _esm = bundle("latent_walk.js")

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    stops = traitlets.Bytes().tag(sync=True)  # float32 (n, latent_dim)
    position = Checked(_checked_position).tag(sync=True, echo_update=False)  # an echo would pull the slider back

    def __init__(
        self,
        model: VAE,
        stops: Mapping[str, Sequence[float]],
        images: Tensor | None = None,
        labels: Sequence[int] | Tensor | None = None,
    ):
        wanted = f"stops must name two points or more, each of {model.latent_dim} numbers, not {stops!r}"
        try:
            points = torch.as_tensor(list(stops.values()), dtype=torch.float32)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(wanted) from error
        if points.shape[1:] != (model.latent_dim,) or len(points) < 2 or not points.isfinite().all():
            raise ValueError(wanted)
        self._stops = points
        # The names come first: the position is checked against them.
        super().__init__(model, images, labels, names=[*stops], stops=float32_bytes(points), position=0.0)
        self.reach = max(3.0, 1.2 * points.abs().max().item())  # all of the path, if not all of the images

    @property
    def z(self) -> list[float]:
        """The point at the present position."""
        return self._at(self.position).tolist()

    def decode_at(self, position: float) -> Tensor:
        """Move to a position and decode the point there with torch.

        Args:
            position: from 0, the first stop, to n - 1, the last.

        Returns:
            The mean of p(x|z), shape image_shape: what the widget shows.

        Raises:
            ValueError: position is no such number.
        """
        self.position = position
        return decoded(self._model, torch.tensor(self.z))

    def summary(self) -> str:
        """The sizes of what it shows."""
        return f"{super().summary()}, stops={len(self.names)}"

    def snapshot(self) -> bytes:
        """A picture (PNG) of the plane with the path, the image at the position and those at the stops."""
        figure = Figure(figsize=(9.2, 4.2), dpi=100, facecolor="white", layout=PLACED)
        if self.axes:
            axis = figure.add_axes((0.06, 0.11, 0.38, 0.85))
            mu, stops = self._mu[:, self.axes], self._stops[:, self.axes]
            draw_plane(axis, mu, None, self.axes, self.reach)
            if self._labels is not None:
                colours = CLASSES(self._labels.numpy() % CLASSES.N)
                axis.scatter(mu[:, 0].numpy(), mu[:, 1].numpy(), s=5, c=colours, linewidths=0)
            axis.plot(*stops.T.numpy(), color="black", linewidth=1)
            for name, (x, y) in zip(self.names, stops.tolist(), strict=True):
                box = dict(boxstyle="circle,pad=0.2", facecolor="white", edgecolor="black")
                axis.text(x, y, name, ha="center", va="center", weight="bold", fontsize=8, bbox=box)
            axis.plot(*(self.z[i] for i in self.axes), "o", markersize=11, color="black", markeredgecolor="white")
        draw_pixels(figure, decoded(self._model, torch.tensor(self.z)), left=562, middle=255, size=224)
        figure.text(562 / 920, 0.915, self._place(), fontsize=9)
        sheet = decoded(self._model, self._stops).numpy().reshape(1, len(self.names), *self.image_shape)
        axis = figure.add_axes((0.48, 0.06, 0.5, 0.2))
        draw_sheet(axis, sheet)
        axis.plot([(0.5 + self.position) * self.image_shape[2]], [-2], "v", color="black", clip_on=False)
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        names = ", ".join(self.names)
        return f"A path through the latent plane with the stops {names}, and the image decoded {self._place()}"

    def _place(self) -> str:
        before, after = int(np.floor(self.position)), int(np.ceil(self.position))
        if before == after:
            return f"at the stop {self.names[before]}"
        share = round(100 * (self.position - before))
        return f"{share} % of the way from {self.names[before]} to {self.names[after]}"

    def _at(self, position: float) -> np.ndarray:
        legs = list(pairwise(self._stops.double().numpy()))
        leg = min(int(position), len(legs) - 1)  # the last stop ends the last leg
        return straight(*legs[leg], position - leg)
