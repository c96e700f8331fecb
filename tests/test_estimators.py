"""The estimators against exact evidence, finite worlds summed in full, and their own statistics over many runs."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from vae_lesson.estimators import (
    importance_sampling,
    k_sample_bound,
    log_mean_exp,
    naive_monte_carlo,
    summarize,
)
from vae_lesson.linear_gaussian import LinearGaussian

MODEL = LinearGaussian([[0.8, 0.1], [-0.3, 0.6], [0.2, 0.4]], [0.1, 0.0, -0.2], 0.7)
X = MODEL.sample(4, np.random.default_rng(10))[1]
Q = np.array([[0.2, -0.1], [0.0, 0.3], [0.5, 0.5], [-0.4, 0.1]]), np.array([0.1, -0.2])  # mu, log_var


def naive(n, seed=0, chunk=1000):
    rng = np.random.default_rng(seed)
    return naive_monte_carlo(lambda z: MODEL.log_likelihood(X, z), lambda m: rng.standard_normal((m, 1, 2)), n, chunk)


def with_q(mu, cov=None, log_var=None, seed=0):
    """log_joint, q_sample and q_log_prob of the model and a Gaussian q."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.diag(np.exp(log_var)) if cov is None else cov)
    return (
        lambda z: MODEL.log_likelihood(X, z) + MODEL.log_prior(z),
        lambda n: mu + rng.standard_normal((n, *mu.shape)) @ root.T,
        lambda z: MODEL.log_q(z, mu, cov, log_var),
    )


def random_log_weights(n, batch=3, seed=0, scale=5.0):
    return scale * np.random.default_rng(seed).normal(size=(n, batch)) - 500


def test_summary_is_its_definition():
    log_w = random_log_weights(50, scale=1.0)
    w, got = np.exp(log_w + 500), summarize(log_w)
    np.testing.assert_allclose(got.log_estimate, logsumexp(log_w, 0) - np.log(50), rtol=1e-13)
    np.testing.assert_allclose(got.standard_error, w.std(0, ddof=1) / w.mean(0) / np.sqrt(50), rtol=1e-12)
    np.testing.assert_allclose(got.effective_sample_size, w.sum(0) ** 2 / (w**2).sum(0), rtol=1e-12)
    np.testing.assert_allclose(got.largest_share, w.max(0) / w.sum(0), rtol=1e-12)
    np.testing.assert_array_equal(log_mean_exp(log_w), got.log_estimate)


@pytest.mark.parametrize("sizes", [[1] * 10, [7, 3], [3, 7], [9, 1], [10]])
def test_streaming_equals_one_shot(sizes):
    log_w = random_log_weights(1000, scale=20.0)
    chunks = np.split(log_w, 100 * np.cumsum(sizes)[:-1])
    assert len(chunks) == len(sizes)
    for order in (chunks, chunks[::-1]):
        for streamed, at_once in zip(summarize(iter(order)), summarize(log_w), strict=True):
            np.testing.assert_allclose(streamed, at_once, rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 6, 7, 100, 1000])
