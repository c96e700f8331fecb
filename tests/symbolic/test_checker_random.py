"""Random expressions, changed by true rules and by slips: no proof holds where the witness has a counterexample."""

from bank_true import c, mu, n, n0, sigma
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_lesson.symbolic import ELBO, KL, E, H, integral, log, p, q, x, z
from vae_lesson.symbolic.arithmetic import Log, Minus, Over, Plus, Times
from vae_lesson.symbolic.densities import Density
from vae_lesson.symbolic.expressions import Entropy, EvidenceBound, Expectation, Integral, KullbackLeibler
from vae_lesson.symbolic.proof import equal
from vae_lesson.symbolic.rules import RULES
from vae_lesson.symbolic.verdict import check
from vae_lesson.symbolic.witness import judge

EVERYTHING = frozenset().union(*(rule.own for rule in RULES))
SETTINGS = settings(deadline=None, derandomize=True, max_examples=40, suppress_health_check=list(HealthCheck))

densities = st.sampled_from([p(x), p(z), p(x | z), p(z | x), p(x, z), q(z | x)])
laws = st.sampled_from([p(x), p(z), p(z | x), p(x | z), q(z | x)])
ratios = st.one_of(densities, st.builds(lambda a, b: a * b, densities, densities),
                   st.builds(lambda a, b, d: a * b / d, densities, densities, densities))


def grow(children):
    """Sums, multiples and averages of smaller expressions."""
    return st.one_of(st.builds(lambda a, b: a + b, children, children), st.builds(E, laws, children),
                     st.builds(lambda a, b: a - b, children, children), st.builds(lambda a: 2 * a, children),
                     st.builds(lambda a, d: integral(d * a, d.variables[0]), children, laws))


scalars = st.one_of(st.builds(log, ratios), ratios, st.just(KL(q(z | x), p(z))), st.just(KL(q(z | x), p(z | x))),
                    st.just(H(q(z | x))), st.just(ELBO(q(z | x), p(x, z))))
expressions = st.recursive(scalars, grow, max_leaves=4)


SAME = {p(x): integral(p(x, z), z), p(z): integral(p(x, z), x), p(x, z): p(x | z) * p(z), p(x | z): p(x, z) / p(z),
        p(z | x): p(x | z) * p(z) / p(x)}


def true_forms(node):
    """Other ways to write one node that mean the same."""
    if node in SAME:
        yield SAME[node]
    if isinstance(node, Expectation):
        yield integral(node.args[0] * node.args[1], node.bound[0])
    if isinstance(node, KullbackLeibler):
        yield E(node.args[0], log(node.args[0] / node.args[1]))
        yield E(node.args[0], log(node.args[0])) - E(node.args[0], log(node.args[1]))
    if isinstance(node, Entropy):
        yield -E(node.args[0], log(node.args[0]))
    if isinstance(node, EvidenceBound):
        yield log(p(x)) - KL(q(z | x), p(z | x))
        yield E(q(z | x), log(p(x | z))) - KL(q(z | x), p(z))
    if isinstance(node, Log) and isinstance(node.args[0], Over):
        yield log(node.args[0].args[0]) - log(node.args[0].args[1])
    if isinstance(node, Log) and isinstance(node.args[0], Times):
        yield sum((log(a) for a in node.args[0].args[1:]), log(node.args[0].args[0]))
    if isinstance(node, Expectation) and isinstance(node.args[1], Plus):
        law, (first, *rest) = node.args[0], node.args[1].args
        yield sum((E(law, a) for a in rest), E(law, first))
    yield node * (q(z | x) / q(z | x))
    yield node * integral(p(x | z), x)


def slips(node):
    """What a slip makes of one node; some of it happens to be true."""
    if isinstance(node, Density):
        yield from (d for d in (p(x), p(z), p(x | z), p(z | x), q(z | x), p(x, z)) if d != node)
    if isinstance(node, Log):
        yield node.args[0]
    if isinstance(node, Minus):
        yield node.args[0]
    if isinstance(node, Times) and len(node.args) > 1:
        yield node.args[0]
        yield node.args[-1]
    if isinstance(node, Over):
        yield node.args[0]
        yield node.args[1] / node.args[0]
    if isinstance(node, KullbackLeibler):
        yield KL(node.args[1], node.args[0])
        yield -node
    if isinstance(node, Expectation):
        yield node.args[1]
        yield from (E(d, node.args[1]) for d in (p(z), q(z | x), p(x)) if d != node.args[0])
    if isinstance(node, Integral):
        yield integral(node.args[0], x if node.args[1] == z else z)
    if isinstance(node, Plus):
        yield node.args[0]
        yield node.args[0] - node.args[1]
    if isinstance(node, Expectation | Integral | KullbackLeibler | Entropy | EvidenceBound):
        yield 2 * node
        yield node + 1


def places(node):
    """Every place where an expression stands, and a function that puts another there."""
    yield node, lambda new: new
    children = {Expectation: (1,), Integral: (0,), Density: (), KullbackLeibler: (), Entropy: (), EvidenceBound: ()}
    for i in children.get(type(node), range(len(node.args))):
        for inner, put in places(node.args[i]):
            yield inner, lambda new, i=i, put=put: node.func(*node.args[:i], put(new), *node.args[i + 1:])


def changed(data, expr, forms):
    options = [put(new) for node, put in places(expr) for new in forms(node)]
    return data.draw(st.sampled_from(options)) if options else expr


def agree(left, right):
    """Both judges' answers, which must not contradict each other."""
    proved, finding = equal(left, right, EVERYTHING), judge(left, "=", right)
    assert not (proved and finding.agrees is False), f"the judges disagree: {left} = {right}"
    return proved, finding


@SETTINGS
@given(st.data(), expressions)
def test_true_changes_are_never_refused(data, expr):
    other = changed(data, changed(data, expr, true_forms), true_forms)
    _, finding = agree(expr, other)
    assert finding.agrees is not False, f"{expr} = {other}"


@SETTINGS
@given(st.data(), expressions)
def test_true_changes_are_proved(data, expr):
    other = changed(data, expr, true_forms)
    assert equal(expr, other, EVERYTHING), f"{expr} = {other}"


@SETTINGS
@given(st.data(), expressions)
def test_slips_never_make_the_judges_disagree(data, expr):
    agree(expr, changed(data, expr, slips))


@SETTINGS
@given(expressions, expressions)
def test_unrelated_expressions_never_make_the_judges_disagree(left, right):
    agree(left, right)


@SETTINGS
@given(st.data(), expressions, st.sampled_from([">=", "<="]))
def test_inequalities_are_never_proved_against_the_witness(data, expr, relation):
    other = changed(data, expr, slips)
    for rule in ("Jensen's inequality", "KL is not negative", "log t <= t - 1"):
        assert not check(expr, relation, other, rule, "definition of KL", "linearity").disagreement


coefficients = st.integers(-2, 2)
polynomials = st.builds(lambda a, b, d, e: a + b * z + d * (z - mu) ** 2 + e * mu * sigma * z**2,
                        coefficients, coefficients, coefficients, coefficients)


@SETTINGS
@given(polynomials, polynomials, st.sampled_from([n, n0]))
def test_gaussian_moments_agree_with_quadrature(one, other, law):
    moment = E(law, one).doit()
    agree(moment, E(law, other))
    agree(c * E(law, one + other), c * E(law, one) + c * E(law, other))
    proved, finding = agree(integral(law.pdf * one, z), E(law, one))
    assert proved and finding.agrees
