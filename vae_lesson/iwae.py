"""Does a tighter bound train a better model? One VAE for each k of the K-sample bound, measured alike. Read in 10."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vae_lesson.evaluate import Score, evaluate
from vae_lesson.model import VAE
from vae_lesson.train import train

# k -> mean log p(x) on the test set of MNIST, one stochastic layer: Burda, Grosse & Salakhutdinov (2016), table 1.
PUBLISHED = {1: -86.76, 5: -85.54, 50: -84.78}


class Row(NamedTuple):
    """What training with k samples gave on held-out images, and what was published for it on MNIST."""

    k: int
    score: Score
    published: float | None


def compare(
    images: Tensor,
    held_out: Tensor,
    *,
    ks: Sequence[int] = tuple(PUBLISHED),
    epochs: int = 100,
    samples: int = 5000,
    seed: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Iterator[Row]:
    """Train one VAE with 50 latents on each K-sample bound, from the same first weights, and measure it.

    Args:
        images, held_out, epochs, seed, device, progress: as in `train`.
        ks: the values of k.
        samples: importance samples an image for log p(x).

    Yields:
        Row, one for each k as it is done.

    Raises:
        ValueError: as in `train` and `evaluate`.

    Source: Burda, Grosse & Salakhutdinov (2016), 'Importance Weighted Autoencoders', section 5.
    """
    for k in ks:
        torch.manual_seed(seed)
        model = VAE(50, (200, 200), image_shape=images.shape[1:], mean_image=images.mean(0))
        run = train(
            model, images, epochs=epochs, learning_rate=1e-3, k=k, seed=seed, device=device, progress=progress
        )
        score = evaluate(run.model, held_out, seed=seed, importance_samples=samples, progress=progress)
        yield Row(k, score, PUBLISHED.get(k))
