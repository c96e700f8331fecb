"""The worlds in which the witness evaluates a line.

A finite world has two to four states of x and of z, tables for every density, and sums for integrals. A line world is
the linear-Gaussian model on the real line: closed forms for each density of p, and the trapezium rule on a grid so fine
and wide that smooth, decaying integrands are exact to rounding; where the integrand does not decay, or half the points
give another sum, the world declines to judge. All tables and densities are strictly positive. Notebooks 02 to 05.
"""

import numpy as np
import sympy

from . import arithmetic as ar
from . import densities as de
from . import expressions as ex

AXES = ("x", "z", "z_1", "z_2", "z_3", "x_1", "x_2", "x_3")


class CannotEvaluate(Exception):
    """The world has no number for this expression."""


class World:
    """What finite and line worlds share: the evaluation of arithmetic, as arrays with one axis for each variable."""

    def __init__(self, random, symbols, samples, letters):
        self.random, self.samples, self.letters, self.known = random, samples, letters, {}
        self.values = {s: np.asarray(float(self._parameter(s))) for s in sorted(symbols, key=str)}

    def _parameter(self, symbol):
        if symbol == ex.K:
            return self.samples
        if symbol.is_integer:
            return 1 + self.random.integers(3)
        u = round(self.random.random(), 2)
        return 0.3 + 1.3 * u if symbol.is_positive else -0.9 + 2.1 * u

    def axis(self, variable):
        if variable.name not in AXES:
            raise CannotEvaluate(f"no axis for {variable}")
        return AXES.index(variable.name)

    def along(self, values, variable):
        shape = [1] * len(AXES)
        shape[self.axis(variable)] = -1
        return np.reshape(values, shape)

    def __call__(self, expr):
        """The value of an expression in this world, an array that broadcasts over the axes of its free variables."""
        handler = getattr(self, type(expr).__name__, None)
        if handler:
            return handler(*expr.args)
        if expr.is_number:
            return np.asarray(float(expr))
        raise CannotEvaluate(f"{expr} is not understood")

    def Plus(self, *args):
        return sum(self(a) for a in args)

    def Minus(self, arg):
        return -self(arg)

    def Times(self, *args):
        return self._exp(*map(sum, zip(*(self._sign_and_log(a) for a in args), strict=True)))

    def Over(self, top, bottom):
        (s, a), (t, b) = self._sign_and_log(top), self._sign_and_log(bottom)
        return self._exp(s + t, a - b)

    def Power(self, base, exponent):
        return self(base) ** self(exponent)

    def Lift(self, arg):
        return self(arg)

    def Log(self, arg):
        sign, log = self._sign_and_log(arg)
        return np.where(sign % 2 == 0, log, np.nan)

    def exp(self, arg):
        return np.exp(self(arg))

    Add, Mul, Pow, log = Plus, Times, Power, Log

    def _exp(self, sign, log):
        return np.where(sign % 2 == 0, 1.0, -1.0) * np.exp(log)

    def _sign_and_log(self, expr):
        """(number of minus signs, logarithm of the size): products of far tails neither underflow nor become 0/0."""
        if isinstance(expr, ar.Times | sympy.Mul):
            return tuple(map(sum, zip(*map(self._sign_and_log, expr.args), strict=True)))
        if isinstance(expr, ar.Over):
            (s, a), (t, b) = map(self._sign_and_log, expr.args)
            return s + t, a - b
        if isinstance(expr, de.Density | de.Normal):
            return np.zeros((1,) * len(AXES), int), self.log_density(expr)
        if isinstance(expr, sympy.exp):
            return np.zeros((1,) * len(AXES), int), self(expr.args[0])
        if isinstance(expr, sympy.Pow | ar.Power):
            sign, log = self._sign_and_log(expr.args[0])
            if np.all(sign % 2 == 0):
                return sign, log * self(expr.args[1])
        value = np.asarray(self(expr), float)
        with np.errstate(divide="ignore"):
            return (value < 0).astype(int), np.log(np.abs(value))

    def Density(self, *args):
        return np.exp(self.log_density(de.Density(args[0].name, args[1], args[2])))

    def Normal(self, *args):
        return np.exp(self.log_density(de.Normal(*args)))

    def log_density(self, node):
        """The logarithm of a density; of all K samples it is the sum of theirs."""
        if isinstance(node, de.Normal):
            variable, mean, variance = node.args[0], self(node.mean), self(node.variance)
            return -0.5 * (self(variable) - mean) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
        if any(v.name.endswith("_1:K") for v in node.variables):
            if len(node.variables) != 1:
                raise CannotEvaluate("only q(z[1:K] | x) is over all samples")
            each = (de.Density(node.letter, (v,), node.given) for v in self._all(node.variables[0]))
            return sum(map(self.log_density, each))
        if node not in self.known:
            self.known[node] = self.log_abstract(node)
        return self.known[node]

    def log_abstract(self, node):
        """The logarithm of a density that has a letter and no formula, from this kind of world's own numbers."""
        raise NotImplementedError

    def sum_over(self, values, variable):
        """The integral of values over a variable, which leaves an axis of length 1."""
        raise NotImplementedError

    def _all(self, variable):
        return [de.Variable(f"{variable.space}_{j + 1}") for j in range(self.samples)]

    def Integral(self, body, variable):
        value = np.asarray(self(body), float)
        for v in self._all(variable) if variable.name.endswith("_1:K") else (variable,):
            value = self.sum_over(value, v)
        return value

    def Expectation(self, density, body):
        out = density * body
        for v in density.variables:
            out = ex.Integral(out, v)
        return self(out)

    def KullbackLeibler(self, first, second):
        return self.Expectation(first, ar.Log(first / second))

    def Entropy(self, density):
        return -self.Expectation(density, ar.Log(density))

    def EvidenceBound(self, approximate, joint):
        return self.Expectation(approximate, ar.Log(joint / approximate))

    def SampleMean(self, body, sample):
        return sum(self(body.xreplace({sample: v})) for v in self._all(sample)) / self.samples


