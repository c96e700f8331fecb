"""Two ways for the gradient of an average E_q[f(z)] to reach q = N(mu, diag sigma^2): move the draws, or reweight them.

Both return the same numbers, the costs f(z) of the same draws; they differ only in what `backward` makes of them.
Taught in 07.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal


def pathwise(f: Callable[[Tensor], Tensor], mu: Tensor, log_var: Tensor, eps: Tensor) -> Tensor:
    """Costs of z = mu + sigma * eps whose gradient moves the draws.

    f must be continuous and piecewise smooth in z, and not grow too fast: it may bend, not jump.

    Args:
        f: z, shape (draws, ..., latent_dim), to costs, shape (draws, ...).
        mu, log_var: mean and log variance of q, shape (..., latent_dim).
        eps: standard normal noise, shape (draws, ..., latent_dim).

    Returns:
        Costs, shape (draws, ...). Their gradient is unbiased for that of E_q[f(z)].

    Raises:
        ValueError: the shapes do not fit.

    Source: Kingma & Welling (2014), section 2.4; Rezende, Mohamed & Wierstra (2014), section 3.
    """
    _check_noise(mu, log_var, eps)
    z = mu + torch.exp(0.5 * log_var) * eps
    costs = f(z)
    _check_costs(costs, z)
    return costs


def zero(costs: Tensor) -> float:
    """No baseline."""
    return 0.0


def leave_one_out(costs: Tensor) -> Tensor:
    """For each draw the mean cost of the others, shape (draws, ...): a baseline that does not know the draw itself.

    Raises:
        ValueError: there is only one draw.

    Source: Mnih & Rezende (2016); Kool, van Hoof & Welling (2019).
    """
    if len(costs) < 2:
        raise ValueError(f"costs must hold two draws or more to leave one out, not {len(costs)}")
    return (costs.sum(0) - costs) / (len(costs) - 1)


def score_function(
    f: Callable[[Tensor], Tensor],
    mu: Tensor,
    log_var: Tensor,
    eps: Tensor,
    baseline: Callable[[Tensor], Tensor | float] = zero,
) -> Tensor:
    """Costs of z = mu + sigma * eps whose gradient reweights the draws. f may be any function of z, steps included.

    Args:
        f, mu, log_var, eps: as for `pathwise`.
        baseline: from the costs to what is taken off each, which must not depend on the draw that it is taken off.

    Returns:
        Costs, shape (draws, ...). Their gradient is unbiased for that of E_q[f(z)], f's own parameters included.

    Raises:
        ValueError: the shapes do not fit.

    Source: Williams (1992), REINFORCE; the form whose value is the cost: Foerster et al. (2018), whose exp(t - stop(t))
    is here linear, with the same first derivatives (only those are right).
    """
    _check_noise(mu, log_var, eps)
    sigma = torch.exp(0.5 * log_var)
    z = (mu + sigma * eps).detach()
    costs = f(z)
    _check_costs(costs, z)
    log_q = Normal(mu, sigma).log_prob(z).sum(-1)
    advantage = (costs - baseline(costs)).detach()
    return costs + advantage * (log_q - log_q.detach())


def _check_noise(mu: Tensor, log_var: Tensor, eps: Tensor) -> None:
    if mu.shape != log_var.shape:
        raise ValueError(f"mu and log_var must have one shape, not {tuple(mu.shape)} and {tuple(log_var.shape)}")
    if eps.shape[1:] != mu.shape:
        raise ValueError(f"eps must have shape (draws, {', '.join(map(str, mu.shape))}), not {tuple(eps.shape)}")


def _check_costs(costs: Tensor, z: Tensor) -> None:
    if costs.shape != z.shape[:-1]:  # else it would broadcast against log q, and average over the wrong pairs
        raise ValueError(f"f must return one cost for each z, shape {tuple(z.shape[:-1])}, not {tuple(costs.shape)}")
