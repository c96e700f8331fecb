/** The mathematics of the Gaussian widgets, apart from any page. A normal is { mu, logVar }; all is in nats. */

export const PRIOR = { mu: 0, logVar: 0 };
export const LOG_2PI = Math.log(2 * Math.PI);

/** log N(z; mu, exp(logVar)). */
export function logNormal(z, { mu, logVar }) {
  return -0.5 * (LOG_2PI + logVar + (z - mu) ** 2 / Math.exp(logVar));
}

/** The density of a normal at its mean. */
export function peakOf({ logVar }) {
  return Math.exp(-0.5 * (LOG_2PI + logVar));
}

/** KL(q, p) of two normals. */
export function gaussianKl(q, p) {
  const ratio = q.logVar - p.logVar;
  return 0.5 * (Math.expm1(ratio) - ratio + (q.mu - p.mu) ** 2 / Math.exp(p.logVar));
}

/** The posterior of z ~ N(0, 1), x|z ~ N(W z + b, sigma^2). */
export function posteriorOf({ W, b, sigma, x }) {
  const spread = W ** 2 + sigma ** 2;
  return { mu: (W * (x - b)) / spread, logVar: Math.log(sigma ** 2 / spread) };
}

/** log p(x|z). */
function logLikelihood({ W, b, sigma, x }, z) {
  return logNormal(x, { mu: W * z + b, logVar: 2 * Math.log(sigma) });
}

/** log p(x), the ELBO of q and its terms, exact. */
export function boundOf(linear, q) {
  const { W, b, sigma, x } = linear;
  const rate = gaussianKl(q, PRIOR);
  const distortion = (W ** 2 * Math.exp(q.logVar)) / (2 * sigma ** 2) - logLikelihood(linear, q.mu);
  return {
    evidence: logNormal(x, { mu: b, logVar: Math.log(W ** 2 + sigma ** 2) }),
    elbo: -(rate + distortion),
    gap: gaussianKl(q, posteriorOf(linear)),
    rate,
    distortion,
  };
}

/** Samples z = mu + sigma e of q with their shares of the weight p(x, z) / q(z), and what the weights tell. */
export function importanceWeights(linear, q, noise) {
  const sigma = Math.exp(q.logVar / 2);
  const z = noise.map((e) => q.mu + sigma * e);
  const logWeights = z.map((zk) => logLikelihood(linear, zk) + logNormal(zk, PRIOR) - logNormal(zk, q));
  const top = Math.max(...logWeights);
  const weights = logWeights.map((w) => Math.exp(w - top));
  const total = sum(weights);
  const shares = weights.map((w) => w / total);
  return {
    z,
    shares,
    logMean: top + Math.log(total / z.length),
    effective: 1 / sum(shares.map((share) => share ** 2)),
    largest: Math.max(...shares),
  };
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
