"""True lines with the reasons that prove them."""

import sympy

from vae_lesson.symbolic import ELBO, KL, E, Family, H, K, exp, half, integral, k, lift, log, mean, normal, p, q, x, z

mu, log_var, a, b = sympy.symbols("mu log_var a b", real=True)
mu_1, mu_2 = sympy.symbols("mu_1 mu_2", real=True)
sigma, sigma_1, sigma_2, c = sympy.symbols("sigma sigma_1 sigma_2 c", positive=True)
r = Family("r")
q_x, qK, wk = q(z | x), q(z[1:K] | x), p(x, z[k]) / q(z[k] | x)
w = p(x | z) * p(z) / q_x
w_1, w_2 = p(x, z[1]) / q(z[1] | x), p(x, z[2]) / q(z[2] | x)
two = w_1 + w_2
elbo = integral(q_x * log(w), z)
n, n0 = normal(z, mu, sigma**2), normal(z, 0, 1)
nv = normal(z, mu, exp(log_var))
closed = half * (lift(mu**2) + sigma**2 - 1 - sympy.log(sigma**2))
log_ratio = -sympy.log(sigma) + z**2 / 2 - (z - mu) ** 2 / (2 * sigma**2)
bayes, multiply, expectation = "Bayes' rule", "multiply by one", "definition of expectation"
logs, linear, norm, free = "log of a product", "linearity", "normalisation", "does not depend on z"
marginal, jensen, positive, tangent = "marginalisation", "Jensen's inequality", "KL is not negative", "log t <= t - 1"
d_kl, d_elbo, d_h = "definition of KL", "definition of ELBO", "definition of entropy"
gauss, moments, samples, rule = "Gaussian density", "Gaussian moments", "samples of one distribution", "product rule"