class Finite(World):
    """Tables. Small worlds have tables in tenths, so that a reader can redo the sums by hand."""

    def __init__(self, random, symbols, samples, letters, small):
        super().__init__(random, symbols, samples, letters)
        self.sizes = {"x": 2 if small else 2 + random.integers(3), "z": 2 if small else 2 + random.integers(3)}
        self.small, self.tables = small, {}
        self.places = {s: np.round(-1.5 + 3 * random.random(n), 1) for s, n in sorted(self.sizes.items())}
        self.table("p", "z", ()), self.table("p", "x", ("z",))

    def __call__(self, expr):
        if isinstance(expr, de.Variable):
            return self.along(self.places[expr.space], expr)
        return self.values[expr] if expr.is_Symbol else super().__call__(expr)

    def table(self, letter, space, given):
        """The table of an abstract density; axis 0 is its own variable, axis 1 the given one."""
        key = (letter, space, given)
        if key not in self.tables:
            shape = (self.sizes[space], *(self.sizes[g] for g in given))
            if self.small:
                first = (1 + self.random.integers(9, size=shape[1:])) / 10
                self.tables[key] = np.stack([first, 1 - first])
            else:
                weights = np.exp(3 * self.random.random(shape))
                self.tables[key] = weights / weights.sum(0)
        return self.tables[key]

    def log_abstract(self, node):
        spaces = tuple(v.space for v in node.variables), tuple(v.space for v in node.given)
        if node.letter == de.MODEL:
            joint = self.table("p", "x", ("z",)) * self.table("p", "z", ())  # axes x, z
            table = {("x",): joint.sum(1), ("z",): joint.sum(0)}.get(spaces[0], joint)
            table = table if not spaces[1] else joint / joint.sum(0 if spaces[0] == ("x",) else 1, keepdims=True)
            own = [v for s in ("x", "z") for v in (*node.variables, *node.given) if v.space == s]
        else:
            table, own = self.table(node.letter, spaces[0][0], spaces[1]), [*node.variables, *node.given]
        order = sorted(range(len(own)), key=lambda i: self.axis(own[i]))
        shape = [1] * len(AXES)
        for v in own:
            shape[self.axis(v)] = self.sizes[v.space]
        return np.log(np.transpose(table, order).reshape(shape))

    def sum_over(self, values, variable):
        axis = self.axis(variable)
        times = self.sizes[variable.space] if values.ndim == 0 or values.shape[axis] == 1 else 1
        return times * (values.sum(axis, keepdims=True) if values.ndim else values)

    def points(self, values, free):
        """The values where they are compared, and what to call each place."""
        return values, lambda i: [f"{v} = state {i[self.axis(v)]}" for v in free]

    def describe(self):
        out = "in a world of " + " and ".join(f"{n} states of {s}" for s, n in sorted(self.sizes.items()))
        out += "".join(f", {s} = {v.item():.3g}" for s, v in self.values.items())
        for (letter, space, given), table in sorted(self.tables.items(), key=str):
            if letter in self.letters:
                rows = "; ".join(" ".join(f"{v:.3g}" for v in row) for row in np.atleast_2d(table.T))
                out += f"\n{letter}({space}|{given[0]}) = [{rows}], one row for each {given[0]}" if given else \
                    f"\n{letter}({space}) = [{rows}]"
        return out


