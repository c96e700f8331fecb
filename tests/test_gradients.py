"""The two gradients of an average under q, against exact derivatives, quadrature and each other."""

import ast
import inspect
import textwrap
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from vae_lesson import gradients
from vae_lesson.gradients import leave_one_out, pathwise, score_function
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.model import VAE

PAGE = Path(__file__).resolve().parents[1] / "notebooks/07_reparameterization.ipynb"
ESTIMATORS = {
    "pathwise": pathwise,
    "score function": score_function,
    "baseline": partial(score_function, baseline=leave_one_out),
    "constant baseline": partial(score_function, baseline=lambda costs: 3.0),
}
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients_of_groups(estimator, f, mu, log_var, groups=50, draws=2000):
    """Independent estimates of the gradient by mu and log_var, shape (groups, 2, *mu.shape)."""
    q = torch.stack([mu, log_var]).requires_grad_()
    costs = (estimator(f, *q, noise(draws, *mu.shape, seed=seed)) for seed in range(groups))
    return torch.stack([torch.autograd.grad(each.mean(0).sum(), q)[0] for each in costs])


def assert_unbiased(estimates, exact):
    """The mean of the groups lies within 4.5 standard errors of exact, entry for entry, and they are not vacuous."""
    mean, error = estimates.mean(0), estimates.std(0) / len(estimates) ** 0.5
    assert ((mean - exact).abs() <= 4.5 * error).all(), (mean, exact, error)


@every_estimator
def test_unbiased_for_the_distortion_of_a_linear_gaussian_model(estimator):
    """Three latents, two pixels, a batch of two images; the exact gradient by differences of the exact distortion."""
    rng = np.random.default_rng(0)
    model, x = LinearGaussian(rng.normal(size=(2, 3)), rng.normal(size=2), 0.8), rng.normal(size=(2, 2))
    mu, log_var = torch.tensor(rng.normal(size=(2, 3))), torch.tensor(rng.normal(size=(2, 3)) / 2)

    def cost(z):
        recipe = torch.distributions.Normal(z @ torch.tensor(model.W).T + torch.tensor(model.b), 0.8)
        return -recipe.log_prob(torch.tensor(x)).sum(-1)

    def exact(parameters):
        return float(model.distortion(x, parameters[0], log_var=parameters[1]).sum())

    place, step = torch.stack([mu, log_var]).numpy(), 1e-5
    slopes = np.zeros_like(place)
    for index in np.ndindex(place.shape):
        nudge = np.zeros_like(place)
        nudge[index] = step
        slopes[index] = (exact(place + nudge) - exact(place - nudge)) / (2 * step)
    assert_unbiased(gradients_of_groups(estimator, cost, mu, log_var), torch.tensor(slopes))


@pytest.mark.parametrize("name", ["score function", "baseline", "constant baseline"])
def test_the_score_function_is_unbiased_for_a_step_where_pathwise_is_not(name):
    mu, log_var = torch.tensor([0.5]).double(), torch.tensor([0.0]).double()
    density = np.exp(-0.5 * 0.5**2) / np.sqrt(2 * np.pi)
    exact = torch.tensor([[density], [-0.25 * density]])  # of Phi(mu / sigma), by mu and by log_var
    assert_unbiased(gradients_of_groups(ESTIMATORS[name], lambda z: (z[..., 0] > 0).double(), mu, log_var), exact)
    flat = gradients_of_groups(pathwise, lambda z: 0.5 * (1 + z[..., 0].sign()), mu, log_var)
    assert (flat == 0).all()


def test_variances_are_the_closed_forms_of_the_page():
    """f = z^2 at mu = 1, sigma = 1/2: 4 sigma^2; mu^4/sigma^2 + 14 mu^2 + 15 sigma^2; 8 mu^2 + 6 sigma^2."""
    mu = torch.ones(200_000, 1, dtype=torch.float64)
    log_var = torch.full_like(mu, np.log(0.25))
    best = partial(score_function, baseline=lambda costs: 1.75)
    for estimator, exact in ((pathwise, 1.0), (score_function, 21.75), (best, 9.5)):
        q = mu.clone().requires_grad_()
        costs = estimator(lambda z: z[..., 0] ** 2, q, log_var, noise(1, *mu.shape))
        (each,) = torch.autograd.grad(costs.sum(), q)
        assert each.var().item() == pytest.approx(exact, rel=0.04)


