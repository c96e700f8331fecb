import { drawAxes, freshCanvas, planeMap } from "./axes.js";
import { drawLevel, hatch } from "./curves.js";

export const ACTIVE = 0.01; // a latent with more variance of its posterior mean is active: Burda et al. (2016), 5.2
const ACTIVITY_MARGIN = { left: 42, right: 8, top: 8, bottom: 8 };
const LEAST_POWER = -5; // of ten, where the axis begins

/** A bar for each latent on a log axis, the most active first; those below the threshold are hatched. */
export function drawActivity(canvas, activity, most, theme) {
  if (!canvas.clientWidth) return; // not on the page yet
  const context = freshCanvas(canvas);
  const highest = Math.log10(most);
  const y = { min: LEAST_POWER, max: highest + 0.2, ticks: powers(LEAST_POWER + 1, Math.floor(highest)) };
  const map = planeMap(canvas, { min: 0, max: activity.length, ticks: [] }, y, ACTIVITY_MARGIN);
  drawAxes(context, map, theme);
  const falling = [...activity].sort((a, b) => b - a);
  const dead = hatch(context, theme.muted);
  falling.forEach((value, i) => {
    const top = map.y(Math.max(LEAST_POWER + 0.1, Math.log10(value)));
    const width = Math.min(24, 0.7 * map.xScale);
    const box = [map.x(i + 0.5) - width / 2, top, width, map.y(LEAST_POWER) - top];
    context.fillStyle = value > ACTIVE ? theme.q : dead;
    context.fillRect(...box);
    context.strokeStyle = theme.muted;
    if (value <= ACTIVE) context.strokeRect(...box);
  });
  drawLevel(context, map, Math.log10(ACTIVE), theme.ink);
}

// Ticks at every second power of ten.
function powers(from, to) {
  const values = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((value) => value % 2 === 0);
  return values.map((value) => ({ value, text: { "-4": "10⁻⁴", "-2": "0.01", 0: "1", 2: "100" }[value] ?? "" }));
}
