import { drawAxes, freshCanvas, number, planeMap } from "./axes.js";
import { createBars, ladder } from "./bars.js";
import { drawCurve, drawName, drawPanelName, fillCurve, hatch, inkOf, insideFrame } from "./curves.js";
import { createDensityPad, PANEL_MARGIN } from "./density_pad.js";
import { forwardKl, klAreas, klIntegrand, klTerms, logMixture, reverseKl } from "./divergence.js";
import { button, element } from "./dom.js";
import { coalesced } from "./frame.js";
import { gaussianKl, logNormal, peakOf, PRIOR } from "./gaussian.js";
import { createQ, createQSliders } from "./q_state.js";
import { createReadouts } from "./readouts.js";
import { createSpoken } from "./spoken.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

/** KLExplorer: see kl_explorer.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildKl(model, root, signal));
}

function buildKl(model, root, signal) {
  const q = createQ(model);
  const view = (model.get("view") === "prior" ? createPriorView : createBimodalView)(model, q);
  const pad = createDensityPad({ q, name: "q(z)", zRange: model.get("z_range"), others: [view.other] });
  const sliders = createQSliders(q);
  const spoken = createSpoken(signal);
  root.append(
    element("section", { class: "vae-stage" }, pad.element, ...view.below),
    element("section", { class: "vae-controls" }, ...sliders.elements, ...view.controls),
    spoken.element,
  );

  const redraw = coalesced(() => {
    sliders.update();
    pad.redraw();
    spoken.say(view.update(q.read()));
  }, signal);
  onTraits(model, ["mu", "log_var"], redraw, signal);
  onLookChange(redraw, root, signal);
}

// KL(q, p) as the area under q log(q/p), and as the sum of four terms.
function createPriorView(model, q) {
  const canvas = element("canvas", { role: "img" });
  const bars = createBars({
    label: "the terms of KL(q, p), each from where the one before it ends, in nats",
    side: "right",
    rows: [
      { key: "mean", name: "μ²/2", quantity: "rate", part: true },
      { key: "variance", name: "σ²/2", quantity: "rate", part: true },
      { key: "constant", name: "−1/2", quantity: "rate", part: true },
      { key: "logSigma", name: "−log σ", quantity: "rate", part: true },
      { key: "closed", name: "KL(q ‖ p)", quantity: "rate" },
    ],
  });
  const numbers = createReadouts("KL(q, p) in two ways", [
    { key: "area", name: "area, by quadrature", quantity: "rate" },
    { key: "closed", name: "closed form", quantity: "rate" },
  ]);
  const update = (now) => {
    const areas = klAreas(now);
    numbers.set({ ...areas, closed: gaussianKl(now, PRIOR) }, 6);
    drawIntegrand(canvas, model.get("z_range"), now, areas);
    showTerms(bars, klTerms(now));
    return `KL(q, p) ${number(gaussianKl(now, PRIOR), 3)} nats`;
  };
  const other = { quantity: "prior", name: "p(z)", nameAt: -2, dashes: [6, 4], top: peakOf(PRIOR),
    density: (z) => Math.exp(logNormal(z, PRIOR)) };
  const toPrior = element("div", { class: "vae-buttons" }, button("Set q to the prior", () => q.set(PRIOR)));
  return { other, below: [element("div", { class: "vae-below" }, canvas), bars.element],
    controls: [toPrior, numbers.element], update };
}

function showTerms(bars, terms) {
  const spans = {};
  let end = 0;
  for (const [key, term] of Object.entries(terms)) {
    spans[key] = [end, end + term];
    end += term;
  }
  spans.closed = [0, end];
  const ends = Object.values(spans).flat();
  const [low, high] = [Math.min(0, ...ends), Math.max(...ends)];
  bars.set(spans, [low && -ladder(-low, 0.5), ladder(high, 1)], [{ at: end }]);
}

function drawIntegrand(canvas, [min, max], q, { positive, negative }) {
  if (!canvas.clientWidth) return;
  canvas.setAttribute("aria-label", `q log(q/p) over z: an area of ${number(positive, 2)} above zero and of `
    + `${number(-negative, 2)} below`);
  const [context, theme] = [freshCanvas(canvas), readTheme(canvas)];
  const f = (z) => klIntegrand(q, z);
  const values = Array.from({ length: 400 }, (_, i) => f(min + ((max - min) * i) / 399));
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const y = { min: -1.25 * ladder(-lowest, 0.125), max: 1.25 * ladder(highest, 0.125) };
  const map = planeMap(canvas, { min, max }, y, PANEL_MARGIN);
  drawAxes(context, map, theme, { yTicks: 4 });
  drawPanelName(context, map, theme, "q log(q/p), nats per unit of z");
  insideFrame(context, map, () => {
    fillCurve(context, map, (z) => Math.max(0, f(z)), theme.rate, 0.55);
    fillCurve(context, map, (z) => Math.min(0, f(z)), hatch(context, theme.rate));
    drawCurve(context, map, f, { colour: inkOf(theme, "rate"), width: 1.5 });
    drawCurve(context, map, () => 0, { colour: theme.ink, width: 1 });
  });
  const { left, width, top, height } = map.box;
  const tell = (text, line) => drawName(context, theme, text, left + width - 10, line, inkOf(theme, "rate"), "right");
  tell(`above zero +${number(positive, 2)}`, top + 16);
  tell(`below zero ${number(negative, 2)}`, top + height - 14);
}

// Forward and reverse KL to a target with two modes, each beside the least that it can be.
function createBimodalView(model, q) {
  const parts = model.get("target");
  const places = Object.entries(model.get("minima"));
  const minima = Object.fromEntries(places.map(([name, [mu, logVar]]) => [name, { mu, logVar }]));
  const least = { forward: forwardKl(parts, minima.forward), reverse: reverseKl(parts, minima.reverse) };
  const bars = createBars({
    label: "the two divergences, in nats; dotted lines mark the least that each can be",
    side: "right",
    rows: [
      { key: "forward", name: "forward KL(p ‖ q)", quantity: "posterior" },
      { key: "reverse", name: "reverse KL(q ‖ p)", quantity: "q" },
    ],
  });
  const numbers = createReadouts("the least that each divergence can be", [
    { key: "leastForward", name: "least KL(p ‖ q)", quantity: "posterior" },
    { key: "leastReverse", name: "least KL(q ‖ p)", quantity: "q" },
  ]);
  numbers.set({ leastForward: least.forward, leastReverse: least.reverse });
  const update = (now) => {
    const [forward, reverse] = [forwardKl(parts, now), reverseKl(parts, now)];
    bars.set({ forward: [0, forward], reverse: [0, reverse] }, [0, ladder(Math.max(forward, reverse), 2)],
      [least.forward, least.reverse].map((at, row) => ({ at, row })));
    return `forward KL ${number(forward, 3)}, reverse KL ${number(reverse, 3)} nats`;
  };
  const density = (z) => Math.exp(logMixture(parts, z));
  const modes = parts.map(([, mu]) => mu);
  const top = Math.max(...modes.map(density));
  const other = { quantity: "posterior", name: "p(z)", nameAt: modes[0], density, top };
  const buttons = element("div", { class: "vae-buttons" },
    button("Least forward KL", () => q.set(minima.forward)),
    button("Least reverse KL", () => q.set(minima.reverse)),
    button("Reverse KL: the other mode", () => q.set(minima.other)));
  return { other, below: [bars.element], controls: [buttons, numbers.element], update };
}
