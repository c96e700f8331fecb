"""The exact model against scipy's D x D Gaussian, torch.distributions, quadrature and automatic differentiation."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import MultivariateNormal, kl_divergence

from vae_lesson.linear_gaussian import LinearGaussian

EXACT = dict(rtol=1e-10, atol=1e-10)


def random_model(data_dim=6, latent_dim=3, sigma=0.4, seed=0):
    rng = np.random.default_rng(seed)
    return LinearGaussian(rng.normal(size=(data_dim, latent_dim)), rng.normal(size=data_dim), sigma)


def random_q(model, batch, seed=1):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(batch, model.latent_dim, model.latent_dim))
    return rng.normal(size=(batch, model.latent_dim)), root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(model.latent_dim)


def normal(mean, cov):
    return MultivariateNormal(torch.as_tensor(mean), torch.as_tensor(cov))


def reference_posterior(model, x):
    """By conditioning the joint Gaussian of (z, x): nothing of the package's algebra is used."""
    cov_x = model.W @ model.W.T + model.sigma**2 * np.eye(model.data_dim)
    gain = np.linalg.solve(cov_x, model.W).T
    return (x - model.b) @ gain.T, np.eye(model.latent_dim) - gain @ model.W


MODELS = [(6, 3, 0.4), (1, 1, 0.7), (5, 5, 0.3), (2, 4, 0.5), (40, 2, 1e-2)]  # also more latents than pixels


@pytest.fixture(params=MODELS, ids=str)
def model(request):
    return random_model(*request.param)


@pytest.fixture
def x(model):
    return model.sample(7, np.random.default_rng(2))[1]


def test_evidence_is_that_of_the_full_gaussian(model, x):
    cov = model.W @ model.W.T + model.sigma**2 * np.eye(model.data_dim)
    expected = stats.multivariate_normal(model.b, cov).logpdf(x)
    np.testing.assert_allclose(model.log_evidence(x), expected, **EXACT)


def test_posterior_is_the_joint_gaussian_conditioned(model, x):
    for got, wanted in zip(model.posterior(x), reference_posterior(model, x), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)


def test_prior_and_likelihood_are_torchs(model, x):
    z = np.random.default_rng(3).normal(size=(4, 7, model.latent_dim))
    prior = torch.distributions.Normal(0.0, torch.tensor(1.0, dtype=torch.float64)).log_prob(torch.tensor(z)).sum(-1)
    np.testing.assert_allclose(model.log_prior(z), prior, **EXACT)
    decoder = torch.distributions.Normal(torch.tensor(z @ model.W.T + model.b), model.sigma)
    np.testing.assert_allclose(model.log_likelihood(x, z), decoder.log_prob(torch.tensor(x)).sum(-1), **EXACT)
    shared = model.log_likelihood(x, z[:, :1])
    assert shared.shape == (4, 7)
    np.testing.assert_allclose(shared[2, 5], model.log_likelihood(x[5:6], z[2, :1])[0], **EXACT)


def test_divergences_and_q_are_torchs(model, x):
    mu, cov = random_q(model, 7)
    q, posterior = normal(mu, cov), normal(*reference_posterior(model, x))
    prior = normal(np.zeros(model.latent_dim), np.eye(model.latent_dim))
    loose = dict(rtol=1e-8)  # torch works from a Cholesky factor of the reference's rounded covariance
    np.testing.assert_allclose(model.kl_to_posterior(x, mu, cov), kl_divergence(q, posterior), **loose)
    np.testing.assert_allclose(model.rate(mu, cov), kl_divergence(q, prior), **EXACT)
    np.testing.assert_allclose(model.kl_posterior_prior(x), kl_divergence(posterior, prior), **loose)
    z = np.random.default_rng(3).normal(size=(4, 7, model.latent_dim))
    np.testing.assert_allclose(model.log_q(z, mu, cov), q.log_prob(torch.tensor(z)), rtol=1e-9)


def test_evidence_is_elbo_plus_gap_for_any_q(model, x):
    mu, cov = random_q(model, 7)
    log_var = np.random.default_rng(4).normal(size=mu.shape)
    evidence = model.log_evidence(x)
    for q in ({"cov": cov}, {"log_var": log_var}):
        elbo, gap = model.elbo(x, mu, **q), model.kl_to_posterior(x, mu, **q)
        assert (gap > 0).all() and (elbo < evidence).all()
        np.testing.assert_allclose(elbo + gap, evidence, rtol=1e-9, atol=1e-9 * max(1, np.abs(elbo).max()))
        np.testing.assert_allclose(elbo, -model.rate(mu, **q) - model.distortion(x, mu, **q), rtol=1e-12)


