"""Derivations that are checked line by line: densities and expectations as sympy objects, rules, and two judges.

    d = Derivation(log(p(x)))
    d.eq(log(integral(p(x | z) * p(z), z)), "marginalisation")
    check(log(p(x)), ">=", ELBO(q(z | x), p(x, z)))

Needs sympy and numpy only. Taught in notebooks 02 to 05.
"""

from .arithmetic import exp, half, lift, log
from .densities import Family, normal, p, q, x, z
from .derivation import Derivation
from .expressions import ELBO, KL, E, H, K, integral, k, mean
from .printing import tex, text
from .rules import RULES
from .verdict import Verdict, check, same

REASONS = tuple(rule.name for rule in RULES)

__all__ = ["ELBO", "KL", "REASONS", "Derivation", "E", "Family", "H", "K", "Verdict", "check", "exp", "half",
           "integral", "k", "lift", "log", "mean", "normal", "p", "q", "same", "tex", "text", "x", "z"]
