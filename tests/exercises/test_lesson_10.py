"""Lesson 10's own mathematics: the solutions against independent computations, and what each judge refuses."""

import numpy as np
import pytest
import torch

from vae_lesson.estimators import importance_sampling
from vae_lesson.evaluate import ACTIVE, activity
from vae_lesson.exercises import lesson_10 as lesson
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.mixture import Mixture
from vae_lesson.objective import gaussian_kl


def test_importance_is_the_package_s_estimator():
    model, rng = LinearGaussian(1.5, 0.0, 0.5), np.random.default_rng(0)
    z = 0.4 + np.sqrt(0.2) * rng.standard_normal(100)
    log_joint, log_q = model.log_likelihood(1.0, z) + model.log_prior(z), model.log_q(z, 0.4, 0.2)
    wanted = importance_sampling(lambda z: log_joint, lambda n: z, lambda z: log_q, 100)
    assert lesson.importance.solution(log_joint, log_q) == pytest.approx(float(wanted.log_estimate), abs=1e-12)


def test_the_blind_spot_is_as_large_as_it_says():
    posterior, large = Mixture((0.8, 0.2), (-10.0, 10.0), (1.0, 1.0)), Mixture((1.0,), (-10.0,), (1.0,))
    rng, log_evidence = np.random.default_rng(0), -3.0
    got = importance_sampling(
        lambda z: log_evidence + posterior.log_density(z),
        lambda n: -10 + rng.standard_normal(n),
        large.log_density,
        5000,
    )
    assert log_evidence - got.log_estimate == pytest.approx(lesson.blind_spot.solution, abs=1e-9)
    assert got.effective_sample_size == pytest.approx(5000)


def test_count_active_counts_what_the_package_counts():
    (mu,) = lesson._means(3)
    assert lesson.count_active.solution(mu) == int((activity(torch.as_tensor(mu)) > ACTIVE).sum())


def test_price_is_the_mean_rate_of_a_unit_that_fills_the_prior():
    share = 0.6
    mu = np.sqrt(share) * np.random.default_rng(0).standard_normal(200_000)
    mu *= np.sqrt(share / (mu**2).mean())
    log_var = np.full_like(mu, np.log(1 - share))
    rate = gaussian_kl(torch.as_tensor(mu)[:, None], torch.as_tensor(log_var)[:, None]).mean().item()
    assert float(lesson.price.solution.subs(lesson.A, share)) == pytest.approx(rate, abs=1e-9)


def test_two_gaps_add_up():
    assert lesson.two_gaps.solution + 0.4 == pytest.approx(-120.0 + 127.5)
