import { drawAxes, freshCanvas, number, planeMap } from "./axes.js";
import { createBars, ladder } from "./bars.js";
import { drawLevel, drawName, drawPanelName } from "./curves.js";
import { createDensityPad, PANEL_MARGIN } from "./density_pad.js";
import { button, element } from "./dom.js";
import { coalesced, paced } from "./frame.js";
import { boundOf, importanceWeights, logNormal, peakOf, posteriorOf, PRIOR } from "./gaussian.js";
import { createQ, createQSliders } from "./q_state.js";
import { createReadouts } from "./readouts.js";
import { createSlider } from "./slider.js";
import { createSpoken } from "./spoken.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

/** BoundExplorer: see bound_explorer.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildBound(model, root, signal));
}

function buildBound(model, root, signal) {
  const linear = model.get("linear");
  const posterior = posteriorOf(linear);
  const q = createQ(model);
  const pad = createDensityPad({ q, name: "q(z | x)", zRange: model.get("z_range"), others: standing(posterior) });
  const views = { weights: createWeightsView, bars: createBarsView, terms: createTermsView };
  const view = views[model.get("view")](model, linear);
  const sliders = createQSliders(q);
  const buttons = element("div", { class: "vae-buttons" },
    button("Set q to the posterior", () => q.set(posterior)),
    button("Set q to the prior", () => q.set(PRIOR)));
  const spoken = createSpoken(signal);
  root.append(
    element("section", { class: "vae-stage" }, pad.element, view.below),
    element("section", { class: "vae-controls" }, ...sliders.elements, ...view.controls, buttons, ...view.after),
    spoken.element,
  );

  const redraw = coalesced(() => {
    sliders.update();
    pad.redraw();
    view.update(q.read());
    const { evidence, elbo, gap } = boundOf(linear, q.read());
    spoken.say(`log p(x) ${number(evidence, 3)}, ELBO ${number(elbo, 3)}, gap ${number(gap, 3)} nats`);
  }, signal);
  onTraits(model, ["mu", "log_var", "K"], redraw, signal);
  onLookChange(redraw, root, signal);
}

// The prior and the posterior: they stay where they are.
function standing(posterior) {
  const away = posterior.mu > 0 ? -1 : 1; // the prior's name stands where the posterior is not
  return [
    { quantity: "prior", name: "p(z)", nameAt: 2 * away, dashes: [6, 4], ...density(PRIOR) },
    { quantity: "posterior", name: "p(z | x)", nameAt: posterior.mu, ...density(posterior) },
  ];
}

function density(normal) {
  return { density: (z) => Math.exp(logNormal(z, normal)), top: peakOf(normal) };
}

// K samples of q as sticks, as high as their shares of the weight.
function createWeightsView(model, linear) {
  const save = paced(() => model.save_changes());
  const canvas = element("canvas", { role: "img" });
  const below = element("div", { class: "vae-below" }, canvas);
  const most = model.get("noise").length;
  const count = createSlider({
    name: "K",
    title: "samples of q",
    note: "samples",
    min: 1,
    max: most,
    step: 1,
    unit: "samples",
    format: (value) => String(Math.round(value)),
    onInput: (value) => {
      model.set("K", Math.round(value));
      save();
    },
  });
  const numbers = createReadouts("exact values and what the samples tell", [
    { key: "evidence", name: "log p(x), exact", quantity: "evidence" },
    { key: "elbo", name: "ELBO, exact", quantity: "elbo" },
    { key: "gap", name: "gap, exact", quantity: "gap" },
    { key: "logMean", name: "log of the mean weight" },
    { key: "effective", name: "effective sample size", unit: "" },
    { key: "largest", name: "largest share of the weight", unit: "" },
  ]);
  const update = (q) => {
    const weights = importanceWeights(linear, q, model.get("noise").slice(0, model.get("K")));
    count.set(model.get("K"));
    numbers.set({ ...boundOf(linear, q), ...weights });
    drawSticks(canvas, model.get("z_range"), weights);
  };
  return { below, controls: [count.element], after: [numbers.element], update };
}

function drawSticks(canvas, [min, max], { z, shares, largest }) {
  if (!canvas.clientWidth) return;
  canvas.setAttribute("aria-label", `${z.length} samples of q, each as high as its share of the weight`);
  const [context, theme, equal] = [freshCanvas(canvas), readTheme(canvas), 1 / z.length];
  const map = planeMap(canvas, { min, max }, { min: 0, max: 1.2 * ladder(largest, 2 * equal) }, PANEL_MARGIN);
  drawAxes(context, map, theme, { yTicks: 3 });
  drawPanelName(context, map, theme, "share of the weight");
  drawLevel(context, map, equal, theme.ink);
  const { left, top, width } = map.box;
  drawName(context, theme, "1/K", left + width - 8, map.y(equal) - 10, theme.muted, "right");
  context.strokeStyle = context.fillStyle = theme.q;
  context.lineWidth = 1.5;
  for (const [k, zk] of z.entries()) {
    if (zk < min || zk > max) continue;
    context.beginPath();
    context.moveTo(map.x(zk), map.y(0));
    context.lineTo(map.x(zk), map.y(shares[k]));
    context.stroke();
    context.beginPath();
    context.arc(map.x(zk), map.y(shares[k]), 3, 0, 2 * Math.PI);
    context.fill();
  }
  const outside = z.filter((zk) => zk < min || zk > max).length;
  if (outside) drawName(context, theme, `${outside} outside`, left + width - 8, top + 14, theme.muted, "right");
}

// log p(x) = ELBO + KL, from one end of the axis to the other.
function createBarsView(model, linear) {
  const bars = createBars({
    label: "log p(x) is the ELBO plus the KL divergence of q from the posterior, in nats",
    side: "left",
    rows: [
      { key: "evidence", name: "log p(x)", quantity: "evidence" },
      { key: "elbo", name: "ELBO", quantity: "elbo" },
      { key: "gap", name: "KL(q ‖ posterior)" },
    ],
  });
  const update = (q) => {
    const { evidence, elbo, gap } = boundOf(linear, q);
    const range = [Math.min(0, evidence) - ladder(gap, 2), Math.max(0, evidence)];
    const spans = { evidence: [0, evidence], elbo: [0, elbo], gap: [elbo, elbo + gap] };
    bars.set(spans, range, [{ at: elbo }, { at: evidence }]);
  };
  return { below: bars.element, controls: [], after: [], update };
}

// rate + distortion = -ELBO, beside -log p(x).
function createTermsView(model, linear) {
  const bars = createBars({
    label: "rate and distortion add up to minus the ELBO, which is minus log p(x) plus the gap, in nats",
    side: "right",
    rows: [
      { key: "rate", name: "rate", quantity: "rate" },
      { key: "distortion", name: "distortion", quantity: "distortion" },
      { key: "loss", name: "−ELBO", quantity: "elbo" },
      { key: "gap", name: "gap" },
      { key: "surprise", name: "−log p(x)", quantity: "evidence" },
    ],
  });
  const update = (q) => {
    const { evidence, gap, rate, distortion } = boundOf(linear, q);
    const loss = rate + distortion;
    const lowest = Math.min(0, -evidence, loss);
    const range = [lowest && -ladder(-lowest, 1), ladder(Math.max(loss, rate, -evidence + 2), 1)];
    bars.set({
      rate: [0, rate],
      distortion: [rate, loss],
      loss: [0, loss],
      gap: [-evidence, -evidence + gap],
      surprise: [0, -evidence],
    }, range, [{ at: -evidence }, { at: loss }]);
  };
  return { below: bars.element, controls: [], after: [], update };
}
