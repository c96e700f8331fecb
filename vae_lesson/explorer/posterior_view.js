import { clipTo, drawAxes, freshCanvas, planeMap } from "./axes.js";
import { contourPieces } from "./contours.js";
import { drawName, inkOf } from "./curves.js";
import { element } from "./dom.js";
import { drawDots, drawPriorCircles, drawQ } from "./scatter.js";

const NEAR_MARGIN = { left: 42, right: 10, top: 8, bottom: 24 };
const FAR_MARGIN = { left: 2, right: 2, top: 2, bottom: 2 };

/**
 * The true posterior of one image as a heat map with two contours, and q's ellipses over it. A `place` is what
 * posterior_explorer.py's `_place` says; `density` is its table of uint8.
 * Returns { element, draw(place, density, theme) }.
 */
export function createPosteriorView() {
  const canvas = element("canvas", { class: "vae-near", role: "img" });
  const note = element("figcaption", { class: "vae-note" },
    "orange: the true posterior; blue: the encoder's q. Lines hold 39% and 86% of either.");

  function draw(place, density, theme) {
    if (!canvas.clientWidth) return; // not on the page yet
    const [x, y] = viewAxes(place);
    const context = freshCanvas(canvas);
    const map = planeMap(canvas, x, y, NEAR_MARGIN);
    clipTo(context, map);
    drawHeat(context, map, place, density, theme.posterior);
    drawContours(context, map, place, density, inkOf(theme, "posterior"));
    drawQ(context, map, place.mu, place.sigma, theme);
    context.restore();
    drawAxes(context, map, theme, { xTicks: 5, yTicks: 5 });
    const [top, right] = [map.y(place.mu[1] + 2 * place.sigma[1]), map.x(place.mu[0])];
    drawName(context, theme, "q(z | x)", right, Math.max(map.box.top + 12, top - 12), theme.q, "center");
    canvas.setAttribute("aria-label", `The true posterior as a heat map around z = (${middleOf(place)}), and q around `
      + `(${place.mu.map((value) => value.toFixed(2)).join(", ")}).`);
  }

  return { element: element("figure", { class: "vae-near-figure" }, note, canvas), draw };
}

/** Where the view lies in the plane: the prior's circles, all images' q as dots, and the view's frame. */
export function createWhereabouts(places) {
  const canvas = element("canvas", { class: "vae-far", role: "img", "aria-label": "where this lies under the prior" });
  const reach = Math.max(3.3, ...places.flatMap(({ mu }) => mu.map((value) => Math.abs(value) + 0.3)));
  const side = { min: -reach, max: reach };

  function draw(place, theme) {
    if (!canvas.clientWidth) return;
    const context = freshCanvas(canvas);
    const map = planeMap(canvas, side, side, FAR_MARGIN);
    clipTo(context, map);
    drawPriorCircles(context, map, theme);
    drawDots(context, map, places.map(({ mu }) => mu), theme.q, 2, 0.8);
    context.restore();
    const [x, y] = viewAxes(place);
    context.strokeStyle = theme.ink;
    context.lineWidth = 1.5;
    context.strokeRect(map.x(x.min), map.y(y.max), map.x(x.max) - map.x(x.min), map.y(y.min) - map.y(y.max));
  }

  return { element: canvas, draw };
}

function viewAxes({ view: [x, y, half] }) {
  return [{ min: x - half, max: x + half, name: "z₁" }, { min: y - half, max: y + half, name: "z₂" }];
}

function middleOf({ view }) {
  return view.slice(0, 2).map((value) => value.toFixed(2)).join(", ");
}

// A pixel for each value, stretched over its cell; the last row of the table is the top of the picture.
function drawHeat(context, map, { z_1, z_2 }, density, colour) {
  const points = Math.sqrt(density.length);
  const table = document.createElement("canvas");
  table.width = table.height = points;
  const pen = table.getContext("2d");
  const pixels = new ImageData(points, points);
  density.forEach((value, i) => {
    const row = points - 1 - Math.floor(i / points);
    pixels.data[4 * (row * points + (i % points)) + 3] = value;
  });
  pen.putImageData(pixels, 0, 0);
  pen.globalCompositeOperation = "source-in";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, points, points);
  const [left, right] = [map.x(z_1[0]), map.x(z_1[1])];
  const [top, bottom] = [map.y(z_2[1]), map.y(z_2[0])];
  const [cellX, cellY] = [(right - left) / (points - 1), (bottom - top) / (points - 1)];
  context.imageSmoothingQuality = "high";
  context.drawImage(table, left - cellX / 2, top - cellY / 2, right - left + cellX, bottom - top + cellY);
}

function drawContours(context, map, { z_1, z_2, levels }, density, colour) {
  const points = Math.sqrt(density.length);
  const x = (cell) => map.x(z_1[0] + (cell / (points - 1)) * (z_1[1] - z_1[0]));
  const y = (cell) => map.y(z_2[0] + (cell / (points - 1)) * (z_2[1] - z_2[0]));
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const level of levels) {
    for (const [from, to] of contourPieces(density, points, 255 * level)) {
      context.moveTo(x(from[0]), y(from[1]));
      context.lineTo(x(to[0]), y(to[1]));
    }
  }
  context.stroke();
  context.restore();
}
