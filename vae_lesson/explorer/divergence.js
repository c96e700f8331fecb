import { LOG_2PI, logNormal, PRIOR } from "./gaussian.js";

// The trapezoid rule converges geometrically on a bell: with so many nodes only rounding is left.
const NODES = 2001;
const REACH = 10; // standard deviations

/** The integral of f from low to high by the trapezoid rule. */
function integral(f, low, high) {
  const step = (high - low) / (NODES - 1);
  let total = (f(low) + f(high)) / 2;
  for (let i = 1; i < NODES - 1; i++) total += f(low + i * step);
  return total * step;
}

/** q log(q/p) at z for p = N(0, 1): its integral is KL(q, p). */
export function klIntegrand(q, z) {
  const logQ = logNormal(z, q);
  return Math.exp(logQ) * (logQ - logNormal(z, PRIOR));
}

/** The integral of klIntegrand, and its parts above and below zero. */
export function klAreas(q) {
  const sigma = Math.exp(q.logVar / 2);
  const over = (f) => integral(f, q.mu - REACH * sigma, q.mu + REACH * sigma);
  const area = over((z) => klIntegrand(q, z));
  const positive = over((z) => Math.max(0, klIntegrand(q, z)));
  return { area, positive, negative: area - positive };
}

/** The four terms whose sum is KL(q, N(0, 1)). */
export function klTerms({ mu, logVar }) {
  return { mean: mu ** 2 / 2, variance: Math.exp(logVar) / 2, constant: -0.5, logSigma: -logVar / 2 };
}

/** log p(z) of a mixture; parts are [share, mu, logVar]. */
export function logMixture(parts, z) {
  const terms = parts.map(([share, mu, logVar]) => Math.log(share) + logNormal(z, { mu, logVar }));
  const top = Math.max(...terms);
  return top + Math.log(terms.reduce((total, term) => total + Math.exp(term - top), 0));
}

/** KL(p, q) of a mixture p and a normal q. */
export function forwardKl(parts, q) {
  const ends = (sign) => parts.map(([, mu, logVar]) => mu + sign * REACH * Math.exp(logVar / 2));
  const integrand = (z) => {
    const logP = logMixture(parts, z);
    return Math.exp(logP) * (logP - logNormal(z, q));
  };
  return integral(integrand, Math.min(...ends(-1)), Math.max(...ends(1)));
}

/** KL(q, p) of a normal q and a mixture p, with z = mu + sigma e. */
export function reverseKl(parts, { mu, logVar }) {
  const sigma = Math.exp(logVar / 2);
  const integrand = (e) => Math.exp(logNormal(e, PRIOR)) * (-0.5 * e * e - logMixture(parts, mu + sigma * e));
  return integral(integrand, -REACH, REACH) - 0.5 * (LOG_2PI + logVar);
}
