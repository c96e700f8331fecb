import { forward } from "./mlp.js";

const LOG_VAR_BOUND = 20; // as in model.py
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** q(z|x) of an image: { mu, sigma, rate }, the rate KL(q, prior) in nats. */
export function encodeImage(net, x) {
  const out = forward(net, x);
  const mu = Array.from(out.subarray(0, out.length / 2));
  const logVar = Array.from(out.subarray(out.length / 2), (raw) => LOG_VAR_BOUND * Math.tanh(raw / LOG_VAR_BOUND));
  const rate = mu.reduce((sum, m, i) => sum + 0.5 * (m * m + Math.exp(logVar[i]) - 1 - logVar[i]), 0);
  return { mu, sigma: logVar.map((value) => Math.exp(0.5 * value)), rate };
}

/** The sample mu + sigma * noise of q. */
export function sampleOf({ mu, sigma }, noise) {
  return mu.map((m, i) => m + sigma[i] * noise[i]);
}

/** The mean image of p(x|z), and -log p(x|z) in nats; `logSigma` is null for a Bernoulli likelihood. */
export function reconstruct(net, z, x, logSigma) {
  const logits = forward(net, z);
  const mean = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  let distortion = 0;
  for (let i = 0; i < x.length; i++) {
    distortion += logSigma === null
      ? Math.max(logits[i], 0) + Math.log1p(Math.exp(-Math.abs(logits[i]))) - x[i] * logits[i]
      : 0.5 * ((x[i] - mean[i]) / Math.exp(logSigma)) ** 2 + logSigma + HALF_LOG_TWO_PI;
  }
  return { mean, distortion };
}

/** So many standard normal numbers. Source: Box and Muller (1958). */
export function standardNormals(count) {
  return Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return radius * Math.cos(2 * Math.PI * Math.random());
  });
}
