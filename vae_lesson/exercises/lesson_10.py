"""The exercises of lesson 10: the parts of the gap, importance sampling and its blind spot, active units."""

from math import log

import numpy as np
import sympy

from vae_lesson.estimators import log_mean_exp
from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_number

two_gaps = Exercise(
    name="10.1",
    solution=7.1,
    equal=same_number(1e-6),
    mistakes=[
        (7.5, "that is the whole gap; a part of it would remain even with the best Gaussian"),
        (0.4, "that is the approximation gap, which is left when q is the best Gaussian"),
        (-7.1, "the right size with the sign turned: the better q has the higher ELBO"),
        (6.7, "the approximation gap has been taken off twice"),
        (-127.1, "that is an ELBO less a gap; two ELBOs are to be compared"),
    ],
    hints=["it is what a better q of the same family wins", "the best Gaussian's ELBO minus the encoder's"],
    because="-120.4 + 127.5 = 7.1 nats of amortization gap; 0.4 nats of approximation gap remain, together 7.5.",
)


def _weights(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return shift + 3 * rng.normal(size=7), rng.normal(size=7) - 5


def _overflowing(log_joint, log_q):
    with np.errstate(divide="ignore"):  # exp(-1000) is 0 in floating point: that is the mistake
        return np.log(np.mean(np.exp(log_joint - log_q)))


importance = Exercise(
    name="10.2",
    solution=lambda log_joint, log_q: float(log_mean_exp(log_joint - log_q)),
    equal=same_function(_weights(0, 0.0), _weights(1, -1000.0)),
    mistakes=[
        (lambda j, q: np.logaddexp.reduce(j - q), "the log of the sum of the weights; of their mean it is log K less"),
        (lambda j, q: np.mean(j - q), "the mean of the log weights: that estimates the ELBO, however many draws"),
        (_overflowing, "right for weights of ordinary size, but exp(-1000) is 0 in floating point"),
        (lambda j, q: float(log_mean_exp(j)), "the draws came from q, so each weight is p(x, z) over q(z|x)"),
        (lambda j, q: float(log_mean_exp(j + q)), "q(z|x) stands in the denominator: its log is subtracted"),
        (lambda j, q: float(log_mean_exp(q - j)), "upside down: the weight is p(x, z) / q(z|x)"),
        (lambda j, q: float(log_mean_exp(j) - log_mean_exp(q)), "the mean of a quotient is not the quotient of means"),
        (lambda j, q: np.max(j - q), "the largest weight alone; the others count too, and so does K"),
    ],
    hints=[
        "the log weights are log_joint - log_q; wanted is the log of the mean of their exponentials",
        "np.logaddexp.reduce(log_weights) - np.log(len(log_weights))",
    ],
    because="log-sum-exp of the log weights, less log K: its exponential is unbiased for p(x).",
    shown="lambda log_joint, log_q: np.logaddexp.reduce(log_joint - log_q) - np.log(len(log_q))",
)

blind_spot = Exercise(
    name="10.3",
    solution=-log(0.8),
    equal=same_number(1e-3),
    mistakes=[
        (log(0.8), "the size is right; wanted is by how much the estimate lies below, a positive number"),
        (-log(0.2), "that is the part that was missed; the estimate is what was met"),
        (0.2, "that is the share of p(x) that is missed; how much is it in nats?"),
        (0.8, "that is the estimate as a share of p(x); take its log"),
        (0, "the weights are all equal, but not equal to p(x)"),
        (0.2 * log(5), "no average over the humps: all draws are in the large one, and have one weight"),
    ],
    hints=[
        "what is the weight p(x, z)/q(z|x) of a draw in the large hump, where q(z|x) = p(z|x)/0.8?",
        "p(x, z) = p(x) p(z|x), so each weight is 0.8 p(x)",
    ],
    because="each weight is 0.8 p(x), so the estimate is log p(x) + log 0.8, 0.2231 nats short, with an effective "
    "sample size of 5,000 of 5,000. More draws don't help.",
    shown="-np.log(0.8)",
)


def _means(seed: int) -> tuple[np.ndarray]:
    rng = np.random.default_rng(seed)
    spread = np.array([1.0, 0.5, 0.2, 0.15, 0.08, 0.05, 0.001, 0.11])
    return (rng.normal(size=(400, 8)) * spread + rng.normal(size=8),)


count_active = Exercise(
    name="10.4",
    solution=lambda mu: int((mu.var(0) > 0.01).sum()),
    equal=same_function(_means(0), _means(1)),
    mistakes=[
        (lambda mu: int((mu.std(0) > 0.01).sum()), "0.01 is a threshold on the variance, and this is the deviation"),
        (lambda mu: int(((mu**2).mean(0) > 0.01).sum()), "a mean that is far from 0 but the same for all images says "
         "nothing: take its variance"),
        (lambda mu: int((mu.var(1) > 0.01).sum()), "the variance is over images, axis 0; you went over latents"),
        (lambda mu: int((mu.var(0) > 0.1).sum()), "the threshold is 0.01, a standard deviation of 0.1"),
        (lambda mu: int((mu.var(0) < 0.01).sum()), "those are the dead ones"),
        (lambda mu: mu.var(0), "that is the activity of each; count those above 0.01"),
        (lambda mu: mu.var(0) > 0.01, "count them: sum over the latents"),
        (lambda mu: float((mu.var(0) > 0.01).mean()), "that is the share; wanted is the number"),
        (lambda mu: float(mu.var() > 0.01), "one variance for each latent: along axis 0"),
    ],
    hints=["the variance of each column of mu, over the images, against 0.01", "(mu.var(0) > 0.01).sum()"],
    because="0.01 of the prior's variance: such a unit's mean moves by a tenth of a prior standard deviation.",
    shown="lambda mu: (mu.var(0) > 0.01).sum()",
)

A = sympy.Symbol("A", positive=True)
price = Exercise(
    name="10.5",
    solution=-sympy.log(1 - A) / 2,
    equal=same_expression,
    mistakes=[
        (A / 2, "that is the part of the means; the variance 1 - A costs too"),
        (sympy.log(1 - A) / 2, "the sign: 1 - A is below 1 and its log negative, and the rate is not"),
        (-sympy.log(1 - A), "the 1/2 is missing"),
        (-sympy.log(A) / 2, "the variance of q is 1 - A"),
        ((A**2 - A - sympy.log(1 - A)) / 2, "A is the mean of mu^2 already: don't square it again"),
        ((1 - A - sympy.log(1 - A)) / 2, "the -1 of (mu^2 + sigma^2 - 1 - log sigma^2)/2 is missing"),
        ((-A - sympy.log(1 - A)) / 2, "that is the part of the variance; mu^2 is A on average"),
    ],
    hints=[
        "the mean of (mu^2 + sigma^2 - 1 - log sigma^2)/2, where mu^2 is A on average and sigma^2 is 1 - A",
        "(A + (1 - A) - 1 - log(1 - A))/2",
    ],
    because="at the threshold A = 0.01 it is 0.005 nats; the rate of a unit with A = 0.9 is 1.15.",
    shown="-sympy.log(1 - A) / 2",
)
