import { clipTo, number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { element } from "./dom.js";
import { drawSample } from "./lens.js";
import { drawLatentPlane, latentName, planeGroups } from "./latent_plane.js";
import { createPlaneView } from "./plane_view.js";

const POINTS = 100;

/**
 * The plane with a path for each way from the start's code to the end's, and the point at t. `at(t, way)` gives a point
 * of a path. Returns { element, moved(), redraw() }.
 */
export function createPathPlane(model, ways, at) {
  const [axes, reach] = [model.get("axes"), model.get("reach")];
  const [means, classes] = [floats(model.get("means")), bytes(model.get("classes"))];
  const groups = planeGroups(means, model.get("latent_dim"), axes, classes, model.get("colours"));
  const inPlane = (z) => axes.map((axis) => z[axis]);
  const here = () => inPlane(at(model.get("t"), model.get("way")));
  const range = (axis) => ({ min: -reach, max: reach, name: latentName(axis) });
  const view = createPlaneView({
    attributes: { class: "vae-pad vae-still", role: "img" },
    label: () => `Plane of ${axes.map((axis) => `z${axis + 1}`).join(" and ")} with the ${model.get("way")} path; `
      + `the point is at ${here().map((value) => number(value, 2)).join(", ")}`,
    ranges: () => ({ x: range(axes[0]), y: range(axes[1]) }),
    paintBack: (context, map, theme) => drawLatentPlane(context, map, theme, groups, []),
    paintFront: (context, map, theme) => {
      clipTo(context, map);
      for (const way of ways) {
        const points = Array.from({ length: POINTS + 1 }, (_, i) => inPlane(at(i / POINTS, way)));
        drawPath(context, map, points, theme, way === model.get("way"));
      }
      drawEnd(context, map, "start", inPlane(at(0, ways[0])), theme);
      drawEnd(context, map, "end", inPlane(at(1, ways[0])), theme);
      drawSample(context, map, here(), theme, 6);
      context.restore();
    },
  });

  function drawEnd(context, map, name, [x, y], theme) {
    Object.assign(context, {
      font: `600 12px ${theme.font}`, textAlign: "center", fillStyle: theme.ink, strokeStyle: theme.paper, lineWidth: 4,
    });
    const [px, py] = [map.x(x), map.y(y) - 10];
    context.strokeText(name, px, py);
    context.fillText(name, px, py);
  }

  const figure = element("figure", { class: "vae-plane" }, view.element);
  return { element: figure, moved: view.redrawFront, redraw: view.redraw };
}

/** A path through points [x, y]: a strong line if it is the chosen one, else a dashed one. */
export function drawPath(context, map, points, theme, chosen) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(map.x(x), map.y(y));
  context.setLineDash(chosen ? [] : [4, 4]);
  for (const [width, colour] of [[chosen ? 5 : 3, theme.paper], [chosen ? 2.5 : 1.25, theme.ink]]) {
    Object.assign(context, { lineWidth: width, strokeStyle: colour });
    context.stroke();
  }
  context.setLineDash([]);
}