class Line(World):
    """The linear-Gaussian model: z ~ N(m, v), x | z ~ N(a z + b, s), q(z|x) = N(c x + d, t), on a grid of reals."""

    GRID = np.linspace(-15.0, 15.0, 301)

    def __init__(self, random, symbols, samples, letters, bound, narrow):
        super().__init__(random, symbols, samples, letters)
        self.laws, self.unit = {}, 0.1 if narrow else 1.0  # densities above one are for the narrow worlds to show
        self.law("p", ("z",), ()), self.law("p", ("x",), ("z",))
        few = np.array([-1.3, -0.4, 0.0, 0.7, 1.6])
        self.grids = {v: self.unit * (self.GRID if v in bound else few) for v in AXES}

    def __call__(self, expr):
        if isinstance(expr, de.Variable):
            return self.along(self.grids[expr.name], expr)
        return self.values[expr] if expr.is_Symbol else super().__call__(expr)

    def law(self, letter, spaces, given):
        """(slope, offset, variance) of an abstract density."""
        key = (letter, spaces, given)
        if key not in self.laws:
            u = np.round(self.random.random(3), 2)
            slope = 0.2 + 0.3 * u[0] if given else 0.0  # gentle, so that what lies on the grid's edge stays on the grid
            spread = 0.65 + 0.25 * u[2] if given else 0.5 + 0.2 * u[2]
            self.laws[key] = (slope, self.unit * (u[1] - 0.5), (self.unit * spread) ** 2)
        return self.laws[key]

    def log_abstract(self, node):
        spaces, given = tuple(v.space for v in node.variables), tuple(v.space for v in node.given)
        if node.letter != de.MODEL:
            slope, offset, variance = self.law(node.letter, spaces, given)
        else:
            _, m, v = self.law("p", ("z",), ())
            a, b, s = self.law("p", ("x",), ("z",))
            gain = v * a / (a * a * v + s)
            known = {(("z",), ()): (0.0, m, v), (("x",), ("z",)): (a, b, s),
                     (("x",), ()): (0.0, a * m + b, a * a * v + s),
                     (("z",), ("x",)): (gain, m - gain * (a * m + b), v - gain * a * v)}
            if len(spaces) == 2:
                vx, vz = sorted(node.variables, key=lambda v: v.space)
                return self.log_abstract(de.Density("p", (vz,))) + self.log_abstract(de.Density("p", (vx,), (vz,)))
            slope, offset, variance = known[spaces, given]
        centre = offset + (slope * self(node.given[0]) if node.given else 0.0)
        return -0.5 * (self(node.variables[0]) - centre) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)

    def sum_over(self, values, variable):
        axis = self.axis(variable)
        if values.ndim == 0 or values.shape[axis] == 1 or not np.all(np.isfinite(values)):
            raise CannotEvaluate("an integral that does not converge")
        size = np.abs(values).sum(axis, keepdims=True)
        ends = np.abs(values.take([0, -1], axis))
        total, coarse = values.sum(axis, keepdims=True), values.take(range(0, len(self.GRID), 2), axis)
        rough = np.abs(total - 2 * coarse.sum(axis, keepdims=True))
        if np.any(ends > 1e-11 * size) or np.any(rough > 1e-11 * size):  # it does not decay, or the grid is too coarse
            raise CannotEvaluate("an integral that the grid cannot tell")
        return total * self.unit * (self.GRID[1] - self.GRID[0])

    def points(self, values, free):
        for v in free:
            if values.ndim and values.shape[self.axis(v)] == len(self.GRID):
                values = values.take(range(130, 171, 8), self.axis(v))
        return values, lambda i: [f"{v} = {self._place(v)[i[self.axis(v)]]:.3g}" for v in free]

    def _place(self, variable):
        grid = self.grids[variable.name]
        return grid[130:171:8] if len(grid) == len(self.GRID) else grid

    def describe(self):
        shown = [f"{s} = {v.item():.3g}" for s, v in self.values.items()]
        for (letter, spaces, given), (slope, offset, variance) in sorted(self.laws.items()):
            if letter in self.letters:
                line = f"{slope:.3g} {given[0]} {'+' if offset >= 0 else '-'} {abs(offset):.3g}" if given else ""
                centre = line or f"{offset:.3g}"
                bar = f"|{given[0]}" if given else ""
                shown.append(f"{letter}({spaces[0]}{bar}) = N({centre}, {variance:.3g})")
        return "on the real line, with " + ", ".join(shown) if shown else "on the real line"
