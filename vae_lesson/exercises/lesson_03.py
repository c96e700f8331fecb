"""The exercises of notebook 03, on Bayes' rule, the gap, and the terms that theta and phi move."""

from typing import Any

import numpy as np
import sympy

from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_line, same_number
from vae_lesson.symbolic import ELBO, KL, E, integral, log, p, q, x, z

mu, m = sympy.symbols("mu m", real=True)
s = sympy.Symbol("s", positive=True)


def table_kl(a, b):
    """KL(a, b) of two tables over the same states, in nats; infinite where a has mass and b has none."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    held = a > 0
    if (b[held] == 0).any():
        return np.inf
    return (a[held] * np.log(a[held] / b[held])).sum()


def _both_positive(a, b):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    both = (a > 0) & (b > 0)
    return (a[both] * np.log(a[both] / b[both])).sum()


def _same_at_one_z(answer: Any, other: Any) -> bool:
    """As `same_line`, for expressions without p(x), p(x, z) and averages over z."""
    parts = getattr(answer, "atoms", lambda *_: set())(type(p(x)), type(E(p(z), z)), type(integral(p(z), z)))
    if p(x) in parts:
        raise ValueError("log p(x) is what we want to write: use p(x|z), p(z) and p(z|x)")
    if p(x, z) in parts:
        raise ValueError("write p(x, z) as p(x|z) p(z): wanted are p(x|z), p(z) and p(z|x)")
    if any(not isinstance(part, type(p(x))) for part in parts):
        raise ValueError("at any one z nothing is averaged: use p(x|z), p(z) and p(z|x) at that z")
    return same_line(answer, other)


def _same_divergence(answer: Any, other: Any) -> bool:
    """As `same_line`, for expressions without p(x) and the ELBO."""
    parts = getattr(answer, "atoms", lambda *_: set())(type(p(x)), type(ELBO(q(z | x), p(x, z))))
    if p(x) in parts or any(isinstance(part, type(ELBO(q(z | x), p(x, z)))) for part in parts):
        raise ValueError("that is the gap itself; which divergence is it?")
    return same_line(answer, other)


bayes = Exercise(
    name="3.1",
    solution=log(p(x | z)) + log(p(z)) - log(p(z | x)),
    equal=_same_at_one_z,
    mistakes=(
        (log(p(x | z)) + log(p(z)) + log(p(z | x)), "the posterior divides: its logarithm is subtracted"),
        (log(p(x | z)) - log(p(z | x)), "without the prior: p(x|z) alone is not the joint density p(x, z)"),
        (log(p(x | z)) + log(p(z)), "that is log p(x, z), which changes with z; one more term makes it constant in z"),
        (log(p(x | z)) + log(p(z)) - log(q(z | x)), "that is the log weight of lesson 2, not constant in z"),
        (log(p(z | x)) - log(p(x | z)) - log(p(z)), "that is -log p(x)"),
    ),
    hints=(
        "p(z|x) = p(x|z) p(z) / p(x): solve it for p(x), then take the logarithm",
        "p(x) = p(x|z) p(z) / p(z|x)",
    ),
    because="Each of the three terms changes with z, and their sum does not. That is what derivation 2 lives on.",
    shown="log(p(x | z)) + log(p(z)) - log(p(z | x))",
)

gap = Exercise(
    name="3.2",
    solution=0.25,
    equal=same_number(1e-6),
    mistakes=(
        (0.35, "that was the gap before the step"),
        (0.45, "the gap has grown in your answer; phi can't move log p(x), so what the ELBO gains, the gap loses"),
        (-0.25, "a KL divergence is not negative: take the ELBO from log p(x), not the other way round"),
        (0.1, "that is by how much the gap has shrunk; how large is it now?"),
    ),
    hints=(
        "log p(x) = ELBO + KL(q, posterior), before the step and after it",
        "log p(x) is the same after a step in phi: -1.58 = (-1.93 + 0.10) + KL",
    ),
    because="-1.58 - (-1.83) = 0.25 nats: in phi, what the ELBO gains is exactly what the gap loses.",
    shown="-1.58 - (-1.93 + 0.10)",
)

gradient = Exercise(
    name="3.3",
    solution=-(mu - m) / s**2,
    equal=same_expression,
    mistakes=(
        ((mu - m) / s**2, "that is the derivative of the gap; log p(x) stays, so the ELBO's has the other sign"),
        (-(mu - m) * s**2, "a narrow posterior pulls harder, not more softly: its variance divides"),
        (-(mu - m) / s, "the distance stands squared in the gap, over the variance s^2, not over s"),
        (-(mu - m) / (2 * s**2), "the 2 of the square cancels the 1/2"),
        (-2 * (mu - m) / s**2, "the gap has a factor 1/2 in front of the square"),
        (-((mu - m) ** 2) / (2 * s**2), "that is the term of the ELBO itself; it is still to be differentiated"),
        ((mu - m) ** 2 / (2 * s**2), "that is the term of the gap: the ELBO has it with a minus, and it is still to be "
         "differentiated"),
    ),
    hints=(
        "ELBO = log p(x) - KL(q, posterior), and of the KL only (mu - m)^2 / (2 s^2) holds mu",
        "differentiate -(mu - m)^2 / (2 s^2) by mu",
    ),
    because="It pulls mu towards m, the harder the narrower the posterior, and vanishes only at mu = m.",
    shown="-(mu - m) / s**2",
)

direction = Exercise(
    name="3.4",
    solution=KL(q(z | x), p(z | x)),
    equal=_same_divergence,
    mistakes=(
        (KL(p(z | x), q(z | x)), "the arguments are swapped: derivation 2 averages under q, so q comes first"),
        (KL(q(z | x), p(z)), "that is the rate, from q to the prior; the gap goes to the posterior"),
        (E(q(z | x), log(p(z | x) / q(z | x))), "that is -KL, the ELBO minus log p(x): turn the sign, or the quotient"),
        (E(q(z | x), log(q(z | x) / p(x, z))), "that is -ELBO: p(x, z) is not normalised over z, the posterior is"),
    ),
    hints=(
        "the gap is log p(x) minus the ELBO: look at the last line of derivation 2",
        "it is a KL divergence that starts with q(z|x)",
    ),
    because="The measure of the average is always the first argument, and we can only draw from q.",
    shown="KL(q(z | x), p(z | x))",
)

tables = Exercise(
    name="3.5",
    solution=table_kl,
    equal=same_function(
        (np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])),
        (np.array([0.75, 0.25, 0.0]), np.array([0.25, 0.25, 0.5])),
        (np.array([0.25, 0.25, 0.5]), np.array([0.75, 0.25, 0.0])),
        (np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.0])),
    ),
    mistakes=(
        (_both_positive, "you leave out states with a > 0 and b = 0: there the divergence is infinite"),
        (lambda a, b: table_kl(b, a), "the arguments are swapped: a is averaged under"),
        (lambda a, b: -table_kl(a, b), "the sign is turned: the log is of a/b"),
        (lambda a, b: table_kl(a, b) / np.log(2), "that is in bits; the unit here is the nat, by the natural log"),
    ),
    hints=(
        "a state with a = 0 adds nothing, whatever b is; a state with a > 0 and b = 0 makes the whole infinite",
        "keep held = a > 0; return np.inf if any b[held] is 0, else the sum of a log(a/b) over the states held",
    ),
    because="0 log 0 counts as 0, and log of something over 0 as infinity: the divergence forgives q for leaving a "
    "state out and never for putting mass where the posterior has none.",
    shown="lambda a, b: np.inf if (b[a > 0] == 0).any() else (a[a > 0] * np.log(a[a > 0] / b[a > 0])).sum()",
)