def test_a_chunk_that_does_not_divide_n_changes_nothing(chunk):
    for got, wanted in zip(naive(100, chunk=chunk), naive(100, chunk=100), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_memory_is_bounded_by_the_chunk():
    held = []
    naive_monte_carlo(lambda z: -(z**2), lambda m: held.append(m) or np.zeros(m), 2501, 1000)
    assert held == [1000, 1000, 501]


@pytest.mark.filterwarnings("error")
def test_zero_weights_one_sample_and_extremes():
    zero, log_w = -np.inf, np.log([1.0, 3.0])
    some = summarize([np.array([zero, zero]), np.array([log_w[0], zero]), log_w[1:], np.array([zero])])
    assert some.log_estimate == pytest.approx(np.log(4 / 6), rel=1e-14)
    assert some.effective_sample_size == pytest.approx(1.6) and some.largest_share == pytest.approx(0.75)
    none = summarize(np.full((5, 2), zero))
    np.testing.assert_array_equal(none.log_estimate, zero)
    np.testing.assert_array_equal(none.effective_sample_size, 0)
    assert np.isnan(none.standard_error).all() and np.isnan(none.largest_share).all()
    one = summarize(np.array([[-1e5, 2.0]]))
    np.testing.assert_array_equal(one.log_estimate, [-1e5, 2.0])
    np.testing.assert_array_equal(one.effective_sample_size, 1)
    np.testing.assert_array_equal(one.largest_share, 1)
    assert np.isnan(one.standard_error).all()
    assert summarize(np.array([1e5, 1e5])) == pytest.approx((1e5, 0, 2, 0.5))
    assert log_mean_exp([-1e5, -1e5 - 1e4]) == pytest.approx(-1e5 - np.log(2), abs=1e-9)
    assert np.isnan(k_sample_bound(*with_q(*Q[:1], np.eye(2)), 3, 1).standard_error).all()


def test_takes_torch_and_gives_float64():
    log_w = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    got = summarize(log_w)
    assert got.log_estimate.dtype == np.float64
    np.testing.assert_allclose(got.log_estimate, torch.logsumexp(log_w.double(), 0) - np.log(20), rtol=1e-13)
    generator = torch.Generator().manual_seed(1)
    prior = torch.distributions.Normal(0.0, 1.0)
    exact = importance_sampling(
        lambda z: prior.log_prob(z) + 3, lambda n: torch.randn(n, 2, generator=generator), prior.log_prob, 10
    )
    np.testing.assert_allclose(exact.log_estimate, 3, rtol=1e-6)


def test_naive_estimate_is_unbiased_and_its_standard_error_true():
    runs = [naive(200, seed) for seed in range(1000)]
    ratio = np.exp(np.stack([run.log_estimate for run in runs]) - MODEL.log_evidence(X))
    error = ratio.std(0, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(ratio.mean(0) - 1) < 4 * error).all() and (error < 0.02).all()
    spread = np.stack([run.log_estimate for run in runs]).std(0)
    np.testing.assert_allclose(np.mean([run.standard_error for run in runs], 0), spread, rtol=0.1)


def test_naive_standard_error_and_effective_size_agree_with_the_exact_second_moment():
    """E_prior[p(x|z)^2] = (4 pi sigma^2)^(-D/2) times the evidence of the same model with sigma / sqrt(2)."""
    n, half = 200_000, LinearGaussian(MODEL.W, MODEL.b, MODEL.sigma / np.sqrt(2))
    log_second = half.log_evidence(X) - 1.5 * np.log(4 * np.pi * MODEL.sigma**2)
    second = np.exp(log_second - 2 * MODEL.log_evidence(X))
    got = naive(n)
    np.testing.assert_allclose(got.effective_sample_size, n / second, rtol=0.02)
    np.testing.assert_allclose(got.standard_error, np.sqrt((second - 1) / n), rtol=0.02)
    assert (np.abs(got.log_estimate - MODEL.log_evidence(X)) < 4 * got.standard_error).all()


def test_importance_sampling_finds_the_evidence():
    got = importance_sampling(*with_q(Q[0], log_var=Q[1]), 100_000)
    assert (np.abs(got.log_estimate - MODEL.log_evidence(X)) < 4 * got.standard_error).all()
    assert (got.standard_error < 0.01).all()


def test_at_the_posterior_one_sample_is_exact():
    mean, cov = MODEL.posterior(X)
    one = importance_sampling(*with_q(mean, cov), 1)
    np.testing.assert_allclose(one.log_estimate, MODEL.log_evidence(X), rtol=1e-12)
    many = importance_sampling(*with_q(mean, cov), 500, 64)
    np.testing.assert_allclose(many.log_estimate, MODEL.log_evidence(X), rtol=1e-12)
    np.testing.assert_allclose(many.effective_sample_size, 500, rtol=1e-12)
    np.testing.assert_allclose(many.standard_error, 0, atol=1e-8)
    np.testing.assert_allclose(k_sample_bound(*with_q(mean, cov), 3, 5).bound, MODEL.log_evidence(X), rtol=1e-12)


def test_the_bound_of_one_sample_is_the_elbo():
    got = k_sample_bound(*with_q(Q[0], log_var=Q[1]), 1, 200_000, 10_000)
    elbo = MODEL.elbo(X, Q[0], log_var=np.tile(Q[1], (4, 1)))
    assert (np.abs(got.bound - elbo) < 4 * got.standard_error).all() and (got.standard_error < 0.01).all()
    assert (got.bound < MODEL.log_evidence(X) - 5 * got.standard_error).all()


WEIGHTS, SHARES = np.array([0.1, 0.5, 2.0, 0.0001]), np.array([0.4, 0.3, 0.2, 0.1])  # a finite world: z in {0, 1, 2, 3}


def exact_bound(k):
    """The K-sample bound, summed over all 4^k draws."""
    draws = np.array(list(product(range(4), repeat=k)))
    return (SHARES[draws].prod(1) * np.log(WEIGHTS[draws].mean(1))).sum()


def finite_world(seed=0):
    rng = np.random.default_rng(seed)
    return (
        lambda z: np.log(WEIGHTS[z]) + np.log(SHARES[z]),
        lambda n: rng.choice(4, p=SHARES, size=n),
        lambda z: np.log(SHARES[z]),
    )


def test_the_bound_rises_with_k_to_the_evidence():
    evidence = np.log((SHARES * WEIGHTS).sum())
    exact = [exact_bound(k) for k in range(1, 8)]
    assert (np.diff([*exact, evidence]) > 0.01).all()
    for k in (1, 2, 3, 7):
        for chunk in (2, 10, 1000):  # fewer than k, several groups, all at once
            got = k_sample_bound(*finite_world(), k, 1000, chunk)
            assert abs(got.bound - exact[k - 1]) < 4 * got.standard_error, (k, chunk)
            assert got.standard_error < 0.1


def test_the_bounds_standard_error_is_that_of_a_mean():
    got = k_sample_bound(*finite_world(), 2, 50)
    joint, sample, q = finite_world()
    z = sample(100).reshape(2, 50)
    logs = log_mean_exp(joint(z) - q(z))
    assert got.bound == pytest.approx(logs.mean(), rel=1e-13)
    assert got.standard_error == pytest.approx(logs.std(ddof=1) / np.sqrt(50), rel=1e-12)


def flat(n):
    return np.zeros((n, 5))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: summarize([]), "chunks has no log weights"),
        (lambda: summarize([np.zeros((0, 3))]), "chunks has an array of shape"),
        (lambda: summarize([1.0]), "chunks has an array of shape"),
        (lambda: summarize([np.zeros((2, 3)), np.zeros((2, 4))]), "chunks has an array of shape"),
        (lambda: summarize([np.zeros((2, 3)), np.zeros(2)]), "chunks has an array of shape"),
        (lambda: log_mean_exp([0.0, np.nan]), "NaN"),
        (lambda: log_mean_exp([0.0, np.inf]), r"\+inf"),
        (lambda: naive_monte_carlo(flat, lambda m: m, 0), "n is 0"),
        (lambda: naive_monte_carlo(flat, lambda m: m, 2.5), "n is 2.5"),
        (lambda: naive_monte_carlo(flat, lambda m: m, 5, 0), "chunk is 0"),
        (lambda: naive_monte_carlo(lambda z: flat(5).T, lambda m: m, 7), "log_likelihood gives shape"),
        (lambda: importance_sampling(flat, lambda m: m, lambda z: np.zeros(5), 5), "q_log_prob gives shape"),
        (lambda: importance_sampling(flat, lambda m: m, lambda z: np.zeros((1, 5)), 5), "q_log_prob gives shape"),
        (lambda: k_sample_bound(flat, lambda m: m, flat, 0, 5), "k is 0"),
        (lambda: k_sample_bound(flat, lambda m: m, flat, 5, 0), "repetitions is 0"),
        (lambda: k_sample_bound(flat, lambda m: m, flat, 5, 1, -1), "chunk is -1"),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
