"""The nodes that bind variables, and their makers: integrals, expectations, KL, entropy, ELBO, means of samples.

Used by notebooks 02 to 05.
"""

from sympy import Symbol, sympify
from sympy.printing.precedence import PRECEDENCE

from .arithmetic import Node, bracketed
from .densities import Distribution, Variable, variables_of


class Binder(Node):
    """A node that binds variables: they are not free outside."""

    @property
    def bound(self):
        """The variables that the node binds."""
        return self.args[0].variables

    @property
    def free_symbols(self):
        return set().union(*(a.free_symbols for a in self.args)) - set(self.bound)


class Integral(Binder):
    """The integral of args[0] over the variable args[1]."""

    open_ended = bare_in_log = True
    precedence = PRECEDENCE["Mul"]
    bound = property(lambda self: (self.args[1],))

    def _latex(self, printer):
        return rf"\int {bracketed(printer, self.args[0], 'Mul')} \, d{printer._print(self.args[1])}"

    def _sympystr(self, printer):
        return f"∫ {bracketed(printer, self.args[0], 'Mul')} d{printer._print(self.args[1])}"


class Expectation(Binder):
    """The expectation of args[1] under the distribution args[0]."""

    bare_in_log = True

    def _latex(self, printer):
        return rf"\mathbb{{E}}_{{{printer._print(self.args[0])}}}\left[{printer._print(self.args[1])}\right]"

    def _sympystr(self, printer):
        return f"E_{printer._print(self.args[0])}[{printer._print(self.args[1])}]"


class KullbackLeibler(Binder):
    """The Kullback-Leibler divergence of args[0] from args[1]."""

    def _latex(self, printer):
        a, b = map(printer._print, self.args)
        return rf"D_{{\mathrm{{KL}}}}\left({a} \,\|\, {b}\right)"

    def _sympystr(self, printer):
        a, b = map(printer._print, self.args)
        return f"KL({a} ‖ {b})"


class Entropy(Binder):
    """The (differential) entropy of args[0], in nats."""

    def _latex(self, printer):
        return rf"\mathbb{{H}}\left[{printer._print(self.args[0])}\right]"

    def _sympystr(self, printer):
        return f"H[{printer._print(self.args[0])}]"


class EvidenceBound(Binder):
    """The evidence lower bound of the approximate posterior args[0] and the joint density args[1]."""

    def _latex(self, printer):
        return r"\mathrm{ELBO}"

    def _sympystr(self, printer):
        return "ELBO"


class SampleMean(Binder):
    """The mean over K samples: args[0] holds the sample args[1], as in z[k]."""

    open_ended = True
    precedence = PRECEDENCE["Mul"]
    bound = property(lambda self: (self.args[1],))

    @property
    def free_symbols(self):
        return super().free_symbols | {Variable(f"{self.args[1].space}_1:K")}

    def _latex(self, printer):
        body = bracketed(printer, self.args[0], "Mul")
        return rf"\frac{{1}}{{K}} \sum_{{k=1}}^{{K}} {body}"

    def _sympystr(self, printer):
        return f"1/K Σ_k {bracketed(printer, self.args[0], 'Mul')}"


def _distribution(value, name):
    if not isinstance(value, Distribution):
        raise ValueError(f"{name} must be a density such as q(z | x) or normal(z, mu, sigma**2), and {value} is none")
    return value


def integral(body, variable):
    """The integral of an expression over one variable.

    Args:
        body: the integrand.
        variable: x, z or a sample such as z[1].

    Returns:
        The integral, unevaluated.
    """
    return Integral(sympify(body), variables_of((variable,))[0])


def E(density, body):
    """The expectation of an expression under a density; it binds the density's variables.

    Args:
        density: the density to average under, such as q(z | x), p(x), p(x, z) or q(z[1:K] | x).
        body: what is averaged.

    Returns:
        The expectation, unevaluated.
    """
    return Expectation(_distribution(density, "the first argument of E"), sympify(body))


def KL(first, second):
    """The Kullback-Leibler divergence D_KL(first ‖ second), in nats.

    Args:
        first: the density that is averaged under.
        second: a density over the same variable.

    Returns:
        The divergence, unevaluated.
    """
    first, second = _distribution(first, "the first argument of KL"), _distribution(second, "the second argument of KL")
    if first.variables != second.variables:
        raise ValueError(f"KL compares densities over one variable, and {first} and {second} are over different ones")
    return KullbackLeibler(first, second)


def H(density):
    """The entropy of a density, -E[log density], in nats."""
    return Entropy(_distribution(density, "the argument of H"))


def ELBO(approximate, joint):
    """The evidence lower bound E_q[log p(x, z) / q(z | x)], in nats.

    Args:
        approximate: q(z | x), or a normal density over z.
        joint: p(x, z).

    Returns:
        The bound, unevaluated.
    """
    approximate = _distribution(approximate, "the first argument of ELBO")
    joint = _distribution(joint, "the second argument of ELBO")
    if len(joint.variables) != 2 or len(approximate.variables) != 1 or approximate.variables[0] not in joint.variables:
        raise ValueError(f"ELBO wants a density over z and the joint p(x, z), and came {approximate} and {joint}")
    return EvidenceBound(approximate, joint)


def mean(body, sample):
    """The mean over K samples, 1/K times the sum over k of the body.

    Args:
        body: an expression in the sample.
        sample: z[k].

    Returns:
        The mean, unevaluated; an expectation over q(z[1:K] | x) gives it its samples.
    """
    if not str(sample).endswith("_k"):
        raise ValueError(f"the sample of a mean is z[k], and {sample} came")
    return SampleMean(sympify(body), sample)


k, K = Symbol("k", integer=True, positive=True), Symbol("K", integer=True, positive=True)
