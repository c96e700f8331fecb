"""The source note's three derivations, KL >= 0, the K-sample bound and the Gaussian KL, whole; and how they print."""

import pytest
import sympy
from bank_true import closed, elbo, log_ratio, mu, n, n0, q_x, qK, sigma, w, wk

from vae_lesson.symbolic import (
    ELBO,
    KL,
    REASONS,
    Derivation,
    E,
    Family,
    check,
    half,
    integral,
    k,
    lift,
    log,
    mean,
    normal,
    p,
    q,
    same,
    tex,
    text,
    x,
    z,
)


def importance():
    d = Derivation(log(p(x)), name="derivation 1")
    d.eq(log(integral(p(x | z) * p(z), z)), "marginalisation")
    d.eq(log(integral(q_x * w, z)), "multiply by one")
    d.eq(log(E(q_x, w)), "definition of expectation")
    d.ge(E(q_x, log(w)), "Jensen's inequality")
    return d.eq(elbo, "definition of expectation")


def bayes():
    d = Derivation(log(p(x)), name="derivation 2")
    d.eq(integral(q_x * log(p(x)), z), "p(x) does not depend on z")
    d.eq(integral(q_x * log(p(x | z) * p(z) / p(z | x)), z), "Bayes' rule")
    d.eq(integral(q_x * log(w * (q_x / p(z | x))), z), "multiply by one")
    d.eq(elbo + integral(q_x * log(q_x / p(z | x)), z), "log of a product", "linearity")
    d.eq(elbo + KL(q_x, p(z | x)), "definition of KL")
    return d.ge(elbo, "KL is not negative")


def posterior_kl():
    d = Derivation(KL(q_x, p(z | x)), name="derivation 3")
    d.eq(integral(q_x * log(q_x / p(z | x)), z), "definition of KL")
    d.eq(integral(q_x * log(q_x * p(x) / (p(x | z) * p(z))), z), "Bayes' rule")
    rest = integral(q_x * log(q_x / (p(x | z) * p(z))), z)
    d.eq(integral(q_x * log(p(x)), z) + rest, "log of a product", "linearity")
    d.eq(log(p(x)) + rest, "p(x) does not depend on z")
    two = integral(q_x * log(q_x / p(z)), z) - integral(q_x * log(p(x | z)), z)
    d.eq(log(p(x)) + two, "log of a product", "linearity")
    return d.eq(log(p(x)) + KL(q_x, p(z)) - E(q_x, log(p(x | z))), "definition of KL", "definition of expectation")


def rearranged():
    left = log(p(x)) - KL(q_x, p(z | x))
    return Derivation(left).eq(E(q_x, log(p(x | z))) - KL(q_x, p(z)), posterior_kl())


def kl_not_negative():
    d = Derivation(-KL(q_x, p(z)))
    d.eq(-E(q_x, log(q_x / p(z))), "definition of KL").eq(E(q_x, log(p(z) / q_x)), "log of a product", "linearity")
    d.le(E(q_x, p(z) / q_x - 1), "log t <= t - 1").eq(E(q_x, p(z) / q_x) - 1, "linearity", "normalisation")
    return d.eq(integral(p(z), z) - 1, "definition of expectation").eq(0, "normalisation")


def many_samples():
    d = Derivation(E(qK, log(mean(wk, z[k]))))
    d.le(log(E(qK, mean(wk, z[k]))), "Jensen's inequality").eq(log(E(q_x, p(x, z) / q_x)), "samples")
    return d.eq(log(integral(p(x, z), z)), "definition of expectation").eq(log(p(x)), "marginalisation")


def gaussian_kl():
    d = Derivation(KL(n, n0)).eq(E(n, log(n / n0)), "definition of KL").eq(E(n, log_ratio), "Gaussian density")
    first = -sympy.log(sigma)
    d.eq(first + E(n, z**2) / 2 - E(n, (z - mu) ** 2) / (2 * sigma**2), "linearity", "normalisation")
    return d.eq(first + (mu**2 + sigma**2) / lift(2) - half, "Gaussian moments").eq(closed, "algebra")


ALL = [importance, bayes, posterior_kl, rearranged, kl_not_negative, many_samples, gaussian_kl]


@pytest.mark.parametrize("make", ALL)
def test_the_derivations_stand(make):
    d = make()
    assert d.accepted and d.verdict.accepted, repr(d)
    assert repr(d).count("✓") == len(d.lines)
    assert repr(make()) == repr(d)  # no hidden state


def test_the_three_derivations_end_on_one_expression():
    assert same(importance().end, bayes().end)
    assert same(importance().end, rearranged().end)
    assert same(importance().end, ELBO(q_x, p(x, z)))
    assert not same(importance().end, posterior_kl().end)


@pytest.mark.parametrize("form", [
    elbo, E(q_x, log(p(x, z) / q_x)), E(q_x, log(p(x | z))) - KL(q_x, p(z)), log(p(x)) - KL(q_x, p(z | x)),
    E(q_x, log(p(x, z))) - E(q_x, log(q_x)),
])
def test_forms_of_the_elbo(form):
    assert same(form, ELBO(q_x, p(x, z)))


def test_one_bad_line_spoils_the_derivation():
    d = Derivation(log(p(x))).eq(log(E(p(x), p(z | x))), "marginalisation")
    d.ge(E(p(x), log(p(z | x))), "Jensen's inequality")
    assert not d.accepted and d.verdict.status == "refused" and d.verdict.why == "see line 1"
    assert [line.accepted for line in d.lines] == [False, True]
    assert "left = " in d._repr_markdown_() and r"\text{✗}" in d._repr_latex_()


