"""The ELBO and the Gaussian KL against torch.distributions, against quadrature, and against the exact evidence."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

from vae_lesson import objective
from vae_lesson.model import VAE
from vae_lesson.objective import elbo, gaussian_kl, k_sample_bound


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make(latent_dim=2, likelihood="bernoulli", image_shape=(2, 2), sigma=None):
    """A small VAE in float64 with weights large enough that x and z really depend on each other."""
    torch.manual_seed(0)
    model = VAE(latent_dim, (6, 5), likelihood, sigma=sigma, image_shape=image_shape).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    return model


def draw(model, n, seed=1):
    x = torch.rand(n, *model.image_shape, generator=generator(seed), dtype=torch.float64)
    return x.round() if model.likelihood == "bernoulli" else x


# gaussian_kl


def test_gaussian_kl_is_torchs():
    mu = 3 * torch.randn(50, 4, generator=generator(), dtype=torch.float64)
    log_var = 3 * torch.randn(50, 4, generator=generator(1), dtype=torch.float64)
    q, prior = Normal(mu, (0.5 * log_var).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(gaussian_kl(mu, log_var), kl_divergence(q, prior).sum(-1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("mu", "log_var"), [(0.0, 0.0), (1.5, -2.0), (-0.3, 1.2), (2.0, 0.7)])
def test_gaussian_kl_is_the_integral(mu, log_var):
    z, dz = np.linspace(-15, 15, 400_001, retstep=True)
    log_q = -0.5 * ((z - mu) ** 2 / math.exp(log_var) + log_var + math.log(2 * math.pi))
    log_prior = -0.5 * (z**2 + math.log(2 * math.pi))
    integral = (np.exp(log_q) * (log_q - log_prior)).sum() * dz
    found = gaussian_kl(*torch.tensor([[mu], [log_var]], dtype=torch.float64)).item()
    assert found == pytest.approx(integral, abs=1e-10)


def test_gaussian_kl_vanishes_only_at_the_prior():
    zero = torch.zeros(3, dtype=torch.float64)
    assert gaussian_kl(zero, zero) == 0
    for i in range(3):
        step = torch.eye(3, dtype=torch.float64)[i]
        for other in (gaussian_kl(0.1 * step, zero), gaussian_kl(zero, 0.1 * step), gaussian_kl(zero, -0.1 * step)):
            assert other > 1e-3


def test_gaussian_kl_keeps_leading_dimensions_and_adds_latents():
    mu, log_var = torch.randn(2, 3, 5, 4, generator=generator(), dtype=torch.float64)
    whole = gaussian_kl(mu, log_var)
    assert whole.shape == (3, 5)
    torch.testing.assert_close(whole, sum(gaussian_kl(mu[..., i : i + 1], log_var[..., i : i + 1]) for i in range(4)))


def test_gaussian_kl_refuses_two_shapes():
    with pytest.raises(ValueError, match=r"mu and log_var must have one shape, not \(3, 2\) and \(3, 4\)"):
        gaussian_kl(torch.zeros(3, 2), torch.zeros(3, 4))


# elbo against an independent computation on the same noise


@pytest.mark.parametrize(("likelihood", "sigma"), [("bernoulli", None), ("gaussian", None), ("gaussian", 0.7)])
@pytest.mark.parametrize("image_shape", [(2, 2), (3, 4, 2), (7,)])
def test_elbo_is_its_definition(likelihood, sigma, image_shape):
    model = make(3, likelihood, image_shape, sigma)
    x = draw(model, 11)
    found = elbo(model, x, generator(5))

    mu, log_var = model.encode(x)
    noise = torch.randn(11, 3, generator=generator(5), dtype=torch.float64)
    z = mu + log_var.exp().sqrt() * noise
    out = model.decoder(z).reshape(11, *image_shape)
    pixels = Bernoulli(logits=out) if likelihood == "bernoulli" else Normal(torch.sigmoid(out), model.log_sigma.exp())
    distortion = -Independent(pixels, len(image_shape)).log_prob(x)
    q = Independent(Normal(mu, log_var.exp().sqrt()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    rate = kl_divergence(q, prior)
    for ours, theirs in zip(found, (-distortion - rate, rate, distortion), strict=True):
        assert ours.shape == (11,)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_every_pixel_counts_once_and_no_image_is_averaged():
    """Twice the pixels cost twice the nats; an image's bound doesn't know how many others are in the batch."""
    model = make(2, image_shape=(4, 3))
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
        model.decoder[-1].bias.zero_()
    x = draw(model, 6)
    distortion = elbo(model, x, generator()).distortion
    torch.testing.assert_close(distortion, torch.full((6,), 12 * math.log(2), dtype=torch.float64))
    wide = make(2, image_shape=(8, 3))
    with torch.no_grad():
        wide.decoder[-1].weight.zero_()
        wide.decoder[-1].bias.zero_()
    torch.testing.assert_close(elbo(wide, draw(wide, 6), generator()).distortion, 2 * distortion)
    torch.testing.assert_close(elbo(model, x[:1], generator()).elbo, elbo(model, x, generator()).elbo[:1])


def test_gradient_reaches_encoder_and_decoder_as_by_finite_differences():
    model = make(2)
    x = draw(model, 4)
    elbo(model, x, generator()).elbo.sum().backward()
    for layer in (model.encoder[0], model.encoder[-1], model.decoder[0], model.decoder[-1]):
        direction = torch.randn(layer.weight.shape, generator=generator(3), dtype=torch.float64)
        values = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                layer.weight.add_(step * direction)
                values.append(elbo(model, x, generator()).elbo.sum().item())
                layer.weight.sub_(step * direction)
        slope = (values[0] - values[1]) / 2e-6
        assert abs(slope) > 1e-3
        assert (layer.weight.grad * direction).sum().item() == pytest.approx(slope, rel=1e-5, abs=1e-6)


# elbo against the exact evidence


def grid(latent_dim, n=None, wide=12.0):
    """Points (m, latent_dim) and the volume of each: the trapezoidal rule, exact to rounding for smooth tails."""
    n = n or {1: 24_001, 2: 801}[latent_dim]
    axis, step = torch.linspace(-wide, wide, n, dtype=torch.float64), 2 * wide / (n - 1)
    return torch.cartesian_prod(*[axis] * latent_dim).reshape(-1, latent_dim), step**latent_dim


@pytest.mark.parametrize("latent_dim", [1, 2])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@torch.no_grad()
def test_bound_plus_gap_is_the_exact_evidence(latent_dim, likelihood):
    """log p(x) - E[elbo] = KL(q(z|x) || p(z|x)), each side by quadrature; only the densities here are not ours."""
    model = make(latent_dim, likelihood)
    x = draw(model, 3)
    z, volume = grid(latent_dim)
    out = model.decoder(z)
    mu, log_var = model.encode(x)
    found = elbo(model, x, generator())
    for i in range(3):
        flat = x[i].flatten()
        if likelihood == "bernoulli":
            log_likelihood = -binary_cross_entropy_with_logits(out, flat.expand_as(out), reduction="none").sum(-1)
        else:
            sigma = model.log_sigma.exp()
            log_likelihood = -0.5 * (((flat - out.sigmoid()) / sigma) ** 2 + (2 * math.pi * sigma**2).log()).sum(-1)
        log_prior = -0.5 * (z**2 + math.log(2 * math.pi)).sum(-1)
        var = log_var[i].exp()
        log_q = -0.5 * ((z - mu[i]) ** 2 / var + (2 * math.pi * var).log()).sum(-1)
        q = log_q.exp() * volume
        assert q.sum().item() == pytest.approx(1, abs=1e-9)

        log_evidence = (log_likelihood + log_prior).logsumexp(0) + math.log(volume)
        log_posterior = log_likelihood + log_prior - log_evidence
        gap = (q * (log_q - log_posterior)).sum()
        # The rate that elbo returns is exact; its distortion is one sample of this mean.
        bound = -(q * -log_likelihood).sum() - found.rate[i]
        assert gap > 1e-3
        assert (log_evidence - bound).item() == pytest.approx(gap.item(), abs=1e-6)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@torch.no_grad()
def test_one_sample_is_right_on_average(likelihood):
    """The mean of many one-sample estimates is the bound by quadrature, within 5 standard errors, from both sides."""
    model = make(1, likelihood)
    x = draw(model, 1)
    n = 200_000
    samples = elbo(model, x.expand(n, *model.image_shape), generator(2)).elbo
    z, volume = grid(1)
    mu, log_var = model.encode(x)
    q = Independent(Normal(mu[0], (0.5 * log_var[0]).exp()), 1)
    mean = (q.log_prob(z).exp() * model.decode(z).log_prob(x[0])).sum() * volume - gaussian_kl(mu, log_var)[0]
    error = samples.std() / math.sqrt(n)
    assert 0 < error < 0.03
    assert abs(samples.mean() - mean) < 5 * error


def test_grey_pixels_are_refused_under_bernoulli_only():
    x = torch.full((1, 2, 2), 0.5, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"x must hold only 0 and 1.*binarize"):
        elbo(make(), x)
    with pytest.raises(ValueError, match="only 0 and 1"):
        elbo(make(), x * torch.nan)
    assert elbo(make(likelihood="gaussian"), x).elbo.isfinite().all()


def test_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"x must have shape \(batch, \*\(2, 2\)\), not \(3, 4\)"):
        elbo(make(), torch.zeros(3, 4, dtype=torch.float64))


# the tests above, tested: each slip that textbooks and programs make is noticed

def swapped(model, x, generator=None):
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu, log_var, generator)
    rate, distortion = gaussian_kl(log_var, mu), -model.decode(z).log_prob(x)
    return objective.Elbo(-(rate + distortion), rate, distortion)


def with_terms(terms):
    def other(model, x, generator=None):
        _, rate, distortion = objective.elbo(model, x, generator)
        return objective.Elbo(*terms(rate, distortion))

    return other


def with_sigma_squared(model, x, generator=None):
    mu, log_var = model.encode(x)
    z = mu + log_var.exp() * torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    rate, distortion = gaussian_kl(mu, log_var), -model.decode(z).log_prob(x)
    return objective.Elbo(-(rate + distortion), rate, distortion)


MUTANTS = {
    "KL dropped": with_terms(lambda r, d: (-d, 0 * r, d)),
    "KL's sign turned": with_terms(lambda r, d: (r - d, -r, d)),
    "distortion's sign turned": with_terms(lambda r, d: (d - r, r, -d)),
    "mean over pixels": with_terms(lambda r, d: (-(r + d / 4), r, d / 4)),
    "mean over images": with_terms(lambda r, d: (-(r + d).mean(), r.mean(), d.mean())),
    "half a KL": with_terms(lambda r, d: (-(r / 2 + d), r / 2, d)),
    "mu and log_var swapped": swapped,
    "sigma squared for sigma": with_sigma_squared,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_killed(name, monkeypatch):
    monkeypatch.setitem(globals(), "elbo", MUTANTS[name])
    with pytest.raises(AssertionError):
        test_elbo_is_its_definition("gaussian", None, (2, 2))
    with pytest.raises((AssertionError, IndexError)):
        test_bound_plus_gap_is_the_exact_evidence(1, "bernoulli")
        test_one_sample_is_right_on_average("bernoulli")


# the K-sample bound


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_k_sample_bound_by_hand_on_the_same_noise(likelihood):
    model = make(2, likelihood)
    x = draw(model, 3)
    found = k_sample_bound(model, x, 4, generator())
    mu, log_var = model.encode(x)
    z = mu + (0.5 * log_var).exp() * torch.randn(4, 3, 2, generator=generator(), dtype=torch.float64)
    q, prior = Normal(mu, (0.5 * log_var).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    for i in range(3):
        weights = []
        for k in range(4):
            log_weight = model.decode(z[k]).log_prob(x)[i] + prior.log_prob(z[k])[i].sum() - q.log_prob(z[k])[i].sum()
            weights.append(log_weight.exp())
        assert found[i].item() == pytest.approx(torch.log(sum(weights) / 4).item(), rel=1e-10)


def test_k_sample_bound_is_the_elbo_for_one_sample_and_grows():
    model = make()
    x = draw(model, 2).repeat_interleave(20_000, 0)
    with torch.no_grad():
        one, five = (k_sample_bound(model, x, k, generator()).view(2, -1) for k in (1, 5))
        wanted = elbo(model, x, generator(1)).elbo.view(2, -1)
    error = torch.hypot(one.std(1), wanted.std(1)) / 20_000**0.5
    assert ((one.mean(1) - wanted.mean(1)).abs() < 5 * error).all()
    assert (five.mean(1) > one.mean(1) + 5 * error).all()


def test_k_sample_bound_passes_gradients_to_both_nets_and_refuses_grey():
    model = make()
    k_sample_bound(model, draw(model, 3), 4, generator()).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())
    with pytest.raises(ValueError, match="x must hold only 0 and 1"):
        k_sample_bound(model, draw(model, 3) / 2, 4)
