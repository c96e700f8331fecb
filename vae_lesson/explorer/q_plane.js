import { clipTo, number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { element } from "./dom.js";
import { drawLatentPlane, latentName, nearestImage, planeGroups } from "./latent_plane.js";
import { drawLens, drawSample } from "./lens.js";
import { createPlaneView } from "./plane_view.js";
import { drawQ } from "./scatter.js";

/**
 * The plane with one q over the data's posterior means; it grows when q lies farther out. Returns { element,
 * show(q, z), redraw() }.
 */
export function createQPlane(model) {
  const [axes, latentDim] = [model.get("axes"), model.get("latent_dim")];
  const [means, classes] = [floats(model.get("means")), bytes(model.get("classes"))];
  const groups = planeGroups(means, latentDim, axes, classes, model.get("colours"));
  let mean = [0, 0];
  let spread = [1, 1];
  let sample = [0, 0];
  let reach = model.get("reach");
  const told = (point) => point.map((value) => number(value, 2)).join(", ");
  const range = (axis) => ({ min: -reach, max: reach, name: latentName(axis) });
  const view = createPlaneView({
    attributes: { class: "vae-pad vae-still", role: "img" },
    label: () => `Plane of ${axes.map((axis) => `z${axis + 1}`).join(" and ")}; the mean of q is at ${told(mean)}, `
      + `the sample at ${told(sample)}`,
    ranges: () => ({ x: range(axes[0]), y: range(axes[1]) }),
    paintBack: (context, map, theme) => drawLatentPlane(context, map, theme, groups, []),
    paintFront: (context, map, theme) => {
      clipTo(context, map);
      drawQ(context, map, mean, spread, theme);
      drawSample(context, map, sample, theme, 3);
      drawLens(context, map, mean, spread, sample, theme);
      context.restore();
    },
  });
  const near = element("p", { class: "vae-note" });

  function show(q, z) {
    [mean, spread, sample] = [q.mu, q.sigma, z].map((values) => axes.map((axis) => values[axis]));
    const farthest = Math.max(...mean.map((value, i) => Math.abs(value) + 2 * spread[i]));
    const needed = Math.max(model.get("reach"), Math.ceil(farthest));
    const image = classes.length ? nearestImage(means, latentDim, axes, mean) : undefined;
    near.textContent = image === undefined ? "" : `nearest posterior mean: an image of class ${classes[image]}`;
    if (needed === reach) return view.redrawFront();
    reach = needed;
    return view.redraw();
  }

  return { element: element("figure", { class: "vae-plane" }, view.element, near), show, redraw: view.redraw };
}
