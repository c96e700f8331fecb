"""The first judge: a proof by normal form. Both sides are rewritten with what the reason allows, and compared.

The normal form lives in plain sympy with a few opaque atoms: densities, integrals, divergences. Bound variables are
named by their depth (z@1, z@2 ...), so that the same integral always looks the same and nothing is captured. An
expectation E_q[f] is an integral of f times an opaque measure; only 'definition of expectation' turns that into q.
This module knows nothing of `witness`, and `witness` nothing of this one. Taught in notebooks 02 to 05.
"""

from functools import lru_cache
from itertools import count

import sympy
from sympy import Add, Expr, Mul, Pow, S, Tuple
from sympy.core.symbol import Str

from . import arithmetic as ar
from . import densities as de
from . import expressions as ex
from .rules import DEF_ELBO, DEF_H, DEF_KL, EXPECT, JOINT, LOGS, MARGINAL, MOMENTS, PDF, PULL, SAMPLES, SPLIT, UNIT


class Opaque(Expr):
    """An atom of the normal form."""

    is_commutative = True
    is_extended_real = True
    is_finite = True


class Dens(Opaque):
    """A density: letter, variables, given."""

    is_positive = True


class Gauss(Opaque):
    """A normal density: variable, mean, variance."""

    is_positive = True


class Measure(Opaque):
    """The measure that an expectation is taken under; integrates to one over `over`."""

    is_positive = True


class Int(Opaque):
    """An integral: body, variables."""

    @property
    def free_symbols(self):
        return set().union(*(a.free_symbols for a in self.args[:-1])) - set(self.args[-1])

    def _eval_is_positive(self):
        return self.args[0].is_positive


class Mean(Int):
    """A mean over K samples: body, the variable that stands for all samples, variables."""


class Kl(Opaque):
    """A divergence: two densities, variables."""

    is_nonnegative: bool | None = True
    free_symbols = Int.free_symbols


class LogOf(Opaque):
    """The logarithm of something that holds atoms; sympy's own would expand behind our back."""


class Other(Kl):
    """An entropy or an evidence bound, not unfolded."""

    is_nonnegative = None


def _stem(variable):
    return variable.space[0] + ("_1:K" if "_1:K" in variable.name else "")


def _depends(expr, variables):
    return bool(expr.free_symbols & set(variables))


def _close(cls, bodies, variables):
    """A binder with its variables renamed by depth, deeper than every binder inside."""
    inside = [int(v.name.split("@")[1]) for b in bodies for n in b.atoms(Int, Kl) for v in n.args[-1]]
    depth = max(inside, default=0) + 1
    names = {v: de.Variable(f"{_stem(v)}@{depth + i}") for i, v in enumerate(variables)}
    return cls(*(b.xreplace(names) for b in bodies), Tuple(*names.values()))


def tidy(expr):
    """The expression as a sum of products, quotients of sums brought to lowest terms."""
    if any(n.exp.is_negative and n.base.is_Add for n in expr.atoms(Pow)):
        expr = sympy.cancel(sympy.together(expr))
    return sympy.expand(expr, log=False, power_exp=False)


