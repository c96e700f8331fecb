"""The inequalities, as part of the first judge: Jensen, 'KL is not negative', log t <= t - 1. Notebooks 02 to 05.

Each is applied at one place of one side. The way from there to the top must be monotone (sums, positive factors,
positive measures), which says in what direction the whole moves; what comes out must equal the other side.
"""

from functools import cache
from itertools import product

import sympy
from sympy import Add, Mul

from . import arithmetic as ar
from . import densities as de
from . import expressions as ex
from .proof import Int, Kl, equal, is_zero, normal_form, tidy
from .rules import DEF_KL, EXPECT


def is_positive(expr):
    """Whether an expression is known to be positive."""
    return bool(normal_form(expr, frozenset()).is_positive)


def sites(expr, sign=1):
    """Every place of an expression that the whole is monotone in.

    Args:
        expr: an expression.
        sign: +1 or -1.

    Yields:
        The node there, +1 if the whole rises with it or -1 if it falls, and a function that puts another in its place.
    """
    yield expr, sign, lambda new: new
    for i, arg in enumerate(expr.args):
        turn = _monotone(expr, i)
        if turn:
            for node, s, put in sites(arg, sign * turn):
                yield node, s, lambda new, put=put, i=i: expr.func(*expr.args[:i], put(new), *expr.args[i + 1:])


def _monotone(expr, i):
    """+1 or -1 if expr rises or falls with its i-th argument, 0 if we do not know."""
    others = [a for j, a in enumerate(expr.args) if j != i]
    if isinstance(expr, ar.Plus | ar.Lift | Add):
        return 1
    if isinstance(expr, ar.Minus):
        return -1
    if isinstance(expr, ex.Integral | ex.SampleMean | ar.Over | ar.Log):
        return int(i == 0 and (not isinstance(expr, ar.Over) or is_positive(expr.args[1])))
    if isinstance(expr, ex.Expectation):
        return int(i == 1)
    if isinstance(expr, ar.Times | Mul):
        rest = ar.Times(*others)
        return 1 if is_positive(rest) else -1 if is_positive(-rest) else 0
    return 0


@cache
def curvature(kind, exponent, positive):
    """The sign of the second derivative of log t, exp t or t**exponent over positive or all real t; 0 if none."""
    t = sympy.Dummy("t", positive=True) if positive else sympy.Dummy("t", real=True)
    function = {"log": sympy.log(t), "exp": sympy.exp(t), "power": t ** (exponent or 1)}[kind]
    second = sympy.simplify(sympy.diff(function, t, 2))
    return 1 if second.is_positive else -1 if second.is_negative else 0


@cache
def log_is_below_its_tangent():
    """Whether log t <= t - 1 for t > 0: the difference is convex, and zero with slope zero at t = 1."""
    t = sympy.Dummy("t", positive=True)
    gap = t - 1 - sympy.log(t)
    slope = sympy.diff(gap, t)
    return bool(sympy.diff(slope, t).is_positive and slope.subs(t, 1) == 0 and gap.subs(t, 1) == 0)


def _function(node):
    """(kind, exponent, what it is applied to, how to apply it) of log, exp and powers."""
    if isinstance(node, ar.Log | sympy.log):
        return "log", None, node.args[0], ar.Log
    if isinstance(node, sympy.exp):
        return "exp", None, node.args[0], sympy.exp
    if isinstance(node, ar.Power | sympy.Pow) and node.args[1].is_number and node.args[1].is_real:
        return "power", node.args[1], node.args[0], lambda t: ar.Power(t, node.args[1])
    return None


def _averages(node, laws):
    """The readings of a node as an average under a normalised measure: what is averaged, how to average others."""
    if isinstance(node, ex.Expectation):
        yield node.args[1:], lambda new: ex.Expectation(node.args[0], new)
    elif isinstance(node, ex.SampleMean):
        yield node.args[:1], lambda new: ex.SampleMean(new, node.args[1])
    elif isinstance(node, ar.Over) and isinstance(node.args[0], ar.Plus) and len(node.args[0].args) == node.args[1]:
        yield node.args[0].args, lambda *new: ar.Plus(*new) / node.args[1]
    elif isinstance(node, ex.Integral):
        for law in laws:
            if law.variables == node.bound:
                yield (node.args[0] / law,), lambda new, law=law: ex.Integral(law * new, node.args[1])


def jensen(expr, laws):
    """What Jensen's inequality makes of an expression.

    Args:
        expr: an expression.
        laws: the densities that may serve as the measure under an integral.

    Yields:
        Another expression, and +1 if it is an upper bound of expr or -1 if it is a lower bound.
    """
    for node, sign, put in sites(expr):
        function = _function(node)
        if function is None:
            continue
        kind, exponent, argument, apply = function
        for parts, average in _averages(argument, laws):
            positive = all(map(is_positive, parts))
            bend = curvature(kind, exponent, positive) if positive or kind == "exp" or (
                exponent is not None and exponent.is_Integer and exponent.is_positive) else 0
            if bend:
                yield put(average(*map(apply, parts))), bend * sign


def tangent(expr, laws):
    """What log t <= t - 1 makes of an expression: yields as `jensen`."""
    for node, sign, put in sites(expr):
        if isinstance(node, ar.Log | sympy.log) and is_positive(node.args[0]) and log_is_below_its_tangent():
            yield put(node.args[0] - sympy.Integer(1)), sign


def _not_negative(expr):
    """Whether each term of a normal form is a divergence times, or averaged with, what is not negative."""
    def factor(f):
        return f.is_nonnegative or (isinstance(f, Int) and _not_negative(f.args[0]))
    return all(map(factor, (f for term in Add.make_args(tidy(expr)) for f in Mul.make_args(term))))


def kl_not_negative(left, right, laws, switches):
    """Whether left - right is a divergence, folded or (with its definition named) written out."""
    gap = normal_form(left - right, switches)
    if any(d.is_nonnegative for d in gap.atoms(Kl)) and _not_negative(gap):
        return True
    return DEF_KL in switches and any(is_zero(gap - normal_form(kl, switches)) for kl in _divergences(gap, laws))


def _divergences(gap, laws):
    """The divergences that the densities can make, averaged over what is free in them and not in the gap."""
    for a, b in product(laws, laws):
        if a != b and a.variables == b.variables:
            kl = ex.KullbackLeibler(a, b)
            extra = (kl.free_symbols - gap.free_symbols) & {de.x, de.z}
            if len(extra) < 2:
                yield ex.Expectation(de.p(*extra), kl) if extra else kl


def densities(*exprs):
    """The densities that occur in expressions, as the candidates for a measure."""
    return sorted(set().union(*(e.atoms(de.Distribution) for e in exprs)), key=str)


def at_least(left, right, bound, switches):
    """Whether left >= right by one inequality and the switches.

    Args:
        left, right: the sides.
        bound: "jensen", "kl" or "log".
        switches: what the normal forms may use.

    Returns:
        True if proved; False says only that this proof found nothing.
    """
    laws = densities(left, right)
    if bound == "kl":
        if {DEF_KL, EXPECT} <= switches:
            laws = sorted({*laws, de.p(de.z), de.p(de.z | de.x)}, key=str)
        return kl_not_negative(left, right, laws, switches)
    step = {"jensen": jensen, "log": tangent}[bound]
    return any(side == -1 and equal(new, right, switches) for new, side in step(left, laws)) or \
        any(side == 1 and equal(left, new, switches) for new, side in step(right, laws))
