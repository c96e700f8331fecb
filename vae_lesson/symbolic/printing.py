"""How expressions look: LaTeX as a textbook sets it, and plain text for terminals. Used by notebooks 02 to 05.

The nodes know their own shape (sympy's `_latex` and `_sympystr` hooks); here are the two printers, which only put the
positive terms of a sum first, so that the reader sees z - mu and not -mu + z.
"""

from sympy.printing.latex import LatexPrinter
from sympy.printing.printer import Printer
from sympy.printing.str import StrPrinter

BLUE, GREEN, RED, ORANGE = "#1f6feb", "#00805c", "#d1242f", "#b35900"


class _PositiveFirst(Printer):
    def _as_ordered_terms(self, expr, order=None):
        terms = super()._as_ordered_terms(expr, order=order)
        return sorted(terms, key=lambda term: term.could_extract_minus_sign())


class _Tex(_PositiveFirst, LatexPrinter):
    def _print_log(self, expr, exp=None):
        arg = expr.args[0]
        simple = arg.is_Symbol or (arg.is_Pow and arg.exp.is_Integer and arg.base.is_Symbol) or arg.is_Number
        tex = rf"\log {self._print(arg)}" if simple else rf"\log\left({self._print(arg)}\right)"
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"


class _Text(_PositiveFirst, StrPrinter):
    pass


def tex(expr):
    """The expression in LaTeX that MathJax 3 and KaTeX both read.

    Args:
        expr: a sympy expression, ours or plain.

    Returns:
        A string without dollar signs.
    """
    return _Tex({"fold_short_frac": False}).doprint(expr)


def text(expr):
    """The expression in one line of readable plain text.

    Args:
        expr: a sympy expression, ours or plain.

    Returns:
        A string.
    """
    return _Text().doprint(expr)


def coloured(tex_source, colour):
    """LaTeX in a colour, written so that MathJax 2, MathJax 3 and KaTeX agree about its extent."""
    return rf"{{\color{{{colour}}}{{{tex_source}}}}}"
