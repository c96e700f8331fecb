"""The variational autoencoder: an encoder q(z|x), a decoder p(x|z) and the prior p(z) = N(0, I). Taught in 08_train."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal
from torch.nn.modules.module import _has_any_global_hook

LOG_VAR_BOUND = 20.0  # |log sigma^2| never exceeds this, so exp() can neither overflow nor reach zero in float32
LIKELIHOODS = ("bernoulli", "gaussian")
Randomness = torch.Generator | Tensor | None  # a generator, the noise itself, or torch's own generator on the CPU


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given sizes with a ReLU after each but the last: (..., sizes[0]) -> (..., sizes[-1])."""
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class VAE(nn.Module):
    """A VAE with a diagonal Gaussian q(z|x), for images of any shape with pixels in [0, 1].

    Args:
        latent_dim: number of latent variables d.
        hidden: widths of the encoder's hidden layers; the decoder has the same in reverse.
        likelihood: "bernoulli" (binary pixels) or "gaussian" (grey pixels).
        sigma: the Gaussian likelihood's standard deviation in pixel units; None makes it a parameter that is learned.
        image_shape: shape of one image, such as (28, 28) or (3, 32, 32).
        mean_image: the training images' mean, shape image_shape. The decoder starts there: its last bias is the mean's
            logit, which saves the first epochs the work of finding it.

    Raises:
        ValueError: an argument is not of the kind above.

    Source: Kingma & Welling (2014), sections 2.1 and 3 and appendix C; a learned sigma: Rybkin et al. (2021).
    """

    def __init__(
        self,
        latent_dim: int,
        hidden: Sequence[int] = (256, 128),
        likelihood: str = "bernoulli",
        *,
        sigma: float | None = None,
        image_shape: Sequence[int] = (28, 28),
        mean_image: Tensor | None = None,
    ):
        super().__init__()
        _check_sizes(latent_dim=(latent_dim,), hidden=hidden, image_shape=image_shape)
        hidden, image_shape = tuple(hidden), tuple(image_shape)
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood must be one of {LIKELIHOODS}, not {likelihood!r}")
        if sigma is not None and (likelihood == "bernoulli" or not 0 < sigma < float("inf")):
            raise ValueError(f"sigma must be a positive number, and only for the gaussian likelihood; got {sigma!r}")
        self.config: dict[str, Any] = dict(
            latent_dim=latent_dim, hidden=hidden, likelihood=likelihood, sigma=sigma, image_shape=image_shape
        )
        self.latent_dim, self.likelihood, self.image_shape = latent_dim, likelihood, image_shape
        pixels = prod(image_shape)
        self.encoder = mlp([pixels, *hidden, 2 * latent_dim])  # one head for mu and log_var: one matrix product
        self.decoder = mlp([latent_dim, *reversed(hidden), pixels])
        if likelihood == "gaussian":
            start = 0.3 if sigma is None else sigma  # 0.3: about the pixels' own spread on the digits
            self.log_sigma = nn.Parameter(torch.tensor(start).log(), requires_grad=sigma is None)
        if mean_image is not None:
            self._start_at(mean_image)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x): (batch, *image_shape) -> two tensors (batch, latent_dim)."""
        if x.shape[1:] != self.image_shape:
            raise ValueError(f"x must have shape (batch, *{self.image_shape}), not {tuple(x.shape)}")
        mu, raw = self.encoder(x.flatten(1)).to(x.dtype).chunk(2, dim=-1)  # torch.autocast may have changed the type
        return mu, LOG_VAR_BOUND * torch.tanh(raw / LOG_VAR_BOUND)

    def reparameterize(self, mu: Tensor, log_var: Tensor, generator: Randomness = None) -> Tensor:
        """A sample z = mu + sigma * eps of q(z|x), through which gradients pass; shape (batch, latent_dim)."""
        if mu.shape != log_var.shape:
            raise ValueError(f"mu and log_var must have one shape, not {tuple(mu.shape)} and {tuple(log_var.shape)}")
        return mu + torch.exp(0.5 * log_var) * standard_normal(mu.shape, generator, like=mu)

    def decode(self, z: Tensor) -> Independent:
        """The likelihood p(x|z): (..., latent_dim) -> a distribution over images, its mean (..., *image_shape)."""
        if z.shape[-1:] != (self.latent_dim,):
            raise ValueError(f"z must have shape (..., {self.latent_dim}), not {tuple(z.shape)}")
        logits = self.decoder(z).to(z.dtype).unflatten(-1, self.image_shape)
        if self.likelihood == "bernoulli":
            pixels: Distribution = Bernoulli(logits=logits, validate_args=False)
        else:
            pixels = Normal(logits.sigmoid(), self.log_sigma.exp(), validate_args=False)
        return Independent(pixels, len(self.image_shape), validate_args=False)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Images of n latents drawn from the prior: the mean of each p(x|z), shape (n, *image_shape)."""
        parameter = next(self.parameters())
        with torch.no_grad():
            return self.decode(standard_normal((n, self.latent_dim), generator, like=parameter)).mean

    def _start_at(self, mean_image: Tensor) -> None:
        if tuple(mean_image.shape) != self.image_shape:
            raise ValueError(f"mean_image must have shape {self.image_shape}, not {tuple(mean_image.shape)}")
        if not ((mean_image >= 0) & (mean_image <= 1)).all():
            raise ValueError("mean_image must lie in [0, 1]")
        with torch.no_grad():  # a pixel that is always black would ask for a bias of minus infinity
            self.decoder[-1].get_parameter("bias").copy_(torch.logit(mean_image.flatten(), eps=1e-3))


def as_built(model: nn.Module) -> bool:
    """Whether a model is a VAE just as `VAE` builds it, with no layer, method or hook of somebody's own.

    What such a model does is known without its Python: by_hand and capture rely on that.
    """
    if type(model) is not VAE:
        return False
    with torch.device("meta"):  # shapes without memory
        built = VAE(**model.config)
    kinds = ("forward_pre", "forward", "backward_pre", "backward", "post_accumulate_grad")
    parts = [*model.modules(), *model.parameters()]
    hooked = any(getattr(part, f"_{kind}_hooks", None) for part in parts for kind in kinds)
    replaced = any(callable(value) for module in model.modules() for value in vars(module).values())
    return layout(model) == layout(built) and not hooked and not replaced and not _has_any_global_hook()


def layout(model: nn.Module) -> list[tuple[str, object]]:
    """Its modules and their types, its parameters and their shapes, in their order."""
    modules = [(name, type(module)) for name, module in model.named_modules()]
    return [*modules, *((name, parameter.shape) for name, parameter in model.named_parameters())]


def standard_normal(shape: Sequence[int], generator: Randomness, like: Tensor) -> Tensor:
    """Standard normal noise, drawn where the generator is and moved: one on the CPU gives all devices the same numbers.

    A tensor in the generator's place is that noise, drawn before: several processes share one draw (vae_lesson.step).
    """
    if isinstance(generator, Tensor):
        return generator
    where = "cpu" if generator is None else generator.device
    return torch.randn(*shape, generator=generator, dtype=like.dtype, device=where).to(like.device)


def _check_sizes(**sizes: Sequence[int]) -> None:
    for name, values in sizes.items():
        if not isinstance(values, Sequence) or not values or not all(isinstance(v, int) and v > 0 for v in values):
            raise ValueError(f"{name} must be made of positive whole numbers, not {values!r}")
