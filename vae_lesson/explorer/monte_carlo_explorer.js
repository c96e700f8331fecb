import { number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { element } from "./dom.js";
import { createEstimateChart } from "./estimate_chart.js";
import { coalesced, paced } from "./frame.js";
import { createHeaviest } from "./heaviest.js";
import { countText, exactNumbers, summaryOf } from "./monte_carlo.js";
import { createReadouts } from "./readouts.js";
import { createSlider } from "./slider.js";
import { createSpoken } from "./spoken.js";
import { onLookChange } from "./theme.js";
import { mount, onTraits } from "./widget.js";

const FEW = 12; // samples of which the weight is shown

/** MonteCarloExplorer: see monte_carlo_explorer.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildMonteCarlo(model, root, signal));
}

function buildMonteCarlo(model, root, signal) {
  const places = readPlaces(model);
  const most = places[0].runs[0].length;
  const save = paced(() => model.save_changes());
  const change = (name, value) => {
    model.set(name, value);
    save();
  };
  const here = () => places.find(({ dimension }) => dimension === model.get("dimension"));
  const sigma = () => here().sigma * model.get("noise");
  const setN = (n) => change("n", Math.min(most, Math.max(1, Math.round(n))));

  const chart = createEstimateChart({ most, onPick: setN });
  const heaviest = createHeaviest(FEW, model.get("image_shape"), bytes(model.get("pictures")));
  const sliders = createControls({ places, most, setN, change });
  const rule = element("button", { type: "button", class: "vae-button" }, "Show the rule ", ...ePower());
  rule.addEventListener("click", () => change("rule", !model.get("rule")));
  const numbers = createReadouts("the exact value and what the samples tell", [
    { key: "evidence", name: "log p(x), exact", quantity: "evidence" },
    { key: "estimate", name: "log of the estimate", quantity: "prior" },
    { key: "error", name: "its standard error", format: errorText },
    { key: "effective", name: "effective sample size", unit: "", format: (value) => value.toFixed(1) },
    { key: "largest", name: "largest share of the weight", unit: "" },
    { key: "sigma", name: "σ of the noise", unit: "" },
  ]);
  const ruleNumbers = createReadouts("the rule", [
    { key: "kl", name: "KL(posterior ‖ prior)", quantity: "posterior" },
    { key: "needed", name: "samples that the rule asks for", unit: "", format: countText },
  ]);
  const spoken = createSpoken(signal);
  root.append(
    element("section", { class: "vae-stage" }, chart.element, heaviest.element),
    element("section", { class: "vae-controls" }, ...sliders.elements, element("div", { class: "vae-buttons" }, rule),
      numbers.element, ruleNumbers.element),
    spoken.element,
  );

  const moved = coalesced(() => {
    const [place, n] = [here(), model.get("n")];
    const summary = summaryOf(place, place.runs[0], sigma(), n, FEW);
    const exact = exactNumbers(place, sigma());
    sliders.update(n, places.indexOf(place), model.get("noise"));
    chart.drawFront(n, summary.estimate);
    heaviest.show(summary, place, n);
    numbers.set({ ...exact, ...summary, sigma: sigma() });
    spoken.say(`${n} samples in ${place.dimension} dimensions: estimate ${number(summary.estimate, 1)}, exact `
      + `${number(exact.evidence, 1)} nats, effective sample size ${summary.effective.toFixed(1)}`);
  }, signal);
  const redraw = coalesced(() => {
    const exact = exactNumbers(here(), sigma());
    const shown = model.get("rule");
    rule.setAttribute("aria-pressed", shown);
    ruleNumbers.element.hidden = !shown;
    ruleNumbers.set({ kl: exact.kl, needed: Math.exp(exact.kl) });
    chart.drawBack(here(), sigma(), exact, shown);
    moved();
  }, signal);
  onTraits(model, ["n"], moved, signal);
  onTraits(model, ["dimension", "noise", "rule"], redraw, signal);
  onLookChange(redraw, root, signal);
}

// The models as x lies under them, each with its runs of squared distances.
function readPlaces(model) {
  const [offs, runs, places] = [floats(model.get("offs")), model.get("runs"), model.get("places")];
  const most = offs.length / (runs * places.length);
  let first = 1; // of the pictures: 0 is x
  return places.map((place, i) => {
    const picture = new Map(place.shown.map((sample, k) => [sample, first + k]));
    first += place.shown.length;
    const starts = Array.from({ length: runs }, (_, run) => (i * runs + run) * most);
    return { ...place, picture, runs: starts.map((start) => offs.subarray(start, start + most)) };
  });
}

function createControls({ places, most, setN, change }) {
  const widest = Math.log10(most);
  let place = 0; // of the slider for n: finer than whole numbers, else an arrow key could not leave n = 1
  const count = createSlider({
    name: "n", title: "samples of the prior", note: "samples", min: 0, max: widest, step: 0.1, unit: "samples",
    format: (log) => Math.round(10 ** log).toLocaleString("en-US"),
    onInput: (log) => {
      place = log;
      setN(10 ** log);
    },
  });
  const dimension = createSlider({
    name: "d", title: "dimensions of z", note: "latents", min: 0, max: places.length - 1, step: 1, unit: "latents",
    format: (i) => String(places[Math.round(i)].dimension),
    onInput: (i) => change("dimension", places[Math.round(i)].dimension),
  });
  const noise = createSlider({
    name: "σ", title: "noise", note: "fitted σ", min: -1, max: 2, step: 0.1,
    unit: "times the fitted standard deviation",
    format: (log) => `×${(2 ** log).toFixed(2)}`,
    onInput: (log) => change("noise", 2 ** log),
  });
  dimension.element.hidden = places.length === 1;
  const update = (n, i, factor) => {
    if (Math.round(10 ** place) !== n) place = Math.log10(n);
    count.set(place);
    dimension.set(i);
    noise.set(Math.log2(factor));
  };
  return { elements: [count.element, dimension.element, noise.element], update };
}

// One sample has no spread, and so no standard error.
function errorText(value) {
  return Number.isFinite(value) ? number(value, 3) : "–";
}

// n = e^KL.
function ePower() {
  return [element("i", {}, "n"), " = e", element("sup", {}, "KL")];
}
