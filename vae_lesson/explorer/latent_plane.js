import { clipTo } from "./axes.js";
import { drawDots, drawPriorCircles, drawTags } from "./scatter.js";

/** The name of a latent as the page prints it: z with an index that counts from one. */
export function latentName(latent) {
  return `z${[...String(latent + 1)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}`;
}

/** Posterior means in the plane of two latents, one group { name, colour, points } for each class. */
export function planeGroups(means, latentDim, axes, classes, colours) {
  const groups = new Map(Object.entries(colours).map(([name, colour]) => [name, { name, colour, points: [] }]));
  if (!groups.size) groups.set("", { name: "", colour: undefined, points: [] });
  for (let i = 0; i * latentDim < means.length; i++) {
    const point = axes.map((axis) => means[i * latentDim + axis]);
    groups.get(classes.length ? String(classes[i]) : "").points.push(point);
  }
  return [...groups.values()].filter((group) => group.points.length);
}

/** Groups over the prior's circles; those not in `only` are left grey. An empty `only` means all. */
export function drawLatentPlane(context, map, theme, groups, only) {
  const chosen = (group) => !only.length || only.includes(group.name);
  clipTo(context, map);
  for (const group of groups.filter((g) => !chosen(g))) drawDots(context, map, group.points, theme.muted, 1.2, 0.15);
  for (const group of groups.filter(chosen)) drawDots(context, map, group.points, group.colour ?? theme.q, 1.8, 0.6);
  drawPriorCircles(context, map, theme);
  drawTags(context, map, groups.filter((group) => group.name && chosen(group)), theme);
  context.restore();
}

/** Which image's posterior mean lies nearest to a place of the plane; undefined if there are none. */
export function nearestImage(means, latentDim, axes, [x, y]) {
  let best;
  let least = Infinity;
  for (let i = 0; i * latentDim < means.length; i++) {
    const distance = Math.hypot(means[i * latentDim + axes[0]] - x, means[i * latentDim + axes[1]] - y);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
