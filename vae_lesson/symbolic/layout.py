"""How a derivation lies on the page: aligned equations, the reason in blue beside each line, a tick or a cross.

Used by notebooks 02 to 05.
"""

from typing import NamedTuple

from sympy import S

from .arithmetic import Plus
from .printing import BLUE, GREEN, ORANGE, RED, coloured, tex, text


class Mark(NamedTuple):
    """The sign of a verdict: in text, in LaTeX, its colour."""

    text: str
    tex: str
    colour: str


MARKS = {  # from best to worst
    "accepted": Mark("✓", r"\checkmark", GREEN),
    "true, but not by this reason": Mark("✗", r"\text{✗}", ORANGE),
    "undecided": Mark("?", r"\text{?}", ORANGE),
    "refused": Mark("✗", r"\text{✗}", RED),
}
SIGN = {"=": "=", ">=": r"\ge", "<=": r"\le"}
WIDE = 64  # characters of plain text that still fit beside a reason


def rows(start, lines):
    """The rows of an aligned block.

    Args:
        start: the expression that the lines start from.
        lines: the verdicts.

    Returns:
        LaTeX, without \\begin and \\end.
    """
    beside = bool(lines) and len(text(start)) <= 24  # a short start stands on the row of the first line
    out = [] if beside else [f"& {tex(start)}"]
    for i, line in enumerate(lines):
        first, *more = _broken(line.right)
        head = tex(start) if beside and i == 0 else ""
        out += [f"{head} &{SIGN[line.relation]} {first}", *(rf"&\qquad {part}" for part in more)]
        mark = MARKS[line.status]
        out[-1] += f" && {_reason(line.reasons)} {coloured(mark.tex, mark.colour)}"
    return r" \\ ".join(out)


def _reason(reasons):
    wording = ", ".join(reasons).replace("&", r"\&").replace("_", r"\_").replace("<=", r"} \le \text{")
    return coloured(rf"\text{{({wording})}}", BLUE) + r"\;" if reasons else ""


def _broken(expr):
    """The expression in pieces of LaTeX that fit a line, broken between the terms of a sum."""
    if len(text(expr)) <= WIDE or not isinstance(expr, Plus):
        return [tex(expr)]
    pieces, width = [tex(expr.args[0])], len(text(expr.args[0]))
    for term in expr.args[1:]:
        source = tex(Plus(S.Zero, term)).removeprefix("0 ")
        width += len(text(term))
        if width > WIDE:
            pieces.append(source)
            width = len(text(term))
        else:
            pieces[-1] += f" {source}"
    return pieces


def explained(verdict, which=""):
    """The status and the explanation of a verdict in markdown; the numbers and the world in a block of their own."""
    head, *rest = verdict.why.split("\n")
    said = f"**{which}{verdict.status}**" + (f": {head}" if head else "")
    return said + ("\n\n```\n" + "\n".join(rest) + "\n```" if rest else "")
