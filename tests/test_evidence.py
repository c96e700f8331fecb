"""log p(x) of a VAE by sampling and on a grid, against quadrature and adaptive integration written out here."""

import math
import platform
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.integrate import dblquad
from torch.distributions import Bernoulli, Normal
from torch.nn.functional import binary_cross_entropy_with_logits

from vae_lesson import evidence
from vae_lesson.evidence import grid_posterior, importance_sampled, k_sample, log_joint
from vae_lesson.model import VAE
from vae_lesson.objective import gaussian_kl


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make(latent_dim=1, likelihood="bernoulli", sigma=None, image_shape=(2, 3)):
    """A small VAE in float64, its weights large enough that z matters."""
    torch.manual_seed(1)
    model = VAE(latent_dim, (6, 5), likelihood, sigma=sigma, image_shape=image_shape).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.mul_(3.0 if name.startswith("decoder") else 1.0)
    return model


def draw(model, n, seed=1):
    x = torch.rand(n, *model.image_shape, generator=generator(seed), dtype=torch.float64)
    return x.round() if model.likelihood == "bernoulli" else x


def log_joint_by_hand(model, x, z):
    """log p(x, z) of one image and z (m, d), from the decoder's net alone."""
    out = model.decoder(z).detach()
    if model.likelihood == "bernoulli":
        pixels = Bernoulli(probs=torch.sigmoid(out)).log_prob(x.flatten().expand_as(out))
    else:
        sigma = model.log_sigma.detach().exp()
        pixels = -0.5 * ((x.flatten() - torch.sigmoid(out)) / sigma) ** 2 - torch.log(sigma * math.sqrt(2 * math.pi))
    prior = -0.5 * (z**2).sum(1) - z.shape[1] / 2 * math.log(2 * math.pi)
    return pixels.sum(1) + prior


def log_evidence_on_a_line(model, x):
    z, step = np.linspace(-9, 9, 90_001, retstep=True)
    return float(torch.logsumexp(log_joint_by_hand(model, x, torch.tensor(z)[:, None]), 0) + math.log(step))


LIKELIHOODS = [("bernoulli", None), ("gaussian", 0.3)]


