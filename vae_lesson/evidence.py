"""log p(x) of a trained VAE, image by image: by sampling, and by quadrature if z has two dimensions. Taught in 10."""

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal
from tqdm.auto import tqdm

from vae_lesson import estimators
from vae_lesson.estimators import Bound, Estimate
from vae_lesson.model import VAE, standard_normal
from vae_lesson.objective import check_pixels

IMAGES_AT_A_TIME = 32
DECODED_AT_A_TIME = 2048  # images that the decoder holds: 6 MB of digits, which stay in a cache
LEFT_OUT = 25.0  # nats under the highest point of a posterior at which it counts as nothing


def log_joint(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z) = log p(x|z) + log p(z) in nats.

    Args:
        model: the VAE.
        x: images, shape (batch, *image_shape); 0 or 1 for a Bernoulli likelihood.
        z: latents, shape (samples, batch, latent_dim), or (samples, 1, latent_dim) to share them among the images.

    Returns:
        Tensor (samples, batch).
    """
    return _log_likelihood(model, x, z) + Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(-1)


def _log_likelihood(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """model.decode(z).log_prob(x), the decoding apart in a third of the time for pixels of 0 and 1.

    With m the logit of what was seen, l where x is 1 and -l where it is 0, log p(x|z) is the sum of
    log s(m) = min(m, 0) + log s(|m|) for the sigmoid s. Since s(|m|) is at least 1/2, one logarithm does for the
    product of a hundred pixels.
    """
    if z.shape[1] == 1:
        return _log_likelihood_of_all(model, x, z[:, 0])
    likelihood = model.decode(z)
    if model.likelihood != "bernoulli":
        return likelihood.log_prob(x)
    seen = likelihood.base_dist.logits.flatten(2).mul_(2 * x.flatten(1) - 1)
    below = seen.clamp(max=0).sum(-1)
    return below + sum(some.prod(-1).log() for some in seen.abs_().sigmoid_().split(100, -1))


def _log_likelihood_of_all(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """Every image under every z, in memory that holds each once: x (n, *image_shape), z (m, d) -> (m, n)."""
    likelihood = model.decode(z).base_dist
    x = x.flatten(1)
    if model.likelihood == "bernoulli":
        logits = likelihood.logits.flatten(1)
        return logits @ x.T - torch.nn.functional.softplus(logits).sum(1, keepdim=True)
    exact = "donot_use_mm_for_euclid_dist"  # as a matrix product it would lose digits
    distance = torch.cdist(likelihood.mean.flatten(1), x, compute_mode=exact)
    return -0.5 * (distance / model.log_sigma.exp()) ** 2 - x.shape[1] * (model.log_sigma + 0.5 * np.log(2 * np.pi))


@torch.no_grad()
def importance_sampled(
    model: VAE,
    x: Tensor,
    *,
    samples: int = 5000,
    generator: torch.Generator | None = None,
    proposal: str = "q",
    progress: bool = False,
) -> Estimate:
    """log p(x) of each image by importance sampling: log((1/K) sum p(x, z_k) / q(z_k)).

    Args:
        model: the VAE; the work is done where its parameters are, in memory that does not grow with samples or images.
        x: images, shape (n, *image_shape); 0 or 1 for a Bernoulli likelihood.
        samples: K, how many z an image.
        generator: of z, see `standard_normal`.
        proposal: "q", the encoder's q(z|x), or "prior", which is naive Monte Carlo.
        progress: show a bar with the time left.

    Returns:
        Estimate (standard errors, effective sample sizes) of arrays (n,). Its log is below log p(x) on average.

    Raises:
        ValueError: no images, images of another shape, grey pixels under a Bernoulli likelihood, another proposal, a
            model with parameters that are not finite.

    Source: Burda, Grosse & Salakhutdinov (2016), section 5, with K = 5,000; Rezende et al. (2014), appendix E.
    """
    if proposal not in ("q", "prior"):
        raise ValueError(f"proposal must be 'q' or 'prior', not {proposal!r}")
    estimates = []
    for block in tqdm(_blocks(model, x), unit_scale=IMAGES_AT_A_TIME, unit="image", disable=not progress):
        weigh = _weighing(model, block, generator, proposal)
        chunk = max(1, DECODED_AT_A_TIME // len(block))
        estimates.append(estimators.importance_sampling(*weigh, n=samples, chunk=chunk))
    return Estimate(*map(np.concatenate, zip(*estimates, strict=True)))


@torch.no_grad()
def k_sample(
    model: VAE, x: Tensor, k: int, *, repetitions: int = 1, generator: torch.Generator | None = None
) -> Bound:
    """The K-sample bound of each image, averaged over repetitions: the ELBO for k = 1, log p(x) for k to infinity.

    Args:
        model, x, generator: as in `importance_sampled`.
        k: samples within the logarithm.
        repetitions: independent groups of k samples.

    Returns:
        Bound of arrays (n,).

    Raises:
        ValueError: as in `importance_sampled`, or k or repetitions is not a positive whole number.

    Source: Burda, Grosse & Salakhutdinov (2016), equation 8.
    """
    bounds = []
    for block in _blocks(model, x):
        weigh = _weighing(model, block, generator, "q")
        chunk = max(1, DECODED_AT_A_TIME // len(block))
        bounds.append(estimators.k_sample_bound(*weigh, k=k, repetitions=repetitions, chunk=chunk))
    return Bound(*map(np.concatenate, zip(*bounds, strict=True)))


class PosteriorGrid(NamedTuple):
    """p(z|x) of each image on a grid of its own, and the log p(x) that makes it integrate to one.

    z_1, z_2: the grid's values of either latent, shape (n, points): a rectangle that holds all but e^-20 of p(z|x).
    log_density: log p(z|x), shape (n, points, points): rows are z_2, columns z_1.
    log_evidence: log p(x) in nats, shape (n,).
    error: by how much log_evidence moves when every second point is left out, shape (n,): above the quadrature's own.
    """

    z_1: np.ndarray
    z_2: np.ndarray
    log_density: np.ndarray
    log_evidence: np.ndarray
    error: np.ndarray


@torch.no_grad()
def grid_posterior(model: VAE, x: Tensor, *, points: int = 101, limit: float = 6.0) -> PosteriorGrid:
    """The posterior of a VAE with two latents, by the trapezoidal rule in float64: one look at the plane, then closer.

    Args:
        model: a VAE with latent_dim 2.
        x: images, shape (n, *image_shape); 0 or 1 for a Bernoulli likelihood.
        points: grid points along either side of the rectangle, an odd number.
        limit: the first look, 161 points a side, covers -limit to limit.

    Returns:
        PosteriorGrid.

    Raises:
        ValueError: the model has not two latents, points is not odd, or as in `importance_sampled`.
    """
    if model.latent_dim != 2:
        raise ValueError(f"model must have 2 latents for a grid, not {model.latent_dim}")
    if not isinstance(points, int) or points < 3 or points % 2 == 0:
        raise ValueError(f"points must be an odd number, 3 or more, not {points!r}")
    x = torch.cat(_blocks(model, x)).double().cpu()
    model = deepcopy(model).double().cpu()
    plane = torch.linspace(-limit, limit, 161, dtype=torch.float64, device="cpu")
    looks = _log_joint_on(model, x, plane, plane)
    grids = []
    for image, look in zip(x, looks, strict=True):
        holds = look > look.max() - LEFT_OUT
        z_1, z_2 = (_around(plane, holds.any(dim), points) for dim in (0, 1))
        grids.append((z_1, z_2, _log_joint_on(model, image[None], z_1, z_2)[0]))
    z_1, z_2, log_joint = map(torch.stack, zip(*grids, strict=True))
    log_evidence = _log_integral(z_1, z_2, log_joint)
    error = (log_evidence - _log_integral(z_1[:, ::2], z_2[:, ::2], log_joint[:, ::2, ::2])).abs()
    log_density = log_joint - log_evidence[:, None, None]
    return PosteriorGrid(*(t.numpy() for t in (z_1, z_2, log_density, log_evidence, error)))


def _around(axis: Tensor, holds: Tensor, points: int) -> Tensor:
    """So many points from before the first of axis that holds to after the last."""
    where = holds.nonzero()
    first, last = axis[max(int(where.min()) - 1, 0)], axis[min(int(where.max()) + 1, len(axis) - 1)]
    return first + (last - first) * torch.linspace(0, 1, points, dtype=torch.float64, device="cpu")


def _log_integral(z_1: Tensor, z_2: Tensor, log_values: Tensor) -> Tensor:
    """log of the sum of exp(log_values) times the cell's area; the values at the rim are next to nothing."""
    area = (z_1[:, 1] - z_1[:, 0]) * (z_2[:, 1] - z_2[:, 0])
    return log_values.flatten(1).logsumexp(1) + area.log()


