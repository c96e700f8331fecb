import { drawAxes, freshCanvas, niceTicks, number, planeMap, strokeLine } from "./axes.js";
import { drawName, inkOf, insideFrame } from "./curves.js";
import { element } from "./dom.js";

const RATE_MARGIN = { left: 42, right: 10, top: 8, bottom: 24 };
const AIR = 0.12; // of the width or height, around the dots

/**
 * Runs { name, rate, distortion } as dots in the plane of rate and distortion, over lines of equal ELBO; mouse and
 * touch pick the nearest. Returns { element, draw(index, theme) }.
 */
export function createRatePlane({ runs, curve, onPick }) {
  const canvas = element("canvas", { class: "vae-rate-plane", role: "img" });
  const told = "distortion against rate, nats an image; green lines: equal ELBO";
  const note = element("figcaption", { class: "vae-note" }, told);
  const x = { ...airyRange(runs.map(({ rate }) => rate)), name: "rate" };
  const y = { ...airyRange(runs.map(({ distortion }) => distortion)), name: "distortion" };
  const map = () => planeMap(canvas, x, y, RATE_MARGIN);

  const follow = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    onPick(nearestRun(runs, map(), event.clientX - left, event.clientY - top));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // keeps the notebook from starting a selection
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });

  function draw(index, theme) {
    if (!canvas.clientWidth) return; // not on the page yet
    const context = freshCanvas(canvas);
    const { name, rate, distortion } = runs[index];
    canvas.setAttribute("aria-label", `${runs.length} runs in the plane of rate and distortion; ${name} at rate `
      + `${number(rate, 1)} and distortion ${number(distortion, 1)} nats.`);
    drawAxes(context, map(), theme);
    insideFrame(context, map(), () => drawElboLines(context, map(), theme));
    if (curve) drawPath(context, map(), runs, theme);
    for (const run of runs) drawRun(context, map(), run, theme.muted, 4, theme);
    drawPresent(context, map(), runs[index], theme);
  }

  return { element: element("figure", {}, note, canvas), draw };
}

/** A range around values, with air at both ends. */
export function airyRange(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = AIR * Math.max(high - low, 1);
  return { min: low - air, max: high + air };
}

/** The index of the run nearest to a pixel. */
export function nearestRun(runs, map, px, py) {
  const far = runs.map(({ rate, distortion }) => Math.hypot(map.x(rate) - px, map.y(distortion) - py));
  return far.indexOf(Math.min(...far));
}

// rate + distortion = -ELBO.
function drawElboLines(context, map, theme) {
  const { x, y } = map.axes;
  context.save();
  context.lineWidth = 1;
  context.strokeStyle = theme.elbo;
  context.fillStyle = inkOf(theme, "elbo");
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  for (const { value: loss, text } of niceTicks(x.min + y.min, x.max + y.max, 7)) {
    context.globalAlpha = 0.35;
    context.beginPath();
    context.moveTo(map.x(x.min), map.y(loss - x.min));
    context.lineTo(map.x(x.max), map.y(loss - x.max));
    context.stroke();
    context.globalAlpha = 1;
    const byBottom = loss - x.max < y.min; // where the line leaves the frame
    context.textAlign = byBottom ? "center" : "right";
    const at = byBottom ? [map.x(loss - y.min), map.y(y.min) - 10] : [map.x(x.max) - 6, map.y(loss - x.max)];
    context.fillText(number(-loss, text.split(".")[1]?.length ?? 0), ...at);
  }
  context.restore();
}

function drawPath(context, map, runs, theme) {
  context.save();
  context.strokeStyle = theme.muted;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const { rate, distortion } of runs) context.lineTo(map.x(rate), map.y(distortion));
  context.stroke();
  context.restore();
}

function drawRun(context, map, { rate, distortion }, colour, radius, theme) {
  context.beginPath();
  context.arc(map.x(rate), map.y(distortion), radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = theme.paper;
  context.stroke();
}

// The present run, with its rate along one axis and its distortion along the other.
function drawPresent(context, map, run, theme) {
  const { left, top, width, height } = map.box;
  const [px, py] = [map.x(run.rate), map.y(run.distortion)];
  context.lineWidth = 2;
  context.strokeStyle = theme.rate;
  strokeLine(context, px, py, px, top + height);
  context.strokeStyle = theme.distortion;
  strokeLine(context, px, py, left, py);
  drawRun(context, map, run, theme.ink, 7, theme);
  const onLeft = px > left + width / 2;
  drawName(context, theme, run.name, px + (onLeft ? -12 : 12), py - 14, theme.ink, onLeft ? "right" : "left");
}