@every_estimator
def test_values_are_the_costs_and_the_costs_own_parameters_learn(estimator):
    """Whatever the estimator, the numbers are f(z), and the decoder's gradient is the same."""
    torch.manual_seed(0)
    model = VAE(latent_dim=3, hidden=(5,), image_shape=(2, 2)).double()
    x = torch.randint(0, 2, (4, 2, 2), generator=torch.Generator().manual_seed(0)).double()
    mu, log_var = (part.detach() for part in model.encode(x))
    eps = noise(6, 4, 3)

    def decoder_gradient(costs):
        return torch.cat([g.flatten() for g in torch.autograd.grad(costs.mean(), list(model.decoder.parameters()))])

    costs = estimator(lambda z: -model.decode(z).log_prob(x), mu, log_var, eps)
    plain = -model.decode(mu + torch.exp(0.5 * log_var) * eps).log_prob(x)
    torch.testing.assert_close(costs, plain)
    torch.testing.assert_close(decoder_gradient(costs), decoder_gradient(plain))


def test_leave_one_out_is_the_mean_of_the_others():
    costs = noise(5, 2)
    for i in range(5):
        others = torch.cat([costs[:i], costs[i + 1 :]])
        torch.testing.assert_close(leave_one_out(costs)[i], others.mean(0))
    with pytest.raises(ValueError, match="costs must hold two draws or more"):
        leave_one_out(costs[:1])


@pytest.mark.parametrize("estimator", [pathwise, score_function])
def test_shapes_that_do_not_fit_are_refused(estimator):
    mu = torch.zeros(4, 2)
    with pytest.raises(ValueError, match="mu and log_var must have one shape"):
        estimator(lambda z: z.sum(-1), mu, torch.zeros(4, 1), torch.zeros(3, 4, 2))
    with pytest.raises(ValueError, match=r"eps must have shape \(draws, 4, 2\)"):
        estimator(lambda z: z.sum(-1), mu, mu, torch.zeros(4, 2))
    with pytest.raises(ValueError, match="one cost for each z"):
        estimator(lambda z: z.sum(), mu, mu, torch.zeros(3, 4, 2))
    with pytest.raises(ValueError, match="one cost for each z"):
        estimator(lambda z: z, mu, mu, torch.zeros(3, 4, 2))


@pytest.mark.parametrize("name", ["pathwise", "score_function"])
def test_the_page_shows_the_package_s_own_lines(name):
    """Docstring and checks left out."""

    def statements(source):
        (function,) = [n for n in ast.walk(ast.parse(textwrap.dedent(source))) if isinstance(n, ast.FunctionDef)]
        return [ast.dump(node) for node in function.body if not isinstance(node, ast.Expr)]

    (cell,) = [c.source for c in nbformat.read(PAGE, as_version=4).cells if f"def {name}_on_the_page" in c.source]
    shown = next(node for node in ast.parse(cell).body if node.name == f"{name}_on_the_page")
    assert statements(ast.unparse(shown)) == statements(inspect.getsource(getattr(gradients, name)))


def test_the_noise_of_the_distortion_cancels_against_that_of_the_rate():
    """At q = posterior one draw's gradient by mu has variance 8.1 with the exact rate, none with log q/p drawn."""
    mu = torch.full((200_000, 1), 0.6, dtype=torch.float64, requires_grad=True)
    log_var = torch.full_like(mu, 0.1).log()
    q = torch.distributions.Normal(mu.detach(), (0.5 * log_var).exp())  # log q only along the path of the draw

    def distortion(z):
        return -torch.distributions.Normal(1.5 * z[..., 0], 0.5).log_prob(torch.tensor(1.0, dtype=torch.float64))

    def log_ratio(z):
        return (q.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)).sum(-1)

    def gradient(rate):
        costs = pathwise(lambda z: distortion(z) + rate(z), mu, log_var, noise(1, *mu.shape))
        return torch.autograd.grad(costs.sum(), mu)[0]

    assert gradient(lambda z: (mu**2).sum(-1) / 2).var().item() == pytest.approx(8.1, rel=0.02)
    assert gradient(log_ratio).var().item() < 1e-9
