"""Arithmetic that keeps the shape in which it was written.

sympy's own + and * sort and cancel at once: q(z|x) p(z) / q(z|x) would be p(z) before anybody saw it. These nodes are
sympy expressions that remember the reader's order, so that the page shows what was written; the judges (`proof`,
`witness`) do the mathematics, each in its own way. Used by notebooks 02 to 05.
"""

from typing import Any

import sympy
from sympy import Expr, S, sympify
from sympy.printing.precedence import PRECEDENCE

from .printing import tex, text


class Node(Expr):
    """An expression whose operators build nodes and evaluate nothing."""

    _op_priority = 100.0  # so that sympy hands `mu * node` to us
    is_commutative = True
    precedence = PRECEDENCE["Atom"]
    plain: Any = None  # the sympy function that the node stands for, if it is arithmetic
    open_ended = False  # whether it would swallow a factor printed to its right
    bare_in_log = False  # whether log needs no brackets around it

    def doit(self, **hints):
        """The expression with its arithmetic done by sympy."""
        args = [a.doit(**hints) for a in self.args]
        return self.plain(*args) if self.plain else self.func(*args)

    def __add__(self, other):
        return Plus.of(self, other)

    def __radd__(self, other):
        return Plus.of(other, self)

    def __sub__(self, other):
        return Plus.of(self, Minus(sympify(other)))

    def __rsub__(self, other):
        return Plus.of(other, Minus(self))

    def __mul__(self, other):
        return Times.of(self, other)

    def __rmul__(self, other):
        return Times.of(other, self)

    def __truediv__(self, other):
        return Over(self, sympify(other))

    def __rtruediv__(self, other):
        return Over(sympify(other), self)

    def __pow__(self, other):
        return Power(self, sympify(other))

    def __neg__(self):
        return Minus(self)

    def __str__(self):
        return text(self)

    __repr__ = __str__

    def _repr_latex_(self):
        return rf"$\displaystyle {tex(self)}$"


def bracketed(printer, expr, level):
    return printer.parenthesize(expr, PRECEDENCE[level], strict=True)


class _Chain(Node):
    @classmethod
    def of(cls, left, right):
        left, right = sympify(left), sympify(right)
        return cls(*(left.args if isinstance(left, cls) else (left,)), right)


class Plus(_Chain):
    """A sum, in the order written."""

    plain = staticmethod(sympy.Add)
    precedence = PRECEDENCE["Add"]

    def _latex(self, printer):
        out = printer._print(self.args[0])
        for term in self.args[1:]:
            shown = printer._print(term)
            if isinstance(term, Minus):
                out += " - " + bracketed(printer, term.args[0], "Mul")
            else:
                out += " - " + shown[1:].lstrip() if shown.startswith("-") else " + " + shown
        return out

    _sympystr = _latex


class Minus(Node):
    """Minus one expression."""

    plain = staticmethod(lambda a: -a)
    precedence = PRECEDENCE["Add"]

    def _latex(self, printer):
        return "-" + bracketed(printer, self.args[0], "Mul")

    _sympystr = _latex


class Times(_Chain):
    """A product, in the order written."""

    plain = staticmethod(sympy.Mul)
    precedence = PRECEDENCE["Mul"]

    def _factors(self, printer, wrap, logs):
        for i, factor in enumerate(self.args):
            last = i + 1 == len(self.args)
            shown = bracketed(printer, factor, "Mul")
            is_log = isinstance(factor, Log | sympy.log)
            swallows = logs if is_log else getattr(factor, "open_ended", False)
            yield wrap.format(shown) if (swallows and not last) or (i and shown.startswith("-")) else shown

    def _latex(self, printer):
        parts = list(self._factors(printer, r"\left({}\right)", True))
        numeric = [f.is_number for f in self.args]
        return parts[0] + "".join((r" \cdot " if a and b else r" \, ") + part
                                  for part, a, b in zip(parts[1:], numeric, numeric[1:], strict=False))

    def _sympystr(self, printer):
        parts = list(self._factors(printer, "({})", False))
        return " · ".join(f"({part})" if i and isinstance(factor, Over) else part
                          for i, (factor, part) in enumerate(zip(self.args, parts, strict=True)))


class Over(Node):
    """A quotient that does not cancel by itself."""

    bare_in_log = True
    plain = staticmethod(lambda a, b: a / b)
    precedence = PRECEDENCE["Mul"]

    def _latex(self, printer):
        return rf"\frac{{{printer._print(self.args[0])}}}{{{printer._print(self.args[1])}}}"

    def _sympystr(self, printer):
        top = bracketed(printer, self.args[0], "Mul")
        top = f"({top})" if getattr(self.args[0], "open_ended", False) and not isinstance(self.args[0], Log) else top
        return f"{top} / {bracketed(printer, self.args[1], 'Pow')}"


class Power(Node):
    """A power."""

    plain = staticmethod(sympy.Pow)
    precedence = PRECEDENCE["Pow"]

    def _latex(self, printer):
        base = self.args[0]
        if self.args[1] == S.Half:
            return rf"\sqrt{{{printer._print(base)}}}"
        shown = bracketed(printer, base, "Atom")
        shown = rf"\left({shown}\right)" if isinstance(base, Log | sympy.log) else shown
        return rf"{shown}^{{{printer._print(self.args[1])}}}"

    def _sympystr(self, printer):
        if self.args[1] == S.Half:
            return f"sqrt({printer._print(self.args[0])})"
        return f"{bracketed(printer, self.args[0], 'Atom')}**{bracketed(printer, self.args[1], 'Atom')}"


class Lift(Node):
    """A plain sympy expression that from here on keeps the order written."""

    plain = staticmethod(lambda a: a)
    @property
    def precedence(self):
        return PRECEDENCE["Atom"] if self.args[0].is_Atom and self.args[0].is_nonnegative else PRECEDENCE["Add"]

    def _latex(self, printer):
        return printer._print(self.args[0])

    _sympystr = _latex


class Log(Node):
    """The natural logarithm of something that holds a density."""

    open_ended = True

    def _latex(self, printer):
        arg, shown = self.args[0], printer._print(self.args[0])
        return rf"\log {shown}" if getattr(arg, "bare_in_log", False) else rf"\log\left({shown}\right)"

    def _sympystr(self, printer):
        return f"log({printer._print(self.args[0])})"


def log(arg):
    """The natural logarithm; of a plain sympy expression it is sympy's own.

    Args:
        arg: a positive expression.

    Returns:
        The logarithm, unevaluated where densities are inside.
    """
    arg = sympify(arg)
    return Log(arg) if arg.has(Node) else sympy.log(arg)


def exp(arg):
    """The exponential of any expression, as sympy's own."""
    return sympy.exp(arg)


def lift(expr):
    """A plain sympy expression as a node, so that what is added to it or multiplied with it stays in the order written.

    Args:
        expr: any sympy expression or number.

    Returns:
        The node.
    """
    return Lift(sympify(expr))


half = lift(S.Half)