@pytest.mark.parametrize(("likelihood", "sigma"), LIKELIHOODS)
@pytest.mark.parametrize("shared", [False, True])
def test_log_joint_is_that_of_the_net(likelihood, sigma, shared):
    model = make(3, likelihood, sigma)
    x = draw(model, 4)
    z = torch.randn(7, 1 if shared else 4, 3, generator=generator(), dtype=torch.float64)
    found = log_joint(model, x, z)
    assert found.shape == (7, 4)
    for i in range(4):
        wanted = log_joint_by_hand(model, x[i], z[:, 0 if shared else i])
        torch.testing.assert_close(found[:, i].detach(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("likelihood", "sigma"), [("bernoulli", None), ("gaussian", 0.02)])
def test_sharing_latents_loses_no_digits(likelihood, sigma):
    model = make(2, likelihood, sigma, image_shape=(28, 28)).float()
    z = torch.randn(40, 1, 2, generator=generator())
    with torch.no_grad():
        x = model.decode(z[:, 0]).sample()
        shared, apart = log_joint(model, x, z), log_joint(model, x, z.expand(40, 40, 2))
    torch.testing.assert_close(shared, apart, rtol=2e-6, atol=1e-2)


@pytest.mark.parametrize("image_shape", [(1, 1), (10, 10), (3, 67)])  # one, a hundred and some more pixels
def test_log_joint_of_logits_of_any_size(image_shape):
    """An undecided decoder (every logit 0) as well as one that would stake everything on each pixel."""
    model = make(2, image_shape=image_shape).float()
    x = draw(model, 4).float()
    z = torch.tensor([0.0, 1e-3, 1.0, 1e3, 1e6])[:, None, None].expand(5, 4, 2)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            if parameter.ndim == 1:
                parameter.zero_()
        logits = model.decode(z).base_dist.logits
        wanted = -binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").double().sum((2, 3))
        wanted = wanted + Normal(0.0, 1.0).log_prob(z).double().sum(-1)
        assert logits[0].abs().max() == 0 and logits[-1].abs().max() > 1e3
        torch.testing.assert_close(log_joint(model, x, z).double(), wanted, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize(("likelihood", "sigma"), LIKELIHOODS)
@pytest.mark.parametrize("proposal", ["q", "prior"])
def test_importance_sampling_finds_the_evidence(likelihood, sigma, proposal):
    model = make(1, likelihood, sigma)
    x = draw(model, 6)
    found = importance_sampled(model, x, samples=40_000, proposal=proposal, generator=generator())
    wanted = [log_evidence_on_a_line(model, image) for image in x]
    assert found.log_estimate.shape == (6,) and (found.effective_sample_size > 1000).all()
    assert (found.standard_error < 0.03).all()
    assert (np.abs(found.log_estimate - wanted) < 5 * found.standard_error).all()


def test_a_decoder_that_ignores_z_is_exact_from_the_prior():
    model = make(2)
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
    x = draw(model, 3)
    wanted = Bernoulli(logits=model.decoder[-1].bias).log_prob(x.flatten(1)).sum(1).detach()
    found = importance_sampled(model, x, samples=10, proposal="prior", generator=generator())
    np.testing.assert_allclose(found.log_estimate, wanted, atol=1e-12)
    np.testing.assert_allclose(found.effective_sample_size, 10)
    grid = grid_posterior(model, x)
    np.testing.assert_allclose(grid.log_evidence, wanted, atol=1e-8)  # the prior's mass beyond six is 4e-9


def test_blocks_and_chunks_bound_the_memory_and_change_only_the_noise(monkeypatch):
    model = make(2)
    x = draw(model, 5)
    whole = importance_sampled(model, x, samples=5000, generator=generator())
    held = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z: (held.append(z.shape[:-1].numel()), decode(z))[1])
    monkeypatch.setattr(evidence, "DECODED_AT_A_TIME", 64)
    monkeypatch.setattr(evidence, "IMAGES_AT_A_TIME", 2)
    parts = importance_sampled(model, x, samples=5000, generator=generator(1))
    assert max(held) <= 64 and sum(held) == 5000 * 5
    assert parts.log_estimate.shape == (5,)
    error = np.hypot(whole.standard_error, parts.standard_error)
    assert (error < 0.1).all()
    assert (np.abs(parts.log_estimate - whole.log_estimate) < 5 * error).all()
    np.testing.assert_allclose(parts.effective_sample_size, whole.effective_sample_size, rtol=0.2)


def test_k_sample_climbs_from_the_elbo_to_the_evidence():
    model = make(1)
    x = draw(model, 4)
    wanted = np.array([log_evidence_on_a_line(model, image) for image in x])
    bounds = {k: k_sample(model, x, k, repetitions=4000, generator=generator()) for k in (1, 5, 50)}
    with torch.no_grad():
        mu, log_var = model.encode(x)
        z = torch.linspace(-9, 9, 9001, dtype=torch.float64)
        elbo = []
        for i in range(4):
            q = Normal(mu[i], (0.5 * log_var[i]).exp()).log_prob(z).exp() * 18 / 9000
            log_likelihood = log_joint_by_hand(model, x[i], z[:, None]) - Normal(0.0, 1.0).log_prob(z)
            elbo.append(((q * log_likelihood).sum() - gaussian_kl(mu[i], log_var[i])).item())
    assert (np.abs(bounds[1].bound - elbo) < 5 * bounds[1].standard_error).all()
    assert (bounds[1].bound < bounds[5].bound).all() and (bounds[5].bound < bounds[50].bound).all()
    assert (bounds[50].bound < wanted + 5 * bounds[50].standard_error).all()
    assert (np.abs(bounds[50].bound - wanted) < 0.2 * np.abs(bounds[1].bound - wanted)).all()


def smooth(likelihood, sigma):
    """A decoder whose ReLUs are all on for |z| < 20: a smooth function of z, which quadrature finds to 1e-9."""
    model = make(2, likelihood, sigma)
    with torch.no_grad():
        for layer in (model.decoder[0], model.decoder[2]):
            layer.bias += 300.0
            layer.weight *= 0.3
        z = torch.randn(1000, 2, generator=generator(), dtype=torch.float64)
        model.decoder[-1].bias -= model.decoder(z).mean(0)
        assert (model.decoder[:3](20 * z / z.norm(dim=1, keepdim=True)) > 0).all()
    return model


@pytest.mark.parametrize(("likelihood", "sigma"), LIKELIHOODS)
def test_grid_is_the_double_integral(likelihood, sigma):
    model = smooth(likelihood, sigma)
    x = draw(model, 2)
    grid = grid_posterior(model, x, points=151)
    assert (grid.error < 1e-9).all()
    for i in range(2):

        def density(z_2, z_1, image=x[i]):
            z = torch.tensor([[z_1, z_2]], dtype=torch.float64)
            return log_joint_by_hand(model, image, z).exp().item()

        integral, _ = dblquad(density, -6, 6, -6, 6, epsabs=0, epsrel=1e-10)
        assert grid.log_evidence[i] == pytest.approx(math.log(integral), abs=1e-8)


def test_grid_holds_the_posterior_where_it_says():
    model = make(2)
    x = draw(model, 3)
    grid = grid_posterior(model, x, points=41)
    for i in range(3):
        row, column = 7, 30   # rows are z_2, columns z_1
        z = torch.tensor([[grid.z_1[i, column], grid.z_2[i, row]]])
        wanted = log_joint_by_hand(model, x[i], z) - grid.log_evidence[i]
        assert grid.log_density[i, row, column] == pytest.approx(wanted.item(), abs=1e-9)
        area = np.diff(grid.z_1[i])[0] * np.diff(grid.z_2[i])[0]
        assert (np.exp(grid.log_density[i]) * area).sum() == pytest.approx(1, abs=1e-9)


def test_grid_and_sampling_agree_and_the_error_is_honest():
    model = make(2)
    x = draw(model, 5)
    fine, coarse = (grid_posterior(model, x, points=points) for points in (301, 31))
    assert (np.abs(coarse.log_evidence - fine.log_evidence) <= coarse.error + 1e-9).all()
    found = importance_sampled(model, x, samples=40_000, proposal="prior", generator=generator())
    assert (np.abs(found.log_estimate - fine.log_evidence) < 5 * found.standard_error).all()


def test_grid_finds_a_narrow_posterior():
    """The posterior mean of z_1 varies over some hundredths: a grid of the whole plane would step over it."""
    model = make(2, "gaussian", sigma=0.002)
    with torch.no_grad():
        z = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
        x = model.decode(z).mean
    grid = grid_posterior(model, x, points=201)
    widths = [np.ptp(axis) for axis in (grid.z_1[0], grid.z_2[0])]
    assert max(widths) < 1 and grid.error[0] < 0.05
    fine = grid_posterior(model, x, points=601)
    assert abs(grid.log_evidence[0] - fine.log_evidence[0]) < 0.01


def test_leaves_the_model_as_it_is():
    model = make(2).float()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = draw(model, 2).float()
    grid_posterior(model, x, points=11)
    importance_sampled(model, x, samples=3)
    k_sample(model, x, 2)
    after = model.state_dict()
    assert all(value.dtype == after[name].dtype and torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: importance_sampled(m, x[:0]), "x must have shape"),
        (lambda m, x: importance_sampled(m, x[0]), "x must have shape"),
        (lambda m, x: importance_sampled(m, x / 2), "only 0 and 1"),
        (lambda m, x: importance_sampled(m, x, proposal="r"), "proposal must be 'q' or 'prior', not 'r'"),
        (lambda m, x: importance_sampled(m, x, samples=0), "positive integer"),
        (lambda m, x: k_sample(m, x, 0), "k is 0; wanted a positive integer"),
        (lambda m, x: k_sample(m, x / 2, 1), "only 0 and 1"),
        (lambda m, x: grid_posterior(make(3), x), "model must have 2 latents for a grid, not 3"),
        (lambda m, x: grid_posterior(m, x, points=10), "points must be an odd number, 3 or more, not 10"),
        (lambda m, x: grid_posterior(m, x / 2), "only 0 and 1"),
    ],
)
def test_refuses(call, message):
    model = make(2)
    with pytest.raises(ValueError, match=message):
        call(model, draw(model, 2).ceil())


@pytest.mark.parametrize("estimate", [importance_sampled, lambda model, x: k_sample(model, x, 5), grid_posterior])
def test_a_model_that_is_not_finite_is_refused(estimate):
    model = make(2)
    x = draw(model, 2)
    with torch.no_grad():
        model.decoder[0].bias[0] = math.nan
    with pytest.raises(ValueError, match="model must hold finite parameters"):
        estimate(model, x)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_no_memory_is_given_back_between_two_chunks():
    """In a process that has freed nothing large: with glibc's own threshold it was 3,000 pages a chunk, got anew."""
    code = """
import resource, torch
from vae_lesson.evidence import importance_sampled
from vae_lesson.model import VAE
model, x = VAE(20, hidden=(400,)), torch.ones(32, 28, 28)
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    importance_sampled(model, x, samples=64 * 20)  # 20 chunks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(pages(), pages())
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout
    first, second = map(int, told.split())
    assert second < 20 * 50, (first, second)
