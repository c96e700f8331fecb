"""One line and what becomes of it: the two judges are heard, and a Verdict is given. Taught in notebooks 02 to 05."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import log as ln
from math import pi

from sympy import Float, Rational, sympify

from .bounds import at_least
from .densities import MODEL, Density
from .layout import MARKS, explained, rows
from .printing import text
from .proof import equal
from .rules import RULES, named
from .witness import Finding, judge

ACCEPTED, OTHER, UNDECIDED, REFUSED = MARKS
RELATIONS = {"=": "=", "==": "=", ">=": ">=", "≥": ">=", "<=": "<=", "≤": "<="}
TURNED = {">=": "<=", "<=": ">="}


@dataclass(frozen=True)
class Verdict:
    """What became of one line.

    Args:
        status: "accepted", "true, but not by this reason", "undecided" or "refused".
        left, relation, right: the line.
        reasons: the wording of the reasons given.
        why: an explanation in plain words.
        finding: what the witness saw.
        disagreement: whether the proof holds where the witness has a counterexample: a bug of ours, never accepted.
    """

    status: str
    left: object
    relation: str
    right: object
    reasons: tuple = ()
    why: str = ""
    finding: Finding = field(default_factory=lambda: Finding(None), repr=False)
    disagreement: bool = False

    @property
    def accepted(self):
        """Whether the line stands."""
        return self.status == ACCEPTED

    def __bool__(self):
        return self.accepted

    def __repr__(self):
        reasons = f"   ({', '.join(self.reasons)})" if self.reasons else ""
        head = f"{MARKS[self.status].text} {text(self.left)} {self.relation} {text(self.right)}{reasons}\n"
        return head + self.explanation.replace("\n", "\n    ")

    @property
    def explanation(self):
        """The status and why, in plain words."""
        return f"{self.status}: {self.why}" if self.why else self.status

    def _repr_markdown_(self):
        return f"$$\\begin{{aligned}}{rows(self.left, [self])}\\end{{aligned}}$$\n\n{explained(self)}"


def _switches(rules, *parts):
    return frozenset().union(*(getattr(rule, part) for rule in rules for part in parts))


def _proves(left, relation, right, switches, bounds=()):
    """Whether the switches, and one of the inequalities, prove the line."""
    if equal(left, right, switches):
        return True
    big, small = (left, right) if relation == ">=" else (right, left)
    return relation != "=" and any(at_least(big, small, bound, switches) for bound in sorted(bounds))


def _proved_by(left, relation, right, rules):
    return _proves(left, relation, right, _switches(rules, "own", "along"), {r.bound for r in rules} - {""})


def _needed(left, relation, right, rules):
    """Whether the line needs its reasons: not if what merely comes along with them proves it already."""
    if any(not rule.own and not rule.bound for rule in rules):  # algebra and 'multiply by one' claim nothing
        return True
    return not _proves(left, relation, right, _switches(rules, "along") - _switches(rules, "own"))


def _reasons_that_prove(left, relation, right):
    """The fewest of our rules that prove the line: one if one does, else what is left when all that can go went."""
    for rule in RULES:
        if _proved_by(left, relation, right, [rule]):
            return [rule]
    plain = [rule for rule in RULES if rule.own]
    for bound in [None] if relation == "=" else [rule for rule in RULES if rule.bound]:
        kinds = {bound.bound} if bound else ()
        if _proves(left, relation, right, _switches(plain, "own"), kinds):
            needed = plain
            for rule in reversed(plain):
                fewer = [r for r in needed if r is not rule]
                needed = fewer if _proves(left, relation, right, _switches(fewer, "own"), kinds) else needed
            return [*needed, *([bound] if bound else [])]
    return []


def _number(value):
    """A positive number as a reader likes it: 1/2, log(2 pi), or four digits."""
    for unit, name in ((1.0, ""), (ln(2 * pi), "log(2 pi)"), (ln(2), "log(2)"), (pi, "pi")):
        nice = Fraction(value / unit).limit_denominator(12)
        if nice and abs(nice * unit - value) < 1e-7:
            return str(nice) if not name else name if nice == 1 else f"{nice} {name}"
    return f"{value:.7g}"


def _against(finding):
    """A counterexample in words."""
    kind, number = finding.constant or ("", 0.0)
    sign = "-" if number < 0 else "+" if kind == "difference" else ""
    size = _number(abs(number)) if number else ""
    said = {"": "the two sides differ", "difference": f"equal only up to a constant: right = left {sign} {size}",
            "ratio": f"equal only up to a factor: right = {sign}{size} times left"}[kind]
    return f"{said}\nleft = {finding.left:.4g}, right = {finding.right:.4g} {finding.where}"


def _hint(left, relation, right, rules):
    """What an inequality named as the reason does show, where the line says something else."""
    names = [(sign, rule) for rule in rules if rule.bound for sign in TURNED if sign != relation]
    for sign, rule in names:
        if _proved_by(left, sign, right, [rule]):
            return f"\n{rule.name} gives {sign} here"
    return ""


def _one_meaning_per_letter(*exprs):
    """Raises ValueError where a letter other than p stands for two densities, such as q(z|x) and q(z)."""
    shapes = {}
    for density in sorted(set().union(*(e.atoms(Density) for e in exprs)), key=str):
        shape = tuple(v.space for v in density.variables), tuple(v.space for v in density.given)
        first, shape_seen = shapes.setdefault(density.letter, (density, shape))
        if density.letter != MODEL and shape != shape_seen:
            raise ValueError(f"{first} and {density} are two densities: give one of them another letter, Family('r')")


def judge_line(left, relation, right, reasons):
    """Hears both judges about one line; arguments and result as `check`."""
    written = sympify(left), sympify(right)
    left, right = (e.xreplace({f: Rational(str(f)) for f in e.atoms(Float)}) for e in written)
    _one_meaning_per_letter(left, right)
    lemmas = [r for r in reasons if not isinstance(r, str)]
    rules = [named(r) for r in reasons if isinstance(r, str)]
    wording = tuple(r if isinstance(r, str) else r.name for r in reasons)
    finding = judge(left, relation, right)
    if lemmas:
        proved = needed = _proved_by_lemmas(left, relation, right, lemmas, rules)
    else:
        proved = bool(rules) and _proved_by(left, relation, right, rules)
        needed = proved and _needed(left, relation, right, rules)

    def verdict(status, why=""):
        clash = bool(proved and finding.agrees is False)
        return Verdict(status, written[0], relation, written[1], wording, why, finding, clash)

    if finding.agrees is False:
        return verdict(REFUSED, _against(finding) + _hint(left, relation, right, rules))
    if finding.agrees is None:
        return verdict(UNDECIDED, "no world can put numbers to both sides (does every integral converge?)")
    if needed:
        return verdict(ACCEPTED)
    others = _reasons_that_prove(left, relation, right)
    if not others:
        return verdict(UNDECIDED, f"no counterexample in {finding.worlds} worlds, and no proof by our rules either")
    names = " + ".join(rule.name for rule in others)
    return verdict(OTHER, f"it holds by {names}") if reasons else verdict(ACCEPTED, f"by {names}")


def _proved_by_lemmas(left, relation, right, lemmas, rules):
    """Whether left - right is the sum of what earlier derivations showed (or minus that, if they are equations)."""
    if not all(d.accepted and d.relation in ("=", relation) for d in lemmas):
        return False
    gap, shown = left - right, sum((d.start - d.end for d in lemmas), sympify(0))
    switches = _switches(rules, "own", "along")
    both_ways = all(d.relation == "=" for d in lemmas)
    return equal(gap, shown, switches) or (both_ways and equal(gap, -shown, switches))


def check(left, relation, right, *reasons):
    """Judges one line.

    Args:
        left, right: expressions.
        relation: "=", ">=" or "<=".
        reasons: names of rules, or accepted derivations; with none, any of our rules will do, and are named.

    Returns:
        A Verdict, true in an `if` when the line is accepted.

    Raises:
        ValueError: for an unknown relation or reason, and where one letter stands for two densities.
    """
    if relation not in RELATIONS:
        raise ValueError(f"relation must be '=', '>=' or '<=', and {relation!r} came")
    return judge_line(left, RELATIONS[relation], right, reasons)


def same(left, right):
    """Whether two expressions are equal by any of our rules, as a Verdict."""
    return check(left, "=", right)
