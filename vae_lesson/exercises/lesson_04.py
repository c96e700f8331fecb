"""The exercises of lesson 04: from the KL to the posterior to the ELBO, rate and distortion."""

from typing import Any

import numpy as np

from vae_lesson.exercises.exercise import Exercise, same_function, same_line, same_number
from vae_lesson.symbolic import KL, E, H, integral, log, p, q, x, z


def _same_computable_line(answer: Any, other: Any) -> bool:
    """As `same_line`, for expressions without p(x) and p(z|x)."""
    shapes = getattr(answer, "atoms", lambda *_: set())(type(p(x)))
    if extra := sorted(str(d) for d in shapes if d in (p(x), p(z | x))):
        raise ValueError(f"{' and '.join(extra)} can't be computed: bring in p(x|z) and p(z), or p(x, z)")
    return same_line(answer, other)


_q = q(z | x)
_TURN = "that is the ELBO; the KL less log p(x) is its negative: turn the sign"
computable = Exercise(
    name="4.1",
    solution=KL(_q, p(z)) - E(_q, log(p(x | z))),
    equal=_same_computable_line,
    mistakes=[
        (E(_q, log(p(x | z))) - KL(_q, p(z)), _TURN),
        (KL(_q, p(z)) + E(_q, log(p(x | z))), "one sign: does p(x|z) stand above or below the fraction bar?"),
        (KL(p(z), _q) - E(_q, log(p(x | z))), "the densities in the KL are the wrong way round: we average under q"),
        (KL(_q, p(z)), "a term is missing: the joint is p(x|z) p(z), and only p(z) has been used"),
        (-E(_q, log(p(x | z))), "a term is missing: the joint is p(x|z) p(z), and only p(x|z) has been used"),
        (E(_q, log(p(x, z))) + H(_q), _TURN),
        (KL(_q, p(z)) - E(p(z), log(p(x | z))), "log p(x|z) is to be averaged under q, as all in KL(q, posterior) is"),
        (integral(_q * log(p(x | z) * p(z) / _q), z), _TURN),
    ],
    hints=[
        "start from E(q(z | x), log(q(z | x) / p(z | x))) and put in Bayes' rule for p(z|x)",
        "p(z|x) = p(x|z) p(z) / p(x), and log p(x) is to be left out: what is E_q[log(q / (p(x|z) p(z)))]?",
    ],
    because="it is minus the ELBO. Any of the computable forms of lesson 4 would do.",
    shown="KL(q(z | x), p(z)) - E(q(z | x), log(p(x | z)))",
)

gap = Exercise(
    name="4.2",
    solution=1.5,
    equal=same_number(1e-6),
    mistakes=[
        (-1.5, "turn the sign: a KL is not negative. log p(x) is above the ELBO, so subtract the ELBO from it"),
        (-10.5, "the ELBO is minus the sum of rate and distortion; you have subtracted the rate"),
        (10.5, "the ELBO is minus the sum of rate and distortion; you have subtracted the rate"),
        (6, "that is the rate, the KL to the prior; wanted is the KL to the posterior"),
        (-148.5, "that is the ELBO; how far is it below log p(x)?"),
        (148.5, "that is minus the ELBO; how far is the ELBO below log p(x)?"),
        (-4.5, "log p(x) minus the ELBO, and the ELBO takes rate and distortion, not the distortion alone"),
    ],
    hints=["log p(x) = ELBO + KL(q, posterior)", "the ELBO is -(6 + 142.5); subtract it from -147"],
    because="ELBO = -(6 + 142.5) = -148.5, and -147 - (-148.5) = 1.5 nats.",
)

estimate = Exercise(
    name="4.3",
    solution=lambda log_likelihood, log_prior, log_q: np.mean(log_likelihood + log_prior - log_q),
    equal=same_function(
        *(tuple(np.random.default_rng(seed).normal(-3, 1, (3, size))) for seed, size in enumerate((4, 7)))
    ),
    mistakes=[
        (lambda a, b, c: np.sum(a + b - c), "an expectation is estimated by the mean over the draws, not by their sum"),
        (lambda a, b, c: np.mean(a + b + c), "the sign of log q: it stands below the fraction bar of the weight"),
        (lambda a, b, c: np.mean(a - b + c), "the prior stands above the fraction bar and q below, not the other way"),
        (lambda a, b, c: np.mean(a - c), "the prior is missing"),
        (lambda a, b, c: np.mean(a + b), "that is E_q[log p(x, z)]; the entropy of q, the mean of -log q, is missing"),
        (lambda a, b, c: np.mean(c - a - b), "that estimates minus the ELBO: turn the sign"),
        (lambda a, b, c: np.log(np.mean(np.exp(a + b - c))), "the logarithm belongs inside the mean"),
        (lambda a, b, c: np.mean(np.exp(a + b - c)), "that estimates p(x): average the log weight"),
    ],
    hints=[
        "the ELBO is E_q[log(p(x|z) p(z) / q(z|x))]",
        "the mean of log_likelihood + log_prior - log_q over the draws",
    ],
    because="one draw is already right on average; more draws make it less noisy.",
    shown="lambda log_likelihood, log_prior, log_q: np.mean(log_likelihood + log_prior - log_q)",
)

charged_twice = Exercise(
    name="4.4",
    solution=2 / 11,
    equal=same_number(1e-4),
    mistakes=[
        (1 / 10, "that is the posterior's variance, the best for distortion + 1 x rate"),
        (1 / 19, "the factor 2 belongs to the rate; you have charged twice for the distortion"),
        (1 / 5, "not twice the posterior's: solve for the stationary point anew, with 2 x rate"),
        (11 / 2, "that is the precision; the variance is its inverse"),
        (6 / 11, "that is the mean of the best q; wanted is its variance"),
        ((2 / 11) ** 0.5, "that is the standard deviation"),
        (2 / 9, "the prior's own precision is missing: 1 + 9/2"),
        (1, "that is the prior's variance, the best for the rate alone"),
    ],
    hints=[
        "the sum's derivative in v is 4.5 + 2 x (1/2)(1 - 1/v); where is it zero?",
        "the curve of best q in the last figure has it: precision 1 + 9/beta, with beta = 2",
    ],
    because="4.5 + 1 - 1/v = 0 gives v = 2/11, wider than 1/10: where rate is dear, q says less.",
    shown="2 / 11",
)
