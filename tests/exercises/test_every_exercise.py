"""Every exercise of every lesson: its solution is right, each mistake gets its own hint, other answers are survived."""

import importlib
import pkgutil

import numpy as np
import pytest
import sympy
import torch

from vae_lesson import exercises, symbolic
from vae_lesson.exercises import exercise as exercise_module
from vae_lesson.exercises.exercise import Exercise
from vae_lesson.symbolic import E, log, p, q, x, z

LESSONS = [
    importlib.import_module(f"vae_lesson.exercises.{module.name}")
    for module in pkgutil.iter_modules(exercises.__path__)
    if module.name.startswith("lesson_")
]
EXERCISES = [(lesson, value) for lesson in LESSONS for value in vars(lesson).values() if isinstance(value, Exercise)]
every_exercise = pytest.mark.parametrize("lesson, exercise", EXERCISES, ids=[e.name for _, e in EXERCISES])
STRANGE = [
    None, "log 2", [], {}, np.nan, np.inf, 10**400, np.ones(3), log(p(z)), E(q(z | x), log(p(z))), x, p,
    sympy.Symbol("t"),
    lambda: 1, lambda a: "no", lambda a: None, lambda a, b: "no", lambda a, b: None, lambda a, b: a.sum(0),
    lambda a, b, c: "no", lambda a, b, c: None, lambda *_: {},
]  # fmt: skip


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.__name__[-2:])
def test_a_lesson_has_three_to_five(lesson):
    names = [exercise.name for where, exercise in EXERCISES if where is lesson]
    assert names == [f"{int(lesson.__name__[-2:])}.{number}" for number in range(1, len(names) + 1)]
    assert 3 <= len(names) <= (16 if names[0] == "11.1" else 5)  # the clinic: a diagnosis and a cure in eight wards


@every_exercise
def test_the_solution_and_what_is_shown_are_right(lesson, exercise):
    symbols = {str(symbol): symbol for symbol in getattr(exercise.solution, "free_symbols", ())}
    names = {"np": np, "sympy": sympy} | symbols | {name: getattr(symbolic, name) for name in symbolic.__all__}
    for answer in (exercise.solution, eval(exercise.shown or repr(exercise.solution), names)):
        reply = exercise.check(answer)
        assert reply.right is True and reply.text == exercise.because


@every_exercise
def test_each_mistake_is_wrong_and_gets_its_own_hint(lesson, exercise):
    assert len({hint for _, hint in exercise.mistakes}) >= 3
    for wrong, hint in exercise.mistakes:
        reply = exercise.check(wrong)
        assert reply.right is False and reply.text == hint


@every_exercise
@pytest.mark.parametrize("answer", STRANGE, ids=range(len(STRANGE)))
def test_other_answers_are_not_right_and_are_survived(lesson, exercise, answer):
    reply = exercise.check(answer)
    assert reply.right is False and reply.text


def test_answers_without_numbers_are_survived():
    t = sympy.Symbol("t")
    expression = Exercise("0.0", t, exercise_module.same_expression)
    for answer in (sympy.Function("f")(t), sympy.Integral(t, t), sympy.zoo, sympy.nan):
        assert expression.check(answer).right is False
    function = Exercise("0.0", lambda a: a, exercise_module.same_function((np.ones(2),)))
    reply = function.check(lambda a: torch.ones(2, requires_grad=True))
    assert reply.right is False and "detach" in reply.text


@every_exercise
def test_replies_fit_their_lines_word_by_word_and_solutions_stay_code(lesson, exercise):
    """JupyterLab would break a longer line in the middle of a word."""
    for answer in (exercise.solution, *(wrong for wrong, _ in exercise.mistakes)):
        reply = exercise.check(answer)
        word = "right" if reply.right else "not yet"
        assert all(len(line) <= 100 for line in repr(reply).split("\n"))
        assert " ".join(repr(reply).split()) == " ".join(f"Exercise {exercise.name}: {word} · {reply.text}".split())
    assert repr(exercise.solve()).endswith(f"one solution: {exercise.shown or exercise.solution}")


@every_exercise
def test_the_dots_are_no_answer(lesson, exercise):
    assert exercise.check(...).right is None