TRUE = [
    # marginalisation
    (p(x), "=", integral(p(x, z), z), marginal),
    (p(z), "=", integral(p(x, z), x), marginal),
    (p(x), "=", integral(p(x | z) * p(z), z), marginal),
    (log(p(x)), "=", log(integral(p(x | z) * p(z), z)), marginal),
    (p(z), "=", integral(p(z | x) * p(x), x), marginal),
    (p(x), "=", integral(p(z | x) * p(x), z), marginal),
    (p(z), "=", E(p(x), p(z | x)), marginal),
    (p(x), "=", E(p(z), p(x | z)), marginal),
    (E(p(x, z), log(p(x))), "=", E(p(x), log(p(x))), marginal),
    (2 * p(x), "=", integral(2 * p(x, z), z), marginal),
    # Bayes and the product rule
    (p(z | x), "=", p(x | z) * p(z) / p(x), bayes),
    (p(x), "=", p(x | z) * p(z) / p(z | x), bayes),
    (p(x, z), "=", p(x | z) * p(z), rule),
    (p(x, z), "=", p(z | x) * p(x), rule),
    (log(p(z | x)), "=", log(p(x, z) / p(x)), rule),
    (integral(q_x * log(p(x)), z), "=", integral(q_x * log(p(x | z) * p(z) / p(z | x)), z), bayes),
    (log(p(x | z)), "=", log(p(z | x)) + log(p(x)) - log(p(z)), bayes, logs),
    # multiply by one
    (integral(p(x | z) * p(z), z), "=", integral(q_x * w, z), multiply),
    (log(p(x, z) / p(z | x)), "=", log((p(x, z) / q_x) * (q_x / p(z | x))), multiply),
    # definition of expectation
    (integral(q_x * w, z), "=", E(q_x, w), expectation),
    (E(q_x, log(w)), "=", elbo, expectation),
    (E(p(x, z), log(p(x | z))), "=", integral(integral(p(x, z) * log(p(x | z)), z), x), expectation),
    (E(p(x, z), log(q_x)), "=", E(p(x), E(p(z | x), log(q_x))), expectation, rule, linear),
    (E(p(z), p(x | z)), "=", E(q_x, p(z) * p(x | z) / q_x), expectation),
    # does not depend on z, normalisation
    (log(p(x)), "=", integral(q_x * log(p(x)), z), "p(x) does not depend on z"),
    (log(p(x)), "=", E(q_x, log(p(x))), free),
    (sympy.S(1), "=", integral(q_x, z), norm),
    (sympy.S(1), "=", integral(p(x | z), x), norm),
    (sympy.S(1), "=", E(p(x), 1), norm),
    (integral(p(x) * q_x, z), "=", p(x), norm),
    (E(q_x, p(x) * log(p(z))), "=", p(x) * E(q_x, log(p(z))), free),
    # logarithms and linearity
    (log(w), "=", log(p(x | z)) + log(p(z)) - log(q_x), logs),
    (log(p(z) / q_x), "=", -log(q_x / p(z)), logs),
    (log(p(x) ** 2), "=", 2 * log(p(x)), logs),
    (log(c * p(x)), "=", log(c) + log(p(x)), logs),
    (E(q_x, log(p(z)) + log(p(x | z))), "=", E(q_x, log(p(z))) + E(q_x, log(p(x | z))), linear),
    (E(q_x, 3 * log(p(z))), "=", 3 * E(q_x, log(p(z))), linear),
    (elbo, "=", integral(q_x * log(p(x | z)), z) + integral(q_x * log(p(z) / q_x), z), logs, linear),
    (E(p(x), E(q_x, log(w))), "=", E(p(x), E(q_x, log(p(x | z)))) - E(p(x), KL(q_x, p(z))), d_kl, logs, linear),
    # definitions
    (KL(q_x, p(z)), "=", E(q_x, log(q_x / p(z))), d_kl),
    (KL(q_x, p(z)), "=", integral(q_x * log(q_x / p(z)), z), d_kl),
    (KL(q_x, q_x), "=", 0, d_kl),
    (ELBO(q_x, p(x, z)), "=", E(q_x, log(p(x, z) / q_x)), d_elbo),
    (ELBO(q_x, p(x, z)), "=", elbo, d_elbo),
    (H(q_x), "=", -E(q_x, log(q_x)), d_h),
    (H(q_x), "=", -integral(q_x * log(q_x), z), d_h),
    (ELBO(q_x, p(x, z)), "=", E(q_x, log(p(x, z))) + H(q_x), d_elbo, d_h, logs, linear),
    (ELBO(q_x, p(x, z)), "=", E(q_x, log(p(x | z))) - KL(q_x, p(z)), d_elbo, d_kl, logs, linear),
    (ELBO(p(z | x), p(x, z)), "=", log(p(x)), d_elbo, logs, linear, norm),
    (KL(q_x, p(z)), "=", -H(q_x) - E(q_x, log(p(z))), d_kl, d_h, logs, linear),
    # Jensen
    (log(E(q_x, w)), ">=", E(q_x, log(w)), jensen),
    (E(q_x, log(w)), "<=", log(E(q_x, w)), jensen),
    (log(integral(p(x | z) * p(z), z)), ">=", elbo, jensen),
    (log(integral(p(x | z) * p(z), z)), ">=", E(p(z), log(p(x | z))), jensen),
    (exp(E(q_x, log(w))), "<=", E(q_x, exp(log(w))), jensen),
    (E(q_x, w) ** 2, "<=", E(q_x, w**2), jensen),
    (E(q_x, log(w)) ** 2, "<=", E(q_x, log(w) ** 2), jensen),
    (E(p(x), log(E(q_x, w))), ">=", E(p(x), E(q_x, log(w))), jensen),
    (-log(E(q_x, w)), "<=", -E(q_x, log(w)), jensen),
    (sympy.sqrt(E(p(z), p(x | z))), ">=", E(p(z), sympy.sqrt(p(x | z))), jensen),
    (E(qK, log(mean(wk, z[k]))), "<=", log(E(qK, mean(wk, z[k]))), jensen),
    (E(qK, log(mean(wk, z[k]))), ">=", E(qK, mean(log(wk), z[k])), jensen),
    (log((p(x) + p(z)) / 2), ">=", (log(p(x)) + log(p(z))) / 2, jensen),
    (log(two / 2), ">=", (log(w_1) + log(w_2)) / 2, jensen),
    (E(q(z[1] | x), E(q(z[2] | x), log(two / 2))), ">=",
     E(q(z[1] | x), E(q(z[2] | x), (log(w_1) + log(w_2)) / 2)), jensen),
    # KL is not negative, log t <= t - 1
    (elbo + KL(q_x, p(z | x)), ">=", elbo, positive),
    (log(p(x)) - KL(q_x, p(z | x)), "<=", log(p(x)), positive),
    (KL(q_x, r(z)), ">=", 0, positive),
    (E(p(x), KL(q_x, p(z))), ">=", 0, positive),
    (elbo, "<=", elbo + 3 * KL(p(z), q_x), positive),
    (E(q_x, log(q_x / p(z))), ">=", 0, positive, d_kl),
    (log(p(x)), ">=", elbo, positive, d_kl, bayes, logs, linear, norm),
    (E(q_x, log(p(z) / q_x)), "<=", E(q_x, p(z) / q_x - 1), tangent),
    (log(p(x)), "<=", p(x) - 1, tangent),
    (E(q_x, log(q_x / p(z))), ">=", E(q_x, log(q_x / p(z))) - KL(p(z), q_x), positive),
    # samples
    (E(qK, mean(wk, z[k])), "=", E(q_x, p(x, z) / q_x), samples),
    (E(qK, mean(log(wk), z[k])), "=", E(q_x, log(p(x, z) / q_x)), samples),
    (E(p(z[1:K]), mean(p(x | z[k]), z[k])), "=", E(p(z), p(x | z)), samples),
    (E(q(z[1] | x), E(q(z[2] | x), log(p(z[1])))), "=", E(q_x, log(p(z))), free),
    (E(q(z[1] | x), E(q(z[2] | x), (log(w_1) + log(w_2)) / 2)), "=", E(q_x, log(p(x, z) / q_x)), linear, free),
    # Gaussians
    (n, "=", n.pdf, gauss),
    (log(n), "=", -sympy.log(2 * sympy.pi * sigma**2) / 2 - (z - mu) ** 2 / (2 * sigma**2), gauss),
    (log(n / n0), "=", log_ratio, gauss),
    (KL(n, n0), "=", E(n, log(n / n0)), d_kl),
    (E(n, log(n / n0)), "=", E(n, log_ratio), gauss),
    (KL(n, n0), "=", integral(n.pdf * log(n.pdf / n0.pdf), z), d_kl, gauss),
    (E(n, z), "=", mu, moments),
    (E(n, z**2), "=", mu**2 + sigma**2, moments),
    (E(n, (z - mu) ** 2), "=", sigma**2, moments),
    (E(n, (z - mu) ** 4), "=", 3 * sigma**4, moments),
    (E(n, (z - mu) * mu), "=", 0, moments),
    (E(n, z**2), "=", E(n, (z - mu) ** 2 + 2 * (z - mu) * mu + mu**2), "algebra"),
    # without its 2 the middle term is wrong at each z, and yet has the same expectation, zero
    (E(n, z**2), "=", E(n, (z - mu) ** 2 + (z - mu) * mu + mu**2), moments),
    (integral(n.pdf * z**2, z), "=", mu**2 + sigma**2, moments),
    (integral(n.pdf, z), "=", 1, moments),
    (integral(n, z), "=", 1, norm),
    (E(n, log_ratio), "=", closed, moments),
    (KL(n, n0), "=", closed, d_kl, gauss, moments),
    (KL(nv, n0), "=", half * (lift(mu**2) + exp(log_var) - 1 - log_var), d_kl, gauss, moments),
    (-KL(n, n0), "=", half * (1 + sympy.log(sigma**2) - sigma**2 - mu**2), d_kl, gauss, moments),
    (KL(normal(z, mu_1, sigma_1**2), normal(z, mu_2, sigma_2**2)), "=",
     sympy.log(sigma_2 / sigma_1) + (sigma_1**2 + (mu_1 - mu_2) ** 2) / (2 * sigma_2**2) - sympy.S(1) / 2,
     d_kl, gauss, moments),
    (H(n), "=", sympy.log(2 * sympy.pi * sympy.E * sigma**2) / 2, d_h, gauss, moments),
    (closed, "=", -sympy.log(sigma) + (mu**2 + sigma**2 - 1) / 2, "algebra"),
    (integral(normal(x, a * z + b, c) * n, z), "=", normal(x, a * mu + b, c + a**2 * sigma**2), gauss, moments),
    (0.5 * p(x), "=", p(x) / 2, "algebra"),
]

