"""DrawADigit: the reader's own digit, and at once where q(z|x) puts it and what comes back. Used in 09_latent_space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from vae_lesson.data import binarize
from vae_lesson.evidence import importance_sampled
from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.images import image_bytes
from vae_lesson.explorer.latent_widget import LatentWidget, checked_z
from vae_lesson.explorer.network import decoded, float32, pack_mlp
from vae_lesson.explorer.pictures import PLACED, png
from vae_lesson.explorer.snapshots import draw_pixels, draw_plane, draw_q
from vae_lesson.explorer.widget import Checked
from vae_lesson.model import VAE
from vae_lesson.objective import gaussian_kl

SAMPLES = 1000  # of the importance sampling
TAKEN = 100  # images that the button takes, one after the other


def _checked_pixels(widget: "DrawADigit", value: Any) -> bytes:
    """The drawing as little-endian float32, row by row."""
    shape = tuple(widget._model.image_shape)
    try:
        if isinstance(value, bytes | bytearray | memoryview):  # what a browser sends
            values = np.frombuffer(value, "<f4").reshape(shape)
        else:
            values = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value, dtype="<f4")
    except (TypeError, ValueError):
        raise ValueError(f"image must be an array of shape {shape}, not {type(value).__name__} {value!r:.40}") from None
    if values.shape != shape:
        raise ValueError(f"image must have shape {shape}, not {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():  # false for NaN too
        raise ValueError(f"image must lie in [0, 1], not in [{values.min()}, {values.max()}]")
    return values.tobytes()


class DrawADigit(LatentWidget):
    """A drawing, q(z|x) for it in the plane of two latents, its reconstructions, and the terms of the bound.

    The encoder and the decoder run in the browser. A Bernoulli model is given black and white pixels: ink of one half
    and more is 1. log p(x) comes from Python whenever the pen is lifted, by importance sampling, K = 1000, seed 0.

    Args:
        model: a trained VAE of grey images. Its weights are copied: training on does not change the widget.
        images: the data behind q in the plane, shape (n, *image_shape), in [0, 1]; a button takes the first hundred.
        labels: their classes, whole numbers from 0 on, shape (n,).

    Attributes:
        image: the drawing, an array image_shape in [0, 1]; set it (array, tensor or lists) to draw by code.
        z: the sample mu + sigma * noise, a list of latent_dim floats; set it to move the sample.
        noise: its standard normal numbers, a list of latent_dim floats; they stay while the drawing changes.
        numbers: name -> value in nats, computed by torch for the present drawing and sample.

    Raises:
        ValueError: an argument is not of the kind above.
    """

    _esm = bundle("draw_a_digit.js")

    pixels = Checked(_checked_pixels).tag(sync=True, echo_update=False)  # an echo would undo what was drawn since
    noise = Checked(lambda widget, value: checked_z(widget, value, "noise")).tag(sync=True, echo_update=False)
    log_sigma = traitlets.Float(None, allow_none=True).tag(sync=True)  # None: a Bernoulli likelihood
    encoder_layers = traitlets.List().tag(sync=True)
    encoder_weights = traitlets.Bytes().tag(sync=True)
    digits = traitlets.Bytes().tag(sync=True)  # uint8 (at most TAKEN, height, width)
    samples = traitlets.Int(SAMPLES).tag(sync=True)
    evidence = traitlets.Dict().tag(sync=True)  # of the pixels in `answered`: value, error, effective
    answered = traitlets.Bytes().tag(sync=True)

    def __init__(self, model: VAE, images: Tensor | None = None, labels: Sequence[int] | Tensor | None = None):
        if len(model.image_shape) == 3 and model.image_shape[0] != 1:
            raise ValueError(f"model must make grey images to draw, not of shape {tuple(model.image_shape)}")
        layers, weights = pack_mlp(model.encoder)
        super().__init__(
            model,
            images,
            labels,
            encoder_layers=layers,
            encoder_weights=weights,
            log_sigma=None if model.likelihood == "bernoulli" else model.log_sigma.item(),
            digits=b"" if images is None else image_bytes(images[:TAKEN]),
            pixels=np.zeros(model.image_shape),
            noise=torch.randn(model.latent_dim, generator=torch.Generator().manual_seed(0)),
        )
        self._weigh()
        self.observe(self._weigh, "pixels")

    @property
    def image(self) -> np.ndarray:
        """The drawing, float32 image_shape in [0, 1]."""
        return np.frombuffer(self.pixels, "<f4").reshape(self._model.image_shape).copy()

    @image.setter
    def image(self, value: Any) -> None:
        self.pixels = value

    @property
    def z(self) -> list[float]:
        """The sample of q(z|x)."""
        mu, sigma = self._q()
        return (mu + sigma * torch.tensor(self.noise, dtype=mu.dtype)).tolist()

    @z.setter
    def z(self, value: Sequence[float] | Tensor) -> None:
        mu, sigma = self._q()
        self.noise = (torch.tensor(checked_z(self, value), dtype=mu.dtype) - mu) / sigma

    @property
    def numbers(self) -> dict[str, float]:
        """In nats: the rate, the distortion and the ELBO with the present z, the distortion at q's mean, log p(x)."""
        x, (mu, sigma) = self._seen(), self._q()
        rate = gaussian_kl(mu, 2 * sigma.log()).item()
        at_z, at_mean = (self._distortion(x, z) for z in (torch.tensor(self.z), mu))
        if self.answered != self.pixels:
            self._weigh()
        value, error, effective = self.evidence.values()
        return {
            "rate": rate,
            "distortion": at_z,
            "distortion at the mean": at_mean,
            "ELBO": -(rate + at_z),
            "log p(x)": value,
            "standard error": error,
            "effective sample size": effective,
        }

    def snapshot(self) -> bytes:
        """A picture (PNG) of the drawing, the plane and the reconstructions, drawn without a browser."""
        figure = Figure(figsize=(9.6, 3.7), dpi=100, facecolor="white", layout=PLACED)
        mu, sigma = self._q()
        shown = {"the drawing": self.image, "from q's mean": decoded(self._model, float32(mu)),
                 "from z": decoded(self._model, torch.tensor(self.z))}  # fmt: skip
        for (name, image), (left, middle, size) in zip(
            shown.items(), [(20, 185, 224), (700, 275, 112), (700, 105, 112)], strict=True
        ):
            draw_pixels(figure, torch.as_tensor(image), left=left, middle=middle, size=size)
            figure.text(left / 960, (middle + size / 2 + 8) / 370, name, fontsize=9)
        if self.axes:
            axis = figure.add_axes((0.33, 0.13, 0.32, 0.83))
            reach = max(self.reach, float((mu.abs() + 2 * sigma).max()))
            draw_plane(axis, self._mu[:, self.axes], self._labels, self.axes, reach)
            draw_q(axis, mu[self.axes].tolist(), sigma[self.axes].tolist())
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        mu, _ = self._q()
        ink = "a drawing" if self.image.any() else "an empty drawing"
        told = ", ".join(f"{value:.2f}" for value in mu[:4].tolist())
        return f"{ink}, the mean of its q(z|x) at ({told}), and its reconstructions from that mean and from a sample"

    def _seen(self) -> Tensor:
        """The drawing as the encoder is given it: (1, *image_shape), where the model is."""
        x = torch.from_numpy(self.image)[None]
        return (binarize(x) if self._model.likelihood == "bernoulli" else x).to(next(self._model.parameters()))

    @torch.no_grad()
    def _q(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q, two float64 tensors (latent_dim,)."""
        mu, log_var = (values[0].double().cpu() for values in self._model.encode(self._seen()))
        return mu, torch.exp(0.5 * log_var)

    @torch.no_grad()
    def _distortion(self, x: Tensor, z: Tensor) -> float:
        return -self._model.decode(z.to(x)).log_prob(x[0]).item()

    def _weigh(self, _: Any = None) -> None:
        """Estimate log p(x) of the drawing; the page takes it only for the pixels that it was made for."""
        asked, generator = self.pixels, torch.Generator().manual_seed(0)
        told = importance_sampled(self._model, self._seen(), samples=self.samples, generator=generator)
        if self.pixels != asked:  # JupyterLab hands strokes to another thread than cells: one of them was quicker
            return
        value, error, effective, _ = (float(field[0]) for field in told)
        with self.hold_sync():
            self.evidence = {"value": value, "error": error, "effective": effective}
            self.answered = asked
