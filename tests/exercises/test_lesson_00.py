"""Lesson 00's own mathematics: the solutions against scipy and torch."""

import pytest
import torch
from scipy.stats import bernoulli

from vae_lesson.exercises import lesson_00 as lesson


def test_a_coin():
    assert lesson.a_coin.solution == pytest.approx(bernoulli(0.5).logpmf(1))
    assert lesson.a_coin.check(-0.69).right is True  # two decimals will do


def test_two_nats():
    ratio = torch.tensor([-100.0, -102.0], dtype=torch.float64).softmax(0)  # two models held for equally likely
    assert lesson.two_nats.solution == pytest.approx((ratio[0] / ratio[1]).item())
    assert lesson.two_nats.check(7.4).right is True


def test_the_bound_is_minus_both_costs():
    assert lesson.the_bound.solution == -(6 + 130)
