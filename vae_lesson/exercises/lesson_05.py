"""The exercises of lesson 05: the KL divergence of Gaussians."""

from math import log

import numpy as np
import sympy

from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_number

by_hand = Exercise(
    name="5.1",
    solution=1.625 + log(2),
    equal=same_number(1e-3),
    mistakes=[
        (-(1.625 + log(2)), "turn the sign: a divergence is not negative"),
        (0.5 * (4 + 1 / 16 - 1 - log(1 / 16)), "1/4 is the variance already; you have squared it"),
        (0.5 * (4 + 1 / 2 - 1 - log(1 / 2)), "1/4 is the variance; you have put in the standard deviation, 1/2"),
        (2 * (1.625 + log(2)), "the factor 1/2 is missing"),
        (0.5 * (4 + 1 / 4 - log(1 / 4)), "the -1 is missing: the prior itself must cost nothing"),
        (0.5 * (4 + 1 / 4 - 1 + log(1 / 4)), "the sign of the logarithm: narrow is dear, and log(1/4) is negative"),
        (0.5 * (2 + 1 / 4 - 1 - log(1 / 4)), "the mean is to be squared"),
        (0.5 * (16 + 4 - 1 + log(1 / 4)), "that is the other direction, KL(N(0, 1), q)"),
    ],
    hints=["put mu = 2 and sigma^2 = 1/4 into (mu^2 + sigma^2 - 1 - log sigma^2)/2", "(4 + 1/4 - 1 - log(1/4))/2"],
    because="(4 + 1/4 - 1 + 2 log 2)/2 = 1.625 + log 2 = 2.3181.",
    shown="0.5 * (4 + 1 / 4 - 1 - np.log(1 / 4))",
)

rate = Exercise(
    name="5.2",
    solution=lambda mu, log_var: 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(-1),
    equal=same_function(*(tuple(np.random.default_rng(seed).normal(size=(2, 4, 3))) for seed in (0, 1))),
    mistakes=[
        (lambda m, t: 0.5 * (m**2 + np.exp(t) - 1 - t).mean(-1), "a mean over the latents: independent latents add up"),
        (lambda m, t: (m**2 + np.exp(t) - 1 - t).sum(-1), "the factor 1/2 is missing"),
        (lambda m, t: -0.5 * (m**2 + np.exp(t) - 1 - t).sum(-1), "turn the sign: this is minus the rate"),
        (lambda m, t: 0.5 * (m**2 + np.exp(2 * t) - 1 - 2 * t).sum(-1), "log_var is log sigma^2, not log sigma"),
        (lambda m, t: 0.5 * (m**2 + np.exp(t / 2) - 1 - t).sum(-1), "sigma for sigma^2: exp(log_var) is sigma^2"),
        (lambda m, t: 0.5 * (m**2 + t**2 - 1 - np.log(t**2)).sum(-1), "log_var is log sigma^2, not sigma"),
        (lambda m, t: 0.5 * (m**2 + np.exp(t) - t).sum(-1), "the -1 is missing, one for each latent"),
        (lambda m, t: 0.5 * (m**2 + np.exp(t) - t).sum(-1) - 0.5, "the -1 belongs to each latent: inside the sum"),
        (lambda m, t: 0.5 * (m**2 + np.exp(t) - 1 + t).sum(-1), "the sign of log_var"),
        (lambda m, t: 0.5 * (m + np.exp(t) - 1 - t).sum(-1), "the mean is to be squared"),
    ],
    hints=["sigma^2 is np.exp(log_var)", "0.5 * (mu**2 + np.exp(log_var) - 1 - log_var), summed over the last axis"],
    because="a sum over latents, and no mean: this is `gaussian_kl` of the package.",
    shown="lambda mu, log_var: 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(-1)",
)

_mu_1, _mu_2 = sympy.symbols("mu_1 mu_2", real=True)
_sigma = sympy.Symbol("sigma", positive=True)
_gap = _mu_1 - _mu_2
same_width = Exercise(
    name="5.3",
    solution=_gap**2 / (2 * _sigma**2),
    equal=same_expression,
    mistakes=[
        (_gap**2 / _sigma**2, "the factor 1/2 is missing"),
        (_gap**2 / (2 * _sigma), "the variance, sigma^2, stands below the fraction bar"),
        (_gap**2 / (4 * _sigma**2), "below the fraction bar stand a 2 and one variance, the second Gaussian's"),
        (-(_gap**2) / (2 * _sigma**2), "turn the sign: a divergence is not negative"),
        (_gap / (2 * _sigma**2), "the difference of the means is to be squared"),
        ((_mu_1**2 - _mu_2**2) / (2 * _sigma**2), "the square of the difference, not the difference of the squares"),
        (_gap**2 / (2 * _sigma**2) + sympy.Rational(1, 2), "sigma^2/(2 sigma^2) and -1/2 cancel"),
        (_gap**2 / (2 * _sigma**2) - sympy.Rational(1, 2), "sigma^2/(2 sigma^2) and -1/2 cancel"),
    ],
    hints=[
        "put sigma_1 = sigma_2 = sigma into the formula for two Gaussians",
        "the logarithm is 0, and so is sigma^2/(2 sigma^2) - 1/2",
    ],
    because="half the squared distance of the means, counted in standard deviations; here both directions agree.",
    shown="(mu_1 - mu_2)**2 / (2 * sigma**2)",
)

forward_variance = Exercise(
    name="5.4",
    solution=5,
    equal=same_number(1e-6),
    mistakes=[
        (1, "that is the variance within one hump; the distance between the humps counts too"),
        (4, "that is the variance of the two means; each hump has a width of its own too"),
        (5**0.5, "that is the standard deviation"),
        (17, "the distance of each hump from the mean is 2, not 4"),
        (3, "the means' distance from 0 is to be squared: 2^2"),
        (0.5, "variances of humps don't add with squared shares: average z^2 over the mixture"),
        (2, "the variance is the average of z^2 less the square of the mean; what is z^2 on average in one hump?"),
    ],
    hints=["forward KL matches moments: what is the target's variance?", "in each hump E[z^2] = 4 + 1; the mean is 0"],
    because="E[z^2] = 4 + 1 in each hump, and the mean is 0.",
)

_delta = sympy.Symbol("delta", positive=True)
reconstruction = Exercise(
    name="5.5",
    solution=-(_delta**2) / 2,
    equal=same_expression,
    mistakes=[
        (_delta, "two slips: a larger miss must lower what is maximized, and the miss is to be squared"),
        (_delta**2 / 2, "the sign: a larger miss must lower what is maximized"),
        (_delta**2, "the sign, and the 1/2 of the Gaussian's exponent"),
        (-_delta, "the Gaussian's exponent holds the square of the miss"),
        (-_delta / 2, "the Gaussian's exponent holds the square of the miss"),
        (-(_delta**2), "the 1/2 of the Gaussian's exponent is missing; without it the rate counts for half"),
        (-(_delta**2) / 2 - sympy.log(2 * sympy.pi) / 2, "right, and with its constant; here it was to be left out"),
    ],
    hints=["the logarithm of N(x; g(z), 1) without its constant", "log exp(-delta^2/2)"],
    because="then the objective is -delta^2/2 plus a constant, less the rate: the ELBO for one draw of z.",
    shown="-delta**2 / 2",
)
