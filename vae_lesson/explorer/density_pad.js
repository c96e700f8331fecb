import { drawAxes, freshCanvas, number, planeMap } from "./axes.js";
import { drawCurve, drawName, drawPanelName, fillCurve, inkOf, insideFrame } from "./curves.js";
import { element } from "./dom.js";
import { LOG_2PI, logNormal, peakOf } from "./gaussian.js";
import { Q_STEP } from "./q_state.js";
import { keyedValue } from "./slider.js";
import { readTheme } from "./theme.js";

export const PANEL_MARGIN = { left: 42, right: 8, top: 8, bottom: 24 };
const NAME_ROOM = 60; // pixels that the name of q takes beside its peak
const NEAR = 18; // pixels within which a handle at one standard deviation is taken

/**
 * Densities over z with a q that mouse, touch and keys move: its peak sideways for the mean, up and down for the
 * spread, or a handle at one standard deviation. `name` is what q is called on the page.
 *
 * `others` are the densities that stay: { quantity, name, density(z), top, nameAt, dashes }. Returns
 * { element, redraw() }.
 */
export function createDensityPad({ q, name, zRange, others }) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const pad = element("div", { class: "vae-density", role: "application", tabindex: "0" }, canvas);
  let held; // while a handle is dragged: { side, offset, ceiling }, so that the axis stays still under the hand
  const map = () => {
    const highest = Math.max(...others.map(({ top }) => top), peakOf(q.read()));
    const [min, max] = zRange;
    return planeMap(canvas, { min, max }, { min: 0, max: held?.ceiling ?? 1.25 * highest }, PANEL_MARGIN);
  };

  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // keeps the notebook from starting a selection
    pad.focus({ preventScroll: true });
    pad.setPointerCapture(event.pointerId);
    const [px, py] = placeOf(canvas, event);
    const handle = handleUnder(map(), q.read(), px, py);
    held = { side: handle.side, offset: [px - handle.x, py - handle.y], ceiling: map().axes.y.max };
  });
  pad.addEventListener("pointermove", (event) => {
    const [px, py] = placeOf(canvas, event);
    if (!held) pad.style.cursor = handleUnder(map(), q.read(), px, py).side ? "ew-resize" : "move";
    else q.set(dragged(map(), q.read(), held, px - held.offset[0], py - held.offset[1]));
  });
  pad.addEventListener("lostpointercapture", () => {
    held = undefined;
    redraw();
  });
  pad.addEventListener("keydown", (event) => {
    const { mu, logVar } = q.read();
    const sideways = ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
    const [low, high] = q.logVarRange;
    const target = sideways
      ? keyedValue(event, mu, ...q.muRange, Q_STEP)
      : keyedValue(event, -logVar, -high, -low, Q_STEP); // up raises the peak: narrower
    if (target === undefined) return;
    event.preventDefault();
    q.set(sideways ? { mu: target } : { logVar: -target });
  });

  function redraw() {
    if (!canvas.clientWidth) return; // not on the page yet
    const { mu, logVar } = q.read();
    pad.setAttribute("aria-label", `q over z: mean ${number(mu, 2)}, standard deviation `
      + `${number(Math.exp(logVar / 2), 2)}. Left and right arrows move it, up makes it narrower, down wider.`);
    paint(freshCanvas(canvas), map(), readTheme(pad), q.read(), name, others);
  }

  return { element: pad, redraw };
}

function paint(context, map, theme, q, name, others) {
  drawAxes(context, map, theme, { yTicks: 4 });
  drawPanelName(context, map, theme, "density");
  const { left, top, width, height } = map.box;
  drawName(context, theme, "z", left + width - 8, top + height - 14, theme.muted, "right");
  const density = (z) => Math.exp(logNormal(z, q));
  insideFrame(context, map, () => {
    fillCurve(context, map, density, theme.q, 0.14);
    drawCurve(context, map, density, { colour: theme.q, width: 3.5 }); // seen on both sides of a curve that it equals
    for (const { quantity, density: other, dashes } of others) {
      drawCurve(context, map, other, { colour: theme[quantity], dashes });
    }
  });
  for (const { quantity, name: otherName, density: other, nameAt } of others) {
    drawName(context, theme, otherName, map.x(nameAt), map.y(other(nameAt)) - 18, inkOf(theme, quantity), "center");
  }
  const [peak, ...sides] = handles(map, q);
  for (const { x, y } of sides) {
    if (x >= left && x <= left + width) drawKnob(context, theme, x, y, 4.5);
  }
  drawKnob(context, theme, peak.x, peak.y, 7);
  const away = q.mu >= (others.at(-1).nameAt ?? 0) ? 1 : -1; // from the other's name
  const room = away > 0 ? left + width - peak.x : peak.x - left;
  const outwards = room > NAME_ROOM ? away : -away;
  drawName(context, theme, name, peak.x + 14 * outwards, peak.y + 4, theme.q, outwards > 0 ? "left" : "right");
}

function drawKnob(context, theme, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = theme.q;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = theme.paper;
  context.stroke();
}

// The peak, and one standard deviation to either side of it.
function handles(map, q) {
  const [peak, sigma] = [peakOf(q), Math.exp(q.logVar / 2)];
  return [0, -1, 1].map((side) => ({
    side,
    x: map.x(q.mu + side * sigma),
    y: map.y(side ? peak * Math.exp(-0.5) : peak),
  }));
}

function handleUnder(map, q, px, py) {
  const [peak, ...sides] = handles(map, q);
  const distance = ({ x, y }) => Math.hypot(x - px, y - py);
  const [near] = sides.sort((a, b) => distance(a) - distance(b));
  return distance(near) < NEAR && distance(near) < distance(peak) ? near : peak;
}

function dragged(map, q, { side, ceiling }, px, py) {
  const [z, height] = map.fromPixel(px, py);
  if (side) return { logVar: 2 * Math.log(Math.max(1e-6, side * (z - q.mu))) };
  const peak = Math.min(ceiling, Math.max(1e-6, height));
  return { mu: z, logVar: -LOG_2PI - 2 * Math.log(peak) };
}

function placeOf(canvas, event) {
  const { left, top } = canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}
