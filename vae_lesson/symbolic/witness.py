"""The second judge: both sides evaluated in random worlds, looking for one where the line is false.

It shares the expressions with the first judge (`proof`) and nothing else. The seeds are fixed: the same line gets the
same answer, always. Taught in notebooks 02 to 05.
"""

from dataclasses import dataclass

import numpy as np
import sympy

from . import densities as de
from . import expressions as ex
from .worlds import AXES, CannotEvaluate, Finite, Line

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Finding:
    """What the witness saw.

    Args:
        agrees: True, False, or None where no world could evaluate the line.
        left, right: the two numbers of the counterexample.
        where: the point and the world of it.
        constant: for a refused equation, ("difference" or "ratio", number) if it is the same everywhere.
        worlds: how many worlds judged.
    """

    agrees: bool | None
    left: float = 0.0
    right: float = 0.0
    where: str = ""
    constant: tuple | None = None
    worlds: int = 0


def _worlds(left, right):
    nodes = [n for e in (left, right) for n in sympy.preorder_traversal(e)]
    variables = {n for n in nodes if isinstance(n, de.Variable)}
    parameters = {n for n in nodes if n.is_Symbol and not isinstance(n, de.Variable)}
    letters = {n.letter for n in nodes if isinstance(n, de.Density)}
    bound = {v.name for n in nodes if isinstance(n, ex.Binder) for v in n.bound}
    sampled = any(v.name.endswith("_1:K") for v in variables)
    bound |= {"z_1", "z_2", "z_3"} if sampled else set()
    on_the_line = any(isinstance(n, de.Normal) or (isinstance(n, sympy.exp) and n.atoms(de.Variable)) for n in nodes)
    too_many = len([v for v in bound if "_" in v]) > 1 and "x" in bound
    for i in range(0 if on_the_line else 30):
        yield Finite(np.random.default_rng(1000 + i), parameters, 1 + i % 3, letters, small=i < 12)
    for i in range(12 if on_the_line else 0 if too_many else 6):
        narrow = not on_the_line and i > 2
        yield Line(np.random.default_rng(2000 + i), parameters, 1 + i % 2, letters, bound, narrow)


def _evaluate(world, left, right, free):
    """Both sides where they are compared and a function that names the places, or None where the world cannot tell."""
    try:
        with np.errstate(all="ignore"):
            a, b = np.broadcast_arrays(*(np.asarray(world(e), float) for e in (left, right)))
        a, name = world.points(a, free)
        b, _ = world.points(b, free)
    except CannotEvaluate:
        return None
    return (a, b, name) if np.all(np.isfinite(a)) and np.all(np.isfinite(b)) else None


def judge(left, relation, right):
    """Evaluates both sides in random worlds.

    Args:
        left, right: the sides.
        relation: "=", ">=" or "<=".

    Returns:
        A Finding.
    """
    free = sorted({v for e in (left, right) for v in e.free_symbols if isinstance(v, de.Variable)}, key=str)
    if not all(v.name in AXES for v in free):  # samples that no expectation draws
        return Finding(None)
    seen, against, told = [], None, {}
    for world in _worlds(left, right):
        sides = _evaluate(world, left, right, free)
        told[type(world)] = told.get(type(world), False) or sides is not None
        if sides is None:
            continue
        a, b, name = sides
        seen.append((a.ravel(), b.ravel()))
        size = np.maximum(1e-3, np.maximum(np.abs(a), np.abs(b)))
        wrong = {"=": np.abs(a - b), ">=": b - a, "<=": a - b}[relation] / size
        worst = np.unravel_index(np.argmax(wrong), wrong.shape)
        if wrong[worst] > TOLERANCE and against is None:
            place = ", ".join(name(worst))
            where = (f"at {place}, " if place else "") + world.describe()
            against = Finding(False, float(a[worst]), float(b[worst]), where)
        if against and (relation != "=" or (len(seen) > 3 and _constant(seen) is None)):
            break
    if against is None:  # what only the finite worlds can tell may diverge on the real line
        return Finding(True if told and all(told.values()) else None, worlds=len(seen))
    constant = _constant(seen) if relation == "=" else None
    return Finding(False, against.left, against.right, against.where, constant, len(seen))


def _constant(seen):
    """The one number that the sides differ by everywhere, or the one factor."""
    a, b = (np.concatenate(side) for side in zip(*seen, strict=True))
    if len(seen) < 3 or np.ptp(a) < TOLERANCE or np.ptp(b) < TOLERANCE:
        return None
    with np.errstate(all="ignore"):
        for kind, values in (("difference", b - a), ("ratio", b / a)):
            if np.all(np.isfinite(values)) and np.ptp(values) < 1e-8 * max(1.0, abs(values[0])):
                return kind, float(values[0])
    return None
