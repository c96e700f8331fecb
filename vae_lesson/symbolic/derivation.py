"""Derivations: a start and lines, each judged, printed from the very objects that were judged. Notebooks 02 to 05."""

from sympy import sympify

from .layout import MARKS, explained, rows
from .printing import text
from .rules import RULES
from .verdict import UNDECIDED, Verdict, judge_line


class Derivation:
    """A start and lines; each line is judged against the one before it.

    Args:
        start: the expression that the derivation starts with.
        name: its name, for lines elsewhere that give it as their reason.
    """

    def __init__(self, start, name="shown above"):
        self.start, self.name = sympify(start), name
        self.lines: tuple[Verdict, ...] = ()

    def eq(self, expr, *reasons):
        """Adds the line '= expr'.

        Args:
            expr: the right side.
            reasons: names of rules, or accepted derivations.

        Returns:
            The derivation, so that lines can be chained.

        Raises:
            ValueError: without a reason, or for one that is unknown.
        """
        return self._add("=", expr, reasons)

    def ge(self, expr, *reasons):
        """Adds the line '>= expr'; as `eq`."""
        return self._add(">=", expr, reasons)

    def le(self, expr, *reasons):
        """Adds the line '<= expr'; as `eq`."""
        return self._add("<=", expr, reasons)

    def _add(self, relation, expr, reasons):
        if not reasons:
            raise ValueError(f"a line needs a reason; the reasons are: {', '.join(rule.name for rule in RULES)}")
        if {relation, self.relation} == {">=", "<="}:
            raise ValueError(f"a derivation with {self.relation} cannot go on with {relation}")
        self.lines = (*self.lines, judge_line(self.end, relation, expr, reasons))
        return self

    @property
    def end(self):
        """The last expression."""
        return self.lines[-1].right if self.lines else self.start

    @property
    def relation(self):
        """How start and end compare: "=", or the inequality among the lines."""
        return next((line.relation for line in self.lines if line.relation != "="), "=")

    @property
    def accepted(self):
        """Whether there are lines and every one of them is accepted."""
        return bool(self.lines) and all(line.accepted for line in self.lines)

    @property
    def verdict(self):
        """The Verdict on the whole: start against end, with the status of the worst line."""
        worst = max((line.status for line in self.lines), key=list(MARKS).index, default=UNDECIDED)
        bad = [str(i) for i, line in enumerate(self.lines, 1) if not line.accepted]
        many = f"{len(self.lines)} line{'s' if len(self.lines) > 1 else ''}"
        why = many if self.accepted else f"see line {', '.join(bad)}" if bad else "no lines yet"
        return Verdict(worst, self.start, self.relation, self.end, (), why)

    def __repr__(self):
        out = [f"   {text(self.start)}"]
        for line in self.lines:
            out.append(f"{line.relation:>2} {text(line.right)}   ({', '.join(line.reasons)}) {MARKS[line.status].text}")
            if not line.accepted:
                out.append(f"      {line.explanation}".replace("\n", "\n      "))
        return "\n".join(out)

    def _repr_latex_(self):
        return rf"$$\begin{{aligned}}{rows(self.start, self.lines)}\end{{aligned}}$$"

    def _repr_markdown_(self):
        notes = [explained(line, f"line {i}: ") for i, line in enumerate(self.lines, 1) if not line.accepted]
        return "\n\n".join([self._repr_latex_(), *notes])
