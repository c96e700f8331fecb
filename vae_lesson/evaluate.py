"""What a trained VAE achieves on images that it was not trained on. Taught in 08_train."""

from typing import NamedTuple

import torch
from torch import Tensor

from vae_lesson.data import binarize
from vae_lesson.model import VAE
from vae_lesson.objective import elbo


class Score(NamedTuple):
    """Means over images, in nats an image."""

    elbo: float
    rate: float
    distortion: float


@torch.no_grad()
def evaluate(model: VAE, images: Tensor, *, seed: int = 0, batch_size: int = 1000) -> Score:
    """Mean ELBO, rate and distortion over images, with one sample of q(z|x) for each.

    Args:
        model: the VAE; the work is done where its parameters are.
        images: pixels in [0, 1], shape (n, *image_shape); for a Bernoulli likelihood each is binarized first.
        seed: of the generator of pixels and samples: the same seed compares two models on the same noise.
        batch_size: images at a time.

    Returns:
        Score, with score.elbo = -(score.rate + score.distortion).

    Raises:
        ValueError: no images, or images of another shape.
    """
    if len(images) == 0:
        raise ValueError("images must hold at least one image")
    generator = torch.Generator().manual_seed(seed)
    parameter = next(model.parameters())
    totals = torch.zeros(2, dtype=torch.float64, device="cpu")  # MPS has no float64
    for x in images.split(batch_size):
        bound = elbo(model, as_pixels(model, x.to(parameter), generator), generator)
        totals += torch.stack([bound.rate.sum(), bound.distortion.sum()]).cpu().double()
    rate, distortion = (totals / len(images)).tolist()
    return Score(-(rate + distortion), rate, distortion)


def as_pixels(model: VAE, images: Tensor, generator: torch.Generator) -> Tensor:
    """Images as the model's likelihood wants them: drawn black and white for a Bernoulli, grey for a Gaussian."""
    return binarize(images, generator) if model.likelihood == "bernoulli" else images
