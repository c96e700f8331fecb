import { drawAxes, freshCanvas, planeMap, strokeLine } from "./axes.js";
import { drawName, inkOf, insideFrame } from "./curves.js";
import { element } from "./dom.js";
import { countText, logCounts, runningEstimate } from "./monte_carlo.js";
import { readTheme } from "./theme.js";

const ESTIMATES_MARGIN = { left: 42, right: 22, top: 8, bottom: 24 };
const STEPS = 500; // points of a line
const SETTLED = 10; // samples after which a line decides on the axis
const LEAST = 4; // nats that the axis shows at least

/**
 * Running estimates of log p(x) against n on a log axis, under the exact value; mouse and touch pick n.
 * Returns { element, drawBack(place, sigma, exact, rule), drawFront(n, estimate) }.
 */
export function createEstimateChart({ most, onPick }) {
  const counts = logCounts(most, STEPS);
  const x = { min: 0, max: Math.log10(most), name: "n", ticks: decades(most) };
  const back = element("canvas", { role: "img" });
  const front = element("canvas", { "aria-hidden": "true" });
  const chart = element("div", { class: "vae-estimates" }, back, front);
  const told = "the log of the estimate, in nats, as the samples come in";
  const caption = element("figcaption", { class: "vae-note" }, told);
  let y = { min: 0, max: 1 };
  const map = () => planeMap(back, x, y, ESTIMATES_MARGIN);

  const follow = (event) => {
    const [log] = map().fromPixel(event.clientX - back.getBoundingClientRect().left, 0);
    onPick(10 ** log);
  };
  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // keeps the notebook from starting a selection
    chart.setPointerCapture(event.pointerId);
    follow(event);
  });
  chart.addEventListener("pointermove", (event) => {
    if (chart.hasPointerCapture(event.pointerId)) follow(event);
  });

  function drawBack(place, sigma, { evidence, kl }, rule) {
    if (!back.clientWidth) return; // not on the page yet
    const lines = place.runs.map((offs) => runningEstimate(place, offs, sigma, counts));
    y = rangeOf(lines, evidence, counts);
    const [context, theme] = [freshCanvas(back), readTheme(chart)];
    drawAxes(context, map(), theme, { grid: true, yTicks: 5 });
    insideFrame(context, map(), () => {
      const [first, ...others] = lines;
      for (const line of others) drawEstimate(context, map(), counts, line, theme.prior, 1, 0.6);
      drawEstimate(context, map(), counts, first, theme.prior, 2.5, 1);
      context.strokeStyle = theme.evidence;
      context.lineWidth = 2;
      strokeLine(context, map().x(0), map().y(evidence), map().x(x.max), map().y(evidence));
    });
    drawName(context, theme, "log p(x), exact", map().x(0) + 8, map().y(evidence) - 12, theme.evidence);
    if (rule) drawRule(context, map(), theme, kl);
    back.setAttribute("aria-label", `Running estimates of log p(x) from ${place.runs.length} runs with `
      + `${place.dimension} latents, and the exact value ${evidence.toFixed(1)} nats.`);
  }

  function drawFront(n, estimate) {
    if (!front.clientWidth) return;
    const [context, theme] = [freshCanvas(front), readTheme(chart)];
    const { top, height } = map().box;
    const px = map().x(Math.log10(n));
    context.strokeStyle = context.fillStyle = theme.ink;
    context.globalAlpha = 0.5;
    strokeLine(context, px, top, px, top + height);
    context.globalAlpha = 1;
    const py = Math.min(top + height, map().y(estimate));
    context.beginPath();
    context.arc(px, py, 6, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = theme.paper;
    context.stroke();
  }

  return { element: element("figure", {}, caption, chart), drawBack, drawFront };
}

/** A range that holds the exact value and all lines from their tenth sample on; it does not depend on n. */
export function rangeOf(lines, evidence, counts) {
  const from = counts.findIndex((n) => n >= SETTLED);
  const low = Math.min(evidence, ...lines.map((line) => line[from])); // a line only falls slowly: its log mean
  const high = Math.max(evidence, ...lines.flatMap((line) => line.slice(from)));
  const span = Math.max(LEAST, high - low);
  return { min: high - 1.05 * span, max: high + 0.14 * span };
}

function decades(most) {
  const texts = Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, i) => i);
  return texts.map((value) => ({ value, text: (10 ** value).toLocaleString("en-US") }));
}

function drawEstimate(context, map, counts, line, colour, width, alpha) {
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.globalAlpha = alpha;
  context.lineJoin = "round";
  context.beginPath();
  for (const [i, value] of line.entries()) {
    const px = map.x(Math.log10(counts[i]));
    if (i) context.lineTo(px, map.y(line[i - 1])); // it stays until the next sample comes in
    context.lineTo(px, map.y(value));
  }
  context.stroke();
  context.restore();
}

// The samples that the rule asks for; an arrow at the edge if they are more than the axis holds.
function drawRule(context, map, theme, kl) {
  const { left, top, width, height } = map.box;
  const log = kl / Math.LN10;
  const beyond = log > map.axes.x.max;
  const px = beyond ? left + width : map.x(log);
  context.save();
  context.strokeStyle = theme.posterior;
  context.lineWidth = 2;
  context.setLineDash([6, 4]);
  if (!beyond) strokeLine(context, px, top, px, top + height);
  context.restore();
  const text = beyond ? `e^KL = ${countText(Math.exp(kl))} →` : `n = e^KL = ${countText(Math.exp(kl))}`;
  const [shift, align] = beyond || px > left + width / 2 ? [-8, "right"] : [8, "left"];
  drawName(context, theme, text, px + shift, top + height - 34, inkOf(theme, "posterior"), align);
}
