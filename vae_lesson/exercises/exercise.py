"""Exercises whose answers are judged by mathematics, never by their spelling. Every lesson uses this one mechanism.

An exercise knows its solution and the usual mistakes. An answer is compared with the solution by a judge; if it is
wrong it is compared, by the same judge, with each mistake, so that the hint speaks of what the reader did. Those of a
lesson stand beside this file, one module each; on the page there is one line to write:

    from vae_lesson.exercises import lesson_02 as exercises

    answer = ...          # in place of the dots
    exercises.jensen.check(answer)

Importing this module takes no torch.
"""

import contextlib
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from vae_lesson import progress
from vae_lesson.symbolic import same

WIDTH = 100  # characters a line: JupyterLab breaks longer ones in the middle of a word
OFFER = "stuck? solve() in place of check(answer) shows a solution"


@dataclass
class Exercise:
    """A question with its solution, the judge of answers, and hints.

    Attributes:
        name: the exercise's number on the page, such as "2.1".
        solution: a right answer.
        equal: judge(answer, other) -> whether the two are the same answer; it raises ValueError, with a message for the
            reader, when an answer is not of the kind asked for.
        mistakes: pairs (wrong answer, what to say to it).
        hints: said one after another to other wrong answers, each plainer than the one before; they go on where they
            were when the kernel is restarted, and with the last one comes the offer of a solution.
        because: one or two sentences to a right answer.
        shown: the solution as the reader would write it.
    """

    name: str
    solution: Any
    equal: Callable[[Any, Any], bool]
    mistakes: Sequence[tuple[Any, str]] = ()
    hints: Sequence[str] = ()
    because: str = ""
    shown: str = ""

    def check(self, answer: Any = ...) -> "Reply":
        """Judge an answer; the dots of an untouched exercise are no answer and count as no try."""
        if answer is ...:
            return Reply(self.name, None, "write your answer in place of the dots, then run the cell again")
        record = progress.read(self.name)
        reply = self._judge(answer, record)
        if not record.solved:
            record.solved, record.tries = bool(reply.right), record.tries + 1
        progress.write(self.name, record)
        return reply

    def solve(self) -> "Reply":
        """Show the solution."""
        return Reply(self.name, None, f"one solution: {self.shown or self.solution}")

    def _judge(self, answer: Any, record: progress.Record) -> "Reply":
        """The reply to an answer; a general hint is counted in the record."""
        unfit = ""
        try:
            if self.equal(answer, self.solution):
                return Reply(self.name, True, self.because)
        except ValueError as error:
            unfit = str(error)
        for wrong, hint in self.mistakes:
            with contextlib.suppress(ValueError):  # unfit to be compared with this mistake
                if self.equal(answer, wrong):
                    return Reply(self.name, False, hint)
        if unfit:
            return Reply(self.name, False, unfit)
        record.hints = min(record.hints + 1, len(self.hints))
        hints = [*self.hints[record.hints - 1 : record.hints], *[OFFER] * (record.hints == len(self.hints))]
        return Reply(self.name, False, " · ".join(hints))


@dataclass(frozen=True)
class Reply:
    """What the reader is told: `right` is True, False, or None when there was nothing to judge."""

    name: str
    right: bool | None
    text: str

    def __repr__(self) -> str:
        word = {True: "right", False: "not yet", None: "your turn"}[self.right]
        said = f"Exercise {self.name}: {word}" + (f" · {self.text}" if self.text else "")
        if self.right is None:  # a solution is code
            return said
        wrap = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
        return "\n".join(wrap.fill(line) for line in said.split("\n"))


def same_number(tolerance: float) -> Callable[[Any, Any], bool]:
    """A judge of numbers: equal when they differ by at most `tolerance`."""

    def equal(answer: Any, other: Any) -> bool:
        try:
            value = float(answer)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"the answer should be a number, and {answer!r} is none") from error
        return abs(value - float(other)) <= tolerance

    return equal


def same_expression(answer: Any, other: Any) -> bool:
    """A judge of sympy expressions: equal as functions of their symbols, however they are written."""
    try:
        difference = sympy.sympify(answer) - sympy.sympify(other)
    except (sympy.SympifyError, TypeError) as error:
        raise ValueError(f"the answer should be an expression in the symbols of the page, not {answer!r}") from error
    symbols = sorted(difference.free_symbols, key=str)
    allowed = sympy.sympify(other).free_symbols
    if extra := [str(s) for s in symbols if s not in allowed]:
        raise ValueError(f"there should be no {', '.join(extra)} in the answer")
    rng = np.random.default_rng(0)
    points = ({s: sympy.Rational(int(n), 97) for s, n in zip(symbols, row, strict=True)}
              for row in rng.integers(20, 200, (5, len(symbols))))  # positive numbers: logarithms and roots exist
    try:
        return all(abs(complex(difference.subs(point).evalf(30))) < 1e-12 for point in points)
    except TypeError as error:  # an integral left as it is, an unknown function
        raise ValueError(f"the answer should give a number for numbers, and {answer} does not") from error


def same_function(*inputs: tuple) -> Callable[[Any, Any], bool]:
    """A judge of functions: equal when they agree to 1e-6 on each of the given tuples of arguments."""

    def equal(answer: Any, other: Any) -> bool:
        if not callable(answer):
            raise ValueError(f"the answer should be a function, not {answer!r}")
        return all(_close(_call(answer, arguments), other(*arguments)) for arguments in inputs)

    return equal


def same_line(answer: Any, other: Any) -> bool:
    """A judge of a side of a derivation's line: equal when the checker of derivations proves answer = other."""
    try:
        return bool(same(answer, other))
    except (TypeError, AttributeError, sympy.SympifyError) as error:
        raise ValueError(f"the answer should be an expression such as log(p(x)), not {answer!r}") from error


def _call(function: Callable, arguments: tuple) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        raise ValueError(f"your function raised {type(error).__name__}: {error}") from error


def _close(answer: Any, other: Any) -> bool:
    try:
        answer, other = np.asarray(answer, dtype=float), np.asarray(other, dtype=float)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: torch's, of a tensor with a gradient
        raise ValueError(f"your function returns a {type(answer).__name__}, no array of numbers: {error}") from error
    if answer.shape != other.shape:
        raise ValueError(f"your function returns shape {answer.shape}, wanted {other.shape}")
    return bool(np.allclose(answer, other, rtol=1e-6, atol=1e-6))
