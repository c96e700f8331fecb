"""What a trained VAE achieves on images that it was not trained on. Taught in 08 and 10."""

from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from vae_lesson.data import binarize
from vae_lesson.evidence import importance_sampled
from vae_lesson.model import VAE
from vae_lesson.objective import elbo

ACTIVE = 0.01  # a latent whose posterior mean varies less than this over the images is dead: Burda et al. (2016)


class Score(NamedTuple):
    """Means over images, in nats an image, and the number of latents in use.

    log_evidence: log p(x) by importance sampling, None if not asked for.
    """

    elbo: float
    rate: float
    distortion: float
    active_units: int
    log_evidence: float | None = None


@torch.no_grad()
def evaluate(
    model: VAE,
    images: Tensor,
    *,
    seed: int = 0,
    batch_size: int = 1000,
    importance_samples: int = 0,
    progress: bool = False,
) -> Score:
    """Mean ELBO, rate and distortion over images, with one sample of q(z|x) for each; log p(x) if asked for.

    Args:
        model: the VAE; the work is done where its parameters are.
        images: pixels in [0, 1], shape (n, *image_shape); for a Bernoulli likelihood each is binarized first.
        seed: of the generator of pixels and samples: the same seed compares two models on the same noise.
        batch_size: images at a time.
        importance_samples: samples an image for log p(x); 5,000 is usual, 0 leaves it out.
        progress: show a bar with the time left.

    Returns:
        Score, with score.elbo = -(score.rate + score.distortion).

    Raises:
        ValueError: no images, images of another shape, or importance_samples below 0.
    """
    if len(images) == 0:
        raise ValueError("images must hold at least one image")
    if not isinstance(importance_samples, int) or importance_samples < 0:
        raise ValueError(f"importance_samples must be a whole number, 0 or more, not {importance_samples!r}")
    generator = torch.Generator().manual_seed(seed)
    parameter = next(model.parameters())
    totals = torch.zeros(2, dtype=torch.float64, device="cpu")  # MPS has no float64
    means, total_log_evidence = [], 0.0
    with tqdm(total=len(images), unit="image", disable=not progress) as bar:
        for some in images.split(batch_size):
            x = as_pixels(model, some.to(parameter), generator)
            bound = elbo(model, x, generator)
            totals += torch.stack([bound.rate.sum(), bound.distortion.sum()]).cpu().double()
            means.append(model.encode(x)[0].cpu())
            if importance_samples:
                estimate = importance_sampled(model, x, samples=importance_samples, generator=generator)
                total_log_evidence += estimate.log_estimate.sum().item()
            bar.update(len(some))
    rate, distortion = (totals / len(images)).tolist()
    log_evidence = total_log_evidence / len(images) if importance_samples else None
    active_units = int((activity(torch.cat(means)) > ACTIVE).sum())
    return Score(-(rate + distortion), rate, distortion, active_units, log_evidence)


def activity(means: Tensor) -> Tensor:
    """How much each latent is used: the variance over images of its posterior mean, (n, latent_dim) -> (latent_dim,).

    A latent that tells nothing about x has q(z|x) = p(z) for every image, and so an activity of 0.

    Source: Burda, Grosse & Salakhutdinov (2016), section 5.2 (active units: those above 0.01).
    """
    return means.var(0, correction=0)


def as_pixels(model: VAE, images: Tensor, generator: torch.Generator, *, check: bool = True) -> Tensor:
    """Images as the model's likelihood wants them: drawn black and white for a Bernoulli, grey for a Gaussian."""
    return binarize(images, generator, check=check) if model.likelihood == "bernoulli" else images
