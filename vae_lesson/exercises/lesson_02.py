"""The exercises of notebook 02, on Jensen's inequality, the weights and the K-sample bound."""

import numpy as np
import sympy

from vae_lesson.estimators import log_mean_exp
from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_line, same_number
from vae_lesson.symbolic import E, log, p, q, x, z

delta = sympy.Symbol("delta", real=True)


def bound_from(log_w):
    """The K-sample bound from log weights (repetitions, K), without overflow."""
    return log_mean_exp(np.asarray(log_w).T).mean()


def _naive(log_w):
    with np.errstate(divide="ignore"):  # exp(-1000) is 0 in floating point: that is the mistake
        return np.log(np.exp(log_w).mean(1)).mean()


def _one_maximum(log_w):
    top = np.max(log_w)
    with np.errstate(divide="ignore"):  # a row far below the others underflows: that is the mistake
        return np.log(np.exp(log_w - top).mean(1)).mean() + top


jensen = Exercise(
    name="2.1",
    solution=np.log(5) - np.log(3),
    equal=same_number(5e-4),
    mistakes=(
        (np.log(5), "that is the log of the mean; the mean of the logs is still to be taken from it"),
        (np.log(3), "that is the mean of the logs; what is the log of the mean, and how far above does it lie?"),
        (np.log(3) - np.log(5), "the right size, with the sign turned: the gap is the higher minus the lower"),
        (np.log10(5 / 3), "that is the gap in base 10; here log is the natural logarithm, and the unit the nat"),
        (2, "that is the arithmetic mean, 5, minus the geometric mean, 3; take the logarithm of each first"),
        (np.log(10 / 9), "you have added where the mean was wanted: divide by 2, in both"),
    ),
    hints=(
        "two numbers are to be compared: the logarithm of (1 + 9)/2, and (log 1 + log 9)/2",
        "log 5 = 1.6094, and (log 1 + log 9)/2 = log 3 = 1.0986",
    ),
    because="log 5 - log 3 = log(5/3) = 0.5108 nats. The two means inside are the arithmetic and the geometric one.",
    shown="np.log(5) - (np.log(1) + np.log(9)) / 2",
)

prior_as_q = Exercise(
    name="2.2",
    solution=E(p(z), log(p(x | z))),
    equal=same_line,
    mistakes=(
        (log(E(p(z), p(x | z))), "that is log p(x) itself: the ELBO has the logarithm inside the expectation"),
        (E(p(z), p(x | z)), "that is p(x): the weights are right, their logarithm is missing"),
        (E(p(z), log(p(x, z))), "the weight is p(x, z) / q(z|x), and with q(z|x) = p(z) one factor cancels"),
        (E(q(z | x), log(p(x | z))), "right function; but q is now p(z), so the average runs over p(z)"),
        (E(p(z | x), log(p(x | z))), "right weights, wrong measure: here z is drawn from q, and q is p(z)"),
        (E(p(z), log(p(x | z) / p(z))), "p(z) stands in the numerator of the weight too, so it cancels"),
    ),
    hints=(
        "write p(x|z) p(z) / q(z|x) with p(z) in place of q(z|x), simplify, take its log, average it under p(z)",
        "it has the form E(p(z), log(...))",
    ),
    because="The weight is p(x|z) p(z) / p(z) = p(x|z). Naive Monte Carlo averages it, this ELBO its logarithm.",
    shown="E(p(z), log(p(x | z)))",
)

spread = Exercise(
    name="2.3",
    solution=sympy.exp(delta**2) - 1,
    equal=same_expression,
    mistakes=(
        (delta**2, "that is the variance of log w; wanted is that of the weight, the exponential of log w"),
        (delta**2 / 2, "that is the gap, half the variance of log w; here the variance of w / p(x) is wanted"),
        (sympy.exp(delta**2), "that is the mean of the square; the square of the mean is still to be taken off"),
        (sympy.exp(delta**2 / 2) - 1, "the mean of exp(2 log v) has 2 squared times the variance of log v in it"),
        (sympy.exp(2 * delta**2) - 1, "don't forget the mean of log v, -delta^2/2: twice that is -delta^2"),
    ),
    hints=(
        "v = w/p(x) has a Gaussian logarithm, with variance delta^2 and mean -delta^2/2; E[v] = 1",
        "for a Gaussian g with mean a and variance b, E[exp(2 g)] = exp(2 a + 2 b); take E[v]^2 = 1 from E[v^2]",
    ),
    because="E[v^2] = exp(-delta^2 + 2 delta^2). The gap grows like delta^2/2, this variance exponentially in delta^2.",
    shown="sympy.exp(delta**2) - 1",
)

k_bound = Exercise(
    name="2.4",
    solution=bound_from,
    equal=same_function(
        (np.log([[1.0, 3.0]]),),
        (np.array([[-3.0, -1.0, -2.0, -7.0], [0.5, -4.0, 1.0, 0.0], [-2.0, -2.5, -9.0, -1.0]]),),
        (np.array([[-1000.0, -1001.0], [-1002.0, -1000.5]]),),
        (np.array([[0.5, -1.0], [-1000.0, -1001.0]]),),
    ),
    mistakes=(
        (lambda log_w: np.mean(log_w), "you average logs only: that is L_1, the ELBO, however many samples a row has"),
        (lambda log_w: log_mean_exp(np.ravel(log_w)), "one logarithm over all rows: that estimates log p(x) with "
         "repetitions x K samples; the K-sample bound is the mean of the rows' logarithms"),
        (_naive, "right for weights of ordinary size, but exp(-1000) is 0 in floating point: take each row's largest "
         "log weight out before exp and add it after log, or use np.logaddexp.reduce"),
        (_one_maximum, "one maximum for all rows: a row that is far below it still underflows; take each row's own"),
        (lambda log_w: log_mean_exp(np.asarray(log_w).T), "return one number: average over the rows"),
        (lambda log_w: np.logaddexp.reduce(log_w, axis=1).mean(), "that is the log of a row's sum; of its mean "
         "it is log K less"),
        (lambda log_w: log_mean_exp(log_w).mean(), "the mean inside the log goes along axis 1, the K weights of a row"),
    ),
    hints=(
        "for each row: the log of the mean of exp(log_w); then the mean over rows. One number comes out",
        "a row's logarithm is np.logaddexp.reduce(row) - np.log(K)",
    ),
    because="The log of a mean inside, the mean of logs outside. With K = 1 it is the ELBO's estimate, with one row it "
    "is importance sampling's estimate of log p(x).",
    shown="lambda log_w: (np.logaddexp.reduce(log_w, axis=1) - np.log(log_w.shape[1])).mean()",
)
