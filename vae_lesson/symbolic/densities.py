"""Variables and densities: x, z, p(x), p(z), p(x | z), p(z | x), p(x, z), q(z | x), and the normal density.

The letter p is one joint model: all its densities belong together. Every other letter is a free density of its own.
All densities are strictly positive, so that no logarithm and no quotient meets a zero: q(z|x) and p(z|x), say, have one
support. Where supports differ, the lines need that condition said (an integral over q(z|x) p(z) / q(z|x) sees only the
support of q). Used by notebooks 02 to 05.
"""

import sympy
from sympy import S, Symbol, Tuple, sympify
from sympy.core.symbol import Str

from .arithmetic import Node, Over, Power, Times

MODEL = "p"


class Variable(Symbol):
    """The data x or the latent z; z[1], z[k] are samples of it, and z[1:K] is all K of them."""

    __slots__ = ()
    __iter__ = None  # z[1] is an index and not a sequence

    def __new__(cls, name):
        return Symbol.__new__(cls, name, real=True)

    @property
    def space(self):
        """The letter without its index."""
        return self.name.split("_")[0]

    def __or__(self, other):
        return Given((self,), variables_of((other,)))

    def __getitem__(self, index):
        if "_" in self.name:
            raise ValueError(f"{self.name} has an index already: write {self.space}[...]")
        return Variable(f"{self.name}_1:K" if isinstance(index, slice) else f"{self.name}_{index}")

    def _latex(self, printer):
        letter, _, index = self.name.partition("_")
        return letter + (f"_{{{index}}}" if index else "")

    def _sympystr(self, printer):
        return self.name


class Given:
    """What `x | z` means between the brackets of a density: x, given z."""

    def __init__(self, variables, given):
        self.variables, self.given = variables, given


def variables_of(args):
    for arg in args:
        if not isinstance(arg, Variable):
            raise ValueError(f"a density is over variables such as x and z, and {arg!r} is none")
    return tuple(args)


class Distribution(Node):
    """What averages are taken under: it integrates to one over its `variables`."""

    bare_in_log = True


class Density(Distribution):
    """An abstract density, such as p(x | z)."""

    def __new__(cls, letter, variables, given=()):
        return super().__new__(cls, Str(str(letter)), Tuple(*variables), Tuple(*given))

    letter = property(lambda self: self.args[0].name)
    variables = property(lambda self: tuple(self.args[1]))
    given = property(lambda self: tuple(self.args[2]))

    def _latex(self, printer):
        bar = r" \mid " + ", ".join(map(printer._print, self.given)) if self.given else ""
        return f"{self.letter}({', '.join(map(printer._print, self.variables))}{bar})"

    def _sympystr(self, printer):
        bar = "|" + ", ".join(map(printer._print, self.given)) if self.given else ""
        return f"{self.letter}({', '.join(map(printer._print, self.variables))}{bar})"


class Family:
    """A letter that makes densities: `p(z)`, `p(x | z)`, `p(x, z)`, `q(z | x)`.

    Args:
        letter: the letter; "p" is the joint model, any other letter stands for a density of its own.
    """

    def __init__(self, letter):
        self.letter = letter

    def __call__(self, *args):
        if len(args) == 1 and isinstance(args[0], Given):
            variables, given = args[0].variables, args[0].given
        else:
            variables, given = variables_of(args), ()
        spaces = [v.space for v in (*variables, *given)]
        if not variables or len(set(spaces)) < len(spaces):
            raise ValueError(f"{self.letter}({', '.join(map(str, args))}) is no density: want x, z or both, once each")
        if len(variables) == 2 and self.letter != MODEL:
            raise ValueError(f"only {MODEL} has a joint density: {self.letter} wants one, as {self.letter}(z | x)")
        return Density(self.letter, variables, given)


class Normal(Distribution):
    """The normal density of one variable, as a node; `pdf` is the formula."""

    def __new__(cls, variable, mean, variance, name=""):
        name = name if isinstance(name, Str) else Str(str(name))
        return super().__new__(cls, variable, sympify(mean), sympify(variance), name)

    variables = property(lambda self: (self.args[0],))
    mean = property(lambda self: self.args[1])
    variance = property(lambda self: self.args[2])

    @property
    def pdf(self):
        """The formula of the density, in the order of the textbooks; `.doit()` makes it plain sympy."""
        v, m, s2 = self.args[:3]
        root = Power(sympy.Mul(2, sympy.pi, s2), S.Half)
        return Times(Over(S.One, root), sympy.exp(-(v - m) ** 2 / (2 * s2)))

    def _latex(self, printer):
        v, m, s2 = map(printer._print, self.args[:3])
        return self.args[3].name.replace("|", r" \mid ") or rf"\mathcal{{N}}({v};\, {m}, {s2})"

    def _sympystr(self, printer):
        v, m, s2 = map(printer._print, self.args[:3])
        return self.args[3].name or f"N({v}; {m}, {s2})"


def normal(variable, mean, variance, name=""):
    """The normal density of one variable.

    Args:
        variable: z or x.
        mean: the mean, any sympy expression without the variable.
        variance: the variance sigma^2 (and not sigma), positive.
        name: how it is printed, such as "q(z|x)"; N(z; mean, variance) if empty.

    Returns:
        The density as a node; `.pdf` is the formula.
    """
    out = Normal(variables_of((variable,))[0], mean, variance, name)
    if variable in out.mean.free_symbols | out.variance.free_symbols:
        raise ValueError(f"mean and variance may not hold {variable} itself, and came {mean} and {variance}")
    if not out.variance.is_positive:
        raise ValueError(f"variance must be known to be positive (declare its symbols positive), and {variance} came")
    return out


x, z = Variable("x"), Variable("z")
p, q = Family("p"), Family("q")