def _log_joint_on(model: VAE, x: Tensor, z_1: Tensor, z_2: Tensor) -> Tensor:
    """log p(x, z) on the grid of z_1 and z_2: shape (n, len(z_2), len(z_1))."""
    z = torch.stack(torch.meshgrid(z_1, z_2, indexing="xy"), -1).flatten(0, 1)[:, None]
    log_values = torch.cat([log_joint(model, x, some) for some in z.split(DECODED_AT_A_TIME)])
    return log_values.T.unflatten(1, (len(z_2), len(z_1)))


def _blocks(model: VAE, x: Tensor) -> tuple[Tensor, ...]:
    """The images, checked, in blocks, where the model is."""
    if x.shape[1:] != model.image_shape or len(x) == 0:
        raise ValueError(f"x must have shape (n, *{model.image_shape}) with n > 0, not {tuple(x.shape)}")
    check_pixels(model, x)
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise ValueError("model must hold finite parameters, not NaN or an infinity")
    _keep_freed_memory()
    return x.to(next(model.parameters())).split(IMAGES_AT_A_TIME)


def _keep_freed_memory() -> None:
    """Let the C library keep what a block frees for the next one, where that is glibc.

    It gives freed memory back to the system beyond twice the largest piece freed so far, up to 32 MiB, and a page got
    anew has to be cleared first. A program that had freed nothing large took 1.6 times as long for its log p(x).

    Source: mallopt(3), M_MMAP_THRESHOLD.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8, device="cpu")  # never written to, and so never really there


def _weighing(model: VAE, x: Tensor, generator: torch.Generator | None, proposal: str) -> tuple[Any, Any, Any]:
    """What `estimators` asks for: log p(x, z), samples z of the proposal, and the proposal's log density."""
    mu, log_var = model.encode(x)
    if proposal == "prior":
        mu, log_var = torch.zeros(2, 1, model.latent_dim).to(mu)  # one z for all images
    q = Normal(mu, torch.exp(0.5 * log_var), validate_args=False)

    def sample(n: int) -> Tensor:
        return q.mean + q.stddev * standard_normal((n, *mu.shape), generator, like=mu)

    return lambda z: log_joint(model, x, z).cpu(), sample, lambda z: q.log_prob(z).sum(-1).cpu()
