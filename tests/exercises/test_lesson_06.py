"""Lesson 06's own mathematics: the solutions against torch's distributions, autograd and a search."""

import numpy as np
import pytest
import sympy
import torch
from torch.distributions import Bernoulli, Independent, Normal

from vae_lesson.exercises import lesson_06 as lesson


def test_four_pixels_is_the_librarys_log_probability():
    g, x = torch.tensor([[0.5, 0.25, 0.25, 0.5], [1.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    assert lesson.four_pixels.solution == pytest.approx(-Independent(Bernoulli(g), 1).log_prob(x).item(), abs=1e-12)


def test_gaussian_distortion_is_the_librarys():
    x, g = np.random.default_rng(3).uniform(size=(2, 4, 6))
    library = -Independent(Normal(torch.from_numpy(g), np.exp(-1.3)), 1).log_prob(torch.from_numpy(x))
    np.testing.assert_allclose(lesson.gaussian_distortion.solution(x, g, -1.3), library, rtol=1e-12)


def test_hidden_beta_by_autograd():
    generator = torch.Generator().manual_seed(0)
    g, x = torch.rand(2, 50, 3, 32, 32, generator=generator, dtype=torch.float64)
    kl = torch.rand(50, 64, generator=generator, dtype=torch.float64)
    g, kl = g.requires_grad_(), kl.requires_grad_()
    wild = torch.nn.functional.mse_loss(g, x) + kl.sum()
    bound = (-Independent(Normal(g, 0.2), 3).log_prob(x) + kl.sum(-1)).mean()
    (g_wild, kl_wild), (g_bound, kl_bound) = (torch.autograd.grad(loss, (g, kl)) for loss in (wild, bound))
    betas = (kl_wild / kl_bound).mean() / (g_wild / g_bound)
    torch.testing.assert_close(betas, torch.full_like(betas, lesson.hidden_beta.solution), rtol=1e-9, atol=0)


def test_weight_as_variance_has_the_slope_of_the_log_density():
    lam, s2, g = sympy.Symbol("lam", positive=True), sympy.Symbol("s2", positive=True), sympy.Symbol("g", real=True)
    slope = ((1 - g) ** 2 / (2 * s2)).diff(g).subs(s2, lesson.weight_as_variance.solution)
    assert sympy.simplify(slope - (lam * (1 - g) ** 2).diff(g)) == 0


def test_break_even_by_search():
    betas = np.linspace(0, 4, 4001)
    assert betas[np.argmax(111 + 12 * betas < 102 + 18 * betas)] == pytest.approx(
        lesson.break_even.solution, abs=1.1e-3
    )