WRONG_REASON = [
    (log(p(x)), "=", log(integral(p(x | z) * p(z), z)), bayes),
    (integral(q_x * w, z), "=", E(q_x, w), marginal),
    (p(z | x), "=", p(x | z) * p(z) / p(x), marginal),
    (log(w), "=", log(p(x | z)) + log(p(z)) - log(q_x), linear),
    (elbo, "=", integral(q_x * log(p(x | z)), z) + integral(q_x * log(p(z) / q_x), z), bayes),
    (log(p(x)), "=", E(q_x, log(p(x))), multiply),
    (log(E(q_x, w)), ">=", E(q_x, log(w)), positive),
    (elbo + KL(q_x, p(z | x)), ">=", elbo, jensen),
    (integral(p(x | z) * p(z), z), "=", integral(q_x * w, z), linear),
    (E(n, z**2), "=", mu**2 + sigma**2, gauss),
    (KL(n, n0), "=", closed, moments),
    (sympy.S(1), "=", integral(q_x, z), linear),
    (H(q_x), "=", -E(q_x, log(q_x)), d_kl),
    (E(q_x, log(w)), "=", elbo, free),
    (integral(n.pdf, z), "=", 1, bayes),
    (log(p(x)), ">=", elbo, jensen),
    (KL(q_x, p(z)), ">=", 0, tangent),
    (p(x) + p(z), "=", p(z) + p(x), linear),
]
