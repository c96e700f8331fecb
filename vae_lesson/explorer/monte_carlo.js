import { LOG_2PI } from "./gaussian.js";

/**
 * The mathematics of MonteCarloExplorer, apart from any page; all is in nats.
 *
 * A `place` is x as one of the models sees it: { data_dim, sigma, rest, spectrum }. `rest` is the squared distance of
 * x - b from the span of W; `spectrum` has, for each direction in it, [variance of W z, squared length of x - b].
 */

/** log p(x) and KL(posterior, prior) for noise of standard deviation sigma, in closed form. */
export function exactNumbers({ data_dim: pixels, rest, spectrum }, sigma) {
  const noise = sigma ** 2;
  let evidence = pixels * LOG_2PI + (pixels - spectrum.length) * Math.log(noise) + rest / noise;
  let kl = 0;
  for (const [variance, squared] of spectrum) {
    const spread = variance + noise;
    evidence += Math.log(spread) + squared / spread;
    kl += noise / spread - 1 - Math.log(noise / spread) + (variance * squared) / spread ** 2;
  }
  return { evidence: -evidence / 2, kl: kl / 2 };
}

/** What log p(x|z) is where W z + b comes as near to x as it can. */
function logNearest({ data_dim: pixels, rest }, sigma) {
  return -0.5 * (pixels * (LOG_2PI + 2 * Math.log(sigma)) + rest / sigma ** 2);
}

/** The log of the mean weight of the first n samples, for each n of `counts` (rising); `offs` is one run. */
export function runningEstimate(place, offs, sigma, counts) {
  const scale = 1 / (2 * sigma ** 2);
  const nearest = logNearest(place, sigma);
  let [least, total, i] = [Infinity, 0, 0]; // weights are kept as multiples of the largest so far
  return counts.map((n) => {
    for (; i < n; i++) {
      const off = offs[i];
      if (off < least) {
        total = total * Math.exp((off - least) * scale) + 1;
        least = off;
      } else total += Math.exp((least - off) * scale);
    }
    return nearest - least * scale + Math.log(total / n);
  });
}

/** What the first n samples of a run tell: the estimate and how far to trust it; and the few heaviest, with shares. */
export function summaryOf(place, offs, sigma, n, few) {
  const scale = 1 / (2 * sigma ** 2);
  const heaviest = nearestOf(offs, n, few);
  const least = offs[heaviest[0]];
  let [total, squares] = [0, 0];
  for (let i = 0; i < n; i++) {
    const weight = Math.exp((least - offs[i]) * scale);
    total += weight;
    squares += weight * weight;
  }
  const effective = total ** 2 / squares;
  return {
    estimate: logNearest(place, sigma) - least * scale + Math.log(total / n),
    error: n > 1 ? Math.sqrt(Math.max(0, n / effective - 1) / (n - 1)) : NaN,
    effective,
    largest: 1 / total,
    heaviest,
    shares: heaviest.map((i) => Math.exp((least - offs[i]) * scale) / total),
  };
}

// Indices of the least few of the first n, in order.
function nearestOf(offs, n, few) {
  const best = [];
  for (let i = 0; i < n; i++) {
    if (best.length === few && offs[i] >= offs[best[few - 1]]) continue;
    let at = best.length;
    while (at > 0 && offs[best[at - 1]] > offs[i]) at--;
    best.splice(at, 0, i);
    if (best.length > few) best.pop();
  }
  return best;
}

/** Whole numbers from 1 to most, `steps` of them at most, evenly on a log scale. */
export function logCounts(most, steps) {
  const all = Array.from({ length: steps }, (_, i) => Math.round(most ** (i / (steps - 1))));
  return [...new Set(all)];
}

/** A count as text: 17,800, or 4.1 · 10⁸ from a million on. */
export function countText(value) {
  if (value < 1e6) return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US");
  const [digits, power] = value.toExponential(1).split("e+");
  return `${digits} · 10${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}