def test_a_derivation_that_does_not_stand_is_no_reason():
    bad = Derivation(p(x)).eq(p(z), "algebra")
    assert not check(p(x), "=", p(x), bad)
    assert not check(p(x), "=", p(z), bad)
    true_by_another_rule = Derivation(log(p(x))).eq(E(q_x, log(p(x))), "multiply by one")
    assert not check(log(p(x)), "=", E(q_x, log(p(x))), true_by_another_rule)
    assert check(log(p(x)), "=", E(q_x, log(p(x))), Derivation(log(p(x))).eq(true_by_another_rule.end, "normalisation"))


def test_an_inequality_is_no_reason_for_the_other_direction():
    lower = importance()
    assert check(log(p(x)), ">=", elbo, lower)
    assert not check(elbo, ">=", log(p(x)), lower) and not check(log(p(x)), "=", elbo, lower)
    assert not check(elbo + 1, ">=", log(p(x)) + 1, lower)


def test_constants_are_named():
    off = check(KL(n, n0), "=", half * (lift(mu**2) + sigma**2 - sympy.log(sigma**2)))
    assert "right = left + 1/2" in off.why
    assert "right = 2 times left" in check(KL(n, n0), "=", 2 * closed).why
    assert "right = -1 times left" in check(KL(n, n0), "=", -closed).why
    assert "right = left + 1/2 log(2 pi)" in check(E(n, log(n0)), "=", -(mu**2 + sigma**2) / lift(2)).why
    assert "constant" not in check(KL(n, n0), "=", closed + mu**2).why


def test_the_other_direction_is_hinted():
    assert "Jensen's inequality gives >= here" in check(log(E(q_x, w)), "<=", E(q_x, log(w)), "Jensen's inequality").why
    assert "Jensen's inequality gives >= here" in check(log(E(q_x, w)), "=", E(q_x, log(w)), "Jensen's inequality").why


def test_text_reads_like_a_book():
    assert text(log(integral(q_x * w, z))) == "log(∫ q(z|x) · (p(x|z) · p(z) / q(z|x)) dz)"
    assert text(E(q_x, log(p(x | z))) - KL(q_x, p(z))) == "E_q(z|x)[log(p(x|z))] - KL(q(z|x) ‖ p(z))"
    assert text(closed) == "1/2 · (mu**2 + sigma**2 - 1 - log(sigma**2))"
    assert text(p(x) - (p(z) - p(x, z))) == "p(x) - (p(z) - p(x, z))"
    assert text((p(x) + p(z)) * p(x) / (p(z) * p(x))) == "(p(x) + p(z)) · p(x) / (p(z) · p(x))"
    assert text(integral(p(z), z) * p(x)) == "(∫ p(z) dz) · p(x)"
    assert text(p(x) * (p(z) / p(x))) != text(p(x) * p(z) / p(x))


def test_latex_reads_like_a_book():
    assert tex(KL(q_x, p(z))) == r"D_{\mathrm{KL}}\left(q(z \mid x) \,\|\, p(z)\right)"
    assert tex(E(q_x, log(p(x | z)))) == r"\mathbb{E}_{q(z \mid x)}\left[\log p(x \mid z)\right]"
    assert tex(log(p(x)) * p(z)) == r"\left(\log p(x)\right) \, p(z)"
    assert tex((z - mu) ** 2) == r"\left(z - \mu\right)^{2}"
    assert tex(E(normal(z, mu, sigma**2, name="q(z|x)"), z)) == r"\mathbb{E}_{q(z \mid x)}\left[z\right]"


@pytest.mark.parametrize("make", ALL)
def test_latex_is_safe_for_mathjax(make):
    source = make()._repr_latex_()
    assert source.startswith(r"$$\begin{aligned}") and source.endswith(r"\end{aligned}$$")
    assert source.count("{") == source.count("}") and source.count(r"\left") == source.count(r"\right")
    for bad in (r"\bm", r"\textcolor", r"\newcommand", r"\operatorname", "$"):
        assert bad not in source.strip("$")


@pytest.mark.parametrize("wrong, says", [
    (lambda: check(p(x), "<", p(x)), "relation"),
    (lambda: check(p(x), "=", p(x), "magic"), "reason 'magic' is unknown"),
    (lambda: Derivation(p(x)).eq(p(x)), "a line needs a reason"),
    (lambda: Derivation(p(x)).ge(0, "algebra").le(1, "algebra"), "cannot go on"),
    (lambda: p(mu), "a density is over variables"),
    (lambda: p(x, x), "is no density"),
    (lambda: q(x, z), "only p has a joint density"),
    (lambda: KL(q_x, p(x)), "over one variable"),
    (lambda: KL(q_x, 3), "must be a density"),
    (lambda: E(log(p(x)), p(x)), "must be a density"),
    (lambda: ELBO(p(x, z), q_x), "ELBO wants"),
    (lambda: normal(z, z, 1), "may not hold z"),
    (lambda: normal(z, 0, mu), "variance must be known to be positive"),
    (lambda: mean(p(x), z), "the sample of a mean"),
    (lambda: z[1][2], "has an index already"),
    (lambda: check(q_x, "=", q(z)), "two densities"),
])
def test_bad_input_is_told_in_words(wrong, says):
    with pytest.raises(ValueError, match="(?s).*" + says.replace("(", r"\(")):
        wrong()


def test_every_reason_is_listed_and_known():
    assert len(REASONS) == 19
    for reason in REASONS:
        check(p(x), "=", p(x), reason, "algebra")
        check(p(x), "=", p(x), reason.upper(), "algebra")


def test_another_letter_is_another_density():
    r = Family("r")
    assert check(integral(r(z), z), "=", 1, "normalisation")
    assert check(r(z), "=", p(z)).status == "refused"