class NormalForm:
    """Rewrites an expression with the given switches.

    Args:
        switches: a set of switches of `rules`.
    """

    def __init__(self, switches):
        self.on = frozenset(switches)
        self.swapping = False
        self.arithmetic = {ar.Plus: Add, ar.Times: Mul, ar.Power: Pow, ar.Minus: lambda a: -a, ar.Lift: lambda a: a,
                           ar.Over: lambda a, b: a / b, ar.Log: self.log, sympy.log: self.log, sympy.exp: self.exp}

    def __call__(self, expr):
        kind = type(expr)
        if kind in self.arithmetic:
            return self.arithmetic[kind](*map(self, expr.args))
        handler = getattr(self, kind.__name__, None) if isinstance(expr, ar.Node) else None
        if handler:
            return handler(expr)
        return expr.func(*map(self, expr.args)) if expr.args else expr

    def Density(self, node):
        def dens(variables, given=()):
            return Dens(Str(node.letter), Tuple(*sorted(variables, key=str)), Tuple(*given))
        if node.letter != de.MODEL or JOINT not in self.on or not node.given:
            return dens(node.variables, node.given)
        return dens(node.variables + node.given) / dens(node.given)

    def Normal(self, node):
        v, m, s2 = node.args[0], self(node.mean), self(node.variance)
        if PDF not in self.on:
            return Gauss(v, m, s2)
        return sympy.exp(tidy(-(v - m) ** 2 / (2 * s2))) / sympy.sqrt(2 * sympy.pi * s2)

    def Integral(self, node):
        return self.integrate(self(node.args[0]), node.bound)

    def Expectation(self, node):
        density, body = node.args
        if EXPECT not in self.on:
            folded = NormalForm(self.on - {JOINT, PDF})(density)
            return self.integrate(Measure(folded, Tuple(*node.bound)) * self(body), node.bound)
        out = self(density) * self(body)
        for v in node.bound:
            out = self.integrate(out, (v,))
        return out

    def KullbackLeibler(self, node):
        a, b = node.args
        if DEF_KL in self.on:
            return self(ex.Expectation(a, ar.Log(a / b)))
        fold = NormalForm(self.on - {JOINT, PDF})
        return _close(Kl, (fold(a), fold(b)), node.bound)

    def Entropy(self, node):
        if DEF_H in self.on:
            return self(-ex.Expectation(node.args[0], ar.Log(node.args[0])))
        return _close(Other, (NormalForm(self.on - {JOINT, PDF})(node.args[0]), S.Zero), node.bound)

    def EvidenceBound(self, node):
        a, joint = node.args
        if DEF_ELBO in self.on:
            return self(ex.Expectation(a, ar.Log(joint / a)))
        fold = NormalForm(self.on - {JOINT, PDF})
        return _close(Other, (fold(a), fold(joint)), node.bound)

    def SampleMean(self, node):
        everything = de.Variable(f"{node.bound[0].space}_1:K")

        def bind(rest):
            constant = PULL in self.on and not _depends(rest, node.bound)
            return rest if constant else _close(Mean, (rest, everything), node.bound)
        return self.linear(tidy(self(node.args[0])), node.bound, bind)

    def log(self, arg):
        arg = sympy.factor(arg) if arg.has(Add) else arg
        if LOGS in self.on or not arg.has(Opaque):
            return Add(*map(self._log_factor, Mul.make_args(arg)))
        return self._log_atom(arg)

    def _log_factor(self, factor):
        base, power = factor.as_base_exp()
        if power != 1 and base.is_positive and power.is_real and not isinstance(factor, sympy.exp):
            return power * self.log(base)
        return self._log_atom(factor)

    @staticmethod
    def _log_atom(arg):
        if isinstance(arg, sympy.exp):
            return arg.exp
        return LogOf(arg) if arg.has(Opaque) else sympy.expand_log(sympy.log(arg), factor=arg.is_Rational is True)

    def exp(self, arg):
        """e to a sum: the logarithms among its terms cancel the exponential."""
        out = S.One
        for term in Add.make_args(arg):
            number, log = term.as_coeff_Mul()
            alone = isinstance(log, LogOf) and (term == arg or LOGS in self.on)
            out *= log.args[0] ** number if alone else sympy.exp(term)
        return out

    def integrate(self, body, variables):
        return self.linear(tidy(body), variables, lambda rest: self.one_integral(rest, variables))

    def linear(self, body, variables, bind):
        """Sums and constants out of a binder, as far as the switches allow it."""
        terms = Add.make_args(body) if SPLIT in self.on else (body,)
        out = []
        for term in terms:
            term = sympy.factor_terms(term) if term.is_Add else term
            pulled = MARGINAL not in self.on or self.marginal(term, variables) is None
            free, rest = term.as_independent(*variables, as_Add=False) if PULL in self.on and pulled else (S.One, term)
            rest = tidy(rest)
            out.append(free * bind(rest) if rest != 0 else S.Zero)
        return Add(*out)

    def one_integral(self, body, variables):
        attempts = {UNIT: self.unit, MARGINAL: self.marginal, SAMPLES: self.samples, MOMENTS: self.moments}
        if {JOINT, UNIT} <= self.on:  # then the integral of p(z|x) is that of p(x, z) / p(x)
            attempts[JOINT] = self.marginal
        for switch, attempt in attempts.items():
            value = attempt(body, variables) if switch in self.on else None
            if value is not None:
                return value
        return min((_close(Int, (body,), variables), *self.swapped(body, variables)),
                   key=lambda e: (len(e.atoms(Int)), e.sort_key()))

    def swapped(self, body, variables):
        """The double integral in the other order, if the body is one."""
        inner = [f for f in Mul.make_args(body) if type(f) is Int]
        if len(inner) != 1 or self.swapping:
            return
        fresh = {v: _fresh(v) for v in inner[0].args[-1]}
        whole = Mul(*(f for f in Mul.make_args(body) if f is not inner[0])) * inner[0].args[0].xreplace(fresh)
        self.swapping = True
        yield self.integrate(self.integrate(whole, variables), tuple(fresh.values()))
        self.swapping = False

    def unit(self, body, variables):
        """The integral of a density over its own variables is one."""
        whole = {Dens: lambda d: set(d.args[1]), Gauss: lambda d: {d.args[0]}, Measure: lambda d: set(d.args[1])}
        return S.One if type(body) in whole and whole[type(body)](body) == set(variables) else None

    def marginal(self, body, variables):
        """The integral of p(x, z), p(x|z) p(z) or p(z|x) p(x) over one variable leaves the other's density."""
        if len(variables) != 1:
            return None
        factors = Mul.make_args(body)
        model = [f for f in factors if isinstance(f, Dens) and f.args[0].name == de.MODEL]
        for joint in model:
            both = set(joint.args[1]) | set(joint.args[2])
            given = set(joint.args[2])
            used = [joint, *(f for f in model if given and set(f.args[1]) == given and not f.args[2])]
            rest = Mul(*(f for f in factors if f not in used))
            left = both - set(variables)
            whole = len(both) == 2 and len(used) == 1 + bool(given)
            if whole and len(left) == 1 and not _depends(rest, variables):
                return rest * Dens(Str(de.MODEL), Tuple(*left), Tuple())
        return None

    def samples(self, body, variables):
        """All samples have one distribution: the expectation of their mean is the expectation of one."""
        factors = Mul.make_args(body)
        means = [f for f in factors if isinstance(f, Mean)]
        laws = [f for f in factors if isinstance(f, Dens | Measure) and f not in means and _depends(f, variables)]
        rest = Mul(*(f for f in factors if f not in means + laws))
        if len(means) != 1 or len(laws) != 1 or _depends(rest, variables) or "_1:K" not in variables[0].name:
            return None
        one = de.Variable(variables[0].space)
        fresh = _fresh(one)
        value = means[0].args[0].xreplace({means[0].args[-1][0]: fresh})
        law = laws[0].xreplace({variables[0]: fresh})
        return None if _depends(value, variables) else rest * self.integrate(law * value, (fresh,))

    def moments(self, body, variables):
        """The integral of a polynomial times exp(-a v^2 + b v + c), by completing the square."""
        if len(variables) != 1:
            return None
        v, quadratic, rest = variables[0], S.Zero, S.One
        for f in Mul.make_args(body):
            f = f.args[0] if isinstance(f, Measure) and isinstance(f.args[0], Gauss) else f
            if isinstance(f, Gauss):
                rest /= sympy.sqrt(2 * sympy.pi * f.args[2])
                quadratic -= (f.args[0] - f.args[1]) ** 2 / (2 * f.args[2])
            elif isinstance(f, sympy.exp):
                quadratic += f.exp
            else:
                rest *= f
        free, rest = rest.as_independent(v, as_Add=False)
        quadratic = sympy.expand(quadratic)
        if not (quadratic.is_polynomial(v) and rest.is_polynomial(v) and sympy.degree(quadratic, v) == 2):
            return None
        a, b, c = -quadratic.coeff(v, 2), quadratic.coeff(v, 1), quadratic.coeff(v, 0)
        if not sympy.factor(a).is_positive:
            return None
        mean, variance = sympy.cancel(b / (2 * a)), sympy.cancel(1 / (2 * a))
        raw = [S.One, mean]  # E[v^n] = mean E[v^(n-1)] + (n-1) variance E[v^(n-2)]
        for n in range(2, sympy.degree(rest, v) + 1):
            raw.append(mean * raw[-1] + (n - 1) * variance * raw[-2])
        value = sum(coeff * raw[n] for (n,), coeff in sympy.Poly(rest, v).terms())
        return free * value * sympy.sqrt(2 * sympy.pi * variance) * sympy.exp(sympy.cancel(c + b**2 / (4 * a)))


_numbers = count()


def _fresh(variable):
    return de.Variable(f"{_stem(variable)}_fresh{next(_numbers)}")


def is_zero(expr):
    """Whether a normal form is identically zero."""
    expr = tidy(expr)
    if expr == 0 or expr.is_number:
        return bool(expr == 0 or expr.equals(0))
    hard = expr.has(sympy.exp) or any(n.base.is_Add for n in expr.atoms(Pow))
    return hard and sympy.cancel(sympy.together(expr)) == 0


@lru_cache(maxsize=5000)
def normal_form(expr, switches):
    """The normal form of an expression under a frozenset of switches."""
    return NormalForm(switches)(expr)


def equal(left, right, switches):
    """Whether both sides have one normal form.

    Args:
        left, right: the sides.
        switches: the switches that may be used.

    Returns:
        True if proved; False says only that this proof found nothing.
    """
    return is_zero(normal_form(left, switches) - normal_form(right, switches))