def test_elbo_at_the_posterior_is_the_evidence(model, x):
    q = model.posterior(x)
    np.testing.assert_allclose(model.elbo(x, *q), model.log_evidence(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.kl_to_posterior(x, *q), 0, atol=1e-9)


def test_log_var_is_the_log_of_a_diagonal_covariance(model, x):
    mu, log_var = np.random.default_rng(5).normal(size=(2, 7, model.latent_dim))
    cov = np.stack([np.diag(np.exp(row)) for row in log_var])
    for method in (model.elbo, model.kl_to_posterior, model.distortion):
        np.testing.assert_allclose(method(x, mu, log_var=log_var), method(x, mu, cov), rtol=1e-12)
    np.testing.assert_allclose(model.rate(mu, log_var=log_var), model.rate(mu, cov), rtol=1e-12)


def test_scalar_model_against_quadrature():
    model, x, mu, var = LinearGaussian(1.5, -0.5, 0.6), 2.0, 0.3, 0.2

    def joint(z):
        return stats.norm.pdf(z) * stats.norm.pdf(x, 1.5 * z - 0.5, 0.6)

    def integral(f):
        return integrate.quad(f, -10, 10, epsabs=1e-13, epsrel=1e-13, limit=400)[0]

    evidence = integral(joint)
    mean = integral(lambda z: z * joint(z)) / evidence
    variance = integral(lambda z: (z - mean) ** 2 * joint(z)) / evidence
    q = stats.norm(mu, np.sqrt(var))
    elbo = integrate.quad(
        lambda z: q.pdf(z) * (stats.norm.logpdf(z) + stats.norm.logpdf(x, 1.5 * z - 0.5, 0.6) - q.logpdf(z)), -5, 5
    )[0]
    assert model.log_evidence(x) == pytest.approx(np.log(evidence), abs=1e-11)
    assert model.posterior(x) == pytest.approx((mean, variance), abs=1e-11)
    assert model.elbo(x, mu, var) == model.elbo(x, mu, log_var=np.log(var)) == pytest.approx(elbo, abs=1e-9)
    assert model.log_prior(0.7) == pytest.approx(stats.norm.logpdf(0.7), abs=1e-12)
    assert model.log_q(0.7, mu, var) == pytest.approx(q.logpdf(0.7), abs=1e-12)


def test_scalar_model_is_the_one_by_one_model_without_the_last_axis():
    scalar, matrix = LinearGaussian(1.5, -0.5, 0.6), LinearGaussian([[1.5]], [-0.5], 0.6)
    x, z = np.linspace(-3, 3, 5), np.linspace(-2, 2, 4)[:, None]
    mean, variance = scalar.posterior(x)
    assert mean.shape == (5,) and variance.shape == ()
    np.testing.assert_array_equal(scalar.log_likelihood(x, z), matrix.log_likelihood(x, z[..., None]))
    np.testing.assert_array_equal(mean, matrix.posterior(x)[0][:, 0])
    np.testing.assert_array_equal(scalar.log_evidence(x), matrix.log_evidence(x))
    np.testing.assert_array_equal(scalar.kl_to_posterior(x, z, 0.3), matrix.kl_to_posterior(x, z[..., None], [[0.3]]))
    drawn = [draw.sample(3, np.random.default_rng(0)) for draw in (scalar, matrix)]
    np.testing.assert_array_equal(drawn[0][1], drawn[1][1][:, 0])


def test_sample_follows_the_model_and_its_generator():
    model = random_model()
    z, x = model.sample(200_000, np.random.default_rng(0))
    assert z.shape == (200_000, 3) and x.shape == (200_000, 6)
    cov = model.W @ model.W.T + model.sigma**2 * np.eye(6)
    np.testing.assert_allclose(x.mean(0), model.b, atol=4 * np.sqrt(cov.max() / len(x)))
    np.testing.assert_allclose(np.cov(x.T), cov, atol=4 * np.sqrt(2 / len(x)) * cov.max())
    np.testing.assert_allclose(np.cov((x - z @ model.W.T).T), 0.16 * np.eye(6), atol=4 * np.sqrt(2 / len(x)) * 0.16)
    first, again = (model.sample(5, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first[1], again[1])


def test_fit_is_where_the_gradient_of_the_likelihood_vanishes():
    images = random_model(12, 3).sample(60, np.random.default_rng(1))[1].reshape(60, 3, 4)
    model = LinearGaussian.fit(images, 2)
    found = (model.W, model.b, model.sigma)
    W, b, sigma = (torch.tensor(np.array(v), dtype=torch.float64, requires_grad=True) for v in found)
    cov = W @ W.T + sigma**2 * torch.eye(12, dtype=torch.float64)
    mean_log = MultivariateNormal(b, cov).log_prob(torch.tensor(images.reshape(60, 12))).mean()
    assert model.log_evidence(images).mean() == pytest.approx(mean_log.item(), abs=1e-10)
    mean_log.backward()
    for parameter in (W, b, sigma):
        np.testing.assert_allclose(parameter.grad, 0, atol=1e-10)
    # A stationary point may be a saddle: no model nearby may be better.
    rng = np.random.default_rng(2)
    for _ in range(50):
        other = LinearGaussian(model.W + 0.1 * rng.normal(size=(12, 2)), model.b, model.sigma * rng.uniform(0.9, 1.1))
        assert other.log_evidence(images).mean() < mean_log.item()


def test_fit_takes_the_directions_of_greatest_variance():
    images = random_model(12, 3, sigma=0.1).sample(500, np.random.default_rng(1))[1]
    singular = np.linalg.svd(images - images.mean(0), compute_uv=False)
    for latent_dim in (1, 2, 5):
        model = LinearGaussian.fit(images, latent_dim)
        noise = (singular[latent_dim:] ** 2).sum() / 500 / (12 - latent_dim)
        assert model.sigma**2 == pytest.approx(noise, rel=1e-10)
        np.testing.assert_allclose((model.W**2).sum(0), singular[:latent_dim] ** 2 / 500 - noise, rtol=1e-9)


def test_fit_on_many_pixels_some_constant_takes_tensors_and_stays_exact():
    _, x = random_model(600, 4, sigma=0.2).sample(800, np.random.default_rng(1))
    x[:, ::3] = 0
    model = LinearGaussian.fit(torch.tensor(x).reshape(800, 20, 30), 4)
    cov = model.W @ model.W.T + model.sigma**2 * np.eye(600)
    expected = normal(model.b, cov).log_prob(torch.tensor(x[:5]))
    np.testing.assert_allclose(model.log_evidence(x[:5].reshape(5, 20, 30)), expected, rtol=1e-10)
    np.testing.assert_allclose(model.elbo(x, *model.posterior(x)), model.log_evidence(x), rtol=1e-12)
    np.testing.assert_array_equal(model.W[np.abs(model.W).argmax(0), range(4)] > 0, True)


def test_needs_neither_torch_nor_scipy():
    code = (
        "import sys, vae_lesson.linear_gaussian, vae_lesson.estimators\n"
        "print('torch' in sys.modules, 'scipy' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False"]


x23 = np.zeros((2, 3))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: LinearGaussian([1.0, 2.0], 0, 1), "W has shape"),
        (lambda m: LinearGaussian([[np.nan]], 0, 1), "W has shape"),
        (lambda m: LinearGaussian(np.ones((3, 2)), np.ones(2), 1), "b has shape"),
        (lambda m: LinearGaussian(1.0, 0.0, 0.0), "sigma is"),
        (lambda m: LinearGaussian(1.0, 0.0, -1), "sigma is"),
        (lambda m: LinearGaussian.fit(np.zeros(4), 1), "images has shape"),
        (lambda m: LinearGaussian.fit(np.full((4, 3), np.nan), 1), "images has shape"),
        (lambda m: LinearGaussian.fit(np.eye(4), 4), "latent_dim is 4"),
        (lambda m: LinearGaussian.fit(np.eye(4), 0), "latent_dim is 0"),
        (lambda m: LinearGaussian.fit(np.eye(4), 3), "images leave no noise"),
        (lambda m: LinearGaussian.fit(np.ones((5, 4)), 2), "images leave no noise"),
        (lambda m: m.log_evidence(np.zeros(3)), "x has shape"),
        (lambda m: m.log_evidence(1.0), "x has shape"),
        (lambda m: m.posterior(np.zeros((2, 4))), "x has shape"),
        (lambda m: m.log_prior(np.zeros(3)), "z has shape"),
        (lambda m: m.log_likelihood(x23, np.zeros((5, 2))), "z has shape"),
        (lambda m: LinearGaussian(1, 0, 1).log_likelihood(np.zeros(4), np.zeros(5)), r"z has shape \(5,\)"),
        (lambda m: m.elbo(x23, np.zeros((2, 3)), np.eye(2)), "mu has shape"),
        (lambda m: m.kl_to_posterior(x23, np.zeros((3, 2)), np.eye(2)), "mu has shape"),
        (lambda m: m.elbo(x23, np.zeros((2, 2))), "neither given"),
        (lambda m: m.rate(np.zeros(2), np.eye(2), np.zeros(2)), "both given"),
        (lambda m: m.rate(np.zeros(2), np.ones(2)), "cov has shape"),
        (lambda m: m.rate(np.zeros(2), np.diag([1.0, -1.0])), "cov is not symmetric"),
        (lambda m: m.rate(np.zeros(2), [[1.0, 0.5], [0.0, 1.0]]), "cov is not symmetric"),
        (lambda m: m.rate(np.zeros(2), log_var=np.zeros(3)), "log_var has shape"),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(random_model(3, 2))
