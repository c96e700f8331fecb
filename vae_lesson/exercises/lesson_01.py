"""The exercises of notebook 01, on the evidence as an integral, log weights, and how many draws it takes."""

from typing import Any

import numpy as np
import sympy

from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_line, same_number
from vae_lesson.symbolic import E, integral, p, x, z

rel, parts = sympy.symbols("rel parts", positive=True)


def effective_sample_size(log_w):
    """(sum w)^2 / sum w^2 from log weights (n,), without overflow."""
    w = np.exp(log_w - np.max(log_w))
    return w.sum() ** 2 / (w**2).sum()


def _without_shift(log_w):
    with np.errstate(all="ignore"):  # exp(-1000) is 0 and exp(1000) infinite: that is the mistake
        w = np.exp(log_w)
        return w.sum() ** 2 / (w**2).sum()


def _shifted(log_w):
    return np.exp(log_w - np.max(log_w))


def _same_density(answer: Any, other: Any) -> bool:
    """As `same_line`, for an answer in which nothing is left to integrate."""
    averages = getattr(answer, "atoms", lambda *_: set())(type(integral(p(z), z)), type(E(p(z), z)))
    if averages:
        raise ValueError("that may be, but nothing need be left to integrate: which single density is it?")
    return same_line(answer, other)


def _same_log(answer: Any, other: Any) -> bool:
    """As `same_number`, to half a hundredth; minus infinity, which underflow gives, equals itself."""
    equal = same_number(5e-3)(answer, other)
    return equal or float(answer) == float(other)


def _same_size_of_sample(answer: Any, other: Any) -> bool:
    """As `same_function`, on log weights; NaN, which underflow and overflow give, equals itself."""

    def of_log_weights(function):
        return (lambda log_w: np.nan_to_num(function(log_w), nan=-1)) if callable(function) else function

    inputs = [0.0] * 4, np.log([1.0, 3.0, 2.0]), [-1000.0, -1001.0, -1003.0], [1000.0, 998.5, 1000.0, -500.0]
    judge = same_function(*((np.array(log_w),) for log_w in inputs))
    return judge(of_log_weights(answer), of_log_weights(other))


def _same_size(answer: Any, other: Any) -> bool:
    """As `same_number`, to one percent."""
    return same_number(0.01 * abs(other))(answer, other)


wrong_d = Exercise(
    name="1.1",
    solution=p(z),
    equal=_same_density,
    mistakes=(
        (p(x), "that is the integral over z; here the integral runs over x, so no x is left in the result"),
        (p(x | z), "the integral runs over x, so the result can't depend on x"),
        (p(z | x), "the result can't depend on x: x was integrated out"),
        (p(x, z), "that is the integrand; after the integral over x, what is left?"),
        (1, "the likelihood alone integrates to one over x; but p(z) stands beside it"),
        (p(x) * p(z), "p(x|z) is not p(x): x depends on z. And x is integrated out"),
    ),
    hints=(
        "p(z) does not depend on x: draw it out of the integral. What is the integral of p(x|z) over x?",
        "for every z, p(x|z) is a density over x, so its integral over x is 1",
    ),
    because="p(z) times the integral of p(x|z) over x, which is 1. What is integrated out does not come back.",
    shown="p(z)",
)

two_draws = Exercise(
    name="1.2",
    solution=-2000 + np.log(2 / 3),
    equal=_same_log,
    mistakes=(
        (-np.inf, "exp(-2000) is 0 in floating point: take -2000 out before exp, put it back after the log"),
        (-2000 - np.log(3) / 2, "that is the mean of the log weights; wanted is the log of the mean weight"),
        (-2000 + np.log(4 / 3), "that is the log of the sum: divide by the number of draws"),
        (-2000, "that is the largest log weight; the mean of two weights, 1 and 1/3 of the largest, is less"),
        (-2000 - np.log(2 / 3), "the mean weight is 2/3 of the largest, so its log is lower than -2000"),
        (-2000 + np.log10(2 / 3), "that is in base 10; here log is the natural logarithm"),
    ),
    hints=(
        "the weights are exp(-2000) times 1 and 1/3: what is their mean?",
        "the mean is exp(-2000) times 2/3; take the logarithm",
    ),
    because="The weights are 1 and 1/3 of the largest, with mean 2/3: -2000 + log(2/3) = -2000.41 nats.",
    shown="-2000 + np.log(2 / 3)",
)

