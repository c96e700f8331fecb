"""Lesson 03's own mathematics: the solutions against independent computations, and what each judge refuses."""

import numpy as np
import pytest
import sympy

from vae_lesson.exercises import lesson_03 as lesson
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.symbolic import ELBO, E, check, integral, log, p, q, x, z


def test_bayes_rule_gives_the_evidence_and_the_direction_gives_the_gap():
    assert check(lesson.bayes.solution, "=", log(p(x)))
    elbo = E(q(z | x), log(p(x, z) / q(z | x)))
    assert check(log(p(x)) - elbo, "=", lesson.direction.solution)


def test_the_gradient_is_the_slope_of_the_bound():
    model, seen, place, step = LinearGaussian(1.5, 0.0, 0.5), 1.0, 0.4, 1e-5
    mean, variance = model.posterior(seen)
    slope = (model.elbo(seen, place + step, 0.2) - model.elbo(seen, place - step, 0.2)) / (2 * step)
    here = {lesson.mu: place, lesson.m: float(mean), lesson.s: sympy.sqrt(float(variance))}
    assert float(slope) == pytest.approx(float(lesson.gradient.solution.subs(here)), abs=1e-6)


def test_tables_by_hand():
    assert lesson.table_kl([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert lesson.table_kl([0.5, 0.5], [1.0, 0.0]) == np.inf
    assert lesson.table_kl([1.0, 0.0], [0.5, 0.5]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("answer, said", [
    (log(p(x)), "what we want to write"),
    (log(p(x)) + log(p(z)) - log(p(z)), "what we want to write"),
    (log(p(x, z)) - log(p(z | x)), "write p(x, z) as"),
    (log(integral(p(x | z) * p(z), z)), "nothing is averaged"),
    (log(E(p(z), p(x | z))), "nothing is averaged"),
])
def test_bayes_refuses_what_is_true_and_not_asked_for(answer, said):
    assert check(answer, "=", log(p(x)))
    reply = lesson.bayes.check(answer)
    assert reply.right is False and said in reply.text


@pytest.mark.parametrize("answer", [
    log(p(x)) - ELBO(q(z | x), p(x, z)), log(p(x)) - E(q(z | x), log(p(x, z) / q(z | x))),
])
def test_direction_refuses_the_question_as_its_answer(answer):
    assert check(answer, "=", lesson.direction.solution)
    reply = lesson.direction.check(answer)
    assert reply.right is False and "the gap itself" in reply.text


def test_any_spelling_of_bayes_and_of_the_divergence_will_do():
    assert lesson.bayes.check(log(p(x | z) * p(z) / p(z | x))).right is True
    assert lesson.direction.check(E(q(z | x), log(q(z | x) / p(z | x)))).right is True
