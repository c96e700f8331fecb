"""The evidence lower bound and its two terms, per image and in nats. Taught in 04, 05 and 06."""

from math import log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Normal

from vae_lesson.model import VAE, Randomness


class Elbo(NamedTuple):
    """The bound and its terms, each of shape (batch,), in nats an image: elbo = -(rate + distortion)."""

    elbo: Tensor
    rate: Tensor
    distortion: Tensor


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, diag exp(log_var)) || N(0, I)) in nats.

    Args:
        mu, log_var: mean and log variance, shape (..., latent_dim).

    Returns:
        The divergence summed over the latent dimensions, shape (...). With log_var above 88 (float64: 709) it would be
        more than the largest float, about exp(log_var) / 2, and is inf; `VAE.encode` keeps log_var below 20.

    Raises:
        ValueError: the two shapes differ.

    Source: Kingma & Welling (2014), appendix B; derived line by line in 05_gaussian_kl.
    """
    if mu.shape != log_var.shape:
        raise ValueError(f"mu and log_var must have one shape, not {tuple(mu.shape)} and {tuple(log_var.shape)}")
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(-1)


def elbo(model: VAE, x: Tensor, generator: Randomness = None, *, check: bool = True) -> Elbo:
    """A one-sample estimate of the ELBO of each image; the rate in it is exact.

    Args:
        model: the VAE.
        x: images, shape (batch, *image_shape); 0 or 1 for a Bernoulli likelihood.
        generator: of the sample of q(z|x), or the noise to make it of, shape (batch, latent_dim).
        check: look for grey pixels first. A training loop, which makes its pixels itself, goes without: a look at the
            values makes a GPU wait.

    Returns:
        Elbo of three tensors (batch,), in nats: summed over pixels and latents, not averaged over images.

    Raises:
        ValueError: x has another shape, or grey pixels under a Bernoulli likelihood.

    Source: Kingma & Welling (2014), equation 10.
    """
    if check:
        check_pixels(model, x)
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu, log_var, generator)
    rate = gaussian_kl(mu, log_var)
    distortion = -model.decode(z).log_prob(x)
    return Elbo(-(rate + distortion), rate, distortion)


def k_sample_bound(model: VAE, x: Tensor, k: int, generator: Randomness = None, *, check: bool = True) -> Tensor:
    """One draw of the K-sample bound of each image, log((1/k) sum p(x, z_i) / q(z_i|x)): at least the ELBO on average.

    Args:
        model, x, generator, check: as in `elbo`.
        k: samples of q(z|x) an image; noise to make them of has the shape (k, batch, latent_dim).

    Returns:
        Tensor (batch,), in nats; gradients pass to encoder and decoder.

    Raises:
        ValueError: as in `elbo`.

    Source: Burda, Grosse & Salakhutdinov (2016), 'Importance Weighted Autoencoders', equation 8.
    """
    if check:
        check_pixels(model, x)
    mu, log_var = (parameter.expand(k, *parameter.shape) for parameter in model.encode(x))
    z = model.reparameterize(mu, log_var, generator)
    log_prior = Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(-1)  # else a look at z, which makes a GPU wait
    log_q = Normal(mu, torch.exp(0.5 * log_var), validate_args=False).log_prob(z).sum(-1)
    log_weights = model.decode(z).log_prob(x) + log_prior - log_q
    return log_weights.logsumexp(0) - log(k)


def check_pixels(model: VAE, x: Tensor) -> None:
    """Raise ValueError for no images, for NaN, and for grey pixels under a Bernoulli likelihood, not one of theirs."""
    if len(x) == 0:
        raise ValueError("x must hold at least one image")
    if model.likelihood == "bernoulli" and not ((x == 0) | (x == 1)).all():
        raise ValueError("x must hold only 0 and 1 for a Bernoulli likelihood: use vae_lesson.data.binarize")
    if not x.isfinite().all():
        raise ValueError("x must hold finite pixels, not NaN or infinity")
