"""A small program that trains a VAE on digits, in parts, all of them well. A ward of the clinic replaces one or two.

Taught in 11_bug_clinic. The parts are the functions from `pixels` to `bound`. `run` trains with those up to `step`; the
page itself calls `split` before it and `bound` after it.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vae_lesson.evaluate import Score, evaluate
from vae_lesson.model import VAE

LATENTS = 5


def pixels(images: Tensor) -> Tensor:
    """Each pixel tossed black or white."""
    return torch.bernoulli(images)


def draw(mu: Tensor, log_var: Tensor) -> Tensor:
    """A draw of q(z|x), through which gradients pass; shape (batch, latents)."""
    return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """The rate, latent by latent, in nats; shape (batch, latents)."""
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


def loss(bce: Tensor, kl: Tensor) -> Tensor:
    """Minus the ELBO, in nats an image, from terms of shapes (batch, pixels) and (batch, latents)."""
    return (bce.sum(-1) + kl.sum(-1)).mean()


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step downhill."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def split(order: Tensor) -> tuple[Tensor, Tensor]:
    """Which of 600 shuffled images to train on, and which to test on."""
    return order[:400], order[400:]


def bound(log_joint: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """The K-sample bound from log p(x, z) and log q(z|x) at K draws, both of shape (K, batch)."""
    log_weights = log_joint - log_q
    return np.logaddexp.reduce(log_weights) - np.log(len(log_weights))


class Chart(NamedTuple):
    """What a run of the program left behind.

    model: the trained VAE.
    claimed: minus the loss that the program printed, the mean of each epoch.
    measured: the Score of held-out images after each epoch, by the package's own `evaluate`.
    """

    model: VAE
    claimed: list[float]
    measured: list[Score]


def run(
    ward: Any,
    images: Tensor,
    held_out: Tensor,
    *,
    epochs: int = 8,
    latents: int = LATENTS,
    hidden: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> Chart:
    """Train with the parts that the ward brings along, and the healthy ones for the rest.

    Args:
        ward: a module such as clinic.ward_1, or anything else with parts as attributes; None for the healthy program.
        images, held_out: pixels in [0, 1], shape (n, 28, 28); the second are only measured on.
        epochs, latents, hidden: passes over the images, and the sizes of the network.
        learning_rate: Adam's.
        seed: of the weights, the order and the noise. The parts draw from torch's global generator, as most programs
            do; its state is put back afterwards.

    Returns:
        Chart of `epochs` entries.

    Raises:
        ValueError: the ward has none of the parts.
    """
    if ward is not None and not any(hasattr(ward, name) for name in HEALTHY):
        raise ValueError(f"ward is {ward!r}; wanted something with at least one of the parts {', '.join(HEALTHY)}")
    part: dict[str, Any] = {name: getattr(ward, name, healthy) for name, healthy in HEALTHY.items()}
    claimed, measured = [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VAE(latents, (hidden,), mean_image=images.mean(0))
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
        for _ in range(epochs):
            printed = []
            for batch in torch.randperm(len(images)).split(100):
                x = part["pixels"](images[batch])
                mu, log_var = model.encode(x)
                logits = model.decoder(part["draw"](mu, log_var))
                bce = F.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="none")
                value = part["loss"](bce, part["kl"](mu, log_var))
                part["step"](optimizer, value)
                printed.append(value.item())
            claimed.append(-float(np.mean(printed)))
            measured.append(evaluate(model, held_out))
    return Chart(model.requires_grad_(False), claimed, measured)


HEALTHY = {part.__name__: part for part in (pixels, draw, kl, loss, step, split, bound)}