product = Exercise(
    name="1.3",
    solution=(1 + rel) ** parts - 1,
    equal=same_expression,
    mistakes=(
        ((1 + rel) ** parts, "that is E[w^2] over E[w]^2 of the product; the relative variance is one less"),
        (parts * rel, "variances add for sums; here the weights are multiplied"),
        (rel**parts, "what multiplies is E[w^2] over E[w]^2, that is 1 + rel, not rel"),
        ((1 + rel) ** (1 / parts) - 1, "the other way round: a product of many weights scatters more than one"),
        (1 + parts * rel, "variances add for sums; the weights are multiplied, so second moments multiply"),
        (rel**parts - 1, "the factor is 1 + rel: E[w^2] over E[w]^2 of a single weight"),
    ),
    hints=(
        "for independent weights, E of a product is the product of the E: of the weights and of their squares",
        "E[w^2] / E[w]^2 of one weight is 1 + rel; of the product it is (1 + rel)^parts. Then take off 1",
    ),
    because="With rel = 2 that is 3^parts - 1: 59,048 for ten parts, 3.5 thousand million for twenty.",
    shown="(1 + rel)**parts - 1",
)

effective_size = Exercise(
    name="1.4",
    solution=effective_sample_size,
    equal=_same_size_of_sample,
    mistakes=(
        (_without_shift, "right for weights of ordinary size; but exp(-1000) is 0 and exp(1000) infinite in floating "
         "point: subtract the largest log weight first, it cancels in the quotient"),
        (lambda log_w: 1 / effective_sample_size(log_w), "upside down: it should be n when all weights are equal"),
        (lambda log_w: 1 / (_shifted(log_w) / _shifted(log_w).sum()).max(), "that is one over the largest share, "
         "a good warning sign too; wanted is (sum w)^2 / sum w^2"),
        (lambda log_w: np.log(effective_sample_size(log_w)), "that is its logarithm"),
        (lambda log_w: _shifted(log_w).sum() / (_shifted(log_w) ** 2).sum(), "the sum in the numerator is squared: "
         "else the result would change when all weights are doubled"),
        (lambda log_w: effective_sample_size(log_w) / len(log_w), "that is the share of draws that count; wanted is "
         "their number"),
        (lambda log_w: np.sum(log_w) ** 2 / np.sum(np.square(log_w)) if np.any(log_w) else np.nan,
         "these are sums of log weights: take the exponential first"),
    ),
    hints=(
        "weights w = exp(log_w - log_w.max()); then (sum w)^2 / sum w^2",
        "w.sum()**2 / (w**2).sum(): n for equal weights, 1 if one weight is everything",
    ),
    because="A factor common to all weights cancels, so the largest log weight may be subtracted at no cost.",
    shown="lambda log_w: np.exp(log_w - log_w.max()).sum()**2 / np.exp(2 * (log_w - log_w.max())).sum()",
)

ten_pixels = Exercise(
    name="1.5",
    solution=float(np.exp(5 * (0.6**2 + 0.1 - 1 - np.log(0.1)))),
    equal=_same_size,
    mistakes=(
        (10 * np.exp(0.8813), "the KL is ten times as large, and the number of draws is e to the power of that"),
        (np.exp(0.8813), "that is for a single pixel: for ten, the KL adds up first"),
        (8.813, "that is the KL of all ten, in nats; the number of draws is e to that power"),
        (0.8813, "that is the KL of a single pixel"),
        (2**8.813, "the KL is in nats, so the base is e, not 2"),
        (10**8.813, "the KL is in nats, so the base is e, not 10"),
        (np.exp(0.8813 * 5), "0.8813 has the half of the formula in it already: ten pixels, ten times that"),
    ),
    hints=("the KL of ten independent pixels is 8.813 nats", "e to the power of 8.813"),
    because="About 6,700, though one pixel tells only 0.88 nats about its latent. Each further one multiplies by 2.4.",
    shown="np.exp(10 * 0.8813)",
)
