"""The exercises of lesson 07: gradients through a sample."""

import numpy as np
import sympy

from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_line, same_number
from vae_lesson.symbolic import E, log, normal, p, x, z

by_hand = Exercise(
    name="7.1",
    solution=12,
    equal=same_number(1e-6),
    mistakes=[
        (24, "the score has the variance below the fraction bar, 4; you have divided by the standard deviation"),
        (48, "the score is (z - mu)/sigma^2; the division is missing"),
        (8, "that is the pathwise gradient, f'(z) = 2z; the score function knows only the cost"),
        (-12, "turn the sign: the draw is to the right of mu, and a larger mu makes it likelier"),
        (49 * 6 / 4, "z = mu + sigma * eps, and sigma is 2; you have moved by the variance"),
        (49 * 6 / 16, "4 is the variance; sigma is 2"),
        (0, "you have left out the noise: the draw is not mu"),
        (0.75, "that is the score; times the cost of the draw, f(z)"),
        (16, "that is the cost of the draw; times its score"),
        (2, "that is the exact derivative, 2 mu; this one draw gives something else"),
    ],
    hints=["the draw is z = 1 + 2 * 1.5", "its cost is 16, and its score (4 - 1)/4"],
    because="z = 4, its cost 16, its score 3/4. The exact derivative is 2: one draw says little.",
)

_eps = sympy.Symbol("epsilon", real=True)
_mu, _sigma = sympy.Symbol("mu", real=True), sympy.Symbol("sigma", positive=True)
_half = sympy.Rational(1, 2)
score = Exercise(
    name="7.2",
    solution=_half * (_eps**2 - 1),
    equal=same_expression,
    mistakes=[
        (_eps**2 - 1, "the half is missing: sigma = exp(ell/2)"),
        (_half * _eps**2, "the -1 is missing: the factor 1/sigma before the exponential depends on ell too"),
        (-_half, "you put the draw in before differentiating, so it moved along: "
                 "differentiate with z fixed, then put z = mu + sigma * epsilon"),
        (_half * (1 - _eps**2), "turn the sign: a draw far out is likelier when q is wider"),
        ((_eps**2 - 1) / _sigma, "that is the score by sigma; by ell it is sigma/2 times that"),
        (_half * _sigma * _eps, "that is how the draw moves; the score is how log q(z) changes while z stays"),
        (_eps / _sigma, "that is the score by mu"),
        (_half * (_eps - 1), "the distance from mu stands squared in the exponent"),
    ],
    hints=["log q(z) = -ell/2 - (z - mu)^2 exp(-ell)/2 + constant; differentiate by ell, z fixed",
           "-1/2 + (z - mu)^2 exp(-ell)/2, and (z - mu)^2 = sigma^2 epsilon^2"],
    because="its average is 0, as a score's must be, since E[epsilon^2] = 1; and there is no sigma left in it.",
    shown="(epsilon**2 - 1) / 2",
)

_arrays = (tuple(np.random.default_rng(seed).normal(size=(3, 5))) for seed in (0, 1))
path = Exercise(
    name="7.3",
    solution=lambda mu, log_var, eps: np.cos(mu + np.exp(log_var / 2) * eps) * np.exp(log_var / 2) * eps / 2,
    equal=same_function(*_arrays),
    mistakes=[
        (lambda m, t, e: np.cos(m + np.exp(t / 2) * e) * np.exp(t / 2) * e, "the half: sigma = exp(log_var/2)"),
        (lambda m, t, e: np.cos(m + np.exp(t) * e) * np.exp(t) * e, "log_var is log sigma^2: sigma = exp(log_var/2)"),
        (lambda m, t, e: np.cos(m + np.exp(t / 2) * e) * np.exp(t / 2) / 2, "the chain rule's factor has an eps in it"),
        (lambda m, t, e: np.cos(m + np.exp(t / 2) * e) * e, "that is by sigma; by log_var it is sigma/2 times as much"),
        (lambda m, t, e: np.cos(m + np.exp(t / 2) * e), "that is the gradient by mu"),
        (lambda m, t, e: np.cos(m) * np.exp(t / 2) * e / 2, "the slope belongs at the draw, not at mu"),
        (lambda m, t, e: np.sin(m + np.exp(t / 2) * e) * np.exp(t / 2) * e / 2, "pathwise uses the derivative of sin"),
        (lambda m, t, e: np.sin(m + np.exp(t / 2) * e) * (e**2 - 1) / 2, "that is the score-function gradient"),
    ],
    hints=["f'(z) times what the draw does when log_var changes", "cos(z) times sigma * eps / 2"],
    because="slope of the cost at the draw, times the draw's own move.",
    shown="lambda mu, log_var, eps: np.cos(mu + np.exp(log_var / 2) * eps) * np.exp(log_var / 2) * eps / 2",
)

variance = Exercise(
    name="7.4",
    solution=_mu**2 / _sigma**2 + 2,
    equal=same_expression,
    mistakes=[
        (_mu**2 / _sigma**2 + 3, "that is the mean of the square; the square of the mean, 1, is to be taken off"),
        (_mu**2 / _sigma**2, "E[epsilon^4] is 3, not 1"),
        (_mu**2 + 2 * _sigma**2, "the score is epsilon/sigma: the 1/sigma is missing"),
        (sympy.Integer(2), "that is with the best baseline, b = mu"),
        (sympy.Integer(0), "that is pathwise: f' = 1 for every draw"),
        (_sigma**2, "that is the variance of f(z), not of f(z) times the score"),
        (sympy.Integer(1), "that is the gradient's mean"),
        (_mu**2 / _sigma + 2, "the score is squared: sigma^2 below the fraction bar"),
    ],
    hints=["one draw's gradient is (mu + sigma * epsilon) * epsilon / sigma",
           "(mu/sigma) * epsilon + epsilon^2: the variances of the two parts are mu^2/sigma^2 and 2"],
    because="for the simplest cost of all the score function is noisy, and pathwise gives 1 for every draw.",
    shown="mu**2 / sigma**2 + 2",
)

_n, _cost = normal(z, _mu, _sigma**2, name="q(z)"), log(p(x | z))
_squared = (z - _mu) ** 2
line = Exercise(
    name="7.5",
    solution=E(_n, _cost * (_squared / _sigma**3 - 1 / _sigma)),
    equal=same_line,
    mistakes=[
        (E(_n, _cost * _squared / _sigma**3), "the factor 1/sigma before the exponential depends on sigma too"),
        (E(_n, _cost * (z - _mu) / _sigma**2), "that is the derivative by mu"),
        (-E(_n, _cost * (_squared / _sigma**3 - 1 / _sigma)), "turn the sign: it is log p(x|z), not the distortion"),
        (E(_n, _cost * (_squared / _sigma**2 - 1)), "that is sigma times too much: divide the score by sigma"),
        (E(_n, _squared / _sigma**3 - 1 / _sigma), "that is the score's average, which is 0; log p(x|z) is missing"),
        (E(_n, _cost), "that is the average itself, before it is differentiated"),
    ],
    hints=["the average of log p(x|z) times the score by sigma", "the score by sigma: (z - mu)^2/sigma^3 - 1/sigma"],
    because="nothing was asked of the decoder, neither a derivative nor a formula.",
    shown="E(normal(z, mu, sigma**2), log(p(x | z)) * ((z - mu)**2 / sigma**3 - 1 / sigma))",
)
