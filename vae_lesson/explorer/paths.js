const PARALLEL = 1e-4; // as in interpolation.py

/** The point at t in [0, 1] on the straight line from a to b. */
export function straight(a, b, t) {
  return a.map((value, i) => (1 - t) * value + t * b[i]);
}

/**
 * The point at t on the arc from a to b: the direction turns at an even pace, the length goes evenly. Undefined if the
 * directions are opposite or an end is the origin.
 */
export function spherical(a, b, t) {
  const lengths = [lengthOf(a), lengthOf(b)];
  if (!lengths[0] || !lengths[1]) return undefined;
  const [u, v] = [a.map((value) => value / lengths[0]), b.map((value) => value / lengths[1])];
  const angle = Math.acos(Math.min(1, Math.max(-1, u.reduce((sum, value, i) => sum + value * v[i], 0))));
  if (Math.sin(angle) < PARALLEL) return angle < 1 ? straight(a, b, t) : undefined;
  const [p, q] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  const length = (1 - t) * lengths[0] + t * lengths[1];
  return u.map((value, i) => length * (p * value + q * v[i]));
}

/** The length of a vector. */
export function lengthOf(z) {
  return Math.hypot(...z);
}
